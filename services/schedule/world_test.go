package schedule_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/timeofday"
	"google.golang.org/protobuf/types/known/timestamppb"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/coord/embed"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	"github.com/daysidehq/dayside/services/internal/zones"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
	"github.com/daysidehq/dayside/services/schedule"
)

// sunday is the 22nd of November 2026, a Sunday, at nine.
var sunday = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// world is an etcd and one schedule service on it, at a time of its own.
type world struct {
	*schedule.Service
	// The other services of the same process, called through the chain as peers call them.
	plans     schedulev1.PlanServiceClient
	calendars schedulev1.CalendarServiceClient
	rotas     schedulev1.RotaServiceClient
	coverage  schedulev1.CoverageServiceClient
	timeZones schedulev1.TimeZoneServiceClient
	feeds     schedulev1.FeedServiceClient

	etcd *coord.Client
	// store is etcd as the service of this process sees it.
	store schedule.Store
	clock *clock.Manual
	zones *zones.Bundle
}

// newWorld is one whose keys are its own, in an etcd in which other tests have theirs: a start costs more than most tests do.
func newWorld(t *testing.T) world {
	t.Helper()
	srv, err := shared.started()
	if err != nil {
		t.Fatal(err)
	}
	return worldAt(t, srv, fmt.Sprintf("/test-%d/", shared.tests.Add(1)))
}

// shared is the etcd of all tests.
var shared sharedEtcd

type sharedEtcd struct {
	once   sync.Once
	dir    string
	server *embed.Server
	err    error
	tests  atomic.Int64
}

func (s *sharedEtcd) started() (*embed.Server, error) {
	s.once.Do(func() {
		if s.dir, s.err = os.MkdirTemp("", "schedule-etcd"); s.err == nil {
			s.server, s.err = embed.Start(context.Background(), embed.Config{Dir: s.dir, Listen: "127.0.0.1:0", Fast: true})
		}
	})
	return s.server, s.err
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.server != nil {
		shared.server.Close()
	}
	if shared.dir != "" {
		_ = os.RemoveAll(shared.dir)
	}
	os.Exit(code)
}

// worldOn is one on an etcd of its own.
func worldOn(t testing.TB, cfg embed.Config) world {
	t.Helper()
	cfg.Dir, cfg.Listen = t.TempDir(), "127.0.0.1:0"
	srv, err := embed.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	return worldAt(t, srv, "")
}

func worldAt(t testing.TB, srv *embed.Server, prefix string) world {
	t.Helper()
	etcd, err := coord.Open(t.Context(), coord.Config{Endpoints: []string{srv.Endpoint()}, Prefix: prefix, Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = etcd.Close() })
	w := world{etcd: etcd, store: etcd, clock: clock.NewManual(sunday), zones: zonestest.Embedded(t)}
	w.Service = w.another()
	conn := connect(t, w.Service)
	w.plans, w.calendars = schedulev1.NewPlanServiceClient(conn), schedulev1.NewCalendarServiceClient(conn)
	w.rotas, w.coverage = schedulev1.NewRotaServiceClient(conn), schedulev1.NewCoverageServiceClient(conn)
	w.timeZones, w.feeds = schedulev1.NewTimeZoneServiceClient(conn), schedulev1.NewFeedServiceClient(conn)
	return w
}

// connect calls a service with what stands before it in a process: validation, roles, one mapping of errors.
func connect(t testing.TB, s *schedule.Service) *rpc.InProcess {
	t.Helper()
	chain, err := rpc.NewChain(rpc.Deps{
		Clock: clock.System{}, Logger: slog.New(slog.DiscardHandler), TracerProvider: tracenoop.NewTracerProvider(),
		MeterProvider: metricnoop.NewMeterProvider(),
	})
	if err != nil {
		t.Fatal(err)
	}
	conn := rpc.NewInProcess(chain, rpc.Local())
	s.Register(conn)
	return conn
}

// another is the service of another process of the same cluster.
func (w world) another() *schedule.Service {
	return schedule.New(schedule.Config{
		Store: w.etcd, Clock: w.clock, Rules: tzdata.Fixed(w.zones), Log: slog.New(slog.DiscardHandler),
	})
}

// run runs a service until the test ends, and waits until it can answer.
func run(t testing.TB, s *schedule.Service) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	await.True(t, "the first list", s.Ready)
}

func span(fromH, toH int32) *schedulev1.Span {
	return &schedulev1.Span{Open: &timeofday.TimeOfDay{Hours: fromH}, Close: &timeofday.TimeOfDay{Hours: toH}}
}

// site is open from nine to five on weekdays.
func site(id, zone string) *schedulev1.Site {
	day := []*schedulev1.Span{span(9, 17)}
	return &schedulev1.Site{
		Name: "sites/" + id, DisplayName: id, TimeZone: zone,
		WeeklyHours: &schedulev1.WeeklyHours{Mon: day, Tue: day, Wed: day, Thu: day, Fri: day},
		Exceptions: []*schedulev1.HoursException{{
			Date: &date.Date{Year: 2026, Month: 12, Day: 24}, Spans: []*schedulev1.Span{span(9, 12)}, DisplayName: "Christmas Eve",
		}},
		Targets: []*schedulev1.Target{{Address: &schedulev1.Target_SipUri{SipUri: "sip:support@" + id + ".example.com"}}},
	}
}

func (w world) create(t testing.TB, s *schedulev1.Site) *schedulev1.Site {
	t.Helper()
	made, err := w.CreateSite(t.Context(), &schedulev1.CreateSiteRequest{Site: s})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// line publishes a line as routing would.
func (w world) line(t testing.TB, id string, sites ...string) {
	t.Helper()
	value, err := published.Marshal(&publishedv1.Line{Id: id, Sites: sites})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.etcd.Commit(t.Context(), nil, []*rpcv1.Write{coord.Put(published.LinePrefix+id, value)}); err != nil {
		t.Fatal(err)
	}
}

// record is what is published of a site, with its revision.
func (w world) record(t *testing.T, id string) (*publishedv1.Site, int64) {
	t.Helper()
	e, err := w.etcd.Get(t.Context(), published.SitePrefix+id)
	if err != nil {
		t.Fatal(err)
	}
	p, err := published.Site(e.Value)
	if err != nil {
		t.Fatal(err)
	}
	return p, e.ModRevision
}

// keys are all that sites have in etcd.
func (w world) keys(t *testing.T) (keys []string) {
	t.Helper()
	for _, prefix := range []string{published.AllPrefix, "schedule/"} {
		entries, _, err := w.etcd.ListAll(t.Context(), prefix)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			keys = append(keys, e.Key)
		}
	}
	return keys
}

func wantReason(t *testing.T, what string, err error, want rpcv1.Reason) {
	t.Helper()
	if fault.ReasonOf(rpc.Fault(err)) != want {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func put(key string, value []byte) *rpcv1.Write { return coord.Put(key, value) }

func stamp(t time.Time) *timestamppb.Timestamp { return timestamppb.New(t) }
