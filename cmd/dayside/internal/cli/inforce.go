package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

const (
	waitHelp = "wait until every routing process has it in force, and say who has not"
	// maxAwait is the longest that the API waits.
	maxAwait = 30 * time.Second
)

// awaitInForce waits until a change is in force everywhere, and says so; of revision 0, all that was committed before. It
// fails where a process is missing.
func (a *app) awaitInForce(ctx context.Context, client *api, revision int64) error {
	// The server's answer comes before we give up.
	wait := durationpb.New(min(a.timeout*8/10, maxAwait))
	answer, err := ask(ctx, a, func(ctx context.Context) (*routingv1.AwaitInForceResponse, error) {
		return client.inForce.AwaitInForce(ctx, &routingv1.AwaitInForceRequest{Revision: revision, Timeout: wait})
	})
	if err != nil {
		return err
	}
	var missing []string
	for _, p := range answer.GetProcesses() {
		if !p.GetInForce() {
			missing = append(missing, p.GetInstance())
		}
	}
	text := fmt.Sprintf("in force at %d of %d", answer.GetInForce(), len(answer.GetProcesses()))
	if len(missing) > 0 {
		return &failure{message: fmt.Sprintf("it is written, but %s; not at %s", text, strings.Join(missing, ", "))}
	}
	w := a.Out
	if a.output != formatTable {
		w = a.Err
	}
	linef(w, "It is %s.", text)
	return nil
}
