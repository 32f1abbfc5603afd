package decide_test

import (
	"fmt"
	"testing"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// partnerWorld has a partner, who calls from firstANI, and so many clients of theirs; each second one has a contract.
func partnerWorld(clients int, own ...*publishedv1.Contract) viewtest.World {
	w := followTheSun()
	w.Lines[0].Treatments = &routingv1.Treatments{Unknown: routingv1.Treatment_TREATMENT_IDENTIFY}
	w.Customers = []*publishedv1.Customer{viewtest.Customer("partner", []phone.Number{firstANI}, own...)}
	for i := range clients {
		c := viewtest.Customer(fmt.Sprintf("client-%02d", i), []phone.Number{firstANI + 1 + phone.Number(i)})
		if i%2 == 0 {
			c.Contracts = []*publishedv1.Contract{viewtest.Contract("db", -100, 100)}
		}
		w.Customers = append(w.Customers, viewtest.ClientOf("partner", c))
	}
	return w
}

func asking() decide.Call {
	c := call()
	c.Attested = true
	c.Gateway = decide.CapabilitiesOf([]routingv1.Capability{
		routingv1.Capability_CAPABILITY_FORWARD, routingv1.Capability_CAPABILITY_PROMPT,
		routingv1.Capability_CAPABILITY_GATHER_DIGITS,
	})
	return c
}

func candidates(d *decide.Decision) (ids []string) {
	for _, c := range d.Candidates() {
		ids = append(ids, c.ID())
	}
	return ids
}

func TestAPartnerCallsForItsClients(t *testing.T) {
	type state = routingv1.ContinuationState
	expired := partnerWorld(2)
	expired.Customers[1].Partners[0].ToUnixS = viewtest.At(4).Unix()
	otherProduct := partnerWorld(2)
	otherProduct.Customers[2].Partners[0].Product = "web"
	named := partnerWorld(9)
	named.Lines[0].Identification = &routingv1.Identification{Pin: routingv1.PinPolicy_PIN_POLICY_ALWAYS}
	stranger := partnerWorld(2)
	stranger.Customers[1].Partners = nil
	for what, c := range map[string]struct {
		world   viewtest.World
		state   *state
		want    string // who it is, and on what basis
		ask     routingv1.PromptKind
		partner bool
	}{
		"entitled itself, it calls for itself": {
			world: partnerWorld(1, viewtest.Contract("db", -100, 100)),
			want:  "[partner] CALLER_VERIFIED ENTITLED CONTRACT contract=db plan=gold",
		},
		"without clients": {world: partnerWorld(0), want: "[partner] CALLER_VERIFIED NOT_ENTITLED NO_CONTRACT"},
		"of one client": {
			world: partnerWorld(1), partner: true,
			want: "[client-00] CALLER_PARTNER ENTITLED CONTRACT contract=db plan=gold via=client-00",
		},
		"of several it is asked which": {
			world: partnerWorld(3), partner: true, ask: routingv1.PromptKind_PROMPT_KIND_WHICH,
			want: "[client-00 client-01 client-02] CALLER_AMBIGUOUS UNKNOWN UNSPECIFIED",
		},
		"of more than there are keys it is asked for the name": {
			world: partnerWorld(9), partner: true, ask: routingv1.PromptKind_PROMPT_KIND_NAME,
			want: "[] CALLER_AMBIGUOUS UNKNOWN UNSPECIFIED",
		},
		"the one that it chose": {
			world: partnerWorld(3), partner: true, state: &state{Line: "gold", Customer: "client-02", Partner: "partner"},
			want: "[client-02] CALLER_PARTNER ENTITLED CONTRACT contract=db plan=gold via=client-02",
		},
		"the one that it named, without a PIN": {
			world: named, partner: true, state: &state{Line: "gold", Customer: "client-08", Partner: "partner", Named: true},
			want: "[client-08] CALLER_PARTNER ENTITLED CONTRACT contract=db plan=gold via=client-08",
		},
		"one that is not its client counts as named": {
			world: stranger, state: &state{Line: "gold", Customer: "client-00", Partner: "partner", Named: true},
			want: "[client-00] CALLER_NAMED ENTITLED CONTRACT contract=db plan=gold",
		},
		"a client that has no contract": {
			world: partnerWorld(2), partner: true, state: &state{Line: "gold", Customer: "client-01", Partner: "partner"},
			want: "[client-01] CALLER_PARTNER NOT_ENTITLED NO_CONTRACT",
		},
		"access that has ended": {
			world: expired, partner: true, want: "[client-01] CALLER_PARTNER NOT_ENTITLED NO_CONTRACT",
		},
		"access that ended within the call": {
			world: expired, partner: true, ask: routingv1.PromptKind_PROMPT_KIND_WHICH,
			state: &state{
				Line: "gold", Partner: "partner", BeganUnixMs: viewtest.At(3.9).UnixMilli(),
				Asked: routingv1.PromptKind_PROMPT_KIND_WHICH, Offered: []string{"client-00", "client-01"},
			},
			want: "[client-00 client-01] CALLER_AMBIGUOUS UNKNOWN UNSPECIFIED",
		},
		"access for another product": {
			world: otherProduct, partner: true,
			want: "[client-00] CALLER_PARTNER ENTITLED CONTRACT contract=db plan=gold via=client-00",
		},
	} {
		t.Run(what, func(t *testing.T) {
			calling := asking()
			if calling.State = c.state; c.state != nil && c.state.GetAsked() == 0 {
				c.state.Asked = routingv1.PromptKind_PROMPT_KIND_WHICH
			}
			d := run(c.world.View(), calling, viewtest.At(4.1))
			got := fmt.Sprint(candidates(d), " ", d.Verdicts()[1].String()[len("VERDICT_"):], " ", grounds(d))
			if got != c.want || d.Prompt != c.ask || (d.Partner != nil) != c.partner {
				t.Errorf("%s, asked %v, partner %v", got, d.Prompt, d.Partner)
			}
			if v := decide.Verification(c.world.View(), withState(calling, d)); d.Partner != nil && v != 0 {
				t.Errorf("a partner's word is verified: %v", v)
			}
		})
	}
}

// withState is the call with whom a decision found.
func withState(c decide.Call, d *decide.Decision) decide.Call {
	st := &routingv1.ContinuationState{}
	if found := d.Customer(); found != nil {
		st.Customer = found.ID()
	}
	if d.Partner != nil {
		st.Partner = d.Partner.ID()
	}
	c.State = st
	return c
}
