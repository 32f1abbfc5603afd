package routing

import (
	"sync"

	"google.golang.org/protobuf/proto"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/published"
)

// standingAlert is an alert as it stands in etcd.
type standingAlert struct {
	alert    *routingv1.Alert // never changed
	revision int64
}

// alertTable is the alerts as the process knows them. Safe for concurrent use.
type alertTable struct {
	mu   sync.RWMutex
	byID map[string]standingAlert
}

func (t *alertTable) get(id string) (*routingv1.Alert, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	s, ok := t.byID[id]
	return s.alert, ok
}

func (t *alertTable) size() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.byID)
}

// all are those of which keep holds, in no order.
func (t *alertTable) all(keep func(*routingv1.Alert) bool) []standingAlert {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var out []standingAlert
	for _, s := range t.byID {
		if keep(s.alert) {
			out = append(out, s)
		}
	}
	return out
}

// put is what this process has just written itself, of which it will hear again.
func (t *alertTable) put(id string, x *routingv1.Alert, revision int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID[id].revision < revision {
		t.byID[id] = standingAlert{proto.CloneOf(x), revision}
	}
}

// note is told of every batch. What cannot be read is passed over.
func (t *alertTable) note(b coord.Batch) {
	if !b.Reset && len(b.Events) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if b.Reset {
		clear(t.byID)
	}
	for _, e := range b.Events {
		id, ok := published.ID(e.Key, published.AlertPrefix)
		switch {
		case !ok:
		case e.Value == nil:
			delete(t.byID, id)
		default:
			if x, err := published.Alert(e.Value); err == nil && t.byID[id].revision <= e.ModRevision {
				t.byID[id] = standingAlert{x, e.ModRevision}
			}
		}
	}
}
