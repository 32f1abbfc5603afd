package entitlement

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"time"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/selfservice"
	"github.com/daysidehq/dayside/services/entitlement/internal/throttle"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/mail"
)

const (
	// linkPrefix and sessionPrefix are where links and sessions are kept; the rest of the key is the hash of the secret.
	linkPrefix    = "entitlement/links/"
	sessionPrefix = "entitlement/sessions/"
	// revealPrefix is where it is written down who was shown which number, the latest first; revealCountPrefix is what counts
	// towards a customer's limit.
	revealPrefix      = "entitlement/reveals/"
	revealCountPrefix = "entitlement/reveal-counts/"
	// linkLife and sessionLife are how long they can be used.
	linkLife    = 15 * time.Minute
	sessionLife = time.Hour
	// maxLinksPerContact are sent within limitWindow by all processes together, so many that whoever uses them up for a contact
	// has left them three links in their mail. maxLinksPerClient are asked for at each process: a stranger can be counted in
	// memory alone, and uses up nothing but questions.
	maxLinksPerContact = 3
	maxLinksPerClient  = 20
	limitWindow        = 15 * time.Minute
	// maxWrongSecrets are shown by one client within limitWindow, at each process.
	maxWrongSecrets = 20
	// maxRenamesPerCustomer by contacts within limitWindow, at all processes together: each tells whether a name is taken.
	maxRenamesPerCustomer = 5
	// maxLimited are remembered by each limit; while there are as many, others are let in: strangers with very many networks
	// must not keep contacts out, and secrets are too long to be guessed.
	maxLimited = 20_000
	// maxLinksWaiting is how many links wait to be looked into and sent.
	maxLinksWaiting = 256
	// maxCustomersOfContact is how many customers one address signs in for.
	maxCustomersOfContact = 21
	// sweepEvery is how often what has expired is removed.
	sweepEvery = 10 * time.Minute
)

// Mail sends mail.
type Mail interface {
	// Send takes a mail to be sent soon; LIMIT_EXCEEDED where too many wait.
	Send(m mail.Message) error
}

// Identities believe a provider of identities (OpenID Connect).
type Identities interface {
	// VerifiedAddress is the e-mail address that an ID token is of, which the provider has verified. NOT_FOUND where the token
	// is not to be believed; BACKEND_UNAVAILABLE where the provider does not answer.
	VerifiedAddress(ctx context.Context, idToken, nonce string) (string, error)
}

// contactDesk implements ContactService.
type contactDesk struct {
	entitlementv1.UnimplementedContactServiceServer
	s *Service
	// asked are links that are to be sent: looked into behind the answer, which so takes as long for all.
	asked chan askedLink
	// byClient and wrong are limits of strangers, at this process; links and renames of contacts and customers, at all.
	byClient, wrong *limited
	links, renames  tally
	counts          contactCounts
}

func newContactDesk(s *Service) *contactDesk {
	limit := func(most int) *limited { return newLimited(s.cfg.Clock, most) }
	count := func(kind string, most int) tally { return tally{s.cfg.Store, s.cfg.Clock, kind, most, limitWindow} }
	return &contactDesk{
		s: s, asked: make(chan askedLink, maxLinksWaiting), counts: newContactCounts(s.cfg.Meters, s.cfg.Log),
		byClient: limit(maxLinksPerClient), wrong: limit(maxWrongSecrets),
		links: count("links", maxLinksPerContact), renames: count("renames", maxRenamesPerCustomer),
	}
}

// run sends the links that were asked for, and removes what has expired, until ctx ends.
func (d *contactDesk) run(ctx context.Context) {
	var sweeping sync.WaitGroup
	defer sweeping.Wait()
	sweeping.Go(func() { d.keepSwept(ctx) }) // beside it: somebody waits for a link
	for {
		select {
		case <-ctx.Done():
			d.leave(ctx)
			return
		case asked := <-d.asked:
			d.sendLink(ctx, asked)
		}
	}
}

// leave says of links that were asked for that nobody looks into them: whoever asked is told on the page to ask again.
func (d *contactDesk) leave(ctx context.Context) {
	if lost := len(d.asked); lost > 0 {
		d.counts.links.Add(context.WithoutCancel(ctx), int64(lost), outcomeIs("lost"))
		d.s.cfg.Log.WarnContext(ctx, "links that were asked for are not sent, for the process stops", "links", lost)
	}
}

// newSecret is a new secret and the key it is kept under.
func newSecret() (secret, key string, err error) {
	var random [selfservice.SecretBytes]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", "", fault.Internal(err)
	}
	secret = selfservice.Secret(random)
	key, _ = selfservice.SecretKey(secret)
	return secret, key, nil
}

// noSession is the answer to a session that is none, is over, or of a contact who is one no longer; they are not told
// apart.
func noSession() error {
	return &fault.Fault{Reason: rpcv1.Reason_REASON_NOT_FOUND, Message: "the session is over, or never was"}
}

// noEntry is the answer to a link or ID token that opens nothing; why is not told.
func noEntry() error {
	return &fault.Fault{Reason: rpcv1.Reason_REASON_NOT_FOUND, Message: "the link is used, expired or unknown, or nobody's"}
}

// mayNot is the answer to a contact who may only look.
func mayNot(customer string) error {
	return fault.WrongState(customer, "this contact may only look: an administrator of the vendor allows self_service")
}

// contactName is a contact as trails name it.
func contactName(id string) string { return "contacts/" + id }

// limited counts what is done in somebody's name, at this process.
type limited struct {
	mu       sync.Mutex
	clock    clock.Clock
	throttle *throttle.Throttle
}

func newLimited(clk clock.Clock, most int) *limited {
	limits := throttle.Limits{MaxWrong: most, Window: limitWindow, MaxCustomers: maxLimited, LetIn: true}
	return &limited{clock: clk, throttle: throttle.New(limits)}
}

// take counts; LIMIT_EXCEEDED, with the wait, where that was too often.
func (l *limited) take(who, what string) (taken time.Time, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken = l.clock.Now()
	if wait := l.throttle.Take(who, taken); wait > 0 {
		return taken, tooMany(what, wait)
	}
	return taken, nil
}

func (l *limited) giveBack(who string, taken time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.throttle.Return(who, taken)
}

// canSend says whether there is a way to send links.
func (d *contactDesk) canSend() bool {
	return d.s.cfg.Mail != nil && strings.Contains(d.s.cfg.PortalURL, "://")
}
