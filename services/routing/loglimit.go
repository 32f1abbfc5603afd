package routing

import (
	"sync"
	"time"
)

// maxLinesPerS bounds the log lines that calls can bring about: whoever dials a published line all night must not fill a
// disk. Metrics count what is not told.
const maxLinesPerS = 20

// lineLimit lets so many lines a second pass. The zero value is ready.
type lineLimit struct {
	mu      sync.Mutex
	second  int64
	lines   int
	dropped int
}

// allow says whether one more line may be written now, and how many were dropped since the last one that was.
func (l *lineLimit) allow(now time.Time) (ok bool, dropped int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := now.Unix(); s != l.second {
		l.second, l.lines = s, 0
	}
	if l.lines >= maxLinesPerS {
		l.dropped++
		return false, 0
	}
	l.lines++
	dropped, l.dropped = l.dropped, 0
	return true, dropped
}
