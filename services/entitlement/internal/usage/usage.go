// Package usage is what is counted of calls: how many of a contract's allowance are used in which period, and when goodwill
// was shown. It counts; which calls count, and once each, is for whoever reads the ledger, and what comes of the counts is
// the rule's (services/internal/entitle).
//
// It is pure: time and zones are arguments.
package usage

import (
	"cmp"
	"math"
	"slices"
	"time"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/internal/hours"
)

const (
	// MaxGoodwill bounds the times that are kept of goodwill: the latest.
	MaxGoodwill = 16
	// KeptS is how long goodwill, and calls of periods that are over, are kept: longer than any line looks back.
	KeptS = 400 * hours.DayS
	// MaxPeriods bounds the periods that are kept of one customer: the latest to end. Views take no more, and a customer has no
	// more contracts.
	MaxPeriods = 100
	// OpenEnded is the end of a period that never ends.
	OpenEnded = math.MaxInt64
)

// Period is over which time calls are counted, [From, To), Unix seconds.
type Period struct{ FromUnixS, ToUnixS int64 }

// Of is the period that an instant is in, of a contract that began at contractFromUnixS, in its customer's zone; not ok
// where there is none, as before the contract. A month is one of the calendar; a contract's year begins on the date on
// which the contract did, on 28 February where that was a leap day and the year has none. The whole contract has no end:
// its grace counts, too.
func Of(kind entitlementv1.AllowancePeriod, contractFromUnixS, atUnixS int64, zone *time.Location) (p Period, ok bool) {
	if atUnixS < contractFromUnixS {
		return Period{}, false
	}
	switch kind { //nolint:exhaustive // others count nothing
	case entitlementv1.AllowancePeriod_ALLOWANCE_PERIOD_MONTH:
		y, m, _ := time.Unix(atUnixS, 0).In(zone).Date()
		return Period{begins(zone, y, m, 1), begins(zone, y, m+1, 1)}, true
	case entitlementv1.AllowancePeriod_ALLOWANCE_PERIOD_CONTRACT_YEAR:
		first, m, d := time.Unix(contractFromUnixS, 0).In(zone).Date()
		y := max(first, time.Unix(atUnixS, 0).In(zone).Year())
		for y > first && anniversary(zone, y, m, d) > atUnixS {
			y--
		}
		return Period{anniversary(zone, y, m, d), anniversary(zone, y+1, m, d)}, true
	case entitlementv1.AllowancePeriod_ALLOWANCE_PERIOD_CONTRACT:
		return Period{contractFromUnixS, OpenEnded}, true
	}
	return Period{}, false
}

// anniversary is when a date of a year begins, the last of its month where the year has it not.
func anniversary(zone *time.Location, y int, m time.Month, d int) int64 {
	last := time.Date(y, m+1, 0, 0, 0, 0, 0, time.UTC).Day()
	return begins(zone, y, m, min(d, last))
}

func begins(zone *time.Location, y int, m time.Month, d int) int64 {
	y, m, d = time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Date() // the 13th month is January
	return hours.Begins(zone, hours.Date{Year: y, Month: m, Day: d})
}

// AddCall counts a call of a contract in a period, and is how many it has then. What was counted of the contract over a part
// of the period, as where the plan counted months until now, is taken into it; so is what was counted over mostly the same
// time, as where the customer moved to another zone: else the hours by which the old month lasts longer would be of both.
func AddCall(u *publishedv1.Usage, contractID string, p Period) int32 {
	n := int32(1)
	u.Contracts = slices.DeleteFunc(u.GetContracts(), func(c *publishedv1.ContractUsage) bool {
		within := c.GetContract() == contractID && p.mostOf(c.GetFromUnixS(), c.GetToUnixS())
		if within {
			n += c.GetCalls()
		}
		return within
	})
	u.Contracts = append(u.Contracts, &publishedv1.ContractUsage{
		Contract: contractID, FromUnixS: p.FromUnixS, ToUnixS: p.ToUnixS, Calls: n,
	})
	return n
}

// mostOf says whether the period has more than half of a span; of one without an end the period has to have none either.
func (p Period) mostOf(fromUnixS, toUnixS int64) bool {
	if toUnixS == OpenEnded {
		return p.ToUnixS == OpenEnded
	}
	shared := min(p.ToUnixS, toUnixS) - max(p.FromUnixS, fromUnixS)
	return 2*shared > toUnixS-fromUnixS
}

// AddGoodwill notes that goodwill was shown at an instant.
func AddGoodwill(u *publishedv1.Usage, atUnixS int64) {
	i, _ := slices.BinarySearch(u.GetGoodwillUnixS(), atUnixS)
	u.GoodwillUnixS = slices.Insert(u.GetGoodwillUnixS(), i, atUnixS)
	u.GoodwillUnixS = u.GoodwillUnixS[max(0, len(u.GoodwillUnixS)-MaxGoodwill):]
}

// GoodwillUntil is how often goodwill was shown within a window of days until an instant, that second included, and the one
// that many days before not: as calls are decided.
func GoodwillUntil(u *publishedv1.Usage, atUnixS int64, days int32) (n int) {
	for _, t := range u.GetGoodwillUnixS() {
		if t <= atUnixS && t > atUnixS-int64(days)*hours.DayS {
			n++
		}
	}
	return n
}

// Tidy leaves out what is older than it is kept, and says whether anything is left.
func Tidy(u *publishedv1.Usage, nowUnixS int64) (left bool) {
	old := nowUnixS - KeptS
	u.GoodwillUnixS = slices.DeleteFunc(u.GetGoodwillUnixS(), func(t int64) bool { return t < old })
	u.Contracts = slices.DeleteFunc(u.GetContracts(), func(c *publishedv1.ContractUsage) bool { return c.GetToUnixS() < old })
	if over := len(u.GetContracts()) - MaxPeriods; over > 0 {
		slices.SortStableFunc(u.Contracts, func(a, b *publishedv1.ContractUsage) int {
			return cmp.Compare(a.GetToUnixS(), b.GetToUnixS())
		})
		u.Contracts = u.Contracts[over:]
	}
	return len(u.GetContracts())+len(u.GetGoodwillUnixS()) > 0
}
