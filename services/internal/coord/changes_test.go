package coord_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
)

func TestManyKeysAreReadAtOnce(t *testing.T) {
	c := open(t)
	var keys []string
	for i := range 250 {
		keys = append(keys, fmt.Sprintf("a/%d", i))
	}
	commit(t, c, nil, coord.Put(keys[0], []byte("first")), coord.Put(keys[249], []byte("last")))
	got, err := c.GetSome(t.Context(), keys)
	if err != nil || len(got) != 2 || string(got[keys[0]].Value) != "first" || got[keys[249]].ModRevision == 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestARangeIsReadAsItWas(t *testing.T) {
	c := open(t)
	var want []string
	var at int64
	for i := range 20 {
		var writes []*rpcv1.Write
		for j := range 100 {
			key := fmt.Sprintf("a/%03d", 100*j+i)
			want = append(want, key)
			writes = append(writes, coord.Put(key, make([]byte, 500)))
		}
		at = commit(t, c, nil, writes...)
	}
	slices.Sort(want)
	commit(t, c, nil, coord.Put("a/later", nil), coord.Delete("a/000"))
	var got []string
	if err := c.Each(t.Context(), coord.Prefix("a/"), at, func(e coord.Entry) error {
		got = append(got, e.Key)
		return nil
	}); err != nil || !slices.Equal(got, want) {
		t.Errorf("%d keys, %v; want %d in order", len(got), err, len(want))
	}
	enough := errors.New("enough")
	if err := c.Each(t.Context(), coord.Prefix("a/"), at, func(coord.Entry) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("ended by %v", err)
	}
}

func TestChangesGoOnFromARevision(t *testing.T) {
	endpoint, direct := member(t)
	way := newRelay(t, endpoint)
	c := connect(t, way.listener.Addr().String())
	commit(t, direct, nil, coord.Put("v/before", nil))
	truth, head, err := direct.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	commit(t, direct, nil, coord.Put("v/1", []byte("one")), coord.Put("other", nil))
	done := errors.New("seen it all")
	var got []string
	err = c.Changes(t.Context(), coord.Prefix("v/"), truth, head, func(b coord.Batch) error {
		for _, e := range b.Events {
			got = append(got, fmt.Sprintf("%s=%s", e.Key, e.Value))
		}
		switch {
		case b.Reset:
			t.Error("a list")
		case slices.Contains(got, "v/2="):
			return done
		case len(got) == 1 && len(b.Events) == 1:
			way.lead("") // cut, and something happens meanwhile
			commit(t, direct, nil, coord.Put("v/2", []byte("two")))
			commit(t, direct, nil, coord.Delete("v/2"))
			way.lead(endpoint)
		}
		return nil
	})
	if want := []string{"v/1=one", "v/2=two", "v/2="}; !errors.Is(err, done) || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

func TestChangesDoNotGoOnFromWhatIsGone(t *testing.T) {
	endpoint, c := member(t)
	commit(t, c, nil, coord.Put("v/1", nil))
	truth, head, err := c.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	nothing := func(coord.Batch) error { return errors.New("something came") }
	other := truth
	other.Epoch[0]++
	wantGone(t, "another truth", c.Changes(t.Context(), coord.Prefix("v/"), other, head, nothing))
	wantGone(t, "a revision to come", c.Changes(t.Context(), coord.Prefix("v/"), truth, head+100, nothing))

	last := commit(t, c, nil, coord.Put("v/2", nil))
	last = max(last, commit(t, c, nil, coord.Put("v/3", nil)))
	etcd, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = etcd.Close() }()
	if _, err := etcd.Compact(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	wantGone(t, "compacted", c.Changes(t.Context(), coord.Prefix("v/"), truth, head, nothing))
	wantGone(t, "compacted, whole", c.Each(t.Context(), coord.Prefix("v/"), head, func(coord.Entry) error { return nil }))
}

func wantGone(t *testing.T, what string, err error) {
	t.Helper()
	if fault.ReasonOf(err) != rpcv1.Reason_REASON_WRONG_STATE {
		t.Errorf("%s: %v", what, err)
	}
}
