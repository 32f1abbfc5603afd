package imports_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/imports"
	"github.com/daysidehq/dayside/services/internal/phone"
)

func number(s string) *phone_number.PhoneNumber {
	return &phone_number.PhoneNumber{Kind: &phone_number.PhoneNumber_E164Number{E164Number: s}}
}

func e164(text string) (phone.Number, error) {
	n, ok := phone.Parse(text)
	if !ok {
		return 0, errors.New("must be E.164")
	}
	return n, nil
}

func TestARowChangesWhatItSaysAndNothingElse(t *testing.T) {
	stands := &entitlementv1.Customer{
		Name: "customers/acme", DisplayName: "Acme", Locality: "Berlin", Aliases: []string{"ACME"}, AccessName: "Heron",
		PhoneNumbers: []*phone_number.PhoneNumber{number("+13035550101")}, EmailDomains: []string{"acme.example"},
		Contracts: []*entitlementv1.Contract{{ContractId: "1", Plan: "gold"}, {ContractId: "2", Plan: "gold"}},
		Contacts:  []*entitlementv1.Contact{{ContactId: "ann", Email: "ann@acme.example"}}, HasPin: true,
	}
	row := &entitlementv1.ImportRow{
		Fields: []string{"locality", "aliases", "phone_numbers", "contracts", "contacts", "name", "language", "email_domains"},
		Key:    &entitlementv1.ExternalId{System: "crm", Id: "7"},
		Customer: &entitlementv1.Customer{
			DisplayName: "not asked for", Aliases: []string{" acme ", "Widgets"}, Language: "de",
			PhoneNumbers: []*phone_number.PhoneNumber{number("+13035550101"), number("+13035550102")},
			Contracts:    []*entitlementv1.Contract{{ContractId: "2", Plan: "silver"}, {ContractId: "3", Plan: "gold"}},
			Contacts:     []*entitlementv1.Contact{{ContactId: "ben"}},
		},
	}
	want := proto.CloneOf(stands)
	want.Locality, want.Aliases, want.Language, want.EmailDomains = "", []string{"ACME", "Widgets"}, "de", nil
	want.PhoneNumbers = append(want.PhoneNumbers, number("+13035550102"))
	want.Contracts[1].Plan = "silver"
	want.Contracts = append(want.Contracts, &entitlementv1.Contract{ContractId: "3", Plan: "gold"})
	want.Contacts = append(want.Contacts, &entitlementv1.Contact{ContactId: "ben"})
	want.ExternalIds = []*entitlementv1.ExternalId{{System: "crm", Id: "7"}}
	before := proto.CloneOf(stands)
	got, _, err := imports.Merge(stands, row, e164)
	if err != nil || !proto.Equal(got, want) {
		t.Errorf("got  %v\nwant %v\n%v", got, want, err)
	}
	if !proto.Equal(stands, before) {
		t.Error("what stood was changed")
	}
}

