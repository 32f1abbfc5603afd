package feed

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	goical "github.com/emersion/go-ical"

	"github.com/daysidehq/dayside/services/internal/fault"
)

// Limits of one file. A rota of hourly turns has 2,400 in the window.
const (
	// MaxEvents is how many events a file holds: the first ones, and it says so.
	MaxEvents = 3000
	// maxTextBytes bounds one text, before what escaping adds.
	maxTextBytes = 400
	// maxEventsBytes bounds all events in the same way; eventBytes is what one of them takes besides its texts.
	maxEventsBytes = 5 << 19
	eventBytes     = 500
	// maxFileBytes bounds the file, folded: a gRPC peer takes 4 MiB where it is not told otherwise.
	maxFileBytes = 3 << 20
)

const (
	productID = "-//Dayside//Schedule feeds//EN"
	// refresh is how often a calendar is asked to read the feed again (RFC 5545, 3.3.6).
	refresh = "PT1H"
	// compAvailability and compAvailable are components of RFC 7953, 3.1.
	compAvailability = "VAVAILABILITY"
	compAvailable    = "AVAILABLE"
	// utcLayout is an instant (RFC 5545, 3.3.5, form 2).
	utcLayout = "20060102T150405Z"
)

// event is something that a calendar shows over [fromS, toS).
type event struct {
	// kind tells it, with its end, from the others of a file.
	kind       string
	fromS, toS int64
	// summary and description are texts of one line; a description may be empty.
	summary, description, category string
	// urgent gives it the highest priority.
	urgent bool
}

// file is the feed with these events, which are available time as well where it says so.
func (h Head) file(name, about string, events []event, available bool) ([]byte, error) {
	slices.SortStableFunc(events, func(a, b event) int { return int(a.fromS - b.fromS) })
	endS := h.ToUnixS
	if n := fitting(events); n < len(events) {
		endS, events = events[n].fromS, events[:n]
		about += " Only until " + instant(endS) + ": the rest is too much for one file."
	}
	c := goical.NewCalendar()
	put(c.Component, goical.PropVersion, "2.0")
	put(c.Component, goical.PropProductID, productID)
	put(c.Component, goical.PropCalendarScale, "GREGORIAN")
	for _, property := range []string{goical.PropName, "X-WR-CALNAME"} { // RFC 7986, 5.1, and what was there before it
		putText(c.Component, property, name)
	}
	for _, property := range []string{goical.PropDescription, "X-WR-CALDESC"} {
		putText(c.Component, property, about)
	}
	put(c.Component, "X-PUBLISHED-TTL", refresh)
	interval := goical.NewProp(goical.PropRefreshInterval)
	interval.Params.Set(goical.ParamValue, string(goical.ValueDuration)) // RFC 7986, 5.7 wants it said
	interval.Value = refresh
	c.Props.Set(interval)
	if available {
		c.Children = append(c.Children, h.availability(events, endS))
	}
	for _, e := range events {
		c.Children = append(c.Children, h.event(e))
	}
	if len(c.Children) == 0 {
		// A file must have a component (RFC 5545, 3.6): this one says that there is nothing.
		c.Children = append(c.Children, h.component(goical.CompFreeBusy, "nothing", h.FromUnixS, endS))
	}
	var b bytes.Buffer
	if err := goical.NewEncoder(&b).Encode(c); err != nil {
		return nil, fault.Internal(fmt.Errorf("feed of %s: %w", h.Subject, err))
	}
	text := fold(b.Bytes())
	if len(text) > maxFileBytes {
		return nil, fault.LimitExceeded(fmt.Sprintf("the feed of %s has %d bytes; at most %d are served", h.Subject, len(text),
			maxFileBytes))
	}
	return text, nil
}

// fitting is how many of the events one file holds.
func fitting(events []event) int {
	bytes := 0
	for i, e := range events {
		if bytes += eventBytes + textBytes(e.summary) + textBytes(e.description); i == MaxEvents || bytes > maxEventsBytes {
			return i
		}
	}
	return len(events)
}

