package routing_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// drained is a house of two open sites, with Anna on duty, in which goldNumber is served.
func drained(t *testing.T) *house {
	t.Helper()
	h := open(t)
	gold := viewtest.Line("gold", goldNumber, "dublin", "bengaluru")
	gold.Strategy = routingv1.Strategy_STRATEGY_PRIORITY
	gold.Rotas = []string{"rotas/nights"}
	w := viewtest.World{
		Sites: []*publishedv1.Site{
			viewtest.Site("dublin", viewtest.Span{0, 10}), viewtest.Site("bengaluru", viewtest.Span{0, 10}),
		},
		Rotas: []*publishedv1.Rota{viewtest.Rota("nights", 100, viewtest.Turn{From: -5, Person: "anna"})},
		Lines: []*routingv1.Line{gold},
	}
	records := append(w.Records(), viewtest.Record{Key: published.LinePrefix + "gold", Value: marshal(t, &publishedv1.Line{
		Id: "gold", Sites: []string{"dublin", "bengaluru"},
	})})
	h.applied(t, h.put(t, records...))
	return h
}

func marshal(t *testing.T, m proto.Message) []byte {
	t.Helper()
	value, err := published.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func ofSite(id string) *routingv1.Drain {
	return &routingv1.Drain{Subject: &routingv1.Drain_Site{Site: "sites/" + id}, Reason: "fire alarm"}
}

func ofPerson(id string) *routingv1.Drain {
	return &routingv1.Drain{Subject: &routingv1.Drain_Person{Person: "people/" + id}}
}

func (h *house) drain(t *testing.T, d *routingv1.Drain) *routingv1.Drain {
	t.Helper()
	made, err := h.drains.CreateDrain(t.Context(), &routingv1.CreateDrainRequest{Drain: d})
	if err != nil {
		t.Fatal(err)
	}
	h.everywhere(t)
	return made
}

// longest is as long as AwaitInForce may be told to wait.
const longest = 30 * time.Second

// everywhere waits until what was committed is in force.
func (h *house) everywhere(t *testing.T) *routingv1.AwaitInForceResponse {
	t.Helper()
	a, err := h.inForce.AwaitInForce(t.Context(), &routingv1.AwaitInForceRequest{Timeout: durationpb.New(longest)})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// at is the ladder at the house's now.
func (h *house) ladder(t *testing.T) string {
	t.Helper()
	return shape(h.route(t, goldNumber.String(), ""))
}

const (
	allOpen  = "lines/gold dublin.1 bengaluru.1 person.anna.1 last-resort"
	noDublin = "lines/gold bengaluru.1 person.anna.1 last-resort"
)

func TestADrainedSiteGetsNoCallsUntilItIsEnded(t *testing.T) {
	h := drained(t)
	if got := h.ladder(t); got != allOpen {
		t.Fatal(got)
	}
	d := h.drain(t, ofSite("dublin"))
	if !strings.HasPrefix(d.GetName(), "drains/dublin-") || d.GetStartTime() != nil || d.GetEndTime() != nil {
		t.Errorf("made %v", d)
	}
	if got := h.ladder(t); got != noDublin {
		t.Error(got)
	}
	// Another process, whose clock is behind, takes it at once too.
	h.clock.Advance(-time.Minute)
	if got := h.ladder(t); got != noDublin {
		t.Error(got)
	}
	h.clock.Advance(time.Minute)
	v := h.route(t, goldNumber.String(), "").GetExplanation().GetSites()[0]
	if v.GetReason() != routingv1.SiteReason_SITE_REASON_DRAINED || v.GetDrain() != d.GetName() || v.GetDrainReason() != "fire alarm" {
		t.Errorf("explained as %v", v)
	}
	if n := h.active(t); n != 1 {
		t.Errorf("%d drains are active by the metric", n)
	}
	list, err := h.drains.ListDrains(t.Context(), &routingv1.ListDrainsRequest{})
	if err != nil || len(list.GetDrains()) != 1 || !proto.Equal(list.GetDrains()[0], d) {
		t.Errorf("list %v, %v, want %v", list, err, d)
	}
	// An end can be put to it, and moved.
	d.EndTime = timestamppb.New(h.clock.Now().Add(time.Hour))
	d, err = h.drains.UpdateDrain(t.Context(), &routingv1.UpdateDrainRequest{
		Drain: d, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"end_time"}},
	})
	if err != nil || d.GetReason() != "fire alarm" {
		t.Fatalf("updated to %v, %v", d, err)
	}
	h.everywhere(t)
	if got := h.route(t, goldNumber.String(), "").GetValidUntil(); !got.AsTime().Equal(d.GetEndTime().AsTime()) {
		t.Errorf("valid until %v, want %v", got.AsTime(), d.GetEndTime().AsTime())
	}
	if got := h.ladder(t); got != noDublin {
		t.Error(got)
	}
	if _, err = h.drains.DeleteDrain(t.Context(), &routingv1.DeleteDrainRequest{Name: d.GetName()}); err != nil {
		t.Fatal(err)
	}
	h.everywhere(t)
	if got := h.ladder(t); got != allOpen {
		t.Error(got)
	}
	for _, want := range []string{`msg="a drain is in force"`, "subject=sites/dublin", `reason="fire alarm"`, `msg="a drain is over"`} {
		if !strings.Contains(h.log.String(), want) {
			t.Errorf("the log does not say %s:\n%s", want, h.log)
		}
	}
}

