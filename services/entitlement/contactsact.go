package entitlement

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/selfservice"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/resource"
	"github.com/daysidehq/dayside/services/internal/rpc"
)

const (
	// maxRevealTries is how often a reveal is counted against others of the same customer.
	maxRevealTries = 4
	// maxRevealPages bounds how much is read for one page of one customer's reveals, in pages of what is kept.
	maxRevealPages = 10
)

// RevealNumber tells the number of a line: it is read first, then written down that it is told, then told.
func (d *contactDesk) RevealNumber(ctx context.Context, r *entitlementv1.RevealNumberRequest,
) (*entitlementv1.RevealNumberResponse, error) {
	o, err := d.openOn(ctx, r.GetSession(), r.GetCustomer())
	if err != nil {
		return nil, err
	}
	text := o.text(r.GetLanguage())
	entitled, err := d.entitled(ctx, o.customer.GetName(), r.GetLine(), text)
	if err != nil {
		return nil, err
	}
	if !entitled.GetEntitled() {
		d.counts.reveal(ctx, "refused")
		return nil, fault.WrongState(r.GetLine(), o.customer.GetDisplayName()+" is not entitled to this line now")
	}
	if d.s.cfg.Lines == nil {
		return nil, fault.Unavailable("routing", nil)
	}
	line, err := d.s.cfg.Lines.TellLineNumber(ctx, &routingv1.TellLineNumberRequest{Name: r.GetLine()})
	if err != nil {
		return nil, err
	}
	reveal := &entitlementv1.NumberReveal{
		Customer: o.customer.GetName(), ContactId: o.contact.GetContactId(), Line: r.GetLine(), Method: o.kept.GetMethod(),
		Client: o.kept.GetClient(),
	}
	if err := d.writeDown(ctx, reveal); err != nil {
		if fault.ReasonOf(err) == rpcv1.Reason_REASON_LIMIT_EXCEEDED {
			d.counts.reveal(ctx, "limited")
		}
		return nil, err
	}
	d.counts.reveal(ctx, "told")
	until := time.Time{}
	if entitled.GetValidUntil() != nil {
		until = entitled.GetValidUntil().AsTime()
	}
	return &entitlementv1.RevealNumberResponse{
		Number: line.GetNumber(), ValidUntil: entitled.GetValidUntil(),
		Reminder: selfservice.Reminder(text, line.GetDisplayName(), o.customer.GetDisplayName(), line.GetPublished(), until,
			d.s.zone(o.customer.GetTimeZone())),
		Customer: o.customer.GetName(), Contact: o.contactResource(), FormerEndTime: line.GetFormerEndTime(),
	}, nil
}

// writeDown commits a reveal together with what counts towards the customer's limit, which so holds for all processes.
func (d *contactDesk) writeDown(ctx context.Context, reveal *entitlementv1.NumberReveal) error {
	key := revealCountPrefix + customerID(reveal.GetCustomer())
	var random [selfservice.RevealSuffixBytes]byte
	if _, err := rand.Read(random[:]); err != nil {
		return fault.Internal(err)
	}
	for range maxRevealTries {
		before := &entitlementv1.StoredRevealCount{}
		e, err := d.read(ctx, key, before)
		if err != nil && fault.ReasonOf(err) != rpcv1.Reason_REASON_NOT_FOUND {
			return err
		}
		reveal.Time = timestamppb.New(d.s.cfg.Clock.Now())
		after, wait := selfservice.Count(before, reveal)
		if wait > 0 {
			f := tooMany("numbers were shown lately, and those go on working", wait)
			f.Resource = reveal.GetCustomer()
			return f
		}
		count, err := privately(key, after)
		if err != nil {
			return err
		}
		told, err := privately(revealPrefix+selfservice.RevealID(reveal.GetTime(), random), reveal)
		if err != nil {
			return err
		}
		_, err = d.s.cfg.Store.Commit(ctx, []*rpcv1.Condition{coord.Unchanged(key, e.ModRevision)}, []*rpcv1.Write{count, told})
		if fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT {
			return err
		}
	}
	return fault.Conflict(reveal.GetCustomer())
}

