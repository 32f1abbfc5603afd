package cli_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

// TestRouteRefusesWhatIsNoNumber: the server takes it for a withheld number, which hides a slip of the finger.
func TestRouteRefusesWhatIsNoNumber(t *testing.T) {
	f := newFake(t)
	term := newTerminal(t, f)
	for _, from := range []string{"abc", "0301555", "+0301555123", "+1303", "+1303555010112345", "+1 303 555 0101", "+"} {
		f.asked = nil
		if code := term.run(t.Context(), "route", "--to", "gold-emergency", "--from", from); code != 2 || f.asked != nil ||
			!strings.Contains(term.err.String(), "--from: must be a number in E.164, such as +13035550101, or anonymous") {
			t.Errorf("%q: exit %d, asked %v, %s", from, code, f.asked, term.err.String())
		}
	}
	for from, want := range map[string]string{
		"": "", "anonymous": "", "+13035550101": "+13035550101", "13035550101": "13035550101", "+1303555": "+1303555",
		"+130355501011234": "+130355501011234",
	} {
		code := term.run(t.Context(), "route", "--to", "gold-emergency", "--from", from)
		asked, _ := f.asked.(*routingv1.ExplainRouteRequest)
		if code != 0 || asked.GetCaller().GetNumber() != want {
			t.Errorf("%q: exit %d, asked for %q", from, code, asked.GetCaller().GetNumber())
		}
	}
}

// TestRouteSaysThatHoursAreNotKnown: "no site is open" would be wrong of a time that no site's hours are compiled for.
func TestRouteSaysThatHoursAreNotKnown(t *testing.T) {
	for _, c := range []struct{ name, seconds, dublin, want string }{
		{"far ahead", "1838635200", "NO_TIMELINE", "the hours of the sites are not known that far ahead (beyond the horizon)."},
		{"far back", "1700000000", "NO_TIMELINE", "the hours of the sites are not known that far back (beyond the horizon)."},
		{"one of two", "1838635200", "CLOSED", "the hours of sites/sydney are not known that far ahead (beyond the horizon)."},
	} {
		f := newFake(t)
		f.route = text(t, &routingv1.ExplainRouteResponse{}, `
			route { line: "lines/gold-emergency" explanation {
				decided_at { seconds: `+c.seconds+` } verdicts: [VERDICT_LINE_FOUND, VERDICT_SITES_NONE_OPEN]
				sites { site: "sites/sydney" reason: SITE_REASON_NO_TIMELINE }
				sites { site: "sites/dublin" reason: SITE_REASON_`+c.dublin+` }
			} }`)
		term := newTerminal(t, f)
		if code := term.run(t.Context(), "route", "--to", "gold-emergency", "--at", "now+500d"); code != 0 ||
			!strings.Contains(term.out.String(), "Why: line found; no site is known to be open: "+c.want) {
			t.Errorf("%s: exit %d, %s%s", c.name, code, term.out.String(), term.err.String())
		}
	}
}

const onDutyAnswer = `route {
	call_id: "explain" line: "lines/gold-emergency"
	forward {
		targets { target { phone_number { e164_number: "+13…21" } } person: "people/anna" display_name: "Anna" ring_timeout { seconds: 25 } }
		targets { target { sip_uri: "sip:bob@example.com" } person: "people/bob" ring_timeout { seconds: 30 } }
		targets { target { sip_uri: "sip:carol@example.com" } person: "people/carol" display_name: "Carol" ring_timeout { seconds: 25 } }
		targets { target { sip_uri: "sip:duty@hq.example.com" } last_resort: true }
	}
	valid_until { seconds: 1796029200 }
	explanation {
		decided_at { seconds: 1795872600 } view_revision: 12 tzdata_release: "2025c"
		verdicts: [VERDICT_LINE_FOUND, VERDICT_SITES_NONE_OPEN, VERDICT_DUTY_SOMEBODY, VERDICT_LADDER_ON_DUTY]
		duties {
			rota: "rotas/nights" person: "people/anna" display_name: "Anna" standing: DUTY_STANDING_NOT_ACCEPTED rank: 1
			until { seconds: 1796029200 } time_zone: "Europe/Dublin"
		}
		duties { rota: "rotas/nights" person: "people/bob" standing: DUTY_STANDING_STILL_HOLDS rank: 2 time_zone: "Europe/Dublin" }
		duties { rota: "rotas/backup" person: "people/carol" standing: DUTY_STANDING_ON_DUTY rank: 3 time_zone: "Asia/Kolkata" }
		duties { rota: "rotas/weekend" standing: DUTY_STANDING_NOBODY until { seconds: 1796029200 } time_zone: "Asia/Kolkata" }
		duties { rota: "rotas/gone" standing: DUTY_STANDING_UNKNOWN }
	}
}`

