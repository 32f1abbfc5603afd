package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc"

	"github.com/daysidehq/dayside/services/gateway/sip"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/cluster"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/coord/embed"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/journal"
	"github.com/daysidehq/dayside/services/internal/kept"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/internal/spool"
	"github.com/daysidehq/dayside/services/internal/telemetry"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	"github.com/daysidehq/dayside/services/routing"
)

const (
	// ballastBytes makes the garbage collector run less often: it runs when the heap has doubled, and the heap of a small
	// cluster is so small that it would run all the time. Addresses only; the pages are never touched.
	ballastBytes = 40 << 20
)

// Host is a process's services, made by New and run by Run.
type Host struct {
	cfg   Config
	clock clock.Clock
	log   *slog.Logger

	member    *embed.Server // nil where etcd is elsewhere
	etcd      *coord.Client
	telemetry *telemetry.Telemetry
	// rules are the time-zone rules in force, candidates those that this process has at hand: none without schedule.
	rules      *tzdata.Current
	candidates []tzdata.Candidate
	tls        *rpc.TLS // nil: plain text, on loopback
	door       rpc.Door
	server     *rpc.Server
	local      *rpc.InProcess
	units      []unit
	sip        *sip.Gateway // nil where it is not held here
	grpcL      net.Listener
	httpL      net.Listener
	http       *http.Server
	contacts   contacts
	unlock     func()
	// spool and journal are nil where this process makes no records, or its disk fails.
	spool   *spool.Spool
	journal *journal.Journal
	conns   map[string]grpc.ClientConnInterface
	closers []func() error
	ready   chan struct{}
	// copy of the view on disk; nil where there can be none. away: etcd did not answer when the process began; memberErr: why
	// the embedded one did not.
	copy      *kept.Copy
	away      bool
	memberErr error
	alone     chan Known
	routing   *routing.Service // nil where it is not held here
	// cluster is this process's place among the others.
	cluster *cluster.Service
	// stopping is true once it stops: /readyz says so.
	stopping atomic.Bool
	// ballast is never touched, so it takes no memory; see ballastBytes.
	ballast []byte
}

// unit is a service of the process.
type unit struct {
	name  string
	run   func(context.Context) error
	ready func() bool
}

// New opens all that the process needs, and fails with one clear line where something is in the way: a port, a directory,
// an etcd that does not answer. What it opened it closes again on failure.
func New(ctx context.Context, cfg Config) (_ *Host, err error) {
	if err := cfg.validate(); err != nil {
		return nil, oneLine(err)
	}
	h := &Host{
		cfg: cfg, clock: cfg.Clock, log: cfg.Logger, ready: make(chan struct{}), alone: make(chan Known, 1),
		conns: map[string]grpc.ClientConnInterface{}, ballast: make([]byte, ballastBytes),
	}
	if h.clock == nil {
		h.clock = clock.System{}
	}
	if h.cfg.Instance == "" {
		name, hostErr := os.Hostname()
		if hostErr != nil {
			name = "dayside"
		}
		h.cfg.Instance = fmt.Sprintf("%s-%d", name, os.Getpid())
	}
	defer func() {
		if err != nil {
			if closing := h.close(context.WithoutCancel(ctx)); closing != nil {
				cfg.Logger.Warn("closing what was opened", "error", closing.Error())
			}
			err = oneLine(err)
		}
	}()
	if err := h.open(ctx); err != nil {
		return nil, err
	}
	return h, h.assemble(ctx)
}

// oneLine says what is in the way as an operator reads it: the flag, its value, and what to do.
func oneLine(err error) error {
	var f *fault.Fault
	if !errors.As(err, &f) || len(f.Violations) == 0 {
		return err
	}
	lines := make([]string, 0, len(f.Violations))
	for _, v := range f.Violations {
		lines = append(lines, strings.TrimSpace(flag(v.Field)+" "+v.Value)+" "+v.Rule)
	}
	return fmt.Errorf("%s", strings.Join(lines, "; "))
}

// flag is the flag of `dayside serve` that sets a field.
func flag(field string) string {
	switch field {
	case "sip.listen_udp":
		return "--sip-udp"
	case "sip.listen_tcp":
		return "--sip-tcp"
	case "SERVICE":
		return field
	}
	return "--" + strings.NewReplacer("sip.trust.", "sip-", ".", "-", "_", "-").Replace(field)
}

