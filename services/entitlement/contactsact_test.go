package entitlement_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
)

func TestAContactSeesItsOwnCustomersAlone(t *testing.T) {
	d := newDesk(t)
	d.create(t, customer("cork", "+61255500113", "db"))
	d.have(t, annsAcme(), annAddress)
	d.have(t, carlsBolt(contact("a", annAddress, true)), annAddress)
	carl := d.signIn(t, carlAddress)
	seen, err := d.see(t, carl)
	if err != nil || seen.GetCustomer() != "customers/bolt" || len(seen.GetOthers()) != 0 {
		t.Errorf("Carl sees %v, %v", seen, err)
	}
	_, err = d.contacts.SelectCustomer(t.Context(), &entitlementv1.SelectCustomerRequest{Session: carl, Customer: "customers/acme"})
	wantReason(t, "another's customer", err, rpcv1.Reason_REASON_NOT_FOUND)

	ann := d.signIn(t, annAddress)
	turn := func(to string) error {
		_, err := d.contacts.SelectCustomer(t.Context(), &entitlementv1.SelectCustomerRequest{Session: ann, Customer: "customers/" + to})
		return err
	}
	for _, to := range []string{"acme", "bolt", "bolt", "acme"} {
		if err := turn(to); err != nil {
			t.Fatal(err)
		}
		if seen, err := d.see(t, ann); err != nil || seen.GetCustomer() != "customers/"+to || len(seen.GetOthers()) != 1 {
			t.Errorf("turned to %s: %v, %v", to, seen, err)
		}
	}
	wantReason(t, "one she is no contact of", turn("cork"), rpcv1.Reason_REASON_NOT_FOUND)
	if _, err := d.UpdateCustomer(t.Context(), &entitlementv1.UpdateCustomerRequest{
		Customer: carlsBolt(), UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"contacts"}},
	}); err != nil {
		t.Fatal(err)
	}
	wantReason(t, "one she is a contact of no longer", turn("bolt"), rpcv1.Reason_REASON_NOT_FOUND)
	if seen, err := d.see(t, ann); err != nil || len(seen.GetOthers()) != 0 {
		t.Errorf("%v, %v", seen, err)
	}
}

func TestAContactWhoIsOneNoLongerIsOut(t *testing.T) {
	d := newDesk(t)
	d.have(t, annsAcme(), annAddress)
	session, secret := d.signIn(t, annAddress), d.link(t, annAddress)
	changed := annsAcme()
	changed.Contacts[0].Email = "ann@other.example"
	if _, err := d.UpdateCustomer(t.Context(), &entitlementv1.UpdateCustomerRequest{Customer: changed}); err != nil {
		t.Fatal(err)
	}
	_, err := d.see(t, session)
	wantReason(t, "her session", err, rpcv1.Reason_REASON_NOT_FOUND)
	_, err = d.reveal(t, session, "lines/gold")
	wantReason(t, "the number", err, rpcv1.Reason_REASON_NOT_FOUND)
	_, err = d.open(t, secret)
	wantReason(t, "her link", err, rpcv1.Reason_REASON_NOT_FOUND)
}

func TestWhoMayLookMayDoNothing(t *testing.T) {
	d := newDesk(t)
	d.have(t, annsAcme(), annAddress)
	bob := d.signInByToken(t, "bob@acme.example")
	if seen, err := d.see(t, bob); err != nil || seen.GetSelfService() || seen.GetContactId() != "bob" {
		t.Errorf("Bob sees %v, %v", seen, err)
	}
	_, err := d.reveal(t, bob, "lines/gold")
	wantReason(t, "a number", err, rpcv1.Reason_REASON_WRONG_STATE)
	_, err = d.contacts.ChooseAccessName(t.Context(), &entitlementv1.ChooseAccessNameRequest{Session: bob, AccessName: "Heron"})
	wantReason(t, "a name", err, rpcv1.Reason_REASON_WRONG_STATE)
	_, err = d.contacts.AnswerPromise(t.Context(), &entitlementv1.AnswerPromiseRequest{Session: bob, Promise: "promises/p"})
	wantReason(t, "a promise", err, rpcv1.Reason_REASON_WRONG_STATE)
	for token, nonce := range map[string]string{"eve@evil.example": "nonce", annAddress: "another", "no address": "nonce", "": "nonce"} {
		_, err := d.contacts.OpenSession(t.Context(), &entitlementv1.OpenSessionRequest{IdToken: token, Nonce: nonce})
		wantReason(t, "token "+token, err, rpcv1.Reason_REASON_NOT_FOUND)
	}
}

