package flow_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/flow"
	"github.com/daysidehq/dayside/services/routing/internal/view"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

const (
	gold   = phone.Number(61255500100)
	public = phone.Number(61255500180)
	acme   = phone.Number(13035550100) // entitled
	ended  = phone.Number(13035550101) // a contract that has ended
	bridge = phone.Number(13035550150) // of two customers
	nobody = phone.Number(13035550199)
	// partner calls for two customers, the first of whom has a contract; reseller for the second alone.
	partner  = phone.Number(13035550160)
	reseller = phone.Number(13035550161)
)

// world has a hidden line with two sites, and a published one with the same sites that transfers to it. Open 0 to 12 h after
// Base; anna is on duty.
func world(change func(gold, public *routingv1.Line)) viewtest.World {
	hidden := viewtest.Line("gold", gold, "sydney", "dublin")
	open := viewtest.Line("public", public, "sydney", "dublin")
	open.Visibility = routingv1.Visibility_VISIBILITY_PUBLISHED
	hidden.Rotas = []string{"rotas/nights"}
	change(hidden, open)
	pin := viewtest.Customer("pinned", nil, viewtest.Contract("", -100, 100))
	pin.HasPin, pin.HasPhrase = true, true
	spoken := viewtest.Customer("spoken", nil, viewtest.Contract("", -100, 100))
	spoken.HasPhrase = true
	return viewtest.World{
		Sites: []*publishedv1.Site{
			viewtest.Site("sydney", viewtest.Daily(0, 12, 3)...), viewtest.Site("dublin", viewtest.Daily(0, 11, 3)...),
		},
		Rotas: []*publishedv1.Rota{viewtest.Rota("nights", 72, viewtest.Turn{From: -24, Person: "anna"})},
		Customers: []*publishedv1.Customer{
			viewtest.Customer("acme", []phone.Number{acme}, viewtest.Contract("", -100, 100)),
			viewtest.Customer("ended", []phone.Number{ended}, viewtest.Contract("", -100, -50)),
			viewtest.Customer("bridge-1", []phone.Number{bridge}, viewtest.Contract("", -100, 100)),
			viewtest.Customer("bridge-2", []phone.Number{bridge}), pin, spoken,
			viewtest.Customer("partner", []phone.Number{partner}), viewtest.Customer("reseller", []phone.Number{reseller}),
			viewtest.ClientOf("partner", viewtest.Customer("client-1", nil, viewtest.Contract("", -100, 100))),
			viewtest.ClientOf("partner", viewtest.ClientOf("reseller", viewtest.Customer("client-2", nil))),
		},
		Offers: []*publishedv1.Offer{viewtest.Offer("once"), viewtest.Offer("day")},
		Lines:  []*routingv1.Line{hidden, open},
	}
}

// walk is a call on its way, with a gateway that does what it is told.
type walk struct {
	v     *view.View
	call  decide.Call
	hour  float64
	state *routingv1.ContinuationState
	step  int
	d     decide.Decision
	// names finds customers; a name that is not among them is nobody's. unreachable: nobody can be asked.
	names       map[string][]flow.Candidate
	unreachable bool
	// certain is who is taken without asking, where a look-up finds them first.
	certain string
	// limited: nothing more may be accepted.
	limited bool
}

// decide takes the next step of the call, and says what it is.
func (w *walk) decide() string {
	w.call.State = w.state
	at := viewtest.At(w.hour)
	decide.Decide(&w.d, w.v, w.call, at, decide.MaxSites)
	if _, follows := flow.Follows(&w.d); follows {
		w.state = flow.Next(&w.d, at, "")
		w.step++
	} else {
		w.state = nil
	}
	return shape(&w.d)
}

// does brings the outcome of a step in: "said NAME", "keys DIGITS", "silence", "failed", "message", "nothing",
// "tried TARGET=DISPOSITION ...".
func (w *walk) does(what string) {
	verb, rest, _ := strings.Cut(what, " ")
	var o flow.Outcome
	switch verb {
	case "said":
		o.Input = &routingv1.Input{Speech: rest}
	case "keys":
		o.Input = &routingv1.Input{Digits: rest}
	case "silence":
		o.Input = &routingv1.Input{NoInput: routingv1.NoInput_NO_INPUT_SILENCE}
	case "failed":
		o.Input = &routingv1.Input{NoInput: routingv1.NoInput_NO_INPUT_FAILED}
	case "message":
		o.Recording = &routingv1.Recording{Uri: "file:///1.wav"}
	case "tried":
		for one := range strings.FieldsSeq(rest) {
			id, how, _ := strings.Cut(one, "=")
			o.Attempts = append(o.Attempts, &routingv1.Attempt{
				TargetId: id, Disposition: routingv1.Disposition(routingv1.Disposition_value["DISPOSITION_"+how]),
			})
		}
	}
	w.outcome(o)
}

