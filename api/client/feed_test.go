package client_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"

	"github.com/daysidehq/dayside/api/client"
)

// thisHour is when tables of tests begin.
func thisHour() time.Time { return time.Now().UTC().Truncate(time.Hour) } //nolint:forbidigo // the client has the machine's clock

func firstTarget(r *client.Route) string {
	return r.GetForward().GetTargets()[0].GetTarget().GetSipUri()
}

// fed is a client with a table of two lines, and the process that told it.
func fed(t *testing.T, cfg func(*client.Config)) (*client.Client, *process) {
	t.Helper()
	p := start(t)
	p.set(func() {
		p.tables = []*routingv1.WatchRoutesResponse{{
			Tables: []*routingv1.RouteTable{tableOf("lines/gold", hidden, thisHour(), "sip:a@dublin.example", "sip:b@dublin.example")},
			More:   true, ViewRevision: 5,
		}, {
			Tables:  []*routingv1.RouteTable{tableOf("lines/web", "+13035550100", thisHour(), "sip:web@cork.example")},
			ViewAge: durationpb.New(2 * time.Second), ViewRevision: 5,
		}}
	})
	c := config(p)
	if cfg != nil {
		cfg(&c)
	}
	gateway := open(t, c)
	eventually(t, "the table", func() bool { return gateway.Stats().TableLines == 2 })
	return gateway, p
}

