package routing

import (
	"context"
	"errors"
	"log/slog"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/routing/internal/brief"
	"github.com/daysidehq/dayside/services/routing/internal/continuation"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// briefs makes the tokens by which answering people ask for a call's brief, and implements BriefService. Nothing is kept of
// a call: all that is needed travels in its token.
type briefs struct {
	routingv1.UnimplementedBriefServiceServer
	current *view.Current
	clock   clock.Clock
	log     *slog.Logger
	lines   lineLimit
}

// token is a call's; empty where nobody is to be rung, or there is no key yet to seal it with.
func (b *briefs) token(c *decision) string {
	if c.d.Step != routingv1.StepKind_STEP_KIND_FORWARD || c.d.Line == nil {
		return ""
	}
	token, err := c.view.Ring().SealBrief(brief.State(c.d, c.call, c.gateway, c.at), c.at)
	if err != nil {
		if !errors.Is(err, continuation.ErrNoKey) {
			b.log.Warn("a call has no brief", "call_id", c.call.ID, "line", c.d.Line.Name, "error", err)
		}
		return ""
	}
	return token
}

// GetCallBrief opens a brief token. Why one cannot be opened is for the log: to whoever shows it all are the same.
func (b *briefs) GetCallBrief(ctx context.Context, r *routingv1.GetCallBriefRequest) (*routingv1.CallBrief, error) {
	v := b.current.Load()
	if v == nil {
		return nil, notReady()
	}
	state, err := v.Ring().OpenBrief(r.GetToken(), b.clock.Now())
	if err != nil {
		var refused *continuation.Refusal
		if ok, dropped := b.lines.allow(b.clock.Now()); ok && errors.As(err, &refused) {
			b.log.InfoContext(ctx, "a brief token is refused", "why", refused.Why().String(), "lines_dropped", dropped)
		}
		return nil, &fault.Fault{
			Reason:  rpcv1.Reason_REASON_NOT_FOUND,
			Message: "no call has this brief: it is not one of this cluster, or over a day old",
		}
	}
	return brief.Of(v, state), nil
}
