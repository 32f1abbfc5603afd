package host

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	"github.com/daysidehq/dayside/api/client"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/gateway/sip"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/rpc"
)

// localRouter asks the routing service of the same process, without copying its answer.
type localRouter struct{ conn *rpc.InProcess }

// RouteCall is sip.Router's.
func (r localRouter) RouteCall(ctx context.Context, in *routingv1.RouteCallRequest, _ ...grpc.CallOption) (
	*routingv1.RouteCallResponse, error,
) {
	return rpc.Call[*routingv1.RouteCallResponse](ctx, r.conn, routingv1.RoutingService_RouteCall_FullMethodName, in)
}

// farRouter asks other processes, and answers from the gateway's own table where none does.
type farRouter struct {
	client *client.Client
	clock  clock.Clock
	// calls is told of what the table answered.
	calls *tableCalls
}

// RouteCall is sip.Router's.
func (r farRouter) RouteCall(ctx context.Context, in *routingv1.RouteCallRequest, _ ...grpc.CallOption) (
	*routingv1.RouteCallResponse, error,
) {
	began := r.clock.Now()
	route, err := r.client.RouteCall(ctx, in)
	if err != nil {
		return nil, err
	}
	if route.Source == client.SourceTable {
		r.calls.add(in.GetCallId(), began)
	}
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		span.SetAttributes(attribute.String("dayside.source", route.Source.String()),
			attribute.Float64("dayside.view.age", route.Age.Seconds()))
	}
	return &routingv1.RouteCallResponse{Route: route.Route}, nil
}

// addSIP makes the SIP gateway. Where routing is another process, it asks as any gateway does.
func (h *Host) addSIP() error {
	cfg := h.cfg.SIP
	if err := cfg.Validate(); err != nil {
		return err
	}
	cfg.RouterInProcess = h.cfg.runs(Routing)
	var router sip.Router = localRouter{h.local}
	stats, ready := func() client.Stats { return client.Stats{} }, func() bool { return true }
	lost := func() int64 { return 0 }
	if !cfg.RouterInProcess {
		asking, err := h.gatewayClient()
		if err != nil {
			return err
		}
		calls := newTableCalls(asking, h.log)
		h.closers = append(h.closers, calls.close, asking.Close)
		router, stats, lost = farRouter{asking, h.clock, calls}, asking.Stats, calls.lost.Load
		ready = func() bool { // a trunk must not be sent to who has nobody to ask, and nothing to go by
			s := stats()
			return s.EndpointsReady > 0 || s.TableLines > 0
		}
	}
	if err := clientMeters(h.telemetry.MeterProvider, stats, lost); err != nil {
		return err
	}
	gateway, err := sip.New(cfg, router, sip.Deps{
		Clock: h.clock, Logger: h.log, TracerProvider: h.telemetry.TracerProvider, MeterProvider: h.telemetry.MeterProvider,
	})
	if err != nil {
		return err
	}
	h.sip = gateway
	h.units = append(h.units, unit{name: SIP, run: gateway.Run, ready: ready})
	return nil
}

// gatewayClient is how the SIP gateway asks routing elsewhere: processes are found through etcd and told of by those that
// are; with all of it gone, the table answers. It asks as a gateway, which may less than this process.
func (h *Host) gatewayClient() (*client.Client, error) {
	peer := rpc.NewPeer(h.cfg.SIP.GatewayID, rpcv1.Role_ROLE_GATEWAY)
	asking, err := client.New(client.Config{
		Endpoints: h.cfg.RoutingEndpoints, Discover: h.discover, Credentials: h.tls.Credentials(),
		GatewayID: h.cfg.SIP.GatewayID, Capabilities: sip.Capabilities(h.cfg.SIP), Region: h.cfg.Region,
		Lines:     h.cfg.RoutingLines,
		StateFile: h.routesFile(), Clock: h.clock, Logger: h.log,
		DialOptions: rpc.EdgeOptions(peer, h.telemetry.TracerProvider),
	})
	if err != nil {
		return nil, fault.Invalid(fault.Violation{
			Field: "sip-routing", Value: strings.Join(h.cfg.RoutingEndpoints, ","),
			Rule: "or --sip-lines, cannot be used: " + err.Error(),
		})
	}
	return asking, nil
}

