package systemtest

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/type/money"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/await"
)

// offers makes the hidden line offer one call, and then one beyond all limits, to whoever is not entitled.
func (s *system) offers(t testing.TB) {
	t.Helper()
	terms := []*entitlementv1.OfferTerms{{Language: "en", Speech: "This call costs {price}. {terms}", Text: "Billed monthly.", Version: "7"}}
	catalog := entitlementv1.NewCatalogServiceClient(s.grpc)
	for id, limit := range map[string]*money.Money{"one-call-test": nil, "beyond": {CurrencyCode: "EUR"}} {
		if _, err := catalog.CreateOffer(t.Context(), &entitlementv1.CreateOfferRequest{
			OfferId: id, Offer: &entitlementv1.Offer{
				DisplayName: id, Kind: entitlementv1.OfferKind_OFFER_KIND_PAY_PER_CALL, Terms: terms,
				Price: &money.Money{CurrencyCode: "EUR", Units: 290}, MaxUnverifiedPerDay: limit,
			},
		}); err != nil {
			t.Fatal(err)
		}
	}
	s.policy(t, &routingv1.Line{
		Name: exampleHiddenLine, Offers: []string{"offers/one-call-test", "offers/beyond"},
		Treatments: &routingv1.Treatments{
			NotEntitled: routingv1.Treatment_TREATMENT_OFFER, Unknown: routingv1.Treatment_TREATMENT_OFFER,
			Declined: routingv1.Treatment_TREATMENT_FORWARD_AND_FOLLOW_UP,
		},
	}, "offers", "treatments")
}

func (s *system) promises(t testing.TB) []*entitlementv1.Promise {
	t.Helper()
	got, err := entitlementv1.NewPromiseServiceClient(s.grpc).ListPromises(t.Context(), &entitlementv1.ListPromisesRequest{})
	if err != nil {
		return nil // etcd is away
	}
	return got.GetPromises()
}

// What a caller who is not entitled does with an offer, by telephone: whoever accepts is entitled at every process at once,
// whoever does not is helped as the line says, and with etcd away nothing of it is lost.
func TestAnOfferByTelephone(t *testing.T) {
	s := startProcesses(t, options{})
	s.offers(t)
	offer := routingv1.PromptKind_PROMPT_KIND_OFFER
	call := func(id, from string, can []routingv1.Capability, inputs ...*routingv1.Input) (story, *routingv1.Explanation) {
		st := s.gateway(nil, can, inputs...).call(t, id, exampleHiddenNumber, from)
		if st.answeredBy != dublinSIP {
			t.Errorf("%s: %v", id, st)
		}
		return st, st.last().GetExplanation()
	}

	declined, e := call("declined", exampleRefusedCaller, dialsAsks, digits("9"))
	if !slices.Equal(declined.said(), []routingv1.PromptKind{offer}) || !e.GetFollowUp() ||
		e.GetOffer() != routingv1.OfferFate_OFFER_FATE_DECLINED ||
		!strings.Contains(declined.prompts[0].GetText(), "This call costs EUR 290.00. Billed monthly. To accept, press 1.") {
		t.Errorf("%v, %v, %q", declined, e, declined.prompts[0].GetText())
	}
	if _, e = call("beyond", exampleRefusedCaller, dialsAsks, digits("2")); e.GetOffer() != routingv1.OfferFate_OFFER_FATE_HELPED_FIRST ||
		!e.GetFollowUp() {
		t.Errorf("beyond what may be accepted unverified: %v", e)
	}
	if _, e = call("cannot", exampleRefusedCaller, redirects); e.GetOffer() != routingv1.OfferFate_OFFER_FATE_NOT_CARRIED {
		t.Errorf("where nothing can be asked: %v", e)
	}
	if left := s.promises(t); len(left) > 0 {
		t.Errorf("promises of those who accepted nothing that counts: %v", left)
	}

	_, e = call("accepted", exampleRefusedCaller, dialsAsks, digits("1"))
	made := s.promises(t)
	if len(made) != 1 || made[0].GetName() != e.GetPromise() || made[0].GetState() != entitlementv1.PromiseState_PROMISE_STATE_PENDING ||
		made[0].GetAcceptance().GetCallId() != "accepted" || e.GetBasis() != entitlementv1.Basis_BASIS_PENDING_PROMISE {
		t.Fatalf("%v, %v", made, e)
	}
	s.inForce(t)
	if again, e := call("again", exampleRefusedCaller, dialsAsks); len(again.prompts) > 0 || !strings.HasPrefix(e.GetRestsOn(), "grants/") {
		t.Errorf("the call after: %v, %v", again, e)
	}

	s.member.kill(t)
	if _, e = call("away", exampleUnknownCaller, dialsAsks, digits("1")); e.GetOffer() != routingv1.OfferFate_OFFER_FATE_SPOOLED ||
		e.GetCallerClass() != routingv1.CallerClass_CALLER_CLASS_ENTITLED || e.GetPromise() != "" {
		t.Errorf("with etcd away: %v", e)
	}
	if _, e := call("late", "+13035550188", dialsAsks, digits("2")); e.GetOffer() != routingv1.OfferFate_OFFER_FATE_SPOOLED {
		t.Errorf("beyond what may be accepted, with etcd away: %v", e)
	}
	s.member.run(t)
	await.True(t, "what came too late to be listed", func() bool {
		return slices.ContainsFunc(s.promises(t), func(p *entitlementv1.Promise) bool {
			return p.GetAcceptance().GetCallId() == "late" && p.GetState() == entitlementv1.PromiseState_PROMISE_STATE_REFUSED &&
				p.GetRefused() == entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_LIMIT_REACHED && p.GetGrant() == ""
		})
	})
	await.True(t, "the acceptance to be recorded", func() bool {
		return slices.ContainsFunc(s.promises(t), func(p *entitlementv1.Promise) bool {
			return p.GetAcceptance().GetCallId() == "away" && p.GetAcceptance().GetNumber() == exampleUnknownCaller
		})
	})
	s.inForce(t)
	if after, e := call("afterwards", exampleUnknownCaller, dialsAsks); len(after.prompts) > 0 ||
		e.GetBasis() != entitlementv1.Basis_BASIS_PENDING_PROMISE {
		t.Errorf("the call after: %v, %v", after, e)
	}
	for _, number := range []string{exampleRefusedCaller, exampleUnknownCaller, "+13035550188"} {
		if strings.Contains(s.logs.String(), number[1:]) {
			t.Errorf("%s is in a log", number)
		}
	}
}
