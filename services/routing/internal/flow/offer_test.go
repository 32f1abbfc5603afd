package flow_test

import (
	"testing"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/flow"
)

// TestOnlyAKeyOfOneOfThemAccepts: money is owed for nothing else, whatever a gateway says besides.
func TestOnlyAKeyOfOneOfThemAccepts(t *testing.T) {
	made := []*routingv1.MadeOffer{{Offer: "once"}, {Offer: "day"}}
	for what, c := range map[string]struct {
		in   *routingv1.Input
		want string
	}{
		"the first":                   {&routingv1.Input{Digits: "1"}, "once"},
		"the second, and it is ended": {&routingv1.Input{Digits: "2#"}, "day"},
		"said":                        {&routingv1.Input{Speech: "one"}, "once"},
		"one more than there are":     {&routingv1.Input{Digits: "3"}, ""},
		"two keys":                    {&routingv1.Input{Digits: "11"}, ""},
		"no":                          {&routingv1.Input{Speech: "no"}, ""},
		"nothing":                     {nil, ""},
		"a key, and it failed": {
			&routingv1.Input{Digits: "1", NoInput: routingv1.NoInput_NO_INPUT_FAILED}, "",
		},
		"a word that nobody said": {
			&routingv1.Input{Speech: "one", NoInput: routingv1.NoInput_NO_INPUT_SILENCE}, "",
		},
		"another key than what was said": {&routingv1.Input{Digits: "9", Speech: "one"}, ""},
		"keys that are none":             {&routingv1.Input{Digits: "x", Speech: "one"}, ""},
	} {
		state := &routingv1.ContinuationState{Asked: routingv1.PromptKind_PROMPT_KIND_OFFER, Made: made}
		next, need := flow.Advance(state, flow.Outcome{Input: c.in})
		if got := need.Offer.GetOffer(); got != c.want {
			t.Errorf("%s: accepts %q", what, got)
		}
		if declined := next.GetOffer() == routingv1.OfferFate_OFFER_FATE_DECLINED; declined != (c.want == "") {
			t.Errorf("%s: %v", what, next.GetOffer())
		}
	}
}
