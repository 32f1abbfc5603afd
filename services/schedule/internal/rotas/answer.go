package rotas

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/rota"
	"github.com/daysidehq/dayside/services/internal/zones"
)

// Answer is who is on duty over the compiled range, what each person's share of it is, where nobody is, and what is
// amiss: people put in by name while they are away, and people whom nothing reaches.
func Answer(c Compiled) (*schedulev1.QueryDutyResponse, error) {
	out := &schedulev1.QueryDutyResponse{
		Rota:     rotasPrefix + c.Record.GetId(),
		Interval: intervalOf(c.Roster.FromUnixS, c.Roster.ToUnixS), TimeZone: c.Record.GetTimeZone(),
		TzdataRelease: c.Roster.TZDataRelease, Clock: clockOf(c.Location, c.Roster.FromUnixS, c.Roster.ToUnixS),
	}
	for _, t := range c.stretches() {
		out.Turns = append(out.Turns, c.turn(t))
	}
	for _, t := range rota.Clashes(c.Roster.Turns, c.Rota.Absences) {
		out.Clashes = append(out.Clashes, c.turn(t))
	}
	shares, err := c.shares()
	if err != nil {
		return nil, err
	}
	for _, s := range shares {
		out.Shares = append(out.Shares, &schedulev1.DutyShare{
			Person: nameOf(s.Person), Held: seconds(s.HeldS), Night: seconds(s.NightS), Weekend: seconds(s.WeekendS),
			Nights: int32(s.Nights), //nolint:gosec // as many as days
		})
		if len(c.people[s.Person].targets) == 0 {
			out.Unreachable = append(out.Unreachable, nameOf(s.Person))
		}
	}
	return out, nil
}

// stretches are turns and gaps, ascending.
func (c Compiled) stretches() []rota.Turn {
	all := slices.Concat(c.Roster.Turns, c.Roster.Gaps)
	slices.SortFunc(all, func(a, b rota.Turn) int { return cmp.Compare(a.FromUnixS, b.FromUnixS) })
	return all
}

func (c Compiled) turn(t rota.Turn) *schedulev1.DutyTurn {
	return &schedulev1.DutyTurn{
		Interval: intervalOf(t.FromUnixS, t.ToUnixS), Person: nameOf(t.Person), InsteadOf: nameOf(t.Instead),
		Reason: schedulev1.DutyReason(t.Reason), Sentence: c.Rota.Why(t),
	}
}

// shares are everybody's, ascending; nights and weekends are those of the zone in which each of them lives.
func (c Compiled) shares() ([]rota.Share, error) {
	byZone := map[string][]rota.Turn{}
	zones := map[string]*time.Location{}
	for _, t := range c.Roster.Turns {
		loc := zoneOr(c.people[t.Person].location, c.Location)
		zones[loc.String()] = loc
		byZone[loc.String()] = append(byZone[loc.String()], t)
	}
	var list []rota.Share
	for _, name := range slices.Sorted(maps.Keys(zones)) {
		zone := hours.Zone{Location: zones[name], Release: c.Roster.TZDataRelease}
		shares, err := rota.Shares(byZone[name], zone, c.Roster.FromUnixS, c.Roster.ToUnixS)
		if err != nil {
			return nil, err
		}
		list = append(list, shares...)
	}
	slices.SortFunc(list, func(a, b rota.Share) int { return strings.Compare(a.Person, b.Person) })
	return list, nil
}

// nameOf is people/ID; empty for nobody.
func nameOf(id string) string {
	if id == "" {
		return ""
	}
	return peoplePrefix + id
}

func intervalOf(fromUnixS, toUnixS int64) *interval.Interval {
	return &interval.Interval{
		StartTime: &timestamppb.Timestamp{Seconds: fromUnixS}, EndTime: &timestamppb.Timestamp{Seconds: toUnixS},
	}
}

func seconds(s int64) *durationpb.Duration { return &durationpb.Duration{Seconds: s} }

// clockOf is a zone's clock over [fromUnixS, toUnixS).
func clockOf(loc *time.Location, fromUnixS, toUnixS int64) []*schedulev1.ClockOffset {
	var list []*schedulev1.ClockOffset
	for _, o := range zones.Offsets(loc, fromUnixS, toUnixS) {
		list = append(list, &schedulev1.ClockOffset{
			From: &timestamppb.Timestamp{Seconds: o.FromUnixS}, UtcOffset: seconds(o.EastS),
		})
	}
	return list
}
