package entitlement_test

import (
	"context"
	"log/slog"
	"testing"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

// account is a customer with a parent, or none.
func account(id, parent string) *entitlementv1.Customer {
	c := &entitlementv1.Customer{Name: "customers/" + id, DisplayName: id}
	if parent != "" {
		c.Parent = "customers/" + parent
	}
	return c
}

// accounts are written one after the other.
func (w world) accounts(t *testing.T, idsAndParents ...[2]string) {
	t.Helper()
	for _, a := range idsAndParents {
		_, err := w.UpdateCustomer(t.Context(), &entitlementv1.UpdateCustomerRequest{
			Customer: account(a[0], a[1]), AllowMissing: true,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// above are those above a customer, itself first; the test ends where they go round.
func (w world) above(t *testing.T, id string) (line []string) {
	t.Helper()
	for name := "customers/" + id; name != ""; {
		if line = append(line, name); len(line) > 6 {
			t.Fatalf("a circle: %v", line)
		}
		c, err := w.GetCustomer(t.Context(), &entitlementv1.GetCustomerRequest{Name: name})
		if err != nil {
			return line // one that is gone
		}
		name = c.GetParent()
	}
	return line
}

// meanwhile is a store in which something happens before the next commit.
type meanwhile struct {
	*coord.Client
	happens func()
}

func (m *meanwhile) Commit(ctx context.Context, c []*rpcv1.Condition, w []*rpcv1.Write) (int64, error) {
	if first := m.happens; first != nil {
		m.happens = nil
		first()
	}
	return m.Client.Commit(ctx, c, w)
}

// TestRowsOfOneTransactionMakeNoCircle: each row is in order beside what stands, both together are not.
func TestRowsOfOneTransactionMakeNoCircle(t *testing.T) {
	d := dataProcess(t, newEtcd(t), nil)
	w := world{Service: d.Service, etcd: d.etcd}
	w.accounts(t, [2]string{"x"}, [2]string{"a"}, [2]string{"b", "x"})
	rows := []*entitlementv1.ImportRow{
		{Line: 1, Fields: []string{"parent"}, Customer: account("x", "a")},
		{Line: 2, Fields: []string{"parent"}, Customer: account("a", "b")},
	}
	got := d.bring(t, importOf("circle", 0, rows...))
	wantCounts(t, got.GetProgress(), "line 2: 0 created, 1 updated, 0 unchanged, 1 rejected")
	w.above(t, "a")
}

// TestTwoWhoWriteAtOnceMakeNoCircle: by themselves, through a parent that is gone and comes back, and through a plan.
func TestTwoWhoWriteAtOnceMakeNoCircle(t *testing.T) {
	plain := newWorld(t)
	store := &meanwhile{Client: plain.etcd}
	slow := world{Service: entitlement.New(entitlement.Config{
		Store: store, Rules: tzdata.Fixed(zonestest.Embedded(t)), Log: slog.New(slog.DiscardHandler), Clock: clock.System{},
	}), etcd: plain.etcd}

	plain.accounts(t, [2]string{"a"}, [2]string{"b"})
	store.happens = func() { plain.accounts(t, [2]string{"b", "a"}) }
	_, err := slow.UpdateCustomer(t.Context(), &entitlementv1.UpdateCustomerRequest{Customer: account("a", "b")})
	wantReason(t, "each the other's parent", err, rpcv1.Reason_REASON_CONFLICT)

	plain.accounts(t, [2]string{"c"}, [2]string{"gone"}, [2]string{"d", "gone"})
	// A release before this one let a parent go.
	_, err = plain.etcd.Commit(t.Context(), nil, []*rpcv1.Write{coord.Delete("entitlement/customers/gone")})
	if err != nil {
		t.Fatal(err)
	}
	store.happens = func() { plain.accounts(t, [2]string{"gone", "c"}) }
	_, err = slow.UpdateCustomer(t.Context(), &entitlementv1.UpdateCustomerRequest{Customer: account("c", "d")})
	wantReason(t, "through one that was gone", err, rpcv1.Reason_REASON_CONFLICT)

	plain.accounts(t, [2]string{"e"}, [2]string{"f"}, [2]string{"g", "f"})
	planned, err := plain.PlanCustomers(t.Context(), &entitlementv1.PlanCustomersRequest{
		Customers: []*entitlementv1.Customer{account("e", "g")},
	})
	if err != nil {
		t.Fatal(err)
	}
	plain.accounts(t, [2]string{"f", "e"})
	_, err = plain.etcd.Commit(t.Context(), planned.GetPlan().GetConditions(), planned.GetPlan().GetWrites())
	wantReason(t, "a plan", err, rpcv1.Reason_REASON_CONFLICT)
	for _, id := range []string{"a", "c", "e"} {
		plain.above(t, id)
	}
}
