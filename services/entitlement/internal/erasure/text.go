package erasure

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
)

const (
	// erasedText stands in text where a number, an address or a name was.
	erasedText = "(erased)"
	// maxGap is how many marks stand between two digits of a number as people write it: ") - ".
	maxGap = 3
	// minNational digits of a number without its country's code: shorter ones may be anything.
	minNational = 7
	// maxDialled digits are a number's with what is dialled before it.
	maxDialled = 20
)

// words finds a name as a whole, in whatever case and however spaced.
func words(name string) *regexp.Regexp {
	parts := strings.Fields(name)
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile(`(?i)` + strings.Join(parts, `\s+`))
}

// text is what is left of what somebody wrote at a customer: without the person's numbers in any usual writing, their
// addresses, and what they are called in full there; also are other names of theirs.
func (p *Person) text(customer, s string, also ...string) string {
	if s == "" {
		return s
	}
	s = p.withoutNumbers(s)
	for address := range p.emails {
		s = p.without(s, address)
	}
	for name := range p.names {
		if customer == "" || name.customer == customer {
			s = p.without(s, name.id)
		}
	}
	for _, name := range also {
		s = p.without(s, name)
	}
	return s
}

// without is a text without whole occurrences of a name or an address.
func (p *Person) without(s, name string) string {
	if name = strings.TrimSpace(name); name == "" {
		return s
	}
	if p.written == nil {
		p.written = map[string]*regexp.Regexp{}
	}
	found := p.written[name]
	if found == nil {
		found = words(name)
		p.written[name] = found
	}
	var out strings.Builder
	end := 0
	for _, at := range found.FindAllStringIndex(s, -1) {
		before, _ := utf8.DecodeLastRuneInString(s[:at[0]])
		after, _ := utf8.DecodeRuneInString(s[at[1]:])
		if !inWord(before) && !inWord(after) {
			out.WriteString(s[end:at[0]] + erasedText)
			end = at[1]
		}
	}
	return out.String() + s[end:]
}

func inWord(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) }

// withoutNumbers is a text without the person's numbers.
func (p *Person) withoutNumbers(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); {
		end := 0
		if begins := i == 0 || s[i-1] < '0' || s[i-1] > '9'; begins && len(p.numbers) > 0 {
			end = p.number(s[i:])
		}
		if end == 0 {
			out.WriteByte(s[i])
			i++
			continue
		}
		out.WriteString(erasedText)
		i += end
	}
	return out.String()
}

// number is how long a number of the person is that a text begins with, 0 where it begins with none.
func (p *Person) number(s string) (length int) {
	digits, gap := "", 0
	for i := 0; i < len(s) && len(digits) <= maxDialled; {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r >= '0' && r <= '9':
			digits, gap = digits+string(r), 0
			if next := s[i+1:]; (next == "" || next[0] < '0' || next[0] > '9') && p.dialled(digits) {
				length = i + 1
			}
		case i == 0 && r != '+' && r != '(', gap == maxGap, !strings.ContainsRune("+ ().-/\u00a0\u2011\u2013", r):
			return length
		case digits != "" && r == '+':
			return length
		default:
			gap++
		}
		i += size
	}
	return length
}

// dialled says whether digits are a number of the person: with the country's code, with what is dialled before it, or
// without it, as within the country.
func (p *Person) dialled(digits string) bool {
	for n := range p.numbers {
		full := strings.TrimPrefix(n.String(), "+")
		code := full[:min(codeDigits(full), len(full))]
		national := full[len(code):]
		forms := []string{full, "00" + full, "011" + full, code + "0" + national, "00" + code + "0" + national}
		if len(national) >= minNational {
			forms = append(forms, national, "0"+national)
		}
		if slices.Contains(forms, digits) {
			return true
		}
	}
	return false
}

// codeDigits is how long the country's code is that a number begins with (ITU-T E.164, annex: list of assigned codes).
func codeDigits(full string) int {
	const two = " 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 " +
		"84 86 90 91 92 93 94 95 98 "
	switch {
	case full == "" || full[0] == '1' || full[0] == '7':
		return 1
	case len(full) > 1 && strings.Contains(two, " "+full[:2]+" "):
		return 2
	}
	return 3
}

// Reasons takes the person out of what people wrote in a promise.
func (p *Person) Reasons(x *entitlementv1.Promise, also ...string) (changed bool) {
	customer := x.GetAcceptance().GetCustomer()
	rewrite := func(s *string) {
		if left := p.text(customer, *s, also...); left != *s {
			*s, x.Erased, changed = left, true, true
		}
	}
	if a := x.GetAcceptance(); a != nil {
		rewrite(&a.How)
		rewrite(&a.Person)
	}
	for _, e := range x.GetTrail() {
		rewrite(&e.Reason)
		rewrite(&e.Person)
	}
	return changed
}

// Reason takes the person out of why a grant was given; that goes on.
func (p *Person) Reason(g *entitlementv1.Grant) (changed bool) {
	left := p.text(g.GetCustomer(), g.GetReason())
	changed = left != g.GetReason()
	g.Reason = left
	return changed
}

// spoke says whether an acceptance at a customer is the person's: by its number, or by whom it names.
func (p *Person) spoke(customer, number, name string) bool {
	n, _ := phone.ParseSignalled(number)
	return p.numbers[n] || name != "" && p.names[contact{customer, folded(name)}]
}
