package entitlement

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/accessname"
	"github.com/daysidehq/dayside/services/entitlement/internal/names"
	"github.com/daysidehq/dayside/services/entitlement/internal/view"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/rpc"
)

const (
	// accessNamePrefix is where it stands whose a name is that a customer chose, and was; the rest of the key is what names are
	// compared by, the value the customer's ID.
	accessNamePrefix = "entitlement/access-names/"
	// maxFormerNames is how many names a customer can have had: as many as Customer.former_access_names holds.
	maxFormerNames = 50
	// maxRenameTries is how often renaming is tried against others who write the customer.
	maxRenameTries = 4
	// maxSameNames is how many customers of one name are looked at before one takes it.
	maxSameNames = 4
)

// RenameAccessName gives a customer another access name, or none. Those before go on working.
func (s *Service) RenameAccessName(ctx context.Context, r *entitlementv1.RenameAccessNameRequest,
) (*entitlementv1.Customer, error) {
	return s.rename(ctx, r.GetCustomer(), r.GetAccessName(), rpc.PeerFrom(ctx).ID)
}

// rename is RenameAccessName; by is a peer's name or a contact's id.
func (s *Service) rename(ctx context.Context, customer, name, by string) (renamed *entitlementv1.Customer, err error) {
	if err := accessNameFault(name); err != nil {
		return nil, err
	}
	for range maxRenameTries {
		stands, err := s.customers.Get(ctx, customer)
		if err != nil {
			return nil, err
		}
		if len(history(stands, name, by, nil)) > maxFormerNames {
			f := fault.LimitExceeded(fmt.Sprintf("%s has had %d access names, which is the most", customer, maxFormerNames))
			f.Resource = customer
			return nil, f
		}
		renamed, err = s.customers.Amend(ctx, customer, func(c *entitlementv1.Customer) {
			c.FormerAccessNames = history(c, name, by, timestamppb.New(s.cfg.Clock.Now()))
			c.AccessName = name
		})
		if fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT {
			return renamed, err
		}
	}
	return nil, fault.Conflict(customer)
}

// accessNameFault is INVALID_FIELD of a name that nobody may choose.
func accessNameFault(name string) error {
	if rule := accessNameRule(name); rule != "" {
		return fault.Invalid(fault.Violation{Field: "access_name", Value: name, Rule: rule})
	}
	return nil
}

// accessNameRule is what is wrong with a name; none is nothing wrong.
func accessNameRule(name string) string {
	if name == "" {
		return ""
	}
	return accessname.Rule(name)
}

// history is a customer's former names once it is called otherwise, the latest first. One that is written otherwise only is
// no other one, and each stands there once.
func history(c *entitlementv1.Customer, name, by string, now *timestamppb.Timestamp) []*entitlementv1.AccessNameUse {
	before, after := accessname.Key(c.GetAccessName()), accessname.Key(name)
	former := slices.DeleteFunc(slices.Clone(c.GetFormerAccessNames()), func(u *entitlementv1.AccessNameUse) bool {
		key := accessname.Key(u.GetName())
		return key == before || key == after
	})
	if before == "" || before == after {
		return former
	}
	return slices.Insert(former, 0, &entitlementv1.AccessNameUse{Name: c.GetAccessName(), EndTime: now, ReplacedBy: by})
}

// namedOwner is an owner that also sees to it that no two customers have, or had, one access name, and that nobody chooses
// what another one is called: whoever says it would be taken for the wrong one.
type namedOwner struct {
	owner
	store     Store
	directory *view.Directory
}

// Compile is the owner's, and the claim to the access name.
func (o namedOwner) Compile(ctx context.Context, c *entitlementv1.Customer) (collection.Effect, error) {
	effect, err := o.owner.Compile(ctx, c)
	if err != nil {
		return effect, err
	}
	claim, err := o.claim(ctx, c)
	effect.Conditions = append(effect.Conditions, claim.Conditions...)
	effect.Writes = append(effect.Writes, claim.Writes...)
	return effect, err
}

// Remove is the owner's, and takes the customer's access names away: others may have them then.
func (o namedOwner) Remove(ctx context.Context, id string) (collection.Effect, error) {
	effect, err := o.owner.Remove(ctx, id)
	if err != nil {
		return effect, err
	}
	freed, err := o.freed(ctx, id)
	effect.Writes = append(effect.Writes, freed...)
	return effect, err
}

// Keep leaves a customer the access name that it has, or chose to have no longer: see collection.Keeper.
func (namedOwner) Keep(stands, item *entitlementv1.Customer) {
	if stands.GetAccessName() != "" || len(stands.GetFormerAccessNames()) > 0 {
		item.AccessName = stands.GetAccessName()
	}
}

// claim is what is written, and must hold, for a customer to have the access name that it has. ALREADY_EXISTS where that is,
// or was, another one's.
func (o namedOwner) claim(ctx context.Context, c *entitlementv1.Customer) (collection.Effect, error) {
	if c.GetAccessName() == "" {
		return collection.Effect{}, nil
	}
	if rule := accessNameRule(c.GetAccessName()); rule != "" {
		return collection.Effect{}, fault.Invalid(fault.Violation{Field: "access_name", Value: c.GetAccessName(), Rule: rule})
	}
	key, id := accessNamePrefix+accessname.Key(c.GetAccessName()), customerID(c.GetName())
	taken, err := o.store.Get(ctx, key)
	switch {
	case fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND:
		if err := o.unlikeOthers(ctx, c); err != nil {
			return collection.Effect{}, err
		}
		return collection.Effect{
			Conditions: []*rpcv1.Condition{coord.Unchanged(key, 0)}, Writes: []*rpcv1.Write{coord.Put(key, []byte(id))},
		}, nil
	case err != nil:
		return collection.Effect{}, err
	case string(taken.Value) != id:
		return collection.Effect{}, anothers(c)
	}
	return collection.Effect{}, nil
}

