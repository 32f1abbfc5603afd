package coord

import "strings"

const (
	// chunkEvents is how many events are gathered at once.
	chunkEvents = 1 << 14
	// chunkBytes is how much of them shares memory.
	chunkBytes = 1 << 16
	// maxShared is the largest that does.
	maxShared = 4 << 10
)

// Gathered is events of which nobody knows how many will come: a million of them are copied once, and not each time that
// there is no room. The zero value has none.
type Gathered struct {
	chunks [][]Event
	// keys and values are where the next ones go.
	keys   *strings.Builder
	values []byte
	n      int
}

// AddCopy adds one in memory that it shares with others: what it came in can go, and a million take little more than their
// own bytes.
func (g *Gathered) AddCopy(e Event) {
	if n := len(e.Key); n <= maxShared {
		if g.keys == nil || g.keys.Cap()-g.keys.Len() < n {
			g.keys = &strings.Builder{}
			g.keys.Grow(chunkBytes)
		}
		g.keys.WriteString(e.Key)
		e.Key = g.keys.String()[g.keys.Len()-n:]
	}
	if n := len(e.Value); e.Value != nil && n <= maxShared {
		if cap(g.values)-len(g.values) < n || g.values == nil {
			g.values = make([]byte, 0, chunkBytes)
		}
		from := len(g.values)
		g.values = append(g.values, e.Value...)
		e.Value = g.values[from : from+n : from+n]
	}
	g.Add(e)
}

// Len is how many were added.
func (g *Gathered) Len() int { return g.n }

// Add adds one.
func (g *Gathered) Add(e Event) {
	last := len(g.chunks) - 1
	if last < 0 || len(g.chunks[last]) >= chunkEvents {
		g.chunks, last = append(g.chunks, nil), last+1
	}
	g.chunks[last] = append(g.chunks[last], e)
	g.n++
}

// All are those that were added, in order; then it has none.
func (g *Gathered) All() []Event {
	all := make([]Event, 0, g.n)
	for i, some := range g.chunks {
		all = append(all, some...)
		g.chunks[i] = nil
	}
	*g = Gathered{}
	return all
}
