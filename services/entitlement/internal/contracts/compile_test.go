package contracts_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/contracts"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/zones"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

func bundle(t testing.TB) *zones.Bundle {
	t.Helper()
	b := zonestest.Embedded(t)
	return b
}

func day(y, m, d int32) *date.Date { return &date.Date{Year: y, Month: m, Day: d} }

func number(s string) *phone_number.PhoneNumber {
	return &phone_number.PhoneNumber{Kind: &phone_number.PhoneNumber_E164Number{E164Number: s}}
}

func customer(zone string, list ...*entitlementv1.Contract) *entitlementv1.Customer {
	return &entitlementv1.Customer{Name: "customers/acme", DisplayName: "Acme", TimeZone: zone, Contracts: list}
}

func term(from, to *date.Date) *entitlementv1.Contract {
	return &entitlementv1.Contract{ContractId: "c1", Plan: "gold", StartDate: from, EndDate: to}
}

// TestTermsAreInstantsOfTheCustomersZone includes dates whose midnight, or which themselves, the zone does not have. The
// instants come from the zones' published rules, not from this code.
func TestTermsAreInstantsOfTheCustomersZone(t *testing.T) {
	for _, c := range []struct {
		zone       string
		start, end *date.Date
		from, to   string
	}{
		{"", day(2026, 1, 1), day(2026, 12, 31), "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		{"", day(2026, 6, 1), day(2026, 6, 1), "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z"},
		{"Europe/Dublin", day(2026, 1, 1), day(2026, 6, 30), "2026-01-01T00:00:00Z", "2026-06-30T23:00:00Z"},
		{"Australia/Sydney", day(2026, 1, 1), day(2026, 6, 30), "2025-12-31T13:00:00Z", "2026-06-30T14:00:00Z"},
		{"Asia/Kolkata", day(2026, 1, 1), day(2026, 6, 30), "2025-12-31T18:30:00Z", "2026-06-30T18:30:00Z"},
		// Santiago springs forward at midnight: 2026-09-06 begins at 01:00.
		{"America/Santiago", day(2026, 9, 6), day(2026, 9, 6), "2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"},
		// Havana falls back at 01:00: midnight of 2026-11-01 comes twice, and the date begins with the first.
		{"America/Havana", day(2026, 11, 1), day(2026, 11, 1), "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"},
		// Apia had no 2011-12-30.
		{"Pacific/Apia", day(2011, 12, 30), day(2011, 12, 31), "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"},
	} {
		got, err := contracts.Compile(customer(c.zone, term(c.start, c.end)), bundle(t))
		if err != nil {
			t.Errorf("%s: %v", c.zone, err)
			continue
		}
		from, to := got.GetContracts()[0].GetFromUnixS(), got.GetContracts()[0].GetToUnixS()
		if utc(from) != c.from || utc(to) != c.to {
			t.Errorf("%s: [%s, %s), want [%s, %s)", c.zone, utc(from), utc(to), c.from, c.to)
		}
	}
}

func utc(unixS int64) string { return time.Unix(unixS, 0).UTC().Format(time.RFC3339) }

func TestCompiledRecord(t *testing.T) {
	c := customer("Europe/Dublin", term(day(2026, 1, 1), nil))
	c.PhoneNumbers = []*phone_number.PhoneNumber{number("+13035550101"), number("+61255500100")}
	c.OpenCases = []*entitlementv1.OpenCase{
		{CaseId: "C-2", Site: "sites/dublin", Title: "Replication stops"}, {CaseId: "C-1"},
	}
	c.HasPin = true
	got, err := contracts.Compile(c, bundle(t))
	if err != nil {
		t.Fatal(err)
	}
	want := &publishedv1.Customer{
		OpenCases: []*publishedv1.OpenCase{{Id: "C-2", Site: "dublin", Title: "Replication stops"}, {Id: "C-1"}}, HasPin: true,
		Id: "acme", DisplayName: "Acme", Numbers: []uint64{13035550101, 61255500100}, TimeZone: "Europe/Dublin",
		Contracts: []*publishedv1.Contract{{
			Id: "c1", Plan: "gold", FromUnixS: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), ToUnixS: published.OpenEnded,
		}},
	}
	if !proto.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestBrokenRulesNameFieldValueAndRule(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*entitlementv1.Customer)
		want []string
	}{
		{"no name", func(c *entitlementv1.Customer) { c.DisplayName = "  " }, []string{`display_name: "  ": is required`}},
		{
			"control characters", func(c *entitlementv1.Customer) { c.DisplayName = "A\x1b[31m" },
			[]string{"display_name: ", "control"},
		},
		{
			"alias twice", func(c *entitlementv1.Customer) { c.Aliases = []string{"ACME", "Initech", "acme"} },
			[]string{`aliases[2]: "acme": is aliases[0] again`},
		},
		{"zone", func(c *entitlementv1.Customer) { c.TimeZone = "Local" }, []string{`time_zone: "Local"`}},
		{"zone", func(c *entitlementv1.Customer) { c.TimeZone = "EST5" }, []string{`time_zone: "EST5"`}},
		{
			"number", func(c *entitlementv1.Customer) {
				c.PhoneNumbers = []*phone_number.PhoneNumber{number("303 555 0101"), number("+13035550101"), number("+13035550101")}
			},
			[]string{`phone_numbers[0]: "303…01": must be E.164`, `phone_numbers[2]: "+13…01": is phone_numbers[1] again`},
		},
		{
			"extension", func(c *entitlementv1.Customer) {
				c.PhoneNumbers = []*phone_number.PhoneNumber{{Kind: number("+13035550101").GetKind(), Extension: "12"}}
			},
			[]string{`phone_numbers[0]: must be E.164 without an extension`},
		},
		{
			"short code", func(c *entitlementv1.Customer) { c.PhoneNumbers = []*phone_number.PhoneNumber{{}} },
			[]string{`phone_numbers[0]: must be E.164`},
		},
		{
			"date that does not exist",
			func(c *entitlementv1.Customer) {
				c.Contracts = []*entitlementv1.Contract{term(day(2026, 2, 30), day(2026, 13, 1))}
			},
			[]string{
				`contracts[0].start_date: "2026-02-30": must be a date that exists`,
				`contracts[0].end_date: "2026-13-01": must be a date that exists`,
			},
		},
		{
			"no start", func(c *entitlementv1.Customer) { c.Contracts = []*entitlementv1.Contract{term(nil, day(2026, 1, 1))} },
			[]string{"contracts[0].start_date: is required"},
		},
		{
			"end before start",
			func(c *entitlementv1.Customer) {
				c.Contracts = []*entitlementv1.Contract{term(day(2026, 3, 2), day(2026, 3, 1))}
			},
			[]string{`contracts[0].end_date: "2026-03-01": must not be before start_date, 2026-03-02`},
		},
		{
			"contract id twice",
			func(c *entitlementv1.Customer) {
				c.Contracts = []*entitlementv1.Contract{term(day(2026, 1, 1), nil), term(day(2027, 1, 1), nil)}
			},
			[]string{`contracts[1].contract_id: "c1": is that of contracts[0]`},
		},
		{
			"cases",
			func(c *entitlementv1.Customer) {
				c.OpenCases = []*entitlementv1.OpenCase{{CaseId: "C-1"}, {CaseId: "C-1", Title: "a\x07b"}, {CaseId: " "}}
			},
			[]string{
				`open_cases[1].case_id: "C-1": is that of open_cases[0]`, "open_cases[1].title: \"a\ufffdb\"", `open_cases[2].case_id: " ": is required`,
			},
		},
	} {
		cust := customer("")
		c.edit(cust)
		_, err := contracts.Compile(cust, bundle(t))
		var f *fault.Fault
		if !errors.As(err, &f) || len(f.Violations) == 0 {
			t.Errorf("%s: got %v, want violations", c.name, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(f.Error(), want) {
				t.Errorf("%s: %q does not say %q", c.name, f.Error(), want)
			}
		}
		for _, n := range []string{"3035550101", "303 555 0101"} {
			if strings.Contains(f.Error(), n) {
				t.Errorf("%s: %q shows a whole number", c.name, f.Error())
			}
		}
	}
}

