package ical

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	goical "github.com/emersion/go-ical"

	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
)

// event is a VEVENT (RFC 5545, 3.6.1).
type event struct {
	name      string // for errors
	uid       string
	summary   string
	sequence  int
	cancelled bool
	start     moment
	length    length
	rule      *rule
	// extra are the RDATEs, excluded the EXDATEs.
	extra    []period
	excluded []moment
	// instead is the RECURRENCE-ID: which occurrence of the repeated event this one replaces.
	instead *moment
}

// period is an RDATE, with the event's own length where it has none.
type period struct {
	start  moment
	length length
}

// eventReader reads one event. Its first broken rule stands for all.
type eventReader struct {
	*file
	event
	component *goical.Component
	bad       bool
	err       error // of a limit
}

// event reads a VEVENT, and notes what is wrong with it.
func (f *file) event(number int, c *goical.Component) (*event, error) {
	uid := value(c, goical.PropUID)
	r := eventReader{file: f, component: c, event: event{uid: uid, name: name(number, uid)}}
	if uid == "" {
		r.refuse(goical.PropUID, "", "must be given (RFC 5545, 3.8.4.7)")
	}
	for _, once := range []string{"UID", "DTSTART", "DTEND", "DURATION", "RRULE", "RECURRENCE-ID", "STATUS", "SEQUENCE"} {
		if n := len(c.Props[once]); n > 1 {
			r.refuse(once, strconv.Itoa(n)+" times", "must be given once")
		}
	}
	if p := c.Props.Get("EXRULE"); p != nil {
		r.refuse(p.Name, p.Value, "must not be used: RFC 5545 has taken it away")
	}
	r.texts()
	r.times()
	r.repetition()
	if r.bad {
		f.broken++
	}
	return &r.event, r.err
}

func (r *eventReader) refuse(prop, value, rule string) {
	if !r.bad && r.err == nil {
		r.bad = true
		r.violations.Add(r.name+" "+prop, value, rule)
	}
}

func (r *eventReader) texts() {
	if p := r.component.Props.Get(goical.PropSummary); p != nil {
		parts, _ := p.TextList()             // no text is worth an error
		r.summary = strings.Join(parts, ",") // it is one text: many programs write its commas bare
	}
	switch status := strings.ToUpper(value(r.component, goical.PropStatus)); status {
	case "", "CONFIRMED", "TENTATIVE":
	case "CANCELLED":
		r.cancelled = true
	default:
		r.refuse(goical.PropStatus, status, "must be TENTATIVE, CONFIRMED or CANCELLED")
	}
	if text := value(r.component, goical.PropSequence); text != "" {
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			r.refuse(goical.PropSequence, text, "must be a number, not negative")
		}
		r.sequence = int(n)
	}
}

// zoneOf is the zone of a property's values; nil where there is none, which is noted, and where the event is refused
// already: looking for a zone that does not exist takes time, and an event may have many thousand properties.
func (r *eventReader) zoneOf(p *goical.Prop) *zone {
	if r.bad || r.err != nil {
		return nil
	}
	z, err := r.zone(p)
	if errors.Is(err, errUnknownZone) {
		r.refuse(p.Name, p.Params.Get(goical.ParamTimezoneID), ruleZone)
	} else if err != nil && r.err == nil {
		r.err = err
	}
	return z
}

// moments reads a property of one value or several, separated by commas.
func (r *eventReader) moments(p *goical.Prop) (list []moment) {
	z := r.zoneOf(p)
	if z == nil {
		return nil
	}
	for text := range strings.SplitSeq(p.Value, ",") {
		m, broken := parseMoment(text, z, r.utc)
		if broken != "" {
			r.refuse(p.Name, text, broken)
			return nil
		}
		if m.date {
			m.zone = r.site
		}
		list = append(list, m)
	}
	return list
}

// moment reads a property of one value; false where it has none, or a wrong one.
func (r *eventReader) moment(name string) (moment, bool) {
	p := r.component.Props.Get(name)
	if p == nil {
		return moment{}, false
	}
	list := r.moments(p)
	if len(list) > 1 {
		r.refuse(name, p.Value, "must be one value")
	}
	if len(list) != 1 {
		return moment{}, false
	}
	return list[0], true
}

