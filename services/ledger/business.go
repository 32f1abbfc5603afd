package ledger

import (
	"context"
	"strings"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/resource"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/ledger/internal/mark"
	"github.com/daysidehq/dayside/services/ledger/internal/store"
)

const (
	chargesCollection   = "charges"
	followUpsCollection = "followUps"
)

// business implements BusinessService.
type business struct {
	ledgerv1.UnimplementedBusinessServiceServer
	*Service
}

// ListCharges is ledgerv1.BusinessServiceServer's.
func (b business) ListCharges(ctx context.Context, r *ledgerv1.ListChargesRequest) (*ledgerv1.ListChargesResponse, error) {
	after, err := mark.Read(r.GetPageToken(), chargesCollection)
	if err != nil {
		return nil, err
	}
	q := store.ChargeQuery{
		Customer: r.GetCustomer(), State: r.GetState(), After: after, Limit: resource.PageSize(r.GetPageSize()),
	}
	if q.From, q.To, err = period(r.GetStartTime(), r.GetEndTime()); err != nil {
		return nil, err
	}
	list, next, err := b.store.Charges(ctx, q)
	if err != nil {
		return nil, err
	}
	if !seesNumbers(ctx) {
		for _, c := range list {
			c.Number = masked(c.GetNumber())
		}
	}
	return &ledgerv1.ListChargesResponse{Charges: list, NextPageToken: next.Token(chargesCollection)}, nil
}

// ListFollowUps is ledgerv1.BusinessServiceServer's.
func (b business) ListFollowUps(ctx context.Context, r *ledgerv1.ListFollowUpsRequest) (
	*ledgerv1.ListFollowUpsResponse, error,
) {
	after, err := mark.Read(r.GetPageToken(), followUpsCollection)
	if err != nil {
		return nil, err
	}
	q := store.FollowUpQuery{
		Customer: r.GetCustomer(), Owner: r.GetOwner(), State: r.GetState(), After: after,
		Limit: resource.PageSize(r.GetPageSize()),
	}
	if due := r.GetDueTime(); due != nil {
		if !due.IsValid() {
			return nil, fault.Invalid(fault.Violation{Field: "due_time", Rule: "must be a time from year 1 to 9999"})
		}
		q.DueBy = due.AsTime()
	}
	list, next, err := b.store.FollowUps(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, f := range list {
		hideCaller(ctx, f)
	}
	return &ledgerv1.ListFollowUpsResponse{FollowUps: list, NextPageToken: next.Token(followUpsCollection)}, nil
}

// UpdateFollowUp is ledgerv1.BusinessServiceServer's.
func (b business) UpdateFollowUp(ctx context.Context, r *ledgerv1.UpdateFollowUpRequest) (*ledgerv1.FollowUp, error) {
	if due := r.GetDueTime(); due != nil && !due.IsValid() {
		return nil, fault.Invalid(fault.Violation{Field: "due_time", Rule: "must be a time from year 1 to 9999"})
	}
	f, err := b.store.UpdateFollowUp(ctx, r.GetName(), r.GetEtag(), func(f *ledgerv1.FollowUp) error {
		if f.GetState() == ledgerv1.FollowUpState_FOLLOW_UP_STATE_DONE &&
			r.GetState() == ledgerv1.FollowUpState_FOLLOW_UP_STATE_DROPPED {
			return fault.WrongState(f.GetName(), f.GetName()+" is done: it is not dropped, unless it is opened again first")
		}
		if r.GetState() != ledgerv1.FollowUpState_FOLLOW_UP_STATE_UNSPECIFIED {
			f.State = r.GetState()
		}
		if r.Owner != nil {
			f.Owner = r.GetOwner()
		}
		if r.Note != nil {
			f.Note = r.GetNote()
		}
		if r.GetDueTime() != nil {
			// The day in the customer's calendar is not known here: whoever says an instant means that.
			f.DueTime, f.DueDate = r.GetDueTime(), nil
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	hideCaller(ctx, f)
	return f, nil
}

// ListCallChanges is ledgerv1.BusinessServiceServer's.
func (b business) ListCallChanges(ctx context.Context, r *ledgerv1.ListCallChangesRequest) (
	*ledgerv1.ListCallChangesResponse, error,
) {
	calls, err := b.store.Changes(ctx, r.GetAfterSequence(), resource.PageSize(r.GetPageSize()))
	if err != nil {
		return nil, err
	}
	return &ledgerv1.ListCallChangesResponse{Calls: calls, Epoch: b.store.Epoch()}, nil
}

// EraseCallers is ledgerv1.BusinessServiceServer's.
func (b business) EraseCallers(ctx context.Context, r *ledgerv1.EraseCallersRequest) (
	*ledgerv1.EraseCallersResponse, error,
) {
	var broken fault.Violations
	for _, n := range r.GetNumbers() {
		if _, ok := phone.Parse(n); !ok {
			broken.Add("numbers", phone.Mask(n), "must be E.164: a plus sign, then 7 to 15 digits that begin with a country code")
		}
	}
	for _, e := range r.GetEmails() {
		if len(e) < minEmailChars || len(e) > maxEmailChars {
			broken.Add("emails", "", "must be an address of 3 to 254 characters")
		}
	}
	if err := broken.Err(); err != nil {
		return nil, err
	}
	what := store.Erasure{Numbers: r.GetNumbers(), Emails: r.GetEmails(), CountOnly: r.GetValidateOnly()}
	for _, name := range r.GetCalls() {
		what.Calls = append(what.Calls, strings.TrimPrefix(name, "calls/"))
	}
	return b.store.Erase(ctx, what)
}

// Lengths of an e-mail address (RFC 5321, 4.5.3.1.3, less the angle brackets).
const (
	minEmailChars = 3
	maxEmailChars = 254
)

// hideCaller leaves a caller's number to whoever has to call back.
func hideCaller(ctx context.Context, f *ledgerv1.FollowUp) {
	if !seesNumbers(ctx) && !rpc.PeerFrom(ctx).Has(rpcv1.Role_ROLE_SITE) {
		f.CallerNumber = masked(f.GetCallerNumber())
	}
}

func masked(number string) string {
	if number == "" {
		return ""
	}
	return phone.Mask(number)
}
