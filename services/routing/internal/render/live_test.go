package render_test

import (
	"testing"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/render"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// A site tells what is known of its minute; what nobody says is unset, and no zero.
func TestASiteTellsItsMinute(t *testing.T) {
	dublin, cork := viewtest.Site("dublin", viewtest.Span{0, 10}), viewtest.Site("cork", viewtest.Span{0, 10})
	dublin.Capacity, dublin.Targets = 4, append(dublin.Targets, "+13035550131")
	v := viewtest.World{
		Sites: []*publishedv1.Site{dublin, cork}, Lines: []*routingv1.Line{viewtest.Line("gold", gold, "dublin", "cork")},
		Live: []viewtest.LiveOf{
			viewtest.Calls("sip-1", map[string]int32{"dublin": 4}), viewtest.Presence("dublin", 0, 0),
			viewtest.Unreachable("r-1", "+13035550131"),
		},
	}.View()
	var d decide.Decision
	now := viewtest.At(1)
	decide.Decide(&d, v, decide.Call{ID: "c", Dialled: gold, Gateway: decide.CapabilitiesOf(nil)}, now, decide.MaxSites)
	sites := render.Route(&d, v, "c", now, false).GetRoute().GetExplanation().GetSites()
	got := sites[0]
	if got.GetActiveCalls() != 4 || got.GetCapacity() != 4 || got.Agents == nil || got.GetAgents() != 0 ||
		got.GetUnreachableTargets() != 1 || got.GetReason() != routingv1.SiteReason_SITE_REASON_UNATTENDED {
		t.Errorf("dublin %v", got)
	}
	if got = sites[1]; got.GetActiveCalls() != 0 || got.GetCapacity() != 0 || got.Agents != nil || got.GetUnreachableTargets() != 0 {
		t.Errorf("cork %v", got)
	}
}