func TestADrainBeginsAndEndsAtItsTimes(t *testing.T) {
	h := drained(t)
	d := ofSite("dublin")
	d.StartTime = timestamppb.New(h.clock.Now().Add(time.Hour))
	d.EndTime = timestamppb.New(h.clock.Now().Add(2 * time.Hour))
	h.drain(t, d)
	for _, want := range []string{allOpen, noDublin, allOpen} {
		if got := h.ladder(t); got != want {
			t.Errorf("at %v: %s, want %s", h.clock.Now(), got, want)
		}
		h.clock.Advance(time.Hour)
	}
}

func TestPeopleAndTargetsAreDrainedToo(t *testing.T) {
	h := drained(t)
	h.drain(t, ofPerson("anna"))
	if got := h.ladder(t); got != "lines/gold dublin.1 bengaluru.1 last-resort" {
		t.Error(got)
	}
	one := ofSite("dublin")
	one.Line = "lines/gold"
	one.Target = &schedulev1.Target{Address: &schedulev1.Target_SipUri{SipUri: "sip:support@dublin.example.com"}}
	h.drain(t, one)
	if got := h.ladder(t); got != "lines/gold bengaluru.1 last-resort" {
		t.Error(got)
	}
	h.drain(t, ofSite("bengaluru"))
	if got := h.ladder(t); got != "lines/gold last-resort" {
		t.Error(got)
	}
}

func TestADrainThatMakesNoSenseIsRefused(t *testing.T) {
	h := drained(t)
	change := func(f func(*routingv1.Drain)) *routingv1.Drain {
		d := ofSite("dublin")
		f(d)
		return d
	}
	now := h.clock.Now()
	for name, c := range map[string]struct {
		d      *routingv1.Drain
		reason rpcv1.Reason
		says   string
	}{
		"nobody":           {&routingv1.Drain{}, rpcv1.Reason_REASON_INVALID_FIELD, "subject"},
		"no such site":     {ofSite("cork"), rpcv1.Reason_REASON_MISSING_REFERENCE, "sites/cork"},
		"no such person":   {ofPerson("zoe"), rpcv1.Reason_REASON_MISSING_REFERENCE, "people/zoe"},
		"no such line":     {change(func(d *routingv1.Drain) { d.Line = "lines/tin" }), rpcv1.Reason_REASON_MISSING_REFERENCE, "lines/tin"},
		"ends in the past": {change(func(d *routingv1.Drain) { d.EndTime = timestamppb.New(now.Add(-time.Second)) }), rpcv1.Reason_REASON_INVALID_FIELD, "end_time"},
		"ends as it begins": {change(func(d *routingv1.Drain) {
			d.StartTime = timestamppb.New(now.Add(time.Hour))
			d.EndTime = d.GetStartTime()
		}), rpcv1.Reason_REASON_INVALID_FIELD, "end_time"},
		"too far ahead": {change(func(d *routingv1.Drain) { d.StartTime = timestamppb.New(now.AddDate(2, 0, 0)) }), rpcv1.Reason_REASON_INVALID_FIELD, "start_time"},
		"a target of nobody": {change(func(d *routingv1.Drain) {
			d.Target = &schedulev1.Target{Address: &schedulev1.Target_SipUri{SipUri: "sip:x@example.com"}}
		}), rpcv1.Reason_REASON_MISSING_REFERENCE, "target"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.drains.CreateDrain(t.Context(), &routingv1.CreateDrainRequest{Drain: c.d})
			wantReason(t, err, c.reason)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v does not say %s", err, c.says)
			}
		})
	}
	if strings.Contains(h.keys(t), "routing/drains/") {
		t.Error("something was written")
	}
	h.roles = []rpcv1.Role{rpcv1.Role_ROLE_READER}
	_, err := h.drains.CreateDrain(t.Context(), &routingv1.CreateDrainRequest{Drain: ofSite("dublin")})
	wantReason(t, err, rpcv1.Reason_REASON_ROLE_REQUIRED)
	if _, err := h.drains.ListDrains(t.Context(), &routingv1.ListDrainsRequest{}); err != nil {
		t.Errorf("a reader may read: %v", err)
	}
	h.roles = []rpcv1.Role{rpcv1.Role_ROLE_SUPERVISOR}
	if _, err := h.drains.CreateDrain(t.Context(), &routingv1.CreateDrainRequest{Drain: ofSite("dublin")}); err != nil {
		t.Errorf("a supervisor may drain: %v", err)
	}
}

