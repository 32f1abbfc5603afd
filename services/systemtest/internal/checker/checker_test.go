package checker_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/daysidehq/dayside/services/systemtest/internal/checker"
	"github.com/daysidehq/dayside/services/systemtest/internal/history"
)

const s = time.Second

// good is a history in which everything is as it should be: two processes, three sites; one is drained and comes back,
// another is closed, and what a drain of the third became was settled by reading it.
func good() []history.Event {
	route := func(id, instance string, at time.Duration, revision int64, sites ...string) history.Event {
		c := &history.Call{
			ID: id, Asked: history.Route, Over: "grpc", Begin: at, End: at + s/100, Tries: []string{instance}, Life: 1,
			Step: "forward", StepNumber: 1, Revision: revision, Age: s / 2,
		}
		for _, site := range sites {
			c.Targets = append(c.Targets, history.Target{Site: "sites/" + site})
		}
		c.Targets = append(c.Targets, history.Target{LastResort: true})
		return history.Event{Call: c}
	}
	change := func(name, site string, on bool, at time.Duration, revision int64) history.Event {
		return history.Event{Change: &history.Change{
			Switch: name, Site: "sites/" + site, Drain: name[0] == 'd', Begin: at, End: at + s/100, On: on, Outcome: history.Done,
			Revision: revision,
		}}
	}
	final := func(name string, on bool) history.Event {
		return history.Event{Change: &history.Change{Switch: name, On: on, Outcome: history.Done, Final: true, Begin: 60 * s, End: 60 * s}}
	}
	doubtful := change("drains/c", "c", true, 30*s, 0)
	doubtful.Change.Outcome = history.Doubtful
	settled := change("drains/c", "c", false, 40*s, 0)
	settled.Change.Read = true
	sip := route("sip-1", "sip-1", 16*s, 0, "b", "c")
	sip.Call.Over, sip.Call.Revision, sip.Call.Age = "sip", 0, 0
	late := route("cut-1", "two", 25*s, 15, "b", "c") // cut off since 20 s, and says so
	late.Call.Age = 5 * s
	report := history.Event{Call: &history.Call{
		ID: "c-1", Asked: history.Report, Over: "grpc", Begin: 3 * s, End: 3*s + 1, Tries: []string{"one"}, Life: 1, Reported: "COMMITTED",
	}}
	events := []history.Event{
		{Run: &history.Run{Sites: []string{"sites/a", "sites/b", "sites/c"}, Routing: []string{"one", "two"}}},
		change("closed/x", "a", true, 0, 9), change("closed/x", "a", false, s/10, 10),
		route("c-1", "one", 2*s, 10, "a", "b"), report,
		change("drains/a", "a", true, 5*s, 11),
		route("c-2", "two", 5*s+s/2, 10, "a", "b"), // within the second
		route("c-3", "one", 7*s, 11, "b", "c"),
		change("drains/a", "a", false, 8*s, 0), change("closed/x", "b", true, 9*s, 13),
		route("c-4", "one", 11*s, 13, "a", "c"), route("c-5", "two", 11*s, 13, "c", "a"),
		change("closed/x", "b", false, 12*s, 14), change("closed/x", "a", true, 14*s, 15), sip,
		{Fault: &history.Fault{Kind: "cut", Begin: 20 * s, End: 27 * s, On: []string{"two"}, Cut: []string{"two"}}},
		change("drains/z", "c", true, 22*s, 16), change("drains/z", "c", false, 26*s, 17), late, doubtful,
		route("c-6", "one", 35*s, 18, "b"), settled, change("closed/x", "a", false, 42*s, 20), route("c-7", "two", 45*s, 20, "c", "b", "a"),
		final("closed/x", false), final("drains/a", false), final("drains/c", false), final("drains/z", false),
	}
	for _, id := range []string{"c-1", "c-2", "c-3", "c-4", "c-5", "c-6", "c-7", "cut-1", "sip-1"} {
		events = append(events, history.Event{Kept: &history.Kept{ID: id, Found: true, Steps: []int32{1}, Answered: id == "c-1"}})
	}
	// closed/x is one switch a site.
	for _, e := range events {
		if e.Change != nil && e.Change.Switch == "closed/x" && e.Change.Site == "sites/b" {
			e.Change.Switch = "closed/b"
		}
	}
	return append(events, final("closed/b", false))
}

