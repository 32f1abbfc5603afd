// Package offer knows what an offer is beyond its fields: whether it can be made at all, what it means where it leaves
// something out, and which of its terms are those that were read. It is pure; promises are package promise's.
package offer

import (
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/api/money"
	"github.com/daysidehq/dayside/services/internal/card"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// What an offer means where it does not say.
const (
	coversPayPerCall = 4 * time.Hour
	coversDayPass    = 24 * time.Hour
	coversUpgrade    = 31 * 24 * time.Hour
	confirmWithin    = 30 * 24 * time.Hour
)

// PricePlaceholder stands for the price in what is said; the other two for the offer's name and the text of its terms.
const (
	PricePlaceholder = "{price}"
	NamePlaceholder  = "{offer}"
	TermsPlaceholder = "{terms}"
)

// Check is what is wrong with an offer beyond what its proto says: an INVALID_FIELD fault whose fields are paths within
// the offer, or nil. Whether its plan exists is the catalog's to say.
func Check(o *entitlementv1.Offer) error {
	var broken fault.Violations
	checkText(&broken, "display_name", o.GetDisplayName())
	if rule := money.Rule(o.GetPrice()); rule != "" {
		broken.Add("price", money.String(o.GetPrice()), rule)
	} else if o.GetPrice().GetUnits() == 0 && o.GetPrice().GetNanos() == 0 {
		broken.Add("price", money.String(o.GetPrice()), "must be above 0: what costs nothing is complimentary access")
	}
	if limit := o.GetMaxUnverifiedPerDay(); limit != nil {
		if rule := money.Rule(limit); rule != "" {
			broken.Add("max_unverified_per_day", money.String(limit), rule)
		} else if limit.GetCurrencyCode() != o.GetPrice().GetCurrencyCode() {
			broken.Add("max_unverified_per_day", money.String(limit), "must be in the currency of the price")
		}
	}
	if o.GetCovers().GetNanos() != 0 {
		broken.Add("covers", o.GetCovers().AsDuration().String(), "must be whole seconds")
	}
	if o.GetConfirmWithin().GetNanos() != 0 {
		broken.Add("confirm_within", o.GetConfirmWithin().AsDuration().String(), "must be whole seconds")
	}
	if o.GetEndTime() != nil && o.GetEndTime().CheckValid() != nil {
		broken.Add("end_time", "", "must be an instant of the years 1 to 9999")
	}
	if o.GetKind() == entitlementv1.OfferKind_OFFER_KIND_UPGRADE && o.GetPlan() == "" {
		broken.Add("plan", "", "is required of an upgrade")
	}
	languages := map[string]bool{}
	for i, terms := range o.GetTerms() {
		checkTerms(&broken, fmt.Sprintf("terms[%d]", i), terms)
		if tag := strings.ToLower(terms.GetLanguage()); languages[tag] {
			broken.Add(fmt.Sprintf("terms[%d].language", i), terms.GetLanguage(), "must be there once")
		} else {
			languages[tag] = true
		}
	}
	return broken.Err()
}

func checkTerms(broken *fault.Violations, path string, t *entitlementv1.OfferTerms) {
	checkText(broken, path+".speech", t.GetSpeech())
	checkText(broken, path+".text", t.GetText())
	checkText(broken, path+".version", t.GetVersion())
	if said := t.GetSpeech(); said != "" {
		if !strings.Contains(said, PricePlaceholder) {
			broken.Add(path+".speech", said, "must say the price: "+PricePlaceholder)
		}
		plain := strings.NewReplacer(PricePlaceholder, "", NamePlaceholder, "", TermsPlaceholder, "").Replace(said)
		if strings.ContainsAny(plain, "{}") {
			broken.Add(path+".speech", said, fmt.Sprintf("must hold no braces but those of %s, %s and %s",
				PricePlaceholder, NamePlaceholder, TermsPlaceholder))
		}
	}
	if t.GetUri() == "" {
		return
	}
	u, err := url.Parse(t.GetUri())
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		broken.Add(path+".uri", "", "must be an http or https address without a user's name")
	}
}

// checkText refuses what cannot be said or shown, and what nobody may keep.
func checkText(broken *fault.Violations, path, text string) {
	switch {
	case card.In(text):
		broken.Add(path, "", card.Rule)
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }):
		broken.Add(path, "", "must hold no control characters")
	case text != "" && strings.TrimSpace(text) == "":
		broken.Add(path, text, "must not be blank")
	}
}

// Stands says whether an offer is made at a time: it is not withdrawn, and has not ended.
func Stands(o *entitlementv1.Offer, atUnixS int64) bool {
	return o != nil && !o.GetWithdrawn() && (o.GetEndTime() == nil || atUnixS < o.GetEndTime().GetSeconds())
}

// Covers is how long an offer entitles from when it is accepted.
func Covers(o *entitlementv1.Offer) time.Duration {
	if o.GetCovers() != nil {
		return o.GetCovers().AsDuration()
	}
	switch o.GetKind() {
	case entitlementv1.OfferKind_OFFER_KIND_DAY_PASS:
		return coversDayPass
	case entitlementv1.OfferKind_OFFER_KIND_UPGRADE:
		return coversUpgrade
	case entitlementv1.OfferKind_OFFER_KIND_PAY_PER_CALL, entitlementv1.OfferKind_OFFER_KIND_UNSPECIFIED:
	}
	return coversPayPerCall
}

// ConfirmWithin is how long a pending promise waits for the customer.
func ConfirmWithin(o *entitlementv1.Offer) time.Duration {
	if o.GetConfirmWithin() != nil {
		return o.GetConfirmWithin().AsDuration()
	}
	return confirmWithin
}

// Read is the terms that were read: in that language, and of that version, each where it is given. Without a version
// those that would be read in the language today: the same tag, or the same primary language, or else the first. False
// where the offer has no terms of that version (any more).
func Read(o *entitlementv1.Offer, language, version string) (*entitlementv1.OfferTerms, bool) {
	of := make([]*entitlementv1.OfferTerms, 0, len(o.GetTerms()))
	for _, t := range o.GetTerms() {
		if version == "" || t.GetVersion() == version {
			of = append(of, t)
		}
	}
	if len(of) == 0 {
		return nil, false
	}
	for _, same := range []func(a, b string) bool{strings.EqualFold, samePrimary} {
		for _, t := range of {
			if language != "" && same(t.GetLanguage(), language) {
				return t, true
			}
		}
	}
	return of[0], true
}

func samePrimary(a, b string) bool {
	a, _, _ = strings.Cut(a, "-")
	b, _, _ = strings.Cut(b, "-")
	return strings.EqualFold(a, b)
}