func TestADrainAskedForTwiceIsMadeOnce(t *testing.T) {
	h := drained(t)
	r := &routingv1.CreateDrainRequest{Drain: ofSite("dublin"), RequestId: "b0f3"}
	first, err := h.drains.CreateDrain(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	h.clock.Advance(time.Minute)
	if again, err := h.drains.CreateDrain(t.Context(), r); err != nil || !proto.Equal(first, again) {
		t.Errorf("again: %v, %v; want %v", again, err, first)
	}
}

func TestDrainsThatEndedAreSweptAwayAfterAWeek(t *testing.T) {
	h := drained(t)
	short := ofSite("dublin")
	short.EndTime = timestamppb.New(h.clock.Now().Add(time.Minute))
	old := h.drain(t, short)
	h.clock.Advance(8 * 24 * time.Hour)
	h.drain(t, ofSite("bengaluru"))
	_, err := h.drains.GetDrain(t.Context(), &routingv1.GetDrainRequest{Name: old.GetName()})
	wantReason(t, err, rpcv1.Reason_REASON_NOT_FOUND)
}

func TestInForceNamesWhoIsMissing(t *testing.T) {
	h := drained(t)
	a := h.everywhere(t)
	if a.GetInForce() != 1 || len(a.GetProcesses()) != 1 || a.GetProcesses()[0].GetInstance() != "test-1" {
		t.Fatalf("one process: %v", a)
	}
	// Another process, that hears nothing of what is new.
	stuck, err := proto.Marshal(&routingv1.RoutingProcess{Instance: "stuck-2", Revision: a.GetRevision()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		gone <- h.etcd.Hold(ctx, "status/routing/stuck-2", func() []byte { return stuck }, nil)
	}()
	ask := func(revision int64, wait time.Duration) *routingv1.AwaitInForceResponse {
		t.Helper()
		a, err := h.inForce.AwaitInForce(t.Context(), &routingv1.AwaitInForceRequest{
			Revision: revision, Timeout: durationpb.New(wait),
		})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	await.True(t, "the other process to be seen", func() bool { return len(ask(a.GetRevision(), 0).GetProcesses()) == 2 })
	if was := ask(a.GetRevision(), longest); was.GetInForce() != 2 {
		t.Errorf("both have revision %d: %v", a.GetRevision(), was)
	}
	var missing []string
	// The own process is within milliseconds; the other one never is.
	await.True(t, "one of two", func() bool {
		now := ask(0, 500*time.Millisecond)
		missing = nil
		for _, p := range now.GetProcesses() {
			if !p.GetInForce() {
				missing = append(missing, p.GetInstance())
			}
		}
		return now.GetInForce() == 1
	})
	if fmt.Sprint(missing) != "[stuck-2]" {
		t.Errorf("%v are missing", missing)
	}
	stop()
	if err := await.Receive(t, "the other process to go", gone); !errors.Is(err, context.Canceled) {
		t.Errorf("Hold ended with %v", err)
	}
	if now := ask(0, longest); now.GetInForce() != 1 || len(now.GetProcesses()) != 1 {
		t.Errorf("it is gone: %v", now)
	}
}

// A change that no view follows is in force as soon as it is committed; processes say so all the same.
func TestInForceOfAChangeThatNoViewFollows(t *testing.T) {
	h := drained(t)
	revision, err := h.etcd.Commit(t.Context(), nil, []*rpcv1.Write{coord.Put("schedule/calendars/x", []byte("x"))})
	if err != nil {
		t.Fatal(err)
	}
	a, err := h.inForce.AwaitInForce(t.Context(), &routingv1.AwaitInForceRequest{Revision: revision, Timeout: durationpb.New(longest)})
	if err != nil || a.GetInForce() != 1 || a.GetRevision() != revision {
		t.Errorf("%v, %v", a, err)
	}
}

// active is the metric of drains in force.
func (h *house) active(t *testing.T) int64 {
	t.Helper()
	var m metricdata.ResourceMetrics
	if err := h.metrics.Collect(t.Context(), &m); err != nil {
		t.Fatal(err)
	}
	for _, scope := range m.ScopeMetrics {
		for _, one := range scope.Metrics {
			if g, ok := one.Data.(metricdata.Gauge[int64]); ok && one.Name == "dayside.drains.active" {
				return g.DataPoints[0].Value
			}
		}
	}
	t.Fatal("there is no such metric")
	return 0
}
