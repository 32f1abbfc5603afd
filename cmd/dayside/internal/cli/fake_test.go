package cli_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/cli"
	"github.com/daysidehq/dayside/cmd/dayside/internal/manifest"
	"github.com/daysidehq/dayside/deploy/examples"
	"github.com/daysidehq/dayside/services/schedule"
)

// now is a Monday noon in Dublin: it and Bengaluru are open.
var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// fake is a server in memory that holds the example configuration and answers questions with what a test gave it.
type fake struct {
	// askedHidden is how often lines were asked for with hidden numbers.
	askedHidden int
	rotaAnswers
	custodyAnswers
	customerAnswers
	*dataAnswers
	schedulev1.UnimplementedScheduleServiceServer
	schedulev1.UnimplementedCalendarServiceServer
	schedulev1.UnimplementedRotaServiceServer
	schedulev1.UnimplementedCoverageServiceServer
	schedulev1.UnimplementedTimeZoneServiceServer
	entitlementv1.UnimplementedEntitlementServiceServer
	entitlementv1.UnimplementedCatalogServiceServer
	entitlementv1.UnimplementedGrantServiceServer
	routingv1.UnimplementedLineServiceServer
	routingv1.UnimplementedRoutingServiceServer
	routingv1.UnimplementedConfigurationServiceServer
	drainAnswers
	ledgerAnswers
	alertAnswers
	promiseAnswers
	contactAnswers
	clusterAnswers
	talkAnswers
	tableAnswers

	set       *manifest.Set
	open      *schedulev1.QueryOpenSitesResponse
	coverage  *schedulev1.QueryCoverageResponse
	rules     *schedulev1.TimeZoneRules
	adoption  *adoption
	why       *schedulev1.ExplainSiteResponse
	watched   []*schedulev1.WatchCoverageResponse
	lost      int // how many watches end because the server goes away
	route     *routingv1.ExplainRouteResponse
	applied   *routingv1.ApplyConfigurationResponse
	imported  *schedulev1.ImportCalendarResponse
	diff      *schedulev1.DiffCalendarsResponse
	simulated *schedulev1.SimulateResponse
	err       error
	// asked is the last request.
	asked proto.Message
}

func (f *fake) QueryOpenSites(_ context.Context, r *schedulev1.QueryOpenSitesRequest) (*schedulev1.QueryOpenSitesResponse, error) {
	f.asked = r
	return f.open, f.err
}

func (f *fake) ExplainSite(_ context.Context, r *schedulev1.ExplainSiteRequest) (*schedulev1.ExplainSiteResponse, error) {
	f.asked = r
	return f.why, f.err
}

// WatchCoverage ends after what was watched.
func (f *fake) WatchCoverage(r *schedulev1.WatchCoverageRequest,
	s grpc.ServerStreamingServer[schedulev1.WatchCoverageResponse],
) error {
	f.asked = r
	for _, w := range f.watched {
		if err := s.Send(w); err != nil {
			return err
		}
	}
	if f.lost > 0 {
		f.lost--
		return status.Error(codes.Unavailable, "this process is stopping")
	}
	return f.err
}

func (f *fake) QueryCoverage(_ context.Context, r *schedulev1.QueryCoverageRequest) (*schedulev1.QueryCoverageResponse, error) {
	f.asked = r
	return f.coverage, f.err
}

func (f *fake) Simulate(_ context.Context, r *schedulev1.SimulateRequest) (*schedulev1.SimulateResponse, error) {
	f.asked = r
	return f.simulated, f.err
}

func (f *fake) ExplainRoute(_ context.Context, r *routingv1.ExplainRouteRequest) (*routingv1.ExplainRouteResponse, error) {
	f.asked = r
	return f.route, f.err
}

func (f *fake) ApplyConfiguration(_ context.Context, r *routingv1.ApplyConfigurationRequest) (*routingv1.ApplyConfigurationResponse, error) {
	f.asked = r
	return f.applied, f.err
}

// page is the one item after the token, so that every list takes several requests.
func page[T interface{ GetName() string }](list []T, token string) ([]T, string) {
	i := slices.IndexFunc(list, func(m T) bool { return m.GetName() > token })
	if i < 0 {
		return nil, ""
	}
	if i+1 == len(list) {
		return list[i:], ""
	}
	return list[i : i+1], list[i].GetName()
}