// routesFile is where the SIP gateway keeps what it was told.
func (h *Host) routesFile() string { return filepath.Join(h.cfg.DataDir, "gateway", "routes") }

// answersByOthers says whether the process can answer calls without etcd: it is a gateway that knows whom to ask, or that
// was told where lines forward.
func (h *Host) answersByOthers() bool {
	if !h.cfg.runs(SIP) || h.cfg.runs(Routing) {
		return false
	}
	if len(h.cfg.RoutingEndpoints) > 0 {
		return true
	}
	known, err := client.ReadState(h.routesFile())
	return err == nil && (known.Lines > 0 || known.Endpoints > 0)
}

// discover tells of the processes that route, as etcd knows them, until ctx ends.
func (h *Host) discover(ctx context.Context, tell func([]client.Endpoint)) {
	_ = h.etcd.Find(ctx, Routing, func(addresses []string) {
		list := make([]client.Endpoint, 0, len(addresses))
		for _, a := range addresses {
			list = append(list, client.Endpoint{Address: a})
		}
		tell(list)
	})
}

// clientMeters report how the gateway of this process asks routing. Where both are in one process there is nothing to
// report, and alerts find a 0.
func clientMeters(provider metric.MeterProvider, stats func() client.Stats, lost func() int64) error {
	m := provider.Meter("github.com/daysidehq/dayside/services/host")
	answers, err := m.Int64ObservableCounter("dayside.client.answers",
		metric.WithDescription("Calls of the gateway by who answered them: routing, its own table, or nobody."))
	retries, errRetries := m.Int64ObservableCounter("dayside.client.tries",
		metric.WithDescription("Further processes that were asked: retries since one had failed, hedges since one was slow."))
	endpoints, errEndpoints := m.Int64ObservableGauge("dayside.client.endpoints",
		metric.WithDescription("Processes that the gateway knows, and those of them that answer."))
	age, errAge := m.Float64ObservableGauge("dayside.client.table.age", metric.WithUnit("s"),
		metric.WithDescription("Time since the gateway's table was known to hold; 0 where there is none."))
	lines, errLines := m.Int64ObservableGauge("dayside.client.table.lines",
		metric.WithDescription("Lines in the gateway's table."))
	failures, errFailures := m.Int64ObservableCounter("dayside.client.state.failures",
		metric.WithDescription("How often what the gateway remembers could not be read or written."))
	unreported, errUnreported := m.Int64ObservableCounter("dayside.client.calls.unreported",
		metric.WithDescription("Calls that the table answered and that history will miss: there was no room for their report."))
	if err := errors.Join(err, errRetries, errEndpoints, errAge, errLines, errFailures, errUnreported); err != nil {
		return err
	}
	with := func(key, value string) metric.MeasurementOption {
		return metric.WithAttributeSet(attribute.NewSet(attribute.String(key, value)))
	}
	_, err = m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		s := stats()
		o.ObserveInt64(answers, s.Routed, with("source", client.SourceRouting.String()))
		o.ObserveInt64(answers, s.FromTable, with("source", client.SourceTable.String()))
		o.ObserveInt64(answers, s.Unanswered, with("source", "none"))
		o.ObserveInt64(retries, s.Retries, with("kind", "retry"))
		o.ObserveInt64(retries, s.Hedges, with("kind", "hedge"))
		o.ObserveInt64(endpoints, int64(s.EndpointsReady), with("state", "ready"))
		o.ObserveInt64(endpoints, int64(s.EndpointsKnown), with("state", "known"))
		o.ObserveFloat64(age, s.TableAge.Seconds())
		o.ObserveInt64(lines, int64(s.TableLines))
		o.ObserveInt64(failures, s.StateFailures)
		o.ObserveInt64(unreported, lost())
		return nil
	}, answers, retries, endpoints, age, lines, failures, unreported)
	return err
}
