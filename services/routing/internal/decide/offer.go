package decide

import (
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// maxOffers is how many offers a line has at most: keys 1 to 4.
const maxOffers = 4

// offer settles what becomes of a treatment OFFER. An offer is made once in a call, and before anything is rung;
// whoever does not accept, and whoever cannot be made one, gets what the line does then. Of whose acceptance nothing
// could be recorded is helped first, whatever the line does with others.
func (d *Decision) offer() {
	st := d.call.State
	d.Offer = st.GetOffer()
	switch {
	case d.Class == routingv1.CallerClass_CALLER_CLASS_ENTITLED:
		if d.Treatment == routingv1.Treatment_TREATMENT_OFFER {
			d.Treatment = routingv1.Treatment_TREATMENT_FORWARD
		}
	case d.Offer == routingv1.OfferFate_OFFER_FATE_HELPED_FIRST:
		d.Treatment = routingv1.Treatment_TREATMENT_FORWARD_AND_FOLLOW_UP
	case d.Treatment != routingv1.Treatment_TREATMENT_OFFER:
	case d.Offer != routingv1.OfferFate_OFFER_FATE_UNSPECIFIED || !d.canPromise() || !d.findOffers():
		d.Treatment = d.Line.Declined()
	case !d.call.Gateway.asks():
		d.nOffers, d.Offer = 0, routingv1.OfferFate_OFFER_FATE_NOT_CARRIED
		d.Treatment = d.Line.Declined()
	case d.Safe() || !d.maySpeak():
		d.nOffers, d.Treatment = 0, d.Line.Declined()
	}
}

// canPromise says whether there is anybody who can promise: a customer, or a number.
func (d *Decision) canPromise() bool { return d.known() || d.call.Caller != 0 }

// findOffers are the line's, but those that are withdrawn, or have ended.
func (d *Decision) findOffers() bool {
	for _, o := range d.Line.Offers {
		ends := o.EndsUnixS()
		if o.Withdrawn() || ends != 0 && ends <= d.nowS || d.nOffers == maxOffers {
			continue
		}
		if ends != 0 {
			d.changesAt(ends)
		}
		d.offers[d.nOffers] = o
		d.nOffers++
	}
	return d.nOffers > 0
}

// makeOffer asks whether the caller accepts.
func (d *Decision) makeOffer() routingv1.Verdict {
	d.Offer = routingv1.OfferFate_OFFER_FATE_MADE
	return d.prompt(routingv1.PromptKind_PROMPT_KIND_OFFER)
}

// Offers are those that the caller is made with this step: key 1 accepts the first. None of any other step.
func (d *Decision) Offers() []*view.Offer {
	if d.Prompt != routingv1.PromptKind_PROMPT_KIND_OFFER {
		return nil
	}
	return d.offers[:d.nOffers]
}

// goodwillUsed counts how often the caller was helped first within the line's window, and says whether that is as often as
// the line does. What was counted with the first step of a call holds for all of it.
func (d *Decision) goodwillUsed() bool {
	g := d.Line.Goodwill
	if g == nil || d.Class == routingv1.CallerClass_CALLER_CLASS_ENTITLED {
		return false
	}
	applies := d.Treatment == routingv1.Treatment_TREATMENT_FORWARD_AND_FOLLOW_UP
	st, customer := d.call.State, d.call.State.GetCustomer()
	if c := d.Customer(); c != nil {
		customer = c.ID()
	}
	if st.GetGoodwillPlusOne() > 0 && st.GetLine() == d.Line.ID && st.GetCallerClass() == d.Class &&
		st.GetCustomer() == customer {
		d.GoodwillCalls = int(st.GetGoodwillPlusOne()) - 1
		return applies && d.GoodwillCalls >= g.MaxCalls
	}
	var times []int64
	switch c := d.Customer(); {
	case c != nil:
		times = d.view.Goodwill(c.ID())
	case d.call.Caller != 0 && (d.customers.Len() == 0 || d.call.Gateway.asks()):
		// It is counted by the number as well where several share it: who could say of whom they are, and did not, is a stranger.
		times = d.view.NumberGoodwill(d.call.Caller)
	}
	for len(times) > 0 && times[0]+g.WindowS <= d.nowS {
		times = times[1:]
	}
	d.GoodwillCalls = len(times)
	if !applies || len(times) < g.MaxCalls {
		return false
	}
	if g.MaxCalls > 0 { // with none it is used up for ever
		d.changesAt(times[len(times)-g.MaxCalls] + g.WindowS)
	}
	return true
}

// OfferLanguage is the BCP 47 tag of the language in which offers are made: the first in which all of them have terms, of
// the customer's, the line's, and those of the first offer. Where they have none in common, each is made in its own.
func (d *Decision) OfferLanguage() string {
	if c := d.Customer(); c != nil && d.offeredIn(c.LanguageTag) {
		return c.LanguageTag
	}
	line := d.Line.LanguageTag()
	if d.offeredIn(line) {
		return line
	}
	if offers := d.Offers(); len(offers) > 0 {
		for _, t := range offers[0].Source.GetTerms() {
			if d.offeredIn(t.GetLanguage()) {
				return t.GetLanguage()
			}
		}
	}
	return line
}

// offeredIn says whether all offers have terms in a language.
func (d *Decision) offeredIn(languageTag string) bool {
	primary := view.PrimaryLanguage(languageTag)
	for _, o := range d.Offers() {
		if primary == "" || view.PrimaryLanguage(o.Terms(languageTag).GetLanguage()) != primary {
			return false
		}
	}
	return primary != ""
}
