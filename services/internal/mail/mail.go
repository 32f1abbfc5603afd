// Package mail sends mail that people asked for, through one SMTP server (RFC 5321, 6409), soon and without being
// waited for: a mail waits in memory, is tried again where the server has no time, and is dropped when nobody needs it
// any more.
//
// It is not for what nothing may lose, nor for pages. A process that stops tries once more what waits in it; what is not
// taken then is lost, and all of it with a process that is killed: mails hold secrets that sign people in, which are on no
// disk.
package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	netmail "net/mail"
	"os"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
)

const (
	// maxWaiting is how many mails wait, those that are tried again too.
	maxWaiting = 500
	// maxTries is how often one is tried, the last time 12 minutes after the first: some servers make strangers wait.
	maxTries = 7
	// firstRetry is the time to the second try; each further one waits three times as long.
	firstRetry = 2 * time.Second
	// lastTries is how long mails that wait are tried once more when the process stops.
	lastTries = 5 * time.Second
	// senders is how many mails are sent at the same time.
	senders = 2
)

// Security is how a connection is protected.
type Security string

// Ways to protect a connection. Where none is named, StartTLS is required of servers elsewhere, and those of this machine
// are spoken to in plain text.
const (
	StartTLS Security = "starttls"
	TLS      Security = "tls"
	None     Security = "none"
)

// Config is where mail goes, and as whose.
type Config struct {
	// Addr is host:port of the server.
	Addr string
	// From is the address that mail is from, with or without a name.
	From string
	// User and PasswordFile log in; both or none. The file is read with each connection.
	User, PasswordFile string
	// Security of the connection; see there for none.
	Security Security
	// Roots are believed of the server's certificate; nil: the machine's.
	Roots *x509.CertPool
	// Clock and Log are required; nil Meters are none.
	Clock  clock.Clock
	Log    *slog.Logger
	Meters metric.MeterProvider
}

// Message is a mail in plain text to one person.
type Message struct {
	// To is an address without a name.
	To            string
	Subject, Text string
	// Language of both (BCP 47); may be empty.
	Language string
	// Until is when nobody needs it any more.
	Until time.Time
}

// Sender sends mails while Run runs. Safe for concurrent use.
type Sender struct {
	cfg   Config
	host  string
	from  *netmail.Address
	slots chan struct{}
	ready chan pending
	sent  metric.Int64Counter
	// lastTries is how long the last tries may take.
	lastTries time.Duration
}

// pending is a mail that waits.
type pending struct {
	Message
	tries int
}

// New checks a configuration; its faults name the flags smtp, smtp-from and so on. Nothing is connected to yet.
func New(cfg Config) (*Sender, error) { return newSender(cfg, lastTries) }

func newSender(cfg Config, lastTries time.Duration) (*Sender, error) {
	var broken fault.Violations
	s := &Sender{
		cfg: cfg, slots: make(chan struct{}, maxWaiting), ready: make(chan pending, maxWaiting), lastTries: lastTries,
	}
	var err error
	if s.host, _, err = net.SplitHostPort(cfg.Addr); err != nil || s.host == "" {
		broken.Add("smtp", cfg.Addr, "must be HOST:PORT of a mail server")
	}
	if s.from, err = netmail.ParseAddress(cfg.From); err != nil {
		broken.Add("smtp-from", cfg.From, "must be an address, such as support@acme.example")
	}
	if (cfg.User == "") != (cfg.PasswordFile == "") {
		broken.Add("smtp-user", cfg.User, "is needed with --smtp-password-file, and that with it")
	}
	if s.cfg.Security == "" {
		s.cfg.Security = StartTLS
		if loopback(s.host) {
			s.cfg.Security = None
		}
	}
	switch s.cfg.Security {
	case StartTLS, TLS:
	case None:
		if !loopback(s.host) {
			broken.Add("smtp-security", string(None), "is for a server on this machine: links to sign in are secret")
		}
	default:
		broken.Add("smtp-security", string(cfg.Security), "must be starttls, tls or none")
	}
	if err := broken.Err(); err != nil {
		return nil, err
	}
	provider := cfg.Meters
	if provider == nil {
		provider = noop.NewMeterProvider()
	}
	s.sent, err = provider.Meter("github.com/daysidehq/dayside/services/internal/mail").Int64Counter("dayside.mail.messages",
		metric.WithDescription("Mails by what became of them: sent, retried, refused by the server, dropped (late, too many), "+
			"lost (the process stopped)."))
	if err != nil {
		return nil, err
	}
	for _, outcome := range []string{"sent", "retried", "refused", "dropped", "lost"} {
		s.sent.Add(context.Background(), 0, outcomeIs(outcome)) // an increase is seen from a value that was there before
	}
	return s, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Send takes a mail to be sent soon. LIMIT_EXCEEDED where too many wait.
func (s *Sender) Send(m Message) error {
	parsed, err := netmail.ParseAddress(m.To)
	if err != nil || parsed.Address != m.To || strings.ContainsAny(m.Subject, "\r\n") {
		return fault.Invalid(fault.Violation{Field: "email", Rule: "is no address that mail can be sent to"})
	}
	select {
	case s.slots <- struct{}{}:
		s.ready <- pending{Message: m} // has room: whoever is in it holds a slot
		return nil
	default:
		s.count(context.Background(), "dropped") // whoever asked has no part in it
		return fault.LimitExceeded(fmt.Sprintf("%d mails wait to be sent; the mail server may be away", maxWaiting))
	}
}

// Run sends until ctx ends, and returns its error: after what is under way is through, and what waits was tried once more,
// for some seconds at most.
func (s *Sender) Run(ctx context.Context) error {
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	context.AfterFunc(ctx, func() {
		last, cancel := context.WithTimeout(sending, s.lastTries)
		defer cancel()
		<-last.Done()
		stop()
	})
	var work sync.WaitGroup
	for range senders {
		work.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case p := <-s.ready:
					s.attempt(ctx, sending, p, &work)
				}
			}
		})
	}
	work.Wait()
	s.lastTry(ctx, sending)
	if lost := len(s.slots); lost > 0 {
		s.sent.Add(context.WithoutCancel(ctx), int64(lost), outcomeIs("lost"))
		s.cfg.Log.WarnContext(ctx, "mails that wait are not sent, for the process stops", "mails", lost)
	}
	return ctx.Err()
}

