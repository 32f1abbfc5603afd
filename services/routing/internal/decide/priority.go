package decide

import "github.com/daysidehq/dayside/services/routing/internal/view"

// priorityKey orders by tier, then as the line lists its sites, whoever closes when. Lower comes first.
func priorityKey(at *view.LineSite, place int) uint64 { return uint64(at.Tier)<<32 | uint64(place) }
