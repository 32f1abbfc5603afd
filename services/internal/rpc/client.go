package rpc

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	_ "google.golang.org/grpc/health" // client-side health checks of the service config
	"google.golang.org/grpc/resolver"
	"google.golang.org/protobuf/proto"

	"github.com/daysidehq/dayside/services/internal/fault"
)

// serviceConfig spreads requests over the healthy processes of a service. Reads, and what a call in
// progress asks, are tried again where a process was not reached: told twice, the same is answered, or merged. A write is
// not, since it may have been done.
// https://github.com/grpc/grpc/blob/master/doc/service_config.md
const serviceConfig = `{
  "loadBalancingConfig": [{"round_robin": {}}],
  "healthCheckConfig": {"serviceName": ""},
  "methodConfig": [{
    "name": [
      {"service": "dayside.routing.v1.RoutingService", "method": "RouteCall"},
      {"service": "dayside.routing.v1.RoutingService", "method": "ContinueCall"},
      {"service": "dayside.routing.v1.RoutingService", "method": "ReportCall"},
      {"service": "dayside.routing.v1.DrainService", "method": "GetDrain"},
      {"service": "dayside.routing.v1.DrainService", "method": "ListDrains"},
      {"service": "dayside.routing.v1.AlertService", "method": "ListAlerts"},
      {"service": "dayside.routing.v1.BriefService", "method": "GetCallBrief"},
      {"service": "dayside.routing.v1.LiveService", "method": "GetLiveState"},
      {"service": "dayside.routing.v1.RouteTableService", "method": "WatchRoutes"},
      {"service": "dayside.routing.v1.ReplayService", "method": "ReplayDecision"},
      {"service": "dayside.ledger.v1.LedgerService", "method": "GetCall"},
      {"service": "dayside.ledger.v1.LedgerService", "method": "ListCalls"},
      {"service": "dayside.ledger.v1.LedgerService", "method": "WatchCalls"},
      {"service": "dayside.ledger.v1.LedgerService", "method": "GetDecision"},
      {"service": "dayside.ledger.v1.AuditService", "method": "ListAuditEntries"},
      {"service": "dayside.entitlement.v1.EntitlementService", "method": "IdentifyCaller"},
      {"service": "dayside.routing.v1.RoutingService", "method": "ExplainRoute"},
      {"service": "dayside.routing.v1.LineService", "method": "GetLine"},
      {"service": "dayside.routing.v1.LineService", "method": "ListLines"},
      {"service": "dayside.schedule.v1.ScheduleService", "method": "GetSite"},
      {"service": "dayside.schedule.v1.ScheduleService", "method": "ListSites"},
      {"service": "dayside.schedule.v1.ScheduleService", "method": "QueryOpenSites"},
      {"service": "dayside.schedule.v1.ScheduleService", "method": "QueryCoverage"},
      {"service": "dayside.schedule.v1.ScheduleService", "method": "ExplainSite"},
      {"service": "dayside.schedule.v1.ScheduleService", "method": "WatchCoverage"},
      {"service": "dayside.schedule.v1.PlanService", "method": "PlanSchedule"},
      {"service": "dayside.rpc.v1.ClusterService", "method": "GetCluster"},
      {"service": "dayside.rpc.v1.ClusterService", "method": "ListEndpoints"},
      {"service": "dayside.schedule.v1.CalendarService", "method": "GetCalendar"},
      {"service": "dayside.schedule.v1.CalendarService", "method": "ListCalendars"},
      {"service": "dayside.schedule.v1.CalendarService", "method": "SeedCalendar"},
      {"service": "dayside.schedule.v1.CalendarService", "method": "DiffCalendars"},
      {"service": "dayside.schedule.v1.RotaService", "method": "GetPerson"},
      {"service": "dayside.schedule.v1.RotaService", "method": "ListPeople"},
      {"service": "dayside.schedule.v1.RotaService", "method": "GetRota"},
      {"service": "dayside.schedule.v1.RotaService", "method": "ListRotas"},
      {"service": "dayside.schedule.v1.RotaService", "method": "QueryDuty"},
      {"service": "dayside.schedule.v1.RotaService", "method": "ListSwaps"},
      {"service": "dayside.schedule.v1.RotaService", "method": "GetCustody"},
      {"service": "dayside.schedule.v1.CoverageService", "method": "Simulate"},
      {"service": "dayside.schedule.v1.CoverageService", "method": "ListEvents"},
      {"service": "dayside.schedule.v1.TimeZoneService", "method": "GetTimeZoneRules"},
      {"service": "dayside.schedule.v1.FeedService", "method": "ListFeeds"},
      {"service": "dayside.schedule.v1.FeedService", "method": "ReadFeed"},
      {"service": "dayside.entitlement.v1.EntitlementService", "method": "GetCustomer"},
      {"service": "dayside.entitlement.v1.EntitlementService", "method": "ListCustomers"},
      {"service": "dayside.entitlement.v1.EntitlementService", "method": "CheckEntitlement"},
      {"service": "dayside.entitlement.v1.EntitlementService", "method": "PlanCustomers"},
      {"service": "dayside.entitlement.v1.CatalogService", "method": "GetOffer"},
      {"service": "dayside.entitlement.v1.CatalogService", "method": "GetPlan"},
      {"service": "dayside.entitlement.v1.CatalogService", "method": "ListOffers"},
      {"service": "dayside.entitlement.v1.CatalogService", "method": "ListPlans"},
      {"service": "dayside.entitlement.v1.ContactService", "method": "GetSession"},
      {"service": "dayside.entitlement.v1.ContactService", "method": "ListReveals"},
      {"service": "dayside.entitlement.v1.DataService", "method": "GetImport"},
      {"service": "dayside.entitlement.v1.DataService", "method": "WatchCustomers"},
      {"service": "dayside.entitlement.v1.GrantService", "method": "ListGrants"},
      {"service": "dayside.entitlement.v1.PromiseService", "method": "GetPromise"},
      {"service": "dayside.entitlement.v1.PromiseService", "method": "ListPromises"},
      {"service": "dayside.ledger.v1.BusinessService", "method": "GetFollowUp"},
      {"service": "dayside.ledger.v1.BusinessService", "method": "HandOverCharges"},
      {"service": "dayside.ledger.v1.BusinessService", "method": "ListCallChanges"},
      {"service": "dayside.ledger.v1.BusinessService", "method": "ListChargeExports"},
      {"service": "dayside.ledger.v1.BusinessService", "method": "ListCharges"},
      {"service": "dayside.ledger.v1.BusinessService", "method": "ListFollowUps"}
    ],
    "retryPolicy": {
      "maxAttempts": 3, "initialBackoff": "0.05s", "maxBackoff": "0.5s", "backoffMultiplier": 2,
      "retryableStatusCodes": ["UNAVAILABLE"]
    }
  }]
}`