// TestAColumnThatIsNotThereTakesNothingAway: a list of contracts that knows nothing of suspensions lifts none, and one of
// people locks nobody out.
func TestAColumnThatIsNotThereTakesNothingAway(t *testing.T) {
	days := int32(5)
	stands := &entitlementv1.Customer{
		Name: "customers/acme",
		Contracts: []*entitlementv1.Contract{{
			ContractId: "1", Plan: "gold", Suspension: &entitlementv1.Suspension{Reason: "unpaid"}, GraceDays: &days, Product: "db",
		}},
		Contacts: []*entitlementv1.Contact{{
			ContactId: "ann", Email: "ann@acme.example", SelfService: true,
			PhoneNumbers: []*phone_number.PhoneNumber{number("+13035550101")},
		}},
	}
	row := &entitlementv1.ImportRow{
		Fields: []string{
			"contracts", "contracts.contract_id", "contracts.plan", "contracts.product", "contacts", "contacts.contact_id",
			"contacts.display_name",
		},
		Customer: &entitlementv1.Customer{
			Contracts: []*entitlementv1.Contract{{ContractId: "1", Plan: "silver"}, {ContractId: "2", Plan: "gold"}},
			Contacts:  []*entitlementv1.Contact{{ContactId: "ann", DisplayName: "Ann"}},
		},
	}
	want := proto.CloneOf(stands)
	want.Contracts[0].Plan, want.Contracts[0].Product = "silver", "" // whose cell is empty
	want.Contracts = append(want.Contracts, row.GetCustomer().GetContracts()[1])
	want.Contacts[0].DisplayName = "Ann"
	before := proto.CloneOf(stands)
	if got, _, err := imports.Merge(stands, row, e164); err != nil || !proto.Equal(got, want) {
		t.Errorf("got  %v\nwant %v\n%v", got, want, err)
	}
	if !proto.Equal(stands, before) {
		t.Error("what stood was changed")
	}
	for _, bad := range []string{"contracts.colour", "open_cases.title", "name.x"} {
		_, _, err := imports.Merge(stands, &entitlementv1.ImportRow{Fields: []string{bad}}, e164)
		if err == nil || !strings.Contains(err.Error(), "is no field of a customer") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestWhatNoRowMaySet(t *testing.T) {
	for _, c := range []struct {
		row  *entitlementv1.ImportRow
		want string
	}{
		{&entitlementv1.ImportRow{Fields: []string{"has_pin"}}, `fields: "has_pin": cannot be imported`},
		{&entitlementv1.ImportRow{Fields: []string{"colour"}}, `fields: "colour": is no field`},
		{
			&entitlementv1.ImportRow{Customer: &entitlementv1.Customer{Contacts: []*entitlementv1.Contact{{
				ContactId: "a", PhoneNumbers: []*phone_number.PhoneNumber{number("303 5550101")},
			}}}},
			`contacts[0].phone_numbers[0]: "303…01": must be E.164`,
		},
	} {
		_, _, err := imports.Merge(&entitlementv1.Customer{Name: "customers/acme", AccessName: "Heron"}, c.row, e164)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v", c.row, err)
		}
	}
}

// TestAnAccessNameIsTheCustomers: a file that knows an old one, or none, changes all else, and says so.
func TestAnAccessNameIsTheCustomers(t *testing.T) {
	for _, stands := range []*entitlementv1.Customer{
		{Name: "customers/acme", AccessName: "Heron"},
		{Name: "customers/acme", FormerAccessNames: []*entitlementv1.AccessNameUse{{Name: "Osprey"}}},
	} {
		for _, says := range []string{"Osprey", ""} {
			row := &entitlementv1.ImportRow{
				Fields:   []string{"access_name", "locality"},
				Customer: &entitlementv1.Customer{AccessName: says, Locality: "Berlin"},
			}
			got, notes, err := imports.Merge(stands, row, e164)
			told := len(notes) == 1 && notes[0].Field == "access_name" && notes[0].Value == says
			if err != nil || got.GetAccessName() != stands.GetAccessName() || got.GetLocality() != "Berlin" ||
				told != (says != stands.GetAccessName()) {
				t.Errorf("%v, told %q: %v, %v, %v", stands, says, got, notes, err)
			}
		}
	}
	row := &entitlementv1.ImportRow{Customer: &entitlementv1.Customer{AccessName: "Osprey"}}
	got, notes, err := imports.Merge(&entitlementv1.Customer{Name: "customers/acme"}, row, e164)
	if err != nil || got.GetAccessName() != "Osprey" || len(notes) != 0 {
		t.Errorf("the first one: %v, %v, %v", got, notes, err)
	}
}

func TestWhoARowIsOf(t *testing.T) {
	crm := func(id string) *entitlementv1.ExternalId { return &entitlementv1.ExternalId{System: "crm", Id: id} }
	for _, c := range []struct {
		name, want string
		key        *entitlementv1.ExternalId
		have       []string
	}{
		{name: "customers/acme", want: "customers/acme"},
		{key: crm("7"), have: []string{"acme"}, want: "customers/acme"},
		{key: crm("7"), want: "customers/crm-7"},
		{name: "customers/acme", key: crm("7"), want: "customers/acme"},
		{name: "customers/acme", key: crm("7"), have: []string{"bone"}, want: "!name: \"customers/acme\": does not agree"},
		{key: crm("7"), have: []string{"a", "b"}, want: "!key: \"7\": is the id in crm of several"},
		{want: "!name: is required"},
		{name: "acme", want: "!name: \"acme\": must be customers/ID"},
		{name: "customers/Acme", want: "!name"},
		{key: crm(""), want: "!key: is required"},
		{key: &entitlementv1.ExternalId{System: "C R M", Id: "7"}, want: "!key: \"C R M\": must name a system"},
	} {
		got, err := imports.Who(&entitlementv1.ImportRow{Customer: &entitlementv1.Customer{Name: c.name}, Key: c.key}, c.have)
		if rule, bad := strings.CutPrefix(c.want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), rule) {
				t.Errorf("%v: %q, %v", c, got, err)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%v: %q, %v", c, got, err)
		}
	}
	acme := &entitlementv1.Customer{Name: "customers/acme", ExternalIds: []*entitlementv1.ExternalId{crm("8")}}
	if err := imports.Agrees(acme, crm("7")); err == nil || imports.Agrees(acme, crm("8")) != nil || imports.Agrees(acme, nil) != nil {
		t.Errorf("a second id of one system: %v", err)
	}
}

