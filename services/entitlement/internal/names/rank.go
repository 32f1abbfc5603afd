package names

import (
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// maxSaidWords bounds what is looked up of what was said.
	maxSaidWords = 16
	// initialsConfidence is that of a name that is the initials of what was said, or the other way round.
	initialsConfidence = 0.6
	// sameConsonants is the confidence of a name in another script that has the same consonants, minConsonants at least.
	sameConsonants, minConsonants = 0.7, 3
	// minLetters is the least similarity of letters, or of sounds, that is told.
	minLetters = 0.6
	// surelyMeant is from when a confidence is told as it is measured.
	surelyMeant = 0.85
	// nearLetters is that from which a name is near.
	nearLetters = 0.7
)

// said is one reading of what was said.
type said struct {
	folded []byte
	form   uint16
	from   script
	whole  pattern // its key
	sounds pattern
	// bare and bareSounds are the same without words at the end that are almost a legal form; misspelled says that there are
	// some.
	bare, bareSounds pattern
	misspelled       bool
	words            []saidWord
	weight           float64 // of the words together
	grams            []uint32
	codes            []uint64
	initials         []string
	key              string
	heard            heard
}

// saidWord is a word in its usual form.
type saidWord struct {
	text   string
	sound  string
	weight float64
	letter pattern
}

func (s *said) set(f folded) {
	s.folded, s.form, s.from = []byte(f.words), f.form, f.from
	s.key = strings.ReplaceAll(f.words, " ", "")
	s.whole.set([]rune(s.key))
	s.codes = append(s.codes[:0], s.heard.codes(f.words)[0]) // its initials are not what its name is the initials of
	if n := utf8.RuneCountInString(s.key); n >= minInitials && n <= maxInitials {
		s.codes = append(s.codes, hashOf('i', s.key))
	}
	s.initials = s.heard.initials()
	var all []byte
	s.words, s.weight = s.words[:0], 0
	for i, w := range s.heard.usual {
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
		word.text, word.sound, word.weight = w, string(all[start:]), s.heard.weights[i]
		word.letter.set([]rune(w))
		s.weight += word.weight
	}
	s.sounds.set([]rune(string(all)))
	s.withoutMisspelledForm()
}

// withoutMisspelledForm takes words off the end that one letter keeps from being a legal form.
func (s *said) withoutMisspelledForm() {
	n := len(s.words)
	for n > 1 && (misspellsForm(&s.words[n-1].letter) || n < len(s.words) && s.words[n-1].weight == fillerWeight) {
		n--
		s.weight += fillerWeight - s.words[n].weight
		s.words[n].weight = fillerWeight
	}
	s.grams = s.grams[:0]
	for _, w := range s.words[:n] {
		s.grams = appendGrams(s.grams, []byte(w.sound))
	}
	slices.Sort(s.grams)
	s.grams = slices.Compact(s.grams)
	if s.misspelled = n < len(s.words); !s.misspelled {
		return
	}
	var letters []rune
	var sounds []byte
	for _, w := range s.words[:n] {
		letters = append(letters, w.letter.text...)
		sounds = append(sounds, w.sound...)
	}
	s.bare.set(letters)
	s.bareSounds.set([]rune(string(sounds)))
}

// formsToMisspell are words of legal forms that are often typed.
var formsToMisspell = [...]string{
	"limited", "ltd", "corporation", "corp", "incorporated", "inc", "company", "gmbh", "plc", "llc", "publ", "berhad", "tbk",
	"asa", "spa", "aktiengesellschaft",
}

// misses is distance alone.
func (p *pattern) misses(text string) int {
	apart, _ := p.distance(text)
	return apart
}

func misspellsForm(p *pattern) bool {
	if len(p.text) < 3 {
		short := string(p.text)
		return short == "lt" || short == "ld" || short == "in"
	}
	for _, form := range formsToMisspell {
		if apart := len(form) - len(p.text); apart >= -1 && apart <= 1 && p.misses(form) == 1 {
			return true
		}
	}
	return false
}

// near says whether a name has most letters of what was said.
func (s *said) near(folded string) bool {
	return s.whole.similarity(folded) >= nearLetters || s.misspelled && s.bare.similarity(folded) >= nearLetters
}

// compared is a name while it is compared.
type compared struct {
	heard
	sounds []byte
	ends   []int // of each word's sounds
}

