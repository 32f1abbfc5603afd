package coord_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
)

func TestAHeldKeyFollowsItsValueInFewWritesAndGoesWithItsHolder(t *testing.T) {
	c := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	var n atomic.Int64
	changed := make(chan struct{}, 1)
	done := make(chan error, 1)
	go func() {
		done <- c.Hold(ctx, "status/a", func() []byte { return fmt.Append(nil, n.Load()) }, changed)
	}()
	is := func(want string) func() bool {
		return func() bool {
			e, err := c.Get(t.Context(), "status/a")
			return err == nil && string(e.Value) == want
		}
	}
	await.True(t, "the first value", is("0"))
	began, err := c.Get(t.Context(), "status/a")
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		n.Add(1)
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	await.True(t, "the last value", is("1000"))
	// Nobody else writes: revisions count the writes.
	if e, err := c.Get(t.Context(), "status/a"); err != nil || e.ModRevision-began.ModRevision > 4 {
		t.Errorf("%d writes for 1,000 changes at once, %v", e.ModRevision-began.ModRevision, err)
	}
	cancel()
	if err := await.Receive(t, "Hold to return", done); !errors.Is(err, context.Canceled) {
		t.Errorf("Hold ended with %v", err)
	}
	if _, err := c.Get(t.Context(), "status/a"); fault.ReasonOf(err) != rpcv1.Reason_REASON_NOT_FOUND {
		t.Errorf("the holder is gone, and the key: %v", err)
	}
}

// impatient is a clock on which a wait is over after what etcd takes to answer, more or less: a second member is asked just
// when the first one answers.
type impatient struct{ clock.System }

func (impatient) After(time.Duration) <-chan time.Time {
	return clock.System{}.After(rand.N(3 * time.Millisecond))
}

// TestAHeldKeyTakesTheWriteAskedOfSeveralMembers: what one member is asked for must not change because another has answered.
func TestAHeldKeyTakesTheWriteAskedOfSeveralMembers(t *testing.T) {
	endpoint, direct := member(t)
	c, err := coord.Open(t.Context(), coord.Config{Endpoints: []string{endpoint}, Clock: impatient{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	for i := range 80 {
		key := fmt.Sprintf("status/%d", i)
		write(t, direct, key, "somebody else's") // so that the first write does not find what it expects
		ctx, cancel := context.WithCancel(t.Context())
		var holding sync.WaitGroup
		holding.Go(func() { _ = c.Hold(ctx, key, func() []byte { return []byte("ours") }, nil) })
		await.True(t, "our value", func() bool {
			e, err := direct.Get(t.Context(), key)
			return err == nil && string(e.Value) == "ours"
		})
		cancel()
		holding.Wait()
	}
}