// textBytes is what a text takes in a file, at most.
func textBytes(s string) int {
	s = clip(oneLine(s))
	return len(s) + strings.Count(s, `\`) + strings.Count(s, ",") + strings.Count(s, ";")
}

// availability is the window as RFC 7953 has it: not to be had, but for the openings.
func (h Head) availability(openings []event, endS int64) *goical.Component {
	v := h.component(compAvailability, "availability", h.FromUnixS, endS)
	put(v, "BUSYTYPE", "BUSY-UNAVAILABLE")
	putText(v, goical.PropSummary, h.title())
	for _, o := range openings {
		v.Children = append(v.Children, h.component(compAvailable, h.end("available", o.toS), o.fromS, o.toS))
	}
	return v
}

// event is a VEVENT. None keeps its reader busy: whoever is on duty may have meetings, and says so themselves.
func (h Head) event(e event) *goical.Component {
	v := h.component(goical.CompEvent, h.end(e.kind, e.toS), e.fromS, e.toS)
	putText(v, goical.PropSummary, e.summary)
	if e.description != "" {
		putText(v, goical.PropDescription, e.description)
	}
	put(v, goical.PropCategories, e.category)
	put(v, goical.PropTransparency, "TRANSPARENT")
	if e.urgent {
		put(v, goical.PropPriority, "1")
	}
	return v
}

// component is one with an identity and a time. what tells it from the others of the file.
func (h Head) component(name, what string, fromS, toS int64) *goical.Component {
	c := goical.NewComponent(name)
	put(c, goical.PropUID, strings.ReplaceAll(h.Subject, "/", ".")+"."+what+"@dayside")
	put(c, goical.PropDateTimeStamp, instant(h.NowUnixS))
	put(c, goical.PropDateTimeStart, instant(fromS))
	put(c, goical.PropDateTimeEnd, instant(toS))
	return c
}

// end identifies what ends at an instant. Ends stay what they are while the window moves over a beginning; of what goes
// on after the window there is one of a kind, and it has no end yet.
func (h Head) end(kind string, toS int64) string {
	if toS >= h.ToUnixS {
		return kind + ".later"
	}
	return kind + "." + strconv.FormatInt(toS, 10)
}

func instant(unixS int64) string { return time.Unix(unixS, 0).UTC().Format(utcLayout) }

// put sets what needs no escaping.
func put(c *goical.Component, property, value string) {
	p := goical.NewProp(property)
	p.Value = value
	c.Props.Set(p)
}

// putText sets a value of type TEXT (RFC 5545, 3.3.11).
func putText(c *goical.Component, property, text string) {
	p := goical.NewProp(property)
	p.SetText(clip(oneLine(text)))
	p.Params.Del(goical.ParamValue) // go-ical adds it to names it does not know; readers need none
	c.Props.Set(p)
}

// oneLine is text from elsewhere as iCalendar can hold it: valid UTF-8, no control characters, and no end of line, since
// all that is put in are names.
func oneLine(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, string(unicode.ReplacementChar)), "\r\n", "\n")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t' || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.IsControl(r):
			return unicode.ReplacementChar
		}
		return r
	}, s))
}

// clip shortens what is too long, between characters.
func clip(s string) string {
	if len(s) <= maxTextBytes {
		return s
	}
	cut := maxTextBytes - len("…")
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// maxLineBytes is the longest line, without its end (RFC 5545, 3.1).
const maxLineBytes = 75

// fold breaks long lines in two or more, between characters: the later ones begin with a blank.
func fold(text []byte) []byte {
	out := make([]byte, 0, len(text)+len(text)/32)
	for line := range bytes.Lines(text) {
		line = bytes.TrimSuffix(line, []byte("\r\n"))
		for limit := maxLineBytes; len(line) > limit; limit = maxLineBytes - 1 {
			cut := limit
			for !utf8.RuneStart(line[cut]) {
				cut--
			}
			out = append(append(out, line[:cut]...), "\r\n "...)
			line = line[cut:]
		}
		out = append(append(out, line...), "\r\n"...)
	}
	return out
}
