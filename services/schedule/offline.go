package schedule

import (
	"errors"
	"time"

	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/zones"
)

// Zones finds time zones by their IANA names.
type Zones interface {
	Location(name string) (*time.Location, error)
}

// EmbeddedZones are the rules that the program carries, and Preview uses: for showing local times to people. Reading them
// costs some milliseconds.
func EmbeddedZones() (Zones, error) { return zones.Embedded() }

// Problem is one broken rule of a site, for those outside services, who see no faults.
type Problem struct {
	// Field is a path within the site.
	Field, Value, Rule string
}

// Problems are the broken rules in an error of Preview; none where it is about something else.
func Problems(err error) []Problem {
	var f *fault.Fault
	if !errors.As(err, &f) {
		return nil
	}
	list := make([]Problem, len(f.Violations))
	for i, v := range f.Violations {
		list[i] = Problem(v)
	}
	return list
}
