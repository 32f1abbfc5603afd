package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/rpc"
)

// lines answers GetLine with what the test wants.
type lines struct {
	routingv1.UnimplementedLineServiceServer
	get func(context.Context, *routingv1.GetLineRequest) (*routingv1.Line, error)
}

func (l lines) GetLine(ctx context.Context, r *routingv1.GetLineRequest) (*routingv1.Line, error) {
	return l.get(ctx, r)
}

type server struct {
	grpc  *rpc.Server
	chain *rpc.Chain
	conn  *grpc.ClientConn
	local *rpc.InProcess
	log   *bytes.Buffer
	spans *tracetest.SpanRecorder
	tp    *sdktrace.TracerProvider
}

func start(t *testing.T, register func(grpc.ServiceRegistrar)) server {
	t.Helper()
	return startServer(t, rpc.Deps{}, nil, register)
}

// startServer serves what is registered on loopback, in plain text where creds is nil.
func startServer(t *testing.T, deps rpc.Deps, creds *rpc.TLS, register func(grpc.ServiceRegistrar)) server {
	t.Helper()
	s := server{log: &bytes.Buffer{}, spans: tracetest.NewSpanRecorder()}
	s.tp = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(s.spans),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.AlwaysSample())))
	chain, err := rpc.NewChain(withDefaults(deps, s))
	if err != nil {
		t.Fatal(err)
	}
	srv := rpc.NewServer(chain, creds)
	s.grpc, s.chain, s.local = srv, chain, rpc.NewInProcess(chain, rpc.Local())
	register(srv)
	register(s.local)
	srv.Finish()
	l, err := rpc.Listen(t.Context(), "grpc-listen", "127.0.0.1:0", creds)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(srv.Stop)
	s.conn, err = grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithUnaryInterceptor(rpc.TraceUnaryClient(s.tp.Tracer("test"))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.conn.Close() })
	return s
}

func linesThat(get func(context.Context, *routingv1.GetLineRequest) (*routingv1.Line, error)) func(grpc.ServiceRegistrar) {
	return func(r grpc.ServiceRegistrar) { routingv1.RegisterLineServiceServer(r, lines{get: get}) }
}

func TestFaultsKeepTheirMeaningOverTheWire(t *testing.T) {
	for _, f := range []*fault.Fault{
		fault.Invalid(fault.Violation{Field: "line.sites[0]", Value: "sites/x", Rule: "does not exist"}),
		fault.NotFound("lines/gold"), fault.AlreadyExists("lines/gold"), fault.InUse("sites/x", "lines/gold"),
		fault.Conflict("lines/gold"), fault.LimitExceeded("too many"), fault.NotInThisRelease("later"),
		fault.Unavailable("etcd", errors.New("secret cause")),
	} {
		s := start(t, linesThat(func(context.Context, *routingv1.GetLineRequest) (*routingv1.Line, error) { return nil, f }))
		_, err := routingv1.NewLineServiceClient(s.conn).GetLine(t.Context(), &routingv1.GetLineRequest{Name: "lines/gold"})
		var got *fault.Fault
		if !errors.As(rpc.Fault(err), &got) || got.Reason != f.Reason || got.Resource != f.Resource ||
			got.RetryAfter != f.RetryAfter || len(got.Violations) != len(f.Violations) {
			t.Errorf("%v came as %v", f, err)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("the cause reached the peer: %v", err)
		}
	}
}

func TestADefectSaysNothingToThePeerAndAllToTheLog(t *testing.T) {
	for name, get := range map[string]func(context.Context, *routingv1.GetLineRequest) (*routingv1.Line, error){
		"an error": func(context.Context, *routingv1.GetLineRequest) (*routingv1.Line, error) {
			return nil, errors.New("nil map of secrets")
		},
		"a panic": func(context.Context, *routingv1.GetLineRequest) (*routingv1.Line, error) { panic("nil map of secrets") },
	} {
		s := start(t, linesThat(get))
		_, err := routingv1.NewLineServiceClient(s.conn).GetLine(t.Context(), &routingv1.GetLineRequest{Name: "lines/gold"})
		if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "secrets") {
			t.Errorf("%s: the peer got %v", name, err)
		}
		if !strings.Contains(s.log.String(), "secrets") {
			t.Errorf("%s: the log says %q", name, s.log)
		}
	}
}

func TestBadInputNamesFieldValueAndRuleAndHidesNumbers(t *testing.T) {
	s := start(t, func(r grpc.ServiceRegistrar) {
		routingv1.RegisterLineServiceServer(r, routingv1.UnimplementedLineServiceServer{})
		routingv1.RegisterRoutingServiceServer(r, routingv1.UnimplementedRoutingServiceServer{})
		entitlementv1.RegisterEntitlementServiceServer(r, entitlementv1.UnimplementedEntitlementServiceServer{})
	})
	_, err := routingv1.NewLineServiceClient(s.conn).GetLine(t.Context(), &routingv1.GetLineRequest{Name: "Lines/Gold"})
	var f *fault.Fault
	if !errors.As(rpc.Fault(err), &f) || len(f.Violations) != 1 || f.Violations[0].Field != "name" ||
		!strings.Contains(f.Violations[0].Rule, "Lines/Gold") {
		t.Errorf("got %v", err)
	}
	long := "+61255501000" + strings.Repeat("7", 80)
	_, err = routingv1.NewRoutingServiceClient(s.conn).RouteCall(t.Context(), &routingv1.RouteCallRequest{
		CallId: "c", DialledNumber: long, Caller: &routingv1.Caller{Number: long},
	})
	if status.Code(err) != codes.InvalidArgument || strings.Contains(err.Error(), "255501") {
		t.Errorf("a number is shown: %v", err)
	}
	_, err = entitlementv1.NewEntitlementServiceClient(s.conn).CreateCustomer(t.Context(),
		&entitlementv1.CreateCustomerRequest{Customer: &entitlementv1.Customer{
			DisplayName: "", PhoneNumbers: []*phone_number.PhoneNumber{nil},
		}})
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("got %v", err)
	}
}

