package sip

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func startSimple(t testing.TB, cfg Config, c clock.Clock) *harness {
	t.Helper()
	return startGateway(t, cfg, fixedRouter{redirectTo("sip:a@dublin.example.com")}, c)
}

func expect(t testing.TB, p *peer, callID string, status int) {
	t.Helper()
	if r := p.response(); statusOf(r) != status || !slices.Equal(header(r, "Call-ID"), []string{callID}) {
		t.Fatalf("want %d to %s, got\n%s", status, callID, r)
	}
}

// Messages are cut where Content-Length says, however the stream is cut.
func TestStreamIsFramedByContentLength(t *testing.T) {
	body := "v=0\r\n\r\nINVITE sip:x@y SIP/2.0\r\n\r\n"
	first := strings.Replace(inviteRequest("first"), "Content-Length: 0\r\n\r\n",
		"Content-Length: "+strconv.Itoa(len(body))+"\r\n\r\n"+body, 1)
	all := first + inviteRequest("second") + "\r\n" + request("ACK", lineURI, "second", "") + optionsRequest("third")
	for _, inProcess := range []bool{true, false} {
		cfg := testConfig()
		cfg.RouterInProcess = inProcess
		g := startSimple(t, cfg, clock.System{})
		for _, size := range []int{len(all), 1, 7, 64, len(first) + 10} {
			p := dialTCP(t, g)
			for part := range slices.Chunk([]byte(all), size) {
				p.send(part)
			}
			got := map[string]int{}
			for range 3 {
				r := p.response()
				got[strings.Join(header(r, "Call-ID"), "")] = statusOf(r)
			}
			if got["first"] != 302 || got["second"] != 302 || got["third"] != 200 {
				t.Errorf("in pieces of %d: %v", size, got)
			}
		}
	}
}

// What breaks the framing is answered, and what follows is found again.
func TestStreamIsFoundAgain(t *testing.T) {
	g := startSimple(t, testConfig(), clock.System{})
	for _, c := range []struct {
		name, data string
		status     int
	}{
		{"no Content-Length", strings.Replace(inviteRequest("x"), "Content-Length: 0\r\n", "", 1), 400},
		{"a bad one", strings.Replace(inviteRequest("x"), "Length: 0", "Length: zero", 1), 400},
		{"two", strings.Replace(inviteRequest("x"), "CSeq", "l: 5\r\nCSeq", 1) + "abcde\r\nfghij\r\n", 400},
		{"lines without carriage returns", strings.ReplaceAll(inviteRequest("x"), "\r\n", "\n"), 400},
		{"noise before the next", "\x00\x01\x02 noise \xff\r\n\r\nmore noise\r\n", 0},
		{"a body longer than announced", strings.Replace(inviteRequest("x"), "\r\n\r\n", "\r\n\r\nv=0\r\no=x\r\n", 1), 302},
		{"HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"a response", "SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\nContent-Length: 2\r\n\r\nok", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := dialTCP(t, g)
			p.send([]byte(c.data))
			if c.status != 0 {
				if r := p.response(); statusOf(r) != c.status {
					t.Fatalf("answered\n%s", r)
				}
			}
			for _, id := range []string{"next", "after"} {
				p.send([]byte(inviteRequest(id)))
				expect(t, p, id, 302)
			}
		})
	}
}

// A message that is too long is answered, passed over, and keeps the connection in step: 10 MB of it.
func TestStreamPassesOverWhatIsTooLong(t *testing.T) {
	g := startSimple(t, testConfig(), clock.System{})
	p := dialTCP(t, g)
	const size = 10 << 20
	p.send([]byte(strings.Replace(inviteRequest("long"), "Length: 0", "Length: "+strconv.Itoa(size), 1)))
	expect(t, p, "long", 513)
	p.send([]byte(strings.Repeat("x", size) + inviteRequest("next")))
	expect(t, p, "next", 302)
	if n := g.counter(t, "dayside.sip.lost_framing"); n != 0 {
		t.Errorf("framing lost %d times", n)
	}
	// A head without end.
	p.send([]byte("INVITE " + lineURI + " SIP/2.0\r\nCall-ID: head\r\nX: " + strings.Repeat("x", 200_000) + "\r\n"))
	expect(t, p, "head", 513)
	p.send([]byte(inviteRequest("last")))
	expect(t, p, "last", 302)
}

func TestKeepAliveIsAnswered(t *testing.T) {
	g := startSimple(t, testConfig(), clock.System{})
	p := dialTCP(t, g)
	p.send([]byte("\r\n\r\n"))
	pong := make([]byte, 2)
	if err := p.nc.SetReadDeadline(soon()); err != nil {
		t.Fatal(err)
	}
	if n, err := p.r.Read(pong); err != nil || string(pong[:n]) != "\r\n" {
		t.Fatalf("%q, %v", pong[:n], err)
	}
	p.send([]byte(inviteRequest("call")))
	expect(t, p, "call", 302)
}

func TestTimeOuts(t *testing.T) {
	manual := clock.NewManual(testTime)
	g := startSimple(t, testConfig(), manual)
	half, quiet := dialTCP(t, g), dialTCP(t, g)
	half.send([]byte(strings.TrimSuffix(inviteRequest("half"), "\r\n")))
	eventually(t, "both are open, one with half a message", func() bool {
		n := 0
		for _, c := range g.conns.all() {
			if c.partial.nanos.Load() != 0 {
				n++
			}
		}
		return n == 1 && len(g.conns.all()) == 2
	})
	stop := keepAdvancing(manual, time.Second)
	expect(t, half, "half", 400)
	stop()
	half.send([]byte(inviteRequest("next")))
	expect(t, half, "next", 302)
	stop = keepAdvancing(manual, time.Hour)
	quiet.closed()
	half.closed()
	stop()
	eventually(t, "connections are given back", func() bool { return g.counter(t, "dayside.sip.connections") == 0 })
}