// TestDatesSurviveCompilation: the dates read back from the instants are the ones written, and a contract that begins on
// the day after another one's last begins at the instant at which that one ends.
func TestDatesSurviveCompilation(t *testing.T) {
	b := bundle(t)
	names := b.Names()
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(names).Draw(t, "zone")
		loc, err := b.Location(zone)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Date(2012, 1, 1+rapid.IntRange(0, 9000).Draw(t, "start"), 0, 0, 0, 0, time.UTC)
		end := start.AddDate(0, 0, rapid.IntRange(0, 800).Draw(t, "days"))
		next := end.AddDate(0, 0, 1)
		second := term(civil(next), nil)
		second.ContractId = "c2"
		got, err := contracts.Compile(customer(zone, term(civil(start), civil(end)), second), b)
		if err != nil {
			t.Fatal(err)
		}
		one, two := got.GetContracts()[0], got.GetContracts()[1]
		if one.GetToUnixS() != two.GetFromUnixS() {
			t.Fatalf("a break of %d s between neighbours", two.GetFromUnixS()-one.GetToUnixS())
		}
		back := contracts.Resource(one, loc)
		if fmt.Sprint(back.GetStartDate()) != fmt.Sprint(civil(start)) || fmt.Sprint(back.GetEndDate()) != fmt.Sprint(civil(end)) {
			t.Fatalf("%s: %v to %v came back as %v to %v", zone, start, end, back.GetStartDate(), back.GetEndDate())
		}
		if contracts.Resource(two, loc).GetEndDate() != nil {
			t.Fatal("an open-ended contract came back with an end")
		}
	})
}

func civil(t time.Time) *date.Date { return day(int32(t.Year()), int32(t.Month()), int32(t.Day())) }
