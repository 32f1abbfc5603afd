package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/manifest"
)

const openAnswer = `
at { seconds: 1795435200 }
sites { site: "sites/sydney" display_name: "Sydney" time_zone: "Australia/Sydney" next_change { seconds: 1795467600 }
  rule: "weekly hours, Tue 08:00-18:00" }
sites { site: "sites/bengaluru" display_name: "Bengaluru" time_zone: "Asia/Kolkata" open: true
  next_change { seconds: 1795442400 } rule: "weekly hours, Mon 08:30-19:30" }
sites { site: "sites/dublin" display_name: "Dublin" time_zone: "Europe/Dublin" open: true
  next_change { seconds: 1795437000 } rule: "weekly hours, Mon 08:00-12:30" }
sites { site: "sites/nowhere" display_name: "Now\033here" time_zone: "Atlantis/Deep" }
next_change { seconds: 1795437000 } tzdata_release: "2025c"`

const whyAnswer = `
site: "sites/dublin" at { seconds: 1795525200 } rule_kind: HOURS_RULE_WEEKLY
rule: "weekly hours, Tue 08:00-12:30, 13:30-17:30" since { seconds: 1795523400 } until { seconds: 1795527000 }
sentence: "Dublin is closed at Tue 24 Nov 13:00 GMT: between 12:30 and 13:30 by weekly hours, Tue 08:00-12:30, 13:30-17:30; opens at 13:30"
time_zone: "Europe/Dublin" tzdata_release: "2025c"`

const routeAnswer = `
route {
  call_id: "explain" line: "lines/gold-emergency" valid_until { seconds: 1795437000 }
  forward {
    targets { target_id: "1" target { sip_uri: "sip:support@dublin.example.com" } site: "sites/dublin"
      display_name: "Dublin" ring_timeout { seconds: 20 } }
    targets { target_id: "2" target { phone_number { e164_number: "+13035550131" } } site: "sites/dublin"
      display_name: "Dublin" ring_timeout { seconds: 20 } }
    targets { target_id: "3" target { sip_uri: "sip:duty@hq.example.com" } last_resort: true display_name: "Duty manager" }
  }
  explanation {
    decided_at { seconds: 1795435200 } view_revision: 12 view_age { nanos: 250000000 } tzdata_release: "2025c"
    caller_class: CALLER_CLASS_ENTITLED customers: "customers/acme"
    verdicts: [VERDICT_LINE_FOUND, VERDICT_CALLER_UNVERIFIED, VERDICT_ENTITLED_BY_CONTRACT, VERDICT_TREATMENT_FORWARD,
      VERDICT_SITES_OPEN, VERDICT_LADDER_SITES]
    sites { site: "sites/sydney" reason: SITE_REASON_CLOSED next_change { seconds: 1795467600 } rule: "weekly hours, Tue 08:00-18:00" }
    sites { site: "sites/dublin" reason: SITE_REASON_FIRST rank: 1 remaining { seconds: 16200 } next_change { seconds: 1795437000 }
      rule: "weekly hours, Mon 08:00-12:30" }
    strategy: STRATEGY_FOLLOW_THE_SUN
  }
}`

const refusedAnswer = `
route {
  line: "lines/gold-emergency" end { cause: END_CAUSE_REFUSED text: "not entitled" }
  explanation {
    decided_at { seconds: 1795435200 } view_revision: 12 caller_class: CALLER_CLASS_NOT_ENTITLED customers: "customers/cormorant-bank"
    verdicts: [VERDICT_LINE_FOUND, VERDICT_CALLER_VERIFIED, VERDICT_CONTRACT_ENDED, VERDICT_TREATMENT_REJECT]
  }
}`

