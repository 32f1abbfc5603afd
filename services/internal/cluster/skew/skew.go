// Package skew judges wall clocks by the heartbeats of a cluster's processes: how far each other one is from mine, whether
// mine is the wrong one, and whether I step back for it.
//
// It is pure: instants and offsets in, judgements out. Who writes heartbeats and what stepping back means is told in
// services/internal/cluster. It corrects no clock: that is NTP's.
package skew

import (
	"slices"
	"time"
)

const (
	// Tolerance is how far two clocks may be apart and still be one and the same.
	Tolerance = time.Second
	// RightFor is how long a clock must have been right before it is believed again.
	RightFor = 10 * time.Second
	// maxSamples is how many heartbeats of a process are looked at.
	maxSamples = 5
)

// Offset is how far another process's clock is from mine, by what its last heartbeats said. The zero value knows nothing.
type Offset struct {
	samples [maxSamples]time.Duration
	n, next int
}

// Add notes a heartbeat: what its clock said when it was written, less what mine said when it came.
func (o *Offset) Add(wallLessReceipt time.Duration) {
	o.samples[o.next] = wallLessReceipt
	o.next = (o.next + 1) % maxSamples
	o.n = min(o.n+1, maxSamples)
}

// Best is the best of the last five: a heartbeat takes time to come, and so tells less than the truth, never more. False
// where none has come.
func (o *Offset) Best() (best time.Duration, ok bool) {
	if o.n == 0 {
		return 0, false
	}
	return slices.Max(o.samples[:o.n]), true
}

// Corrected is an offset of another process, given my own: what my own heartbeat took to come back to me is what those of
// others may have taken. It only ever takes blame away: a process that hears late must not think all others slow.
func Corrected(other, own time.Duration) time.Duration {
	if other >= 0 {
		return other
	}
	return min(0, other-min(0, own))
}

// Judgement is what can be said of my clock.
type Judgement struct {
	// Ahead is how far my clock is ahead of the majority's, or, where there is none, of the middle of all others; negative
	// where it is behind.
	Ahead time.Duration
	// Majority says that there is one: more than half of the processes, me included in their number, agree within a second.
	Majority bool
	// Wrong says that there is a majority without me, and more than a second away.
	Wrong bool
}

// Judge compares my clock, at 0, with the offsets of the others.
func Judge(others []time.Duration) Judgement {
	if len(others) == 0 {
		return Judgement{}
	}
	all := append(slices.Clone(others), 0)
	slices.Sort(all)
	need := len(all)/2 + 1
	var without *Judgement
	// The first majority that has me in it settles it: then I am as right as any.
	for first := 0; first+need <= len(all); first++ {
		last := first + need - 1
		if all[last]-all[first] > Tolerance {
			continue
		}
		for last+1 < len(all) && all[last+1]-all[first] <= Tolerance {
			last++
		}
		agreed := all[first : last+1]
		found := Judgement{Ahead: -agreed[len(agreed)/2], Majority: true}
		if agreed[0] <= 0 && agreed[len(agreed)-1] >= 0 {
			return found
		}
		found.Wrong = found.Ahead.Abs() > Tolerance
		if without == nil || found.Ahead.Abs() < without.Ahead.Abs() {
			without = &found
		}
	}
	if without != nil {
		return *without
	}
	middle := slices.Sorted(slices.Values(others))[len(others)/2]
	return Judgement{Ahead: -middle}
}

// Right says whether a process at an offset belongs to the majority that a judgement speaks of.
func (j Judgement) Right(offset time.Duration) bool {
	return j.Majority && (offset+j.Ahead).Abs() <= Tolerance
}

// Standing is whether a process stands by its clock. The zero value does.
type Standing struct {
	back    bool
	rightAt time.Time // since when it is right again; zero while it is wrong
}

// Next is the standing after a judgement at an instant (of any clock that goes on evenly): it steps back at once when its
// clock is wrong, and returns when it has not been for ten seconds.
func (s Standing) Next(j Judgement, now time.Time) Standing {
	switch {
	case j.Wrong:
		return Standing{back: true}
	case !s.back:
		return Standing{}
	case s.rightAt.IsZero() || now.Before(s.rightAt): // a clock that was set back begins anew
		return Standing{back: true, rightAt: now}
	case now.Sub(s.rightAt) >= RightFor:
		return Standing{}
	}
	return s
}

// Back says that it has stepped back.
func (s Standing) Back() bool { return s.back }
