package entitlement

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/rpc"
)

// What is named does not leave: a parent, a partner, a plan (IN_USE says who names it); nor a customer while it has not
// confirmed what somebody promised for it, for nobody else could. What belongs to a customer alone leaves with it, and
// grants that last end then: whoever gets its ID later begins with nothing. Promises stay, and what is owed is the ledger's.
//
// Who names whom is looked up in the service's own view, as it was at a revision; that nobody came since is a condition of
// the commit, and where somebody did, it is looked up again.

const (
	// leavingWait bounds for how long that is tried.
	leavingWait = 2 * time.Second
	// maxUsers bounds how many resources one error names as users of another.
	maxUsers = 5
	// maxLeavingGrants is how many grants that last can end with one customer: a transaction that every etcd takes.
	maxLeavingGrants = 40
)

// look is one look at who names what is to leave.
type look struct {
	// moved is closed once the view knows more than it did; nil before the look.
	moved <-chan struct{}
}

// leave deletes something that others may name, and looks again where somebody wrote meanwhile what was looked at.
func leave(ctx context.Context, remove func(*look) error) error {
	wait, cancel := context.WithTimeout(ctx, leavingWait)
	defer cancel()
	for {
		l := &look{}
		err := remove(l)
		if fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT || l.moved == nil {
			return err
		}
		select {
		case <-l.moved:
		case <-wait.Done():
			return err
		}
	}
}

// some are the first users of something, and how many more there are.
func some(users []string) []string {
	slices.Sort(users)
	users = slices.Compact(users)
	if more := len(users) - maxUsers; more > 0 {
		return append(users[:maxUsers:maxUsers], fmt.Sprintf("and %d more", more))
	}
	return users
}

// Remove is IN_USE while others have the customer as their parent or a partner; else what belongs to it leaves with it.
func (o kinOwner) Remove(ctx context.Context, id string) (collection.Effect, error) {
	effect, err := o.namedOwner.Remove(ctx, id)
	if err != nil {
		return effect, err
	}
	seen, moved, err := o.s.catalog.seen()
	if o.look.moved = moved; err != nil {
		return effect, err
	}
	named, all := o.s.index.NamedBy(id, maxUsers)
	users, err := o.s.still(ctx, named, func(c *entitlementv1.Customer) string { return kinOf(c, customerNames+id) })
	switch {
	case err != nil:
		return effect, err
	case len(users) > 0:
		if more := all - len(named); more > 0 {
			users = append(users, fmt.Sprintf("and %d more", more))
		}
		return effect, fault.InUse(customerNames+id, users...)
	case all > len(named): // the view is behind
		return effect, fault.Conflict(customerNames + id)
	}
	if err := o.s.unlessPending(ctx, customerNames+id); err != nil {
		return effect, err
	}
	effect.Conditions = append(effect.Conditions, coord.NothingNewUnder(sourcePrefix, seen),
		coord.NothingNewUnder(published.GrantPrefix, seen))
	ended, err := o.s.endGrants(ctx, customerNames+id, o.s.catalog.shelf.GrantsOf(id))
	effect.Conditions = append(effect.Conditions, ended.Conditions...)
	effect.Writes = append(effect.Writes, ended.Writes...)
	return effect, err
}

// kinOf is what a customer says that another one is to it; empty where that is nothing.
func kinOf(c *entitlementv1.Customer, name string) string {
	isPartner := func(p *entitlementv1.PartnerAccess) bool { return p.GetPartner() == name }
	switch {
	case c.GetParent() == name:
		return c.GetName() + " (its parent)"
	case slices.ContainsFunc(c.GetPartners(), isPartner):
		return c.GetName() + " (a partner)"
	}
	return ""
}

