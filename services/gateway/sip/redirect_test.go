package sip

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
)

// answerTo is the gateway's answer to one datagram from udpPeer.
func answerTo(g *harness, data string) string {
	x := &exchange{source: udpPeer, began: g.clock.Now()}
	x.trusted = trusted(g.cfg.Trust.Peers, x.source.Addr())
	g.packet(context.Background(), x, []byte(data), false, false)
	return string(x.out)
}

func TestRedirectNamesTheTargetsInOrder(t *testing.T) {
	route := redirectTo("sip:support@dublin.example.com", "sips:support@denver.example.com;transport=tls",
		"tel:+13035550100")
	for _, c := range []struct {
		domain string
		want   []string
	}{
		{"", []string{
			"<sip:support@dublin.example.com>;q=1.0", "<sips:support@denver.example.com;transport=tls>;q=0.9",
			"<tel:+13035550100>;q=0.8",
		}},
		{"trunk.example.net", []string{
			"<sip:support@dublin.example.com>;q=1.0", "<sips:support@denver.example.com;transport=tls>;q=0.9",
			"<sip:+13035550100@trunk.example.net;user=phone>;q=0.8",
		}},
	} {
		cfg := testConfig()
		cfg.PSTNDomain = c.domain
		g := startGateway(t, cfg, fixedRouter{route}, clock.System{})
		r := answerTo(g, inviteRequest("order"))
		if statusOf(r) != 302 || !slices.Equal(header(r, "Contact"), c.want) {
			t.Errorf("pstn_domain %q: want Contacts %q in\n%s", c.domain, c.want, r)
		}
	}
}

// An independent parser finds in the answer what RFC 3261, 8.2.6 asks for.
func TestRedirectIsReadByAnotherParser(t *testing.T) {
	g := startGateway(t, testConfig(), fixedRouter{redirectTo("sip:a@dublin.example.com", "tel:+13035550100")},
		clock.System{})
	msg, err := sip.ParseMessage([]byte(answerTo(g, inviteRequest("parsed"))))
	if err != nil {
		t.Fatal(err)
	}
	r, ok := msg.(*sip.Response)
	if !ok || r.StatusCode != 302 {
		t.Fatalf("%v", msg)
	}
	if tag, ok := r.To().Params.Get("tag"); !ok || len(tag) < 8 {
		t.Errorf("To has no tag: %v", r.To())
	}
	received, _ := r.Via().Params.Get("received")
	if rport, _ := r.Via().Params.Get("rport"); received != "192.0.2.7" || rport != "5066" {
		t.Errorf("Via %v", r.Via())
	}
	if r.CallID().Value() != "parsed" || r.CSeq().MethodName != sip.INVITE {
		t.Errorf("Call-ID %v, CSeq %v", r.CallID(), r.CSeq())
	}
	if n := len(r.GetHeaders("Contact")); n != 2 {
		t.Errorf("%d contacts", n)
	}
}

func TestEndOfACall(t *testing.T) {
	end := func(cause routingv1.EndCause, text string, after time.Duration) *routingv1.Route {
		e := &routingv1.End{Cause: cause, Text: text}
		if after > 0 {
			e.RetryAfter = durationpb.New(after)
		}
		return &routingv1.Route{Line: "lines/test", Step: &routingv1.Route_End{End: e}}
	}
	for _, c := range []struct {
		name       string
		route      *routingv1.Route
		status     int
		reason     string
		retryAfter string
	}{
		{"unknown line", end(routingv1.EndCause_END_CAUSE_UNKNOWN_LINE, "", 0), 404, "Q.850;cause=1", ""},
		{
			"refused", end(routingv1.EndCause_END_CAUSE_REFUSED, `no contract for "gold"`, 0), 403,
			`Q.850;cause=21;text="no contract for \"gold\""`, "",
		},
		{
			"nothing can be carried", end(routingv1.EndCause_END_CAUSE_UNAVAILABLE, "", 90*time.Second), 480,
			`Q.850;cause=41;text="no target can be carried"`, "90",
		},
		{"the same, without a time", end(routingv1.EndCause_END_CAUSE_UNAVAILABLE, "later", 0), 480,
			`Q.850;cause=41;text="later"`, "60"},
		{"a text with a line end", end(routingv1.EndCause_END_CAUSE_REFUSED, "a\r\nContact: <sip:x@y>", 0), 403,
			`Q.850;cause=21;text="a..Contact: <sip:x@y>"`, ""},
		{"no target", redirectTo(), 480, `Q.850;cause=41;text="no target can be carried"`, "60"},
		{"no target that a Contact can hold", redirectTo("sip:a@b>\r\nX: y", "tel:911"), 480,
			`Q.850;cause=41;text="no target can be carried"`, "60"},
		{"a prompt, that a redirect cannot play", &routingv1.Route{Step: &routingv1.Route_Prompt{}}, 480,
			`Q.850;cause=41;text="no target can be carried"`, "60"},
		{"a route without a step", &routingv1.Route{}, 503, "", "1"},
		{"no route", nil, 503, "", "1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := startGateway(t, testConfig(), fixedRouter{c.route}, clock.System{})
			r := answerTo(g, inviteRequest("end"))
			if statusOf(r) != c.status || strings.Join(header(r, "Reason"), "") != c.reason ||
				strings.Join(header(r, "Retry-After"), "") != c.retryAfter || len(header(r, "Contact")) > 0 {
				t.Errorf("want %d, Reason %q, Retry-After %q; got\n%s", c.status, c.reason, c.retryAfter, r)
			}
			if n := g.counter(t, "dayside.sip.unavailable"); (n == 1) != (c.status == 480) {
				t.Errorf("dayside.sip.unavailable is %d", n)
			}
		})
	}
}

