package probe

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gateway answers requests by a function, until the test ends; what it received is sent to the channel.
func gateway(t *testing.T, network string, answer func(n int, request string) string) (addr string, got <-chan string) {
	t.Helper()
	received := make(chan string, 100)
	serve := func(read func([]byte) (int, error), write func([]byte)) {
		buf := make([]byte, 65536)
		for n := 0; ; n++ {
			size, err := read(buf)
			if err != nil {
				return
			}
			request := string(buf[:size])
			received <- request
			if a := answer(n, request); a != "" {
				write([]byte(a))
			}
		}
	}
	if network == "udp" {
		pc, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = pc.Close() })
		var peer net.Addr
		go serve(func(b []byte) (n int, err error) { n, peer, err = pc.ReadFrom(b); return n, err },
			func(b []byte) { _, _ = pc.WriteTo(b, peer) })
		return pc.LocalAddr().String(), received
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		serve(c.Read, func(b []byte) {
			// In two pieces: a stream has no messages.
			_, _ = c.Write(b[:10])
			_, _ = c.Write(b[10:])
		})
	}()
	return l.Addr().String(), received
}

// respond answers with what a response repeats of its request.
func respond(request, start, more string) string {
	var b strings.Builder
	b.WriteString("SIP/2.0 " + start + "\r\n")
	for line := range strings.SplitSeq(request, "\r\n") {
		switch name, _, _ := strings.Cut(line, ":"); name {
		case "Via", "From", "Call-ID", "CSeq":
			b.WriteString(line + "\r\n")
		case "To":
			b.WriteString(line + ";tag=theirs\r\n")
		}
	}
	return b.String() + more + "Content-Length: 0\r\n\r\n"
}

func place(t *testing.T, c Call) (*Result, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return Place(ctx, clock.System{}, c)
}

func TestRedirect(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		addr, got := gateway(t, network, func(_ int, request string) string {
			if !strings.HasPrefix(request, "INVITE ") {
				return ""
			}
			return respond(request, "302 Moved Temporarily", "Contact: <tel:+13035550100>;q=0.8\r\n"+
				"Contact: <sip:support@dublin.example.com>;q=1.0\r\nContact: <sips:b@denver.example.com;transport=tls>;q=0.9\r\n")
		})
		r, err := place(t, Call{Network: network, Gateway: addr, Dialled: "+61255501234", Caller: "+13035550123", CallID: "me"})
		if err != nil {
			t.Fatal(err)
		}
		if r.Status != 302 || r.Phrase != "Moved Temporarily" || r.CallID != "me" || r.Took <= 0 {
			t.Errorf("%+v", r)
		}
		if want := []Contact{
			{"sip:support@dublin.example.com", 1}, {"sips:b@denver.example.com;transport=tls", 0.9}, {"tel:+13035550100", 0.8},
		}; !slices.Equal(r.Contacts, want) {
			t.Errorf("%+v", r.Contacts)
		}
		invite, ack := <-got, <-got
		for _, want := range []string{
			"INVITE sip:+61255501234@" + addr, "From: <sip:+13035550123@", "Call-ID: me\r\n", "Via: SIP/2.0/" + strings.ToUpper(network),
		} {
			if !strings.Contains(invite, want) {
				t.Errorf("%q is not in\n%s", want, invite)
			}
		}
		branch := func(s string) string { _, b, _ := strings.Cut(s, "branch="); b, _, _ = strings.Cut(b, ";"); return b }
		if !strings.HasPrefix(ack, "ACK ") || branch(ack) != branch(invite) || !strings.Contains(ack, ">;tag=theirs\r\n") {
			t.Errorf("not the ACK of a redirect:\n%s", ack)
		}
		masked, whole := r.Transcript(false), r.Transcript(true)
		if strings.Contains(masked, "61255501234") || !strings.Contains(masked, "sip:+61…34@") ||
			!strings.Contains(whole, "sip:+61255501234@") || strings.Count(whole, ">>>") != 2 || strings.Count(whole, "<<<") != 1 {
			t.Errorf("masked:\n%s\nwhole:\n%s", masked, whole)
		}
	}
}