// TestRouteShowsWhoIsOnDuty: the person, and until when on the rota's clock.
func TestRouteShowsWhoIsOnDuty(t *testing.T) {
	f := newFake(t)
	f.route = text(t, &routingv1.ExplainRouteResponse{}, onDutyAnswer)
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "route", "--to", "gold-emergency"); code != 0 {
		t.Fatalf("exit %d, %s", code, term.err.String())
	}
	golden(t, "route-on-duty", term.out.String())
}

// TestEveryVerdictHasWords: what a decision can say, people can read.
func TestEveryVerdictHasWords(t *testing.T) {
	for kind, values := range map[string][]protoreflect.EnumValueDescriptor{
		"verdict": valuesOf(routingv1.Verdict(0)), "site": valuesOf(routingv1.SiteReason(0)), "end": valuesOf(routingv1.EndCause(0)),
	} {
		for _, v := range values {
			f := newFake(t)
			answer := map[string]string{
				"verdict": `verdicts: ` + string(v.Name()), "site": `sites { site: "sites/a" reason: ` + string(v.Name()) + ` }`,
			}[kind]
			step := ""
			if kind == "end" {
				step = `end { cause: ` + string(v.Name()) + ` }`
			}
			f.route = text(t, &routingv1.ExplainRouteResponse{}, `route { `+step+` explanation { `+answer+` } }`)
			term := newTerminal(t, f)
			if code := term.run(t.Context(), "route", "--to", "gold"); code != 0 {
				t.Fatalf("exit %d, %s", code, term.err.String())
			}
			if strings.Contains(term.out.String(), string(v.Name())) {
				t.Errorf("%s is shown as it is named", v.Name())
			}
		}
	}
}

// valuesOf are an enum's values, but for the one that is never sent.
func valuesOf(e protoreflect.Enum) []protoreflect.EnumValueDescriptor {
	var all []protoreflect.EnumValueDescriptor
	for i := range e.Descriptor().Values().Len() {
		if v := e.Descriptor().Values().Get(i); v.Number() != 0 {
			all = append(all, v)
		}
	}
	return all
}

func TestRouteShowsThisMinute(t *testing.T) {
	f := newFake(t)
	f.route = text(t, &routingv1.ExplainRouteResponse{}, `route {
		line: "lines/gold" forward { targets { target { sip_uri: "sip:a@cork.example" } site: "sites/cork" } }
		explanation {
			decided_at { seconds: 1795872600 } verdicts: [VERDICT_LINE_FOUND, VERDICT_SITES_OPEN, VERDICT_LADDER_SITES]
			sites { site: "sites/dublin" reason: SITE_REASON_FULL rank: 2 active_calls: 4 capacity: 4 agents: 1 }
			sites { site: "sites/cork" reason: SITE_REASON_OPEN_CASE rank: 1 capacity: 9 }
			sites { site: "sites/pune" reason: SITE_REASON_UNATTENDED rank: 3 agents: 0 active_calls: 1 }
			sites { site: "sites/oslo" reason: SITE_REASON_UNREACHABLE rank: 4 unreachable_targets: 2 }
			sites { site: "sites/perth" reason: SITE_REASON_OTHER_LANGUAGE }
			sites_omitted: 3
		}
	}`)
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "route", "--to", "gold"); code != 0 {
		t.Fatalf("exit %d, %s", code, term.err.String())
	}
	golden(t, "route-live", term.out.String())
}

// TestRouteForAGatewayThatCanDoMore: the first step of a call is told, whatever it is.
func TestRouteForAGatewayThatCanDoMore(t *testing.T) {
	f := newFake(t)
	f.route = text(t, &routingv1.ExplainRouteResponse{}, `route {
		line: "lines/office" prompt { kind: PROMPT_KIND_NAME text: "Which company are you calling from?" }
		explanation { verdicts: [VERDICT_LINE_FOUND, VERDICT_TREATMENT_IDENTIFY, VERDICT_STEP_PROMPT] }
	}`)
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "route", "--to", "office", "--can", "forward,prompt,digits"); code != 0 {
		t.Fatalf("exit %d, %s", code, term.err.String())
	}
	for _, want := range []string{
		"is answered: asked for the name of the company.", "It says: Which company are you calling from?",
		"such callers are asked who they are; something is said or asked first.",
	} {
		if !strings.Contains(term.out.String(), want) {
			t.Errorf("%s does not say %q", term.out.String(), want)
		}
	}
	if code := term.run(t.Context(), "route", "--to", "office", "--can", "juggle"); code != 2 {
		t.Errorf("a gateway that juggles: exit %d", code)
	}
}
