package routing

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/continuation"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/view"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// briefed is the view of a small world, with a key of that secret; 0 for none.
func briefed(t *testing.T, secret byte) *view.View {
	t.Helper()
	b := view.Anew(nil)
	w := viewtest.World{
		Sites:     []*publishedv1.Site{viewtest.Site("dublin", viewtest.Span{9, 17})},
		Customers: []*publishedv1.Customer{viewtest.Customer("acme", []phone.Number{13035550100}, viewtest.Contract("db", -9, 99))},
		Lines:     []*routingv1.Line{viewtest.Line("gold", 61255500100, "dublin")},
	}
	for _, r := range w.Records() {
		b.Put(r.Key, r.Value)
	}
	if secret != 0 {
		value, err := continuation.Addition{Number: 1}.Value([continuation.SecretBytes]byte{secret})
		if err != nil {
			t.Fatal(err)
		}
		b.Put(continuation.EtcdKey(1), value)
	}
	v, problems := b.View(1, viewtest.At(0))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return v
}

func briefService(v *view.View, now time.Time, log *bytes.Buffer) *briefs {
	b := &briefs{current: &view.Current{}, clock: clock.NewManual(now), log: slog.New(slog.NewTextHandler(log, nil))}
	b.current.Store(v)
	return b
}

// TestAnyProcessTellsOfACall: one makes the token, another opens it, for a day.
func TestAnyProcessTellsOfACall(t *testing.T) {
	v, log := briefed(t, 7), &bytes.Buffer{}
	call := decide.Call{ID: "c1", Dialled: 61255500100, Caller: 13035550100, Gateway: decide.CapabilitiesOf(nil)}
	var d decide.Decision
	decide.Decide(&d, v, call, viewtest.At(10), decide.MaxSites)
	c := &decision{d: &d, view: v, call: call, gateway: "edge-1", at: viewtest.At(10)}
	token := briefService(v, viewtest.At(10), log).token(c)
	if token == "" {
		t.Fatal("no token")
	}
	got, err := briefService(briefed(t, 7), viewtest.At(20), log).GetCallBrief(t.Context(), &routingv1.GetCallBriefRequest{Token: token})
	if err != nil || got.GetCustomer() != "customers/acme" || got.GetCallId() != "c1" || got.GetGateway() != "edge-1" ||
		got.GetCallerClass() != routingv1.CallerClass_CALLER_CLASS_ENTITLED {
		t.Errorf("%v, %v", got, err)
	}
	// Forged, too old, of another cluster, or no token: all the same to whoever shows it.
	said := map[string]bool{}
	for what, s := range map[string]struct {
		by    *briefs
		token string
	}{
		"forged":             {briefService(v, viewtest.At(11), log), token[:len(token)-1] + "!"},
		"of a day ago":       {briefService(v, viewtest.At(34), log), token},
		"of another cluster": {briefService(briefed(t, 8), viewtest.At(11), log), token},
		"without any key":    {briefService(briefed(t, 0), viewtest.At(11), log), token},
	} {
		_, err := s.by.GetCallBrief(t.Context(), &routingv1.GetCallBriefRequest{Token: s.token})
		if fault.ReasonOf(err) != rpcv1.Reason_REASON_NOT_FOUND {
			t.Errorf("%s: %v", what, err)
		} else {
			said[err.Error()] = true
		}
	}
	if len(said) != 1 {
		t.Errorf("told apart: %v", said)
	}
	if strings.Contains(log.String(), token[:20]) || strings.Contains(log.String(), "13035550100") {
		t.Errorf("log:\n%s", log)
	}
}

func TestBriefsThatAreRefusedDoNotFillTheLog(t *testing.T) {
	log := &bytes.Buffer{}
	b := briefService(briefed(t, 7), viewtest.At(10), log)
	for range 500 {
		if _, err := b.GetCallBrief(t.Context(), &routingv1.GetCallBriefRequest{Token: "x"}); err == nil {
			t.Fatal("a brief of nothing")
		}
	}
	if n := strings.Count(log.String(), "is refused"); n == 0 || n > maxLinesPerS {
		t.Errorf("%d lines of 500", n)
	}
}

func TestCallsWithoutABrief(t *testing.T) {
	log := &bytes.Buffer{}
	call := decide.Call{ID: "c1", Dialled: 61255500100, Caller: 13035550100, Gateway: decide.CapabilitiesOf(nil)}
	for what, c := range map[string]struct {
		dialled phone.Number
		secret  byte
	}{"no key yet": {61255500100, 0}, "a number of no line": {61255500999, 7}} {
		v := briefed(t, c.secret)
		var d decide.Decision
		call.Dialled = c.dialled
		decide.Decide(&d, v, call, viewtest.At(10), decide.MaxSites)
		if token := briefService(v, viewtest.At(10), log).token(&decision{d: &d, view: v, call: call, at: viewtest.At(10)}); token != "" {
			t.Errorf("%s: %s", what, token)
		}
	}
	if log.Len() > 0 {
		t.Error(log.String())
	}
	b := &briefs{current: &view.Current{}}
	if _, err := b.GetCallBrief(t.Context(), &routingv1.GetCallBriefRequest{Token: "x"}); fault.ReasonOf(err) != rpcv1.Reason_REASON_VIEW_NOT_READY {
		t.Errorf("before the view is there: %v", err)
	}
}
