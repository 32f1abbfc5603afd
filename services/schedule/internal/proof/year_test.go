package proof_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/timeline"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
	"github.com/daysidehq/dayside/services/schedule/internal/proof"
)

// compiled is a site open on every day of the week, but for its holidays, over 2026 and 2027.
func compiled(t testing.TB, zone, span string, holidays ...string) *timeline.Timeline {
	t.Helper()
	b := zonestest.Embedded(t)
	loc, err := b.Location(zone)
	if err != nil {
		t.Fatal(err)
	}
	open, err := hours.ParseSpan("span", span)
	if err != nil {
		t.Fatal(err)
	}
	h := hours.Hours{}
	for _, d := range hours.Weekdays() {
		h.Weekly[d] = []hours.Span{open}
	}
	for _, text := range holidays {
		date, err := hours.ParseDate("date", text)
		if err != nil {
			t.Fatal(err)
		}
		h.Holidays = append(h.Holidays, hours.Holiday{Date: date})
	}
	tl, err := hours.Compile(h, hours.Zone{Location: loc, Release: b.Release()}, unix(t, "2026-01-01"), unix(t, "2028-01-01"))
	if err != nil {
		t.Fatal(err)
	}
	return tl
}

func unix(t testing.TB, date string) int64 {
	at, err := time.Parse(time.DateOnly, date)
	if err != nil {
		t.Fatal(err)
	}
	return at.Unix()
}

// datesText is the first and last date of each run of days that have an uncovered gap, with the times of the run's first.
func datesText(gaps []proof.Gap) string {
	var parts []string
	first, last, text := int64(0), int64(-2), ""
	flush := func() {
		if text != "" {
			parts = append(parts, fmt.Sprintf("%s to %s %s", time.Unix(first*day, 0).UTC().Format("2006-01-02"),
				time.Unix(last*day, 0).UTC().Format("2006-01-02"), text))
		}
	}
	for _, g := range gaps {
		times := time.Unix(g.FromUnixS, 0).UTC().Format("15:04") + "-" + time.Unix(g.ToUnixS, 0).UTC().Format("15:04")
		if d := g.FromUnixS / day; d != last+1 || times != text {
			flush()
			first, last, text = d, d, times
		} else {
			last = d
		}
	}
	flush()
	return strings.Join(parts, "; ")
}

// TestWeeksInWhichOnlyOneSideHasChangedItsClock: hours that meet exactly in winter and in summer leave a gap, or overlap, in
// the weeks between the American and the European change, and in no other.
func TestWeeksInWhichOnlyOneSideHasChangedItsClock(t *testing.T) {
	for _, c := range []struct {
		what, zone1, span1, zone2, span2, gaps string
	}{
		// 17:00 in Denver is 00:00 in Dublin, but for 8 to 28 March and 25 to 31 October 2026.
		{"Denver closes, Dublin opens", "Europe/Dublin", "00:00-09:00", "America/Denver", "02:00-17:00",
			"2026-03-08 to 2026-03-28 23:00-00:00; 2026-10-25 to 2026-10-31 23:00-00:00"},
		// In the same weeks 15:00 in Dublin is 09:00 in Denver; in all others an hour is missing.
		{"Dublin closes, Denver opens", "Europe/Dublin", "00:00-15:00", "America/Denver", "09:00-18:00",
			"2026-01-01 to 2026-03-07 15:00-16:00; 2026-03-29 to 2026-10-24 14:00-15:00; 2026-11-01 to 2026-12-31 15:00-16:00"},
		// Both halves of the Earth change, in opposite directions, on 29 March and 5 April, 4 and 25 October: two hours
		// between winter and summer.
		{"Sydney closes, Dublin opens", "Australia/Sydney", "09:00-19:00", "Europe/Dublin", "09:00-24:00",
			"2026-01-01 to 2026-03-28 08:00-09:00; 2026-10-25 to 2026-12-31 08:00-09:00"},
		{"as the first, with an hour in hand", "Europe/Dublin", "00:00-09:00", "America/Denver", "02:00-18:00", ""},
	} {
		l := proof.Line{Name: "lines/gold", Sites: []proof.Site{
			{Name: "sites/one", Timeline: compiled(t, c.zone1, c.span1)}, {Name: "sites/two", Timeline: compiled(t, c.zone2, c.span2)},
		}}
		got := proof.Prove(l, unix(t, "2026-01-01"), unix(t, "2027-01-01"))
		if text := datesText(got.Gaps); text != c.gaps {
			t.Errorf("%s: gaps %s, want %s", c.what, text, c.gaps)
		}
	}
}

