package decide_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

func stamp(hour float64) *timestamppb.Timestamp { return timestamppb.New(viewtest.At(hour)) }

// offeringWorld is a line that offers two things to whoever is not entitled; acme's contract has ended.
func offeringWorld(change func(*viewtest.World)) viewtest.World {
	w := followTheSun()
	w.Customers = []*publishedv1.Customer{
		viewtest.Customer("acme", []phone.Number{firstANI}, viewtest.Contract("db", -100, -50)),
		viewtest.Customer("globex", []phone.Number{firstANI + 1}, viewtest.Contract("db", -100, 100)),
	}
	w.Offers = []*publishedv1.Offer{viewtest.Offer("once"), viewtest.Offer("day")}
	viewtest.Offering(w.Lines[0], "once", "day")
	if change != nil {
		change(&w)
	}
	return w
}

// business is what a decision does with a caller, for reading.
func business(d *decide.Decision) string {
	var offers []string
	for _, o := range d.Offers() {
		offers = append(offers, o.ID)
	}
	return fmt.Sprintf("%s %v %s %s", d.Step.String()[len("STEP_KIND_"):], offers,
		strings.TrimPrefix(d.Offer.String(), "OFFER_FATE_"), strings.TrimPrefix(d.Treatment.String(), "TREATMENT_"))
}

func TestOffers(t *testing.T) {
	type state = routingv1.ContinuationState
	made := func(fate routingv1.OfferFate) *state {
		s := &state{Line: "gold", Customer: "acme", Asked: routingv1.PromptKind_PROMPT_KIND_OFFER, Offer: fate}
		if fate != routingv1.OfferFate_OFFER_FATE_DECLINED && fate != routingv1.OfferFate_OFFER_FATE_HELPED_FIRST {
			s.Accepted = &routingv1.MadeOffer{Offer: "once"}
		}
		return s
	}
	declined := func(t routingv1.Treatment) func(*viewtest.World) {
		return func(w *viewtest.World) { w.Lines[0].Treatments.Declined = t }
	}
	withdraw := func(ids ...int) func(*viewtest.World) {
		return func(w *viewtest.World) {
			for _, i := range ids {
				w.Offers[i].Offer.Withdrawn = true
			}
		}
	}
	for what, c := range map[string]struct {
		change func(*viewtest.World)
		call   func(*decide.Call)
		want   string
	}{
		"whoever is not entitled is made the line's offers": {want: "PROMPT [once day] MADE OFFER"},
		"an entitled caller is not": {
			call: func(c *decide.Call) { c.Caller++ }, want: "FORWARD [] UNSPECIFIED FORWARD",
		},
		"a caller nobody knows is, by their number": {
			call: func(c *decide.Call) { c.Caller = unknownANI }, want: "PROMPT [once day] MADE OFFER",
		},
		"nobody can promise for a withheld number": {
			call: func(c *decide.Call) { c.Caller = 0 }, want: "FORWARD [] UNSPECIFIED FORWARD_AND_FOLLOW_UP",
		},
		"a withdrawn offer is not made": {change: withdraw(0), want: "PROMPT [day] MADE OFFER"},
		"an offer that has ended is not": {
			change: func(w *viewtest.World) { w.Offers[0].Offer.EndTime = stamp(4) }, want: "PROMPT [day] MADE OFFER",
		},
		"one that ends later is": {
			change: func(w *viewtest.World) { w.Offers[0].Offer.EndTime = stamp(4.5) }, want: "PROMPT [once day] MADE OFFER",
		},
		"nothing is left to be offered":  {change: withdraw(0, 1), want: "FORWARD [] UNSPECIFIED FORWARD_AND_FOLLOW_UP"},
		"an offer that is gone":          {change: func(w *viewtest.World) { w.Offers = w.Offers[1:] }, want: "PROMPT [day] MADE OFFER"},
		"a gateway that cannot ask":      {call: cannotAsk, want: "FORWARD [] NOT_CARRIED FORWARD_AND_FOLLOW_UP"},
		"and a line that refuses then":   {change: declined(reject), call: cannotAsk, want: "END [] NOT_CARRIED REJECT"},
		"declined":                       {call: at(made(routingv1.OfferFate_OFFER_FATE_DECLINED)), want: "FORWARD [] DECLINED FORWARD_AND_FOLLOW_UP"},
		"declined, and the line refuses": {change: declined(reject), call: at(made(routingv1.OfferFate_OFFER_FATE_DECLINED)), want: "PROMPT [] DECLINED REJECT"},
		"accepted":                       {call: at(made(routingv1.OfferFate_OFFER_FATE_ACCEPTED)), want: "FORWARD [] ACCEPTED FORWARD"},
		"accepted by somebody unverified": {
			call: at(made(routingv1.OfferFate_OFFER_FATE_PENDING)), want: "FORWARD [] PENDING FORWARD",
		},
		"accepted, and on disk": {call: at(made(routingv1.OfferFate_OFFER_FATE_SPOOLED)), want: "FORWARD [] SPOOLED FORWARD"},
		"accepted, and not recorded: helped first, whatever the line does with others": {
			change: declined(reject), call: at(made(routingv1.OfferFate_OFFER_FATE_HELPED_FIRST)),
			want: "FORWARD [] HELPED_FIRST FORWARD_AND_FOLLOW_UP",
		},
		"a caller who wants a person is offered nothing": {
			call: at(&state{Line: "gold", PersonWanted: true}), want: "FORWARD [] UNSPECIFIED FORWARD_AND_FOLLOW_UP",
		},
		"nor is one once somebody was rung": {
			call: at(&state{Line: "gold", Tried: []*routingv1.TriedTarget{{TargetId: "sydney.1"}}}),
			want: "FORWARD [] UNSPECIFIED FORWARD_AND_FOLLOW_UP",
		},
		"nor with a continuation that cannot be trusted": {
			call: func(c *decide.Call) { c.Fate = routingv1.ContinuationFate_CONTINUATION_FATE_NOT_OURS },
			want: "FORWARD [] UNSPECIFIED FORWARD_AND_FOLLOW_UP",
		},
	} {
		t.Run(what, func(t *testing.T) {
			calling := asking()
			if c.call != nil {
				c.call(&calling)
			}
			d := run(offeringWorld(c.change).View(), calling, viewtest.At(4))
			if business(d) != c.want {
				t.Errorf("%s (%s), want %s", business(d), verdicts(d), c.want)
			}
			if follow := d.Treatment == routingv1.Treatment_TREATMENT_FORWARD_AND_FOLLOW_UP; d.FollowUp != follow {
				t.Errorf("follow up: %v", d.FollowUp)
			}
		})
	}
}

