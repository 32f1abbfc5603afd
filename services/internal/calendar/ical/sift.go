package ical

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/daysidehq/dayside/services/internal/fault"
)

// Limits of what strangers can send.
const (
	maxBytes          = 8 << 20
	maxComponents     = 20_000
	maxNestingLevels  = 8
	maxLineBytes      = 64 << 10 // of a line that is read, unfolded
	maxLineParamBytes = 512
)

// kept are the properties that are read; all others may be as long, or as odd, as their writers like.
const kept = " BEGIN END METHOD UID SUMMARY STATUS SEQUENCE DTSTART DTEND DURATION RRULE RDATE EXRULE EXDATE RECURRENCE-ID" +
	" TZID X-LIC-LOCATION "

// sift reads a stream of iCalendar objects (RFC 5545, 3.1), and gives their content lines unfolded, without the
// properties that nobody reads. It exists because the decoder behind it has no limits, and panics on some lines.
func sift(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxBytes {
		return nil, fault.LimitExceeded(fmt.Sprintf("iCalendar: more than %d bytes", maxBytes))
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(text) {
		return nil, refuse("file", "", "must be UTF-8 (RFC 5545, 3.1.4)")
	}
	s := sieve{text: string(text)}
	for s.next() {
		if err := s.line(); err != nil {
			return nil, err
		}
	}
	if len(s.open) > 0 {
		return nil, refuse("file", "", "must have END:"+s.open[len(s.open)-1]+": it seems to be cut off")
	}
	if s.components == 0 {
		return nil, refuse("file", "", "must begin with BEGIN:VCALENDAR")
	}
	return s.out.Bytes(), nil
}

type sieve struct {
	text string // what is left
	// logical is the present line, unfolded, and number that of its first physical line.
	logical         string
	number, physics int
	open            []string // components that are not ended yet
	components      int
	out             bytes.Buffer
}

// next unfolds the next line that is not empty.
func (s *sieve) next() bool {
	for s.text != "" {
		first := s.physical()
		s.number = s.physics
		if s.text == "" || (s.text[0] != ' ' && s.text[0] != '\t') {
			s.logical = first
		} else {
			var b strings.Builder
			b.WriteString(first)
			for s.text != "" && (s.text[0] == ' ' || s.text[0] == '\t') {
				b.WriteString(s.physical()[1:])
			}
			s.logical = b.String()
		}
		if s.logical != "" {
			return true
		}
	}
	return false
}

// physical takes the next line of the file.
func (s *sieve) physical() string {
	line, rest, _ := strings.Cut(s.text, "\n")
	s.text = rest
	s.physics++
	if rest == "" || !strings.HasPrefix(line, "\r") {
		line = strings.TrimSuffix(line, "\r")
	}
	return line
}

func (s *sieve) refuse(rule string) error {
	return refuse("line "+strconv.Itoa(s.number), s.logical, rule)
}

// line checks the present line, and keeps it where somebody reads it.
func (s *sieve) line() error {
	end := strings.IndexAny(s.logical, ":;")
	if end <= 0 || !isToken(s.logical[:end]) {
		return s.refuse("must be NAME:VALUE, or NAME;PARAMETER=VALUE:VALUE (RFC 5545, 3.1)")
	}
	name := strings.ToUpper(s.logical[:end])
	if len(s.open) == 0 && name != "BEGIN" {
		return s.refuse("must stand between BEGIN:VCALENDAR and END:VCALENDAR")
	}
	if !strings.Contains(kept, " "+name+" ") {
		return nil
	}
	if len(s.logical) > maxLineBytes {
		return fault.LimitExceeded(fmt.Sprintf("iCalendar: line %d has more than %d bytes", s.number, maxLineBytes))
	}
	colon, ok := parameters(s.logical[end:])
	if !ok || colon > maxLineParamBytes {
		return s.refuse(fmt.Sprintf("must have well-formed parameters of at most %d bytes before its value", maxLineParamBytes))
	}
	if name == "BEGIN" || name == "END" {
		if colon != 0 {
			return s.refuse("must have no parameters")
		}
		if err := s.component(name, strings.ToUpper(s.logical[end+1:])); err != nil {
			return err
		}
	}
	s.out.WriteString(s.logical)
	s.out.WriteString("\r\n")
	return nil
}

// component begins or ends one.
func (s *sieve) component(what, name string) error {
	depth := len(s.open)
	switch {
	case !isToken(name):
		return s.refuse("must name a component")
	case what == "END" && s.open[depth-1] != name:
		return s.refuse("must be END:" + s.open[depth-1] + ", the component that is open")
	case what == "END":
		s.open = s.open[:depth-1]
		return nil
	case depth == 0 && name != "VCALENDAR":
		return s.refuse("must be BEGIN:VCALENDAR")
	case depth >= maxNestingLevels:
		return fault.LimitExceeded(fmt.Sprintf("iCalendar: line %d nests components deeper than %d", s.number, maxNestingLevels))
	}
	s.open = append(s.open, name)
	if s.components++; s.components > maxComponents {
		return fault.LimitExceeded(fmt.Sprintf("iCalendar: more than %d components", maxComponents))
	}
	return nil
}

// parameters is the length of what stands before the colon: ";NAME=VALUE,\"VALUE\"" any number of times.
func parameters(s string) (int, bool) {
	i := 0
	for i < len(s) && s[i] == ';' {
		equals := strings.IndexByte(s[i:], '=')
		if equals < 0 || !isToken(s[i+1:i+equals]) {
			return 0, false
		}
		for i += equals; i < len(s) && (s[i] == '=' || s[i] == ','); {
			i++
			if i < len(s) && s[i] == '"' {
				end := strings.IndexByte(s[i+1:], '"')
				if end < 0 {
					return 0, false
				}
				i += end + 2
			} else if end := strings.IndexAny(s[i:], `";:,`); end >= 0 {
				i += end
			} else {
				return 0, false
			}
		}
	}
	return i, i < len(s) && s[i] == ':'
}

// isToken says whether it is a name of letters, digits and hyphens.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
	})
}
