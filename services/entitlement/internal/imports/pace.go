package imports

import "time"

const (
	// minRows and maxRows bound how many rows are written at once: a few, so that whoever waits behind them waits for
	// little.
	minRows, maxRows = 8, 48
	// moreRows is how many more they are after each time that nobody else wrote.
	moreRows = 4
	// maxPause bounds the wait while others write, so that an import ends although they never stop.
	maxPause = 200 * time.Millisecond
	// pauseShare is for how many times the length of a write of ours the way is left to others once they have come.
	pauseShare = 2
	// calmWrites is how many of ours must pass without another's until ours are no longer spread.
	calmWrites = 3
)

// Pace is how much an import writes at once, and how long it waits in between: as much as etcd takes while nobody else
// writes, and little while others do. Who else writes is seen by the revisions that theirs take, at whatever process they
// are. The zero value is ready. Not for concurrent use.
type Pace struct {
	rows, calm int
	revision   int64
}

// Rows is how many rows to write at once.
func (p *Pace) Rows() int {
	if p.rows == 0 {
		p.rows = maxRows
	}
	return p.rows
}

// Wrote notes a write: the revision that it made, and how long it took. It answers with how long to wait before the next.
func (p *Pace) Wrote(revision int64, took time.Duration) time.Duration {
	others := revision - p.revision - 1
	first := p.revision == 0
	p.revision = revision
	if others <= 0 || first {
		p.rows = min(p.Rows()+moreRows, maxRows)
		if p.calm++; p.calm >= calmWrites || first {
			return 0
		}
		return min(pauseShare*took, maxPause)
	}
	p.calm, p.rows = 0, max(p.Rows()/2, minRows)
	return min(pauseShare*took*time.Duration(min(others, 8)), maxPause)
}
