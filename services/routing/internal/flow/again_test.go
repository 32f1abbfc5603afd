package flow_test

import (
	"testing"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
)

// TestWhatWasNotAskedIsNotAskedAgain: whoever is none of those who share a number has given no name that was not found.
func TestWhatWasNotAskedIsNotAskedAgain(t *testing.T) {
	w := &walk{v: world(func(gold, _ *routingv1.Line) { identify(gold) }).View(), hour: 4, names: names()}
	w.call = decide.Call{ID: "1", Dialled: gold, Caller: bridge, Gateway: everything()}
	w.decide()
	w.does("keys 9")
	if got := w.decide(); got != "prompt NAME" || w.d.Again() {
		t.Errorf("%s, again %v", got, w.d.Again())
	}
	w.v = world(func(gold, _ *routingv1.Line) {
		identify(gold)
		gold.Identification = &routingv1.Identification{MaxTries: 3}
	}).View()
	for said, many := range map[string]bool{"a": true, "what": false} {
		again := *w
		again.does("said " + said)
		if got := again.decide(); got != "prompt NAME" || !again.d.Again() || again.state.GetTooMany() != many {
			t.Errorf("%s: %s, again %v, too many %v", said, got, again.d.Again(), again.state.GetTooMany())
		}
	}
}
