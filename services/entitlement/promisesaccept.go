package entitlement

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/api/money"
	"github.com/daysidehq/dayside/services/entitlement/internal/promise"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/rpc"
)

const (
	// maxOfferLines is how many lines are looked at for whether they make an offer, too.
	maxOfferLines = 1000
	// maxCurrencies of one party and day are read.
	maxCurrencies = 200
	// dayOfKey is how a day stands in a key.
	dayOfKey = "20060102"
)

// AcceptOffer records a promise to pay, and grants what was offered, in one commit. The same request, and the same offer
// accepted again while the first acceptance still holds, are answered with the promise that there is.
func (d *promises) AcceptOffer(ctx context.Context, r *entitlementv1.AcceptOfferRequest,
) (*entitlementv1.AcceptOfferResponse, error) {
	if err := promise.Check(r); err != nil {
		return nil, err
	}
	party, err := d.party(ctx, r)
	if err != nil {
		return nil, err
	}
	done, err := d.turn(ctx, party)
	if err != nil {
		return nil, err
	}
	defer done()
	for range maxPromiseTries {
		var answer *entitlementv1.AcceptOfferResponse
		answer, err = d.accept(ctx, r, party)
		if err == nil {
			d.meters.accepted(ctx, answer.GetOutcome())
			answer.Promise = d.shownOf(ctx, answer.GetPromise())
			return answer, nil
		}
		if fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT {
			return nil, err
		}
	}
	return nil, err
}

