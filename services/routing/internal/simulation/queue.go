package simulation

// event is something that happens at its time.
type event struct {
	atMS int64
	seq  uint64
	do   func()
}

func (e *event) before(o *event) bool { return e.atMS < o.atMS || e.atMS == o.atMS && e.seq < o.seq }

// events are those to come, the next one first; of two at the same time the one made first comes first. It is a binary heap
// of values: the library's would allocate for each.
type events []event

func (q *events) push(e event) {
	*q = append(*q, e)
	h := *q
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if !h[i].before(&h[up]) {
			break
		}
		h[i], h[up] = h[up], h[i]
		i = up
	}
}

func (q *events) pop() event {
	h := *q
	next, last := h[0], len(h)-1
	h[0], h[last] = h[last], event{}
	h = h[:last]
	*q = h
	for i := 0; ; {
		down := 2*i + 1
		if down >= last {
			break
		}
		if right := down + 1; right < last && h[right].before(&h[down]) {
			down = right
		}
		if !h[down].before(&h[i]) {
			break
		}
		h[i], h[down] = h[down], h[i]
		i = down
	}
	return next
}
