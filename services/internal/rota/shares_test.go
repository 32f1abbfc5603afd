package rota_test

import (
	"slices"
	"testing"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/rota"
)

const hourS = 3600

func TestShares(t *testing.T) {
	for _, c := range []struct {
		what, zone, from, to string
		turns                []rota.Turn
		want                 []rota.Share
	}{
		{"a weekend from Friday 18:00 to Monday 08:00", "Europe/Dublin", "2026-01-01", "2026-02-01",
			[]rota.Turn{{FromUnixS: at(t, "2026-01-09T18:00Z"), ToUnixS: at(t, "2026-01-12T08:00Z"), Person: "anna"}},
			[]rota.Share{{Person: "anna", HeldS: 62 * hourS, NightS: 24 * hourS, Nights: 3, WeekendS: 48 * hourS}}},
		{"the night that the clock springs forward lasts 7 hours, and the weekend 47", "Europe/Dublin", "2026-03-01", "2026-04-01",
			[]rota.Turn{{FromUnixS: at(t, "2026-03-28T00:00Z"), ToUnixS: at(t, "2026-03-29T23:00Z"), Person: "anna"}},
			[]rota.Share{{Person: "anna", HeldS: 47 * hourS, NightS: (6 + 7 + 2) * hourS, Nights: 3, WeekendS: 47 * hourS}}},
		{"the night that it falls back lasts 9", "Europe/Dublin", "2026-10-01", "2026-11-01",
			[]rota.Turn{{FromUnixS: at(t, "2026-10-24T21:00Z"), ToUnixS: at(t, "2026-10-25T06:00Z"), Person: "anna"}},
			[]rota.Share{{Person: "anna", HeldS: 9 * hourS, NightS: 9 * hourS, Nights: 1, WeekendS: 9 * hourS}}},
		{"a night broken by an hour of somebody else is one night for each", "Etc/UTC", "2026-01-05", "2026-01-10",
			[]rota.Turn{
				{FromUnixS: at(t, "2026-01-06T02:00Z"), ToUnixS: at(t, "2026-01-06T12:00Z"), Person: "anna"},
				{FromUnixS: at(t, "2026-01-06T01:00Z"), ToUnixS: at(t, "2026-01-06T02:00Z"), Person: "ben"},
				{FromUnixS: at(t, "2026-01-05T20:00Z"), ToUnixS: at(t, "2026-01-06T01:00Z"), Person: "anna"},
			},
			[]rota.Share{
				{Person: "anna", HeldS: 15 * hourS, NightS: 7 * hourS, Nights: 1},
				{Person: "ben", HeldS: 1 * hourS, NightS: 1 * hourS, Nights: 1},
			}},
		{"only what lies in the range counts, and gaps do not", "Etc/UTC", "2026-01-05", "2026-01-06",
			[]rota.Turn{
				{FromUnixS: at(t, "2026-01-01"), ToUnixS: at(t, "2026-01-05T07:00Z"), Person: "anna"},
				{FromUnixS: at(t, "2026-01-05T07:00Z"), ToUnixS: at(t, "2026-01-05T09:00Z"), Reason: rota.EmptyTurn},
				{FromUnixS: at(t, "2026-01-06"), ToUnixS: at(t, "2026-01-07"), Person: "ben"},
			},
			[]rota.Share{{Person: "anna", HeldS: 7 * hourS, NightS: 6 * hourS, Nights: 1}}},
		{"nobody", "Etc/UTC", "2026-01-05", "2026-01-06", nil, nil},
	} {
		got, err := rota.Shares(c.turns, zone(t, c.zone), at(t, c.from), at(t, c.to))
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s:\ngot  %+v, %v\nwant %+v", c.what, got, err, c.want)
		}
	}
}

func TestSharesOfNoRange(t *testing.T) {
	_, err := rota.Shares(nil, zone(t, "Etc/UTC"), 10, 10)
	if fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
		t.Errorf("%v, want INVALID_FIELD", err)
	}
}
