package mail_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	gomail "github.com/emersion/go-message/mail"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/mail"
)

// server is a real SMTP server that keeps what it is handed, unless it is told to answer otherwise.
type server struct {
	mu      sync.Mutex
	answers []error
	login   string
	got     chan string
	// began is told of each mail, which then waits for goOn; nil: it does not.
	began, goOn chan struct{}
}

func (s *server) next() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.answers) == 0 {
		return nil
	}
	err := s.answers[0]
	s.answers = s.answers[1:]
	return err
}

func (s *server) NewSession(c *smtp.Conn) (smtp.Session, error) {
	_, secured := c.TLSConnectionState()
	return &session{server: s, secured: secured}, nil
}

type session struct {
	*server
	secured, known bool
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user+":"+password != s.login {
			return smtp.ErrAuthFailed
		}
		s.known = true
		return nil
	}), nil
}

func (s *session) Mail(string, *smtp.MailOptions) error {
	if s.began != nil {
		s.began <- struct{}{}
		<-s.goOn
	}
	return s.next()
}

func (s *session) Rcpt(string, *smtp.RcptOptions) error {
	if s.login != "" && (!s.known || !s.secured) {
		return smtp.ErrAuthRequired
	}
	return nil
}
func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }
func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	s.got <- string(text)
	return err
}

func serve(t *testing.T, s *server, secured *tls.Config) (addr string) {
	t.Helper()
	s.got = make(chan string, 10)
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test's
	if err != nil {
		t.Fatal(err)
	}
	srv := smtp.NewServer(s)
	srv.Domain, srv.TLSConfig, srv.AllowInsecureAuth = "mail.example", secured, false
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close(); <-done })
	return l.Addr().String()
}

func run(t *testing.T, cfg mail.Config) *mail.Sender {
	t.Helper()
	if cfg.Clock == nil {
		cfg.Clock = clock.System{}
	}
	cfg.Log = slog.New(slog.DiscardHandler)
	s, err := mail.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return s
}

func letter(until time.Time) mail.Message {
	return mail.Message{To: "ann@acme.example", Subject: "Grüße", Text: "https://x.example/link#" + strings.Repeat("s", 90) + "\n", Language: "de", Until: until}
}

func soon() time.Time { return clock.System{}.Now().Add(time.Hour) }

func TestAMailArrives(t *testing.T) {
	s := &server{}
	sender := run(t, mail.Config{Addr: serve(t, s, nil), From: "Support <support@vendor.example>"})
	if err := sender.Send(letter(soon())); err != nil {
		t.Fatal(err)
	}
	text := await.Receive(t, "the mail", s.got)
	r, err := gomail.CreateReader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	subject, _ := r.Header.Subject()
	from, _ := r.Header.AddressList("From")
	to, _ := r.Header.AddressList("To")
	part, err := r.NextPart()
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(part.Body)
	if subject != "Grüße" || from[0].Address != "support@vendor.example" || from[0].Name != "Support" || to[0].Address != "ann@acme.example" ||
		strings.TrimSpace(string(body)) != strings.TrimSpace(letter(soon()).Text) || r.Header.Get("Auto-Submitted") != "auto-generated" ||
		r.Header.Get("Content-Language") != "de" {
		t.Errorf("%s", text)
	}
}

func TestServersThatHaveNoTimeAreAskedAgain(t *testing.T) {
	busy := &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "greylisted"}
	s := &server{answers: []error{busy, busy}}
	clk := clock.NewManual(soon())
	sender := run(t, mail.Config{Addr: serve(t, s, nil), From: "support@vendor.example", Clock: clk})
	// The clock goes on for as long as the server takes.
	if err := sender.Send(letter(clk.Now().Add(10_000 * time.Hour))); err != nil {
		t.Fatal(err)
	}
	await.True(t, "the mail", func() bool {
		clk.Advance(time.Second)
		return len(s.got) == 1
	})
}

