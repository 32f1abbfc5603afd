package proof

import (
	"fmt"
	"time"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// maxRefused bounds the gaps that a refusal names.
const maxRefused = 50

// Refusal is why changes with these impacts are not written: a COVERAGE_GAP fault that names each line with the times at
// which it would get an uncovered gap. Nil where none would. The gaps of a line that is created are its own, and are told
// in another place.
func Refusal(impacts []*schedulev1.LineImpact) *fault.Fault {
	var violations []fault.Violation
	more := false
	for _, line := range impacts {
		if line.GetCreated() || len(line.GetGapsCreated()) == 0 {
			continue
		}
		for _, g := range line.GetGapsCreated() {
			if len(violations) == maxRefused {
				more = true
				break
			}
			violations = append(violations, fault.Violation{
				Field: line.GetLine(), Value: gapText(g), Rule: "no site would be open, and nobody on duty",
			})
		}
	}
	if len(violations) == 0 {
		return nil
	}
	f := fault.CoverageGap(violations...)
	if more {
		f.Message += fmt.Sprintf(" (the first %d gaps)", maxRefused)
	}
	return f
}

// gapText is such as "Fri 2026-12-25 08:00 to 16:00 UTC (8h)".
func gapText(g *schedulev1.CoverageGap) string {
	from, to := g.GetInterval().GetStartTime().AsTime(), g.GetInterval().GetEndTime().AsTime()
	end := to.Format("15:04")
	if from.Format(time.DateOnly) != to.Format(time.DateOnly) {
		end = to.Format("Mon 2006-01-02 15:04")
	}
	return fmt.Sprintf("%s to %s UTC (%s)", from.Format("Mon 2006-01-02 15:04"), end, lasting(to.Sub(from)))
}

// lasting is such as 8h, 1h30m, 45m or 20s.
func lasting(d time.Duration) string {
	hours, minutes, seconds := int(d/time.Hour), int(d/time.Minute)%60, int(d/time.Second)%60
	text := ""
	for _, part := range []struct {
		n    int
		unit string
	}{{hours, "h"}, {minutes, "m"}, {seconds, "s"}} {
		if part.n > 0 {
			text += fmt.Sprint(part.n) + part.unit
		}
	}
	return text
}
