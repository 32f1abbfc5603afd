package routing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/routing/internal/lines"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// maxPlaces bounds the places that one error names.
const maxPlaces = 50

// configuration implements ConfigurationService: each owner plans its part, the outcome of all parts is judged, and one
// transaction puts it in force, or nothing.
type configuration struct {
	routingv1.UnimplementedConfigurationServiceServer
	store       collection.Store
	clock       clock.Clock
	current     *view.Current
	schedule    schedulev1.PlanServiceClient
	entitlement entitlementv1.EntitlementServiceClient
	schema      collection.Schema
}

// ApplyConfiguration puts calendars, people, rotas, sites, plans, offers, customers and lines in force together.
func (c *configuration) ApplyConfiguration(ctx context.Context, r *routingv1.ApplyConfigurationRequest,
) (*routingv1.ApplyConfigurationResponse, error) {
	doomed, err := sortNames(r.GetDelete())
	if err != nil {
		return nil, err
	}
	p, err := c.plan(ctx, r, doomed)
	if err != nil {
		return nil, err
	}
	whole, err := c.judge(ctx, p)
	if err != nil {
		return nil, err
	}
	response := &routingv1.ApplyConfigurationResponse{
		Changes: whole.GetChanges(), Impact: p.impact, Warnings: warnings(p, c.current.Load()),
	}
	if r.GetValidateOnly() || len(whole.GetWrites()) == 0 {
		return response, nil
	}
	response.Revision, err = c.store.Commit(ctx, whole.GetConditions(), whole.GetWrites())
	if err != nil {
		return nil, err
	}
	return response, nil
}

// names are the names to delete, by owner.
type names struct{ schedule, entitlement, lines []string }

func sortNames(all []string) (names, error) {
	var n names
	var broken fault.Violations
	for i, name := range all {
		collectionName, id, _ := strings.Cut(name, "/")
		switch {
		case id == "" || strings.Contains(id, "/"):
			collectionName = ""
		case slices.Contains(all[:i], name):
			broken.Add(fmt.Sprintf("delete[%d]", i), name, "is given twice")
			continue
		}
		switch collectionName {
		case "calendars", "people", "rotas", "sites":
			n.schedule = append(n.schedule, name)
		case "plans", "offers", "customers":
			n.entitlement = append(n.entitlement, name)
		case "lines":
			n.lines = append(n.lines, name)
		default:
			broken.Add(fmt.Sprintf("delete[%d]", i), name,
				"must be the name of a calendar, person, rota, site, plan, offer, customer or line: sites/ID")
		}
	}
	return n, broken.Err()
}

// plans is what each owner would write.
type plans struct {
	schedule, entitlement *rpcv1.Plan
	lines                 collection.Planned[*routingv1.Line]
	// linesRevision is one at or before the lines were read.
	linesRevision int64
	// impact is what all of it does to coverage.
	impact *schedulev1.Impact
}

// plan asks the owners. Broken rules of all of them come in one fault.
func (c *configuration) plan(ctx context.Context, r *routingv1.ApplyConfigurationRequest, doomed names) (plans, error) {
	var p plans
	var broken fault.Violations
	if err := gather(&broken, c.planLines(ctx, r, doomed.lines, &p)); err != nil {
		return p, err
	}
	var err error
	p.entitlement, err = c.planEntitlement(ctx, &entitlementv1.PlanCustomersRequest{
		Plans: r.GetPlans(), Offers: r.GetOffers(), Customers: r.GetCustomers(), Prune: r.GetPrune(), Delete: doomed.entitlement,
	})
	if err := gather(&broken, err); err != nil {
		return p, err
	}
	ask := &schedulev1.PlanScheduleRequest{
		Calendars: r.GetCalendars(), People: r.GetPeople(), Rotas: r.GetRotas(), Sites: r.GetSites(),
		Prune: r.GetPrune(), Delete: doomed.schedule, AllowGap: r.GetAllowGap(),
	}
	coverage(ask, p.lines)
	if broken.Err() != nil {
		ask.AllowGap = true // nothing will be written, and not all lines are known
	}
	if err := gather(&broken, c.planSchedule(ctx, ask, &p)); err != nil {
		return p, err
	}
	return p, broken.Err()
}

