package ledger

import (
	"context"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/card"
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
	exportsCollection   = "chargeExports"
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

// HandOverCharges is ledgerv1.BusinessServiceServer's.
func (b business) HandOverCharges(ctx context.Context, r *ledgerv1.HandOverChargesRequest) (
	*ledgerv1.HandOverChargesResponse, error,
) {
	after, err := mark.Read(r.GetPageToken(), r.GetName()) // a page of one export is none of another
	if err != nil {
		return nil, err
	}
	page, next, err := b.store.HandOver(ctx, store.ExportQuery{
		Name: r.GetName(), By: rpc.PeerFrom(ctx).ID, After: after, Limit: resource.PageSize(r.GetPageSize()),
		DryRun: r.GetValidateOnly(),
	})
	if err != nil {
		return nil, err
	}
	page.NextPageToken = next.Token(r.GetName())
	return page, nil
}

// ListChargeExports is ledgerv1.BusinessServiceServer's.
func (b business) ListChargeExports(ctx context.Context, r *ledgerv1.ListChargeExportsRequest) (
	*ledgerv1.ListChargeExportsResponse, error,
) {
	after, err := mark.Read(r.GetPageToken(), exportsCollection)
	if err != nil {
		return nil, err
	}
	list, next, err := b.store.Exports(ctx, after, resource.PageSize(r.GetPageSize()))
	if err != nil {
		return nil, err
	}
	return &ledgerv1.ListChargeExportsResponse{Exports: list, NextPageToken: next.Token(exportsCollection)}, nil
}

// GetFollowUp is ledgerv1.BusinessServiceServer's.
func (b business) GetFollowUp(ctx context.Context, r *ledgerv1.GetFollowUpRequest) (*ledgerv1.FollowUp, error) {
	f, err := b.store.FollowUp(ctx, r.GetName())
	if err != nil {
		return nil, err
	}
	hideCaller(ctx, f)
	return f, nil
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
		Customer: r.GetCustomer(), Owner: r.GetOwner(), State: r.GetState(), Kind: r.GetKind(), After: after,
		Limit: resource.PageSize(r.GetPageSize()),
	}
	if q.DueBy, err = instant("due_time", r.GetDueTime()); err != nil {
		return nil, err
	}
	if q.DueAfter, err = instant("due_after_time", r.GetDueAfterTime()); err != nil {
		return nil, err
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
	if err := checkDue(r); err != nil {
		return nil, err
	}
	if card.In(r.GetNote()) {
		return nil, fault.Invalid(fault.Violation{Field: "note", Rule: card.Rule})
	}
	f, err := b.store.UpdateFollowUp(ctx, r.GetName(), r.GetEtag(), rpc.PeerFrom(ctx).ID, func(f *ledgerv1.FollowUp) error {
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
			f.DueTime, f.DueDate = r.GetDueTime(), r.GetDueDate()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	hideCaller(ctx, f)
	return f, nil
}

// checkDue checks when a follow-up is to be due: an instant, and the day that it is on somewhere.
func checkDue(r *ledgerv1.UpdateFollowUpRequest) error {
	at, err := instant("due_time", r.GetDueTime())
	if err != nil || r.GetDueDate() == nil {
		return err
	}
	d := r.GetDueDate()
	day := time.Date(int(d.GetYear()), time.Month(d.GetMonth()), int(d.GetDay()), 0, 0, 0, 0, time.UTC)
	const zones = 15 * time.Hour // none is further from UTC
	exists := day.Day() == int(d.GetDay())
	if r.GetDueTime() == nil || !exists || at.Before(day.Add(-zones)) || at.After(day.Add(24*time.Hour+zones)) {
		return fault.Invalid(fault.Violation{Field: "due_date", Rule: "must be the day that due_time is on, where that is"})
	}
	return nil
}

// instant is a time that may be left out: zero then.
func instant(field string, at *timestamppb.Timestamp) (time.Time, error) {
	switch {
	case at == nil:
		return time.Time{}, nil
	case !at.IsValid():
		return time.Time{}, fault.Invalid(fault.Violation{Field: field, Rule: "must be a time from year 1 to 9999"})
	}
	return at.AsTime(), nil
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
