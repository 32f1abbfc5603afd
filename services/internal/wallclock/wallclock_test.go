package wallclock_test

import (
	"slices"
	"testing"

	"google.golang.org/genproto/googleapis/type/timeofday"
	"pgregory.net/rapid"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/wallclock"
)

func TestClock(t *testing.T) {
	for _, c := range []struct {
		what  string
		clock *timeofday.TimeOfDay
		wantS int
		wrong bool
	}{
		{"midnight", &timeofday.TimeOfDay{}, 0, false},
		{"09:30:15", &timeofday.TimeOfDay{Hours: 9, Minutes: 30, Seconds: 15}, 34215, false},
		{"24:00", &timeofday.TimeOfDay{Hours: 24}, hours.DayS, false},
		{"24:00:01", &timeofday.TimeOfDay{Hours: 24, Seconds: 1}, 0, true},
		{"25:00", &timeofday.TimeOfDay{Hours: 25}, 0, true},
		{"-1:00", &timeofday.TimeOfDay{Hours: -1}, 0, true},
		{"09:60", &timeofday.TimeOfDay{Hours: 9, Minutes: 60}, 0, true},
		{"a leap second", &timeofday.TimeOfDay{Hours: 23, Minutes: 59, Seconds: 60}, 0, true},
		{"half a second", &timeofday.TimeOfDay{Nanos: 5e8}, 0, true},
		{"2,147,483,647:00", &timeofday.TimeOfDay{Hours: 1<<31 - 1}, 0, true},
		{"nothing", nil, 0, true},
	} {
		var r wallclock.Reader
		if got := r.Clock("at", c.clock); got != c.wantS || (len(r.Wrong()) > 0) != c.wrong {
			t.Errorf("%s: %d, wrong %v; want %d, %v", c.what, got, r.Wrong(), c.wantS, c.wrong)
		}
	}
}

// TestPathsNameTheSpan: what is wrong is named by its whole path, so that it is found in a file.
func TestPathsNameTheSpan(t *testing.T) {
	var r wallclock.Reader
	r.Week("weekly_hours", &schedulev1.WeeklyHours{
		Mon: []*schedulev1.Span{{Open: &timeofday.TimeOfDay{Hours: 9}, Close: &timeofday.TimeOfDay{Hours: 12}}, {}},
		Sun: []*schedulev1.Span{{Open: &timeofday.TimeOfDay{Hours: 99}, Close: &timeofday.TimeOfDay{}}},
	})
	var got []string
	for _, v := range r.Wrong() {
		got = append(got, v.Field)
	}
	want := []string{"weekly_hours.mon[1].open", "weekly_hours.mon[1].close", "weekly_hours.sun[0].open"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestThereAndBack: whatever is written is read as it was.
func TestThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var spans []hours.Span
		for range rapid.IntRange(0, 4).Draw(t, "spans") {
			spans = append(spans, hours.Span{
				OpenS: rapid.IntRange(0, hours.DayS-1).Draw(t, "open"), CloseS: rapid.IntRange(0, hours.DayS).Draw(t, "close"),
			})
		}
		var r wallclock.Reader
		if got := r.Spans("spans", wallclock.WriteSpans(spans)); !slices.Equal(got, spans) || len(r.Wrong()) > 0 {
			t.Fatalf("%v became %v, %v", spans, got, r.Wrong())
		}
		d := hours.Date{Year: 1970}.AddDays(rapid.IntRange(-40_000, 400_000).Draw(t, "days"))
		if got := wallclock.Date(wallclock.WriteDate(d)); got != d {
			t.Fatalf("%v became %v", d, got)
		}
	})
	if wallclock.WriteDate(hours.Date{}) != nil || wallclock.Date(nil) != (hours.Date{}) {
		t.Error("no date is no message")
	}
}