func TestANumberThatCannotBeWrittenDownIsNotTold(t *testing.T) {
	d := newDesk(t)
	d.have(t, annsAcme(), annAddress)
	session := d.signIn(t, annAddress)
	d.store.lock(true)
	told, err := d.reveal(t, session, "lines/gold")
	wantReason(t, "etcd is away", err, rpcv1.Reason_REASON_BACKEND_UNAVAILABLE)
	if told.GetNumber() != "" || len(d.reveals(t, "")) != 0 {
		t.Error("told all the same")
	}
	d.store.lock(false)
	d.shown(t, session)
}

func TestRevealsAreLimitedAcrossSessionsAndPagedLatestFirst(t *testing.T) {
	d := newDesk(t)
	d.have(t, annsAcme(), annAddress)
	d.have(t, carlsBolt(), carlAddress)
	first, second, carl := d.signIn(t, annAddress), d.signInByToken(t, annAddress), d.signIn(t, carlAddress)
	for i := range 10 {
		d.shown(t, []string{first, second}[i%2])
		d.clock.Advance(time.Second)
	}
	_, err := d.reveal(t, second, "lines/gold")
	wantReason(t, "an eleventh one", err, rpcv1.Reason_REASON_LIMIT_EXCEEDED)
	d.shown(t, carl)
	var got []string
	for token := ""; ; {
		page, err := d.contacts.ListReveals(t.Context(), &entitlementv1.ListRevealsRequest{PageSize: 4, PageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.GetReveals() {
			got = append(got, r.GetContactId()+" "+r.GetMethod())
		}
		if token = page.GetNextPageToken(); token == "" {
			break
		}
	}
	if len(got) != 11 || !slices.Equal(got[:3], []string{"carl link", "ann oidc", "ann link"}) {
		t.Errorf("in order: %v", got)
	}
	page, err := d.contacts.ListReveals(t.Context(), &entitlementv1.ListRevealsRequest{PageSize: 2, Customer: "customers/bolt"})
	if err != nil || len(page.GetReveals()) != 1 || page.GetNextPageToken() != "" {
		t.Errorf("of one customer: %v, %v", page, err)
	}
}

func TestWhatHasExpiredIsRemoved(t *testing.T) {
	d := newDesk(t)
	d.have(t, annsAcme(), annAddress)
	session := d.signIn(t, annAddress)
	d.link(t, annAddress)
	d.shown(t, session)
	left := func() (kinds []string) {
		for _, kind := range []string{"links", "sessions", "reveals", "reveal-counts"} {
			entries, _, err := d.etcd.ListAll(t.Context(), "entitlement/"+kind+"/")
			if err != nil {
				t.Fatal(err)
			}
			for range entries {
				kinds = append(kinds, kind)
			}
		}
		return kinds
	}
	if got := left(); len(got) != 4 {
		t.Fatalf("there are %v", got)
	}
	d.clock.Advance(2 * time.Hour)
	await.True(t, "a sweep", func() bool { d.clock.Advance(time.Minute); return slices.Equal(left(), []string{"reveals"}) })
	d.clock.Advance(401 * 24 * time.Hour)
	await.True(t, "a sweep", func() bool { d.clock.Advance(time.Minute); return len(left()) == 0 })
}

func TestAContactRenamesTheCustomer(t *testing.T) {
	d := newDesk(t)
	d.have(t, annsAcme(), annAddress)
	session := d.signIn(t, annAddress)
	choose := func(name string) error {
		r, err := d.contacts.ChooseAccessName(t.Context(), &entitlementv1.ChooseAccessNameRequest{Session: session, AccessName: name})
		if err == nil && r.GetContact() != r.GetCustomer()+"/contacts/ann" {
			t.Errorf("chosen by %s", r.GetContact())
		}
		return err
	}
	for range 6 { // these tell nothing, and so keep nobody from choosing a good one
		wantReason(t, "no name", choose("ab"), rpcv1.Reason_REASON_INVALID_FIELD)
	}
	for _, name := range []string{"Heron", "Osprey"} {
		if err := choose(name); err != nil {
			t.Fatal(err)
		}
	}
	c := d.get(t, "acme")
	if c.GetAccessName() != "Osprey" || c.GetFormerAccessNames()[0].GetReplacedBy() != "contacts/ann" {
		t.Errorf("%v", c)
	}
	for range 3 {
		_ = choose("Osprey")
	}
	wantReason(t, "too many guesses", choose("Kite"), rpcv1.Reason_REASON_LIMIT_EXCEEDED)
}

// promised accepts an offer in a customer's name, from a number that nobody vouches for.
func (d desk) promised(t *testing.T, customer string) string {
	t.Helper()
	r, err := d.promises.AcceptOffer(staff(t), &entitlementv1.AcceptOfferRequest{
		Offer: "offers/call", RequestId: "gw1/" + customer + "/2", Customer: "customers/" + customer, Number: "+61255500177", Line: "lines/gold",
		Gateway: "gw1", CallId: customer, How: "pressed 1", TermsVersion: "1", TermsLanguage: "en", RecordingUri: "https://rec.example/1",
	})
	if err != nil || r.GetPromise().GetState() != entitlementv1.PromiseState_PROMISE_STATE_PENDING {
		t.Fatalf("%v, %v", r, err)
	}
	return r.GetPromise().GetName()
}

func TestAContactConfirmsAndDisputesPromises(t *testing.T) {
	d := newDesk(t)
	d.have(t, annsAcme(), annAddress)
	d.have(t, carlsBolt(), carlAddress)
	if _, err := d.catalog.UpdateOffer(t.Context(), &entitlementv1.UpdateOfferRequest{AllowMissing: true, Offer: &entitlementv1.Offer{
		Name: "offers/call", DisplayName: "Help now", Kind: entitlementv1.OfferKind_OFFER_KIND_PAY_PER_CALL, Price: euros(90),
		Terms: []*entitlementv1.OfferTerms{{Language: "en", Text: "One call.", Version: "1"}},
	}}); err != nil {
		t.Fatal(err)
	}
	anns, carls := d.promised(t, "acme"), d.promised(t, "bolt")
	session := d.signIn(t, annAddress)
	seen, err := d.see(t, session)
	if err != nil || len(seen.GetPromises()) != 1 || seen.GetPromises()[0].GetName() != anns {
		t.Fatalf("saw %v, %v", seen, err)
	}
	if a := seen.GetPromises()[0].GetAcceptance(); a.GetRecordingUri() != "(hidden)" || strings.Contains(a.GetNumber(), "5500177") {
		t.Errorf("is shown what is nobody's business: %v", a)
	}
	answer := func(promise string, what entitlementv1.Settlement, why string) (*entitlementv1.Promise, error) {
		r, err := d.contacts.AnswerPromise(t.Context(), &entitlementv1.AnswerPromiseRequest{
			Session: session, Promise: promise, Settlement: what, Reason: why,
		})
		return r.GetPromise(), err
	}
	_, err = answer(carls, entitlementv1.Settlement_SETTLEMENT_CONFIRM, "")
	wantReason(t, "another customer's", err, rpcv1.Reason_REASON_NOT_FOUND)
	_, err = answer("promises/none", entitlementv1.Settlement_SETTLEMENT_CONFIRM, "")
	wantReason(t, "nobody's", err, rpcv1.Reason_REASON_NOT_FOUND)
	p, err := answer(anns, entitlementv1.Settlement_SETTLEMENT_CONFIRM, "")
	last := p.GetTrail()[len(p.GetTrail())-1]
	if err != nil || p.GetState() != entitlementv1.PromiseState_PROMISE_STATE_OWED || last.GetBy() != "contacts/ann" ||
		last.GetVerification() != entitlementv1.Verification_VERIFICATION_CONTACT {
		t.Errorf("confirmed: %v, %v", p, err)
	}
	if p, err = answer(anns, entitlementv1.Settlement_SETTLEMENT_DISPUTE, "nobody of us called"); err != nil ||
		p.GetState() != entitlementv1.PromiseState_PROMISE_STATE_DISPUTED {
		t.Errorf("disputed: %v, %v", p, err)
	}
}

// TestAPartnersContactSeesNothingOfItsClients: neither by what contract they are entitled, nor why they are not.
func TestAPartnersContactSeesNothingOfItsClients(t *testing.T) {
	d := newDesk(t)
	const pat = "pat@ops.example"
	ops := customer("ops", "+61255500222", "db")
	ops.Contracts, ops.Contacts = nil, []*entitlementv1.Contact{contact("pat", pat, true)}
	d.have(t, ops, pat)
	acme := annsAcme()
	acme.Partners = []*entitlementv1.PartnerAccess{{Partner: "customers/ops"}}
	d.have(t, acme, annAddress)
	session := d.signIn(t, pat)
	lines := func() []*entitlementv1.SelfServiceLine {
		seen, err := d.see(t, session)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range seen.GetLines() {
			if e := l.GetEntitlement(); e.GetContract() != nil || e.GetGrant() != "" || e.GetAllowanceCalls() != 0 {
				t.Errorf("a partner sees its client's %v", e)
			}
		}
		return seen.GetLines()
	}
	await.True(t, "a line that it may call about for another", func() bool { return len(lines()) == 1 })
	d.shown(t, session)
	acme.Suspension = &entitlementv1.Suspension{StartDate: &date.Date{Year: 2026, Month: 1, Day: 1}, Reason: "unpaid"}
	if _, err := d.UpdateCustomer(t.Context(), &entitlementv1.UpdateCustomerRequest{Customer: acme}); err != nil {
		t.Fatal(err)
	}
	await.True(t, "nothing is said of a client that is suspended", func() bool { return len(lines()) == 0 })
}

// TestAContactIsNotToldWhatTheVendorCouldDo: of remedies those are told that are the caller's own.
func TestAContactIsNotToldWhatTheVendorCouldDo(t *testing.T) {
	d := newDesk(t)
	acme := annsAcme()
	acme.Suspension = &entitlementv1.Suspension{StartDate: &date.Date{Year: 2026, Month: 1, Day: 1}, Reason: "unpaid"}
	d.have(t, acme, annAddress)
	seen, err := d.see(t, d.signIn(t, annAddress))
	if err != nil || len(seen.GetLines()) != 1 {
		t.Fatal(seen, err)
	}
	for _, r := range seen.GetLines()[0].GetEntitlement().GetRemedies() {
		t.Errorf("told to %s", r.GetText())
	}
}

// TestAPageOfAnotherCompanyDoesNothing: of two pages that are open, one may be of a customer from which the session was turned.
func TestAPageOfAnotherCompanyDoesNothing(t *testing.T) {
	d := newDesk(t)
	d.have(t, annsAcme(), annAddress)
	d.have(t, carlsBolt(contact("a", annAddress, true)), annAddress)
	session := d.signIn(t, annAddress)
	if _, err := d.contacts.SelectCustomer(t.Context(), &entitlementv1.SelectCustomerRequest{Session: session, Customer: "customers/bolt"}); err != nil {
		t.Fatal(err)
	}
	name := func(of, name string) error {
		_, err := d.contacts.ChooseAccessName(t.Context(), &entitlementv1.ChooseAccessNameRequest{Session: session, AccessName: name, Customer: of})
		return err
	}
	wantReason(t, "a name on acme's page", name("customers/acme", "Heron"), rpcv1.Reason_REASON_WRONG_STATE)
	_, err := d.contacts.RevealNumber(t.Context(), &entitlementv1.RevealNumberRequest{
		Session: session, Line: "lines/gold", Customer: "customers/acme",
	})
	wantReason(t, "a number on acme's page", err, rpcv1.Reason_REASON_WRONG_STATE)
	if len(d.reveals(t, "")) != 0 || d.get(t, "bolt").GetAccessName() != "" {
		t.Error("it was done to the other one")
	}
	if err := name("customers/bolt", "Heron"); err != nil {
		t.Error(err)
	}
}

// TestALineIsFoundBehindManyOthers: what a contact is shown is bounded, not what is looked at for it.
func TestALineIsFoundBehindManyOthers(t *testing.T) {
	d := newDesk(t)
	for i := range 520 {
		d.line(t, fmt.Sprintf("a%03d", i), "another")
	}
	d.have(t, annsAcme(), annAddress)
	seen, err := d.see(t, d.signIn(t, annAddress))
	if err != nil || len(seen.GetLines()) != 1 || seen.GetLines()[0].GetLine() != "lines/gold" {
		t.Errorf("saw %v, %v", seen.GetLines(), err)
	}
}
