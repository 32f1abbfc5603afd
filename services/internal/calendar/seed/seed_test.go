package seed_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rickar/cal/v2"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/calendar"
	"github.com/daysidehq/dayside/services/internal/calendar/seed"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// TestNew: expectations are those that the governments concerned have published.
func TestNew(t *testing.T) {
	for _, c := range []struct {
		place string
		year  int
		want  []string
	}{
		// 1 January 2028 is a Saturday, and observed in the year before.
		{"US", 2027, []string{
			"2027-01-01 New Year's Day", "2027-07-05 Independence Day, for 2027-07-04", "2027-12-31 New Year's Day, for 2028-01-01",
			"2027-06-18 Juneteenth, for 2027-06-19", "2027-11-25 Thanksgiving Day",
		}},
		{"GB", 2027, []string{
			"2027-03-26 Good Friday", "2027-12-27 Christmas Day, for 2027-12-25", "2027-12-28 Boxing Day, for 2027-12-26",
		}},
		{"IE", 2027, []string{"2027-02-01 Saint Brigid’s Day", "2027-03-17 Saint Patrick's Day", "2027-03-29 Easter Monday"}},
		{"AU-NSW", 2027, []string{"2027-01-26 Australia Day", "2027-10-04 Labour Day"}},
	} {
		s, err := seed.New(c.place, c.year, c.year)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range s.Calendar.Entries {
			got = append(got, e.First.String()+" "+e.Title())
		}
		for _, want := range c.want {
			if !slices.Contains(got, want) {
				t.Errorf("%s %d lacks %q: %q", c.place, c.year, want, got)
			}
		}
		if !slices.IsSorted(got) && !slices.IsSortedFunc(got, func(a, b string) int { return strings.Compare(a[:10], b[:10]) }) {
			t.Errorf("%s: not in order: %q", c.place, got)
		}
	}
}

// TestEveryPlace has only entries that are valid, marked, and within the years asked for; and years asked for together
// are the years asked for one by one.
func TestEveryPlace(t *testing.T) {
	places := seed.Places()
	if len(places) < 60 {
		t.Errorf("%d places", len(places))
	}
	for _, place := range places {
		all, err := seed.New(place, 2024, 2035)
		if err != nil {
			t.Errorf("%s: %v", place, err)
			continue
		}
		for _, e := range all.Calendar.Entries {
			if !e.Provenance.Review || e.Provenance.Origin != calendar.Seeded || e.First.Year < 2024 || e.First.Year > 2035 {
				t.Errorf("%s: %s", place, e)
			}
		}
		if n := len(all.Calendar.Entries); n < 12*5 {
			t.Errorf("%s has %d entries in twelve years", place, n)
		}
		single := calendar.Calendar{Name: all.Calendar.Name}
		for year := 2024; year <= 2035; year++ {
			one, err := seed.New(place, year, year)
			if err != nil {
				t.Fatal(err)
			}
			single.Entries = append(single.Entries, one.Calendar.Entries...)
		}
		if changes := calendar.Diff(all.Calendar, single); len(changes) > 0 {
			t.Errorf("%s: %v", place, changes)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		place       string
		first, last int
	}{{"CN", 2027, 2027}, {"", 2027, 2027}, {"IE", 1969, 1970}, {"IE", 2100, 2101}, {"IE", 2028, 2027}} {
		if _, err := seed.New(c.place, c.first, c.last); fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
			t.Errorf("%+v: %v, want INVALID_FIELD", c, err)
		}
	}
	if s, err := seed.New("NZ", 1970, 2100); err != nil || !strings.Contains(s.Doubts, "Matariki") {
		t.Errorf("New Zealand: %q, %v", s.Doubts, err)
	}
}

// TestMachineZoneIsNoMatter: where the machine's clock skips midnight, the library would be a day wrong.
func TestMachineZoneIsNoMatter(t *testing.T) {
	if cal.DefaultLoc != time.UTC {
		t.Errorf("the library computes in %v", cal.DefaultLoc)
	}
}
