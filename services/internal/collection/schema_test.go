package collection_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
)

// schema is what a cluster writes, and what a process of a release can.
type schema struct {
	inForce, max int32
	release      string
}

func (s schema) InForce() int32  { return s.inForce }
func (s schema) Max() int32      { return s.max }
func (s schema) Release() string { return s.release }

func (w world) as(s schema) *collection.Collection[*schedulev1.Site] { return w.sites.WithSchema(s) }

// stored is what stands in etcd.
func (w world) stored(t *testing.T, id string) *rpcv1.Stored {
	t.Helper()
	e, err := w.etcd.Get(t.Context(), "schedule/sites/"+id)
	if err != nil {
		t.Fatal(err)
	}
	out := &rpcv1.Stored{}
	if err := proto.Unmarshal(e.Value, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestNothingOfANewerSchemaBeforeTheUpgrade: until then an older release must be able to come back, and finds what it wrote.
func TestNothingOfANewerSchemaBeforeTheUpgrade(t *testing.T) {
	w := newWorld(t)
	before := w.as(schema{1, 2, "v2"})
	if _, err := before.Create(t.Context(), site("dublin", "Dublin"), "site_id", "dublin", "", false); err != nil {
		t.Fatal(err)
	}
	if got := w.stored(t, "dublin"); got.GetSchema() != 0 || got.GetRelease() != "" {
		t.Errorf("before the upgrade there stands schema %d of release %q", got.GetSchema(), got.GetRelease())
	}
	after := w.as(schema{2, 2, "v2"})
	if _, err := after.Update(t.Context(), site("dublin", "Dublin 2"), nil, false, false); err != nil {
		t.Fatal(err)
	}
	if got := w.stored(t, "dublin"); got.GetSchema() != 2 || got.GetRelease() != "v2" {
		t.Errorf("after the upgrade there stands schema %d of release %q", got.GetSchema(), got.GetRelease())
	}
	// A process that has not heard of the upgrade yet takes nothing back.
	if _, err := before.Update(t.Context(), site("dublin", "Dublin 3"), nil, false, false); err != nil {
		t.Fatal(err)
	}
	if got := w.stored(t, "dublin"); got.GetSchema() != 2 {
		t.Errorf("a process that heard late wrote schema %d", got.GetSchema())
	}
}

// TestAnOlderReleaseReadsAndDoesNotWriteANewerSchema in any of the ways there are to write.
func TestAnOlderReleaseReadsAndDoesNotWriteANewerSchema(t *testing.T) {
	w := newWorld(t)
	if _, err := w.as(schema{3, 3, "v3"}).Create(t.Context(), site("dublin", "Dublin"), "site_id", "dublin", "", false); err != nil {
		t.Fatal(err)
	}
	older := w.as(schema{2, 2, "v2"}) // which has not heard that the cluster writes 3
	got, err := older.Get(t.Context(), "sites/dublin")
	if err != nil || got.GetDisplayName() != "Dublin" {
		t.Errorf("it reads %v, %v", got, err)
	}
	changed := site("dublin", "Other")
	_, update := older.Update(t.Context(), changed, nil, false, false)
	_, check := older.Update(t.Context(), changed, nil, false, true)
	_, amend := older.Amend(t.Context(), "sites/dublin", func(*schedulev1.Site) {})
	_, plan := older.Plan(t.Context(), []*schedulev1.Site{changed}, nil, false, nil)
	_, prune := older.Plan(t.Context(), nil, nil, true, func(string) []string { return nil })
	for how, err := range map[string]error{
		"update": update, "validate_only": check, "amend": amend, "plan": plan, "prune": prune,
		"delete": older.Delete(t.Context(), "sites/dublin", "", false),
	} {
		wantReason(t, err, rpcv1.Reason_REASON_WRONG_STATE)
		if err == nil || !strings.Contains(err.Error(), "schema 3 by release v3") {
			t.Errorf("%s: %v", how, err)
		}
	}
	// What a plan does not change it does not write.
	same, err := older.Plan(t.Context(), []*schedulev1.Site{site("dublin", "Dublin")}, nil, false, nil)
	if err != nil || same.Plan.GetChanges()[0].GetKind() != rpcv1.Change_KIND_UNCHANGED {
		t.Errorf("a plan without a change: %v, %v", same.Plan, err)
	}
	// One that was left behind by an upgrade writes nothing new either.
	_, err = w.as(schema{3, 2, "v2"}).Create(t.Context(), site("cork", "Cork"), "site_id", "cork", "", false)
	wantReason(t, err, rpcv1.Reason_REASON_WRONG_STATE)
}

// TestWhatANewerReleaseWroteIsKept, in the envelope and in the resource, whichever way an older one changes it.
func TestWhatANewerReleaseWroteIsKept(t *testing.T) {
	w := newWorld(t)
	c := w.as(schema{1, 2, "v2"})
	if _, err := c.Create(t.Context(), site("dublin", "Dublin"), "site_id", "dublin", "", false); err != nil {
		t.Fatal(err)
	}
	future := protowire.AppendString(protowire.AppendTag(nil, 9000, protowire.BytesType), "of the future")
	plant := func() {
		envelope := w.stored(t, "dublin")
		item := &schedulev1.Site{}
		if err := proto.Unmarshal(envelope.GetResource(), item); err != nil {
			t.Fatal(err)
		}
		item.ProtoReflect().SetUnknown(future)
		envelope.ProtoReflect().SetUnknown(future)
		envelope.Resource, _ = proto.Marshal(item)
		value, err := proto.Marshal(envelope)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.etcd.Commit(t.Context(), nil, []*rpcv1.Write{coord.Put("schedule/sites/dublin", value)}); err != nil {
			t.Fatal(err)
		}
	}
	for how, change := range map[string]func() error{
		"some fields": func() error {
			_, err := c.Update(t.Context(), site("dublin", "A"), &fieldmaskpb.FieldMask{Paths: []string{"display_name"}}, false, false)
			return err
		},
		"all that are set": func() error {
			_, err := c.Update(t.Context(), site("dublin", "B"), nil, false, false)
			return err
		},
		"the whole": func() error {
			_, err := c.Update(t.Context(), site("dublin", "C"), &fieldmaskpb.FieldMask{Paths: []string{"*"}}, false, false)
			return err
		},
		"what only methods fill": func() error {
			_, err := c.Amend(t.Context(), "sites/dublin", func(s *schedulev1.Site) { s.DisplayName = "D" })
			return err
		},
		"as a plan": func() error {
			p, err := c.Plan(t.Context(), []*schedulev1.Site{site("dublin", "E")}, nil, false, nil)
			if err == nil {
				_, err = w.etcd.Commit(t.Context(), p.Plan.GetConditions(), p.Plan.GetWrites())
			}
			return err
		},
	} {
		plant()
		if err := change(); err != nil {
			t.Errorf("%s: %v", how, err)
			continue
		}
		envelope, item := w.stored(t, "dublin"), &schedulev1.Site{}
		if err := proto.Unmarshal(envelope.GetResource(), item); err != nil {
			t.Fatal(err)
		}
		if string(item.ProtoReflect().GetUnknown()) != string(future) || string(envelope.ProtoReflect().GetUnknown()) != string(future) {
			t.Errorf("%s: what a newer release wrote is lost: %v in %v", how, item, envelope)
		}
	}
}
