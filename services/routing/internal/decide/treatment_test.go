package decide_test

import (
	"strings"
	"testing"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// Every treatment as every gateway can carry it out, and what the last verdict says of it. Sydney is open.
func TestTreatmentsDegradeToWhatGatewaysCan(t *testing.T) {
	const (
		forward = routingv1.Capability_CAPABILITY_FORWARD
		say     = routingv1.Capability_CAPABILITY_PROMPT
		digits  = routingv1.Capability_CAPABILITY_GATHER_DIGITS
		record  = routingv1.Capability_CAPABILITY_RECORD
	)
	redirects := decide.CapabilitiesOf(nil)
	forwards := decide.CapabilitiesOf([]routingv1.Capability{forward})
	says := decide.CapabilitiesOf([]routingv1.Capability{forward, say})
	asks := decide.CapabilitiesOf([]routingv1.Capability{forward, say, digits})
	records := decide.CapabilitiesOf([]routingv1.Capability{forward, record})
	const rings = "FORWARD, sydney.1 last-resort"
	for _, c := range []struct {
		treatment routingv1.Treatment
		gateway   decide.Capabilities
		want      string
	}{
		{routingv1.Treatment_TREATMENT_FORWARD, asks, rings + " LADDER_SITES"},
		{routingv1.Treatment_TREATMENT_FORWARD_AND_FOLLOW_UP, redirects, rings + " STEP_NOT_CARRIED, followed up"},
		{routingv1.Treatment_TREATMENT_FORWARD_AND_FOLLOW_UP, says, "PROMPT ANNOUNCEMENT STEP_PROMPT, followed up"},
		{routingv1.Treatment_TREATMENT_ANNOUNCE, redirects, rings + " STEP_NOT_CARRIED"},
		{routingv1.Treatment_TREATMENT_ANNOUNCE, says, "PROMPT ANNOUNCEMENT STEP_PROMPT"},
		{routingv1.Treatment_TREATMENT_MESSAGE, forwards, rings + " STEP_NOT_CARRIED"},
		{routingv1.Treatment_TREATMENT_MESSAGE, records, "RECORD STEP_RECORD"},
		{routingv1.Treatment_TREATMENT_IDENTIFY, redirects, rings + " STEP_NOT_CARRIED, followed up"},
		{routingv1.Treatment_TREATMENT_IDENTIFY, says, rings + " STEP_NOT_CARRIED, followed up"},
		{routingv1.Treatment_TREATMENT_IDENTIFY, asks, "PROMPT NAME STEP_PROMPT"},
		{routingv1.Treatment_TREATMENT_REJECT, redirects, "END REFUSED TREATMENT_REJECT"},
		{routingv1.Treatment_TREATMENT_REJECT, says, "PROMPT REFUSAL STEP_PROMPT"},
		{routingv1.Treatment(99), asks, rings + " LADDER_SITES"}, // of a later release: in doubt a caller is helped
	} {
		w := followTheSun()
		w.Lines[0].Treatments = &routingv1.Treatments{Unknown: c.treatment}
		w.Lines[0].Announcement = &routingv1.Speech{Text: "you will be billed"}
		one := call()
		one.Caller, one.Gateway = unknownANI, c.gateway
		if got := outcome(run(w.View(), one, viewtest.At(0))); got != c.want {
			t.Errorf("%v by %b: %s, want %s", c.treatment, c.gateway, got, c.want)
		}
		// Whatever the treatment of strangers, an entitled caller goes straight through.
		one.Caller = firstANI
		if got := outcome(run(w.View(), one, viewtest.At(0))); got != rings+" LADDER_SITES" {
			t.Errorf("an entitled caller: %s", got)
		}
	}
}

// outcome is a step for reading: its kind, what it does, the last verdict, and whether it is followed up.
func outcome(d *decide.Decision) string {
	parts := []string{strings.TrimPrefix(d.Step.String(), "STEP_KIND_")}
	switch d.Step {
	case routingv1.StepKind_STEP_KIND_PROMPT:
		parts = append(parts, strings.TrimPrefix(d.Prompt.String(), "PROMPT_KIND_"))
	case routingv1.StepKind_STEP_KIND_END:
		parts = append(parts, strings.TrimPrefix(d.End.String(), "END_CAUSE_"))
	case routingv1.StepKind_STEP_KIND_FORWARD:
		parts = []string{parts[0] + ",", ladder(d)}
	case routingv1.StepKind_STEP_KIND_RECORD, routingv1.StepKind_STEP_KIND_UNSPECIFIED:
	}
	all := strings.Fields(verdicts(d))
	text := strings.Join(append(parts, all[len(all)-1]), " ")
	if d.FollowUp {
		text += ", followed up"
	}
	return text
}
