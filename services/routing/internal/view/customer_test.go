package view

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/phone"
)

// spoken is a customer as proto.Unmarshal reads it.
func spoken(p *publishedv1.Customer) Customer {
	c := Customer{
		DisplayName: p.GetDisplayName(), Locality: p.GetLocality(), LanguageTag: p.GetLanguage(), TimeZone: p.GetTimeZone(),
		CalendarIDs: p.GetCalendars(), ParentID: p.GetParent(), HasPIN: p.GetHasPin(), HasPhrase: p.GetHasPhrase(),
		Suspended: spanOf(entitle.Span{FromUnixS: p.GetSuspendedFromUnixS(), ToUnixS: p.GetSuspendedToUnixS()}),
	}
	for _, k := range p.GetContracts() {
		own := entitle.Contract{
			ID: k.GetId(), FromUnixS: k.GetFromUnixS(), ToUnixS: k.GetToUnixS(), PlanID: k.GetPlan(), Product: k.GetProduct(),
			GraceS: entitle.PlanGrace, OwnOnly: k.GetOwnOnly(),
			Shifts:    entitle.GraceShifts(k.GetGraceShifts()),
			Suspended: spanOf(entitle.Span{FromUnixS: k.GetSuspendedFromUnixS(), ToUnixS: k.GetSuspendedToUnixS()}),
		}
		if k.GraceS != nil {
			own.GraceS = max(k.GetGraceS(), 0)
		}
		c.Contracts = append(c.Contracts, own)
	}
	for _, k := range p.GetPartners() {
		c.Partners = append(c.Partners, Partner{k.GetPartner(), k.GetProduct(), k.GetToUnixS()})
	}
	for _, k := range p.GetOpenCases() {
		c.Cases = append(c.Cases, Case{k.GetId(), k.GetSite(), k.GetTitle()})
	}
	for _, n := range p.GetNumbers() {
		if n != 0 && !slices.Contains(c.numbers, phone.Number(n)) {
			c.numbers = append(c.numbers, phone.Number(n))
		}
	}
	return c
}

func sameSpan(a, b *entitle.Span) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

// sameCustomer says whether two say the same.
func sameCustomer(a, b *Customer) bool {
	sameContract := func(a, b entitle.Contract) bool {
		spans := sameSpan(a.Suspended, b.Suspended)
		a.Suspended, b.Suspended = nil, nil
		return spans && a == b
	}
	return a.DisplayName == b.DisplayName && a.Locality == b.Locality && a.LanguageTag == b.LanguageTag &&
		a.TimeZone == b.TimeZone && a.ParentID == b.ParentID && a.HasPIN == b.HasPIN && a.HasPhrase == b.HasPhrase &&
		sameSpan(a.Suspended, b.Suspended) && slices.Equal(a.CalendarIDs, b.CalendarIDs) &&
		slices.EqualFunc(a.Contracts, b.Contracts, sameContract) && slices.Equal(a.Partners, b.Partners) &&
		slices.Equal(a.Cases, b.Cases) && slices.Equal(a.numbers, b.numbers)
}

// unpacksTo unpacks a customer, which is to be want.
func (c *Customer) unpacksTo(t interface{ Fatalf(string, ...any) }, packed []byte, want *Customer) {
	c.unpack(customerNames+"acme", string(packed))
	var numbers []phone.Number
	for i, all := 0, numbersOf(string(packed)); i < len(all)/packedNumber; i++ {
		numbers = append(numbers, numberAt(all, i))
	}
	if c.numbers = numbers; !sameCustomer(c, want) || c.Name != "customers/acme" {
		t.Fatalf("unpacked  %+v\nwant %+v", c, want)
	}
}

