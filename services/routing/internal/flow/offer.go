package flow

import (
	"strconv"

	"google.golang.org/protobuf/proto"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
)

// Made is what a step offers, as it is said; nil of a step that offers nothing.
func Made(d *decide.Decision) []*routingv1.MadeOffer {
	var made []*routingv1.MadeOffer
	language := d.OfferLanguage()
	for _, o := range d.Offers() {
		terms := o.Terms(language)
		made = append(made, &routingv1.MadeOffer{
			Offer: o.ID, Price: o.Source.GetPrice(), TermsLanguage: terms.GetLanguage(), TermsVersion: terms.GetVersion(),
		})
	}
	return made
}

// offered is what became of an offer: the key of one of those that were made accepts that one, and all else declines.
// Whoever pressed 0 wants a person; of a gateway that cannot gather nothing more is asked. Money is owed for what is plain
// alone: a key beside the word that there was none, or speech beside keys that are none, accepts nothing.
func offered(s *routingv1.ContinuationState, in *routingv1.Input) Need {
	made := s.GetMade()
	s.Made = nil
	plain := in.GetNoInput() == routingv1.NoInput_NO_INPUT_UNSPECIFIED && (in.GetDigits() == "" || typed(in) != "")
	if k := key(in); plain && k >= 1 && k <= len(made) {
		how := "said "
		if typed(in) != "" {
			how = "pressed "
		}
		return Need{Kind: NeedAccept, Offer: made[k-1], How: how + strconv.Itoa(k)}
	}
	s.Offer = routingv1.OfferFate_OFFER_FATE_DECLINED
	if in.GetNoInput() != routingv1.NoInput_NO_INPUT_SILENCE && in != nil && operator(in) {
		s.PersonWanted = true
	}
	return Need{}
}

// Acceptance is what became of an accepted offer.
type Acceptance struct {
	Offer *routingv1.MadeOffer
	// Fate is ACCEPTED, PENDING or SPOOLED; or HELPED_FIRST, where nothing could be recorded.
	Fate routingv1.OfferFate
	// OurFault: that nothing could be recorded is no doing of the caller's.
	OurFault bool
	// PromiseID is empty where there is none yet.
	PromiseID string
	// Verified: the caller was, when it was accepted.
	Verified bool
}

// Accepted brings in what became of an acceptance.
func Accepted(s *routingv1.ContinuationState, a Acceptance) {
	s.Offer, s.OurFault = a.Fate, a.OurFault
	if a.Fate != routingv1.OfferFate_OFFER_FATE_HELPED_FIRST {
		s.Accepted, s.Promise, s.AcceptedVerified = a.Offer, a.PromiseID, a.Verified
	}
}

// Stood is the state behind a step in which an offer was accepted when the step was told before, whatever it is told with
// now.
func Stood(was *routingv1.ContinuationState, a Acceptance) *routingv1.ContinuationState {
	next := proto.CloneOf(was)
	next.Made, next.TooMany = nil, false
	Accepted(next, a)
	return next
}
