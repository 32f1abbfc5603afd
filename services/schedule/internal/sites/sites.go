// Package sites checks a support site and compiles it to what views need: targets as text and hours as a timeline. It is
// pure: the zone rules and the horizon are arguments.
//
// What hours mean is package hours'; which sites a line has is routing's.
package sites

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/target"
	"github.com/daysidehq/dayside/services/internal/timeline"
)

const (
	defaultRingTimeoutS = 20
	minRingTimeoutS     = 1
	maxRingTimeoutS     = 180
	maxTargets          = 8
)

// Zones are the time-zone rules of one release.
type Zones interface {
	// Location is the zone of an IANA name; an INVALID_FIELD fault says what is wrong with a name.
	Location(name string) (*time.Location, error)
	// Release names the rules, such as "2025c".
	Release() string
}

// Compiled is a site as views need it.
type Compiled struct {
	Record   *publishedv1.Site
	Timeline *timeline.Timeline
	Location *time.Location
}

// Compile is the record to publish for a site over the horizon, or an INVALID_FIELD fault that names every broken rule
// with its path within the site. The calendars are those that the site uses, in its order, with at least the dates of the
// horizon.
func Compile(s *schedulev1.Site, calendars []hours.Calendar, zones Zones, fromUnixS, toUnixS int64) (Compiled, error) {
	var broken fault.Violations
	if strings.ContainsFunc(s.GetDisplayName(), unicode.IsControl) {
		broken.Add("display_name", s.GetDisplayName(), "must hold no control characters")
	}
	loc, err := zones.Location(s.GetTimeZone())
	if err := gather(&broken, err); err != nil {
		return Compiled{}, err
	}
	h, wrong := readHours(s)
	if len(wrong) == 0 {
		wrong = hours.Validate("", h)
	}
	broken.Append(wrong...)
	h.Calendars = calendars
	targets := readTargets(&broken, s.GetTargets())
	ringS := readRingTimeout(&broken, s)
	checkSkills(&broken, s)
	if err := broken.Err(); err != nil {
		return Compiled{}, err
	}
	tl, err := hours.Compile(h, hours.Zone{Location: loc, Release: zones.Release()}, fromUnixS, toUnixS)
	if err != nil {
		return Compiled{}, err
	}
	return Compiled{Timeline: tl, Location: loc, Record: &publishedv1.Site{
		Id:          strings.TrimPrefix(s.GetName(), "sites/"),
		DisplayName: s.GetDisplayName(),
		Outsourced:  s.GetOwnership() == schedulev1.Ownership_OWNERSHIP_OUTSOURCED,
		Targets:     targets, RingTimeoutS: ringS, TimeZone: s.GetTimeZone(), Timeline: tl.Proto(),
		Capacity: uint32(s.GetCapacity()), Products: s.GetProducts(), Languages: primaryLanguages(s.GetLanguages()),
	}}, nil
}

// gather moves an error's violations to the others; an error without any is the answer.
func gather(broken *fault.Violations, err error) error {
	var f *fault.Fault
	if errors.As(err, &f) && len(f.Violations) > 0 {
		broken.Append(f.Violations...)
		return nil
	}
	return err
}

func readTargets(broken *fault.Violations, list []*schedulev1.Target) []string {
	if len(list) == 0 || len(list) > maxTargets {
		broken.Add("targets", fmt.Sprint(len(list)), fmt.Sprintf("must be 1 to %d", maxTargets))
		return nil
	}
	texts := make([]string, 0, len(list))
	first := map[string]int{}
	for i, t := range list {
		field, text := fmt.Sprintf("targets[%d]", i), target.Text(t)
		if v, ok := target.Broken(field, t); !ok {
			broken.Append(v)
			continue
		}
		if was, again := first[text]; again {
			broken.Add(field, text, fmt.Sprintf("is targets[%d] again; each target once", was))
			continue
		}
		first[text] = i
		texts = append(texts, text)
	}
	return texts
}

func readRingTimeout(broken *fault.Violations, s *schedulev1.Site) uint32 {
	d := s.GetRingTimeout()
	if d == nil {
		return defaultRingTimeoutS
	}
	if d.GetSeconds() < minRingTimeoutS || d.GetSeconds() > maxRingTimeoutS || d.GetNanos() != 0 {
		broken.Add("ring_timeout", d.AsDuration().String(),
			fmt.Sprintf("must be whole seconds, %d to %d", minRingTimeoutS, maxRingTimeoutS))
	}
	return uint32(d.GetSeconds())
}