func (c *compared) take(folded string) {
	c.heard.take(folded)
	c.sounds, c.ends = c.sounds[:0], c.ends[:0]
	for _, w := range c.usual {
		c.sounds = appendSound(c.sounds, w)
		c.ends = append(c.ends, len(c.sounds))
	}
}

// rank compares a name with what was said, and offers it. One that is the same was offered before.
func (q *question) rank(row uint32) {
	if _, same := beginsWith(q.folded(row), q.said.folded); same || q.ownScript(row) {
		return
	}
	folded := string(q.folded(row))
	q.name.take(folded)
	confidence, why := q.alike(folded)
	if q.crosses(row) && confidence < sameConsonants && q.saysConsonants() {
		confidence, why = sameConsonants, Sound
	}
	q.offer(row, min(confidence, maxNameConfidence), why)
}

// saysConsonants says whether the name taken has the consonants that were said, and enough of them: some scripts are written
// without vowels, and of others everybody writes down other ones.
func (q *question) saysConsonants() bool {
	have := q.name.consonants()
	return len(have) >= minConsonants && hashOf('s', string(have)) == q.said.codes[0]
}

// alike is how likely the name taken was meant, and why.
func (q *question) alike(folded string) (float64, Why) {
	letters, sounds := q.said.whole.similarity(folded), q.said.sounds.similarity(string(q.name.sounds))
	if q.said.misspelled {
		letters = max(letters, q.said.bare.similarity(folded))
		sounds = max(sounds, q.said.bareSounds.similarity(string(q.name.sounds)))
	}
	words, exactly := q.words()
	mean := (letters + words + sounds) / 3
	best, why := confidenceOf(words, mean, exactly), Words
	if !exactly {
		why = Typing
	}
	if c := confidenceOf(letters, mean, false); c > best {
		best, why = c, Typing
	}
	if c := confidenceOf(0.98*sounds, mean, false); c > best {
		best, why = c, Sound
	}
	return best, why
}

// confidenceOf is how likely a name is meant that is like what was said in one respect, and so much in the mean of all.
// What was said without an error is told as it is measured; of names that have several letters wrong, each is more likely to
// be another one.
func confidenceOf(like, mean float64, exactly bool) float64 {
	if !exactly && like < minLetters {
		return 0
	}
	confidence := maxNameConfidence * (0.9*like + 0.1*mean)
	if !exactly && confidence < surelyMeant {
		confidence -= 1.2 * (surelyMeant - confidence)
	}
	return confidence
}

// words is how much of a name was said, and how much of what was said is of the name, by the weights of their words; and
// whether it was said without an error.
func (q *question) words() (fits float64, exactly bool) {
	used := uint32(0) // words that were said, a bit each
	ofName, ofSaid, weight := 0.0, 0.0, 0.0
	exactly = true
	from := 0
	for i, w := range q.name.usual {
		own, sound := q.name.weights[i], q.name.sounds[from:q.name.ends[i]]
		from = q.name.ends[i]
		weight += own
		best, which := 0.0, -1
		for j := range q.said.words {
			if used>>j&1 == 1 {
				continue
			}
			if fit := q.said.words[j].fits(w, sound); fit > best {
				best, which = fit, j
			}
		}
		if which < 0 {
			continue
		}
		used |= 1 << which
		exactly = exactly && (best == 1 || strings.HasPrefix(w, q.said.words[which].text))
		ofName += best * own
		ofSaid += best * q.said.words[which].weight
	}
	return harmonic(ofName/weight, ofSaid/q.said.weight), exactly
}

// fits is how well a word that was said is one of a name, from 0 to 1.
func (s *saidWord) fits(w string, sound []byte) float64 {
	switch {
	case s.text == w:
		return 1
	case len(s.text) < 2 || len(w) < 2:
		return 0
	case len(s.text) >= minPrefixRunes && strings.HasPrefix(w, s.text):
		return (1 + float64(len(s.text))/float64(len(w))) / 2
	case len(w) >= minPrefixRunes && string(sound) == s.sound:
		return 0.95
	}
	fit := 0.0
	if abbreviates(s.text, w) || abbreviates(w, s.text) {
		fit = 0.7
	}
	n := len(s.letter.text)
	if longer := max(n, len(w)); 10*min(n, len(w)) >= 6*longer {
		if 10*s.letter.common(w) >= 5*n {
			if f := s.letter.similarity(w); f >= minLetters {
				return max(fit, f)
			}
		}
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
