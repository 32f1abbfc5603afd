package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// adoption is how a fake answers AdoptTimeZoneRules: with moves, and as its rules allow.
type adoption struct {
	moves      *schedulev1.AdoptTimeZoneRulesResponse
	older, gap bool
	asked      []*schedulev1.AdoptTimeZoneRulesRequest
}

func (f *fake) GetTimeZoneRules(_ context.Context, r *schedulev1.GetTimeZoneRulesRequest) (*schedulev1.TimeZoneRules, error) {
	f.asked = r
	if f.rules == nil {
		return nil, refusal(codes.Unavailable, "not ready", rpcv1.Reason_REASON_VIEW_NOT_READY)
	}
	return f.rules, f.err
}

func (f *fake) AdoptTimeZoneRules(_ context.Context, r *schedulev1.AdoptTimeZoneRulesRequest) (*schedulev1.AdoptTimeZoneRulesResponse, error) {
	a := f.adoption
	a.asked = append(a.asked, r)
	switch {
	case a.older && !r.GetAllowOlder():
		return nil, refusal(codes.FailedPrecondition, "is older; allow_older adopts it all the same", rpcv1.Reason_REASON_WRONG_STATE)
	case a.gap && !r.GetAllowGap():
		return nil, refusal(codes.FailedPrecondition, "would leave gaps; allow_gap writes it all the same", rpcv1.Reason_REASON_COVERAGE_GAP)
	case r.GetValidateOnly():
		return a.moves, nil
	}
	done, _ := proto.Clone(a.moves).(*schedulev1.AdoptTimeZoneRulesResponse)
	done.Revision = 1234
	return done, nil
}

// changed is how often the server was asked to change something.
func (a *adoption) changed() (n int) {
	for _, r := range a.asked {
		if !r.GetValidateOnly() {
			n++
		}
	}
	return n
}

const someRules = `
	release: "2025c" adopt_time { seconds: 1795338000 } source: TIME_ZONE_SOURCE_EMBEDDED fingerprint: 7
	horizon { start_time { seconds: 1795132800 } end_time { seconds: 1830038400 } }
	candidates {
		source: TIME_ZONE_SOURCE_CONFIGURED release: "2026f" fingerprint: 8 differing_zones: 6
		used_zones {
			time_zone: "America/Vancouver" from { seconds: 1795132800 } offset_before { seconds: -28800 }
			offset_after { seconds: -25200 }
			used_by: "rotas/night" used_by: "sites/burnaby" used_by: "sites/surrey" used_by: "sites/vancouver" used_by: "sites/victoria"
		}
		used_zones {
			time_zone: "US/Pacific" from { seconds: 1795132800 } offset_before { seconds: -28800 } used_by: "sites/reno"
		}
		problem: "does not know US/Pacific (used by sites/reno)"
	}
	candidates { source: TIME_ZONE_SOURCE_EMBEDDED release: "2025c" fingerprint: 7 }
	candidates { source: TIME_ZONE_SOURCE_SYSTEM problem: "/usr/share/zoneinfo cannot be used: no such file or directory" }`

const someMoves = `
	release_before: "2025c" release_after: "2026f"
	zones {
		time_zone: "America/Vancouver" from { seconds: 1795132800 } offset_before { seconds: -28800 }
		offset_after { seconds: -25200 } used_by: "sites/vancouver"
	}
	impact { sites {
		site: "sites/vancouver"
		openings {
			before { start_time { seconds: 1795453200 } end_time { seconds: 1795482000 } }
			after { start_time { seconds: 1795449600 } end_time { seconds: 1795478400 } }
		}
	} }`

func newRulesFake(t *testing.T) *fake {
	t.Helper()
	f := newFake(t)
	f.rules = text(t, &schedulev1.TimeZoneRules{}, someRules)
	f.adoption = &adoption{moves: text(t, &schedulev1.AdoptTimeZoneRulesResponse{}, someMoves)}
	return f
}

func TestRulesAreShown(t *testing.T) {
	f := newRulesFake(t)
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "tzdata", "status"); code != 0 || term.err.Len() > 0 {
		t.Fatalf("exit %d, %s", code, term.err.String())
	}
	golden(t, "tzdata-status", term.out.String())
	if code := term.run(t.Context(), "tzdata", "status", "-o", "json"); code != 0 || !json.Valid(term.out.Bytes()) {
		t.Errorf("as JSON: exit %d, %s", code, term.out.String())
	}
	if code := term.run(t.Context(), "tzdata", "status", "--bundle", "testdata"); code != 1 ||
		!strings.Contains(term.err.String(), "its release is not known") {
		t.Errorf("a folder without zones: exit %d, %s", code, term.err.String())
	}
}

