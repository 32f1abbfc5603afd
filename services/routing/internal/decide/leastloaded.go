package decide

import (
	"github.com/daysidehq/dayside/services/routing/internal/rendezvous"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

const (
	// assumedCapacity is that of a site that states none.
	assumedCapacity = 100
	// loadBits hold a share of the capacity with loadScaleBits behind the point: two shares of capacities up to 10,000
	// differ by a hundred-millionth at least. A site that carries sixteen times what it can is as full as can be.
	loadBits      = 32
	loadScaleBits = 28
)

// leastLoadedKey orders by tier, then by the share of its capacity that a site has in use; lower comes first. From the
// highest bit down:
//
//	7  the site's tier on the line
//	32 the share in use
//	25 the site's weight for this call, which settles ties
func leastLoadedKey(at *view.LineSite, live view.SiteLive, callHash uint64) uint64 {
	capacity := uint64(at.Capacity)
	if capacity == 0 {
		capacity = assumedCapacity
	}
	load := min(uint64(max(live.ActiveCalls, 0))<<loadScaleBits/capacity, 1<<loadBits-1)
	return (uint64(at.Tier)<<loadBits|load)<<25 | rendezvous.Weight(callHash, at.Hash)>>39
}
