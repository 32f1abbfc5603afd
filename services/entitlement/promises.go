package entitlement

import (
	"context"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/promise"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/resource"
	"github.com/daysidehq/dayside/services/internal/rpc"
)

// Keys of promises. A PARTY is "c-" and a customer's ID, or "n-" and the hash of a number that nobody knows.
const (
	// promisePrefix: promises, Stored; the rest is the ID.
	promisePrefix = "entitlement/promises/"
	// promiseRequestPrefix: the ID of the promise that a request made; the rest is the request's hash.
	promiseRequestPrefix = "entitlement/promise-requests/"
	// promiseOfPrefix: nothing; the rest is PARTY/ID: the promises of one.
	promiseOfPrefix = "entitlement/promises-of/"
	// promiseLastPrefix: the ID of the latest promise of one for an offer; the rest is PARTY/OFFER, or PARTY/OFFER/LINE of the
	// latest on a line, where it gives one call.
	promiseLastPrefix = "entitlement/promises-last/"
	// promisePendingPrefix: nothing; the rest is TIME-ID: when which lapses.
	promisePendingPrefix = "entitlement/promises-pending/"
	// unverifiedPrefix: what was accepted without being verified, in the smallest unit, decimal; the rest is
	// DAY/PARTY/CURRENCY.
	unverifiedPrefix = "entitlement/unverified/"
	// chargeUntoldPrefix: nothing; the rest is the ID of a promise of whose last change the ledger may not have heard.
	chargeUntoldPrefix = "entitlement/charges-untold/"

	// maxPromiseTries bounds how often a write begins anew that other processes were quicker than. Each time one of theirs was
	// written, so that all come to an end; of three processes one can be the slowest some twenty times on end.
	maxPromiseTries = 100
	// promiseTurns is in how many rows acceptances of one process stand.
	promiseTurns = 64
	// maxPromisesScanned is how many one page of a list looks through, where it is of one state; the next page goes on
	// from there.
	maxPromisesScanned = 5000
)

// promises implements PromiseService. Acceptances and settlements are commits by compare-and-swap; what has its time is
// done by whichever process comes first (promisesrun.go).
type promises struct {
	entitlementv1.UnimplementedPromiseServiceServer
	s      *Service
	all    *collection.Collection[*entitlementv1.Promise]
	meters promiseMeters
	// wake says that there is a charge to tell.
	wake chan struct{}
	// turns are taken by acceptances of one party: they count together, and else each would undo the others' tries.
	turns [promiseTurns]chan struct{}

	mu sync.Mutex
	// telling are charges that this process has left in its journal, by the ID of the promise.
	telling map[string]toldCharge
}

func newPromises(s *Service) *promises {
	d := &promises{
		s: s, wake: make(chan struct{}, 1), telling: map[string]toldCharge{},
		all: collection.New(s.cfg.Store, s.cfg.Clock, "promises", promisePrefix,
			collection.Owner[*entitlementv1.Promise](besides{})).WithSchema(s.cfg.Schema),
	}
	for i := range d.turns {
		d.turns[i] = make(chan struct{}, 1)
	}
	d.meters = newPromiseMeters(s.cfg.Meters)
	return d
}

// besides is what is written with a promise, as it was worked out before.
type besides struct {
	effect collection.Effect
	// unless is why nothing is to be written after all; nil: it is.
	unless func() error
}

// Compile is what was worked out.
func (b besides) Compile(context.Context, *entitlementv1.Promise) (collection.Effect, error) {
	if b.unless != nil {
		if err := b.unless(); err != nil {
			return collection.Effect{}, err
		}
	}
	return b.effect, nil
}

// Remove is never asked: promises are not removed.
func (besides) Remove(_ context.Context, id string) (collection.Effect, error) {
	return collection.Effect{}, fault.WrongState(promise.Names+id, "promises are not deleted")
}

// GetPromise reads one promise.
func (d *promises) GetPromise(ctx context.Context, r *entitlementv1.GetPromiseRequest) (*entitlementv1.Promise, error) {
	p, err := d.all.Get(ctx, r.GetName())
	if err != nil {
		return nil, err
	}
	return d.shown(ctx, p), nil
}

