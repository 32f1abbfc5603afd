package cli

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/schedule"
)

func newTestApp(t *testing.T) *app {
	t.Helper()
	zones, err := schedule.EmbeddedZones()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)
	return &app{Env: Env{Now: func() time.Time { return now }, Location: zones.Location}}
}

func TestTimesAsPeopleTypeThem(t *testing.T) {
	a := newTestApp(t)
	dublin, err := a.Location("Europe/Dublin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text string
		loc  *time.Location
		want string
	}{
		{"now", time.UTC, "2026-11-22T09:30:00Z"},
		{"now+3h", time.UTC, "2026-11-22T12:30:00Z"},
		{"now-1h30m", time.UTC, "2026-11-22T08:00:00Z"},
		{"now+2d", time.UTC, "2026-11-24T09:30:00Z"},
		{"2026-12-25T09:00:00Z", dublin, "2026-12-25T09:00:00Z"},
		{"2026-12-25T09:00:00+05:30", dublin, "2026-12-25T03:30:00Z"},
		{"2026-07-25 09:00", time.UTC, "2026-07-25T09:00:00Z"},
		{"2026-07-25 09:00", dublin, "2026-07-25T08:00:00Z"},
		{"2026-07-25T09:00:30", dublin, "2026-07-25T08:00:30Z"},
		{"2026-07-25 09:00 Asia/Kolkata", dublin, "2026-07-25T03:30:00Z"},
		{"2026-07-25 Asia/Kolkata", time.UTC, "2026-07-24T18:30:00Z"},
		{"2026-07-25", dublin, "2026-07-24T23:00:00Z"},
		{" 2026-07-25 09:00:01 UTC ", dublin, "2026-07-25T09:00:01Z"},
		// The clock goes back from 02:00 to 01:00: the first of two.
		{"2026-10-25 01:30 Europe/Dublin", time.UTC, "2026-10-25T00:30:00Z"},
		{"2026-11-01 America/Havana", time.UTC, "2026-11-01T04:00:00Z"},
		// Midnight is skipped: the date begins at 01:00.
		{"2026-09-06 America/Santiago", time.UTC, "2026-09-06T04:00:00Z"},
		{"2026-04-05 02:15 Australia/Lord_Howe", time.UTC, "2026-04-04T15:45:00Z"},
		{"2026-04-05 01:45 Australia/Lord_Howe", time.UTC, "2026-04-04T14:45:00Z"},
	} {
		got, err := a.when("at", c.text, c.loc)
		if err != nil || got.UTC().Format(time.RFC3339) != c.want {
			t.Errorf("%q in %v: %v, %v; want %s", c.text, c.loc, got.UTC(), err, c.want)
		}
	}
	for _, text := range []string{
		"", "today", "now+", "now 3h", "now+3", "now+999999d", "nowhere", "2026-02-30", "2026-12-25 25:00", "2026-12-25 9:00 x y",
		"2026-12-25 09:00 Local", "2026-12-25 09:00 EST5EDT", "2027-03-28 01:30 Europe/Dublin", "12:00",
	} {
		if got, err := a.when("at", text, time.UTC); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
}

func TestSpansOfTime(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 45 * time.Second: "45s", time.Minute: "1m", 59*time.Minute + 59*time.Second: "59m", time.Hour: "1h00m",
		25 * time.Hour: "1d01h", 23*time.Hour + 5*time.Minute: "23h05m",
	} {
		if got := shortSpan(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

// TestChartTellsTheTruth: cells follow one another over exactly the range, fit into the width, and a mark says whole only
// where all of the cell is open.
func TestChartTellsTheTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := time.Unix(rapid.Int64Range(1.7e9, 1.9e9).Draw(t, "from"), 0).UTC()
		to := from.Add(time.Duration(rapid.IntRange(1, 40*24*3600).Draw(t, "length")) * time.Second)
		width := rapid.IntRange(20, 200).Draw(t, "width")
		var open []stretch
		for at := from; at.Before(to); {
			opens := at.Add(time.Duration(rapid.IntRange(1, 200000).Draw(t, "closed")) * time.Second)
			closes := opens.Add(time.Duration(rapid.IntRange(1, 200000).Draw(t, "open")) * time.Second)
			if closes.After(to) {
				break
			}
			open = append(open, stretch{opens, closes})
			at = closes
		}
		c := newChart(from, to, width)
		if c.columns > width {
			t.Fatalf("%d columns in %d", c.columns, width)
		}
		row := []rune(c.row(open, 'W', 'p', '.'))
		end := from
		for i, mark := range row {
			start, stop := c.cell(i)
			if !start.Equal(end) || !stop.After(start) {
				t.Fatalf("cell %d is [%v, %v), after %v", i, start, stop, end)
			}
			end = stop
			var minutes int
			for at := start; at.Before(stop); at = at.Add(time.Minute) {
				for _, s := range open {
					if !at.Before(s.from) && at.Before(s.to) {
						minutes++
					}
				}
			}
			// Probing by the minute cannot see a part shorter than one, so only what it sees must be true.
			all := int((stop.Sub(start) + time.Minute - 1) / time.Minute)
			if minutes > 0 && mark == '.' || minutes < all && mark == 'W' {
				t.Fatalf("cell %d is %c with %d of %d minutes open", i, mark, minutes, all)
			}
		}
		if !end.Equal(to) {
			t.Fatalf("cells end at %v, the range at %v", end, to)
		}
		if days := c.days(); len([]rune(days)) > c.columns {
			t.Fatalf("labels %q are longer than %d columns", days, c.columns)
		}
	})
}

func TestADateOfAnEndIncludesThatDay(t *testing.T) {
	a := newTestApp(t)
	for text, want := range map[string]string{
		"2026-11-22":               "2026-11-23T00:00:00Z", // today
		"2026-12-31":               "2027-01-01T00:00:00Z",
		"2026-12-31 Europe/Berlin": "2026-12-31T23:00:00Z",
		"2026-12-31 09:00":         "2026-12-31T09:00:00Z",
		"2026-12-31T09:00:00Z":     "2026-12-31T09:00:00Z",
		"now+3d":                   "2026-11-25T09:30:00Z",
	} {
		if got, err := a.through("until", text, time.UTC); err != nil || got.UTC().Format(time.RFC3339) != want {
			t.Errorf("%q: got %v (%v), want %s", text, got, err, want)
		}
	}
	if _, err := a.through("until", "2026-12-31 Nowhere", time.UTC); err == nil {
		t.Error("takes a zone that is none")
	}
}

func TestSpansAreInDaysToo(t *testing.T) {
	for text, want := range map[string]time.Duration{"3d": 72 * time.Hour, "48h": 48 * time.Hour, "1h30m": 90 * time.Minute, "0": 0, "-1h": -time.Hour} {
		var d time.Duration
		if err := (spanFlag{&d}).Set(text); err != nil || d != want {
			t.Errorf("%q: got %v (%v), want %v", text, d, err, want)
		}
	}
	for _, text := range []string{"", "d", "3", "three days", "1.5d", "+", "--3d"} {
		var d time.Duration
		if err := (spanFlag{&d}).Set(text); err == nil {
			t.Errorf("%q: is taken for %v", text, d)
		}
	}
}
