package cli_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/dayofweek"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/manifest"
)

const icsFile = "testdata/holidays.ics"

func (f *fake) ImportCalendar(_ context.Context, r *schedulev1.ImportCalendarRequest) (*schedulev1.ImportCalendarResponse, error) {
	f.asked = r
	return f.imported, f.err
}

func (f *fake) DiffCalendars(_ context.Context, r *schedulev1.DiffCalendarsRequest) (*schedulev1.DiffCalendarsResponse, error) {
	f.asked = r
	return f.diff, f.err
}

const someChanges = `
changes { date { year: 2026 month: 12 day: 25 } kind: KIND_ADDED sentence: "+ 2026-12-25 Christmas: closed" }
changes { date { year: 2027 month: 1 day: 1 } kind: KIND_REMOVED sentence: "- 2027-01-01 New Year: closed" }
changes { date { year: 2027 month: 3 day: 17 } kind: KIND_RENAMED sentence: "~ 2027-03-17 Paddy: closed -> Patrick: closed" }
changes { date { year: 2027 month: 12 day: 25 } kind: KIND_ADDED sentence: "+ 2027-12-25 Christmas: closed" }`

func newCalendarFake(t *testing.T) *fake {
	t.Helper()
	f := newDutyFake(t)
	f.imported = text(t, &schedulev1.ImportCalendarResponse{}, `calendar { name: "calendars/ie" entries {} entries {} }`+someChanges)
	f.diff = text(t, &schedulev1.DiffCalendarsResponse{}, someChanges)
	return f
}

// TestCalendarAnswersForPeople: commands that ask a server, and those that need none.
func TestCalendarAnswersForPeople(t *testing.T) {
	for name, args := range map[string][]string{
		"calendar-import":      {"calendar", "import", "ie", icsFile, "--zone", "Europe/Dublin", "--dry-run"},
		"calendar-import-json": {"calendar", "import", "ie", icsFile, "--zone", "Europe/Dublin", "-o", "json"},
		"calendar-show":        {"calendar", "show", "company"},
		"calendar-show-ics":    {"calendar", "show", icsFile, "--zone", "Europe/Dublin"},
		"calendar-seed":        {"calendar", "seed", "nz", "--years", "2027", "--id", "auckland"},
		"calendar-diff":        {"calendar", "diff", "company", "calendars/nothing"},
		"calendar-diff-files":  {"calendar", "diff", "testdata/ie.yaml", icsFile, "--zone", "Europe/Dublin", "--years", "2026-2027"},
		"calendar-help":        {"calendar"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newCalendarFake(t)
			term := newTerminal(t, f)
			if code := term.run(t.Context(), args...); code != 0 {
				t.Fatalf("exit %d, %s", code, term.err.String())
			}
			golden(t, name, term.err.String()+term.out.String())
			if offline := strings.HasSuffix(name, "-files") || strings.HasSuffix(name, "-ics") || name == "calendar-seed"; offline && f.asked != nil {
				t.Errorf("asked a server for %v", f.asked)
			}
		})
	}
}

// TestImportAsks: what flags say is what the server is asked.
func TestImportAsks(t *testing.T) {
	file, err := os.ReadFile(icsFile)
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(*schedulev1.ImportCalendarRequest)) *schedulev1.ImportCalendarRequest {
		r := &schedulev1.ImportCalendarRequest{
			Name: "calendars/ie", Ics: file, Source: "holidays.ics", TimeZone: "Europe/Dublin",
			Timed: schedulev1.ImportCalendarRequest_TIMED_REFUSE,
		}
		change(r)
		return r
	}
	for _, c := range []struct {
		flags string
		want  *schedulev1.ImportCalendarRequest
	}{
		{"", with(func(*schedulev1.ImportCalendarRequest) {})},
		{"--source x --timed open --dry-run --allow-gap --display-name Ireland --from 2026-12-01 --to 2027-12-31",
			with(func(r *schedulev1.ImportCalendarRequest) {
				r.Source, r.Timed = "x", schedulev1.ImportCalendarRequest_TIMED_OPEN
				r.ValidateOnly, r.AllowGap, r.DisplayName = true, true, "Ireland"
				r.FirstDate, r.LastDate = &date.Date{Year: 2026, Month: 12, Day: 1}, &date.Date{Year: 2027, Month: 12, Day: 31}
			})},
		{"--timed close --worked-as Fri", with(func(r *schedulev1.ImportCalendarRequest) {
			r.Timed = schedulev1.ImportCalendarRequest_TIMED_CLOSE
			r.AllDay = &schedulev1.CalendarEntry{
				Verdict: schedulev1.CalendarEntry_VERDICT_WORKED, LikeWeekday: dayofweek.DayOfWeek_FRIDAY,
			}
		})},
		{"--half-day 09:00-12:30,13:00-14:00", with(func(r *schedulev1.ImportCalendarRequest) {
			r.AllDay = text(t, &schedulev1.CalendarEntry{}, `verdict: VERDICT_HALF_DAY
				spans { open { hours: 9 } close { hours: 12 minutes: 30 } } spans { open { hours: 13 } close { hours: 14 } }`)
		})},
	} {
		f := newCalendarFake(t)
		term := newTerminal(t, f)
		args := append([]string{"calendar", "import", "ie", icsFile, "--zone", "Europe/Dublin"}, strings.Fields(c.flags)...)
		if code := term.run(t.Context(), args...); code != 0 || !proto.Equal(f.asked, c.want) {
			t.Errorf("%s: exit %d, %s, asked %v\nwant %v", c.flags, code, term.err.String(), f.asked, c.want)
		}
	}
	f := newCalendarFake(t)
	term := newTerminal(t, f)
	term.in.Reset(string(file))
	code := term.run(t.Context(), "calendar", "import", "calendars/ie", "-", "--zone", "Europe/Dublin", "--source", "holidays.ics")
	if code != 0 || !proto.Equal(f.asked, with(func(*schedulev1.ImportCalendarRequest) {})) {
		t.Errorf("standard input: exit %d, %s, asked %v", code, term.err.String(), f.asked)
	}
}