func TestRoutingIsAskedWithWhatWasDialledAndSignalled(t *testing.T) {
	var got *routingv1.RouteCallRequest
	router := routerFunc(func(_ context.Context, in *routingv1.RouteCallRequest) (*routingv1.RouteCallResponse, error) {
		got = proto.CloneOf(in)
		return &routingv1.RouteCallResponse{Route: redirectTo("sip:a@dublin.example.com")}, nil
	})
	g := startGateway(t, testConfig(), router, clock.System{})
	long := strings.Repeat("x", 300)
	for _, c := range []struct{ uri, callID, dialled, wantCallID string }{
		{"sip:+61255501234@192.0.2.1:5060;user=phone", "a", "+61255501234", "a"},
		{"sip:%2b61255501234:secret@192.0.2.1", "b", "+61255501234", "b"},
		{"sip:+61255501234;npdi;rn=+61255500000@192.0.2.1", "c", "+61255501234", "c"},
		{"tel:+61-2-5550-1234;phone-context=x", "d", "+61-2-5550-1234", "d"},
		{"sips:61255501234@[2001:db8::1]:5061", "e", "61255501234", "e"},
		{"sip:reception@192.0.2.1", "f", "reception", "f"},
		{"sip:+61255501234@192.0.2.1", "9-61255501234@h", "+61255501234", "9-number@h"},
		{"sip:+61255501234@192.0.2.1", long, "+61255501234",
			"sha256-28ecff9e65de5ee18f0a78e2d1d1b7e2bf3fbc2f5b3ba5eb16e52c4a3c0cae09"},
	} {
		got = nil
		r := answerTo(g, request("INVITE", c.uri, c.callID, ""))
		if statusOf(r) != 302 || got == nil {
			t.Fatalf("%s: not routed:\n%s", c.uri, r)
		}
		if got.GetDialledNumber() != c.dialled {
			t.Errorf("%s: dialled %q", c.uri, got.GetDialledNumber())
		}
		if id := got.GetCallId(); id != c.wantCallID && (c.callID != long || !strings.HasPrefix(id, "sha256-")) {
			t.Errorf("%s: call id %q, want %q", c.uri, id, c.wantCallID)
		}
		if got.GetCaller().GetNumber() != "+13035550123" || got.GetGateway().GetGatewayId() != "test" ||
			!slices.Equal(got.GetGateway().GetCapabilities(),
				[]routingv1.Capability{routingv1.Capability_CAPABILITY_REDIRECT}) {
			t.Errorf("%s: %v", c.uri, got)
		}
	}
	for _, uri := range []string{"sip:192.0.2.1", "sip:" + strings.Repeat("5", 65) + "@192.0.2.1", "sip:%ff%fe@192.0.2.1"} {
		got = nil
		if r := answerTo(g, request("INVITE", uri, "none", "")); statusOf(r) != 404 || got != nil {
			t.Errorf("%s: asked routing %v, answered\n%s", uri, got, r)
		}
	}
}