const (
	// callTimeout bounds a call whose context has no deadline, the wait for the service to be found included.
	callTimeout = 10 * time.Second
	// maxReconnectDelay is how long the return of a process may go unnoticed.
	maxReconnectDelay = 2 * time.Second
	// maxAnswerBytes bounds what another service answers: a plan holds compiled records beside the sources.
	maxAnswerBytes = 16 << 20
)

// bounded gives a call a deadline where it has none.
func bounded(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker,
	opts ...grpc.CallOption,
) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, callTimeout)
		defer cancel()
	}
	return invoker(ctx, method, req, reply, cc, opts...)
}

// Dial is a connection to a service found by a resolver (coord.Client.Resolver and Target), in plain text where creds is
// nil. It connects when used.
func Dial(target string, found resolver.Builder, tp trace.TracerProvider, creds *TLS) (*grpc.ClientConn, error) {
	reconnect := grpc.ConnectParams{Backoff: backoff.DefaultConfig, MinConnectTimeout: maxReconnectDelay}
	reconnect.Backoff.BaseDelay, reconnect.Backoff.MaxDelay = 100*time.Millisecond, maxReconnectDelay
	options := append([]grpc.DialOption{
		grpc.WithResolvers(found),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithConnectParams(reconnect),
		grpc.WithChainUnaryInterceptor(bounded, TraceUnaryClient(tp.Tracer(instrumentation))),
		grpc.WithStreamInterceptor(TraceStreamClient()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswerBytes)),
	}, creds.dialOptions()...)
	cc, err := grpc.NewClient(target, options...)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", target, err)
	}
	return cc, nil
}

