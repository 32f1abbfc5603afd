package feed_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	ics "github.com/arran4/golang-ical"
	"pgregory.net/rapid"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/calendar/ical"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/timeline"
	"github.com/daysidehq/dayside/services/schedule/internal/feed"
)

const (
	hour = int64(3600)
	day  = 24 * hour
)

// noon is Sunday, 22 November 2026, at twelve; midnight is before it.
var (
	noon     = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).Unix()
	midnight = noon - 12*hour
)

func head(subject, name string) feed.Head {
	return feed.Head{
		Subject: subject, DisplayName: name, NowUnixS: noon, FromUnixS: midnight - 2*day, ToUnixS: midnight + 92*day,
	}
}

func stamp(unixS int64) string { return time.Unix(unixS, 0).UTC().Format(time.RFC3339) }

// fataler is a test or a check of one.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// read is a feed as an independent reader sees it: "from to summary [category]" of each event. What RFC 5545 asks of lines
// and components is checked on the way.
func read(t fataler, text []byte, err error) (events []string, c *ics.Calendar) {
	t.Helper()
	if err != nil {
		t.Fatalf("no feed: %v", err)
	}
	if !strings.HasSuffix(string(text), "END:VCALENDAR\r\n") {
		t.Fatalf("it does not end as it should: %q", text)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(string(text), "\r\n"), "\r\n") {
		if len(line) == 0 || len(line) > 75 || strings.ContainsAny(line, "\r\n\x00") || !utf8.ValidString(line) {
			t.Fatalf("no line of iCalendar: %q", line)
		}
	}
	c, err = ics.ParseCalendar(strings.NewReader(string(text)))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	uids := map[string]bool{}
	for _, e := range c.Events() {
		from, err1 := e.GetStartAt()
		to, err2 := e.GetEndAt()
		made, err3 := e.GetDtStampTime()
		if err1 != nil || err2 != nil || err3 != nil || made.Unix() != noon || !from.Before(to) {
			t.Fatalf("an event from %v (%v) to %v (%v), made at %v (%v)", from, err1, to, err2, made, err3)
		}
		if uids[e.Id()] || e.Id() == "" {
			t.Fatalf("UID %q twice", e.Id())
		}
		uids[e.Id()] = true
		if e.GetProperty(ics.ComponentPropertyTransp).Value != "TRANSPARENT" {
			t.Fatalf("%s keeps its reader busy", e.Id())
		}
		events = append(events, fmt.Sprintf("%s %s %s [%s]", stamp(from.Unix()), stamp(to.Unix()),
			e.GetProperty(ics.ComponentPropertySummary).Value, e.GetProperty(ics.ComponentPropertyCategories).Value))
	}
	readByOurs(t, string(text), events)
	return events, c
}

// readByOurs checks that the product's own reader, which knows nothing of the writer, sees the same.
func readByOurs(t fataler, text string, want []string) {
	t.Helper()
	list, err := ical.Read(strings.NewReader(text), ical.Options{
		From: hours.Date{Year: 2026, Month: 11, Day: 1}, To: hours.Date{Year: 2027, Month: 3, Day: 15}, Zone: time.UTC,
		Lookup: time.LoadLocation,
	})
	if err != nil {
		t.Fatalf("our own reader: %v", err)
	}
	got := make([]string, len(list))
	for i, o := range list {
		got[i] = fmt.Sprintf("%s %s %s", stamp(o.FromUnixS), stamp(o.ToUnixS), o.Summary)
	}
	if len(got) != len(want) {
		t.Fatalf("our own reader sees %d events, the other %d", len(got), len(want))
	}
	sorted := slices.Sorted(slices.Values(want))
	slices.Sort(got)
	for i := range got {
		if !strings.HasPrefix(sorted[i], got[i]) {
			t.Fatalf("our own reader sees %q, the other %q", got[i], sorted[i])
		}
	}
}

func property(c *ics.Calendar, name string) string {
	for _, p := range c.CalendarProperties {
		if p.IANAToken == name {
			return p.Value
		}
	}
	return ""
}

