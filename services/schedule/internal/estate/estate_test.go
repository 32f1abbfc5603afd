package estate_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/timeofday"
	"google.golang.org/protobuf/proto"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
	"github.com/daysidehq/dayside/services/schedule/internal/estate"
)

// monday is the first instant of a week in UTC.
var monday = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

func span(fromH, toH int32) []*schedulev1.Span {
	return []*schedulev1.Span{{Open: &timeofday.TimeOfDay{Hours: fromH}, Close: &timeofday.TimeOfDay{Hours: toH}}}
}

// example is a line with a site that uses a calendar, and a rota of two people, one of whom uses the calendar too.
func example() *estate.Estate {
	e := estate.New()
	e.Put(&schedulev1.Calendar{Name: "calendars/company", DisplayName: "Company", Entries: []*schedulev1.CalendarEntry{{
		Date: &date.Date{Year: 2026, Month: 11, Day: 24}, Verdict: schedulev1.CalendarEntry_VERDICT_CLOSED,
	}}})
	e.Put(&schedulev1.Calendar{Name: "calendars/other", DisplayName: "Other"})
	e.Put(&schedulev1.Site{
		Name: "sites/dublin", DisplayName: "Dublin", TimeZone: "Europe/Dublin", Calendars: []string{"calendars/company"},
		WeeklyHours: &schedulev1.WeeklyHours{Mon: span(9, 17), Tue: span(9, 17)},
		Targets:     []*schedulev1.Target{{Address: &schedulev1.Target_SipUri{SipUri: "sip:support@dublin.example.com"}}},
	})
	e.Put(&schedulev1.Person{Name: "people/anna", DisplayName: "Anna", Calendars: []string{"calendars/company"}})
	e.Put(&schedulev1.Person{Name: "people/bob", DisplayName: "Bob"})
	e.Put(&schedulev1.Rota{
		Name: "rotas/nights", DisplayName: "Nights", TimeZone: "UTC", Layers: []*schedulev1.RotaLayer{{
			Start: "2026-11-23T00:00", Unit: schedulev1.TurnUnit_TURN_UNIT_WEEK, Members: []string{"people/anna", "", "people/bob"},
		}},
	})
	e.Put(&schedulev1.LineCoverage{Line: "lines/gold", Sites: []string{"sites/dublin"}, Rotas: []string{"rotas/nights"}})
	return e
}

func TestWhatAChangeReaches(t *testing.T) {
	e := example()
	for _, c := range []struct {
		changed string
		want    []string
	}{
		{"calendars/company", []string{"calendars/company", "lines/gold", "people/anna", "rotas/nights", "sites/dublin"}},
		{"calendars/other", []string{"calendars/other"}},
		{"people/bob", []string{"lines/gold", "people/bob", "rotas/nights"}},
		{"sites/dublin", []string{"lines/gold", "sites/dublin"}},
		{"lines/gold", []string{"lines/gold"}},
		{"sites/nowhere", []string{"sites/nowhere"}},
	} {
		if got := e.Affected([]string{c.changed}); !slices.Equal(got, c.want) {
			t.Errorf("%s reaches %q, want %q", c.changed, got, c.want)
		}
	}
}

// TestUsersAndReferencesAgree: what is found from one end is found from the other.
func TestUsersAndReferencesAgree(t *testing.T) {
	e := example()
	e.Put(&schedulev1.LineCoverage{Line: "lines/day", ServiceHours: &schedulev1.ServiceHours{
		TimeZone: "UTC", Calendars: []string{"calendars/other"},
	}})
	names := []string{
		"calendars/company", "calendars/other", "sites/dublin", "people/anna", "people/bob", "rotas/nights", "lines/gold",
		"lines/day",
	}
	for _, name := range names {
		var want []string
		for _, user := range names {
			if slices.ContainsFunc(estate.References(e.Get(user)), func(r estate.Reference) bool { return r.Name == name }) {
				want = append(want, user)
			}
		}
		slices.Sort(want)
		if got := e.Users(map[string]bool{name: true}); !slices.Equal(got, want) {
			t.Errorf("%s is used by %q, want %q", name, got, want)
		}
	}
}