func (w *walk) outcome(o flow.Outcome) {
	if l := w.v.LineByID(w.state.GetLine()); l != nil {
		if to := decide.MenuLine(w.v, l, w.call.Gateway); to != nil {
			o.MenuLine = to.ID
		}
	}
	before := proto.CloneOf(w.state)
	o.Choices = flow.ChoicesOf(w.v, w.state.GetOffered())
	state, need := flow.Advance(w.state, o)
	if !proto.Equal(before, w.state) {
		panic("the state before was changed")
	}
	switch {
	case need.Kind == flow.NeedNothing:
	case need.Kind == flow.NeedAccept:
		flow.Accepted(state, w.accepts(need))
	case w.unreachable:
		flow.LookUpFailed(state)
	case need.Kind == flow.NeedName:
		found := w.names[need.Name+need.Digits]
		flow.Identified(state, flow.Found{
			Candidates: found[:min(len(found), 8)], More: len(found) > 8, Certain: len(found) > 0 && found[0].ID == w.certain,
		})
	case need.Kind == flow.NeedPIN:
		right := need.PIN == "2580" && need.Customer == "pinned" || need.Phrase == "Blue heron" // of either
		flow.PINCompared(state, right, need.PIN != "2580")
	}
	w.state, w.call.Fate = state, routingv1.ContinuationFate_CONTINUATION_FATE_READ
}

// shape is a step for reading.
func shape(d *decide.Decision) string {
	switch d.Step {
	case routingv1.StepKind_STEP_KIND_PROMPT:
		return "prompt " + strings.TrimPrefix(d.Prompt.String(), "PROMPT_KIND_")
	case routingv1.StepKind_STEP_KIND_RECORD:
		return "record"
	case routingv1.StepKind_STEP_KIND_END:
		return "end " + strings.TrimPrefix(d.End.String(), "END_CAUSE_")
	case routingv1.StepKind_STEP_KIND_UNSPECIFIED, routingv1.StepKind_STEP_KIND_FORWARD:
	}
	parts := []string{"forward"}
	for _, t := range d.Targets() {
		parts = append(parts, t.GetTargetId())
	}
	return strings.Join(parts, " ")
}

func everything() decide.Capabilities {
	return capable(routingv1.Capability_CAPABILITY_FORWARD, routingv1.Capability_CAPABILITY_PROMPT,
		routingv1.Capability_CAPABILITY_GATHER_DIGITS, routingv1.Capability_CAPABILITY_GATHER_SPEECH,
		routingv1.Capability_CAPABILITY_RECORD)
}

func capable(list ...routingv1.Capability) decide.Capabilities { return decide.CapabilitiesOf(list) }

func identify(l *routingv1.Line) {
	l.Treatments = &routingv1.Treatments{Unknown: routingv1.Treatment_TREATMENT_IDENTIFY}
}

func closed(l *routingv1.Line) {
	l.OutOfHours = &routingv1.OutOfHours{
		TransferLine: "lines/gold", Reveal: routingv1.Reveal_REVEAL_VERIFIED_ENTITLED,
	}
}

func stated(id string) flow.Candidate { return flow.Candidate{ID: id, Confidence: 1, Stated: true} }

func like(id string, confidence float64) flow.Candidate {
	return flow.Candidate{ID: id, Confidence: confidence}
}

func names() map[string][]flow.Candidate {
	return map[string][]flow.Candidate{
		"acme": {stated("acme")}, "2263": {stated("acme"), like("ended", 0.6)},
		"akme": {like("acme", 0.8)}, "ended": {stated("ended")}, "pinned": {stated("pinned")}, "spoken": {stated("spoken")},
		"client one": {stated("client-1")}, "bridge": {like("bridge-1", 0.9), like("bridge-2", 0.9)},
		"twins": {stated("bridge-1"), stated("bridge-2"), like("acme", 0.6)},
		"a":     slices.Repeat([]flow.Candidate{like("acme", 0.7)}, 9),
		// Of many customers most are a little like anything.
		"akme widgets": append([]flow.Candidate{like("acme", 0.9)}, slices.Repeat([]flow.Candidate{like("ended", 0.3)}, 9)...),
		"hardly":       {like("acme", 0.4)},
		// A contract's number is the same or is not, whatever is like it.
		"c 4711":        {{ID: "acme", Confidence: 0.97, Stated: true}, like("ended", 0.9)},
		"c 4711 bridge": {{ID: "acme", Confidence: 0.97, Stated: true}, stated("bridge-1")},
	}
}