func TestWithEveryProcessGoneTheTableAnswers(t *testing.T) {
	var log logs
	c, p := fed(t, func(cfg *client.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	p.server.Stop()
	for range 3 {
		route, err := c.RouteCall(t.Context(), call("a"))
		if err != nil || route.Source != client.SourceTable || firstTarget(route) != "sip:a@dublin.example" || route.GetLine() != "lines/gold" {
			t.Fatalf("%+v, %v", route, err)
		}
		if route.Age < 2*time.Second || route.Age > time.Minute || route.Endpoint != "" || route.GetContinuation() != nil {
			t.Errorf("%+v: routing's own view was 2 s old already", route)
		}
	}
	r := call("b")
	r.DialledNumber = unknown
	if _, err := c.RouteCall(t.Context(), r); !errors.Is(err, client.ErrUnknownNumber) {
		t.Errorf("a number that the table does not know: %v", err)
	}
	if s := c.Stats(); s.FromTable != 3 || s.Unanswered != 1 || s.Routed != 0 {
		t.Errorf("%+v", s)
	}
	p.serve(t)
	eventually(t, "routing to answer again", func() bool {
		route, err := c.RouteCall(t.Context(), call("a"))
		return err == nil && route.Source == client.SourceRouting
	})
	text := log.String()
	if strings.Count(text, "its own table does") != 1 || strings.Count(text, "routing answers this gateway again") != 1 ||
		strings.Contains(text, hidden[3:]) || strings.Contains(text, unknown[3:]) || strings.Contains(text, `\n`) {
		t.Errorf("the log:\n%s", text)
	}
}

// A caller who gives up wants no answer; a deadline that passes wants one all the more.
func TestADeadlineThatPassesIsAnsweredByTheTable(t *testing.T) {
	c, p := fed(t, nil)
	p.set(func() { p.answer = silent })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if route, err := c.RouteCall(ctx, call("a")); err != nil || route.Source != client.SourceTable {
		t.Errorf("%+v, %v", route, err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if route, err := c.RouteCall(gone, call("a")); err == nil {
		t.Errorf("%+v for a caller that is gone", route)
	}
}

func TestWhoMayNotAskIsStillAnsweredByTheTable(t *testing.T) {
	c, p := fed(t, nil)
	p.set(func() {
		p.answer = func(context.Context) error { return status.Error(codes.Unauthenticated, "the token has expired") }
	})
	if route, err := c.RouteCall(t.Context(), call("a")); err != nil || route.Source != client.SourceTable {
		t.Errorf("%+v, %v", route, err)
	}
}

func TestATableFollowsWhatChanges(t *testing.T) {
	c, p := fed(t, nil)
	p.set(func() {
		p.tables = []*routingv1.WatchRoutesResponse{{
			Tables:  []*routingv1.RouteTable{tableOf("lines/gold", hidden, thisHour(), "sip:a@sydney.example")},
			Removed: []string{"lines/web"},
		}}
	})
	eventually(t, "one line", func() bool { return c.Stats().TableLines == 1 })
	p.server.Stop()
	if route, err := c.RouteCall(t.Context(), call("a")); err != nil || firstTarget(route) != "sip:a@sydney.example" {
		t.Errorf("%+v, %v", route, err)
	}
}

func TestAFreshStartWithNobodyThereAnswersFromTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state", "routes")
	c, p := fed(t, func(cfg *client.Config) { cfg.StateFile = file })
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	p.server.Stop()
	cfg := config(p)
	cfg.StateFile = file
	again := open(t, cfg)
	route, err := again.RouteCall(t.Context(), call("a"))
	if err != nil || route.Source != client.SourceTable || firstTarget(route) != "sip:a@dublin.example" || route.Stale {
		t.Fatalf("%+v, %v", route, err)
	}
	if route.Age < 2*time.Second || route.GetExplanation().GetViewRevision() != 5 {
		t.Errorf("%+v", route)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	// Days later: the last that is known, and it says so.
	cfg.Clock = ahead{72 * time.Hour}
	route, err = open(t, cfg).RouteCall(t.Context(), call("a"))
	if err != nil || firstTarget(route) != "sip:b@dublin.example" || !route.Stale || route.Age < 72*time.Hour {
		t.Errorf("%+v, %v", route, err)
	}
}

// ahead is the machine's clock, and some more.
type ahead struct{ by time.Duration }

// Now is client.Clock's.
func (a ahead) Now() time.Time { return time.Now().Add(a.by) } //nolint:forbidigo // another clock for tests

// After is client.Clock's.
func (ahead) After(d time.Duration) <-chan time.Time { return time.After(d) }

func TestADamagedFileIsNoReasonNotToStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "routes")
	for _, text := range []string{"", "not ours", "DAYSIDE\x01rubbish"} {
		for _, name := range []string{file, file + ".reports"} {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c, _ := fed(t, func(cfg *client.Config) { cfg.StateFile = file })
		if c.Stats().StateFailures == 0 && text != "" {
			t.Errorf("%q: nobody is told", text)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if known, err := client.ReadState(file); err != nil || known.Lines != 2 {
			t.Errorf("%q: it is not mended: %+v, %v", text, known, err)
		}
	}
}

// A disk that cannot be written is no reason not to start, and not to answer.
func TestADiskThatFailsIsNoReasonNotToAnswer(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var log logs
	c, p := fed(t, func(cfg *client.Config) {
		cfg.StateFile, cfg.Logger = filepath.Join(blocked, "routes"), slog.New(slog.NewTextHandler(&log, nil))
	})
	eventually(t, "somebody to be told", func() bool { return strings.Contains(log.String(), "cannot be written") })
	p.server.Stop()
	if route, err := c.RouteCall(t.Context(), call("a")); err != nil || route.Source != client.SourceTable {
		t.Errorf("%+v, %v", route, err)
	}
	if kept, err := c.ReportCall(t.Context(), &routingv1.ReportCallRequest{CallId: "a"}); err != nil || !kept.Queued || kept.OnDisk {
		t.Errorf("%+v, %v", kept, err)
	}
	if c.Stats().StateFailures == 0 {
		t.Error("nothing is counted")
	}
}

func TestTwoClientsDoNotShareAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "routes")
	c, p := fed(t, func(cfg *client.Config) { cfg.StateFile = file })
	cfg := config(p)
	cfg.StateFile = file
	if _, err := client.New(cfg); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("%v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, cfg)
}

// fast is a clock on which time goes by a hundred times as fast.
type fast struct{ from time.Time }

// Now is client.Clock's.
func (f fast) Now() time.Time { return f.from.Add(100 * time.Since(f.from)) } //nolint:forbidigo // another clock for tests

// After is client.Clock's.
func (fast) After(d time.Duration) <-chan time.Time { return time.After(d / 100) }

// A process that has said that it speaks every 5 s, and says nothing, is as good as gone: another one is followed.
func TestAStreamThatFallsSilentIsLeft(t *testing.T) {
	a, b := start(t), start(t)
	told := func(first string) []*routingv1.WatchRoutesResponse {
		return []*routingv1.WatchRoutesResponse{{
			Tables: []*routingv1.RouteTable{tableOf("lines/gold", hidden, thisHour(), first)}, ViewAge: durationpb.New(0),
		}}
	}
	a.set(func() { a.tables = told("sip:a@dublin.example") })
	cfg := config(a)
	cfg.Clock = fast{thisHour()}
	more := make(chan []client.Endpoint)
	cfg.Discover = func(_ context.Context, found func([]client.Endpoint)) { found(<-more) }
	c := open(t, cfg)
	eventually(t, "the table of the one", func() bool { return c.Stats().TableLines == 1 })
	b.set(func() { b.tables = append(told("sip:a@dublin.example"), told("sip:b@cork.example")...) })
	b.set(func() { b.tables[1].Tables[0].Line, b.tables[1].Tables[0].DialledNumber = "lines/web", "+13035550100" })
	more <- []client.Endpoint{{Address: b.addr}}
	eventually(t, "the tables of the other one", func() bool { return c.Stats().TableLines == 2 })
}

// A release that does not speak when nothing changes is believed to be there as long as its connection is.
func TestAReleaseThatIsSilentByNatureIsFollowed(t *testing.T) {
	a, b := start(t), start(t)
	told := []*routingv1.WatchRoutesResponse{{
		Tables: []*routingv1.RouteTable{tableOf("lines/gold", hidden, thisHour(), "sip:a@dublin.example")},
	}}
	a.set(func() { a.tables = told })
	b.set(func() { b.tables = told })
	cfg := config(a, b)
	cfg.Clock = fast{thisHour()}
	c := open(t, cfg)
	eventually(t, "a minute to pass", func() bool { return c.Stats().TableAge > time.Minute })
	if s := c.Stats(); s.EndpointsReady != 2 {
		t.Errorf("%+v", s)
	}
}

func TestEndpointsAreLearnedAndRemembered(t *testing.T) {
	file := filepath.Join(t.TempDir(), "routes")
	other, p := start(t), start(t)
	p.set(func() {
		p.endpoints = []*rpcv1.RoutingEndpoint{
			{Address: p.addr, Region: "emea"}, {Address: other.addr, Region: "apac"},
			{Address: "192.0.2.1:7400"}, {Address: "no address"}, // not without certificates
		}
	})
	cfg := patient(config(p))
	cfg.StateFile = file
	c := open(t, cfg)
	ready(t, c, 2)
	if s := c.Stats(); s.EndpointsKnown != 2 {
		t.Errorf("%d are known", s.EndpointsKnown)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	p.server.Stop()
	again := open(t, cfg)
	ready(t, again, 1)
	if route, err := again.RouteCall(t.Context(), call("a")); err != nil || route.Endpoint != other.addr {
		t.Errorf("%+v, %v", route, err)
	}
}

func TestTheGatewaysOwnRegionIsAskedFirst(t *testing.T) {
	near, far := start(t), start(t)
	cfg := patient(config())
	cfg.Region = "emea"
	cfg.Discover = func(ctx context.Context, found func([]client.Endpoint)) {
		found([]client.Endpoint{{Address: far.addr, Region: "apac"}, {Address: near.addr, Region: "emea"}})
		found(nil) // whoever knows of nobody is cut off: that is no news
		<-ctx.Done()
	}
	c := open(t, cfg)
	ready(t, c, 2)
	for i := range 10 {
		if route, err := c.RouteCall(t.Context(), call(fmt.Sprint(i))); err != nil || route.Endpoint != near.addr {
			t.Fatalf("%+v, %v", route, err)
		}
	}
	near.server.Stop()
	if route, err := c.RouteCall(t.Context(), call("a")); err != nil || route.Endpoint != far.addr {
		t.Errorf("%+v, %v", route, err)
	}
}

func TestReportsThatNobodyTakesGoLaterOnceAndInOrder(t *testing.T) {
	p := start(t)
	gone := func(*routingv1.ReportCallRequest) error {
		return status.Error(codes.Unavailable, "no disk to keep reports on")
	}
	p.reporting = gone
	c := open(t, config(p))
	ready(t, c, 1)
	want := []string{"a", "b", "wrong", "c"}
	for _, id := range want {
		kept, err := c.ReportCall(t.Context(), &routingv1.ReportCallRequest{CallId: id})
		if err != nil || !kept.Queued || kept.OnDisk || kept.Durability != routingv1.Durability_DURABILITY_UNSPECIFIED {
			t.Fatalf("%+v, %v", kept, err)
		}
	}
	p.set(func() {
		p.reporting = func(r *routingv1.ReportCallRequest) error {
			if r.GetCallId() == "wrong" {
				return status.Error(codes.InvalidArgument, "start_time: before 2000-01-01")
			}
			return nil
		}
	})
	eventually(t, "all to be delivered", func() bool { return c.Stats().ReportsWaiting == 0 })
	if got := p.reported(); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("delivered %v", got)
	}
	if s := c.Stats(); s.ReportsDropped != 1 {
		t.Errorf("%+v: a report that is wrong is wrong for ever", s)
	}
	if _, err := c.ReportCall(t.Context(), &routingv1.ReportCallRequest{CallId: "wrong"}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("told at once: %v", err)
	}
}

// logs is what was logged.
type logs struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write is io.Writer's.
func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String is what was written.
func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// A report that no process can take, for a defect of theirs, say, is in no other's way.
func TestAReportThatNobodyCanTakeHoldsUpNoOther(t *testing.T) {
	p := start(t)
	p.reporting = func(*routingv1.ReportCallRequest) error { return status.Error(codes.Unavailable, "not now") }
	file := filepath.Join(t.TempDir(), "routes")
	cfg := config(p)
	cfg.StateFile = file
	c := open(t, cfg)
	ready(t, c, 1)
	for _, id := range []string{"poison", "a", "b"} {
		if kept, err := c.ReportCall(t.Context(), &routingv1.ReportCallRequest{CallId: id}); err != nil || !kept.OnDisk {
			t.Fatalf("%+v, %v", kept, err)
		}
	}
	p.set(func() {
		p.reporting = func(r *routingv1.ReportCallRequest) error {
			if r.GetCallId() == "poison" {
				return status.Error(codes.Internal, "a defect")
			}
			return nil
		}
	})
	eventually(t, "the others to be delivered", func() bool { return c.Stats().ReportsWaiting == 1 })
	if got := p.reported(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("delivered %v", got)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	p.set(func() { p.reporting = nil }) // a release that is mended
	again := open(t, cfg)
	eventually(t, "the last", func() bool { return again.Stats().ReportsWaiting == 0 && len(p.reported()) == 3 })
}

// A process that has not heard from etcd for long is left for one of its neighbours that has.
func TestAStreamOfAnOldViewIsLeft(t *testing.T) {
	told := func(first string, revision int64, age time.Duration) []*routingv1.WatchRoutesResponse {
		return []*routingv1.WatchRoutesResponse{{
			Tables:       []*routingv1.RouteTable{tableOf("lines/gold", hidden, thisHour(), first)},
			ViewRevision: revision, ViewAge: durationpb.New(age),
		}}
	}
	old, fresh := start(t), start(t)
	old.set(func() { old.tables = told("sip:a@dublin.example", 5, time.Hour) })
	fresh.set(func() { fresh.tables = told("sip:b@cork.example", 9, 0) })
	more := make(chan []client.Endpoint)
	var log logs
	cfg := config(old)
	cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	cfg.Discover = func(ctx context.Context, found func([]client.Endpoint)) {
		found(<-more)
		<-ctx.Done()
	}
	c := open(t, cfg)
	eventually(t, "the table of the old one", func() bool { return c.Stats().TableLines == 1 })
	if age := c.Stats().TableAge; age < time.Hour {
		t.Errorf("it is %s old", age)
	}
	more <- []client.Endpoint{{Address: fresh.addr}}
	ready(t, c, 2)
	old.set(func() { old.tables = told("sip:a@dublin.example", 5, time.Hour+5*time.Second) }) // it says that it is there
	eventually(t, "the table of the fresh one", func() bool { return c.Stats().TableAge < time.Minute })
	if strings.Contains(log.String(), "does not answer in time") || strings.Contains(log.String(), "grows old") {
		t.Errorf("it was left for another reason:\n%s", log.String())
	}
}