func (r *eventReader) times() {
	var ok bool
	if r.start, ok = r.moment(goical.PropDateTimeStart); !ok {
		r.refuse(goical.PropDateTimeStart, "", "must be given")
		return
	}
	if r.start.date {
		r.length.days = 1
	}
	end, ends := r.moment(goical.PropDateTimeEnd)
	text := value(r.component, goical.PropDuration)
	switch {
	case ends && text != "":
		r.refuse(goical.PropDuration, text, "must not be given besides DTEND")
	case ends:
		var broken string
		if r.length, broken = between(r.start, end); broken != "" {
			r.refuse(goical.PropDateTimeEnd, value(r.component, goical.PropDateTimeEnd), broken)
		}
	case text != "":
		if r.length, ok = parseLength(text); !ok || (r.start.date && (r.length.days == 0 || r.length.exactS != 0)) {
			r.refuse(goical.PropDuration, text, ruleLength+"; whole days, one or more, where DTSTART is a date")
		}
	}
	if p := r.component.Props.Get(goical.PropRecurrenceID); p != nil {
		if p.Params.Get(goical.ParamRange) != "" {
			r.refuse(goical.PropRecurrenceID, "RANGE="+p.Params.Get(goical.ParamRange),
				"must replace one occurrence: a change of all that follow must be a new event here")
		}
		if m, ok := r.moment(goical.PropRecurrenceID); ok {
			r.instead = &m
		}
	}
}

// between is the length of what lasts from one moment to another.
func between(start, end moment) (l length, broken string) {
	switch {
	case start.date != end.date:
		return l, "must be a date where DTSTART is one, and a time where that is one"
	case start.date:
		l.days = end.day() - start.day()
	case start.zone == end.zone:
		l.wallS = end.wallS - start.wallS
	default:
		l.exactS = end.unixS() - start.unixS()
	}
	if s := l.days*hours.DayS + l.wallS + l.exactS; s <= 0 || s > maxLengthS {
		return l, "must be after DTSTART, by at most ten years"
	}
	return l, ""
}

func (r *eventReader) repetition() {
	if r.bad || r.err != nil {
		return
	}
	if p := r.component.Props.Get(goical.PropRecurrenceRule); p != nil {
		if r.rules++; r.rules > maxRules {
			r.err = fault.LimitExceeded(fmt.Sprintf("iCalendar: more than %d events that repeat", maxRules))
			return
		}
		rule, broken := parseRule(p.Value, r.start, r.utc)
		if broken == "" && r.options.RefuseEndless && rule.endless {
			broken = "has no end (COUNT or UNTIL): say up to which date it is to be read"
		}
		if broken != "" {
			r.refuse(p.Name, p.Value, broken)
		}
		r.rule = &rule
	}
	for i := range r.component.Props[goical.PropExceptionDates] {
		r.excluded = append(r.excluded, r.moments(&r.component.Props[goical.PropExceptionDates][i])...)
	}
	for i := range r.component.Props[goical.PropRecurrenceDates] {
		r.extras(&r.component.Props[goical.PropRecurrenceDates][i])
	}
	if r.instead != nil && (r.rule != nil || len(r.extra) > 0) {
		r.refuse(goical.PropRecurrenceID, "", "must not repeat itself")
	}
}

// extras reads an RDATE: dates, times, or periods START/END and START/DURATION.
func (r *eventReader) extras(p *goical.Prop) {
	z := r.zoneOf(p)
	if z == nil {
		return
	}
	for text := range strings.SplitSeq(p.Value, ",") {
		first, second, isPeriod := strings.Cut(text, "/")
		start, broken := parseMoment(first, z, r.utc)
		if start.date {
			start.zone = r.site
		}
		lasts := r.length
		switch {
		case broken != "":
		case start.date != r.start.date:
			broken = "must be dates where DTSTART is one, and times where that is one"
		case isPeriod && strings.HasPrefix(second, "P"):
			var ok bool
			if lasts, ok = parseLength(second); !ok || start.date {
				broken = ruleLength
			}
		case isPeriod:
			var end moment
			if end, broken = parseMoment(second, z, r.utc); broken == "" {
				lasts, broken = between(start, end)
			}
		}
		if broken != "" {
			r.refuse(p.Name, text, broken)
			return
		}
		r.extra = append(r.extra, period{start, lasts})
	}
}
