package routing_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// listening is an entitlement service that answers as it is told, and remembers what it was asked.
type listening struct {
	*fakeEntitlement
	mu     sync.Mutex
	answer *entitlementv1.IdentifyCallerResponse
	asked  *entitlementv1.IdentifyCallerRequest
	shown  *entitlementv1.VerifyPinRequest
}

func (l *listening) IdentifyCaller(_ context.Context, r *entitlementv1.IdentifyCallerRequest, _ ...grpc.CallOption) (
	*entitlementv1.IdentifyCallerResponse, error,
) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = proto.CloneOf(r)
	return l.answer, nil
}

func (l *listening) VerifyPin(_ context.Context, r *entitlementv1.VerifyPinRequest, _ ...grpc.CallOption) (
	*entitlementv1.VerifyPinResponse, error,
) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shown = proto.CloneOf(r)
	return &entitlementv1.VerifyPinResponse{}, nil
}

// heard is what it was asked since it was asked last.
func (l *listening) heard() (asked *entitlementv1.IdentifyCallerRequest, shown *entitlementv1.VerifyPinRequest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer func() { l.asked, l.shown = nil, nil }()
	return l.asked, l.shown
}

func (l *listening) answers(certain bool, candidates ...*entitlementv1.CallerCandidate) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answer = &entitlementv1.IdentifyCallerResponse{Candidates: candidates, Certain: certain}
}

func candidate(id string, confidence float64, by ...entitlementv1.EvidenceKind) *entitlementv1.CallerCandidate {
	c := &entitlementv1.CallerCandidate{Customer: "customers/" + id, Confidence: confidence}
	for _, kind := range by {
		c.Evidence = append(c.Evidence, &entitlementv1.Evidence{Kind: kind})
	}
	return c
}

// switchboard is theWholeCall with a number of three customers, and one of twelve, the first of whom has a PIN; its numbers
// are told.
func switchboard() (w viewtest.World, small, large phone.Number) {
	w, small, large = theWholeCall(), acmeNumber+20, acmeNumber+21
	for i := range 12 {
		numbers := []phone.Number{large}
		if i < 3 {
			numbers = append(numbers, small)
		}
		c := viewtest.Customer(fmt.Sprintf("shared-%02d", i), numbers, viewtest.Contract("", -100, 100))
		c.HasPin = i == 0
		w.Customers = append(w.Customers, c)
	}
	return w, small, large
}