func drawCustomer(t *rapid.T) *publishedv1.Customer {
	long := rapid.Map(rapid.IntRange(254, 257), func(n int) string { return strings.Repeat("x", n) })
	text := rapid.OneOf(rapid.StringN(0, 20, -1), rapid.StringN(0, 20, -1), long)
	second := rapid.OneOf(rapid.Int64(), rapid.Just(int64(0)), rapid.Just(int64(entitle.Never)))
	p := &publishedv1.Customer{
		Id: "acme", DisplayName: text.Draw(t, "name"), TimeZone: text.Draw(t, "zone"), Parent: text.Draw(t, "parent"),
		Locality: text.Draw(t, "locality"), Language: text.Draw(t, "language"), HasPin: rapid.Bool().Draw(t, "pin"),
		HasPhrase: rapid.Bool().Draw(t, "phrase"), Calendars: rapid.SliceOfN(text, 0, 3).Draw(t, "calendars"),
		Numbers:            rapid.SliceOfN(rapid.Uint64Range(0, 9), 0, 6).Draw(t, "numbers"),
		SuspendedFromUnixS: second.Draw(t, "from"), SuspendedToUnixS: second.Draw(t, "to"),
	}
	for range rapid.IntRange(0, 6).Draw(t, "contracts") {
		k := &publishedv1.Contract{
			Id: text.Draw(t, "id"), Plan: text.Draw(t, "plan"), Product: text.Draw(t, "product"),
			FromUnixS: second.Draw(t, "from"), ToUnixS: second.Draw(t, "to"), OwnOnly: rapid.Bool().Draw(t, "own"),
			SuspendedFromUnixS: second.Draw(t, "from"), SuspendedToUnixS: second.Draw(t, "to"),
		}
		if rapid.Bool().Draw(t, "has grace") {
			k.GraceS = proto.Int32(rapid.Int32().Draw(t, "grace"))
		}
		if rapid.Bool().Draw(t, "has shifts") {
			k.GraceShifts = rapid.Uint64().Draw(t, "shifts")
		}
		p.Contracts = append(p.Contracts, k)
	}
	for range rapid.IntRange(0, 3).Draw(t, "partners") {
		p.Partners = append(p.Partners, &publishedv1.PartnerAccess{
			Partner: text.Draw(t, "partner"), Product: text.Draw(t, "product"), ToUnixS: second.Draw(t, "to"),
		})
	}
	for range rapid.IntRange(0, 3).Draw(t, "cases") {
		p.OpenCases = append(p.OpenCases, &publishedv1.OpenCase{
			Id: text.Draw(t, "case"), Site: text.Draw(t, "site"), Title: text.Draw(t, "title"),
		})
	}
	return p
}

// What is read on the path of a call is what the API's own code reads of the same bytes, whatever was read before.
func TestACustomerIsReadAsTheAPIReadsIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var got, looked Customer
		var pack packer
		for range 2 {
			p := drawCustomer(t)
			value, err := proto.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			got.again()
			got.strict = true
			if err := got.read(string(value)); err != nil {
				t.Fatal(err)
			}
			want := spoken(p)
			if !sameCustomer(&got, &want) {
				t.Fatalf("read  %+v\nwant %+v", got, want)
			}
			looked.unpacksTo(t, pack.pack(&got, string(value)), &want)
		}
	})
}

// Whatever bytes come: what the API's own code takes is taken, and says the same; what it does not is not.
func FuzzCustomer(f *testing.F) {
	for _, p := range []*publishedv1.Customer{
		{},
		{Id: "a", DisplayName: "A", Numbers: []uint64{61255500100, 61255500100, 0}, HasPin: true, Calendars: []string{"x"}},
		{Contracts: []*publishedv1.Contract{{Id: "1", GraceS: proto.Int32(-1), ToUnixS: entitle.Never, SuspendedToUnixS: 5}}},
		{Partners: []*publishedv1.PartnerAccess{{Partner: "p", ToUnixS: -1}}, OpenCases: []*publishedv1.OpenCase{{Id: "c"}}},
	} {
		value, err := proto.Marshal(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(value)
	}
	f.Add([]byte("\x19\x01\x02\x03\x04\x05\x06\x07\x08")) // a number that is not packed
	f.Add([]byte("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"))
	f.Fuzz(func(t *testing.T, value []byte) {
		var p publishedv1.Customer
		want := proto.Unmarshal(value, &p)
		got := Customer{strict: true}
		err := got.read(string(value))
		switch {
		case want != nil && err == nil:
			t.Fatalf("taken, though the API's code says: %v", want)
		case err != nil:
			return // groups, and what is more than the limits
		}
		same := spoken(&p)
		if !sameCustomer(&got, &same) {
			t.Fatalf("read  %+v\nwant %+v", got, same)
		}
		new(Customer).unpacksTo(t, new(packer).pack(&got, string(value)), &same)
	})
}