func TestMissingNamesTheField(t *testing.T) {
	e := example()
	if missing := e.Missing(e.Rotas["rotas/nights"]); len(missing) != 0 {
		t.Errorf("an empty turn refers to nobody: %v", missing)
	}
	e.Delete("people/bob")
	missing := e.Missing(e.Rotas["rotas/nights"])
	if len(missing) != 1 || missing[0].Field != "layers[0].members[2]" || missing[0].Value != "people/bob" {
		t.Errorf("missing %v", missing)
	}
	if e.Has("people/bob") || e.Delete("people/bob") || e.Get("nothing/of-the-kind") != nil {
		t.Error("what was deleted is still there")
	}
}

// TestCloneKeepsTheOriginal: a draft does not change what it was made from.
func TestCloneKeepsTheOriginal(t *testing.T) {
	e := example()
	c := e.Clone()
	c.Delete("sites/dublin")
	c.Put(&schedulev1.LineCoverage{Line: "lines/gold"})
	if !e.Has("sites/dublin") || len(e.Lines["lines/gold"].GetSites()) != 1 {
		t.Error("the original changed with its clone")
	}
}

// TestImpactOfACalendar: one that no longer closes Tuesday opens the site, and gives Anna her Tuesday.
func TestImpactOfACalendar(t *testing.T) {
	rules := zonestest.Embedded(t)
	from, to := monday.Unix(), monday.AddDate(0, 0, 7).Unix()
	c := estate.NewCompiler(rules, from, to)
	before := example()
	after := before.Clone()
	after.Put(&schedulev1.Calendar{Name: "calendars/company", DisplayName: "Company"})
	impact, err := estate.Impact(estate.Side{Estate: before, Compiler: c}, estate.Side{Estate: after, Compiler: c},
		after.Affected([]string{"calendars/company"}), from, to)
	if err != nil {
		t.Fatal(err)
	}
	if len(impact.GetSites()) != 1 || len(impact.GetSites()[0].GetOpenings()) != 1 ||
		impact.GetSites()[0].GetOpenings()[0].GetBefore() != nil ||
		!impact.GetSites()[0].GetOpenings()[0].GetAfter().GetStartTime().AsTime().Equal(monday.Add(33*time.Hour)) {
		t.Errorf("sites: %v", impact.GetSites())
	}
	if len(impact.GetLines()) != 1 || len(impact.GetLines()[0].GetHandovers()) != 2 || impact.GetLines()[0].GetCreated() {
		t.Errorf("lines: %v", impact.GetLines())
	}
	// Bob covers for Anna on the day that is closed.
	rota, err := c.Rota(before, before.Rotas["rotas/nights"])
	if err != nil {
		t.Fatal(err)
	}
	if got := rota.Roster.At(monday.Add(30 * time.Hour).Unix()).Person; got != "people/bob" && got != "bob" {
		t.Errorf("on Tuesday %q is on duty, want Bob", got)
	}
	// The same again is nothing.
	impact, err = estate.Impact(estate.Side{Estate: after, Compiler: c}, estate.Side{Estate: after.Clone(), Compiler: c},
		[]string{"sites/dublin", "lines/gold", "lines/none"}, from, to)
	if err != nil || len(impact.GetSites())+len(impact.GetLines()) != 0 {
		t.Errorf("no change: %v, %v", impact, err)
	}
}

// TestACompilerDoesNotMixUpEstates: the same site with another version of its calendar is another thing.
func TestACompilerDoesNotMixUpEstates(t *testing.T) {
	rules := zonestest.Embedded(t)
	c := estate.NewCompiler(rules, monday.Unix(), monday.AddDate(0, 0, 7).Unix())
	e := example()
	closed, err := c.Site(e, e.Sites["sites/dublin"])
	if err != nil {
		t.Fatal(err)
	}
	e = e.Clone()
	e.Put(&schedulev1.Calendar{Name: "calendars/company", DisplayName: "Company"})
	open, err := c.Site(e, e.Sites["sites/dublin"])
	if err != nil {
		t.Fatal(err)
	}
	tuesday := monday.Add(34 * time.Hour).Unix()
	if closed.Timeline.At(tuesday).Open || !open.Timeline.At(tuesday).Open {
		t.Error("the two versions compile to the same")
	}
}

