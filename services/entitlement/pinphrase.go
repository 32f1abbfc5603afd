package entitlement

import (
	"context"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/pin"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// SetPhrase sets or removes a customer's phrase, as SetPin does a PIN. It must be none of the customer's names, as they
// are when it is written: names find, and prove nothing.
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
	names := append(namesOf(c), customerID(c.GetName()))
	for _, contact := range c.GetContacts() {
		names = append(names, contact.GetDisplayName())
	}
	if rule := pin.PhraseRule(phrase, names); rule != "" {
		return fault.Invalid(fault.Violation{Field: "phrase", Rule: rule})
	}
	return nil
}
