package entitlement

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/tzdata"
)

// together is what a set of changes of all kinds would make of plans, offers and customers.
type together struct {
	plans     collection.Planned[*entitlementv1.Plan]
	offers    collection.Planned[*entitlementv1.Offer]
	customers collection.Planned[*entitlementv1.Customer]
	// offersRevision is one at or before offers were read; 0 where they were not. So is customersRevision.
	offersRevision, customersRevision int64
}

// allCustomers says that customers were read.
func (t together) allCustomers() bool { return t.customersRevision != 0 }

// PlanCustomers works out what a set of changes would write, without writing it. Lines that make a deleted offer are judged
// by who puts the plans together.
func (s *Service) PlanCustomers(ctx context.Context, r *entitlementv1.PlanCustomersRequest,
) (*entitlementv1.PlanCustomersResponse, error) {
	t, err := s.planTogether(ctx, r)
	if err != nil {
		return nil, err
	}
	conditions, err := s.judgeTogether(t)
	if err != nil {
		return nil, err
	}
	leaving, err := s.leaveTogether(ctx, t)
	if err != nil {
		return nil, err
	}
	whole := &rpcv1.Plan{}
	for _, part := range []*rpcv1.Plan{t.plans.Plan, t.offers.Plan, t.customers.Plan} {
		whole.Changes = append(whole.Changes, part.GetChanges()...)
		whole.Conditions = append(whole.Conditions, part.GetConditions()...)
		whole.Writes = append(whole.Writes, part.GetWrites()...)
	}
	whole.Writes = append(whole.Writes, leaving.Writes...)
	whole.Conditions = coord.Distinct(slices.Concat(whole.Conditions, conditions, leaving.Conditions))
	return &entitlementv1.PlanCustomersResponse{Plan: whole}, nil
}

// planTogether has each collection plan its part. Broken rules of all of them come in one fault.
func (s *Service) planTogether(ctx context.Context, r *entitlementv1.PlanCustomersRequest) (t together, err error) {
	doomed := map[string][]string{}
	for _, name := range r.GetDelete() {
		kind, _, _ := strings.Cut(name, "/")
		doomed[kind] = append(doomed[kind], name)
	}
	var broken fault.Violations
	catalogued := len(r.GetPlans()) + len(r.GetOffers()) + len(doomed["plans"]) + len(doomed["offers"])
	if catalogued > 0 || r.GetPrune() {
		page, err := s.cfg.Store.List(ctx, offerPrefix, "", 1)
		if err != nil {
			return t, err
		}
		t.offersRevision = page.Revision
		t.plans, err = s.catalog.plans.Plan(ctx, r.GetPlans(), doomed["plans"], r.GetPrune(), publishedAt(published.PlanPrefix))
		if err = gather(&broken, err); err != nil {
			return t, err
		}
		t.offers, err = s.catalog.offers.WithOwner(bareOfferOwner{}).
			Plan(ctx, r.GetOffers(), doomed["offers"], r.GetPrune(), publishedAt(published.OfferPrefix))
		if err = gather(&broken, err); err != nil {
			return t, err
		}
	}
	if len(r.GetCustomers())+len(doomed["customers"]) > 0 || r.GetPrune() {
		page, err := s.cfg.Store.List(ctx, sourcePrefix, "", 1)
		if err != nil {
			return t, err
		}
		t.customersRevision = page.Revision
		t.customers, err = s.planCustomers(ctx, r.GetCustomers(), doomed["customers"], r.GetPrune())
		if err = gather(&broken, err); err != nil {
			return t, err
		}
	}
	return t, broken.Err()
}

func publishedAt(prefix string) func(id string) []string {
	return func(id string) []string { return []string{prefix + id} }
}

// gather notes the broken rules of an INVALID_FIELD fault; any other error is answered.
func gather(broken *fault.Violations, err error) error {
	if fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
		return err
	}
	broken.Append(violations(err)...)
	return nil
}

// violations are those of a fault.
func violations(err error) []fault.Violation {
	var f *fault.Fault
	if errors.As(err, &f) {
		return f.Violations
	}
	return nil
}

