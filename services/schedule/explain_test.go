package schedule_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

func TestExplainSite(t *testing.T) {
	w := newWorld(t)
	w.create(t, site("dublin", "Europe/Dublin"))
	got, err := w.ExplainSite(t.Context(), &schedulev1.ExplainSiteRequest{Name: "sites/dublin"})
	if err != nil {
		t.Fatal(err)
	}
	if want := "dublin is closed at Sun 22 Nov 09:00 GMT: between Fri 20 Nov 17:00 and Mon 23 Nov 09:00 " +
		"by weekly hours, Sun closed; opens at Mon 23 Nov 09:00"; got.GetSentence() != want {
		t.Errorf("got  %s\nwant %s", got.GetSentence(), want)
	}
	if got.GetRuleKind() != schedulev1.HoursRule_HOURS_RULE_WEEKLY || !got.GetAt().AsTime().Equal(sunday) ||
		got.GetTzdataRelease() != w.zones.Release() {
		t.Errorf("got %v", got)
	}
	got, err = w.ExplainSite(t.Context(), &schedulev1.ExplainSiteRequest{
		Name: "sites/dublin", At: timestamppb.New(time.Date(2026, 12, 24, 15, 0, 0, 0, time.UTC)),
	})
	if err != nil || got.GetRuleKind() != schedulev1.HoursRule_HOURS_RULE_EXCEPTION || got.GetOpen() ||
		got.GetRule() != "exception 2026-12-24 (Christmas Eve): 09:00-12:00" {
		t.Errorf("Christmas Eve at three: %v, %v", got, err)
	}
	_, err = w.ExplainSite(t.Context(), &schedulev1.ExplainSiteRequest{Name: "sites/nowhere"})
	wantReason(t, "an unknown site", err, rpcv1.Reason_REASON_NOT_FOUND)
	for _, at := range []time.Time{sunday.Add(-3 * day), sunday.Add(403 * day)} {
		_, err = w.ExplainSite(t.Context(), &schedulev1.ExplainSiteRequest{Name: "sites/dublin", At: timestamppb.New(at)})
		wantReason(t, at.String(), err, rpcv1.Reason_REASON_INVALID_FIELD)
	}
}
