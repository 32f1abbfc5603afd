package schedule_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/protobuf/proto"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/await"
)

// gapsText is such as "Mon 23 00:00-09:00 PLANNED people/anna; ", in UTC.
func gapsText(gaps []*schedulev1.CoverageGap) string {
	text := ""
	for _, g := range gaps {
		text += g.GetInterval().GetStartTime().AsTime().Format("Mon 02 15:04-") + g.GetInterval().GetEndTime().AsTime().Format("15:04 ") +
			strings.TrimPrefix(g.GetKind().String(), "KIND_") + " " + strings.Join(g.GetOnDuty(), "+") + "; "
	}
	return text
}

// TestCoverageJudgesGaps: planned by a rota, uncovered where nobody has the turn, and intended outside service hours.
func TestCoverageJudgesGaps(t *testing.T) {
	w := newWorld(t)
	run(t, w.Service)
	w.create(t, site("dublin", "Europe/Dublin"))
	w.create(t, site("cork", "Europe/Dublin"))
	w.calendar(t, closed("quiet", 2026, 11, 24)) // a Tuesday on which the line is not served
	w.people(t, "anna", "bob")
	duty := weekly("nights", "anna", "bob")
	duty.Layers[0].Unit = schedulev1.TurnUnit_TURN_UNIT_DAY
	duty.Layers[0].Members = []string{"people/anna", "", "people/bob"} // from the 16th on: Sunday is anna's, Monday nobody's
	w.rota(t, duty)
	everyDay := []*schedulev1.Span{span(6, 22)}
	w.lineOf(t, &publishedv1.Line{
		Id: "gold", Sites: []string{"dublin", "cork"}, Rotas: []string{"nights"}, ServiceHours: &schedulev1.ServiceHours{
			TimeZone: "Europe/Dublin", Calendars: []string{"calendars/quiet"},
			WeeklyHours: &schedulev1.WeeklyHours{Mon: everyDay, Tue: everyDay, Wed: everyDay},
		},
	})
	var got *schedulev1.QueryCoverageResponse
	want := "Mon 23 00:00-09:00 PLANNED people/anna; Mon 23 17:00-22:00 UNCOVERED ; Mon 23 22:00-09:00 INTENDED ; " +
		"Tue 24 17:00-09:00 PLANNED people/bob; "
	await.True(t, "the coverage of lines/gold", func() bool {
		var err error
		got, err = w.QueryCoverage(t.Context(), &schedulev1.QueryCoverageRequest{
			Line: "lines/gold", Interval: between(at(t, "2026-11-23T00:00:00Z"), at(t, "2026-11-25T09:00:00Z")),
		})
		// The calendar is followed by itself, and may be heard of last.
		return err == nil && gapsText(got.GetJudgedGaps()) == want
	})
	if got.GetOverlapTime().AsDuration() != 16*time.Hour || got.GetCoveredTime().AsDuration() != 16*time.Hour ||
		got.GetHandovers() != 4 || len(got.GetGaps()) != 3 {
		t.Errorf("got %v", got)
	}
}

// followTheSun is a line on Sydney and Dublin.
func followTheSun(t *testing.T) world {
	w := newWorld(t)
	w.create(t, site("sydney", "Australia/Sydney"))
	w.create(t, site("dublin", "Europe/Dublin"))
	w.lineOf(t, &publishedv1.Line{Id: "gold", Sites: []string{"sydney", "dublin"}})
	return w
}

