package flow_test

import (
	"testing"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/flow"
	"github.com/daysidehq/dayside/services/routing/internal/view"
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

// TestWhatIsSaidChooses the one that it fits, and nobody where two fit, or something else was said besides.
func TestWhatIsSaidChooses(t *testing.T) {
	choices := []view.Label{
		{Name: "Acme GmbH", Locality: "Berlin, Germany"}, {Name: "Acme Inc.", Locality: "Boston"}, {Name: "Bolt Ltd", Locality: "Boston"},
		{Name: "Second Bank", Account: "bank north"}, {}, {Name: "Ромашка", Locality: "Тверь"},
	}
	offered := []string{"de", "us", "bolt", "bank", "gone", "ru"}
	for said, want := range map[string]string{
		"Berlin": "de", "the one in Berlin, please": "de", "Germany": "de", "die in Berlin": "de", "acme g m b h": "de", "GmbH": "de",
		"Acme Incorporated": "us", "acme boston": "us", "Bolt limited": "bolt", "bolt": "bolt", "north": "bank",
		"the first one": "de", "number two": "us", "der dritte": "bolt", "la première": "de", "two": "us", "4": "bank",
		"Boston": "", "acme": "", "Berlin or Boston": "", "not Berlin": "", "acme london": "", "the second one": "", "the": "",
		"Second Bank": "bank", "Romashka": "ru", "the one in Tver": "ru", "ромашка": "ru", "болт": "bolt", "eight": "", "number eight": "", "no": "",
	} {
		state, _ := flow.Advance(&routingv1.ContinuationState{Asked: routingv1.PromptKind_PROMPT_KIND_WHICH, Offered: offered},
			flow.Outcome{Input: &routingv1.Input{Speech: said}, Choices: choices})
		if state.GetCustomer() != want || state.GetTries() == 0 == (want == "") || state.GetPersonWanted() {
			t.Errorf("%q: got %q, want %q: %v", said, state.GetCustomer(), want, state)
		}
	}
	for said, want := range map[string]string{"two": "", "second": "one", "company two": "two", "company one": "one"} {
		state, _ := flow.Advance(&routingv1.ContinuationState{
			Asked: routingv1.PromptKind_PROMPT_KIND_WHICH, Offered: []string{"two", "one"},
		}, flow.Outcome{
			Input: &routingv1.Input{Speech: said}, Choices: []view.Label{{Name: "Company Two"}, {Name: "Company One"}},
		})
		if state.GetCustomer() != want {
			t.Errorf("%q: got %q, want %q", said, state.GetCustomer(), want)
		}
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
