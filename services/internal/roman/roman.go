// Package roman writes names of other scripts in Latin letters, roughly as somebody who hears one writes it down: Газпром is
// gazprom, 阿里巴巴 alibaba. It is for comparing what was said with what is written, and for nothing that people read.
//
// The letters are anyascii's; what is here is what they are beside each other. It knows no languages: a Chinese character
// has its Mandarin reading, in a Japanese name too, and Arabic and Hebrew have the vowels that are written.
package roman

import (
	"strings"
	"unicode"
	"unicode/utf8"

	anyascii "github.com/anyascii/go"
	"golang.org/x/text/unicode/norm"
)

// maxBytes is how much is written of a text.
const maxBytes = 1 << 13

// Of is a text in small Latin letters and digits, words apart as they were; the same text where it has none but ASCII. What
// has no letters (signs, pictures) is left out, so that it may be empty.
func Of(text string) string {
	if isASCII(text) {
		return text
	}
	w := writer{}
	for word := range strings.FieldsSeq(norm.NFC.String(strings.ToLower(text))) {
		if w.out.Len() > 0 {
			w.out.WriteByte(' ')
		}
		if isASCII(word) {
			w.out.WriteString(word)
		} else {
			w.word([]rune(word))
		}
		if w.out.Len() >= maxBytes {
			return w.out.String()[:maxBytes]
		}
	}
	return strings.TrimSpace(w.out.String())
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

type writer struct {
	out strings.Builder
}

// word writes one.
func (w *writer) word(word []rune) {
	latin := make([]byte, 0, 4*len(word))
	double := false // the next consonant
	for i, r := range word {
		letters := ""
		switch {
		case r == 'っ' || r == 'ッ':
			double = true
			continue
		case isSmallKana(r):
			latin = withSmallKana(latin, r)
			continue
		case unicode.Is(unicode.Arabic, r):
			letters = arabic(word, i)
		case unicode.Is(unicode.Hebrew, r):
			letters = hebrew(word, i)
		case unicode.Is(unicode.Greek, r):
			letters = greek(word, i)
		case unicode.Is(unicode.Han, r):
			letters = han(word, i)
		case r == 'ъ':
			letters = hardSign(word, i)
		case unicode.IsLetter(r), unicode.IsDigit(r), unicode.IsMark(r):
			letters = anyascii.TransliterateRune(r)
		}
		from := len(latin)
		latin = appendLetters(latin, letters)
		if double && len(latin) > from {
			latin = append(latin[:from:from], append([]byte{latin[from]}, latin[from:]...)...)
		}
		double = false
	}
	w.out.Write(latin)
}

// appendLetters appends small letters, digits and blanks, and nothing else.
func appendLetters(latin []byte, letters string) []byte {
	for i := range len(letters) {
		switch c := letters[i]; {
		case c >= 'A' && c <= 'Z':
			latin = append(latin, c+'a'-'A')
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == ' ':
			latin = append(latin, c)
		}
	}
	return latin
}

// near is the letter so many places on, 0 outside of the word.
func near(word []rune, i, places int) rune {
	if i += places; i < 0 || i >= len(word) {
		return 0
	}
	return word[i]
}

func isSmallKana(r rune) bool {
	return strings.ContainsRune("ゃゅょャュョぁぃぅぇぉァィゥェォ", r)
}

// withSmallKana has the vowel of the kana before in its own: "shi" and a small "ya" are "sha", "te" and a small "i" "ti".
func withSmallKana(latin []byte, r rune) []byte {
	own := anyascii.TransliterateRune(r)
	n := len(latin)
	if n > 0 && strings.IndexByte("aiueo", latin[n-1]) >= 0 {
		n--
	}
	if before := string(latin[:n]); own[0] == 'y' && (strings.HasSuffix(before, "sh") || strings.HasSuffix(before, "ch") ||
		strings.HasSuffix(before, "j")) {
		own = own[1:]
	}
	return append(latin[:n], own...)
}

// arabic is a letter of Arabic script: و and ی are vowels but beside one, and the article is a word.
func arabic(word []rune, i int) string {
	before, next := near(word, i, -1), near(word, i, 1)
	first := i == 0 || i == 2 && before == 'ل' && isAlef(word[0])
	beside := first || isAlef(before) || isAlef(next)
	switch r := word[i]; {
	case isAlef(r):
		return "a"
	case r == 'ل' && i == 1 && isAlef(before) && len(word) > 3:
		return "l "
	case r == 'و' && !beside:
		return "u"
	case (r == 'ي' || r == 'ی') && !beside:
		return "i"
	case r == 'ة':
		return "a"
	case r == 'ع' && first:
		return "a"
	case r == 'ظ':
		return "z"
	}
	return anyascii.TransliterateRune(word[i])
}

func isAlef(r rune) bool { return r == 'ا' || r == 'أ' || r == 'إ' || r == 'آ' }

// hebrew is a letter of Hebrew: ו and י are vowels but at the beginning, ב and פ soft but there.
func hebrew(word []rune, i int) string {
	next := near(word, i, 1)
	switch word[i] {
	case 'א', 'ע':
		return "a"
	case 'ב':
		if i == 0 {
			return "b"
		}
	case 'פ':
		if i == 0 {
			return "p"
		}
	case 'כ':
		return "k"
	case 'ה':
		if i > 0 && next == 0 {
			return "a"
		}
	case 'ש':
		return "sh"
	case 'ו':
		if i > 0 && next != 'ו' && near(word, i, -1) != 'ו' {
			return "o"
		}
	case 'י':
		if i > 0 {
			return "i"
		}
	}
	return anyascii.TransliterateRune(word[i])
}

// greek is a letter of Greek; two that are one sound are told by the first, but for a vowel's υ (ELOT 743).
func greek(word []rune, i int) string {
	before, next := near(word, i, -1), near(word, i, 1)
	switch {
	case word[i] == 'υ' && before == 'ο':
		return "u"
	case word[i] == 'υ' && (before == 'α' || before == 'ε' || before == 'η'):
		if strings.ContainsRune("θκξπσςτφχψ\x00", next) {
			return "f"
		}
		return "v"
	case word[i] == 'μ' && next == 'π' && i == 0, word[i] == 'ν' && next == 'τ' && i == 0:
		return "" // b, d
	case word[i] == 'π' && before == 'μ' && i == 1:
		return "b"
	case word[i] == 'τ' && before == 'ν' && i == 1:
		return "d"
	case word[i] == 'γ' && (next == 'γ' || next == 'χ'):
		return "n"
	}
	return anyascii.TransliterateRune(word[i])
}

// han is a Chinese character's reading, as it is in names of companies and towns where it has several.
func han(word []rune, i int) string {
	before, next := near(word, i, -1), near(word, i, 1)
	switch word[i] {
	case '行':
		if strings.ContainsRune("银銀商洋", before) {
			return "hang"
		}
	case '长', '長':
		return "chang"
	case '重':
		if next == '庆' || next == '慶' {
			return "chong"
		}
	case '厦', '廈':
		return "xia"
	}
	return anyascii.TransliterateRune(word[i])
}

// hardSign is a vowel in Bulgarian, where no vowel follows it.
func hardSign(word []rune, i int) string {
	if strings.ContainsRune("еёюя\x00", near(word, i, 1)) {
		return ""
	}
	return "a"
}
