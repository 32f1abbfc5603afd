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
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/daysidehq/dayside/services/gateway/sip"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/coord/embed"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/journal"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/internal/spool"
	"github.com/daysidehq/dayside/services/internal/telemetry"
	"github.com/daysidehq/dayside/services/internal/tzdata"
)

const (
	// stopTimeout bounds how long requests under way are waited for.
	stopTimeout = 5 * time.Second
	// ballastBytes makes the garbage collector run less often: it runs when the heap has doubled, and the heap of a small
	// cluster is so small that it would run all the time. Addresses only; the pages are never touched.
	ballastBytes = 40 << 20
	// readyPoll is how often readiness is looked at while starting.
	readyPoll = 5 * time.Millisecond
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
	unlock     func()
	// spool and journal are nil where this process makes no records, or its disk fails.
	spool   *spool.Spool
	journal *journal.Journal
	conns   map[string]grpc.ClientConnInterface
	closers []func() error
	ready   chan struct{}
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
		cfg: cfg, clock: cfg.Clock, log: cfg.Logger, ready: make(chan struct{}),
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
	endpoints := h.cfg.EtcdEndpoints
	if len(endpoints) == 0 {
		if err := h.openMember(ctx); err != nil {
			return err
		}
		endpoints = []string{h.member.Endpoint()}
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
	if err := h.etcd.Reach(ctx); err != nil {
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
	return h.openRules(ctx)
}

func (h *Host) openMember(ctx context.Context) error {
	if err := probeListen(ctx, "etcd-listen", h.cfg.EtcdListen); err != nil {
		return err
	}
	if err := h.lock(); err != nil {
		return err
	}
	var err error
	h.member, err = embed.Start(ctx, embed.Config{
		Dir: filepath.Join(h.cfg.DataDir, "etcd"), Listen: h.cfg.EtcdListen, Fast: h.cfg.EtcdFast, Logger: h.log,
	})
	return err
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
}

// Addresses are known once New has returned.
func (h *Host) Addresses() Addresses {
	a := Addresses{GRPC: h.grpcL.Addr().String(), HTTP: h.httpL.Addr().String()}
	if h.member != nil {
		a.Etcd = h.member.Endpoint()
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

// waiting names the services that cannot answer yet.
func (h *Host) waiting() []string {
	names := []string{}
	for _, u := range h.units {
		if !u.ready() {
			names = append(names, u.name)
		}
	}
	return names
}

// Run serves until ctx ends or something fails that the process cannot live without; then it stops in order: first it is
// found no longer, then requests under way end, then what they needed is closed.
func (h *Host) Run(ctx context.Context) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	// Services and listeners live on a context of their own, so that they outlast the announcement that leads to them.
	g, failed := errgroup.WithContext(background)
	for _, u := range h.units {
		g.Go(func() error { return ended(background, u.name, u.run(background)) })
	}
	g.Go(func() error { return ended(background, "gRPC", h.server.Serve(h.grpcL)) })
	g.Go(func() error {
		if err := h.http.Serve(h.tls.HTTP(h.httpL)); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("HTTP: %w", err)
		}
		return nil
	})
	g.Go(func() error { return h.watchMember(background) })
	g.Go(func() error { return h.deliver(background) })
	g.Go(func() error { return ended(background, "time-zone rules", h.rules.Run(background, h.etcd)) })
	announced, withdraw := context.WithCancel(background)
	defer withdraw()
	found := make(chan struct{}) // closed once the process is found no longer
	g.Go(func() error {
		defer close(found)
		return h.becomeReady(announced)
	})

	var cause error
	select {
	case <-ctx.Done():
	case <-failed.Done():
		cause = context.Cause(failed)
	}
	h.log.Info("stopping")
	h.server.Health.Shutdown()
	withdraw()
	<-found
	h.server.EndStreams()
	h.stopServers(background)
	stop()
	if err := g.Wait(); cause == nil {
		cause = err
	}
	return errors.Join(ignoreCanceled(cause), h.close(context.WithoutCancel(ctx)))
}

// ended is how a part's end is seen: while the process is stopping, as it should.
func ended(ctx context.Context, name string, err error) error {
	if err == nil || ctx.Err() != nil {
		return nil //nolint:nilerr // it ended because it was told to
	}
	return fmt.Errorf("%s: %w", name, err)
}

func ignoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// becomeReady waits until every service can answer, seeds an empty cluster, and lets the process be found until ctx ends.
func (h *Host) becomeReady(ctx context.Context) error {
	for len(h.waiting()) > 0 {
		select {
		case <-ctx.Done():
			return nil
		case <-h.clock.After(readyPoll):
		}
	}
	var announcements sync.WaitGroup
	defer announcements.Wait()
	for _, u := range h.units {
		if isGRPC(u.name) {
			announcements.Go(func() { _ = h.etcd.Announce(ctx, u.name, h.cfg.Instance, h.advertised()) })
		}
	}
	h.server.Health.SetServingStatus("", healthv1.HealthCheckResponse_SERVING)
	if err := h.seed(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // stopped while starting
		}
		return fmt.Errorf("example configuration: %w", err)
	}
	close(h.ready)
	h.log.Info("ready", "addresses", h.Addresses())
	return nil
}

func (h *Host) stopServers(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	done := make(chan struct{})
	go func() { h.server.GracefulStop(); close(done) }()
	_ = h.http.Shutdown(ctx)
	select {
	case <-done:
	case <-ctx.Done():
		h.server.Stop()
		<-done
	}
}

// close releases whatever was opened, last things first.
func (h *Host) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	var errs []error
	for _, l := range []net.Listener{h.grpcL, h.httpL} {
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