// lastTry tries all that waits once more: it is in no other place than this process's memory.
func (s *Sender) lastTry(ctx, sending context.Context) {
	var work sync.WaitGroup
	for range senders {
		work.Go(func() {
			for sending.Err() == nil {
				select {
				case p := <-s.ready:
					s.attempt(ctx, sending, p, &work)
				default:
					return
				}
			}
		})
	}
	work.Wait()
}

// attempt tries once, for as long as sending lasts, and has it tried again later where that is of use. What is not taken of
// those that begin after ctx has ended goes on holding its slot, and is lost.
func (s *Sender) attempt(ctx, sending context.Context, p pending, work *sync.WaitGroup) {
	if !s.cfg.Clock.Now().Before(p.Until) {
		s.done(ctx, "dropped")
		s.cfg.Log.WarnContext(ctx, "a mail was not sent in time", "tries", p.tries)
		return
	}
	last := ctx.Err() != nil
	err := s.deliver(sending, p.Message)
	p.tries++
	switch {
	case err == nil:
		s.done(ctx, "sent")
	case refused(err) || p.tries >= maxTries:
		s.done(ctx, "refused")
		s.cfg.Log.ErrorContext(ctx, "a mail could not be sent", "error", shown(err), "tries", p.tries)
	case !last && sending.Err() == nil:
		s.later(ctx, p, err, work)
	}
}

// later has a mail tried again, at once where the process stops.
func (s *Sender) later(ctx context.Context, p pending, err error, work *sync.WaitGroup) {
	s.count(ctx, "retried")
	s.cfg.Log.WarnContext(ctx, "a mail will be tried again", "error", shown(err), "tries", p.tries)
	wait := firstRetry
	for range p.tries - 1 {
		wait *= 3
	}
	work.Go(func() {
		select {
		case <-ctx.Done():
		case <-s.cfg.Clock.After(wait):
		}
		s.ready <- p
	})
}

// done frees the slot of a mail.
func (s *Sender) done(ctx context.Context, outcome string) {
	<-s.slots
	s.count(ctx, outcome)
}

func (s *Sender) count(ctx context.Context, outcome string) {
	s.sent.Add(ctx, 1, outcomeIs(outcome))
}

func outcomeIs(outcome string) metric.AddOption {
	return metric.WithAttributeSet(attribute.NewSet(attribute.String("outcome", outcome)))
}

// password is what the file holds, without its line end.
func (s *Sender) password() (string, error) {
	text, err := os.ReadFile(s.cfg.PasswordFile)
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

// tls of a connection to the server.
func (s *Sender) tls() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, ServerName: s.host, RootCAs: s.cfg.Roots, Time: s.cfg.Clock.Now}
}

var errNoLogin = errors.New("the mail server takes no password over this connection")
