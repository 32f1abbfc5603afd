// Package timeline is open time as instants: what wall-clock hours compile to, and all that a decision knows of time. A
// Timeline is immutable, answers "open at this instant, until when, how much business time is left" in nanoseconds and
// without an allocation, and travels between services as publishedv1.Timeline.
//
// It knows no time zones, no dates and no weekdays; those end in package hours.
package timeline

import (
	"fmt"
	"iter"
	"unicode/utf8"

	"github.com/daysidehq/dayside/services/internal/fault"
)

// Limits of one timeline. They protect a process from what it reads, and keep a look-up's cost constant.
const (
	// maxHorizonS is ten years; instants are kept as 32-bit seconds since the horizon's start.
	maxHorizonS = 3660 * daySeconds
	// maxInstantS is the year 9999, so that no sum of instants overflows.
	maxInstantS = 253402300799
	// maxSpansPerDay bounds the scan of a look-up. Hours allow 24 spans a date, and a UTC day overlaps three dates.
	maxSpansPerDay = 128
	maxRules       = 1 << 15
	maxRuleBytes   = 512
	maxReleaseB    = 32
)

const daySeconds = 86400

// Business time, as the strategy FOLLOW_THE_SUN counts it.
const (
	// BreakMaxS is the longest closing that counts as a break, seconds: lunch does not end a site's day.
	BreakMaxS = 90 * 60
	// RemainingMaxS caps business time left, seconds, so that a site open round the clock does not always win.
	RemainingMaxS = 12 * 3600
)

// Interval is open time over [OpenUnixS, CloseUnixS), Unix seconds.
type Interval struct {
	OpenUnixS, CloseUnixS int64
	// Rule is the index, in the rules given beside it, of the rule that opened it.
	Rule uint32
}

// Spec is what a Timeline is made from.
type Spec struct {
	// FromUnixS and ToUnixS are the horizon [from, to). Outside it nothing is known.
	FromUnixS, ToUnixS int64
	// Intervals ascend, lie within the horizon, and do not touch.
	Intervals []Interval
	// Rules are for people: "weekly hours, Mon 09:00-17:00".
	Rules []string
	// TZDataRelease is the release of the zone rules used, such as "2025c".
	TZDataRelease string
	// ZoneFingerprint identifies the zone's behaviour over the horizon.
	ZoneFingerprint uint64
}

// Timeline is open time over a horizon. It is immutable and safe for concurrent use. A nil Timeline knows nothing.
type Timeline struct {
	fromS, toS int64
	// spans[days[d]] is the first span that ends after the start of day d of the horizon; days counts from the
	// horizon's start, not from midnight.
	days  []uint32
	spans []span
	// What look-ups do not touch comes last.
	rules       []string
	release     string
	fingerprint uint64
}

// span is an interval as seconds since the horizon's start. Four of them fill a cache line.
type span struct {
	openS, closeS uint32
	// tailS is the open time after this span until a closing longer than BreakMaxS, at most RemainingMaxS.
	tailS uint32
	rule  uint32
}

// State is a timeline at one instant.
type State struct {
	// UntilUnixS is the next instant at which Open changes. It is the horizon's end where nothing changes before that.
	UntilUnixS int64
	// RemainingS is the business time left, seconds: open time until the next closing longer than BreakMaxS, breaks not
	// counted, at most RemainingMaxS; 0 where closed.
	RemainingS uint32
	// span is where the rule stands: the span that is open, or the one that opens next; len(spans) where none does.
	span uint32
	// Known is false outside the horizon; then nothing else is set.
	Known bool
	// Open says whether it is open.
	Open bool
}

// New makes a timeline, or says what is wrong with the spec: an INVALID_FIELD fault whose fields are those of
// publishedv1.Timeline.
func New(s Spec) (*Timeline, error) {
	if err := checkFrame(s); err != nil {
		return nil, err
	}
	t := &Timeline{
		fromS: s.FromUnixS, toS: s.ToUnixS, release: s.TZDataRelease, fingerprint: s.ZoneFingerprint,
		spans: make([]span, len(s.Intervals)), rules: append([]string(nil), s.Rules...),
	}
	last := s.FromUnixS - 1
	for i, iv := range s.Intervals {
		if iv.OpenUnixS <= last || iv.CloseUnixS <= iv.OpenUnixS || iv.CloseUnixS > s.ToUnixS {
			return nil, broken(fmt.Sprintf("step_s[%d]", 2*i), fmt.Sprintf("[%d, %d)", iv.OpenUnixS, iv.CloseUnixS),
				"intervals ascend, are not empty, do not touch and lie within the horizon")
		}
		if int64(iv.Rule) >= int64(len(s.Rules)) {
			return nil, broken(fmt.Sprintf("rule_index[%d]", i), fmt.Sprint(iv.Rule), "is the index of a rule")
		}
		last = iv.CloseUnixS
		t.spans[i] = span{
			openS: uint32(iv.OpenUnixS - s.FromUnixS), closeS: uint32(iv.CloseUnixS - s.FromUnixS), rule: iv.Rule,
		}
	}
	t.measureTails()
	return t, t.indexDays()
}

