package host

import (
	"context"
	"log/slog"

	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
)

// Defragmented is what one of etcd's members gave back to the disk.
type Defragmented = coord.Defragmented

// DefragmentEtcd has the members of an etcd cluster give back what their databases hold unused, where that is minFreeBytes
// or more: one after the other, the leader last, and each only while all are well. No files: in plain text.
func DefragmentEtcd(
	ctx context.Context, endpoints []string, files TLSFiles, minFreeBytes int64, tell func(Defragmented),
) error {
	cfg := Config{EtcdEndpoints: endpoints, EtcdTLS: files, Clock: clock.System{}, Logger: slog.New(slog.DiscardHandler)}
	h := &Host{cfg: cfg, clock: cfg.Clock, log: cfg.Logger}
	secured, err := h.etcdTLS()
	if err != nil {
		return oneLine(err)
	}
	etcd, err := coord.Open(ctx, coord.Config{Endpoints: endpoints, TLS: secured, Clock: cfg.Clock, Logger: cfg.Logger})
	if err != nil {
		return oneLine(err)
	}
	defer func() { _ = etcd.Close() }()
	return etcd.Defragment(ctx, minFreeBytes, tell)
}
