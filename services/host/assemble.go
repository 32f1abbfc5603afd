package host

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/entitlement"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/routing"
	"github.com/daysidehq/dayside/services/schedule"
)

// isGRPC says whether a service is found and called over gRPC; the SIP gateway is an edge.
func isGRPC(service string) bool { return service != SIP }

// service is what every gRPC service of the process offers.
type service interface {
	Register(r grpc.ServiceRegistrar)
	Run(ctx context.Context) error
	Ready() bool
}

// assemble makes the services the process holds, and forwards the API of those it does not.
func (h *Host) assemble(ctx context.Context) error {
	if err := h.openCluster(ctx); err != nil {
		return err
	}
	chain, err := rpc.NewChain(rpc.Deps{
		Clock: h.clock, Logger: h.log, TracerProvider: h.telemetry.TracerProvider, MeterProvider: h.telemetry.MeterProvider,
		Door: h.door, Auditor: h.auditor(), Instance: h.cfg.Instance,
	})
	if err != nil {
		return err
	}
	h.server, h.local = rpc.NewServer(chain, h.tls), rpc.NewInProcess(chain, rpc.Local())
	for _, name := range Names() {
		if !isGRPC(name) {
			continue
		}
		if err := h.addService(ctx, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	h.cluster.Register(h.server)
	h.cluster.Register(h.local)
	if h.cfg.Extra != nil {
		h.cfg.Extra(h.server)
	}
	h.server.Finish()
	if h.cfg.runs(SIP) {
		if err := h.addSIP(); err != nil { //nolint:contextcheck // its sockets live until Close, not as long as ctx
			return err
		}
	}
	if err := h.addPortal(); err != nil { //nolint:contextcheck // its requests bring their own
		return err
	}
	h.http, err = newHTTP(ctx, h.local, h.telemetry.Metrics, h.waiting, h.door)
	return err
}

// addService makes and registers one service, or forwards to the processes that hold it.
func (h *Host) addService(ctx context.Context, name string) error {
	if !h.cfg.runs(name) {
		cc, err := h.conn(name)
		if err != nil {
			return err
		}
		for _, desc := range descriptions(name) {
			for _, to := range []grpc.ServiceRegistrar{h.server, h.local} {
				if err := rpc.Forward(to, desc, cc); err != nil { //nolint:contextcheck // each stream brings its own
					return err
				}
			}
		}
		return nil
	}
	s, err := h.newService(ctx, name) //nolint:contextcheck // a counter's first zero belongs to no request
	if name == Ledger && err != nil && len(h.cfg.Services) != 1 {
		return h.withoutLedger(ctx, err)
	}
	if err != nil {
		return err
	}
	s.Register(h.server)
	s.Register(h.local)
	h.units = append(h.units, unit{name: name, run: s.Run, ready: s.Ready})
	return nil
}

// descriptions are the gRPC services of one of ours.
func descriptions(name string) []*grpc.ServiceDesc {
	switch name {
	case Schedule:
		return []*grpc.ServiceDesc{
			&schedulev1.ScheduleService_ServiceDesc, &schedulev1.CalendarService_ServiceDesc,
			&schedulev1.RotaService_ServiceDesc, &schedulev1.CoverageService_ServiceDesc,
			&schedulev1.TimeZoneService_ServiceDesc, &schedulev1.FeedService_ServiceDesc,
			&schedulev1.PlanService_ServiceDesc,
		}
	case Entitlement:
		return []*grpc.ServiceDesc{
			&entitlementv1.EntitlementService_ServiceDesc, &entitlementv1.CatalogService_ServiceDesc,
			&entitlementv1.PromiseService_ServiceDesc, &entitlementv1.GrantService_ServiceDesc,
			&entitlementv1.ContactService_ServiceDesc, &entitlementv1.DataService_ServiceDesc,
		}
	case Ledger:
		return []*grpc.ServiceDesc{
			&ledgerv1.LedgerService_ServiceDesc, &ledgerv1.AuditService_ServiceDesc, &ledgerv1.BusinessService_ServiceDesc,
		}
	default:
		return []*grpc.ServiceDesc{
			&routingv1.RoutingService_ServiceDesc, &routingv1.LineService_ServiceDesc,
			&routingv1.ConfigurationService_ServiceDesc, &routingv1.DrainService_ServiceDesc,
			&routingv1.InForceService_ServiceDesc, &routingv1.LiveService_ServiceDesc,
			&routingv1.RouteTableService_ServiceDesc, &routingv1.AlertService_ServiceDesc,
			&routingv1.BriefService_ServiceDesc, &routingv1.ReplayService_ServiceDesc,
		}
	}
}

// conn calls a service: within the process where it is held here, else found through etcd.
func (h *Host) conn(name string) (grpc.ClientConnInterface, error) {
	if h.cfg.runs(name) {
		return h.local, nil
	}
	if cc, ok := h.conns[name]; ok {
		return cc, nil
	}
	cc, err := rpc.Dial(h.etcd.Target(name), h.etcd.Resolver(), h.telemetry.TracerProvider, h.tls)
	if err != nil {
		return nil, err
	}
	h.conns[name] = cc
	h.closers = append(h.closers, cc.Close)
	return cc, nil
}

// own is conn for what a service asks for its own sake: as a service, whoever's request that is part of.
func (h *Host) own(name string) (grpc.ClientConnInterface, error) {
	cc, err := h.conn(name)
	if err != nil {
		return nil, err
	}
	return rpc.As(cc, rpc.NewPeer(h.cfg.Instance, rpcv1.Role_ROLE_SERVICE)), nil
}

func (h *Host) newService(ctx context.Context, name string) (service, error) {
	switch name {
	case Schedule:
		return schedule.New(schedule.Config{
			Store: h.etcd, Clock: h.clock, Rules: h.rules, TimeZoneSources: h.candidates, Log: h.log,
			Schema: h.cluster.Schema(), MeterProvider: h.telemetry.MeterProvider,
		}), nil
	case Entitlement:
		return h.newEntitlement() //nolint:contextcheck // counters belong to no request
	case Ledger:
		return h.newLedger(ctx)
	default:
		scheduleConn, err := h.own(Schedule)
		if err != nil {
			return nil, err
		}
		entitlementConn, err := h.own(Entitlement)
		if err != nil {
			return nil, err
		}
		deps := routing.Deps{
			Store: h.etcd, Instance: h.cfg.Instance, Clock: h.clock, Logger: h.log,
			TracerProvider: h.telemetry.TracerProvider, MeterProvider: h.telemetry.MeterProvider,
			Schedule:    schedulev1.NewPlanServiceClient(scheduleConn),
			Entitlement: entitlementv1.NewEntitlementServiceClient(entitlementConn), Journal: h.journal,
			Promises: entitlementv1.NewPromiseServiceClient(entitlementConn), Schema: h.cluster.Schema(), Copy: h.copy,
		}
		if s := h.openSpool(ctx, keptAcceptances()); s != nil {
			deps.PromiseSpool = s
		}
		if s := h.openSpool(ctx, keptAlerts()); s != nil {
			deps.AlertSpool = s
		}
		h.routing, err = routing.New(routing.Config{}, deps) //nolint:contextcheck // counters belong to no request
		return h.routing, err
	}
}

// newEntitlement asks all others, each for a little: never while a phone rings.
func (h *Host) newEntitlement() (service, error) {
	scheduleConn, err := h.own(Schedule)
	if err != nil {
		return nil, err
	}
	ledgerConn, err := h.own(Ledger)
	if err != nil {
		return nil, err
	}
	routingConn, err := h.own(Routing)
	if err != nil {
		return nil, err
	}
	return entitlement.New(h.selfService(entitlement.Config{
		Store: h.etcd, Clock: h.clock, Rules: h.rules, Schema: h.cluster.Schema(), Log: h.log, Meters: h.telemetry.MeterProvider,
		Calendars: schedulev1.NewCalendarServiceClient(scheduleConn), Ledger: ledgerv1.NewBusinessServiceClient(ledgerConn),
		FollowUps: ledgerv1.NewBusinessServiceClient(ledgerConn),
		Lines:     routingv1.NewLineServiceClient(routingConn), Journal: h.journal,
	})), nil
}

// seed applies the example configuration where the cluster holds none.
func (h *Host) seed(ctx context.Context) error {
	if h.cfg.Seed == nil {
		return nil
	}
	for _, prefix := range []string{"schedule/sites/", "entitlement/customers/", "routing/lines/"} {
		page, err := h.etcd.List(ctx, prefix, "", 1)
		if err != nil {
			return err
		}
		if len(page.Entries) > 0 {
			return nil
		}
	}
	if _, err := routingv1.NewConfigurationServiceClient(h.local).ApplyConfiguration(ctx, h.cfg.Seed); err != nil &&
		status.Code(err) != codes.Aborted { // of two that seed at once, one does
		return err
	}
	return h.awaitLines(ctx)
}

// awaitLines waits until calls to the seeded lines are decided by the seed: whoever is told that the process is ready may
// ring at once.
func (h *Host) awaitLines(ctx context.Context) error {
	client := routingv1.NewRoutingServiceClient(h.local)
	for _, line := range h.cfg.Seed.GetLines() {
		for {
			_, err := client.ExplainRoute(ctx, &routingv1.ExplainRouteRequest{Line: line.GetName()})
			if status.Code(err) != codes.NotFound {
				break
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-h.clock.After(readyPoll):
			}
		}
	}
	return nil
}