func (f *fake) ListCalendars(_ context.Context, r *schedulev1.ListCalendarsRequest) (*schedulev1.ListCalendarsResponse, error) {
	items, next := page(f.set.Calendars, r.GetPageToken())
	return &schedulev1.ListCalendarsResponse{Calendars: items, NextPageToken: next}, f.err
}

func (f *fake) ListPeople(_ context.Context, r *schedulev1.ListPeopleRequest) (*schedulev1.ListPeopleResponse, error) {
	items, next := page(f.set.People, r.GetPageToken())
	return &schedulev1.ListPeopleResponse{People: items, NextPageToken: next}, f.err
}

func (f *fake) ListRotas(_ context.Context, r *schedulev1.ListRotasRequest) (*schedulev1.ListRotasResponse, error) {
	items, next := page(f.set.Rotas, r.GetPageToken())
	return &schedulev1.ListRotasResponse{Rotas: items, NextPageToken: next}, f.err
}

func (f *fake) ListSites(_ context.Context, r *schedulev1.ListSitesRequest) (*schedulev1.ListSitesResponse, error) {
	items, next := page(f.set.Sites, r.GetPageToken())
	return &schedulev1.ListSitesResponse{Sites: items, NextPageToken: next}, f.err
}

func (f *fake) ListCustomers(_ context.Context, r *entitlementv1.ListCustomersRequest) (*entitlementv1.ListCustomersResponse, error) {
	items, next := page(f.set.Customers, r.GetPageToken())
	return &entitlementv1.ListCustomersResponse{Customers: items, NextPageToken: next}, f.err
}

func (f *fake) ListLines(_ context.Context, r *routingv1.ListLinesRequest) (*routingv1.ListLinesResponse, error) {
	if !r.GetLeaveOutHidden() {
		f.askedHidden++
	}
	items, next := page(f.set.Lines, r.GetPageToken())
	return &routingv1.ListLinesResponse{Lines: items, NextPageToken: next}, f.err
}

func find[T interface{ GetName() string }](list []T, name string) (T, error) {
	for _, m := range list {
		if m.GetName() == name {
			return m, nil
		}
	}
	var none T
	return none, refusal(codes.NotFound, name+" does not exist", rpcv1.Reason_REASON_NOT_FOUND)
}

func (f *fake) GetCalendar(_ context.Context, r *schedulev1.GetCalendarRequest) (*schedulev1.Calendar, error) {
	return find(f.set.Calendars, r.GetName())
}

func (f *fake) GetPerson(_ context.Context, r *schedulev1.GetPersonRequest) (*schedulev1.Person, error) {
	return find(f.set.People, r.GetName())
}

func (f *fake) GetRota(_ context.Context, r *schedulev1.GetRotaRequest) (*schedulev1.Rota, error) {
	return find(f.set.Rotas, r.GetName())
}

func (f *fake) GetSite(_ context.Context, r *schedulev1.GetSiteRequest) (*schedulev1.Site, error) {
	return find(f.set.Sites, r.GetName())
}

func (f *fake) GetCustomer(_ context.Context, r *entitlementv1.GetCustomerRequest) (*entitlementv1.Customer, error) {
	return find(f.set.Customers, r.GetName())
}

func (f *fake) GetLine(_ context.Context, r *routingv1.GetLineRequest) (*routingv1.Line, error) {
	if f.err != nil {
		return nil, f.err
	}
	if !r.GetLeaveOutHidden() {
		f.askedHidden++
	}
	return find(f.set.Lines, r.GetName())
}

func (f *fake) DeleteCalendar(_ context.Context, r *schedulev1.DeleteCalendarRequest) (*emptypb.Empty, error) {
	f.asked = r
	return &emptypb.Empty{}, nil
}

func (f *fake) DeletePerson(_ context.Context, r *schedulev1.DeletePersonRequest) (*emptypb.Empty, error) {
	f.asked = r
	return &emptypb.Empty{}, nil
}

func (f *fake) DeleteRota(_ context.Context, r *schedulev1.DeleteRotaRequest) (*emptypb.Empty, error) {
	f.asked = r
	return &emptypb.Empty{}, nil
}

