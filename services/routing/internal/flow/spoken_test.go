package flow_test

import (
	"testing"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/flow"
)

// after is the state behind a prompt that was answered by words.
func after(asked routingv1.PromptKind, said string, offered ...string) (*routingv1.ContinuationState, flow.Need) {
	return flow.Advance(&routingv1.ContinuationState{Asked: asked, Offered: offered, Customer: "acme"},
		flow.Outcome{Input: &routingv1.Input{Speech: said}})
}

func TestWhoeverWantsAPersonGetsOne(t *testing.T) {
	const name = routingv1.PromptKind_PROMPT_KIND_NAME
	for said, want := range map[string]bool{
		"Operator.": true, "a person": true, "Can I talk to a real person please": true, "help!": true, "Hello? I need somebody, now!": true,
		"zero": true, "oh": true, "null": true, "zero zero": true,
		"Einen Mitarbeiter, bitte.": true, "je voudrais parler à quelqu’un": true, "Quiero hablar con una persona": true,
		"vorrei parlare con un operatore": true, "Ik wil iemand spreken": true, "falar com um atendente, por favor": true,
		"Human Resources Ltd": false, "Help AG": false, "The Agent Group": false, "I would like to talk": false, "please": false,
		"": true, "acme": false, "Zero Motorcycles": false,
	} {
		state, need := after(name, said)
		if state.GetPersonWanted() != want || (need.Kind == flow.NeedName) == want {
			t.Errorf("%q: a person %v, look-up %v", said, state.GetPersonWanted(), need.Kind)
		}
	}
}

func TestDigitsAsTheyAreSaid(t *testing.T) {
	for said, want := range map[string]string{
		"two five eight oh": "2580", "2580": "2580", "25 80": "2580", "two-five-8-0": "2580", "Two, five, eight, zero.": "2580",
		"four seven double one": "4711", "triple five one": "5551", "zwei fünf acht null": "2580", "zwo fünf": "25",
		"deux cinq huit zéro": "2580", "dos cinco ocho cero": "2580", "due cinque otto zero": "2580", "twee vijf acht nul": "2580",
		"dois cinco oito zero": "2580", "double": "", "double 25": "", "double double five": "", "um": "", "the heron": "",
		"My PIN is two five eight oh.": "2580", "it's 2580": "2580", "um, two five eight oh": "2580", "Die Nummer ist 2580": "2580",
		"the PIN": "", "two, I think": "",
	} {
		_, need := after(routingv1.PromptKind_PROMPT_KIND_PIN, said)
		if need.PIN != want {
			t.Errorf("%q is %q, want %q", said, need.PIN, want)
		}
	}
}

// TestYesAndNo answer "is it this one?", and say nothing where there are several.
func TestYesAndNo(t *testing.T) {
	const which = routingv1.PromptKind_PROMPT_KIND_WHICH
	for said, want := range map[string]string{"yes": "acme", "Ja!": "acme", "one": "acme", "no": "", "none": "", "maybe": ""} {
		state, _ := after(which, said, "acme")
		if got := state.GetCustomer(); want == "" && state.GetTries() != 1 || want != "" && (got != want || len(state.GetOffered()) > 0) {
			t.Errorf("%q: %v", said, state)
		}
	}
	if state, _ := after(which, "no", "acme", "bolt"); len(state.GetOffered()) > 0 || state.GetTries() != 1 {
		t.Errorf("none of two: %v", state)
	}
	if state, _ := after(which, "yes", "acme", "bolt"); len(state.GetOffered()) != 2 || state.GetTries() != 1 {
		t.Errorf("yes, of two: %v", state)
	}
}

// TestMoneyIsOwedForWhatIsPlain: yes is no key, and nobody who thinks aloud accepts.
func TestMoneyIsOwedForWhatIsPlain(t *testing.T) {
	for said, accepted := range map[string]bool{
		"one": true, "1": true, "eins": true, "um": false, "yes": false, "one moment": false, "no": false, "double one": false, "a": false,
	} {
		_, need := flow.Advance(&routingv1.ContinuationState{
			Asked: routingv1.PromptKind_PROMPT_KIND_OFFER, Made: []*routingv1.MadeOffer{{Offer: "once"}},
		}, flow.Outcome{Input: &routingv1.Input{Speech: said}})
		if (need.Kind == flow.NeedAccept) != accepted {
			t.Errorf("%q: accepted %v", said, need.Kind == flow.NeedAccept)
		}
	}
}
