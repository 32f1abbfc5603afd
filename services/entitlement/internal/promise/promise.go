// Package promise is the life of a promise to pay: what an acceptance makes of an offer, what may become of a promise
// afterwards, and what is owed by it. Nothing is ever owed of a promise that nobody verified: not when it was accepted,
// and not since.
//
// It is pure: what is known of the offer and the customer is an argument, so is time; keeping promises is the service's.
package promise

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	amounts "github.com/daysidehq/dayside/api/money"
	"github.com/daysidehq/dayside/services/entitlement/internal/offer"
	"github.com/daysidehq/dayside/services/internal/card"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/published"
)

const (
	// Names is what names of promises begin with.
	Names = "promises/"
	// MaxPendingGrant is the longest that something is granted which nobody has confirmed: the caller is helped now, and an
	// upgrade of a month is not given away.
	MaxPendingGrant = 24 * time.Hour
	// saidBefore is how long a caller may take to accept what they were told: as long as a call waits for a key.
	saidBefore = 30 * time.Minute
	// maxGrantLines is as many lines as a grant names; beyond, it is for all of the product.
	maxGrantLines = 100
)

// Facts are what an acceptance is judged by.
type Facts struct {
	// Offer as it stands; nil where there is none of that name (any more).
	Offer *entitlementv1.Offer
	// Customer is what is published of the one who accepts; nil where it is a number that nobody knows.
	Customer *publishedv1.Customer
	// CustomerGone: one was named, and does not exist any more.
	CustomerGone bool
	// Line that was called; nil where none is known. OfferedBy are the lines/ID that make the offer, in any order.
	Line      *publishedv1.Line
	OfferedBy []string
	// UnverifiedMinor is what was accepted without being verified on the day of the acceptance by the same customer or
	// number, in the smallest unit of the currency of the price.
	UnverifiedMinor int64
	// By is who recorded it: a peer's name.
	By string
	// Now is when it is recorded.
	Now time.Time
}

// Accepted is what becomes of an acceptance.
type Accepted struct {
	Outcome entitlementv1.AcceptOutcome
	// Detail is for people; of an acceptance that is not taken.
	Detail string
	// Promise is nil where nothing is recorded, Grant where nothing is given: of what is not taken there is no grant, and a
	// promise, which is refused, only where it was kept on a disk. They have neither etag nor times of writing.
	Promise *entitlementv1.Promise
	Grant   *entitlementv1.Grant
	// UnverifiedMinor is Facts' with this one, where it is pending.
	UnverifiedMinor int64
}

// Check is what is wrong with a request beyond what its proto says.
func Check(r *entitlementv1.AcceptOfferRequest) error {
	var broken fault.Violations
	for _, text := range [][2]string{{"how", r.GetHow()}, {"person", r.GetPerson()}, {"terms_version", r.GetTermsVersion()}} {
		if card.In(text[1]) {
			broken.Add(text[0], "", card.Rule)
		}
	}
	if _, ok := phone.Parse(r.GetNumber()); r.GetNumber() != "" && !ok {
		broken.Add("number", phone.Mask(r.GetNumber()), "must be E.164, such as +61255500100")
	}
	if r.GetPrice() != nil {
		if rule := amounts.Rule(r.GetPrice()); rule != "" {
			broken.Add("price", amounts.String(r.GetPrice()), rule)
		} else if amounts.Same(r.GetPrice(), &money.Money{CurrencyCode: r.GetPrice().GetCurrencyCode()}) {
			broken.Add("price", amounts.String(r.GetPrice()), "must be above 0")
		}
	}
	if t := r.GetAcceptTime(); t != nil && (t.CheckValid() != nil || t.AsTime().Year() < 2000) {
		broken.Add("accept_time", "", "must be a time of this century")
	}
	return broken.Err()
}

// Repeats says whether a request can be one that was recorded before: the same customer, or number, accepts the same. Of
// whom was erased nobody can say.
func Repeats(r *entitlementv1.AcceptOfferRequest, p *entitlementv1.Promise) bool {
	was := p.GetAcceptance()
	n, _ := phone.Parse(r.GetNumber())
	before, _ := phone.Parse(was.GetNumber())
	return r.GetOffer() == was.GetOffer() && r.GetCustomer() == was.GetCustomer() &&
		(r.GetCustomer() != "" || p.GetErased() && was.GetNumber() == "" || n == before)
}

// AcceptTime is when it was accepted: never later than now, for clocks differ.
func AcceptTime(r *entitlementv1.AcceptOfferRequest, now time.Time) time.Time {
	if t := r.GetAcceptTime(); t != nil && t.AsTime().Before(now) {
		return t.AsTime()
	}
	return now
}

// ID of the promise of a request: promises that were made later sort later.
func ID(requestID string, at time.Time) string {
	return at.UTC().Format("20060102-150405-") + published.PromiseMark(requestID)
}

