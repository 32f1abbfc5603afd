package names

import (
	"cmp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/daysidehq/dayside/services/internal/roman"
)

// folded is a name as it is compared.
type folded struct {
	// words without the legal form, blanks between them, such as "acme widgets". Without blanks they are its key.
	words string
	full  string // with the legal form, without blanks
	form  uint16 // which legal form; 0 is none
	from  script // which it is written in, where that is in Latin letters here
}

const (
	// maxTextBytes is how much is read of a name, and of what somebody said; maxFoldedBytes how much is kept of that.
	maxTextBytes   = 4096
	maxFoldedBytes = 1 << 13
)

// readings are the ways to read a name: as it is written, and, where it has letters of another script, in Latin ones.
func readings(text string) []folded {
	as := spellings(text)
	if len(as) == 0 || isLatin(as[0].words) {
		return as
	}
	if r, ok := fold(roman.Of(as[0].words), false); ok {
		r.from, r.form = scriptOf(as[0].words), cmp.Or(as[0].form, r.form)
		return append(as, r)
	}
	return as
}

// script is in which letters a name is written that is read in Latin ones; 0 of what is read as it is written.
type script uint8

// scriptOf is that of the first letter which is no plain Latin one. Chinese and Japanese are one: both write in Chinese
// characters.
func scriptOf(words string) script {
	for _, r := range words {
		if r < utf8.RuneSelf {
			continue
		}
		for i, letters := range []*unicode.RangeTable{
			unicode.Han, unicode.Cyrillic, unicode.Greek, unicode.Arabic, unicode.Hebrew, unicode.Hangul, unicode.Latin,
		} {
			if unicode.Is(letters, r) {
				return script(i + 1)
			}
		}
		if unicode.In(r, unicode.Hiragana, unicode.Katakana) {
			return 1
		}
		break
	}
	return 0xff
}

// spellings are the ways to spell a name in its own script: without accents, and, where it has letters that are also written
// as two ("ü" as "ue", "å" as "aa"), so as well. The first is always there, but for text without any character.
func spellings(text string) []folded {
	if len(text) > maxTextBytes {
		end := maxTextBytes
		for i := range utf8.UTFMax {
			if utf8.RuneStart(text[maxTextBytes-i]) {
				end -= i
				break
			}
		}
		text = text[:end]
	}
	first, ok := fold(text, false)
	if !ok {
		return nil
	}
	if isLatin(text) || !strings.ContainsAny(norm.NFD.String(text), "\u0308\u030aØø") {
		return []folded{first}
	}
	second, _ := fold(text, true)
	if second.full == first.full {
		return []folded{first}
	}
	return []folded{first, second}
}

// isLatin says whether text has unaccented letters alone.
func isLatin(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func fold(text string, twoLetters bool) (folded, bool) {
	words := split(letters(text, twoLetters))
	if len(words) == 0 {
		// A name of symbols alone is still a name.
		words = strings.Fields(strings.ToLower(text))
	}
	if len(words) == 0 {
		return folded{}, false
	}
	full := strings.Join(words, "")
	words, form := withoutLegalForm(words)
	return folded{words: strings.Join(words, " "), full: full, form: form}, true
}

// letters is text without case, accents and compatibility forms (Unicode Standard Annex 15). Combining marks go where they
// are accents; those that are part of a script's letters stay.
func letters(text string, twoLetters bool) string {
	if isLatin(text) {
		if strings.ContainsAny(text, "'`") {
			text = strings.NewReplacer("'", "", "`", "").Replace(text) // part of a word: O'Brien
		}
		return strings.ToLower(text)
	}
	var b strings.Builder
	last := rune(0)
	for _, r := range norm.NFKD.String(text) {
		r = unicode.ToLower(r)
		switch {
		case r >= '\u0300' && r <= '\u036f':
			if twoLetters {
				b.WriteString(second(last, r))
			}
			continue
		case r == '\'' || r == '’' || r == '‘' || r == 'ʼ' || r == '`':
			continue // part of a word: O'Brien
		case isPoint(r):
			continue
		case r == 'ς':
			r = 'σ'
		}
		last = r
		if s := spelledOut(r, twoLetters); s != "" {
			b.WriteString(s)
		} else {
			b.WriteRune(r)
		}
		if b.Len() > maxFoldedBytes {
			break
		}
	}
	return norm.NFC.String(b.String())
}

// isPoint says whether a mark only says how to read a word, or to set it: vowel points of Hebrew and Arabic, the bar that
// makes Arabic words longer, soft hyphens, and what joins letters or keeps them apart.
func isPoint(r rune) bool {
	switch {
	case r >= '\u0591' && r <= '\u05c7', r >= '\u0610' && r <= '\u061a', r >= '\u064b' && r <= '\u065f':
		return unicode.IsMark(r)
	case r >= '\u200b' && r <= '\u200f':
		return true
	}
	return r == '\u0670' || r == '\u0640' || r == '\u00ad' || r == '\ufeff' || r == '\u2060'
}

// second is the letter that stands for an accent: German umlauts, and the Scandinavian ring.
func second(letter, accent rune) string {
	switch {
	case accent == '\u0308' && (letter == 'a' || letter == 'o' || letter == 'u'):
		return "e"
	case accent == '\u030a' && letter == 'a':
		return "a"
	}
	return ""
}

// spelledOut is what letters are that no decomposition takes apart.
func spelledOut(r rune, twoLetters bool) string {
	switch r {
	case 'ß':
		return "ss"
	case 'æ':
		return "ae"
	case 'œ':
		return "oe"
	case 'ø':
		if twoLetters {
			return "oe"
		}
		return "o"
	case 'đ', 'ð':
		return "d"
	case 'þ':
		return "th"
	case 'ł':
		return "l"
	case 'ħ':
		return "h"
	case 'ı':
		return "i"
	}
	return ""
}

// split takes words apart at whatever is no letter and no digit. Initials ("S.A.", "A/S", "I B M") are one word, and
// "and" is none.
func split(text string) []string {
	var words []string
	initials := false // the last word is made of them
	for chunk := range strings.FieldsSeq(text) {
		parts := initialsAsOne(strings.FieldsFunc(chunk, isSeparator))
		for _, w := range parts {
			single := utf8.RuneCountInString(w) == 1
			switch {
			case w == "and", len(parts) == 1 && isAnd(w): // those of other languages are syllables, too
			case single && initials:
				words[len(words)-1] += w
			default:
				words, initials = append(words, w), single
			}
		}
	}
	if len(words) == 0 {
		return strings.FieldsFunc(text, isSeparator) // it is called And
	}
	return words
}

// initialsAsOne makes one word of letters between which there is no blank.
func initialsAsOne(parts []string) []string {
	for _, p := range parts {
		if utf8.RuneCountInString(p) != 1 {
			return parts
		}
	}
	if len(parts) < 2 {
		return parts
	}
	return []string{strings.Join(parts, "")}
}

func isSeparator(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
}

func isAnd(w string) bool {
	switch w {
	case "and", "und", "et", "och", "og":
		return true
	}
	return false
}