func component(name string, list []ics.Component) *ics.GeneralComponent {
	for _, c := range list {
		if g, ok := c.(*ics.GeneralComponent); ok && g.Token == name {
			return g
		}
	}
	return nil
}

func instantOf(t fataler, c *ics.GeneralComponent, name ics.ComponentProperty) int64 {
	t.Helper()
	at, err := time.Parse("20060102T150405Z", c.GetProperty(name).Value)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return at.Unix()
}

// available is what the VAVAILABILITY of a feed says, with its range.
func available(t fataler, c *ics.Calendar) (fromUnixS, toUnixS int64, open []timeline.Interval) {
	t.Helper()
	v := component("VAVAILABILITY", c.Components)
	if v == nil || v.GetProperty("BUSYTYPE").Value != "BUSY-UNAVAILABLE" || v.GetProperty("UID").Value == "" ||
		v.GetProperty("DTSTAMP").Value == "" {
		t.Fatalf("no VAVAILABILITY as RFC 7953 wants it: %v", v)
	}
	for _, sub := range v.Components {
		a := component("AVAILABLE", []ics.Component{sub})
		if a == nil || a.GetProperty("UID").Value == "" || a.GetProperty("DTSTAMP").Value == "" {
			t.Fatalf("%v within a VAVAILABILITY", sub)
		}
		open = append(open, timeline.Interval{OpenUnixS: instantOf(t, a, "DTSTART"), CloseUnixS: instantOf(t, a, "DTEND")})
	}
	return instantOf(t, v, "DTSTART"), instantOf(t, v, "DTEND"), open
}

func site(t fataler, spec timeline.Spec) *timeline.Timeline {
	t.Helper()
	tl, err := timeline.New(spec)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return tl
}

// weekly is open from nine to five, on the days from two days ago to 400 days ahead that are no multiple of seven.
func weekly() timeline.Spec {
	s := timeline.Spec{FromUnixS: midnight - 2*day, ToUnixS: midnight + 402*day, Rules: []string{"weekly hours, Mon 09:00-17:00"}}
	for d := int64(-2); d < 402; d++ {
		if d%7 != 0 {
			s.Intervals = append(s.Intervals, timeline.Interval{OpenUnixS: midnight + d*day + 9*hour, CloseUnixS: midnight + d*day + 17*hour})
		}
	}
	return s
}

func TestWindow(t *testing.T) {
	for _, c := range []struct {
		what                     string
		now, knownFrom, knownTo  int64
		wantFromDays, wantToDays int64
	}{
		{"all is known", noon, midnight - 100*day, midnight + 402*day, -7, 92},
		{"clipped to what is known", noon, midnight - 2*day, midnight + 30*day, -2, 30},
		{"the last second of a day", midnight + day - 1, midnight - 100*day, midnight + 402*day, -7, 92},
	} {
		from, to := feed.Window(c.now, c.knownFrom, c.knownTo)
		if from != midnight+c.wantFromDays*day || to != midnight+c.wantToDays*day {
			t.Errorf("%s: from %s to %s", c.what, stamp(from), stamp(to))
		}
	}
	if from, to := feed.Window(noon, midnight-50*day, midnight-40*day); from < to {
		t.Errorf("nothing is known, and the window is from %s to %s", stamp(from), stamp(to))
	}
}

