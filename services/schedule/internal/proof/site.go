package proof

import (
	"math"
	"slices"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/protobuf/types/known/durationpb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/timeline"
)

const (
	weekS = 7 * 86400
	// mondayS is the Monday from which weeks are counted: 1970-01-05.
	mondayS = 4 * 86400
	// maxWeeks bounds the weeks of an impact: 400 days touch 58.
	maxWeeks = 60
)

// CompareSite is what changes of a site's open time within [fromUnixS, toUnixS), as far as both timelines know it: nil
// where nothing does. A nil timeline is that of a site which does not exist.
func CompareSite(name string, before, after *timeline.Timeline, fromUnixS, toUnixS int64) *schedulev1.SiteImpact {
	line := Line{Sites: []Site{{name, before}, {name, after}}}
	from, to := line.Known()
	if fromUnixS, toUnixS = max(fromUnixS, from), min(toUnixS, to); fromUnixS >= toUnixS || before == after {
		return nil
	}
	was, is := openings(before, fromUnixS, toUnixS), openings(after, fromUnixS, toUnixS)
	if slices.Equal(was, is) {
		return nil
	}
	out := &schedulev1.SiteImpact{Site: name, Weeks: weeks(was, is)}
	was, is = apartFrom(was, is), apartFrom(is, was)
	var changes []*schedulev1.OpeningChange
	for _, m := range pair(was, is) {
		change := &schedulev1.OpeningChange{}
		if m.before >= 0 {
			change.Before = between(was[m.before].fromS, was[m.before].toS)
		}
		if m.after >= 0 {
			change.After = between(is[m.after].fromS, is[m.after].toS)
		}
		changes = append(changes, change)
	}
	out.Openings, out.MoreOpenings = firstOf(changes)
	return out
}

func openings(t *timeline.Timeline, fromUnixS, toUnixS int64) []span {
	var list []span
	for iv := range t.Within(fromUnixS, toUnixS) {
		list = append(list, span{iv.OpenUnixS, iv.CloseUnixS})
	}
	return list
}

// apartFrom are the spans of a that are not in b.
func apartFrom(a, b []span) []span {
	has := make(map[span]bool, len(b))
	for _, s := range b {
		has[s] = true
	}
	return slices.DeleteFunc(slices.Clone(a), func(s span) bool { return has[s] })
}

// weeks are those whose open time differs, ascending.
func weeks(before, after []span) []*schedulev1.WeekHours {
	was, is := byWeek(before), byWeek(after)
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	for _, sums := range []map[int64]int64{was, is} {
		for week := range sums {
			first, last = min(first, week), max(last, week)
		}
	}
	var list []*schedulev1.WeekHours
	for week := first; week <= last && len(list) < maxWeeks; week++ {
		if was[week] != is[week] {
			y, m, d := time.Unix(mondayS+week*weekS, 0).UTC().Date()
			list = append(list, &schedulev1.WeekHours{
				Monday: &date.Date{Year: int32(y), Month: int32(m), Day: int32(d)}, //nolint:gosec // parts of a date
				Before: &durationpb.Duration{Seconds: was[week]}, After: &durationpb.Duration{Seconds: is[week]},
			})
		}
	}
	return list
}

// byWeek is open time, seconds, by the number of the week.
func byWeek(list []span) map[int64]int64 {
	sums := map[int64]int64{}
	for _, s := range list {
		for s.fromS < s.toS {
			week := floorDiv(s.fromS-mondayS, weekS)
			end := min(s.toS, mondayS+(week+1)*weekS)
			sums[week] += end - s.fromS
			s.fromS = end
		}
	}
	return sums
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
