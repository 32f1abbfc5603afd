package systemtest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/zones"
)

// harbour is a line with one site, closed today by a calendar, and a rota of two: Anna's turn ended at nine today, and Bob's
// began.
const harbour = `
kind: Calendar
name: calendars/storm
display_name: Storm days
entries:
  - {date: 2026-11-24, verdict: CLOSED, display_name: Storm}
---
kind: Person
name: people/harbour-anna
display_name: Anna
targets: ["sip:anna@duty.example.com"]
---
kind: Person
name: people/harbour-bob
display_name: Bob
targets: ["sip:bob@duty.example.com"]
---
kind: Rota
name: rotas/harbour-nights
display_name: Harbour nights
time_zone: Europe/Dublin
layers:
  - {start: "2026-11-23T09:00", unit: DAY, members: [harbour-anna, harbour-bob]}
---
kind: Site
name: sites/cork
display_name: Cork
time_zone: Europe/Dublin
calendars: [storm]
weekly_hours: {mon-fri: ["09:00-17:00"]}
targets: ["sip:support@cork.example.com"]
---
kind: Line
name: lines/harbour
display_name: Harbour
number: "+61255500177"
visibility: PUBLISHED
sites: [cork]
rotas: [harbour-nights]
last_resort: {kind: PERSON, target: "sip:last@hq.example.com", display_name: Duty manager}
`

const (
	harbourNumber = "+61255500177"
	corkTarget    = "sip:support@cork.example.com"
	annaTarget    = "sip:anna@duty.example.com"
	bobTarget     = "sip:bob@duty.example.com"
	harbourLast   = "sip:last@hq.example.com"
)

// noStorm is the calendar without the day.
const noStorm = `
kind: Calendar
name: calendars/storm
display_name: Storm days
`

// bothAway is leave of everybody at once.
const bothAway = `
kind: Person
name: people/harbour-anna
display_name: Anna
targets: ["sip:anna@duty.example.com"]
absences: [{first_date: 2026-12-05, last_date: 2026-12-06}]
---
kind: Person
name: people/harbour-bob
display_name: Bob
targets: ["sip:bob@duty.example.com"]
absences: [{first_date: 2026-12-06, last_date: 2026-12-07}]
`

// apply applies a configuration as text.
func (s *system) apply(t testing.TB, text string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "change.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return s.cli(t, append([]string{"apply", "-f", file}, args...)...)
}

// run is the CLI's standard output; the test ends where it fails.
func (s *system) run(t testing.TB, args ...string) string {
	t.Helper()
	stdout, stderr, err := s.cli(t, args...)
	if err != nil {
		t.Fatalf("dayside %v: %v\n%s", args, err, stderr)
	}
	return stdout
}

func (s *system) mustApply(t testing.TB, text string, args ...string) string {
	t.Helper()
	stdout, stderr, err := s.apply(t, text, args...)
	if err != nil {
		t.Fatalf("apply: %v\n%s", err, stderr)
	}
	return stdout
}

// wantLadder waits until calls to the harbour line are sent to these, in this order.
func (s *system) wantLadder(t *testing.T, want ...string) {
	t.Helper()
	await.True(t, "calls to go to "+strings.Join(want, ", "), func() bool {
		return slices.Equal(targets(s.route(t, harbourNumber, exampleUnknownCaller)), want)
	})
	if got := s.invite(t, "udp", harbourNumber, exampleUnknownCaller).contacts; !slices.Equal(got, want) {
		t.Errorf("SIP is sent to %q, want %q", got, want)
	}
}

