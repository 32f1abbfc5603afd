package schedule

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/schedule/internal/answer"
)

const (
	// maxWatches bounds the streams of one process that are under way at once.
	maxWatches = 256
	// maxWait is the longest sleep of a stream: a clock that is set, or a machine that slept, is noticed by then.
	maxWait = time.Minute
)

// WatchCoverage tells the present and the next handover of a line, and each change of them. Whoever reads slowly is told
// the latest only: what passed meanwhile is not kept.
func (s *Service) WatchCoverage(r *schedulev1.WatchCoverageRequest,
	stream grpc.ServerStreamingServer[schedulev1.WatchCoverageResponse],
) error {
	select {
	case s.watches <- struct{}{}:
		defer func() { <-s.watches }()
	default:
		return fault.LimitExceeded(fmt.Sprintf("this process serves %d watches already, which is all it may", maxWatches))
	}
	var told *schedulev1.WatchCoverageResponse
	for {
		changed := s.index.Changed() // before looking: a change during the look is not missed
		list, err := s.ask(r.GetLine())
		if err != nil {
			return err
		}
		now := s.cfg.Clock.Now()
		state, err := answer.Handover(r.GetLine(), list, now.Unix())
		if err != nil {
			return err
		}
		if !alike(told, state) {
			if err := stream.Send(state); err != nil {
				return err
			}
			told = state
		}
		if err := s.sleep(stream.Context(), now, state, changed); err != nil {
			return err
		}
	}
}

// sleep lasts until the next change, by the clock or by what is published.
func (s *Service) sleep(ctx context.Context, now time.Time, state *schedulev1.WatchCoverageResponse,
	changed <-chan struct{},
) error {
	wait := maxWait
	if state.GetNextChange() != nil {
		wait = min(wait, state.GetNextChange().AsTime().Sub(now))
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-changed:
	case <-s.cfg.Clock.After(wait):
	}
	return nil
}

// alike says whether two states differ in nothing but the instant.
func alike(a, b *schedulev1.WatchCoverageResponse) bool {
	if a == nil {
		return false
	}
	c := proto.CloneOf(b)
	c.At = a.GetAt()
	return proto.Equal(a, c)
}
