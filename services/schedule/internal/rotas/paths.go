package rotas

import (
	"errors"
	"regexp"
	"strconv"

	"github.com/daysidehq/dayside/services/internal/fault"
)

// A rota's own words differ from the API's where the API is easier to write: a layer's first crew is its members.
const (
	firstCrew = `crews\[0\]\.(slots|first)`
	laterCrew = `crews\[(\d+)\]`
)

// renamed is an INVALID_FIELD fault of services/internal/rota with the paths of the API's messages.
func renamed(err error) error {
	var f *fault.Fault
	if !errors.As(err, &f) {
		return err
	}
	words := newWords()
	list := make([]fault.Violation, len(f.Violations))
	for i, v := range f.Violations {
		list[i] = fault.Violation{Field: words.rename(v.Field), Value: v.Value, Rule: words.rename(v.Rule)}
	}
	out := *f
	out.Violations = list
	return &out
}

type words struct{ first, later, slots, name, from, to *regexp.Regexp }

func newWords() words {
	return words{
		first: regexp.MustCompile(firstCrew), later: regexp.MustCompile(laterCrew), slots: regexp.MustCompile(`\bslots\b`),
		name: regexp.MustCompile(`\.name\b`),
		from: regexp.MustCompile(`(overrides\[\d+\])\.from\b`), to: regexp.MustCompile(`(overrides\[\d+\])\.to\b`),
	}
}

func (w words) rename(text string) string {
	text = w.first.ReplaceAllString(text, "$1")
	text = w.later.ReplaceAllStringFunc(text, func(s string) string {
		n, _ := strconv.Atoi(s[len("crews[") : len(s)-1])
		return "changes[" + strconv.Itoa(n-1) + "]"
	})
	text = w.slots.ReplaceAllString(text, "members")
	text = w.name.ReplaceAllString(text, ".display_name")
	text = w.from.ReplaceAllString(text, "$1.interval.start_time")
	return w.to.ReplaceAllString(text, "$1.interval.end_time")
}
