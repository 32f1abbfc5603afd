// Package probe places one call at a SIP gateway, as a phone does, and tells what came back: a real INVITE over UDP or
// TCP, sent again as RFC 3261, 17.1.1 has it, and acknowledged. It is how a person sees the redirect that a trunk sees.
//
// It follows no redirect, carries no media, and hangs up at once where somebody answers.
package probe

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
)

// Call is the call to place.
type Call struct {
	// Network is "udp" or "tcp"; empty is udp.
	Network string
	// Gateway is HOST:PORT.
	Gateway string
	// Dialled is the number to ring, in E.164; or another user part of letters, digits and "+-._".
	Dialled string
	// Caller is the number that From shows; empty: it is withheld (RFC 3323).
	Caller string
	// CallID names the call in traces; empty: one is made.
	CallID string
	// Timeout for the final response; 0: 32 s, as a phone waits (RFC 3261, 17.1.1.2, timer B).
	Timeout time.Duration
}

// Contact is one target of a redirect.
type Contact struct {
	// URI as the gateway wrote it.
	URI string
	// Q is its preference, 0 to 1.
	Q float64
}

// Message is one message of the call, as it stood on the wire.
type Message struct {
	Sent bool
	// After is the time since the call began.
	After time.Duration
	Text  string
}

// Result is how the call ended.
type Result struct {
	// Status and Phrase of the final response.
	Status int
	Phrase string
	// Contacts, the preferred first.
	Contacts []Contact
	// Reason is the Reason header (RFC 3326), Warning the Warning header; empty where there is none.
	Reason, Warning string
	// RetryAfter is when to try again; 0: not said.
	RetryAfter time.Duration
	// CallID of the call.
	CallID string
	// Took is the time from the first INVITE to the final response.
	Took time.Duration
	// Messages in their order. They hold the dialled number: show Transcript.
	Messages []Message

	hidden, shown string
}

// Transcript is all that was sent and received, for people. The dialled number is masked unless reveal is set.
func (r *Result) Transcript(reveal bool) string {
	var b strings.Builder
	for _, m := range r.Messages {
		arrow := "<<<"
		if m.Sent {
			arrow = ">>>"
		}
		text := strings.ReplaceAll(strings.TrimRight(m.Text, "\r\n"), "\r\n", "\n")
		if !reveal {
			text = strings.ReplaceAll(text, r.hidden, r.shown)
		}
		fmt.Fprintf(&b, "%s +%.1f ms\n%s\n\n", arrow, float64(m.After)/float64(time.Millisecond), text)
	}
	return b.String()
}

const (
	// timerB is how long a phone waits for a final response.
	timerB = 32 * time.Second
	// t1 is the first interval of retransmission over UDP; it doubles.
	t1 = 500 * time.Millisecond
	// maxResponseBytes bounds what a gateway may send.
	maxResponseBytes = 65535
	// maxResponses bounds provisional responses.
	maxResponses = 100
)

func (c *Call) check() error {
	var v fault.Violations
	if c.Network != "udp" && c.Network != "tcp" {
		v.Add("network", c.Network, "must be udp or tcp")
	}
	if _, _, err := net.SplitHostPort(c.Gateway); err != nil {
		v.Add("gateway", c.Gateway, "must be HOST:PORT")
	}
	if !isUser(c.Dialled) {
		v.Add("dialled", phone.Mask(c.Dialled), "must be a number in E.164, such as +61255501234")
	}
	if c.Caller != "" && !isUser(c.Caller) {
		v.Add("caller", phone.Mask(c.Caller), "must be a number in E.164, such as +13035550123")
	}
	if len(c.CallID) > 255 || strings.ContainsFunc(c.CallID, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		v.Add("call_id", c.CallID, "must be at most 255 printable characters without blanks")
	}
	return v.Err()
}

// isUser says whether s can stand in a URI as it is.
func isUser(s string) bool {
	const maxUserBytes = 64
	return s != "" && len(s) <= maxUserBytes && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("+-._", r))
	})
}

// Place places the call and waits for its final response. A fault says what was wrong with the call; other errors, that
// the gateway could not be reached or did not answer.
func Place(ctx context.Context, clk clock.Clock, c Call) (*Result, error) {
	c.Network = cmp.Or(c.Network, "udp")
	if err := c.check(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	nc, err := (&net.Dialer{}).DialContext(ctx, c.Network, c.Gateway)
	if err != nil {
		return nil, unreachable(c, err)
	}
	defer func() { _ = nc.Close() }()
	p := &call{Call: c, nc: nc, clock: clk, began: clk.Now(), result: &Result{CallID: cmp.Or(c.CallID, random()+"@probe")}}
	p.result.hidden, p.result.shown = strings.TrimPrefix(c.Dialled, "+"), strings.TrimPrefix(phone.Mask(c.Dialled), "+")
	if err := p.run(ctx); err != nil {
		return p.result, err
	}
	return p.result, nil
}

func unreachable(c Call, err error) error {
	return fault.Unavailable(fmt.Sprintf("SIP gateway at %s over %s (%v)", c.Gateway, c.Network, err), err)
}

// random names a transaction or a call.
func random() string { return strings.ToLower(rand.Text()) }

// call is a call under way.
type call struct {
	Call
	nc     net.Conn
	clock  clock.Clock
	began  time.Time
	result *Result
	branch string
	tag    string
}

// run sends the INVITE, again and again over UDP, until a final response comes.
func (p *call) run(ctx context.Context) error {
	p.branch, p.tag = "z9hG4bK"+random(), random()
	invite := p.invite()
	if err := p.send(invite); err != nil {
		return unreachable(p.Call, err)
	}
	responses, failed := p.receive(ctx)
	interval := t1
	again := p.clock.After(interval)
	if p.Network == "tcp" {
		again = nil
	}
	overdue := p.clock.After(cmp.Or(p.Timeout, timerB))
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-overdue:
			return fault.Unavailable(fmt.Sprintf("SIP gateway at %s over %s", p.Gateway, p.Network), context.DeadlineExceeded)
		case err := <-failed:
			return unreachable(p.Call, err)
		case <-again:
			if err := p.send(invite); err != nil {
				return unreachable(p.Call, err)
			}
			interval *= 2
			again = p.clock.After(interval)
		case r := <-responses:
			p.keep(false, r.raw)
			if r.IsProvisional() {
				// Somebody works on it: it is not sent again (RFC 3261, 17.1.1.2).
				again = nil
				continue
			}
			return p.end(r)
		}
	}
}

