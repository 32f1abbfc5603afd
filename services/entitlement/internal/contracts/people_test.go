package contracts_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/contracts"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
)

// TestAContactWhoCallsIsTheCustomer: numbers of contacts are the customer's, each once.
func TestAContactWhoCallsIsTheCustomer(t *testing.T) {
	c := customer("")
	c.PhoneNumbers = []*phone_number.PhoneNumber{number("+13035550101")}
	c.Contacts = []*entitlementv1.Contact{
		{ContactId: "ana", Email: "ana@acme.example", PhoneNumbers: []*phone_number.PhoneNumber{number("+13035550102"), number("+13035550101")}},
		{ContactId: "bo", PhoneNumbers: []*phone_number.PhoneNumber{number("+13035550102")}},
	}
	got, err := contracts.Compile(c, bundle(t))
	if err != nil {
		t.Fatal(err)
	}
	if want := []uint64{13035550101, 13035550102}; len(got.GetNumbers()) != 2 || got.GetNumbers()[0] != want[0] || got.GetNumbers()[1] != want[1] {
		t.Errorf("got %d numbers, want 2: the customer's, then the contacts'", len(got.GetNumbers()))
	}
}

// TestDaysOfTheCustomersZone: grace and suspensions end with a date of the customer's, also where clocks change in between.
func TestDaysOfTheCustomersZone(t *testing.T) {
	c := customer("Europe/Dublin", term(day(2026, 1, 1), day(2026, 3, 28)))
	c.Contracts[0].GraceDays = proto.Int32(2) // the 29th has 23 hours
	c.Contracts[0].Suspension = &entitlementv1.Suspension{StartDate: day(2026, 2, 1), EndDate: day(2026, 2, 2)}
	c.Contracts[0].ExcludesSubAccounts = true
	c.Suspension = &entitlementv1.Suspension{StartDate: day(2026, 7, 1), Reason: "unpaid"}
	c.Parent, c.Calendars, c.Locality, c.Language = "customers/group", []string{"calendars/ie"}, "Dublin", "en"
	c.Partners = []*entitlementv1.PartnerAccess{{Partner: "customers/ops", Product: "db", EndDate: day(2026, 3, 29)}}
	got, err := contracts.Compile(c, bundle(t))
	if err != nil {
		t.Fatal(err)
	}
	k := got.GetContracts()[0]
	for what, at := range map[string]struct {
		unixS int64
		want  string
	}{
		"end of grace":               {k.GetToUnixS() + int64(k.GetGraceS()), "2026-03-30T23:00:00Z"},
		"suspended from":             {k.GetSuspendedFromUnixS(), "2026-02-01T00:00:00Z"},
		"suspended to":               {k.GetSuspendedToUnixS(), "2026-02-03T00:00:00Z"},
		"customer's suspension from": {got.GetSuspendedFromUnixS(), "2026-06-30T23:00:00Z"},
		"partner until":              {got.GetPartners()[0].GetToUnixS(), "2026-03-29T23:00:00Z"},
	} {
		if utc(at.unixS) != at.want {
			t.Errorf("%s: %s, want %s", what, utc(at.unixS), at.want)
		}
	}
	if got.GetSuspendedToUnixS() != published.OpenEnded || !k.GetOwnOnly() || got.GetParent() != "group" ||
		got.GetPartners()[0].GetPartner() != "ops" || got.GetCalendars()[0] != "ie" || got.GetLocality() != "Dublin" {
		t.Errorf("got %v", got)
	}
	dublin, err := bundle(t).Location("Europe/Dublin")
	if err != nil {
		t.Fatal(err)
	}
	want := proto.CloneOf(c.GetContracts()[0])
	if back := contracts.Resource(k, dublin); !proto.Equal(back, want) {
		t.Errorf("read back: %v, want %v", back, want)
	}
}

