package flow_test

import (
	"slices"
	"testing"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// A PIN is of one customer: where that one is gone meanwhile, whoever the caller names next is not shown by it.
func TestAPINIsOfOneCustomer(t *testing.T) {
	before := world(func(_, l *routingv1.Line) {
		closed(l)
		identify(l)
		l.Identification = &routingv1.Identification{Pin: routingv1.PinPolicy_PIN_POLICY_WHERE_SET}
	})
	w := &walk{v: before.View(), hour: 13, names: names()}
	w.call = decide.Call{ID: "1", Dialled: public, Caller: nobody, Gateway: everything()}
	w.decide()
	w.does("said pinned")
	w.decide()
	w.does("keys 2580")
	after := before
	after.Customers = slices.DeleteFunc(slices.Clone(before.Customers), func(c *publishedv1.Customer) bool {
		return c.GetId() == "pinned"
	})
	w.v = after.View()
	if got := w.decide(); got != "prompt NAME" {
		t.Fatal(got)
	}
	w.does("said acme")
	if got := w.decide(); got != "prompt OUT_OF_HOURS" || w.d.Revealed() != nil ||
		w.d.Verdicts()[1] != routingv1.Verdict_VERDICT_CALLER_NAMED {
		t.Errorf("%s, told %v, %v", got, w.d.Revealed(), w.d.Verdicts())
	}
	w = &walk{v: before.View(), state: &routingv1.ContinuationState{
		Line: "public", Asked: routingv1.PromptKind_PROMPT_KIND_WHICH, Offered: []string{"acme", "pinned"}, Named: true, PinVerified: true,
	}, hour: 13}
	w.call = decide.Call{ID: "1", Dialled: public, Caller: nobody, Gateway: everything()}
	w.does("keys 2")
	if got := w.decide(); got != "prompt PIN" {
		t.Errorf("chosen, with the PIN of another: %s", got)
	}
}

// A call is judged by when it began, too: a contract that ends meanwhile ends no call, and one that begins meanwhile counts.
func TestAContractThatEndsMeanwhileEndsNoCall(t *testing.T) {
	w := world(func(gold, public *routingv1.Line) {
		gold.Treatments = &routingv1.Treatments{NotEntitled: routingv1.Treatment_TREATMENT_REJECT}
		public.Visibility = routingv1.Visibility_VISIBILITY_PUBLISHED
		public.OutOfHours = &routingv1.OutOfHours{TransferLine: "lines/gold"}
	})
	w.Customers[0].Contracts = w.Customers[0].Contracts[:0]
	w.Customers[0].Contracts = append(w.Customers[0].Contracts, viewtest.Contract("", -100, 4.25), viewtest.Contract("", 6.5, 100))
	c := &walk{v: w.View(), hour: 4.2}
	c.call = decide.Call{ID: "1", Dialled: gold, Caller: acme, Gateway: everything()}
	c.decide()
	c.does("tried sydney.1=BUSY")
	c.hour = 4.25
	if got := c.decide(); got != "forward dublin.1 person.anna.1 last-resort" || c.d.Class != routingv1.CallerClass_CALLER_CLASS_ENTITLED {
		t.Errorf("it ended meanwhile: %s, %v", got, c.d.Class)
	}
	c = &walk{v: w.View(), hour: 4.25}
	c.call = decide.Call{ID: "1", Dialled: gold, Caller: acme, Gateway: everything()}
	if got := c.decide(); got != "prompt REFUSAL" {
		t.Fatalf("it had ended before: %s", got)
	}
	c.does("nothing")
	c.hour = 6.5
	if got := c.decide(); got != "forward sydney.1 dublin.1 person.anna.1 last-resort" {
		t.Errorf("it began meanwhile: %s", got)
	}
}
