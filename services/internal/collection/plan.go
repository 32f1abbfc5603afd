package collection

import (
	"context"
	"errors"
	"sort"

	"google.golang.org/protobuf/proto"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/resource"
)

// Planned is what a set of changes would write, and what would stand afterwards.
type Planned[T proto.Message] struct {
	Plan *rpcv1.Plan
	// Before and Result are every resource of the collection before and after the plan, by name.
	Before, Result map[string]T
}

// Outcome is which resources a plan writes, and which it deletes, by name; of a plan that is nil none.
func Outcome(p *rpcv1.Plan) (written, deleted map[string]bool) {
	written, deleted = map[string]bool{}, map[string]bool{}
	for _, ch := range p.GetChanges() {
		switch ch.GetKind() {
		case rpcv1.Change_KIND_CREATE, rpcv1.Change_KIND_UPDATE:
			written[ch.GetName()] = true
		case rpcv1.Change_KIND_DELETE:
			deleted[ch.GetName()] = true
		case rpcv1.Change_KIND_UNCHANGED, rpcv1.Change_KIND_UNSPECIFIED:
		}
	}
	return written, deleted
}

// Plan works out what it takes to make the collection hold items (created or replaced whole), without the ones named in
// remove, and, with prune, without any other. Nothing is written. All broken rules of all items come in one fault, each
// field behind its resource's name. References to the deleted are not judged here (Owner.Remove is not asked): whoever
// puts plans of several collections together judges the outcome of all of them.
func (c *Collection[T]) Plan(ctx context.Context, items []T, remove []string, prune bool, published func(id string) []string,
) (Planned[T], error) {
	entries, revision, err := c.store.ListAll(ctx, c.prefix)
	if err != nil {
		return Planned[T]{}, err
	}
	out := Planned[T]{Plan: &rpcv1.Plan{}, Before: map[string]T{}, Result: map[string]T{}}
	stored := map[string]version[T]{}
	for _, e := range entries {
		v, err := c.decode(e)
		if err != nil {
			return out, err
		}
		name := getString(v.item, "name")
		stored[name], out.Before[name], out.Result[name] = v, v.item, v.item
	}
	if prune {
		// A resource created meanwhile would have been pruned too.
		out.Plan.Conditions = append(out.Plan.Conditions, coord.NothingNewUnder(c.prefix, revision))
	}
	if err := c.planItems(ctx, items, stored, &out); err != nil {
		return out, err
	}
	doomed, err := c.doomed(items, remove, prune, stored)
	if err != nil {
		return out, err
	}
	for _, name := range doomed {
		v := stored[name]
		if err := c.mayWrite(name, v); err != nil {
			return out, err
		}
		delete(out.Result, name)
		out.Plan.Changes = append(out.Plan.Changes, &rpcv1.Change{Name: name, Kind: rpcv1.Change_KIND_DELETE})
		out.Plan.Conditions = append(out.Plan.Conditions, coord.Unchanged(v.resourceKey, v.revision))
		out.Plan.Writes = append(out.Plan.Writes, coord.Delete(v.resourceKey))
		id, _ := resource.ID(name, c.name)
		for _, key := range published(id) {
			out.Plan.Writes = append(out.Plan.Writes, coord.Delete(key))
		}
	}
	sort.SliceStable(out.Plan.Changes, func(i, j int) bool {
		return out.Plan.Changes[i].GetName() < out.Plan.Changes[j].GetName()
	})
	return out, nil
}

func (c *Collection[T]) planItems(ctx context.Context, items []T, stored map[string]version[T], out *Planned[T]) error {
	var broken fault.Violations
	seen := map[string]bool{}
	for _, item := range items {
		name := getString(item, "name")
		if _, err := resource.ID(name, c.name); err != nil {
			broken.Add(c.name+".name", name, "must be "+c.name+"/ID")
			continue
		}
		if seen[name] {
			broken.Add(name, "", "is given twice")
			continue
		}
		seen[name] = true
		err := c.planItem(ctx, clone(item), stored[name], out)
		var f *fault.Fault
		if errors.As(err, &f) && len(f.Violations) > 0 {
			for _, v := range f.Violations {
				broken.Add(name+": "+v.Field, v.Value, v.Rule)
			}
			continue
		}
		if err != nil {
			return err
		}
	}
	return broken.Err()
}

func (c *Collection[T]) planItem(ctx context.Context, item T, over version[T], out *Planned[T]) error {
	name := getString(item, "name")
	change := &rpcv1.Change{Name: name, Kind: rpcv1.Change_KIND_CREATE}
	c.keep(over.item, item)
	if over.revision != 0 {
		change.Kind = rpcv1.Change_KIND_UPDATE
		change.Fields = resource.Diff(over.item, item, outputOnly...)
	} else {
		id, err := resource.ID(name, c.name)
		if err != nil {
			return err
		}
		over.resourceKey = c.prefix + id
		change.Fields = resource.Diff(nil, item, outputOnly...)
	}
	effect, err := c.planWrite(ctx, over, item)
	if err != nil {
		return err
	}
	out.Plan.Changes = append(out.Plan.Changes, change)
	out.Result[name] = item
	if over.revision != 0 && len(change.GetFields()) == 0 {
		change.Kind = rpcv1.Change_KIND_UNCHANGED
		return nil
	}
	if err := c.mayWrite(name, over); err != nil {
		return err
	}
	out.Plan.Conditions = append(out.Plan.Conditions, effect.Conditions...)
	out.Plan.Writes = append(out.Plan.Writes, effect.Writes...)
	return nil
}

// doomed are the names to delete: those asked for, which must exist, and with prune all that items do not name.
func (c *Collection[T]) doomed(items []T, remove []string, prune bool, stored map[string]version[T]) ([]string, error) {
	set := map[string]bool{}
	var broken fault.Violations
	for _, name := range remove {
		if _, ok := stored[name]; !ok {
			return nil, fault.NotFound(name)
		}
		set[name] = true
	}
	kept := map[string]bool{}
	for _, item := range items {
		kept[getString(item, "name")] = true
	}
	for name := range stored {
		if prune && !kept[name] {
			set[name] = true
		}
	}
	for name := range set {
		if kept[name] {
			broken.Add(name, "", "is both to be written and to be deleted")
		}
	}
	return sortedNames(set), broken.Err()
}
