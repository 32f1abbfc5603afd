package entitlement_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	"github.com/daysidehq/dayside/services/internal/validate"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

const verifierOfAcme = "entitlement/verifiers/acme"

func (w world) setPin(t *testing.T, id, digits string) {
	t.Helper()
	if _, err := w.SetPin(t.Context(), &entitlementv1.SetPinRequest{Customer: "customers/" + id, Pin: digits}); err != nil {
		t.Fatal(err)
	}
}

func (w world) verify(t *testing.T, id, digits string) (bool, error) {
	t.Helper()
	r, err := w.VerifyPin(t.Context(), &entitlementv1.VerifyPinRequest{Customer: "customers/" + id, Pin: digits})
	return r.GetVerified(), err
}

// hasPin says whether the customer and what is published of it say that there is a PIN; they must agree with each other
// and with the verifier.
func (w world) hasPin(t *testing.T, id string) bool {
	t.Helper()
	c, err := w.GetCustomer(t.Context(), &entitlementv1.GetCustomerRequest{Name: "customers/" + id})
	if err != nil {
		t.Fatal(err)
	}
	record, _ := w.published(t, id)
	_, err = w.etcd.Get(t.Context(), "entitlement/verifiers/"+id)
	if c.GetHasPin() != record.GetHasPin() || c.GetHasPin() != (err == nil) {
		t.Errorf("%s: customer %v, published %v, verifier %v", id, c.GetHasPin(), record.GetHasPin(), err)
	}
	return c.GetHasPin()
}

func TestAPINIsSetVerifiedChangedAndRemoved(t *testing.T) {
	w := newWorld(t)
	w.create(t, customer("acme", "+61255500111", "db"))
	_, err := w.verify(t, "acme", "28406")
	wantReason(t, "before there is one", err, rpcv1.Reason_REASON_WRONG_STATE)
	_, err = w.verify(t, "nobody", "28406")
	wantReason(t, "no such customer", err, rpcv1.Reason_REASON_NOT_FOUND)
	_, err = w.SetPin(t.Context(), &entitlementv1.SetPinRequest{Customer: "customers/nobody", Pin: "28406"})
	wantReason(t, "of no such customer", err, rpcv1.Reason_REASON_NOT_FOUND)
	_, err = w.SetPin(t.Context(), &entitlementv1.SetPinRequest{Customer: "customers/nobody"})
	wantReason(t, "removed from no such customer", err, rpcv1.Reason_REASON_NOT_FOUND)
	if w.hasPin(t, "acme") {
		t.Error("a customer has a PIN that nobody set")
	}

	w.setPin(t, "acme", "28406")
	if right, err := w.verify(t, "acme", "28406"); err != nil || !right || !w.hasPin(t, "acme") {
		t.Errorf("the right one: %v, %v", right, err)
	}
	if right, err := w.verify(t, "acme", "28407"); err != nil || right {
		t.Errorf("a wrong one is an answer: %v, %v", right, err)
	}
	w.setPin(t, "acme", "15973")
	if right, err := w.verify(t, "acme", "28406"); err != nil || right {
		t.Errorf("the one before: %v, %v", right, err)
	}
	if right, err := w.verify(t, "acme", "15973"); err != nil || !right {
		t.Errorf("the new one: %v, %v", right, err)
	}
	w.setPin(t, "acme", "")
	_, err = w.verify(t, "acme", "15973")
	wantReason(t, "removed", err, rpcv1.Reason_REASON_WRONG_STATE)
	if w.hasPin(t, "acme") {
		t.Error("removed, and still there")
	}
	w.setPin(t, "acme", "") // removing it again changes nothing
}

