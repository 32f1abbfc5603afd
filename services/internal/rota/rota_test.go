package rota_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/rota"
)

// story tells a roster in local time: when each stretch begins, who holds, and why nobody does or not the usual one.
func story(r rota.Rota, roster *rota.Roster) []string {
	all := slices.Concat(roster.Turns, roster.Gaps)
	slices.SortFunc(all, func(a, b rota.Turn) int { return cmp.Compare(a.FromUnixS, b.FromUnixS) })
	var lines []string
	for _, t := range all {
		line := time.Unix(t.FromUnixS, 0).In(r.Zone.Location).Format("01-02 15:04 ") + cmp.Or(t.Person, "nobody")
		if t.Reason != rota.OwnTurn {
			line += ": " + r.Why(t)
		}
		lines = append(lines, line)
	}
	return lines
}

// tells compiles whole local dates, from the first to the day before the last, and compares.
func tells(t *testing.T, r rota.Rota, from, to string, want ...string) {
	t.Helper()
	fromUnixS, toUnixS := begins(t, r, from), begins(t, r, to)
	got := story(r, compile(t, r, fromUnixS, toUnixS))
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func begins(t testing.TB, r rota.Rota, date string) int64 {
	t.Helper()
	d, err := hours.ParseDate("date", date)
	if err != nil {
		t.Fatal(err)
	}
	return hours.Begins(r.Zone.Location, d)
}

// weekly hands over on Mondays at 09:00 in Dublin, from 2026-01-05.
func weekly(t testing.TB, people ...string) rota.Rota {
	t.Helper()
	return rota.Rota{Zone: zone(t, "Europe/Dublin"), Layers: []rota.Layer{{
		Name: "primary", Start: wall(t, "2026-01-05T09:00"), Unit: rota.Week, Every: 1, Crews: crew(people...),
	}}}
}

func daily(t testing.TB, zoneName, start string, people ...string) rota.Rota {
	t.Helper()
	return rota.Rota{Zone: zone(t, zoneName), Layers: []rota.Layer{{
		Start: wall(t, start), Unit: rota.Day, Every: 1, Crews: crew(people...),
	}}}
}

func TestNobodyHoldsBeforeTheFirstDayNorAfterTheEnd(t *testing.T) {
	r := weekly(t, "anna", "ben")
	r.Layers[0].End = wall(t, "2026-01-14T12:00")
	tells(t, r, "2026-01-04", "2026-01-16",
		`01-04 00:00 nobody: layers[0] "primary" has not begun, or is over`,
		`01-05 09:00 anna`,
		`01-12 09:00 ben`,
		`01-14 12:00 nobody: layers[0] "primary" has not begun, or is over`)
}

func TestHandoffsFollowTheWallClock(t *testing.T) {
	for _, c := range []struct {
		what, zone, start string
		unit              rota.Unit
		every             int
		from, to          string
		want              string // instants of handoff, UTC
	}{
		{"every 12 hours stays at 09:00 and 21:00 in spring", "Europe/Dublin", "2026-03-28T09:00", rota.Hour, 12,
			"2026-03-28T00:00Z", "2026-03-30T00:00Z", "28T09:00 28T21:00 29T08:00 29T20:00"},
		{"and in autumn", "Europe/Dublin", "2026-10-24T09:00", rota.Hour, 12,
			"2026-10-24T00:00Z", "2026-10-26T00:00Z", "24T08:00 24T20:00 25T09:00 25T21:00"},
		{"an hourly turn in the skipped hour vanishes", "Europe/Berlin", "2026-03-29T00:00", rota.Hour, 1,
			"2026-03-28T23:30Z", "2026-03-29T03:30Z", "00:00 01:00 02:00 03:00"},
		{"the repeated hour belongs to one turn of two hours", "Europe/Berlin", "2026-10-25T00:00", rota.Hour, 1,
			"2026-10-24T23:30Z", "2026-10-25T03:30Z", "00:00 02:00 03:00"},
		{"Troll jumps by two hours", "Antarctica/Troll", "2026-03-28T01:30", rota.Day, 1,
			"2026-03-27T00:00Z", "2026-03-31T00:00Z", "28T01:30 29T01:00 29T23:30 30T23:30"},
		{"midnight comes twice in Havana; the first hands over", "America/Havana", "2026-10-31T00:00", rota.Day, 1,
			"2026-10-30T00:00Z", "2026-11-03T00:00Z", "31T04:00 01T04:00 02T05:00"},
		{"Apia had no 2011-12-30: that turn vanishes", "Pacific/Apia", "2011-12-28T09:00", rota.Day, 1,
			"2011-12-28T00:00Z", "2012-01-01T00:00Z", "28T19:00 29T19:00 30T10:00 30T19:00 31T19:00"},
	} {
		r := daily(t, c.zone, c.start, "p0", "p1", "p2", "p3", "p4", "p5", "p6")
		r.Layers[0].Unit, r.Layers[0].Every = c.unit, c.every
		var got []string
		for h := range compile(t, r, at(t, c.from), at(t, c.to)).Handoffs() {
			layout := "02T15:04"
			if !strings.Contains(c.want, "T") {
				layout = "15:04"
			}
			got = append(got, time.Unix(h.AtUnixS, 0).UTC().Format(layout))
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.what, text, c.want)
		}
	}
}

