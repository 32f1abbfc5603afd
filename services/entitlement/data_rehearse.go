package entitlement

import (
	"context"
	"maps"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
)

const (
	// maxRehearsals is how many dry runs are remembered at once, keptRehearsal for how long after their last part, and
	// maxRehearsalBytes how much of each: what some 150,000 customers take.
	maxRehearsals     = 2
	keptRehearsal     = 15 * time.Minute
	maxRehearsalBytes = 64 << 20
	// overheadBytes is what a key takes beside itself and its value.
	overheadBytes = 96
	// rehearsedRevision is where revisions begin of what was never written.
	rehearsedRevision = 1 << 60
)

// layer is a store with writes on it that are never made: those by which rows are judged. It also knows what the rows
// before said, whether they are written or not.
type layer struct {
	Store
	// written are sources of customers, and access names, by their keys.
	written map[string]coord.Entry
	// ids are of customers, by the external ids of rows; who are those who had a number first.
	ids map[string]string
	who map[phone.Number]string
}

func newLayer(on Store) *layer {
	return &layer{on, map[string]coord.Entry{}, map[string]string{}, map[phone.Number]string{}}
}

// Get answers with what is on the layer, else with what is below.
func (l *layer) Get(ctx context.Context, key string) (coord.Entry, error) {
	if e, ok := l.written[key]; ok {
		if e.ModRevision == 0 {
			return e, fault.NotFound(key)
		}
		return e, nil
	}
	return l.Store.Get(ctx, key)
}

// GetSome does so for many.
func (l *layer) GetSome(ctx context.Context, keys []string) (map[string]coord.Entry, error) {
	var below []string
	for _, key := range keys {
		if _, ok := l.written[key]; !ok {
			below = append(below, key)
		}
	}
	found := map[string]coord.Entry{}
	if len(below) > 0 {
		var err error
		if found, err = l.Store.GetSome(ctx, below); err != nil {
			return nil, err
		}
	}
	for _, key := range keys {
		if e, ok := l.written[key]; ok && e.ModRevision != 0 {
			found[key] = e
		}
	}
	return found, nil
}

// write puts writes on the layer; of what nobody is judged by, nothing.
func (l *layer) write(writes []*rpcv1.Write) {
	for _, w := range writes {
		if !strings.HasPrefix(w.GetKey(), sourcePrefix) && !strings.HasPrefix(w.GetKey(), accessNamePrefix) {
			continue
		}
		e := coord.Entry{Key: w.GetKey()}
		if !w.GetDelete() {
			e.Value, e.ModRevision, e.CreateRevision = w.GetValue(), rehearsedRevision, rehearsedRevision
		}
		l.written[e.Key] = e
	}
}

// id is the customer that rows before gave an external id.
func (l *layer) id(key string) (string, bool) {
	if id, ok := l.ids[key]; ok {
		return id, true
	}
	if below, ok := l.Store.(*rehearsal); ok {
		return below.id(key)
	}
	return "", false
}

// holder is the customer that rows before gave a number first.
func (l *layer) holder(n phone.Number) string {
	if id, ok := l.who[n]; ok {
		return id
	}
	if below, ok := l.Store.(*rehearsal); ok {
		return below.holder(n)
	}
	return ""
}

// rehearsal is what a dry run would have written with its parts so far.
type rehearsal struct {
	*layer
	name string
	// at is when it was last gone on with, and bytes what it takes.
	at    time.Time
	bytes int
	// through is the line up to which it knows all rows, but for those from forgotten on, which is 0 where it knows all.
	through, forgotten int64
	// after is where the last part began, and answer what was answered: it may be told again.
	after  int64
	answer *entitlementv1.ImportCustomersResponse
}

// rehearse is the dry run that a part is of, and the answer where that was given before. Whoever asks holds d.importing.
func (d *dataDesk) rehearse(r *entitlementv1.ImportCustomersRequest) (*rehearsal, *entitlementv1.ImportCustomersResponse) {
	now := d.s.cfg.Clock.Now()
	maps.DeleteFunc(d.rehearsals, func(_ string, h *rehearsal) bool { return now.Sub(h.at) > keptRehearsal })
	name := r.GetImportId() + " " + r.GetFingerprint() + " " + r.GetDefaultRegion()
	h := d.rehearsals[name]
	switch {
	case h != nil && h.after == r.GetAfterLine() && r.GetAfterLine() > 0 && h.through > h.after:
		return h, proto.CloneOf(h.answer)
	case h != nil && h.through == r.GetAfterLine() && r.GetAfterLine() > 0:
		return h, nil
	}
	h = &rehearsal{layer: newLayer(d.s.cfg.Store), name: name, through: r.GetAfterLine()}
	if r.GetAfterLine() > 0 {
		h.forgotten = 1
	}
	return h, nil
}

// rehearsed remembers what a part would have written, and the answer to it.
func (d *dataDesk) rehearsed(h *rehearsal, p *part, answer *entitlementv1.ImportCustomersResponse) {
	h.absorb(p.layer, p.r.GetAfterLine()+1)
	h.at, h.through = d.s.cfg.Clock.Now(), answer.GetProgress().GetLine()
	h.after, h.answer = p.r.GetAfterLine(), proto.CloneOf(answer)
	for len(d.rehearsals) >= maxRehearsals && d.rehearsals[h.name] == nil {
		delete(d.rehearsals, d.oldestRehearsal())
	}
	d.rehearsals[h.name] = h
}

func (d *dataDesk) oldestRehearsal() (name string) {
	for _, h := range d.rehearsals {
		if name == "" || h.at.Before(d.rehearsals[name].at) {
			name = h.name
		}
	}
	return name
}

// absorb takes over what a part from a line on put on its own layer, as far as there is room.
func (h *rehearsal) absorb(l *layer, line int64) {
	full := false
	room := func(was bool, bytes int) bool {
		if !was && h.bytes+bytes > maxRehearsalBytes {
			full = true
			return false
		}
		h.bytes += bytes
		return true
	}
	for key, e := range l.written {
		was, again := h.written[key]
		bytes := len(e.Value) - len(was.Value)
		if !again {
			bytes += len(key) + overheadBytes
		}
		if room(again, bytes) {
			h.written[key] = e
		}
	}
	for key, id := range l.ids {
		if _, again := h.ids[key]; !again && room(false, len(key)+overheadBytes) {
			h.ids[key] = id
		}
	}
	for n, id := range l.who {
		if _, again := h.who[n]; !again && room(false, overheadBytes) {
			h.who[n] = id
		}
	}
	if full && h.forgotten == 0 {
		h.forgotten = line
	}
}