// Scripts of calls: a step of the system, what the caller or the gateway makes of it, the next step, and so on.
func TestCalls(t *testing.T) {
	const atGold, all = "forward sydney.1 dublin.1 person.anna.1 last-resort", "tried sydney.1=NO_ANSWER dublin.1=NO_ANSWER " +
		"person.anna.1=NO_ANSWER last-resort=NO_ANSWER"
	treat := func(of routingv1.Treatment) func(gold, _ *routingv1.Line) {
		return func(gold, _ *routingv1.Line) {
			gold.Treatments = &routingv1.Treatments{NotEntitled: of, Unknown: of}
			gold.Announcement = &routingv1.Speech{Text: "you will be billed"}
		}
	}
	asks := func(gold, _ *routingv1.Line) { identify(gold) }
	pin := func(policy routingv1.PinPolicy) func(gold, _ *routingv1.Line) {
		return func(gold, _ *routingv1.Line) {
			identify(gold)
			gold.Identification = &routingv1.Identification{Pin: policy}
		}
	}
	plain := func(*routingv1.Line, *routingv1.Line) {}
	outside := func(_, public *routingv1.Line) { closed(public) }
	for what, c := range map[string]script{
		"an entitled caller goes straight through": {
			change: asks, caller: acme, steps: []string{atGold, "tried sydney.1=ANSWERED", "end OVER"},
		},
		"nobody answers, and whoever was busy or declined is not rung again": {
			change: plain, caller: acme, steps: []string{
				atGold, "tried sydney.1=BUSY dublin.1=DECLINED", "forward person.anna.1 last-resort",
				"tried person.anna.1=NOT_ACCEPTED last-resort=NO_ANSWER", "forward person.anna.1 last-resort",
				"tried person.anna.1=NO_ANSWER last-resort=NO_ANSWER", "record", "message", "end MESSAGE_TAKEN",
			},
		},
		"nobody answers, and nothing can be recorded": {
			change: plain, caller: acme, gateway: capable(routingv1.Capability_CAPABILITY_FORWARD),
			steps: []string{atGold, all, atGold, all, "end NOBODY_ANSWERED"},
		},
		"the caller hangs up": {change: plain, caller: acme, steps: []string{atGold, "tried sydney.1=CALLER_GONE", "end OVER"}},
		"a name is found": {
			change: asks, caller: nobody, steps: []string{"prompt NAME", "said acme", atGold},
		},
		"a name is typed, and the same one goes before the similar one": {
			change: asks, caller: nobody, steps: []string{"prompt NAME", "keys 2263#", atGold},
		},
		"a similar name is asked about, a single one too": {
			change: asks, caller: nobody, steps: []string{"prompt NAME", "said akme", "prompt WHICH", "keys 1", atGold},
		},
		"names that are the same are asked about": {
			change: asks, caller: nobody, steps: []string{"prompt NAME", "said twins", "prompt WHICH", "said two", atGold},
		},
		"one that is much more like it than all others is asked about, however many these are": {
			change: asks, caller: nobody, steps: []string{"prompt NAME", "said akme widgets", "prompt WHICH", "keys 1", atGold},
		},
		"what is hardly like it is asked of nobody": {
			change: asks, caller: nobody, steps: []string{"prompt NAME", "said hardly", "prompt NAME", "said acme", atGold},
		},
		"a contract's number": {
			change: asks, caller: nobody, steps: []string{"prompt NAME", "said c 4711", atGold},
		},
		"a contract's number that is another one's name": {
			change: asks, caller: nobody, steps: []string{"prompt NAME", "said c 4711 bridge", "prompt WHICH", "keys 1", atGold},
		},
		"whoever is certain by all that is known of the call": {
			change: asks, caller: nobody, certain: "bridge-1", steps: []string{"prompt NAME", "said bridge", atGold},
		},
		"too many are found": {
			change: asks, caller: nobody, steps: []string{"prompt NAME", "said a", "prompt NAME", "said acme", atGold},
		},
		"nobody is found, twice": {
			change: asks, caller: nobody, steps: []string{"prompt NAME", "said what", "prompt NAME", "said what", atGold},
		},
		"three wrong names": {
			change: func(gold, _ *routingv1.Line) {
				identify(gold)
				gold.Identification = &routingv1.Identification{MaxTries: 3}
			}, caller: nobody,
			steps: []string{"prompt NAME", "said what", "prompt NAME", "keys 22#", "prompt NAME", "said who", atGold},
		},
		"0 again and again":           {change: asks, caller: nobody, steps: []string{"prompt NAME", "keys 0000", atGold}},
		"a sentence for a person":     {change: asks, caller: nobody, steps: []string{"prompt NAME", "said I want to talk to a human, please!", atGold}},
		"in another language":         {change: asks, caller: nobody, steps: []string{"prompt NAME", "said Einen Mitarbeiter bitte", atGold}},
		"an empty answer":             {change: asks, caller: nobody, steps: []string{"prompt NAME", "keys #", "prompt NAME", "keys #", atGold}},
		"0 reaches a person":          {change: asks, caller: nobody, steps: []string{"prompt NAME", "keys 0", atGold}},
		"silence reaches a person":    {change: asks, caller: nobody, steps: []string{"prompt NAME", "silence", atGold}},
		"an error reaches a person":   {change: asks, caller: nobody, steps: []string{"prompt NAME", "failed", atGold}},
		"no outcome reaches a person": {change: asks, caller: nobody, steps: []string{"prompt NAME", "nothing", atGold}},
		"who says operator gets one":  {change: asks, caller: nobody, steps: []string{"prompt NAME", "said Operator.", atGold}},
		"nobody can be asked who it is": {
			change: asks, caller: nobody, unreachable: true, steps: []string{"prompt NAME", "said acme", atGold},
		},
		"a shared number is asked about": {
			change: asks, caller: bridge, steps: []string{"prompt WHICH", "keys 2", atGold},
		},
		"none of those who share it": {
			change: asks, caller: bridge, steps: []string{"prompt WHICH", "keys 9", "prompt NAME", "said acme", atGold},
		},
		"a key that was not offered": {
			change: asks, caller: bridge, steps: []string{"prompt WHICH", "keys 7", "prompt WHICH", "keys 7", atGold},
		},
		"a PIN where one is set": {
			change: pin(routingv1.PinPolicy_PIN_POLICY_WHERE_SET), caller: nobody,
			steps: []string{"prompt NAME", "said pinned", "prompt PIN", "keys 2580#", atGold},
		},
		"no PIN where none is set": {
			change: pin(routingv1.PinPolicy_PIN_POLICY_WHERE_SET), caller: nobody, steps: []string{"prompt NAME", "said acme", atGold},
		},
		"a PIN that is wrong": {
			change: pin(routingv1.PinPolicy_PIN_POLICY_WHERE_SET), caller: nobody,
			steps: []string{"prompt NAME", "said pinned", "prompt PIN", "keys 1111", "prompt PIN", "keys 1112", atGold},
		},
		"a PIN that is said": {
			change: pin(routingv1.PinPolicy_PIN_POLICY_ALWAYS), caller: nobody,
			steps: []string{"prompt NAME", "said pinned", "prompt PIN", "said two five eight oh", atGold},
		},
		"whoever has none where there must be one is nobody we know": {
			change: pin(routingv1.PinPolicy_PIN_POLICY_ALWAYS), caller: nobody, steps: []string{"prompt NAME", "said acme", atGold},
		},
		"an announcement is heard once": {
			change: treat(routingv1.Treatment_TREATMENT_ANNOUNCE), caller: ended,
			steps: []string{"prompt ANNOUNCEMENT", "nothing", atGold},
		},
		"forwarded, and told that it will be followed up": {
			change: treat(routingv1.Treatment_TREATMENT_FORWARD_AND_FOLLOW_UP), caller: ended,
			steps: []string{"prompt ANNOUNCEMENT", "failed", atGold},
		},
		"a message": {
			change: treat(routingv1.Treatment_TREATMENT_MESSAGE), caller: ended, steps: []string{"record", "message", "end MESSAGE_TAKEN"},
		},
		"0 instead of a message": {
			change: treat(routingv1.Treatment_TREATMENT_MESSAGE), caller: ended,
			steps: []string{"record", "keys 0", atGold, all, atGold, all, "record", "keys 0", "end NOBODY_ANSWERED"},
		},
		"a message that did not come about": {
			change: treat(routingv1.Treatment_TREATMENT_MESSAGE), caller: ended,
			steps: []string{"record", "failed", atGold, all, atGold, all, "end NOBODY_ANSWERED"},
		},
		"no message where nothing is recorded": {
			change: treat(routingv1.Treatment_TREATMENT_MESSAGE), caller: ended,
			gateway: capable(routingv1.Capability_CAPABILITY_FORWARD), steps: []string{atGold},
		},
		"a refusal is told, then done": {
			change: treat(routingv1.Treatment_TREATMENT_REJECT), caller: ended,
			steps: []string{"prompt REFUSAL", "nothing", "end REFUSED"},
		},
		"a refusal at once": {
			change: treat(routingv1.Treatment_TREATMENT_REJECT), caller: ended,
			gateway: capable(routingv1.Capability_CAPABILITY_REDIRECT), steps: []string{"end REFUSED"},
		},
		"a published line within hours": {
			change: outside, dialled: public, caller: acme, steps: []string{"forward sydney.1 dublin.1 last-resort"},
		},
		"outside hours 1 transfers": {
			change: outside, dialled: public, caller: nobody, hour: 13,
			steps: []string{"prompt OUT_OF_HOURS", "keys 1", "forward person.anna.1 last-resort"},
		},
		"and to the other line's policy": {
			change: func(gold, public *routingv1.Line) { closed(public); identify(gold) }, dialled: public, caller: nobody, hour: 13,
			steps: []string{"prompt OUT_OF_HOURS", "keys 1", "prompt NAME", "said acme", "forward person.anna.1 last-resort"},
		},
		"another key does not": {
			change: outside, dialled: public, caller: nobody, hour: 13,
			steps: []string{"prompt OUT_OF_HOURS", "keys 2", "forward last-resort"},
		},
		"nor silence": {
			change: outside, dialled: public, caller: nobody, hour: 13,
			steps: []string{"prompt OUT_OF_HOURS", "silence", "forward last-resort"},
		},
		"where nothing can be asked, an entitled caller is transferred at once": {
			change: outside, dialled: public, caller: acme, hour: 13, gateway: capable(routingv1.Capability_CAPABILITY_REDIRECT),
			steps: []string{"forward person.anna.1 last-resort"},
		},
		"and no other": {
			change: outside, dialled: public, caller: nobody, hour: 13, gateway: capable(routingv1.Capability_CAPABILITY_REDIRECT),
			steps: []string{"forward last-resort"},
		},
		"where nothing can be asked, another one is told": {
			change: outside, dialled: public, caller: ended, hour: 13,
			gateway: capable(routingv1.Capability_CAPABILITY_FORWARD, routingv1.Capability_CAPABILITY_PROMPT),
			steps:   []string{"prompt OUT_OF_HOURS", "nothing", "forward last-resort"},
		},
		"a gateway that can record alone": {
			change: plain, caller: acme, gateway: capable(routingv1.Capability_CAPABILITY_RECORD),
			steps: []string{"record", "message", "end MESSAGE_TAKEN"},
		},
		"a phrase, where one is set": {
			change: pin(routingv1.PinPolicy_PIN_POLICY_WHERE_SET), caller: nobody,
			steps: []string{"prompt NAME", "said spoken", "prompt PIN", "said Blue heron", atGold},
		},
		"a phrase where there is a PIN, too": {
			change: pin(routingv1.PinPolicy_PIN_POLICY_WHERE_SET), caller: nobody,
			steps: []string{"prompt NAME", "said pinned", "prompt PIN", "said Blue heron", atGold},
		},
		"a phrase that is wrong": {
			change: pin(routingv1.PinPolicy_PIN_POLICY_WHERE_SET), caller: nobody,
			steps: []string{"prompt NAME", "said spoken", "prompt PIN", "said grey goose", "prompt PIN", "said grey goose", atGold},
		},
		"a phrase where nothing is heard": {
			change: pin(routingv1.PinPolicy_PIN_POLICY_WHERE_SET), caller: nobody,
			gateway: capable(routingv1.Capability_CAPABILITY_FORWARD, routingv1.Capability_CAPABILITY_PROMPT,
				routingv1.Capability_CAPABILITY_GATHER_DIGITS), // a name is typed
			steps: []string{"prompt NAME", "said spoken", atGold},
		},
		"a number of no line": {change: plain, dialled: gold + 7, caller: acme, steps: []string{"end UNKNOWN_LINE"}},
	} {
		t.Run(what, c.run)
	}
}