var slug = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// TestNewIDsAreSlugsAndApart: whatever a system calls a customer, its id is a slug, the same each time, and another one
// of whatever is called otherwise, though it be by case alone.
func TestNewIDsAreSlugsAndApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfNDistinct(rapid.StringN(1, 80, 128), 2, 2, rapid.ID[string]).Draw(t, "ids")
		if rapid.Bool().Draw(t, "case alone") {
			ids[1] = strings.ToUpper(ids[0])
		}
		a := imports.NewID(&entitlementv1.ExternalId{System: "crm", Id: ids[0]})
		b := imports.NewID(&entitlementv1.ExternalId{System: "crm", Id: ids[1]})
		if !slug.MatchString(a) || a != imports.NewID(&entitlementv1.ExternalId{System: "crm", Id: ids[0]}) {
			t.Fatalf("%q becomes %q", ids[0], a)
		}
		if a == b && ids[0] != ids[1] {
			t.Fatalf("%q and %q are both %q", ids[0], ids[1], a)
		}
	})
}

// TestSystemsAreApart: a hyphen in one's name makes none of its customers another one's.
func TestSystemsAreApart(t *testing.T) {
	a := imports.NewID(&entitlementv1.ExternalId{System: "crm", Id: "eu-7"})
	b := imports.NewID(&entitlementv1.ExternalId{System: "crm-eu", Id: "7"})
	if a != "crm-eu-7" || a == b || !slug.MatchString(b) {
		t.Errorf("%q and %q", a, b)
	}
}

// TestARowTwiceIsARowOnce: merging is idempotent, and the order of rows that say nothing of the same is no matter for
// what a customer has.
func TestARowTwiceIsARowOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stands := &entitlementv1.Customer{Name: "customers/acme"}
		for i := range rapid.IntRange(1, 4).Draw(t, "rows") {
			says := &entitlementv1.Customer{DisplayName: fmt.Sprint("Acme ", i)}
			for _, n := range rapid.SliceOfN(rapid.IntRange(0, 9), 0, 4).Draw(t, "numbers") {
				says.PhoneNumbers = append(says.PhoneNumbers, number(fmt.Sprintf("+1303555010%d", n)))
			}
			for _, k := range rapid.SliceOfNDistinct(rapid.IntRange(0, 3), 0, 3, rapid.ID[int]).Draw(t, "contracts") {
				says.Contracts = append(says.Contracts, &entitlementv1.Contract{ContractId: fmt.Sprint(k), Plan: fmt.Sprint("p", i)})
			}
			row := &entitlementv1.ImportRow{Customer: says, Fields: rapid.SampledFrom([][]string{
				nil, {"phone_numbers"}, {"contracts", "display_name"}, {"phone_numbers", "contracts"},
			}).Draw(t, "fields")}
			once, _, err := imports.Merge(stands, row, e164)
			if err != nil {
				t.Fatal(err)
			}
			twice, _, err := imports.Merge(once, row, e164)
			if err != nil || !proto.Equal(once, twice) {
				t.Fatalf("once %v, twice %v, %v", once, twice, err)
			}
			seen := map[string]bool{}
			for _, n := range once.GetPhoneNumbers() {
				if seen[n.GetE164Number()] {
					t.Fatalf("a number twice: %v", once)
				}
				seen[n.GetE164Number()] = true
			}
			stands = once
		}
	})
}

func TestAnImportIsQuickAloneAndGivesWay(t *testing.T) {
	const took = 5 * time.Millisecond
	var p imports.Pace
	revision := int64(100)
	wrote := func(others int64) time.Duration {
		revision += 1 + others
		return p.Wrote(revision, took)
	}
	for range 20 {
		wrote(0)
	}
	alone := p.Rows()
	if pause := wrote(0); pause != 0 {
		t.Errorf("alone it waits %v", pause)
	}
	var pauses []time.Duration
	for range 5 {
		pauses = append(pauses, wrote(1))
	}
	if beside := p.Rows(); beside*4 > alone || slices.Min(pauses) < took {
		t.Errorf("beside others it writes %d rows, alone %d, and waits %v", beside, alone, pauses)
	}
	if pause := wrote(1_000_000); pause > time.Second {
		t.Errorf("it waits %v", pause)
	}
	for range 20 {
		wrote(0)
	}
	if pause := wrote(0); pause != 0 || p.Rows() != alone {
		t.Errorf("afterwards it writes %d rows and waits %v", p.Rows(), pause)
	}
}

func FuzzMerge(f *testing.F) {
	f.Add("Acme", "303 555", "display_name,contacts", "crm", "7")
	f.Fuzz(func(_ *testing.T, name, text, fields, system, id string) {
		row := &entitlementv1.ImportRow{
			Fields: strings.Split(fields, ","), Key: &entitlementv1.ExternalId{System: system, Id: id},
			Customer: &entitlementv1.Customer{Name: name, DisplayName: name, PhoneNumbers: []*phone_number.PhoneNumber{number(text)}},
		}
		if who, err := imports.Who(row, nil); err == nil {
			_, _, _ = imports.Merge(&entitlementv1.Customer{Name: who}, row, e164)
		}
	})
}
