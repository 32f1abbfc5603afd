package events_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/roster"
	"github.com/daysidehq/dayside/services/schedule/internal/custody"
	"github.com/daysidehq/dayside/services/schedule/internal/events"
)

// tuesday is the present of these tests: the 24th of November 2026, at nine.
var tuesday = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

func hours(h float64) int64 { return tuesday.Add(time.Duration(h * float64(time.Hour))).Unix() }

// rota is one of a day per word, from so many hours after tuesday on: "alice:24 -:8 dave:16". dave has no targets. It goes
// on with alice for a year.
func rota(t testing.TB, from float64, words string) custody.In {
	t.Helper()
	s := roster.Spec{
		Sheet: roster.Sheet{ID: "apac", TimeZone: "UTC", AcceptWithinS: 900, People: []*roster.Person{
			{ID: "alice", DisplayName: "Alice", Targets: []string{"sip:alice@example.com"}},
			{ID: "bob", DisplayName: "Bob", Targets: []string{"sip:bob@example.com"}},
			{ID: "dave", DisplayName: "Dave"},
		}},
		FromUnixS: hours(from), FirstFromUnixS: hours(from),
	}
	s.ToUnixS = s.FromUnixS
	for _, word := range strings.Fields(words + " alice:8760") {
		var who string
		var length float64
		if _, err := fmt.Sscanf(strings.Replace(word, ":", " ", 1), "%s %g", &who, &length); err != nil {
			t.Fatal(err)
		}
		holder := slices.IndexFunc(s.People, func(p *roster.Person) bool { return p.ID == who }) + 1
		s.Lengths, s.Holders = append(s.Lengths, uint32(math.Round(length*3600))), append(s.Holders, uint32(holder)) //nolint:gosec // small
		s.ToUnixS += int64(s.Lengths[len(s.Lengths)-1])
	}
	return with(t, s)
}

func with(t testing.TB, s roster.Spec) custody.In {
	t.Helper()
	r, err := roster.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return custody.In{Roster: r, Record: &publishedv1.Custody{Holder: "alice", AcceptUnixS: hours(-48), TurnFromUnixS: hours(-48)}}
}

// line is one with gaps, [from, to) in hours after tuesday, known from two days back to three weeks on.
func line(rotas []string, gaps ...float64) events.Line {
	l := events.Line{Name: "lines/gold", Rotas: rotas, FromUnixS: hours(-48), ToUnixS: hours(21 * 24)}
	for i := 0; i < len(gaps); i += 2 {
		l.Gaps = append(l.Gaps, events.Gap{FromUnixS: hours(gaps[i]), ToUnixS: hours(gaps[i+1])})
	}
	return l
}

// told is what is found, "id: sentence" each.
func told(list []*schedulev1.ScheduleEvent) []string {
	var out []string
	for _, e := range list {
		out = append(out, e.GetId()+": "+e.GetSentence())
	}
	return out
}

