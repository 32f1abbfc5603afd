package routing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/emptypb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/routing/internal/lines"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

const (
	lineNames  = "lines/"
	offerNames = "offers/"
	// defaultOverlap is how long a number still works after another took its place, where the request does not say.
	defaultOverlap = 30 * 24 * time.Hour
)

// lineServer implements LineService.
type lineServer struct {
	routingv1.UnimplementedLineServiceServer
	lines *collection.Collection[*routingv1.Line]
	owner lineOwner
	clock clock.Clock
}

func newLineServer(store collection.Store, deps Deps, current *view.Current) *lineServer {
	owner := lineOwner{store: store, found: finder{store, current}, schedule: deps.Schedule, clock: deps.Clock}
	all := collection.New(store, deps.Clock, "lines", view.LinePrefix, collection.Owner[*routingv1.Line](owner)).
		WithSchema(deps.Schema)
	return &lineServer{lines: all, owner: owner, clock: deps.Clock}
}

// CreateLine adds a line.
func (s *lineServer) CreateLine(ctx context.Context, r *routingv1.CreateLineRequest) (*routingv1.Line, error) {
	return shown(ctx)(s.lines.Create(ctx, r.GetLine(), "line_id", r.GetLineId(), r.GetRequestId(), r.GetValidateOnly()))
}

// GetLine reads one line.
func (s *lineServer) GetLine(ctx context.Context, r *routingv1.GetLineRequest) (*routingv1.Line, error) {
	return read(ctx, r.GetLeaveOutHidden())(s.lines.Get(ctx, r.GetName()))
}