// TestAPINSurvivesWhateverElseIsWritten: has_pin is nobody's to send.
func TestAPINSurvivesWhateverElseIsWritten(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	liar := customer("liar", "+61255500999", "db")
	liar.HasPin = true
	w.create(t, liar)
	w.create(t, customer("acme", "+61255500111", "db"))
	w.setPin(t, "acme", "28406")
	for _, c := range []struct {
		name  string
		write func() error
	}{
		{"fields that are set", func() error {
			_, err := w.UpdateCustomer(ctx, &entitlementv1.UpdateCustomerRequest{Customer: customer("acme", "+61255500112", "web")})
			return err
		}},
		{"the whole", func() error {
			_, err := w.UpdateCustomer(ctx, &entitlementv1.UpdateCustomerRequest{
				Customer: customer("acme", "+61255500113", "web"), UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"*"}},
			})
			return err
		}},
		{"the field itself", func() error {
			_, err := w.UpdateCustomer(ctx, &entitlementv1.UpdateCustomerRequest{
				Customer: &entitlementv1.Customer{Name: "customers/acme"}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"has_pin"}},
			})
			return err
		}},
		{"a lie", func() error {
			_, err := w.UpdateCustomer(ctx, &entitlementv1.UpdateCustomerRequest{
				Customer:   &entitlementv1.Customer{Name: "customers/liar", HasPin: true},
				UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"has_pin"}},
			})
			return err
		}},
		{"a file", func() error {
			planned, err := w.PlanCustomers(ctx, &entitlementv1.PlanCustomersRequest{Customers: []*entitlementv1.Customer{
				customer("acme", "+61255500114", "db"), liar,
			}})
			if err != nil {
				return err
			}
			for _, change := range planned.GetPlan().GetChanges() {
				for _, f := range change.GetFields() {
					if f.GetPath() == "has_pin" {
						t.Errorf("a file changes has_pin of %s", change.GetName())
					}
				}
			}
			_, err = w.etcd.Commit(ctx, planned.GetPlan().GetConditions(), planned.GetPlan().GetWrites())
			return err
		}},
	} {
		if err := c.write(); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if !w.hasPin(t, "acme") || w.hasPin(t, "liar") {
			t.Errorf("%s changes who has a PIN", c.name)
		}
	}
	if right, err := w.verify(t, "acme", "28406"); err != nil || !right {
		t.Errorf("after all of it: %v, %v", right, err)
	}
	c, err := w.GetCustomer(ctx, &entitlementv1.GetCustomerRequest{Name: "customers/acme"})
	if err != nil || c.GetPhoneNumbers()[0].GetE164Number() != "+61255500114" {
		t.Errorf("setting a PIN took something back: %v, %v", c, err)
	}
}

func TestAPINGoesWithItsCustomer(t *testing.T) {
	w := newWorld(t)
	w.ready(t)
	for _, id := range []string{"acme", "initech", "kept"} {
		w.create(t, customer(id, "+61255500111", "db"))
		w.setPin(t, id, "28406")
	}
	if _, err := w.DeleteCustomer(t.Context(), &entitlementv1.DeleteCustomerRequest{Name: "customers/acme"}); err != nil {
		t.Fatal(err)
	}
	planned, err := w.PlanCustomers(t.Context(), &entitlementv1.PlanCustomersRequest{
		Customers: []*entitlementv1.Customer{customer("kept", "+61255500111", "db")}, Prune: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.etcd.Commit(t.Context(), planned.GetPlan().GetConditions(), planned.GetPlan().GetWrites()); err != nil {
		t.Fatal(err)
	}
	verifiers, _, err := w.etcd.ListAll(t.Context(), "entitlement/verifiers/")
	if err != nil || len(verifiers) != 1 || verifiers[0].Key != "entitlement/verifiers/kept" {
		t.Errorf("left: %v, %v", verifiers, err)
	}
	// Whoever is called the same later has no PIN.
	w.create(t, customer("acme", "+61255500111", "db"))
	if w.hasPin(t, "acme") {
		t.Error("the PIN of a customer that was deleted came back")
	}
}

func TestGuessesAreLimited(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"acme", "initech"} {
		w.create(t, customer(id, "+61255500111", "db"))
		w.setPin(t, id, "28406")
	}
	if right, err := w.verify(t, "acme", "28406"); err != nil || !right {
		t.Fatal(right, err)
	}
	for range 5 {
		if right, err := w.verify(t, "acme", "11112"); err != nil || right {
			t.Fatal(right, err)
		}
	}
	_, err := w.verify(t, "acme", "28406")
	wantReason(t, "the right one, after five wrong ones", err, rpcv1.Reason_REASON_LIMIT_EXCEEDED)
	var f *fault.Fault
	if errors.As(err, &f); f.RetryAfter != 15*time.Minute || f.Resource != "customers/acme" {
		t.Errorf("got %+v", f)
	}
	if right, err := w.verify(t, "initech", "28406"); err != nil || !right {
		t.Errorf("another customer: %v, %v", right, err)
	}
	w.clock.Advance(15 * time.Minute)
	if right, err := w.verify(t, "acme", "28406"); err != nil || !right {
		t.Errorf("later: %v, %v", right, err)
	}
	for range 5 {
		if _, err := w.verify(t, "acme", "11112"); err != nil {
			t.Fatal(err)
		}
	}
	w.setPin(t, "acme", "97135")
	if right, err := w.verify(t, "acme", "97135"); err != nil || !right {
		t.Errorf("with another PIN: %v, %v", right, err)
	}
}

// TestManyGuessesAtOnceAreNoWayAround: of 40 wrong ones at the same moment at most five are compared.
func TestManyGuessesAtOnceAreNoWayAround(t *testing.T) {
	w := newWorld(t)
	w.create(t, customer("acme", "+61255500111", "db"))
	w.setPin(t, "acme", "28406")
	var compared, refused atomic.Int32
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			switch right, err := w.verify(t, "acme", "11112"); {
			case fault.ReasonOf(err) == rpcv1.Reason_REASON_LIMIT_EXCEEDED:
				refused.Add(1)
			case err == nil && !right:
				compared.Add(1)
			default:
				t.Errorf("got %v, %v", right, err)
			}
		})
	}
	all.Wait()
	if compared.Load() != 5 || refused.Load() != 35 {
		t.Errorf("%d compared, %d refused", compared.Load(), refused.Load())
	}
}