// call is the event of a call's first request.
func call(events []history.Event, id string) *history.Call {
	for _, e := range events {
		if e.Call != nil && e.Call.ID == id {
			return e.Call
		}
	}
	panic("no call " + id)
}

func final(events []history.Event, name string) *history.Change {
	for _, e := range events {
		if e.Change != nil && e.Change.Final && e.Change.Switch == name {
			return e.Change
		}
	}
	panic("no switch " + name)
}

func kept(events []history.Event, id string) *history.Kept {
	for _, e := range events {
		if e.Kept != nil && e.Kept.ID == id {
			return e.Kept
		}
	}
	panic("no call " + id)
}

func TestAGoodHistoryIsGood(t *testing.T) {
	report := checker.Check(good(), checker.DefaultLimits())
	for _, v := range report.Violations {
		t.Error(v)
	}
	for _, rule := range []checker.Rule{checker.OpenSite, checker.NextStep, checker.InForce, checker.Lost, checker.TrueAge} {
		if report.Judged[rule] == 0 {
			t.Errorf("%s was never judged", rule)
		}
	}
	if len(report.Lags) == 0 || report.Calls != 10 || report.Answered != 10 {
		t.Errorf("%+v", report)
	}
}

// TestPlantedViolationsAreFound breaks the good history in one place at a time.
func TestPlantedViolationsAreFound(t *testing.T) {
	all := []history.Target{{Site: "sites/a"}, {Site: "sites/b"}, {LastResort: true}}
	for name, c := range map[string]struct {
		plant func(e []history.Event)
		want  checker.Rule
	}{
		"a drained site is rung first":         {func(e []history.Event) { call(e, "c-3").Targets = all }, checker.OpenSite},
		"a drained site is rung at all":        {func(e []history.Event) { call(e, "c-3").Targets[1].Site = "sites/a" }, checker.OpenSite},
		"a closed site is rung first":          {func(e []history.Event) { call(e, "c-4").Targets[0].Site = "sites/b" }, checker.OpenSite},
		"people are rung while a site is open": {func(e []history.Event) { call(e, "c-4").Targets = all[2:] }, checker.OpenSite},
		"SIP rings a closed site first":        {func(e []history.Event) { call(e, "sip-1").Targets[0].Site = "sites/a" }, checker.OpenSite},
		"a drain is seen before it was asked":  {func(e []history.Event) { call(e, "c-1").Targets = all[2:] }, checker.OpenSite},
		"a forward of nobody":                  {func(e []history.Event) { call(e, "c-4").Targets = nil }, checker.NextStep},
		"a ladder without an end":              {func(e []history.Event) { c := call(e, "c-4"); c.Targets = c.Targets[:2] }, checker.NextStep},
		"an entitled caller is sent away":      {func(e []history.Event) { c := call(e, "c-4"); c.Step, c.Targets = "end", nil }, checker.NextStep},
		"nobody answers":                       {func(e []history.Event) { call(e, "c-4").Error = "unavailable" }, checker.NextStep},
		"a client that keeps a table has no answer": {func(e []history.Event) {
			c := call(e, "cut-1")
			c.Error, c.Over = "unavailable", "client"
			for _, x := range e {
				if x.Fault != nil {
					x.Fault.Unreachable = []string{"one", "two"}
				}
			}
		}, checker.NextStep},
		"one is cut off, and the other is there": {func(e []history.Event) { call(e, "cut-1").Error = "unavailable" }, checker.NextStep},
		"a change is not in force":               {func(e []history.Event) { call(e, "c-3").Revision = 10; call(e, "c-3").Age = 0 }, checker.InForce},
		"a change of unknown revision is not in force": {func(e []history.Event) {
			c := call(e, "c-4")
			c.Revision, c.Targets = 11, []history.Target{{Site: "sites/b"}, {LastResort: true}}
		}, checker.InForce},
		"an age that is a lie":             {func(e []history.Event) { call(e, "cut-1").Age = s }, checker.TrueAge},
		"young, and without what was then": {func(e []history.Event) { call(e, "c-7").Revision, call(e, "c-7").Age = 17, 0 }, checker.TrueAge},
		"a revision goes back":             {func(e []history.Event) { call(e, "c-7").Revision = 12 }, checker.TrueAge},
		"what was heard goes back":         {func(e []history.Event) { call(e, "c-7").Age = 44 * s }, checker.TrueAge},
		"old, and connected":               {func(e []history.Event) { call(e, "c-4").Age = 6 * s }, checker.TrueAge},
		"a change is gone":                 {func(e []history.Event) { final(e, "closed/x").On = true }, checker.Lost},
		"what was ended is back":           {func(e []history.Event) { final(e, "drains/z").On = true }, checker.Lost},
		"a call is gone":                   {func(e []history.Event) { kept(e, "c-5").Found = false; kept(e, "c-5").Steps = nil }, checker.Lost},
		"a SIP call is gone":               {func(e []history.Event) { kept(e, "sip-1").Found = false }, checker.Lost},
		"a report is gone":                 {func(e []history.Event) { kept(e, "c-1").Answered = false }, checker.Lost},
		"a step is there twice":            {func(e []history.Event) { kept(e, "c-5").Steps = []int32{1, 1} }, checker.Lost},
		"a switch nobody looked at":        {func(e []history.Event) { final(e, "drains/z").Switch = "drains/other" }, checker.Unjudged},
		"a call nobody looked for":         {func(e []history.Event) { kept(e, "c-5").ID = "other" }, checker.Unjudged},
	} {
		t.Run(name, func(t *testing.T) {
			events := good()
			c.plant(events)
			for _, v := range checker.Check(events, checker.DefaultLimits()).Violations {
				if v.Rule == c.want {
					return
				}
			}
			t.Errorf("not found: %v", checker.Check(events, checker.DefaultLimits()).Violations)
		})
	}
}

