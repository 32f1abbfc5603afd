package names

import (
	"hash/fnv"
	"slices"
	"strings"
)

// maxFormWords is how many words a legal form has at most, initials being one word.
const maxFormWords = 6

// maxForms is how many legal forms are taken off a name.
const maxForms = 8

// withoutLegalForm takes legal forms off the end ("Acme Pty Ltd", "Acme GmbH & Co. KG") and off the beginning, where some
// languages have them. What would leave no name stays: a company can be called "The Company".
func withoutLegalForm(words []string) (rest []string, form uint16) {
	rest, said := splitLegalForm(words)
	return rest, whichForm(said)
}

// splitLegalForm is withoutLegalForm with the form's words.
func splitLegalForm(words []string) (rest, form []string) {
	var before, behind []string
	for range maxForms {
		less := withoutOneForm(words)
		if len(less) == len(words) || !isName(less) {
			break
		}
		if at := len(words) - len(less); at == 1 && &words[0] != &less[0] {
			before = append(before, words[0])
		} else {
			behind = append(slices.Clone(words[len(less):]), behind...)
		}
		words = less
	}
	if last := len(words) - 1; last >= 0 {
		if bare := withoutAttachedForm(words[last]); bare != words[last] {
			behind = append(behind, strings.Replace(words[last], bare, "", 1))
			words = append(words[:last:last], bare)
		}
	}
	return words, append(before, behind...)
}

// whichForm is a number for a legal form, the same however its words are shortened; 0 for none.
func whichForm(words []string) uint16 {
	if len(words) == 0 {
		return 0
	}
	h := fnv.New32a()
	for _, w := range words {
		_, _ = h.Write([]byte(shortForm(w)))
	}
	return uint16(h.Sum32()>>16 ^ h.Sum32()&0xffff | 1)
}

// shortForm is a word of a legal form as it is abbreviated.
func shortForm(w string) string {
	switch w {
	case "limited":
		return "ltd"
	case "company":
		return "co"
	case "corporation":
		return "corp"
	case "incorporated":
		return "inc"
	case "proprietary":
		return "pty"
	case "private":
		return "pvt"
	case "aktiengesellschaft":
		return "ag"
	case "株式会社":
		return "株"
	case "有限会社":
		return "有"
	}
	return w
}

func withoutOneForm(words []string) []string {
	for n := min(maxFormWords, len(words)-1); n > 0; n-- {
		if _, ok := legalForms[strings.Join(words[len(words)-n:], " ")]; ok {
			return words[:len(words)-n]
		}
	}
	if len(words) > 1 && isPrefix(words[0]) {
		return words[1:]
	}
	return words
}

// isName says whether more than an article is left.
func isName(words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return w != "the" && w != "a" && w != "an" })
}

// isPrefix says whether a legal form stands before names: Russian and Indonesian ones.
func isPrefix(w string) bool {
	switch w {
	case "ооо", "оао", "зао", "пао", "ао", "ooo", "oao", "zao", "pao", "ao", "pt", "株", "有", "주", "株式会社", "有限会社", "주식회사":
		return true
	}
	return false
}

// withoutAttachedForm takes a legal form off a name in a script that has no blanks.
func withoutAttachedForm(w string) string {
	rest := w
	for _, form := range []string{
		"股份有限公司", "有限责任公司", "有限責任公司", "有限公司", "株式会社", "有限会社", "合同会社", "주식회사",
	} {
		rest = strings.TrimSuffix(strings.TrimPrefix(rest, form), form)
	}
	if rest == "" {
		return w
	}
	return rest
}
