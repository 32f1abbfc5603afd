package cli

import (
	"strings"
	"testing"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
)

// TestWhatIsPromisedAlreadyIsSaidToBe where another request is answered with it.
func TestWhatIsPromisedAlreadyIsSaidToBe(t *testing.T) {
	answer := &entitlementv1.AcceptOfferResponse{
		Outcome: entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_ACCEPTED,
		Promise: &entitlementv1.Promise{Acceptance: &entitlementv1.AcceptOfferRequest{RequestId: "first-request"}},
	}
	for request, want := range map[string]bool{"first-request": false, "another-request": true} {
		var out strings.Builder
		acceptedText(&out, request, answer)
		if strings.Contains(out.String(), "was promised before") != want {
			t.Errorf("%s: %s", request, out.String())
		}
	}
}
