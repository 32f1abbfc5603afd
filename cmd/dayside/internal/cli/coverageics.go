package cli

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

const (
	// maxFoldBytes is the longest line of iCalendar, without its end (RFC 5545, section 3.1).
	maxFoldBytes = 75
	// layoutICS is an instant in UTC (RFC 5545, section 3.3.5).
	layoutICS = "20060102T150405Z"
)

// coverageICS writes coverage as iCalendar (RFC 5545): an event for each open interval of a site, and one for each gap:
// an uncovered one has the category GAP and the highest priority, a planned one ON-DUTY and who it is, one outside service
// hours INTENDED. No event keeps its reader busy.
//
// A UID is made from what ends when: it stays the same however often the calendar is made, though the first interval of a
// range begins with the range. Only of an interval that goes on beyond the range, another range makes another event.
func coverageICS(w io.Writer, line string, r *schedulev1.QueryCoverageResponse, now time.Time) error {
	c := icsWriter{stamp: now.UTC().Format(layoutICS), line: strings.TrimPrefix(line, collectionLines+"/")}
	c.put("BEGIN", "VCALENDAR")
	c.put("VERSION", "2.0")
	c.put("PRODID", "-//Dayside//Coverage//EN")
	c.put("X-WR-CALNAME", icsText("Coverage of "+line))
	for _, s := range r.GetSites() {
		for _, open := range spansOf(s.GetOpenIntervals()) {
			c.event("open."+strings.TrimPrefix(s.GetSite(), collectionSites+"/"), s.GetSite()+" open", open, "CATEGORIES:OPEN")
		}
	}
	for _, gap := range judged(r) {
		switch gap.kind {
		case gapPlanned:
			c.event("on-duty", "On duty for "+line+": "+strings.Join(gap.onDuty, ", "), gap.stretch, "CATEGORIES:ON-DUTY")
		case gapIntended:
			c.event("intended", line+" is closed as intended", gap.stretch, "CATEGORIES:INTENDED")
		default:
			c.event("gap", "GAP: no site of "+line+" open and nobody on duty", gap.stretch, "CATEGORIES:GAP", "PRIORITY:1")
		}
	}
	c.put("END", "VCALENDAR")
	_, err := io.WriteString(w, c.b.String())
	return err
}

type icsWriter struct {
	b           strings.Builder
	stamp, line string
}

// event is one VEVENT; what says, within the line, what it is about.
func (c *icsWriter) event(what, summary string, s stretch, more ...string) {
	c.put("BEGIN", "VEVENT")
	c.put("UID", fmt.Sprintf("%s.%s.%d@dayside", c.line, what, s.to.Unix()))
	c.put("DTSTAMP", c.stamp)
	c.put("DTSTART", s.from.UTC().Format(layoutICS))
	c.put("DTEND", s.to.UTC().Format(layoutICS))
	c.put("SUMMARY", icsText(summary))
	for _, m := range more {
		c.fold(m)
	}
	c.put("TRANSP", "TRANSPARENT")
	c.put("END", "VEVENT")
}

func (c *icsWriter) put(name, value string) { c.fold(name + ":" + value) }

// fold writes a content line: in pieces that each hold whole characters, the second and later ones after a blank.
func (c *icsWriter) fold(text string) {
	for limit := maxFoldBytes; len(text) > limit; limit = maxFoldBytes - 1 {
		cut := limit
		for !utf8.RuneStart(text[cut]) {
			cut--
		}
		c.b.WriteString(text[:cut] + "\r\n ")
		text = text[cut:]
	}
	c.b.WriteString(text + "\r\n")
}

// icsText is a value of type TEXT (RFC 5545, section 3.3.11).
func icsText(s string) string {
	return strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`).Replace(visible(s))
}