func TestWhoseTurnAfterAVanishedOne(t *testing.T) {
	r := daily(t, "Europe/Berlin", "2026-03-29T00:00", "a", "b", "c", "d")
	r.Layers[0].Unit = rota.Hour
	got := story(r, compile(t, r, at(t, "2026-03-28T23:00Z"), at(t, "2026-03-29T03:00Z")))
	want := []string{"03-29 00:00 a", "03-29 01:00 b", "03-29 03:00 d", "03-29 04:00 a"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q: c's turn was 02:00 to 03:00, which the clock skips", got, want)
	}
}

func TestMonthlyTurnsAtTheEndOfMonths(t *testing.T) {
	for _, c := range []struct {
		start string
		every int
		want  string
	}{
		{"2027-10-31T09:00", 1, "2027-10-31 2027-11-30 2027-12-31 2028-01-31 2028-02-29 2028-03-31 2028-04-30"},
		{"2026-12-29T09:00", 1, "2026-12-29 2027-01-29 2027-02-28 2027-03-29 2027-04-29 2027-05-29 2027-06-29"},
		{"2026-12-31T09:00", 2, "2026-12-31 2027-02-28 2027-04-30 2027-06-30 2027-08-31 2027-10-31 2027-12-31"},
		{"2028-02-29T09:00", 12, "2028-02-29 2029-02-28 2030-02-28 2031-02-28 2032-02-29 2033-02-28 2034-02-28"},
	} {
		r := weekly(t, "a", "b")
		r.Layers[0].Start, r.Layers[0].Unit, r.Layers[0].Every = wall(t, c.start), rota.Month, c.every
		fromUnixS := begins(t, r, c.start[:10])
		var got []string
		for h := range compile(t, r, fromUnixS, fromUnixS+9*366*86400).Handoffs() {
			local := time.Unix(h.AtUnixS, 0).In(r.Zone.Location)
			if local.Format("15:04") != "09:00" {
				t.Errorf("%s hands over at %s", c.start, local)
			}
			got = append(got, local.Format(time.DateOnly))
		}
		if text := strings.Join(got[:7], " "); text != c.want {
			t.Errorf("every %d months from %s:\ngot  %s\nwant %s", c.every, c.start, text, c.want)
		}
	}
}

func TestAnEmptySlotStaysEmpty(t *testing.T) {
	tells(t, daily(t, "Asia/Kolkata", "2026-01-05T09:00", "anna", "", "ben"), "2026-01-06", "2026-01-09",
		`01-06 00:00 anna`,
		`01-06 09:00 nobody: layers[0] has an empty turn`,
		`01-07 09:00 ben`,
		`01-08 09:00 anna`)
}