func TestAdoptingShowsThenAsks(t *testing.T) {
	for name, c := range map[string]struct {
		args    []string
		answer  string // of whoever sits there; "" where nobody does
		prepare func(*fake)
		code    int
		changes int
		stderr  string
	}{
		"yes":          {answer: "y\n", changes: 1},
		"no":           {answer: "\n", code: 1, stderr: "nothing was changed"},
		"nobody":       {code: 1, stderr: "give --yes"},
		"not asked":    {args: []string{"--yes"}, changes: 1},
		"dry run":      {args: []string{"--dry-run"}},
		"from system":  {args: []string{"--from", "system", "--yes"}, changes: 1},
		"older":        {args: []string{"--yes"}, prepare: func(f *fake) { f.adoption.older = true }, code: 1, stderr: "allow_older"},
		"older, meant": {args: []string{"--yes", "--allow-older"}, prepare: func(f *fake) { f.adoption.older = true }, changes: 1},
		"gap":          {args: []string{"--yes"}, prepare: func(f *fake) { f.adoption.gap = true }, code: 1, stderr: "allow"},
		"gap, meant":   {args: []string{"--yes", "--allow-gap"}, prepare: func(f *fake) { f.adoption.gap = true }, changes: 1},
		"nowhere":      {args: []string{"--from", "mars"}, code: 2, stderr: "embedded, system or configured"},
		"twice":        {args: []string{"--from", "system", "--bundle", "x"}, code: 2, stderr: "one of them"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newRulesFake(t)
			f.rules.Candidates[0].Problem = ""
			if c.prepare != nil {
				c.prepare(f)
			}
			term := newTerminal(t, f)
			term.env.Interactive = c.answer != ""
			term.in.Reset(c.answer)
			code := term.run(t.Context(), append([]string{"tzdata", "adopt"}, c.args...)...)
			if code != c.code || f.adoption.changed() != c.changes || !strings.Contains(term.err.String(), c.stderr) {
				t.Fatalf("exit %d, %d changes, %s", code, f.adoption.changed(), term.err.String())
			}
			if code == 2 {
				return
			}
			if !strings.Contains(term.out.String(), "sites/vancouver") {
				t.Errorf("what moves was not shown: %s", term.out.String())
			}
			last := f.adoption.asked[len(f.adoption.asked)-1]
			if c.changes > 0 && last.GetExpectedRelease() != "2025c" {
				t.Errorf("adopted whatever was in force: %v", last)
			}
			if name == "yes" {
				golden(t, "tzdata-adopt", term.out.String())
			}
		})
	}
}

func TestAdoptingNothingNewer(t *testing.T) {
	f := newRulesFake(t) // the only newer one has a problem
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "tzdata", "adopt", "--yes"); code != 0 || len(f.adoption.asked) > 0 ||
		!strings.Contains(term.err.String(), "nothing newer is at hand") {
		t.Errorf("exit %d, asked %v, %s", code, f.adoption.asked, term.err.String())
	}
}

func TestAdoptingAnswersAsJSON(t *testing.T) {
	term := newTerminal(t, newRulesFake(t))
	code := term.run(t.Context(), "tzdata", "adopt", "--from", "configured", "--yes", "-o", "json")
	var answer struct{ Revision, ReleaseAfter string }
	if err := json.Unmarshal(term.out.Bytes(), &answer); code != 0 || err != nil || answer.Revision != "1234" ||
		answer.ReleaseAfter != "2026f" {
		t.Errorf("exit %d, %v, %s", code, err, term.out.String())
	}
}