// coverage adds to what schedule is asked the lines whose coverage may not be what it was.
func coverage(ask *schedulev1.PlanScheduleRequest, planned collection.Planned[*routingv1.Line]) {
	for _, ch := range planned.Plan.GetChanges() {
		switch name := ch.GetName(); ch.GetKind() {
		case rpcv1.Change_KIND_CREATE, rpcv1.Change_KIND_UPDATE:
			if l := planned.Result[name]; lines.CoverageDiffers(planned.Before[name], l) {
				ask.Lines = append(ask.Lines, lines.Coverage(l))
			}
		case rpcv1.Change_KIND_DELETE:
			ask.DeletedLines = append(ask.DeletedLines, name)
		case rpcv1.Change_KIND_UNCHANGED, rpcv1.Change_KIND_UNSPECIFIED:
		}
	}
}

// gather notes the broken rules of an INVALID_FIELD fault; any other error is answered.
func gather(broken *fault.Violations, err error) error {
	err = rpc.Fault(err)
	var f *fault.Fault
	if errors.As(err, &f) && f.Reason == rpcv1.Reason_REASON_INVALID_FIELD {
		broken.Append(f.Violations...)
		return nil
	}
	return err
}

// planSchedule asks schedule, if there is something to ask. A gap may come of a site or rota that goes under a line, or was
// never there: then that is what is wrong, and judge says so.
func (c *configuration) planSchedule(ctx context.Context, r *schedulev1.PlanScheduleRequest, p *plans) error {
	p.schedule = &rpcv1.Plan{}
	things := len(r.GetSites()) + len(r.GetCalendars()) + len(r.GetPeople()) + len(r.GetRotas()) + len(r.GetDelete())
	if things == 0 && len(r.GetLines()) == 0 && !r.GetPrune() {
		return nil
	}
	resp, err := c.schedule.PlanSchedule(ctx, r)
	if gap := rpc.Fault(err); fault.ReasonOf(gap) == rpcv1.Reason_REASON_COVERAGE_GAP {
		anyway := proto.CloneOf(r)
		anyway.AllowGap = true
		if resp, err = c.schedule.PlanSchedule(ctx, anyway); err == nil {
			p.schedule = resp.GetPlan()
			_, wrong := c.judge(ctx, *p)
			err = cmp.Or(wrong, gap)
		}
	}
	if err != nil {
		return err
	}
	p.schedule, p.impact = resp.GetPlan(), resp.GetImpact()
	return nil
}

// planEntitlement asks entitlement, if there is something to ask.
func (c *configuration) planEntitlement(ctx context.Context, r *entitlementv1.PlanCustomersRequest) (*rpcv1.Plan, error) {
	if len(r.GetCustomers())+len(r.GetPlans())+len(r.GetOffers())+len(r.GetDelete()) == 0 && !r.GetPrune() {
		return &rpcv1.Plan{}, nil
	}
	resp, err := c.entitlement.PlanCustomers(ctx, r)
	return resp.GetPlan(), err
}

func (c *configuration) planLines(ctx context.Context, r *routingv1.ApplyConfigurationRequest, doomed []string, p *plans,
) error {
	page, err := c.store.List(ctx, view.LinePrefix, "", 1)
	if err != nil {
		return err
	}
	p.linesRevision = page.Revision
	all := collection.New(c.store, c.clock, "lines", view.LinePrefix, collection.Owner[*routingv1.Line](planOwner{})).
		WithSchema(c.schema)
	p.lines, err = all.Plan(ctx, r.GetLines(), doomed, r.GetPrune(), func(id string) []string {
		return []string{published.LinePrefix + id}
	})
	return err
}