// Accept is what becomes of an acceptance that Check passes. The price that was said is what is promised; terms that
// the offer has not (any more) are no basis for a promise.
func Accept(r *entitlementv1.AcceptOfferRequest, f Facts) Accepted {
	at := AcceptTime(r, f.Now)
	terms, price, why := agreed(r, f, at)
	if why != "" {
		return refused(r, f, at, entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_NOT_OFFERED, why)
	}
	verified, doubt := verified(r, f, at)
	out := Accepted{Outcome: entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_ACCEPTED}
	state, minor := entitlementv1.PromiseState_PROMISE_STATE_OWED, int64(0)
	if !verified {
		out.Outcome = entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_PENDING
		state = entitlementv1.PromiseState_PROMISE_STATE_PENDING
		minor, _ = amounts.Minor(price) // checked
		out.UnverifiedMinor = f.UnverifiedMinor + minor
		if limit := f.Offer.GetMaxUnverifiedPerDay(); limit != nil {
			if most, err := amounts.Minor(limit); err != nil || out.UnverifiedMinor > most {
				return refused(r, f, at, entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_LIMIT_REACHED,
					fmt.Sprintf("%s a day without being verified is the most; %s was accepted so on this day already, and this is %s",
						amounts.String(limit), amounts.String(amounts.FromMinor(price.GetCurrencyCode(), f.UnverifiedMinor)),
						amounts.String(price)))
			}
		}
	}
	out.Promise = &entitlementv1.Promise{
		Name: Names + ID(r.GetRequestId(), at), State: state, Acceptance: filled(r, terms, price, at), Amount: price,
		OfferDisplayName: fmt.Sprintf("%s (%s)", f.Offer.GetDisplayName(), kindWords(f.Offer.GetKind())),
		TermsText:        terms.GetText(), CustomerDisplayName: f.Customer.GetDisplayName(), Product: product(f),
		Trail: []*entitlementv1.PromiseEvent{{
			Time: timestamppb.New(at), State: state, By: f.By, Reason: strings.Join(said(r, f, at, doubt), "; "),
		}},
	}
	if verified {
		out.Promise.Trail[0].Verification = r.GetVerification()
	} else {
		// The customer cannot confirm what it does not know of: the time begins when it is recorded.
		out.Promise.LapseTime = timestamppb.New(f.Now.Add(offer.ConfirmWithin(f.Offer)).Truncate(time.Second))
	}
	out.Grant = grant(out.Promise, f, at)
	return out
}

// refused is an acceptance that is not taken. Of one that was kept on a disk the caller was connected on the strength of it:
// it is recorded, for somebody has to see it, and the customer may confirm it all the same. It gives nothing, and counts
// towards no limit.
func refused(r *entitlementv1.AcceptOfferRequest, f Facts, at time.Time, as entitlementv1.AcceptOutcome, why string,
) Accepted {
	out := Accepted{Outcome: as, Detail: why}
	if !r.GetKept() {
		return out
	}
	terms, _ := offer.Read(f.Offer, r.GetTermsLanguage(), r.GetTermsVersion())
	price := r.GetPrice()
	if price == nil {
		price = f.Offer.GetPrice()
	}
	name := r.GetOffer()
	if f.Offer != nil {
		name = fmt.Sprintf("%s (%s)", f.Offer.GetDisplayName(), kindWords(f.Offer.GetKind()))
	}
	const state = entitlementv1.PromiseState_PROMISE_STATE_REFUSED
	out.Promise = &entitlementv1.Promise{
		Name: Names + ID(r.GetRequestId(), at), State: state, Refused: as, Acceptance: filled(r, terms, price, at),
		Amount: proto.CloneOf(price), OfferDisplayName: name, TermsText: terms.GetText(),
		CustomerDisplayName: f.Customer.GetDisplayName(), Product: product(f),
		Trail: []*entitlementv1.PromiseEvent{{
			Time: timestamppb.New(f.Now), State: state, By: f.By, Reason: strings.Join(append(said(r, f, at, ""), why), "; "),
		}},
	}
	return out
}

