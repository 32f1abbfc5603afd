package routing

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/journal"
	"github.com/daysidehq/dayside/services/internal/spool"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/view"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// factShelf is a spool that keeps the keys of facts. The first append waits until it may go on.
type factShelf struct {
	began, goOn chan struct{}
	once        sync.Once

	mu    sync.Mutex
	facts []string
}

func (s *factShelf) Append(entry []byte) (spool.Mark, error) {
	first := false
	s.once.Do(func() { first = true })
	if first {
		close(s.began)
		<-s.goOn
	}
	r := &ledgerv1.Record{}
	if err := proto.Unmarshal(entry, r); err != nil {
		return spool.Mark{}, err
	}
	if f := r.GetFact(); f.GetKey() != "" {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.facts = append(s.facts, f.GetKey())
	}
	return spool.Mark{}, nil
}

func (*factShelf) Sync(context.Context, spool.Mark) error { return nil }

func (*factShelf) Delivered(context.Context, spool.Mark) error { return nil }

// count is how often a fact was left.
func (s *factShelf) count(key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, f := range s.facts {
		if f == key {
			n++
		}
	}
	return n
}

// twoLines are a recorder on a factShelf, and a decision on each of two lines.
func twoLines() (r *records, s *factShelf, at *clock.Manual, decided map[string]*decision) {
	s = &factShelf{began: make(chan struct{}), goOn: make(chan struct{})}
	at = clock.NewManual(viewtest.At(1))
	w := viewtest.World{Lines: []*routingv1.Line{
		viewtest.Line("gold", 61255500100, "dublin"), viewtest.Line("silver", 61255500101, "dublin"),
	}}
	w.Sites = append(w.Sites, viewtest.Site("dublin", viewtest.Span{0, 48}))
	v := w.View()
	decided = map[string]*decision{}
	for _, id := range []string{"gold", "silver"} {
		c := &decision{d: new(decide.Decision), view: v, at: at.Now(), step: 1, call: decide.Call{ID: id, LineID: id}}
		decide.Decide(c.d, c.view, c.call, c.at, decide.MaxSites)
		decided[id] = c
	}
	return newRecords(journal.New(s, "p1", at, slog.New(slog.DiscardHandler)), at), s, at, decided
}

// A call waits for nobody who tells facts, and its own are told all the same, whether or not its line is ever called again.
func TestFactsOfTwoLinesAtOnceAreAllTold(t *testing.T) {
	r, s, _, decided := twoLines()
	var other sync.WaitGroup
	other.Go(func() { r.decided(context.Background(), decided["gold"]) })
	await.Receive(t, "facts of gold to be told", s.began)
	r.decided(t.Context(), decided["silver"]) // returns while they are
	close(s.goOn)
	other.Wait()
	for _, id := range []string{"gold", "silver"} {
		if n := s.count(view.LinePrefix + id); n != 1 {
			t.Errorf("the line %s was told %d times", id, n)
		}
	}
	if !slices.Contains(s.facts, "pub/schedule/sites/dublin") {
		t.Errorf("the site was not: %q", s.facts)
	}
}

// A ledger that lost its facts learns them again within an hour, though nothing changes.
func TestFactsAreToldAgain(t *testing.T) {
	r, s, at, decided := twoLines()
	close(s.goOn)
	ring := func() {
		for _, c := range decided {
			c.at = at.Now()
			r.decided(t.Context(), c)
		}
	}
	for round := range 3 {
		ring()
		ring()
		for _, key := range []string{view.LinePrefix + "gold", view.LinePrefix + "silver", "pub/schedule/sites/dublin"} {
			if n := s.count(key); n != round+1 {
				t.Errorf("after %d hours %s was told %d times", round, key, n)
			}
		}
		at.Advance(tellFactsAgain)
	}
}
