package lines_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/lines"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

const (
	makeOffer = routingv1.Treatment_TREATMENT_OFFER
	identify  = routingv1.Treatment_TREATMENT_IDENTIFY
)

func former(n phone.Number, end time.Time) *routingv1.FormerNumber {
	return &routingv1.FormerNumber{Number: e164(n.String()), EndTime: timestamppb.New(end)}
}

func TestCheckTerms(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*routingv1.Line)
		want   string
	}{
		"offers": {func(l *routingv1.Line) {
			l.Offers, l.Treatments = []string{"offers/once", "offers/day"}, &routingv1.Treatments{NotEntitled: makeOffer}
		}, ""},
		"an offer twice":      {func(l *routingv1.Line) { l.Offers = []string{"offers/a", "offers/a"} }, `offers[1] "offers/a"`},
		"five offers":         {func(l *routingv1.Line) { l.Offers = slices.Repeat([]string{"offers/a"}, 5) }, `offers "5"`},
		"a plan is no offer":  {func(l *routingv1.Line) { l.Offers = []string{"plans/gold"} }, `offers[0] "plans/gold"`},
		"an offer of nothing": {func(l *routingv1.Line) { l.Offers = []string{"offers/"} }, `offers[0] "offers/"`},
		"nothing to offer": {func(l *routingv1.Line) {
			l.Treatments = &routingv1.Treatments{NotEntitled: makeOffer, Unknown: makeOffer}
		}, `treatments.not_entitled "TREATMENT_OFFER" treatments.unknown "TREATMENT_OFFER"`},
		"nothing to offer after goodwill": {func(l *routingv1.Line) {
			l.Goodwill = &routingv1.Goodwill{MaxCalls: 2, Then: makeOffer}
		}, `goodwill.then "TREATMENT_OFFER"`},
		"declined and offered again": {func(l *routingv1.Line) {
			l.Treatments = &routingv1.Treatments{Declined: makeOffer}
		}, `treatments.declined "TREATMENT_OFFER"`},
		"goodwill of a stranger": {func(l *routingv1.Line) {
			l.Goodwill = &routingv1.Goodwill{MaxCalls: 17, WindowDays: 401, Then: identify}
		}, `goodwill.max_calls "17" goodwill.window_days "401" goodwill.then "TREATMENT_IDENTIFY"`},
		"a severity of nothing": {func(l *routingv1.Line) { l.Severity = 99 }, `severity "99"`},
		"former numbers": {func(l *routingv1.Line) {
			l.FormerNumbers = []*routingv1.FormerNumber{former(number+1, time.Unix(9, 0))}
		}, ""},
		"a former number without an end": {func(l *routingv1.Line) {
			l.FormerNumbers = []*routingv1.FormerNumber{{Number: e164("+61255500101")}}
		}, `former_numbers[0].end_time ""`},
		"its own number was before": {func(l *routingv1.Line) {
			l.FormerNumbers = []*routingv1.FormerNumber{former(number, time.Unix(9, 0))}
		}, `number "(hidden)"`},
		"a former number twice": {func(l *routingv1.Line) {
			l.FormerNumbers = []*routingv1.FormerNumber{former(number+1, time.Unix(9, 0)), former(number+1, time.Unix(8, 0))}
		}, `former_numbers[1].number "(hidden)"`},
		"a former number is told": {func(l *routingv1.Line) {
			l.FormerNumbers = []*routingv1.FormerNumber{former(number+1, time.Unix(9, 0))}
			l.FollowUpOwner = "who called 61 255 500 101"
		}, `follow_up_owner "(hidden)"`},
	} {
		t.Run(what, func(t *testing.T) {
			l := viewtest.Line("gold", number, "dublin", "sydney")
			c.change(l)
			var got []string
			var f *fault.Fault
			if err := lines.Check(l); errors.As(err, &f) {
				for _, v := range f.Violations {
					got = append(got, v.Field+` "`+v.Value+`"`)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("got  %s\nwant %s", strings.Join(got, " "), c.want)
			}
		})
	}
}

