package view

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/published"
)

const (
	// maxLineOffers, maxFormerNumbers, maxGoodwillCalls and maxWindowDays are the proto's own limits.
	maxLineOffers    = 4
	maxFormerNumbers = 8
	maxGoodwillCalls = 16
	maxWindowDays    = 400
	daySeconds       = 86400
)

// readTerms reads on what terms a line helps callers who are not entitled, and which numbers it had.
func (l *Line) readTerms(p *routingv1.Line) error {
	if len(p.GetOffers()) > maxLineOffers || len(p.GetFormerNumbers()) > maxFormerNumbers {
		return fmt.Errorf("%d offers and %d former numbers, at most %d and %d",
			len(p.GetOffers()), len(p.GetFormerNumbers()), maxLineOffers, maxFormerNumbers)
	}
	for i, name := range p.GetOffers() {
		id, ok := strings.CutPrefix(name, "offers/")
		if !ok || slices.Contains(l.offerIDs, id) {
			return fmt.Errorf("offers[%d]: not an offer's name", i)
		}
		l.offerIDs = append(l.offerIDs, id)
	}
	for _, f := range p.GetFormerNumbers() {
		n, ok := phone.Parse(f.GetNumber().GetE164Number())
		if !ok {
			return errors.New("former_numbers: not E.164")
		}
		l.formers = append(l.formers, formerNumber{l.ID, n, f.GetEndTime().GetSeconds()})
	}
	if _, known := entitlementv1.Severity_name[int32(p.GetSeverity())]; known { // one of a later release is any: help
		l.Severity = p.GetSeverity()
	}
	if g := p.GetGoodwill(); g != nil {
		l.Goodwill = &Goodwill{
			MaxCalls: int(min(max(g.GetMaxCalls(), 0), maxGoodwillCalls)),
			WindowS:  int64(min(cmp.Or(max(g.GetWindowDays(), 0), published.DefaultGoodwillDays), maxWindowDays)) * daySeconds,
			Then:     cmp.Or(g.GetThen(), routingv1.Treatment_TREATMENT_OFFER),
		}
	}
	return nil
}

// Declined is what is done where no offer is accepted; never UNSPECIFIED, OFFER or IDENTIFY.
func (l *Line) Declined() routingv1.Treatment {
	switch t := l.source.GetTreatments().GetDeclined(); t {
	case routingv1.Treatment_TREATMENT_UNSPECIFIED, routingv1.Treatment_TREATMENT_OFFER, routingv1.Treatment_TREATMENT_IDENTIFY:
		return routingv1.Treatment_TREATMENT_FORWARD_AND_FOLLOW_UP
	default:
		return t
	}
}

// Former is until when a number that the line had works, Unix seconds; 0 where it is none of its former numbers.
func (l *Line) Former(n phone.Number) (untilS int64) {
	for _, f := range l.formers {
		if f.number == n {
			untilS = max(untilS, f.untilS)
		}
	}
	return untilS
}

// FormerNumbers are the numbers that the line had, and until when each works. They are as secret as Dialled; never change
// them.
func (l *Line) FormerNumbers() []*routingv1.FormerNumber { return l.source.GetFormerNumbers() }

// FollowUpOwner is who gets the line's follow-ups where the customer has no account owner; empty where it does not say.
func (l *Line) FollowUpOwner() string { return l.source.GetFollowUpOwner() }
