package names

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Weights of words: how much each says of who it is.
const (
	nameWeight    = 1.0
	commonWeight  = 0.6
	genericWeight = 0.3
	fillerWeight  = 0.1
)

// weigh is the weight of a word in its usual form.
func weigh(w string) float64 {
	if weight, ok := weights[w]; ok {
		return weight
	}
	if len(w) > 3 && w[len(w)-1] == 's' {
		if weight, ok := weights[w[:len(w)-1]]; ok {
			return weight
		}
	}
	if isDigit(w[0]) {
		return commonWeight // of a series of funds, or the date of a bond
	}
	return nameWeight
}

// appendWeights appends the weights of words in a row. What was there before says nothing new; a number behind a filler, or
// one that begins with 0, is a nominal value or the like.
func appendWeights(out []float64, words []string) []float64 {
	for i, w := range words {
		weight := weigh(w)
		switch {
		case i > 0 && slices.Contains(words[:i], w), isDigit(w[0]) && (w[0] == '0' || i > 0 && out[i-1] == fillerWeight):
			weight = fillerWeight
		}
		out = append(out, weight)
	}
	return out
}

// appendUsual appends words as they are compared where a name is not the same: each in its usual form, numbers in digits,
// single digits together.
func appendUsual(out []string, words []string) []string {
	digit := false // the last one is of single digits
	for i := 0; i < len(words); {
		w, n := words[i], 1
		if said, number := numberAt(words[i:]); said > 0 {
			w, n = number, said
		} else if short, ok := usual[w]; ok {
			w = short
		}
		i += n
		single := len(w) == 1 && isDigit(w[0])
		if single && digit {
			out[len(out)-1] += w
			continue
		}
		out, digit = append(out, w), single
	}
	return out
}

// numberAt is how many words at the start say one number, and which; 0 where the first says none.
func numberAt(words []string) (n int, number string) {
	sum, last := 0, 0
	for n < len(words) {
		v, ok := numbers[words[n]]
		switch {
		case !ok:
		case n == 0:
			sum = v
		case v >= 100 && sum > 0 && sum < v:
			sum *= v
		case v < 10 && v > 0 && last >= 20 && last < 100, v < 100 && last >= 100: // twenty one, one hundred five
			sum += v
		default:
			ok = false // another number
		}
		if !ok {
			break
		}
		last = v
		n++
	}
	if n == 0 {
		return 0, ""
	}
	return n, strconv.Itoa(sum)
}

// heard is room in which it is found what leads to a name.
type heard struct {
	words, usual []string
	weights      []float64 // of usual
	sound        []byte
	found        []uint32
	hashes       []uint64
}

// maxWords is by how many words, the first of them, a name is found.
const maxWords = 24

// take reads folded words.
func (h *heard) take(folded string) {
	h.words, h.usual = h.words[:0], h.usual[:0]
	for w := range strings.FieldsSeq(folded) {
		if len(h.words) == maxWords {
			break
		}
		h.words = append(h.words, w)
	}
	h.usual = appendUsual(h.usual, h.words)
	h.weights = appendWeights(h.weights[:0], h.usual)
}

// grams are those of folded words, ascending, each once; valid until the next call.
func (h *heard) grams(folded string) []uint32 {
	h.take(folded)
	h.found = h.found[:0]
	for _, w := range h.usual {
		h.sound = appendSound(h.sound[:0], w)
		h.found = appendGrams(h.found, h.sound)
	}
	slices.Sort(h.found)
	h.found = slices.Compact(h.found)
	return h.found
}

const (
	// minInitials and maxInitials bound what is taken for initials.
	minInitials = 2
	maxInitials = 8
)

// codes are hashes of what folded words sound like altogether, and of their initials; valid until the next call.
func (h *heard) codes(folded string) []uint64 {
	h.take(folded)
	h.hashes = append(h.hashes[:0], h.soundCode())
	for _, initials := range h.initials() {
		h.hashes = append(h.hashes, hashOf('i', initials))
	}
	return h.hashes
}

// soundCode is a hash of what the words taken sound like.
func (h *heard) soundCode() uint64 { return hashOf('s', string(h.consonants())) }

// consonants are the skeleton of what the words taken sound like; valid until the next call.
func (h *heard) consonants() []byte {
	h.sound = h.sound[:0]
	for _, w := range h.usual {
		h.sound = appendSound(h.sound, w)
	}
	n := len(h.sound)
	return skeleton(h.sound, h.sound)[n:]
}

// initials are the first letters of the words taken, with fillers ("boi" of Bank of Ireland) and without.
func (h *heard) initials() (out []string) {
	var all, some []rune
	for _, w := range h.words {
		first, _ := utf8.DecodeRuneInString(w)
		all = append(all, first)
		if weigh(w) > fillerWeight {
			some = append(some, first)
		}
	}
	if len(all) >= minInitials && len(all) <= maxInitials {
		out = append(out, string(all))
	}
	if len(some) >= minInitials && len(some) <= maxInitials && len(some) < len(all) {
		out = append(out, string(some))
	}
	return out
}

// hashOf is a hash (FNV-1a) of a text of a kind.
func hashOf(kind byte, text string) uint64 {
	h := (uint64(14695981039346656037) ^ uint64(kind)) * 1099511628211
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return h
}
