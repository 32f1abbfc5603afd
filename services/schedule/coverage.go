package schedule

import (
	"context"
	"fmt"
	"slices"
	"strings"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/schedule/internal/estate"
)

const defaultSimulatedDays = 28

// coverage implements CoverageService, which proves coverage.
type coverage struct {
	schedulev1.UnimplementedCoverageServiceServer
	s *Service
}

// Simulate answers what a set of changes would do, against what etcd holds now. Changes are checked as a write of them
// would be, but that sites and rotas may go though a line lists them: what then happens is the question.
func (c coverage) Simulate(ctx context.Context, r *schedulev1.SimulateRequest) (*schedulev1.SimulateResponse, error) {
	from, to, err := c.s.coverageRange(r.GetInterval(), defaultSimulatedDays)
	if err != nil {
		return nil, err
	}
	before, err := c.s.load(ctx)
	if err != nil {
		return nil, err
	}
	d, err := c.s.newDraft(before)
	if err != nil {
		return nil, err
	}
	d.Compiler = estate.NewCompiler(d.rules, from, to) // of any time, not only of what is published
	changed, err := c.change(ctx, d, r)
	if err != nil {
		return nil, err
	}
	impact, err := estate.Impact(estate.Side{Estate: before.Estate, Compiler: d.Compiler},
		estate.Side{Estate: d.after, Compiler: d.Compiler}, d.affected(changed), from, to)
	if err != nil {
		return nil, err
	}
	estate.Trim(impact, estate.MaxImpactBytes)
	return &schedulev1.SimulateResponse{Impact: impact, TzdataRelease: d.rules.Release()}, nil
}

// change makes the draft what would stand after the request, and answers with the names of what changes.
func (c coverage) change(ctx context.Context, d *draft, r *schedulev1.SimulateRequest) ([]string, error) {
	plan := &schedulev1.PlanScheduleRequest{
		Sites: r.GetSites(), Calendars: r.GetCalendars(), People: r.GetPeople(), Rotas: r.GetRotas(), Lines: r.GetLines(),
	}
	if err := takeLines(d, r, plan); err != nil {
		return nil, err
	}
	set, err := d.takeChanges(plan)
	if err != nil {
		return nil, err
	}
	outcome, err := c.s.planKinds(ctx, d, plan, set)
	if err != nil {
		return nil, err
	}
	changed := set.changedBy(outcome)
	if err := d.checkReferences(set, changed); err != nil {
		return nil, err
	}
	return changed, d.checkLines(set)
}

// takeLines sorts out which of the deleted names are lines, and refuses contradictions about lines; those about other
// resources are their collections' to refuse.
func takeLines(d *draft, r *schedulev1.SimulateRequest, plan *schedulev1.PlanScheduleRequest) error {
	var broken fault.Violations
	given := map[string]bool{}
	for i, l := range r.GetLines() {
		if given[l.GetLine()] {
			broken.Add(fmt.Sprintf("lines[%d].line", i), l.GetLine(), "is given twice")
		}
		given[l.GetLine()] = true
	}
	for i, name := range r.GetDelete() {
		field := fmt.Sprintf("delete[%d]", i)
		kind, id, _ := strings.Cut(name, "/")
		switch _, ours := referrers[kind]; {
		case slices.Contains(r.GetDelete()[:i], name):
			broken.Add(field, name, "is given twice")
		case (ours || kind == "lines") && id != "" && !d.before.Has(name):
			return fault.NotFound(name)
		case kind != "lines":
			plan.Delete = append(plan.Delete, name)
			if !ours || id == "" {
				broken.Add(field, name, "must be sites/ID, calendars/ID, people/ID, rotas/ID or lines/ID")
			}
		case given[name]:
			broken.Add(field, name, "is both to be written and to be deleted")
		default:
			plan.DeletedLines = append(plan.DeletedLines, name)
		}
	}
	return broken.Err()
}

// checkLines refuses lines of the request with service hours that cannot be, or with sites or rotas that are not there and
// that the request does not take away.
func (d *draft) checkLines(set *changeSet) error {
	var missing []fault.Violation
	for _, l := range set.lines {
		if _, err := d.Promise(d.after, l.GetServiceHours()); err != nil {
			return estate.Of(l.GetLine()+": service_hours", err)
		}
		for _, v := range d.after.Missing(l) {
			if !set.removed[v.Value] {
				v.Field = l.GetLine() + ": " + v.Field
				missing = append(missing, v)
			}
		}
	}
	if len(missing) > 0 {
		return fault.MissingReference(missing...)
	}
	return nil
}
