package decide

import (
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	entitlement "github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// A partner calls for a customer of its own. Whoever calls from a partner's number, and is not entitled by themselves,
// calls for the only customer that they may call for; of several they are asked which. The partner's number says
// nothing of whose money it is: nothing is verified by it.

// forClient is the verdict on who calls, where the only customer found is a partner of others; else the verdict that it is
// given. Whoever did no more than say a partner's name is no partner: its clients' PINs would be asked of nobody.
func (d *Decision) forClient(verdict routingv1.Verdict) routingv1.Verdict {
	if d.Partner != nil || !d.known() {
		return verdict
	}
	partner := d.candidates[0]
	if d.byName() && !d.verified && d.call.State.GetPartner() != partner.ID() {
		return verdict
	}
	clients := d.view.ClientsOf(partner.ID())
	if len(clients) == 0 {
		return verdict
	}
	if entitlement.Granted(d.judged(d.partiesOf(partner), d.Line).Basis) {
		return verdict
	}
	mine := d.findClients(clients)
	switch n := len(mine); {
	case n == 0:
		return verdict
	case n == 1:
		return d.callsFor(partner, mine[0])
	case n <= maxCandidates:
		d.nCandidate = copy(d.candidates[:], mine)
	default:
		d.nCandidate = 0
	}
	d.Partner, d.customers, d.choices, d.verified = partner, view.Holders{}, len(mine), false
	return routingv1.Verdict_VERDICT_CALLER_AMBIGUOUS
}

// findClients are those of some that the partner may call for now, one more than can be told apart at most.
func (d *Decision) findClients(of []view.Client) []*view.Customer {
	before := len(d.clients)
	for i := range of {
		if len(d.clients)-before > maxCandidates {
			break
		}
		last := len(d.clients) - 1
		if last >= before && d.clients[last].ID() == of[i].CustomerID || !d.mayCallFor(&of[i]) {
			continue // for several products
		}
		if client := d.view.Customer(of[i].CustomerID); client != nil {
			d.clients = append(d.clients, client)
		}
	}
	return d.clients[before:]
}

// callsFor makes the call that of a partner for a customer.
func (d *Decision) callsFor(partner, c *view.Customer) routingv1.Verdict {
	d.Partner, d.customers, d.verified = partner, view.Only(c), false
	d.candidates[0], d.nCandidate, d.choices = c, 1, 1
	return routingv1.Verdict_VERDICT_CALLER_PARTNER
}

// mayCallFor says whether a partner may call for a client on the line: now, or when the call began.
func (d *Decision) mayCallFor(c *view.Client) bool {
	if product := d.Line.Product.Name(); c.Product != "" && product != "" && c.Product != product {
		return false
	}
	if c.ToUnixS > d.nowS {
		d.changesAt(c.ToUnixS)
		return true
	}
	return c.ToUnixS > d.beganS()
}

// partnerOf is the partner as whom the call came, where it may call for a customer; else nil.
func (d *Decision) partnerOf(c *view.Customer) *view.Customer {
	partner := d.view.Customer(d.call.State.GetPartner())
	if partner == nil || d.call.State.GetPartner() == "" {
		return nil
	}
	id := c.ID()
	for _, one := range d.view.ClientsOf(partner.ID()) {
		if one.CustomerID == id && d.mayCallFor(&one) {
			return partner
		}
	}
	return nil
}

// Clients are the customers that were looked at since a partner may call for them, at most 9 of a line. They hold until
// the next call is decided.
func (d *Decision) Clients() []*view.Customer { return d.clients }
