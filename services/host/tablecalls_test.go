package host

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/daysidehq/dayside/api/client"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

// slowReporter takes reports once it is let go.
type slowReporter struct {
	goOn chan struct{}
	mu   sync.Mutex
	took []*routingv1.ReportCallRequest
	// waited: a report came that would have waited for routing.
	waited bool
	full   bool
}

func (s *slowReporter) ReportCall(ctx context.Context, r *routingv1.ReportCallRequest) (client.Reported, error) {
	<-s.goOn
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waited = s.waited || ctx.Err() == nil
	if s.full {
		return client.Reported{}, client.ErrQueueFull
	}
	s.took = append(s.took, r)
	return client.Reported{Queued: true}, nil
}

func TestACallOfTheTableIsReportedOnce(t *testing.T) {
	to := &slowReporter{goOn: make(chan struct{})}
	calls := newTableCalls(to, slog.New(slog.DiscardHandler))
	began := time.Date(2026, 3, 2, 1, 2, 3, 0, time.UTC)
	for i := range 3 { // an INVITE, and again
		calls.add("a@phone", began.Add(time.Duration(i)*500*time.Millisecond))
	}
	calls.add("b@phone", began)
	close(to.goOn)
	if err := calls.close(); err != nil {
		t.Fatal(err)
	}
	if len(to.took) != 2 || to.took[0].GetCallId() != "a@phone" || to.took[1].GetCallId() != "b@phone" || to.waited {
		t.Fatalf("reported: %v, waited: %v", to.took, to.waited)
	}
	r := to.took[0]
	if !r.GetStartTime().AsTime().Equal(began) || r.GetEndTime() != nil || r.GetAnswerTime() != nil || len(r.GetAttempts()) != 0 {
		t.Errorf("%v: only the start is known", r)
	}
}

// A disk that stands still holds up no call, and no memory grows.
func TestAFloodOfTableCallsIsDroppedAndCounted(t *testing.T) {
	to := &slowReporter{goOn: make(chan struct{})}
	calls := newTableCalls(to, slog.New(slog.DiscardHandler))
	const flood = 3 * maxTableCalls
	for i := range flood {
		calls.add(fmt.Sprint(i), time.Time{})
	}
	close(to.goOn)
	if err := calls.close(); err != nil {
		t.Fatal(err)
	}
	if got := len(to.took); got < maxTableCalls || got > maxTableCalls+1 || int64(flood-got) != calls.lost.Load() {
		t.Errorf("%d reported and %d counted as lost, of %d", got, calls.lost.Load(), flood)
	}
}

func TestAFullQueueIsCounted(t *testing.T) {
	to := &slowReporter{goOn: make(chan struct{}), full: true}
	close(to.goOn)
	calls := newTableCalls(to, slog.New(slog.DiscardHandler))
	calls.add("a", time.Time{})
	if err := calls.close(); err != nil || calls.lost.Load() != 1 {
		t.Errorf("%v, lost %d", err, calls.lost.Load())
	}
}

func TestRecentCallsAreBounded(t *testing.T) {
	r := recentCalls{known: map[string]bool{}}
	for i := range 2*maxRecentCalls + 1 {
		if r.seen(fmt.Sprint(i)) {
			t.Fatalf("%d is new", i)
		}
	}
	if len(r.known) != maxRecentCalls || !r.seen(fmt.Sprint(2*maxRecentCalls)) || r.seen("0") {
		t.Errorf("%d are known", len(r.known))
	}
}
