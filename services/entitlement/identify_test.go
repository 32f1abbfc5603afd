package entitlement_test

import (
	"slices"
	"testing"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/coord"
)

func (w world) identify(t *testing.T, name, digits string) *entitlementv1.IdentifyCallerResponse {
	t.Helper()
	r, err := w.IdentifyCaller(t.Context(), &entitlementv1.IdentifyCallerRequest{Name: name, Digits: digits})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// found says whether exactly these customers are candidates, in that order.
func (w world) found(t *testing.T, name string, ids ...string) func() bool {
	t.Helper()
	return func() bool {
		var got []string
		for _, c := range w.identify(t, name, "").GetCandidates() {
			got = append(got, c.GetCustomer())
		}
		return slices.Equal(got, ids)
	}
}

func TestIdentifyCallerFollowsWhatIsWritten(t *testing.T) {
	w := newWorld(t)
	_, err := w.IdentifyCaller(t.Context(), &entitlementv1.IdentifyCallerRequest{Name: "acme"})
	wantReason(t, "before the views are listed", err, rpcv1.Reason_REASON_VIEW_NOT_READY)
	acme := customer("acme", "+61255500111", "db")
	acme.DisplayName, acme.Aliases = "Acme Widgets Pty Ltd", []string{"ACME", "Old Widgets"}
	w.create(t, acme)
	w.follow(t)
	await.True(t, "the first list", w.Ready)

	r := w.identify(t, "old widgets limited", "")
	if len(r.GetCandidates()) != 1 || r.GetMore() {
		t.Fatalf("got %v", r)
	}
	if c := r.GetCandidates()[0]; c.GetCustomer() != "customers/acme" || c.GetDisplayName() != "Acme Widgets Pty Ltd" ||
		c.GetMatchedName() != "Old Widgets" || c.GetConfidence() != 1 || c.GetHasPin() {
		t.Errorf("got %v", c)
	}
	if r := w.identify(t, "", "2263#"); len(r.GetCandidates()) != 1 || r.GetCandidates()[0].GetMatchedName() != "ACME" {
		t.Errorf("spelled: %v", r)
	}
	if r := w.identify(t, "globex", ""); len(r.GetCandidates()) != 0 || r.GetMore() {
		t.Errorf("nobody: %v", r)
	}

	w.setPin(t, "acme", "28406")
	await.True(t, "the PIN", func() bool { return w.identify(t, "acme", "").GetCandidates()[0].GetHasPin() })
	globex := customer("globex", "+61255500222", "db")
	w.create(t, globex)
	await.True(t, "a new customer", w.found(t, "globex", "customers/globex"))
	globex.DisplayName = "Acme"
	if _, err := w.UpdateCustomer(t.Context(), &entitlementv1.UpdateCustomerRequest{Customer: globex}); err != nil {
		t.Fatal(err)
	}
	// Both have the name; neither is guessed.
	await.True(t, "a customer of the same name", w.found(t, "acme", "customers/acme", "customers/globex"))
	await.True(t, "the name before", w.found(t, "globex"))
	if _, err := w.DeleteCustomer(t.Context(), &entitlementv1.DeleteCustomerRequest{Name: "customers/acme"}); err != nil {
		t.Fatal(err)
	}
	await.True(t, "the deletion", w.found(t, "acme", "customers/globex"))
}

func TestIdentifyCallerWantsOneOfTwo(t *testing.T) {
	w := newWorld(t)
	w.follow(t)
	await.True(t, "the first list", w.Ready)
	for _, r := range []*entitlementv1.IdentifyCallerRequest{{}, {Name: "  "}, {Name: "acme", Digits: "2263"}} {
		_, err := w.IdentifyCaller(t.Context(), r)
		wantReason(t, r.String(), err, rpcv1.Reason_REASON_INVALID_FIELD)
	}
}

// TestASourceThatCannotBeRead is left out, and keeps nobody else from being found.
func TestASourceThatCannotBeRead(t *testing.T) {
	w := newWorld(t)
	w.create(t, customer("acme", "+61255500111", "db"))
	w.create(t, customer("acme2", "+61255500112", "db"))
	w.follow(t)
	await.True(t, "the first list", w.Ready)
	_, err := w.etcd.Commit(t.Context(), nil, []*rpcv1.Write{coord.Put("entitlement/customers/acme", []byte{0xff})})
	if err != nil {
		t.Fatal(err)
	}
	await.True(t, "the broken one", w.found(t, "acme", "customers/acme2"))
}