func TestSite(t *testing.T) {
	text, err := feed.Site(head("sites/dublin", "Dublin"), site(t, weekly()))
	events, c := read(t, text, err)
	if len(events) != 94-14 || events[0] != "2026-11-20T09:00:00Z 2026-11-20T17:00:00Z Dublin open [OPEN]" {
		t.Errorf("%d events, the first %q", len(events), events[0])
	}
	if got := c.Events()[0].GetProperty(ics.ComponentPropertyDescription).Value; got != "weekly hours, Mon 09:00-17:00" {
		t.Errorf("description %q", got)
	}
	for name, want := range map[string]string{
		"VERSION": "2.0", "PRODID": "-//Dayside//Schedule feeds//EN", "NAME": "Dublin: open hours",
		"X-WR-CALNAME": "Dublin: open hours", "REFRESH-INTERVAL": "PT1H", "CALSCALE": "GREGORIAN",
	} {
		if got := property(c, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if !strings.Contains(string(text), "\r\nREFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n") {
		t.Error("REFRESH-INTERVAL does not say its type (RFC 7986, 5.7)")
	}
	from, to, open := available(t, c)
	if from != midnight-2*day || to != midnight+92*day || len(open) != len(events) {
		t.Errorf("available from %s to %s, %d times", stamp(from), stamp(to), len(open))
	}
}

// TestUIDsStay: the same opening is the same event on every day, also where the window has moved into it.
func TestUIDsStay(t *testing.T) {
	spec := weekly()
	spec.Intervals[1].OpenUnixS = midnight - day + hour // from 01:00 on
	uids := func(h feed.Head) map[string]string {
		text, err := feed.Site(h, site(t, spec))
		_, c := read(t, text, err)
		ids := map[string]string{}
		for _, e := range c.Events() {
			to, err := e.GetEndAt()
			if err != nil {
				t.Fatal(err)
			}
			ids[stamp(to.Unix())] = e.Id()
		}
		return ids
	}
	before := uids(head("sites/dublin", "Dublin"))
	moved := head("sites/dublin", "Dublin")
	moved.FromUnixS += day + 10*hour
	moved.ToUnixS += day
	after := uids(moved)
	same := 0
	for end, id := range after {
		if was, there := before[end]; there && was != id {
			t.Errorf("what ends at %s was %s and is %s", end, was, id)
		} else if there {
			same++
		}
	}
	if same != 80-1 || before[stamp(midnight-day+17*hour)] != "sites.dublin.open.1795280400@dayside" {
		t.Errorf("%d stayed, %q", same, before[stamp(midnight-day+17*hour)])
	}
}

func TestAlwaysOpenAndNeverOpen(t *testing.T) {
	spec := weekly()
	spec.Intervals = []timeline.Interval{{OpenUnixS: spec.FromUnixS, CloseUnixS: spec.ToUnixS}}
	text, err := feed.Site(head("sites/hq", ""), site(t, spec))
	events, c := read(t, text, err)
	if want := "2026-11-20T00:00:00Z 2027-02-22T00:00:00Z hq open [OPEN]"; len(events) != 1 || events[0] != want ||
		c.Events()[0].Id() != "sites.hq.open.later@dayside" {
		t.Errorf("got %q, %s", events, c.Events()[0].Id())
	}
	spec.Intervals = nil
	text, err = feed.Site(head("sites/hq", "HQ"), site(t, spec))
	events, c = read(t, text, err)
	if _, _, open := available(t, c); len(events) != 0 || len(open) != 0 {
		t.Errorf("closed for ever: %q, %v", events, open)
	}
	// A calendar without a component is none (RFC 5545, 3.6).
	text, err = feed.Person(head("people/ann", "Ann"), nil)
	events, c = read(t, text, err)
	if len(events) != 0 || len(c.Components) != 1 {
		t.Errorf("nothing to do: %q\n%s", events, text)
	}
}

func TestLine(t *testing.T) {
	at := func(h int64) int64 { return midnight + h*hour }
	text, err := feed.Line(head("lines/gold", "Gold"), []feed.Period{
		{FromUnixS: at(0), ToUnixS: at(3), Sites: []string{"Sydney"}},
		{FromUnixS: at(3), ToUnixS: at(4), Sites: []string{"Sydney", "Bengaluru", "Dublin", "Denver", "Manila"}},
		{FromUnixS: at(4), ToUnixS: at(5), Gap: schedulev1.CoverageGap_KIND_PLANNED, OnDuty: []string{"Ann Lee", "Bo"}},
		{FromUnixS: at(5), ToUnixS: at(6), Gap: schedulev1.CoverageGap_KIND_INTENDED},
		{FromUnixS: at(6), ToUnixS: at(7), Gap: schedulev1.CoverageGap_KIND_UNCOVERED},
		{FromUnixS: at(7), ToUnixS: at(92 * 24), Sites: []string{"Dublin"}},
	})
	events, c := read(t, text, err)
	want := []string{
		"2026-11-22T00:00:00Z 2026-11-22T03:00:00Z Sydney [OPEN]",
		"2026-11-22T03:00:00Z 2026-11-22T04:00:00Z Sydney, Bengaluru, Dublin and 2 more [OPEN]",
		"2026-11-22T04:00:00Z 2026-11-22T05:00:00Z On duty: Ann Lee, Bo [PLANNED]",
		"2026-11-22T06:00:00Z 2026-11-22T07:00:00Z UNCOVERED [UNCOVERED]",
		"2026-11-22T07:00:00Z 2027-02-22T00:00:00Z Dublin [OPEN]",
	}
	if !slices.Equal(events, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(events, "\n"), strings.Join(want, "\n"))
	}
	if got := c.Events()[1].GetProperty(ics.ComponentPropertyDescription).Value; got != "Open: Sydney, Bengaluru, Dublin, Denver, Manila" {
		t.Errorf("description %q", got)
	}
	for i, urgent := range []bool{false, false, false, true, false} {
		if p := c.Events()[i].GetProperty(ics.ComponentPropertyPriority); (p != nil && p.Value == "1") != urgent {
			t.Errorf("event %d: priority %v", i, p)
		}
	}
}

func TestRotaAndPerson(t *testing.T) {
	turns := []feed.Turn{
		{FromUnixS: midnight, ToUnixS: midnight + day, Person: "Ann Lee"},
		{FromUnixS: midnight + day, ToUnixS: midnight + 2*day},
		{FromUnixS: midnight + 2*day, ToUnixS: midnight + 92*day, Person: "Bo"},
	}
	text, err := feed.Rota(head("rotas/nights", "Nights"), turns)
	events, _ := read(t, text, err)
	if want := []string{
		"2026-11-22T00:00:00Z 2026-11-23T00:00:00Z Ann Lee [DUTY]",
		"2026-11-23T00:00:00Z 2026-11-24T00:00:00Z Nobody on duty [NOBODY]",
		"2026-11-24T00:00:00Z 2027-02-22T00:00:00Z Bo [DUTY]",
	}; !slices.Equal(events, want) {
		t.Errorf("rota: %q", events)
	}
	// Two rotas may have the same person for the same time: two events.
	text, err = feed.Person(head("people/ann", "Ann Lee"), []feed.Duty{
		{Rota: "rotas/nights", DisplayName: "Nights", Turns: turns[:1]},
		{Rota: "rotas/emea", Turns: []feed.Turn{turns[0], {FromUnixS: midnight - day, ToUnixS: midnight}}},
	})
	events, c := read(t, text, err)
	if want := []string{
		"2026-11-21T00:00:00Z 2026-11-22T00:00:00Z On duty: emea [DUTY]",
		"2026-11-22T00:00:00Z 2026-11-23T00:00:00Z On duty: Nights [DUTY]",
		"2026-11-22T00:00:00Z 2026-11-23T00:00:00Z On duty: emea [DUTY]",
	}; !slices.Equal(events, want) || property(c, "NAME") != "Ann Lee: on duty" {
		t.Errorf("person: %q, %q", events, property(c, "NAME"))
	}
}

// TestTooMuchIsCutAndSaid: what would be too large shows its beginning, and says where it ends.
func TestTooMuchIsCutAndSaid(t *testing.T) {
	for _, c := range []struct {
		what, name, rule string
		least, most      int
	}{
		{"short texts", "Dublin", "weekly hours", 3000, 3000},
		{"long texts", strings.Repeat("😀", 200), strings.Repeat("ü", 250), 1900, 2100},
		{"texts that grow by escaping", strings.Repeat(";", 400), strings.Repeat(",", 400), 1000, 1300},
	} {
		spec := timeline.Spec{FromUnixS: midnight - 2*day, ToUnixS: midnight + 402*day, Rules: []string{c.rule}}
		for at := spec.FromUnixS; at < spec.ToUnixS-1800; at += 1800 {
			spec.Intervals = append(spec.Intervals, timeline.Interval{OpenUnixS: at, CloseUnixS: at + 900})
		}
		text, err := feed.Site(head("sites/dublin", c.name), site(t, spec))
		events, calendar := read(t, text, err)
		from, to, open := available(t, calendar)
		n := len(events)
		if n < c.least || n > c.most || len(open) != n || from != midnight-2*day || to != spec.Intervals[n].OpenUnixS {
			t.Errorf("%s: %d events, available %d times until %s", c.what, n, len(open), stamp(to))
		}
		until := time.Unix(to, 0).UTC().Format("20060102T150405Z")
		if got := property(calendar, "DESCRIPTION"); !strings.Contains(got, "Only until "+until) {
			t.Errorf("%s: it does not say so: %q", c.what, got)
		}
		if len(text) > 3<<20 {
			t.Errorf("%s: %d bytes", c.what, len(text))
		}
	}
}

// TestOpeningsReadBackEqualTheTimeline: whatever the hours, both readers see what the timeline says of the window.
func TestOpeningsReadBackEqualTheTimeline(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := timeline.Spec{FromUnixS: midnight - 2*day, Rules: []string{"a, b; c", `d\n`}}
		s.ToUnixS = midnight + rapid.Int64Range(1, 120).Draw(t, "days")*day
		at := s.FromUnixS - 1
		for range rapid.IntRange(0, 100).Draw(t, "intervals") {
			open := at + rapid.OneOf(rapid.Int64Range(1, 3*hour), rapid.Int64Range(1, 3*day)).Draw(t, "closed")
			at = open + rapid.OneOf(rapid.Int64Range(1, 3*hour), rapid.Int64Range(1, 2*day)).Draw(t, "open")
			if at > s.ToUnixS {
				break
			}
			s.Intervals = append(s.Intervals, timeline.Interval{OpenUnixS: open, CloseUnixS: at, Rule: rapid.Uint32Range(0, 1).Draw(t, "rule")})
		}
		tl := site(t, s)
		h := head("sites/x", "X")
		h.FromUnixS, h.ToUnixS = feed.Window(noon, s.FromUnixS, s.ToUnixS)
		text, err := feed.Site(h, tl)
		events, c := read(t, text, err)
		from, to, open := available(t, c)
		if from != h.FromUnixS || to != h.ToUnixS {
			t.Fatalf("available from %s to %s", stamp(from), stamp(to))
		}
		i := 0
		for iv := range tl.Within(h.FromUnixS, h.ToUnixS) {
			if i >= len(events) || i >= len(open) || open[i].OpenUnixS != iv.OpenUnixS || open[i].CloseUnixS != iv.CloseUnixS ||
				events[i] != stamp(iv.OpenUnixS)+" "+stamp(iv.CloseUnixS)+" X open [OPEN]" {
				t.Fatalf("opening %d, %s to %s, is not in the feed:\n%s", i, stamp(iv.OpenUnixS), stamp(iv.CloseUnixS), text)
			}
			i++
		}
		if i != len(events) || i != len(open) {
			t.Fatalf("%d openings, %d events, available %d times", i, len(events), len(open))
		}
	})
}

// BenchmarkSite is the feed of a site with a lunch break.
func BenchmarkSite(b *testing.B) {
	spec := weekly()
	var halves []timeline.Interval
	for _, iv := range spec.Intervals {
		halves = append(halves, timeline.Interval{OpenUnixS: iv.OpenUnixS, CloseUnixS: iv.OpenUnixS + 3*hour},
			timeline.Interval{OpenUnixS: iv.OpenUnixS + 4*hour, CloseUnixS: iv.CloseUnixS})
	}
	spec.Intervals = halves
	tl, err := timeline.New(spec)
	if err != nil {
		b.Fatal(err)
	}
	bytes := 0
	for b.Loop() {
		text, err := feed.Site(head("sites/dublin", "Dublin"), tl)
		if err != nil {
			b.Fatal(err)
		}
		bytes = len(text)
	}
	b.ReportMetric(float64(bytes), "bytes/file")
}
