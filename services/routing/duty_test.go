package routing_test

import (
	"fmt"
	"strings"
	"testing"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

const annasNumber = "+13035550121"

// withDuty is followTheSun with anna on duty until hour 20, and bob from then on. Handoffs must be accepted.
func withDuty() viewtest.World {
	w := followTheSun()
	r := viewtest.Rota("nights", 30*24, viewtest.Turn{From: -24, Person: "anna"}, viewtest.Turn{From: 20, Person: "bob"})
	r.AcceptWithinS = 900
	r.People[0].Targets = []string{annasNumber}
	w.Rotas = []*publishedv1.Rota{r}
	w.Custody = []viewtest.CustodyOf{viewtest.Custody("nights", "anna", -23, -24)}
	w.Lines[0].Rotas = []string{"rotas/nights"}
	return w
}

// TestAHandoffIsInForceWithTheRecordOfIt: bob comes first once his turn has begun, anna behind him while she has the phone.
func TestAHandoffIsInForceWithTheRecordOfIt(t *testing.T) {
	h := open(t)
	h.applied(t, h.put(t, withDuty().Records()...))
	h.clock.Set(viewtest.At(19))
	if got := shape(h.route(t, "+61255500100", "")); got != "lines/gold person.anna.1 last-resort" {
		t.Error(got)
	}
	h.clock.Set(viewtest.At(20))
	if got := shape(h.route(t, "+61255500100", "")); got != "lines/gold person.bob.1 person.anna.1 last-resort" {
		t.Error(got)
	}
	accepted := viewtest.World{Custody: []viewtest.CustodyOf{viewtest.Custody("nights", "bob", 20.1, 20)}}.Records()
	h.applied(t, h.put(t, accepted...))
	if got := shape(h.route(t, "+61255500100", "")); got != "lines/gold person.bob.1 last-resort" {
		t.Error(got)
	}
	if _, err := h.etcd.Commit(t.Context(), nil, deleteKey(published.RotaPrefix+"nights")); err != nil {
		t.Fatal(err)
	}
	h.applied(t, h.put(t, accepted...))
	if got := shape(h.route(t, "+61255500100", "")); got != "lines/gold last-resort" {
		t.Error(got)
	}
}

// TestPeoplesNumbersAreTheirOwn: a gateway that is to dial one gets it; logs, spans, metrics and dry runs do not.
func TestPeoplesNumbersAreTheirOwn(t *testing.T) {
	h := open(t)
	h.applied(t, h.put(t, withDuty().Records()...))
	h.clock.Set(viewtest.At(19))
	r := h.route(t, "+61255500100", "+13035550100")
	if got := r.GetForward().GetTargets()[0].GetTarget().GetPhoneNumber().GetE164Number(); got != annasNumber {
		t.Errorf("the gateway is told %s", got)
	}
	explained, err := h.routing.ExplainRoute(t.Context(), &routingv1.ExplainRouteRequest{Line: "lines/gold"})
	if err != nil {
		t.Fatal(err)
	}
	first := explained.GetRoute().GetForward().GetTargets()[0]
	if first.GetTarget().GetPhoneNumber().GetE164Number() != "+13…21" || first.GetPerson() != "people/anna" {
		t.Errorf("a dry run says %v", first)
	}
	// The view's own target was not touched.
	if again := h.route(t, "+61255500100", ""); again.GetForward().GetTargets()[0].GetTarget().GetPhoneNumber().GetE164Number() != annasNumber {
		t.Error("a dry run masked the target of real calls")
	}
	attrs := attrsOf(h.span(t, routeSpan))
	if attrs["dayside.action"] != "on_duty" || attrs["dayside.reason"] != "LADDER_ON_DUTY" {
		t.Errorf("span %v", attrs)
	}
	if got := h.metric(t, "dayside.route.decisions", "dayside.action=on_duty"); got != 2 {
		t.Errorf("%v calls went to somebody on duty", got)
	}
	if got := h.metric(t, "dayside.view.records", "kind=rotas"); got != 1 {
		t.Errorf("%v rotas", got)
	}
	const want = `level=INFO msg="call goes to somebody on duty: no site is open" action=on_duty`
	if !strings.Contains(h.log.String(), want) {
		t.Errorf("the log lacks %s:\n%s", want, h.log)
	}
	digits := strings.TrimPrefix(annasNumber, "+")
	if told := h.log.String() + fmt.Sprint(attrs); strings.Contains(told, digits) {
		t.Errorf("the number is in %s", told)
	}
}
