package client

import (
	"time"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

// proceed is what is left of the ladder for a call that has been going on.
func (t *table) proceed(r *routingv1.ContinueCallRequest, now time.Time) (*Route, error) {
	route, err := t.route(r.GetCallId(), r.GetDialledNumber(), now)
	if err != nil {
		return nil, err
	}
	tried := map[string]bool{}
	for _, a := range r.GetAttempts() {
		switch a.GetDisposition() { //nolint:exhaustive // the others leave the target as one that may be rung again
		case routingv1.Disposition_DISPOSITION_ANSWERED, routingv1.Disposition_DISPOSITION_CALLER_GONE:
			route.Step = &routingv1.Route_End{End: &routingv1.End{Cause: routingv1.EndCause_END_CAUSE_OVER}}
			return route, nil
		}
		tried[a.GetTargetId()] = true
	}
	forward := route.GetForward()
	if forward == nil || len(tried) == 0 {
		return route, nil
	}
	rest := &routingv1.Forward{}
	for _, target := range forward.GetTargets() {
		// The last resort is a person or a mailbox: rung once more rather than never.
		if !tried[target.GetTargetId()] || target.GetLastResort() {
			rest.Targets = append(rest.Targets, target)
		}
	}
	if len(rest.GetTargets()) > 0 {
		route.Step = &routingv1.Route_Forward{Forward: rest}
	}
	return route, nil
}
