package sip

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/daysidehq/dayside/services/internal/clock"
)

// FuzzPacket: whatever comes over UDP, nothing breaks, and an answer is whole and holds no line of the sender's making.
func FuzzPacket(f *testing.F) {
	dir := tortureDir(f)
	for _, m := range torture {
		f.Add(tortureMessage(f, dir, m.file))
	}
	f.Add([]byte(inviteRequest("seed")))
	logs := &syncBuffer{}
	deps := testDeps()
	deps.Logger = slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelError}))
	g, err := New(testConfig(), fixedRouter{redirectTo("sip:a@dublin.example.com", "tel:+13035550100")}, deps)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = g.Close() })
	x := &exchange{source: udpPeer, began: g.clock.Now()}
	f.Fuzz(func(t *testing.T, data []byte) {
		g.packet(context.Background(), x, data, false, false)
		if told := logs.String(); told != "" {
			t.Fatal(told)
		}
		response := string(x.out)
		if response == "" {
			return
		}
		if statusOf(response) < 200 {
			t.Fatalf("answered %q", response)
		}
		if strings.Count(response, "\r\n\r\n") != 1 || !strings.HasSuffix(response, "\r\n\r\n") {
			t.Fatalf("not one response: %q", response)
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(response, "\r\n\r\n"), "\r\n") {
			name, _, _ := strings.Cut(line, ":")
			switch name {
			case "Via", "From", "To", "Call-ID", "CSeq", "Contact", "Allow", "Accept", "Retry-After", "Reason", "Unsupported",
				"Warning", "Content-Length":
			default:
				if !strings.HasPrefix(line, "SIP/2.0 ") {
					t.Fatalf("line %q", line)
				}
			}
			if strings.ContainsAny(line, "\r\n") {
				t.Fatalf("line %q", line)
			}
		}
	})
}

// sink is a connection that takes everything and gives nothing.
type sink struct {
	net.Conn
	wrote []byte
}

func (s *sink) Write(b []byte) (int, error) { s.wrote = append(s.wrote, b...); return len(b), nil }

func (s *sink) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(udpPeer) }

func (s *sink) Close() error { return nil }

// FuzzStream: whatever a stream holds, it is taken to its end in bounded steps, what is kept is bounded, and a good request
// behind it is answered once the stream has been silent for as long as a message may take.
func FuzzStream(f *testing.F) {
	dir := tortureDir(f)
	for _, m := range torture {
		f.Add(tortureMessage(f, dir, m.file))
	}
	f.Add([]byte("\r\n\r\n" + inviteRequest("a") + optionsRequest("b")))
	manual := clock.NewManual(testTime)
	deps := testDeps()
	deps.Clock = manual
	cfg := testConfig()
	cfg.Limits.MaxMessageBytes = 2048
	g, err := New(cfg, fixedRouter{redirectTo("sip:a@dublin.example.com")}, deps)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = g.Close() })
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &sink{}
		c := newConn(g, s)
		feed := func(b []byte) {
			for piece := range slices.Chunk(b, 700) {
				c.buf = append(c.buf, piece...)
				for steps := 0; c.take(context.Background()); steps++ {
					if steps > 2*len(data)+10 {
						t.Fatalf("no end at %q", c.buf)
					}
				}
				if len(c.buf) > cfg.Limits.MaxMessageBytes {
					t.Fatalf("%d bytes are kept", len(c.buf))
				}
			}
		}
		feed(data)
		if c.skip > 0 {
			return // a body that is too long may take as long as it likes
		}
		c.giveUp(context.Background())
		feed([]byte("\r\n" + optionsRequest("last")))
		c.flush(context.Background())
		if !bytes.Contains(s.wrote, []byte("Call-ID: last\r\n")) {
			t.Fatalf("the request behind it was not answered:\n%q", s.wrote)
		}
	})
}