// turn waits until no other acceptance of a party is under way in this process.
func (d *promises) turn(ctx context.Context, party string) (done func(), err error) {
	row := fnv.New32a()
	_, _ = row.Write([]byte(party)) // never fails
	turn := d.turns[row.Sum32()%promiseTurns]
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (d *promises) shownOf(ctx context.Context, p *entitlementv1.Promise) *entitlementv1.Promise {
	if p == nil {
		return nil
	}
	return d.shown(ctx, p)
}

// party is who promises, in keys; empty where nobody does.
func (d *promises) party(ctx context.Context, r *entitlementv1.AcceptOfferRequest) (string, error) {
	if id := customerID(r.GetCustomer()); id != "" {
		return customerParty(id), nil
	}
	n, ok := phone.Parse(r.GetNumber())
	if !ok {
		return "", nil
	}
	hash, err := d.s.numbers.of(ctx, n)
	return numberParty(hash), err
}

// accept tries once: CONFLICT where somebody else wrote something of it meanwhile.
func (d *promises) accept(ctx context.Context, r *entitlementv1.AcceptOfferRequest, party string,
) (*entitlementv1.AcceptOfferResponse, error) {
	now := d.s.cfg.Clock.Now()
	at := promise.AcceptTime(r, now)
	k, err := d.look(ctx, r, party, at)
	if err != nil {
		return nil, err
	}
	if k.request.ModRevision != 0 {
		return d.answered(ctx, r, string(k.request.Value))
	}
	facts, err := d.facts(ctx, r, k, now)
	if err != nil {
		return nil, err
	}
	out := promise.Accept(r, facts)
	latest := k.latest(facts.Offer)
	made, holds, err := d.standing(ctx, latest, r.GetLine(), at)
	switch {
	case err != nil:
		return nil, err
	case holds != nil && (out.Outcome != entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_NOT_OFFERED || r.GetKept()):
		return d.again(ctx, r, k, holds, out)
	case out.Promise == nil:
		return &entitlementv1.AcceptOfferResponse{Outcome: out.Outcome, Detail: out.Detail}, nil
	}
	if err := (tombstones{d.s}).latePromise(ctx, out.Promise, out.Grant); err != nil {
		return nil, err
	}
	effect, err := d.with(out, k, facts, at)
	if err != nil {
		return nil, err
	}
	for i, e := range latest {
		if made[i].GetGrantEndTime().AsTime().Before(out.Promise.GetGrantEndTime().AsTime()) {
			id := strings.TrimPrefix(out.Promise.GetName(), promise.Names)
			effect.Writes = append(effect.Writes, coord.Put(e.Key, []byte(id)))
		}
	}
	written, err := d.all.WithOwner(besides{effect: effect}).Create(ctx, out.Promise, "name", "", r.GetRequestId(), false)
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_ALREADY_EXISTS {
		err = fault.Conflict(out.Promise.GetName()) // of the same request, by another process, this moment
	}
	if err != nil {
		return nil, err
	}
	d.changed(ctx, written)
	return &entitlementv1.AcceptOfferResponse{Outcome: out.Outcome, Promise: written, Detail: out.Detail}, nil
}

// answered is the answer to a request that was told before. One that says something else by the same id is refused: what it
// says is recorded nowhere, and another's promise is no answer to it.
func (d *promises) answered(ctx context.Context, r *entitlementv1.AcceptOfferRequest, id string,
) (*entitlementv1.AcceptOfferResponse, error) {
	p, err := d.all.Get(ctx, promise.Names+id)
	if err != nil {
		return nil, err
	}
	if !promise.Repeats(r, p) {
		return nil, fault.Invalid(fault.Violation{
			Field: "request_id", Rule: "was used for another acceptance: a new one needs an id of its own",
		})
	}
	return toldOf(p), nil
}

// toldOf is the answer to what was recorded. What became of it since is in the promise; the caller is helped by it.
func toldOf(p *entitlementv1.Promise) *entitlementv1.AcceptOfferResponse {
	out := &entitlementv1.AcceptOfferResponse{Promise: p, Outcome: entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_PENDING}
	switch {
	case p.GetRefused() != entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_UNSPECIFIED:
		out.Outcome, out.Detail = p.GetRefused(), p.GetTrail()[0].GetReason()
	case promise.WasVerified(p):
		out.Outcome = entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_ACCEPTED
	}
	return out
}

// known is what the store says of an acceptance.
type known struct {
	party                          string
	request, offer, customer, line coord.Entry
	// last is the promise of the party for the offer that was made last, lastOfLine the one on the line that was called.
	last, lastOfLine coord.Entry
	counters         coord.Page
}

// latest are the promises that may be of what is accepted: of one call only one on the line that was called, or on any, for
// that is what it gives.
func (k known) latest(o *entitlementv1.Offer) []coord.Entry {
	switch o.GetKind() {
	case entitlementv1.OfferKind_OFFER_KIND_DAY_PASS, entitlementv1.OfferKind_OFFER_KIND_UPGRADE:
		return []coord.Entry{k.last}
	case entitlementv1.OfferKind_OFFER_KIND_PAY_PER_CALL, entitlementv1.OfferKind_OFFER_KIND_UNSPECIFIED:
	}
	if k.lastOfLine.Key == "" {
		return []coord.Entry{k.last}
	}
	return []coord.Entry{k.last, k.lastOfLine}
}

// look reads all of it at once: the caller waits, and etcd may be far away.
func (d *promises) look(ctx context.Context, r *entitlementv1.AcceptOfferRequest, party string, at time.Time,
) (known, error) {
	k, errs := known{party: party}, [7]error{}
	var all sync.WaitGroup
	read := func(to *coord.Entry, err *error, prefix, id string) {
		to.Key = prefix + id
		if id != "" {
			all.Go(func() { *to, *err = d.get(ctx, prefix+id) })
		}
	}
	read(&k.request, &errs[0], promiseRequestPrefix, requestHash(r.GetRequestId()))
	read(&k.offer, &errs[1], offerPrefix, strings.TrimPrefix(r.GetOffer(), offerNames))
	read(&k.customer, &errs[2], published.CustomerPrefix, customerID(r.GetCustomer()))
	read(&k.line, &errs[3], published.LinePrefix, strings.TrimPrefix(r.GetLine(), "lines/"))
	if party != "" {
		last := party + "/" + strings.TrimPrefix(r.GetOffer(), offerNames)
		read(&k.last, &errs[4], promiseLastPrefix, last)
		if r.GetLine() != "" {
			read(&k.lastOfLine, &errs[6], promiseLastPrefix, last+"/"+strings.TrimPrefix(r.GetLine(), "lines/"))
		}
		all.Go(func() {
			k.counters, errs[5] = d.s.cfg.Store.List(ctx, unverifiedPrefix+at.UTC().Format(dayOfKey)+"/"+party+"/", "", maxCurrencies)
		})
	}
	all.Wait()
	return k, errors.Join(errs[:]...)
}

func requestHash(requestID string) string {
	sum := sha256.Sum256([]byte("dayside request\x00" + requestID))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:20]))
}

// facts are what an acceptance is judged by, from what the store says.
func (d *promises) facts(ctx context.Context, r *entitlementv1.AcceptOfferRequest, k known, now time.Time,
) (promise.Facts, error) {
	f := promise.Facts{By: rpc.PeerFrom(ctx).ID, Now: now}
	var err error
	if k.offer.ModRevision != 0 {
		if f.Offer, _, err = collection.Decode[*entitlementv1.Offer](k.offer.Value, k.offer.ModRevision); err != nil {
			return f, fault.Internal(fmt.Errorf("key %s: %w", k.offer.Key, err))
		}
	}
	switch {
	case r.GetCustomer() != "" && k.customer.ModRevision == 0 && r.GetKept():
		f.CustomerGone = true
	case r.GetCustomer() != "" && k.customer.ModRevision == 0:
		return f, fault.MissingReference(fault.Violation{Field: "customer", Value: r.GetCustomer(), Rule: "does not exist"})
	case r.GetCustomer() != "":
		if f.Customer, err = published.Customer(k.customer.Value); err != nil {
			return f, fault.Internal(fmt.Errorf("key %s: %w", k.customer.Key, err))
		}
	}
	if k.line.ModRevision != 0 {
		if f.Line, err = published.Line(k.line.Value); err != nil {
			return f, fault.Internal(fmt.Errorf("key %s: %w", k.line.Key, err))
		}
	}
	currency := f.Offer.GetPrice().GetCurrencyCode()
	if _, f.UnverifiedMinor, err = k.counter(currency); err != nil {
		return f, err
	}
	if f.Offer.GetKind() == entitlementv1.OfferKind_OFFER_KIND_DAY_PASS || r.GetLine() == "" {
		f.OfferedBy, err = d.linesOffering(ctx, strings.TrimPrefix(r.GetOffer(), offerNames))
	}
	return f, err
}

