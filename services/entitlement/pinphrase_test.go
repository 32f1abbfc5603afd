package entitlement_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/pin"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/published"
)

func (w world) setPhrase(t *testing.T, id, phrase string) error {
	t.Helper()
	_, err := w.SetPhrase(t.Context(), &entitlementv1.SetPhraseRequest{Customer: "customers/" + id, Phrase: phrase})
	return err
}

func (w world) say(t *testing.T, id, phrase string) (bool, error) {
	t.Helper()
	r, err := w.VerifyPin(t.Context(), &entitlementv1.VerifyPinRequest{Customer: "customers/" + id, Phrase: phrase})
	return r.GetVerified(), err
}

// hasPhrase says whether the customer and what is published of it say that there is a phrase.
func (w world) hasPhrase(t *testing.T, id string) bool {
	t.Helper()
	c, err := w.GetCustomer(t.Context(), &entitlementv1.GetCustomerRequest{Name: "customers/" + id})
	if err != nil {
		t.Fatal(err)
	}
	record, _ := w.published(t, id)
	_, err = w.etcd.Get(t.Context(), "entitlement/phrases/"+id)
	if c.GetHasPhrase() != record.GetHasPhrase() || c.GetHasPhrase() != (err == nil) {
		t.Errorf("%s: customer %v, published %v, verifier %v", id, c.GetHasPhrase(), record.GetHasPhrase(), err)
	}
	return c.GetHasPhrase()
}

func TestAPhraseIsSetSaidAndRemoved(t *testing.T) {
	w := newWorld(t)
	w.create(t, customer("acme", "+61255500111", "db"))
	_, err := w.say(t, "acme", "the heron sleeps at noon")
	wantReason(t, "before there is one", err, rpcv1.Reason_REASON_WRONG_STATE)
	_, err = w.say(t, "nobody", "the heron sleeps at noon")
	wantReason(t, "no such customer", err, rpcv1.Reason_REASON_NOT_FOUND)
	wantReason(t, "too short", w.setPhrase(t, "acme", "heron"), rpcv1.Reason_REASON_INVALID_FIELD)
	wantReason(t, "of nobody", w.setPhrase(t, "nobody", "the heron sleeps at noon"), rpcv1.Reason_REASON_NOT_FOUND)

	if err := w.setPhrase(t, "acme", "The heron sleeps at noon."); err != nil {
		t.Fatal(err)
	}
	if right, err := w.say(t, "acme", "the HERON sleeps, at noon"); err != nil || !right || !w.hasPhrase(t, "acme") {
		t.Errorf("as it is heard: %v, %v", right, err)
	}
	if right, err := w.say(t, "acme", "the heron sleeps at night"); err != nil || right {
		t.Errorf("another one is an answer: %v, %v", right, err)
	}
	// A PIN beside it is another thing, and a later file takes neither away.
	w.setPin(t, "acme", "28406")
	c := customer("acme", "+61255500112", "db")
	if _, err := w.UpdateCustomer(t.Context(), &entitlementv1.UpdateCustomerRequest{
		Customer: c, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"*"}},
	}); err != nil {
		t.Fatal(err)
	}
	if right, err := w.say(t, "acme", "the heron sleeps at noon"); err != nil || !right || !w.hasPhrase(t, "acme") || !w.hasPin(t, "acme") {
		t.Errorf("beside a PIN: %v, %v", right, err)
	}
	if err := w.setPhrase(t, "acme", ""); err != nil {
		t.Fatal(err)
	}
	if w.hasPhrase(t, "acme") || !w.hasPin(t, "acme") {
		t.Error("removed: the phrase alone")
	}
	_, err = w.VerifyPin(t.Context(), &entitlementv1.VerifyPinRequest{Customer: "customers/acme"})
	wantReason(t, "nothing shown", err, rpcv1.Reason_REASON_INVALID_FIELD)
	_, err = w.VerifyPin(t.Context(), &entitlementv1.VerifyPinRequest{Customer: "customers/acme", Pin: "28406", Phrase: "both at once"})
	wantReason(t, "both at once", err, rpcv1.Reason_REASON_INVALID_FIELD)
}

// TestAPhraseIsNoName: names find, and prove nothing.
func TestAPhraseIsNoName(t *testing.T) {
	w := newWorld(t)
	c := customer("acme-widgets", "+61255500111", "db")
	c.DisplayName, c.Aliases = "Acme Widgets GmbH", []string{"Blue Heron Nebula"}
	w.create(t, c)
	for _, phrase := range []string{"Acme Widgets", "acme-widgets", "blue heron nebula", "heron nebula"} {
		err := w.setPhrase(t, "acme-widgets", phrase)
		wantReason(t, phrase, err, rpcv1.Reason_REASON_INVALID_FIELD)
	}
}

