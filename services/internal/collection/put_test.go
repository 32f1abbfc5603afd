package collection_test

import (
	"testing"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
)

func TestPutSaysWhatItTakes(t *testing.T) {
	w := newWorld(t)
	put := func(s *schedulev1.Site, over coord.Entry, want rpcv1.Change_Kind) {
		t.Helper()
		effect, kind, err := w.sites.Put(t.Context(), s, over)
		if err != nil || kind != want {
			t.Fatalf("%v, %v; want %v", kind, err, want)
		}
		if kind == rpcv1.Change_KIND_UNCHANGED {
			if len(effect.Writes)+len(effect.Conditions) > 0 {
				t.Errorf("nothing changes, and yet %v", effect)
			}
			return
		}
		if _, err := w.etcd.Commit(t.Context(), effect.Conditions, effect.Writes); err != nil {
			t.Fatal(err)
		}
	}
	stands := func() coord.Entry {
		t.Helper()
		e, err := w.etcd.Get(t.Context(), "schedule/sites/dublin")
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	put(site("dublin", "Dublin"), coord.Entry{}, rpcv1.Change_KIND_CREATE)
	made, err := w.sites.Get(t.Context(), "sites/dublin")
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Hour)
	put(made, stands(), rpcv1.Change_KIND_UNCHANGED)
	put(site("dublin", "Dublin"), stands(), rpcv1.Change_KIND_UNCHANGED)
	before := stands()
	put(site("dublin", "Baile Átha Cliath"), before, rpcv1.Change_KIND_UPDATE)
	now, err := w.sites.Get(t.Context(), "sites/dublin")
	if err != nil || now.GetDisplayName() != "Baile Átha Cliath" || !now.GetCreateTime().AsTime().Equal(made.GetCreateTime().AsTime()) ||
		now.GetUpdateTime().AsTime().Equal(made.GetUpdateTime().AsTime()) {
		t.Errorf("stands %v, %v", now, err)
	}

	// What was read before somebody else wrote is not written over.
	effect, _, err := w.sites.Put(t.Context(), site("dublin", "Áth Cliath"), before)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.etcd.Commit(t.Context(), effect.Conditions, effect.Writes)
	wantReason(t, err, rpcv1.Reason_REASON_CONFLICT)
	_, _, err = w.sites.Put(t.Context(), site("dublin", ""), stands())
	wantReason(t, err, rpcv1.Reason_REASON_INVALID_FIELD)
	_, _, err = w.sites.Put(t.Context(), &schedulev1.Site{Name: "rotas/x"}, coord.Entry{})
	wantReason(t, err, rpcv1.Reason_REASON_INVALID_FIELD)
}
