package host

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/daysidehq/dayside/api/client"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

const (
	// maxTableCalls wait for the queue of reports, which waits for a disk; what is beyond is dropped, and counted.
	maxTableCalls = 1024
	// maxRecentCalls are remembered, so that a retransmission is not reported again. The ledger would merge it; it would take
	// another call's place in the queue.
	maxRecentCalls = 4096
)

// callReporter is who takes reports of calls, and keeps them while routing is away.
type callReporter interface {
	// ReportCall queues the report where ctx has ended.
	ReportCall(ctx context.Context, r *routingv1.ReportCallRequest) (client.Reported, error)
}

// tableCall is a call that the table answered.
type tableCall struct {
	id    string
	began time.Time
}

// tableCalls has the ledger know of calls that the gateway's table answered: no routing process has decided those, and the
// gateway hands them back to the network, so nobody else would ever tell of them. How they went is not known here.
type tableCalls struct {
	to      callReporter
	log     *slog.Logger
	waiting chan tableCall
	stopped chan struct{}
	stop    func()
	work    sync.WaitGroup
	// lost were not reported: too many came at once, or the queue is full.
	lost atomic.Int64
}

func newTableCalls(to callReporter, log *slog.Logger) *tableCalls {
	t := &tableCalls{to: to, log: log, waiting: make(chan tableCall, maxTableCalls), stopped: make(chan struct{})}
	t.stop = sync.OnceFunc(func() { close(t.stopped) })
	t.work.Go(t.run)
	return t
}

// add never waits: a caller does.
func (t *tableCalls) add(id string, began time.Time) {
	select {
	case t.waiting <- tableCall{strings.Clone(id), began}: // it is cut from a text that holds numbers
	default:
		t.miss("too many at once")
	}
}

// miss counts; of many, the first is told of.
func (t *tableCalls) miss(why string) {
	if t.lost.Add(1) == 1 {
		t.log.Error("calls that the table answered will be missing in the history", "reason", why)
	}
}

// close queues what still waits.
func (t *tableCalls) close() error {
	t.stop()
	t.work.Wait()
	return nil
}

func (t *tableCalls) run() {
	// Nobody answers as it is, so the report goes to the queue at once; the client delivers it.
	ended, end := context.WithCancel(context.Background())
	end()
	recent := recentCalls{known: map[string]bool{}}
	for {
		select {
		case c := <-t.waiting:
			t.report(ended, &recent, c)
		case <-t.stopped:
			if len(t.waiting) == 0 {
				return
			}
		}
	}
}

func (t *tableCalls) report(ended context.Context, recent *recentCalls, c tableCall) {
	if recent.seen(c.id) {
		return
	}
	r := &routingv1.ReportCallRequest{CallId: c.id, StartTime: timestamppb.New(c.began)}
	if _, err := t.to.ReportCall(ended, r); err != nil {
		t.miss(err.Error())
	}
}

// recentCalls are the ids of the last calls.
type recentCalls struct {
	known map[string]bool
	ring  [maxRecentCalls]string
	next  int
}

// seen says whether a call is among them; from now on it is.
func (r *recentCalls) seen(id string) bool {
	if r.known[id] {
		return true
	}
	delete(r.known, r.ring[r.next])
	r.ring[r.next], r.known[id] = id, true
	r.next = (r.next + 1) % len(r.ring)
	return false
}
