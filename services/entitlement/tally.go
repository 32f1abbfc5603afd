package entitlement

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/throttle"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
)

const (
	// tallyPrefix is where it is kept how often something was done lately, for all processes; the rest of the key is the kind,
	// and whom it is counted of.
	tallyPrefix = "entitlement/tallies/"
	// maxTallyTries is how often something is counted against other processes that count the same.
	maxTallyTries = 4
	// maxTallyWindow is the longest of all: what is older counts for nothing.
	maxTallyWindow = max(limitWindow, wrongPinWindow)
)

// tally limits how often something is done of one subject at all processes together. Subjects are customers and contacts
// that exist: a stranger cannot fill etcd with others.
type tally struct {
	store Store
	clock clock.Clock
	// kind is a part of the key.
	kind   string
	most   int
	window time.Duration
}

func (t tally) key(subject string) string { return tallyKey(t.kind, subject) }

func tallyKey(kind, subject string) string { return tallyPrefix + kind + "/" + subject }

// wait is how long to wait before another one, 0 where that is now; e is what stands at the key, zero where nothing does.
func (t tally) wait(e coord.Entry) (time.Duration, error) {
	times, err := tallied(e)
	_, wait := throttle.Add(times, t.clock.Now(), t.most, t.window)
	return wait, err
}

// take counts one more; LIMIT_EXCEEDED, with the wait, where that is one too many. what is said of it, in the plural.
func (t tally) take(ctx context.Context, subject, what string) error {
	for range maxTallyTries {
		e, err := t.store.Get(ctx, t.key(subject))
		if err != nil && fault.ReasonOf(err) != rpcv1.Reason_REASON_NOT_FOUND {
			return err
		}
		times, err := tallied(e)
		if err != nil {
			return err
		}
		kept, wait := throttle.Add(times, t.clock.Now(), t.most, t.window)
		if wait > 0 {
			return tooMany(what, wait)
		}
		after := &entitlementv1.StoredTally{}
		for _, at := range kept {
			after.Times = append(after.Times, timestamppb.New(at))
		}
		write, err := privately(t.key(subject), after)
		if err != nil {
			return err
		}
		still := []*rpcv1.Condition{coord.Unchanged(t.key(subject), e.ModRevision)}
		_, err = t.store.Commit(ctx, still, []*rpcv1.Write{write})
		if fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT {
			return err
		}
	}
	return fault.Conflict(t.kind)
}

func tallied(e coord.Entry) (times []time.Time, err error) {
	stands := &entitlementv1.StoredTally{}
	if err := proto.Unmarshal(e.Value, stands); err != nil {
		return nil, fault.Internal(fmt.Errorf("key %s: %w", e.Key, err))
	}
	for _, at := range stands.GetTimes() {
		times = append(times, at.AsTime())
	}
	return times, nil
}

// tooMany is LIMIT_EXCEEDED of something, in the plural.
func tooMany(what string, wait time.Duration) *fault.Fault {
	f := fault.LimitExceeded(fmt.Sprintf("too many %s; try again in %v", what, wait.Round(time.Second)))
	f.RetryAfter = wait
	return f
}