func TestRolesComeFromTheProto(t *testing.T) {
	s := start(t, linesThat(func(ctx context.Context, _ *routingv1.GetLineRequest) (*routingv1.Line, error) {
		if !rpc.PeerFrom(ctx).Has(rpcv1.Role_ROLE_READER) {
			return nil, errors.New("the peer did not reach the method")
		}
		return &routingv1.Line{}, nil
	}))
	client := routingv1.NewLineServiceClient(s.local)
	for role, want := range map[rpcv1.Role]codes.Code{
		rpcv1.Role_ROLE_READER: codes.OK, rpcv1.Role_ROLE_CONTACT: codes.PermissionDenied,
		rpcv1.Role_ROLE_GATEWAY: codes.PermissionDenied,
	} {
		ctx := rpc.WithPeer(t.Context(), rpc.NewPeer("test", role))
		_, err := client.GetLine(ctx, &routingv1.GetLineRequest{Name: "lines/gold"})
		if status.Code(err) != want {
			t.Errorf("%v: got %v, want %v", role, err, want)
		}
	}
}

func TestOneTraceOverProcessesAndNoneWhereUnsampled(t *testing.T) {
	s := start(t, linesThat(func(context.Context, *routingv1.GetLineRequest) (*routingv1.Line, error) {
		return &routingv1.Line{}, nil
	}))
	ctx, root := s.tp.Tracer("test").Start(t.Context(), "root")
	if _, err := routingv1.NewLineServiceClient(s.conn).GetLine(ctx, &routingv1.GetLineRequest{Name: "lines/a"}); err != nil {
		t.Fatal(err)
	}
	root.End()
	await.True(t, "three spans", func() bool { return len(s.spans.Ended()) == 3 })
	for _, span := range s.spans.Ended() {
		if span.SpanContext().TraceID() != root.SpanContext().TraceID() {
			t.Errorf("%s is in another trace", span.Name())
		}
	}
	never := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample()))
	ctx, _ = never.Tracer("test").Start(t.Context(), "unsampled")
	if _, err := routingv1.NewLineServiceClient(s.conn).GetLine(ctx, &routingv1.GetLineRequest{Name: "lines/a"}); err != nil {
		t.Fatal(err)
	}
	if n := len(s.spans.Started()); n != 3 {
		t.Errorf("an unsampled call made %d spans", n-3)
	}
}

func TestForwardedServicesAnswerAsTheirOwn(t *testing.T) {
	owner := start(t, linesThat(func(_ context.Context, r *routingv1.GetLineRequest) (*routingv1.Line, error) {
		return &routingv1.Line{Name: r.GetName()}, nil
	}))
	edge := start(t, func(r grpc.ServiceRegistrar) {
		if err := rpc.Forward(r, &routingv1.LineService_ServiceDesc, owner.conn); err != nil {
			t.Fatal(err)
		}
	})
	for _, cc := range []grpc.ClientConnInterface{edge.conn, edge.local} {
		l, err := routingv1.NewLineServiceClient(cc).GetLine(t.Context(), &routingv1.GetLineRequest{Name: "lines/gold"})
		if err != nil || l.GetName() != "lines/gold" {
			t.Errorf("forwarded: %v, %v", l, err)
		}
		_, err = routingv1.NewLineServiceClient(cc).GetLine(t.Context(), &routingv1.GetLineRequest{Name: "?"})
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("the edge did not validate: %v", err)
		}
	}
}

func TestListenRefusesStrangersAndSaysWhoIsInTheWay(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "nonsense"} {
		if l, err := rpc.Listen(t.Context(), "grpc-listen", addr, nil); err == nil {
			_ = l.Close()
			t.Errorf("listens on %s without credentials", addr)
		}
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = rpc.Listen(t.Context(), "grpc-listen", l.Addr().String(), nil)
	if err == nil || !strings.Contains(err.Error(), "in use by another process") ||
		!strings.Contains(err.Error(), "--grpc-listen") {
		t.Errorf("got %v", err)
	}
}

func TestALargeRequestIsRefused(t *testing.T) {
	s := start(t, linesThat(nil))
	_, err := routingv1.NewLineServiceClient(s.conn).GetLine(t.Context(),
		&routingv1.GetLineRequest{Name: strings.Repeat("x", 10<<20)})
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("10 MB: %v", err)
	}
}
