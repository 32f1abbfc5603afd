package systemtest

import (
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/protobuf/types/known/timestamppb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// TestTheExampleIsCoveredForAYear: what people start from has no time that nobody serves; the hidden line's gaps are the
// rota's, and those of the published line are meant.
func TestTheExampleIsCoveredForAYear(t *testing.T) {
	s := startOne(t, options{})
	from := tuesdayTenUTC()
	for line, want := range map[string]schedulev1.CoverageGap_Kind{
		exampleHiddenLine: schedulev1.CoverageGap_KIND_PLANNED, "lines/public-support": schedulev1.CoverageGap_KIND_INTENDED,
	} {
		resp, err := schedulev1.NewScheduleServiceClient(s.grpc).QueryCoverage(t.Context(), &schedulev1.QueryCoverageRequest{
			Line: line, GapsOnly: true,
			Interval: &interval.Interval{
				StartTime: timestamppb.New(from), EndTime: timestamppb.New(from.Add(398 * 24 * time.Hour)),
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(resp.GetJudgedGaps()) < 100 {
			t.Errorf("%s: %d gaps; sites should be closed on weekends", line, len(resp.GetJudgedGaps()))
		}
		for _, g := range resp.GetJudgedGaps() {
			if g.GetKind() != want {
				t.Errorf("%s: %v", line, g)
			}
		}
	}
}
