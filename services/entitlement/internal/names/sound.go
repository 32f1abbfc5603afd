package names

import "strings"

// appendSound appends a folded word as it sounds, roughly and to whoever may hear it, in letters that stand for sounds
// (c is "sh" and "ch"): spellings of one sound in English, German, French, Spanish and Italian come to the same, doubled
// letters are one, silent ones none. It is not pronunciation, and one word has one sound. Words of other scripts sound as
// they are written.
func appendSound(out []byte, w string) []byte {
	for i := range len(w) {
		if w[i] >= 0x80 {
			return append(out, w...)
		}
	}
	start := len(out)
	for i := 0; i < len(w); {
		n, sound := 0, ""
		if isVowel(w[i]) {
			n, sound = vowels(w, i)
		} else {
			n, sound = consonants(w, i)
		}
		for j := range len(sound) {
			if len(out) == start || out[len(out)-1] != sound[j] || isDigit(sound[j]) {
				out = append(out, sound[j])
			}
		}
		i += n
	}
	if len(out) == start {
		out = append(out, w...)
	}
	return out
}

func isVowel(c byte) bool {
	switch c {
	case 'a', 'e', 'i', 'o', 'u', 'y':
		return true
	}
	return false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// at is the letter at a place, 0 outside of the word.
func at(w string, i int) byte {
	if i < 0 || i >= len(w) {
		return 0
	}
	return w[i]
}

func isFront(c byte) bool { return c == 'e' || c == 'i' || c == 'y' }

// vowels is how many letters at a place are one vowel, and which.
func vowels(w string, i int) (n int, sound string) {
	for i+n < len(w) && (isVowel(w[i+n]) || n > 0 && w[i+n] == 'w' && !isVowel(at(w, i+n+1))) {
		n++
	}
	group := w[i : i+n]
	if i == 0 && n > 1 && group[0] == 'y' {
		return 1, "i"
	}
	switch {
	case group == "e" && i > 1 && i+n == len(w):
		return n, "" // silent
	case len(group) > 2:
		return n, group[:1]
	}
	switch group {
	case "ee", "ea", "ie", "y", "i", "ei":
		return n, "i"
	case "ai", "ay", "ey", "ae", "e":
		return n, "e"
	case "oo", "ou", "ue", "ew", "u", "uw", "eu":
		return n, "u"
	case "au", "aw", "oa", "oe", "ow":
		return n, "o"
	case "ia", "io", "iu":
		return n, "i" + group[1:]
	}
	return n, group
}

// consonants is how many letters at a place are one sound, or two, and which.
func consonants(w string, i int) (n int, sound string) {
	next, rest := at(w, i+1), w[i:]
	switch w[i] {
	case 'c':
		return soundOfC(w, i)
	case 's':
		switch {
		case strings.HasPrefix(rest, "sch"):
			return 3, "c"
		case next == 'h':
			return 2, "c"
		case next == 'c' && isFront(at(w, i+2)), next == 'z':
			return 2, "s"
		}
	case 't':
		switch {
		case strings.HasPrefix(rest, "tch"):
			return 3, "c"
		case next == 'h':
			return 2, "t"
		case next == 'z':
			return 2, "s"
		case strings.HasPrefix(rest, "tio"), strings.HasPrefix(rest, "tia"):
			return 2, "c"
		}
	case 'p':
		if next == 'h' {
			return 2, "f"
		}
		if i == 0 && (next == 's' || next == 'n') {
			return 1, ""
		}
	case 'g':
		return soundOfG(w, i)
	case 'd':
		if next == 'g' && isFront(at(w, i+2)) {
			return 2, "j"
		}
		if next == 't' {
			return 2, "t"
		}
	case 'k':
		if i == 0 && next == 'n' {
			return 1, ""
		}
	case 'm':
		if next == 'b' && i+2 == len(w) {
			return 2, "m"
		}
	case 'h':
		if i > 0 {
			return 1, ""
		}
	case 'q':
		if next == 'u' && isVowel(at(w, i+2)) {
			return 2, "kv"
		}
		return 1, "k"
	case 'w':
		switch {
		case i == 0 && next == 'r':
			return 1, ""
		case next == 'h':
			return 2, "v"
		}
		return 1, "v"
	case 'x':
		if i == 0 {
			return 1, "s"
		}
		return 1, "ks"
	case 'z':
		return 1, "s"
	}
	return 1, w[i : i+1]
}

func soundOfC(w string, i int) (n int, sound string) {
	next := at(w, i+1)
	switch {
	case next == 'h' && (at(w, i+2) == 'r' || at(w, i+2) == 'l'):
		return 2, "k"
	case next == 'h':
		return 2, "c"
	case next == 'k':
		return 2, "k"
	case isFront(next):
		return 1, "s"
	}
	return 1, "k"
}

func soundOfG(w string, i int) (n int, sound string) {
	next := at(w, i+1)
	switch {
	case next == 'h' && i > 0 && (at(w, i+2) == 't' || i+2 == len(w)):
		return 2, "" // night, though
	case next == 'h':
		return 2, "g"
	case i == 0 && next == 'n':
		return 1, ""
	case isFront(next):
		return 1, "j"
	}
	return 1, "g"
}

// maxSkeleton bounds what is compared of how a name sounds.
const maxSkeleton = 48

// skeleton is what is left of sounds without vowels, but for that it begins with one: as little as any two who hear a name
// agree on.
func skeleton(out, sounds []byte) []byte {
	start := len(out)
	for i, c := range sounds {
		if len(out)-start == maxSkeleton {
			break
		}
		switch {
		case isVowel(c) && i == 0:
			out = append(out, 'a')
		case isVowel(c):
		case len(out) == start || out[len(out)-1] != c || isDigit(c):
			out = append(out, c)
		}
	}
	return out
}
