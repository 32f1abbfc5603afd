package names

import "math/bits"

// maxEdited is how many letters of a text are compared one by one, the first ones.
const maxEdited = 64

// pattern is a text to which others are compared letter by letter, up to maxEdited of them.
type pattern struct {
	latin  [128]uint64
	others []otherLetter
	text   []rune
}

type otherLetter struct {
	letter rune
	where  uint64
}

// set makes it the pattern of another text.
func (p *pattern) set(text []rune) {
	for _, r := range p.text {
		if r < 128 {
			p.latin[r] = 0
		}
	}
	p.others = p.others[:0]
	p.text = append(p.text[:0], text[:min(len(text), maxEdited)]...)
	for i, r := range p.text {
		if r < 128 {
			p.latin[r] |= 1 << i
			continue
		}
		if j := p.other(r); j >= 0 {
			p.others[j].where |= 1 << i
		} else {
			p.others = append(p.others, otherLetter{r, 1 << i})
		}
	}
}

func (p *pattern) other(r rune) int {
	for i, o := range p.others {
		if o.letter == r {
			return i
		}
	}
	return -1
}

func (p *pattern) where(r rune) uint64 {
	if r < 128 {
		return p.latin[r]
	}
	if i := p.other(r); i >= 0 {
		return p.others[i].where
	}
	return 0
}

// distance is how many letters are to be put in, left out, replaced, or exchanged with the next one, to make one text of
// the other, none being touched twice; and how many letters the text has, at most maxEdited, blanks being none (optimal
// string alignment; bit-parallel after Hyyrö, "A bit-vector algorithm for computing Levenshtein and Damerau edit
// distances", 2003).
func (p *pattern) distance(text string) (apart, letters int) {
	m := len(p.text)
	last := uint64(1) << max(0, m-1)
	vp, vn, d0, before := ^uint64(0), uint64(0), uint64(0), uint64(0)
	apart = m
	for _, r := range text {
		if r == ' ' {
			continue
		}
		if letters == maxEdited {
			break
		}
		letters++
		pm := p.where(r)
		exchanged := ((^d0 & pm) << 1) & before
		d0 = (((pm & vp) + vp) ^ vp) | pm | vn | exchanged
		hp, hn := vn|^(d0|vp), d0&vp
		if hp&last != 0 {
			apart++
		}
		if hn&last != 0 {
			apart--
		}
		hp = hp<<1 | 1
		vp, vn, before = hn<<1|^(d0|hp), hp&d0, pm
	}
	if m == 0 {
		return letters, letters
	}
	return apart, letters
}

// similarity is 1 for the same text, down to 0.
func (p *pattern) similarity(text string) float64 {
	apart, letters := p.distance(text)
	longer := max(letters, len(p.text))
	if longer == 0 {
		return 0
	}
	return 1 - float64(apart)/float64(longer)
}

// common is how many letters of the pattern are in a text, wherever.
func (p *pattern) common(text string) int {
	seen := uint64(0)
	for _, r := range text {
		seen |= p.where(r)
	}
	return bits.OnesCount64(seen)
}