// EdgeOptions are those of an edge's own connections: each request is made as the peer, whatever the process may, and its
// trace goes with it.
func EdgeOptions(peer Peer, tp trace.TracerProvider) []grpc.DialOption {
	asPeer := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker,
		opts ...grpc.CallOption,
	) error {
		return invoker(WithPeer(ctx, peer), method, req, reply, cc, opts...)
	}
	streamAsPeer := func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string,
		streamer grpc.Streamer, opts ...grpc.CallOption,
	) (grpc.ClientStream, error) {
		return streamer(WithPeer(ctx, peer), desc, cc, method, opts...)
	}
	return []grpc.DialOption{
		grpc.WithChainUnaryInterceptor(asPeer, behalfUnary, TraceUnaryClient(tp.Tracer(instrumentation))),
		grpc.WithChainStreamInterceptor(streamAsPeer, behalfStream, TraceStreamClient()),
	}
}

// InProcess calls services of the same process: through the same chain as a request from outside, without a socket and
// without serialisation. Register services with it as with a server; use it as a connection.
type InProcess struct {
	chain   *Chain
	peer    Peer
	methods map[string]inProcessMethod
	streams map[string]inProcessStream
}

type inProcessMethod struct {
	impl any
	desc grpc.MethodDesc
}

type inProcessStream struct {
	impl any
	desc grpc.StreamDesc
}

// NewInProcess is a connection on which requests are made as peer.
func NewInProcess(chain *Chain, peer Peer) *InProcess {
	return &InProcess{chain: chain, peer: peer, methods: map[string]inProcessMethod{}, streams: map[string]inProcessStream{}}
}

// RegisterService adds a service.
func (p *InProcess) RegisterService(desc *grpc.ServiceDesc, impl any) {
	p.chain.access.add(desc.ServiceName, impl)
	for _, m := range desc.Methods {
		p.methods["/"+desc.ServiceName+"/"+m.MethodName] = inProcessMethod{impl, m}
	}
	for _, s := range desc.Streams {
		p.streams["/"+desc.ServiceName+"/"+s.StreamName] = inProcessStream{impl, s}
	}
}

// Invoke calls a unary method. The reply is a copy; the request is handed over as it is, and no handler may keep it.
func (p *InProcess) Invoke(ctx context.Context, method string, args, reply any, _ ...grpc.CallOption) error {
	resp, err := p.call(ctx, method, args)
	if err != nil {
		return err
	}
	from, ok1 := resp.(proto.Message)
	to, ok2 := reply.(proto.Message)
	if !ok1 || !ok2 {
		return Status(fault.Internal(fmt.Errorf("%s answered with a %T", method, resp))).Err()
	}
	proto.Merge(to, from)
	return nil
}

func (p *InProcess) call(ctx context.Context, method string, args any) (any, error) {
	m, ok := p.methods[method]
	if !ok {
		return nil, Status(fault.NotInThisRelease(method + " is not served by this process")).Err()
	}
	if _, ok := peerIn(ctx); !ok {
		ctx = WithPeer(ctx, p.peer)
	}
	return m.desc.Handler(m.impl, ctx, func(any) error { return nil },
		func(ctx context.Context, _ any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			return p.chain.Unary(ctx, args, info, handler)
		})
}

// Call is Invoke without the copy of the reply, for the path of a ringing phone.
func Call[Resp proto.Message](ctx context.Context, p *InProcess, method string, args proto.Message) (Resp, error) {
	var zero Resp
	resp, err := p.call(ctx, method, args)
	if err != nil {
		return zero, err
	}
	typed, ok := resp.(Resp)
	if !ok {
		return zero, Status(fault.Internal(fmt.Errorf("%s answered with a %T", method, resp))).Err()
	}
	return typed, nil
}
