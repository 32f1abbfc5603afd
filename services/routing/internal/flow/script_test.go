package flow_test

import (
	"slices"
	"strings"
	"testing"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/flow"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// script is a call: a step of the system, what the caller or the gateway makes of it, the next step, and so on.
type script struct {
	change      func(gold, public *routingv1.Line)
	dialled     phone.Number
	caller      phone.Number
	hour        float64
	gateway     decide.Capabilities
	unreachable bool
	limited     bool
	certain     string
	steps       []string
}

func (c script) run(t *testing.T) {
	w := &walk{
		v: world(c.change).View(), hour: 4 + c.hour, names: names(), unreachable: c.unreachable, limited: c.limited, certain: c.certain,
	}
	w.call = decide.Call{ID: "call-1", Dialled: c.dialled, Caller: c.caller, Gateway: c.gateway}
	if c.dialled == 0 {
		w.call.Dialled = gold
	}
	if c.gateway == 0 {
		w.call.Gateway = everything()
	}
	var got []string
	for i := 0; i < len(c.steps); i += 2 {
		got = append(got, w.decide())
		if i+1 < len(c.steps) {
			if w.state == nil {
				t.Fatalf("nothing follows %q", got)
			}
			got = append(got, c.steps[i+1])
			w.does(c.steps[i+1])
		}
	}
	if !slices.Equal(got, c.steps) {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " | "), strings.Join(c.steps, " | "))
	}
}

// accepts is what becomes of an acceptance: with nobody to be asked it is on a disk, and one that is beyond the limit is helped
// first.
func (w *walk) accepts(need flow.Need) flow.Acceptance {
	call := w.call
	call.State = w.state
	a := flow.Acceptance{
		Offer: need.Offer, Fate: routingv1.OfferFate_OFFER_FATE_PENDING, PromiseID: "p-1",
		Verified: decide.Verification(w.v, call) != 0,
	}
	switch {
	case w.unreachable:
		a.Fate, a.PromiseID = routingv1.OfferFate_OFFER_FATE_SPOOLED, ""
	case w.limited:
		a.Fate, a.PromiseID = routingv1.OfferFate_OFFER_FATE_HELPED_FIRST, ""
	case a.Verified:
		a.Fate = routingv1.OfferFate_OFFER_FATE_ACCEPTED
	}
	return a
}

// Scripts of calls by those who are not entitled, and by partners.
func TestCallsAboutMoney(t *testing.T) {
	const atGold = "forward sydney.1 dublin.1 person.anna.1 last-resort"
	asks := func(gold, _ *routingv1.Line) { identify(gold) }
	pin := func(policy routingv1.PinPolicy) func(gold, _ *routingv1.Line) {
		return func(gold, _ *routingv1.Line) {
			identify(gold)
			gold.Identification = &routingv1.Identification{Pin: policy}
		}
	}
	offers := func(gold, _ *routingv1.Line) { viewtest.Offering(gold, "once", "day") }
	offersElse := func(declined routingv1.Treatment) func(gold, _ *routingv1.Line) {
		return func(gold, public *routingv1.Line) {
			offers(gold, public)
			gold.Treatments.Declined = declined
		}
	}
	for what, c := range map[string]script{
		"an offer is accepted": {
			change: offers, caller: ended, steps: []string{"prompt OFFER", "keys 1", atGold, "tried sydney.1=BUSY",
				"forward dublin.1 person.anna.1 last-resort"},
		},
		"the second one, by saying so": {change: offers, caller: ended, steps: []string{"prompt OFFER", "said two", atGold}},
		"accepted where nobody can be asked": {
			change: offers, caller: nobody, unreachable: true, steps: []string{"prompt OFFER", "keys 1", atGold},
		},
		"accepted beyond the limit": {
			change: offersElse(routingv1.Treatment_TREATMENT_REJECT), caller: ended, limited: true,
			steps: []string{"prompt OFFER", "keys 1", atGold},
		},
		"an offer is declined":  {change: offers, caller: ended, steps: []string{"prompt OFFER", "keys 9", atGold}},
		"by silence":            {change: offers, caller: ended, steps: []string{"prompt OFFER", "silence", atGold}},
		"by a key of no offer":  {change: offers, caller: ended, steps: []string{"prompt OFFER", "keys 3", atGold}},
		"by a key and another":  {change: offers, caller: ended, steps: []string{"prompt OFFER", "keys 11", atGold}},
		"by an error":           {change: offers, caller: ended, steps: []string{"prompt OFFER", "failed", atGold}},
		"by no outcome":         {change: offers, caller: ended, steps: []string{"prompt OFFER", "nothing", atGold}},
		"by words that are not": {change: offers, caller: ended, steps: []string{"prompt OFFER", "said maybe", atGold}},
		"whoever declines may leave a message": {
			change: offersElse(routingv1.Treatment_TREATMENT_MESSAGE), caller: ended,
			steps: []string{"prompt OFFER", "silence", "record", "message", "end MESSAGE_TAKEN"},
		},
		"0 reaches a person all the same": {
			change: offersElse(routingv1.Treatment_TREATMENT_MESSAGE), caller: ended,
			steps: []string{"prompt OFFER", "keys 0", atGold},
		},
		"or is refused": {
			change: offersElse(routingv1.Treatment_TREATMENT_REJECT), caller: ended,
			steps: []string{"prompt OFFER", "keys 2", atGold},
		},
		"who declines there": {
			change: offersElse(routingv1.Treatment_TREATMENT_REJECT), caller: ended,
			steps: []string{"prompt OFFER", "keys 9", "prompt REFUSAL", "nothing", "end REFUSED"},
		},
		"an offer after a name": {
			change: func(gold, _ *routingv1.Line) {
				viewtest.Offering(gold, "once").Treatments.Unknown = routingv1.Treatment_TREATMENT_IDENTIFY
			}, caller: nobody,
			steps: []string{"prompt NAME", "said ended", "prompt OFFER", "keys 1", atGold},
		},
		"an offer on a line that is closed, behind its menu": {
			change:  func(gold, public *routingv1.Line) { closed(public); offers(gold, public) },
			dialled: public, caller: ended, hour: 13,
			steps: []string{"prompt OUT_OF_HOURS", "keys 1", "prompt OFFER", "keys 1", "forward person.anna.1 last-resort"},
		},
		"a partner says for whom": {
			change: asks, caller: partner, steps: []string{"prompt WHICH", "keys 1", atGold},
		},
		"a partner names whom": {
			change: pin(routingv1.PinPolicy_PIN_POLICY_ALWAYS), caller: partner,
			steps: []string{"prompt WHICH", "keys 9", "prompt NAME", "said client one", atGold},
		},
		"a partner of one customer is made that one's offer": {
			change: offers, caller: reseller, steps: []string{"prompt OFFER", "keys 1", atGold},
		},
	} {
		t.Run(what, c.run)
	}
}
