package flow_test

import (
	"testing"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/flow"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// sold is a world in which a partner, who may have a PIN, calls for one client, who has one.
func sold(partnerPIN bool, change func(*routingv1.Line), terms ...*publishedv1.Contract) viewtest.World {
	w := world(func(gold, _ *routingv1.Line) {
		identify(gold)
		gold.Identification = &routingv1.Identification{Pin: routingv1.PinPolicy_PIN_POLICY_WHERE_SET}
		change(gold)
	})
	broker, client := viewtest.Customer("broker", nil), viewtest.Customer("client-3", nil, terms...)
	broker.HasPin, client.HasPin = partnerPIN, true
	w.Customers = append(w.Customers, broker, viewtest.ClientOf("broker", client))
	return w
}

func called(name string) map[string][]flow.Candidate {
	return map[string][]flow.Candidate{"broker": {stated(name)}}
}

// TestThePINOfAPartnerVerifiesNoPromiseOfItsClient: whose money it is has shown nothing.
func TestThePINOfAPartnerVerifiesNoPromiseOfItsClient(t *testing.T) {
	w := &walk{v: sold(true, func(l *routingv1.Line) {
		l.Treatments.NotEntitled = routingv1.Treatment_TREATMENT_OFFER
		l.Offers = []string{"offers/once"}
	}).View(), hour: 4, names: called("broker")}
	w.call = decide.Call{ID: "1", Dialled: gold, Caller: nobody, Gateway: everything()}
	w.decide()
	w.does("said broker")
	w.decide()
	state, need := flow.Advance(w.state, flow.Outcome{Input: &routingv1.Input{Digits: "2580"}})
	if need.Kind != flow.NeedPIN || need.Customer != "broker" {
		t.Fatalf("%+v", need.Kind)
	}
	flow.PINCompared(state, true, false)
	w.state = state
	if got := w.decide(); got != "prompt OFFER" || w.d.Customer().ID() != "client-3" {
		t.Fatalf("%s of %v", got, w.d.Customer())
	}
	w.call.State = w.state
	if v := decide.Verification(w.v, w.call); v != 0 {
		t.Errorf("the client's promise counts as verified: %v", v)
	}
	w.does("keys 9")
	if w.decide(); w.d.Customer().ID() != "client-3" || w.d.Partner == nil {
		t.Errorf("the next step is of %v, by %v", w.d.Customer(), w.d.Partner)
	}
}

// TestWhoSaysThePartnersNameIsNoPartner: else the client's own PIN would be worth nothing.
func TestWhoSaysThePartnersNameIsNoPartner(t *testing.T) {
	w := &walk{
		v: sold(false, func(*routingv1.Line) {}, viewtest.Contract("", -100, 100)).View(), hour: 4, names: called("broker"),
	}
	w.call = decide.Call{ID: "1", Dialled: gold, Caller: nobody, Gateway: everything()}
	w.decide()
	w.does("said broker")
	if w.decide(); w.d.Class != routingv1.CallerClass_CALLER_CLASS_NOT_ENTITLED || w.d.Customer().ID() != "broker" {
		t.Errorf("%v as %v", w.d.Class, w.d.Customer())
	}
}