// TestWhoGaveUpIsNotCounted: a call that ended before its turn came says nothing of the PIN.
func TestWhoGaveUpIsNotCounted(t *testing.T) {
	w := newWorld(t)
	w.create(t, customer("acme", "+61255500111", "db"))
	w.setPin(t, "acme", "28406")
	verifier, err := w.etcd.Get(t.Context(), verifierOfAcme)
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	impatient := world{entitlement.New(entitlement.Config{
		Store: canned{w.etcd, verifier}, Rules: tzdata.Fixed(zonestest.Embedded(t)), Log: slog.New(slog.DiscardHandler), Clock: w.clock,
	}), w.etcd, w.clock}
	for range 20 {
		_, err := impatient.VerifyPin(gone, &entitlementv1.VerifyPinRequest{Customer: "customers/acme", Pin: "11112"})
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if right, err := impatient.verify(t, "acme", "28406"); err != nil || !right {
		t.Errorf("got %v, %v", right, err)
	}
}

// canned is a store that answers for one key whether or not anybody waits.
type canned struct {
	*coord.Client
	entry coord.Entry
}

func (c canned) Get(ctx context.Context, key string) (coord.Entry, error) {
	if key == c.entry.Key {
		return c.entry, nil
	}
	return c.Client.Get(ctx, key)
}

// TestNoPINIsShown: in no error, key or record, whether it was right, wrong, refused or badly formed.
func TestNoPINIsShown(t *testing.T) {
	const secret = "8640297135"
	w := newWorld(t)
	w.create(t, customer("acme", "+61255500111", "db"))
	_, missing := w.verify(t, "nobody", secret)
	_, none := w.verify(t, "acme", secret)
	w.setPin(t, "acme", secret)
	for range 5 {
		if _, err := w.verify(t, "acme", "11112"); err != nil {
			t.Fatal(err)
		}
	}
	_, many := w.verify(t, "acme", secret)
	if _, err := w.etcd.Commit(t.Context(), nil, []*rpcv1.Write{coord.Put("entitlement/verifiers/acme", []byte(secret))}); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Hour)
	_, broken := w.verify(t, "acme", secret)
	wantReason(t, "a broken verifier", broken, rpcv1.Reason_REASON_INTERNAL)
	_, same := w.SetPin(t.Context(), &entitlementv1.SetPinRequest{Customer: "customers/acme", Pin: "77777"})
	wantReason(t, "all the same", same, rpcv1.Reason_REASON_INVALID_FIELD)
	long := validate.Message(&entitlementv1.SetPinRequest{Customer: "customers/acme", Pin: secret + secret})
	wantReason(t, "too long", long, rpcv1.Reason_REASON_INVALID_FIELD)
	for _, err := range []error{missing, none, many, broken, same, long} {
		if err == nil || strings.Contains(err.Error(), "86402") || strings.Contains(err.Error(), "77777") {
			t.Errorf("%v", err)
		}
	}
	w.setPin(t, "acme", secret)
	entries, _, err := w.etcd.ListAll(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.Contains(e.Key+string(e.Value), secret) {
			t.Errorf("key %s shows the PIN", e.Key)
		}
		if strings.Contains(string(e.Value), "$argon2id$") && e.Key != verifierOfAcme {
			t.Errorf("key %s holds a verifier", e.Key)
		}
	}
}

// TestSettingAPINAmongOtherWrites: neither loses anything.
func TestSettingAPINAmongOtherWrites(t *testing.T) {
	w := newWorld(t)
	w.create(t, customer("acme", "+61255500111", "db"))
	ctx, cancel := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	writers.Go(func() {
		for ctx.Err() == nil {
			_, err := w.UpdateCustomer(t.Context(), &entitlementv1.UpdateCustomerRequest{
				Customer: &entitlementv1.Customer{Name: "customers/acme", DisplayName: "Acme anew"},
			})
			if err != nil && fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT {
				t.Error(err)
				return
			}
		}
	})
	for i := range 4 {
		_, err := w.SetPin(t.Context(), &entitlementv1.SetPinRequest{Customer: "customers/acme", Pin: "1234" + string(rune('0'+i))})
		if err != nil && fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT {
			t.Error(err)
		}
	}
	cancel()
	writers.Wait()
	w.setPin(t, "acme", "28406")
	if right, err := w.verify(t, "acme", "28406"); err != nil || !right || !w.hasPin(t, "acme") {
		t.Errorf("got %v, %v", right, err)
	}
}
