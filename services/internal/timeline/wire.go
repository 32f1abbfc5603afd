package timeline

import (
	"fmt"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
)

// Proto is the timeline as it is published.
func (t *Timeline) Proto() *publishedv1.Timeline {
	p := &publishedv1.Timeline{
		FromUnixS: t.fromS, ToUnixS: t.toS,
		StepS: make([]uint32, 0, 2*len(t.spans)), RuleIndex: make([]uint32, 0, len(t.spans)),
		Rules: append([]string(nil), t.rules...), TzdataRelease: t.release, ZoneFingerprint: t.fingerprint,
	}
	var last uint32
	for _, s := range t.spans {
		p.StepS = append(p.StepS, s.openS-last, s.closeS-s.openS)
		p.RuleIndex = append(p.RuleIndex, s.rule)
		last = s.closeS
	}
	return p
}

// FromProto reads a published timeline. What it reads came from outside: it refuses, with an INVALID_FIELD fault, what
// New would refuse.
func FromProto(p *publishedv1.Timeline) (*Timeline, error) {
	steps, rules := p.GetStepS(), p.GetRuleIndex()
	if len(steps) != 2*len(rules) {
		return nil, broken("step_s", fmt.Sprint(len(steps)), fmt.Sprintf("two steps for each of %d intervals", len(rules)))
	}
	s := Spec{
		FromUnixS: p.GetFromUnixS(), ToUnixS: p.GetToUnixS(), Rules: p.GetRules(),
		TZDataRelease: p.GetTzdataRelease(), ZoneFingerprint: p.GetZoneFingerprint(),
		Intervals: make([]Interval, len(rules)),
	}
	if err := checkFrame(s); err != nil {
		return nil, err // before the sums below, which cannot overflow within a sound frame
	}
	at := s.FromUnixS
	for i := range rules {
		open := at + int64(steps[2*i])
		at = open + int64(steps[2*i+1])
		s.Intervals[i] = Interval{OpenUnixS: open, CloseUnixS: at, Rule: rules[i]}
	}
	return New(s)
}