// What somebody is told of the hidden number, and as whom they are known.
func TestWhoIsToldTheHiddenNumber(t *testing.T) {
	for what, c := range map[string]struct {
		caller   phone.Number
		attested bool
		steps    []string
		change   func(public *routingv1.Line)
		want     bool
	}{
		"an attested, entitled caller":      {caller: acme, attested: true, want: true},
		"an entitled caller, not attested":  {caller: acme},
		"an attested caller, not entitled":  {caller: ended, attested: true},
		"an attested caller nobody knows":   {caller: nobody, attested: true},
		"an attested number of several":     {caller: bridge, attested: true},
		"where nobody is told":              {caller: acme, attested: true, change: func(l *routingv1.Line) { l.OutOfHours.Reveal = 0 }},
		"who chose among those of a number": {caller: bridge, attested: true, change: identify, steps: []string{"keys 1"}},
		"who said a name":                   {caller: nobody, attested: true, change: identify, steps: []string{"said acme"}},
		"who showed a PIN": {
			caller: nobody, steps: []string{"said pinned", "keys 2580"}, want: true, change: func(l *routingv1.Line) {
				identify(l)
				l.Identification = &routingv1.Identification{Pin: routingv1.PinPolicy_PIN_POLICY_WHERE_SET}
			},
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := &walk{hour: 13, names: names(), v: world(func(_, l *routingv1.Line) {
				if closed(l); c.change != nil {
					c.change(l)
				}
			}).View()}
			w.call = decide.Call{ID: "1", Dialled: public, Caller: c.caller, Attested: c.attested, Gateway: everything()}
			got := w.decide()
			for _, does := range c.steps {
				w.does(does)
				got = w.decide()
			}
			if got != "prompt OUT_OF_HOURS" || (w.d.Revealed() != nil) != c.want {
				t.Errorf("%s, told %v, want %v", got, w.d.Revealed(), c.want)
			}
		})
	}
}