// TestTrimTellsWhatItLeavesOut: whatever is too much is counted, and the rest stays.
func TestTrimTellsWhatItLeavesOut(t *testing.T) {
	impact := &schedulev1.Impact{}
	for range 3 {
		l := &schedulev1.LineImpact{Line: "lines/gold", MoreHandovers: 1}
		for range 100 {
			l.Handovers = append(l.Handovers, &schedulev1.HandoverChange{FromSites: []string{"sites/dublin"}})
			l.GapsCreated = append(l.GapsCreated, &schedulev1.CoverageGap{OnDuty: []string{"people/anna"}})
		}
		s := &schedulev1.SiteImpact{Site: "sites/dublin"}
		for range 100 {
			s.Openings = append(s.Openings, &schedulev1.OpeningChange{})
		}
		impact.Lines, impact.Sites = append(impact.Lines, l), append(impact.Sites, s)
	}
	size := proto.Size(impact.GetLines()[0])
	estate.Trim(impact, size+size*11/20)
	first, second, third := impact.GetLines()[0], impact.GetLines()[1], impact.GetLines()[2]
	if len(first.GetHandovers()) != 100 || first.GetMoreHandovers() != 1 {
		t.Error("what fits was left out")
	}
	if len(second.GetHandovers()) != 0 || second.GetMoreHandovers() != 101 || len(second.GetGapsCreated()) != 100 {
		t.Errorf("of the second %d handovers and %d more, %d gaps; want its gaps alone", len(second.GetHandovers()),
			second.GetMoreHandovers(), len(second.GetGapsCreated()))
	}
	if len(third.GetGapsCreated()) != 0 || third.GetMoreGaps() != 100 {
		t.Errorf("of the third %d gaps and %d more", len(third.GetGapsCreated()), third.GetMoreGaps())
	}
	if s := impact.GetSites()[2]; len(s.GetOpenings()) != 0 || s.GetMoreOpenings() != 100 {
		t.Errorf("of the last site %d openings and %d more", len(s.GetOpenings()), s.GetMoreOpenings())
	}
}

// A plan compiles copies of what it is given, one after the other, and keeps none of them: where one was, the next one may
// come to lie. It is not taken for the one before.
func TestCompilerTellsApartWhatItNoLongerSees(t *testing.T) {
	bundle := zonestest.Embedded(t)
	e := example()
	c := estate.NewCompiler(bundle, monday.Unix(), monday.Unix()+86400)
	for i := range 300 {
		site := proto.CloneOf(e.Sites["sites/dublin"])
		site.Name, site.Calendars = fmt.Sprintf("sites/site-%d", i), nil
		done, err := c.Site(e, site)
		if err != nil {
			t.Fatal(err)
		}
		if "sites/"+done.Record.GetId() != site.GetName() {
			t.Fatalf("%s compiles to the record of %s", site.GetName(), done.Record.GetId())
		}
		rota := proto.CloneOf(e.Rotas["rotas/nights"])
		rota.Name = fmt.Sprintf("rotas/rota-%d", i)
		on, err := c.Rota(e, rota)
		if err != nil {
			t.Fatal(err)
		}
		if "rotas/"+on.Record.GetId() != rota.GetName() {
			t.Fatalf("%s compiles to the record of %s", rota.GetName(), on.Record.GetId())
		}
		if i%20 == 0 {
			runtime.GC()
		}
	}
}

// What was written once, and cannot be compiled any more, can be put right: it counts as never open before.
func TestImpactOfPuttingRight(t *testing.T) {
	bundle := zonestest.Embedded(t)
	before := example()
	for _, broken := range []proto.Message{before.Sites["sites/dublin"], before.Rotas["rotas/nights"]} {
		wrong := proto.Clone(broken)
		switch m := wrong.(type) {
		case *schedulev1.Site:
			m.TimeZone = "Mars/Olympus"
		case *schedulev1.Rota:
			m.TimeZone = "Mars/Olympus"
		}
		before.Put(wrong)
	}
	c := estate.NewCompiler(bundle, monday.Unix(), monday.Unix()+7*86400)
	names := []string{"lines/gold", "sites/dublin"}
	impact, err := estate.Impact(estate.Side{Estate: before, Compiler: c}, estate.Side{Estate: example(), Compiler: c}, names,
		monday.Unix(), monday.Unix()+7*86400)
	if err != nil || len(impact.GetSites()) != 1 || len(impact.GetLines()) != 1 || len(impact.GetLines()[0].GetGapsCreated()) > 0 {
		t.Errorf("got %v, %v", impact, err)
	}
	if _, err := estate.Impact(estate.Side{Estate: example(), Compiler: c}, estate.Side{Estate: before, Compiler: c}, names,
		monday.Unix(), monday.Unix()+7*86400); err == nil || !strings.Contains(err.Error(), "sites/dublin") {
		t.Errorf("what cannot be compiled is taken, or not named: %v", err)
	}
}
