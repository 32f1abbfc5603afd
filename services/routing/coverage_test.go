package routing_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/published"
)

// dutyExample is a line with a rota, and all that the rota needs.
func dutyExample() *routingv1.ApplyConfigurationRequest {
	r := example()
	r.Calendars = []*schedulev1.Calendar{calendar("company")}
	r.People = []*schedulev1.Person{person("anna"), person("bob")}
	r.Rotas = []*schedulev1.Rota{rota("nights", "anna", "bob")}
	r.Lines[0].Rotas = []string{"rotas/nights"}
	r.Lines[0].ServiceHours = serviceHours("Europe/Dublin")
	return r
}

func TestConfigurationHoldsCalendarsPeopleAndRotas(t *testing.T) {
	h := open(t)
	got := h.apply(t, dutyExample())
	const all = "CREATE:calendars/company CREATE:people/anna CREATE:people/bob CREATE:rotas/nights CREATE:sites/cork " +
		"CREATE:sites/dublin CREATE:customers/acme CREATE:lines/gold CREATE:lines/silver"
	if changes(got) != all {
		t.Errorf("%s, want %s", changes(got), all)
	}
	if lines := got.GetImpact().GetLines(); len(lines) != 2 || lines[0].GetLine() != "lines/gold" {
		t.Errorf("impact %v", got.GetImpact())
	}
	asked, _ := h.schedule.last()
	if !proto.Equal(asked.GetLines()[0], &schedulev1.LineCoverage{
		Line: "lines/gold", Sites: []string{"sites/dublin", "sites/cork"}, Rotas: []string{"rotas/nights"},
		ServiceHours: serviceHours("Europe/Dublin"),
	}) {
		t.Errorf("asked about %v", asked.GetLines()[0])
	}
	entry, err := h.etcd.Get(t.Context(), published.LinePrefix+"gold")
	if err != nil {
		t.Fatal(err)
	}
	record, err := published.Line(entry.Value)
	if err != nil || strings.Join(record.GetRotas(), " ") != "nights" || record.GetServiceHours().GetTimeZone() != "Europe/Dublin" {
		t.Errorf("published %v, %v", record, err)
	}
	h.applied(t, got.GetRevision())
	if got := shape(h.route(t, "+61255500100", "")); got != "lines/gold person.anna.1 last-resort" {
		t.Error(got)
	}
	if again := h.apply(t, dutyExample()); changes(again) != "" || again.GetRevision() != 0 {
		t.Errorf("applied again: %s", changes(again))
	}
	// Everything that schedule owns goes by name.
	next := h.apply(t, &routingv1.ApplyConfigurationRequest{
		Lines:  []*routingv1.Line{line("gold", goldNumber, "dublin")},
		Delete: []string{"rotas/nights", "people/bob", "calendars/company", "lines/silver"},
	})
	if got := changes(next); got != "DELETE:calendars/company DELETE:people/bob DELETE:rotas/nights UPDATE:lines/gold DELETE:lines/silver" {
		t.Error(got)
	}
	if asked, _ := h.schedule.last(); strings.Join(asked.GetDeletedLines(), " ") != "lines/silver" {
		t.Errorf("deleted lines %v", asked.GetDeletedLines())
	}
}

