package routing

import (
	"context"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/record"
	"github.com/daysidehq/dayside/services/routing/internal/render"
)

// replay implements ReplayService. It has no view: a decision is made again from its record alone.
type replay struct {
	routingv1.UnimplementedReplayServiceServer
}

// ReplayDecision makes a decision again, and says whether it comes to the same.
func (replay) ReplayDecision(
	_ context.Context, r *routingv1.ReplayDecisionRequest,
) (*routingv1.ReplayDecisionResponse, error) {
	again := record.Again(r.GetDecision(), r.GetFacts())
	route := render.Route(again.Decision, again.View, again.Call.ID, again.At, true).GetRoute()
	route.StepNumber = r.GetDecision().GetStep()
	return &routingv1.ReplayDecisionResponse{
		Equal: len(again.Differences) == 0, Differences: again.Differences, Route: route,
	}, nil
}
