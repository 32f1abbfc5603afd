package routing

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/routing/internal/flow"
)

// maxAcceptancesKept bounds what a process remembers of acceptances: minutes' worth.
const maxAcceptancesKept = 4096

// acceptances remembers what became of acceptances by their request ids, the latest of them. The zero value remembers none.
type acceptances struct {
	mu    sync.Mutex
	made  map[string]flow.Acceptance
	order []string
	next  int
}

// add remembers one that stands.
func (s *acceptances) add(requestID string, a flow.Acceptance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.made == nil {
		s.made = map[string]flow.Acceptance{}
	}
	_, again := s.made[requestID]
	s.made[requestID] = a
	switch {
	case again:
	case len(s.order) < maxAcceptancesKept:
		s.order = append(s.order, requestID)
	default:
		delete(s.made, s.order[s.next])
		s.order[s.next] = requestID
		s.next = (s.next + 1) % maxAcceptancesKept
	}
}

func (s *acceptances) of(requestID string) (flow.Acceptance, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.made[requestID]
	a.Offer = proto.CloneOf(a.Offer)
	return a, ok
}

// stood is what was accepted when this step was told before, to this process or, as the view says, to another one. Its
// answer was lost, so that a gateway may have asked anew; but what was promised stands, and no call may say otherwise of it.
func (p *promises) stood(
	ctx context.Context, t *decision, was *routingv1.ContinuationState,
) (flow.Acceptance, bool) {
	request := acceptanceID(t.gateway, t.call.ID, t.step)
	if a, ok := p.kept.of(request); ok {
		return a, true
	}
	g, ok := grantOf(t, was, request)
	if !ok {
		return flow.Acceptance{}, false
	}
	a := flow.Acceptance{Fate: routingv1.OfferFate_OFFER_FATE_ACCEPTED, PromiseID: g.ID, Verified: true}
	if g.Basis == entitlementv1.Basis_BASIS_PENDING_PROMISE {
		a.Fate, a.Verified = routingv1.OfferFate_OFFER_FATE_PENDING, false
	}
	a.Offer = p.offerOf(ctx, t, was.GetMade(), g.ID)
	return a, true
}

// grantOf is what the promise gave that a request made, in force everywhere with it.
func grantOf(t *decision, was *routingv1.ContinuationState, request string) (entitle.Grant, bool) {
	var all []entitle.Grant
	if c := t.view.Customer(was.GetCustomer()); c != nil {
		all = t.view.Parties(c, nil)[0].Grants
	}
	if number, ok := t.view.NumberParty(t.call.Caller); ok {
		all = append(slices.Clone(all), number.Grants...)
	}
	mark := "-" + published.PromiseMark(request)
	i := slices.IndexFunc(all, func(g entitle.Grant) bool { return strings.HasSuffix(g.ID, mark) })
	if i < 0 {
		return entitle.Grant{}, false
	}
	return all[i], true
}

// offerOf is which of the offers that were made a promise is of: entitlement is asked where there were several. Nil where it
// cannot tell now; what the caller has does not hang on it.
func (p *promises) offerOf(
	ctx context.Context, t *decision, made []*routingv1.MadeOffer, promiseID string,
) *routingv1.MadeOffer {
	if len(made) == 1 {
		return made[0]
	}
	if p.service == nil {
		return nil
	}
	began := p.clock.Now()
	defer func() { t.waited += p.clock.Now().Sub(began) }()
	asking, cancel := context.WithTimeout(ctx, lookUpTimeout)
	defer cancel()
	promise, err := p.service.GetPromise(asking, &entitlementv1.GetPromiseRequest{Name: "promises/" + promiseID})
	if err != nil {
		p.tell(ctx, slog.LevelWarn, "which offer was accepted cannot be told now: the record of this step does not say",
			&entitlementv1.AcceptOfferRequest{
				RequestId: acceptanceID(t.gateway, t.call.ID, t.step), Gateway: t.gateway, CallId: t.call.ID,
			}, err)
		return nil
	}
	for _, one := range made {
		if promise.GetAcceptance().GetOffer() == "offers/"+one.GetOffer() {
			return one
		}
	}
	return nil
}
