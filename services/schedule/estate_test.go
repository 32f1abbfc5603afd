package schedule_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/roster"
	"github.com/daysidehq/dayside/services/internal/timeline"
	"github.com/daysidehq/dayside/services/schedule"
)

// closed is a calendar that closes one date.
func closed(id string, y, m, d int32) *schedulev1.Calendar {
	return &schedulev1.Calendar{
		Name: "calendars/" + id, DisplayName: id, Entries: []*schedulev1.CalendarEntry{{
			Date: &date.Date{Year: y, Month: m, Day: d}, Verdict: schedulev1.CalendarEntry_VERDICT_CLOSED, DisplayName: "Company day",
		}},
	}
}

func (w world) calendar(t *testing.T, c *schedulev1.Calendar) *schedulev1.Calendar {
	t.Helper()
	made, err := w.calendars.CreateCalendar(t.Context(), &schedulev1.CreateCalendarRequest{Calendar: c})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// people creates persons, each with a target, unless their ID ends in "-unreachable".
func (w world) people(t *testing.T, ids ...string) {
	t.Helper()
	for _, id := range ids {
		p := &schedulev1.Person{Name: "people/" + id, DisplayName: id}
		if !strings.HasSuffix(id, "-unreachable") {
			p.Targets = []*schedulev1.Target{{Address: &schedulev1.Target_SipUri{SipUri: "sip:" + id + "@duty.example.com"}}}
		}
		if _, err := w.rotas.CreatePerson(t.Context(), &schedulev1.CreatePersonRequest{Person: p}); err != nil {
			t.Fatal(err)
		}
	}
}

// weekly is a rota of weekly turns from Monday, 16 November 2026, at nine in Dublin.
func weekly(id string, members ...string) *schedulev1.Rota {
	layer := &schedulev1.RotaLayer{Start: "2026-11-16T09:00", Unit: schedulev1.TurnUnit_TURN_UNIT_WEEK}
	for _, m := range members {
		layer.Members = append(layer.Members, "people/"+m)
	}
	return &schedulev1.Rota{
		Name: "rotas/" + id, DisplayName: id, TimeZone: "Europe/Dublin", Layers: []*schedulev1.RotaLayer{layer},
	}
}

func (w world) rota(t *testing.T, r *schedulev1.Rota) *schedulev1.Rota {
	t.Helper()
	made, err := w.rotas.CreateRota(t.Context(), &schedulev1.CreateRotaRequest{Rota: r})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// lineOf publishes a line as routing would.
func (w world) lineOf(t *testing.T, l *publishedv1.Line) {
	t.Helper()
	value, err := published.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.etcd.Commit(t.Context(), nil, []*rpcv1.Write{put(published.LinePrefix+l.GetId(), value)}); err != nil {
		t.Fatal(err)
	}
}

// roster is what is published of a rota.
func (w world) roster(t *testing.T, id string) *roster.Roster {
	t.Helper()
	e, err := w.etcd.Get(t.Context(), published.RotaPrefix+id)
	if err != nil {
		t.Fatal(err)
	}
	p, err := published.Rota(e.Value)
	if err != nil {
		t.Fatal(err)
	}
	r, err := roster.FromProto(p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (w world) openAt(t *testing.T, id string, at time.Time) bool {
	t.Helper()
	p, _ := w.record(t, id)
	tl, err := timeline.FromProto(p.GetTimeline())
	if err != nil {
		t.Fatal(err)
	}
	return tl.At(at.Unix()).Open
}

func at(t *testing.T, text string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestACalendarClosesTheSitesThatUseIt: with its creation, with each change, and no longer once it says nothing.
func TestACalendarClosesTheSitesThatUseIt(t *testing.T) {
	w := newWorld(t)
	w.calendar(t, closed("company", 2026, 12, 1)) // a Tuesday
	dublin := site("dublin", "Europe/Dublin")
	dublin.Calendars = []string{"calendars/company"}
	w.create(t, dublin)
	w.create(t, site("sydney", "Australia/Sydney"))
	noon := at(t, "2026-12-01T12:00:00Z")
	if w.openAt(t, "dublin", noon) || !w.openAt(t, "dublin", noon.Add(day)) {
		t.Error("dublin is open on the company's day, or closed on the day after")
	}
	if _, err := w.calendars.UpdateCalendar(t.Context(), &schedulev1.UpdateCalendarRequest{
		Calendar: closed("company", 2026, 12, 2),
	}); err != nil {
		t.Fatal(err)
	}
	if !w.openAt(t, "dublin", noon) || w.openAt(t, "dublin", noon.Add(day)) {
		t.Error("dublin did not follow its calendar")
	}
	why, err := w.ExplainSite(t.Context(), &schedulev1.ExplainSiteRequest{Name: "sites/dublin", At: stamp(noon.Add(day))})
	if err != nil || why.GetRuleKind() != schedulev1.HoursRule_HOURS_RULE_CALENDAR ||
		!strings.Contains(why.GetSentence(), "Company day") {
		t.Errorf("%v, %v", why, err)
	}
}

func TestReferencesAreKeptWhole(t *testing.T) {
	w := newWorld(t)
	dublin := site("dublin", "Europe/Dublin")
	dublin.Calendars = []string{"calendars/company"}
	_, err := w.CreateSite(t.Context(), &schedulev1.CreateSiteRequest{Site: dublin})
	wantReason(t, "a calendar that is not there", err, rpcv1.Reason_REASON_MISSING_REFERENCE)
	_, err = w.rotas.CreateRota(t.Context(), &schedulev1.CreateRotaRequest{Rota: weekly("nights", "anna")})
	wantReason(t, "a person who is not there", err, rpcv1.Reason_REASON_MISSING_REFERENCE)

	w.calendar(t, closed("company", 2026, 12, 1))
	w.create(t, dublin)
	w.people(t, "anna")
	w.rota(t, weekly("nights", "anna"))
	w.lineOf(t, &publishedv1.Line{Id: "gold", Sites: []string{"dublin"}, Rotas: []string{"nights"}})
	_, err = w.calendars.DeleteCalendar(t.Context(), &schedulev1.DeleteCalendarRequest{Name: "calendars/company"})
	wantReason(t, "a calendar of a site", err, rpcv1.Reason_REASON_IN_USE)
	_, err = w.rotas.DeletePerson(t.Context(), &schedulev1.DeletePersonRequest{Name: "people/anna"})
	wantReason(t, "a person of a rota", err, rpcv1.Reason_REASON_IN_USE)
	_, err = w.rotas.DeleteRota(t.Context(), &schedulev1.DeleteRotaRequest{Name: "rotas/nights"})
	wantReason(t, "a rota of a line", err, rpcv1.Reason_REASON_IN_USE)

	// All at once is another matter: a plan is judged by what stands afterwards.
	_, err = w.plans.PlanSchedule(t.Context(), &schedulev1.PlanScheduleRequest{
		Delete: []string{"people/anna"}, AllowGap: true,
	})
	wantReason(t, "a person whose rota stays", err, rpcv1.Reason_REASON_IN_USE)
	if _, err = w.plans.PlanSchedule(t.Context(), &schedulev1.PlanScheduleRequest{
		Delete:   []string{"people/anna", "rotas/nights"},
		Lines:    []*schedulev1.LineCoverage{{Line: "lines/gold", Sites: []string{"sites/dublin"}}},
		AllowGap: true,
	}); err != nil {
		t.Errorf("a rota that its line leaves: %v", err)
	}
}

// TestAnUncoveredGapIsRefused: a site that closes, a calendar, a person's leave and a rota, each on a line that is served
// all the time by Dublin in its hours and by a rota in all others.
func TestAnUncoveredGapIsRefused(t *testing.T) {
	w := newWorld(t)
	w.calendar(t, closed("company", 2030, 1, 1))
	dublin := site("dublin", "Europe/Dublin")
	dublin.Calendars = []string{"calendars/company"}
	w.create(t, dublin)
	w.people(t, "anna", "bob")
	rota := weekly("nights", "anna", "bob")
	// From nine to five nobody is on duty: the site is open.
	rota.Layers[0].Restrictions = &schedulev1.WeeklyHours{}
	for _, spans := range []*[]*schedulev1.Span{
		&rota.Layers[0].Restrictions.Mon, &rota.Layers[0].Restrictions.Tue, &rota.Layers[0].Restrictions.Wed,
		&rota.Layers[0].Restrictions.Thu, &rota.Layers[0].Restrictions.Fri,
	} {
		*spans = []*schedulev1.Span{span(0, 9), span(17, 24)}
	}
	rota.Layers[0].Restrictions.Sat = []*schedulev1.Span{span(0, 24)}
	rota.Layers[0].Restrictions.Sun = []*schedulev1.Span{span(0, 24)}
	w.rota(t, rota)
	w.lineOf(t, &publishedv1.Line{Id: "gold", Sites: []string{"dublin"}, Rotas: []string{"nights"}})

	// It has a gap already: Christmas Eve, after twelve. That is nobody's doing here.
	shorter := site("dublin", "Europe/Dublin")
	shorter.Calendars = dublin.Calendars
	shorter.WeeklyHours.Wed = []*schedulev1.Span{span(9, 16)}
	_, err := w.UpdateSite(t.Context(), &schedulev1.UpdateSiteRequest{Site: shorter})
	wantReason(t, "an hour less on Wednesdays", err, rpcv1.Reason_REASON_COVERAGE_GAP)
	if err == nil || !strings.Contains(err.Error(), "lines/gold") || !strings.Contains(err.Error(), "2026-11-25") {
		t.Errorf("the refusal does not name line and date: %v", err)
	}
	if _, err := w.UpdateSite(t.Context(), &schedulev1.UpdateSiteRequest{Site: shorter, AllowGap: true}); err != nil {
		t.Errorf("with allow_gap: %v", err)
	}
	_, err = w.calendars.UpdateCalendar(t.Context(), &schedulev1.UpdateCalendarRequest{Calendar: closed("company", 2026, 12, 1)})
	wantReason(t, "a calendar that closes a Tuesday", err, rpcv1.Reason_REASON_COVERAGE_GAP)

	leave := func(id string) error {
		_, err := w.rotas.UpdatePerson(t.Context(), &schedulev1.UpdatePersonRequest{Person: &schedulev1.Person{
			Name: "people/" + id, Absences: []*schedulev1.Absence{{FirstDate: &date.Date{Year: 2026, Month: 12, Day: 5}}},
		}})
		return err
	}
	if err := leave("anna"); err != nil {
		t.Errorf("bob is there while anna is on leave: %v", err)
	}
	wantReason(t, "leave of both", leave("bob"), rpcv1.Reason_REASON_COVERAGE_GAP)
	late := weekly("nights", "anna", "bob")
	late.Layers[0].Start = "2026-11-30T09:00"
	_, err = w.rotas.UpdateRota(t.Context(), &schedulev1.UpdateRotaRequest{Rota: late})
	wantReason(t, "a rota that begins a week later", err, rpcv1.Reason_REASON_COVERAGE_GAP)

	// Nothing of what was refused was written.
	if r := w.roster(t, "nights"); r.At(at(t, "2026-11-24T22:00:00Z").Unix()).Person == nil {
		t.Error("the refused rota is in force")
	}
	// A new line's gaps are told, and never refused: it takes nothing away.
	planned, err := w.plans.PlanSchedule(t.Context(), &schedulev1.PlanScheduleRequest{
		Lines: []*schedulev1.LineCoverage{{Line: "lines/new", Sites: []string{"sites/dublin"}}},
	})
	if err != nil || len(planned.GetImpact().GetLines()) != 1 || !planned.GetImpact().GetLines()[0].GetCreated() ||
		len(planned.GetImpact().GetLines()[0].GetGapsCreated()) == 0 {
		t.Errorf("a new line: %v, %v", planned.GetImpact(), err)
	}
	// A line that leaves its rota is another matter; one that is meant to be closed then has no gap.
	leaves := &schedulev1.LineCoverage{Line: "lines/gold", Sites: []string{"sites/dublin"}}
	_, err = w.plans.PlanSchedule(t.Context(), &schedulev1.PlanScheduleRequest{Lines: []*schedulev1.LineCoverage{leaves}})
	wantReason(t, "a line without its rota", err, rpcv1.Reason_REASON_COVERAGE_GAP)
	leaves.ServiceHours = &schedulev1.ServiceHours{TimeZone: "Europe/Dublin", WeeklyHours: &schedulev1.WeeklyHours{
		Mon: []*schedulev1.Span{span(9, 17)},
	}}
	if _, err = w.plans.PlanSchedule(t.Context(), &schedulev1.PlanScheduleRequest{
		Lines: []*schedulev1.LineCoverage{leaves},
	}); err != nil {
		t.Errorf("a line that is meant for Mondays: %v", err)
	}
}

// TestASiteThatCannotServeALineIsNoCoverageOfIt: calls pass it by, however open it is.
func TestASiteThatCannotServeALineIsNoCoverageOfIt(t *testing.T) {
	w := newWorld(t)
	w.create(t, site("dublin", "Europe/Dublin"))
	w.lineOf(t, &publishedv1.Line{Id: "gold", Sites: []string{"dublin"}, Product: "db", Language: "de-AT"})
	skilled := func(products, languages []string) error {
		s := site("dublin", "Europe/Dublin")
		s.Products, s.Languages = products, languages
		_, err := w.UpdateSite(t.Context(), &schedulev1.UpdateSiteRequest{Site: s})
		return err
	}
	if err := skilled([]string{"web", "db"}, []string{"en", "de"}); err != nil {
		t.Errorf("with the line's product and language: %v", err)
	}
	wantReason(t, "without the product", skilled([]string{"web"}, nil), rpcv1.Reason_REASON_COVERAGE_GAP)
	wantReason(t, "without the language", skilled(nil, []string{"en"}), rpcv1.Reason_REASON_COVERAGE_GAP)
	if err := skilled(nil, nil); err != nil {
		t.Errorf("with every product and language: %v", err)
	}
}

// TestAWriteMadeFromWhatChangedMeanwhileLoses: a site compiled with a calendar that is not the present one any more.
func TestAWriteMadeFromWhatChangedMeanwhileLoses(t *testing.T) {
	w := newWorld(t)
	w.calendar(t, closed("company", 2026, 12, 1))
	dublin := site("dublin", "Europe/Dublin")
	dublin.Calendars = []string{"calendars/company"}
	plan, err := w.plans.PlanSchedule(t.Context(), &schedulev1.PlanScheduleRequest{Sites: []*schedulev1.Site{dublin}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.calendars.UpdateCalendar(t.Context(), &schedulev1.UpdateCalendarRequest{
		Calendar: closed("company", 2026, 12, 2),
	}); err != nil {
		t.Fatal(err)
	}
	_, err = w.etcd.Commit(t.Context(), plan.GetPlan().GetConditions(), plan.GetPlan().GetWrites())
	wantReason(t, "a site compiled with the old calendar", err, rpcv1.Reason_REASON_CONFLICT)
}

// TestARecordWithoutItsSourceIsRemoved, with the next round of extending; others stay.
func TestARecordWithoutItsSourceIsRemoved(t *testing.T) {
	w := newWorld(t)
	w.create(t, site("dublin", "Europe/Dublin"))
	_, before := w.record(t, "dublin")
	e, err := w.etcd.Get(t.Context(), published.SitePrefix+"dublin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.etcd.Commit(t.Context(), nil, []*rpcv1.Write{put(published.SitePrefix+"ghost", e.Value)}); err != nil {
		t.Fatal(err)
	}
	if _, err := schedule.Extend(t.Context(), w.Service); err != nil {
		t.Fatal(err)
	}
	if _, err := w.etcd.Get(t.Context(), published.SitePrefix+"ghost"); err == nil {
		t.Error("the ghost is still there")
	}
	if _, after := w.record(t, "dublin"); after != before {
		t.Error("a record with its source was written")
	}
}