// Routing that fails, hangs or breaks strands nobody: the trunk is told to try another gateway.
func TestRoutingThatDoesNotAnswer(t *testing.T) {
	for name, f := range map[string]routerFunc{
		"fails": func(context.Context, *routingv1.RouteCallRequest) (*routingv1.RouteCallResponse, error) {
			return nil, errors.New("connection refused")
		},
		"panics": func(context.Context, *routingv1.RouteCallRequest) (*routingv1.RouteCallResponse, error) {
			panic("defect")
		},
		"hangs": func(ctx context.Context, _ *routingv1.RouteCallRequest) (*routingv1.RouteCallResponse, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
		"answers nothing": func(context.Context, *routingv1.RouteCallRequest) (*routingv1.RouteCallResponse, error) {
			return nil, nil //nolint:nilnil // what a broken router might do
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig()
			cfg.RouterInProcess = false
			cfg.Limits.RouteTimeout = 20 * time.Millisecond
			g := startGateway(t, cfg, f, clock.System{})
			for _, p := range []*peer{dialUDP(t, g), dialTCP(t, g)} {
				p.send([]byte(inviteRequest("fails")))
				if r := p.response(); statusOf(r) != 503 || !slices.Equal(header(r, "Retry-After"), []string{"1"}) {
					t.Errorf("answered\n%s", r)
				}
			}
		})
	}
}

// A retransmission is decided again, and gets the same tag; another call gets another.
func TestTagsAreTheSameForTheSameRequest(t *testing.T) {
	g := startGateway(t, testConfig(), fixedRouter{redirectTo("sip:a@dublin.example.com")}, clock.System{})
	tag := func(callID string) string { return strings.Join(header(answerTo(g, inviteRequest(callID)), "To"), "") }
	if a, b := tag("one"), tag("one"); a != b || !strings.Contains(a, ";tag=") {
		t.Errorf("%q, then %q", a, b)
	}
	if a, b := tag("one"), tag("two"); a == b {
		t.Errorf("two calls have the same tag %q", a)
	}
	withTag := strings.Replace(inviteRequest("tagged"), ">\r\nCall-ID", ">;tag=theirs\r\nCall-ID", 1)
	if to := header(answerTo(g, withTag), "To"); !slices.Equal(to, []string{"<" + lineURI + ">;tag=theirs"}) {
		t.Errorf("a tag was added to one that is there: %q", to)
	}
}

func TestMethods(t *testing.T) {
	g := startGateway(t, testConfig(), fixedRouter{redirectTo("sip:a@dublin.example.com")}, clock.System{})
	for _, c := range []struct {
		method string
		status int
		allow  bool
	}{
		{"OPTIONS", 200, true}, {"REGISTER", 405, true}, {"BYE", 405, true}, {"MESSAGE", 405, true},
		{"FOO", 501, true}, {"invite", 501, true}, {"ACK", 0, false}, {"CANCEL", 0, false},
	} {
		r := answerTo(g, request(c.method, lineURI, "m", ""))
		if statusOf(r) != c.status || (len(header(r, "Allow")) == 1) != c.allow {
			t.Errorf("%s: want %d, got\n%s", c.method, c.status, r)
		}
	}
	if r := answerTo(g, optionsRequest("o")); len(header(r, "Accept")) != 1 {
		t.Errorf("OPTIONS without Accept:\n%s", r)
	}
}

