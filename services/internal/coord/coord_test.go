package coord_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/coord/embed"
	"github.com/daysidehq/dayside/services/internal/fault"
)

func open(t *testing.T) *coord.Client {
	t.Helper()
	srv, err := embed.Start(t.Context(), embed.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	c, err := coord.Open(t.Context(), coord.Config{Endpoints: []string{srv.Endpoint()}, Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func commit(t *testing.T, c *coord.Client, conds []*rpcv1.Condition, writes ...*rpcv1.Write) int64 {
	t.Helper()
	rev, err := c.Commit(t.Context(), conds, writes)
	if err != nil {
		t.Fatal(err)
	}
	return rev
}

func TestCommitIsAllOrNothing(t *testing.T) {
	c := open(t)
	rev := commit(t, c, []*rpcv1.Condition{coord.Unchanged("a/1", 0)},
		coord.Put("a/1", []byte("one")), coord.Put("a/2", []byte("two")))
	e, err := c.Get(t.Context(), "a/1")
	if err != nil || string(e.Value) != "one" || e.ModRevision != rev {
		t.Fatalf("got %+v, %v; want one at revision %d", e, err, rev)
	}
	for name, cond := range map[string]*rpcv1.Condition{
		"a key that must not exist does": coord.Unchanged("a/1", 0),
		"an older revision":              coord.Unchanged("a/1", rev-1),
		"a key that must exist does not": coord.Exists("b"),
		"the prefix has changed":         coord.NothingNewUnder("a/", rev-1),
	} {
		_, err := c.Commit(t.Context(), []*rpcv1.Condition{cond}, []*rpcv1.Write{coord.Put("lost", nil)})
		if fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT {
			t.Errorf("%s: got %v, want a conflict", name, err)
		}
	}
	if _, err := c.Get(t.Context(), "lost"); fault.ReasonOf(err) != rpcv1.Reason_REASON_NOT_FOUND {
		t.Errorf("a refused commit wrote: %v", err)
	}
	commit(t, c, []*rpcv1.Condition{
		coord.Unchanged("a/1", rev), coord.Exists("a/2"), coord.NothingNewUnder("a/", rev), coord.NothingNewUnder("z/", 0),
	}, coord.Delete("a/1"))
}

func TestListPages(t *testing.T) {
	c := open(t)
	var writes []*rpcv1.Write
	for i := range 25 {
		writes = append(writes, coord.Put(fmt.Sprintf("p/%02d", i), []byte{byte(i)}))
	}
	commit(t, c, nil, append(writes, coord.Put("q", nil))...)
	var keys []string
	after := ""
	for {
		page, err := c.List(t.Context(), "p/", after, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entries {
			keys = append(keys, e.Key)
		}
		if !page.More {
			break
		}
		after = keys[len(keys)-1]
	}
	if len(keys) != 25 || keys[0] != "p/00" || keys[24] != "p/24" {
		t.Fatalf("pages gave %v", keys)
	}
	all, _, err := c.ListAll(t.Context(), "p/")
	if err != nil || len(all) != 25 {
		t.Fatalf("ListAll gave %d, %v", len(all), err)
	}
	if keys, rev, err := c.Keys(t.Context(), "p/"); err != nil || len(keys) != 25 || keys[24].Key != "p/24" ||
		keys[24].Value != nil || keys[24].ModRevision != rev {
		t.Fatalf("Keys gave %v at %d, %v", keys, rev, err)
	}
	if all, _, err := c.ListAll(t.Context(), ""); err != nil || len(all) != 26 {
		t.Fatalf("ListAll of everything gave %d, %v", len(all), err)
	}
}

func TestFollowGivesTheStateThenEveryTransactionWhole(t *testing.T) {
	c := open(t)
	commit(t, c, nil, coord.Put("v/a", []byte("1")), coord.Put("v/b", []byte("2")), coord.Put("w/other", nil))
	batches := make(chan coord.Batch, 100)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Follow(ctx, coord.Prefix("v/"), func(b coord.Batch) { batches <- b }) }()
	first := next(t, batches)
	if !first.Reset || len(first.Events) != 2 {
		t.Fatalf("first batch %+v", first)
	}
	rev := commit(t, c, nil, coord.Put("v/a", []byte("3")), coord.Delete("v/b"), coord.Put("v/c", []byte{}))
	b := next(t, batches)
	if b.Reset || b.Revision != rev || len(b.Events) != 3 || b.Events[1].Value != nil || b.Events[2].Value == nil {
		t.Fatalf("second batch %+v; want all three events of revision %d", b, rev)
	}
	// A heartbeat comes without a change, and so does the revision of changes elsewhere.
	rev = commit(t, c, nil, coord.Put("w/other", []byte("x")))
	for b := next(t, batches); b.Revision < rev; b = next(t, batches) {
		if len(b.Events) != 0 {
			t.Fatalf("an event out of range: %+v", b)
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatalf("Follow returned %v", err)
	}
}

func next(t *testing.T, batches <-chan coord.Batch) coord.Batch {
	t.Helper()
	return await.Receive(t, "a batch", batches)
}

func TestReachSaysWhereNobodyAnswers(t *testing.T) {
	t.Parallel() // it waits, and does nothing meanwhile

	c, err := coord.Open(t.Context(), coord.Config{Endpoints: []string{"127.0.0.1:1"}, Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	err = c.Reach(t.Context())
	if fault.ReasonOf(err) != rpcv1.Reason_REASON_BACKEND_UNAVAILABLE {
		t.Fatalf("got %v", err)
	}
}

func TestEmbeddedMemberRefusesOtherThanLoopback(t *testing.T) {
	if _, err := embed.Start(t.Context(), embed.Config{Dir: t.TempDir(), Listen: "0.0.0.0:0"}); err == nil {
		t.Fatal("a member without credentials listens for everybody")
	}
}

func TestEmbeddedMemberKeepsItsDataOverARestart(t *testing.T) {
	dir := t.TempDir()
	for round := range 2 {
		srv, err := embed.Start(t.Context(), embed.Config{Dir: dir, Listen: "127.0.0.1:0", Fast: true})
		if err != nil {
			t.Fatal(err)
		}
		c, err := coord.Open(t.Context(), coord.Config{Endpoints: []string{srv.Endpoint()}, Clock: clock.System{}})
		if err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			commit(t, c, nil, coord.Put("kept", []byte("yes")))
		} else if e, err := c.Get(t.Context(), "kept"); err != nil || string(e.Value) != "yes" {
			t.Fatalf("after the restart: %+v, %v", e, err)
		}
		_ = c.Close()
		srv.Close()
	}
}

// TestHeartbeatsGoOnAfterARestartOfEtcdThoughNothingIsWritten: etcd answers progress requests only after a write behind
// the revision at which a watch was resumed, so they alone would let a quiet cluster's view grow old.
func TestHeartbeatsGoOnAfterARestartOfEtcdThoughNothingIsWritten(t *testing.T) {
	dir := t.TempDir()
	srv, err := embed.Start(t.Context(), embed.Config{Dir: dir, Listen: "127.0.0.1:0", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	way := newRelay(t, srv.Endpoint()) // it goes on being reached at one address, which nobody takes meanwhile
	c := connect(t, way.listener.Addr().String())
	commit(t, c, nil, coord.Put("v/a", []byte("1")))
	batches := make(chan coord.Batch, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Follow(ctx, coord.Prefix("v/"), func(b coord.Batch) { batches <- b }) }()
	next(t, batches)
	way.lead("")
	srv.Close()
	for len(batches) > 0 {
		<-batches
	}
	srv, err = embed.Start(t.Context(), embed.Config{Dir: dir, Listen: "127.0.0.1:0", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	way.lead(srv.Endpoint())
	for range 4 {
		if b := next(t, batches); b.Reset {
			t.Error("the range was listed anew, where a heartbeat would have done")
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Follow returned %v", err)
	}
}

func TestADamagedDirectoryIsAnErrorAndNotTheEndOfTheProcess(t *testing.T) {
	dir := t.TempDir()
	srv, err := embed.Start(t.Context(), embed.Config{Dir: dir, Listen: "127.0.0.1:0", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	srv.Close()
	db := filepath.Join(dir, "member-data", "member", "snap", "db")
	if err := os.WriteFile(db, bytes.Repeat([]byte("damaged "), 8192), 0o600); err != nil {
		t.Fatal(err)
	}
	srv, err = embed.Start(t.Context(), embed.Config{Dir: dir, Listen: "127.0.0.1:0", Fast: true})
	if err == nil {
		srv.Close()
		t.Fatal("it started on a damaged database")
	}
	if !strings.Contains(err.Error(), dir) {
		t.Errorf("the error does not say where: %v", err)
	}
}