// counter is the entry that counts a currency, and what it counts.
func (k known) counter(currency string) (e coord.Entry, minor int64, err error) {
	for _, e := range k.counters.Entries {
		if strings.HasSuffix(e.Key, "/"+currency) {
			minor, err := counted(e)
			return e, minor, err
		}
	}
	return coord.Entry{}, 0, nil
}

func counted(e coord.Entry) (int64, error) {
	minor, err := strconv.ParseInt(string(e.Value), 10, 64)
	if err != nil {
		return 0, fault.Internal(fmt.Errorf("key %s: %w", e.Key, err))
	}
	return minor, nil
}

func (d *promises) linesOffering(ctx context.Context, offerID string) ([]string, error) {
	page, err := d.s.cfg.Store.List(ctx, published.LinePrefix, "", maxOfferLines)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range page.Entries {
		if line, err := published.Line(e.Value); err == nil && slices.Contains(line.GetOffers(), offerID) {
			ids = append(ids, "lines/"+line.GetId())
		}
	}
	return ids, nil
}

// standing are the promises that were made last, in the order of their entries, nil where there is none; and the one of them
// that holds where it is of the same line and time, else nil: what it covers is not promised twice, in whatever order
// acceptances arrive that were on a disk meanwhile.
func (d *promises) standing(ctx context.Context, latest []coord.Entry, line string, at time.Time,
) (all []*entitlementv1.Promise, holds *entitlementv1.Promise, err error) {
	for _, e := range latest {
		p, err := d.lastOf(ctx, e)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, p)
		if of := p.GetAcceptance().GetLine(); p == nil || len(latest) > 1 && of != "" && of != line {
			continue
		}
		if held, err := d.holds(ctx, p, at); err != nil {
			return nil, nil, err
		} else if held {
			holds = p
		}
	}
	return all, holds, nil
}

// lastOf is the promise that an entry names; nil where there is none.
func (d *promises) lastOf(ctx context.Context, e coord.Entry) (*entitlementv1.Promise, error) {
	if e.ModRevision == 0 {
		return nil, nil //nolint:nilnil // there is none
	}
	p, err := d.all.Get(ctx, promise.Names+string(e.Value))
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
		return nil, nil //nolint:nilnil // there is none
	}
	return p, err
}

// holds says whether what is accepted at a time is promised already.
func (d *promises) holds(ctx context.Context, p *entitlementv1.Promise, at time.Time) (bool, error) {
	if now, _ := promise.Lapse(p, d.s.cfg.Clock.Now()); !promise.Holds(now, at) {
		return false, nil
	}
	e, err := d.get(ctx, grantPrefix+strings.TrimPrefix(p.GetGrant(), grantNames))
	if err != nil || e.ModRevision == 0 {
		return false, err
	}
	g, _, err := decodeGrant(e)
	return err == nil && g.GetRevokeTime() == nil, err // one that was revoked is no help to the caller
}

// again answers an acceptance of what was accepted already and still holds: it is promised once. One that is verified
// confirms one that was not, and what it says is in the trail; in the same commit the request is taken for told.
func (d *promises) again(ctx context.Context, r *entitlementv1.AcceptOfferRequest, k known, p *entitlementv1.Promise,
	now promise.Accepted,
) (*entitlementv1.AcceptOfferResponse, error) {
	told := collection.Effect{
		Conditions: []*rpcv1.Condition{coord.Unchanged(k.request.Key, 0)},
		Writes:     []*rpcv1.Write{coord.Put(k.request.Key, []byte(strings.TrimPrefix(p.GetName(), promise.Names)))},
	}
	next, err := d.confirmed(ctx, r, p, now)
	switch {
	case err != nil:
		return nil, err
	case next == p:
		if _, err := d.s.cfg.Store.Commit(ctx, told.Conditions, told.Writes); err != nil {
			return nil, err
		}
		return toldOf(p), nil
	}
	made, err := d.write(ctx, p, next, told)
	if err != nil {
		return nil, err
	}
	d.changed(ctx, made)
	return toldOf(made), nil
}

