package routing

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/target"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

const (
	drainNames = "drains/"
	// maxDrains bounds the drains that are kept, those that ended within the last week among them.
	maxDrains = 1000
	// maxDrainAheadDays is how far ahead a drain may begin: as far as hours are known.
	maxDrainAheadDays = 400
	// keepDrainDays is how long a drain that has ended can still be read.
	keepDrainDays = 7
	// maxSwept bounds what one write sweeps away.
	maxSwept = 32
	// maxSlugBytes bounds what of a subject's ID goes into the ID made for its drain.
	maxSlugBytes = 48
)

// drainServer implements DrainService.
type drainServer struct {
	routingv1.UnimplementedDrainServiceServer
	drains *collection.Collection[*routingv1.Drain]
	clock  clock.Clock
}

func newDrainServer(store collection.Store, deps Deps) *drainServer {
	return &drainServer{
		drains: collection.New(store, deps.Clock, "drains", view.DrainPrefix,
			collection.Owner[*routingv1.Drain](drainOwner{store, deps.Clock})).WithSchema(deps.Schema),
		clock: deps.Clock,
	}
}

// CreateDrain adds a drain.
func (s *drainServer) CreateDrain(ctx context.Context, r *routingv1.CreateDrainRequest) (*routingv1.Drain, error) {
	d, id := r.GetDrain(), r.GetDrainId()
	if id == "" && d.GetName() == "" {
		id = newDrainID(d, r.GetRequestId())
	}
	if d.GetEndTime() != nil && !d.GetEndTime().AsTime().After(s.clock.Now()) {
		return nil, fault.Invalid(fault.Violation{
			Field: "end_time", Value: shownTime(d.GetEndTime()), Rule: "must be in the future",
		})
	}
	return s.drains.Create(ctx, d, "drain_id", id, r.GetRequestId(), r.GetValidateOnly())
}

// newDrainID names a drain after its subject. A repetition of the request makes the same ID.
func newDrainID(d *routingv1.Drain, requestID string) string {
	if requestID == "" {
		requestID = rand.Text()
	}
	sum := sha256.Sum256([]byte(requestID))
	_, slug, _ := strings.Cut(subjectName(d), "/")
	slug = strings.Trim(slug[:min(len(slug), maxSlugBytes)], "-")
	if slug == "" {
		slug = "drain" // its subject is refused anyway
	}
	return slug + "-" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:5]))
}

// GetDrain reads one drain.
func (s *drainServer) GetDrain(ctx context.Context, r *routingv1.GetDrainRequest) (*routingv1.Drain, error) {
	return s.drains.Get(ctx, r.GetName())
}

