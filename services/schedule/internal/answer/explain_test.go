package answer_test

import (
	"testing"
	"time"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
	"github.com/daysidehq/dayside/services/schedule/internal/answer"
)

func TestExplainIsOneSentenceOnTheSitesClock(t *testing.T) {
	b := zonestest.Embedded(t)
	dublin, err := b.Location("Europe/Dublin")
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) int64 {
		parsed, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return parsed.Unix()
	}
	from, to := at("2026-10-01T00:00:00Z"), at("2027-10-01T00:00:00Z")
	for _, c := range []struct {
		at, want string
		why      hours.Reason
	}{
		{
			"2026-11-24T13:00:00Z",
			"Dublin is closed at Tue 24 Nov 13:00 GMT: between 12:30 and 13:30 by weekly hours, Tue 08:00-12:30, 13:30-17:00; " +
				"opens at 13:30",
			hours.Reason{Rule: "weekly hours, Tue 08:00-12:30, 13:30-17:00",
				SinceUnixS: at("2026-11-24T12:30:00Z"), UntilUnixS: at("2026-11-24T13:30:00Z")},
		},
		{
			"2027-01-01T12:00:00Z",
			"Dublin is closed at Fri 1 Jan 12:00 GMT: between Thu 31 Dec 2026 17:00 and Mon 4 Jan 08:00 " +
				"by holiday 2027-01-01: closed; opens at Mon 4 Jan 08:00",
			hours.Reason{Rule: "holiday 2027-01-01: closed", Kind: hours.ByHoliday,
				SinceUnixS: at("2026-12-31T17:00:00Z"), UntilUnixS: at("2027-01-04T08:00:00Z")},
		},
		{ // the clock goes back at 01:00 UTC, and shows 01:30 twice
			"2026-10-25T00:10:00Z",
			"Dublin is open at Sun 25 Oct 01:10 IST: between 01:00 and 01:30 GMT by weekly hours, Sun 01:00-01:30; closes at 01:30 GMT",
			hours.Reason{Open: true, Rule: "weekly hours, Sun 01:00-01:30",
				SinceUnixS: at("2026-10-25T00:00:00Z"), UntilUnixS: at("2026-10-25T01:30:00Z")},
		},
		{
			"2026-11-24T13:00:05Z",
			"Dublin is closed at Tue 24 Nov 13:00:05 GMT: by weekly hours, Tue closed; it is not known to change",
			hours.Reason{Rule: "weekly hours, Tue closed", SinceUnixS: from, UntilUnixS: to},
		},
	} {
		got := answer.Explain(answer.Explained{
			Site:     &schedulev1.Site{Name: "sites/dublin", DisplayName: "Dublin", TimeZone: "Europe/Dublin"},
			Location: dublin, Reason: c.why, AtUnixS: at(c.at), FromUnixS: from, ToUnixS: to, TZDataRelease: "2025c",
		})
		if got.GetSentence() != c.want {
			t.Errorf("got  %s\nwant %s", got.GetSentence(), c.want)
		}
		if (got.GetSince() == nil) != (c.why.SinceUnixS == from) || (got.GetUntil() == nil) != (c.why.UntilUnixS == to) ||
			got.GetRule() != c.why.Rule || got.GetOpen() != c.why.Open || got.GetTimeZone() != "Europe/Dublin" {
			t.Errorf("got %v", got)
		}
	}
}
