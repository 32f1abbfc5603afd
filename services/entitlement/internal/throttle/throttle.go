// Package throttle limits how often something is tried of one customer, contact or client: so many in so long, such as wrong
// PINs. A Throttle counts in memory, an attempt before it is judged, so that a hundred at once are no way around; Add is the
// same rule over times that somebody else keeps, for all processes together.
//
// It is pure: time is an argument. It keeps nobody from a person: what a refused caller gets is routing's.
package throttle

import "time"

// Limits of a Throttle. All are positive.
type Limits struct {
	// MaxWrong wrong attempts of one customer within Window are the last ones for a while.
	MaxWrong int
	Window   time.Duration
	// MaxCustomers with a wrong attempt within Window are remembered; others are refused while there are as many, since
	// to forget one would be a way around.
	MaxCustomers int
	// LetIn has others let in instead, and not counted: where what is limited cannot be guessed, but whoever has many names
	// could keep all others out.
	LetIn bool
}

// Throttle counts attempts. Not safe for concurrent use.
type Throttle struct {
	limits Limits
	wrong  map[string][]time.Time // by customer: when, ascending
	// fullUntil is when the first of those remembered is forgotten, as it was looked last: of use with LetIn alone, where
	// whoever comes is told no wait.
	fullUntil time.Time
}

// New has heard of no attempt.
func New(l Limits) *Throttle { return &Throttle{limits: l, wrong: map[string][]time.Time{}} }

// Take counts an attempt as a wrong one, unless there were too many: then it says how long to wait, more than 0.
func (t *Throttle) Take(customer string, now time.Time) (wait time.Duration) {
	recent := t.recent(customer, now)
	if len(recent) >= t.limits.MaxWrong {
		return t.left(recent[len(recent)-t.limits.MaxWrong], now)
	}
	if len(recent) == 0 && len(t.wrong) >= t.limits.MaxCustomers {
		if t.limits.LetIn && t.isFull(now) {
			return 0
		}
		switch wait := t.sweep(now); {
		case wait > 0 && t.limits.LetIn:
			t.fullUntil = now.Add(wait)
			return 0
		case wait > 0:
			return wait
		}
	}
	t.wrong[customer] = append(recent, now)
	return 0
}

// Return takes back an attempt that Take counted at that time: it was right, or was never judged. Wrong ones before it
// stay: otherwise whoever guesses would wait for somebody who knows.
func (t *Throttle) Return(customer string, taken time.Time) {
	times := t.wrong[customer]
	for i := range times {
		if times[i].Equal(taken) {
			t.keep(customer, append(times[:i:i], times[i+1:]...))
			return
		}
	}
}

// Forget takes back all attempts on a customer, whose PIN is another one now.
func (t *Throttle) Forget(customer string) { delete(t.wrong, customer) }

// Customers is how many are remembered.
func (t *Throttle) Customers() int { return len(t.wrong) }

// recent are the wrong attempts that still count; those before are forgotten. One from the future, which a clock that was
// set back leaves, counts until it has passed for a window.
func (t *Throttle) recent(customer string, now time.Time) []time.Time {
	times := t.wrong[customer]
	gone := 0
	for gone < len(times) && t.left(times[gone], now) <= 0 {
		gone++
	}
	if gone > 0 {
		t.keep(customer, times[gone:])
	}
	return times[gone:]
}

func (t *Throttle) keep(customer string, times []time.Time) {
	if len(times) == 0 {
		delete(t.wrong, customer)
		return
	}
	t.wrong[customer] = times
}

// left is how long an attempt goes on counting.
func (t *Throttle) left(taken, now time.Time) time.Duration {
	return taken.Add(t.limits.Window).Sub(now)
}

// isFull says that to look for room is of no use yet. After a clock that was set back it is looked anew.
func (t *Throttle) isFull(now time.Time) bool {
	wait := t.fullUntil.Sub(now)
	return wait > 0 && wait <= t.limits.Window
}

// sweep forgets what does not count any more, and is how long it takes until there is room; 0 where there is.
func (t *Throttle) sweep(now time.Time) (wait time.Duration) {
	soonest := t.limits.Window
	for customer := range t.wrong {
		if recent := t.recent(customer, now); len(recent) > 0 {
			soonest = min(soonest, t.left(recent[len(recent)-1], now))
		}
	}
	if len(t.wrong) < t.limits.MaxCustomers {
		return 0
	}
	return soonest
}
