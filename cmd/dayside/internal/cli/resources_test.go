package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/manifest"
)

const dutyFile = "testdata/duty.yaml"

// newDutyFake holds calendars, people and a rota.
func newDutyFake(t *testing.T) *fake {
	t.Helper()
	sources, err := manifest.Load([]string{dutyFile}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := newFake(t)
	if f.set, err = manifest.Read(sources); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestCalendarsPeopleAndRotas(t *testing.T) {
	for name, args := range map[string][]string{
		"list-calendars": {"list", "calendars"},
		"list-people":    {"list", "person"},
		"list-rotas":     {"list", "rota"},
		"get-calendar":   {"get", "calendar/company"},
		"get-person":     {"get", "person", "anna"},
		"get-rota-yaml":  {"get", "rotas/nights", "-o", "yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			term := newTerminal(t, newDutyFake(t))
			if code := term.run(t.Context(), args...); code != 0 || term.err.Len() > 0 {
				t.Fatalf("exit %d, %s", code, term.err.String())
			}
			golden(t, name, term.out.String())
		})
	}
}

func TestEveryKindCanBeDeletedAndCompleted(t *testing.T) {
	f := newDutyFake(t)
	term := newTerminal(t, f)
	for name, want := range map[string]proto.Message{
		"calendars/company": &schedulev1.DeleteCalendarRequest{Name: "calendars/company"},
		"people/anna":       &schedulev1.DeletePersonRequest{Name: "people/anna"},
		"rotas/nights":      &schedulev1.DeleteRotaRequest{Name: "rotas/nights"},
	} {
		if code := term.run(t.Context(), "delete", name); code != 0 || !proto.Equal(f.asked, want) {
			t.Errorf("delete %s: exit %d, asked %v, %s", name, code, f.asked, term.err.String())
		}
	}
	for begun, want := range map[string]string{
		"calendars/": "calendars/company\ncalendars/nothing\n", "people/b": "people/anna\npeople/bob\n", "rota/": "rotas/nights\n",
	} {
		if code := term.run(t.Context(), "__complete", "get", begun); code != 0 || !strings.Contains(term.out.String(), want) {
			t.Errorf("%s: exit %d, %s", begun, code, term.out.String())
		}
	}
}

// TestApplySendsEveryKind: what is in the files is in the request, and what export wrote applies as the same.
func TestApplySendsEveryKind(t *testing.T) {
	f := newDutyFake(t)
	term := newTerminal(t, f)
	dir := filepath.Join(t.TempDir(), "all")
	if code := term.run(t.Context(), "export", "--dir", dir); code != 0 {
		t.Fatal(term.err.String())
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 3 || files[0].Name() != "calendars.yaml" {
		t.Errorf("exported %v, %v", files, err)
	}
	for _, from := range []string{dutyFile, dir} {
		if code := term.run(t.Context(), "apply", "-f", from, "--allow-gap"); code != 0 {
			t.Fatal(term.err.String())
		}
		want := &routingv1.ApplyConfigurationRequest{
			Calendars: f.set.Calendars, People: f.set.People, Rotas: f.set.Rotas, AllowGap: true,
		}
		if !proto.Equal(f.asked, want) {
			t.Errorf("%s: asked %v", from, f.asked)
		}
	}
}

// TestApplyShowsWhatItDoesToCoverage: before anything is written, and after.
func TestApplyShowsWhatItDoesToCoverage(t *testing.T) {
	for name, args := range map[string][]string{
		"apply-impact": {"apply", "-f", dutyFile}, "apply-impact-dry-run": {"apply", "-f", dutyFile, "--dry-run"},
	} {
		f := newDutyFake(t)
		f.applied = text(t, &routingv1.ApplyConfigurationResponse{}, `
			changes { name: "rotas/nights" kind: KIND_UPDATE fields { path: "display_name" before: "a" after: "Nights" } }
			impact { lines {
				line: "lines/gold" gaps_created { interval { start_time { seconds: 1798185600 } end_time { seconds: 1798214400 } } }
			} }
			warnings: "lines/gold makes offers/once, which does not cover it: it is for product db, the line for web"
			revision: 7`)
		if name != "apply-impact" {
			f.applied.Revision = 0
		}
		term := newTerminal(t, f)
		if code := term.run(t.Context(), args...); code != 0 {
			t.Fatalf("exit %d, %s", code, term.err.String())
		}
		golden(t, name, term.out.String())
	}
}

// TestTablesAskForNoHiddenNumbers: they show none, and the audit keeps who read one.
func TestTablesAskForNoHiddenNumbers(t *testing.T) {
	for args, want := range map[string]bool{
		"list lines": false, "get lines/gold-emergency": false, "__complete get lines/": false,
		"list lines -o json": true, "get lines/gold-emergency -o yaml": true,
	} {
		f := newFake(t)
		term := newTerminal(t, f)
		if code := term.run(t.Context(), strings.Fields(args)...); code != 0 || (f.askedHidden > 0) != want {
			t.Errorf("%s: exit %d, asked %d times: %s", args, code, f.askedHidden, &term.err)
		}
	}
}
