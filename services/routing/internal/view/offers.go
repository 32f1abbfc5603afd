package view

import (
	"errors"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/internal/published"
)

// maxOfferTerms is the proto's own limit.
const maxOfferTerms = 32

// Offer is what a caller who is not entitled can accept.
type Offer struct {
	// ID is the last part of Name, "offers/ID".
	ID, Name string
	// Source is the offer as it was written, without etag and times. Never change it.
	Source *entitlementv1.Offer
	fact   *Fact
}

// Withdrawn says that it is offered no more.
func (o *Offer) Withdrawn() bool { return o.Source.GetWithdrawn() }

// EndsUnixS is when it ends, seconds since 1970; 0: it does not.
func (o *Offer) EndsUnixS() int64 { return o.Source.GetEndTime().GetSeconds() }

// Fact is its record.
func (o *Offer) Fact() *Fact { return o.fact }

// Terms are those in a language, by its BCP 47 tag: of the very tag, else of its primary subtag, else the first; never nil.
func (o *Offer) Terms(languageTag string) *entitlementv1.OfferTerms {
	primary := PrimaryLanguage(languageTag)
	var near *entitlementv1.OfferTerms
	for _, t := range o.Source.GetTerms() {
		switch {
		case primary == "":
		case t.GetLanguage() == languageTag:
			return t
		case near == nil && PrimaryLanguage(t.GetLanguage()) == primary:
			near = t
		}
	}
	if near != nil {
		return near
	}
	return o.Source.GetTerms()[0]
}

// Offer is an offer by ID, withdrawn or not; nil where there is none.
func (v *View) Offer(id string) *Offer { return v.offers.byID[id] }

func readOffer(id string, value []byte) (*Offer, error) {
	p, err := published.Offer(value)
	if err != nil {
		return nil, err
	}
	terms := len(p.GetOffer().GetTerms())
	if terms == 0 || terms > maxOfferTerms {
		return nil, errors.New("an offer has terms in 1 to 32 languages")
	}
	return &Offer{
		ID: id, Name: "offers/" + id, Source: p.GetOffer(), fact: newFact(published.OfferPrefix+id, value),
	}, nil
}
