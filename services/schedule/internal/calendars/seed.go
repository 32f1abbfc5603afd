package calendars

import (
	"fmt"
	"strconv"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/calendar/seed"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// maxSeedYears is how many years there may be after the first.
const maxSeedYears = 10

// Seed is a first calendar of a place, or the list of places where none is named. It begins with this year where the
// request says nothing else. The error is an INVALID_FIELD fault.
func Seed(r *schedulev1.SeedCalendarRequest, thisYear int) (*schedulev1.SeedCalendarResponse, error) {
	if r.GetPlace() == "" {
		return &schedulev1.SeedCalendarResponse{Places: seed.Places()}, nil
	}
	first, last := int(r.GetFirstYear()), int(r.GetLastYear())
	if first == 0 {
		first = thisYear
	}
	if last == 0 {
		last = first + 1
	}
	if last-first > maxSeedYears {
		return nil, fault.Invalid(fault.Violation{
			Field: "last_year", Value: strconv.Itoa(last),
			Rule: fmt.Sprintf("must be at most %d years after %d", maxSeedYears, first),
		})
	}
	s, err := seed.New(r.GetPlace(), first, last)
	if err != nil {
		return nil, err
	}
	return &schedulev1.SeedCalendarResponse{Calendar: Write(s.Calendar), Doubts: s.Doubts}, nil
}