// ListDrains reads a page of drains in order of name.
func (s *drainServer) ListDrains(ctx context.Context, r *routingv1.ListDrainsRequest) (
	*routingv1.ListDrainsResponse, error,
) {
	list, next, err := s.drains.List(ctx, r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &routingv1.ListDrainsResponse{Drains: list, NextPageToken: next}, nil
}

// UpdateDrain changes fields of a drain.
func (s *drainServer) UpdateDrain(ctx context.Context, r *routingv1.UpdateDrainRequest) (*routingv1.Drain, error) {
	return s.drains.Update(ctx, r.GetDrain(), r.GetUpdateMask(), r.GetAllowMissing(), r.GetValidateOnly())
}

// DeleteDrain ends a drain now.
func (s *drainServer) DeleteDrain(ctx context.Context, r *routingv1.DeleteDrainRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, s.drains.Delete(ctx, r.GetName(), r.GetEtag(), r.GetValidateOnly())
}

// drainOwner checks drains.
type drainOwner struct {
	store collection.Store
	clock clock.Clock
}

// Compile checks times and references, and sweeps away what ended long ago.
func (o drainOwner) Compile(ctx context.Context, d *routingv1.Drain) (collection.Effect, error) {
	if err := o.checkTimes(d); err != nil {
		return collection.Effect{}, err
	}
	effect, err := o.references(ctx, d)
	if err != nil {
		return effect, err
	}
	return effect, o.sweep(ctx, d, &effect)
}

// Remove has nothing to do: nothing refers to a drain.
func (drainOwner) Remove(context.Context, string) (collection.Effect, error) {
	return collection.Effect{}, nil
}

func (o drainOwner) checkTimes(d *routingv1.Drain) error {
	var broken fault.Violations
	latest := o.clock.Now().Add(maxDrainAheadDays * 24 * time.Hour)
	switch start := d.GetStartTime(); {
	case start == nil:
	case !start.IsValid():
		broken.Add("start_time", "", "must be a timestamp from year 1 to 9999")
	case start.AsTime().After(latest):
		broken.Add("start_time", shownTime(start), fmt.Sprintf("must be at most %d days ahead", maxDrainAheadDays))
	}
	switch end := d.GetEndTime(); {
	case end == nil:
	case !end.IsValid():
		broken.Add("end_time", "", "must be a timestamp from year 1 to 9999")
	case d.GetStartTime() != nil && end.GetSeconds() <= d.GetStartTime().GetSeconds():
		broken.Add("end_time", shownTime(end), "must be at least a second after start_time, "+shownTime(d.GetStartTime()))
	}
	return broken.Err()
}

func shownTime(ts *timestamppb.Timestamp) string { return ts.AsTime().Format(time.RFC3339) }

// references is MISSING_REFERENCE where what the drain names does not exist, else the conditions under which it goes on
// existing.
func (o drainOwner) references(ctx context.Context, d *routingv1.Drain) (collection.Effect, error) {
	var effect collection.Effect
	if d.GetAllSites() {
		return o.everySite(ctx, d)
	}
	field, key, targets, err := o.subject(ctx, d)
	if err != nil {
		return effect, err
	}
	if key == "" {
		return effect, missing(field, subjectName(d), "does not exist")
	}
	effect.Conditions = append(effect.Conditions, coord.Exists(key))
	if d.GetTarget() != nil {
		if v, ok := target.Broken("target", d.GetTarget()); !ok {
			return effect, fault.Invalid(fault.Violation{Field: v.Field, Rule: v.Rule})
		}
		if !slices.Contains(targets, target.Text(d.GetTarget())) {
			// What was given may be a person's number: it is not said again.
			return effect, missing("target", "", "is no target of "+subjectName(d))
		}
	}
	if d.GetLine() == "" {
		return effect, nil
	}
	lineKey, line, err := o.line(ctx, d)
	if err != nil {
		return effect, err
	}
	if id, ok := strings.CutPrefix(d.GetSite(), "sites/"); ok && !slices.Contains(line.GetSites(), id) {
		return effect, missing("line", d.GetLine(), "does not list "+d.GetSite())
	}
	effect.Conditions = append(effect.Conditions, coord.Exists(lineKey))
	return effect, nil
}

// everySite is references of a drain that takes every site of a line, those it gets later too.
func (o drainOwner) everySite(ctx context.Context, d *routingv1.Drain) (effect collection.Effect, err error) {
	var broken fault.Violations
	if d.GetLine() == "" {
		broken.Add("line", "", "is required with all_sites: whose sites are drained")
	}
	if d.GetTarget() != nil {
		broken.Add("target", "", "must be left out with all_sites: every target of every site is drained")
	}
	if err := broken.Err(); err != nil {
		return effect, err
	}
	lineKey, _, err := o.line(ctx, d)
	if err != nil {
		return effect, err
	}
	effect.Conditions = append(effect.Conditions, coord.Exists(lineKey))
	return effect, nil
}

// line is the published line of a drain that names one, and its key.
func (o drainOwner) line(ctx context.Context, d *routingv1.Drain) (string, *publishedv1.Line, error) {
	key := published.LinePrefix + strings.TrimPrefix(d.GetLine(), lineNames)
	e, err := o.store.Get(ctx, key)
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
		return key, nil, missing("line", d.GetLine(), "does not exist")
	}
	if err != nil {
		return key, nil, err
	}
	line, err := published.Line(e.Value)
	if err != nil {
		return key, nil, fault.Internal(fmt.Errorf("key %s: %w", key, err))
	}
	return key, line, nil
}

