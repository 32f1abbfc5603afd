package hours_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
)

func wallTime(t testing.TB, s string) hours.WallTime {
	t.Helper()
	w, err := hours.ParseWallTime("start", s)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestWallClock: the instants come from the zones' published rules, not from this code.
func TestWallClock(t *testing.T) {
	for _, c := range []struct{ zone, wall, first, last string }{
		{"America/New_York", "2026-01-05T09:00", "2026-01-05T14:00:00Z", "2026-01-05T14:00:00Z"},
		{"America/New_York", "2026-03-08T02:30", "2026-03-08T07:00:00Z", "2026-03-08T07:00:00Z"}, // skipped
		{"America/New_York", "2026-11-01T01:30", "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"}, // repeated
		{"Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"},
		{"Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"},
		{"Antarctica/Troll", "2026-03-29T02:30", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"}, // by two hours
		{"America/Havana", "2026-11-01T00:00", "2026-11-01T04:00:00Z", "2026-11-01T05:00:00Z"},
		{"Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z"}, // no such date
	} {
		loc, err := bundle(t).Location(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		wallS := wallTime(t, c.wall).WallS()
		w := hours.NewWallClock(loc, wallS, wallS)
		if first, last := utc(w.First(wallS)), utc(w.Last(wallS)); first != c.first || last != c.last {
			t.Errorf("%s %s: %s to %s, want %s to %s", c.zone, c.wall, first, last, c.first, c.last)
		}
	}
}

func utc(unixS int64) string { return time.Unix(unixS, 0).UTC().Format(time.RFC3339) }

// TestWallClockOverYears: one clock over a decade, with dozens of changes, says what one over a day says.
func TestWallClockOverYears(t *testing.T) {
	b := bundle(t)
	names := b.Names()
	rapid.Check(t, func(t *rapid.T) {
		loc, err := b.Location(rapid.SampledFrom(names).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		from := time.Date(2022, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
		to := time.Date(2032, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
		long := hours.NewWallClock(loc, from, to)
		for range 50 {
			at := rapid.Int64Range(from, to-1).Draw(t, "at")
			_, eastS := time.Unix(at, 0).In(loc).Zone()
			if got := long.WallAt(at); got != at+int64(eastS) {
				t.Fatalf("at %s the clock shows %d, want %d", utc(at), got, at+int64(eastS))
			}
			wallS := at + rapid.Int64Range(-5*3600, 5*3600).Draw(t, "wall")
			short := hours.NewWallClock(loc, at, at)
			if long.First(wallS) != short.First(wallS) || long.Last(wallS) != short.Last(wallS) {
				t.Fatalf("%d: %s and %s, want %s and %s", wallS, utc(long.First(wallS)), utc(long.Last(wallS)),
					utc(short.First(wallS)), utc(short.Last(wallS)))
			}
		}
	})
}

func TestParseWallTime(t *testing.T) {
	want := hours.WallTime{Date: hours.Date{Year: 2026, Month: 1, Day: 5}, S: 9 * 3600}
	if got := wallTime(t, "2026-01-05T09:00"); got != want || got.String() != "2026-01-05T09:00" || !got.Exists() {
		t.Errorf("%v, want %v", got, want)
	}
	for _, in := range []string{
		"", "2026-01-05", "2026-01-05T", "2026-01-05T24:00", "2026-01-05T9:00", "2026-02-29T09:00", "2026-01-05 09:00",
		"2026-01-05T09:00Z", "T09:00",
	} {
		if _, err := hours.ParseWallTime("start", in); fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
			t.Errorf("%q: %v, want INVALID_FIELD", in, err)
		}
	}
}

func FuzzParseWallTime(f *testing.F) {
	f.Add("2026-12-24T09:00")
	f.Add("2027-02-28T23:59:59")
	f.Fuzz(func(t *testing.T, s string) {
		w, err := hours.ParseWallTime("start", s)
		if err != nil {
			return
		}
		again, err := hours.ParseWallTime("start", w.String())
		if err != nil || again != w || !w.Exists() {
			t.Fatalf("%q is %+v, whose own form %q is %+v, %v", s, w, w.String(), again, err)
		}
	})
}