// A peer that closes its side in the middle of a message is still told.
func TestHalfAMessageAtTheEnd(t *testing.T) {
	g := startSimple(t, testConfig(), clock.System{})
	p := dialTCP(t, g)
	p.send([]byte(strings.Replace(inviteRequest("half"), "Length: 0", "Length: 10", 1)))
	if err := p.nc.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	expect(t, p, "half", 400)
	p.closed()
}

// Strangers never take all connections: a trunk still gets in.
func TestStrangersLeaveRoomForTrunks(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.MaxTCPConns = 4
	g := startSimple(t, cfg, clock.System{})
	var open []*peer
	for i := range 3 {
		p := dialTCP(t, g)
		p.send([]byte(inviteRequest(strconv.Itoa(i))))
		expect(t, p, strconv.Itoa(i), 302)
		open = append(open, p)
	}
	refused := dialTCP(t, g)
	refused.closed()
	s := connSet{open: map[*conn]struct{}{}}
	for i, want := range []bool{true, true, true, false} {
		if got := s.add(&conn{}, 4); got != want {
			t.Errorf("stranger %d: %v", i, got)
		}
	}
	trunk := &conn{trusted: true}
	if !s.add(trunk, 4) || s.add(&conn{trusted: true}, 4) {
		t.Error("a trunk gets the last place, and one only")
	}
	s.remove(trunk)
	s.remove(trunk)
	if !s.add(trunk, 4) {
		t.Error("a place is not given back")
	}
	_ = open
}

// The requests of one connection that wait for routing are bounded; the rest is read later.
func TestAConnectionWaitsItsTurn(t *testing.T) {
	cfg := testConfig()
	cfg.RouterInProcess = false
	cfg.Limits.MaxConnInFlight, cfg.Limits.RouteTimeout = 2, time.Hour
	var mu sync.Mutex
	waiting, most := 0, 0
	release := make(chan struct{})
	g := startGateway(t, cfg, routerFunc(
		func(context.Context, *routingv1.RouteCallRequest) (*routingv1.RouteCallResponse, error) {
			mu.Lock()
			waiting++
			most = max(most, waiting)
			mu.Unlock()
			<-release
			mu.Lock()
			waiting--
			mu.Unlock()
			return &routingv1.RouteCallResponse{Route: redirectTo("sip:a@dublin.example.com")}, nil
		}), clock.System{})
	p := dialTCP(t, g)
	for i := range 6 {
		p.send([]byte(inviteRequest(strconv.Itoa(i))))
	}
	eventually(t, "two wait", func() bool { mu.Lock(); defer mu.Unlock(); return waiting == 2 })
	close(release)
	for range 6 {
		if r := p.response(); statusOf(r) != 302 {
			t.Fatalf("answered\n%s", r)
		}
	}
	if most > 2 {
		t.Errorf("%d waited at once", most)
	}
}

// Calls under way are answered when the gateway stops, over both transports.
func TestStopAnswersCallsUnderWay(t *testing.T) {
	cfg := testConfig()
	cfg.RouterInProcess = false
	cfg.Limits.RouteTimeout = time.Hour
	waiting, release := make(chan struct{}, 2), make(chan struct{})
	g := startGateway(t, cfg, routerFunc(
		func(context.Context, *routingv1.RouteCallRequest) (*routingv1.RouteCallResponse, error) {
			waiting <- struct{}{}
			<-release
			return &routingv1.RouteCallResponse{Route: redirectTo("sip:a@dublin.example.com")}, nil
		}), clock.System{})
	peers := []*peer{dialUDP(t, g), dialTCP(t, g)}
	for _, p := range peers {
		p.send([]byte(inviteRequest("call")))
		<-waiting
	}
	stopped := make(chan error, 1)
	go func() { stopped <- g.stop() }()
	eventually(t, "no connection is accepted", func() bool {
		g.conns.mu.Lock()
		defer g.conns.mu.Unlock()
		return g.conns.closing
	})
	close(release)
	for _, p := range peers {
		expect(t, p, "call", 302)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	peers[1].closed()
}

// What is found behind broken framing may be the inside of another message: its identity is not believed any more.
func TestAssertedIdentityIsNotBelievedAfterLostFraming(t *testing.T) {
	var callers []string
	var mu sync.Mutex
	cfg := testConfig()
	cfg.Trust.Peers = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	g := startGateway(t, cfg, routerFunc(
		func(_ context.Context, in *routingv1.RouteCallRequest) (*routingv1.RouteCallResponse, error) {
			mu.Lock()
			defer mu.Unlock()
			callers = append(callers, proto.CloneOf(in).GetCaller().GetNumber())
			return &routingv1.RouteCallResponse{Route: redirectTo("sip:a@dublin.example.com")}, nil
		}), clock.System{})
	p := dialTCP(t, g)
	asserted := request("INVITE", lineURI, "asserted", "P-Asserted-Identity: <tel:+13035550199>\r\n")
	p.send([]byte(asserted))
	expect(t, p, "asserted", 302)
	p.send([]byte(strings.Replace(inviteRequest("x"), "CSeq", "Content-Length: 9\r\nCSeq", 1) + asserted))
	expect(t, p, "x", 400)
	expect(t, p, "asserted", 302)
	if want := []string{"+13035550199", "+13035550123"}; !slices.Equal(callers, want) {
		t.Errorf("callers %v, want %v", callers, want)
	}
}