func TestPublishSaysTheTerms(t *testing.T) {
	l := viewtest.Line("gold", number, "dublin")
	l.Offers, l.Severity = []string{"offers/day"}, 2
	l.Treatments = &routingv1.Treatments{NotEntitled: makeOffer, Unknown: identify, Declined: routingv1.Treatment_TREATMENT_REJECT}
	l.Goodwill = &routingv1.Goodwill{MaxCalls: 2}
	l.FormerNumbers = []*routingv1.FormerNumber{former(number+1, time.Unix(9, 0))}
	p := lines.Publish(l)
	if strings.Join(p.GetOffers(), " ") != "day" || p.GetSeverity() != 2 || p.GetNotEntitled() != makeOffer ||
		p.GetUnknown() != identify || p.GetDeclined() != routingv1.Treatment_TREATMENT_REJECT || p.GetGoodwill().GetMaxCalls() != 2 {
		t.Errorf("published %v", p)
	}
	if strings.Contains(p.String(), "5550010") {
		t.Errorf("a number is published: %v", p)
	}
}

func TestRotate(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	l := viewtest.Line("gold", number, "dublin")
	if err := lines.Rotate(l, number, time.Hour, now); fault.ReasonOf(err) == 0 {
		t.Errorf("rotated to the number that it has: %v", err)
	}
	if err := lines.Rotate(l, number+1, time.Hour, now); err != nil {
		t.Fatal(err)
	}
	both := lines.Numbers(l, now.Unix())
	if !slices.Equal(both, []phone.Number{number + 1, number}) {
		t.Errorf("within the overlap %v", both)
	}
	if own := lines.Numbers(l, now.Add(time.Hour).Unix()); !slices.Equal(own, []phone.Number{number + 1}) {
		t.Errorf("after the overlap %v", own)
	}
	if err := lines.Rotate(l, number, time.Hour, now.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if back := lines.Numbers(l, now.Unix()); !slices.Equal(back, []phone.Number{number, number + 1}) {
		t.Errorf("rotated back, %v", back)
	}
	if end := lines.FormerEnd(l, now.Unix()); !end.AsTime().Equal(now.Add(time.Hour + time.Minute)) {
		t.Errorf("the one before works until %v", end.AsTime())
	}
	if err := lines.Rotate(l, number, 0, now); err != nil || !slices.Equal(lines.Numbers(l, now.Unix()), []phone.Number{number}) ||
		lines.FormerEnd(l, now.Unix()) != nil {
		t.Errorf("former numbers cannot be ended: %v, %v", err, l.GetFormerNumbers())
	}
	if len(l.GetFormerNumbers()) != 1 {
		t.Error("what had ended is forgotten: its callers are told nothing")
	}
}

// However often a line is rotated, it is a sound line, its newest number leads to it, and one that it had leads to it until
// its time is over and no longer.
func TestRotationsKeepTheLineSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1_800_000_000, 0)
		l := viewtest.Line("gold", number, "dublin")
		until := map[phone.Number]time.Time{}
		own := number
		for range rapid.IntRange(1, 12).Draw(t, "rotations") {
			to := number + phone.Number(rapid.IntRange(0, 6).Draw(t, "to"))
			overlap := time.Duration(rapid.IntRange(0, 3).Draw(t, "hours")) * time.Hour
			before := proto.CloneOf(l)
			err := lines.Rotate(l, to, overlap, now)
			switch {
			case err != nil && to == own && proto.Equal(before, l):
				continue
			case err != nil:
				t.Fatal(err)
			case to == own:
				clear(until)
			default:
				until[own] = now.Add(overlap)
				own = to
				delete(until, to)
			}
			if err := lines.Check(l); err != nil {
				t.Fatal(err)
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "minutes")) * time.Minute)
			for n := number; n <= number+6; n++ {
				want := n == own || now.Before(until[n])
				if got := slices.Contains(lines.Numbers(l, now.Unix()), n); got != want {
					t.Fatalf("number %d leads to the line: %v, want %v", n, got, want)
				}
			}
		}
	})
}

func TestFormerNumbersAreSharedUntilTheyEnd(t *testing.T) {
	a, b := viewtest.Line("a", number, "dublin"), viewtest.Line("b", number+1, "dublin")
	a.FormerNumbers = []*routingv1.FormerNumber{former(number+1, time.Unix(100, 0))}
	all := map[string]*routingv1.Line{"lines/a": a, "lines/b": b}
	if got := lines.Sharing(all, 99); got["lines/b"] != "lines/a" {
		t.Errorf("before its end: %v", got)
	}
	if got := lines.Sharing(all, 100); len(got) != 0 {
		t.Errorf("after its end: %v", got)
	}
}
