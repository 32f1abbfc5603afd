package schedule_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/schedule"
)

// A preview takes the calendars that it is given, says which it was not given, and refuses what the service would.
func TestPreviewWithCalendars(t *testing.T) {
	closed := func(year int32) []*schedulev1.Calendar {
		return []*schedulev1.Calendar{{
			Name: "calendars/ie", DisplayName: "Ireland", Entries: []*schedulev1.CalendarEntry{{
				Date: &date.Date{Year: year, Month: 12, Day: 25}, Verdict: schedulev1.CalendarEntry_VERDICT_CLOSED,
			}},
		}}
	}
	s := site("dublin", "Europe/Dublin")
	s.Calendars = []string{"calendars/ie", "calendars/dublin"}
	from := time.Date(2026, 12, 23, 12, 0, 0, 0, time.UTC)

	got, err := schedule.Preview(s, closed(2026), from, from.Add(3*day))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Openings) != 2 || !slices.Equal(got.Unknown, []string{"calendars/dublin"}) {
		t.Errorf("open %v, unknown %q; want two openings, for Christmas Day is closed", got.Openings, got.Unknown)
	}

	_, err = schedule.Preview(s, closed(1969), from, from.Add(day))
	wantReason(t, "a date before 1970", err, rpcv1.Reason_REASON_INVALID_FIELD)
	if !strings.Contains(err.Error(), "calendars/ie: entries[0]") {
		t.Errorf("%v does not name the calendar", err)
	}
}
