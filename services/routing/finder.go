package routing

import (
	"context"
	"strings"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/routing/internal/lines"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// finder knows which sites, rotas, offers and lines exist: those of the view at once, others by asking etcd.
type finder struct {
	store   collection.Store
	current *view.Current
}

// conditions are those under which all that the lines refer to goes on existing, but for what is in written, which the same
// transaction writes; missing is what does not exist.
func (f finder) conditions(ctx context.Context, all []*routingv1.Line, written map[string]bool,
) (conditions []*rpcv1.Condition, missing map[string]bool, err error) {
	missing = map[string]bool{}
	seen := map[string]bool{}
	for _, l := range all {
		for _, r := range lines.References(l) {
			if written[r.Name] || seen[r.Name] {
				continue
			}
			seen[r.Name] = true
			exists, err := f.exists(ctx, r.Name)
			if err != nil {
				return nil, nil, err
			}
			if !exists {
				missing[r.Name] = true
				continue
			}
			conditions = append(conditions, coord.Exists(publishedKey(r.Name)))
		}
	}
	return conditions, missing, nil
}

// exists asks the view first. Should it be behind, the condition fails at the commit.
func (f finder) exists(ctx context.Context, name string) (bool, error) {
	if v := f.current.Load(); v != nil && inView(v, name) {
		return true, nil
	}
	_, err := f.store.Get(ctx, publishedKey(name))
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
		return false, nil
	}
	return err == nil, err
}

func inView(v *view.View, name string) bool {
	kind, id, _ := strings.Cut(name, "/")
	switch kind {
	case "sites":
		return v.Site(id) != nil
	case "rotas":
		return v.Rota(id) != nil
	case "offers":
		return v.Offer(id) != nil
	case "lines":
		return v.LineByID(id) != nil
	}
	return false
}

// publishedKey is where schedule publishes a site or a rota, entitlement an offer, and routing a line.
func publishedKey(name string) string {
	if id, ok := strings.CutPrefix(name, lineNames); ok {
		return published.LinePrefix + id
	}
	if id, ok := strings.CutPrefix(name, offerNames); ok {
		return published.OfferPrefix + id
	}
	return published.SchedulePrefix + name
}
