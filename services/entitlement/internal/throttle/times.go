package throttle

import (
	"slices"
	"time"
)

// Add counts what is done now with the times before it, in any order, of which those within the window count, at most so
// many: what is to be kept then, ascending, or how long to wait, more than 0. It is for what somebody else keeps, such as a
// count of several processes. The argument is not changed.
func Add(times []time.Time, now time.Time, most int, window time.Duration) (kept []time.Time, wait time.Duration) {
	left := func(at time.Time) time.Duration { return at.Add(window).Sub(now) }
	for _, at := range times {
		// One from the future, which a clock that was set back leaves, counts as long as one of now.
		if left(at) > 0 {
			kept = append(kept, at)
		}
	}
	slices.SortFunc(kept, time.Time.Compare)
	if len(kept) >= most {
		return nil, left(kept[len(kept)-most])
	}
	return append(kept, now), 0
}