const reject = routingv1.Treatment_TREATMENT_REJECT

func cannotAsk(c *decide.Call) { c.Gateway = decide.CapabilitiesOf(nil) }

func at(s *routingv1.ContinuationState) func(*decide.Call) {
	return func(c *decide.Call) { c.State = s }
}

// Whoever pays in this call is entitled in it, on that basis, though the view has not heard of it.
func TestAnAcceptanceHoldsInItsCall(t *testing.T) {
	for fate, want := range map[routingv1.OfferFate]map[bool]string{
		routingv1.OfferFate_OFFER_FATE_ACCEPTED: {true: "ENTITLED PROMISE", false: "ENTITLED PROMISE"},
		routingv1.OfferFate_OFFER_FATE_PENDING:  {true: "ENTITLED PENDING_PROMISE", false: "ENTITLED PENDING_PROMISE"},
		routingv1.OfferFate_OFFER_FATE_SPOOLED:  {true: "ENTITLED PROMISE", false: "ENTITLED PENDING_PROMISE"},
	} {
		for verified, want := range want {
			calling := asking()
			calling.State = &routingv1.ContinuationState{
				Line: "gold", Customer: "acme", Offer: fate, AcceptedVerified: verified, Accepted: &routingv1.MadeOffer{Offer: "once"},
			}
			if d := run(offeringWorld(nil).View(), calling, viewtest.At(4)); grounds(d) != want {
				t.Errorf("%v, verified %v: %s", fate, verified, grounds(d))
			}
		}
	}
	// Once it has, the answer names the grant.
	w := offeringWorld(func(w *viewtest.World) {
		w.Grants = []*publishedv1.Grant{viewtest.Grant("g-1", "acme", pending, 3, 7)}
	})
	if d := run(w.View(), asking(), viewtest.At(4)); grounds(d) != "ENTITLED PENDING_PROMISE grant=g-1" {
		t.Error(grounds(d))
	}
}

