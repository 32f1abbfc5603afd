package entitlement

import (
	"context"
	"strings"
	"time"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/check"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
)

// maxCandidates bounds one answer: a number that so many share says nothing about who is calling.
const maxCandidates = 100

// CheckEntitlement answers for each customer that has the number. It reads the service's own view, which is behind a
// commit by some milliseconds, and goes on without etcd.
func (s *Service) CheckEntitlement(_ context.Context, r *entitlementv1.CheckEntitlementRequest,
) (*entitlementv1.CheckEntitlementResponse, error) {
	if !s.Ready() {
		return nil, notReady("its customers")
	}
	product, ok := s.index.Product(strings.TrimPrefix(r.GetLine(), "lines/"))
	if !ok {
		return nil, fault.NotFound(r.GetLine())
	}
	number, ok := phone.Parse(r.GetNumber().GetE164Number())
	if !ok {
		return nil, fault.Invalid(fault.Violation{
			Field: "number", Value: phone.Mask(r.GetNumber().GetE164Number()),
			Rule: "must be E.164: a plus sign, then 7 to 15 digits that begin with a country code",
		})
	}
	if r.GetAt() != nil && r.GetAt().CheckValid() != nil {
		return nil, fault.Invalid(fault.Violation{Field: "at", Rule: "must be an instant of the years 1 to 9999"})
	}
	at := s.cfg.Clock.Now().Unix()
	if r.GetAt() != nil {
		at = r.GetAt().GetSeconds()
	}
	out := &entitlementv1.CheckEntitlementResponse{}
	for _, c := range s.index.WhoHas(number, maxCandidates) {
		out.Candidates = append(out.Candidates, check.Entitlement(c, product, at, s.location(c)))
	}
	return out, nil
}

// location is the zone in which a customer's contract dates are shown. One that is known no longer, after other zone
// rules were adopted, must not hide the answer.
func (s *Service) location(c *publishedv1.Customer) *time.Location {
	if c.GetTimeZone() == "" {
		return time.UTC
	}
	rules := s.cfg.Rules.Load()
	if rules == nil { // started while etcd was away
		return time.UTC
	}
	loc, err := rules.Location(c.GetTimeZone())
	if err != nil {
		return time.UTC
	}
	return loc
}
