package decide

import (
	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// identify is the second stage: who is ringing. A number that nobody vouches for identifies all the same; only a charge
// needs more. Several candidates are named, never guessed between. What the caller has said in an earlier step goes before
// the number.
func identify(d *Decision) (routingv1.Verdict, bool) {
	st := d.call.State
	who := st.GetCustomer()
	if who == "" {
		who = st.GetPartner() // a later step may come without the number
	}
	if who != "" {
		if c := d.view.Customer(who); c != nil {
			verdict := d.forClient(d.found(c))
			d.offeredBefore()
			return verdict, true
		}
	}
	verdict := d.forClient(d.byNumber())
	d.offeredBefore()
	return verdict, true
}

// offeredBefore makes those whom the caller is choosing among the candidates.
func (d *Decision) offeredBefore() {
	st := d.call.State
	if len(st.GetOffered()) == 0 || d.customers.Len() == 1 {
		return
	}
	d.nCandidate, d.surmised = 0, st.GetNamed()
	for _, id := range st.GetOffered()[:min(len(st.GetOffered()), maxCandidates)] {
		if c := d.view.Customer(id); c != nil {
			d.candidates[d.nCandidate] = c
			d.nCandidate++
		}
	}
}

// Surmised says that the candidates are like a name that the caller gave, and that the caller did not say which.
func (d *Decision) Surmised() bool { return d.surmised }

// byNumber finds customers by the caller's number.
func (d *Decision) byNumber() routingv1.Verdict {
	if d.call.Caller == 0 {
		return routingv1.Verdict_VERDICT_CALLER_WITHHELD
	}
	d.customers = d.view.CustomersByNumberInto(d.call.Caller, d.room)
	n := d.customers.Len()
	d.choices, d.nCandidate = n, min(n, maxCandidates)
	for i := range d.nCandidate {
		d.candidates[i] = d.customers.At(i)
	}
	switch {
	case n == 0:
		return routingv1.Verdict_VERDICT_CALLER_UNKNOWN
	case n > 1:
		return routingv1.Verdict_VERDICT_CALLER_AMBIGUOUS
	case d.call.Attested:
		d.verified = true
		return routingv1.Verdict_VERDICT_CALLER_VERIFIED
	}
	return routingv1.Verdict_VERDICT_CALLER_UNVERIFIED
}

// found is the verdict on a customer whom an earlier step found. Who chose among several that share a number is not
// verified by that number.
func (d *Decision) found(c *view.Customer) routingv1.Verdict {
	d.customers, d.choices = view.Only(c), 1
	d.candidates[0], d.nCandidate = c, 1
	st := d.call.State
	if st.GetPinVerified() || st.GetPhraseVerified() {
		d.verified = true
		if st.GetPinVerified() {
			return routingv1.Verdict_VERDICT_CALLER_PIN_VERIFIED
		}
		return routingv1.Verdict_VERDICT_CALLER_PHRASE_VERIFIED
	}
	if partner := d.partnerOf(c); partner != nil {
		return d.callsFor(partner, c)
	}
	if d.byName() {
		return routingv1.Verdict_VERDICT_CALLER_NAMED
	}
	if d.call.attestedAs(d.view, c.ID()) {
		d.verified = true
		return routingv1.Verdict_VERDICT_CALLER_VERIFIED
	}
	return routingv1.Verdict_VERDICT_CALLER_UNVERIFIED
}

// attestedAs says whether the caller's number is attested, and that customer's alone.
func (c *Call) attestedAs(v *view.View, id string) bool {
	return c.Attested && c.Caller != 0 && v.OnlyOne(c.Caller, id)
}

// Verification is how sure it is that a caller speaks for whoever a promise of theirs binds: the customer that the call's
// state names; without one, the number itself, which an attestation makes sure of where no customer has it.
func Verification(v *view.View, call Call) entitlementv1.Verification {
	st := call.State
	switch {
	case st.GetCustomer() == "":
		if call.Attested && call.Caller != 0 && st.GetPartner() == "" && v.CustomersByNumber(call.Caller).Len() == 0 {
			return entitlementv1.Verification_VERIFICATION_ATTESTED_NUMBER
		}
	case st.GetPinVerified():
		return entitlementv1.Verification_VERIFICATION_PIN
	case st.GetPhraseVerified():
		return entitlementv1.Verification_VERIFICATION_PHRASE
	case call.attestedAs(v, st.GetCustomer()):
		return entitlementv1.Verification_VERIFICATION_ATTESTED_NUMBER
	}
	return entitlementv1.Verification_VERIFICATION_UNSPECIFIED
}

// pinWanted says whether the caller counts as the customer's only once a PIN, or a phrase, is shown: a name finds, and
// proves nothing. Of a partner's client it is the partner's number that counts.
func (d *Decision) pinWanted() bool {
	st := d.call.State
	if !d.byName() || st.GetPinVerified() || st.GetPhraseVerified() || d.customers.Len() != 1 || d.Partner != nil {
		return false
	}
	switch d.Line.Identification().GetPin() {
	case routingv1.PinPolicy_PIN_POLICY_ALWAYS:
		return true
	case routingv1.PinPolicy_PIN_POLICY_WHERE_SET:
		return d.candidates[0].HasPIN || d.candidates[0].HasPhrase
	case routingv1.PinPolicy_PIN_POLICY_UNSPECIFIED, routingv1.PinPolicy_PIN_POLICY_NEVER:
	}
	return false
}

// byName says that the customer was found by a name; else it is those whom the caller chooses among.
func (d *Decision) byName() bool { return d.call.State.GetNamed() && d.call.State.GetCustomer() != "" }

// pinAsked says whether the gateway can ask for what the customer has: a PIN, or a phrase by speech.
func (d *Decision) pinAsked() bool {
	c := d.candidates[0]
	return c.HasPIN || c.HasPhrase && d.can(routingv1.Capability_CAPABILITY_GATHER_SPEECH)
}
