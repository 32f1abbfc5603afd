package entitlement

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/resource"
)

// maxParents is how many customers can be above one.
const maxParents = 4

// kinOwner also sees to it that parents and partners of a customer that is written by itself exist, that nobody is its own
// ancestor, and that nobody leaves whom others name (leaving.go).
type kinOwner struct {
	namedOwner
	s    *Service
	look *look // of a deletion; nil of all else
}

// Compile is the owner's, with conditions that keep all of that true until the commit.
func (o kinOwner) Compile(ctx context.Context, c *entitlementv1.Customer) (collection.Effect, error) {
	effect, err := o.namedOwner.Compile(ctx, c)
	if err != nil || c.GetParent() == "" && len(c.GetPartners()) == 0 {
		return effect, err
	}
	read := map[string]*entitlementv1.Customer{}
	err = judgeKin(c, func(name string) (*entitlementv1.Customer, error) {
		if known, again := read[name]; again {
			return known, nil
		}
		e, err := o.store.Get(ctx, sourcePrefix+customerID(name))
		if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
			// There is none, and that is no error; one that comes meanwhile could close a circle.
			effect.Conditions = append(effect.Conditions, coord.Unchanged(sourcePrefix+customerID(name), 0))
			return nil, nil //nolint:nilnil // see above
		}
		if err != nil {
			return nil, err
		}
		effect.Conditions = append(effect.Conditions, coord.Unchanged(e.Key, e.ModRevision))
		read[name], _, err = collection.Decode[*entitlementv1.Customer](e.Value, e.ModRevision)
		return read[name], err
	}, func() int { return o.s.index.Levels(customerID(c.GetName()), maxParents) })
	return effect, err
}

// judgeKin is what is wrong with a customer's parent and partners; find answers nil for a customer that does not exist, and
// below with how many levels of sub-accounts the customer has.
func judgeKin(c *entitlementv1.Customer, find func(name string) (*entitlementv1.Customer, error), below func() int) error {
	var missing []fault.Violation
	line := []string{c.GetName()}
	for name := c.GetParent(); name != ""; {
		if slices.Contains(line, name) {
			return fault.Invalid(fault.Violation{
				Field: "parent", Value: c.GetParent(),
				Rule: "must not be a sub-account of it: " + strings.Join(append(line, name), ", "),
			})
		}
		if line = append(line, name); len(line) > maxParents+1 {
			return fault.Invalid(fault.Violation{
				Field: "parent", Value: c.GetParent(), Rule: fmt.Sprintf("must have at most %d customers above it", maxParents-1),
			})
		}
		parent, err := find(name)
		switch {
		case err != nil:
			return err
		case parent == nil && len(line) == 2:
			missing = append(missing, fault.Violation{Field: "parent", Value: name, Rule: "does not exist"})
		}
		name = parent.GetParent() // of one that is gone, none
	}
	if above := len(line) - 1; above > 0 && above+below() > maxParents {
		return fault.Invalid(fault.Violation{
			Field: "parent", Value: c.GetParent(),
			Rule: fmt.Sprintf("must leave at most %d customers above each: there are %d above it, and %d levels below", maxParents,
				above, below()),
		})
	}
	for i, p := range c.GetPartners() {
		partner, err := find(p.GetPartner())
		if err != nil {
			return err
		}
		if partner == nil {
			missing = append(missing, fault.Violation{
				Field: fmt.Sprintf("partners[%d].partner", i), Value: p.GetPartner(), Rule: "does not exist",
			})
		}
	}
	if len(missing) > 0 {
		return fault.MissingReference(missing...)
	}
	return nil
}

// judgeAllKin does so for customers that are written together: before are those that stand, after those that would. It
// answers with conditions that keep true what those say who are not written. Paths are behind the customer's name.
func judgeAllKin(written map[string]bool, before, after map[string]*entitlementv1.Customer) ([]*rpcv1.Condition, error) {
	var places []fault.Violation
	var conditions []*rpcv1.Condition
	levels := levelsOf(after)
	invalid := false
	for _, name := range slices.Sorted(maps.Keys(written)) {
		err := judgeKin(after[name], func(name string) (*entitlementv1.Customer, error) {
			if !written[name] {
				conditions = append(conditions,
					coord.Unchanged(sourcePrefix+customerID(name), resource.Revision(before[name].GetEtag())))
			}
			return after[name], nil
		}, func() int { return levels(name) })
		invalid = invalid || fault.ReasonOf(err) == rpcv1.Reason_REASON_INVALID_FIELD
		for _, v := range violations(err) {
			v.Field = name + ": " + v.Field
			places = append(places, v)
		}
	}
	switch {
	case len(places) == 0:
		return conditions, nil
	case invalid:
		return nil, fault.Invalid(places...)
	}
	return nil, fault.MissingReference(places...)
}

// levelsOf is how many levels of sub-accounts a customer has among all, as far as they count.
func levelsOf(all map[string]*entitlementv1.Customer) func(name string) int {
	below := map[string]int{}
	for _, c := range all {
		level := 0
		for parent := c.GetParent(); parent != "" && level < maxParents; parent = all[parent].GetParent() {
			level++
			below[parent] = max(below[parent], level)
		}
	}
	return func(name string) int { return below[name] }
}