// judge puts the plans together, if what would stand afterwards is sound: every line's number is its own, and every site,
// rota and offer of a line exists.
func (c *configuration) judge(ctx context.Context, p plans) (*rpcv1.Plan, error) {
	if err := judgeNumbers(p.lines.Result, c.clock.Now().Unix()); err != nil {
		return nil, err
	}
	written, deleted := collection.Outcome(p.schedule)
	offered, withdrawn := collection.Outcome(p.entitlement)
	maps.Copy(written, offered)
	maps.Copy(deleted, withdrawn)
	maps.DeleteFunc(deleted, func(name string, _ bool) bool { return strings.HasPrefix(name, "customers/") }) // no line has any
	withLines(p.lines, written, deleted)
	if err := judgeDeleted(p.lines.Result, deleted); err != nil {
		return nil, err
	}
	exist, err := c.judgeReferences(ctx, p, written)
	if err != nil {
		return nil, err
	}
	whole := &rpcv1.Plan{}
	for _, part := range []*rpcv1.Plan{p.schedule, p.entitlement, p.lines.Plan} {
		whole.Changes = append(whole.Changes, part.GetChanges()...)
		whole.Conditions = append(whole.Conditions, part.GetConditions()...)
		whole.Writes = append(whole.Writes, part.GetWrites()...)
	}
	whole.Conditions = append(whole.Conditions, exist...)
	if len(p.lines.Plan.GetWrites()) > 0 || len(deleted) > 0 {
		// All lines were judged; one written meanwhile may have taken a number, or a site or rota that goes.
		whole.Conditions = append(whole.Conditions, coord.NothingNewUnder(view.LinePrefix, p.linesRevision))
	}
	whole.Conditions = coord.Distinct(whole.Conditions)
	return whole, nil
}

func judgeNumbers(result map[string]*routingv1.Line, nowUnixS int64) error {
	shared := lines.Sharing(result, nowUnixS)
	var broken fault.Violations
	for _, name := range slices.Sorted(maps.Keys(shared)) {
		broken.Add(name+": number", lines.Hidden, "is the number of "+shared[name]+" too")
	}
	return broken.Err()
}

// withLines adds the lines that stand afterwards to what is written, and those that go to what is deleted: a line may
// transfer callers to another one.
func withLines(p collection.Planned[*routingv1.Line], written, deleted map[string]bool) {
	for name := range p.Result {
		written[name] = true
	}
	_, gone := collection.Outcome(p.Plan)
	maps.Copy(deleted, gone)
}

// judgeDeleted is IN_USE where a line that remains names a site, rota or line that goes.
func judgeDeleted(result map[string]*routingv1.Line, deleted map[string]bool) error {
	var places []fault.Violation
	users := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(result)) {
		found := lines.Among(result[name], name+": ", deleted, "is deleted by the same change")
		for _, v := range found {
			users[v.Value] = append(users[v.Value], name)
		}
		places = append(places, found...)
	}
	if len(places) == 0 {
		return nil
	}
	f := fault.InUse(places[0].Value, users[places[0].Value]...)
	f.Violations = places[:min(len(places), maxPlaces)]
	return f
}

// judgeReferences is MISSING_REFERENCE where a line that is written lists a site or rota that does not exist; else the
// conditions under which they go on existing. Those of other lines cannot go meanwhile: they are deleted only while no line
// lists them.
func (c *configuration) judgeReferences(ctx context.Context, p plans, written map[string]bool) ([]*rpcv1.Condition, error) {
	var changed []*routingv1.Line
	for _, ch := range p.lines.Plan.GetChanges() {
		if k := ch.GetKind(); k == rpcv1.Change_KIND_CREATE || k == rpcv1.Change_KIND_UPDATE {
			changed = append(changed, p.lines.Result[ch.GetName()])
		}
	}
	conditions, missing, err := (finder{c.store, c.current}).conditions(ctx, changed, written)
	if err != nil || len(missing) == 0 {
		return conditions, err
	}
	var places []fault.Violation
	for _, l := range changed {
		places = append(places,
			lines.Among(l, l.GetName()+": ", missing, "does not exist, and is not among what is applied")...)
	}
	return nil, fault.MissingReference(places[:min(len(places), maxPlaces)]...)
}
