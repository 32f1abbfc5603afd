package usage_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/usage"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

const (
	month    = entitlementv1.AllowancePeriod_ALLOWANCE_PERIOD_MONTH
	year     = entitlementv1.AllowancePeriod_ALLOWANCE_PERIOD_CONTRACT_YEAR
	contract = entitlementv1.AllowancePeriod_ALLOWANCE_PERIOD_CONTRACT
)

func location(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := zonestest.Embedded(t).Location(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// TestPeriodsAreThoseOfTheCustomersZone: a month begins at its midnight, a contract's year on the contract's own date.
func TestPeriodsAreThoseOfTheCustomersZone(t *testing.T) {
	for _, c := range []struct {
		kind                      entitlementv1.AllowancePeriod
		zone, began, at, from, to string
	}{
		{month, "Asia/Tokyo", "2026-01-15", "2026-11-30T16:00:00Z", "2026-11-30T15:00:00Z", "2026-12-31T15:00:00Z"},    // already December there
		{month, "Europe/Berlin", "2026-01-15", "2026-03-31T21:59:59Z", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"}, // summer time begins in it
		{month, "UTC", "2026-01-15", "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		{year, "America/Denver", "2025-03-08", "2026-03-08T06:59:59Z", "2025-03-08T07:00:00Z", "2026-03-08T07:00:00Z"},
		{year, "America/Denver", "2025-03-08", "2026-03-08T07:00:00Z", "2026-03-08T07:00:00Z", "2027-03-08T07:00:00Z"},
		{year, "UTC", "2024-02-29", "2025-02-28T00:00:00Z", "2025-02-28T00:00:00Z", "2026-02-28T00:00:00Z"},
		{year, "UTC", "2024-02-29", "2028-02-28T12:00:00Z", "2027-02-28T00:00:00Z", "2028-02-29T00:00:00Z"},
		{year, "UTC", "2026-11-22", "2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z", "2027-11-22T00:00:00Z"},
		{contract, "UTC", "2020-01-01", "2026-11-22T00:00:00Z", "2020-01-01T00:00:00Z", ""},
	} {
		loc := location(t, c.zone)
		began, err := time.ParseInLocation(time.DateOnly, c.began, loc)
		if err != nil {
			t.Fatal(err)
		}
		p, ok := usage.Of(c.kind, began.Unix(), instant(t, c.at), loc)
		to := int64(usage.OpenEnded)
		if c.to != "" {
			to = instant(t, c.to)
		}
		if want := (usage.Period{FromUnixS: instant(t, c.from), ToUnixS: to}); !ok || p != want {
			t.Errorf("%v of a contract of %s in %s at %s: %s to %s, %v", c.kind, c.began, c.zone, c.at,
				time.Unix(p.FromUnixS, 0).UTC(), time.Unix(p.ToUnixS, 0).UTC(), ok)
		}
	}
	if _, ok := usage.Of(month, 100, 99, time.UTC); ok {
		t.Error("a call before the contract counts")
	}
	if _, ok := usage.Of(0, 0, 100, time.UTC); ok {
		t.Error("a plan without an allowance counts calls")
	}
}

func instant(t testing.TB, s string) int64 {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at.Unix()
}

// TestPeriodsCoverTimeOnce: an instant is in its period, and periods touch and never overlap.
func TestPeriodsCoverTimeOnce(t *testing.T) {
	zones := map[string]*time.Location{}
	for _, name := range []string{"UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Asia/Kathmandu", "America/Sao_Paulo"} {
		zones[name] = location(t, name)
	}
	rapid.Check(t, func(t *rapid.T) {
		zone := zones[rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Asia/Kathmandu", "America/Sao_Paulo"}).Draw(t, "zone")]
		kind := rapid.SampledFrom([]entitlementv1.AllowancePeriod{month, year, contract}).Draw(t, "kind")
		day := time.Unix(rapid.Int64Range(900_000_000, 1_900_000_000).Draw(t, "began"), 0).In(zone)
		began := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, zone).Unix()
		at := began + rapid.Int64Range(0, 1_000_000_000).Draw(t, "later")
		p, ok := usage.Of(kind, began, at, zone)
		if !ok || at < p.FromUnixS || at >= p.ToUnixS {
			t.Fatalf("%d is not in [%d, %d)", at, p.FromUnixS, p.ToUnixS)
		}
		if p.ToUnixS == usage.OpenEnded {
			return
		}
		inside := rapid.Int64Range(max(began, p.FromUnixS), p.ToUnixS-1).Draw(t, "inside")
		if q, _ := usage.Of(kind, began, inside, zone); q != p {
			t.Fatalf("%d and %d are in two periods: %v, %v", at, inside, p, q)
		}
		if q, _ := usage.Of(kind, began, p.ToUnixS, zone); q.FromUnixS != p.ToUnixS {
			t.Fatalf("after %v comes %v", p, q)
		}
	})
}

// used is what is counted of a contract in a period.
func used(u *publishedv1.Usage, contractID string, p usage.Period) int32 {
	for _, c := range u.GetContracts() {
		if c.GetContract() == contractID && c.GetFromUnixS() == p.FromUnixS && c.GetToUnixS() == p.ToUnixS {
			return c.GetCalls()
		}
	}
	return 0
}

func TestCallsAreCountedByContractAndPeriod(t *testing.T) {
	u := &publishedv1.Usage{}
	november, december := usage.Period{FromUnixS: 100, ToUnixS: 200}, usage.Period{FromUnixS: 200, ToUnixS: 300}
	for i, want := range []int32{1, 2, 3} {
		if n := usage.AddCall(u, "C-1", november); n != want || used(u, "C-1", november) != want {
			t.Errorf("call %d: %d", i+1, n)
		}
	}
	if n := usage.AddCall(u, "C-2", november); n != 1 {
		t.Errorf("another contract's: %d", n)
	}
	if n := usage.AddCall(u, "C-1", december); n != 1 || used(u, "C-1", november) != 3 {
		t.Errorf("a month later: %d", n)
	}
	// A call of November that is heard of in December counts in November.
	if n := usage.AddCall(u, "C-1", november); n != 4 || used(u, "C-1", december) != 1 {
		t.Errorf("late: %d", n)
	}
	// The plan counts by year now.
	if n := usage.AddCall(u, "C-1", usage.Period{FromUnixS: 50, ToUnixS: 1000}); n != 6 || len(u.GetContracts()) != 2 {
		t.Errorf("over the year: %d of %v", n, u.GetContracts())
	}
}

// TestACustomerThatMovesHasOneMonth: the hours by which the old zone's lasts longer, or ends sooner, are no second one.
func TestACustomerThatMovesHasOneMonth(t *testing.T) {
	names := []string{"Pacific/Kiritimati", "Australia/Sydney", "UTC", "America/Los_Angeles", "Pacific/Niue"}
	zones := map[string]*time.Location{}
	for _, name := range names {
		zones[name] = location(t, name)
	}
	rapid.Check(t, func(t *rapid.T) {
		was, is := rapid.SampledFrom(names).Draw(t, "was"), rapid.SampledFrom(names).Draw(t, "is")
		at := rapid.Int64Range(1_700_000_000, 1_900_000_000).Draw(t, "at")
		before, _ := usage.Of(month, 0, at, zones[was])
		later := rapid.Int64Range(at, before.ToUnixS-1).Draw(t, "later")
		after, _ := usage.Of(month, 0, later, zones[is])
		u := &publishedv1.Usage{}
		usage.AddCall(u, "C-1", before)
		n := usage.AddCall(u, "C-1", after)
		if same := after.FromUnixS-before.FromUnixS < 3*86400 && before.FromUnixS-after.FromUnixS < 3*86400; same != (n == 2) ||
			same != (len(u.GetContracts()) == 1) {
			t.Fatalf("%s, then %s: %d calls, of %v", was, is, n, u.GetContracts())
		}
	})
}

func TestOldCountsGo(t *testing.T) {
	now := int64(2_000_000_000)
	u := &publishedv1.Usage{
		GoodwillUnixS: []int64{now - usage.KeptS - 1, now - 5},
		Contracts: []*publishedv1.ContractUsage{
			{Contract: "C-1", ToUnixS: now - usage.KeptS - 1}, {Contract: "C-1", ToUnixS: now - 1}, {Contract: "C-2", ToUnixS: usage.OpenEnded},
		},
	}
	if !usage.Tidy(u, now) || len(u.GetContracts()) != 2 || !slices.Equal(u.GetGoodwillUnixS(), []int64{now - 5}) {
		t.Errorf("left: %v", u)
	}
	if usage.Tidy(&publishedv1.Usage{GoodwillUnixS: []int64{1}}, now) {
		t.Error("something is left of nothing")
	}
}

// TestAsManyPeriodsAreKeptAsViewsTake: the latest to end, in whatever order they were counted.
func TestAsManyPeriodsAreKeptAsViewsTake(t *testing.T) {
	now := int64(2_000_000_000)
	u := &publishedv1.Usage{}
	usage.AddCall(u, "open-ended", usage.Period{FromUnixS: 0, ToUnixS: usage.OpenEnded})
	for month := range int64(13) {
		for contract := range 20 {
			to := now + (month-11)*30*86400
			usage.AddCall(u, fmt.Sprint("C-", contract), usage.Period{FromUnixS: to - 30*86400, ToUnixS: to})
		}
	}
	usage.Tidy(u, now)
	if n := len(u.GetContracts()); n != 100 { // routing's view refuses what has more
		t.Errorf("%d are kept", n)
	}
	current := 0
	for _, c := range u.GetContracts() {
		if c.GetToUnixS() > now {
			current++
		}
	}
	if current != 21 {
		t.Errorf("%d that are not over", current)
	}
}

// TestGoodwill: the last 16 times, ascending, in whatever order they are heard of; and how many of them are in a window.
func TestGoodwill(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.SliceOfN(rapid.Int64Range(0, 100*86400), 0, 30).Draw(t, "times")
		u := &publishedv1.Usage{}
		for _, at := range times {
			usage.AddGoodwill(u, at)
		}
		slices.Sort(times)
		want := times[max(0, len(times)-usage.MaxGoodwill):]
		if !slices.Equal(u.GetGoodwillUnixS(), want) {
			t.Fatalf("%v, not %v", u.GetGoodwillUnixS(), want)
		}
		at, days := rapid.Int64Range(0, 100*86400).Draw(t, "at"), rapid.Int32Range(1, 100).Draw(t, "days")
		n := 0
		for _, one := range want {
			if one <= at && one > at-int64(days)*86400 {
				n++
			}
		}
		if got := usage.GoodwillUntil(u, at, days); got != n {
			t.Fatalf("%d within %d days until %d, not %d", got, days, at, n)
		}
	})
}

func TestKeysTellCustomersFromNumbers(t *testing.T) {
	if usage.CustomerID("x") != "c-x" || usage.NumberID("x") != "n-x" {
		t.Error(usage.CustomerID("x"), usage.NumberID("x"))
	}
}
