package manifest

import (
	"fmt"
	"strings"
	"unicode"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

// Problem is one thing wrong with a file.
type Problem struct {
	// File is its name as given; Line counts from 1, 0 where the file is meant as a whole.
	File string
	Line int
	// Field is the path within the document, empty where the document is meant.
	Field string
	// Value is what stands there, masked or hidden where the field is sensitive; empty where it would not help.
	Value string
	// Rule says what would be right.
	Rule string
}

// String is "file:line: field: "value": rule".
func (p Problem) String() string {
	parts := make([]string, 0, 4)
	if p.File != "" {
		parts = append(parts, at(p.File, p.Line))
	}
	if p.Field != "" {
		parts = append(parts, p.Field)
	}
	if p.Value != "" {
		parts = append(parts, `"`+p.Value+`"`)
	}
	return strings.Join(append(parts, p.Rule), ": ")
}

func at(file string, line int) string {
	if line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// Problems are all that is wrong with a set of files, in order of file and line.
type Problems struct {
	List []Problem
	// Left is how many more were found than are listed.
	Left int
}

// maxProblems bounds the list: a file of another kind is told so in the first of them.
const maxProblems = 100

// Error is one problem a line.
func (p *Problems) Error() string {
	lines := make([]string, 0, len(p.List)+1)
	for _, one := range p.List {
		lines = append(lines, one.String())
	}
	if p.Left > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", p.Left))
	}
	return strings.Join(lines, "\n")
}

func (p *Problems) add(one Problem) {
	if len(p.List) == maxProblems {
		p.Left++
		return
	}
	one.Field, one.Value = clean(one.Field), clean(one.Value)
	p.List = append(p.List, one)
}

func (p *Problems) err() error {
	if len(p.List) == 0 {
		return nil
	}
	return p
}

// clean keeps a text short, and a terminal from being written to by it.
func clean(s string) string {
	const maxRunes = 100
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > maxRunes {
		return string(runes[:maxRunes]) + "…"
	}
	return s
}

// sensitivity of a field is its own, or that of the message it stands in.
func sensitivity(fd protoreflect.FieldDescriptor, around rpcv1.Sensitivity) rpcv1.Sensitivity {
	own, _ := proto.GetExtension(fd.Options(), rpcv1.E_Sensitive).(rpcv1.Sensitivity)
	if own == rpcv1.Sensitivity_SENSITIVITY_UNSPECIFIED || around == rpcv1.Sensitivity_SENSITIVITY_SECRET {
		return around
	}
	return own
}

// shown is a value as an error may have it.
func shown(text string, s rpcv1.Sensitivity) string {
	switch s {
	case rpcv1.Sensitivity_SENSITIVITY_UNSPECIFIED:
		return text
	case rpcv1.Sensitivity_SENSITIVITY_MASKED:
		return Mask(text)
	case rpcv1.Sensitivity_SENSITIVITY_SECRET:
	}
	if text == "" {
		return ""
	}
	return "(hidden)"
}

// Mask shows the first three and the last two characters of a number; shorter ones are hidden whole. The services mask
// alike (phone.Mask), but theirs is internal to them: commands ask the API, and share no code with what answers.
func Mask(text string) string {
	const minRunes = 8
	runes := []rune(text)
	switch {
	case len(runes) == 0:
		return ""
	case len(runes) < minRunes:
		return "…"
	}
	return string(runes[:3]) + "…" + string(runes[len(runes)-2:])
}

// shownKey is the name of a field that does not exist. Somebody's number might have slipped there.
func shownKey(key string) string {
	const maxDigits = 6
	digits := 0
	for _, r := range key {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	if digits > maxDigits {
		return "(hidden)"
	}
	return key
}
