package rules

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/zones"
)

// FillOffsets says of each site how far its clock stands from UTC at the instant of the answer, and at its next change: so
// that whoever shows local times needs no rules, which might be others than those in force. Where the rules do not know a
// site's zone, nothing is said.
func FillOffsets(r *schedulev1.QueryOpenSitesResponse, b *zones.Bundle) {
	known := map[string]*time.Location{}
	for _, s := range r.GetSites() {
		loc, met := known[s.GetTimeZone()]
		if !met {
			loc, _ = b.Location(s.GetTimeZone()) // nil where it is not known
			known[s.GetTimeZone()] = loc
		}
		s.UtcOffset = offset(loc, r.GetAt())
		s.NextChangeUtcOffset = offset(loc, s.GetNextChange())
	}
}

func offset(loc *time.Location, at *timestamppb.Timestamp) *durationpb.Duration {
	if loc == nil || at == nil {
		return nil
	}
	_, eastS := at.AsTime().In(loc).Zone()
	return &durationpb.Duration{Seconds: int64(eastS)}
}
