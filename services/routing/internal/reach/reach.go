// Package reach judges which targets cannot be reached, from how attempts and probes ended. One failure is an accident, and
// one success behind several may be one too; so a target is set behind after two failures, and comes back after a while of
// success, or after a probe that was made to find out. What is not heard of again is forgotten, for silence proves nothing.
//
// It is pure: it sends no probe and reads no clock. It orders nothing: whoever reads it does.
package reach

import (
	"slices"
	"strings"
	"time"
)

const (
	// FailuresToUnreachable is how many failures, without a success between them, set a target behind.
	FailuresToUnreachable = 2
	// RecoverAfter is how long a target must succeed before it is reachable again, where nobody probes it.
	RecoverAfter = 10 * time.Second
	// ForgetAfter is how long after its last failure a target is forgotten.
	ForgetAfter = 60 * time.Second
	// MaxTargets bounds a tracker: those that cannot be reached, and those that failed once.
	MaxTargets = 1000
)

// Tracker is what one observer knows of targets that failed. Targets are named by their text. The zero value is not ready;
// use New. Not safe for concurrent use. Instants may come in any order: what is older than what is known changes nothing.
type Tracker struct {
	targets map[string]*state
	down    int
}

// state is a target that failed. One that does not fail has none.
type state struct {
	failures           int
	first, last        time.Time // failures
	succeeding, probed time.Time // zero: it is not, it was not
	down               bool
}

// New is a tracker that knows of no failure.
func New() *Tracker { return &Tracker{targets: map[string]*state{}} }

// Len is how many targets it has something to remember of.
func (t *Tracker) Len() int { return len(t.targets) }

// Down is how many targets cannot be reached.
func (t *Tracker) Down() int { return t.down }

// Has says whether it has something to remember of a target.
func (t *Tracker) Has(target string) bool { return t.targets[target] != nil }

// Failed notes that a target could not be reached at an instant; the same instant twice is one failure told twice. It says
// whether what is unreachable changed.
func (t *Tracker) Failed(target string, at time.Time) (changed bool) {
	s := t.targets[target]
	if s == nil {
		if s = t.add(target); s == nil {
			return false
		}
	}
	switch {
	case s.failures > 0 && !at.After(s.last), !s.succeeding.IsZero() && at.Before(s.succeeding):
		return false // known, or older than a success
	case s.failures > 0 && !s.down && at.Sub(s.last) > ForgetAfter:
		s.failures = 0
	}
	if s.failures == 0 {
		s.first = at
	}
	s.failures, s.last, s.succeeding = s.failures+1, at, time.Time{}
	return s.failures >= FailuresToUnreachable && t.settle(s)
}

// FailedSince notes that an observer with a judgement of its own has found a target unreachable since an instant, as of
// another one. Where that is RecoverAfter or longer ago it needs no second failure.
func (t *Tracker) FailedSince(target string, since, at time.Time) (changed bool) {
	if changed = t.Failed(target, at); changed {
		return true
	}
	s := t.targets[target]
	if s == nil || s.down || at.Sub(since) < RecoverAfter || s.failures == 0 {
		return false
	}
	s.first = since
	return t.settle(s)
}

func (t *Tracker) settle(s *state) (changed bool) {
	if s.down {
		return false
	}
	s.down = true
	t.down++
	return true
}

// add makes room for a target: of a full tracker the one goes that failed once, longest ago. nil where there is none.
func (t *Tracker) add(target string) *state {
	if len(t.targets) >= MaxTargets {
		oldest := ""
		for name, s := range t.targets {
			if s.down {
				continue
			}
			if o := t.targets[oldest]; o == nil || s.last.Before(o.last) || s.last.Equal(o.last) && name < oldest {
				oldest = name
			}
		}
		if oldest == "" {
			return nil
		}
		delete(t.targets, oldest)
	}
	s := &state{}
	t.targets[target] = s
	return s
}

// Succeeded notes that a target was reached at an instant, whatever it answered. It says whether what is unreachable
// changed.
func (t *Tracker) Succeeded(target string, at time.Time) (changed bool) {
	s := t.targets[target]
	switch {
	case s == nil || !at.After(s.last):
		return false // nothing to mend, or older than a failure
	case !s.down:
		delete(t.targets, target)
		return false
	case s.succeeding.IsZero():
		s.succeeding = at
	case at.Sub(s.succeeding) >= RecoverAfter:
		t.forget(target, s)
		return true
	}
	return false
}

// Probed notes how a probe of a target ended. One success is enough. It says whether what is unreachable changed.
func (t *Tracker) Probed(target string, reached bool, at time.Time) (changed bool) {
	if !reached {
		return t.Failed(target, at)
	}
	s := t.targets[target]
	if s == nil || at.Before(s.last) {
		return false
	}
	changed = s.down
	t.forget(target, s)
	return changed
}

func (t *Tracker) forget(target string, s *state) {
	if s.down {
		t.down--
	}
	delete(t.targets, target)
}

// Tick forgets what is due at an instant, and says whether what is unreachable changed.
func (t *Tracker) Tick(now time.Time) (changed bool) {
	for target, s := range t.targets {
		if now.Sub(s.last) >= ForgetAfter || !s.succeeding.IsZero() && now.Sub(s.succeeding) >= RecoverAfter {
			changed = changed || s.down
			t.forget(target, s)
		}
	}
	return changed
}

// Due are the targets to probe at an instant, in order of name, at most limit: those that failed, and were not probed for
// so long. It takes them for probed.
func (t *Tracker) Due(now time.Time, every time.Duration, limit int) []string {
	var due []string
	for target, s := range t.targets {
		if s.probed.IsZero() || now.Sub(s.probed) >= every {
			due = append(due, target)
		}
	}
	slices.SortFunc(due, func(a, b string) int {
		if c := t.targets[a].probed.Compare(t.targets[b].probed); c != 0 {
			return c // who has waited longest comes first
		}
		return strings.Compare(a, b)
	})
	due = due[:min(len(due), limit)]
	for _, target := range due {
		t.targets[target].probed = now
	}
	return due
}

// Unreachable are the targets that cannot be reached, and since when, seconds since 1970. nil where there are none.
func (t *Tracker) Unreachable() map[string]int64 {
	if t.down == 0 {
		return nil
	}
	out := make(map[string]int64, t.down)
	for target, s := range t.targets {
		if s.down {
			out[target] = s.first.Unix()
		}
	}
	return out
}
