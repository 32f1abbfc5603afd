package host

import (
	"context"
	"path"
	"path/filepath"

	"google.golang.org/grpc"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/ledger"
)

// newLedger opens the ledger in the data directory, which is this process's alone from then on.
func (h *Host) newLedger(ctx context.Context) (*ledger.Service, error) {
	if err := h.lock(); err != nil {
		return nil, err
	}
	s, err := ledger.New(ctx, ledger.Config{
		Path: filepath.Join(h.cfg.DataDir, "ledger.db"), RetentionDays: h.cfg.LedgerRetentionDays, Clock: h.clock, Log: h.log,
		MeterProvider: h.telemetry.MeterProvider,
	})
	if err != nil {
		return nil, err
	}
	h.closers = append(h.closers, s.Close)
	h.tellOfOtherLedgers(ctx)
	return s, nil
}

// absent answers in the place of a service that could not be opened.
type absent struct{ why error }

// Invoke is grpc.ClientConnInterface's.
func (a absent) Invoke(context.Context, string, any, any, ...grpc.CallOption) error { return a.why }

// NewStream is grpc.ClientConnInterface's.
func (a absent) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, a.why
}

// withoutLedger serves the rest where the ledger cannot be opened: no call waits for history, and what it would have been
// told waits in the spool.
func (h *Host) withoutLedger(ctx context.Context, why error) error {
	h.log.ErrorContext(ctx, "the ledger cannot be opened, and all else is served without it; records wait until this process "+
		"is started again, for as long as there is room for them", "error", oneLine(why).Error())
	instead := absent{&fault.Fault{
		Reason:  rpcv1.Reason_REASON_BACKEND_UNAVAILABLE,
		Message: "the ledger of this process could not be opened; its log says why",
	}}
	for _, desc := range descriptions(Ledger) {
		for _, to := range []grpc.ServiceRegistrar{h.server, h.local} {
			if err := rpc.Forward(to, desc, instead); err != nil { //nolint:contextcheck // each stream brings its own
				return err
			}
		}
	}
	return nil
}

// maxOtherLedgers bounds those that are named.
const maxOtherLedgers = 10

// tellOfOtherLedgers warns where another process holds a ledger: each has a file of its own, and records go to any of them.
func (h *Host) tellOfOtherLedgers(ctx context.Context) {
	if h.away {
		return // calls must not wait for this
	}
	others, err := h.etcd.List(ctx, "discovery/"+Ledger+"/", "", maxOtherLedgers)
	if err != nil {
		return // whoever needs etcd says so
	}
	for _, e := range others.Entries {
		if name := path.Base(e.Key); name != h.cfg.Instance {
			h.log.WarnContext(ctx, "another process holds a ledger too, unless it ended a moment ago: history would be divided "+
				"among them, so let one process hold it", "instance", name)
		}
	}
}
