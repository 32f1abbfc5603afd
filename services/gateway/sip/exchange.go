package sip

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/gateway/sip/internal/answer"
	"github.com/daysidehq/dayside/services/gateway/sip/internal/caller"
	"github.com/daysidehq/dayside/services/gateway/sip/internal/check"
	"github.com/daysidehq/dayside/services/gateway/sip/internal/wire"
)

// exchange is one request being answered. It is used again for the next: nothing in it outlives the answer.
type exchange struct {
	// data is the request; msg and req point into it.
	data []byte
	msg  wire.Message
	req  check.Request
	// source is where it came from, stream over what, trusted whether its peer asserts identities.
	source netip.AddrPort
	stream bool
	// local is the control message that has a datagram answered from the address it was sent to; nil: that is the only one.
	local   []byte
	trusted bool
	began   time.Time
	// out is the response; empty where none is given.
	out []byte

	call    routingv1.RouteCallRequest
	caller  routingv1.Caller
	targets []*routingv1.RouteTarget
	text    []byte
	opts    []trace.SpanStartOption
}

// own copies the request, so that the buffer it was read into is free for the next.
func (x *exchange) own(data []byte) {
	x.data = append(x.data[:0], data...)
	wire.Scan(x.data, &x.msg)
}

// inspect judges a request that has been scanned. It returns true where routing must be asked; otherwise x.out is the
// answer, or empty. overruled is a verdict of the framing, that goes before the others.
func (g *Gateway) inspect(ctx context.Context, x *exchange, overruled check.Verdict) bool {
	x.out = x.out[:0]
	v := check.Inspect(&x.msg, x.stream, &x.req)
	if v.Ignore {
		g.met.ignored(ctx, x)
		return false
	}
	if overruled.Refused() {
		v = overruled
	}
	if v.Refused() {
		r := answer.Refusal(&v)
		g.reply(ctx, x, &r)
		g.log.warn(ctx, "SIP request refused", func() []slog.Attr {
			return []slog.Attr{
				slog.Int("status", v.Status), slog.String("method", x.req.Method.Name()), slog.String("field", v.Field),
				slog.String("rule", v.Rule), slog.String("peer", x.source.String()),
			}
		})
		return false
	}
	if x.req.Method == check.Options {
		r := answer.OptionsOK()
		g.reply(ctx, x, &r)
		return false
	}
	return true
}

// shed answers 503 at the least cost.
func (g *Gateway) shed(ctx context.Context, x *exchange, reason shedReason) {
	r := answer.Unavailable()
	g.reply(ctx, x, &r)
	g.met.shed(ctx, reason)
	g.shedLog.warn(ctx, "SIP calls shed with 503", func() []slog.Attr {
		return []slog.Attr{slog.String("reason", reason.String())}
	})
}

// enter takes a place among the calls that wait for routing; leave gives it back.
func (g *Gateway) enter() bool {
	if g.inFlight.Add(1) > int64(g.cfg.Limits.MaxInFlight) {
		g.inFlight.Add(-1)
		return false
	}
	return true
}

func (g *Gateway) leave() { g.inFlight.Add(-1) }

// decide asks routing, and answers. Whatever happens, the call gets an answer.
func (g *Gateway) decide(ctx context.Context, x *exchange) {
	x.opts = append(x.opts[:0], g.spanKind, trace.WithTimestamp(x.began))
	ctx, span := g.tracer.Start(ctx, "sip.invite", x.opts...)
	var r answer.Response
	if g.describe(x) {
		r = g.ask(ctx, x)
	} else {
		r = answer.NoNumber()
	}
	g.reply(ctx, x, &r)
	if span.IsRecording() {
		span.SetAttributes(attribute.String("dayside.call_id", x.call.GetCallId()),
			attribute.String("network.transport", transportName(x.stream)),
			attribute.Int("sip.status", r.Status), attribute.Int("sip.contacts", len(r.Targets)))
		if r.Status >= 500 {
			span.SetStatus(codes.Error, r.Phrase)
		}
		span.End(trace.WithTimestamp(g.clock.Now()))
		return
	}
	span.End()
}

