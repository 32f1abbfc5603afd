package cli_test

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	ics "github.com/arran4/golang-ical"
	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// TestCoverageAsICalendarIsReadElsewhere: another reader finds every interval of the answer, and the gaps marked.
func TestCoverageAsICalendarIsReadElsewhere(t *testing.T) {
	f := newFake(t)
	f.coverage.Sites[0].Site = "sites/größe-" + strings.Repeat("ß", 60) // no ID has this, but a line must fold
	term := newTerminal(t, f)
	read := func(args ...string) *ics.Calendar {
		t.Helper()
		if code := term.run(t.Context(), append([]string{"coverage", "gold-emergency", "--ics"}, args...)...); code != 0 {
			t.Fatal(term.err.String())
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(term.out.String(), "\r\n"), "\r\n") {
			if len(line) > 75 || strings.ContainsAny(line, "\r\n") || !utf8.ValidString(line) {
				t.Errorf("no line of iCalendar: %q", line)
			}
		}
		c, err := ics.ParseCalendar(strings.NewReader(term.out.String()))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	var want, got, uids []string
	text := func(what string, from, to time.Time) string {
		return what + " " + from.UTC().Format(time.RFC3339) + " " + to.UTC().Format(time.RFC3339)
	}
	for _, s := range f.coverage.GetSites() {
		for _, iv := range s.GetOpenIntervals() {
			want = append(want, text(s.GetSite()+" open OPEN", iv.GetStartTime().AsTime(), iv.GetEndTime().AsTime()))
		}
	}
	for i, what := range []string{
		"On duty for lines/gold-emergency: people/anna ON-DUTY", "GAP: no site of lines/gold-emergency open and nobody on duty GAP",
		"lines/gold-emergency is closed as intended INTENDED",
	} {
		iv := f.coverage.GetJudgedGaps()[i].GetInterval()
		want = append(want, text(what, iv.GetStartTime().AsTime(), iv.GetEndTime().AsTime()))
	}
	for _, e := range read().Events() {
		from, err1 := e.GetStartAt()
		to, err2 := e.GetEndAt()
		stamp, err3 := e.GetDtStampTime()
		if err := errors.Join(err1, err2, err3); err != nil || !stamp.Equal(now) {
			t.Fatalf("%v, made at %v", err, stamp)
		}
		got = append(got, text(e.GetProperty(ics.ComponentPropertySummary).Value+" "+
			e.GetProperty(ics.ComponentPropertyCategories).Value, from, to))
		uids = append(uids, e.Id())
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	// Asked half an hour later, the first interval and the first day begin later, and are the same events.
	f.coverage.Interval.StartTime.Seconds += 1000
	f.coverage.Sites[0].OpenIntervals[0].StartTime.Seconds += 1000
	var again []string
	for _, e := range read("--days", "4").Events() {
		again = append(again, e.Id())
	}
	slices.Sort(uids)
	if slices.Sort(again); !slices.Equal(again, uids) || len(slices.Compact(uids)) != len(want) {
		t.Errorf("UIDs %q, then %q", uids, again)
	}
}

// TestCoverageAsSVGIsXML: it is well-formed whatever sites are called, and has a bar for each interval and gap.
func TestCoverageAsSVGIsXML(t *testing.T) {
	f := newFake(t)
	f.coverage.Sites[0].Site = `sites/<"&\x01`
	term := newTerminal(t, f)
	for _, days := range []string{"1", "400"} {
		if code := term.run(t.Context(), "coverage", "gold-emergency", "--svg", "--days", days); code != 0 {
			t.Fatal(term.err.String())
		}
		rects := 0
		for d := xml.NewDecoder(strings.NewReader(term.out.String())); ; {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, term.out.String())
			}
			if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rect" {
				rects++
			}
		}
		if rects != 1+4+3 { // the ground, four intervals, three gaps
			t.Errorf("%d rectangles\n%s", rects, term.out.String())
		}
	}
}

// TestAYearIsSummedUpByMonths: gaps that are alike are one row, the uncovered ones first, and only gaps are asked for.
func TestAYearIsSummedUpByMonths(t *testing.T) {
	f := newFake(t)
	end := now.AddDate(0, 0, 100)
	r := &schedulev1.QueryCoverageResponse{
		Interval: period(now, end), Handovers: 200, OverlapTime: durationpb.New(50 * time.Hour),
		Sites: []*schedulev1.SiteOpenTime{{Site: "sites/dublin", OpenTime: durationpb.New(1200 * time.Hour)}},
	}
	covered := end.Sub(now)
	gap := func(from time.Time, lasts time.Duration, kind schedulev1.CoverageGap_Kind, onDuty ...string) {
		r.JudgedGaps = append(r.JudgedGaps, &schedulev1.CoverageGap{Interval: period(from, from.Add(lasts)), Kind: kind, OnDuty: onDuty})
		covered -= lasts
	}
	for d := range 99 {
		night := now.AddDate(0, 0, d).Add(11 * time.Hour)
		gap(night, 2*time.Hour, schedulev1.CoverageGap_KIND_PLANNED, []string{"people/anna", "people/bob"}[d%2])
		if d == 32 { // Christmas
			gap(night.Add(2*time.Hour), 7*time.Hour, schedulev1.CoverageGap_KIND_UNCOVERED)
		}
	}
	r.CoveredTime = durationpb.New(covered)
	f.coverage = r
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "coverage", "gold-emergency", "--days", "100"); code != 0 {
		t.Fatal(term.err.String())
	}
	golden(t, "coverage-months", term.out.String())
	if asked, _ := f.asked.(*schedulev1.QueryCoverageRequest); !asked.GetGapsOnly() {
		t.Errorf("asked %v", asked)
	}
	// A program gets everything.
	if code := term.run(t.Context(), "coverage", "gold-emergency", "--days", "100", "-o", "json"); code != 0 {
		t.Fatal(term.err.String())
	}
	if asked, _ := f.asked.(*schedulev1.QueryCoverageRequest); asked.GetGapsOnly() {
		t.Errorf("asked %v", asked)
	}
}

func period(from, to time.Time) *interval.Interval {
	return &interval.Interval{StartTime: timestamppb.New(from), EndTime: timestamppb.New(to)}
}

func TestNothingUncoveredIsProvedUntilADate(t *testing.T) {
	f := newFake(t)
	f.coverage.JudgedGaps = f.coverage.GetJudgedGaps()[:1] // the planned one
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "coverage", "gold-emergency"); code != 0 ||
		!strings.Contains(term.out.String(), "No uncovered gap until Thu 2026-11-26 12:00 UTC.") {
		t.Errorf("%s%s", term.out.String(), term.err.String())
	}
}

func TestCoverageHasOneFormat(t *testing.T) {
	term := newTerminal(t, newFake(t))
	for _, args := range [][]string{{"--ics", "--svg"}, {"--ics", "-o", "json"}, {"--svg", "-o", "yaml"}} {
		if code := term.run(t.Context(), append([]string{"coverage", "gold-emergency"}, args...)...); code != 2 ||
			!strings.Contains(term.err.String(), "only one of them") {
			t.Errorf("%v: exit %d, %s", args, code, term.err.String())
		}
	}
}