func (w world) simulate(t *testing.T, r *schedulev1.SimulateRequest) *schedulev1.Impact {
	t.Helper()
	got, err := w.coverage.Simulate(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if got.GetTzdataRelease() != w.zones.Release() {
		t.Errorf("rules of %q", got.GetTzdataRelease())
	}
	return got.GetImpact()
}

// TestSimulateTellsWhatMoves: Dublin opens an hour later on Tuesdays. Nothing is written.
func TestSimulateTellsWhatMoves(t *testing.T) {
	w := followTheSun(t)
	later := site("dublin", "Europe/Dublin")
	later.WeeklyHours.Tue = []*schedulev1.Span{span(10, 18)}
	before := w.keys(t)
	got := w.simulate(t, &schedulev1.SimulateRequest{Sites: []*schedulev1.Site{later}})
	if len(got.GetLines()) != 1 || len(got.GetSites()) != 1 {
		t.Fatalf("got %v", got)
	}
	line, moved := got.GetLines()[0], got.GetSites()[0]
	// Four Tuesdays in 28 days: an opening and a closing on each.
	if line.GetLine() != "lines/gold" || line.GetCreated() || len(line.GetHandovers()) != 8 || len(line.GetGapsCreated()) != 4 ||
		len(line.GetGapsClosed()) != 4 {
		t.Errorf("%d handovers, gaps %s", len(line.GetHandovers()), gapsText(line.GetGapsCreated()))
	}
	if h := line.GetHandovers()[0]; h.GetBefore().AsTime() != at(t, "2026-11-24T09:00:00Z") ||
		h.GetAfter().AsTime() != at(t, "2026-11-24T10:00:00Z") || len(h.GetFromSites()) != 0 || h.GetToSites()[0] != "sites/dublin" {
		t.Errorf("the first handover %v", h)
	}
	if moved.GetSite() != "sites/dublin" || len(moved.GetOpenings()) != 4 || len(moved.GetWeeks()) != 0 {
		t.Errorf("the site %v", moved)
	}
	if !slices.Equal(before, w.keys(t)) {
		t.Error("a simulation has written something")
	}
	same := w.simulate(t, &schedulev1.SimulateRequest{Sites: []*schedulev1.Site{site("dublin", "Europe/Dublin")}})
	if len(same.GetLines())+len(same.GetSites()) != 0 {
		t.Errorf("nothing changes: %v", same)
	}
}

// TestSimulateACalendarAPersonAndARota: what depends on what changes is judged, over any number of steps.
func TestSimulateACalendarAPersonAndARota(t *testing.T) {
	w := newWorld(t)
	w.calendar(t, closed("company", 2030, 1, 1))
	dublin := site("dublin", "Europe/Dublin")
	dublin.Calendars = []string{"calendars/company"}
	w.create(t, dublin)
	w.people(t, "anna")
	w.rota(t, weekly("nights", "anna"))
	w.lineOf(t, &publishedv1.Line{Id: "gold", Sites: []string{"dublin"}, Rotas: []string{"nights"}})

	tuesday := w.simulate(t, &schedulev1.SimulateRequest{Calendars: []*schedulev1.Calendar{closed("company", 2026, 12, 1)}})
	if text := gapsText(tuesday.GetLines()[0].GetGapsPlanned()); text != "Tue 01 09:00-17:00 PLANNED people/anna; " {
		t.Errorf("a Tuesday off: %s", text)
	}
	if week := tuesday.GetSites()[0].GetWeeks(); len(week) != 1 || !proto.Equal(week[0].GetMonday(), &date.Date{Year: 2026, Month: 11, Day: 30}) ||
		week[0].GetBefore().AsDuration() != 40*time.Hour || week[0].GetAfter().AsDuration() != 32*time.Hour {
		t.Errorf("weeks %v", week)
	}
	leave := w.simulate(t, &schedulev1.SimulateRequest{People: []*schedulev1.Person{{
		Name: "people/anna", DisplayName: "anna", Absences: []*schedulev1.Absence{{FirstDate: &date.Date{Year: 2026, Month: 12, Day: 5}}},
	}}})
	if text := gapsText(leave.GetLines()[0].GetGapsCreated()); text != "Sat 05 00:00-00:00 UNCOVERED ; " {
		t.Errorf("leave on a Saturday: %s", text)
	}
	gone := w.simulate(t, &schedulev1.SimulateRequest{Delete: []string{"rotas/nights"}, Interval: between(sunday, sunday.Add(day))})
	if text := gapsText(gone.GetLines()[0].GetGapsCreated()); text != "Sun 22 09:00-09:00 UNCOVERED ; " {
		t.Errorf("without the rota: %s", text)
	}
	// A year that nothing is published for.
	closing := w.simulate(t, &schedulev1.SimulateRequest{
		Delete: []string{"sites/dublin"}, Interval: between(at(t, "2035-01-01T00:00:00Z"), at(t, "2035-01-03T00:00:00Z")),
	})
	if text := gapsText(closing.GetLines()[0].GetGapsPlanned()); text != "Mon 01 09:00-17:00 PLANNED people/anna; Tue 02 09:00-17:00 PLANNED people/anna; " {
		t.Errorf("without the site: %s", text)
	}
}

// TestSimulateLines: a new one's gaps are told; one that is served less has handovers and gaps.
func TestSimulateLines(t *testing.T) {
	w := followTheSun(t)
	range2 := between(at(t, "2026-11-23T00:00:00Z"), at(t, "2026-11-24T00:00:00Z"))
	got := w.simulate(t, &schedulev1.SimulateRequest{Interval: range2, Lines: []*schedulev1.LineCoverage{
		{Line: "lines/gold", Sites: []string{"sites/sydney"}},
		{Line: "lines/silver", Sites: []string{"sites/sydney", "sites/dublin"}},
	}})
	if len(got.GetLines()) != 2 || len(got.GetSites()) != 0 {
		t.Fatalf("got %v", got)
	}
	if text := gapsText(got.GetLines()[0].GetGapsCreated()); text != "Mon 23 09:00-17:00 UNCOVERED ; " {
		t.Errorf("gold without dublin: %s", text)
	}
	silver := got.GetLines()[1]
	if text := gapsText(silver.GetGapsCreated()); !silver.GetCreated() || text != "Mon 23 06:00-09:00 UNCOVERED ; Mon 23 17:00-22:00 UNCOVERED ; " {
		t.Errorf("silver is new: %s", text)
	}
}

func TestSimulateRefuses(t *testing.T) {
	w := followTheSun(t)
	w.people(t, "anna")
	w.rota(t, weekly("nights", "anna"))
	dublin := site("dublin", "Europe/Dublin")
	nowhere := site("nowhere", "Europe/Nowhere")
	for what, c := range map[string]struct {
		r      *schedulev1.SimulateRequest
		reason rpcv1.Reason
		text   string
	}{
		"a zone that is none":      {&schedulev1.SimulateRequest{Sites: []*schedulev1.Site{nowhere}}, rpcv1.Reason_REASON_INVALID_FIELD, "sites/nowhere: time_zone"},
		"the same site twice":      {&schedulev1.SimulateRequest{Sites: []*schedulev1.Site{dublin, dublin}}, rpcv1.Reason_REASON_INVALID_FIELD, "sites/dublin"},
		"a site that is not there": {&schedulev1.SimulateRequest{Delete: []string{"sites/x"}}, rpcv1.Reason_REASON_NOT_FOUND, "sites/x"},
		"a line that is not there": {&schedulev1.SimulateRequest{Delete: []string{"lines/x"}}, rpcv1.Reason_REASON_NOT_FOUND, "lines/x"},
		"what is nothing":          {&schedulev1.SimulateRequest{Delete: []string{"gold"}}, rpcv1.Reason_REASON_INVALID_FIELD, "delete[0]"},
		"the same name twice":      {&schedulev1.SimulateRequest{Delete: []string{"sites/dublin", "sites/dublin"}}, rpcv1.Reason_REASON_INVALID_FIELD, "delete[1]"},
		"written and deleted":      {&schedulev1.SimulateRequest{Sites: []*schedulev1.Site{dublin}, Delete: []string{"sites/dublin"}}, rpcv1.Reason_REASON_INVALID_FIELD, "sites/dublin"},
		"a person of a rota":       {&schedulev1.SimulateRequest{Delete: []string{"people/anna"}}, rpcv1.Reason_REASON_IN_USE, "people/anna"},
		"a line written and deleted": {&schedulev1.SimulateRequest{
			Lines: []*schedulev1.LineCoverage{{Line: "lines/gold"}}, Delete: []string{"lines/gold"},
		}, rpcv1.Reason_REASON_INVALID_FIELD, "delete[0]"},
		"a site that the line names and nobody has": {&schedulev1.SimulateRequest{
			Lines: []*schedulev1.LineCoverage{{Line: "lines/gold", Sites: []string{"sites/x"}}},
		}, rpcv1.Reason_REASON_MISSING_REFERENCE, "lines/gold: sites[0]"},
		"service hours nowhere": {&schedulev1.SimulateRequest{Lines: []*schedulev1.LineCoverage{{
			Line: "lines/gold", ServiceHours: &schedulev1.ServiceHours{TimeZone: "Mars/Olympus", WeeklyHours: &schedulev1.WeeklyHours{}},
		}}}, rpcv1.Reason_REASON_INVALID_FIELD, "lines/gold: service_hours"},
		"401 days":  {&schedulev1.SimulateRequest{Interval: between(sunday, sunday.Add(401*day))}, rpcv1.Reason_REASON_INVALID_FIELD, "400 days"},
		"long ago":  {&schedulev1.SimulateRequest{Interval: between(at(t, "1969-12-01T00:00:00Z"), at(t, "1970-02-01T00:00:00Z"))}, rpcv1.Reason_REASON_INVALID_FIELD, "interval.start_time"},
		"far ahead": {&schedulev1.SimulateRequest{Interval: between(at(t, "2100-12-01T00:00:00Z"), at(t, "2101-02-01T00:00:00Z"))}, rpcv1.Reason_REASON_INVALID_FIELD, "interval.end_time"},
	} {
		_, err := w.coverage.Simulate(t.Context(), c.r)
		wantReason(t, what, err, c.reason)
		if err != nil && !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v does not say %q", what, err, c.text)
		}
	}
}

// What a simulation of many sites tells is as small as other answers: the rest is counted.
func TestSimulationOfManySitesFitsAnAnswer(t *testing.T) {
	w := newWorld(t)
	r := &schedulev1.SimulateRequest{Interval: &interval.Interval{EndTime: stamp(sunday.AddDate(0, 0, 400))}}
	for i := range 500 {
		r.Sites = append(r.Sites, site(fmt.Sprintf("site-%d", i), "Europe/Dublin"))
	}
	answer, err := w.coverage.Simulate(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	last := answer.GetImpact().GetSites()[499]
	if size := proto.Size(answer); size > 5<<19 || len(last.GetOpenings()) > 0 || last.GetMoreOpenings() == 0 {
		t.Errorf("an answer of %d bytes; of the last site: %v", size, last)
	}
}
