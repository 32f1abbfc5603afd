// Package clock is the only place that reads the wall clock. Services are given a Clock, pure cores are given an
// instant; so every test chooses its own time, and one process's clock can be skewed on its own.
//
// It is not for measuring durations of code (use the monotonic part of two Now calls), and it knows no time zones.
package clock

import (
	"sync"
	"time"
)

// Clock tells the time and makes timers. Implementations are safe for concurrent use.
type Clock interface {
	// Now is the present instant.
	Now() time.Time
	// After sends the instant once, after d has passed on this clock.
	After(d time.Duration) <-chan time.Time
}

// System is the machine's clock.
type System struct{}

// Now is the machine's time.
func (System) Now() time.Time { return time.Now() }

// After waits on the machine's clock.
func (System) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Skewed is another clock, ahead of it by Offset (behind where negative).
type Skewed struct {
	Base   Clock
	Offset time.Duration
}

// Now is the base's time plus the offset.
func (s Skewed) Now() time.Time { return s.Base.Now().Add(s.Offset) }

// After waits as the base does: skew moves the reading, not the pace.
func (s Skewed) After(d time.Duration) <-chan time.Time { return s.Base.After(d) }

// Manual moves only when told to. The zero value stands at the zero time; use NewManual.
type Manual struct {
	mu     sync.Mutex
	now    time.Time
	timers []timer
}

type timer struct {
	at time.Time
	ch chan time.Time
}

// NewManual is a clock that stands at now.
func NewManual(now time.Time) *Manual { return &Manual{now: now} }

// Now is the instant it was last set to.
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// After fires when the clock has been moved by d.
func (m *Manual) After(d time.Duration) <-chan time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	ch := make(chan time.Time, 1)
	if d <= 0 {
		ch <- m.now
		return ch
	}
	m.timers = append(m.timers, timer{m.now.Add(d), ch})
	return ch
}

// Set moves the clock to t and fires what has become due. Moving back fires nothing.
func (m *Manual) Set(t time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = t
	kept := m.timers[:0]
	for _, tm := range m.timers {
		if tm.at.After(t) {
			kept = append(kept, tm)
			continue
		}
		tm.ch <- t
	}
	m.timers = kept
}

// Advance moves the clock on by d.
func (m *Manual) Advance(d time.Duration) { m.Set(m.Now().Add(d)) }
