package promise_test

import (
	"fmt"
	"testing"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/promise"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// TestASecondProofIsNoted: who confirms what is owed already, by another proof or for another reason, is in the trail; the same
// again is not, nor what there is no room for.
func TestASecondProofIsNoted(t *testing.T) {
	settle := func(p *entitlementv1.Promise, by, reason string, how entitlementv1.Verification) *entitlementv1.Promise {
		t.Helper()
		next, err := promise.Settle(p, promise.Settlement{What: confirm, Verification: how, Reason: reason, By: by, At: start()})
		if err != nil || next.GetState() != owed {
			t.Fatal(next, err)
		}
		return next
	}
	p := settle(promise.Accept(request(nobody), facts(start())).Promise, "mary", "", callBack)
	for range 2 {
		p = settle(p, "mary", "", callBack)
	}
	if n := len(p.GetTrail()); n != 2 {
		t.Fatalf("%d events: %v", n, p)
	}
	p = settle(p, "ben", "they wrote", entitlementv1.Verification_VERIFICATION_PIN)
	if e := p.GetTrail()[len(p.GetTrail())-1]; len(p.GetTrail()) != 3 || e.GetBy() != "ben" || e.GetReason() != "they wrote" ||
		e.GetVerification() != entitlementv1.Verification_VERIFICATION_PIN || e.GetState() != owed {
		t.Errorf("noted: %v", p.GetTrail())
	}
	for i := range 100 {
		p = settle(p, "mary", fmt.Sprint("for reason ", i), callBack)
	}
	if n := len(p.GetTrail()); n != 32 {
		t.Errorf("%d events", n)
	}
	_, err := promise.Settle(p, promise.Settlement{
		What: confirm, Verification: callBack, Reason: "paid by 4111 1111 1111 1111", By: "mary", At: start(),
	})
	if fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
		t.Errorf("a card's number: %v", err)
	}
}
