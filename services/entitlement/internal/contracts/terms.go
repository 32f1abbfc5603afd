package contracts

import (
	"time"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/internal/card"
	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/published"
)

const (
	dayS     = 86400
	minuteS  = 60
	weekDays = 7
)

// grace is the seconds after a contract's end over which it still counts, where it says how many days itself; the days are
// those of the customer's zone.
func (k *compiler) grace(c *entitlementv1.Contract, toUnixS int64) *int32 {
	if c.GraceDays == nil {
		return nil
	}
	if c.GetEndDate() == nil || !exists(c.GetEndDate()) {
		return new(int32)
	}
	until := hours.Begins(k.loc, civil(c.GetEndDate()).AddDays(1+int(c.GetGraceDays())))
	seconds := int32(until - toUnixS) //nolint:gosec // at most 366 days
	return &seconds
}

// shifts are what clocks do to the days of grace that a plan gives, which are those of the customer's zone, too: how many
// they are is the plan's, and may change.
func (k *compiler) shifts(c *entitlementv1.Contract, toUnixS int64) uint64 {
	if c.GraceDays != nil || c.GetEndDate() == nil || !exists(c.GetEndDate()) {
		return 0
	}
	var list []entitle.GraceShift
	first, minutes, east := civil(c.GetEndDate()).AddDays(1), 0, k.eastS(toUnixS-1)
	for week := 0; week < entitle.MaxGraceDays && len(list) < entitle.MaxGraceShifts; week += weekDays {
		was := east
		if east = k.eastS(toUnixS + int64(week+weekDays)*dayS); east == was {
			continue // clocks that change stay so for weeks
		}
		for days := week + 1; days <= week+weekDays+1; days++ { // the day after, where midnight itself comes twice
			shift := int(hours.Begins(k.loc, first.AddDays(days))-toUnixS-int64(days)*dayS) / minuteS
			if shift != minutes {
				list, minutes = append(list, entitle.GraceShift{Days: days, Minutes: shift}), shift
				break
			}
		}
	}
	return uint64(entitle.ShiftsOf(list))
}

// eastS is how far ahead of UTC the clocks of the zone are at an instant.
func (k *compiler) eastS(unixS int64) int {
	_, east := time.Unix(unixS, 0).In(k.loc).Zone()
	return east
}

// suspension is [from, to), Unix seconds; both 0 where there is none.
func (k *compiler) suspension(path string, s *entitlementv1.Suspension) (fromUnixS, toUnixS int64) {
	if s == nil {
		return 0, 0
	}
	k.text(path+".reason", s.GetReason())
	if card.In(s.GetReason()) {
		k.broken.Add(path+".reason", "", card.Rule)
	}
	start := k.date(path+".start_date", s.GetStartDate())
	end := s.GetEndDate() == nil || k.date(path+".end_date", s.GetEndDate())
	if !start || !end {
		return 0, 0
	}
	fromUnixS, toUnixS = hours.Begins(k.loc, civil(s.GetStartDate())), published.OpenEnded
	if s.GetEndDate() == nil {
		return fromUnixS, toUnixS
	}
	if toUnixS = hours.Begins(k.loc, civil(s.GetEndDate()).AddDays(1)); fromUnixS >= toUnixS {
		k.broken.Add(path+".end_date", text(s.GetEndDate()), "must not be before start_date, "+text(s.GetStartDate()))
	}
	return fromUnixS, toUnixS
}

// Resource is a published contract as the API has it: with the dates that its instants are in the customer's zone. Why it is
// suspended is not published.
func Resource(c *publishedv1.Contract, loc *time.Location) *entitlementv1.Contract {
	out := &entitlementv1.Contract{
		ContractId: c.GetId(), Plan: c.GetPlan(), Product: c.GetProduct(), StartDate: dateAt(loc, c.GetFromUnixS()),
		ExcludesSubAccounts: c.GetOwnOnly(),
	}
	if c.GetToUnixS() != published.OpenEnded {
		out.EndDate = dateAt(loc, c.GetToUnixS()-1)
	}
	if c.GraceS != nil {
		days := (c.GetGraceS() + dayS/2) / dayS // a day on which clocks change is an hour off
		out.GraceDays = &days
	}
	if c.GetSuspendedFromUnixS() != 0 || c.GetSuspendedToUnixS() != 0 {
		out.Suspension = &entitlementv1.Suspension{StartDate: dateAt(loc, c.GetSuspendedFromUnixS())}
		if c.GetSuspendedToUnixS() != published.OpenEnded {
			out.Suspension.EndDate = dateAt(loc, c.GetSuspendedToUnixS()-1)
		}
	}
	return out
}