func TestARotaThatALineUsesCannotGo(t *testing.T) {
	h := open(t)
	h.apply(t, dutyExample())
	before := h.keys(t)
	for what, c := range map[string]struct {
		change func(*routingv1.ApplyConfigurationRequest)
		gap    string
		reason rpcv1.Reason
		says   string
	}{
		"by name": {
			func(r *routingv1.ApplyConfigurationRequest) { r.Delete = []string{"rotas/nights"} }, "",
			rpcv1.Reason_REASON_IN_USE, "rotas/nights is used by lines/gold",
		},
		"by name, which would make a gap": {
			func(r *routingv1.ApplyConfigurationRequest) { r.Delete = []string{"rotas/nights"} }, "lines/gold",
			rpcv1.Reason_REASON_IN_USE, "lines/gold: rotas[0]",
		},
		"by pruning": {
			func(r *routingv1.ApplyConfigurationRequest) {
				proto.Merge(r, dutyExample())
				r.Rotas, r.Prune = nil, true
			}, "",
			rpcv1.Reason_REASON_IN_USE, "rotas/nights is used by lines/gold",
		},
		"a rota that nobody has": {
			func(r *routingv1.ApplyConfigurationRequest) {
				l := line("new", goldNumber+5, "dublin")
				l.Rotas = []string{"rotas/days"}
				r.Lines = append(r.Lines, l)
			}, "", rpcv1.Reason_REASON_MISSING_REFERENCE, `lines/new: rotas[0]: "rotas/days"`,
		},
		"a rota that nobody has, which makes a gap": {
			func(r *routingv1.ApplyConfigurationRequest) {
				r.Lines = append(r.Lines, dutyExample().GetLines()[0])
				r.Lines[0].Rotas = []string{"rotas/days"}
			}, "lines/gold", rpcv1.Reason_REASON_MISSING_REFERENCE, `lines/gold: rotas[0]: "rotas/days"`,
		},
		"a gap and nothing else": {
			func(r *routingv1.ApplyConfigurationRequest) { r.Sites = append(r.Sites, site("dublin")) }, "lines/gold",
			rpcv1.Reason_REASON_COVERAGE_GAP, "lines/gold: \"Fri 2026-12-25 08:00 to 16:00 UTC\"",
		},
	} {
		t.Run(what, func(t *testing.T) {
			r := &routingv1.ApplyConfigurationRequest{}
			c.change(r)
			h.schedule.gap = c.gap
			_, err := h.configuration.ApplyConfiguration(t.Context(), r)
			wantReason(t, err, c.reason)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v does not say %s", err, c.says)
			}
			if h.keys(t) != before {
				t.Error("something was written")
			}
		})
	}
	h.schedule.gap = "lines/gold"
	r := &routingv1.ApplyConfigurationRequest{Sites: []*schedulev1.Site{site("galway")}, AllowGap: true}
	if got := h.apply(t, r); changes(got) != "CREATE:sites/galway" {
		t.Errorf("with allow_gap: %s", changes(got))
	}
}

// TestAPlanThatIsOutOfDateIsNotCommitted: what schedule relied on is a condition of the one transaction.
func TestAPlanThatIsOutOfDateIsNotCommitted(t *testing.T) {
	h := open(t)
	h.apply(t, dutyExample())
	h.schedule.condition = coord.Exists("pub/schedule/tzdata")
	_, err := h.configuration.ApplyConfiguration(t.Context(), &routingv1.ApplyConfigurationRequest{
		Lines: []*routingv1.Line{line("gold", goldNumber, "dublin")},
	})
	wantReason(t, err, rpcv1.Reason_REASON_CONFLICT)
	_, err = h.lines.UpdateLine(t.Context(), &routingv1.UpdateLineRequest{Line: line("gold", goldNumber, "dublin")})
	wantReason(t, err, rpcv1.Reason_REASON_CONFLICT)
}

func TestScheduleJudgesALineWhoseCoverageChanges(t *testing.T) {
	h := open(t)
	h.apply(t, dutyExample())
	mask := func(paths ...string) *fieldmaskpb.FieldMask { return &fieldmaskpb.FieldMask{Paths: paths} }
	gold := func(change func(*routingv1.Line)) *routingv1.Line {
		l := dutyExample().GetLines()[0]
		change(l)
		return l
	}
	for what, c := range map[string]struct {
		request *routingv1.UpdateLineRequest
		asked   bool
	}{
		"another name": {&routingv1.UpdateLineRequest{
			Line: gold(func(l *routingv1.Line) { l.DisplayName = "G" }), UpdateMask: mask("display_name"),
		}, false},
		"the same sites in another order": {&routingv1.UpdateLineRequest{
			Line: gold(func(l *routingv1.Line) { l.Sites[0], l.Sites[1] = l.Sites[1], l.Sites[0] }),
		}, false},
		"other sites": {&routingv1.UpdateLineRequest{Line: gold(func(l *routingv1.Line) { l.Sites = l.GetSites()[:1] })}, true},
		"no rota": {&routingv1.UpdateLineRequest{
			Line: gold(func(l *routingv1.Line) { l.Rotas = nil }), UpdateMask: mask("rotas"),
		}, true},
		"other service hours": {&routingv1.UpdateLineRequest{
			Line: gold(func(l *routingv1.Line) { l.ServiceHours = serviceHours("Asia/Kolkata") }), UpdateMask: mask("service_hours"),
		}, true},
	} {
		t.Run(what, func(t *testing.T) {
			c.request.ValidateOnly = true
			_, before := h.schedule.last()
			if _, err := h.lines.UpdateLine(t.Context(), c.request); err != nil {
				t.Fatal(err)
			}
			if _, after := h.schedule.last(); (after > before) != c.asked {
				t.Errorf("schedule was asked %d times", after-before)
			}
			h.schedule.gap = "lines/gold"
			defer func() { h.schedule.gap = "" }()
			_, err := h.lines.UpdateLine(t.Context(), c.request)
			if !c.asked {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantReason(t, err, rpcv1.Reason_REASON_COVERAGE_GAP)
			if status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "lines/gold: \"Fri 2026-12-25") {
				t.Error(err)
			}
			c.request.AllowGap = true
			if _, err := h.lines.UpdateLine(t.Context(), c.request); err != nil {
				t.Errorf("with allow_gap: %v", err)
			}
			h.schedule.down = true
			defer func() { h.schedule.down = false }()
			_, err = h.lines.UpdateLine(t.Context(), c.request)
			wantReason(t, err, rpcv1.Reason_REASON_BACKEND_UNAVAILABLE)
		})
	}
}

