package erasure_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/erasure"
)

const mobile, desk, switchboard = "+13035550101", "+13035550102", "+13035550100"

func number(s string) *phone_number.PhoneNumber {
	return &phone_number.PhoneNumber{Kind: &phone_number.PhoneNumber_E164Number{E164Number: s}}
}

func acme() *entitlementv1.Customer {
	return &entitlementv1.Customer{
		Name: "customers/acme", DisplayName: "Acme", PhoneNumbers: []*phone_number.PhoneNumber{number(switchboard)},
		Contacts: []*entitlementv1.Contact{
			{
				ContactId: "ann", DisplayName: "Ann Other", Email: "Ann@acme.example",
				PhoneNumbers: []*phone_number.PhoneNumber{number(mobile), number(switchboard)},
			},
			{ContactId: "ben", Email: "ben@acme.example", PhoneNumbers: []*phone_number.PhoneNumber{number(desk)}},
		},
		FormerAccessNames: []*entitlementv1.AccessNameUse{{Name: "Heron", ReplacedBy: "contacts/ann"}, {Name: "Kite", ReplacedBy: "ann"}},
	}
}

func person(t testing.TB, r *entitlementv1.ErasePersonRequest) *erasure.Person {
	t.Helper()
	p, err := erasure.Of(r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAContactGoesAndTheCompanyStays(t *testing.T) {
	c := acme()
	p := person(t, &entitlementv1.ErasePersonRequest{Customer: "customers/acme", ContactId: "ann"})
	if shared := p.Learn(c); shared != 1 {
		t.Errorf("%d shared numbers", shared)
	}
	if got := fmt.Sprint(p.Numbers(), p.Emails()); got != "["+mobile+"] [ann@acme.example]" {
		t.Errorf("theirs are %s", got)
	}
	if times := p.Customer(c); times != 2 {
		t.Errorf("erased %d times", times)
	}
	if len(c.GetContacts()) != 1 || len(c.GetPhoneNumbers()) != 1 || c.GetFormerAccessNames()[0].GetReplacedBy() != "contacts/erased" ||
		c.GetFormerAccessNames()[1].GetReplacedBy() != "ann" {
		t.Errorf("left: %v", c)
	}
	if p.Customer(c) != 0 {
		t.Error("done again it finds something")
	}
}

func TestANumberOfAnotherCompanyIsSpared(t *testing.T) {
	bone := &entitlementv1.Customer{Name: "customers/bone", PhoneNumbers: []*phone_number.PhoneNumber{number(mobile)}}
	p := person(t, &entitlementv1.ErasePersonRequest{Customer: "customers/acme", ContactId: "ann"})
	p.Learn(acme())
	for _, n := range p.Learned() {
		if at, spared := p.Spare(n, acme()); spared {
			t.Errorf("%s is spared for %s, which does not have it as its own", n, at)
		}
		if at, spared := p.Spare(n, bone); at != "customers/acme" || !spared {
			t.Errorf("%s of bone: %s, %v", n, at, spared)
		}
	}
	if len(p.Numbers()) != 0 {
		t.Errorf("theirs are %v", p.Numbers())
	}
	named := person(t, &entitlementv1.ErasePersonRequest{Customer: "customers/acme", ContactId: "ann", Numbers: []string{mobile}})
	if named.Learn(acme()); len(named.Learned()) != 0 || len(named.Numbers()) != 1 {
		t.Errorf("named: %v, learned %v", named.Numbers(), named.Learned())
	}
}

func TestANumberThatIsNamedGoesEverywhere(t *testing.T) {
	c := acme()
	p := person(t, &entitlementv1.ErasePersonRequest{Numbers: []string{switchboard}, Emails: []string{"BEN@acme.example"}})
	p.Learn(c)
	if times := p.Customer(c); times != 3 || len(c.GetPhoneNumbers()) != 0 || len(c.GetContacts()) != 1 ||
		len(c.GetContacts()[0].GetPhoneNumbers()) != 1 {
		t.Errorf("%d times; left: %v", times, c)
	}
}

func TestWhatMustBeKeptIsKeptWithoutThePerson(t *testing.T) {
	p := person(t, &entitlementv1.ErasePersonRequest{Customer: "customers/acme", ContactId: "ann"})
	p.Learn(acme())
	promise := &entitlementv1.Promise{
		Name: "promises/1", State: entitlementv1.PromiseState_PROMISE_STATE_OWED, TermsText: "You pay.",
		Acceptance: &entitlementv1.AcceptOfferRequest{
			Customer: "customers/acme", Number: mobile, Person: "Ann Other", RecordingUri: "s3://x", TermsVersion: "2", CallId: "c1",
		},
		Trail: []*entitlementv1.PromiseEvent{{By: "contacts/ann", Reason: "confirmed"}},
	}
	want := proto.CloneOf(promise)
	want.Erased, want.Acceptance.Number, want.Acceptance.Person, want.Acceptance.RecordingUri = true, "", "", ""
	want.Trail[0].By = "contacts/erased"
	if changed, _ := p.Promise(promise); !changed || !proto.Equal(promise, want) {
		t.Errorf("left: %v", promise)
	}
	if again, _ := p.Promise(promise); again {
		t.Error("done again it finds something")
	}
	ben := &entitlementv1.Promise{Acceptance: &entitlementv1.AcceptOfferRequest{Customer: "customers/acme", Number: desk}}
	if theirs, _ := p.Promise(ben); theirs {
		t.Error("another's promise was changed")
	}

	now := timestamppb.New(time.Unix(1000, 0))
	grant := &entitlementv1.Grant{Number: mobile, EndTime: timestamppb.New(time.Unix(2000, 0)), GrantedBy: "mary", Reason: "kind"}
	if !p.Grant(grant, now) || grant.GetNumber() != "" || grant.GetEndTime().GetSeconds() != 1000 || grant.GetGrantedBy() != "mary" ||
		p.Grant(grant, now) {
		t.Errorf("left: %v", grant)
	}
	reveal := &entitlementv1.NumberReveal{Customer: "customers/acme", ContactId: "ann", Line: "lines/gold", Client: "192.0.2.1"}
	if !p.Reveal(reveal) || reveal.GetClient() != "" || reveal.GetLine() == "" || p.Reveal(reveal) {
		t.Errorf("left: %v", reveal)
	}
}

func TestWhoIsNotSaidIsRefused(t *testing.T) {
	for _, c := range []struct {
		r    *entitlementv1.ErasePersonRequest
		want string
	}{
		{&entitlementv1.ErasePersonRequest{Customer: "customers/acme"}, "contact_id: is required"},
		{&entitlementv1.ErasePersonRequest{ContactId: "ann"}, "customer: is required"},
		{&entitlementv1.ErasePersonRequest{Numbers: []string{"303 555 0101"}}, `numbers[0]: "303…01": must be E.164`},
		{&entitlementv1.ErasePersonRequest{Emails: []string{"ann.other"}}, `emails[0]: "ann…er": must be`},
	} {
		_, err := erasure.Of(c.r)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v", c.r, err)
		}
	}
}

// TestNothingOfThePersonIsLeft: whichever contacts a customer has, after one is erased neither their name, their
// address nor a number that only they had is in what is left; and everything of the others is.
func TestNothingOfThePersonIsLeft(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &entitlementv1.Customer{Name: "customers/acme"}
		draw := func(label string) (list []*phone_number.PhoneNumber) {
			for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, 5), 0, 3, rapid.ID[int]).Draw(t, label) {
				list = append(list, number(fmt.Sprintf("+1303555010%d", i)))
			}
			return list
		}
		c.PhoneNumbers = draw("company")
		n := rapid.IntRange(1, 4).Draw(t, "contacts")
		for i := range n {
			c.Contacts = append(c.Contacts, &entitlementv1.Contact{
				ContactId: fmt.Sprint("k", i), DisplayName: fmt.Sprint("Person", i), Email: fmt.Sprintf("p%d@acme.example", i),
				PhoneNumbers: draw(fmt.Sprint("numbers of ", i)),
			})
		}
		gone := rapid.IntRange(0, n-1).Draw(t, "gone")
		before := proto.CloneOf(c)
		p, err := erasure.Of(&entitlementv1.ErasePersonRequest{Customer: c.GetName(), ContactId: fmt.Sprint("k", gone)})
		if err != nil {
			t.Fatal(err)
		}
		p.Learn(c)
		p.Customer(c)
		left := prototext.Format(c)
		for _, secret := range append(p.Numbers(), fmt.Sprint("Person", gone), fmt.Sprintf("p%d@", gone)) {
			if strings.Contains(left, secret) {
				t.Fatalf("%s is left in %s", secret, left)
			}
		}
		want := proto.CloneOf(before)
		want.Contacts = append(want.Contacts[:gone], want.Contacts[gone+1:]...)
		if !proto.Equal(c, want) {
			t.Fatalf("left %v, want %v", c, want)
		}
	})
}