func TestVerification(t *testing.T) {
	type state = routingv1.ContinuationState
	const none, attested, pin, phrase = entitlementv1.Verification_VERIFICATION_UNSPECIFIED,
		entitlementv1.Verification_VERIFICATION_ATTESTED_NUMBER, entitlementv1.Verification_VERIFICATION_PIN,
		entitlementv1.Verification_VERIFICATION_PHRASE
	v := followTheSun().View()
	for what, c := range map[string]struct {
		caller   phone.Number
		attested bool
		state    *state
		want     entitlementv1.Verification
	}{
		"an attested number of the customer alone":  {firstANI, true, &state{Customer: "acme"}, attested},
		"their number, not attested":                {firstANI, false, &state{Customer: "acme"}, none},
		"the number of another one":                 {firstANI, true, &state{Customer: "bridge-1"}, none},
		"a number that several share":               {sharedANI, true, &state{Customer: "bridge-1"}, none},
		"a PIN":                                     {0, false, &state{Customer: "acme", Named: true, PinVerified: true}, pin},
		"a phrase":                                  {0, false, &state{Customer: "acme", Named: true, PhraseVerified: true}, phrase},
		"a name":                                    {0, false, &state{Customer: "acme", Named: true}, none},
		"an attested number nobody knows, its own":  {unknownANI, true, &state{}, attested},
		"a number nobody knows":                     {unknownANI, false, &state{}, none},
		"a partner's, for one of several customers": {unknownANI, true, &state{Partner: "acme"}, none},
		"nobody": {0, true, &state{}, none},
	} {
		call := decide.Call{Caller: c.caller, Attested: c.attested, State: c.state}
		if got := decide.Verification(v, call); got != c.want {
			t.Errorf("%s: %v", what, got)
		}
	}
}

// The third goodwill call within the window becomes an offer, and what is counted meanwhile changes nothing in a call.
func TestGoodwillIsUsedUp(t *testing.T) {
	helping := func(hours ...float64) viewtest.World {
		return offeringWorld(func(w *viewtest.World) {
			w.Lines[0].Treatments.NotEntitled = routingv1.Treatment_TREATMENT_FORWARD_AND_FOLLOW_UP
			w.Lines[0].Treatments.Unknown = routingv1.Treatment_TREATMENT_FORWARD_AND_FOLLOW_UP
			w.Lines[0].Goodwill = &routingv1.Goodwill{MaxCalls: 2, WindowDays: 3}
			w.Usage = []*publishedv1.Usage{viewtest.Goodwill("acme", hours...), viewtest.NumberGoodwill(unknownANI, hours...)}
		})
	}
	for what, c := range map[string]struct {
		hours []float64
		want  string
		calls int
	}{
		"none before":                   {nil, "FORWARD [] UNSPECIFIED FORWARD_AND_FOLLOW_UP", 0},
		"one before":                    {[]float64{-10}, "FORWARD [] UNSPECIFIED FORWARD_AND_FOLLOW_UP", 1},
		"two before":                    {[]float64{-10, 1}, "PROMPT [once day] MADE OFFER", 2},
		"one of them before the window": {[]float64{-68, 1}, "FORWARD [] UNSPECIFIED FORWARD_AND_FOLLOW_UP", 1},
		"three before":                  {[]float64{-30, -10, 1}, "PROMPT [once day] MADE OFFER", 3},
	} {
		for _, caller := range []phone.Number{firstANI, unknownANI} {
			calling := asking()
			calling.Caller = caller
			d := run(helping(c.hours...).View(), calling, viewtest.At(4))
			if business(d) != c.want || d.GoodwillCalls != c.calls {
				t.Errorf("%s, %d: %s, %d", what, caller, business(d), d.GoodwillCalls)
			}
			used := c.calls >= 2
			if slices.Contains(d.Verdicts(), routingv1.Verdict_VERDICT_TREATMENT_GOODWILL_USED) != used {
				t.Errorf("%s: %s", what, verdicts(d))
			}
		}
	}
	counted := asking()
	counted.State = &routingv1.ContinuationState{
		Line: "gold", Customer: "acme", CallerClass: routingv1.CallerClass_CALLER_CLASS_NOT_ENTITLED, GoodwillPlusOne: 2,
		Asked: routingv1.PromptKind_PROMPT_KIND_ANNOUNCEMENT,
	}
	if d := run(helping(-10, 1).View(), counted, viewtest.At(4)); business(d) != "FORWARD [] UNSPECIFIED FORWARD_AND_FOLLOW_UP" {
		t.Errorf("the call that was helped is made an offer: %s", business(d))
	}
	refusing := helping(-10, 1)
	refusing.Lines[0].Goodwill.Then = reject
	if d := run(refusing.View(), asking(), viewtest.At(4)); business(d) != "PROMPT [] UNSPECIFIED REJECT" {
		t.Errorf("%s", business(d))
	}
}

