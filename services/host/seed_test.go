package host

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/daysidehq/dayside/services/internal/await"
)

// TestASeedThatIsRefusedEndsTheStart: whoever starts a process hears what is wrong, and it does not stand there half started.
func TestASeedThatIsRefusedEndsTheStart(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Instance, cfg.DataDir, cfg.EtcdFast, cfg.ZoneinfoDir, cfg.StopLinger = "one", t.TempDir(), true, "", 0
	cfg.GRPCListen, cfg.HTTPListen, cfg.EtcdListen = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	cfg.SIP.ListenUDP, cfg.SIP.ListenTCP = "127.0.0.1:0", "127.0.0.1:0"
	cfg.Seed, cfg.Logger = oneLineOneSite(), slog.New(slog.DiscardHandler)
	cfg.Seed.Lines[0].Offers = []string{"offers/none"}
	p, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- p.Run(t.Context()) }()
	if err := await.Receive(t, "the start to end", done); err == nil || !strings.Contains(err.Error(), "offers/none") {
		t.Errorf("got %v", err)
	}
}
