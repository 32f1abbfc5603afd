package merge_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/ledger/internal/merge"
)

// heard is when the first record of a test arrives, microseconds since 1970; each next one a second later.
const heard = 1_800_000_000_000_000

// events are records in text; ids that are not given are made.
func events(t *testing.T, records ...string) []merge.Event {
	t.Helper()
	list := make([]merge.Event, 0, len(records))
	for i, text := range records {
		r := &ledgerv1.Record{}
		if err := prototext.Unmarshal([]byte(text), r); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if len(r.GetId()) == 0 {
			r.Id = fmt.Appendf(nil, "record-%09d", i)
		}
		list = append(list, merge.Event{Record: r, UnixUS: heard + int64(i)*1e6})
	}
	return list
}

// decision is a step of call c1 of gateway pbx.
func decision(step int, unixS int64, more string) string {
	return fmt.Sprintf(`instance: "p1" decision {gateway_id: "pbx" call_id: "c1" step: %d decided_unix_us: %d %s}`, step, unixS*1e6, more)
}

func report(more string) string {
	return fmt.Sprintf(`instance: "p1" report {report {gateway {gateway_id: "pbx"} call_id: "c1" %s}}`, more)
}

const (
	forwarded = `line: "gold" caller: 13035550101 caller_class: CALLER_CLASS_ENTITLED step_kind: STEP_KIND_FORWARD
		targets: "dublin.1" targets: "sydney.1" targets: "last-resort" first_site: "dublin"
		customers {id: "acme" display_name: "Acme"} trace_id: "0123456789abcdef"`
	asked = `line: "gold" caller: 13035550101 caller_class: CALLER_CLASS_UNKNOWN step_kind: STEP_KIND_PROMPT`
)