// TestWhatTheCallKnowsHelpsToIdentify: the number goes along where nobody could be asked which of its customers it is, and who
// is certain by it is not asked about.
func TestWhatTheCallKnowsHelpsToIdentify(t *testing.T) {
	const (
		number  = entitlementv1.EvidenceKind_EVIDENCE_KIND_NUMBER
		similar = entitlementv1.EvidenceKind_EVIDENCE_KIND_SIMILAR_NAME
		name    = entitlementv1.EvidenceKind_EVIDENCE_KIND_NAME
		deal    = entitlementv1.EvidenceKind_EVIDENCE_KIND_CONTRACT
	)
	h := open(t)
	w, small, large := switchboard()
	h.applied(t, h.put(t, w.Records()...))
	ears := &listening{fakeEntitlement: h.entitlement}
	client := h.beside(t, func(d *routing.Deps) { d.Entitlement = ears })
	begin := func(id string, from phone.Number) *gateway {
		g := h.gateway(id, "+61255500100", from.String())
		g.routing = client
		g.begins(t)
		return g
	}
	await.True(t, "the second process to know the line, and to have a key", func() bool {
		r, err := client.RouteCall(t.Context(), &routingv1.RouteCallRequest{
			CallId: "probe", DialledNumber: "+61255500100", Caller: &routingv1.Caller{Number: acmeANI},
			Gateway: &routingv1.GatewayInfo{GatewayId: "media-1", Capabilities: everyCapability()},
		})
		return err == nil && len(r.GetRoute().GetContinuation()) > 0
	})
	for i, c := range []struct {
		what       string
		from       phone.Number
		first      string
		asksNone   bool // the first question is answered by "none of these"
		certain    bool
		candidates []*entitlementv1.CallerCandidate
		number     string
		next       string
	}{
		{
			"one of many who share a number, and is like what was said", large, "prompt NAME", false, true,
			[]*entitlementv1.CallerCandidate{candidate("shared-05", 0.85, number, similar), candidate("shared-07", 0.1, number)},
			large.String(), "lines/gold sydney.1 dublin.1 last-resort",
		},
		{
			"two of them are like it", large, "prompt NAME", false, false,
			[]*entitlementv1.CallerCandidate{candidate("shared-05", 0.8, number, similar), candidate("shared-07", 0.7, number, similar)},
			large.String(), "prompt WHICH",
		},
		{
			"nobody is: those of the number are offered to nobody", large, "prompt NAME", false, false,
			[]*entitlementv1.CallerCandidate{candidate("shared-05", 0.6, number), candidate("shared-07", 0.6, number)},
			large.String(), "prompt NAME",
		},
		{
			"certain by the number alone is nobody who was named", large, "prompt NAME", false, true,
			[]*entitlementv1.CallerCandidate{candidate("shared-05", 0.9, number), candidate("acme", 0.6, similar)},
			large.String(), "prompt WHICH",
		},
		{
			"who is none of those whom the caller was asked about", small, "prompt WHICH", true, false,
			[]*entitlementv1.CallerCandidate{candidate("shared-01", 0.8, similar)}, "", "prompt WHICH",
		},
		{
			"a number that nobody has", acmeNumber + 30, "prompt NAME", false, false,
			[]*entitlementv1.CallerCandidate{candidate("shared-01", 0.8, similar)}, "", "prompt WHICH",
		},
		{
			"a contract's number", acmeNumber + 30, "prompt NAME", false, true,
			[]*entitlementv1.CallerCandidate{candidate("shared-01", 0.97, deal), candidate("acme", 0.9, similar)}, "",
			"lines/gold sydney.1 dublin.1 last-resort",
		},
		{
			"a contract's number that is somebody's name", acmeNumber + 30, "prompt NAME", false, false,
			[]*entitlementv1.CallerCandidate{candidate("shared-01", 1, name), candidate("shared-02", 0.97, deal)}, "", "prompt WHICH",
		},
		{
			"a name with another legal form", acmeNumber + 30, "prompt NAME", false, false,
			[]*entitlementv1.CallerCandidate{{
				Customer: "customers/shared-01", Confidence: 0.97, Evidence: []*entitlementv1.Evidence{{Kind: name, Confidence: 0.97}},
			}}, "", "prompt WHICH",
		},
		{
			"of a release before there was evidence", acmeNumber + 30, "prompt NAME", false, false,
			[]*entitlementv1.CallerCandidate{candidate("shared-01", 1), candidate("acme", 0.9)}, "", "lines/gold sydney.1 dublin.1 last-resort",
		},
	} {
		ears.answers(c.certain, c.candidates...)
		g := begin(fmt.Sprint("heard-", i), c.from)
		if got := step(g.last); got != c.first {
			t.Errorf("%s: first %s", c.what, got)
			continue
		}
		if c.asksNone {
			g.goesOn(t, typed("9"))
		}
		got := step(g.goesOn(t, said("akme")))
		asked, _ := ears.heard()
		if got != c.next || asked.GetNumber() != c.number || asked.GetName() != "akme" {
			t.Errorf("%s: %s, asked about %v; want %s", c.what, got, asked, c.next)
		}
	}

	// Words where there is a PIN and no phrase are a wrong PIN, and no reason to give up.
	ears.answers(true, candidate("shared-00", 1, name))
	g := begin("words", acmeNumber+30)
	g.goesOn(t, said("shared"))
	if got := step(g.goesOn(t, said("I think it is two five"))); got != "prompt PIN" {
		t.Errorf("words for a PIN: %s", got)
	}
	if _, shown := ears.heard(); shown != nil {
		t.Errorf("a phrase is compared with the verifier of a PIN")
	}
}
