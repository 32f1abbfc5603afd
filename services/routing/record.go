package routing

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/journal"
	"github.com/daysidehq/dayside/services/routing/internal/record"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

const (
	// maxToldFacts bounds the memory of which facts are in the journal already; beyond it all are told anew, which costs
	// room and does no harm: the ledger keeps each once.
	maxToldFacts = 200_000
	// maxToldLists bounds the lists: some for each line.
	maxToldLists = 10_000
	// maxOwed bounds the lists that wait for whoever tells others at the moment; beyond it they are told with their next call.
	maxOwed = 64
	// tellFactsAgain is how often all are told anew: until then the decisions of this process cannot be made again from a
	// ledger that lost its own. It costs some kilobytes a site.
	tellFactsAgain = time.Hour
)

// records is the recorder: it leaves a record of each decision in the journal, and before it the facts that it names.
type records struct {
	journal *journal.Journal
	clock   clock.Clock
	slots   sync.Pool

	// lists are the lists of facts that are in the journal with all that they name: what the path of a call asks.
	lists atomic.Pointer[factSet]
	// singles are facts that are there besides: plans, hours, other lines'.
	singles atomic.Pointer[factSet]

	telling sync.Mutex
	// told are the facts that are there.
	told factSet
	// again is when all are told anew, seconds since 1970.
	again atomic.Int64

	owing atomic.Bool
	mu    sync.Mutex
	// owed are facts that somebody had to tell while somebody else told others.
	owed []owed
}

// owed is facts to be told, and their list where they are a line's.
type owed struct {
	list  *view.Fact
	facts []*view.Fact
}

// factSet is a set of facts by id.
type factSet map[[16]byte]struct{}

// slot is the memory of one record, used again.
type slot struct {
	maker record.Maker
	of    record.Of
	fact  routingv1.FactRecord
	trace trace.TraceID
	// event is the record as it is encoded, buf what is left in the journal.
	event, buf []byte
}

func newRecords(j *journal.Journal, c clock.Clock) *records {
	r := &records{journal: j, clock: c}
	r.forget(c.Now())
	return r
}

// decided leaves a record of a decision. It waits for nothing; of what is lost the journal tells.
func (r *records) decided(ctx context.Context, c *decision) {
	s, ok := r.slots.Get().(*slot)
	if !ok {
		s = new(slot)
	}
	defer r.slots.Put(s)
	s.of = record.Of{
		Decision: c.d, View: c.view, Call: c.call, At: c.at, Gateway: c.gateway, Step: c.step,
		Attempts: c.attempts, Recording: c.recording, Kept: c.kept, NumberRevealed: c.numberRevealed, Took: c.took,
	}
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() {
		s.trace = span.TraceID()
		s.of.TraceID = s.trace[:]
	}
	if l := c.d.Line; l != nil {
		if _, there := (*r.lists.Load())[l.FactList.ID]; !there || c.at.Unix() >= r.again.Load() {
			r.tell(s, l.FactList, l.Facts)
		}
		if others := s.maker.Others(&s.of); r.untold(others) || len(others) > 0 && c.at.Unix() >= r.again.Load() {
			r.tell(s, nil, others)
		}
	}
	made := s.maker.Make(&s.of)
	var err error
	if s.event, err = record.Append(s.event[:0], made); err != nil {
		_, _, _ = r.journal.Append(s.buf, journal.Decision, made) // fails alike, and tells
	} else {
		s.buf, _, _ = r.journal.AppendEncoded(s.buf, journal.Decision, s.event)
	}
	s.of = record.Of{} // a pool must hold no view
}

// untold says whether some of those facts were not told as singles.
func (r *records) untold(facts []*view.Fact) bool {
	if len(facts) == 0 {
		return false
	}
	told := *r.singles.Load()
	for _, f := range facts {
		if _, there := told[f.ID]; !there {
			return true
		}
	}
	return false
}

// tell leaves facts, and the list of them, in the journal, where they are not there already. Where somebody else tells facts
// at the moment, nobody waits: that one goes on with these.
func (r *records) tell(s *slot, list *view.Fact, facts []*view.Fact) {
	if r.telling.TryLock() {
		r.tellAll(s, list, facts)
		r.telling.Unlock()
	} else {
		r.owe(list, facts)
	}
	for r.owing.Load() && r.telling.TryLock() {
		for _, one := range r.takeOwed() {
			r.tellAll(s, one.list, one.facts)
		}
		r.telling.Unlock()
	}
}

func (r *records) owe(list *view.Fact, facts []*view.Fact) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.owed) < maxOwed {
		r.owed = append(r.owed, owed{list, slices.Clone(facts)})
		r.owing.Store(true)
	}
}

func (r *records) takeOwed() []owed {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.owed
	r.owed = nil
	r.owing.Store(false)
	return all
}

// tellAll is tell, by whoever holds telling.
func (r *records) tellAll(s *slot, list *view.Fact, facts []*view.Fact) {
	now := r.clock.Now()
	if len(r.told) > maxToldFacts || max(len(*r.lists.Load()), len(*r.singles.Load())) > maxToldLists ||
		now.Unix() >= r.again.Load() {
		r.forget(now)
	}
	for _, f := range facts {
		if !r.tellOne(s, f) {
			return // for want of room: a call must not try all of them
		}
	}
	if list == nil {
		next := maps.Clone(*r.singles.Load())
		for _, f := range facts {
			next[f.ID] = struct{}{}
		}
		r.singles.Store(&next)
		return
	}
	if !r.tellOne(s, list) {
		return
	}
	next := maps.Clone(*r.lists.Load())
	next[list.ID] = struct{}{}
	r.lists.Store(&next)
}

// forget makes all be told anew.
func (r *records) forget(now time.Time) {
	r.told = factSet{}
	r.lists.Store(&factSet{})
	r.singles.Store(&factSet{})
	r.again.Store(now.Add(tellFactsAgain).Unix())
}

func (r *records) tellOne(s *slot, f *view.Fact) bool {
	if _, there := r.told[f.ID]; there {
		return true
	}
	s.fact.Id, s.fact.Key, s.fact.Value = f.ID[:], f.Key, f.Value
	var err error
	s.buf, _, err = r.journal.AppendFact(s.buf, f.ID, &s.fact)
	if err == nil {
		r.told[f.ID] = struct{}{}
	}
	return err == nil
}
