package coord

import "slices"

// chunkEvents is how many events are gathered at once.
const chunkEvents = 1 << 14

// Gathered is events of which nobody knows how many will come: a million of them are copied once, and not each time that
// there is no room. The zero value has none.
type Gathered struct{ chunks [][]Event }

// Add adds one.
func (g *Gathered) Add(e Event) {
	last := len(g.chunks) - 1
	if last < 0 || len(g.chunks[last]) >= chunkEvents {
		g.chunks, last = append(g.chunks, nil), last+1
	}
	g.chunks[last] = append(g.chunks[last], e)
}

// All are those that were added, in order.
func (g *Gathered) All() []Event { return slices.Concat(g.chunks...) }