// TestPackedRulesAreTakenBack: what pack writes, --bundle reads; packing it again gives the same bytes.
func TestPackedRulesAreTakenBack(t *testing.T) {
	const folder = "/usr/share/zoneinfo"
	if _, err := os.Stat(filepath.Join(folder, "tzdata.zi")); err != nil {
		t.Skip("the machine has no zoneinfo with a release")
	}
	f := newRulesFake(t)
	term := newTerminal(t, f)
	file := filepath.Join(t.TempDir(), "rules.tar.gz")
	if code := term.run(t.Context(), "tzdata", "pack", folder, "-o", file); code != 0 || term.out.Len() > 0 {
		t.Fatalf("exit %d, %s", code, term.err.String())
	}
	packed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if code := term.run(t.Context(), "tzdata", "pack", file); code != 0 || !bytes.Equal(term.out.Bytes(), packed) {
		t.Errorf("packed again: exit %d, %d bytes instead of %d", code, term.out.Len(), len(packed))
	}
	if code := term.run(t.Context(), "tzdata", "adopt", "--bundle", file, "--dry-run"); code != 0 {
		t.Fatalf("exit %d, %s", code, term.err.String())
	}
	if got := f.adoption.asked[0]; got.GetSource() != schedulev1.TimeZoneSource_TIME_ZONE_SOURCE_SENT || !bytes.Equal(got.GetBundle(), packed) {
		t.Errorf("sent %d bytes as %v", len(got.GetBundle()), got.GetSource())
	}
	if code := term.run(t.Context(), "tzdata", "pack", t.TempDir()); code != 1 || !strings.Contains(term.err.String(), "release is not known") {
		t.Errorf("an empty folder: exit %d, %s", code, term.err.String())
	}
}

func TestVersionSaysTheReleases(t *testing.T) {
	f := newRulesFake(t)
	term := newTerminal(t, f)
	read := func() map[string]string {
		var answer map[string]string
		if code := term.run(t.Context(), "version", "-o", "json"); code != 0 {
			t.Fatalf("exit %d, %s", code, term.err.String())
		}
		if err := json.Unmarshal(term.out.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		return answer
	}
	if got := read(); len(got["tzdata"]) != 5 || got["tzdata_in_force"] != "2025c" {
		t.Errorf("beside a server: %v", got)
	}
	f.rules = nil
	if got := read(); len(got["tzdata"]) != 5 || got["tzdata_in_force"] != "" {
		t.Errorf("beside one that does not answer: %v", got)
	}
}

// TestLocalTimesAreTheServers: of a zone that this program reads otherwise, the clock is shown as the server has it, with
// its offset; of others, with the abbreviation people know.
func TestLocalTimesAreTheServers(t *testing.T) {
	f := newFake(t)
	f.open = text(t, &schedulev1.QueryOpenSitesResponse{}, `
		at { seconds: 1795449600 }
		sites {
			site: "sites/vancouver" display_name: "Vancouver" time_zone: "America/Vancouver" open: true
			next_change { seconds: 1795478400 } next_change_utc_offset { seconds: -25200 }
		}
		sites {
			site: "sites/dublin" display_name: "Dublin" time_zone: "Europe/Dublin"
			next_change { seconds: 1795507200 } next_change_utc_offset {}
		}
		sites {
			site: "sites/utopia" display_name: "Utopia" time_zone: "Mars/Utopia"
			next_change { seconds: 1795507200 } next_change_utc_offset { seconds: 20700 }
		}`)
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "open"); code != 0 {
		t.Fatalf("exit %d, %s", code, term.err.String())
	}
	for _, want := range []string{"Mon 2026-11-23 17:00 -07:00", "Tue 2026-11-24 08:00 GMT", "Tue 2026-11-24 13:45 +05:45"} {
		if !strings.Contains(term.out.String(), want) {
			t.Errorf("without %q:\n%s", want, term.out.String())
		}
	}
}

// TestARotaIsShownByTheServersClock: by rules under which Dublin stays an hour ahead in spring, turns are shown with offsets;
// by rules like this program's, with abbreviations.
func TestARotaIsShownByTheServersClock(t *testing.T) {
	f := newDutyFake(t)
	f.duty = text(t, &schedulev1.QueryDutyResponse{}, someDuty) // changes its clock at 1806195600
	for what, c := range map[string]struct{ clock, want string }{
		"alike": {`clock { from { seconds: 1805803200 } utc_offset {} } clock { from { seconds: 1806195600 } utc_offset { seconds: 3600 } }`, "IST"},
		"never": {`clock { from { seconds: 1805803200 } utc_offset {} }`, "Tue 2027-03-30 11:00 +00:00"},
		"later": {`clock { from { seconds: 1805803200 } utc_offset {} } clock { from { seconds: 1806300000 } utc_offset { seconds: 3600 } }`,
			"Tue 2027-03-30 12:00 +01:00"},
		"no clock": {"", "IST"},
	} {
		f.duty.Clock = text(t, &schedulev1.QueryDutyResponse{}, c.clock).GetClock()
		term := newTerminal(t, f)
		if code := term.run(t.Context(), "rota", "show", "nights"); code != 0 || !strings.Contains(term.out.String(), c.want) {
			t.Errorf("%s: exit %d, without %q:\n%s%s", what, code, c.want, term.out.String(), term.err.String())
		}
	}
}