func TestFind(t *testing.T) {
	apac := []string{"rotas/apac"}
	for _, c := range []struct {
		name  string
		world events.World
		want  []string
	}{
		{"nothing", events.World{Lines: []events.Line{line(nil)}, Rotas: []custody.In{rota(t, -48, "alice:96")}}, nil},
		{"a gap in nine days", events.World{Lines: []events.Line{line(nil, 225, 229)}}, []string{
			"uncovered-ahead.gold.20261203T180000Z: lines/gold is uncovered in 9 days, from Thu 3 Dec 18:00 to 22:00 UTC (4 h)",
		}},
		{"a gap in 15 days is not told of yet", events.World{Lines: []events.Line{line(nil, 15*24, 15*24+1)}}, nil},
		{"a gap that was", events.World{Lines: []events.Line{line(nil, -3, 0)}}, nil},
		{"of five gaps, three are told of and all are counted", events.World{Lines: []events.Line{
			line(nil, -1, 1.5, 24, 48, 72, 72.75, 100, 101, 200, 201),
		}}, []string{
			"uncovered-ahead.gold.20261124T080000Z: lines/gold is uncovered now, from Tue 24 Nov 08:00 to 10:30 UTC (2 h 30 min); " +
				"and 4 times more within 14 days",
			"uncovered-ahead.gold.20261125T090000Z: lines/gold is uncovered in 24 h, from Wed 25 Nov 09:00 to Thu 26 Nov 09:00 UTC (1 day)",
			"uncovered-ahead.gold.20261127T090000Z: lines/gold is uncovered in 3 days, from Fri 27 Nov 09:00 to 09:45 UTC (45 min)",
		}},
		{"a gap without a beginning or an end that is known", events.World{Lines: []events.Line{line(nil, -48, 21*24)}}, []string{
			"uncovered-ahead.gold.before: lines/gold is uncovered now, with no end that is known",
		}},
		{"a handoff that nobody accepted", events.World{Rotas: []custody.In{rota(t, -48, "alice:47 bob:24")}}, []string{
			"handoff-not-accepted.apac.bob.20261124T080000Z: rotas/apac: Bob has been on duty since Tue 24 Nov 08:00 UTC and has not " +
				"accepted yet, but should have by Tue 24 Nov 08:15 UTC; the phone is still with Alice, who accepted it on " +
				"Sun 22 Nov 09:00 UTC; Alice is next",
		}},
		{"a handoff that nobody accepted, yet", events.World{Rotas: []custody.In{rota(t, -48, "alice:47.8 bob:24")}}, nil},
		{"somebody without a target, tomorrow and later", events.World{Rotas: []custody.In{
			rota(t, -48, "alice:48 alice:12 dave:8 bob:2 dave:8"),
		}}, []string{
			"not-reachable.apac.dave.20261124T210000Z: Dave has nothing that a call could reach, and is on duty for rotas/apac in 12 h, " +
				"from Tue 24 Nov 21:00 to Wed 25 Nov 05:00 UTC (8 h)",
		}},
		{"somebody without a target, the day after", events.World{Rotas: []custody.In{rota(t, -48, "alice:48 alice:24 dave:8")}}, nil},
		{"a turn that nobody has, where a line is uncovered", events.World{
			Lines: []events.Line{line(apac, 20, 22)}, Rotas: []custody.In{rota(t, -48, "alice:60 -:12")},
		}, []string{
			"empty-turn.apac.20261124T210000Z: nobody is on duty for rotas/apac in 12 h, from Tue 24 Nov 21:00 to Wed 25 Nov 09:00 UTC " +
				"(12 h), and lines/gold is uncovered",
			"uncovered-ahead.gold.20261125T050000Z: lines/gold is uncovered in 20 h, from Wed 25 Nov 05:00 to 07:00 UTC (2 h)",
		}},
		{"a turn that nobody has, and nobody misses", events.World{
			Lines: []events.Line{line(apac)}, Rotas: []custody.In{rota(t, -48, "alice:60 -:12")},
		}, nil},
		{"a turn that nobody has, in a rota of other lines", events.World{
			Lines: []events.Line{line(nil, 225, 229)}, Rotas: []custody.In{rota(t, -48, "alice:60 -:12")},
		}, []string{
			"uncovered-ahead.gold.20261203T180000Z: lines/gold is uncovered in 9 days, from Thu 3 Dec 18:00 to 22:00 UTC (4 h)",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := told(events.Find(c.world, tuesday)); !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestSomebodyPutOnDutyIsAway(t *testing.T) {
	bob := &roster.Person{ID: "bob", DisplayName: "Bob", Targets: []string{"sip:bob@example.com"}}
	in := with(t, roster.Spec{
		Sheet: roster.Sheet{ID: "apac", People: []*roster.Person{bob}, Clashes: []roster.Turn{
			{FromUnixS: hours(-20), ToUnixS: hours(-10), Person: bob},
			{FromUnixS: hours(30), ToUnixS: hours(33), Person: bob},
			{FromUnixS: hours(15 * 24), ToUnixS: hours(16 * 24), Person: bob},
		}},
		FromUnixS: hours(-48), FirstFromUnixS: hours(-48), ToUnixS: hours(400), Lengths: []uint32{448 * 3600}, Holders: []uint32{1},
	})
	want := []string{"away-on-duty.apac.bob.20261125T150000Z: Bob is on duty for rotas/apac by an override in 30 h, " +
		"from Wed 25 Nov 15:00 to 18:00 UTC (3 h), but away then"}
	if got := told(events.Find(events.World{Rotas: []custody.In{in}}, tuesday)); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestTheNextLookIsAtTheNextInstantThatMatters(t *testing.T) {
	w := events.World{
		Lines: []events.Line{line(nil, -1, 1)},
		Rotas: []custody.In{rota(t, -48, "alice:47.9 bob:5")}, // 6 minutes ago
	}
	wantNext := func(want time.Duration) {
		t.Helper()
		if next, ok := events.NextLook(w, tuesday); !ok || !next.Equal(tuesday.Add(want)) {
			t.Errorf("next look at %s, want in %s", next, want)
		}
	}
	wantNext(9 * time.Minute) // the handoff falls due
	w.Rotas[0].Record = &publishedv1.Custody{Holder: "bob", AcceptUnixS: hours(0), TurnFromUnixS: hours(-0.1)}
	wantNext(time.Hour) // the gap ends
	w.Lines = nil
	wantNext(5*time.Hour - 6*time.Minute) // the next handoff
	if next, ok := events.NextLook(events.World{}, tuesday); ok {
		t.Errorf("of nothing: %s", next)
	}
}

// steps are what is written, "begin id" each.
func steps(changes []events.Change) []string {
	names := map[events.Step]string{events.Begin: "begin", events.Move: "move", events.End: "end", events.Forget: "forget"}
	var out []string
	for _, c := range changes {
		out = append(out, names[c.Step]+" "+c.Event.GetId())
	}
	return out
}

// write carries changes out.
func write(stored []*schedulev1.ScheduleEvent, changes []events.Change) []*schedulev1.ScheduleEvent {
	for _, c := range changes {
		stored = slices.DeleteFunc(slices.Clone(stored), func(e *schedulev1.ScheduleEvent) bool { return e.GetId() == c.Event.GetId() })
		if c.Step != events.Forget {
			stored = append(stored, c.Event)
		}
	}
	return stored
}

// look is one round of what a process does.
func look(w events.World, stored []*schedulev1.ScheduleEvent, now time.Time) []events.Change {
	return events.Settle(events.Find(w, now), events.Find(w, now.Add(events.Tolerance)), stored, now)
}

func TestAnEventBeginsMovesEndsAndIsForgotten(t *testing.T) {
	const id = "uncovered-ahead.gold.20261203T180000Z"
	gap, longer, none := events.World{Lines: []events.Line{line(nil, 225, 229)}}, events.World{Lines: []events.Line{line(nil, 225, 230)}},
		events.World{Lines: []events.Line{line(nil)}}
	var stored []*schedulev1.ScheduleEvent
	now := tuesday
	for _, c := range []struct {
		world events.World
		later time.Duration
		want  []string
	}{
		{gap, 0, []string{"begin " + id}},
		{gap, time.Hour, nil},
		{longer, time.Minute, []string{"move " + id}},
		{none, time.Minute, []string{"end " + id}},
		{gap, time.Second, nil}, // another process's clock is behind, or somebody changes their mind
		{gap, time.Minute, []string{"begin " + id}},
		{none, time.Minute, []string{"end " + id}},
		{none, 29 * 24 * time.Hour, nil},
		{none, 25 * time.Hour, []string{"forget " + id}},
		{none, time.Hour, nil},
	} {
		now = now.Add(c.later)
		changes := look(c.world, stored, now)
		if got := steps(changes); !slices.Equal(got, c.want) {
			t.Errorf("at %s: %q, want %q", now, got, c.want)
		}
		stored = write(stored, changes)
		for _, e := range stored {
			if (e.GetEndTime() == nil) != (len(c.world.Lines[0].Gaps) > 0) && c.later != time.Second {
				t.Errorf("at %s it stands as %v", now, e)
			}
		}
	}
	if len(stored) > 0 {
		t.Errorf("there remains %v", stored)
	}
}

// TestAGapGoesOnWhenItsBeginningIsForgotten: records reach two days back, and a weekend lasts longer.
func TestAGapGoesOnWhenItsBeginningIsForgotten(t *testing.T) {
	at := func(h float64) (events.World, time.Time) {
		l := events.Line{Name: "lines/gold", FromUnixS: hours(h - 48), ToUnixS: hours(h + 500)}
		l.Gaps = []events.Gap{{FromUnixS: max(hours(1), l.FromUnixS), ToUnixS: hours(100)}, {FromUnixS: hours(200), ToUnixS: hours(201)}}
		return events.World{Lines: []events.Line{l}}, time.Unix(hours(h), 0)
	}
	var stored []*schedulev1.ScheduleEvent
	var all []string
	for h := 0.0; h < 120; h += 0.25 {
		w, now := at(h)
		changes := look(w, stored, now)
		all = append(all, steps(changes)...)
		stored = write(stored, changes)
	}
	want := []string{
		"begin uncovered-ahead.gold.20261124T100000Z", "begin uncovered-ahead.gold.20261202T170000Z", "end uncovered-ahead.gold.20261124T100000Z",
	}
	if !slices.Equal(all, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(all, "\n"), strings.Join(want, "\n"))
	}
}

// TestProcessesWhoseClocksDifferAgree: one of them is some seconds behind, and neither undoes what the other one did.
func TestProcessesWhoseClocksDifferAgree(t *testing.T) {
	w := events.World{
		Lines: []events.Line{line([]string{"rotas/apac"}, 0.8, 1, 14*24+0.5, 14*24+1)},
		Rotas: []custody.In{rota(t, -48, "alice:48 bob:0.4 dave:0.2 -:1")},
	}
	rapid.Check(t, func(r *rapid.T) {
		behind := time.Duration(rapid.Int64Range(0, int64(events.Tolerance)).Draw(r, "behind"))
		var stored []*schedulev1.ScheduleEvent
		began := map[string]int{}
		for s := 0; s < 4000; s += rapid.IntRange(1, 60).Draw(r, "s") {
			now := tuesday.Add(time.Duration(s) * time.Second)
			for _, clock := range []time.Time{now, now.Add(-behind), now, now.Add(-behind)} {
				changes := look(w, stored, clock)
				for _, c := range changes {
					if c.Step == events.Begin {
						began[c.Event.GetId()]++
					}
				}
				stored = write(stored, changes)
			}
		}
		for id, n := range began {
			if n > 1 {
				r.Fatalf("%s began %d times, %s apart", id, n, behind)
			}
		}
		if len(began) < 5 {
			r.Fatalf("only %v began", began)
		}
	})
}

func TestTheListIsBounded(t *testing.T) {
	var w events.World
	for i := range 2 * events.MaxActive {
		l := line(nil, float64(i)/10, float64(i)/10+0.1)
		l.Name = fmt.Sprintf("lines/l%d", i)
		w.Lines = append(w.Lines, l)
	}
	if n := len(events.Find(w, tuesday)); n != events.MaxActive {
		t.Errorf("%d are so, want %d", n, events.MaxActive)
	}
	var stored []*schedulev1.ScheduleEvent
	for i := range events.MaxStored {
		stored = append(stored, &schedulev1.ScheduleEvent{
			Id: fmt.Sprintf("old.%04d", i), EndTime: timestamppb.New(tuesday.Add(-time.Duration(i) * time.Minute)),
		})
	}
	for round := 0; ; round++ {
		changes := look(w, stored, tuesday.Add(-time.Hour))
		if len(changes) == 0 {
			break
		}
		if len(changes) > 100 || round > 100 {
			t.Fatalf("round %d has %d changes", round, len(changes))
		}
		stored = write(stored, changes)
	}
	if len(stored) != events.MaxStored || !slices.ContainsFunc(stored, func(e *schedulev1.ScheduleEvent) bool { return e.GetId() == "old.0000" }) {
		t.Errorf("%d are stored, want %d, with the latest", len(stored), events.MaxStored)
	}
}

// TestFindIsRepeatable: the same world gives the same events, in the same order, with IDs of their own that a key may have.
func TestFindIsRepeatable(t *testing.T) {
	w := events.World{
		Lines: []events.Line{line([]string{"rotas/apac"}, 0.5, 1, 30, 31)},
		Rotas: []custody.In{rota(t, -48, "alice:47 bob:1 dave:0.25 -:1")},
	}
	first := events.Find(w, tuesday)
	seen := map[string]bool{}
	for _, e := range first {
		if seen[e.GetId()] || strings.Trim(e.GetId(), "abcdefghijklmnopqrstuvwxyz0123456789-.TZ") != "" {
			t.Errorf("the ID %q", e.GetId())
		}
		seen[e.GetId()] = true
	}
	for range 20 {
		if again := events.Find(w, tuesday); !slices.EqualFunc(first, again, func(a, b *schedulev1.ScheduleEvent) bool { return proto.Equal(a, b) }) {
			t.Fatalf("%v\n%v", told(first), told(again))
		}
	}
}
