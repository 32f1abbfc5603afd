package routing_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// watching is a gateway that keeps the tables it is told of.
type watching struct {
	answers chan *routingv1.WatchRoutesResponse
	ended   chan error
}

func (h *house) watchRoutes(t testing.TB, lines ...string) watching {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	stream, err := routingv1.NewRouteTableServiceClient(h.conn).WatchRoutes(ctx, &routingv1.WatchRoutesRequest{
		Lines: lines, Gateway: &routingv1.GatewayInfo{GatewayId: "sbc-1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	w := watching{make(chan *routingv1.WatchRoutesResponse, 100), make(chan error, 1)}
	go func() {
		for {
			answer, err := stream.Recv()
			if err != nil {
				w.ended <- err
				return
			}
			w.answers <- answer
		}
	}()
	return w
}

// next is the next answer that says something, while the clock goes on: changes are told of together.
func (w watching) next(t testing.TB, h *house) *routingv1.WatchRoutesResponse {
	t.Helper()
	var got *routingv1.WatchRoutesResponse
	await.True(t, "an answer", func() bool {
		select {
		case got = <-w.answers:
			return !unchanged(got)
		default:
			h.clock.Advance(50 * time.Millisecond)
			return false
		}
	})
	return got
}

// unchanged says of an answer that it says nothing new.
func unchanged(a *routingv1.WatchRoutesResponse) bool {
	return len(a.GetTables())+len(a.GetRemoved()) == 0
}

func TestAGatewayIsToldEvery5SecondsThatNothingHasChanged(t *testing.T) {
	h := liveHouse(t)
	w := h.watchRoutes(t, "lines/gold")
	first := await.Receive(t, "the first tables", w.answers)
	if first.GetViewAge() == nil {
		t.Error("the age of the view is not said")
	}
	began := h.clock.Now()
	var again *routingv1.WatchRoutesResponse
	await.True(t, "to be told that nothing has changed", func() bool {
		select {
		case again = <-w.answers:
			return true
		default:
			h.clock.Advance(50 * time.Millisecond)
			return false
		}
	})
	if !unchanged(again) || again.GetViewRevision() < first.GetViewRevision() || again.GetViewAge() == nil {
		t.Errorf("got %v", again)
	}
	if waited := h.clock.Now().Sub(began); waited < 4*time.Second {
		t.Errorf("told after %s already", waited)
	}
}

// tablesText is an answer in short, the first span of each table: "gold: bengaluru last-resort until 09:00; gone: web".
func tablesText(a *routingv1.WatchRoutesResponse) string {
	var parts []string
	for _, table := range a.GetTables() {
		s := table.GetSpans()[0]
		part := strings.TrimPrefix(table.GetLine(), "lines/") + ":"
		for _, target := range s.GetTargets() {
			id, _, _ := strings.Cut(target.GetTargetId(), ".")
			part += " " + id
		}
		if s.GetEnd() != nil {
			part += " " + s.GetEnd().GetCause().String()
		} else {
			part += " until " + s.GetEndTime().AsTime().Format("15:04")
		}
		parts = append(parts, part)
	}
	for _, name := range a.GetRemoved() {
		parts = append(parts, "gone: "+name)
	}
	return strings.Join(parts, "; ")
}

func TestAGatewayIsToldWhereLinesForwardAndWhatChangesOfThat(t *testing.T) {
	h := liveHouse(t)
	w := h.watchRoutes(t)
	first := w.next(t, h)
	const gold, members = "gold: bengaluru sydney last-resort until 06:00", "members: sydney last-resort until 06:00"
	if got := tablesText(first); got != gold+"; "+members {
		t.Fatalf("first: %s", got)
	}
	if n := first.GetTables()[0].GetDialledNumber(); n != "+61255500100" || first.GetViewRevision() == 0 {
		t.Errorf("number %s, revision %d", n, first.GetViewRevision())
	}
	// What concerns one line is told of that one alone.
	h.put(t, viewtest.DrainRecord(viewtest.Drain("works", "sites/bengaluru", 4, 6)))
	if got := tablesText(w.next(t, h)); got != "gold: sydney last-resort until 06:00" {
		t.Errorf("drained: %s", got)
	}
	if _, err := h.etcd.Commit(t.Context(), nil, []*rpcv1.Write{coord.Delete("routing/drains/works")}); err != nil {
		t.Fatal(err)
	}
	if got := tablesText(w.next(t, h)); got != gold {
		t.Errorf("not drained any more: %s", got)
	}
	h.put(t, viewtest.LineRecord(viewtest.Line("silver", 61255500103, "dublin")))
	if got := tablesText(w.next(t, h)); got != "silver: last-resort until 09:00" {
		t.Errorf("another line: %s", got)
	}
	if _, err := h.etcd.Commit(t.Context(), nil, []*rpcv1.Write{coord.Delete("routing/lines/silver")}); err != nil {
		t.Fatal(err)
	}
	if got := tablesText(w.next(t, h)); got != "gone: lines/silver" {
		t.Errorf("no line any more: %s", got)
	}
	// Half a day later what it has runs out in another half.
	h.clock.Advance(12*time.Hour + time.Minute)
	if got := tablesText(w.next(t, h)); got != "gold: dublin last-resort until 17:00; members: dublin last-resort until 17:00" {
		t.Errorf("half a day later: %s", got)
	}
	if log := h.log.String(); strings.Contains(log, canary) {
		t.Errorf("a hidden number is in the log:\n%s", log)
	}
}

func TestAGatewayCanAskForSomeLines(t *testing.T) {
	h := liveHouse(t)
	w := h.watchRoutes(t, "lines/gold", "lines/web", "lines/gold")
	if got := tablesText(w.next(t, h)); got != "gold: bengaluru sydney last-resort until 06:00; gone: lines/web" {
		t.Errorf("first: %s", got)
	}
	h.put(t, viewtest.LineRecord(viewtest.Line("silver", 61255500103, "dublin")), viewtest.LineRecord(viewtest.Line("web", 61255500104, "dublin")))
	if got := tablesText(w.next(t, h)); got != "web: last-resort until 09:00" {
		t.Errorf("one of them has come: %s", got)
	}
	other := h.watchRoutes(t, "lines/web2")
	if got := tablesText(other.next(t, h)); got != "gone: lines/web2" {
		t.Errorf("none of them: %s", got)
	}
}

func TestAnUnattendedSiteIsBehindInTablesToo(t *testing.T) {
	h := open(t)
	world := followTheSun()
	for _, s := range world.Sites {
		s.Timeline = viewtest.Timeline(30, viewtest.Daily(3, 12, 20)...)
	}
	h.applied(t, h.put(t, world.Records()...))
	w := h.watchRoutes(t, "lines/gold")
	before := tablesText(w.next(t, h))
	first := strings.Fields(before)[1]
	client := routingv1.NewLiveServiceClient(h.conn)
	if _, err := client.SetPresence(t.Context(), &routingv1.SetPresenceRequest{
		Site: "sites/" + first, Ttl: durationpb.New(30 * time.Minute),
	}); err != nil {
		t.Fatal(err)
	}
	if got := tablesText(w.next(t, h)); got == before || strings.Fields(got)[1] == first || !strings.Contains(got, " until 04:0") {
		t.Errorf("nobody is at %s: %s, before %s", first, got, before)
	}
}

func TestManyTablesComeAsSeveralAnswers(t *testing.T) {
	h := open(t)
	var world viewtest.World
	var sites []string
	for i := range 12 {
		id := fmt.Sprintf("site-%d", i)
		s := viewtest.Site(id, viewtest.Daily(float64(i), float64(i)+9, 20)...)
		s.Targets = []string{"sip:" + strings.Repeat("long", 40) + "@" + id + ".example.com"}
		world.Sites, sites = append(world.Sites, s), append(sites, id)
	}
	for i := range 150 {
		world.Lines = append(world.Lines, viewtest.Line(fmt.Sprintf("line-%d", i), 61255510000+phone.Number(i), sites...))
	}
	var revision int64
	for records := world.Records(); len(records) > 0; {
		n := min(len(records), 100)
		revision = h.put(t, records[:n]...)
		records = records[n:]
	}
	h.applied(t, revision)
	w := h.watchRoutes(t)
	tables, answers := 0, 0
	for more := true; more; answers++ {
		answer := w.next(t, h)
		tables, more = tables+len(answer.GetTables()), answer.GetMore()
	}
	if answers < 2 || tables != 150 {
		t.Errorf("%d tables in %d answers", tables, answers)
	}
}

func TestTooManyLinesMustBeNamed(t *testing.T) {
	h := open(t)
	site := viewtest.Site("dublin", viewtest.Daily(9, 17, 20)...)
	records := viewtest.World{Sites: []*publishedv1.Site{site}}.Records()
	for i := range 1001 {
		records = append(records, viewtest.LineRecord(viewtest.Line(fmt.Sprintf("line-%d", i), 61255510000+phone.Number(i), "dublin")))
	}
	var revision int64
	for ; len(records) > 0; records = records[min(len(records), 500):] {
		revision = h.put(t, records[:min(len(records), 500)]...)
	}
	h.applied(t, revision)
	wantReason(t, await.Receive(t, "the refusal", h.watchRoutes(t).ended), rpcv1.Reason_REASON_LIMIT_EXCEEDED)
	if got := tablesText(h.watchRoutes(t, "lines/line-7").next(t, h)); got != "line-7: last-resort until 09:00" {
		t.Error(got)
	}
}