// Monday 12:00 to Thursday 12:00; Dublin with its lunch, and a gap over a part of the first night, when a rota is on duty.
const coverageAnswer = `
interval { start_time { seconds: 1795435200 } end_time { seconds: 1795694400 } }
covered_time { seconds: 216000 }
gaps { start_time { seconds: 1795454100 } end_time { seconds: 1795467600 } }
gaps { start_time { seconds: 1795651200 } end_time { seconds: 1795680000 } }
judged_gaps { interval { start_time { seconds: 1795454100 } end_time { seconds: 1795467600 } } kind: KIND_PLANNED on_duty: "people/anna" }
judged_gaps { interval { start_time { seconds: 1795651200 } end_time { seconds: 1795672800 } } kind: KIND_UNCOVERED }
judged_gaps { interval { start_time { seconds: 1795672800 } end_time { seconds: 1795680000 } } kind: KIND_INTENDED }
overlap_time { seconds: 0 } handovers: 4
sites { site: "sites/dublin" open_intervals { start_time { seconds: 1795435200 } end_time { seconds: 1795437000 } }
  open_intervals { start_time { seconds: 1795440600 } end_time { seconds: 1795454100 } } }
sites { site: "sites/sydney" open_intervals { start_time { seconds: 1795467600 } end_time { seconds: 1795651200 } }
  open_intervals { start_time { seconds: 1795680000 } end_time { seconds: 1795694400 } } }`

func newFake(t *testing.T) *fake {
	return &fake{
		set:      example(t),
		open:     text(t, &schedulev1.QueryOpenSitesResponse{}, openAnswer),
		coverage: text(t, &schedulev1.QueryCoverageResponse{}, coverageAnswer),
		why:      text(t, &schedulev1.ExplainSiteResponse{}, whyAnswer),
		watched: []*schedulev1.WatchCoverageResponse{
			text(t, &schedulev1.WatchCoverageResponse{}, `line: "lines/gold-emergency" at { seconds: 1795435200 }
				sites: "sites/dublin" sites: "sites/bengaluru" next_change { seconds: 1795437000 } next_sites: "sites/bengaluru"`),
			text(t, &schedulev1.WatchCoverageResponse{}, `line: "lines/gold-emergency" at { seconds: 1795437000 }
				sites: "sites/bengaluru" next_change { seconds: 1795442400 }`),
			text(t, &schedulev1.WatchCoverageResponse{}, `line: "lines/gold-emergency" at { seconds: 1795442400 }`),
		},
		route: text(t, &routingv1.ExplainRouteResponse{}, routeAnswer),
		applied: text(t, &routingv1.ApplyConfigurationResponse{}, `
			changes { name: "sites/cork" kind: KIND_CREATE fields { path: "display_name" after: "Cork" } }
			changes { name: "sites/denver" kind: KIND_UNCHANGED }
			changes { name: "customers/acme" kind: KIND_DELETE }
			changes { name: "lines/gold-emergency" kind: KIND_UPDATE fields { path: "number" before: "(hidden)" after: "(hidden)" }
			  fields { path: "strategy" before: "STRATEGY_FOLLOW_THE_SUN" after: "STRATEGY_PRIORITY" }
			  fields { path: "product" after: "aurora" } fields { path: "min_remaining" before: "15m0s" } }
			revision: 42`),
	}
}

