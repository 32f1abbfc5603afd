package calendars

import (
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/calendar"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/wallclock"
)

// Diff is every date, ascending, on which two calendars differ. The error is an INVALID_FIELD fault with paths after
// "before_calendar." or "after_calendar.".
func Diff(before, after *schedulev1.Calendar) ([]*schedulev1.DateChange, error) {
	var v fault.Violations
	read := func(field string, c *schedulev1.Calendar) calendar.Calendar {
		got, wrong := Read(c)
		for _, w := range wrong {
			v.Add(field+"."+w.Field, w.Value, w.Rule)
		}
		return got
	}
	a, b := read("before_calendar", before), read("after_calendar", after)
	if err := v.Err(); err != nil {
		return nil, err
	}
	return writeChanges(calendar.Diff(a, b)), nil
}

// Changes are the dates on which what was stored, nil where there was nothing, differs from what is to be. Both are right.
func Changes(stored, after *schedulev1.Calendar) []*schedulev1.DateChange {
	a, _ := Read(stored)
	b, _ := Read(after)
	return writeChanges(calendar.Diff(a, b))
}

// writeChanges relies on the API's kinds being numbered as calendar's are, which a test holds them to.
func writeChanges(changes []calendar.Change) []*schedulev1.DateChange {
	list := make([]*schedulev1.DateChange, 0, len(changes))
	for _, c := range changes {
		w := &schedulev1.DateChange{
			Date: wallclock.WriteDate(c.Date), Sentence: c.String(),
			Kind: schedulev1.DateChange_Kind(c.Kind), //nolint:gosec // one of four
		}
		if c.Kind != calendar.Added {
			w.Before = writeEntry(c.Before)
		}
		if c.Kind != calendar.Removed {
			w.After = writeEntry(c.After)
		}
		list = append(list, w)
	}
	return list
}
