package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

func newCallReplay(a *app) *cobra.Command {
	var step int32
	c := &cobra.Command{
		Use: "replay ID", Short: "Decide a call again from its record, and say whether it comes out the same",
		Long: "Takes each step of a call with all facts that it was decided on from the ledger, lets routing decide again on\n" +
			"those alone, and compares. What comes out differently was not decided by this program from this record; then the\n" +
			"exit code is 1.",
		Example: "  dayside call replay x1@probe\n  dayside call replay 5a1hj2v0qk8m3c7d9e4f --step 2 -o json",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := callName(args[0])
			if err != nil {
				return err
			}
			if step < 0 {
				return usagef("--step %d: must be from 1", step)
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			return a.replayCall(cmd.Context(), client, name, step)
		},
	}
	c.Flags().Int32Var(&step, "step", 0, "this step alone, from 1")
	return c
}

// replayCall decides a step again, or all of them where it is 0.
func (a *app) replayCall(ctx context.Context, client *api, name string, step int32) error {
	steps := []int32{step}
	if step == 0 {
		c, err := ask(ctx, a, func(ctx context.Context) (*ledgerv1.Call, error) {
			return client.ledger().GetCall(ctx, &ledgerv1.GetCallRequest{Name: name})
		})
		if err != nil {
			return err
		}
		steps = steps[:0]
		for _, s := range c.GetSteps() {
			steps = append(steps, s.GetNumber())
		}
		if len(steps) == 0 {
			return &failure{message: c.GetName() + " has no step: no routing process was asked about it"}
		}
	}
	differ := 0
	for _, n := range steps {
		same, err := a.replayStep(ctx, client, name, n)
		if err != nil {
			return err
		}
		if !same {
			differ++
		}
	}
	if differ > 0 {
		return &failure{message: fmt.Sprintf("%d of %s came out differently", differ, count(len(steps), "step"))}
	}
	return nil
}

func (a *app) replayStep(ctx context.Context, client *api, name string, step int32) (same bool, err error) {
	var recorded *ledgerv1.GetDecisionResponse
	r, err := ask(ctx, a, func(ctx context.Context) (r *routingv1.ReplayDecisionResponse, err error) {
		recorded, r, err = client.replay(ctx, name, step)
		return r, err
	})
	if err != nil {
		return false, err
	}
	if a.output == formatJSON { // one line a step, as there may be several
		return r.GetEqual(), writeJSONLine(a.Out, r)
	}
	return r.GetEqual(), a.show(r, func(w io.Writer) error {
		d := recorded.GetDecision()
		verdict := "the same"
		if !r.GetEqual() {
			verdict = "something else"
		}
		linef(w, "Step %d of call %s, decided again from its record and %s: %s comes out.", d.GetStep(), d.GetCallId(),
			count(len(recorded.GetFacts()), "fact"), verdict)
		linef(w, "  Then: %s.", stepOutcome(d))
		if !r.GetEqual() {
			linef(w, "  Now: %s.", routeOutcome(r.GetRoute()))
		}
		for _, text := range r.GetDifferences() {
			linef(w, "  %s", oneLine(text))
		}
		return nil
	})
}

// replay takes a step's record from the ledger, and lets routing decide it again.
func (c *api) replay(ctx context.Context, name string, step int32) (
	*ledgerv1.GetDecisionResponse, *routingv1.ReplayDecisionResponse, error,
) {
	recorded, err := c.ledger().GetDecision(ctx, &ledgerv1.GetDecisionRequest{Name: name, Step: step})
	if err != nil {
		return nil, nil, err
	}
	r, err := routingv1.NewReplayServiceClient(c.conn).ReplayDecision(ctx, &routingv1.ReplayDecisionRequest{
		Decision: recorded.GetDecision(), Facts: recorded.GetFacts(),
	})
	return recorded, r, err
}