// TestCalendarRefuses: what is wrong is said, with the exit code of its kind, and no server is asked.
func TestCalendarRefuses(t *testing.T) {
	big := filepath.Join(t.TempDir(), "big.ics")
	if err := os.WriteFile(big, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, 50_000_000); err != nil { // 50 MB of holes
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"import ie " + icsFile, 2, "--zone is required"},
		{"import ie - --zone UTC", 2, "--source is required"},
		{"import IE! " + icsFile + " --zone UTC", 2, `"IE!" is no calendar`},
		{"import ie " + icsFile + " --zone UTC --timed maybe", 2, "must be close, open or refuse"},
		{"import ie " + icsFile + " --zone UTC --from 2027-02-29", 2, `--from "2027-02-29": must be a date`},
		{"import ie " + icsFile + " --zone UTC --worked-as x", 2, "must be a weekday"},
		{"import ie " + icsFile + " --zone UTC --half-day 9-12", 2, "must open at 00:00"},
		{"import ie " + icsFile + " --zone UTC --half-day 09:00-12:00 --worked-as fri", 2, "one of the two"},
		{"import ie testdata/none.ics --zone UTC", 1, "testdata/none.ics: no such file"},
		{"import ie " + big + " --zone UTC", 1, "is too large: a calendar's file may have at most 2 MiB"},
		{"show " + big + " --zone UTC", 1, "is too large: a calendar's file may have at most 2 MiB"},
		{"show testdata/none.ics", 1, "no file that exists"},
		{"show " + icsFile, 2, "--zone is required for testdata/holidays.ics"},
		{"show " + icsFile + " --zone Mars/Olympus", 1, `time_zone: "Mars/Olympus"`},
		{"show " + icsFile + " --zone UTC --year 1969", 1, "first_date"},
		{"show testdata/cork.yaml", 1, "holds 0 calendars, and must hold one"},
		{"show none", 1, "calendars/none does not exist"},
		{"seed CN", 1, `place: "CN": must be one of AR`},
		{"seed IE --years 2028-2026", 2, "two that ascend"},
		{"seed IE --years 1066", 1, "years"},
		{"seed IE --id IE", 2, "lower-case"},
		{"sed IE", 2, `there is no command "calendar sed"; did you mean seed?`},
		{"seed", 2, "wrong number of arguments; usage: dayside calendar seed PLACE"},
	} {
		f := newCalendarFake(t)
		term := newTerminal(t, f)
		code := term.run(t.Context(), append([]string{"calendar"}, strings.Fields(c.args)...)...)
		if code != c.code || !strings.Contains(term.err.String(), c.want) || term.out.Len() > 0 || f.asked != nil {
			t.Errorf("%s: exit %d, want %d and %q; asked %v\n%s", c.args, code, c.code, c.want, f.asked, term.err.String())
		}
	}
	// Standard input has no size: it is read no further than the limit.
	term := newTerminal(t, newCalendarFake(t))
	endless := &counted{}
	term.env.In = endless
	code := term.run(t.Context(), "calendar", "import", "ie", "-", "--zone", "UTC", "--source", "x")
	if code != 1 || !strings.Contains(term.err.String(), "standard input: is too large") || endless.n > 3<<20 {
		t.Errorf("exit %d, %d bytes read, %s", code, endless.n, term.err.String())
	}
}

// counted is a reader without end.
type counted struct{ n int }

func (c *counted) Read(p []byte) (int, error) {
	c.n += len(p)
	return len(p), nil
}

// TestImportWithoutACalendar says how to make it.
func TestImportWithoutACalendar(t *testing.T) {
	f := newCalendarFake(t)
	f.err = refusal(codes.NotFound, "calendars/ie does not exist", rpcv1.Reason_REASON_NOT_FOUND)
	term := newTerminal(t, f)
	code := term.run(t.Context(), "calendar", "import", "ie", icsFile, "--zone", "UTC")
	if code != 1 || term.err.String() != "error: calendars/ie does not exist\n  --display-name makes it\n" {
		t.Errorf("exit %d, %s", code, term.err.String())
	}
}

// TestSeedsApply: what seed writes, for every place, reads as the same calendar; doubts are no part of it.
func TestSeedsApply(t *testing.T) {
	term := newTerminal(t, newCalendarFake(t))
	if code := term.run(t.Context(), "calendar", "places"); code != 0 {
		t.Fatal(term.err.String())
	}
	places := strings.Fields(term.out.String())
	if len(places) < 60 {
		t.Errorf("places %q", places)
	}
	for _, place := range places {
		if code := term.run(t.Context(), "calendar", "seed", place); code != 0 {
			t.Fatalf("%s: %s", place, term.err.String())
		}
		sources, err := manifest.Load([]string{"-"}, io.Reader(bytes.NewReader(term.out.Bytes())))
		if err != nil {
			t.Fatal(err)
		}
		set, err := manifest.Read(sources)
		if err != nil || len(set.Calendars) != 1 || set.Calendars[0].GetName() != "calendars/"+strings.ToLower(place) {
			t.Errorf("%s: %v, %v", place, set, err)
		}
	}
}
