package coord_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
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
