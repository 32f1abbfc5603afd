package entitlement

import (
	"context"
	"strings"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/names"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// maxIdentified bounds an answer: a caller can be asked about no more.
const maxIdentified = 8

// IdentifyCaller finds customers by a name or by its digits. It reads the service's own view, which is behind a commit by
// some milliseconds, and goes on without etcd.
func (s *Service) IdentifyCaller(_ context.Context, r *entitlementv1.IdentifyCallerRequest,
) (*entitlementv1.IdentifyCallerResponse, error) {
	if !s.Ready() {
		return nil, notReady("its customers")
	}
	var found []names.Match
	var more bool
	switch said := strings.TrimSpace(r.GetName()); {
	case said != "" && r.GetDigits() != "":
		return nil, fault.Invalid(fault.Violation{Field: "digits", Rule: "must be empty where name is given: one of them"})
	case said != "":
		found, more = s.directory.Find(said, maxIdentified)
	case r.GetDigits() != "":
		found, more = s.directory.FindDigits(r.GetDigits(), maxIdentified)
	default:
		return nil, fault.Invalid(fault.Violation{Field: "name", Rule: "is required, or digits"})
	}
	out := &entitlementv1.IdentifyCallerResponse{More: more}
	for _, m := range found {
		c, ok := s.index.Customer(m.ID)
		if !ok {
			continue // deleted, or not heard of yet: the two views follow the same commits, one before the other
		}
		out.Candidates = append(out.Candidates, &entitlementv1.CallerCandidate{
			Customer: customerNames + m.ID, DisplayName: c.GetDisplayName(), Confidence: m.Confidence, MatchedName: m.Name,
			HasPin: c.GetHasPin(),
		})
	}
	return out, nil
}