// ListReveals reads who was shown what, the latest first.
func (d *contactDesk) ListReveals(ctx context.Context, r *entitlementv1.ListRevealsRequest,
) (*entitlementv1.ListRevealsResponse, error) {
	after, err := resource.AfterKey(r.GetPageToken(), revealPrefix)
	if err != nil {
		return nil, err
	}
	answer, most := &entitlementv1.ListRevealsResponse{}, resource.PageSize(r.GetPageSize())
	for range maxRevealPages {
		page, err := d.s.cfg.Store.List(ctx, revealPrefix, after, most)
		if err != nil {
			return nil, err
		}
		for i, e := range page.Entries {
			reveal := &entitlementv1.NumberReveal{}
			if err := proto.Unmarshal(e.Value, reveal); err != nil {
				return nil, fault.Internal(fmt.Errorf("key %s: %w", e.Key, err))
			}
			after = e.Key
			if r.GetCustomer() == "" || r.GetCustomer() == reveal.GetCustomer() {
				answer.Reveals = append(answer.Reveals, reveal)
			}
			if len(answer.GetReveals()) == most && (page.More || i+1 < len(page.Entries)) {
				answer.NextPageToken = resource.PageToken(after)
				return answer, nil
			}
		}
		if !page.More {
			return answer, nil
		}
	}
	answer.NextPageToken = resource.PageToken(after)
	return answer, nil
}

// ChooseAccessName renames the contact's customer.
func (d *contactDesk) ChooseAccessName(ctx context.Context, r *entitlementv1.ChooseAccessNameRequest,
) (*entitlementv1.ChooseAccessNameResponse, error) {
	o, err := d.openOn(ctx, r.GetSession(), r.GetCustomer())
	if err != nil {
		return nil, err
	}
	if err := accessNameFault(r.GetAccessName()); err != nil {
		return nil, err // which tells nothing of others' names, and does not count
	}
	if err := d.renames.take(ctx, customerID(o.customer.GetName()), "changes of the access name"); err != nil {
		return nil, err
	}
	renamed, err := d.s.rename(ctx, o.customer.GetName(), r.GetAccessName(), contactName(o.contact.GetContactId()))
	if err != nil {
		return nil, err
	}
	return &entitlementv1.ChooseAccessNameResponse{
		AccessName: renamed.GetAccessName(), Customer: renamed.GetName(), Contact: o.contactResource(),
	}, nil
}

// AnswerPromise settles a promise of the contact's customer, as the contact: their session is the verification.
func (d *contactDesk) AnswerPromise(ctx context.Context, r *entitlementv1.AnswerPromiseRequest,
) (*entitlementv1.AnswerPromiseResponse, error) {
	o, err := d.openToAct(ctx, r.GetSession())
	if err != nil {
		return nil, err
	}
	p, err := d.s.promises.GetPromise(ctx, &entitlementv1.GetPromiseRequest{Name: r.GetPromise()})
	if err != nil {
		return nil, err
	}
	if p.GetAcceptance().GetCustomer() != o.customer.GetName() {
		return nil, fault.NotFound(r.GetPromise()) // another customer's is nothing to this one
	}
	settle := &entitlementv1.SettlePromiseRequest{
		Name: r.GetPromise(), Settlement: r.GetSettlement(), Reason: r.GetReason(), Etag: p.GetEtag(),
	}
	if r.GetSettlement() == entitlementv1.Settlement_SETTLEMENT_CONFIRM {
		settle.Verification = entitlementv1.Verification_VERIFICATION_CONTACT
	}
	if p, err = d.s.promises.SettlePromise(asContact(ctx, o), settle); err != nil {
		return nil, err
	}
	return &entitlementv1.AnswerPromiseResponse{
		Promise: p, Customer: o.customer.GetName(), Contact: o.contactResource(),
	}, nil
}

// contactResource is who has the session, as the audit names them.
func (o opened) contactResource() string {
	return o.customer.GetName() + "/" + contactName(o.contact.GetContactId())
}

// asContact is a context in which a contact asks, who has no role: so a promise holds neither recordings nor callers'
// numbers.
func asContact(ctx context.Context, o opened) context.Context {
	return rpc.WithPeer(ctx, rpc.NewPeer(contactName(o.contact.GetContactId())))
}
