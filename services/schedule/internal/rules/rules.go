// Package rules says what other time-zone rules would mean to what the schedule service owns: which zones are used by
// what, and which of them behave differently. It is pure; what openings move is said by estate and proof, and rules are
// adopted by the service.
package rules

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/zones"
	"github.com/daysidehq/dayside/services/schedule/internal/estate"
)

// Use is which resources use a zone, by its IANA name; the names of resources ascend.
type Use map[string][]string

// UseOf is the use of all zones in an estate: by sites, rotas, people, and lines' service hours.
func UseOf(e *estate.Estate) Use {
	use := Use{}
	for name, s := range e.Sites {
		use.add(s.GetTimeZone(), name)
	}
	for name, r := range e.Rotas {
		use.add(r.GetTimeZone(), name)
	}
	for name, p := range e.People {
		use.add(p.GetTimeZone(), name)
	}
	for name, l := range e.Lines {
		use.add(l.GetServiceHours().GetTimeZone(), name)
	}
	for _, names := range use {
		slices.Sort(names)
	}
	return use
}

func (u Use) add(zone, name string) {
	if zone != "" {
		u[zone] = append(u[zone], name)
	}
}

// Differences are those of all that concern zones in use, in order of zone.
func (u Use) Differences(all []zones.Difference) []*schedulev1.ZoneDifference {
	var list []*schedulev1.ZoneDifference
	for _, d := range all {
		users, used := u[d.Zone]
		if !used {
			continue
		}
		z := &schedulev1.ZoneDifference{
			TimeZone: d.Zone, From: &timestamppb.Timestamp{Seconds: d.FromUnixS},
			OffsetBefore: &durationpb.Duration{Seconds: d.BeforeEastS}, UsedBy: users,
		}
		if !d.Missing {
			z.OffsetAfter = &durationpb.Duration{Seconds: d.AfterEastS}
		}
		list = append(list, z)
	}
	return list
}

// maxNamed is how many zones a problem names.
const maxNamed = 5

// Missing says which zones in use the other rules do not know; empty where they know all.
func Missing(differences []*schedulev1.ZoneDifference) string {
	var parts []string
	more := 0
	for _, d := range differences {
		switch {
		case d.GetOffsetAfter() != nil:
		case len(parts) == maxNamed:
			more++
		default:
			parts = append(parts, fmt.Sprintf("%s (used by %s)", d.GetTimeZone(), d.GetUsedBy()[0]))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	text := "does not know " + strings.Join(parts, ", ")
	if more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Candidate is how other rules compare with those in force over [fromUnixS, toUnixS). Its source is left to the caller.
func Candidate(inForce, other *zones.Bundle, use Use, fromUnixS, toUnixS int64) *schedulev1.TimeZoneCandidate {
	all := zones.Compare(inForce, other, fromUnixS, toUnixS)
	used := use.Differences(all)
	return &schedulev1.TimeZoneCandidate{
		Release: other.Release(), Fingerprint: zones.BehaviourFingerprint(other, fromUnixS, toUnixS),
		DifferingZones: int32(len(all)), //nolint:gosec // a bundle has 2,000 zones at most
		UsedZones:      used, Problem: Missing(used),
	}
}