func TestANewLineIsJudgedByScheduleWhereItMustBe(t *testing.T) {
	h := open(t)
	h.apply(t, dutyExample())
	_, before := h.schedule.last()
	h.schedule.down = true
	if _, err := h.lines.CreateLine(t.Context(), createLine(line("plain", goldNumber+5, "dublin"))); err != nil {
		t.Errorf("a line of sites alone needs nobody: %v", err)
	}
	bad := line("bad", goldNumber+6, "dublin")
	bad.ServiceHours = serviceHours("Local")
	_, err := h.lines.CreateLine(t.Context(), createLine(bad))
	wantReason(t, err, rpcv1.Reason_REASON_BACKEND_UNAVAILABLE)
	h.schedule.down = false
	_, err = h.lines.CreateLine(t.Context(), createLine(bad))
	wantReason(t, err, rpcv1.Reason_REASON_INVALID_FIELD)
	if err == nil || !strings.Contains(err.Error(), ` service_hours.time_zone: "Local"`) || strings.Contains(err.Error(), "lines/bad: s") {
		t.Error(err)
	}
	_, err = h.configuration.ApplyConfiguration(t.Context(), &routingv1.ApplyConfigurationRequest{Lines: []*routingv1.Line{bad}})
	wantReason(t, err, rpcv1.Reason_REASON_INVALID_FIELD)
	if err == nil || !strings.Contains(err.Error(), `lines/bad: service_hours.time_zone: "Local"`) {
		t.Error(err)
	}
	bad.ServiceHours, bad.Rotas = nil, []string{"rotas/gone"}
	_, err = h.lines.CreateLine(t.Context(), createLine(bad))
	wantReason(t, err, rpcv1.Reason_REASON_MISSING_REFERENCE)
	if _, after := h.schedule.last(); after != before+3 {
		t.Errorf("schedule was asked %d times", after-before)
	}
	if _, err := h.etcd.Get(t.Context(), "routing/lines/bad"); err == nil {
		t.Error("a refused line was written")
	}
}

// A rota written a moment ago may not be in the view yet; one that goes while a line is written that lists it, loses.
func TestARotaIsFoundAsASiteIs(t *testing.T) {
	h := build(t) // its view is never listed
	h.apply(t, dutyExample())
	l := line("new", goldNumber+5, "dublin")
	l.Rotas = []string{"rotas/nights"}
	h.beforeCommit = func() {
		if _, err := h.etcd.Commit(t.Context(), nil, deleteKey("pub/schedule/rotas/nights")); err != nil {
			t.Error(err)
		}
	}
	_, err := h.lines.CreateLine(t.Context(), createLine(l))
	wantReason(t, err, rpcv1.Reason_REASON_CONFLICT)
	_, err = h.lines.CreateLine(t.Context(), createLine(l))
	wantReason(t, err, rpcv1.Reason_REASON_MISSING_REFERENCE)
}
