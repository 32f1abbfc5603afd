package entitlement

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/pin"
	"github.com/daysidehq/dayside/services/entitlement/internal/throttle"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
)

const (
	// verifierPrefix is where verifiers of PINs are kept, apart from all that others may read and in no view; the rest of
	// the key is the customer's ID. phrasePrefix is where those of phrases are.
	verifierPrefix = "entitlement/verifiers/"
	phrasePrefix   = "entitlement/phrases/"
	// maxWrongPins of one customer within wrongPinWindow are the last ones for a while, at all processes together; guesses that
	// they compare at the same instant may be as many at each, once.
	maxWrongPins   = 5
	wrongPinWindow = 15 * time.Minute
	// maxGuessedCustomers are remembered with a wrong PIN.
	maxGuessedCustomers = 10_000
	// maxPinsAtOnce bounds the memory of comparing, 19 MiB each, and the cores.
	maxPinsAtOnce = 2
	// maxPinsWaiting is how many may wait for their turn, which is soon: one takes some 25 ms.
	maxPinsWaiting = 16
	// maxSetPinTries is how often setting a PIN is tried against others who write the customer.
	maxSetPinTries = 4
)

// VerifyPin compares a PIN, or a phrase, with the customer's verifier, which is read from the store for every call.
// WRONG_STATE where the customer has none; LIMIT_EXCEEDED, with the wait, after too many wrong ones, of either kind:
// whoever guesses gains nothing by turning from one to the other.
func (s *Service) VerifyPin(ctx context.Context, r *entitlementv1.VerifyPinRequest,
) (*entitlementv1.VerifyPinResponse, error) {
	given, err := shownIn(r)
	if err != nil {
		return nil, err
	}
	id := customerID(r.GetCustomer())
	stands, err := s.cfg.Store.GetSome(ctx, []string{given.prefix + id, s.guesses.all.key(id)})
	if err != nil {
		return nil, err
	}
	verifier, ok := stands[given.prefix+id]
	if !ok {
		return nil, s.without(ctx, r.GetCustomer(), given)
	}
	taken, err := s.guesses.take(id, stands[s.guesses.all.key(id)])
	if err != nil {
		return nil, err
	}
	right := false
	err = s.hashing.do(ctx, func() (err error) {
		right, err = pin.Matches(string(verifier.Value), id, given.secret)
		return err
	})
	if err != nil || right {
		s.guesses.giveBack(id, taken)
	}
	if errors.Is(err, pin.ErrVerifier) {
		return nil, fault.Internal(fmt.Errorf("key %s: %w", verifier.Key, err))
	}
	if err != nil {
		return nil, err
	}
	if !right {
		s.tellGuess(ctx, id)
	}
	return &entitlementv1.VerifyPinResponse{Verified: right}, nil
}

// tellGuess counts a wrong guess for the other processes, too. Where that fails this one has counted it.
func (s *Service) tellGuess(ctx context.Context, id string) {
	err := s.guesses.all.take(ctx, id, guessesAre)
	if err != nil && fault.ReasonOf(err) != rpcv1.Reason_REASON_LIMIT_EXCEEDED {
		s.cfg.Log.WarnContext(ctx, "a wrong PIN is counted at this process alone", "customer", customerNames+id,
			"error", err.Error())
	}
}

// shown is what a caller shows to be believed.
type shown struct {
	// prefix of the verifiers' keys; secret is what is hashed.
	prefix, secret string
	// called is what people call it, setBy what sets it.
	called, setBy string
}

func shownIn(r *entitlementv1.VerifyPinRequest) (shown, error) {
	switch {
	case r.GetPin() != "" && r.GetPhrase() != "":
		return shown{}, fault.Invalid(fault.Violation{Field: "phrase", Rule: "must not be there beside a PIN"})
	case r.GetPhrase() != "":
		return shown{phrasePrefix, pin.Phrase(r.GetPhrase()), "phrase", "SetPhrase"}, nil
	case r.GetPin() != "":
		return shown{verifierPrefix, r.GetPin(), "PIN", "SetPin"}, nil
	}
	return shown{}, fault.Invalid(fault.Violation{Field: "pin", Rule: "is required, or a phrase is"})
}

// without is why a customer has no verifier.
func (s *Service) without(ctx context.Context, name string, given shown) error {
	if _, err := s.customers.Get(ctx, name); err != nil {
		return err
	}
	return fault.WrongState(name, fmt.Sprintf("%s has no %s; %s sets one", name, given.called, given.setBy))
}