// ListPromises reads promises in order of name. A page of one state may be short, and have a next one all the same.
func (d *promises) ListPromises(ctx context.Context, r *entitlementv1.ListPromisesRequest,
) (*entitlementv1.ListPromisesResponse, error) {
	prefix := promisePrefix
	if r.GetCustomer() != "" {
		id, err := resource.ID(r.GetCustomer(), "customers")
		if err != nil {
			return nil, fault.Invalid(fault.Violation{Field: "customer", Value: r.GetCustomer(), Rule: "must be customers/ID"})
		}
		prefix = promiseOfPrefix + customerParty(id) + "/"
	}
	after, err := resource.AfterKey(r.GetPageToken(), prefix)
	if err != nil {
		return nil, err
	}
	out, size := &entitlementv1.ListPromisesResponse{}, resource.PageSize(r.GetPageSize())
	for scanned := 0; scanned < maxPromisesScanned; {
		page, err := d.s.cfg.Store.List(ctx, prefix, after, size)
		if err != nil {
			return nil, err
		}
		for i, e := range page.Entries {
			p, err := d.listed(ctx, prefix, e)
			if err != nil {
				return nil, err
			}
			after = e.Key
			if p = d.shown(ctx, p); r.GetState() == 0 || r.GetState() == p.GetState() {
				out.Promises = append(out.Promises, p)
			}
			if len(out.GetPromises()) < size {
				continue
			}
			if page.More || i < len(page.Entries)-1 {
				out.NextPageToken = resource.PageToken(after)
			}
			return out, nil
		}
		scanned += len(page.Entries)
		if !page.More || len(page.Entries) == 0 {
			return out, nil
		}
	}
	out.NextPageToken = resource.PageToken(after)
	return out, nil
}

// listed is the promise of an entry, which is of promises or of those of one customer.
func (d *promises) listed(ctx context.Context, prefix string, e coord.Entry) (*entitlementv1.Promise, error) {
	if prefix != promisePrefix {
		return d.all.Get(ctx, promise.Names+strings.TrimPrefix(e.Key, prefix))
	}
	p, _, err := collection.Decode[*entitlementv1.Promise](e.Value, e.ModRevision)
	if err != nil {
		return nil, fault.Internal(err)
	}
	return p, nil
}

// shown is a promise as it stands now, for whoever asks: numbers, persons and recordings are for those who see those of
// calls, too.
func (d *promises) shown(ctx context.Context, p *entitlementv1.Promise) *entitlementv1.Promise {
	p, lapsed := promise.Lapse(p, d.s.cfg.Clock.Now())
	if !lapsed {
		p = proto.CloneOf(p)
	}
	peer, a := rpc.PeerFrom(ctx), p.GetAcceptance()
	if a == nil || peer.Has(rpcv1.Role_ROLE_ADMIN, rpcv1.Role_ROLE_SUPERVISOR, rpcv1.Role_ROLE_SERVICE) {
		return p
	}
	a.Person, a.Number, a.RecordingUri = hidden(a.GetPerson()), phone.Mask(a.GetNumber()), hidden(a.GetRecordingUri())
	for _, e := range p.GetTrail() {
		e.Person, e.Number, e.RecordingUri = hidden(e.GetPerson()), phone.Mask(e.GetNumber()), hidden(e.GetRecordingUri())
	}
	return p
}

// hidden stands where there is something that one may not see.
func hidden(text string) string {
	if text == "" {
		return ""
	}
	return "(hidden)"
}

// SettlePromise confirms, waives, disputes or upholds a promise.
func (d *promises) SettlePromise(ctx context.Context, r *entitlementv1.SettlePromiseRequest,
) (*entitlementv1.Promise, error) {
	p, err := d.settle(ctx, r, rpc.PeerFrom(ctx).ID)
	if err != nil {
		return nil, err
	}
	return d.shown(ctx, p), nil
}