func TestAnswersForPeople(t *testing.T) {
	f := newFake(t)
	for name, c := range map[string]struct {
		args []string
		// setup changes the server or the terminal.
		setup func(*terminal)
	}{
		"open":            {args: []string{"open"}},
		"open-line":       {args: []string{"open", "gold-emergency"}},
		"why":             {args: []string{"why", "dublin", "--at", "2026-11-24T13:00:00Z"}},
		"why-json":        {args: []string{"why", "sites/dublin", "-o", "json"}},
		"watch":           {args: []string{"watch", "gold-emergency"}},
		"watch-json":      {args: []string{"watch", "gold-emergency", "-o", "json"}},
		"watch-yaml":      {args: []string{"watch", "gold-emergency", "-o", "yaml"}},
		"route":           {args: []string{"route", "--to", "gold-emergency", "--from", "+13035550101"}},
		"coverage":        {args: []string{"coverage", "gold-emergency", "--days", "3"}},
		"coverage-ics":    {args: []string{"coverage", "gold-emergency", "--days", "3", "--ics"}},
		"coverage-svg":    {args: []string{"coverage", "gold-emergency", "--days", "3", "--svg"}},
		"coverage-narrow": {args: []string{"coverage", "gold-emergency", "--days", "3"}, setup: func(t *terminal) { t.env.Width = 40 }},
		"list-sites":      {args: []string{"list", "sites"}},
		"list-customers":  {args: []string{"list", "customer"}},
		"list-lines":      {args: []string{"list", "lines"}},
		"get-site":        {args: []string{"get", "site", "dublin"}},
		"get-site-yaml":   {args: []string{"get", "sites/dublin", "-o", "yaml"}},
		"get-line-json":   {args: []string{"get", "line/public-support", "-o", "json"}},
		"open-yaml":       {args: []string{"open", "-o", "yaml"}},
		"apply":           {args: []string{"apply", "-f", "../../../../deploy/examples/followthesun", "--prune"}},
		"apply-dry-run":   {args: []string{"apply", "-f", "../../../../deploy/examples/followthesun", "--dry-run"}},
		"apply-colored":   {args: []string{"apply", "-f", "../../../../deploy/examples/followthesun"}, setup: func(t *terminal) { t.env.Color = true }},
		"hours":           {args: []string{"hours", "-f", "testdata/cork.yaml", "--from", "2026-12-23", "--to", "2026-12-26"}},
		"hours-json":      {args: []string{"hours", "-f", "testdata/cork.yaml", "--from", "2026-12-23", "--to", "2026-12-25", "-o", "json"}},
	} {
		t.Run(name, func(t *testing.T) {
			term := newTerminal(t, f)
			if c.setup != nil {
				c.setup(term)
			}
			if code := term.run(t.Context(), c.args...); code != 0 || term.err.Len() > 0 {
				t.Fatalf("exit %d, %s", code, term.err.String())
			}
			golden(t, name, term.out.String())
		})
	}
}

func TestARefusedCallerIsAnAnswer(t *testing.T) {
	f := newFake(t)
	f.route = text(t, &routingv1.ExplainRouteResponse{}, refusedAnswer)
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "route", "--to", "+61255500100", "--from", "+13035550103", "--attestation", "a"); code != 0 {
		t.Fatalf("exit %d, %s", code, term.err.String())
	}
	golden(t, "route-refused", term.out.String())
	asked, _ := f.asked.(*routingv1.ExplainRouteRequest)
	if asked.GetDialledNumber() != "+61255500100" || asked.GetLine() != "" ||
		asked.GetCaller().GetAttestation() != routingv1.Attestation_ATTESTATION_A || asked.GetAt() != nil {
		t.Errorf("asked %v", asked)
	}
}

func TestRequestsSayWhatWasTyped(t *testing.T) {
	f := newFake(t)
	term := newTerminal(t, f)
	for _, c := range []struct {
		args []string
		want proto.Message
	}{
		{
			[]string{"open", "lines/gold", "--at", "2026-12-25 09:00 Europe/Dublin"},
			text(t, &schedulev1.QueryOpenSitesRequest{}, `line: "lines/gold" at { seconds: 1798189200 }`),
		},
		{
			[]string{"why", "sites/dublin", "--at", "2026-12-25 09:00 Europe/Dublin"},
			text(t, &schedulev1.ExplainSiteRequest{}, `name: "sites/dublin" at { seconds: 1798189200 }`),
		},
		{
			[]string{"route", "--to", "gold", "--at", "now+3h"},
			text(t, &routingv1.ExplainRouteRequest{}, `line: "lines/gold" caller {} at { seconds: 1795446000 }`),
		},
		{
			[]string{"coverage", "gold", "--from", "2026-12-21", "--days", "1"},
			text(t, &schedulev1.QueryCoverageRequest{}, `line: "lines/gold" interval { start_time { seconds: 1797811200 } end_time { seconds: 1797897600 } }`),
		},
		{
			[]string{"delete", "customer", "acme"},
			text(t, &entitlementv1.DeleteCustomerRequest{}, `name: "customers/acme"`),
		},
	} {
		if code := term.run(t.Context(), c.args...); code != 0 {
			t.Errorf("%v: exit %d, %s", c.args, code, term.err.String())
		}
		if !proto.Equal(f.asked, c.want) {
			t.Errorf("%v: asked %v, want %v", c.args, f.asked, c.want)
		}
	}
}

