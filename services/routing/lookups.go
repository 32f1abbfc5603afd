package routing

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"google.golang.org/grpc"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/routing/internal/flow"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

// lookUpTimeout bounds what a caller waits for another service; after it they are connected.
const lookUpTimeout = 800 * time.Millisecond

// lookUps is what later steps of calls ask of entitlement.
type lookUps interface {
	// IdentifyCaller finds customers by a name.
	IdentifyCaller(
		ctx context.Context, in *entitlementv1.IdentifyCallerRequest, opts ...grpc.CallOption,
	) (*entitlementv1.IdentifyCallerResponse, error)
	// VerifyPin compares a PIN.
	VerifyPin(
		ctx context.Context, in *entitlementv1.VerifyPinRequest, opts ...grpc.CallOption,
	) (*entitlementv1.VerifyPinResponse, error)
}

// lookUp asks what a step needs, and brings the answer into the state. Where it fails, the caller is connected to a person.
func (c *calls) lookUp(ctx context.Context, t *decision, state *routingv1.ContinuationState, need flow.Need) {
	if need.Kind == flow.NeedNothing {
		return
	}
	began := c.clock.Now()
	defer func() { t.waited += c.clock.Now().Sub(began) }()
	if need.Kind == flow.NeedAccept {
		flow.Accepted(state, c.promises.accept(ctx, t, state, need))
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lookUpTimeout)
	defer cancel()
	var err error
	switch need.Kind {
	case flow.NeedName:
		err = c.identify(ctx, t, state, need)
	case flow.NeedPIN:
		err = c.verify(ctx, t, state, need)
	case flow.NeedNothing, flow.NeedAccept:
	}
	if err != nil {
		flow.LookUpFailed(state)
		c.signals.unidentified(ctx, t, err)
	}
}

// unidentified tells of a look-up that failed. What was typed or said is in no error of entitlement.
func (s *signals) unidentified(ctx context.Context, t *decision, err error) {
	if ok, dropped := s.lookUps.allow(t.at); ok {
		s.log.LogAttrs(ctx, slog.LevelWarn, "a caller cannot be identified now, and is connected to a person",
			slog.String("call_id", t.call.ID), slog.String("gateway", t.gateway), slog.Any("error", err),
			slog.Int("lines_dropped", dropped))
	}
}

const customerNames = "customers/"

// verify compares a PIN or a phrase. What was said and can be either is taken for what the customer has.
func (c *calls) verify(ctx context.Context, t *decision, state *routingv1.ContinuationState, need flow.Need) error {
	r := &entitlementv1.VerifyPinRequest{Customer: customerNames + need.Customer, Pin: need.PIN}
	if known := t.view.Customer(need.Customer); need.PIN == "" || need.Phrase != "" && known != nil && !known.HasPIN {
		r.Pin, r.Phrase = "", need.Phrase
	}
	answer, err := c.customers.VerifyPin(ctx, r)
	if err == nil {
		flow.PINCompared(state, answer.GetVerified(), r.GetPhrase() != "")
	}
	return err
}

// identify finds customers by a name. Those whom this process's view does not have yet are left out: nothing could be
// decided about them.
func (c *calls) identify(ctx context.Context, t *decision, state *routingv1.ContinuationState, need flow.Need) error {
	answer, err := c.customers.IdentifyCaller(ctx, &entitlementv1.IdentifyCallerRequest{Name: need.Name, Digits: need.Digits})
	if err != nil {
		return err
	}
	var found []flow.Candidate
	for _, one := range answer.GetCandidates() {
		id, _ := strings.CutPrefix(one.GetCustomer(), customerNames)
		if t.view.Customer(id) != nil {
			found = append(found, flow.Candidate{ID: id, Confidence: one.GetConfidence()})
		}
	}
	flow.Identified(state, found, answer.GetMore())
	return nil
}