func (f *fake) DeleteSite(_ context.Context, r *schedulev1.DeleteSiteRequest) (*emptypb.Empty, error) {
	f.asked = r
	return &emptypb.Empty{}, refusal(codes.FailedPrecondition, r.GetName()+" is used by lines/gold-emergency", rpcv1.Reason_REASON_IN_USE)
}

func (f *fake) DeleteCustomer(_ context.Context, r *entitlementv1.DeleteCustomerRequest) (*emptypb.Empty, error) {
	f.asked = r
	return &emptypb.Empty{}, nil
}

// refusal is an error as services make it.
func refusal(code codes.Code, message string, reason rpcv1.Reason, fields ...*errdetails.BadRequest_FieldViolation) error {
	s := status.New(code, message)
	s, err := s.WithDetails(&errdetails.ErrorInfo{Domain: "dayside", Reason: strings.TrimPrefix(reason.String(), "REASON_")})
	if err != nil {
		panic(err)
	}
	if len(fields) > 0 {
		if s, err = s.WithDetails(&errdetails.BadRequest{FieldViolations: fields}); err != nil {
			panic(err)
		}
	}
	return s.Err()
}

func example(t *testing.T) *manifest.Set {
	t.Helper()
	sources, err := manifest.LoadFS(examples.Files, examples.FollowTheSun)
	if err != nil {
		t.Fatal(err)
	}
	set, err := manifest.Read(sources)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// terminal is a command line beside a server.
type terminal struct {
	env      cli.Env
	out, err bytes.Buffer
	in       strings.Reader
}

func newTerminal(t *testing.T, f *fake) *terminal {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	schedulev1.RegisterScheduleServiceServer(server, f)
	schedulev1.RegisterCalendarServiceServer(server, f)
	schedulev1.RegisterRotaServiceServer(server, f)
	schedulev1.RegisterCoverageServiceServer(server, f)
	schedulev1.RegisterTimeZoneServiceServer(server, f)
	entitlementv1.RegisterEntitlementServiceServer(server, f)
	entitlementv1.RegisterCatalogServiceServer(server, f)
	entitlementv1.RegisterGrantServiceServer(server, f)
	entitlementv1.RegisterPromiseServiceServer(server, f)
	entitlementv1.RegisterContactServiceServer(server, f)
	if f.dataAnswers != nil {
		entitlementv1.RegisterDataServiceServer(server, f)
	}
	routingv1.RegisterLineServiceServer(server, f)
	routingv1.RegisterRoutingServiceServer(server, f)
	routingv1.RegisterConfigurationServiceServer(server, f)
	routingv1.RegisterDrainServiceServer(server, f)
	routingv1.RegisterInForceServiceServer(server, f)
	routingv1.RegisterAlertServiceServer(server, f)
	routingv1.RegisterBriefServiceServer(server, f)
	routingv1.RegisterRouteTableServiceServer(server, f)
	rpcv1.RegisterClusterServiceServer(server, f)
	registerLedger(server, f)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	zones, err := embeddedZones()
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan time.Time)
	close(closed)
	term := &terminal{}
	term.env = cli.Env{
		In: &term.in, Out: &term.out, Err: &term.err,
		After: func(time.Duration) <-chan time.Time { return closed },
		Now:   func() time.Time { return now }, Getenv: func(string) string { return "" },
		Location: zones.Location, Version: "v1",
		Dial: func(string) (*grpc.ClientConn, error) {
			return grpc.NewClient("passthrough:///fake", grpc.WithTransportCredentials(insecure.NewCredentials()),
				grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
		},
	}
	return term
}

// embeddedZones are read once for all terminals: that takes longer than most commands.
var embeddedZones = sync.OnceValues(schedule.EmbeddedZones) //nolint:gochecknoglobals // read once

// run is a command's exit code; what it wrote is in out and err.
func (t *terminal) run(ctx context.Context, args ...string) int {
	t.out.Reset()
	t.err.Reset()
	return cli.Run(ctx, t.env, args)
}

func text[T proto.Message](t *testing.T, m T, s string) T {
	t.Helper()
	if err := prototext.Unmarshal([]byte(s), m); err != nil {
		t.Fatal(err)
	}
	return m
}

// golden compares with testdata/NAME.golden; UPDATE_GOLDEN=1 writes it anew.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}
