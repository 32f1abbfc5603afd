// Package resource reads calendars of the API's messages as those of package calendar, checked whole, and makes layers of
// business hours of them. Schedule compiles sites and rotas with them, entitlement the hours of plans.
//
// It is pure. It does not write them, import them or compare them: that is schedule's.
package resource

import (
	"fmt"
	"strconv"

	"google.golang.org/protobuf/proto"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/calendar"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/wallclock"
)

// maxBytes of one calendar: it is one value in etcd, which takes 1.5 MiB with all that goes with it.
const maxBytes = 1 << 20

// Read is the calendar that a resource describes, and every rule that it breaks, with paths within the resource:
// "entries[3].spans[0].close". The calendar is of use only where none is broken.
func Read(c *schedulev1.Calendar) (calendar.Calendar, []fault.Violation) {
	if n := proto.Size(c); n > maxBytes {
		return calendar.Calendar{}, []fault.Violation{{
			Field: "entries", Value: strconv.Itoa(n) + " bytes", Rule: fmt.Sprintf("must be at most %d bytes in all", maxBytes),
		}}
	}
	read := calendar.Calendar{Name: c.GetDisplayName(), Entries: make([]calendar.Entry, 0, len(c.GetEntries()))}
	var r wallclock.Reader
	for i, e := range c.GetEntries() {
		read.Entries = append(read.Entries, readEntry(&r, fmt.Sprintf("entries[%d]", i), e))
	}
	if wrong := r.Wrong(); len(wrong) > 0 {
		return read, wrong
	}
	return read, calendar.Validate("", read)
}

// ReadEntry is an entry as far as it can be read: for showing it, not for relying on it.
func ReadEntry(e *schedulev1.CalendarEntry) calendar.Entry {
	var r wallclock.Reader
	return readEntry(&r, "", e)
}

func readEntry(r *wallclock.Reader, field string, e *schedulev1.CalendarEntry) calendar.Entry {
	from := e.GetProvenance()
	return calendar.Entry{
		First: wallclock.Date(e.GetDate()), Last: wallclock.Date(e.GetLastDate()), Observes: wallclock.Date(e.GetObserves()),
		Verdict:        calendar.Verdict(or(e.GetVerdict(), schedulev1.CalendarEntry_VERDICT_CLOSED)),
		Spans:          r.Spans(field+".spans", e.GetSpans()),
		LikeISOWeekday: int(e.GetLikeWeekday()), // Monday is 1 and Sunday 7 there too
		Name:           e.GetDisplayName(),
		Provenance: calendar.Provenance{
			Origin: calendar.Origin(or(from.GetOrigin(), schedulev1.Provenance_ORIGIN_TYPED)),
			Source: from.GetSource(), UID: from.GetUid(), Review: from.GetReview(),
		},
	}
}

// or is the enum's value, or what its zero value means. The API's values are numbered as calendar's are.
func or[E ~int32](value, unset E) E {
	if value == 0 {
		return unset
	}
	return value
}

// Layer is the calendar as a layer of business hours, with those of its dates that lie from first to last, inclusive. The
// error is an INVALID_FIELD fault with paths after the calendar's name: "calendars/ie.entries[3].date".
func Layer(c *schedulev1.Calendar, first, last hours.Date) (hours.Calendar, error) {
	read, wrong := Read(c)
	if len(wrong) > 0 {
		var v fault.Violations
		for _, w := range wrong {
			v.Add(c.GetName()+"."+w.Field, w.Value, w.Rule)
		}
		return hours.Calendar{}, v.Err()
	}
	return read.Layer(first, last), nil
}
