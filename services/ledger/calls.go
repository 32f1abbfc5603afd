package ledger

import (
	"context"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/resource"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/ledger/internal/mark"
	"github.com/daysidehq/dayside/services/ledger/internal/store"
)

const (
	callsCollection = "calls"
	auditCollection = "audit"
	// maxDecisionBytes bounds a decision with its facts: what a request to replay it may be.
	maxDecisionBytes = rpc.MaxRequestBytes - 64<<10
)

// AppendRecords is ledgerv1.LedgerServiceServer's.
func (s *Service) AppendRecords(ctx context.Context, r *ledgerv1.AppendRecordsRequest) (
	*ledgerv1.AppendRecordsResponse, error,
) {
	began := s.cfg.Clock.Now()
	n, err := s.store.Append(ctx, r.GetRecords())
	s.meters.append(ctx, n, len(r.GetRecords()), s.cfg.Clock.Now().Sub(began), err)
	if err != nil {
		return nil, err
	}
	return &ledgerv1.AppendRecordsResponse{Appended: int32(n)}, nil
}

// GetCall is ledgerv1.LedgerServiceServer's.
func (s *Service) GetCall(ctx context.Context, r *ledgerv1.GetCallRequest) (*ledgerv1.Call, error) {
	c, err := s.store.Call(ctx, strings.TrimPrefix(r.GetName(), callsCollection+"/"))
	if err != nil {
		return nil, err
	}
	return shown(ctx, c), nil
}

// ListCalls is ledgerv1.LedgerServiceServer's.
func (s *Service) ListCalls(ctx context.Context, r *ledgerv1.ListCallsRequest) (*ledgerv1.ListCallsResponse, error) {
	after, err := mark.Read(r.GetPageToken(), callsCollection)
	if err != nil {
		return nil, err
	}
	q := store.CallQuery{
		Line: r.GetLine(), Customer: r.GetCustomer(), Site: r.GetSite(), Outcome: r.GetOutcome(), FollowUp: r.GetFollowUp(),
		Former: r.GetFormerNumber(), Revealed: r.GetNumberRevealed(), After: after, Limit: resource.PageSize(r.GetPageSize()),
	}
	if q.From, q.To, err = period(r.GetStartTime(), r.GetEndTime()); err != nil {
		return nil, err
	}
	calls, next, err := s.store.Calls(ctx, q)
	if err != nil {
		return nil, err
	}
	for i, c := range calls {
		calls[i] = shown(ctx, c)
	}
	return &ledgerv1.ListCallsResponse{Calls: calls, NextPageToken: next.Token(callsCollection)}, nil
}

// GetDecision is ledgerv1.LedgerServiceServer's.
func (s *Service) GetDecision(ctx context.Context, r *ledgerv1.GetDecisionRequest) (*ledgerv1.GetDecisionResponse, error) {
	d, facts, err := s.store.Decision(ctx, strings.TrimPrefix(r.GetName(), callsCollection+"/"), r.GetStep(), maxDecisionBytes)
	if err != nil {
		return nil, err
	}
	if !seesNumbers(ctx) && !rpc.PeerFrom(ctx).Has(rpcv1.Role_ROLE_SERVICE) {
		disguise(d)
	}
	return &ledgerv1.GetDecisionResponse{Decision: d, Facts: facts}, nil
}

// disguise takes from a decision what a peer may not see, so that it can be decided again all the same: every number that is
// one comes to the same, and every message that can be fetched.
func disguise(d *routingv1.DecisionRecord) {
	if d.GetCaller() != 0 {
		d.Caller = 1
	}
	if d.GetRecording().GetUri() != "" {
		d.Recording.Uri = "hidden:"
	}
}

// ListAuditEntries is ledgerv1.AuditServiceServer's.
func (s *Service) ListAuditEntries(ctx context.Context, r *ledgerv1.ListAuditEntriesRequest) (
	*ledgerv1.ListAuditEntriesResponse, error,
) {
	after, err := mark.Read(r.GetPageToken(), auditCollection)
	if err != nil {
		return nil, err
	}
	q := store.AuditQuery{Resource: r.GetResource(), Peer: r.GetPeer(), After: after, Limit: resource.PageSize(r.GetPageSize())}
	if q.From, q.To, err = period(r.GetStartTime(), r.GetEndTime()); err != nil {
		return nil, err
	}
	entries, next, err := s.store.Audit(ctx, q)
	if err != nil {
		return nil, err
	}
	return &ledgerv1.ListAuditEntriesResponse{Entries: entries, NextPageToken: next.Token(auditCollection)}, nil
}

// seesNumbers says who is shown callers' numbers, and where messages can be fetched.
func seesNumbers(ctx context.Context) bool {
	return rpc.PeerFrom(ctx).Has(rpcv1.Role_ROLE_SUPERVISOR, rpcv1.Role_ROLE_ADMIN)
}

// shown is a call as the peer may see it. Where anything is hidden it is a copy: watchers share what they are told.
func shown(ctx context.Context, c *ledgerv1.Call) *ledgerv1.Call {
	if seesNumbers(ctx) {
		return c
	}
	c = proto.CloneOf(c)
	if c.GetCallerNumber() != "" {
		c.CallerNumber = phone.Mask(c.GetCallerNumber())
	}
	for _, step := range c.GetSteps() {
		step.GetDecision().Caller = 0
		if r := step.GetDecision().GetRecording(); r != nil {
			r.Uri = ""
		}
	}
	return c
}

// period is [from, to); a zero time where there is no such bound.
func period(from, to *timestamppb.Timestamp) (start, end time.Time, err error) {
	var broken fault.Violations
	for field, ts := range map[string]*timestamppb.Timestamp{"start_time": from, "end_time": to} {
		if ts != nil && !ts.IsValid() {
			broken.Add(field, "", "must be a time from year 1 to 9999")
		}
	}
	if from != nil {
		start = from.AsTime()
	}
	if to != nil {
		end = to.AsTime()
	}
	return start, end, broken.Err()
}