// TestWhoeverIsOnDutyComesBeforeTheLastResort: a calendar closes the only site, and the rota's people are rung; custody
// says in which order; and a day without the storm gives the site its calls back.
func TestWhoeverIsOnDutyComesBeforeTheLastResort(t *testing.T) {
	eachKind(t, options{}, func(t *testing.T, s *system) {
		s.mustApply(t, harbour)
		s.wantLadder(t, bobTarget, harbourLast)
		if why := s.run(t, "why", "cork"); !strings.Contains(why, "Storm") {
			t.Errorf("why cork is closed: %s", why)
		}
		s.run(t, "custody", "take", "harbour-nights", "--as", "harbour-anna")
		s.wantLadder(t, annaTarget, harbourLast)
		if got := s.run(t, "custody", "harbour-nights"); !strings.Contains(got, "harbour-anna") && !strings.Contains(got, "Anna") {
			t.Errorf("custody: %s", got)
		}

		planned := s.mustApply(t, noStorm, "--dry-run")
		if !strings.Contains(planned, "sites/cork") || !strings.Contains(planned, "nothing was written") {
			t.Errorf("a dry run does not say what moves:\n%s", planned)
		}
		s.wantLadder(t, annaTarget, harbourLast)
		s.mustApply(t, noStorm)
		s.wantLadder(t, corkTarget, annaTarget, harbourLast)
	})
}

// TestNobodyTakesTheLastCoverAway: leave of everybody on one day is refused with that day, and nothing is written.
func TestNobodyTakesTheLastCoverAway(t *testing.T) {
	eachKind(t, options{}, func(t *testing.T, s *system) {
		s.mustApply(t, harbour)
		s.wantLadder(t, bobTarget, harbourLast)
		_, stderr, err := s.apply(t, bothAway)
		if err == nil || !strings.Contains(stderr, "lines/harbour") || !strings.Contains(stderr, "2026-12-06") ||
			!strings.Contains(stderr, "allow") {
			t.Errorf("leave of everybody: %v\n%s", err, stderr)
		}
		if got := s.run(t, "get", "people/harbour-anna"); strings.Contains(got, "absences") {
			t.Errorf("what was refused is written:\n%s", got)
		}
		s.mustApply(t, bothAway, "--allow-gap")
		await.True(t, "an event that tells of the gap", func() bool {
			return strings.Contains(s.run(t, "events"), "lines/harbour")
		})
	})
}

// TestOtherZoneRulesAreAdoptedWhileRunning: by rules under which Dublin has Tokyo's clock, its working day is over at ten.
func TestOtherZoneRulesAreAdoptedWhileRunning(t *testing.T) {
	eachKind(t, options{}, func(t *testing.T, s *system) {
		bundle := filepath.Join(t.TempDir(), "rules.tar.gz")
		if err := os.WriteFile(bundle, dublinInTokyo(t), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := s.run(t, "tzdata", "status", "--bundle", bundle); !strings.Contains(got, "2099a") || !strings.Contains(got, "Europe/Dublin") {
			t.Errorf("the status does not tell them apart:\n%s", got)
		}
		told := s.run(t, "tzdata", "adopt", "--bundle", bundle, "--yes", "--allow-gap")
		if !strings.Contains(told, "sites/dublin") {
			t.Errorf("adopting does not say what moves:\n%s", told)
		}
		await.True(t, "calls to go to Bengaluru, by the new rules", func() bool {
			r := s.route(t, exampleHiddenNumber, exampleCaller)
			return targets(r)[0] == "sip:support@bengaluru.example.com" && r.GetExplanation().GetTzdataRelease() == "2099a"
		})
		if got := s.run(t, "version"); !strings.Contains(got, "2099a") {
			t.Errorf("the version does not tell the rules in force:\n%s", got)
		}
	})
}

// dublinInTokyo is the program's own rules, with one zone's behaviour taken from another.
func dublinInTokyo(t *testing.T) []byte {
	t.Helper()
	own, err := zones.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	if err := own.Pack(&packed); err != nil {
		t.Fatal(err)
	}
	files := unpack(t, &packed)
	files["Europe/Dublin"] = files["Asia/Tokyo"]
	changed, err := zones.New("2099a", files)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := changed.Pack(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func unpack(t *testing.T, r io.Reader) fstest.MapFS {
	t.Helper()
	z, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	for in := tar.NewReader(z); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case h.Typeflag == tar.TypeLink:
			files[h.Name] = files[h.Linkname]
		case h.Name != zones.ReleaseEntry:
			files[h.Name] = &fstest.MapFile{Data: data}
		}
	}
}
