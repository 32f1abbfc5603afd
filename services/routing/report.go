package routing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/journal"
	"github.com/daysidehq/dayside/services/internal/spool"
	"github.com/daysidehq/dayside/services/routing/internal/continuation"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

const (
	// committedWithin is how long a report waits for the ledger before it is said to be spooled.
	committedWithin = 200 * time.Millisecond
	// syncWithin is how long a report waits for the disk.
	syncWithin = 5 * time.Second
	// earliestUnixS is 2000-01-01: before it no gateway reported a call.
	earliestUnixS = 946684800
	// maxAheadOfUs is how far a gateway's clock may be ahead of this one's.
	maxAheadOfUs = 24 * time.Hour
)

// reports takes the reports of gateways, and leaves them in the journal. It knows nothing of calls: reports come in any
// order, twice, and of calls that nobody routed, and the ledger makes one story of them.
type reports struct {
	journal *journal.Journal
	clock   clock.Clock
}

// reportCall answers once the report is on this host's disk, or in the ledger.
func (s *reports) reportCall(
	ctx context.Context, v *view.View, r *routingv1.ReportCallRequest,
) (*routingv1.ReportCallResponse, error) {
	now := s.clock.Now()
	if err := checkReport(r, now); err != nil {
		return nil, err
	}
	_, at, err := s.journal.Append(nil, journal.Report, reportRecord(v, r, now))
	if err != nil {
		return nil, fault.Unavailable("the spool of reports", err)
	}
	soon, cancel := context.WithTimeout(ctx, syncWithin)
	defer cancel()
	unsynced := s.journal.Sync(soon, at)
	soon, cancel = context.WithTimeout(ctx, committedWithin)
	defer cancel()
	switch err := s.journal.Delivered(soon, at); {
	case err == nil: // the ledger has it, whatever became of this disk
		return &routingv1.ReportCallResponse{Durability: routingv1.Durability_DURABILITY_COMMITTED}, nil
	case unsynced != nil, errors.Is(err, spool.ErrRefused), errors.Is(err, spool.ErrFailed):
		return nil, fault.Unavailable("the spool of reports", errors.Join(unsynced, err))
	}
	return &routingv1.ReportCallResponse{Durability: routingv1.Durability_DURABILITY_SPOOLED}, nil
}

// reportRecord is a report as it is kept: without its continuation, and with what that says.
func reportRecord(v *view.View, r *routingv1.ReportCallRequest, now time.Time) *routingv1.ReportRecord {
	kept := &routingv1.ReportCallRequest{
		CallId: r.GetCallId(), Gateway: r.GetGateway(), StartTime: r.GetStartTime(), AnswerTime: r.GetAnswerTime(),
		EndTime: r.GetEndTime(), Attempts: make([]*routingv1.Attempt, len(r.GetAttempts())),
	}
	for i, a := range r.GetAttempts() {
		if kept.Attempts[i] = a; strings.ContainsFunc(a.GetDetail(), unicode.IsControl) {
			kept.Attempts[i] = proto.CloneOf(a)
			kept.Attempts[i].Detail = strings.Map(printable, a.GetDetail())
		}
	}
	of := continuation.Of{Gateway: r.GetGateway().GetGatewayId(), CallID: r.GetCallId()}
	fate := routingv1.ContinuationFate_CONTINUATION_FATE_READ
	opened, err := v.Ring().Open(of, r.GetContinuation(), now)
	if err != nil {
		fate = fateOf(err)
	}
	return &routingv1.ReportRecord{Report: kept, Fate: fate, Step: int32(opened.Step)}
}

// printable puts a space in the place of what moves a terminal's cursor: details come from strangers' networks.
func printable(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}

// checkReport judges what the proto's own rules do not: instants. Their order is not judged, since they may be read off
// several clocks.
func checkReport(r *routingv1.ReportCallRequest, now time.Time) error {
	var broken fault.Violations
	checkInstant(&broken, "start_time", r.GetStartTime(), now)
	checkInstant(&broken, "answer_time", r.GetAnswerTime(), now)
	checkInstant(&broken, "end_time", r.GetEndTime(), now)
	for i, a := range r.GetAttempts() {
		checkInstant(&broken, fmt.Sprintf("attempts[%d].start_time", i), a.GetStartTime(), now)
		checkInstant(&broken, fmt.Sprintf("attempts[%d].end_time", i), a.GetEndTime(), now)
	}
	return broken.Err()
}

func checkInstant(broken *fault.Violations, field string, at *timestamppb.Timestamp, now time.Time) {
	if at == nil {
		return
	}
	value := fmt.Sprintf("%d s %d ns", at.GetSeconds(), at.GetNanos())
	if at.IsValid() {
		value = at.AsTime().Format(time.RFC3339)
	}
	switch {
	case !at.IsValid():
		broken.Add(field, value, "must be a timestamp from year 1 to 9999, with 0 to 999,999,999 nanoseconds")
	case at.GetSeconds() < earliestUnixS:
		broken.Add(field, value, "must not be before 2000-01-01: is the gateway's clock set?")
	case at.AsTime().After(now.Add(maxAheadOfUs)):
		broken.Add(field, value, "must not be more than 24 hours ahead of this process's clock")
	}
}
