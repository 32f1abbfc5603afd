package render_test

import (
	"strconv"
	"strings"
	"testing"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/render"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

const (
	asking = gold + 10
	stern  = gold + 11
	public = gold + 12
	german = gold + 13
)

// speaking is a world of lines that say and ask things: one in the program's own words, one in German.
func speaking() viewtest.World {
	unknown := func(l *routingv1.Line, of routingv1.Treatment) *routingv1.Line {
		l.Treatments = &routingv1.Treatments{NotEntitled: of, Unknown: of}
		return l
	}
	asks := unknown(viewtest.Line("asking", asking, "denver"), routingv1.Treatment_TREATMENT_IDENTIFY)
	asks.Identification = &routingv1.Identification{Pin: routingv1.PinPolicy_PIN_POLICY_ALWAYS}
	closed := viewtest.Line("public", public, "denver")
	closed.Visibility = routingv1.Visibility_VISIBILITY_PUBLISHED
	closed.OutOfHours = &routingv1.OutOfHours{
		TransferLine: "lines/asking", Reveal: routingv1.Reveal_REVEAL_VERIFIED_ENTITLED,
	}
	words := unknown(viewtest.Line("german", german, "denver"), routingv1.Treatment_TREATMENT_ANNOUNCE)
	words.Language = "de-AT"
	words.Announcement = &routingv1.Speech{Text: "Bitte warten.", MediaUri: "file:///bitte.wav"}
	words.Guidance = &routingv1.Guidance{NotEntitled: "Offer them a contract."}
	pinned := viewtest.Customer("Acme", []phone.Number{acme}, viewtest.Contract("", -100, 100))
	pinned.HasPin = true
	return viewtest.World{
		Sites: []*publishedv1.Site{viewtest.Site("denver")},
		Customers: []*publishedv1.Customer{
			pinned, viewtest.Customer("Globex", []phone.Number{acme + 1}), viewtest.Customer("Initech", []phone.Number{acme + 1}),
			viewtest.Customer("Hooli", []phone.Number{acme + 2}, viewtest.Contract("", -100, -50)),
		},
		Lines: []*routingv1.Line{
			asks, unknown(viewtest.Line("stern", stern, "denver"), routingv1.Treatment_TREATMENT_REJECT), closed, words,
		},
	}
}

// What callers hear, and what the answering person does.
func TestWhatIsSaid(t *testing.T) {
	v := speaking().View()
	gateway := decide.CapabilitiesOf([]routingv1.Capability{
		routingv1.Capability_CAPABILITY_FORWARD, routingv1.Capability_CAPABILITY_PROMPT,
		routingv1.Capability_CAPABILITY_GATHER_DIGITS, routingv1.Capability_CAPABILITY_RECORD,
	})
	speech := decide.CapabilitiesOf([]routingv1.Capability{
		routingv1.Capability_CAPABILITY_FORWARD, routingv1.Capability_CAPABILITY_PROMPT,
		routingv1.Capability_CAPABILITY_GATHER_SPEECH,
	})
	asked := func(kind routingv1.PromptKind) *routingv1.ContinuationState {
		return &routingv1.ContinuationState{Line: "asking", Asked: kind, Tries: 1}
	}
	for what, c := range map[string]struct {
		call decide.Call
		want string
	}{
		"a name": {
			decide.Call{Dialled: asking, Gateway: gateway},
			"NAME 32# 8s en: Please type the name of your company on the keypad and press hash. For a person, press 0.",
		},
		"a name, said": {
			decide.Call{Dialled: asking, Gateway: speech},
			"NAME speech 8s en: Please say the name of your company. For a person, just wait.",
		},
		"a name again": {
			decide.Call{Dialled: asking, Gateway: gateway, State: asked(routingv1.PromptKind_PROMPT_KIND_NAME)},
			"NAME 32# 8s en: Sorry, that was not found. Please type the name of your company on the keypad and press hash. " +
				"For a person, press 0.",
		},
		"a name that fits too many": {
			decide.Call{Dialled: asking, Gateway: gateway, State: &routingv1.ContinuationState{
				Line: "asking", Asked: routingv1.PromptKind_PROMPT_KIND_NAME, Tries: 1, TooMany: true,
			}},
			"NAME 32# 8s en: That fits several companies. Please type the whole name of your company on the keypad and press hash. " +
				"For a person, press 0.",
		},
		"which of several": {
			decide.Call{Dialled: asking, Caller: acme + 1, Gateway: gateway},
			"WHICH 1 6s en: For Globex, press 1. For Initech, press 2. For none of these, press 9. For a person, press 0.",
		},
		"whether it is the only one": {
			decide.Call{Dialled: asking, Gateway: gateway, State: &routingv1.ContinuationState{
				Line: "asking", Asked: routingv1.PromptKind_PROMPT_KIND_NAME, Offered: []string{"Globex"}, Named: true,
			}},
			"WHICH 1 6s en: If it is Globex, press 1. If not, press 9. For a person, press 0.",
		},
		"a PIN": {
			decide.Call{Dialled: asking, Gateway: gateway, State: &routingv1.ContinuationState{
				Line: "asking", Asked: routingv1.PromptKind_PROMPT_KIND_NAME, Customer: "Acme", Named: true,
			}},
			"PIN 12# 8s en: Please type the PIN of Acme and press hash. For a person, press 0.",
		},
		"a refusal": {
			decide.Call{Dialled: stern, Gateway: gateway},
			"REFUSAL en: Sorry, this line is for customers with a support contract. Goodbye.",
		},
		"outside hours": {
			decide.Call{Dialled: public, Gateway: gateway},
			"OUT_OF_HOURS 1 6s en: All offices of this line are closed now. To be put through to somebody all the same, press 1.",
		},
		"outside hours, with the number": {
			decide.Call{Dialled: public, Caller: acme, Attested: true, Gateway: gateway},
			"OUT_OF_HOURS 1 6s en: All offices of this line are closed now. To be put through to somebody all the same, press 1. " +
				"[The number to call is + 6 1 2 5 5 5 0 0 1 1 0.]",
		},
		"the line's own words": {
			decide.Call{Dialled: german, Gateway: gateway}, "ANNOUNCEMENT de-AT file:///bitte.wav: Bitte warten.",
		},
		"a message at the end": {
			decide.Call{Dialled: asking, Gateway: gateway, State: &routingv1.ContinuationState{Line: "asking", Round: 2}},
			"record 5m0s en: Nobody can take your call now. Please leave a message behind the tone, with your name and your number. " +
				"Somebody will call you back.",
		},
		"a whisper": {
			decide.Call{Dialled: german, Caller: acme + 2, Gateway: gateway, State: &routingv1.ContinuationState{
				Line: "german", Announced: true, Tried: []*routingv1.TriedTarget{{TargetId: "x"}},
			}},
			"whisper: Call on german. Hooli, by the number, not verified: not entitled, the contract has ended. One other was rung " +
				"before. Offer them a contract.",
		},
		"a whisper of somebody who did not say which": {
			decide.Call{Dialled: asking, Gateway: gateway, State: &routingv1.ContinuationState{
				Line: "asking", PersonWanted: true, Named: true, Offered: []string{"Hooli"},
			}},
			"whisper: Call on asking. Perhaps Hooli. No number: nobody knows whether entitled. To be followed up.",
		},
		"a whisper of a stranger": {
			decide.Call{Dialled: asking, Gateway: gateway, State: &routingv1.ContinuationState{Line: "asking", PersonWanted: true}},
			"whisper: Call on asking. No number: nobody knows whether entitled. To be followed up.",
		},
	} {
		t.Run(what, func(t *testing.T) {
			c.call.ID = "call-1"
			var d decide.Decision
			decide.Decide(&d, v, c.call, viewtest.At(4), decide.MaxSites)
			if got := heard(render.Route(&d, v, "call-1", viewtest.At(4), false).GetRoute()); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// heard is what is said, for reading.
func heard(r *routingv1.Route) string {
	if p := r.GetRecord(); p != nil {
		return "record " + p.GetMaxLength().AsDuration().String() + " " + p.GetLanguage() + ": " + p.GetText()
	}
	p := r.GetPrompt()
	if p == nil {
		return "whisper: " + r.GetWhisper()
	}
	parts := []string{strings.TrimPrefix(p.GetKind().String(), "PROMPT_KIND_")}
	if p.GetMaxDigits() > 0 {
		parts = append(parts, strconv.Itoa(int(p.GetMaxDigits()))+p.GetFinishKey())
	}
	if p.GetSpeech() {
		parts = append(parts, "speech")
	}
	if p.GetTimeout() != nil {
		parts = append(parts, p.GetTimeout().AsDuration().String())
	}
	parts = append(parts, p.GetLanguage())
	if p.GetMediaUri() != "" {
		parts = append(parts, p.GetMediaUri())
	}
	text := strings.Join(parts, " ") + ": " + p.GetText()
	if p.GetSecretText() != "" {
		text += " [" + p.GetSecretText() + "]"
	}
	return text
}
