package rotas_test

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/schedule/internal/rotas"
)

// now is in Ann's turn of a weekly rota; Bob's is from 12 to 19 October, Carol's the week after that.
var now = utc("2026-10-07T12:00")

const (
	accept   = schedulev1.AnswerSwapRequest_ANSWER_ACCEPT
	decline  = schedulev1.AnswerSwapRequest_ANSWER_DECLINE
	withdraw = schedulev1.AnswerSwapRequest_ANSWER_WITHDRAW
)

func instant(text string) *interval.Interval {
	return &interval.Interval{StartTime: timestamppb.New(utc(text))}
}

func ask(w world, t testing.TB, r *schedulev1.Rota, m *schedulev1.AskSwapRequest) (*schedulev1.Swap, error) {
	t.Helper()
	from, to, err := rotas.AskRange(m, now.Unix())
	if err != nil {
		return nil, err
	}
	return rotas.Ask(w.compile(t, r, time.Unix(from, 0), time.Unix(to, 0)), m, now.Unix())
}

// exchange asks and accepts, and answers with the rota that stands then.
func exchange(w world, t testing.TB, r *schedulev1.Rota, m *schedulev1.AskSwapRequest) *schedulev1.Rota {
	t.Helper()
	s, err := ask(w, t, r, m)
	if err != nil {
		t.Fatal(err)
	}
	c := w.compile(t, r, now.AddDate(-1, 0, 0), now.AddDate(2, 0, 0))
	out, err := rotas.Exchange(c, r, s, now.Unix())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func who(w world, t testing.TB, r *schedulev1.Rota, from, to string) []string {
	t.Helper()
	return turns(t, w.compile(t, r, utc(from), utc(to)))
}

func TestAskTakesWholeTurns(t *testing.T) {
	w := newWorld(t)
	s, err := ask(w, t, dublin(weekly, "ann", "bob", "carol"), &schedulev1.AskSwapRequest{
		AskedBy: "people/bob", Asked: "people/carol", Given: instant("2026-10-13T12:00"), Taken: instant("2026-10-20T00:00"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := between("2026-10-12T08:00", "2026-10-19T08:00"); !proto.Equal(s.GetGiven(), want) {
		t.Errorf("given %v, want %v", s.GetGiven(), want)
	}
	if want := between("2026-10-19T08:00", "2026-10-26T09:00"); !proto.Equal(s.GetTaken(), want) {
		t.Errorf("taken %v, want %v", s.GetTaken(), want)
	}
}

func TestAskRefuses(t *testing.T) {
	for _, c := range []struct {
		what  string
		field string
		m     *schedulev1.AskSwapRequest
	}{
		{"somebody else's turn", "given.start_time", &schedulev1.AskSwapRequest{
			AskedBy: "people/ann", Asked: "people/bob", Given: instant("2026-10-13T12:00"),
		}},
		{"a turn that the other one does not have", "taken.start_time", &schedulev1.AskSwapRequest{
			AskedBy: "people/bob", Asked: "people/carol", Given: instant("2026-10-13T12:00"), Taken: instant("2026-10-14T12:00"),
		}},
		{"oneself", "asked", &schedulev1.AskSwapRequest{AskedBy: "people/bob", Asked: "people/bob", Given: instant("2026-10-13T12:00")}},
		{"the past", "given.start_time", &schedulev1.AskSwapRequest{
			AskedBy: "people/ann", Asked: "people/bob", Given: instant("2026-10-06T12:00"),
		}},
		{"all of a turn that has begun", "given.start_time", &schedulev1.AskSwapRequest{
			AskedBy: "people/ann", Asked: "people/bob", Given: instant("2026-10-08T12:00"),
		}},
		{"more than a turn", "given.end_time", &schedulev1.AskSwapRequest{
			AskedBy: "people/bob", Asked: "people/carol", Given: between("2026-10-13T12:00", "2026-10-19T08:01"),
		}},
		{"an end before the start", "given.end_time", &schedulev1.AskSwapRequest{
			AskedBy: "people/bob", Asked: "people/carol", Given: between("2026-10-13T12:00", "2026-10-13T12:00"),
		}},
		{"two years ahead", "given", &schedulev1.AskSwapRequest{
			AskedBy: "people/bob", Asked: "people/carol", Given: instant("2028-10-13T12:00"),
		}},
		{"no start", "given.start_time", &schedulev1.AskSwapRequest{AskedBy: "people/bob", Asked: "people/carol", Given: &interval.Interval{}}},
	} {
		_, err := ask(newWorld(t), t, dublin(weekly, "ann", "bob", "carol"), c.m)
		got := fields(t, c.what, err, rpcv1.Reason_REASON_INVALID_FIELD)
		if len(got) == 0 || got[0] != c.field {
			t.Errorf("%s: broken %q, want %s", c.what, got, c.field)
		}
	}
}

func TestWhatIsLeftOfATurnCanBeGiven(t *testing.T) {
	w := newWorld(t)
	r := exchange(w, t, dublin(weekly, "ann", "bob"), &schedulev1.AskSwapRequest{
		AskedBy: "people/ann", Asked: "people/bob", Given: between("2026-10-08T12:00", "2026-10-08T20:00"),
	})
	want := []string{"05 Oct 09:00 76h0m0s ann OWN_TURN", "08 Oct 13:00 8h0m0s bob REPLACED", "08 Oct 21:00 84h0m0s ann OWN_TURN"}
	if got := who(w, t, r, "2026-10-05T08:00", "2026-10-12T08:00"); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestSwapsInACircle: a turn that went from Bob to Carol to Ann, and back to Bob, is Bob's; and giving one back at once
// leaves no trace.
func TestSwapsInACircle(t *testing.T) {
	w := newWorld(t)
	r := dublin(weekly, "ann", "bob", "carol")
	pass := func(of, by string) {
		t.Helper()
		r = exchange(w, t, r, &schedulev1.AskSwapRequest{
			AskedBy: "people/" + of, Asked: "people/" + by, Given: instant("2026-10-13T12:00"),
		})
		got := who(w, t, r, "2026-10-12T08:00", "2026-10-19T08:00")
		if len(got) != 1 || !slices.Contains([]string{
			"12 Oct 09:00 168h0m0s " + by + " REPLACED", "12 Oct 09:00 168h0m0s " + by + " OWN_TURN",
		}, got[0]) {
			t.Errorf("from %s to %s: %q", of, by, got)
		}
	}
	pass("bob", "carol")
	pass("carol", "bob")
	if n := len(r.GetOverrides()); n != 0 {
		t.Errorf("there and back leaves %d overrides", n)
	}
	for range 3 {
		pass("bob", "carol")
		pass("carol", "ann")
		pass("ann", "bob")
	}
}

func TestASwapOfBothTurns(t *testing.T) {
	w := newWorld(t)
	r := exchange(w, t, dublin(weekly, "ann", "bob", "carol"), &schedulev1.AskSwapRequest{
		AskedBy: "people/bob", Asked: "people/carol", Given: instant("2026-10-13T12:00"), Taken: instant("2026-10-20T00:00"),
	})
	want := []string{"12 Oct 09:00 168h0m0s carol REPLACED", "19 Oct 09:00 169h0m0s bob REPLACED"}
	if got := who(w, t, r, "2026-10-12T08:00", "2026-10-26T09:00"); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestOldOverridesGoWhenASwapComes(t *testing.T) {
	w := newWorld(t)
	r := dublin(weekly, "ann", "bob")
	r.Layers[0].Start = "2026-01-05T09:00"
	for _, day := range []string{"2026-08-01T", "2026-09-30T"} {
		r.Overrides = append(r.Overrides, &schedulev1.RotaOverride{
			Kind: schedulev1.RotaOverride_KIND_ADD, By: "people/carol", Interval: between(day+"09:00", day+"10:00"),
		})
	}
	of, by := "people/ann", "people/bob"
	c := w.compile(t, r, now, now.AddDate(0, 0, 30))
	if c.Roster.At(utc("2026-10-13T12:00").Unix()).Person == "bob" {
		of, by = by, of
	}
	r = exchange(w, t, r, &schedulev1.AskSwapRequest{AskedBy: of, Asked: by, Given: instant("2026-10-13T12:00")})
	if n := len(r.GetOverrides()); n != 2 || r.GetOverrides()[0].GetInterval().GetStartTime().AsTime() != utc("2026-09-30T09:00") {
		t.Errorf("left: %v", r.GetOverrides())
	}
}

func TestAnswerSwap(t *testing.T) {
	open := &schedulev1.Swap{
		Name: "rotas/support/swaps/one", AskedBy: "people/bob", Asked: "people/carol", State: schedulev1.Swap_STATE_ASKED,
		Given: between("2026-10-12T08:00", "2026-10-19T08:00"),
	}
	for _, c := range []struct {
		what   string
		swap   func(*schedulev1.Swap)
		person string
		answer schedulev1.AnswerSwapRequest_Answer
		at     time.Time
		state  schedulev1.Swap_State
		reason rpcv1.Reason
	}{
		{"accepted", nil, "people/carol", accept, now, schedulev1.Swap_STATE_ACCEPTED, 0},
		{"declined", nil, "people/carol", decline, now, schedulev1.Swap_STATE_DECLINED, 0},
		{"withdrawn", nil, "people/bob", withdraw, now, schedulev1.Swap_STATE_WITHDRAWN, 0},
		{"accepted by oneself", nil, "people/bob", accept, now, 0, rpcv1.Reason_REASON_INVALID_FIELD},
		{"withdrawn by the other", nil, "people/carol", withdraw, now, 0, rpcv1.Reason_REASON_INVALID_FIELD},
		{"accepted by a stranger", nil, "people/ann", accept, now, 0, rpcv1.Reason_REASON_INVALID_FIELD},
		{"accepted as the turn begins", nil, "people/carol", accept, utc("2026-10-12T08:00"), 0, rpcv1.Reason_REASON_WRONG_STATE},
		{"accepted a second before", nil, "people/carol", accept, utc("2026-10-12T08:00").Add(-time.Second), schedulev1.Swap_STATE_ACCEPTED, 0},
		{"accepted after it was withdrawn", func(s *schedulev1.Swap) { s.State = schedulev1.Swap_STATE_WITHDRAWN },
			"people/carol", accept, now, 0, rpcv1.Reason_REASON_WRONG_STATE},
		{"expired by the turn in return", func(s *schedulev1.Swap) { s.Taken = between("2026-10-07T08:00", "2026-10-07T11:00") },
			"people/carol", accept, now, 0, rpcv1.Reason_REASON_WRONG_STATE},
	} {
		s := proto.CloneOf(open)
		if c.swap != nil {
			c.swap(s)
		}
		got, err := rotas.AnswerSwap(s, &schedulev1.AnswerSwapRequest{Name: s.GetName(), Person: c.person, Answer: c.answer}, c.at.Unix())
		if fault.ReasonOf(err) != c.reason || got.GetState() != c.state {
			t.Errorf("%s: %v, %v", c.what, got, err)
		}
	}
	if s := rotas.Judged(open, utc("2026-10-12T08:00").Unix()); s.GetState() != schedulev1.Swap_STATE_EXPIRED ||
		open.GetState() != schedulev1.Swap_STATE_ASKED {
		t.Errorf("judged as its turn begins: %v", s)
	}
	if !rotas.Kept(open, utc("2026-11-18T07:59").Unix()) || rotas.Kept(open, utc("2026-11-18T08:00").Unix()) {
		t.Error("kept for other than 30 days after its end")
	}
}

func TestAcceptLooksAgain(t *testing.T) {
	w := newWorld(t)
	r := dublin(weekly, "ann", "bob", "carol")
	m := &schedulev1.AskSwapRequest{AskedBy: "people/bob", Asked: "people/carol", Given: instant("2026-10-13T12:00")}
	s, err := ask(w, t, r, m)
	if err != nil {
		t.Fatal(err)
	}
	r.Overrides = []*schedulev1.RotaOverride{{
		Kind: schedulev1.RotaOverride_KIND_ADD, By: "people/ann", Interval: between("2026-10-15T09:00", "2026-10-15T10:00"),
	}}
	_, err = rotas.Exchange(w.compile(t, r, now, now.AddDate(0, 1, 0)), r, s, now.Unix())
	if fault.ReasonOf(err) != rpcv1.Reason_REASON_WRONG_STATE {
		t.Errorf("got %v", err)
	}
}

// TestSwapsNeverLeaveAGap: whatever is swapped, in whatever order, everybody is on duty whom the swaps say, and nobody's
// time is lost.
func TestSwapsNeverLeaveAGap(t *testing.T) {
	w := newWorld(t)
	ids := []string{"ann", "bob", "carol"}
	rapid.Check(t, func(rt *rapid.T) {
		r := dublin(rapid.SampledFrom([]schedulev1.TurnUnit{daily, weekly}).Draw(rt, "unit"), ids...)
		for range rapid.IntRange(1, 12).Draw(rt, "swaps") {
			at := now.Add(time.Duration(rapid.IntRange(24, 24*21).Draw(rt, "hour")) * time.Hour)
			c := w.compile(t, r, now.AddDate(-1, 0, 0), now.AddDate(2, 0, 0))
			turn := c.Roster.At(at.Unix())
			by := rapid.SampledFrom(ids).Draw(rt, "by")
			if by == turn.Person || turn.FromUnixS <= now.Unix() {
				continue
			}
			m := &schedulev1.AskSwapRequest{
				AskedBy: "people/" + turn.Person, Asked: "people/" + by, Given: &interval.Interval{StartTime: timestamppb.New(at)},
			}
			if rapid.Bool().Draw(rt, "part") {
				m.Given.EndTime = timestamppb.New(time.Unix(min(at.Unix()+7200, turn.ToUnixS), 0))
			}
			s, err := rotas.Ask(c, m, now.Unix())
			if err != nil {
				rt.Fatal(err)
			}
			if r, err = rotas.Exchange(c, r, s, now.Unix()); err != nil {
				rt.Fatal(err)
			}
			after, err := rotas.Compile(w.input(r, now.AddDate(0, 0, -1), now.AddDate(0, 2, 0)))
			if err != nil {
				rt.Fatalf("after %v: %v", s, err)
			}
			given := s.GetGiven()
			for at := given.GetStartTime().GetSeconds(); at < given.GetEndTime().GetSeconds(); at += 1800 {
				if got := after.Roster.At(at).Person; got != by {
					rt.Fatalf("%s is on duty at %v, want %s", got, time.Unix(at, 0).UTC(), by)
				}
			}
			if len(after.Roster.Gaps) > 0 {
				rt.Fatalf("gaps %v", after.Roster.Gaps)
			}
		}
	})
}

// TestFilesDoNotUndoSwaps: what people agreed on stays, as far as it is still to come and concerns people of the rota.
func TestFilesDoNotUndoSwaps(t *testing.T) {
	override := func(origin, of, by, from, to string) *schedulev1.RotaOverride {
		return &schedulev1.RotaOverride{
			Kind: schedulev1.RotaOverride_KIND_REPLACE, Of: "people/" + of, By: "people/" + by, Interval: between(from, to), Origin: origin,
		}
	}
	const swap = "rotas/support/swaps/one"
	coming := override(swap, "bob", "carol", "2026-10-12T08:00", "2026-10-19T08:00")
	stored := dublin(weekly, "ann", "bob", "carol", "dora")
	stored.Overrides = []*schedulev1.RotaOverride{
		override("", "ann", "bob", "2026-10-08T08:00", "2026-10-09T08:00"), // the file's own, and not in it any more
		override(swap, "ann", "bob", "2026-10-05T08:00", "2026-10-06T08:00"),
		override(swap, "dora", "ann", "2026-10-26T09:00", "2026-11-02T09:00"),
		coming,
	}
	file := dublin(weekly, "ann", "bob", "carol")
	for range 2 { // a file that was exported meanwhile says it already
		rotas.KeepAgreed(file, stored, now.Unix())
		if len(file.GetOverrides()) != 1 || !proto.Equal(file.GetOverrides()[0], coming) {
			t.Errorf("overrides %v", file.GetOverrides())
		}
	}
}