// TestGuessesOfEitherKindAreLimitedTogether, and no phrase is shown.
func TestGuessesOfEitherKindAreLimitedTogether(t *testing.T) {
	const phrase = "the heron sleeps at noon"
	w := newWorld(t)
	w.create(t, customer("acme", "+61255500111", "db"))
	w.setPin(t, "acme", "28406")
	if err := w.setPhrase(t, "acme", phrase); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		var err error
		if i%2 == 0 {
			_, err = w.verify(t, "acme", "11112")
		} else {
			_, err = w.say(t, "acme", "a guess like another")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.say(t, "acme", phrase)
	wantReason(t, "the right one, after five wrong ones", err, rpcv1.Reason_REASON_LIMIT_EXCEEDED)
	if strings.Contains(err.Error(), "heron") {
		t.Error(err)
	}
	w.clock.Advance(15 * time.Minute)
	if right, err := w.say(t, "acme", phrase); err != nil || !right {
		t.Errorf("later: %v, %v", right, err)
	}
	entries, _, err := w.etcd.ListAll(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.Contains(strings.ToLower(e.Key+string(e.Value)), "heron") {
			t.Errorf("key %s shows the phrase", e.Key)
		}
	}
}

func TestAPhraseGoesWithItsCustomer(t *testing.T) {
	w := newWorld(t)
	w.ready(t)
	for _, id := range []string{"acme", "initech"} {
		w.create(t, customer(id, "+61255500111", "db"))
		if err := w.setPhrase(t, id, "the heron sleeps at noon"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.DeleteCustomer(t.Context(), &entitlementv1.DeleteCustomerRequest{Name: "customers/acme"}); err != nil {
		t.Fatal(err)
	}
	planned, err := w.PlanCustomers(t.Context(), &entitlementv1.PlanCustomersRequest{Delete: []string{"customers/initech"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.etcd.Commit(t.Context(), planned.GetPlan().GetConditions(), planned.GetPlan().GetWrites()); err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{"entitlement/phrases/", published.CustomerPrefix} {
		if left, _, err := w.etcd.ListAll(t.Context(), prefix); err != nil || len(left) != 0 {
			t.Errorf("left: %v, %v", left, err)
		}
	}
}

// TestWhatOthersKnowIsNoSecret: neither as a PIN nor as a phrase, and the refusal does not repeat it.
func TestWhatOthersKnowIsNoSecret(t *testing.T) {
	w := newWorld(t)
	c := customer("acme", "+61255500738", "db")
	c.DisplayName, c.Aliases, c.EmailDomains = "Blue Heron", []string{"Osprey Air"}, []string{"heron-air.example"}
	c.Contracts[0].ContractId = "K-2917"
	c.ExternalIds = []*entitlementv1.ExternalId{{System: "crm", Id: "0048-3916"}}
	c.Contacts = []*entitlementv1.Contact{{
		ContactId: "ada", DisplayName: "Ada Lovelace", Email: "a.lovelace@heron.example",
		PhoneNumbers: []*phone_number.PhoneNumber{{Kind: &phone_number.PhoneNumber_E164Number{E164Number: "+61255500926"}}},
	}}
	w.create(t, c)
	for _, digits := range []string{"1234", "0000", "2580", "1984", "0738", "2917", "3916", "00483916", "0926", "2583", "677739"} {
		_, err := w.SetPin(t.Context(), &entitlementv1.SetPinRequest{Customer: "customers/acme", Pin: digits})
		wantReason(t, digits, err, rpcv1.Reason_REASON_INVALID_FIELD)
		if strings.Contains(err.Error(), digits) {
			t.Errorf("the refusal repeats it: %v", err)
		}
	}
	for _, phrase := range []string{
		"the blue heron", "osprey air two", "Ada Lovelace", "0255 500 738", "+61255500926", "0048-3916", "heron air example",
		"A.Lovelace@heron.example", "password 1", "qwertyuiop",
	} {
		err := w.setPhrase(t, "acme", phrase)
		wantReason(t, phrase, err, rpcv1.Reason_REASON_INVALID_FIELD)
		if strings.Contains(err.Error(), phrase) {
			t.Errorf("the refusal repeats it: %v", err)
		}
	}
	if w.hasPin(t, "acme") || w.hasPhrase(t, "acme") {
		t.Error("one of them was set")
	}
}

// TestWhatWasSetBeforeARuleGoesOnWorking: nobody's callers are locked out by a new rule.
func TestWhatWasSetBeforeARuleGoesOnWorking(t *testing.T) {
	w := newWorld(t)
	w.create(t, customer("acme", "+61255500111", "db"))
	salt := make([]byte, pin.SaltBytes)
	for key, secret := range map[string]string{"entitlement/verifiers/acme": "1234", "entitlement/phrases/acme": pin.Phrase("password")} {
		verifier := coord.Put(key, []byte(pin.Make("acme", secret, salt, pin.Chosen())))
		if _, err := w.etcd.Commit(t.Context(), nil, []*rpcv1.Write{verifier}); err != nil {
			t.Fatal(err)
		}
	}
	if right, err := w.verify(t, "acme", "1234"); err != nil || !right {
		t.Errorf("the PIN: %v, %v", right, err)
	}
	if right, err := w.say(t, "acme", "Password!"); err != nil || !right {
		t.Errorf("the phrase: %v, %v", right, err)
	}
}