// TestWhatCouldBeRightIsNotAccused: doubt, faults and a machine that stood still are taken into account, and no more than that.
func TestWhatCouldBeRightIsNotAccused(t *testing.T) {
	for name, plant := range map[string]func(e []history.Event){
		"a doubtful drain that came":    func(e []history.Event) { call(e, "c-6").Targets[0].Site = "sites/b" },
		"a doubtful drain that did not": func(e []history.Event) { call(e, "c-6").Targets[0].Site = "sites/c" },
		"a retry that was decided twice": func(e []history.Event) {
			call(e, "c-5").Tries = []string{"one", "two"}
			kept(e, "c-5").Steps = []int32{1, 1}
		},
		"late, while the machine stood still": func(e []history.Event) {
			c := call(e, "c-3")
			c.Revision, c.Begin, c.End, c.Targets[0].Site = 10, 6*s+s/2, 6*s+s/2, "sites/a"
			e[0] = history.Event{Stall: &history.Stall{Begin: 5 * s, End: 6 * s}}
			e[4] = history.Event{Run: &history.Run{Sites: []string{"sites/a", "sites/b", "sites/c"}, Routing: []string{"one", "two"}}}
		},
		"nobody was there to answer": func(e []history.Event) {
			call(e, "cut-1").Error = "unavailable"
			for _, x := range e {
				if x.Fault != nil {
					x.Fault.Unreachable = []string{"one", "two"}
				}
			}
		},
		"a decision on a full disk": func(e []history.Event) {
			kept(e, "cut-1").Steps = nil
			for _, x := range e {
				if x.Fault != nil {
					x.Fault.Lossy = []string{"two"}
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			events := good()
			plant(events)
			for _, v := range checker.Check(events, checker.DefaultLimits()).Violations {
				t.Error(v)
			}
		})
	}
}

func TestAHistoryOfNothingProvesNothing(t *testing.T) {
	report := checker.Check(nil, checker.DefaultLimits())
	if len(report.Violations) != 1 || report.Violations[0].Rule != checker.Unjudged {
		t.Errorf("%v", report.Violations)
	}
	if got := fmt.Sprint(report.Violations[0]); got == "" {
		t.Error("says nothing")
	}
}
