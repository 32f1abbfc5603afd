package decide

import (
	"github.com/daysidehq/dayside/services/routing/internal/rendezvous"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// weightedKey orders by tier, then so that calls are shared by weight, whoever closes when; lower comes first. From the
// highest bit down:
//
//	7  the site's tier on the line
//	1  stands by: a weight of 0 comes behind all of its tier that have one; several such share alike
//	56 the site's place for this call
//
// It knows of a site nothing but its own: one that opens, closes or gets another weight moves no call between others.
func weightedKey(at *view.LineSite, callHash uint64) uint64 {
	key, weight := uint64(at.Tier)<<1, at.Weight
	if weight == 0 {
		key, weight = key|1, 1
	}
	return key<<rendezvous.ShareBits | rendezvous.Share(callHash, at.Hash, weight)
}
