package client

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

const gold = "+61255500100"

// noon is when tables of tests begin.
func noon() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }

func target(id string) *routingv1.RouteTarget {
	return &routingv1.RouteTarget{
		TargetId: id, LastResort: id == "last",
		Target: &schedulev1.Target{Address: &schedulev1.Target_SipUri{SipUri: "sip:" + id + "@site.example"}},
	}
}

// hours is a table whose spans last an hour each, from noon on: "dublin cork" rings Dublin, then Cork, then the last resort;
// "end" refuses.
func hours(line, dialled string, spans ...string) *routingv1.RouteTable {
	t := &routingv1.RouteTable{Line: line, DialledNumber: dialled}
	for i, text := range spans {
		s := &routingv1.RouteSpan{
			StartTime: timestamppb.New(noon().Add(time.Duration(i) * time.Hour)),
			EndTime:   timestamppb.New(noon().Add(time.Duration(i+1) * time.Hour)),
		}
		if text == "end" {
			s.End = &routingv1.End{Cause: routingv1.EndCause_END_CAUSE_REFUSED}
		} else {
			for _, id := range append(strings.Fields(text), "last") {
				s.Targets = append(s.Targets, target(id))
			}
		}
		t.Spans = append(t.Spans, s)
	}
	return t
}

func said(tables ...*routingv1.RouteTable) []*routingv1.WatchRoutesResponse {
	return []*routingv1.WatchRoutesResponse{{Tables: tables, ViewRevision: 7}}
}

func routeLine(r *Route) string {
	if r == nil {
		return ""
	}
	return r.GetLine()
}

// ladder is a route in short.
func ladder(r *Route) string {
	if r == nil {
		return ""
	}
	if e := r.GetEnd(); e != nil {
		return e.GetCause().String()
	}
	var ids []string
	for _, t := range r.GetForward().GetTargets() {
		ids = append(ids, t.GetTargetId())
	}
	return strings.Join(ids, " ")
}

func TestATableAnswersByTheHour(t *testing.T) {
	var none *table
	one := none.with(said(hours("lines/gold", gold, "dublin cork", "cork", "", "end")), true, noon())
	for name, c := range map[string]struct {
		after time.Duration
		want  string
		stale bool
	}{
		"at the first instant":             {0, "dublin cork last", false},
		"just before the next span":        {time.Hour - 1, "dublin cork last", false},
		"at the next span":                 {time.Hour, "cork last", false},
		"nobody is open: the last resort":  {2 * time.Hour, "last", false},
		"a line that refuses":              {3 * time.Hour, "END_CAUSE_REFUSED", false},
		"behind the end: the last known":   {4 * time.Hour, "END_CAUSE_REFUSED", true},
		"a year later":                     {365 * 24 * time.Hour, "END_CAUSE_REFUSED", true},
		"a clock that is behind: the next": {-time.Hour, "dublin cork last", false},
	} {
		t.Run(name, func(t *testing.T) {
			now := noon().Add(c.after)
			r, err := one.route("a", gold, now)
			if err != nil || ladder(r) != c.want || r.Stale != c.stale || r.Source != SourceTable {
				t.Fatalf("%s, stale %v, %v", ladder(r), r.Stale, err)
			}
			if r.Age != max(c.after, 0) || r.GetExplanation().GetViewAge().AsDuration() != r.Age {
				t.Errorf("age %s", r.Age)
			}
			if (r.GetValidUntil() == nil) != c.stale || r.GetLine() != "lines/gold" || r.GetContinuation() != nil {
				t.Errorf("%v", r.Route)
			}
		})
	}
}

func TestNumbersAreReadAsNetworksSignalThem(t *testing.T) {
	var none *table
	one := none.with(said(hours("lines/gold", gold, "dublin")), true, noon())
	for dialled, known := range map[string]bool{
		gold: true, "61255500100": true, "0061255500100": true, "+61 (2) 5550-0100": true, "+61255500101": false, "": false,
		"anonymous": false, "+": false, "+612555001000000000": false, "0255500100": false,
	} {
		if one.has(dialled, noon()) != known {
			t.Errorf("%q: known %v", dialled, !known)
		}
	}
}

