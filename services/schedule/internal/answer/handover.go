package answer

import (
	"fmt"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// Handover is which sites of a line are open at an instant, and the next change. VIEW_NOT_READY where a timeline does not
// know the instant: it is to be extended, or has been.
func Handover(line string, sites []Site, atUnixS int64) (*schedulev1.WatchCoverageResponse, error) {
	out := &schedulev1.WatchCoverageResponse{Line: line, At: stamp(atUnixS), TzdataRelease: releases(sites)}
	var next int64
	for _, s := range sites {
		now := s.Timeline.At(atUnixS)
		if !now.Known {
			return nil, &fault.Fault{
				Reason: rpcv1.Reason_REASON_VIEW_NOT_READY, Resource: s.Name,
				Message: fmt.Sprintf("the hours of %s are not compiled for %s", s.Name, text(atUnixS)),
			}
		}
		if now.Open {
			out.Sites = append(out.Sites, s.Name)
		}
		if _, end := s.Timeline.Horizon(); now.UntilUnixS < end && (next == 0 || now.UntilUnixS < next) {
			next = now.UntilUnixS
		}
	}
	if next == 0 {
		return out, nil
	}
	out.NextChange = stamp(next)
	for _, s := range sites {
		if s.Timeline.At(next).Open {
			out.NextSites = append(out.NextSites, s.Name)
		}
	}
	return out, nil
}
