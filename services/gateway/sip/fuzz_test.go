package sip

import (
	"context"
	"log/slog"
	"strings"
	"testing"
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
		g.packet(context.Background(), x, data, 0, false)
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
