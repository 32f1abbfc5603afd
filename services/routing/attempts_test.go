package routing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/routing/internal/continuation"
	"github.com/daysidehq/dayside/services/routing/internal/view"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// told is who hears of attempts.
type told struct{ all []string }

func (l *told) attempted(gateway string, tried []attempted) {
	for _, one := range tried {
		l.all = append(l.all, fmt.Sprintf("%s %s %v", gateway, one.target.GetTargetId(), one.attempt.GetDisposition()))
	}
}

type anyReport struct{}

func (anyReport) reportCall(
	context.Context, *view.View, *routingv1.ReportCallRequest,
) (*routingv1.ReportCallResponse, error) {
	return &routingv1.ReportCallResponse{}, nil
}

// Of a report, attempts are told of that no step has brought before, once: a target that failed once must not count as two
// failures.
func TestReportsTellOfAttemptsOnce(t *testing.T) {
	b := view.Anew(nil)
	for _, r := range (viewtest.World{Lines: []*routingv1.Line{viewtest.Line("gold", 61255500100, "dublin", "denver")}}).Records() {
		b.Put(r.Key, r.Value)
	}
	for _, id := range []string{"dublin", "denver"} {
		r := viewtest.SiteRecord(viewtest.Site(id))
		b.Put(r.Key, r.Value)
	}
	key, err := continuation.Addition{Number: 1, NotBeforeUnixS: viewtest.Base}.Value([continuation.SecretBytes]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	b.Put(continuation.EtcdKey(1), key)
	now := viewtest.At(4)
	v, _ := b.View(1, now)
	var current view.Current
	current.Store(v)
	heard := &told{}
	c := &calls{current: &current, clock: clock.NewManual(now), hooks: hooks{live: heard, reporter: anyReport{}}}
	token, err := v.Ring().Seal(continuation.Of{Gateway: "g", CallID: "1"}, 2,
		&routingv1.ContinuationState{Line: "gold", Rung: 1}, now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	unreachable := func(id string) *routingv1.Attempt {
		return &routingv1.Attempt{TargetId: id, Disposition: routingv1.Disposition_DISPOSITION_UNREACHABLE}
	}
	report := func(change func(r *routingv1.ReportCallRequest)) string {
		r := &routingv1.ReportCallRequest{
			CallId: "1", Gateway: &routingv1.GatewayInfo{GatewayId: "g"}, Continuation: token, EndTime: timestamppb.New(now),
			Attempts: []*routingv1.Attempt{unreachable("nonsense"), unreachable("dublin.1"), unreachable("denver.1")},
		}
		change(r)
		heard.all = nil
		if _, err := c.ReportCall(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		return strings.Join(heard.all, ", ")
	}
	for what, change := range map[string]func(r *routingv1.ReportCallRequest){
		"goes on":              func(r *routingv1.ReportCallRequest) { r.EndTime = nil },
		"of nobody":            func(r *routingv1.ReportCallRequest) { r.Continuation = nil },
		"of another call":      func(r *routingv1.ReportCallRequest) { r.CallId = "2" },
		"of another's gateway": func(r *routingv1.ReportCallRequest) { r.Gateway.GatewayId = "h" },
	} {
		if got := report(change); got != "" {
			t.Errorf("a report of a call that %s: %s", what, got)
		}
	}
	// Who answered may talk for an hour: what was found before is told at once.
	answered := func(r *routingv1.ReportCallRequest) { r.AnswerTime, r.EndTime = timestamppb.New(now), nil }
	if got := report(answered); got != "g denver.1 DISPOSITION_UNREACHABLE" {
		t.Errorf("told of %q", got)
	}
	if got := report(func(*routingv1.ReportCallRequest) {}); got != "" {
		t.Errorf("told again of %q", got)
	}
}

func TestCallersWhoCannotBeIdentifiedDoNotFillTheLog(t *testing.T) {
	var log strings.Builder
	s := &signals{log: slog.New(slog.NewTextHandler(&log, nil))}
	for range 500 {
		s.unidentified(t.Context(), &decision{at: viewtest.At(1)}, errors.New("away"))
	}
	if n := strings.Count(log.String(), "cannot be identified"); n == 0 || n > maxLinesPerS {
		t.Errorf("%d lines of 500", n)
	}
}

// A process without a disk for records sends a report elsewhere: clients try another process of one that is unavailable.
func TestAReportThatCannotBeKeptHereIsToldElsewhere(t *testing.T) {
	_, err := (&calls{}).ReportCall(t.Context(), &routingv1.ReportCallRequest{CallId: "c1"})
	if fault.ReasonOf(err) != rpcv1.Reason_REASON_BACKEND_UNAVAILABLE {
		t.Errorf("answered %v", err)
	}
}
