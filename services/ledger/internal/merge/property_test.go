package merge_test

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/ledger/internal/merge"
)

func drawTime(t *rapid.T, name string) *timestamppb.Timestamp {
	if rapid.IntRange(0, 3).Draw(t, name+" set") == 0 {
		return nil
	}
	return &timestamppb.Timestamp{
		Seconds: rapid.SampledFrom([]int64{100, 101, 102, 103, 200, 1 << 62}).Draw(t, name),
		Nanos:   rapid.SampledFrom([]int32{0, 5, -1}).Draw(t, name+" nanos"),
	}
}

func drawAttempts(t *rapid.T) []*routingv1.Attempt {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) *routingv1.Attempt {
		return &routingv1.Attempt{
			TargetId:    rapid.SampledFrom([]string{"dublin.1", "sydney.1", "person.anna.1", "last-resort"}).Draw(t, "target"),
			Disposition: routingv1.Disposition(rapid.IntRange(0, 7).Draw(t, "disposition")),
			StartTime:   drawTime(t, "began"), EndTime: drawTime(t, "ended"),
			Detail: rapid.SampledFrom([]string{"", "486", "603"}).Draw(t, "detail"),
		}
	}), 0, 4).Draw(t, "attempts")
}

func drawEvent(t *rapid.T) merge.Event {
	r := &ledgerv1.Record{
		Id:       fmt.Appendf(nil, "record-%09d", rapid.IntRange(0, 1_000_000).Draw(t, "id")),
		Instance: rapid.SampledFrom([]string{"p1", "p2"}).Draw(t, "instance"),
	}
	if rapid.Bool().Draw(t, "is a report") {
		r.Event = &ledgerv1.Record_Report{Report: &routingv1.ReportRecord{Report: &routingv1.ReportCallRequest{
			CallId: "c1", Gateway: &routingv1.GatewayInfo{GatewayId: "pbx"}, Attempts: drawAttempts(t),
			StartTime: drawTime(t, "start"), AnswerTime: drawTime(t, "answer"), EndTime: drawTime(t, "end"),
		}}}
	} else {
		r.Event = &ledgerv1.Record_Decision{Decision: &routingv1.DecisionRecord{
			CallId: "c1", GatewayId: "pbx", Step: int32(rapid.IntRange(0, 4).Draw(t, "step")),
			DecidedUnixUs: int64(rapid.IntRange(100, 104).Draw(t, "decided")) * 1e6, Attempts: drawAttempts(t),
			Line:        rapid.SampledFrom([]string{"", "gold", "silver"}).Draw(t, "line"),
			Caller:      rapid.SampledFrom([]uint64{0, 13035550101, 13035550102}).Draw(t, "caller"),
			CallerClass: routingv1.CallerClass(rapid.IntRange(0, 3).Draw(t, "class")),
			FirstSite:   rapid.SampledFrom([]string{"", "dublin", "sydney"}).Draw(t, "first"),
			End:         routingv1.EndCause(rapid.IntRange(0, 6).Draw(t, "end")),
			FollowUp:    rapid.Bool().Draw(t, "follow up"),
			Recording:   &routingv1.Recording{Uri: rapid.SampledFrom([]string{"", "x"}).Draw(t, "uri"), Length: &durationpb.Duration{Seconds: 1}},
			Customers:   []*routingv1.CustomerFact{{Id: rapid.SampledFrom([]string{"", "acme"}).Draw(t, "customer")}},
		}}
	}
	return merge.Event{Record: r, UnixUS: heard + int64(rapid.IntRange(0, 3).Draw(t, "arrived"))*1e6}
}

// TestOrderAndRepetitionDoNotMatter: the same records make the same call, in whatever order and however often they come.
func TestOrderAndRepetitionDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfNDistinct(rapid.Custom(drawEvent), 1, 12, func(e merge.Event) string { return string(e.Record.GetId()) }).Draw(t, "events")
		before := make([]proto.Message, len(list))
		for i, e := range list {
			before[i] = proto.Clone(e.Record)
		}
		want := merge.Story(list)
		repeated := slices.Concat(list, rapid.SliceOf(rapid.SampledFrom(list)).Draw(t, "again"))
		got := merge.Story(rapid.Permutation(repeated).Draw(t, "order"))
		if !proto.Equal(got, want) {
			t.Fatalf("got  %v\nwant %v", got, want)
		}
		if got.Steps = nil; !proto.Equal(merge.Brief(list), got) {
			t.Fatalf("in brief %v\nwant     %v", merge.Brief(list), got)
		}
		for i, e := range list {
			if !proto.Equal(e.Record, before[i]) {
				t.Fatalf("the record is changed: %v", e.Record)
			}
		}
	})
}

// TestMoreIsNeverLess: what was answered stays answered, whatever else is heard, and no attempt is forgotten.
func TestMoreIsNeverLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfNDistinct(rapid.Custom(drawEvent), 2, 8, func(e merge.Event) string { return string(e.Record.GetId()) }).Draw(t, "events")
		some := merge.Story(list[:rapid.IntRange(1, len(list)-1).Draw(t, "some")])
		all := merge.Story(list)
		if some.GetAnswerTime() != nil && all.GetOutcome() != ledgerv1.Outcome_OUTCOME_ANSWERED {
			t.Fatalf("it was answered, and is %v", all.GetOutcome())
		}
		if some.GetFollowUp() && !stepChanged(some, all) && !all.GetFollowUp() {
			t.Fatal("it was to be followed up")
		}
		if !slices.IsSortedFunc(all.GetSteps(), func(a, b *ledgerv1.Step) int { return int(a.GetNumber() - b.GetNumber()) }) {
			t.Fatalf("steps are out of order: %v", all.GetSteps())
		}
	})
}

// stepChanged says whether a step was told again differently: then the later one counts.
func stepChanged(a, b *ledgerv1.Call) bool {
	repeats := func(c *ledgerv1.Call) (n int32) {
		for _, s := range c.GetSteps() {
			n += s.GetRepeats()
		}
		return n
	}
	return repeats(a) != repeats(b)
}
