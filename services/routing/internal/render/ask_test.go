package render_test

import (
	"strings"
	"testing"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/render"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// asks is a line in a language that asks callers who they are, with customers of one name and another one.
func asks(language string) viewtest.World {
	l := viewtest.Line("asking", asking, "denver")
	l.Language = language
	l.Treatments = &routingv1.Treatments{
		NotEntitled: routingv1.Treatment_TREATMENT_IDENTIFY, Unknown: routingv1.Treatment_TREATMENT_IDENTIFY,
	}
	l.Identification = &routingv1.Identification{Pin: routingv1.PinPolicy_PIN_POLICY_ALWAYS}
	w := viewtest.World{Sites: []*publishedv1.Site{viewtest.Site("denver")}, Lines: []*routingv1.Line{l}}
	for id, locality := range map[string]string{"acme-north": "", "acme-south": "", "c1": "Berlin", "c2": "Berlin", "bolt": "Boston"} {
		c := viewtest.Customer(id, []phone.Number{acme})
		c.DisplayName, c.Locality, c.HasPin = "Acme", locality, true
		if id == "bolt" {
			c.DisplayName = "Bolt Ltd"
		}
		w.Customers = append(w.Customers, c)
	}
	return w
}

// TestCallersAreAskedInTheLinesLanguage where there are words in it.
func TestCallersAreAskedInTheLinesLanguage(t *testing.T) {
	const (
		name  = routingv1.PromptKind_PROMPT_KIND_NAME
		which = routingv1.PromptKind_PROMPT_KIND_WHICH
		pin   = routingv1.PromptKind_PROMPT_KIND_PIN
	)
	digits := []routingv1.Capability{
		routingv1.Capability_CAPABILITY_FORWARD, routingv1.Capability_CAPABILITY_PROMPT, routingv1.Capability_CAPABILITY_GATHER_DIGITS,
	}
	speech := []routingv1.Capability{
		routingv1.Capability_CAPABILITY_FORWARD, routingv1.Capability_CAPABILITY_PROMPT, routingv1.Capability_CAPABILITY_GATHER_SPEECH,
	}
	both := append([]routingv1.Capability{routingv1.Capability_CAPABILITY_GATHER_SPEECH}, digits...)
	chosen := &routingv1.ContinuationState{Asked: which, Customer: "bolt", Named: true}
	for _, c := range []struct {
		language string
		can      []routingv1.Capability
		state    *routingv1.ContinuationState
		want     string
	}{
		{"de-AT", digits, nil, "NAME 32# 8s de-AT: Bitte geben Sie den Namen Ihrer Firma über die Tasten ein und drücken Sie die " +
			"Rautetaste. Um mit jemandem zu sprechen, drücken Sie die 0."},
		{"fr", speech, nil, "NAME speech 8s fr: Veuillez dire le nom de votre société. Pour parler à quelqu’un, patientez."},
		{"es", both, nil, "NAME 32# speech 8s es: Diga el nombre de su empresa, o escríbalo en el teclado y pulse almohadilla. " +
			"Para hablar con una persona, pulse 0."},
		{"de", speech, &routingv1.ContinuationState{Asked: name, Tries: 1, TooMany: true}, "NAME speech 8s de: Das passt auf mehrere " +
			"Firmen. Bitte sagen Sie den vollständigen Namen Ihrer Firma. Um mit jemandem zu sprechen, warten Sie einfach."},
		{"fr-CA", speech, &routingv1.ContinuationState{Asked: name, Tries: 1}, "NAME speech 8s fr-CA: Désolé, cela n’a pas été trouvé. " +
			"Veuillez dire le nom de votre société. Pour parler à quelqu’un, patientez."},
		{"es", digits, &routingv1.ContinuationState{Asked: which, Tries: 1, Named: true, Offered: []string{"bolt"}}, "WHICH 1 6s es: " +
			"Lo siento, no es ninguna de estas. Si es Bolt Ltd en Boston, pulse 1. Si no, pulse 9. Para hablar con una persona, pulse 0."},
		{"de", digits, &routingv1.ContinuationState{Asked: name, Named: true, Offered: []string{"c1", "bolt", "c2"}}, "WHICH 1 6s de: " +
			"Für Acme in Berlin, Nummer 1 drücken Sie die 1. Für Bolt Ltd in Boston drücken Sie die 2. Für Acme in Berlin, Nummer 2 " +
			"drücken Sie die 3. Für keine davon drücken Sie die 9. Um mit jemandem zu sprechen, drücken Sie die 0."},
		{"ja", both, &routingv1.ContinuationState{Asked: name, Named: true, Offered: []string{"acme-south", "acme-north"}},
			"WHICH 1 speech 6s en: For Acme, acme south, press 1. For Acme, acme north, press 2. For none of these, press 9. For a " +
				"person, press 0."},
		{"fr", digits, chosen, "PIN 12# 8s fr: Veuillez saisir le code PIN de Bolt Ltd et appuyer sur dièse. Pour parler à quelqu’un, " +
			"appuyez sur 0."},
		{"es", speech, chosen, "PIN speech 8s es: Diga el PIN de Bolt Ltd, cifra por cifra. Para hablar con una persona, espere."},
		{"de", digits, &routingv1.ContinuationState{Asked: pin, Customer: "bolt", Named: true, PinTries: 1}, "PIN 12# 8s de: Das war " +
			"leider nicht richtig. Bitte geben Sie die PIN von Bolt Ltd ein und drücken Sie die Rautetaste. Um mit jemandem zu " +
			"sprechen, drücken Sie die 0."},
	} {
		v := asks(c.language).View()
		call := decide.Call{ID: "call-1", Dialled: asking, Gateway: decide.CapabilitiesOf(c.can), State: c.state}
		if c.state != nil {
			c.state.Line = "asking"
		}
		var d decide.Decision
		decide.Decide(&d, v, call, viewtest.At(4), decide.MaxSites)
		got := heard(render.Route(&d, v, "call-1", viewtest.At(4), false).GetRoute())
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.language, got, c.want)
		}
		if strings.ContainsAny(got, "{}") {
			t.Errorf("something is not filled in: %s", got)
		}
	}
}