// open takes listeners first, so that a second process fails before it touches the data of the first.
func (h *Host) open(ctx context.Context) (err error) {
	if err = h.openDoor(); err != nil {
		return err
	}
	if h.grpcL, err = rpc.Listen(ctx, "grpc-listen", h.cfg.GRPCListen, h.tls); err != nil {
		return err
	}
	if h.httpL, err = rpc.Listen(ctx, "http-listen", h.cfg.HTTPListen, h.tls); err != nil {
		return err
	}
	if err := h.openPortal(ctx); err != nil {
		return err
	}
	if err := h.openView(ctx); err != nil {
		return err
	}
	endpoints, err := h.openMember(ctx)
	if err != nil {
		return err
	}
	secured, err := h.etcdTLS()
	if err != nil {
		return err
	}
	h.etcd, err = coord.Open(ctx, coord.Config{
		Endpoints: endpoints, Prefix: h.cfg.EtcdPrefix, TLS: secured, Clock: h.clock, Logger: h.log,
	})
	if err != nil {
		return err
	}
	if err := h.reach(ctx); err != nil {
		return err
	}
	h.telemetry, err = telemetry.New(ctx, telemetry.Config{
		OTLPEndpoint: h.cfg.OTLPEndpoint, SampleRatio: h.cfg.SampleRatio, Instance: h.cfg.Instance, Version: h.cfg.Version,
		Logger: h.log,
	})
	if err != nil {
		return err
	}
	if err := h.openJournal(ctx); err != nil { //nolint:contextcheck // a spool's upkeep lives until Close
		return err
	}
	if err := h.openSelfService(); err != nil { //nolint:contextcheck // nothing is connected to
		return err
	}
	return h.openRules(ctx)
}

// openMember starts an etcd within the process, unless the cluster has its own; it answers with where etcd is.
func (h *Host) openMember(ctx context.Context) (endpoints []string, err error) {
	if len(h.cfg.EtcdEndpoints) > 0 {
		return h.cfg.EtcdEndpoints, nil
	}
	if err := probeListen(ctx, "etcd-listen", h.cfg.EtcdListen); err != nil {
		return nil, err
	}
	if err := h.lock(); err != nil {
		return nil, err
	}
	if h.member, err = h.startMember(ctx); err != nil {
		return []string{h.cfg.EtcdListen}, h.memberFailed(ctx, err)
	}
	return []string{h.member.Endpoint()}, nil
}

// watchMember tells when the embedded etcd can go on no longer. The process goes on: calls are answered with what is known.
func (h *Host) watchMember(ctx context.Context) error {
	if h.member == nil {
		return nil
	}
	select {
	case <-ctx.Done():
	case <-h.member.Failed():
		h.log.ErrorContext(ctx, "the embedded etcd has stopped; calls go on with what is known, and nothing can be changed "+
			"until this process is started again", "reason", h.member.Reason())
	}
	return nil
}

// probeListen sees whether an address is free: etcd says less clearly that it is not.
func probeListen(ctx context.Context, field, addr string) error {
	l, err := rpc.Listen(ctx, field, addr, nil)
	if err != nil {
		return err
	}
	return l.Close()
}

// Addresses are where the process serves; empty where it does not.
type Addresses struct {
	GRPC   string `json:"grpc"`
	HTTP   string `json:"http"`
	Etcd   string `json:"etcd,omitempty"`
	SIPUDP string `json:"sip_udp,omitempty"`
	SIPTCP string `json:"sip_tcp,omitempty"`
	// Portal is where browsers find it.
	Portal string `json:"portal,omitempty"`
}

// Addresses are known once New has returned.
func (h *Host) Addresses() Addresses {
	a := Addresses{GRPC: h.grpcL.Addr().String(), HTTP: h.httpL.Addr().String()}
	if h.member != nil {
		a.Etcd = h.member.Endpoint()
	}
	if h.contacts.server != nil {
		a.Portal = h.contacts.url
	}
	if h.sip != nil {
		udp, tcp := h.sip.Addrs()
		a.SIPUDP, a.SIPTCP = shown(udp), shown(tcp)
	}
	return a
}

// advertised is where other processes reach this one.
func (h *Host) advertised() string {
	if h.cfg.Advertise != "" {
		return h.cfg.Advertise
	}
	return h.grpcL.Addr().String()
}

// shown is an address, or nothing where it is not served.
func shown(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// Conn calls this process's API from within, as its own user.
func (h *Host) Conn() grpc.ClientConnInterface { return h.local }

// Ready is closed once every service can answer.
func (h *Host) Ready() <-chan struct{} { return h.ready }

// waiting names the services that cannot answer yet, and says where the process is about to stop.
func (h *Host) waiting() []string {
	names := []string{}
	if h.stopping.Load() {
		names = append(names, "stopping")
	}
	for _, u := range h.units {
		if !u.ready() {
			names = append(names, u.name)
		}
	}
	return names
}

// close releases whatever was opened, last things first.
func (h *Host) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	var errs []error
	for _, l := range []net.Listener{h.grpcL, h.httpL, h.contacts.listener} {
		if l != nil {
			_ = l.Close() // already closed where it was served
		}
	}
	for _, c := range h.closers {
		errs = append(errs, c())
	}
	if h.telemetry != nil {
		// A collector that is away loses what it would have been sent; that is no reason to fail.
		if err := h.telemetry.Close(ctx); err != nil {
			h.log.Warn("some traces were not delivered", "error", err.Error())
		}
	}
	if h.etcd != nil {
		errs = append(errs, ignoreCanceled(h.etcd.Close()))
	}
	if h.member != nil {
		h.member.Close()
	}
	if h.unlock != nil {
		h.unlock()
	}
	return errors.Join(errs...)
}
