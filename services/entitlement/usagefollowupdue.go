package entitlement

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/rpc"
)

const (
	// keepDueEvery is how often follow-ups are looked at that are due yet: a calendar may have changed.
	keepDueEvery = 10 * time.Minute
	// maxKeptDuePage and maxKeptDuePages bound those that are: the first to be due.
	maxKeptDuePage, maxKeptDuePages = 200, 20
)

// FollowUps is the part of the ledger's API by which follow-ups are moved on.
type FollowUps interface {
	// ListFollowUps reads follow-ups, the first to be due first.
	ListFollowUps(ctx context.Context, in *ledgerv1.ListFollowUpsRequest, opts ...grpc.CallOption,
	) (*ledgerv1.ListFollowUpsResponse, error)
	// UpdateFollowUp changes one; CONFLICT where etag is not the stored one.
	UpdateFollowUp(ctx context.Context, in *ledgerv1.UpdateFollowUpRequest, opts ...grpc.CallOption) (*ledgerv1.FollowUp, error)
}

// keepDue moves follow-ups on that would be due on a day on which the customer does no business any more, as a calendar, or
// the customer, says by now; never back, and none of which somebody chose the time. Any number of processes may.
func (u *usage) keepDue(ctx context.Context, now time.Time) {
	if u.s.cfg.FollowUps == nil || now.Sub(u.keptDue) < keepDueEvery {
		return
	}
	u.keptDue = now
	r := &ledgerv1.ListFollowUpsRequest{
		State: ledgerv1.FollowUpState_FOLLOW_UP_STATE_OPEN, DueAfterTime: timestamppb.New(now), PageSize: maxKeptDuePage,
	}
	for range maxKeptDuePages {
		moved, token, err := u.keepPageDue(ctx, r)
		if moved > 0 {
			u.s.cfg.Log.InfoContext(ctx, "follow-ups are due later: their days are none of business any more", "follow_ups", moved)
		}
		if err != nil && ctx.Err() == nil {
			u.s.cfg.Log.WarnContext(ctx, "it cannot be seen whether follow-ups are due on days of business; tried again",
				"after", keepDueEvery, "error", err)
		}
		if r.PageToken = token; err != nil || token == "" {
			return
		}
	}
}

// keepPageDue looks at one page.
func (u *usage) keepPageDue(ctx context.Context, r *ledgerv1.ListFollowUpsRequest) (moved int, next string, err error) {
	rules := u.s.cfg.Rules.Load()
	if rules == nil {
		return 0, "", notReady("the time-zone rules")
	}
	ctx, cancel := context.WithTimeout(ctx, countTimeout)
	defer cancel()
	list, err := u.s.cfg.FollowUps.ListFollowUps(ctx, r)
	if err != nil {
		return 0, "", rpc.Fault(err)
	}
	p, about := page{u: u, rules: rules}, make([]*ledgerv1.Call, 0, len(list.GetFollowUps()))
	for _, f := range list.GetFollowUps() { // what is read of a call that leaves one is what is needed here
		about = append(about, &ledgerv1.Call{Line: f.GetLine(), Customer: f.GetCustomer(), FollowUp: true})
	}
	if err := p.read(ctx, about); err != nil {
		return 0, "", err
	}
	for _, f := range list.GetFollowUps() {
		day, due := p.due(ctx, f.GetCustomer(), f.GetLine(), f.GetDueTime().GetSeconds()-1)
		overdue := !f.GetDueTime().AsTime().After(r.GetDueAfterTime().AsTime()) // a ledger of before tells of these, too
		if overdue || f.GetDueDate() == nil || proto.Equal(due, f.GetDueTime()) {
			continue
		}
		_, err := u.s.cfg.FollowUps.UpdateFollowUp(ctx, &ledgerv1.UpdateFollowUpRequest{
			Name: f.GetName(), Etag: f.GetEtag(), DueTime: due, DueDate: day,
		})
		switch {
		case err == nil:
			moved++
		case fault.ReasonOf(rpc.Fault(err)) != rpcv1.Reason_REASON_CONFLICT: // somebody else was sooner
			return moved, "", rpc.Fault(err)
		}
	}
	return moved, list.GetNextPageToken(), nil
}