// TestWhatBecameOfACall: how calls end, as far as is known.
func TestWhatBecameOfACall(t *testing.T) {
	for name, c := range map[string]struct {
		records []string
		want    string
	}{
		"redirected; nothing more is ever heard": {
			[]string{decision(1, 100, forwarded)},
			`outcome: OUTCOME_ROUTED site: "sites/dublin" start_time {seconds: 100}`,
		},
		"answered by the second site": {
			[]string{
				decision(1, 100, forwarded),
				report(`start_time {seconds: 99} answer_time {seconds: 130} end_time {seconds: 400}
					attempts {target_id: "dublin.1" disposition: DISPOSITION_BUSY start_time {seconds: 101}}
					attempts {target_id: "sydney.1" disposition: DISPOSITION_ANSWERED start_time {seconds: 103}}`),
			},
			`outcome: OUTCOME_ANSWERED site: "sites/sydney" start_time {seconds: 100} answer_time {seconds: 130} end_time {seconds: 400}`,
		},
		"answered by somebody on duty": {
			[]string{decision(1, 100, forwarded), report(`attempts {target_id: "person.anna.2" disposition: DISPOSITION_ANSWERED end_time {seconds: 120}}`)},
			`outcome: OUTCOME_ANSWERED person: "people/anna" start_time {seconds: 100} answer_time {seconds: 120}`,
		},
		"answered, by whom was not told": {
			[]string{decision(1, 100, forwarded), report(`answer_time {seconds: 120}`)},
			`outcome: OUTCOME_ANSWERED site: "sites/dublin" start_time {seconds: 100} answer_time {seconds: 120}`,
		},
		"the caller hung up": {
			[]string{decision(1, 100, forwarded), report(`attempts {target_id: "dublin.1" disposition: DISPOSITION_CALLER_GONE}`)},
			`outcome: OUTCOME_CALLER_GONE site: "sites/dublin" start_time {seconds: 100}`,
		},
		"the caller hung up when asked": {
			[]string{decision(1, 100, `line: "gold" first_site: "dublin" step_kind: STEP_KIND_PROMPT`), report(`end_time {seconds: 110}`)},
			`outcome: OUTCOME_CALLER_GONE start_time {seconds: 100} end_time {seconds: 110}`,
		},
		"nobody answered": {
			[]string{decision(1, 100, forwarded), report(`end_time {seconds: 200} attempts {target_id: "dublin.1" disposition: DISPOSITION_NO_ANSWER}`)},
			`outcome: OUTCOME_NOT_ANSWERED site: "sites/dublin" start_time {seconds: 100} end_time {seconds: 200}`,
		},
		"the line refuses": {
			[]string{decision(1, 100, `line: "gold" step_kind: STEP_KIND_END end: END_CAUSE_REFUSED`), report(`end_time {seconds: 101}`)},
			`outcome: OUTCOME_REFUSED start_time {seconds: 100} end_time {seconds: 101}`,
		},
		"the number has changed": {
			[]string{decision(1, 100, `line: "gold" former_number: true step_kind: STEP_KIND_END end: END_CAUSE_NUMBER_CHANGED`)},
			`outcome: OUTCOME_NUMBER_CHANGED start_time {seconds: 100}`,
		},
		"no line has the number": {
			[]string{decision(1, 100, `step_kind: STEP_KIND_END end: END_CAUSE_UNKNOWN_LINE`)},
			`outcome: OUTCOME_UNKNOWN_LINE start_time {seconds: 100}`,
		},
		"a message was taken": {
			[]string{
				decision(1, 100, asked),
				decision(2, 140, `line: "gold" step_kind: STEP_KIND_END end: END_CAUSE_MESSAGE_TAKEN recording {uri: "x" length {seconds: 9}}`),
			},
			`outcome: OUTCOME_MESSAGE_TAKEN start_time {seconds: 100}`,
		},
		"the gateway could carry nothing": {
			[]string{decision(1, 100, `line: "gold" step_kind: STEP_KIND_END end: END_CAUSE_UNAVAILABLE`)},
			`outcome: OUTCOME_NOT_CARRIED start_time {seconds: 100}`,
		},
		"nobody routed it": {
			[]string{report(`start_time {seconds: 99} end_time {seconds: 120}`)},
			`outcome: OUTCOME_NOT_ANSWERED unrouted: true start_time {seconds: 99} end_time {seconds: 120}`,
		},
		"nobody routed it, and its report says nothing": {
			[]string{report(``)},
			`unrouted: true start_time {seconds: 1800000000}`,
		},
		"a gateway that says no times": {
			[]string{decision(1, 100, forwarded), report(`answer_time {seconds: -99999999999999} end_time {seconds: 1 nanos: -7}`)},
			`outcome: OUTCOME_ROUTED site: "sites/dublin" start_time {seconds: 100}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := merge.Story(events(t, c.records...))
			want := &ledgerv1.Call{}
			if err := prototext.Unmarshal([]byte(c.want), want); err != nil {
				t.Fatal(err)
			}
			brief := &ledgerv1.Call{
				Outcome: got.GetOutcome(), Site: got.GetSite(), Person: got.GetPerson(), StartTime: got.GetStartTime(),
				AnswerTime: got.GetAnswerTime(), EndTime: got.GetEndTime(), Unrouted: got.GetUnrouted(),
			}
			if !proto.Equal(brief, want) {
				t.Errorf("got  %v\nwant %v", brief, want)
			}
		})
	}
}

// TestAttemptsAreToldOnce: with the next step, again in the report, and again in a second one.
func TestAttemptsAreToldOnce(t *testing.T) {
	at := func(target, disposition string, seconds int) string {
		return fmt.Sprintf(`attempts {target_id: "%s" disposition: DISPOSITION_%s start_time {seconds: %d}} `, target, disposition, seconds)
	}
	plain := func(target, disposition string) string {
		return fmt.Sprintf(`attempts {target_id: "%s" disposition: DISPOSITION_%s} `, target, disposition)
	}
	for name, c := range map[string]struct {
		records []string
		want    string
	}{
		"with times": {
			[]string{
				decision(2, 110, at("dublin.1", "BUSY", 101)), decision(3, 130, at("sydney.1", "NO_ANSWER", 111)),
				report(at("dublin.1", "BUSY", 101) + at("sydney.1", "NO_ANSWER", 111) + at("dublin.1", "ANSWERED", 131)),
				report(at("dublin.1", "BUSY", 101)),
			},
			"dublin.1 BUSY, sydney.1 NO_ANSWER, dublin.1 ANSWERED",
		},
		"without times": {
			[]string{
				decision(2, 110, plain("dublin.1", "NO_ANSWER")), decision(3, 130, plain("sydney.1", "BUSY")),
				decision(4, 140, plain("dublin.1", "NO_ANSWER")),
				report(plain("dublin.1", "NO_ANSWER") + plain("sydney.1", "BUSY") + plain("dublin.1", "NO_ANSWER") + plain("last-resort", "ANSWERED")),
			},
			"dublin.1 NO_ANSWER, sydney.1 BUSY, dublin.1 NO_ANSWER, last-resort ANSWERED",
		},
		"with times in the report alone": {
			[]string{decision(2, 110, plain("dublin.1", "BUSY")), report(at("dublin.1", "BUSY", 101) + at("sydney.1", "ANSWERED", 103))},
			"dublin.1 BUSY, sydney.1 ANSWERED",
		},
		"first not known, then known": {
			[]string{report(at("dublin.1", "UNSPECIFIED", 101)), report(at("dublin.1", "DECLINED", 101))},
			"dublin.1 DECLINED",
		},
		"a step told twice": {
			[]string{decision(2, 110, plain("dublin.1", "BUSY")), decision(2, 111, plain("dublin.1", "BUSY"))},
			"dublin.1 BUSY",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var told []string
			for _, a := range merge.Story(events(t, c.records...)).GetAttempts() {
				told = append(told, a.GetTargetId()+" "+strings.TrimPrefix(a.GetDisposition().String(), "DISPOSITION_"))
			}
			if got := strings.Join(told, ", "); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestStepsOfACall: in order, a step that was told again once, and what they say of the caller.
func TestStepsOfACall(t *testing.T) {
	list := events(t,
		decision(2, 110, `line: "gold" caller_class: CALLER_CLASS_NOT_ENTITLED follow_up: true step_kind: STEP_KIND_FORWARD
			state {customer: "bank"} customers {id: "acme"} customers {id: "bank" display_name: "The Bank"} facts: "0123456789abcdef"`),
		decision(1, 100, asked+` trace_id: "0123456789abcdef"`),
		decision(2, 109, `line: "other"`),
	)
	c := merge.Story(list)
	if len(c.GetSteps()) != 2 || c.GetSteps()[0].GetNumber() != 1 || c.GetSteps()[1].GetRepeats() != 1 ||
		c.GetSteps()[1].GetDecision().GetLine() != "gold" || len(c.GetSteps()[1].GetDecision().GetFacts()) != 0 {
		t.Errorf("steps: %v", c.GetSteps())
	}
	if c.GetCustomer() != "customers/bank" || c.GetCustomerDisplayName() != "The Bank" || !c.GetFollowUp() ||
		c.GetCallerNumber() != "+13035550101" || c.GetTraceId() != "30313233343536373839616263646566" || c.GetLine() != "lines/gold" ||
		c.GetCallerClass().String() != "CALLER_CLASS_NOT_ENTITLED" || c.GetUpdateTime().GetSeconds() != heard/1e6+2 {
		t.Errorf("%v", c)
	}
	if d := merge.Decision(list, 0); len(d.GetFacts()) != 1 || d.GetStep() != 2 {
		t.Errorf("the last decision: %v", d)
	}
	if d := merge.Decision(list, 3); d != nil {
		t.Errorf("a step that was not: %v", d)
	}
}

func TestTargetOwners(t *testing.T) {
	for id, want := range map[string][2]string{
		"dublin.1": {"sites/dublin", ""}, "person.anna.12": {"", "people/anna"}, "last-resort": {}, "": {}, "nonsense": {}, ".1": {},
		strings.Repeat("x", 50) + "-00c0ffee.1": {},
	} {
		if site, person := merge.TargetOwner(id); [2]string{site, person} != want {
			t.Errorf("%q is of %q, %q", id, site, person)
		}
	}
}

func TestIDsOfCalls(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range [][2]string{{"pbx", "c1"}, {"pbx", "c2"}, {"pb", "xc1"}, {"", "c1"}} {
		id := merge.ID(c[0], c[1])
		if len(id) != merge.IDChars || seen[id] || strings.Trim(id, "0123456789abcdefghijklmnopqrstuv") != "" {
			t.Errorf("%v: %q", c, id)
		}
		if !strings.HasPrefix(id, merge.Prefix(c[1])) || len(merge.Prefix(c[1])) != merge.PrefixChars {
			t.Errorf("%v: %q does not begin with %q", c, id, merge.Prefix(c[1]))
		}
		seen[id] = true
	}
}

// TestWhoWasOfferedIsNotTheCaller: a name finds customers that are called alike, one of them or several.
func TestWhoWasOfferedIsNotTheCaller(t *testing.T) {
	for state, want := range map[string]string{
		`named: true offered: "acme"`: "", `named: true customer: "acme"`: "customers/acme", "": "customers/acme",
	} {
		c := merge.Story(events(t, decision(2, 100, asked+` state {`+state+`} customers {id: "acme" display_name: "Acme"}`)))
		if c.GetCustomer() != want {
			t.Errorf("%s: %q, want %q", state, c.GetCustomer(), want)
		}
	}
}

// TestWhatWasGoodwill: whoever accepted to pay, and was helped first for a fault of ours, had none shown, in whatever step that
// was; whoever accepted more than may be accepted unverified had.
func TestWhatWasGoodwill(t *testing.T) {
	const helped = `line: "gold" step_kind: STEP_KIND_FORWARD caller_class: CALLER_CLASS_NOT_ENTITLED treatment: TREATMENT_FORWARD_AND_FOLLOW_UP follow_up: true `
	for what, c := range map[string]struct {
		state string
		want  bool
	}{
		"helped first":                      {``, true},
		"beyond the limit":                  {`offer: OFFER_FATE_HELPED_FIRST state {offer: OFFER_FATE_HELPED_FIRST}`, true},
		"nobody could record what was said": {`offer: OFFER_FATE_HELPED_FIRST state {offer: OFFER_FATE_HELPED_FIRST our_fault: true}`, false},
	} {
		made := decision(1, 100, `line: "gold" step_kind: STEP_KIND_PROMPT caller_class: CALLER_CLASS_NOT_ENTITLED treatment: TREATMENT_OFFER`)
		got := merge.Brief(events(t, made, decision(2, 101, helped+c.state), decision(3, 102, helped)))
		if got.GetGoodwill() != c.want || !got.GetFollowUp() {
			t.Errorf("%s: %v", what, got)
		}
	}
}

// TestWhatWasPromisedStands: a step that is told again with another outcome takes nothing back, whatever was said later.
func TestWhatWasPromisedStands(t *testing.T) {
	const (
		prompt  = `line: "gold" step_kind: STEP_KIND_PROMPT caller_class: CALLER_CLASS_NOT_ENTITLED treatment: TREATMENT_OFFER offer: OFFER_FATE_MADE`
		promise = `line: "gold" step_kind: STEP_KIND_FORWARD caller_class: CALLER_CLASS_ENTITLED basis: BASIS_PENDING_PROMISE treatment: TREATMENT_FORWARD `
		none    = `line: "gold" step_kind: STEP_KIND_FORWARD caller_class: CALLER_CLASS_NOT_ENTITLED basis: BASIS_CONTRACT_ENDED treatment: TREATMENT_FORWARD_AND_FOLLOW_UP follow_up: true `
		made    = promise + `offer: OFFER_FATE_PENDING promise: "p1"`
		kept    = promise + `offer: OFFER_FATE_SPOOLED`
	)
	for what, c := range map[string]struct {
		records []string
		fate    routingv1.OfferFate
		promise string
	}{
		"declined when told again": {
			[]string{decision(2, 101, made), decision(2, 105, none+`offer: OFFER_FATE_DECLINED`)},
			routingv1.OfferFate_OFFER_FATE_PENDING, "promises/p1",
		},
		"and what follows that": {
			[]string{decision(2, 101, made), decision(2, 105, none+`offer: OFFER_FATE_DECLINED`), decision(3, 110, none+`offer: OFFER_FATE_DECLINED`)},
			routingv1.OfferFate_OFFER_FATE_PENDING, "promises/p1",
		},
		"not recorded when told again": {
			[]string{decision(2, 101, kept), decision(2, 105, none+`offer: OFFER_FATE_HELPED_FIRST`)},
			routingv1.OfferFate_OFFER_FATE_SPOOLED, "",
		},
		"accepted when told again": {
			[]string{decision(2, 101, none+`offer: OFFER_FATE_DECLINED`), decision(2, 105, made)},
			routingv1.OfferFate_OFFER_FATE_PENDING, "promises/p1",
		},
		"declined": {[]string{decision(2, 101, none+`offer: OFFER_FATE_DECLINED`)}, routingv1.OfferFate_OFFER_FATE_DECLINED, ""},
	} {
		got := merge.Brief(events(t, append(c.records, decision(1, 100, prompt))...))
		promised := c.fate != routingv1.OfferFate_OFFER_FATE_DECLINED
		if got.GetOfferFate() != c.fate || got.GetPromise() != c.promise || got.GetGoodwill() == promised ||
			(got.GetBasis() == entitlementv1.Basis_BASIS_PENDING_PROMISE) != promised ||
			(got.GetCallerClass() == routingv1.CallerClass_CALLER_CLASS_ENTITLED) != promised {
			t.Errorf("%s: %v", what, got)
		}
	}
}

// TestAttemptsOfOneMicrosecond: clocks are finer than what attempts are ordered by.
func TestAttemptsOfOneMicrosecond(t *testing.T) {
	attempt := `attempts {target_id: "dublin.1" disposition: DISPOSITION_BUSY start_time {seconds: 100 nanos: %d}}`
	list := events(t, report(fmt.Sprintf(attempt, 5)), report(fmt.Sprintf(attempt, 6)))
	want := merge.Story(list)
	for range 50 {
		if got := merge.Story(list); !proto.Equal(got, want) {
			t.Fatalf("got  %v\nwant %v", got.GetAttempts(), want.GetAttempts())
		}
	}
}
