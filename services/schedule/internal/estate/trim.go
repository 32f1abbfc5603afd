package estate

import (
	"google.golang.org/protobuf/proto"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// MaxImpactBytes bounds what is told of an impact: a gRPC peer takes 4 MiB where it is not told otherwise.
const MaxImpactBytes = 2 << 20

// Trim keeps an impact within maxBytes, for an answer: of the lines and sites that come after those that fit, only how much
// is left out is told. Lines come first, and of a line its gaps before its handovers.
func Trim(i *schedulev1.Impact, maxBytes int) {
	left := maxBytes
	for _, l := range i.GetLines() {
		if left -= proto.Size(l); left >= 0 {
			continue
		}
		left += proto.Size(l)
		l.MoreHandovers += int32(len(l.GetHandovers()))
		l.Handovers = nil
		if left -= proto.Size(l); left >= 0 {
			continue
		}
		left += proto.Size(l)
		l.MoreGaps += int32(len(l.GetGapsCreated()) + len(l.GetGapsClosed()) + len(l.GetGapsPlanned()))
		l.GapsCreated, l.GapsClosed, l.GapsPlanned = nil, nil, nil
	}
	for _, s := range i.GetSites() {
		if left -= proto.Size(s); left >= 0 {
			continue
		}
		left += proto.Size(s)
		s.MoreOpenings += int32(len(s.GetOpenings()))
		s.Openings, s.Weeks = nil, nil
	}
}
