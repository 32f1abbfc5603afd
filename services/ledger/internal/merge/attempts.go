package merge

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

// maxAttempts bounds a story; a gateway that tells of more is told no more of.
const maxAttempts = 256

// telling is what one teller said of attempts: a gateway's report, or all of its answers to steps.
type telling struct {
	attempts []*routingv1.Attempt
	// at is when each was told, microseconds: the place of attempts that say no time.
	at []int64
}

// attemptsOf are the attempts that were told, in order of time, each once. A gateway tells of an attempt with the next step
// and again in its report. Attempts with a start are the same where target and start are; of those without, there were as
// many with a target and disposition as one teller knew of, less those known with a start.
func attemptsOf(steps []told, reports []*routingv1.ReportCallRequest) []*routingv1.Attempt {
	tellings := []telling{toldWithSteps(steps)}
	for _, r := range reports {
		t := telling{attempts: sound(r.GetAttempts())}
		for range t.attempts {
			t.at = append(t.at, math.MaxInt64) // a report comes last
		}
		tellings = append(tellings, t)
	}
	return union(tellings)
}

// toldWithSteps adds up what was told with each step. A step that was asked for twice may have been told of differently.
func toldWithSteps(steps []told) telling {
	var all telling
	for _, s := range steps {
		var versions []telling
		at := int64(math.MaxInt64)
		for _, r := range s.records {
			at = min(at, r.GetDecision().GetDecidedUnixUs())
			versions = append(versions, telling{attempts: sound(r.GetDecision().GetAttempts())})
		}
		for i := range versions {
			versions[i].at = slices.Repeat([]int64{at}, len(versions[i].attempts))
		}
		for _, a := range union(versions) {
			all.attempts, all.at = append(all.attempts, a), append(all.at, at)
		}
	}
	return all
}

// sound leaves out of attempts what is no time.
func sound(attempts []*routingv1.Attempt) []*routingv1.Attempt {
	if len(attempts) == 0 {
		return nil
	}
	cleaned := make([]*routingv1.Attempt, 0, len(attempts))
	for _, a := range attempts {
		if a.GetStartTime() != nil && !a.GetStartTime().IsValid() || a.GetEndTime() != nil && !a.GetEndTime().IsValid() {
			a = proto.CloneOf(a)
			a.StartTime, a.EndTime = earlier(nil, a.GetStartTime()), earlier(nil, a.GetEndTime())
		}
		cleaned = append(cleaned, a)
	}
	return cleaned
}

// timed names an attempt that says when it began.
type timed struct {
	target  string
	seconds int64
	nanos   int32
}

// untimed names those of one kind that do not.
type untimed struct {
	target      string
	disposition routingv1.Disposition
}

// placed is an attempt with its place: when it began or was told, and its place among those told with it.
type placed struct {
	*routingv1.Attempt
	at    int64
	index int
}

func union(tellings []telling) []*routingv1.Attempt {
	if !slices.ContainsFunc(tellings, func(t telling) bool { return len(t.attempts) > 0 }) {
		return nil // as of most calls
	}
	known, unknown, most := map[timed]placed{}, map[untimed][]placed{}, map[untimed]int{}
	for _, t := range tellings {
		mine := map[untimed]int{}
		for i, a := range t.attempts {
			if a.GetStartTime() != nil {
				key := timed{a.GetTargetId(), a.GetStartTime().GetSeconds(), a.GetStartTime().GetNanos()}
				p := placed{a, a.GetStartTime().AsTime().UnixMicro(), i}
				if before, ok := known[key]; ok {
					p.Attempt, p.index = surer(before.Attempt, a), min(before.index, i)
				}
				known[key] = p
				continue
			}
			key := untimed{a.GetTargetId(), a.GetDisposition()}
			mine[key]++
			unknown[key] = append(unknown[key], placed{a, t.at[i], i})
			most[key] = max(most[key], mine[key])
		}
	}
	all := make([]placed, 0, len(known))
	told := map[untimed]int{}
	for _, p := range known {
		all = append(all, p)
		told[untimed{p.GetTargetId(), p.GetDisposition()}]++
	}
	for key, list := range unknown {
		slices.SortFunc(list, order) // who told of it first knows its place best
		all = append(all, list[min(told[key], most[key]):most[key]]...)
	}
	return inOrder(all)
}

func inOrder(all []placed) []*routingv1.Attempt {
	slices.SortFunc(all, order)
	attempts := make([]*routingv1.Attempt, 0, min(len(all), maxAttempts))
	for _, p := range all[:min(len(all), maxAttempts)] {
		attempts = append(attempts, p.Attempt)
	}
	return attempts
}

func order(a, b placed) int {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.index, b.index), compareAttempts(a.Attempt, b.Attempt))
}

// surer is the one of two tellings of an attempt that says more: that somebody answered, which nothing takes back; how it
// ended; then the later end.
func surer(a, b *routingv1.Attempt) *routingv1.Attempt {
	knows := func(x *routingv1.Attempt) int {
		if x.GetDisposition() == routingv1.Disposition_DISPOSITION_ANSWERED {
			return 2
		}
		return min(int(x.GetDisposition()), 1)
	}
	if cmp.Or(cmp.Compare(knows(a), knows(b)), compare(a.GetEndTime(), b.GetEndTime()), compareAttempts(a, b)) < 0 {
		return b
	}
	return a
}

// compareAttempts is any order, always the same one.
func compareAttempts(a, b *routingv1.Attempt) int {
	return cmp.Or(cmp.Compare(a.GetTargetId(), b.GetTargetId()), cmp.Compare(a.GetDisposition(), b.GetDisposition()),
		compare(a.GetStartTime(), b.GetStartTime()), compare(a.GetEndTime(), b.GetEndTime()),
		cmp.Compare(a.GetDetail(), b.GetDetail()),
		bytes.Compare(a.ProtoReflect().GetUnknown(), b.ProtoReflect().GetUnknown()))
}

// compare orders timestamps; unset ones come first.
func compare(a, b *timestamppb.Timestamp) int {
	if a == nil || b == nil {
		return cmp.Compare(present(a), present(b))
	}
	return cmp.Or(cmp.Compare(a.GetSeconds(), b.GetSeconds()), cmp.Compare(a.GetNanos(), b.GetNanos()))
}

func present(t *timestamppb.Timestamp) int {
	if t == nil {
		return 0
	}
	return 1
}