func TestWhatATableDoesNotKnowIsSaidWithoutTheNumber(t *testing.T) {
	var none *table
	if _, err := none.route("a", gold, noon()); !errors.Is(err, ErrNoTable) {
		t.Error(err)
	}
	one := none.with(said(hours("lines/gold", gold, "dublin")), true, noon())
	_, err := one.route("a", "+61255500199", noon().Add(90*time.Second))
	if !errors.Is(err, ErrUnknownNumber) || strings.Contains(err.Error(), "5550") || !strings.Contains(err.Error(), "1m30s") {
		t.Error(err)
	}
}

func TestATableTakesWhatChangedAndNoMore(t *testing.T) {
	var none *table
	one := none.with(said(hours("lines/gold", gold, "dublin"), hours("lines/web", "+13035550100", "cork")), true, noon())
	two := one.with([]*routingv1.WatchRoutesResponse{{
		Tables: []*routingv1.RouteTable{hours("lines/gold", "+61255500102", "sydney")}, Removed: []string{"lines/web"},
	}}, false, noon())
	if two.has(gold, noon()) || two.has("+13035550100", noon()) || !two.has("+61255500102", noon()) || !one.has(gold, noon()) || !one.has("+13035550100", noon()) {
		t.Errorf("%v, %v", one.byNumber, two.byNumber)
	}
	if all := two.with(said(hours("lines/web", "+13035550100", "cork")), true, noon()); len(all.byLine) != 1 || !all.has("+13035550100", noon()) {
		t.Errorf("%v: a whole answer replaces what there was", all.byNumber)
	}
}

// Two lines never share a number for long; while they do, routing and every gateway take the same one.
func TestOfLinesThatShareANumberTheFirstByNameHasIt(t *testing.T) {
	for range 20 {
		var none *table
		one := none.with(said(hours("lines/b", gold, "cork"), hours("lines/a", gold, "dublin"), hours("lines/c", gold, "sydney")), true, noon())
		if r, err := one.route("a", gold, noon()); err != nil || r.GetLine() != "lines/a" {
			t.Fatalf("%+v, %v", r, err)
		}
	}
}

func TestANumberThatALineHadLeadsToItUntilItEnds(t *testing.T) {
	const before, other = "+61255500199", "+61255500102"
	until := func(n string, minutes int) *routingv1.FormerNumber {
		return &routingv1.FormerNumber{
			Number:  &phone_number.PhoneNumber{Kind: &phone_number.PhoneNumber_E164Number{E164Number: n}},
			EndTime: timestamppb.New(noon().Add(time.Duration(minutes) * time.Minute)),
		}
	}
	rotated, web := hours("lines/gold", gold, "dublin"), hours("lines/web", other, "cork")
	rotated.FormerNumbers = []*routingv1.FormerNumber{until(before, 30), until(other, 30)}
	var none *table
	one := none.with(said(rotated, web), true, noon())
	for _, c := range []struct {
		dialled string
		minutes int
		line    string
	}{
		{gold, 0, "lines/gold"}, {before, 29, "lines/gold"}, {before, 30, ""}, {other, 0, "lines/web"},
	} {
		now := noon().Add(time.Duration(c.minutes) * time.Minute)
		r, err := one.route("call", c.dialled, now)
		if routeLine(r) != c.line || (err == nil) != (c.line != "") || one.has(c.dialled, now) != (err == nil) {
			t.Errorf("after %d minutes: %v, %v, want %q", c.minutes, r, err, c.line)
		}
		if err != nil && strings.Contains(err.Error(), before[1:]) {
			t.Errorf("the number is told: %v", err)
		}
	}
}

func TestWhatCannotAnswerIsNoTable(t *testing.T) {
	hole := hours("lines/gold", gold, "dublin", "cork")
	hole.Spans[0], hole.Spans[1] = hole.Spans[1], hole.Spans[0]
	neither := hours("lines/gold", gold, "dublin")
	neither.Spans[0].Targets = nil
	both := hours("lines/gold", gold, "dublin")
	both.Spans[0].End = &routingv1.End{}
	timeless := hours("lines/gold", gold, "dublin")
	timeless.Spans[0].EndTime = nil
	for name, bad := range map[string]*routingv1.RouteTable{
		"no line": hours("", gold, "dublin"), "no number": hours("lines/gold", "web", "dublin"), "no span": hours("lines/gold", gold),
		"spans out of order": hole, "neither targets nor an end": neither, "both": both, "no end of time": timeless, "nil": nil,
	} {
		if usable(bad) {
			t.Errorf("%s: it is taken", name)
		}
	}
}