func checkFrame(s Spec) error {
	if s.FromUnixS >= s.ToUnixS || s.FromUnixS < -maxInstantS || s.ToUnixS > maxInstantS ||
		s.ToUnixS-s.FromUnixS > maxHorizonS {
		return broken("to_unix_s", fmt.Sprintf("[%d, %d)", s.FromUnixS, s.ToUnixS),
			"the horizon is not empty and at most ten years")
	}
	if len(s.Rules) > maxRules {
		return broken("rules", fmt.Sprint(len(s.Rules)), fmt.Sprintf("at most %d rules", maxRules))
	}
	for i, r := range s.Rules {
		if len(r) > maxRuleBytes || !utf8.ValidString(r) {
			return broken(fmt.Sprintf("rules[%d]", i), r, fmt.Sprintf("UTF-8, at most %d bytes", maxRuleBytes))
		}
	}
	if len(s.TZDataRelease) > maxReleaseB || !utf8.ValidString(s.TZDataRelease) {
		return broken("tzdata_release", s.TZDataRelease, fmt.Sprintf("UTF-8, at most %d bytes", maxReleaseB))
	}
	return nil
}

func broken(field, value, rule string) error {
	var v fault.Violations
	v.Add(field, value, rule)
	return v.Err()
}

// measureTails works from the last span back: what follows a short break is added to what comes before it.
func (t *Timeline) measureTails() {
	for i := len(t.spans) - 2; i >= 0; i-- {
		s, next := &t.spans[i], t.spans[i+1]
		if next.openS-s.closeS <= BreakMaxS {
			s.tailS = min(next.closeS-next.openS+next.tailS, RemainingMaxS)
		}
	}
}

func (t *Timeline) indexDays() error {
	n := int((t.toS - t.fromS + daySeconds - 1) / daySeconds)
	t.days = make([]uint32, n)
	i := 0
	for d := range t.days {
		start := uint32(d) * daySeconds
		for i < len(t.spans) && t.spans[i].closeS <= start {
			i++
		}
		t.days[d] = uint32(i)
		if d > 0 && t.days[d]-t.days[d-1] > maxSpansPerDay {
			return broken("step_s", fmt.Sprint(t.days[d]-t.days[d-1]), fmt.Sprintf("at most %d intervals a day", maxSpansPerDay))
		}
	}
	if n > 0 && len(t.spans)-int(t.days[n-1]) > maxSpansPerDay {
		return broken("step_s", fmt.Sprint(len(t.spans)), fmt.Sprintf("at most %d intervals a day", maxSpansPerDay))
	}
	return nil
}

// At is the state at an instant, Unix seconds. It allocates nothing.
func (t *Timeline) At(unixS int64) State {
	if t == nil || unixS < t.fromS || unixS >= t.toS {
		return State{}
	}
	off := uint32(unixS - t.fromS)
	spans := t.spans
	i := t.days[off/daySeconds]
	for int(i) < len(spans) && spans[i].closeS <= off {
		i++
	}
	if int(i) == len(spans) {
		return State{UntilUnixS: t.toS, span: i, Known: true}
	}
	s := &spans[i]
	if off < s.openS {
		return State{UntilUnixS: t.fromS + int64(s.openS), span: i, Known: true}
	}
	return State{
		UntilUnixS: t.fromS + int64(s.closeS), RemainingS: min(s.closeS-off+s.tailS, RemainingMaxS),
		span: i, Known: true, Open: true,
	}
}

// Rule is the rule behind a state of this timeline: the one that opened it, or the one that opens it next; empty where
// nothing opens within the horizon, or nothing is known.
func (t *Timeline) Rule(s State) string {
	if t == nil || !s.Known || int(s.span) >= len(t.spans) {
		return ""
	}
	return t.rules[t.spans[s.span].rule]
}

// Horizon is [from, to), Unix seconds: what the timeline knows.
func (t *Timeline) Horizon() (fromUnixS, toUnixS int64) {
	if t == nil {
		return 0, 0
	}
	return t.fromS, t.toS
}

// TZDataRelease is the release of the time-zone rules it was compiled with.
func (t *Timeline) TZDataRelease() string {
	if t == nil {
		return ""
	}
	return t.release
}

// ZoneFingerprint identifies the zone's behaviour over the horizon.
func (t *Timeline) ZoneFingerprint() uint64 {
	if t == nil {
		return 0
	}
	return t.fingerprint
}

// Within yields the open intervals that meet [fromUnixS, toUnixS), clipped to it, each with its rule.
func (t *Timeline) Within(fromUnixS, toUnixS int64) iter.Seq2[Interval, string] {
	return func(yield func(Interval, string) bool) {
		if t == nil {
			return
		}
		from, to := max(fromUnixS, t.fromS), min(toUnixS, t.toS)
		if from >= to {
			return
		}
		for _, s := range t.spans[t.At(from).span:] {
			iv := Interval{
				OpenUnixS: max(t.fromS+int64(s.openS), from), CloseUnixS: min(t.fromS+int64(s.closeS), to), Rule: s.rule,
			}
			if iv.OpenUnixS >= to || !yield(iv, t.rules[s.rule]) {
				return
			}
		}
	}
}