func TestApplySendsWhatTheFilesHold(t *testing.T) {
	f := newFake(t)
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "apply", "-f", "../../../../deploy/examples/followthesun", "--prune", "--dry-run"); code != 0 {
		t.Fatal(term.err.String())
	}
	want := &routingv1.ApplyConfigurationRequest{
		Calendars: f.set.Calendars, People: f.set.People, Rotas: f.set.Rotas,
		Sites: f.set.Sites, Plans: f.set.Plans, Offers: f.set.Offers, Customers: f.set.Customers, Lines: f.set.Lines,
		Prune: true, ValidateOnly: true,
	}
	if !proto.Equal(f.asked, want) {
		t.Errorf("asked %v", f.asked)
	}
}

func TestAListAsJSONIsTheWholeList(t *testing.T) {
	term := newTerminal(t, newFake(t))
	if code := term.run(t.Context(), "list", "customers", "-o", "json"); code != 0 {
		t.Fatal(term.err.String())
	}
	var list struct {
		Customers []struct {
			Name         string
			PhoneNumbers []struct{ E164Number string }
		}
	}
	if err := json.Unmarshal(term.out.Bytes(), &list); err != nil || len(list.Customers) != 6 ||
		list.Customers[0].PhoneNumbers[0].E164Number != "+13035550101" {
		t.Errorf("%v: %s", err, term.out.String())
	}
}