// confirmed is a promise that holds after a later acceptance of the same: the same where that is not verified.
func (d *promises) confirmed(ctx context.Context, r *entitlementv1.AcceptOfferRequest, p *entitlementv1.Promise,
	now promise.Accepted,
) (*entitlementv1.Promise, error) {
	if now.Outcome != entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_ACCEPTED {
		return p, nil
	}
	if err := (tombstones{d.s}).latePromise(ctx, now.Promise, nil); err != nil {
		return nil, err
	}
	s := promise.Settlement{
		What: entitlementv1.Settlement_SETTLEMENT_CONFIRM, Verification: r.GetVerification(), By: rpc.PeerFrom(ctx).ID,
		Reason: strings.TrimPrefix(now.Promise.GetAcceptance().GetHow()+"; accepted again", "; "),
		At:     d.s.cfg.Clock.Now(), Evidence: now.Promise.GetAcceptance(),
	}
	if !money.Same(now.Promise.GetAmount(), p.GetAcceptance().GetPrice()) { // what is promised is not what was said now
		s.Reason += ", " + promise.VerifiedBy(r.GetVerification()) + ", at " + money.String(now.Promise.GetAmount())
		return promise.Note(p, s), nil
	}
	next, err := promise.Settle(p, s)
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_WRONG_STATE {
		err = fault.Conflict(p.GetName()) // it holds no more, since this moment
	}
	return next, err
}

// with is what is written with a new promise: its grant, in force everywhere with it; what finds it; and the day's
// amount.
func (d *promises) with(out promise.Accepted, k known, f promise.Facts, at time.Time) (collection.Effect, error) {
	p, id := out.Promise, strings.TrimPrefix(out.Promise.GetName(), promise.Names)
	var effect collection.Effect
	if out.Grant != nil {
		out.Grant.CreateTime = timestamppb.New(f.Now)
		var err error
		if effect, err = d.s.grants.effect(out.Grant, ""); err != nil {
			return effect, err
		}
	}
	effect.Conditions = append(effect.Conditions, coord.Unchanged(k.request.Key, 0),
		coord.Unchanged(k.offer.Key, k.offer.ModRevision))
	for _, e := range k.latest(f.Offer) {
		effect.Conditions = append(effect.Conditions, coord.Unchanged(e.Key, e.ModRevision))
	}
	effect.Writes = append(effect.Writes, coord.Put(k.request.Key, []byte(id)), coord.Put(chargeUntoldPrefix+id, nil))
	if k.party != "" {
		effect.Writes = append(effect.Writes, coord.Put(promiseOfPrefix+k.party+"/"+id, nil))
	}
	if f.Customer != nil {
		effect.Conditions = append(effect.Conditions, coord.Exists(k.customer.Key))
	}
	if p.GetState() == entitlementv1.PromiseState_PROMISE_STATE_PENDING {
		currency := p.GetAmount().GetCurrencyCode()
		e, _, err := k.counter(currency)
		if err != nil {
			return effect, err
		}
		key := counterKey(at, k.party, currency)
		effect.Conditions = append(effect.Conditions, coord.Unchanged(key, e.ModRevision))
		effect.Writes = append(effect.Writes, coord.Put(key, strconv.AppendInt(nil, out.UnverifiedMinor, 10)),
			coord.Put(pendingKey(p.GetLapseTime().AsTime(), id), nil))
	}
	return effect, nil
}

func counterKey(at time.Time, party, currency string) string {
	return unverifiedPrefix + at.UTC().Format(dayOfKey) + "/" + party + "/" + currency
}

// release takes a promise that was confirmed out of its day's amount.
func (d *promises) release(ctx context.Context, p *entitlementv1.Promise, effect *collection.Effect) error {
	a := p.GetAcceptance()
	party, err := d.party(ctx, a)
	if err != nil || party == "" { // erased
		return err
	}
	e, err := d.get(ctx, counterKey(a.GetAcceptTime().AsTime(), party, p.GetAmount().GetCurrencyCode()))
	if err != nil || e.ModRevision == 0 { // long ago
		return err
	}
	minor, err := counted(e)
	if err != nil {
		return err
	}
	amount, err := money.Minor(a.GetPrice()) // as it was counted, whatever was waived of it since
	if err != nil {
		return fault.Internal(fmt.Errorf("%s: %w", p.GetName(), err))
	}
	effect.Conditions = append(effect.Conditions, coord.Unchanged(e.Key, e.ModRevision))
	effect.Writes = append(effect.Writes, coord.Put(e.Key, strconv.AppendInt(nil, max(0, minor-amount), 10)))
	return nil
}
