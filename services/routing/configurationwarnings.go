package routing

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// maxWarnings bounds the warnings of one answer.
const maxWarnings = 50

// catalog is which offers and plans stand once a plan is carried out: those that it writes, else those of the view.
type catalog struct {
	offers map[string]*entitlementv1.Offer
	plans  map[string]*entitle.Plan
	// written are the names of offers and plans that it writes.
	written map[string]bool
	view    *view.View // nil where there is none yet
}

func catalogAfter(p *rpcv1.Plan, v *view.View) catalog {
	c := catalog{
		offers: map[string]*entitlementv1.Offer{}, plans: map[string]*entitle.Plan{}, written: map[string]bool{}, view: v,
	}
	for _, w := range p.GetWrites() {
		if id, ok := strings.CutPrefix(w.GetKey(), published.OfferPrefix); ok {
			if o, err := published.Offer(w.GetValue()); err == nil && o.GetOffer() != nil {
				c.offers[id], c.written["offers/"+id] = o.GetOffer(), true
			}
		}
		if id, ok := strings.CutPrefix(w.GetKey(), published.PlanPrefix); ok {
			if plan, err := published.Plan(w.GetValue()); err == nil && plan.GetId() != "" {
				c.plans[id], c.written["plans/"+id] = entitle.PlanOf(plan), true
			}
		}
	}
	return c
}

// offer by ID; nil where nothing is known of it.
func (c catalog) offer(id string) *entitlementv1.Offer {
	if o := c.offers[id]; o != nil || c.view == nil || c.view.Offer(id) == nil {
		return o
	}
	return c.view.Offer(id).Source
}

// plan by ID; nil where nothing is known of it.
func (c catalog) plan(id string) *entitle.Plan {
	if p := c.plans[id]; p != nil || c.view == nil {
		return p
	}
	return c.view.Plan(id)
}

// warnings say which lines make offers that do not cover them: whoever accepts one pays, and may not have the line all the
// same. Lines, offers and plans can be right one after the other, so that none is refused. Told is what the change touches.
func warnings(p plans, v *view.View) []string {
	c := catalogAfter(p.entitlement, v)
	changed := map[string]bool{}
	for _, ch := range p.lines.Plan.GetChanges() {
		changed[ch.GetName()] = ch.GetKind() == rpcv1.Change_KIND_CREATE || ch.GetKind() == rpcv1.Change_KIND_UPDATE
	}
	var told []string
	for _, name := range slices.Sorted(maps.Keys(p.lines.Result)) {
		l := p.lines.Result[name]
		for _, offered := range l.GetOffers() {
			o := c.offer(strings.TrimPrefix(offered, "offers/"))
			touched := changed[name] || c.written[offered] || c.written[o.GetPlan()]
			why := c.notCovered(l, o)
			if !touched || why == "" {
				continue
			}
			if len(told) == maxWarnings {
				return append(told, "there are more")
			}
			told = append(told, fmt.Sprintf("%s makes %s, which does not cover it: %s", name, offered, why))
		}
	}
	return told
}

// notCovered is why what an offer gives is not for a line that makes it; empty where it is, and of an offer of which nothing
// is known, or which is offered no more.
func (c catalog) notCovered(l *routingv1.Line, o *entitlementv1.Offer) string {
	if o == nil || o.GetWithdrawn() {
		return ""
	}
	product := l.GetProduct()
	if product != "" && o.GetProduct() != "" && o.GetProduct() != product {
		return fmt.Sprintf("it is for product %s, the line for %s", o.GetProduct(), product)
	}
	id := strings.TrimPrefix(o.GetPlan(), "plans/")
	p := c.plan(id)
	if id == "" || p == nil {
		return ""
	}
	lineID := strings.TrimPrefix(l.GetName(), lineNames)
	switch {
	case len(p.LineIDs) > 0 && !slices.Contains(p.LineIDs, lineID):
		return "plans/" + id + " does not give the line"
	case product != "" && len(p.Products) > 0 && !slices.Contains(p.Products, product):
		return "plans/" + id + " does not cover product " + product
	case l.GetSeverity() != 0 && len(p.Severities) > 0 && !slices.Contains(p.Severities, l.GetSeverity()):
		return "plans/" + id + " does not cover " + strings.TrimPrefix(l.GetSeverity().String(), "SEVERITY_")
	}
	return ""
}
