package rota

import (
	"cmp"
	"slices"
	"time"

	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
)

// Share is what one person holds of a range. Nights of a weekend count as both.
type Share struct {
	Person string
	// HeldS is all time held, seconds.
	HeldS int64
	// NightS is the part of it between 22:00 and 06:00 on the wall clock, seconds; Nights is how many nights it touches.
	NightS int64
	Nights int
	// WeekendS is the part of it on Saturdays and Sundays, seconds.
	WeekendS int64
}

// Shares are the shares of everybody who holds a turn in [fromUnixS, toUnixS), ascending by person. Nights and weekends
// are those of the given zone: the rota's, or the one in which a person lives. Turns may come in any order and from
// several rotas. The error is an INVALID_FIELD fault on "from" or "to", as Compile's.
func Shares(turns []Turn, zone hours.Zone, fromUnixS, toUnixS int64) ([]Share, error) {
	var broken fault.Violations
	broken.Append(checkRange(fromUnixS, toUnixS)...)
	if err := broken.Err(); err != nil {
		return nil, err
	}
	nights, err := hours.Compile(hours.Hours{Weekly: nightly()}, zone, fromUnixS, toUnixS)
	if err != nil {
		return nil, err
	}
	weekends, err := hours.Compile(hours.Hours{Weekly: weekendly()}, zone, fromUnixS, toUnixS)
	if err != nil {
		return nil, err
	}
	type night struct{ person, untilUnixS int64 }
	touched := make(map[night]struct{})
	var list []Share
	number := map[string]int{}
	for _, t := range turns {
		fromS, toS := max(t.FromUnixS, fromUnixS), min(t.ToUnixS, toUnixS)
		if t.Person == "" || fromS >= toS {
			continue
		}
		i, known := number[t.Person]
		if !known {
			i = len(list)
			number[t.Person], list = i, append(list, Share{Person: t.Person})
		}
		s := &list[i]
		s.HeldS += toS - fromS
		for iv := range weekends.Within(fromS, toS) {
			s.WeekendS += iv.CloseUnixS - iv.OpenUnixS
		}
		for iv := range nights.Within(fromS, toS) {
			s.NightS += iv.CloseUnixS - iv.OpenUnixS
			touched[night{int64(i), nights.At(iv.OpenUnixS).UntilUnixS}] = struct{}{}
		}
	}
	for n := range touched {
		list[n.person].Nights++
	}
	slices.SortFunc(list, func(a, b Share) int { return cmp.Compare(a.Person, b.Person) })
	return list, nil
}

func nightly() (week [7][]hours.Span) {
	for day := range week {
		week[day] = []hours.Span{{OpenS: 22 * 3600, CloseS: 6 * 3600}}
	}
	return week
}

func weekendly() (week [7][]hours.Span) {
	for _, day := range []time.Weekday{time.Saturday, time.Sunday} {
		week[day] = []hours.Span{{OpenS: 0, CloseS: hours.DayS}}
	}
	return week
}
