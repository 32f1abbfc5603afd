package names

import (
	"cmp"
	"slices"
	"strings"
)

// segment is names of some customers, sorted in every way in which they are looked for. It never changes.
type segment struct {
	customers []Customer // in order of ID
	names     []name
	// keys are the names without blanks and legal form, keypads those that a keypad can spell, with it and without; a name
	// may have several of each.
	keys, keypads []entry
	words         []word // in order of text
}

// name is one of a customer's names.
type name struct {
	customer uint32
	text     string   // as it is written
	full     string   // folded, with its legal form
	words    []uint32 // without it
	weight   float64  // of its words together
	// otherwise is words where two letters stand for one with an accent, each at the same place; nil where that is the same.
	otherwise []uint32
}

// entry is where a text leads.
type entry struct {
	text string
	name uint32
}

// word is one that names have.
type word struct {
	text  string
	names []uint32 // ascending
}

func newSegment(customers []Customer) *segment {
	g := &segment{customers: slices.Clone(customers)}
	slices.SortFunc(g.customers, func(a, b Customer) int { return strings.Compare(a.ID, b.ID) })
	places := map[string]uint32{} // of words, as they come
	for i, c := range g.customers {
		for _, text := range c.Names {
			g.learn(uint32(i), text, places)
		}
	}
	g.sortWords()
	byText := func(a, b entry) int { return cmp.Or(strings.Compare(a.text, b.text), cmp.Compare(a.name, b.name)) }
	slices.SortFunc(g.keys, byText)
	slices.SortFunc(g.keypads, byText)
	g.keys, g.keypads = slices.Compact(g.keys), slices.Compact(g.keypads)
	return g
}

func (g *segment) learn(customer uint32, text string, places map[string]uint32) {
	at := uint32(len(g.names))
	n := name{customer: customer, text: text}
	for i, f := range readings(text) {
		g.keys = append(g.keys, entry{f.key, at})
		for _, spelled := range []string{f.key, f.full} {
			if digits, ok := keypad(spelled); ok {
				g.keypads = append(g.keypads, entry{digits, at})
			}
		}
		words := g.wordsOf(f, at, places)
		switch {
		case i == 0:
			n.full, n.words, n.weight = f.full, words, f.weight()
		case len(words) == len(n.words):
			n.otherwise = words
		}
	}
	g.names = append(g.names, n)
}

// wordsOf are a name's words, which lead to it from now on.
func (g *segment) wordsOf(f folded, name uint32, places map[string]uint32) []uint32 {
	words := make([]uint32, 0, len(f.words))
	for _, w := range f.words {
		id, known := places[w]
		if !known {
			id = uint32(len(g.words))
			places[w] = id
			g.words = append(g.words, word{text: w})
		}
		if list := g.words[id].names; len(list) == 0 || list[len(list)-1] != name {
			g.words[id].names = append(list, name)
		}
		words = append(words, id)
	}
	return words
}

// sortWords puts words in order, and tells names of their new places.
func (g *segment) sortWords() {
	order := make([]uint32, len(g.words))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int { return strings.Compare(g.words[a].text, g.words[b].text) })
	sorted, place := make([]word, len(g.words)), make([]uint32, len(g.words))
	for to, from := range order {
		sorted[to], place[from] = g.words[from], uint32(to)
	}
	g.words = sorted
	for i := range g.names {
		for _, words := range [][]uint32{g.names[i].words, g.names[i].otherwise} {
			for j, w := range words {
				words[j] = place[w]
			}
		}
	}
}

// wordsUnder are the places of words that begin with a text, [from, to); the text itself is the first of them.
func (g *segment) wordsUnder(text string) (from, to int) {
	from, _ = slices.BinarySearchFunc(g.words, text, func(w word, t string) int { return strings.Compare(w.text, t) })
	to, _ = slices.BinarySearchFunc(g.words[from:], text, func(w word, t string) int { return under(w.text, t) })
	return from, from + to
}

// entriesUnder are those whose text begins with a text.
func entriesUnder(list []entry, text string) []entry {
	from, _ := slices.BinarySearchFunc(list, text, func(e entry, t string) int { return strings.Compare(e.text, t) })
	to, _ := slices.BinarySearchFunc(list[from:], text, func(e entry, t string) int { return under(e.text, t) })
	return list[from : from+to]
}

// under puts what begins with a prefix before where it would be searched for.
func under(text, prefix string) int {
	if strings.HasPrefix(text, prefix) {
		return -1
	}
	return strings.Compare(text, prefix)
}