func TestWhoIsAwayIsStoodInForByTheNextOfTheCrew(t *testing.T) {
	r := weekly(t, "anna", "ben", "", "cleo")
	r.Absences = []rota.Absence{
		{Person: "ben", FromUnixS: begins(t, r, "2026-01-14"), ToUnixS: begins(t, r, "2026-01-17"), Name: "skiing"},
		{Person: "cleo", FromUnixS: begins(t, r, "2026-01-15"), ToUnixS: begins(t, r, "2026-01-16")},
		{Person: "anna", FromUnixS: at(t, "2026-01-15T18:00Z"), ToUnixS: at(t, "2026-01-15T20:00Z"), Name: "school"},
		{Person: "zoe", FromUnixS: begins(t, r, "2026-01-01"), ToUnixS: begins(t, r, "2026-02-01"), Name: "not of this rota"},
	}
	tells(t, r, "2026-01-12", "2026-01-20",
		`01-12 00:00 anna`,
		`01-12 09:00 ben`,
		`01-14 00:00 cleo: layers[0] "primary": cleo stands in for ben, who is away (skiing)`,
		`01-15 00:00 anna: layers[0] "primary": anna stands in for ben, who is away (skiing)`,
		`01-15 18:00 nobody: layers[0] "primary": ben is away (skiing), and so is everybody who could stand in`,
		`01-15 20:00 anna: layers[0] "primary": anna stands in for ben, who is away (skiing)`,
		`01-16 00:00 cleo: layers[0] "primary": cleo stands in for ben, who is away (skiing)`,
		`01-17 00:00 ben`,
		`01-19 09:00 nobody: layers[0] "primary" has an empty turn`)
}

func TestALaterLayerWinsWhereItHoldsSomebody(t *testing.T) {
	r := weekly(t, "anna", "ben")
	nights := rota.Layer{
		Name: "nights", Start: wall(t, "2026-01-06T00:00"), Unit: rota.Day, Every: 1, Crews: crew("nina", "", "otto"),
	}
	for day := range nights.Restrictions {
		nights.Restrictions[day] = []hours.Span{span(t, "22:00-06:00")}
	}
	r.Layers = append(r.Layers, nights)
	tells(t, r, "2026-01-05", "2026-01-09",
		`01-05 00:00 nobody: layers[0] "primary" has not begun, or is over`, // and nights have not begun either
		`01-05 09:00 anna`,
		`01-06 00:00 nina`,
		`01-06 06:00 anna`,
		`01-06 22:00 nina`,
		`01-07 00:00 anna`, // the empty turn of nights lets primary through
		`01-08 00:00 otto`,
		`01-08 06:00 anna`,
		`01-08 22:00 otto`)
}

func TestOverridesApplyInTheirOrder(t *testing.T) {
	r := weekly(t, "anna", "ben")
	day := func(date string) int64 { return begins(t, r, date) }
	r.Overrides = []rota.Override{
		{Kind: rota.Replace, Of: "anna", By: "cleo", FromUnixS: day("2026-01-05"), ToUnixS: day("2026-01-14"), Name: "dentist"},
		{Kind: rota.Replace, Of: "cleo", By: "dora", FromUnixS: day("2026-01-08"), ToUnixS: day("2026-01-10")},
		{Kind: rota.Remove, Of: "ben", FromUnixS: day("2026-01-15"), ToUnixS: day("2026-01-16")},
		{Kind: rota.Remove, FromUnixS: day("2026-01-17"), ToUnixS: day("2026-01-18")},
		{Kind: rota.Add, By: "emil", FromUnixS: day("2026-01-04"), ToUnixS: day("2026-01-05")},
		{Kind: rota.Add, By: "emil", FromUnixS: day("2026-01-18"), ToUnixS: at(t, "2026-01-19T10:00Z")},
	}
	tells(t, r, "2026-01-03", "2026-01-20",
		`01-03 00:00 nobody: layers[0] "primary" has not begun, or is over`,
		`01-04 00:00 emil: overrides[4] puts emil in, where nobody was`,
		`01-05 00:00 nobody: layers[0] "primary" has not begun, or is over`,
		`01-05 09:00 cleo: overrides[0] "dentist" puts cleo in for anna`,
		`01-08 00:00 dora: overrides[1] puts dora in for cleo`,
		`01-10 00:00 cleo: overrides[0] "dentist" puts cleo in for anna`,
		`01-12 09:00 ben`, // not anna, so not replaced
		`01-15 00:00 nobody: overrides[2] removes ben`,
		`01-16 00:00 ben`,
		`01-17 00:00 nobody: overrides[3] removes ben`,
		`01-18 00:00 emil: overrides[5] puts emil in, where ben was`,
		`01-19 09:00 emil: overrides[5] puts emil in, where anna was`,
		`01-19 10:00 anna`)
}