// TestHolidaysThatStack: three sites that together never close have one gap, where the same holidays meet.
func TestHolidaysThatStack(t *testing.T) {
	l := proof.Line{Name: "lines/gold", Sites: []proof.Site{
		{Name: "sites/sydney", Timeline: compiled(t, "Australia/Sydney", "06:00-18:00", "2026-12-25", "2026-12-26")},
		{Name: "sites/dublin", Timeline: compiled(t, "Europe/Dublin", "06:00-17:00", "2026-12-25", "2026-12-26")},
		{Name: "sites/denver", Timeline: compiled(t, "America/Denver", "08:00-16:00", "2026-12-25")},
	}}
	from, to := unix(t, "2026-01-01"), unix(t, "2027-12-20")
	gap := func(c proof.Coverage) string {
		text := ""
		for _, g := range c.Gaps {
			text += fmt.Sprintf("%s to %s %v %v; ", time.Unix(g.FromUnixS, 0).UTC().Format("2006-01-02 15:04"),
				time.Unix(g.ToUnixS, 0).UTC().Format("2006-01-02 15:04"), g.Kind, g.OnDuty)
		}
		return text
	}
	if got := gap(proof.Prove(l, from, to)); got != "2026-12-24 23:00 to 2026-12-26 15:00 KIND_UNCOVERED []; " {
		t.Errorf("got %s", got)
	}
	// From Christmas noon on somebody else is on duty.
	l.Rotas = []proof.Duty{turns{{from, "people/ann"}, {unix(t, "2026-12-25") + 12*hour, "people/bob"}}}
	if got, want := gap(proof.Prove(l, from, to)), "2026-12-24 23:00 to 2026-12-25 12:00 KIND_PLANNED [people/ann]; "+
		"2026-12-25 12:00 to 2026-12-26 15:00 KIND_PLANNED [people/bob]; "; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// fifty is a line with as many sites around the world, with a rota that changes daily and service hours.
func fifty(t testing.TB) proof.Line {
	l := proof.Line{Name: "lines/gold", Promise: compiled(t, "UTC", "12:00-24:00")}
	zoned := []string{"Australia/Sydney", "Asia/Kolkata", "Europe/Dublin", "America/Denver", "America/New_York"}
	for i := range 50 {
		// All of them open for the same hour, so that there are gaps to judge.
		span := fmt.Sprintf("%02d:00-%02d:30", 9+i%3, 10+i%3)
		l.Sites = append(l.Sites, proof.Site{Name: fmt.Sprintf("sites/s%02d", i), Timeline: compiled(t, zoned[i%len(zoned)], span)})
	}
	for n := range 3 {
		l.Rotas = append(l.Rotas, daysOnDuty(n))
	}
	return l
}

// daysOnDuty is a rota of as many people by the day, and nobody on one day of nine.
type daysOnDuty int

func (d daysOnDuty) At(unixS int64) (string, int64) {
	n := unixS / day
	if n%9 == 0 {
		return "", (n + 1) * day
	}
	return []string{"people/ann", "people/bob", "people/eve"}[(n+int64(d))%3], (n + 1) * day
}

func BenchmarkProveYearOf50Sites(b *testing.B) {
	l, from := fifty(b), unix(b, "2026-06-01")
	b.ReportAllocs()
	for b.Loop() {
		if c := proof.Prove(l, from, from+365*day); c.PlannedS == 0 || c.IntendedS == 0 || c.UncoveredS == 0 {
			b.Fatal(c.PlannedS, c.IntendedS, c.UncoveredS)
		}
	}
}

func BenchmarkCompareYearOf50Sites(b *testing.B) {
	before, from := fifty(b), unix(b, "2026-06-01")
	after := before
	after.Sites = append([]proof.Site(nil), before.Sites...)
	after.Sites[7].Timeline = compiled(b, "Europe/Dublin", "08:00-20:00")
	b.ReportAllocs()
	for b.Loop() {
		if proof.Compare(before, after, from, from+365*day) == nil {
			b.Fatal("nothing changes")
		}
	}
}