func TestNoGraceOfItsOwnIsThePlans(t *testing.T) {
	got, err := contracts.Compile(customer("", term(day(2026, 1, 1), day(2026, 3, 28))), bundle(t))
	if err != nil || got.GetContracts()[0].GraceS != nil {
		t.Errorf("got %v, %v: the plan says", got, err)
	}
	if s := (&publishedv1.Contract{}); contracts.Resource(s, time.UTC).GetSuspension() != nil {
		t.Error("a contract came back suspended")
	}
}

func TestBrokenRulesOfPeople(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*entitlementv1.Customer)
		want string
	}{
		{"a direction turned", func(c *entitlementv1.Customer) { c.DisplayName = "Acme \u202eGmbH" }, "turn the direction"},
		{"a contact twice", func(c *entitlementv1.Customer) {
			c.Contacts = []*entitlementv1.Contact{{ContactId: "a"}, {ContactId: "a"}}
		}, `contacts[1].contact_id: "a": is contacts[0].contact_id again`},
		{"an address twice", func(c *entitlementv1.Customer) {
			c.Contacts = []*entitlementv1.Contact{{ContactId: "a", Email: "x@a.example"}, {ContactId: "b", Email: "X@a.example"}}
		}, `contacts[1].email: "X…@a.example": is contacts[0].email again`},
		{"no address", func(c *entitlementv1.Customer) {
			c.Contacts = []*entitlementv1.Contact{{ContactId: "a", Email: "Ana <ana@a.example>"}}
		}, "must be an e-mail address"},
		{"self-service without one", func(c *entitlementv1.Customer) {
			c.Contacts = []*entitlementv1.Contact{{ContactId: "a", SelfService: true}}
		}, "contacts[0].email: is required"},
		{"a contact's number", func(c *entitlementv1.Customer) {
			c.Contacts = []*entitlementv1.Contact{{ContactId: "a", PhoneNumbers: []*phone_number.PhoneNumber{number("0303")}}}
		}, "contacts[0].phone_numbers[0]: "},
		{"its own parent", func(c *entitlementv1.Customer) { c.Parent = c.GetName() }, "parent: "},
		{"its own partner", func(c *entitlementv1.Customer) {
			c.Partners = []*entitlementv1.PartnerAccess{{Partner: c.GetName()}}
		}, "partners[0].partner: "},
		{"a partner twice", func(c *entitlementv1.Customer) {
			c.Partners = []*entitlementv1.PartnerAccess{{Partner: "customers/p"}, {Partner: "customers/p"}}
		}, "partners[1].partner: "},
		{"no domain", func(c *entitlementv1.Customer) { c.EmailDomains = []string{"acme.example", "@acme"} }, "email_domains[1]: "},
		{"an id twice", func(c *entitlementv1.Customer) {
			c.ExternalIds = []*entitlementv1.ExternalId{{System: "crm", Id: "1"}, {System: "crm", Id: "1"}}
		}, `external_ids[1]: "crm: 1": is external_ids[0] again`},
		{"a suspension that ends before it begins", func(c *entitlementv1.Customer) {
			c.Suspension = &entitlementv1.Suspension{StartDate: day(2026, 2, 2), EndDate: day(2026, 2, 1)}
		}, "suspension.end_date: "},
		{"a card's number", func(c *entitlementv1.Customer) {
			c.Suspension = &entitlementv1.Suspension{StartDate: day(2026, 2, 2), Reason: "card ٤١١١ ١١١١ ١١١١ ١١١١ was declined"}
		}, "suspension.reason: must not hold what looks like a payment card's number"},
	} {
		cust := customer("")
		c.edit(cust)
		_, err := contracts.Compile(cust, bundle(t))
		var f *fault.Fault
		if !errors.As(err, &f) || !strings.Contains(f.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

// TestNamesOfAnyScript: right-to-left and combining text are names.
func TestNamesOfAnyScript(t *testing.T) {
	for _, name := range []string{"شركة أكمي", "אקמה בע״מ", "Ac\u0301me", "क्षेत्र", "می\u200cخواهم"} {
		c := customer("")
		c.DisplayName, c.EmailDomains = name, []string{"क्षेत्र.example"}
		if _, err := contracts.Compile(c, bundle(t)); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}