func TestACallThatGoesOnAlone(t *testing.T) {
	var none *table
	one := none.with(said(hours("lines/gold", gold, "dublin cork")), true, noon())
	for want, attempts := range map[string][]*routingv1.Attempt{
		"dublin cork last": nil,
		"cork last":        {{TargetId: "dublin", Disposition: routingv1.Disposition_DISPOSITION_BUSY}},
		"last": {
			{TargetId: "dublin", Disposition: routingv1.Disposition_DISPOSITION_NO_ANSWER},
			{TargetId: "cork", Disposition: routingv1.Disposition_DISPOSITION_DECLINED},
			{TargetId: "last", Disposition: routingv1.Disposition_DISPOSITION_NO_ANSWER},
		},
		"END_CAUSE_OVER": {{TargetId: "dublin", Disposition: routingv1.Disposition_DISPOSITION_ANSWERED}},
	} {
		r, err := one.proceed(&routingv1.ContinueCallRequest{CallId: "a", DialledNumber: gold, Attempts: attempts}, noon())
		if err != nil || ladder(r) != want {
			t.Errorf("got %s, %v; want %s", ladder(r), err, want)
		}
	}
	gone := []*routingv1.Attempt{{TargetId: "dublin", Disposition: routingv1.Disposition_DISPOSITION_CALLER_GONE}}
	if r, err := one.proceed(&routingv1.ContinueCallRequest{DialledNumber: gold, Attempts: gone}, noon()); err != nil || ladder(r) != "END_CAUSE_OVER" {
		t.Errorf("the caller is gone: %s, %v", ladder(r), err)
	}
}

// drawTable is any table of a line, good or not.
func drawTable(t *rapid.T, line string) *routingv1.RouteTable {
	spans := rapid.SliceOfN(rapid.SampledFrom([]string{"", "a", "a b", "b c d", "end"}), 0, 6).Draw(t, "spans")
	one := hours(line, fmt.Sprintf("+6125550%04d", rapid.IntRange(0, 30).Draw(t, "number")), spans...)
	for _, s := range one.GetSpans() {
		if rapid.IntRange(0, 9).Draw(t, "shift") == 0 {
			s.StartTime.Seconds += rapid.Int64Range(-8000, 8000).Draw(t, "by")
		}
	}
	return one
}

// Whatever routing said, at any instant: a number that the table knows has somewhere to go.
func TestAKnownNumberAlwaysHasSomewhereToGo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tables []*routingv1.RouteTable
		for i := range rapid.IntRange(0, 5).Draw(t, "lines") {
			tables = append(tables, drawTable(t, fmt.Sprintf("lines/l%d", i)))
		}
		var one *table
		one = one.with(said(tables...), true, noon())
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			one = one.with(said(drawTable(t, fmt.Sprintf("lines/l%d", rapid.IntRange(0, 6).Draw(t, "line")))), false, noon())
		}
		now := noon().Add(time.Duration(rapid.Int64Range(-90_000, 1e8).Draw(t, "seconds")) * time.Second)
		for n := range 31 {
			dialled := fmt.Sprintf("+6125550%04d", n)
			r, err := one.route("a", dialled, now)
			if one.has(dialled, now) != (err == nil) {
				t.Fatalf("known %v, %v", one.has(dialled, now), err)
			}
			if err != nil {
				continue
			}
			targets := r.GetForward().GetTargets()
			if (len(targets) == 0) == (r.GetEnd() == nil) || len(targets) > 0 && !targets[len(targets)-1].GetLastResort() {
				t.Fatalf("%v", r.Route)
			}
			if r.Age < 0 || !r.Stale && !now.Before(r.GetValidUntil().AsTime()) {
				t.Fatalf("age %s, valid until %v at %s", r.Age, r.GetValidUntil(), now)
			}
		}
	})
}
