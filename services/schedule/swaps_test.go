package schedule_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/schedule"
)

// bobsTurn and annsNext are within turns of the weekly rota of Ann and Bob that has Ann on duty on sunday.
var (
	bobsTurn = sunday.AddDate(0, 0, 3)
	annsNext = sunday.AddDate(0, 0, 10)
)

// swapping is a world with a rota to swap turns of.
func swapping(t *testing.T) world {
	t.Helper()
	w := newWorld(t)
	w.people(t, "ann", "bob", "carol")
	w.rota(t, weekly("support", "ann", "bob"))
	return w
}

func within(at time.Time) *interval.Interval {
	return &interval.Interval{StartTime: timestamppb.New(at)}
}

func (w world) ask(t *testing.T, r *schedulev1.AskSwapRequest) *schedulev1.Swap {
	t.Helper()
	r.Rota = "rotas/support"
	s, err := w.rotas.AskSwap(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w world) answerSwap(ctx context.Context, s *schedulev1.Swap, person string, answer schedulev1.AnswerSwapRequest_Answer,
) (*schedulev1.Swap, error) {
	return w.rotas.AnswerSwap(ctx, &schedulev1.AnswerSwapRequest{Name: s.GetName(), Person: person, Answer: answer})
}

const (
	accept   = schedulev1.AnswerSwapRequest_ANSWER_ACCEPT
	decline  = schedulev1.AnswerSwapRequest_ANSWER_DECLINE
	withdraw = schedulev1.AnswerSwapRequest_ANSWER_WITHDRAW
)

// TestASwapIsInForceOnceAccepted: source, published record and the swap's state at one revision, and not before.
func TestASwapIsInForceOnceAccepted(t *testing.T) {
	w := swapping(t)
	s := w.ask(t, &schedulev1.AskSwapRequest{
		AskedBy: "people/bob", Asked: "people/ann", Given: within(bobsTurn), Taken: within(annsNext), Note: "concert",
	})
	if got := s.GetGiven().GetStartTime().AsTime(); !got.Equal(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("given from %v, not the whole turn", got)
	}
	if got := onDuty(t, w, "support", bobsTurn); got != "bob" {
		t.Errorf("asked only, %q is on duty", got)
	}
	accepted, err := w.answerSwap(t.Context(), s, "people/ann", accept)
	if err != nil || accepted.GetState() != schedulev1.Swap_STATE_ACCEPTED || !accepted.GetAnswerTime().AsTime().Equal(sunday) {
		t.Fatalf("accepted: %v, %v", accepted, err)
	}
	if a, b := onDuty(t, w, "support", bobsTurn), onDuty(t, w, "support", annsNext); a != "ann" || b != "bob" {
		t.Errorf("then %s is on duty, and %s in the other turn", a, b)
	}
	// Applying the rota's file again does not undo it.
	plan, err := w.plans.PlanSchedule(t.Context(), &schedulev1.PlanScheduleRequest{Rotas: []*schedulev1.Rota{weekly("support", "ann", "bob")}})
	if err != nil || plan.GetPlan().GetChanges()[0].GetKind() != rpcv1.Change_KIND_UNCHANGED {
		t.Errorf("applied again: %v, %v", plan.GetPlan().GetChanges(), err)
	}
	revisions := map[int64]bool{}
	for _, key := range []string{
		"schedule/rotas/support", "pub/schedule/rotas/support", "schedule/swaps/support/" + s.GetName()[strings.LastIndex(s.GetName(), "/")+1:],
	} {
		e, err := w.etcd.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		revisions[e.ModRevision] = true
	}
	if len(revisions) != 1 {
		t.Errorf("written at %d revisions", len(revisions))
	}
	for _, c := range []struct {
		person string
		answer schedulev1.AnswerSwapRequest_Answer
	}{{"people/ann", accept}, {"people/ann", decline}, {"people/bob", withdraw}} {
		_, err := w.answerSwap(t.Context(), s, c.person, c.answer)
		wantCode(t, "again: "+c.answer.String(), err, codes.FailedPrecondition)
	}
	// Both give back what they got: nothing is left of it.
	back := w.ask(t, &schedulev1.AskSwapRequest{
		AskedBy: "people/ann", Asked: "people/bob", Given: within(bobsTurn), Taken: within(annsNext),
	})
	if _, err := w.answerSwap(t.Context(), back, "people/bob", accept); err != nil {
		t.Fatal(err)
	}
	r, err := w.rotas.GetRota(t.Context(), &schedulev1.GetRotaRequest{Name: "rotas/support"})
	if err != nil || len(r.GetOverrides()) != 0 {
		t.Errorf("there and back leaves %v, %v", r.GetOverrides(), err)
	}
}

func TestAskSwapAgainIsTheSameSwap(t *testing.T) {
	w := swapping(t)
	m := &schedulev1.AskSwapRequest{AskedBy: "people/bob", Asked: "people/carol", Given: within(bobsTurn), RequestId: "3f0e"}
	first, second := w.ask(t, m), w.ask(t, m)
	if !proto.Equal(first, second) {
		t.Errorf("got %v and %v", first, second)
	}
	m.RequestId = ""
	if third := w.ask(t, m); third.GetName() == first.GetName() {
		t.Errorf("another request is %s again", third.GetName())
	}
	list, err := w.rotas.ListSwaps(t.Context(), &schedulev1.ListSwapsRequest{Rota: "rotas/support"})
	if err != nil || len(list.GetSwaps()) != 2 {
		t.Errorf("list %v, %v", list, err)
	}
}

func TestSwapsThatAreRefused(t *testing.T) {
	w := swapping(t)
	for what, c := range map[string]struct {
		m    *schedulev1.AskSwapRequest
		code codes.Code
	}{
		"somebody else's turn":  {&schedulev1.AskSwapRequest{AskedBy: "people/ann", Asked: "people/bob", Given: within(bobsTurn)}, codes.InvalidArgument},
		"a turn that has begun": {&schedulev1.AskSwapRequest{AskedBy: "people/ann", Asked: "people/bob", Given: within(sunday)}, codes.InvalidArgument},
		"nobody":                {&schedulev1.AskSwapRequest{AskedBy: "people/bob", Asked: "people/dora", Given: within(bobsTurn)}, codes.FailedPrecondition},
		"an unknown rota": {&schedulev1.AskSwapRequest{
			Rota: "rotas/nowhere", AskedBy: "people/bob", Asked: "people/ann", Given: within(bobsTurn),
		}, codes.NotFound},
	} {
		if c.m.Rota == "" {
			c.m.Rota = "rotas/support"
		}
		_, err := w.rotas.AskSwap(t.Context(), c.m)
		wantCode(t, what, err, c.code)
	}
	_, err := w.answerSwap(t.Context(), &schedulev1.Swap{Name: "rotas/support/swaps/none"}, "people/ann", accept)
	wantCode(t, "an unknown swap", err, codes.NotFound)
	_, err = w.rotas.ListSwaps(t.Context(), &schedulev1.ListSwapsRequest{Rota: "rotas/nowhere"})
	wantCode(t, "swaps of an unknown rota", err, codes.NotFound)
	for _, key := range w.keys(t) {
		if strings.HasPrefix(key, "schedule/swaps/") {
			t.Errorf("%s was written", key)
		}
	}
}

// TestSwapsEnd: one that nobody answered expires as its turn begins, and is gone 30 days after it.
func TestSwapsEnd(t *testing.T) {
	w := swapping(t)
	s := w.ask(t, &schedulev1.AskSwapRequest{AskedBy: "people/bob", Asked: "people/carol", Given: within(bobsTurn)})
	w.clock.Advance(25 * time.Hour)
	_, err := w.answerSwap(t.Context(), s, "people/carol", accept)
	wantCode(t, "after its turn began", err, codes.FailedPrecondition)
	states := func() []schedulev1.Swap_State {
		list, err := w.rotas.ListSwaps(t.Context(), &schedulev1.ListSwapsRequest{Rota: "rotas/support"})
		if err != nil {
			t.Fatal(err)
		}
		var all []schedulev1.Swap_State
		for _, s := range list.GetSwaps() {
			all = append(all, s.GetState())
		}
		return all
	}
	if got := states(); len(got) != 1 || got[0] != schedulev1.Swap_STATE_EXPIRED {
		t.Errorf("states %v", got)
	}
	w.clock.Advance(38 * 24 * time.Hour)
	if got := states(); len(got) != 0 {
		t.Errorf("states %v, long after", got)
	}
	// It is not shown any more; the next write removes it.
	w.ask(t, &schedulev1.AskSwapRequest{AskedBy: "people/bob", Asked: "people/ann", Given: within(w.clock.Now().AddDate(0, 0, 7))})
	n := 0
	for _, key := range w.keys(t) {
		if strings.HasPrefix(key, "schedule/swaps/") {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d swaps are stored", n)
	}
}

// TestFilesDoNotGiveThePhoneBack: whoever took the phone has it, whatever is applied meanwhile.
func TestFilesDoNotGiveThePhoneBack(t *testing.T) {
	w := swapping(t)
	_, err := w.rotas.TakeCustody(t.Context(), &schedulev1.TakeCustodyRequest{Rota: "rotas/support", Person: "people/bob"})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := w.plans.PlanSchedule(t.Context(), &schedulev1.PlanScheduleRequest{Rotas: []*schedulev1.Rota{weekly("support", "ann", "bob")}})
	if err != nil || plan.GetPlan().GetChanges()[0].GetKind() != rpcv1.Change_KIND_UNCHANGED {
		t.Errorf("applied again: %v, %v", plan.GetPlan().GetChanges(), err)
	}
}

// TestSwapsAreSwept: what is extended every hour also removes swaps that are over, and those of rotas that are gone.
func TestSwapsAreSwept(t *testing.T) {
	w := swapping(t)
	w.rota(t, weekly("other", "ann", "bob"))
	w.ask(t, &schedulev1.AskSwapRequest{AskedBy: "people/bob", Asked: "people/ann", Given: within(bobsTurn)})
	late := w.ask(t, &schedulev1.AskSwapRequest{AskedBy: "people/ann", Asked: "people/bob", Given: within(annsNext)})
	if _, err := w.rotas.AskSwap(t.Context(), &schedulev1.AskSwapRequest{
		Rota: "rotas/other", AskedBy: "people/ann", Asked: "people/bob", Given: within(annsNext),
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.rotas.DeleteRota(t.Context(), &schedulev1.DeleteRotaRequest{Name: "rotas/other"}); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(39 * 24 * time.Hour)
	if _, err := schedule.Extend(t.Context(), w.Service); err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, key := range w.keys(t) {
		if strings.HasPrefix(key, "schedule/swaps/") {
			left = append(left, key)
		}
	}
	if len(left) != 1 || !strings.HasSuffix(left[0], late.GetName()[strings.LastIndex(late.GetName(), "/"):]) {
		t.Errorf("left: %q", left)
	}
}

// TestTwoAnswersAtOnce: an acceptance and a withdrawal race, and one of them wins whole.
func TestTwoAnswersAtOnce(t *testing.T) {
	w := swapping(t)
	for range 5 {
		s := w.ask(t, &schedulev1.AskSwapRequest{AskedBy: "people/bob", Asked: "people/carol", Given: within(bobsTurn)})
		withdrawn := make(chan error, 1)
		go func() {
			_, err := w.answerSwap(t.Context(), s, "people/bob", withdraw)
			withdrawn <- err
		}()
		_, err := w.answerSwap(t.Context(), s, "people/carol", accept)
		other := <-withdrawn
		if (err == nil) == (other == nil) {
			t.Fatalf("accepted: %v; withdrawn: %v", err, other)
		}
		if want := map[bool]string{true: "carol", false: "bob"}[err == nil]; onDuty(t, w, "support", bobsTurn) != want {
			t.Fatalf("accepted: %v; but %s is on duty", err, onDuty(t, w, "support", bobsTurn))
		}
		if err == nil {
			return // Bob has nothing to give any more
		}
	}
}