// anothers is the answer to who chooses what another customer is called. Which one is not told: a contact may ask.
func anothers(c *entitlementv1.Customer) error {
	f := fault.AlreadyExists(c.GetName())
	f.Message = fmt.Sprintf("the access name %q is another customer's name, or was", c.GetAccessName())
	return f
}

// unlikeOthers is ALREADY_EXISTS where another customer is called as c would be, but for case, accents, punctuation, legal
// form, script, and what people say around a name: "Hello, this is Acme" is Acme's, and "Romashka" Ромашка's. What c is
// called anyway it may also choose.
func (o namedOwner) unlikeOthers(ctx context.Context, c *entitlementv1.Customer) error {
	if !o.directory.Listed() {
		return notReady("what customers are called")
	}
	if isCalled(c, c.GetAccessName()) {
		return nil
	}
	for _, said := range []string{c.GetAccessName(), names.Introduced(c.GetAccessName())} {
		if err := o.unlike(ctx, c, said); err != nil {
			return err
		}
	}
	return nil
}

// unlike is ALREADY_EXISTS where another customer than c is called what is said.
func (o namedOwner) unlike(ctx context.Context, c *entitlementv1.Customer, said string) error {
	found, _ := o.directory.Find(said, maxSameNames)
	for _, m := range found {
		if m.Why != names.Exact && m.Why != names.Script || m.ID == customerID(c.GetName()) {
			continue
		}
		stands, err := o.store.Get(ctx, sourcePrefix+m.ID)
		if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
			continue // the directory is behind
		}
		if err != nil {
			return err
		}
		other, _, err := collection.Decode[*entitlementv1.Customer](stands.Value, stands.ModRevision)
		if err != nil {
			return fault.Internal(fmt.Errorf("key %s: %w", stands.Key, err))
		}
		if slices.ContainsFunc(namesOf(other), func(name string) bool { return isSaid(name, said) }) {
			return anothers(c)
		}
	}
	return nil
}

// isSaid says whether a name is what is said, or written in other letters.
func isSaid(name, said string) bool { return names.Same(name, said) || names.Across(name, said) }

// isCalled says whether that is what a customer is called by others.
func isCalled(c *entitlementv1.Customer, name string) bool {
	key := accessname.Key(name)
	return slices.ContainsFunc(append([]string{c.GetDisplayName()}, c.GetAliases()...), func(own string) bool {
		return accessname.Key(own) == key || names.Across(own, name)
	})
}

// namesOf are all names of a customer, those too that it chose and had.
func namesOf(c *entitlementv1.Customer) []string {
	all := append([]string{c.GetDisplayName()}, c.GetAliases()...)
	if c.GetAccessName() != "" {
		all = append(all, c.GetAccessName())
	}
	for _, former := range c.GetFormerAccessNames() {
		all = append(all, former.GetName())
	}
	return all
}

// accessNameKeys are the keys of all access names of a customer.
func accessNameKeys(c *entitlementv1.Customer) (keys []string) {
	add := func(name string) {
		if key := accessname.Key(name); key != "" && !slices.Contains(keys, accessNamePrefix+key) {
			keys = append(keys, accessNamePrefix+key)
		}
	}
	add(c.GetAccessName())
	for _, former := range c.GetFormerAccessNames() {
		add(former.GetName())
	}
	return keys
}

// freed is what is written for the access names of a customer who goes.
func (o namedOwner) freed(ctx context.Context, id string) ([]*rpcv1.Write, error) {
	stands, err := o.store.Get(ctx, sourcePrefix+id)
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c, _, err := collection.Decode[*entitlementv1.Customer](stands.Value, stands.ModRevision)
	if err != nil {
		return nil, fault.Internal(fmt.Errorf("key %s: %w", stands.Key, err))
	}
	return deletions(accessNameKeys(c)), nil
}

func deletions(keys []string) []*rpcv1.Write {
	writes := make([]*rpcv1.Write, 0, len(keys))
	for _, key := range keys {
		writes = append(writes, coord.Delete(key))
	}
	return writes
}

// sameNames refuses a plan in which two customers take one access name: each of them alone could.
func sameNames(customers map[string]*entitlementv1.Customer) error {
	var broken fault.Violations
	by := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(customers)) {
		key := accessname.Key(customers[name].GetAccessName())
		if other, taken := by[key]; taken && key != "" {
			broken.Add(name+": access_name", customers[name].GetAccessName(), "is "+other+"'s, too")
		}
		by[key] = name
	}
	return broken.Err()
}

// othersNames refuses a plan in which a customer chooses what another one of it is called: the directory knows those that
// stand.
func othersNames(planned collection.Planned[*entitlementv1.Customer]) error {
	written, _ := collection.Outcome(planned.Plan)
	by := map[string]string{}
	for name := range written {
		chosen := planned.Result[name].GetAccessName()
		if chosen == "" || chosen == planned.Before[name].GetAccessName() || isCalled(planned.Result[name], chosen) {
			continue
		}
		for _, key := range names.Heard(chosen) {
			by[key] = name
		}
	}
	if len(by) == 0 {
		return nil
	}
	var broken fault.Violations
	for _, other := range slices.Sorted(maps.Keys(written)) {
		for _, called := range namesOf(planned.Result[other]) {
			for _, key := range names.Heard(called) {
				if name := by[key]; name != "" && name != other && isSaid(called, planned.Result[name].GetAccessName()) {
					broken.Add(name+": access_name", planned.Result[name].GetAccessName(), "is what "+other+" is called")
				}
			}
		}
	}
	return broken.Err()
}