// What is known of a caller holds though later requests do not say their number.
func TestTheNumberNeedNotComeAgain(t *testing.T) {
	w := &walk{v: world(func(*routingv1.Line, *routingv1.Line) {}).View(), hour: 4}
	w.call = decide.Call{ID: "1", Dialled: gold, Caller: acme, Attested: true, Gateway: everything()}
	w.decide()
	w.call.Caller, w.call.Dialled, w.call.Attested = 0, 0, false
	w.does("tried sydney.1=BUSY")
	if got := w.decide(); got != "forward dublin.1 person.anna.1 last-resort" ||
		w.d.Class != routingv1.CallerClass_CALLER_CLASS_ENTITLED ||
		w.d.Verdicts()[1] != routingv1.Verdict_VERDICT_CALLER_UNVERIFIED {
		t.Errorf("%s, %v %v", got, w.d.Class, w.d.Verdicts())
	}
}

// A line that is gone gives way to the one dialled, a customer who is gone to their number.
func TestWhatIsGoneMeanwhileStopsNoCall(t *testing.T) {
	w := &walk{v: world(func(_, l *routingv1.Line) { closed(l); identify(l) }).View(), hour: 13, names: names()}
	w.call = decide.Call{ID: "1", Dialled: public, Caller: nobody, Gateway: everything()}
	w.decide()
	w.does("said acme")
	w.decide()
	w.does("keys 1")
	after := world(func(*routingv1.Line, *routingv1.Line) {})
	after.Lines, after.Customers = after.Lines[1:], nil
	w.v = after.View()
	w.call.Dialled = 0
	if got := w.decide(); got != "forward last-resort" || w.d.Line.ID != "public" ||
		w.d.Class != routingv1.CallerClass_CALLER_CLASS_UNKNOWN {
		t.Errorf("%s of %s, %v", got, w.d.Line.Name, w.d.Class)
	}
}

func ExampleAdvance() {
	state := &routingv1.ContinuationState{Line: "gold", Asked: routingv1.PromptKind_PROMPT_KIND_NAME}
	next, need := flow.Advance(state, flow.Outcome{Input: &routingv1.Input{Digits: "2263#"}})
	fmt.Println(need.Kind == flow.NeedName, need.Digits)
	flow.Identified(next, flow.Found{Candidates: []flow.Candidate{{ID: "acme", Confidence: 1, Stated: true}}})
	fmt.Println(next.GetCustomer(), next.GetNamed())
	// Output:
	// true 2263
	// acme true
}