// describe fills x.call. It is false where no number can be what was dialled: a user part that is missing, or too long.
func (g *Gateway) describe(x *exchange) bool {
	const maxDialledBytes = 64
	callID := x.msg.Value(wire.CallID)
	if len(callID) > maxCallIDBytes {
		callID = hashed(callID)
	}
	id := caller.Read(&x.msg, x.req.From, g.order, x.trusted)
	// One string for all three.
	x.text = wire.AppendUnescaped(x.text[:0], x.req.URI.User)
	n := len(x.text)
	x.text = append(x.text, callID...)
	m := len(x.text)
	x.text = id.Append(x.text)
	all := string(x.text)
	dialled := all[:n]
	x.call.CallId, x.call.DialledNumber = hide(all[n:m], dialled), dialled
	x.caller.Number, x.caller.Attestation = all[m:], id.Attestation
	x.call.Caller, x.call.Gateway = &x.caller, g.info
	return n > 0 && n <= maxDialledBytes && utf8.ValidString(dialled)
}

// maxCallIDBytes is what the API takes.
const maxCallIDBytes = 255

func hashed(callID []byte) []byte {
	sum := sha256.Sum256(callID)
	return []byte("sha256-" + hex.EncodeToString(sum[:]))
}

// hide takes the dialled number out of a Call-ID: some phones make theirs of it, and Call-IDs are in traces and logs.
func hide(callID, dialled string) string {
	digits := strings.TrimLeft(dialled, "+0")
	const minDigits = 7
	if len(digits) < minDigits || !strings.Contains(callID, digits) {
		return callID
	}
	return strings.ReplaceAll(callID, digits, "number")
}

// ask calls routing, and translates its answer.
func (g *Gateway) ask(ctx context.Context, x *exchange) answer.Response {
	resp, err := g.routeCall(ctx, x)
	if err != nil {
		g.met.routingFailed(ctx)
		g.shedLog.error(ctx, "routing did not answer; the call got 503", func() []slog.Attr {
			return []slog.Attr{slog.String("call_id", x.call.GetCallId()), slog.String("error", err.Error())}
		})
		return answer.Unavailable()
	}
	if cap(x.targets) == 0 {
		x.targets = make([]*routingv1.RouteTarget, 0, 32)
	}
	r := answer.FromRoute(resp.GetRoute(), x.targets)
	if r.Status == 480 {
		g.met.unavailable(ctx)
	}
	if r.Status == 480 || r.Skipped > 0 {
		g.log.error(ctx, "the line has targets that cannot be carried", func() []slog.Attr {
			return []slog.Attr{
				slog.String("call_id", x.call.GetCallId()), slog.String("line", resp.GetRoute().GetLine()),
				slog.Int("status", r.Status), slog.Int("left_out", r.Skipped),
			}
		})
	}
	return r
}

// errPanic is a defect of whatever answers RouteCall in this process.
var errPanic = errors.New("panic in RouteCall")

func (g *Gateway) routeCall(ctx context.Context, x *exchange) (resp *routingv1.RouteCallResponse, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errPanic, p)
		}
	}()
	if g.cfg.RouterInProcess {
		return g.router.RouteCall(ctx, &x.call)
	}
	ctx, cancel := context.WithTimeout(ctx, g.cfg.Limits.RouteTimeout)
	defer cancel()
	return g.router.RouteCall(ctx, &x.call)
}

// reply writes the response to x.out, and counts it.
func (g *Gateway) reply(ctx context.Context, x *exchange, r *answer.Response) {
	e := answer.Envelope{
		Message: &x.msg, Request: &x.req, Source: x.source, PSTNDomain: g.cfg.PSTNDomain, ToTag: g.toTag(x),
	}
	if !x.stream {
		e.BudgetBytes = g.cfg.Limits.MaxResponseBytes
	}
	x.out = answer.Append(x.out[:0], &e, r)
	g.met.answered(ctx, x, r.Status, g.clock.Now().Sub(x.began))
}

// toTag is the same for a request and its retransmissions, and differs between calls (RFC 3261, 8.2.7 and 19.3).
func (g *Gateway) toTag(x *exchange) uint64 {
	var h maphash.Hash
	h.SetSeed(g.tagSeed)
	for _, part := range [...][]byte{x.msg.Value(wire.CallID), x.req.FromTag, x.msg.Value(wire.CSeq), x.req.Via.Branch} {
		_, _ = h.Write(part)
		_ = h.WriteByte(0)
	}
	return h.Sum64()
}