func TestRefusal(t *testing.T) {
	addr, got := gateway(t, "udp", func(_ int, request string) string {
		return respond(request, "480 Temporarily Unavailable",
			"Reason: Q.850;cause=41;text=\"x\"\r\nRetry-After: 60\r\nWarning: 399 dayside \"y\"\r\n")
	})
	r, err := place(t, Call{Gateway: addr, Dialled: "+61255501234"})
	if err != nil || r.Status != 480 || r.Reason != `Q.850;cause=41;text="x"` || r.RetryAfter != time.Minute ||
		r.Warning != `399 dayside "y"` || len(r.Contacts) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if invite := <-got; !strings.Contains(invite, "From: \"Anonymous\" <sip:anonymous@anonymous.invalid>") ||
		!strings.Contains(invite, "Privacy: id\r\n") {
		t.Errorf("the caller is not withheld:\n%s", invite)
	}
}

// What is lost is sent again; a provisional response ends that.
func TestRetransmission(t *testing.T) {
	manual := clock.NewManual(time.Unix(1_700_000_000, 0))
	addr, got := gateway(t, "udp", func(n int, request string) string {
		switch n {
		case 2:
			return respond(request, "100 Trying", "")
		case 1:
			return "noise"
		}
		return ""
	})
	type outcome struct {
		r   *Result
		err error
	}
	done := make(chan outcome, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		r, err := Place(ctx, manual, Call{Gateway: addr, Dialled: "+61255501234", Timeout: time.Hour})
		done <- outcome{r, err}
	}()
	first := <-got
	for range 2 {
		again := ""
		for again == "" {
			select {
			case again = <-got:
			case <-clock.System{}.After(time.Millisecond):
				manual.Advance(100 * time.Millisecond)
			}
		}
		if again != first {
			t.Errorf("not the same request:\n%s", again)
		}
	}
	cancel()
	if o := <-done; !errors.Is(o.err, context.Canceled) {
		t.Errorf("%+v", o)
	}
}

func TestNoAnswer(t *testing.T) {
	addr, _ := gateway(t, "udp", func(int, string) string { return "" })
	_, err := place(t, Call{Gateway: addr, Dialled: "+61255501234", Timeout: 50 * time.Millisecond})
	if fault.ReasonOf(err) != rpcv1.Reason_REASON_BACKEND_UNAVAILABLE || !strings.Contains(err.Error(), addr) {
		t.Error(err)
	}
	for _, network := range []string{"udp", "tcp"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := l.Addr().String()
		_ = l.Close()
		_, err = place(t, Call{Network: network, Gateway: addr, Dialled: "+61255501234"})
		if fault.ReasonOf(err) != rpcv1.Reason_REASON_BACKEND_UNAVAILABLE || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%s: %v", network, err)
		}
	}
	addr, _ = gateway(t, "tcp", func(int, string) string { return strings.Repeat("x", 100) })
	if _, err := place(t, Call{Network: "tcp", Gateway: addr, Dialled: "+61255501234", Timeout: 50 * time.Millisecond}); err == nil {
		t.Error("noise is taken for an answer")
	}
}

// Somebody who answers is acknowledged, and hung up on.
func TestAnswered(t *testing.T) {
	addr, got := gateway(t, "udp", func(n int, request string) string {
		if n > 0 {
			return ""
		}
		return respond(request, "200 OK", "")
	})
	if r, err := place(t, Call{Gateway: addr, Dialled: "+61255501234"}); err != nil || r.Status != 200 {
		t.Errorf("%+v, %v", r, err)
	}
	<-got
	if ack, bye := <-got, <-got; !strings.HasPrefix(ack, "ACK ") || !strings.HasPrefix(bye, "BYE ") ||
		!strings.Contains(bye, "CSeq: 2 BYE\r\n") {
		t.Errorf("%s\n%s", ack, bye)
	}
}

func TestBadCalls(t *testing.T) {
	_, err := place(t, Call{Network: "sctp", Gateway: "localhost", Dialled: "+6125550 1234>\r\nX: y", Caller: "<x>", CallID: "a b"})
	for _, want := range []string{`network: "sctp"`, `gateway: "localhost"`, "dialled: ", "caller: ", `call_id: "a b"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not in %v", want, err)
		}
	}
	if err != nil && strings.Contains(err.Error(), "5550 1234") {
		t.Errorf("the number is told: %v", err)
	}
}
