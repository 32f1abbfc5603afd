package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"go.opentelemetry.io/otel/metric/noop"
	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/grpc"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/rpc"
)

// auditLog keeps what it is told.
type auditLog struct {
	mu   sync.Mutex
	list []*rpcv1.AuditRecord
}

// Audit is rpc.Auditor's.
func (a *auditLog) Audit(r *rpcv1.AuditRecord) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = append(a.list, r)
}

func (a *auditLog) take() []*rpcv1.AuditRecord {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer func() { a.list = nil }()
	return a.list
}

// writer answers every write of a line.
type writer struct {
	routingv1.UnimplementedLineServiceServer
	routingv1.UnimplementedConfigurationServiceServer
	err error
}

func (w writer) CreateLine(_ context.Context, r *routingv1.CreateLineRequest) (*routingv1.Line, error) {
	return &routingv1.Line{Name: "lines/" + r.GetLineId()}, w.err
}

func (w writer) GetLine(ctx context.Context, r *routingv1.GetLineRequest) (*routingv1.Line, error) {
	if !r.GetLeaveOutHidden() {
		rpc.Disclosed(ctx, r.GetName())
	}
	return &routingv1.Line{}, w.err
}

func (w writer) ApplyConfiguration(context.Context, *routingv1.ApplyConfigurationRequest) (
	*routingv1.ApplyConfigurationResponse, error,
) {
	return &routingv1.ApplyConfigurationResponse{Changes: []*rpcv1.Change{
		{Name: "lines/a", Kind: rpcv1.Change_KIND_UNCHANGED}, {Name: "lines/b", Kind: rpcv1.Change_KIND_UPDATE},
	}}, w.err
}

func (w writer) register(r grpc.ServiceRegistrar) {
	routingv1.RegisterLineServiceServer(r, w)
	routingv1.RegisterConfigurationServiceServer(r, w)
}

