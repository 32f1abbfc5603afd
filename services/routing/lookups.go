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
	known := t.view.Customer(need.Customer)
	if need.PIN == "" || need.Phrase != "" && known != nil && !known.HasPIN {
		r.Pin, r.Phrase = "", need.Phrase
	}
	if r.GetPin() == "" && known != nil && !known.HasPhrase { // words, where digits were asked for
		flow.PINCompared(state, false, false)
		return nil
	}
	answer, err := c.customers.VerifyPin(ctx, r)
	if err == nil {
		flow.PINCompared(state, answer.GetVerified(), r.GetPhrase() != "")
	}
	return err
}

// identify finds customers by a name, and by the caller's number, where so many share it that nobody could be asked which of
// them it is: whoever was asked, and says a name, is none of them.
func (c *calls) identify(ctx context.Context, t *decision, state *routingv1.ContinuationState, need flow.Need) error {
	r := &entitlementv1.IdentifyCallerRequest{Name: need.Name, Digits: need.Digits}
	if t.view.CustomersByNumber(t.call.Caller).Len() > flow.MaxOffered {
		r.Number, r.NumberVerified = t.call.Caller.String(), t.call.Attested
	}
	answer, err := c.customers.IdentifyCaller(ctx, r)
	if err == nil {
		flow.Identified(state, foundBy(answer, func(id string) bool { return t.view.Customer(id) != nil }))
	}
	return err
}

// foundBy is what an identification found by what the caller said. Those whom this process's view does not have yet are left
// out: nothing could be decided about them.
func foundBy(answer *entitlementv1.IdentifyCallerResponse, known func(id string) bool) flow.Found {
	found := flow.Found{More: answer.GetMore()}
	for i, one := range answer.GetCandidates() {
		id, _ := strings.CutPrefix(one.GetCustomer(), customerNames)
		said, stated := saidOf(one)
		if !said || !known(id) {
			continue
		}
		found.Certain = found.Certain || i == 0 && answer.GetCertain()
		found.Candidates = append(found.Candidates, flow.Candidate{ID: id, Confidence: one.GetConfidence(), Stated: stated})
	}
	return found
}

// saidOf says whether what the caller said speaks for a candidate, and whether it states it.
func saidOf(one *entitlementv1.CallerCandidate) (said, stated bool) {
	for _, e := range one.GetEvidence() {
		switch e.GetKind() {
		case entitlementv1.EvidenceKind_EVIDENCE_KIND_NAME, entitlementv1.EvidenceKind_EVIDENCE_KIND_ACCESS_NAME:
			said = true // with another legal form, say, it is less than the same, and asked about
			stated = stated || e.GetConfidence() >= 1 || e.GetConfidence() == 0
		case entitlementv1.EvidenceKind_EVIDENCE_KIND_CONTRACT, entitlementv1.EvidenceKind_EVIDENCE_KIND_EMAIL,
			entitlementv1.EvidenceKind_EVIDENCE_KIND_EXTERNAL_ID:
			return true, true
		case entitlementv1.EvidenceKind_EVIDENCE_KIND_NUMBER, entitlementv1.EvidenceKind_EVIDENCE_KIND_VERIFIED_NUMBER:
		default: // of a newer release, too
			said = true
		}
	}
	if len(one.GetEvidence()) == 0 { // of a release before there was any
		return true, one.GetConfidence() >= 1
	}
	return said, stated
}
