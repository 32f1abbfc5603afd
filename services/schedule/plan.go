package schedule

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/schedule/internal/estate"
	"github.com/daysidehq/dayside/services/schedule/internal/proof"
	rotasof "github.com/daysidehq/dayside/services/schedule/internal/rotas"
)

// plans implements PlanService, for other services of the cluster.
type plans struct {
	schedulev1.UnimplementedPlanServiceServer
	s *Service
}

// PlanSchedule works out what a set of changes would write, without writing it.
func (p plans) PlanSchedule(ctx context.Context, r *schedulev1.PlanScheduleRequest,
) (*schedulev1.PlanScheduleResponse, error) {
	before, err := p.s.load(ctx)
	if err != nil {
		return nil, err
	}
	d, err := p.s.newDraft(before)
	if err != nil {
		return nil, err
	}
	set, err := d.takeChanges(r)
	if err != nil {
		return nil, err
	}
	plan, err := p.s.planKinds(ctx, d, r, set)
	if err != nil {
		return nil, err
	}
	changed := set.changedBy(plan)
	if err := d.checkReferences(set, changed); err != nil {
		return nil, err
	}
	impact, err := p.s.complete(d, plan, changed, set, r.GetAllowGap())
	if err != nil {
		return nil, err
	}
	estate.Trim(impact, estate.MaxImpactBytes)
	return &schedulev1.PlanScheduleResponse{Plan: plan, Impact: impact}, err
}

// changeSet is which names a plan is about.
type changeSet struct {
	// put and lines are written, removed are deleted, and so are goneLines.
	put, removed map[string]bool
	lines        []*schedulev1.LineCoverage
	goneLines    []string
	// remove are the names to delete as the request gave them, by kind.
	remove map[string][]string
}

// takeChanges makes the draft's estate what it would be. What it does not find is left to the collections to say.
func (d *draft) takeChanges(r *schedulev1.PlanScheduleRequest) (*changeSet, error) {
	set := &changeSet{
		put: map[string]bool{}, removed: map[string]bool{}, remove: map[string][]string{},
		lines: r.GetLines(), goneLines: r.GetDeletedLines(),
	}
	var broken fault.Violations
	for i, name := range r.GetDelete() {
		kind, id, _ := strings.Cut(name, "/")
		if _, ours := referrers[kind]; !ours || id == "" {
			broken.Add(fmt.Sprintf("delete[%d]", i), name, "must be sites/ID, calendars/ID, people/ID or rotas/ID")
			continue
		}
		set.remove[kind] = append(set.remove[kind], name)
		set.removed[name] = true
	}
	for _, m := range r.GetPeople() {
		rotasof.KeepNoted(m, d.before.People[m.GetName()], d.nowUnixS) // nor is leave that was noted
	}
	for _, m := range r.GetRotas() {
		stored := d.before.Rotas[m.GetName()]
		rotasof.KeepAgreed(m, stored, d.nowUnixS) // swaps are in no file
		m.CreateTime = stored.GetCreateTime()     // and is published
	}
	for _, item := range itemsOf(r) {
		set.put[estate.NameOf(item)] = true
		d.after.Put(item)
	}
	if r.GetPrune() {
		for name := range d.before.revisions {
			if !set.put[name] {
				set.removed[name] = true
			}
		}
	}
	for name := range set.removed {
		d.after.Delete(name)
	}
	for _, line := range r.GetLines() {
		d.after.Put(line)
	}
	for _, name := range r.GetDeletedLines() {
		d.after.Delete(name)
	}
	return set, broken.Err()
}

func itemsOf(r *schedulev1.PlanScheduleRequest) []proto.Message {
	var items []proto.Message
	items = appendAll(items, r.GetCalendars())
	items = appendAll(items, r.GetPeople())
	items = appendAll(items, r.GetRotas())
	return appendAll(items, r.GetSites())
}

func appendAll[T proto.Message](items []proto.Message, more []T) []proto.Message {
	for _, m := range more {
		items = append(items, m)
	}
	return items
}

