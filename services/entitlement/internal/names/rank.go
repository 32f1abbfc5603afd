package names

import (
	"strings"
	"unicode/utf8"
)

const (
	// maxSaidWords bounds what is looked up of what was said.
	maxSaidWords = 16
	// initialsConfidence is that of a name that is the initials of what was said, or the other way round.
	initialsConfidence = 0.6
	// minLetters is the least similarity of letters, or of sounds, that is told.
	minLetters = 0.6
)

// said is one reading of what was said.
type said struct {
	folded   []byte
	form     uint16
	whole    pattern // its key
	sounds   pattern
	words    []saidWord
	weight   float64 // of the words together
	grams    []uint32
	codes    []uint64
	initials []string
	key      string
	heard    heard
}

// saidWord is a word in its usual form.
type saidWord struct {
	text   string
	sound  string
	weight float64
	letter pattern
}

func (s *said) set(f folded) {
	s.folded, s.form = []byte(f.words), f.form
	s.key = strings.ReplaceAll(f.words, " ", "")
	s.whole.set([]rune(s.key))
	s.codes = append(s.codes[:0], s.heard.codes(f.words)...)
	if n := utf8.RuneCountInString(s.key); n >= minInitials && n <= maxInitials {
		s.codes = append(s.codes, hashOf('i', s.key))
	}
	s.initials = s.heard.initials()
	s.grams = append(s.grams[:0], s.heard.grams(f.words)...)
	var all []byte
	s.words, s.weight = s.words[:0], 0
	for _, w := range s.heard.usual {
		if len(s.words) == maxSaidWords {
			break
		}
		start := len(all)
		all = appendSound(all, w)
		if len(s.words) < cap(s.words) {
			s.words = s.words[:len(s.words)+1]
		} else {
			s.words = append(s.words, saidWord{})
		}
		word := &s.words[len(s.words)-1]
		word.text, word.sound, word.weight = w, string(all[start:]), saidWeight(w)
		word.letter.set([]rune(w))
		s.weight += word.weight
	}
	s.sounds.set([]rune(string(all)))
}

// saidWeight is the weight of a word that may have an error: one that is almost a legal form is none of a name.
func saidWeight(w string) float64 {
	return weigh(w)
}

// rank compares a name with what was said, and offers it. One that is the same was offered before.
func (q *question) rank(row uint32) {
	folded := string(q.folded(row))
	if _, same := beginsWith([]byte(folded), q.said.folded); same && compareKey([]byte(folded), q.said.folded) == 0 {
		return
	}
	q.name.take(folded)
	confidence, why := q.alike(folded)
	if confidence > 0 {
		q.best.offer(row, min(confidence, maxNameConfidence), why, q.row(row).form == q.said.form)
	}
}

func (q *question) alike(folded string) (float64, Why) {
	q.runes = q.runes[:0]
	for _, r := range folded {
		if r != ' ' {
			q.runes = append(q.runes, r)
		}
	}
	letters := q.said.whole.similarity(q.runes)
	words, exactly := q.words()
	q.name.sound = q.name.sound[:0]
	for _, w := range q.name.usual {
		q.name.sound = appendSound(q.name.sound, w)
	}
	q.runes = appendRunes(q.runes[:0], q.name.sound)
	sounds := q.said.sounds.similarity(q.runes)
	best, why := words, Words
	if !exactly {
		why = Typing
	}
	if letters >= minLetters && letters > best {
		best, why = letters, Typing
	}
	if sounds >= minLetters && 0.98*sounds > best {
		best, why = 0.98*sounds, Sound
	}
	if best < initialsConfidence && q.hasInitials() {
		return initialsConfidence, Initials
	}
	return maxNameConfidence * (0.9*best + 0.1*(letters+words+sounds)/3), why
}

func appendRunes(out []rune, text []byte) []rune {
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		out = append(out, r)
		text = text[size:]
	}
	return out
}

// hasInitials says whether what was said is the initials of the name taken.
func (q *question) hasInitials() bool {
	for _, initials := range q.name.initials() {
		if initials == q.said.key {
			return true
		}
	}
	return false
}

// words is how much of a name was said, and how much of what was said is of the name, by the weights of their words; and
// whether it was said without an error.
func (q *question) words() (fits float64, exactly bool) {
	var used [maxSaidWords]bool
	ofName, ofSaid, weight := 0.0, 0.0, 0.0
	exactly = true
	for _, w := range q.name.usual {
		own := weigh(w)
		weight += own
		best, which := 0.0, -1
		for i := range q.said.words {
			if used[i] {
				continue
			}
			if fit := q.wordFits(&q.said.words[i], w); fit > best {
				best, which = fit, i
			}
		}
		if which < 0 {
			continue
		}
		used[which] = true
		exactly = exactly && (best == 1 || strings.HasPrefix(w, q.said.words[which].text))
		ofName += best * own
		ofSaid += best * q.said.words[which].weight
	}
	return harmonic(ofName/weight, ofSaid/q.said.weight), exactly
}

// wordFits is how well a word that was said is one of a name, from 0 to 1.
func (q *question) wordFits(s *saidWord, w string) float64 {
	if s.text == w {
		return 1
	}
	if len(s.text) >= minPrefixRunes && strings.HasPrefix(w, s.text) {
		return (1 + float64(len(s.text))/float64(len(w))) / 2
	}
	if len(s.text) < 2 || len(w) < 2 {
		return 0
	}
	fit := 0.0
	if abbreviates(s.text, w) || abbreviates(w, s.text) {
		fit = 0.7
	}
	n := len(s.letter.text)
	q.runes = q.runes[:0]
	for _, r := range w {
		q.runes = append(q.runes, r)
	}
	longer := max(n, len(q.runes))
	if s.letter.common(q.runes) >= longer*6/10 {
		if f := s.letter.similarity(q.runes); f >= minLetters {
			fit = max(fit, f)
		}
	}
	q.name.sound = appendSound(q.name.sound[:0], w)
	if len(w) >= 3 && string(q.name.sound) == s.sound {
		fit = max(fit, 0.95)
	}
	return fit
}

// abbreviates says whether a short word is letters of a longer one in their order, its first letter among them.
func abbreviates(short, long string) bool {
	if len(short) < minPrefixRunes || len(short) > 5 || len(long) < len(short)+2 || short[0] != long[0] {
		return false
	}
	at := 1
	for i := 1; i < len(short); i++ {
		found := strings.IndexByte(long[at:], short[i])
		if found < 0 {
			return false
		}
		at += found + 1
	}
	return true
}

// harmonic is the harmonic mean: as low as the lower one is.
func harmonic(a, b float64) float64 {
	if a <= 0 || b <= 0 {
		return 0
	}
	return 2 * a * b / (a + b)
}
