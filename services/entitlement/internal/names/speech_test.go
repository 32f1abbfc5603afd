package names_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// spoken is text as a speech recogniser that does not know the name may write it: lower case, no punctuation, "&" said,
// numbers in words, short words of capitals spelled letter by letter, legal forms left out half of the time; and of the
// spellings below, that have the same sound in English or close to it, each chosen half of the time. It shares no code and
// no table with what it is to test.
func spoken(rng *rand.Rand, text string) string {
	text = strings.NewReplacer("&", " and ", "+", " plus ", ".com", " dot com", ".COM", " dot com", "'", "", "’", "").Replace(text)
	var out []string
	fields := strings.Fields(text)
	if n := len(fields); n > 1 && rng.IntN(2) == 0 {
		fields = withoutSpokenForm(fields)
	}
	capitals := strings.ToUpper(text) == text // says nothing then
	for _, field := range fields {
		for _, w := range strings.FieldsFunc(field, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			switch n := utf8.RuneCountInString(w); {
			case isNumber(w):
				out = append(out, numberWords(w)...)
			case !capitals && n >= 2 && n <= 4 && strings.ToUpper(w) == w:
				out = append(out, strings.Split(strings.ToLower(w), "")...)
			default:
				out = append(out, misheard(rng, strings.ToLower(w)))
			}
		}
	}
	if said := strings.Join(out, " "); said != "" {
		return said
	}
	return text
}

func withoutSpokenForm(fields []string) []string {
	for len(fields) > 1 {
		last := strings.ToLower(strings.Trim(fields[len(fields)-1], ".,()"))
		switch strings.ReplaceAll(last, ".", "") {
		case "ltd", "limited", "inc", "incorporated", "corp", "corporation", "plc", "ag", "sa", "ab", "co", "company", "gmbh", "nv", "bv",
			"se", "spa", "asa", "as", "oyj", "tbk", "llc", "lp", "publ", "pty", "berhad", "bhd":
			fields = fields[:len(fields)-1]
		default:
			return fields
		}
	}
	return fields
}

func isNumber(w string) bool { return strings.Trim(w, "0123456789") == "" }

// numberWords are a number as it is said: up to 99 as one, longer ones digit by digit.
func numberWords(w string) []string {
	small := strings.Fields("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen " +
		"seventeen eighteen nineteen")
	tens := strings.Fields("x x twenty thirty forty fifty sixty seventy eighty ninety")
	if n, err := strconv.Atoi(w); err == nil && n < 100 && w[0] != '0' {
		switch {
		case n < 20:
			return []string{small[n]}
		case n%10 == 0:
			return []string{tens[n/10]}
		}
		return []string{tens[n/10], small[n%10]}
	}
	var out []string
	for _, c := range w {
		out = append(out, small[c-'0'])
	}
	return out
}

// mishearings are spellings that sound alike; those that stand first are tried first, "^" and "$" are the ends of a word.
var mishearings = [][2]string{
	{"^kn", "n"}, {"^wr", "r"}, {"^ps", "s"}, {"^gn", "n"}, {"^x", "z"}, {"mb$", "m"}, {"ght", "t"}, {"tion", "shun"}, {"sch", "sh"},
	{"ph", "f"}, {"ck", "k"}, {"qu", "kw"}, {"ce", "se"}, {"ci", "si"}, {"cy", "sy"}, {"ch", "tch"}, {"ca", "ka"}, {"co", "ko"}, {"cu", "ku"},
	{"cr", "kr"}, {"cl", "kl"}, {"x", "ks"}, {"ge$", "j"}, {"gi", "ji"}, {"th", "t"}, {"wh", "w"}, {"z", "s"}, {"ee", "ea"}, {"ea", "ee"},
	{"ie", "ee"}, {"ei", "ai"}, {"oo", "u"}, {"ou", "ow"}, {"ai", "ay"}, {"ay", "ei"}, {"y$", "i"}, {"i$", "y"}, {"y", "i"}, {"er$", "or"},
	{"or$", "er"}, {"au", "aw"}, {"e$", ""}, {"k", "c"},
}

// misheard is a word with other spellings of the same sound, and half of its double letters single.
func misheard(rng *rand.Rand, w string) string {
	w = "^" + w + "$"
	var out strings.Builder
	for i := 0; i < len(w); {
		n, other := 1, w[i:i+1]
		if i+1 < len(w) && w[i] == w[i+1] && unicode.IsLetter(rune(w[i])) && rng.IntN(2) == 0 {
			n = 2 // said once
		}
		for _, m := range mishearings {
			if strings.HasPrefix(w[i:], m[0]) {
				if rng.IntN(2) == 0 {
					n, other = len(m[0]), m[1]
				}
				break
			}
		}
		out.WriteString(other)
		i += n
	}
	return strings.Trim(out.String(), "^$")
}