// subjectName is whom a drain takes out of calls: a site, a person, or the line whose sites it takes.
func subjectName(d *routingv1.Drain) string {
	if d.GetAllSites() {
		return d.GetLine()
	}
	return d.GetSite() + d.GetPerson() // one of them
}

func missing(field, value, rule string) error {
	return fault.MissingReference(fault.Violation{Field: field, Value: value, Rule: rule})
}

// subject is whom the drain names: its field, the published record that has it (none: it does not exist), and the targets
// there.
func (o drainOwner) subject(ctx context.Context, d *routingv1.Drain) (field, key string, targets []string, err error) {
	if d.GetPerson() != "" {
		key, targets, err = o.person(ctx, strings.TrimPrefix(d.GetPerson(), "people/"))
		return "person", key, targets, err
	}
	key = published.SitePrefix + strings.TrimPrefix(d.GetSite(), "sites/")
	e, err := o.store.Get(ctx, key)
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
		return "site", "", nil, nil
	}
	if err != nil {
		return "site", "", nil, err
	}
	site, err := published.Site(e.Value)
	if err != nil {
		return "site", "", nil, fault.Internal(fmt.Errorf("key %s: %w", key, err))
	}
	return "site", key, site.GetTargets(), nil
}

// person looks for somebody in the rotas, since calls reach people through those alone.
func (o drainOwner) person(ctx context.Context, id string) (key string, targets []string, err error) {
	entries, _, err := o.store.ListAll(ctx, published.RotaPrefix)
	if err != nil {
		return "", nil, err
	}
	for _, e := range entries {
		r, err := published.Rota(e.Value)
		if err != nil {
			return "", nil, fault.Internal(fmt.Errorf("key %s: %w", e.Key, err))
		}
		i := slices.IndexFunc(r.GetPeople(), func(p *publishedv1.DutyPerson) bool { return p.GetId() == id })
		if i >= 0 {
			return e.Key, r.GetPeople()[i].GetTargets(), nil
		}
	}
	return "", nil, nil
}

// sweep is LIMIT_EXCEEDED where there are too many drains already, and has those deleted that ended long ago. Two writes at
// the same moment may each find room for one: the limit is there for the process's sake, not to the last.
func (o drainOwner) sweep(ctx context.Context, d *routingv1.Drain, effect *collection.Effect) error {
	entries, _, err := o.store.ListAll(ctx, view.DrainPrefix)
	if err != nil {
		return err
	}
	own, others := view.DrainPrefix+strings.TrimPrefix(d.GetName(), drainNames), 0
	before := o.clock.Now().Add(-keepDrainDays * 24 * time.Hour)
	swept := 0
	for _, e := range entries {
		if e.Key == own {
			continue
		}
		other, _, err := collection.Decode[*routingv1.Drain](e.Value, e.ModRevision)
		if err != nil {
			return fault.Internal(fmt.Errorf("key %s: %w", e.Key, err))
		}
		if end := other.GetEndTime(); end == nil || !end.AsTime().Before(before) || swept == maxSwept {
			others++
			continue
		}
		swept++
		effect.Conditions = append(effect.Conditions, coord.Unchanged(e.Key, e.ModRevision))
		effect.Writes = append(effect.Writes, coord.Delete(e.Key))
	}
	if others >= maxDrains {
		return fault.LimitExceeded(fmt.Sprintf("there are %d drains already: end some that are over", others))
	}
	return nil
}
