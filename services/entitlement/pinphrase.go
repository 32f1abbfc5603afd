package entitlement

import (
	"context"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/pin"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// SetPhrase sets or removes a customer's phrase, as SetPin does a PIN. It must be nothing that others know of the customer,
// as that is when it is written: names find, and prove nothing.
func (s *Service) SetPhrase(ctx context.Context, r *entitlementv1.SetPhraseRequest,
) (*entitlementv1.SetPhraseResponse, error) {
	id := customerID(r.GetCustomer())
	with := verifierOwner{owner: newOwner(s.cfg), verifier: coord.Delete(phrasePrefix + id)}
	if r.GetPhrase() != "" {
		c, err := s.customers.Get(ctx, r.GetCustomer())
		if err != nil {
			return nil, err
		}
		with.check = func(c *entitlementv1.Customer) error { return checkPhrase(r.GetPhrase(), c) }
		if err := with.check(c); err != nil { // before anybody's time is spent on it
			return nil, err
		}
		verifier, err := s.verifier(ctx, id, pin.Phrase(r.GetPhrase()))
		if err != nil {
			return nil, err
		}
		with.verifier = coord.Put(phrasePrefix+id, verifier)
	}
	err := s.amendVerified(ctx, r.GetCustomer(), with,
		func(c *entitlementv1.Customer) { c.HasPhrase = r.GetPhrase() != "" })
	if err != nil {
		return nil, err
	}
	s.guesses.forget(id)
	return &entitlementv1.SetPhraseResponse{}, nil
}

// checkPhrase is a fault where a phrase is none that the customer can have. It holds no part of the phrase.
func checkPhrase(phrase string, c *entitlementv1.Customer) error {
	if rule := pin.PhraseRule(phrase, knownBy(c)); rule != "" {
		return fault.Invalid(fault.Violation{Field: "phrase", Rule: rule})
	}
	return nil
}

// checkPIN is checkPhrase for a PIN.
func checkPIN(digits string, c *entitlementv1.Customer) error {
	if rule := pin.RuleOf(digits, knownBy(c)); rule != "" {
		return fault.Invalid(fault.Violation{Field: "pin", Rule: rule})
	}
	return nil
}

// knownBy is what others know of a customer, who would try that first.
func knownBy(c *entitlementv1.Customer) pin.Known {
	known := pin.Known{Names: append(namesOf(c), customerID(c.GetName())), Addresses: c.GetEmailDomains()}
	for _, n := range c.GetPhoneNumbers() {
		known.Numbers = append(known.Numbers, n.GetE164Number())
	}
	for _, k := range c.GetContracts() {
		known.Numbers = append(known.Numbers, k.GetContractId())
	}
	for _, e := range c.GetExternalIds() {
		known.Numbers = append(known.Numbers, e.GetId())
	}
	for _, contact := range c.GetContacts() {
		known.Names, known.Addresses = append(known.Names, contact.GetDisplayName()), append(known.Addresses, contact.GetEmail())
		for _, n := range contact.GetPhoneNumbers() {
			known.Numbers = append(known.Numbers, n.GetE164Number())
		}
	}
	return known
}
