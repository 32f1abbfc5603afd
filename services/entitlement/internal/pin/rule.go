package pin

import (
	"slices"
	"strings"

	"github.com/daysidehq/dayside/services/entitlement/internal/names"
)

// What is refused when it is set is what is tried first: a guess is five tries in a quarter of an hour, and the PINs that
// many people choose are few. A PIN or a phrase that was set before goes on working.

// minOtherDigits is the least that a PIN holds of different digits.
const minOtherDigits = 3

// Known is what others know of a customer, too, and whoever guesses tries.
type Known struct {
	// Names that it has, or had, and those of its people.
	Names []string
	// Numbers are its phones', its contracts', and what other systems call it.
	Numbers []string
	// Addresses are its domains, and the e-mail addresses of its people.
	Addresses []string
}

// knownNumbers says which they are.
const knownNumbers = "a phone's, a contract's, or what another system calls the customer"

// Rule is what a PIN must be, "" where digits are one: 4 to 12 digits, and none of those that are guessed first.
func Rule(digits string) string {
	switch {
	case len(digits) < minDigits || len(digits) > maxDigits || strings.Trim(digits, "0123456789") != "":
		return "must be 4 to 12 digits"
	case different(digits) < minOtherDigits:
		return "must hold at least 3 different digits"
	case repeats(digits):
		return "must not be the same digits again and again"
	case inSteps(digits) || isDoubled(digits) && inSteps(undoubled(digits)):
		return "must not go up or down in equal steps"
	case isYear(digits):
		return "must not be a year"
	case slices.Contains(commonPINs(), digits):
		return "must not be one of those that many people choose"
	}
	return ""
}

// RuleOf is what a PIN of a customer must be besides, "" where digits are that: nothing that others know of it.
func RuleOf(digits string, of Known) string {
	for _, n := range of.Numbers {
		if endsWith(n, digits) {
			return "must not be the end of a number that others know: " + knownNumbers
		}
	}
	for _, name := range of.Names {
		for _, spelled := range names.Spelled(name) {
			if strings.HasPrefix(spelled, digits) {
				return "must not spell a name of the customer: callers type it where they are asked for that"
			}
		}
	}
	return ""
}

// endsWith says whether a number's digits, or some that stand together in it, end with others.
func endsWith(number, digits string) bool {
	groups := strings.FieldsFunc(number, func(r rune) bool { return r < '0' || r > '9' })
	return strings.HasSuffix(strings.Join(groups, ""), digits) || slices.Contains(groups, digits)
}

// different is how many characters a text holds, each counted once.
func different(text string) int {
	seen := map[rune]bool{}
	for _, r := range text {
		seen[r] = true
	}
	return len(seen)
}

// repeats says whether a text is the same part again and again.
func repeats(text string) bool {
	for n := 1; n <= len(text)/2; n++ {
		if len(text)%n == 0 && strings.Repeat(text[:n], len(text)/n) == text {
			return true
		}
	}
	return false
}

// maxStep is the largest step that people see as one: down the keys of a phone it is 3.
const maxStep = 3

// inSteps says whether digits go up or down by the same each, 0 being behind 9.
func inSteps(digits string) bool {
	up := (digits[1] - digits[0] + 10) % 10
	for i := 2; i < len(digits); i++ {
		if (digits[i]-digits[i-1]+10)%10 != up {
			return false
		}
	}
	return up <= maxStep || up >= 10-maxStep
}

// isDoubled says whether each digit stands there twice in a row.
func isDoubled(digits string) bool {
	for i := 0; i+1 < len(digits); i += 2 {
		if digits[i] != digits[i+1] {
			return false
		}
	}
	return len(digits)%2 == 0
}

func undoubled(digits string) string {
	var once strings.Builder
	for i := 0; i < len(digits); i += 2 {
		once.WriteByte(digits[i])
	}
	return once.String()
}

// isYear says whether four digits are one that people were born in, or live in.
func isYear(digits string) bool {
	return len(digits) == 4 && (strings.HasPrefix(digits, "19") || strings.HasPrefix(digits, "20"))
}
