package names

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"iter"
	"slices"
	"sync"
)

// writer makes states one after the other. What it shares with those it published, it only adds to.
type writer struct {
	state
	used int // bytes of the arena's last chunk
	// firsts are customers' first rows by a hash of their ID, or, where another customer has that, by the next number.
	firsts map[uint64]uint32
	seed   maphash.Seed
	heard  heard
	// leads are what is to lead to rows besides their keys and grams.
	toKeypads, toCodes []entry
}

func newWriter() *writer {
	return &writer{state: state{version: 1, grams: &grams{}}, firsts: map[uint64]uint32{}, seed: maphash.MakeSeed()}
}

// publish is the state as it is now. What the writer does next belongs to the next version.
func (w *writer) publish() *state {
	published := w.state
	w.version++
	return &published
}

// place is where a customer's first row is told, and whether there is one, dead or alive.
func (w *writer) place(id string) (at uint64, known bool) {
	for at = maphash.String(w.seed, id); ; at++ {
		first, ok := w.firsts[at]
		if !ok {
			return at, false
		}
		if string(w.id(first)) == id {
			return at, true
		}
	}
}

// knows says whether there is a customer, or was.
func (w *writer) knows(id string) bool {
	_, known := w.place(id)
	return known
}

// apply takes over changes of distinct customers.
func (w *writer) apply(changed []Customer) {
	for _, list := range []*sorted{&w.keys, &w.backs, &w.keypads, &w.codes} {
		list.blocks = slices.Clone(list.blocks)
	}
	for _, c := range changed {
		w.remove(c.ID)
		w.add(c)
	}
}

func (w *writer) remove(id string) {
	at, known := w.place(id)
	if !known {
		return
	}
	first := w.firsts[at]
	if w.row(first).died.Load() != 0 {
		return
	}
	for at := first; at < w.n && w.row(at).customer == first; at++ {
		w.row(at).died.Store(w.version)
		w.live--
	}
	w.customers--
}

// add learns a customer, and leads to each of its rows.
func (w *writer) add(c Customer) {
	first := w.n
	w.toKeypads, w.toCodes = w.toKeypads[:0], w.toCodes[:0]
	w.addRows(c)
	for at := first; at < w.n; at++ {
		folded := w.folded(at)
		found := w.heard.grams(string(folded))
		w.trace(at, found)
		for _, g := range found {
			w.grams.add(g, at)
		}
		w.keys.insert(entry{keyStart(folded), at}, w.beforeKey(folded))
		w.backs.insert(entry{backStart(folded), at}, w.beforeBack(folded))
	}
	insertAll(&w.keypads, w.toKeypads)
	insertAll(&w.codes, w.toCodes)
}

func (w *writer) trace(at uint32, found []uint32) {
	w.rows[at/rowsAChunk].traces[at%rowsAChunk] = traceOf(found)
}

// insertAll inserts entries in order of key, then row.
func insertAll(list *sorted, entries []entry) {
	for _, e := range entries {
		list.insert(e, func(key uint64, row uint32) bool { return key < e.key || key == e.key && row < e.row })
	}
}

// addRows learns a customer, to whom nothing leads yet.
func (w *writer) addRows(c Customer) {
	if len(c.Names) == 0 {
		return
	}
	first := w.n
	for _, text := range c.Names {
		for i, f := range readings(text) {
			id := ""
			if w.n == first {
				id = c.ID
			}
			w.addRow(f, text, id, first, i > 0)
		}
	}
	if w.n == first {
		return // names of nothing
	}
	place, _ := w.place(c.ID)
	w.firsts[place] = first
	w.customers++
}

func (w *writer) addRow(f folded, text, id string, first uint32, second bool) {
	if int(w.n/rowsAChunk) == len(w.rows) {
		w.rows = append(w.rows, &rowChunk{})
	}
	at := w.n
	w.n++
	w.live++
	r := w.row(at)
	r.customer, r.second, r.from = first, second, f.from
	if second {
		text = ""
	}
	r.folded, r.form = uint16(len(f.words)), f.form
	r.record = w.keep(f.words, text, id, at == first)
	w.toKeypads = appendKeypads(w.toKeypads, f, at)
	for _, code := range w.heard.codes(f.words) {
		w.toCodes = append(w.toCodes, entry{code, at})
	}
}

// keep writes a record.
func (w *writer) keep(folded, text, id string, first bool) uint64 {
	need := len(folded) + len(text) + len(id) + 2*binary.MaxVarintLen64
	if last := len(w.arena) - 1; last < 0 || w.used+need > len(w.arena[last]) {
		// Chunks grow with what there is, so that few customers need little.
		size := minArenaBytes
		if len(w.arena) > 8 {
			size *= 16
		}
		w.arena, w.used = append(w.arena, make([]byte, max(size, need))), 0
	}
	last := len(w.arena) - 1
	record := append(w.arena[last][w.used:w.used], folded...)
	record = append(binary.AppendUvarint(record, uint64(len(text))), text...)
	if first {
		record = append(binary.AppendUvarint(record, uint64(len(id))), id...)
	}
	place := uint64(last)<<32 | uint64(w.used)
	w.used += len(record)
	return place
}

// learnAll learns about n customers into an empty writer, all at once.
func (w *writer) learnAll(n int, all iter.Seq[Customer]) {
	w.firsts = make(map[uint64]uint32, n)
	w.toKeypads, w.toCodes = make([]entry, 0, 3*n), make([]entry, 0, 5*n) // of most
	for c := range all {
		w.addRows(c)
	}
	var other sync.WaitGroup
	other.Go(w.learnGrams)
	w.sortAll()
	other.Wait()
}

// sortAll leads to all rows in the orders that there are.
func (w *writer) sortAll() {
	byRow := func(a, b uint32) int { return cmp.Compare(a, b) }
	w.keypads = newSorted(w.toKeypads, byRow)
	w.toKeypads = nil
	w.codes = newSorted(w.toCodes, byRow)
	w.toCodes = nil
	keys := make([]entry, w.n)
	for at := range w.n {
		keys[at] = entry{keyStart(w.folded(at)), at}
	}
	w.keys = newSorted(keys, func(a, b uint32) int {
		return cmp.Or(compareKey(w.folded(a), w.folded(b)), cmp.Compare(a, b))
	})
	for i := range keys {
		keys[i] = entry{backStart(w.folded(uint32(i))), uint32(i)}
	}
	w.backs = newSorted(keys, func(a, b uint32) int {
		return cmp.Or(compareBack(w.folded(a), w.folded(b)), cmp.Compare(a, b))
	})
}

// learnGrams leads to all rows by their grams: once to measure, once to write.
func (w *writer) learnGrams() {
	var need sizes
	for at := range w.n {
		found := w.heard.grams(string(w.folded(at)))
		w.trace(at, found)
		for _, g := range found {
			need.add(g, at)
		}
	}
	room, last := need.room(), make([]uint32, maxGrams)
	for at := range w.n {
		for _, g := range w.heard.grams(string(w.folded(at))) {
			room[g] = binary.AppendUvarint(room[g], uint64(at-last[g]))
			last[g] = at
		}
	}
	for g, b := range room {
		if b != nil {
			w.grams.set(uint32(g), &posting{b, need.n[g], last[g]})
		}
	}
}