// send writes a message, and keeps it.
func (p *call) send(text string) error {
	p.keep(true, text)
	_, err := p.nc.Write([]byte(text))
	return err
}

func (p *call) keep(sent bool, text string) {
	p.result.Messages = append(p.result.Messages, Message{sent, p.clock.Now().Sub(p.began), text})
}

// response is a response with the bytes it was read from.
type response struct {
	*sip.Response
	raw string
}

// receive reads responses of this call until the connection is closed.
func (p *call) receive(ctx context.Context) (<-chan response, <-chan error) {
	responses, failed := make(chan response, maxResponses), make(chan error, 1)
	read := p.datagram
	if p.Network == "tcp" {
		read = p.streamed()
	}
	go func() {
		for range maxResponses {
			raw, messages, err := read()
			if err != nil {
				failed <- err
				return
			}
			for _, m := range messages {
				if r, ok := m.(*sip.Response); ok && r.CallID() != nil && r.CallID().Value() == p.result.CallID {
					select {
					case responses <- response{r, raw}:
					case <-ctx.Done():
						return
					}
				}
			}
		}
	}()
	return responses, failed
}

// datagram reads one message. What is none is passed over.
func (p *call) datagram() (raw string, messages []sip.Message, err error) {
	buf := make([]byte, maxResponseBytes)
	n, err := p.nc.Read(buf)
	if err != nil {
		return "", nil, err
	}
	if m, err := sip.ParseMessage(buf[:n]); err == nil {
		messages = append(messages, m)
	}
	return string(buf[:n]), messages, nil
}

// streamed reads the messages that have become whole.
func (p *call) streamed() func() (raw string, messages []sip.Message, err error) {
	stream := sip.NewParser().NewSIPStream()
	buf := make([]byte, maxResponseBytes)
	pending := ""
	return func() (raw string, messages []sip.Message, err error) {
		n, err := p.nc.Read(buf)
		if err != nil {
			return "", nil, err
		}
		pending += string(buf[:n])
		err = stream.ParseSIPStream(buf[:n], func(m sip.Message) { messages = append(messages, m) })
		switch {
		case errors.Is(err, sip.ErrParseSipPartial):
			return "", messages, nil
		case err != nil:
			return "", nil, err
		}
		raw, pending = pending, ""
		return raw, messages, nil
	}
}

// end reads the final response and acknowledges it; a call that was answered is hung up.
func (p *call) end(r response) error {
	p.result.read(r.Response)
	p.result.Took = p.clock.Now().Sub(p.began)
	if r.To() == nil {
		return fmt.Errorf("the SIP gateway at %s answered %d without a To", p.Gateway, r.StatusCode)
	}
	to := r.To().Value()
	if !r.IsSuccess() {
		return p.send(p.request("ACK", 1, p.branch, to, ""))
	}
	if err := p.send(p.request("ACK", 1, "z9hG4bK"+random(), to, "")); err != nil {
		return err
	}
	return p.send(p.request("BYE", 2, "z9hG4bK"+random(), to, ""))
}

func (r *Result) read(resp *sip.Response) {
	r.Status, r.Phrase = resp.StatusCode, resp.Reason
	for _, h := range resp.GetHeaders("Contact") {
		c, ok := h.(*sip.ContactHeader)
		if !ok {
			continue
		}
		q := 1.0
		if v, found := c.Params.Get("q"); found {
			if f, err := strconv.ParseFloat(v, 64); err == nil {
				q = f
			}
		}
		r.Contacts = append(r.Contacts, Contact{c.Address.String(), q})
	}
	slices.SortStableFunc(r.Contacts, func(a, b Contact) int { return cmp.Compare(b.Q, a.Q) })
	r.Reason, r.Warning = first(resp, "Reason"), first(resp, "Warning")
	if s, err := strconv.Atoi(first(resp, "Retry-After")); err == nil && s > 0 {
		r.RetryAfter = time.Duration(s) * time.Second
	}
}

func first(r *sip.Response, name string) string {
	if h := r.GetHeader(name); h != nil {
		return h.Value()
	}
	return ""
}
