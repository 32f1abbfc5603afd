package entitlement_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/rpc"
)

func (w world) rename(t *testing.T, id, name string) (*entitlementv1.Customer, error) {
	t.Helper()
	ctx := rpc.WithPeer(t.Context(), rpc.NewPeer("ann", rpcv1.Role_ROLE_SUPERVISOR))
	return w.RenameAccessName(ctx, &entitlementv1.RenameAccessNameRequest{Customer: "customers/" + id, AccessName: name})
}

func (w world) get(t *testing.T, id string) *entitlementv1.Customer {
	t.Helper()
	c, err := w.GetCustomer(t.Context(), &entitlementv1.GetCustomerRequest{Name: "customers/" + id})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// named is a world that has read what customers are called.
func named(t *testing.T) world {
	t.Helper()
	w := newWorld(t)
	w.follow(t)
	await.True(t, "the names of all", w.Ready)
	return w
}

func formerNames(c *entitlementv1.Customer) (names []string) {
	for _, u := range c.GetFormerAccessNames() {
		names = append(names, u.GetName())
	}
	return names
}

func TestRenamingKeepsWhatWas(t *testing.T) {
	w := named(t)
	w.create(t, customer("acme", "+61255500111", "db"))
	w.create(t, customer("bolt", "+61255500112", "db"))
	for _, name := range []string{"Blue Heron", "Osprey", "OSPREY!", "Kite"} {
		if c, err := w.rename(t, "acme", name); err != nil || c.GetAccessName() != name {
			t.Fatalf("%s: %v %v", name, c.GetAccessName(), err)
		}
	}
	c := w.get(t, "acme")
	if got := formerNames(c); !slices.Equal(got, []string{"OSPREY!", "Blue Heron"}) || c.GetAccessName() != "Kite" {
		t.Errorf("now %q, before %q", c.GetAccessName(), got)
	}
	if u := c.GetFormerAccessNames()[0]; u.GetReplacedBy() != "ann" || !u.GetEndTime().AsTime().Equal(w.clock.Now()) {
		t.Errorf("history: %v", u)
	}
	for _, taken := range []string{"kite", "Blue-Heron", "ÓSPREY"} {
		_, err := w.rename(t, "bolt", taken)
		wantReason(t, taken+" is or was another's", err, rpcv1.Reason_REASON_ALREADY_EXISTS)
	}
	if c, err := w.rename(t, "acme", "blue heron"); err != nil || !slices.Equal(formerNames(c), []string{"Kite", "OSPREY!"}) {
		t.Errorf("back to one it had: %v, before %v", err, formerNames(c))
	}
	if c, err := w.rename(t, "acme", ""); err != nil || c.GetAccessName() != "" || len(c.GetFormerAccessNames()) != 3 {
		t.Errorf("none: %v, %v", err, c)
	}
	for _, bad := range []string{"ab", "Heron\u202e", strings.Repeat("n", 101), " Heron", "!!!"} {
		_, err := w.rename(t, "acme", bad)
		wantReason(t, bad, err, rpcv1.Reason_REASON_INVALID_FIELD)
	}
	_, err := w.rename(t, "nobody", "Heron")
	wantReason(t, "no such customer", err, rpcv1.Reason_REASON_NOT_FOUND)
}

// TestNobodyChoosesWhatAnotherIsCalled: whoever says it would be taken for the wrong one.
func TestNobodyChoosesWhatAnotherIsCalled(t *testing.T) {
	w := named(t)
	acme := customer("acme", "+61255500111", "db")
	acme.DisplayName, acme.Aliases = "Acme Corporation", []string{"Blue Heron", "Ромашка"}
	w.create(t, acme)
	bolt := customer("bolt", "+61255500112", "db")
	bolt.DisplayName, bolt.Aliases = "Bolt", []string{"Ветер"}
	w.create(t, bolt)
	await.True(t, "both names", func() bool {
		r, err := w.IdentifyCaller(t.Context(), &entitlementv1.IdentifyCallerRequest{Name: "blue heron"})
		return err == nil && len(r.GetCandidates()) > 0
	})
	for _, taken := range []string{"Acme Corporation", "ácme inc.", "ACME", "blue-heron", "Hello, this is Acme", "Blue Heron calling", "romashka", "this is Ромашка"} {
		_, err := w.rename(t, "bolt", taken)
		wantReason(t, taken, err, rpcv1.Reason_REASON_ALREADY_EXISTS)
		if err != nil && strings.Contains(err.Error(), "customers/acme") {
			t.Errorf("told whose: %v", err)
		}
	}
	changed := w.get(t, "bolt")
	changed.AccessName = "Acme Ltd"
	_, err := w.UpdateCustomer(t.Context(), &entitlementv1.UpdateCustomerRequest{Customer: changed})
	wantReason(t, "updated", err, rpcv1.Reason_REASON_ALREADY_EXISTS)
	_, err = w.PlanCustomers(t.Context(), &entitlementv1.PlanCustomersRequest{Customers: []*entitlementv1.Customer{changed}})
	if err == nil {
		t.Error("applied")
	}
	for id, own := range map[string]string{"acme": "Blue Heron", "bolt": "BOLT"} {
		if _, err := w.rename(t, id, own); err != nil {
			t.Errorf("its own: %v", err)
		}
	}
	if _, err := w.rename(t, "bolt", "Veter"); err != nil {
		t.Errorf("its own in other letters: %v", err)
	}
	cork, dove := customer("cork", "+61255500113", "db"), customer("dove", "+61255500114", "db")
	dove.DisplayName, dove.Aliases = "Dove", []string{"Голубь"}
	for _, chosen := range []string{"Dove Inc", "Golub"} {
		cork.AccessName = chosen
		_, err = w.PlanCustomers(t.Context(), &entitlementv1.PlanCustomersRequest{Customers: []*entitlementv1.Customer{cork, dove}})
		wantReason(t, "of one that comes with it", err, rpcv1.Reason_REASON_INVALID_FIELD)
	}
	if _, err := w.DeleteCustomer(t.Context(), &entitlementv1.DeleteCustomerRequest{Name: "customers/acme"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.rename(t, "bolt", "Acme"); err != nil {
		t.Errorf("of one that is gone: %v", err)
	}
}

func TestOtherWritesLeaveTheNameThatACustomerChose(t *testing.T) {
	w := named(t)
	written := customer("acme", "+61255500111", "db")
	written.AccessName = "Heron"
	w.create(t, written)
	if _, err := w.rename(t, "acme", "Osprey"); err != nil {
		t.Fatal(err)
	}
	written.DisplayName = "Acme Ltd"
	got, err := w.UpdateCustomer(t.Context(), &entitlementv1.UpdateCustomerRequest{Customer: written})
	if err != nil || got.GetAccessName() != "Osprey" || got.GetDisplayName() != "Acme Ltd" || len(got.GetFormerAccessNames()) != 1 {
		t.Errorf("updated: %v, %v", got, err)
	}
	planned, err := w.PlanCustomers(t.Context(), &entitlementv1.PlanCustomersRequest{Customers: []*entitlementv1.Customer{written}})
	if err != nil || planned.GetPlan().GetChanges()[0].GetKind() != rpcv1.Change_KIND_UNCHANGED {
		t.Errorf("applied again: %v, %v", planned, err)
	}
	other := customer("bolt", "+61255500112", "db")
	other.AccessName = "HERON"
	_, err = w.CreateCustomer(t.Context(), &entitlementv1.CreateCustomerRequest{Customer: other})
	wantReason(t, "created with another's former name", err, rpcv1.Reason_REASON_ALREADY_EXISTS)
	twin := customer("cork", "+61255500113", "db")
	other.AccessName, twin.AccessName = "Twin", "twin"
	_, err = w.PlanCustomers(t.Context(), &entitlementv1.PlanCustomersRequest{Customers: []*entitlementv1.Customer{other, twin}})
	wantReason(t, "one name for two", err, rpcv1.Reason_REASON_INVALID_FIELD)

	if _, err := w.DeleteCustomer(t.Context(), &entitlementv1.DeleteCustomerRequest{Name: "customers/acme"}); err != nil {
		t.Fatal(err)
	}
	other.AccessName = "heron"
	if _, err := w.CreateCustomer(t.Context(), &entitlementv1.CreateCustomerRequest{Customer: other}); err != nil {
		t.Errorf("a name of a customer who is gone: %v", err)
	}
}

func TestOneOfManyGetsAName(t *testing.T) {
	w := named(t)
	const contenders = 4
	for i := range contenders {
		w.create(t, customer(fmt.Sprint("c", i), fmt.Sprintf("+6125550011%d", i), "db"))
	}
	var wg sync.WaitGroup
	errs := make([]error, contenders)
	for i := range contenders {
		wg.Go(func() {
			_, errs[i] = w.RenameAccessName(t.Context(), &entitlementv1.RenameAccessNameRequest{
				Customer: fmt.Sprint("customers/c", i), AccessName: "Heron",
			})
		})
	}
	wg.Wait()
	won := 0
	for i, err := range errs {
		switch {
		case err == nil && w.get(t, fmt.Sprint("c", i)).GetAccessName() == "Heron":
			won++
		case fault.ReasonOf(err) != rpcv1.Reason_REASON_ALREADY_EXISTS:
			t.Errorf("c%d: %v", i, err)
		}
	}
	if won != 1 {
		t.Errorf("%d have the name", won)
	}
}
