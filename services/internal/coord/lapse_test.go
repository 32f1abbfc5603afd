package coord_test

import (
	"context"
	"testing"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
)

func TestAKeyWithATimeGoesByItselfAndStaysWhereItIsWrittenAgain(t *testing.T) {
	t.Parallel() // it waits, and does nothing meanwhile

	c := open(t)
	put := func(key, value string, ttl time.Duration) {
		t.Helper()
		if _, err := c.PutFor(t.Context(), ttl, nil, key, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	put("live/goes", "1", 2*time.Second)
	put("live/stays", "1", 2*time.Second)
	put("live/stays", "2", time.Hour)
	await.True(t, "the first one to go", func() bool {
		_, err := c.Get(t.Context(), "live/goes")
		return fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND
	})
	// Its first lease has ended with the other's.
	if e, err := c.Get(t.Context(), "live/stays"); err != nil || string(e.Value) != "2" {
		t.Errorf("written again for an hour: %q, %v", e.Value, err)
	}
}

func TestAKeyWithATimeIsWrittenUnderItsConditionsOnly(t *testing.T) {
	c := open(t)
	under := []*rpcv1.Condition{coord.Exists("sites/dublin")}
	_, err := c.PutFor(t.Context(), time.Minute, under, "live/dublin", []byte("1"))
	if fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT {
		t.Errorf("without the site: %v", err)
	}
	revision, err := c.Commit(t.Context(), nil, []*rpcv1.Write{coord.Put("sites/dublin", nil)})
	if err != nil {
		t.Fatal(err)
	}
	at, err := c.PutFor(t.Context(), time.Minute, under, "live/dublin", []byte("1"))
	if err != nil || at <= revision {
		t.Errorf("with the site: revision %d, %v", at, err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.PutFor(gone, time.Minute, nil, "live/dublin", nil); err == nil {
		t.Error("a request that was given up is done")
	}
}