func TestBadInputNamesFieldValueAndRule(t *testing.T) {
	g := startGateway(t, testConfig(), fixedRouter{redirectTo("sip:a@dublin.example.com")}, clock.System{})
	good := inviteRequest("bad")
	for _, c := range []struct {
		name, old, new string
		status         int
		says           string
	}{
		{"version", " SIP/2.0\r", " SIP/3.0\r", 505, `"SIP-Version: 'SIP/3.0': must be SIP/2.0"`},
		{"other protocol", " SIP/2.0\r", " HTTP/1.1\r", 400, `"SIP-Version: 'HTTP/1.1': must be SIP/2.0"`},
		{"scheme", "INVITE sip:", "INVITE http:", 416, `"Request-URI: 'http': must be a sip, sips or tel URI"`},
		{"CSeq number", "CSeq: 1 ", "CSeq: 2147483648 ", 400, `"CSeq: '2147483648 INVITE': must be a number under`},
		{"CSeq method", "CSeq: 1 INVITE", "CSeq: 1 BYE", 400, `"CSeq: '1 BYE': must name the method`},
		{"Max-Forwards", "Max-Forwards: 70", "Max-Forwards: 256", 400, `"Max-Forwards: '256': must be a number from 0`},
		{"no hop left", "Max-Forwards: 70", "Max-Forwards: 0", 483, `"Max-Forwards: '0': must leave a hop`},
		{"length", "Content-Length: 0", "Content-Length: -1", 400, `"Content-Length: '-1': must be a number of bytes"`},
		{"no Via", "Via:", "Vai:", 400, `"Via: must be there"`},
		{"no Call-ID", "Call-ID:", "X-Call-ID:", 400, `"Call-ID: must be there"`},
		{"Call-ID", "Call-ID: bad", "Call-ID: b d", 400, `"Call-ID: must be word[@word]"`},
		{"two Call-IDs", "CSeq:", "i: other\r\nCSeq:", 400, `"Call-ID: must stand once"`},
		{"Require", "CSeq:", "Require: 100rel, \"x\"\r\nCSeq:", 420, `"Require: '100rel, \"x\"': must name no option"`},
		{"bare line feed", "\r\nCSeq:", "\nCSeq:", 400, `"header: must have lines that end in CRLF`},
		{"bare carriage return", "Call-ID: bad", "Call-ID: bad\rX: y", 400, `"header: must have lines that end in CRLF`},
		{"no colon", "CSeq:", "Nonsense\r\nCSeq:", 400, `"header: must be a name, a colon and a value"`},
		{"binary", "Via: SIP/2.0/UDP ", "Via: \x00\xff\xfe ", 400, `"Via: must be SIP/2.0/TRANSPORT`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := answerTo(g, strings.Replace(good, c.old, c.new, 1))
			if statusOf(r) != c.status || !strings.Contains(strings.Join(header(r, "Warning"), ""), c.says) {
				t.Errorf("want %d and a Warning with %s, got\n%s", c.status, c.says, r)
			}
		})
	}
	if r := answerTo(g, strings.Replace(good, "CSeq:", "Require: 100rel\r\nRequire: timer\r\nCSeq:", 1)); !slices.Equal(
		header(r, "Unsupported"), []string{"100rel", "timer"}) {
		t.Errorf("420 does not name what is unsupported:\n%s", r)
	}
	many := strings.Replace(good, "CSeq:", strings.Repeat("X: y\r\n", 300)+"CSeq:", 1)
	if r := answerTo(g, many); statusOf(r) != 400 || !strings.Contains(r, "at most 256 fields") {
		t.Errorf("300 fields: %s", r)
	}
}

// What is no SIP gets no answer: an answer could only go astray.
func TestNoiseIsIgnored(t *testing.T) {
	g := startGateway(t, testConfig(), fixedRouter{redirectTo("sip:a@dublin.example.com")}, clock.System{})
	for _, data := range []string{
		"", "\r\n\r\n", "\x00", "\x00\x01\x00\x00\x21\x12\xa4\x42", strings.Repeat("\xff", 1000), "hello", "hello world",
		"SIP/2.0 200 OK\r\n\r\n", "sip/2.0",
	} {
		if r := answerTo(g, data); r != "" {
			t.Errorf("%q was answered with %q", data, r)
		}
	}
}

// A response goes where RFC 3261, 18.2.2 and RFC 3581 say.
func TestWhereAResponseGoes(t *testing.T) {
	g := startGateway(t, testConfig(), fixedRouter{redirectTo("sip:a@dublin.example.com")}, clock.System{})
	for _, c := range []struct {
		via, want string
		port      uint16
	}{
		{"192.0.2.7:5070;branch=z9hG4bKa", "192.0.2.7:5070;branch=z9hG4bKa", 5070},
		{"192.0.2.7;branch=z9hG4bKa", "192.0.2.7;branch=z9hG4bKa", 5060},
		{"phone.example.com:5070;branch=z9hG4bKa", "phone.example.com:5070;branch=z9hG4bKa;received=192.0.2.7", 5070},
		{"10.0.0.1:5070;rport;branch=z9hG4bKa", "10.0.0.1:5070;branch=z9hG4bKa;received=192.0.2.7;rport=5066", 5066},
		{"192.0.2.7:5070;rport;branch=z9hG4bKa", "192.0.2.7:5070;branch=z9hG4bKa;received=192.0.2.7;rport=5066", 5066},
		{"10.0.0.1;received=203.0.113.9;rport=1;maddr=203.0.113.9", "10.0.0.1;maddr=203.0.113.9;received=192.0.2.7;rport=5066", 5066},
		{"10.0.0.1;maddr=203.0.113.9", "10.0.0.1;maddr=203.0.113.9;received=192.0.2.7", 5060},
		{"10.0.0.1 ; branch = z9hG4bKa , SIP/2.0/TCP next.example.com",
			"10.0.0.1; branch = z9hG4bKa;received=192.0.2.7 , SIP/2.0/TCP next.example.com", 5060},
	} {
		x := &exchange{source: udpPeer, began: g.clock.Now()}
		data := strings.Replace(inviteRequest("via"), "192.0.2.7:5066;branch=z9hG4bKvia;rport", c.via, 1)
		g.packet(context.Background(), x, []byte(data), false, false)
		via := header(string(x.out), "Via")
		if len(via) != 1 || strings.ReplaceAll(via[0], " ", "") != "SIP/2.0/UDP"+strings.ReplaceAll(c.want, " ", "") ||
			replyPort(x) != c.port {
			t.Errorf("%s: to port %d with Via %q; want %d, %q", c.via, replyPort(x), via, c.port, c.want)
		}
	}
}

