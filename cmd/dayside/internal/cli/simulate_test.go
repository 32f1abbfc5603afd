package cli_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// From Monday, 23 November 2026, 12:00 UTC. Dublin opens an hour later on two mornings, and is closed on a third day: the
// rota serves a part of it. A line is new.
const impactAnswer = `
impact {
  lines { line: "lines/gold-emergency"
    handovers { before { seconds: 1795508100 } after { seconds: 1795511700 } from_sites: "sites/bengaluru"
      to_sites: "sites/bengaluru" to_sites: "sites/dublin" }
    handovers { before { seconds: 1795594500 } after { seconds: 1795598100 } from_sites: "sites/bengaluru"
      to_sites: "sites/bengaluru" to_sites: "sites/dublin" }
    handovers { before { seconds: 1795680900 } from_sites: "sites/bengaluru" to_sites: "sites/bengaluru" to_sites: "sites/dublin" }
    handovers { after { seconds: 1795701600 } from_sites: "sites/bengaluru" }
    more_handovers: 3
    gaps_created { interval { start_time { seconds: 1795701600 } end_time { seconds: 1795708800 } } kind: KIND_UNCOVERED }
    gaps_planned { interval { start_time { seconds: 1795708800 } end_time { seconds: 1795712400 } } kind: KIND_PLANNED on_duty: "people/anna" }
    gaps_closed { interval { start_time { seconds: 1795500000 } end_time { seconds: 1795503600 } } }
    gaps_closed { interval { start_time { seconds: 1795586400 } end_time { seconds: 1795590000 } } kind: KIND_PLANNED on_duty: "people/bob" }
    gaps_closed { interval { start_time { seconds: 1795672800 } end_time { seconds: 1795676400 } } kind: KIND_INTENDED }
    more_gaps: 1 }
  lines { line: "lines/new" created: true more_handovers: 11 handovers { after { seconds: 1795701600 } from_sites: "sites/bengaluru" }
    gaps_created { interval { start_time { seconds: 1795701600 } end_time { seconds: 1795788000 } } kind: KIND_UNCOVERED } }
  sites { site: "sites/dublin"
    openings { before { start_time { seconds: 1795508100 } end_time { seconds: 1795539600 } }
      after { start_time { seconds: 1795511700 } end_time { seconds: 1795539600 } } }
    openings { before { start_time { seconds: 1795594500 } end_time { seconds: 1795626000 } }
      after { start_time { seconds: 1795598100 } end_time { seconds: 1795626000 } } }
    openings { before { start_time { seconds: 1795680900 } end_time { seconds: 1795712400 } } }
    more_openings: 1
    weeks { monday { year: 2026 month: 11 day: 23 } before { seconds: 144000 } after { seconds: 105300 } }
    weeks { monday { year: 2026 month: 11 day: 30 } before { seconds: 144000 } after { seconds: 147600 } }
    weeks { monday { year: 2026 month: 12 day: 7 } before { seconds: 144000 } after { seconds: 147600 } } }
}
tzdata_release: "2026f"`

func TestSimulate(t *testing.T) {
	f := newFake(t)
	f.simulated = text(t, &schedulev1.SimulateResponse{}, impactAnswer)
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "simulate", "-f", "testdata/cork.yaml", "--delete", "site/denver", "--days", "7"); code != 0 {
		t.Fatal(term.err.String())
	}
	golden(t, "simulate", term.out.String())
	asked, _ := f.asked.(*schedulev1.SimulateRequest)
	if len(asked.GetSites()) != 1 || asked.GetDelete()[0] != "sites/denver" || !asked.GetInterval().GetStartTime().AsTime().Equal(now) ||
		!asked.GetInterval().GetEndTime().AsTime().Equal(now.AddDate(0, 0, 7)) {
		t.Errorf("asked %v", asked)
	}
	f.simulated = &schedulev1.SimulateResponse{}
	if code := term.run(t.Context(), "simulate", "--delete", "calendars/ie"); code != 0 ||
		!strings.Contains(term.out.String(), "No line's coverage changes, and no site's hours.") {
		t.Errorf("%s%s", term.out.String(), term.err.String())
	}
}

// TestSimulateLinesOfFiles: of a line, what coverage depends on is asked about, and nothing else: no number is sent.
func TestSimulateLinesOfFiles(t *testing.T) {
	f := newFake(t)
	f.simulated = &schedulev1.SimulateResponse{}
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "simulate", "-f", "../../../../deploy/examples/followthesun", "--from", "2027-03-01"); code != 0 {
		t.Fatal(term.err.String())
	}
	asked, _ := f.asked.(*schedulev1.SimulateRequest)
	if len(asked.GetLines()) != len(f.set.Lines) || len(asked.GetSites()) != len(f.set.Sites) {
		t.Fatalf("asked %v", asked)
	}
	for i, l := range f.set.Lines {
		want := &schedulev1.LineCoverage{Line: l.GetName(), Rotas: l.GetRotas(), ServiceHours: l.GetServiceHours()}
		for _, s := range l.GetSites() {
			want.Sites = append(want.Sites, s.GetSite())
		}
		if !proto.Equal(asked.GetLines()[i], want) {
			t.Errorf("asked %v, want %v", asked.GetLines()[i], want)
		}
	}
}

func TestSimulateIsToldWhatIsWrong(t *testing.T) {
	f := newFake(t)
	term := newTerminal(t, f)
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "give -f with what would be written, --delete with what would be deleted, or both"},
		{[]string{"--delete", "dublin"}, `"dublin" is no kind of resource`},
		{[]string{"--delete", "sites/dublin", "--days", "401"}, "--days 401: must be 1 to 400"},
		{[]string{"--delete", "sites/dublin", "--from", "soon"}, `--from "soon"`},
	} {
		if code := term.run(t.Context(), append([]string{"simulate"}, c.args...)...); code != 2 || !strings.Contains(term.err.String(), c.want) {
			t.Errorf("%v: exit %d, %s", c.args, code, term.err.String())
		}
	}
	f.err = refusal(codes.InvalidArgument, "invalid", rpcv1.Reason_REASON_INVALID_FIELD,
		&errdetails.BadRequest_FieldViolation{Field: "sites/cork: time_zone", Description: "is no time zone"})
	if code := term.run(t.Context(), "simulate", "-f", "testdata/cork.yaml"); code != 1 || !strings.Contains(term.err.String(), "testdata/cork.yaml:") {
		t.Errorf("%s", term.err.String())
	}
}

// TestALongImpactIsCut: what is alike is one row, and of forty rows the rest is counted.
func TestALongImpactIsCut(t *testing.T) {
	f := newFake(t)
	line := &schedulev1.LineImpact{Line: "lines/gold-emergency"}
	for i := range 100 {
		from := now.AddDate(0, 0, i).Add(time.Duration(i/2) * time.Minute) // two of each
		line.GapsCreated = append(line.GapsCreated, &schedulev1.CoverageGap{
			Interval: period(from, from.Add(time.Hour)), Kind: schedulev1.CoverageGap_KIND_UNCOVERED,
		})
	}
	f.simulated = &schedulev1.SimulateResponse{Impact: &schedulev1.Impact{Lines: []*schedulev1.LineImpact{line}}}
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "simulate", "--delete", "sites/dublin"); code != 0 {
		t.Fatal(term.err.String())
	}
	out := term.out.String()
	if strings.Count(out, "UNCOVERED") != 40 || strings.Count(out, "1h00m   2      ") != 40 || !strings.Contains(out, "and 10 rows more; -o json") ||
		!strings.Contains(out, "100 uncovered gaps appear") {
		t.Error(out)
	}
}
