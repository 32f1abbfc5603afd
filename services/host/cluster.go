package host

import (
	"context"

	"github.com/daysidehq/dayside/services/internal/cluster"
)

// openCluster takes this process's place among the others. A cluster that writes a schema which this release cannot is an
// error; one whose etcd does not answer is not.
func (h *Host) openCluster(ctx context.Context) (err error) {
	services := h.cfg.Services
	if len(services) == 0 {
		services = Names()
	}
	most := h.cfg.MaxSchema
	if most == 0 {
		most = cluster.MaxSchema
	}
	h.cluster, err = cluster.New(cluster.Config{ //nolint:contextcheck // gauges belong to no request
		Instance: h.cfg.Instance, Services: services, Address: h.advertised(), Region: h.cfg.Region,
		Release: h.cfg.Version, MaxSchema: most,
	}, cluster.Deps{Store: h.etcd, Clock: h.clock, Log: h.log, MeterProvider: h.telemetry.MeterProvider, View: h.view})
	if err != nil || h.away {
		return err
	}
	return h.cluster.Begin(ctx)
}