func TestOverUDP(t *testing.T) {
	for _, inProcess := range []bool{true, false} {
		cfg := testConfig()
		cfg.RouterInProcess = inProcess
		g := startGateway(t, cfg, fixedRouter{redirectTo("sip:a@dublin.example.com")}, clock.System{})
		p := dialUDP(t, g)
		for _, id := range []string{"one", "two", "one"} {
			p.send([]byte(inviteRequest(id)))
			if r := p.response(); statusOf(r) != 302 || !slices.Equal(header(r, "Call-ID"), []string{id}) {
				t.Fatalf("answered\n%s", r)
			}
			p.send([]byte(request("ACK", lineURI, id, "")))
		}
		g.waitFor(t, "dayside.sip.requests", map[string]string{"method": "ACK", "status": "0"}, 3)
		g.waitFor(t, "dayside.sip.requests", map[string]string{"method": "INVITE", "status": "302"}, 3)
	}
}

func TestOverLongDatagramIs513(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.MaxMessageBytes = 2048
	g := startGateway(t, cfg, fixedRouter{redirectTo("sip:a@dublin.example.com")}, clock.System{})
	p := dialUDP(t, g)
	p.send([]byte(inviteRequest("long") + strings.Repeat("x", 4000)))
	if r := p.response(); statusOf(r) != 513 {
		t.Errorf("answered\n%s", r)
	}
}

// Beyond the limit of a datagram later contacts are left out, but never the first and never the last resort.
func TestContactsFitADatagram(t *testing.T) {
	long := "sip:" + strings.Repeat("a", 200) + "@dublin.example.com"
	targets := slices.Repeat([]string{long}, 30)
	targets[0], targets[29] = "sip:first@dublin.example.com", "tel:+13035550100"
	g := startGateway(t, testConfig(), fixedRouter{redirectTo(targets...)}, clock.System{})
	r := answerTo(g, inviteRequest("fit"))
	contacts := header(r, "Contact")
	if len(r) > 1300 || len(contacts) < 3 {
		t.Fatalf("%d bytes, %d contacts", len(r), len(contacts))
	}
	if first, last := contacts[0], contacts[len(contacts)-1]; first != "<sip:first@dublin.example.com>;q=1.0" ||
		last != "<tel:+13035550100>;q=0.71" {
		t.Errorf("first %q, last %q", first, last)
	}
	// Even where the request's own fields leave no room.
	vias := strings.Repeat("Via: SIP/2.0/UDP proxy.example.com;branch=z9hG4bKproxyproxyproxy\r\n", 30)
	r = answerTo(g, strings.Replace(inviteRequest("fit"), "From:", vias+"From:", 1))
	if contacts := header(r, "Contact"); len(contacts) != 2 || contacts[1] != "<tel:+13035550100>;q=0.71" {
		t.Errorf("contacts %q", contacts)
	}
	// A stream takes all, up to the limit.
	targets = slices.Repeat([]string{"sip:a@dublin.example.com"}, 100)
	targets[99] = "tel:+13035550100"
	g = startGateway(t, testConfig(), fixedRouter{redirectTo(targets...)}, clock.System{})
	p := dialTCP(t, g)
	p.send([]byte(inviteRequest("fit")))
	if contacts := header(p.response(), "Contact"); len(contacts) != 64 || contacts[63] != "<tel:+13035550100>;q=0.37" {
		t.Errorf("%d contacts, last %q", len(contacts), contacts[len(contacts)-1])
	}
}