// planKinds asks the collection of each kind, in the order in which people read the outcome. Broken rules of all come in
// one fault.
func (s *Service) planKinds(ctx context.Context, d *draft, r *schedulev1.PlanScheduleRequest, set *changeSet,
) (*rpcv1.Plan, error) {
	var broken fault.Violations
	whole := &rpcv1.Plan{}
	for _, part := range []func() (*rpcv1.Plan, error){
		func() (*rpcv1.Plan, error) {
			return planKind(ctx, s.calendars, owner[*schedulev1.Calendar]{s: s, plan: d}, r.GetCalendars(), set, r.GetPrune())
		},
		func() (*rpcv1.Plan, error) {
			return planKind(ctx, s.people, owner[*schedulev1.Person]{s: s, plan: d}, r.GetPeople(), set, r.GetPrune())
		},
		func() (*rpcv1.Plan, error) {
			return planKind(ctx, s.rotas, owner[*schedulev1.Rota]{s: s, plan: d}, r.GetRotas(), set, r.GetPrune())
		},
		func() (*rpcv1.Plan, error) {
			return planKind(ctx, s.sites, owner[*schedulev1.Site]{s: s, plan: d}, r.GetSites(), set, r.GetPrune())
		},
	} {
		plan, err := part()
		var f *fault.Fault
		if errors.As(err, &f) && f.Reason == rpcv1.Reason_REASON_INVALID_FIELD {
			broken.Append(f.Violations...)
			continue
		}
		if err != nil {
			return nil, err
		}
		proto.Merge(whole, plan)
	}
	return whole, broken.Err()
}

func planKind[T proto.Message](ctx context.Context, c *collection.Collection[T], o collection.Owner[T], items []T,
	set *changeSet, prune bool,
) (*rpcv1.Plan, error) {
	var zero T
	kind := estate.KindOf(zero)
	if len(items) == 0 && len(set.remove[kind]) == 0 && !prune {
		return &rpcv1.Plan{}, nil
	}
	planned, err := c.WithOwner(o).Plan(ctx, items, set.remove[kind], prune, func(id string) []string {
		var keys []string
		for _, w := range deleted(kind + "/" + id) {
			keys = append(keys, w.GetKey())
		}
		return keys
	})
	return planned.Plan, err
}

// changedBy are the names of what the plan changes in fact, with the lines beside it.
func (set *changeSet) changedBy(plan *rpcv1.Plan) []string {
	var names []string
	for _, c := range plan.GetChanges() {
		if c.GetKind() != rpcv1.Change_KIND_UNCHANGED {
			names = append(names, c.GetName())
		}
	}
	for _, l := range set.lines {
		names = append(names, l.GetLine())
	}
	return append(names, set.goneLines...)
}

// checkReferences judges the outcome: nothing refers to what is not there. Sites and rotas of lines are routing's to judge.
func (d *draft) checkReferences(set *changeSet, changed []string) error {
	var missing []fault.Violation
	names := append(slices.Clone(changed), d.before.Users(set.removed)...)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		item := d.after.Get(name)
		if item == nil {
			continue
		}
		_, line := item.(*schedulev1.LineCoverage)
		for _, v := range d.after.Missing(item) {
			if line && !strings.HasPrefix(v.Value, "calendars/") {
				continue
			}
			if set.removed[v.Value] {
				return fault.InUse(v.Value, name)
			}
			v.Field = name + ": " + v.Field
			missing = append(missing, v)
		}
	}
	if len(missing) > 0 {
		return fault.MissingReference(missing...)
	}
	return nil
}

// complete adds to a plan what depends on its changes, and the conditions of all, and answers what it does to coverage.
func (s *Service) complete(d *draft, plan *rpcv1.Plan, changed []string, set *changeSet, allowGap bool,
) (*schedulev1.Impact, error) {
	for _, l := range set.lines {
		if _, err := d.Promise(d.after, l.GetServiceHours()); err != nil {
			return nil, estate.Of(l.GetLine()+": service_hours", err)
		}
	}
	if len(changed) == 0 {
		return &schedulev1.Impact{}, nil
	}
	own, reached := setOf(changed), d.affected(changed)
	effect, err := d.dependents(own, reached)
	if err != nil {
		return nil, err
	}
	impact, err := d.impact(reached)
	if err != nil {
		return nil, err
	}
	if refusal := proof.Refusal(impact.GetLines()); refusal != nil && !allowGap {
		return nil, refusal
	}
	conditions := append(plan.GetConditions(), effect.Conditions...)
	conditions = append(conditions, d.rulesStand())
	for _, name := range changed {
		if !isLine(name) {
			// The collections read on their own: what they found must be what was compiled.
			conditions = append(append(conditions, d.before.unchanged(name)), d.basis(name, own)...)
		}
	}
	for _, name := range changed { // after all that can be spared was found
		conditions = append(conditions, d.referencesStand(d.after.Get(name), own)...)
	}
	plan.Conditions = d.few(append(conditions, d.before.noNewUsers(slices.DeleteFunc(changed, isLine))...))
	plan.Writes = append(plan.GetWrites(), effect.Writes...)
	return impact, nil
}