// SetPin sets or removes a customer's PIN: the verifier, what the customer says of it, and what is published are one
// write. One that would be guessed first is refused; one that was set before such a rule goes on working.
func (s *Service) SetPin(ctx context.Context, r *entitlementv1.SetPinRequest) (*entitlementv1.SetPinResponse, error) {
	id := customerID(r.GetCustomer())
	with := verifierOwner{owner: newOwner(s.cfg), verifier: coord.Delete(verifierPrefix + id)}
	if r.GetPin() != "" {
		if rule := pin.Rule(r.GetPin()); rule != "" {
			return nil, fault.Invalid(fault.Violation{Field: "pin", Rule: rule})
		}
		c, err := s.customers.Get(ctx, r.GetCustomer())
		if err != nil {
			return nil, err
		}
		with.check = func(c *entitlementv1.Customer) error { return checkPIN(r.GetPin(), c) }
		if err := with.check(c); err != nil { // before anybody's time is spent on it
			return nil, err
		}
		verifier, err := s.verifier(ctx, id, r.GetPin())
		if err != nil {
			return nil, err
		}
		with.verifier = coord.Put(verifierPrefix+id, verifier)
	}
	err := s.amendVerified(ctx, r.GetCustomer(), with, func(c *entitlementv1.Customer) { c.HasPin = r.GetPin() != "" })
	if err != nil {
		return nil, err
	}
	s.guesses.forget(id)
	return &entitlementv1.SetPinResponse{}, nil
}

func (s *Service) verifier(ctx context.Context, id, secret string) (verifier []byte, err error) {
	var salt [pin.SaltBytes]byte
	if _, err := rand.Read(salt[:]); err != nil {
		return nil, fault.Internal(err)
	}
	err = s.hashing.do(ctx, func() error {
		verifier = []byte(pin.Make(id, secret, salt[:], pin.Chosen()))
		return nil
	})
	return verifier, err
}

// amendVerified writes a verifier and the customer that has it. It replaces no field that somebody else may be writing,
// so it is tried again where somebody is.
func (s *Service) amendVerified(ctx context.Context, name string, with verifierOwner, change func(*entitlementv1.Customer),
) (err error) {
	customers := s.customers.WithOwner(with)
	for range maxSetPinTries {
		_, err = customers.Amend(ctx, name, change)
		if fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT {
			return err
		}
	}
	return err
}

// verifierOwner writes a verifier with the customer.
type verifierOwner struct {
	owner
	verifier *rpcv1.Write
	// check is what must hold of the customer as it is written; nil: nothing.
	check func(*entitlementv1.Customer) error
}

// Compile is what is written of the customer, and the verifier; guesses of the one before count no more.
func (o verifierOwner) Compile(ctx context.Context, c *entitlementv1.Customer) (collection.Effect, error) {
	if o.check != nil {
		if err := o.check(c); err != nil {
			return collection.Effect{}, err
		}
	}
	effect, err := o.owner.Compile(ctx, c)
	effect.Writes = append(effect.Writes, o.verifier, coord.Delete(tallyKey(guessesKind, customerID(c.GetName()))))
	return effect, err
}

func customerID(name string) string { return strings.TrimPrefix(name, customerNames) }

const (
	// guessesAre what is limited, as it is said; guessesKind is what they are counted under.
	guessesAre  = "wrong PINs or phrases"
	guessesKind = "guesses"
)

// guesses limits wrong guesses: in the memory of this process those that are being compared, too, so that a hundred at once
// are no way around; in etcd, for all processes, those that were wrong. Whoever shows what is right costs no write.
type guesses struct {
	mu       sync.Mutex
	clock    clock.Clock
	throttle *throttle.Throttle
	all      tally
}

func newGuesses(cfg Config) *guesses {
	return &guesses{clock: cfg.Clock, throttle: throttle.New(throttle.Limits{
		MaxWrong: maxWrongPins, Window: wrongPinWindow, MaxCustomers: maxGuessedCustomers,
	}), all: tally{cfg.Store, cfg.Clock, guessesKind, maxWrongPins, wrongPinWindow}}
}

// take counts a guess before it is judged; LIMIT_EXCEEDED where there were too many, here or, as told stands in etcd,
// anywhere.
func (g *guesses) take(id string, told coord.Entry) (taken time.Time, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	taken = g.clock.Now()
	wait, err := g.all.wait(told)
	if err != nil {
		return taken, err
	}
	if wait == 0 {
		wait = g.throttle.Take(id, taken)
	}
	if wait > 0 {
		f := tooMany(guessesAre, wait)
		f.Resource = customerNames + id
		return taken, f
	}
	return taken, nil
}

func (g *guesses) giveBack(id string, taken time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.throttle.Return(id, taken)
}

func (g *guesses) forget(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.throttle.Forget(id)
}

// hashing bounds how many PINs are hashed at once, and how many wait to be.
type hashing struct{ waiting, slots chan struct{} }

func newHashing() *hashing {
	return &hashing{
		waiting: make(chan struct{}, maxPinsAtOnce+maxPinsWaiting), slots: make(chan struct{}, maxPinsAtOnce),
	}
}

// do hashes when it is its turn: not at all where that has not come by ctx's end, and LIMIT_EXCEEDED where too many wait.
func (h *hashing) do(ctx context.Context, hash func() error) error {
	select {
	case h.waiting <- struct{}{}:
		defer func() { <-h.waiting }()
	default:
		f := fault.LimitExceeded(fmt.Sprintf("more than %d PINs wait to be compared", maxPinsWaiting))
		f.RetryAfter = time.Second
		return f
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return hash()
}
