package calendar

import (
	"fmt"

	"github.com/daysidehq/dayside/services/internal/hours"
)

// ChangeKind is how two calendars differ on a date.
type ChangeKind int

const (
	// Added is a date that only the second calendar has.
	Added ChangeKind = iota + 1
	// Removed is one that only the first has.
	Removed
	// Changed is one for which they have different hours.
	Changed
	// Renamed is one of the same hours under another name. No site opens or closes differently.
	Renamed
)

// Change is a date on which two calendars differ.
type Change struct {
	Date hours.Date
	Kind ChangeKind
	// Before is the first calendar's entry, After the second's; the zero value where that has none.
	Before, After Entry
}

// String is the change in one line, as a program for comparing files writes it.
func (c Change) String() string {
	switch c.Kind {
	case Added:
		return fmt.Sprintf("+ %s %s: %s", c.Date, c.After.Title(), c.After.Says())
	case Removed:
		return fmt.Sprintf("- %s %s: %s", c.Date, c.Before.Title(), c.Before.Says())
	default:
		return fmt.Sprintf("~ %s %s: %s -> %s: %s", c.Date, c.Before.Title(), c.Before.Says(), c.After.Title(), c.After.Says())
	}
}

// Diff is every date, ascending, on which two valid calendars differ. It compares dates, not entries: one of three dates
// equals three of one. Where an entry comes from is no difference.
func Diff(a, b Calendar) []Change {
	first, last := hours.Date{Year: MinYear, Month: 1, Day: 1}, hours.Date{Year: MaxYear, Month: 12, Day: 31}
	before, after := a.dates(first, last), b.dates(first, last)
	var changes []Change
	for len(before) > 0 || len(after) > 0 {
		switch {
		case len(after) == 0 || (len(before) > 0 && compare(before[0].date, after[0].date) < 0):
			changes = append(changes, Change{Date: before[0].date, Kind: Removed, Before: *before[0].entry})
			before = before[1:]
		case len(before) == 0 || compare(after[0].date, before[0].date) < 0:
			changes = append(changes, Change{Date: after[0].date, Kind: Added, After: *after[0].entry})
			after = after[1:]
		default:
			change := Change{Date: before[0].date, Before: *before[0].entry, After: *after[0].entry}
			if change.Kind = kind(change.Before, change.After); change.Kind != 0 {
				changes = append(changes, change)
			}
			before, after = before[1:], after[1:]
		}
	}
	return changes
}

// kind is how two entries differ on a date; 0 where they do not.
func kind(before, after Entry) ChangeKind {
	switch {
	case !before.agrees(after):
		return Changed
	case before.Title() != after.Title() || before.Verdict != after.Verdict:
		return Renamed
	default:
		return 0
	}
}