func TestASwapExchangesTwoTurns(t *testing.T) {
	r := weekly(t, "anna", "ben", "cleo")
	roster := compile(t, r, begins(t, r, "2026-01-05"), begins(t, r, "2026-02-05"))
	r.Overrides = rota.Swap(roster.At(at(t, "2026-01-06")), roster.At(at(t, "2026-01-20")))
	tells(t, r, "2026-01-06", "2026-01-28",
		`01-06 00:00 cleo: overrides[0] "swap of anna and cleo" puts cleo in for anna`,
		`01-12 09:00 ben`,
		`01-19 09:00 anna: overrides[1] "swap of anna and cleo" puts anna in for cleo`,
		`01-26 09:00 anna`)
}

func TestWhoComesNextWhenMembersChange(t *testing.T) {
	// Turns from 2026-01-05 are those of a, b, c, a, ...; on Wednesday 01-14 b holds, and the next turn begins on 01-19.
	for _, c := range []struct {
		what string
		now  []string
		want string // who holds from 01-05 on, a letter a week
	}{
		{"nobody changes", []string{"a", "b", "c"}, "abcabca"},
		{"one joins at the end", []string{"a", "b", "c", "x"}, "abcxabc"},
		{"one joins after the holder", []string{"a", "b", "x", "c"}, "abxcabx"},
		{"one joins at the front", []string{"x", "a", "b", "c"}, "abcxabc"},
		{"another one leaves", []string{"b", "c"}, "abcbcbc"},
		{"the holder leaves, and keeps the present turn", []string{"a", "c"}, "abcacac"},
		{"the next one leaves", []string{"a", "b"}, "abababa"},
		{"the order is turned round", []string{"c", "b", "a"}, "abacbac"},
		{"an empty turn follows", []string{"a", "b", "", "c"}, "ab-cab-"},
		{"all are new", []string{"x", "y"}, "abxyxyx"},
		{"one is left", []string{"a"}, "abaaaaa"},
	} {
		r := weekly(t, "a", "b", "c")
		before := r.Layers[0]
		r.Layers[0] = before.WithMembers(wall(t, "2026-01-14T10:00"), c.now)
		if len(before.Crews) != 1 || len(r.Layers[0].Crews) != 2 {
			t.Fatalf("%s: %d crews, and now %d", c.what, len(before.Crews), len(r.Layers[0].Crews))
		}
		roster, got := compile(t, r, begins(t, r, "2026-01-05"), begins(t, r, "2026-03-01")), ""
		for week := range 7 {
			got += cmp.Or(roster.At(at(t, "2026-01-06")+int64(week)*7*86400).Person, "-")
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}

func TestMembersPlannedLaterGiveWayToAnEarlierChange(t *testing.T) {
	l := weekly(t, "a", "b").Layers[0].
		WithMembers(wall(t, "2026-02-02T09:00"), []string{"a", "b", "x"}).
		WithMembers(wall(t, "2026-03-02T09:00"), []string{"b", "x"}).
		WithMembers(wall(t, "2026-02-16T09:00"), []string{"x", "y"})
	if len(l.Crews) != 3 || l.Crews[2].From != wall(t, "2026-02-16T09:00") {
		t.Errorf("crews %+v", l.Crews)
	}
	if l = l.WithMembers(l.Start, []string{"z"}); len(l.Crews) != 1 || l.Crews[0].Slots[0] != "z" {
		t.Errorf("a change at the start replaces all: %+v", l.Crews)
	}
}

func TestHandoffsAreChangesOfHolder(t *testing.T) {
	r := daily(t, "Etc/UTC", "2026-01-05T09:00", "a", "a2", "", "b")
	r.Absences = []rota.Absence{{Person: "a2", FromUnixS: at(t, "2026-01-01"), ToUnixS: at(t, "2026-02-01")}}
	r.Layers[0].End = wall(t, "2026-01-09T12:00")
	var got []rota.Handoff
	for h := range compile(t, r, at(t, "2026-01-05"), at(t, "2026-01-11")).Handoffs() {
		got = append(got, h)
	}
	want := []rota.Handoff{
		{AtUnixS: at(t, "2026-01-05T09:00Z"), From: "", To: "a"},
		{AtUnixS: at(t, "2026-01-06T09:00Z"), From: "a", To: "b"}, // in for a2
		{AtUnixS: at(t, "2026-01-07T09:00Z"), From: "b", To: ""},  // the empty turn
		{AtUnixS: at(t, "2026-01-08T09:00Z"), From: "", To: "b"},
		{AtUnixS: at(t, "2026-01-09T09:00Z"), From: "b", To: "a"},
		{AtUnixS: at(t, "2026-01-09T12:00Z"), From: "a", To: ""},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	for h := range compile(t, weekly(t, "solo"), at(t, "2026-01-06"), at(t, "2027-01-06")).Handoffs() {
		t.Errorf("one person alone hands over: %+v", h)
	}
}

func TestAtOutsideWhatWasCompiledIsUnknown(t *testing.T) {
	roster := compile(t, weekly(t, "a", "b"), at(t, "2026-01-06"), at(t, "2026-01-20"))
	for _, when := range []string{"2026-01-05T23:59Z", "2026-01-20T00:00Z"} {
		if turn := roster.At(at(t, when)); turn.Reason != rota.Unknown || turn.Person != "" {
			t.Errorf("%s: %+v", when, turn)
		}
	}
	if turn := roster.At(at(t, "2026-01-19T23:59Z")); turn.Person != "a" || turn.ToUnixS != at(t, "2026-01-20") {
		t.Errorf("the last turn is clipped: %+v", turn)
	}
	if roster.TZDataRelease == "" || roster.ZoneFingerprint == 0 {
		t.Error("a roster says by which zone rules it was compiled")
	}
}

func TestClashesAreOverridesThatPutInWhoIsAway(t *testing.T) {
	r := weekly(t, "anna", "ben")
	r.Absences = []rota.Absence{
		{Person: "cleo", FromUnixS: at(t, "2026-01-07"), ToUnixS: at(t, "2026-01-09")},
		{Person: "cleo", FromUnixS: at(t, "2026-01-08"), ToUnixS: at(t, "2026-01-10")},
		{Person: "ben", FromUnixS: at(t, "2026-01-01"), ToUnixS: at(t, "2026-03-01")},
	}
	r.Overrides = []rota.Override{
		{Kind: rota.Add, By: "cleo", FromUnixS: at(t, "2026-01-06"), ToUnixS: at(t, "2026-01-20")},
	}
	var got []string
	for _, c := range rota.Clashes(compile(t, r, at(t, "2026-01-05"), at(t, "2026-02-01")).Turns, r.Absences) {
		got = append(got, utc(c.FromUnixS)[:10]+" to "+utc(c.ToUnixS)[:10]+" "+c.Person)
	}
	slices.Sort(got)
	want := []string{"2026-01-07 to 2026-01-09 cleo", "2026-01-09 to 2026-01-10 cleo"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