// TestExportGivesBackTheSameState: read again, the exported files are the resources that the server holds.
func TestExportGivesBackTheSameState(t *testing.T) {
	f := newFake(t)
	term := newTerminal(t, f)
	dir := filepath.Join(t.TempDir(), "backup")
	if code := term.run(t.Context(), "export", "--dir", dir); code != 0 || term.out.Len() > 0 {
		t.Fatalf("exit %d, %s", code, term.err.String())
	}
	if info, err := os.Stat(filepath.Join(dir, "lines.yaml")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file with the hidden number: %v, %v", info, err)
	}
	sources, err := manifest.Load([]string{dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if code := term.run(t.Context(), "export"); code != 0 {
		t.Fatal(term.err.String())
	}
	for _, from := range [][]manifest.Source{sources, {{Name: "stdout", Data: term.out.Bytes()}}} {
		set, err := manifest.Read(from)
		if err != nil {
			t.Fatal(err)
		}
		for i, m := range f.set.Resources() {
			if !proto.Equal(m, set.Resources()[i]) {
				t.Errorf("%v came back as %v", m, set.Resources()[i])
			}
		}
	}
	if code := term.run(t.Context(), "export", "--dir", dir); code != 1 || !strings.Contains(term.err.String(), "holds files already") {
		t.Errorf("a second export into the folder: exit %d, %s", code, term.err.String())
	}
	f.set.Lines[0].Number = nil
	if code := term.run(t.Context(), "export"); code != 1 || !strings.Contains(term.err.String(), "lines/gold-emergency comes without its number") {
		t.Errorf("without the right to the number: exit %d, %s", code, term.err.String())
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.yaml")
	line := filepath.Join(dir, "line.yaml")
	for path, text := range map[string]string{
		bad: "kind: Site\nname: sites/a\ndisplay_name: A\ntime_zone: Mars/Olympus\nweekly_hours: {mon: ['9-5']}\n",
		line: "kind: Line\nname: lines/x\ndisplay_name: X\nnumber: '+61255500177'\nsites:\n  - nowhere\n" +
			"last_resort: {kind: PERSON, target: 'sip:a@example.com'}\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	zone := filepath.Join(dir, "zone.yaml")
	if err := os.WriteFile(zone, []byte("kind: Site\nname: sites/a\ndisplay_name: A\n"+
		"time_zone: EST5\nweekly_hours: {mon: ['09:00-12:00', '11:00-13:00']}\ntargets: ['sip:a@example.com']\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	missing := refusal(codes.FailedPrecondition, "refers to what does not exist: lines/x: ...", rpcv1.Reason_REASON_MISSING_REFERENCE,
		&errdetails.BadRequest_FieldViolation{Field: "lines/x: sites[0].site", Description: `"sites/nowhere": does not exist`})
	for _, c := range []struct {
		name string
		args []string
		err  error
		code int
		want []string
	}{
		{"not there", []string{"get", "sites/cork"}, nil, 1, []string{"error: sites/cork does not exist"}},
		{"in use", []string{"delete", "sites/dublin"}, nil, 1, []string{"error: sites/dublin is used by lines/gold-emergency"}},
		{
			"bad file", []string{"apply", "-f", bad}, nil, 1,
			[]string{"error: 2 problems in the files; nothing was written\n  " + bad + `:5: weekly_hours.mon[0]: "9-5": must be`, ":1: targets: "},
		},
		{
			"refused", []string{"apply", "-f", line}, missing, 1,
			[]string{"refers to what does not exist; nothing was written\n  " + line + `:6: lines/x: sites[0].site: "sites/nowhere": does not exist`},
		},
		{
			"hours of a bad site", []string{"hours", "-f", zone}, nil, 1,
			[]string{"sites/a is not right\n  " + zone + `:4: time_zone: "EST5": must be`, zone + `:5: weekly_hours.mon[1]`},
		},
		{"no such file", []string{"apply", "-f", filepath.Join(dir, "gone")}, nil, 1, []string{"gone: does not exist"}},
		{"no file", []string{"apply"}, nil, 2, []string{"-f is required", "See `dayside apply --help`."}},
		{"no line", []string{"route"}, nil, 2, []string{"--to is required"}},
		{"command", []string{"opn"}, nil, 2, []string{`there is no command "opn"; did you mean open?`}},
		{"flag", []string{"open", "--att", "x"}, nil, 2, []string{"unknown flag: --att"}},
		{"format", []string{"open", "-o", "xml"}, nil, 2, []string{`--output "xml": must be table, json or yaml`}},
		{"server", []string{"open", "--server", "http://x"}, nil, 2, []string{"--server \"http://x\": must be HOST:PORT"}},
		{"time", []string{"open", "--at", "tomorrow"}, nil, 2, []string{`--at "tomorrow": must be a time: 2026-12-25T09:00:00Z`}},
		{"zone", []string{"open", "--at", "2026-12-25 09:00 CET5"}, nil, 2, []string{`"CET5" is no time zone`}},
		{
			"skipped", []string{"open", "--at", "2027-03-28 01:30 Europe/Dublin"}, nil, 2,
			[]string{"is skipped in Europe/Dublin, where the clock is put forward then"},
		},
		{"kind", []string{"list", "robots"}, nil, 2, []string{`"robots" is no kind of resource: give one of calendars, people, rotas, sites, plans, offers, customers, lines`}},
		{"no kind", []string{"list"}, nil, 2, []string{"dayside list KIND"}},
		{"no id", []string{"get", "sites"}, nil, 2, []string{"does not say which of the sites"}},
		{"days", []string{"coverage", "gold", "--days", "0"}, nil, 2, []string{"--days 0: must be 1 to 400"}},
		{"too late", []string{"open"}, refusal(codes.DeadlineExceeded, "x", 0), 1, []string{"no answer from 127.0.0.1:7400 within 10s (--timeout)"}},
		{
			"a backend away", []string{"open"}, refusal(codes.Unavailable, "etcd did not answer", rpcv1.Reason_REASON_BACKEND_UNAVAILABLE), 1,
			[]string{"error: etcd did not answer\n"},
		},
		{
			"a certificate refused", []string{"open"}, status.Error(codes.Unavailable, `desc = "error reading server preface: EOF"`), 1,
			[]string{"error: 127.0.0.1:7400 listens, but the connection ended before an answer.", "server preface: EOF"},
		},
		{
			"broken fields", []string{"open", "x"}, refusal(codes.InvalidArgument, "invalid: line: ...", rpcv1.Reason_REASON_INVALID_FIELD,
				&errdetails.BadRequest_FieldViolation{Field: "line", Description: "is wrong"},
				&errdetails.BadRequest_FieldViolation{Field: "at", Description: "too"}), 1,
			[]string{"error: invalid\n  line: is wrong\n  at: too\n"},
		},
		{
			"more than a screen shows", []string{"apply", "-f", line},
			refusal(codes.FailedPrecondition, "would leave gaps", rpcv1.Reason_REASON_COVERAGE_GAP,
				slices.Repeat([]*errdetails.BadRequest_FieldViolation{{Field: "lines/x", Description: "nobody"}}, 50)...), 1,
			[]string{"; nothing was written\n" + strings.Repeat("  "+line+":1: lines/x: nobody\n", 20) + "  and 30 more\n"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			f.err = c.err
			term := newTerminal(t, f)
			if code := term.run(t.Context(), c.args...); code != c.code {
				t.Errorf("exit %d, want %d", code, c.code)
			}
			for _, want := range c.want {
				if !strings.Contains(term.err.String(), want) {
					t.Errorf("no %q in\n%s", want, term.err.String())
				}
			}
			if term.out.Len() > 0 {
				t.Errorf("wrote as data: %s", term.out.String())
			}
			if strings.Contains(term.err.String(), "61255500177") {
				t.Error("shows a line's number")
			}
		})
	}
}

func TestNobodyAnswers(t *testing.T) {
	term := newTerminal(t, newFake(t))
	term.env.Dial = func(addr string) (*grpc.ClientConn, error) {
		return grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	}
	if code := term.run(t.Context(), "open", "--server", "127.0.0.1:1"); code != 1 || term.err.String() !=
		"error: no Dayside answers at 127.0.0.1:1: start one with `dayside serve`, or name another with --server\n" {
		t.Errorf("exit %d, %q", code, term.err.String())
	}
}

func TestServerFromTheEnvironment(t *testing.T) {
	term := newTerminal(t, newFake(t))
	dialled := ""
	dial := term.env.Dial
	term.env.Dial = func(addr string) (*grpc.ClientConn, error) { dialled = addr; return dial(addr) }
	term.env.Getenv = func(key string) string {
		return map[string]string{"DAYSIDE_SERVER": "10.0.0.1:7400"}[key]
	}
	if code := term.run(t.Context(), "open"); code != 0 || dialled != "10.0.0.1:7400" {
		t.Errorf("exit %d, dialled %s", code, dialled)
	}
	if code := term.run(t.Context(), "open", "--server", "10.0.0.2:1"); code != 0 || dialled != "10.0.0.2:1" {
		t.Errorf("exit %d, dialled %s", code, dialled)
	}
}

func TestCompletionKnowsNames(t *testing.T) {
	term := newTerminal(t, newFake(t))
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"get", ""}, "calendars/\npeople/\nrotas/\nsites/\nplans/\noffers/\ncustomers/\nlines/\n:"},
		{[]string{"get", "sites/d"}, "sites/denver\nsites/dublin\n"},
		{[]string{"delete", "line", ""}, "gold-emergency\npublic-support\nrescue\n:"},
		{[]string{"coverage", ""}, "gold-emergency\npublic-support\nrescue\n:"},
		{[]string{"route", "--to", ""}, "gold-emergency\npublic-support\nrescue\n:"},
		{[]string{"open", "-o", ""}, "table\njson\nyaml\n:"},
	} {
		if code := term.run(t.Context(), append([]string{"__complete"}, c.args...)...); code != 0 ||
			!strings.Contains(term.out.String(), c.want) {
			t.Errorf("%v: exit %d, %s%s", c.args, code, term.out.String(), term.err.String())
		}
	}
	if code := term.run(t.Context(), "completion", "bash"); code != 0 || !strings.Contains(term.out.String(), "complete") {
		t.Error("no completion script")
	}
}