func TestWhatIsRefusedOrTooLateIsDropped(t *testing.T) {
	s := &server{answers: []error{&smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no ann@acme.example"}}}
	clk := clock.NewManual(soon())
	sender := run(t, mail.Config{Addr: serve(t, s, nil), From: "support@vendor.example", Clock: clk})
	for _, until := range []time.Time{clk.Now().Add(time.Hour), clk.Now().Add(-time.Second), clk.Now().Add(time.Hour)} {
		m := letter(until)
		if err := sender.Send(m); err != nil {
			t.Fatal(err)
		}
		await.True(t, "an end", func() bool { return sender.Waiting() == 0 })
	}
	if len(s.got) != 1 {
		t.Errorf("%d arrived, want the last one alone", len(s.got))
	}
}

func TestOnlySoManyWait(t *testing.T) {
	sender, err := mail.New(mail.Config{Addr: "127.0.0.1:1", From: "support@vendor.example", Clock: clock.System{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	for err = sender.Send(letter(soon())); err == nil && sent < 10_000; err = sender.Send(letter(soon())) {
		sent++
	}
	if fault.ReasonOf(err) != rpcv1.Reason_REASON_LIMIT_EXCEEDED || sender.Waiting() != sent {
		t.Errorf("%d wait, %v", sent, err)
	}
	for _, to := range []string{"", "ann", "ann@acme.example\r\nRCPT TO:<eve@x.example>", "Ann <ann@acme.example>"} {
		if err := sender.Send(mail.Message{To: to, Until: soon()}); fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
			t.Errorf("to %q: %v", to, err)
		}
	}
}

// certificate is one for 127.0.0.1, and the pool that believes it.
func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := clock.System{}.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
}

func TestPasswordsGoOverTLSAlone(t *testing.T) {
	secured, roots := certificate(t)
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &server{login: "dayside:hunter2"}
	cfg := mail.Config{
		Addr: serve(t, s, secured), From: "support@vendor.example", User: "dayside", PasswordFile: file,
		Security: mail.StartTLS, Roots: roots,
	}
	if err := run(t, cfg).Send(letter(soon())); err != nil {
		t.Fatal(err)
	}
	await.Receive(t, "the mail", s.got)

	for name, change := range map[string]func(*mail.Config){
		"a certificate nobody believes": func(c *mail.Config) { c.Roots = x509.NewCertPool() },
		"plain text":                    func(c *mail.Config) { c.Security = mail.None },
	} {
		other := cfg
		change(&other)
		other.Clock = clock.NewManual(clock.System{}.Now())
		if err := run(t, other).Try(t.Context(), letter(soon())); err == nil {
			t.Errorf("%s: was sent", name)
		}
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	for name, cfg := range map[string]mail.Config{
		"smtp":          {Addr: "mail.example", From: "a@b.example"},
		"smtp-from":     {Addr: "127.0.0.1:25", From: "nobody"},
		"smtp-user":     {Addr: "127.0.0.1:25", From: "a@b.example", User: "x"},
		"smtp-security": {Addr: "mail.example:25", From: "a@b.example", Security: mail.None},
	} {
		_, err := mail.New(cfg)
		var f *fault.Fault
		if !errors.As(err, &f) || f.Violations[0].Field != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAProcessThatStopsTriesOnceMore: what the server has in its hands, and what it had no time for.
func TestAProcessThatStopsTriesOnceMore(t *testing.T) {
	busy := &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "greylisted"}
	s := &server{answers: []error{busy}, began: make(chan struct{}, 10), goOn: make(chan struct{}, 10)}
	clk := clock.NewManual(soon()) // which nobody moves
	sender, err := mail.NewPatient(mail.Config{
		Addr: serve(t, s, nil), From: "support@vendor.example", Clock: clk, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- sender.Run(ctx) }()
	send := func() {
		if err := sender.Send(letter(clk.Now().Add(24 * time.Hour))); err != nil { // the clock runs ahead of the server
			t.Fatal(err)
		}
		await.Receive(t, "the server is asked", s.began)
	}
	send()
	s.goOn <- struct{}{} // and is busy
	send()
	stop()
	close(s.goOn)
	if err := await.Receive(t, "an end", ended); !errors.Is(err, context.Canceled) || sender.Waiting() != 0 || len(s.got) != 2 {
		t.Errorf("%v: %d wait, %d arrived", err, sender.Waiting(), len(s.got))
	}
}

// TestWhatIsLostWithTheProcessIsTold: without whose mail it was.
func TestWhatIsLostWithTheProcessIsTold(t *testing.T) {
	var log strings.Builder
	sender, err := mail.New(mail.Config{
		Addr: "127.0.0.1:1", From: "support@vendor.example", Clock: clock.NewManual(soon()), Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := sender.Send(letter(soon().Add(time.Hour))); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := sender.Run(ctx); err == nil || sender.Waiting() != 3 {
		t.Errorf("%v, %d wait", err, sender.Waiting())
	}
	if !strings.Contains(log.String(), "mails=3") || strings.Contains(log.String(), "@") {
		t.Errorf("told: %s", log.String())
	}
}

// TestNobodyWaitsForAServerThatSaysNothing, though it takes connections, once what it is for is over.
func TestNobodyWaitsForAServerThatSaysNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test's
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	sender, err := mail.New(mail.Config{
		Addr: l.Addr().String(), From: "support@vendor.example", Security: mail.StartTLS, Clock: clock.System{}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- sender.Try(ctx, letter(soon())) }()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	stop()
	if err := await.Receive(t, "the mail to be given up", done); err == nil {
		t.Error("it was sent to nobody")
	}
}