// ListLines reads a page of lines in order of name.
func (s *lineServer) ListLines(ctx context.Context, r *routingv1.ListLinesRequest) (*routingv1.ListLinesResponse, error) {
	list, next, err := s.lines.List(ctx, r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	show := read(ctx, r.GetLeaveOutHidden())
	for i := range list {
		list[i], _ = show(list[i], nil)
	}
	return &routingv1.ListLinesResponse{Lines: list, NextPageToken: next}, nil
}

// UpdateLine changes fields of a line.
func (s *lineServer) UpdateLine(ctx context.Context, r *routingv1.UpdateLineRequest) (*routingv1.Line, error) {
	owner := s.owner
	owner.allowGap = r.GetAllowGap()
	return shown(ctx)(s.lines.WithOwner(owner).
		Update(ctx, r.GetLine(), r.GetUpdateMask(), r.GetAllowMissing(), r.GetValidateOnly()))
}

// RotateLineNumber gives a line another number.
func (s *lineServer) RotateLineNumber(ctx context.Context, r *routingv1.RotateLineNumberRequest) (*routingv1.Line, error) {
	to, ok := lines.Number(&routingv1.Line{Number: r.GetNumber()})
	if !ok {
		return nil, fault.Invalid(fault.Violation{
			Field: "number", Value: lines.Hidden, Rule: "must be E.164, without an extension",
		})
	}
	overlap := defaultOverlap
	if r.GetOverlap() != nil {
		overlap = r.GetOverlap().AsDuration()
	}
	return shown(ctx)(s.lines.Change(ctx, r.GetName(), r.GetEtag(), r.GetValidateOnly(), func(l *routingv1.Line) error {
		return lines.Rotate(l, to, overlap, s.clock.Now())
	}))
}

// TellLineNumber tells a service of the cluster the number of a line.
func (s *lineServer) TellLineNumber(ctx context.Context, r *routingv1.TellLineNumberRequest,
) (*routingv1.TellLineNumberResponse, error) {
	l, err := s.lines.Get(ctx, r.GetName())
	if err != nil {
		return nil, err
	}
	return &routingv1.TellLineNumberResponse{
		Number: l.GetNumber().GetE164Number(), DisplayName: l.GetDisplayName(),
		FormerEndTime: lines.FormerEnd(l, s.clock.Now().Unix()),
		Published:     l.GetVisibility() == routingv1.Visibility_VISIBILITY_PUBLISHED,
	}, nil
}

// DeleteLine removes a line.
func (s *lineServer) DeleteLine(ctx context.Context, r *routingv1.DeleteLineRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, s.lines.Delete(ctx, r.GetName(), r.GetEtag(), r.GetValidateOnly())
}

// shown takes a hidden number out of what a peer without the right to it gets. Lines come from the collection as copies
// of our own.
func shown(ctx context.Context) func(*routingv1.Line, error) (*routingv1.Line, error) {
	may := rpc.PeerFrom(ctx).Has(rpcv1.Role_ROLE_ADMIN, rpcv1.Role_ROLE_SERVICE)
	return func(l *routingv1.Line, err error) (*routingv1.Line, error) {
		if err != nil {
			return nil, err
		}
		if !may && hidden(l) {
			l.Number, l.FormerNumbers = nil, nil
		}
		return l, nil
	}
}

func hidden(l *routingv1.Line) bool {
	return l.GetVisibility() != routingv1.Visibility_VISIBILITY_PUBLISHED
}

// read is shown, of those who write nothing: they can do without hidden numbers, and of whoever is told one as an
// administrator it is noted. Other processes of the cluster tell nobody.
func read(ctx context.Context, without bool) func(*routingv1.Line, error) (*routingv1.Line, error) {
	show, administrates := shown(ctx), rpc.PeerFrom(ctx).Has(rpcv1.Role_ROLE_ADMIN)
	return func(l *routingv1.Line, err error) (*routingv1.Line, error) {
		if l, err = show(l, err); err != nil || !hidden(l) {
			return l, err
		}
		switch {
		case without:
			l.Number, l.FormerNumbers = nil, nil
		case administrates:
			rpc.Disclosed(ctx, l.GetName())
		}
		return l, nil
	}
}

// lineOwner checks and compiles lines that are written one at a time.
type lineOwner struct {
	store    collection.Store
	found    finder
	schedule schedulev1.PlanServiceClient
	clock    clock.Clock
	allowGap bool
}

// Compile checks a line by itself, against all other lines (whose numbers differ from its own) and against its sites,
// rotas and offers (which exist), and has schedule judge its coverage. Conditions keep all of that true until the commit.
func (o lineOwner) Compile(ctx context.Context, l *routingv1.Line) (collection.Effect, error) {
	effect, err := compileLine(l)
	if err != nil {
		return effect, err
	}
	unique, err := o.uniqueNumber(ctx, l)
	if err != nil {
		return effect, err
	}
	exist, missing, err := o.found.conditions(ctx, []*routingv1.Line{l}, nil)
	if err != nil {
		return effect, err
	}
	if len(missing) > 0 {
		return effect, fault.MissingReference(lines.Among(l, "", missing, "does not exist")...)
	}
	effect.Conditions = append(exist, unique)
	judged, err := o.judge(ctx, l)
	if err != nil {
		return effect, err
	}
	effect.Conditions = coord.Distinct(append(effect.Conditions, judged.GetConditions()...))
	effect.Writes = append(effect.Writes, judged.GetWrites()...)
	return effect, nil
}

// judge asks schedule about a line's coverage, where that is not what it was: a line that keeps its sites, rotas and
// service hours is written whether schedule answers or not, and so is a new one that has sites alone, whose gaps are its
// own. It is COVERAGE_GAP where a line that was there would get time that nobody serves.
func (o lineOwner) judge(ctx context.Context, l *routingv1.Line) (*rpcv1.Plan, error) {
	before, err := o.stored(ctx, l.GetName())
	if err != nil {
		return nil, err
	}
	alone := before == nil && len(l.GetRotas()) == 0 && l.GetServiceHours() == nil
	if alone || !lines.CoverageDiffers(before, l) {
		return nil, nil
	}
	resp, err := o.schedule.PlanSchedule(ctx, &schedulev1.PlanScheduleRequest{
		Lines: []*schedulev1.LineCoverage{lines.Coverage(l)}, AllowGap: o.allowGap,
	})
	if err != nil {
		return nil, within(l.GetName(), rpc.Fault(err))
	}
	return resp.GetPlan(), nil
}

// stored is the line as it stands; nil where it is new.
func (o lineOwner) stored(ctx context.Context, name string) (*routingv1.Line, error) {
	e, err := o.store.Get(ctx, view.LinePrefix+strings.TrimPrefix(name, lineNames))
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	l, _, err := collection.Decode[*routingv1.Line](e.Value, e.ModRevision)
	if err != nil {
		return nil, fault.Internal(fmt.Errorf("key %s: %w", e.Key, err))
	}
	return l, nil
}

// within makes of paths behind a line's name paths within the line.
func within(name string, err error) error {
	var f *fault.Fault
	if !errors.As(err, &f) || len(f.Violations) == 0 {
		return err
	}
	own := *f
	own.Violations = slices.Clone(f.Violations)
	for i, v := range own.Violations {
		own.Violations[i].Field = strings.TrimPrefix(v.Field, name+": ")
	}
	return &own
}

// Remove takes the published record away. It is IN_USE where another line transfers callers to this one.
func (o lineOwner) Remove(ctx context.Context, id string) (collection.Effect, error) {
	all, revision, err := o.all(ctx)
	if err != nil {
		return collection.Effect{}, err
	}
	name := lineNames + id
	for _, other := range all {
		if places := lines.Among(other, other.GetName()+": ", map[string]bool{name: true}, "is deleted"); len(places) > 0 {
			f := fault.InUse(name, other.GetName())
			f.Violations = places
			return collection.Effect{}, f
		}
	}
	return collection.Effect{
		Conditions: []*rpcv1.Condition{coord.NothingNewUnder(view.LinePrefix, revision)},
		Writes:     []*rpcv1.Write{coord.Delete(published.LinePrefix + id)},
	}, nil
}

// all are the lines as they stand at a revision.
func (o lineOwner) all(ctx context.Context) (all []*routingv1.Line, revision int64, err error) {
	entries, revision, err := o.store.ListAll(ctx, view.LinePrefix)
	if err != nil {
		return nil, 0, err
	}
	for _, e := range entries {
		l, _, err := collection.Decode[*routingv1.Line](e.Value, e.ModRevision)
		if err != nil {
			return nil, 0, fault.Internal(fmt.Errorf("key %s: %w", e.Key, err))
		}
		all = append(all, l)
	}
	return all, revision, nil
}

// uniqueNumber is the condition under which no other line has one of the line's numbers, or the fault that says that one
// has.
func (o lineOwner) uniqueNumber(ctx context.Context, l *routingv1.Line) (*rpcv1.Condition, error) {
	all, revision, err := o.all(ctx)
	if err != nil {
		return nil, err
	}
	now := o.clock.Now().Unix()
	own := lines.Numbers(l, now)
	for _, other := range all {
		if other.GetName() == l.GetName() {
			continue
		}
		if slices.ContainsFunc(lines.Numbers(other, now), func(n phone.Number) bool { return slices.Contains(own, n) }) {
			return nil, &fault.Fault{
				Reason: rpcv1.Reason_REASON_ALREADY_EXISTS, Resource: other.GetName(),
				Message:    "another line has that number",
				Violations: []fault.Violation{{Field: "number", Value: lines.Hidden, Rule: "is the number of " + other.GetName()}},
			}
		}
	}
	return coord.NothingNewUnder(view.LinePrefix, revision), nil
}

// planOwner compiles lines of a configuration: what holds between them is judged when all are known.
type planOwner struct{}

// Compile checks a line by itself.
func (planOwner) Compile(_ context.Context, l *routingv1.Line) (collection.Effect, error) {
	return compileLine(l)
}

// Remove is not asked by a plan.
func (planOwner) Remove(context.Context, string) (collection.Effect, error) {
	return collection.Effect{}, nil
}

// compileLine checks a line by itself, and publishes what others may know of it.
func compileLine(l *routingv1.Line) (collection.Effect, error) {
	if err := lines.Check(l); err != nil {
		return collection.Effect{}, err
	}
	record := lines.Publish(l)
	value, err := published.Marshal(record)
	if err != nil {
		return collection.Effect{}, fault.Internal(err)
	}
	return collection.Effect{Writes: []*rpcv1.Write{coord.Put(published.LinePrefix+record.GetId(), value)}}, nil
}
