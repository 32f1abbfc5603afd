// Package embed runs an etcd member inside the process: for one machine, and for tests. A cluster of several machines
// runs its own etcd; see deploy/.
package embed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	etcdembed "go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// Config says where the member lives.
type Config struct {
	// Dir holds its data; made where it does not exist (0700).
	Dir string
	// Listen is the host:port for clients; loopback only, port 0 for any.
	Listen string
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
	// startTimeout bounds the wait until the member leads itself.
	startTimeout = 30 * time.Second
)

// Server is a running member.
type Server struct{ etcd *etcdembed.Etcd }

// Start runs a member and waits until it is ready.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	host, _, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("etcd listen address %q: %w", cfg.Listen, err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("etcd listen address %q: the embedded member has no credentials, so it takes a loopback "+
			"address only", cfg.Listen)
	}
	dir := filepath.Join(cfg.Dir, "member-data")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("etcd data directory: %w", err)
	}
	e, err := etcdembed.StartEtcd(serverConfig(cfg, dir))
	if err != nil {
		return nil, fmt.Errorf("start etcd on %s: %w", cfg.Listen, err)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	select {
	case <-e.Server.ReadyNotify():
		return &Server{e}, nil
	case err := <-e.Err():
		e.Close()
		return nil, fmt.Errorf("etcd stopped while starting: %w", err)
	case <-ctx.Done():
		e.Close()
		return nil, errors.Join(errors.New("etcd did not become ready"), ctx.Err())
	}
}

func serverConfig(cfg Config, dir string) *etcdembed.Config {
	c := etcdembed.NewConfig()
	c.Name = "dayside"
	c.Dir = dir
	clients := url.URL{Scheme: "http", Host: cfg.Listen}
	// Nobody joins a single member: any free port will do.
	peers := url.URL{Scheme: "http", Host: "127.0.0.1:0"}
	c.ListenClientUrls, c.AdvertiseClientUrls = []url.URL{clients}, []url.URL{clients}
	c.ListenPeerUrls, c.AdvertisePeerUrls = []url.URL{peers}, []url.URL{peers}
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	c.MaxTxnOps = maxTxnOps
	c.MaxRequestBytes = maxRequestBytes
	c.QuotaBackendBytes = quotaBytes
	c.AutoCompactionMode, c.AutoCompactionRetention = "periodic", "1h"
	c.EnableGRPCGateway = false
	c.ZapLoggerBuilder = etcdembed.NewZapLoggerBuilder(zap.NewNop())
	if cfg.Fast {
		c.TickMs, c.ElectionMs, c.UnsafeNoFsync = 10, 100, true
	}
	return c
}

// Endpoint is the host:port clients dial.
func (s *Server) Endpoint() string { return s.etcd.Clients[0].Addr().String() }

// Close stops the member and waits until its files are closed.
func (s *Server) Close() {
	s.etcd.Close()
	<-s.etcd.Server.StopNotify()
}