// agreed are the terms and the price that were agreed to, or why there are none.
func agreed(r *entitlementv1.AcceptOfferRequest, f Facts, at time.Time) (*entitlementv1.OfferTerms, *money.Money, string) {
	o := f.Offer
	terms, found := offer.Read(o, r.GetTermsLanguage(), r.GetTermsVersion())
	price := r.GetPrice()
	if price == nil {
		price = o.GetPrice()
	}
	switch {
	case o == nil:
		return nil, nil, r.GetOffer() + " does not exist any more"
	case o.GetWithdrawn() && !o.GetUpdateTime().AsTime().After(at):
		return nil, nil, r.GetOffer() + " is withdrawn"
	case ended(r, o, at):
		return nil, nil, r.GetOffer() + " ended at " + o.GetEndTime().AsTime().UTC().Format(time.RFC3339)
	case !found:
		return nil, nil, fmt.Sprintf("%s has no terms of version %q (any more)", r.GetOffer(), r.GetTermsVersion())
	case price.GetCurrencyCode() != o.GetPrice().GetCurrencyCode():
		return nil, nil, fmt.Sprintf("%s costs %s, and %s was said", r.GetOffer(), amounts.String(o.GetPrice()),
			amounts.String(price))
	case r.GetLine() != "" && r.GetCallId() == "" && f.Line == nil:
		return nil, nil, r.GetLine() + " does not exist"
	case r.GetLine() != "" && r.GetCallId() == "" &&
		!slices.Contains(f.Line.GetOffers(), strings.TrimPrefix(r.GetOffer(), "offers/")):
		// In a call the line did make it, whatever it makes now.
		return nil, nil, fmt.Sprintf("%s does not make %s: name a line that does, or none", r.GetLine(), r.GetOffer())
	case f.CustomerGone:
		return nil, nil, r.GetCustomer() + " does not exist any more"
	case r.GetCustomer() == "" && r.GetNumber() == "":
		return nil, nil, "there is neither a customer nor a number that promises"
	}
	return terms, proto.CloneOf(price), ""
}

// ended says whether an offer had ended when it was accepted: in a call that is when nobody can have been told of it any
// more.
func ended(r *entitlementv1.AcceptOfferRequest, o *entitlementv1.Offer, at time.Time) bool {
	if r.GetCallId() != "" {
		at = at.Add(-saidBefore)
	}
	return o.GetEndTime() != nil && !at.Before(o.GetEndTime().AsTime())
}

// verified says whether an acceptance is surely the customer's; else in what that is in doubt, where it was claimed.
func verified(r *entitlementv1.AcceptOfferRequest, f Facts, at time.Time) (ok bool, doubt string) {
	n, _ := phone.Parse(r.GetNumber())
	switch {
	case r.GetVerification() == entitlementv1.Verification_VERIFICATION_UNSPECIFIED:
		return false, ""
	case f.Customer == nil:
		return false, "nobody knows whose number it is"
	case r.GetVerification() == entitlementv1.Verification_VERIFICATION_ATTESTED_NUMBER &&
		!slices.Contains(f.Customer.GetNumbers(), uint64(n)):
		return false, "the attested number is not the customer's"
	case f.Offer.GetWithdrawn():
		return false, "the offer was withdrawn before this was recorded"
	case dearer(r.GetPrice(), f.Offer.GetPrice()):
		return false, "more was said than the offer costs"
	case f.Now.Sub(at) > 0 && f.Offer.GetUpdateTime().AsTime().After(at) && r.GetTermsVersion() == "":
		return false, "the offer was changed before this was recorded, and nobody said which terms were read"
	}
	return true, ""
}

// dearer says whether a price that was said is above the offer's.
func dearer(said, price *money.Money) bool {
	return said != nil && (said.GetUnits() > price.GetUnits() ||
		said.GetUnits() == price.GetUnits() && said.GetNanos() > price.GetNanos())
}

// said is what the trail says of an acceptance, for people.
func said(r *entitlementv1.AcceptOfferRequest, f Facts, at time.Time, doubt string) []string {
	var all []string
	if r.GetHow() != "" {
		all = append(all, r.GetHow())
	}
	if r.GetPrice() != nil && f.Offer != nil && !amounts.Same(r.GetPrice(), f.Offer.GetPrice()) {
		all = append(all, fmt.Sprintf("%s was said, and the offer costs %s", amounts.String(r.GetPrice()),
			amounts.String(f.Offer.GetPrice())))
	}
	if late := f.Now.Sub(at).Truncate(time.Second); late >= time.Minute {
		all = append(all, fmt.Sprintf("recorded %v later", late))
	}
	if doubt != "" {
		all = append(all, doubt)
	}
	return all
}

// filled is the request, with what it left out.
func filled(r *entitlementv1.AcceptOfferRequest, terms *entitlementv1.OfferTerms, price *money.Money, at time.Time,
) *entitlementv1.AcceptOfferRequest {
	out := proto.CloneOf(r)
	if terms != nil {
		out.TermsLanguage, out.TermsVersion = terms.GetLanguage(), terms.GetVersion()
	}
	out.Price, out.AcceptTime = proto.CloneOf(price), timestamppb.New(at)
	return out
}

func kindWords(k entitlementv1.OfferKind) string {
	switch k {
	case entitlementv1.OfferKind_OFFER_KIND_DAY_PASS:
		return "day pass"
	case entitlementv1.OfferKind_OFFER_KIND_UPGRADE:
		return "upgrade"
	case entitlementv1.OfferKind_OFFER_KIND_PAY_PER_CALL, entitlementv1.OfferKind_OFFER_KIND_UNSPECIFIED:
	}
	return "pay per call"
}