// settle is SettlePromise by somebody: a peer's name, or contacts/ID of the customer.
func (d *promises) settle(ctx context.Context, r *entitlementv1.SettlePromiseRequest, by string,
) (*entitlementv1.Promise, error) {
	return d.amend(ctx, r.GetName(), func(p *entitlementv1.Promise) (*entitlementv1.Promise, error) {
		if r.GetEtag() != "" && r.GetEtag() != p.GetEtag() {
			return nil, fault.Conflict(r.GetName())
		}
		return promise.Settle(p, promise.Settlement{
			What: r.GetSettlement(), Verification: r.GetVerification(), Amount: r.GetAmount(), Reason: r.GetReason(), By: by,
			At: d.s.cfg.Clock.Now(),
		})
	})
}

// amend changes a promise by a function that may be called again: with all that hangs on it, in one commit. Where the
// function answers with the promise it was given, or with an error, nothing is written.
func (d *promises) amend(ctx context.Context, name string,
	change func(*entitlementv1.Promise) (*entitlementv1.Promise, error),
) (*entitlementv1.Promise, error) {
	for try := 1; ; try++ {
		was, err := d.all.Get(ctx, name)
		if err != nil {
			return nil, err
		}
		next, err := change(was)
		if err != nil || next == was {
			return next, err
		}
		made, err := d.write(ctx, was, next, collection.Effect{})
		switch {
		case err == nil:
			d.changed(ctx, made)
			return made, nil
		case try == maxPromiseTries || fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT:
			return nil, err
		}
	}
}

// write commits a promise in the place of what it was, with its grant, its place among those that lapse, and what it
// frees of the day's amount, and whatever else there is. CONFLICT where something of that was changed meanwhile.
func (d *promises) write(ctx context.Context, was, next *entitlementv1.Promise, effect collection.Effect,
) (*entitlementv1.Promise, error) {
	id := strings.TrimPrefix(was.GetName(), promise.Names)
	effect.Writes = append(effect.Writes, coord.Put(chargeUntoldPrefix+id, nil))
	next, err := d.regrant(ctx, next, &effect)
	if err != nil {
		return nil, err
	}
	if was.GetState() == entitlementv1.PromiseState_PROMISE_STATE_PENDING && next.GetState() != was.GetState() {
		effect.Writes = append(effect.Writes, coord.Delete(pendingKey(was.GetLapseTime().AsTime(), id)))
		if next.GetState() == entitlementv1.PromiseState_PROMISE_STATE_OWED {
			if err := d.release(ctx, was, &effect); err != nil {
				return nil, err
			}
		}
	}
	var raced error
	with := besides{effect, func() error { return raced }}
	return d.all.WithOwner(with).Amend(ctx, was.GetName(), func(item *entitlementv1.Promise) {
		if item.GetEtag() != was.GetEtag() {
			raced = fault.Conflict(was.GetName())
			return
		}
		proto.Reset(item)
		proto.Merge(item, next)
	})
}

// regrant brings a promise's grant to what it is once the promise is owed, or waived.
func (d *promises) regrant(ctx context.Context, p *entitlementv1.Promise, effect *collection.Effect,
) (*entitlementv1.Promise, error) {
	if p.GetGrant() == "" {
		return p, nil
	}
	e, err := d.get(ctx, grantPrefix+strings.TrimPrefix(p.GetGrant(), grantNames))
	if err != nil || e.ModRevision == 0 { // it ended long ago, and is gone
		return p, err
	}
	g, requestID, err := decodeGrant(e)
	if err != nil {
		return p, err
	}
	next, g, changes := promise.Regrant(p, g)
	if !changes {
		return p, nil
	}
	granted, err := d.s.grants.effect(g, requestID)
	effect.Conditions = append(effect.Conditions, coord.Unchanged(e.Key, e.ModRevision))
	effect.Writes = append(effect.Writes, granted.Writes...)
	return next, err
}

// get reads a key; an empty entry where there is none.
func (d *promises) get(ctx context.Context, key string) (coord.Entry, error) {
	e, err := d.s.cfg.Store.Get(ctx, key)
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
		return coord.Entry{Key: key}, nil
	}
	return e, err
}

// pendingTime is how the time stands in the key of a promise that lapses then.
const pendingTime = "20060102T150405"

func pendingKey(at time.Time, id string) string {
	return promisePendingPrefix + at.UTC().Format(pendingTime) + "-" + id
}

// customerParty and numberParty are what the keys of promises call those who promise.
func customerParty(id string) string { return "c-" + id }

func numberParty(hash string) string { return "n-" + hash }
