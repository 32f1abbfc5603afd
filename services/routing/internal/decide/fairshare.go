package decide

import (
	"github.com/daysidehq/dayside/services/internal/timeline"
	"github.com/daysidehq/dayside/services/routing/internal/rendezvous"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// fairShareKey orders as followSunKey does up to in-house before outsourced, then so that calls are shared by capacity,
// whoever closes when; lower comes first. From the highest bit down:
//
//	1  less than min_remaining left
//	7  the site's tier on the line
//	1  outsourced
//	55 the site's place for this call
//
// Of calls that a group of sites gets, each is called first in proportion to its capacity; one that states none counts as
// one call at once.
func fairShareKey(at *view.LineSite, s timeline.State, minRemainingS uint32, callHash uint64) uint64 {
	key := uint64(at.Tier) << 1
	if s.RemainingS < minRemainingS {
		key |= 1 << 8
	}
	if at.Outsourced {
		key |= 1
	}
	const bits = rendezvous.ShareBits - 1
	return key<<bits | rendezvous.Share(callHash, at.Hash, max(at.Capacity, 1))>>1
}
