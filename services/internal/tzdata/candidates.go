package tzdata

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/zones"
)

// Candidate is rules that could be adopted.
type Candidate struct {
	Source schedulev1.TimeZoneSource
	// Bundle is nil where there is a problem.
	Bundle *zones.Bundle
	// Problem is why they cannot be used; empty where they can.
	Problem string
}

// SystemFolder is where a machine has its own rules.
const SystemFolder = "/usr/share/zoneinfo"

// maxFileBytes bounds a packed bundle: its value in etcd is no larger.
const maxFileBytes = 1 << 20

// AtHand are the rules that a process has: those in the binary, those in the machine's folder (empty: it is not looked at),
// and the bundle or folder it was told to read (empty: none), newest first. What the process was told to read must be
// there: an INVALID_FIELD fault on tzdata says what is wrong with it. The machine's own may be missing, or unreadable.
func AtHand(systemFolder, configured string) ([]Candidate, error) {
	embedded, err := zones.Embedded()
	if err != nil {
		return nil, fault.Internal(err)
	}
	list := []Candidate{{Source: schedulev1.TimeZoneSource_TIME_ZONE_SOURCE_EMBEDDED, Bundle: embedded}}
	if configured != "" {
		b, err := Open(configured)
		if err != nil {
			return nil, err
		}
		list = append(list, Candidate{Source: schedulev1.TimeZoneSource_TIME_ZONE_SOURCE_CONFIGURED, Bundle: b})
	}
	if systemFolder != "" {
		c := Candidate{Source: schedulev1.TimeZoneSource_TIME_ZONE_SOURCE_SYSTEM}
		if c.Bundle, err = Open(systemFolder); err != nil {
			c.Problem = problem(err)
		}
		list = append(list, c)
	}
	return NewestFirst(list), nil
}

// problem is what is wrong, without the words around it.
func problem(err error) string {
	var f *fault.Fault
	if errors.As(err, &f) && len(f.Violations) > 0 {
		v := f.Violations[0]
		if v.Value != "" {
			return v.Value + " " + v.Rule
		}
		return v.Rule
	}
	return err.Error()
}

// Open reads a packed bundle or a zoneinfo folder. Errors are INVALID_FIELD faults on tzdata that name the path.
func Open(path string) (*zones.Bundle, error) {
	b, err := open(path)
	if err == nil {
		return b, nil
	}
	rule := err.Error()
	var f *fault.Fault
	if errors.As(err, &f) && len(f.Violations) > 0 {
		rule = f.Violations[0].Rule
		if field := f.Violations[0].Field; field != "tzdata" {
			rule = field + ": " + rule
		}
	}
	broken := fault.Invalid(fault.Violation{Field: "tzdata", Value: path, Rule: "cannot be used: " + rule})
	broken.Err = err
	return nil, broken
}

func open(path string) (*zones.Bundle, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, errors.Unwrap(err) // the path is said anyway
	}
	if info.IsDir() {
		return zones.FromFS(os.DirFS(path))
	}
	if info.Size() > maxFileBytes {
		return nil, fmt.Errorf("has %d bytes; at most %d are taken", info.Size(), maxFileBytes)
	}
	f, err := os.Open(path) //nolint:gosec // the operator's own choice
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	defer f.Close()
	return zones.Read(io.LimitReader(f, maxFileBytes))
}

// NewestFirst orders candidates by release; of equal ones the one somebody chose comes first, then the embedded one, which
// knows every name. Those with a problem are last.
func NewestFirst(list []Candidate) []Candidate {
	order := []schedulev1.TimeZoneSource{
		schedulev1.TimeZoneSource_TIME_ZONE_SOURCE_SENT, schedulev1.TimeZoneSource_TIME_ZONE_SOURCE_CONFIGURED,
		schedulev1.TimeZoneSource_TIME_ZONE_SOURCE_EMBEDDED, schedulev1.TimeZoneSource_TIME_ZONE_SOURCE_SYSTEM,
	}
	sorted := slices.Clone(list)
	slices.SortStableFunc(sorted, func(a, b Candidate) int {
		switch {
		case (a.Bundle == nil) != (b.Bundle == nil):
			if b.Bundle == nil {
				return -1
			}
			return 1
		case a.Bundle != nil && zones.ReleaseLess(b.Bundle.Release(), a.Bundle.Release()):
			return -1
		case a.Bundle != nil && zones.ReleaseLess(a.Bundle.Release(), b.Bundle.Release()):
			return 1
		}
		return slices.Index(order, a.Source) - slices.Index(order, b.Source)
	})
	return sorted
}
