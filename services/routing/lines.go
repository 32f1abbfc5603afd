package routing

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/protobuf/types/known/emptypb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/routing/internal/lines"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

const (
	lineNames = "lines/"
	siteNames = "sites/"
)

// lineServer implements LineService.
type lineServer struct {
	routingv1.UnimplementedLineServiceServer
	lines *collection.Collection[*routingv1.Line]
}

func newLineServer(store collection.Store, clk clock.Clock, current *view.Current) *lineServer {
	owner := lineOwner{store: store, sites: siteFinder{store, current}}
	return &lineServer{lines: collection.New(store, clk, "lines", view.LinePrefix, owner)}
}

// CreateLine adds a line.
func (s *lineServer) CreateLine(ctx context.Context, r *routingv1.CreateLineRequest) (*routingv1.Line, error) {
	return shown(ctx)(s.lines.Create(ctx, r.GetLine(), "line_id", r.GetLineId(), r.GetRequestId(), r.GetValidateOnly()))
}

// GetLine reads one line.
func (s *lineServer) GetLine(ctx context.Context, r *routingv1.GetLineRequest) (*routingv1.Line, error) {
	return shown(ctx)(s.lines.Get(ctx, r.GetName()))
}

// ListLines reads a page of lines in order of name.
func (s *lineServer) ListLines(ctx context.Context, r *routingv1.ListLinesRequest) (*routingv1.ListLinesResponse, error) {
	list, next, err := s.lines.List(ctx, r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	show := shown(ctx)
	for i := range list {
		list[i], _ = show(list[i], nil)
	}
	return &routingv1.ListLinesResponse{Lines: list, NextPageToken: next}, nil
}

// UpdateLine changes fields of a line.
func (s *lineServer) UpdateLine(ctx context.Context, r *routingv1.UpdateLineRequest) (*routingv1.Line, error) {
	return shown(ctx)(s.lines.Update(ctx, r.GetLine(), r.GetUpdateMask(), r.GetAllowMissing(), r.GetValidateOnly()))
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
		if !may && l.GetVisibility() != routingv1.Visibility_VISIBILITY_PUBLISHED {
			l.Number = nil
		}
		return l, nil
	}
}

// lineOwner checks and compiles lines that are written one at a time.
type lineOwner struct {
	store collection.Store
	sites siteFinder
}

// Compile checks a line by itself, against all other lines (whose numbers differ from its own) and against the sites
// (which exist). Conditions keep both true until the commit.
func (o lineOwner) Compile(ctx context.Context, l *routingv1.Line) (collection.Effect, error) {
	effect, err := compileLine(l)
	if err != nil {
		return effect, err
	}
	unique, err := o.uniqueNumber(ctx, l)
	if err != nil {
		return effect, err
	}
	exist, missing, err := o.sites.conditions(ctx, []*routingv1.Line{l}, nil)
	if err != nil {
		return effect, err
	}
	if len(missing) > 0 {
		return effect, fault.MissingReference(lines.SitesAmong(l, "", missing, "does not exist")...)
	}
	effect.Conditions = append(exist, unique)
	return effect, nil
}

// Remove takes the published record away; nothing refers to a line.
func (lineOwner) Remove(_ context.Context, id string) (collection.Effect, error) {
	return collection.Effect{Writes: []*rpcv1.Write{coord.Delete(published.LinePrefix + id)}}, nil
}

// uniqueNumber is the condition under which no other line has the number, or the fault that says that one has.
func (o lineOwner) uniqueNumber(ctx context.Context, l *routingv1.Line) (*rpcv1.Condition, error) {
	entries, revision, err := o.store.ListAll(ctx, view.LinePrefix)
	if err != nil {
		return nil, err
	}
	own, _ := lines.Number(l)
	for _, e := range entries {
		other, _, err := collection.Decode[*routingv1.Line](e.Value, e.ModRevision)
		if err != nil {
			return nil, fault.Internal(fmt.Errorf("key %s: %w", e.Key, err))
		}
		if n, ok := lines.Number(other); ok && n == own && other.GetName() != l.GetName() {
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

// siteFinder knows which sites exist: those of the view at once, others by asking etcd.
type siteFinder struct {
	store   collection.Store
	current *view.Current
}

// conditions are those under which every site of the lines goes on existing, but for those in written, which the same
// transaction writes; missing are the sites that do not exist.
func (f siteFinder) conditions(ctx context.Context, all []*routingv1.Line, written map[string]bool,
) (conditions []*rpcv1.Condition, missing map[string]bool, err error) {
	missing = map[string]bool{}
	seen := map[string]bool{}
	for _, l := range all {
		for _, s := range l.GetSites() {
			name := s.GetSite()
			if written[name] || seen[name] {
				continue
			}
			seen[name] = true
			exists, err := f.exists(ctx, name)
			if err != nil {
				return nil, nil, err
			}
			if !exists {
				missing[name] = true
				continue
			}
			conditions = append(conditions, coord.Exists(siteKey(name)))
		}
	}
	return conditions, missing, nil
}

// exists asks the view first. Should it be behind, the condition fails at the commit.
func (f siteFinder) exists(ctx context.Context, name string) (bool, error) {
	id := strings.TrimPrefix(name, siteNames)
	if v := f.current.Load(); v != nil && v.Site(id) != nil {
		return true, nil
	}
	_, err := f.store.Get(ctx, siteKey(name))
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
		return false, nil
	}
	return err == nil, err
}

func siteKey(name string) string { return published.SitePrefix + strings.TrimPrefix(name, siteNames) }