func TestWhoChangedWhatIsTold(t *testing.T) {
	log := &auditLog{}
	s := startWith(t, rpc.Deps{Auditor: log, Instance: "here-1"}, writer{}.register)
	lines := routingv1.NewLineServiceClient(s.conn)
	const secret = "+61255500100"
	line := &routingv1.Line{
		DisplayName: "Gold", Number: &phone_number.PhoneNumber{Kind: &phone_number.PhoneNumber_E164Number{E164Number: secret}},
		Visibility: routingv1.Visibility_VISIBILITY_HIDDEN, Sites: []*routingv1.LineSite{{Site: "sites/dublin"}},
		LastResort: &routingv1.LastResort{Kind: routingv1.LastResort_KIND_PERSON, Target: &schedulev1.Target{
			Address: &schedulev1.Target_PhoneNumber{
				PhoneNumber: &phone_number.PhoneNumber{Kind: &phone_number.PhoneNumber_E164Number{E164Number: "+13035550123"}},
			},
		}},
	}
	ctx, span := s.tp.Tracer("test").Start(t.Context(), "change")
	if _, err := lines.CreateLine(ctx, &routingv1.CreateLineRequest{LineId: "gold", Line: line}); err != nil {
		t.Fatal(err)
	}
	span.End()
	got := log.take()
	if len(got) != 1 {
		t.Fatalf("%d records of one change", len(got))
	}
	r, id := got[0], span.SpanContext().TraceID()
	if r.GetPeer() != "local" || len(r.GetRoles()) == 0 || r.GetMethod() != "dayside.routing.v1.LineService/CreateLine" ||
		r.GetInstance() != "here-1" || r.GetUnixUs() == 0 || !bytes.Equal(r.GetTraceId(), id[:]) ||
		!slices.Equal(r.GetResources(), []string{"lines/gold"}) {
		t.Errorf("%v", r)
	}
	if strings.Contains(r.String(), "3035550123") {
		t.Errorf("somebody's own number is kept: %s", r.GetRequest())
	}
	if strings.Contains(r.String(), secret) || strings.Contains(r.String(), secret[4:]) || !strings.Contains(r.GetRequest(), "Gold") {
		t.Errorf("the request is kept as %s", r.GetRequest())
	}
	if _, err := lines.CreateLine(t.Context(), &routingv1.CreateLineRequest{LineId: "gold", Line: line, ValidateOnly: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := lines.GetLine(t.Context(), &routingv1.GetLineRequest{Name: "lines/gold", LeaveOutHidden: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := lines.CreateLine(t.Context(), &routingv1.CreateLineRequest{LineId: "?", Line: line}); err == nil {
		t.Fatal("a line without a name was taken")
	}
	if got := log.take(); len(got) != 0 {
		t.Errorf("told of what changed nothing: %v", got)
	}
	reader := rpc.WithPeer(t.Context(), rpc.NewPeer("ada", rpcv1.Role_ROLE_ADMIN, rpcv1.Role_ROLE_READER))
	if _, err := routingv1.NewConfigurationServiceClient(s.local).ApplyConfiguration(reader, &routingv1.ApplyConfigurationRequest{}); err != nil {
		t.Fatal(err)
	}
	got = log.take()
	if len(got) != 1 || got[0].GetPeer() != "ada" || !slices.Equal(got[0].GetResources(), []string{"lines/b"}) ||
		!slices.Equal(got[0].GetRoles(), []rpcv1.Role{rpcv1.Role_ROLE_ADMIN, rpcv1.Role_ROLE_READER}) {
		t.Errorf("%v", got)
	}
}

// TestWhatFewMayReadIsTold: a read that told it is kept, where it was answered and not where it was passed on.
func TestWhatFewMayReadIsTold(t *testing.T) {
	there, here := &auditLog{}, &auditLog{}
	owner := startWith(t, rpc.Deps{Auditor: there}, writer{}.register)
	edge := startWith(t, rpc.Deps{Auditor: here}, func(r grpc.ServiceRegistrar) {
		if err := rpc.Forward(r, &routingv1.LineService_ServiceDesc, owner.conn); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := routingv1.NewLineServiceClient(edge.conn).GetLine(t.Context(), &routingv1.GetLineRequest{Name: "lines/gold"}); err != nil {
		t.Fatal(err)
	}
	if got := there.take(); len(got) != 1 || got[0].GetMethod() != "dayside.routing.v1.LineService/GetLine" ||
		!slices.Equal(got[0].GetResources(), []string{"lines/gold"}) {
		t.Errorf("kept: %v", got)
	}
	if got := here.take(); len(got) != 0 {
		t.Errorf("kept by whoever passed it on: %v", got)
	}
}

func TestWhatFailedIsNotTold(t *testing.T) {
	log := &auditLog{}
	s := startWith(t, rpc.Deps{Auditor: log}, writer{err: errors.New("no")}.register)
	_, err := routingv1.NewConfigurationServiceClient(s.conn).ApplyConfiguration(t.Context(), &routingv1.ApplyConfigurationRequest{})
	if got := log.take(); err == nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

// TestAForwardedChangeIsToldOnce: by the process that made it.
func TestAForwardedChangeIsToldOnce(t *testing.T) {
	there, here := &auditLog{}, &auditLog{}
	owner := startWith(t, rpc.Deps{Auditor: there, Instance: "owner"}, writer{}.register)
	edge := startWith(t, rpc.Deps{Auditor: here, Instance: "edge"}, func(r grpc.ServiceRegistrar) {
		if err := rpc.Forward(r, &routingv1.ConfigurationService_ServiceDesc, owner.conn); err != nil {
			t.Fatal(err)
		}
	})
	for _, cc := range []grpc.ClientConnInterface{edge.conn, edge.local} {
		if _, err := routingv1.NewConfigurationServiceClient(cc).ApplyConfiguration(t.Context(), &routingv1.ApplyConfigurationRequest{}); err != nil {
			t.Fatal(err)
		}
		if got := there.take(); len(here.take()) != 0 || len(got) != 1 || got[0].GetInstance() != "owner" {
			t.Errorf("%v", got)
		}
	}
}

// TestPeoplesNumbersAreNotKept: an audit is read for years, by people who have no business to ring them.
func TestPeoplesNumbersAreNotKept(t *testing.T) {
	log := &auditLog{}
	s := startWith(t, rpc.Deps{Auditor: log}, writer{}.register)
	anna := &schedulev1.Person{Name: "people/anna", DisplayName: "Anna", Targets: []*schedulev1.Target{
		{Address: &schedulev1.Target_PhoneNumber{
			PhoneNumber: &phone_number.PhoneNumber{Kind: &phone_number.PhoneNumber_E164Number{E164Number: "+13035550123"}},
		}},
		{Address: &schedulev1.Target_SipUri{SipUri: "sip:+13035550123@mobile.example.com"}},
	}}
	request := &routingv1.ApplyConfigurationRequest{People: []*schedulev1.Person{anna}}
	if _, err := routingv1.NewConfigurationServiceClient(s.local).ApplyConfiguration(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if got := log.take(); len(got) != 1 || strings.Contains(got[0].GetRequest(), "3035550123") ||
		!strings.Contains(got[0].GetRequest(), "Anna") {
		t.Errorf("%v", got)
	}
}

// TestALongRequestIsCut: the record stays readable.
func TestALongRequestIsCut(t *testing.T) {
	log := &auditLog{}
	s := startWith(t, rpc.Deps{Auditor: log}, writer{}.register)
	long := &routingv1.ApplyConfigurationRequest{}
	for range 200 {
		long.Calendars = append(long.Calendars, &schedulev1.Calendar{Name: "calendars/x", DisplayName: strings.Repeat("ü", 90)})
	}
	if _, err := routingv1.NewConfigurationServiceClient(s.local).ApplyConfiguration(t.Context(), long); err != nil {
		t.Fatal(err)
	}
	got := log.take()
	if len(got) != 1 || len(got[0].GetRequest()) > 4096 || len(got[0].GetRequest()) < 4000 || !utf8.ValidString(got[0].GetRequest()) {
		t.Errorf("%d bytes", len(got[0].GetRequest()))
	}
}

// startWith is start with some dependencies of the test's own.
func startWith(t *testing.T, deps rpc.Deps, register func(grpc.ServiceRegistrar)) server {
	t.Helper()
	return startServer(t, deps, nil, register)
}

func withDefaults(deps rpc.Deps, s server) rpc.Deps {
	deps.Logger, deps.TracerProvider, deps.MeterProvider = slog.New(slog.NewTextHandler(s.log, nil)), s.tp, noop.NewMeterProvider()
	if deps.Clock == nil {
		deps.Clock = clock.System{}
	}
	return deps
}

// chooser is a contact service that takes any name.
type chooser struct {
	entitlementv1.UnimplementedContactServiceServer
}

func (chooser) ChooseAccessName(_ context.Context, r *entitlementv1.ChooseAccessNameRequest,
) (*entitlementv1.ChooseAccessNameResponse, error) {
	return &entitlementv1.ChooseAccessNameResponse{AccessName: r.GetAccessName(), Customer: "customers/acme", Contact: "customers/acme/contacts/ann"}, nil
}

// TestItIsToldWhoseASessionWas: the request names nobody.
func TestItIsToldWhoseASessionWas(t *testing.T) {
	log := &auditLog{}
	s := startWith(t, rpc.Deps{Auditor: log, Instance: "here-1"}, func(r grpc.ServiceRegistrar) {
		entitlementv1.RegisterContactServiceServer(r, chooser{})
	})
	request := &entitlementv1.ChooseAccessNameRequest{Session: "opaque", AccessName: "Heron"}
	if _, err := entitlementv1.NewContactServiceClient(s.local).ChooseAccessName(
		rpc.WithPeer(t.Context(), rpc.NewPeer("portal", rpcv1.Role_ROLE_SERVICE)), request); err != nil {
		t.Fatal(err)
	}
	got := log.take()
	if len(got) != 1 || !slices.Equal(got[0].GetResources(), []string{"customers/acme", "customers/acme/contacts/ann"}) ||
		strings.Contains(got[0].String(), "opaque") {
		t.Errorf("%v", got)
	}
}
