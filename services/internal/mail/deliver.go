package mail

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-message/mail"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

const (
	// dialTimeout, commandTimeout and submitTimeout bound how long a server may take.
	dialTimeout    = 10 * time.Second
	commandTimeout = 20 * time.Second
	submitTimeout  = 60 * time.Second
	// greetTimeout is for what is said before any mail: of all commands together.
	greetTimeout = 60 * time.Second
)

// deliver hands one mail to the server.
func (s *Sender) deliver(ctx context.Context, m Message) error {
	text, err := s.compose(m)
	if err != nil {
		return err
	}
	c, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	if err := c.SendMail(s.from.Address, []string{m.To}, bytes.NewReader(text)); err != nil {
		return err
	}
	_ = c.Quit() // it is the server's by now
	return nil
}

// connect speaks to the server as far as mail can be handed over.
func (s *Sender) connect(ctx context.Context) (_ *smtp.Client, err error) {
	dialling, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	var conn net.Conn
	if s.cfg.Security == TLS {
		conn, err = (&tls.Dialer{Config: s.tls()}).DialContext(dialling, "tcp", s.cfg.Addr)
	} else {
		conn, err = (&net.Dialer{}).DialContext(dialling, "tcp", s.cfg.Addr)
	}
	if err != nil {
		return nil, err
	}
	// A server that takes connections and says nothing holds nobody up: a stop cuts it off at once.
	greeting, over := context.WithTimeout(ctx, greetTimeout)
	defer over()
	stop := context.AfterFunc(greeting, func() { _ = conn.Close() })
	defer stop()
	var c *smtp.Client
	if s.cfg.Security == StartTLS {
		if c, err = smtp.NewClientStartTLS(conn, s.tls()); err != nil {
			_ = conn.Close()
			return nil, err
		}
	} else {
		c = smtp.NewClient(conn)
	}
	c.CommandTimeout, c.SubmissionTimeout = commandTimeout, submitTimeout
	if err := s.logIn(c); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

func (s *Sender) logIn(c *smtp.Client) error {
	if s.cfg.User == "" {
		return nil
	}
	if !c.SupportsAuth(sasl.Plain) {
		return errNoLogin
	}
	password, err := s.password()
	if err != nil {
		return err
	}
	return c.Auth(sasl.NewPlainClient("", s.cfg.User, password))
}

// compose is a mail as it is sent (RFC 5322).
func (s *Sender) compose(m Message) ([]byte, error) {
	var h mail.Header
	h.SetDate(s.cfg.Clock.Now().UTC())
	h.SetAddressList("From", []*mail.Address{s.from})
	h.SetAddressList("To", []*mail.Address{{Address: m.To}})
	h.SetSubject(m.Subject)
	h.Set("Auto-Submitted", "auto-generated") // RFC 3834: nobody's holiday note answers it
	if m.Language != "" {
		h.Set("Content-Language", m.Language) // RFC 3282
	}
	h.SetContentType("text/plain", map[string]string{"charset": "utf-8"})
	h.Set("Content-Transfer-Encoding", "quoted-printable")
	if err := h.GenerateMessageIDWithHostname(s.from.Address[strings.LastIndexByte(s.from.Address, '@')+1:]); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	w, err := mail.CreateSingleInlineWriter(&text, h)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write([]byte(strings.ReplaceAll(m.Text, "\n", "\r\n"))); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

// refused says whether another try is of no use.
func refused(err error) bool {
	var said *smtp.SMTPError
	return errors.As(err, &said) && !said.Temporary()
}

// shown is an error without what a server says in its own words: that may hold an address.
func shown(err error) string {
	var said *smtp.SMTPError
	if errors.As(err, &said) {
		class := said.EnhancedCode
		return fmt.Sprintf("the mail server answered %d %d.%d.%d", said.Code, class[0], class[1], class[2])
	}
	return err.Error()
}
