package kept

import (
	"sync"

	"github.com/daysidehq/dayside/services/internal/coord"
)

// maxQueuedBytes bounds what waits for the disk while it fails or is slow. A list of everything may be more: that is in
// memory anyway, and waits only while the disk takes it.
const maxQueuedBytes = 64 << 20

// queueState is what the queue asks of the disk.
type queueState int

const (
	queueEmpty queueState = iota
	queueWaiting
	// queueBehind: something was lost, so that everything must be listed.
	queueBehind
	queueEnded
)

// queue is what waits for the disk, in order. Whoever puts never waits.
type queue struct {
	// changed holds one; closed is closed by close, after which nothing is put.
	changed, closed chan struct{}

	mu      sync.Mutex
	waiting []queued
	// bytes are of what waits, without a Reset at its beginning, which takes whole.
	bytes, whole int
	// number of the newest.
	number uint64
	// behind: what was put was lost. expecting: a list was asked for, and nothing is taken before it.
	behind, expecting, ended bool
}

type queued struct {
	batch  coord.Batch
	number uint64
}

func newQueue() *queue {
	return &queue{changed: make(chan struct{}, 1), closed: make(chan struct{})}
}

func weight(b coord.Batch) int {
	const each = 64 // what it takes beside key and value
	n := each
	for _, e := range b.Events {
		n += each + len(e.Key) + len(e.Value)
	}
	return n
}

// put adds a batch. A Reset replaces all that waits; a heartbeat replaces the one before.
func (q *queue) put(b coord.Batch) {
	q.mu.Lock()
	defer q.mu.Unlock()
	last := len(q.waiting) - 1
	switch {
	case b.Reset:
		q.clear()
		q.behind, q.expecting, q.whole = false, false, weight(b)
		q.add(b)
	case q.behind || q.expecting:
		return
	case len(b.Events) == 0 && last > 0 && isBeat(q.waiting[last].batch): // the first may be being written
		q.waiting[last].batch = b
	default:
		q.bytes += weight(b)
		q.add(b)
		if q.bytes > maxQueuedBytes {
			q.clear()
			q.behind = true
		}
	}
	select {
	case q.changed <- struct{}{}:
	default:
	}
}

func isBeat(b coord.Batch) bool { return len(b.Events) == 0 && !b.Reset }

func (q *queue) add(b coord.Batch) {
	q.number++
	q.waiting = append(q.waiting, queued{b, q.number})
}

func (q *queue) clear() { q.waiting, q.bytes, q.whole = nil, 0, 0 }

// first is the batch to write next, which stays until it is taken, and its number.
func (q *queue) first() (coord.Batch, uint64, queueState) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case len(q.waiting) > 0:
		return q.waiting[0].batch, q.waiting[0].number, queueWaiting
	case q.ended:
		return coord.Batch{}, 0, queueEnded
	case q.behind:
		return coord.Batch{}, 0, queueBehind
	}
	return coord.Batch{}, 0, queueEmpty
}

// taken removes the first batch, unless another has replaced it meanwhile.
func (q *queue) taken(number uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 || q.waiting[0].number != number {
		return
	}
	if b := q.waiting[0].batch; b.Reset {
		q.whole = 0
	} else {
		q.bytes -= weight(b)
	}
	q.waiting[0] = queued{}
	q.waiting = q.waiting[1:]
}

// failing says that the disk takes nothing: then not even a list waits for it, where it is large.
func (q *queue) failing() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.bytes+q.whole > maxQueuedBytes {
		q.clear()
		q.behind = true
	}
}

// expect says that everything was asked for.
func (q *queue) expect() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.behind, q.expecting = false, true
}

// close says that nothing more is put.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	close(q.closed)
}

func (q *queue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.ended
}