// More calls than may wait for routing are shed, not queued.
func TestSheddingByCallsInFlight(t *testing.T) {
	cfg := testConfig()
	cfg.RouterInProcess = false
	cfg.Limits.MaxInFlight, cfg.Limits.RouteTimeout = 2, time.Hour
	release, waiting := make(chan struct{}), make(chan struct{}, 10)
	g := startGateway(t, cfg, routerFunc(
		func(context.Context, *routingv1.RouteCallRequest) (*routingv1.RouteCallResponse, error) {
			waiting <- struct{}{}
			<-release
			return &routingv1.RouteCallResponse{Route: redirectTo("sip:a@dublin.example.com")}, nil
		}), clock.System{})
	p := dialUDP(t, g)
	p.send([]byte(inviteRequest("first")))
	p.send([]byte(inviteRequest("second")))
	<-waiting
	<-waiting
	p.send([]byte(inviteRequest("third")))
	if r := p.response(); statusOf(r) != 503 || !slices.Equal(header(r, "Retry-After"), []string{"1"}) ||
		!slices.Equal(header(r, "Call-ID"), []string{"third"}) {
		t.Errorf("answered\n%s", r)
	}
	g.waitFor(t, "dayside.sip.shed", map[string]string{"reason": "in_flight"}, 1)
	// OPTIONS is no call: a trunk that looks after us hears us.
	p.send([]byte(optionsRequest("alive")))
	if r := p.response(); statusOf(r) != 200 {
		t.Errorf("answered\n%s", r)
	}
	close(release)
	for range 2 {
		if r := p.response(); statusOf(r) != 302 {
			t.Errorf("answered\n%s", r)
		}
	}
}

// A receive queue that is more than half full is emptied by cheap answers.
func TestSheddingByTheReceiveQueue(t *testing.T) {
	g := startGateway(t, testConfig(), fixedRouter{redirectTo("sip:a@dublin.example.com")}, clock.System{})
	x := &exchange{source: udpPeer, began: g.clock.Now()}
	g.packet(context.Background(), x, []byte(inviteRequest("pressed")), false, true)
	if r := string(x.out); statusOf(r) != 503 || !slices.Equal(header(r, "Retry-After"), []string{"1"}) {
		t.Errorf("answered\n%s", r)
	}
	g.packet(context.Background(), x, []byte(optionsRequest("pressed")), false, true)
	if r := string(x.out); statusOf(r) != 200 {
		t.Errorf("answered\n%s", r)
	}
	g.waitFor(t, "dayside.sip.shed", map[string]string{"reason": "receive_queue"}, 1)
}

// queueFill sees what the kernel holds.
func TestQueueFill(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIP: the receive queue is known on Linux only")
	}
	c, err := listenUDP("127.0.0.1:0", 64<<10)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if f := queueFill(c); f != 0 {
		t.Errorf("empty: %v", f)
	}
	out, err := net.Dial("udp", c.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	for range 1000 {
		_, _ = out.Write(make([]byte, 1000))
	}
	if f := queueFill(c); f < 0.5 || f > 1.5 {
		t.Errorf("full: %v", f)
	}
}

// A host with many addresses answers from the one that was asked.
func TestAnswersComeFromTheAddressThatWasAsked(t *testing.T) {
	for _, c := range []struct{ listen, ask string }{
		{"0.0.0.0:0", "127.0.0.2"}, {"[::]:0", "::1"}, {"[::]:0", "127.0.0.3"}, {"127.0.0.1:0", "127.0.0.1"},
	} {
		for _, inProcess := range []bool{true, false} {
			cfg := testConfig()
			cfg.ListenUDP, cfg.RouterInProcess = c.listen, inProcess
			if probe, err := net.ListenPacket("udp6", "[::1]:0"); err != nil && c.listen == "[::]:0" {
				t.Logf("SKIP: no IPv6 here: %v", err)
				continue
			} else if err == nil {
				_ = probe.Close()
			}
			g := startGateway(t, cfg, fixedRouter{redirectTo("sip:a@dublin.example.com")}, clock.System{})
			addr, _ := g.Addrs()
			// A connected socket takes datagrams from this address only.
			p := dial(t, "udp", netip.AddrPortFrom(netip.MustParseAddr(c.ask), addr.Port()))
			p.send([]byte(inviteRequest("asked")))
			if r := p.response(); statusOf(r) != 302 {
				t.Errorf("%s asked at %s: %s", c.listen, c.ask, r)
			}
		}
	}
}
