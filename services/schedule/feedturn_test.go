package schedule

import (
	"context"
	"errors"
	"testing"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// TestFeedsAreMadeInTurn: two at once, others wait, and one too many is refused.
func TestFeedsAreMadeInTurn(t *testing.T) {
	b := newFeedBook()
	var making []func()
	for range maxFeedsMade {
		done, err := b.turn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		making = append(making, done)
	}
	ctx, cancel := context.WithCancel(t.Context())
	turns := make(chan error, maxFeedReaders)
	for range maxFeedReaders - maxFeedsMade {
		go func() {
			done, err := b.turn(ctx)
			turns <- err
			if err == nil {
				done()
			}
		}()
	}
	await.True(t, "all to wait", func() bool { return len(b.readers) == maxFeedReaders })
	if _, err := b.turn(t.Context()); fault.ReasonOf(err) != rpcv1.Reason_REASON_LIMIT_EXCEEDED {
		t.Errorf("one too many: %v", err)
	}
	select {
	case err := <-turns:
		t.Errorf("a third one at once: %v", err)
	default:
	}
	making[0]()
	if err := await.Receive(t, "the next turn", turns); err != nil {
		t.Error(err)
	}
	await.True(t, "all others to have had their turn", func() bool { return len(turns) == maxFeedReaders-maxFeedsMade-1 })
	making[1]()
	for range maxFeedReaders - maxFeedsMade - 1 {
		if err := <-turns; err != nil {
			t.Error(err)
		}
	}
	// Whoever goes away while waiting leaves its place.
	for range maxFeedsMade {
		if _, err := b.turn(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if _, err := b.turn(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("gone: %v", err)
	}
	await.True(t, "all who had their turn to have left", func() bool { return len(b.readers) == maxFeedsMade })
}