// The offers are made in the customer's language where all have it, else in the line's, else in one that all have.
func TestTheLanguageOfOffers(t *testing.T) {
	german := &entitlementv1.OfferTerms{Language: "de", Text: "Sie zahlen.", Version: "2"}
	for what, c := range map[string]struct {
		change func(*viewtest.World)
		want   string
	}{
		"the line's": {func(w *viewtest.World) {
			w.Lines[0].Language = "de-AT"
			for _, o := range w.Offers {
				o.Offer.Terms = append(o.Offer.Terms, german)
			}
		}, "de-AT"},
		"the line's, which none has": {func(w *viewtest.World) { w.Lines[0].Language = "de-AT" }, "en"},
		"that of the terms, where nobody says one": {func(w *viewtest.World) {
			for _, o := range w.Offers {
				o.Offer.Terms = []*entitlementv1.OfferTerms{german}
			}
		}, "de"},
		"the customer's": {func(w *viewtest.World) {
			w.Lines[0].Language, w.Customers[0].Language = "en", "de-CH"
			for _, o := range w.Offers {
				o.Offer.Terms = append(o.Offer.Terms, german)
			}
		}, "de-CH"},
		"the customer's, which not all have": {func(w *viewtest.World) {
			w.Lines[0].Language, w.Customers[0].Language = "en", "de-CH"
			w.Offers[0].Offer.Terms = append(w.Offers[0].Offer.Terms, german)
		}, "en"},
	} {
		if d := run(offeringWorld(c.change).View(), asking(), viewtest.At(4)); d.OfferLanguage() != c.want {
			t.Errorf("%s: %q", what, d.OfferLanguage())
		}
	}
}

// A table is for whoever will call while nobody can be asked who that is: nothing is offered, and nobody is refused for it.
func TestNothingIsOfferedToWhoeverMayCall(t *testing.T) {
	calling := call()
	calling.Caller, calling.Anyone = 0, true
	w := offeringWorld(func(w *viewtest.World) { w.Lines[0].Treatments.Declined = reject })
	if d := run(w.View(), calling, viewtest.At(4)); business(d) != "FORWARD [] UNSPECIFIED FORWARD" {
		t.Error(business(d))
	}
}

// Whoever shares a number, and does not say of whom they are, is helped first as often as a number that nobody knows.
func TestGoodwillOfASharedNumberIsUsedUp(t *testing.T) {
	w := offeringWorld(func(w *viewtest.World) {
		w.Lines[0].Treatments.Unknown = routingv1.Treatment_TREATMENT_FORWARD_AND_FOLLOW_UP
		w.Lines[0].Goodwill = &routingv1.Goodwill{MaxCalls: 2, WindowDays: 3}
		w.Customers = append(w.Customers, viewtest.Customer("bridge-1", []phone.Number{sharedANI}),
			viewtest.Customer("bridge-2", []phone.Number{sharedANI}))
		w.Usage = []*publishedv1.Usage{viewtest.NumberGoodwill(sharedANI, -10, 1)}
	})
	calling := asking()
	calling.Caller = sharedANI
	if d := run(w.View(), calling, viewtest.At(4)); business(d) != "PROMPT [once day] MADE OFFER" || d.GoodwillCalls != 2 {
		t.Errorf("%s, %d", business(d), d.GoodwillCalls)
	}
	calling.Gateway = decide.CapabilitiesOf(nil) // nobody could be asked
	if d := run(w.View(), calling, viewtest.At(4)); business(d) != "FORWARD [] UNSPECIFIED FORWARD_AND_FOLLOW_UP" {
		t.Errorf("%s, %d", business(d), d.GoodwillCalls)
	}
}