// still are customers of whom a rule says something, as they stand in the store: the view may be behind.
func (s *Service) still(ctx context.Context, ids []string, says func(*entitlementv1.Customer) string,
) (said []string, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	keys := make([]string, 0, len(ids))
	for _, id := range ids {
		keys = append(keys, sourcePrefix+id)
	}
	found, err := s.cfg.Store.GetSome(ctx, keys)
	if err != nil {
		return nil, err
	}
	for key, e := range found {
		c, _, err := collection.Decode[*entitlementv1.Customer](e.Value, e.ModRevision)
		if err != nil {
			return nil, fault.Internal(fmt.Errorf("key %s: %w", key, err))
		}
		if text := says(c); text != "" {
			said = append(said, text)
		}
	}
	slices.Sort(said)
	return said, nil
}

// unlessPending is IN_USE while promises of a customer wait for its confirmation. Each comes with a grant: so one that is
// made meanwhile is seen.
func (s *Service) unlessPending(ctx context.Context, customer string) error {
	pending, err := s.promises.ListPromises(ctx, &entitlementv1.ListPromisesRequest{
		Customer: customer, State: entitlementv1.PromiseState_PROMISE_STATE_PENDING,
	})
	if err != nil || len(pending.GetPromises()) == 0 {
		return err
	}
	var names []string
	for _, p := range pending.GetPromises() {
		names = append(names, p.GetName()+" (not confirmed yet)")
	}
	return fault.InUse(customer, some(names)...)
}

// contractsBy are some customers that have contracts by a plan; CONFLICT where the view is behind.
func (s *Service) contractsBy(ctx context.Context, planID string) ([]string, error) {
	if s.index.OnPlan(planID) == 0 {
		return nil, nil
	}
	on := s.customersOn(planID, maxUsers+1)
	users, err := s.still(ctx, on, func(c *entitlementv1.Customer) string {
		if slices.ContainsFunc(c.GetContracts(), func(k *entitlementv1.Contract) bool { return k.GetPlan() == planID }) {
			return c.GetName()
		}
		return ""
	})
	if err == nil && len(users) == 0 {
		err = fault.Conflict(planNames + planID)
	}
	return users, err
}

// customersOn are IDs of customers that have a contract by the plan, at most limit of them.
func (s *Service) customersOn(planID string, limit int) (ids []string) {
	for _, id := range s.index.IDs() {
		if len(ids) == limit {
			break
		}
		c, ok := s.index.Customer(id)
		if ok && slices.ContainsFunc(c.GetContracts(), func(k *publishedv1.Contract) bool { return k.GetPlan() == planID }) {
			ids = append(ids, id)
		}
	}
	return ids
}

// endGrants ends those of a customer's grants that last, and says why: they stay in the list.
func (s *Service) endGrants(ctx context.Context, customer string, all []*publishedv1.Grant) (collection.Effect, error) {
	now := s.cfg.Clock.Now()
	var keys, names []string
	for _, g := range all {
		if now.Unix() < g.GetToUnixS() {
			keys, names = append(keys, grantPrefix+g.GetId()), append(names, grantNames+g.GetId())
		}
	}
	if len(keys) > maxLeavingGrants {
		return collection.Effect{}, fault.InUse(customer, some(names)...)
	}
	var out collection.Effect
	found, err := s.cfg.Store.GetSome(ctx, keys)
	if err != nil {
		return out, err
	}
	for _, key := range keys {
		e, ok := found[key]
		if !ok {
			out.Writes = append(out.Writes, coord.Delete(published.GrantPrefix+strings.TrimPrefix(key, grantPrefix)))
			continue
		}
		item, requestID, err := decodeGrant(e)
		if err != nil {
			return out, err
		}
		ended, err := s.grants.effect(revoked(item, now, rpc.PeerFrom(ctx).ID, customer+" was deleted"), requestID)
		if err != nil {
			return out, err
		}
		out.Conditions = append(out.Conditions, coord.Unchanged(key, e.ModRevision))
		out.Writes = append(out.Writes, ended.Writes...)
	}
	return out, nil
}