// bareOfferOwner checks offers by themselves: what they refer to is judged with all that would stand.
type bareOfferOwner struct{}

// Compile is the published record of an offer.
func (bareOfferOwner) Compile(_ context.Context, item *entitlementv1.Offer) (collection.Effect, error) {
	return compileOffer(item)
}

// Remove is not asked by plans.
func (bareOfferOwner) Remove(context.Context, string) (collection.Effect, error) {
	return collection.Effect{}, nil
}

// judgeTogether is MISSING_REFERENCE where something that is written refers to what does not exist then, IN_USE where
// something else does; else the conditions under which that stays so.
func (s *Service) judgeTogether(t together) ([]*rpcv1.Condition, error) {
	var conditions []*rpcv1.Condition
	writtenPlans, deletedPlans := collection.Outcome(t.plans.Plan)
	writtenOffers, _ := collection.Outcome(t.offers.Plan)
	for _, name := range slices.Sorted(maps.Keys(t.offers.Result)) {
		plan := t.offers.Result[name].GetPlan()
		if plan == "" {
			continue
		}
		_, stands := t.plans.Result[plan]
		switch {
		case !stands && writtenOffers[name]:
			return nil, fault.MissingReference(fault.Violation{
				Field: name + ": plan", Value: plan, Rule: "does not exist, and is not among what is applied",
			})
		case !stands && deletedPlans[plan]:
			return nil, fault.InUse(plan, name)
		case stands && writtenOffers[name] && !writtenPlans[plan]:
			conditions = append(conditions, coord.Exists(planPrefix+strings.TrimPrefix(plan, planNames)))
		}
	}
	if len(deletedPlans) > 0 {
		conditions = append(conditions, coord.NothingNewUnder(offerPrefix, t.offersRevision))
	}
	if !t.allCustomers() {
		return conditions, nil
	}
	writtenCustomers, _ := collection.Outcome(t.customers.Plan)
	kin, err := judgeAllKin(writtenCustomers, t.customers.Before, t.customers.Result)
	return append(conditions, kin...), err
}

// planCustomers is the part of customers. Who is deleted takes PIN, phrase, access names and what was counted along.
func (s *Service) planCustomers(ctx context.Context, items []*entitlementv1.Customer, doomed []string, prune bool,
) (collection.Planned[*entitlementv1.Customer], error) {
	planned, err := s.customers.Plan(ctx, items, doomed, prune, publishedAt(published.CustomerPrefix))
	if err != nil {
		return planned, err
	}
	if err := sameNames(planned.Result); err != nil {
		return planned, err
	}
	if err := othersNames(planned); err != nil {
		return planned, err
	}
	planned.Plan.Conditions = rulesOnce(planned.Plan.GetConditions())
	for _, c := range planned.Plan.GetChanges() {
		if c.GetKind() != rpcv1.Change_KIND_DELETE {
			continue
		}
		before := planned.Before[c.GetName()]
		planned.Plan.Writes = append(planned.Plan.Writes, coord.Delete(keyOfCustomer(customerID(c.GetName()))))
		if before.GetHasPin() {
			planned.Plan.Writes = append(planned.Plan.Writes, coord.Delete(verifierPrefix+customerID(c.GetName())))
		}
		if before.GetHasPhrase() {
			planned.Plan.Writes = append(planned.Plan.Writes, coord.Delete(phrasePrefix+customerID(c.GetName())))
		}
		planned.Plan.Writes = append(planned.Plan.Writes, deletions(accessNameKeys(before))...)
	}
	return planned, nil
}

// rulesOnce states the condition on the rules once a release, not once a customer: etcd counts conditions.
func rulesOnce(conditions []*rpcv1.Condition) []*rpcv1.Condition {
	stated := map[int64]bool{}
	return slices.DeleteFunc(conditions, func(c *rpcv1.Condition) bool {
		if c.GetKey() != tzdata.Key {
			return false
		}
		again := stated[c.GetModRevision()]
		stated[c.GetModRevision()] = true
		return again
	})
}
