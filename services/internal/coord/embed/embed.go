// Package embed runs an etcd member inside the process: for one machine, and for tests. A cluster of several machines
// runs its own etcd; see deploy/.
package embed

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	etcdembed "go.etcd.io/etcd/server/v3/embed"

	"github.com/daysidehq/dayside/services/internal/clock"
)

// Config says where the member lives.
type Config struct {
	// Dir holds its data; made where it does not exist (0700).
	Dir string
	// Listen is the host:port for clients; loopback only, port 0 for any.
	Listen string
	// Logger is told of the member's errors; nil: nobody is.
	Logger *slog.Logger
	// Fast trades durability and patience for speed. Tests only.
	Fast bool
}

const (
	// maxTxnOps lets one `dayside apply` hold some hundred resources.
	maxTxnOps = 2048
	// maxRequestBytes is the size of such a change.
	maxRequestBytes = 8 << 20
	// quotaBytes is etcd's own recommended ceiling.
	quotaBytes = 8 << 30
	// closeTimeout bounds the wait until its files are closed.
	closeTimeout = 10 * time.Second
	// startTimeout bounds the wait until the member leads itself.
	startTimeout = 30 * time.Second
)

// Server is a running member.
type Server struct {
	etcd    *etcdembed.Etcd
	failure *failure
	dir     string
}

// Start runs a member and waits until it is ready. A directory that etcd cannot live with is an error that says why.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	host, _, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("etcd listen address %q: %w", cfg.Listen, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("etcd listen address %q: the embedded member has no credentials, so it takes a loopback "+
			"address only", cfg.Listen)
	}
	dir := DataDir(cfg.Dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("etcd data directory: %w", err)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	f := &failure{ch: make(chan struct{})}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	e, err := start(ctx, serverConfig(cfg, dir, f), f)
	if err != nil {
		return nil, fmt.Errorf("start etcd on %s with the data in %s: %w", cfg.Listen, dir, err)
	}
	s := &Server{etcd: e, failure: f, dir: cfg.Dir}
	select {
	case <-e.Server.ReadyNotify():
		if err := s.tell(cfg.Dir); err != nil {
			cfg.Logger.Warn("nobody is told where the embedded etcd is reached: dayside backup needs --etcd", "error", err.Error())
		}
		return s, nil
	case err := <-e.Err():
		s.Close()
		return nil, fmt.Errorf("etcd stopped while starting: %w", err)
	case <-f.ch:
		s.Close()
		return nil, fmt.Errorf("etcd stopped while starting: %s", f.reason())
	case <-ctx.Done():
		s.Close()
		return nil, fmt.Errorf("etcd did not become ready with the data in %s: %w", dir, ctx.Err())
	}
}

// start runs etcd's own start on a goroutine of its own: a fatal line ends a goroutine, this one or one it waits for, and
// damaged files may make it panic. What it then leaves behind is left: the caller is about to give up.
func start(ctx context.Context, cfg *etcdembed.Config, f *failure) (*etcdembed.Etcd, error) {
	type result struct {
		etcd *etcdembed.Etcd
		err  error
	}
	started := make(chan result, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				started <- result{err: fmt.Errorf("etcd cannot read it: %v", p)}
			}
		}()
		e, err := etcdembed.StartEtcd(cfg)
		started <- result{e, err}
	}()
	select {
	case r := <-started:
		return r.etcd, r.err
	case <-f.ch:
		return nil, errors.New(f.reason())
	case <-ctx.Done():
		return nil, fmt.Errorf("it did not start: %w", ctx.Err())
	}
}

func serverConfig(cfg Config, dir string, f *failure) *etcdembed.Config {
	c := etcdembed.NewConfig()
	c.Name = Name
	c.Dir = dir
	clients := url.URL{Scheme: "http", Host: cfg.Listen}
	peers := url.URL{Scheme: "http", Host: strings.TrimPrefix(PeerURL, "http://")}
	c.ListenClientUrls, c.AdvertiseClientUrls = []url.URL{clients}, []url.URL{clients}
	c.ListenPeerUrls, c.AdvertisePeerUrls = []url.URL{peers}, []url.URL{peers}
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	// A member that is made anew is another cluster, and must be told from the one before; one that has data keeps its id.
	c.InitialClusterToken = rand.Text()
	c.MaxTxnOps = maxTxnOps
	c.MaxRequestBytes = maxRequestBytes
	c.QuotaBackendBytes = quotaBytes
	c.AutoCompactionMode, c.AutoCompactionRetention = "periodic", "1h"
	c.EnableGRPCGateway = false
	// Its /metrics and /health answer to this machine's own names only (DNS rebinding).
	c.HostWhitelist = map[string]struct{}{"127.0.0.1": {}, "localhost": {}, "::1": {}}
	c.ZapLoggerBuilder = etcdembed.NewZapLoggerBuilder(newLogger(cfg.Logger, f))
	if cfg.Fast {
		c.TickMs, c.ElectionMs, c.UnsafeNoFsync = 10, 100, true
	}
	return c
}

// Endpoint is the host:port clients dial.
func (s *Server) Endpoint() string { return s.etcd.Clients[0].Addr().String() }

// Failed is closed when the member can go on no longer; Reason says why. The process may go on without it.
func (s *Server) Failed() <-chan struct{} { return s.failure.ch }

// Reason is what the member said when it failed.
func (s *Server) Reason() string { return s.failure.reason() }

// Close stops the member and waits until its files are closed; not for ever, where it has failed.
func (s *Server) Close() {
	s.failure.closing.Store(true)
	_ = os.Remove(filepath.Join(s.dir, endpointFile))
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.etcd.Close()
		<-s.etcd.Server.StopNotify()
	}()
	select {
	case <-done:
	case <-clock.System{}.After(closeTimeout):
	}
}
