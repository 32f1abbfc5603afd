package host

import (
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

// start makes a process on the data of a cluster, and what it logs.
func start(t *testing.T, dir, zoneinfo, tzdata string) (*Host, *shared, error) {
	t.Helper()
	log := &shared{}
	cfg := DefaultConfig()
	cfg.Services, cfg.DataDir, cfg.EtcdFast = []string{Schedule, Entitlement}, dir, true
	cfg.GRPCListen, cfg.HTTPListen, cfg.EtcdListen = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	cfg.ZoneinfoDir, cfg.TZData, cfg.Logger = zoneinfo, tzdata, slog.New(slog.NewTextHandler(log, nil))
	h, err := New(t.Context(), cfg)
	return h, log, err
}

func stop(t *testing.T, h *Host) {
	t.Helper()
	if err := h.close(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestTheStartOfAProcessAdoptsOnceAndNeverAgain: a first start takes the newest of what the program, the machine and the
// operator bring; later ones, with newer and with older rules at hand, keep it, and say what is newer.
func TestTheStartOfAProcessAdoptsOnceAndNeverAgain(t *testing.T) {
	dir, data := t.TempDir(), t.TempDir()
	bundle := func(release string) string {
		path := filepath.Join(dir, release+".tar.gz")
		if err := os.WriteFile(path, zonestest.Packed(t, zonestest.Changed(t, release, nil)), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	zoneinfo := filepath.Join(dir, "zoneinfo")
	if err := os.CopyFS(zoneinfo, zonestest.Folder(t, zonestest.Changed(t, "2031b", nil))); err != nil {
		t.Fatal(err)
	}
	h, log, err := start(t, data, zoneinfo, bundle("2031a"))
	if err != nil {
		t.Fatal(err)
	}
	first := h.rules.Load()
	if first.Release() != "2031b" || first.Source != schedulev1.TimeZoneSource_TIME_ZONE_SOURCE_SYSTEM {
		t.Errorf("adopted %s of %v", first.Release(), first.Source)
	}
	if strings.Contains(log.String(), "WARN") {
		t.Errorf("the newest is in force, and yet: %s", log)
	}
	stop(t, h)

	for _, c := range []struct{ tzdata, warns string }{{bundle("2032a"), "at_hand=2032a"}, {"", ""}} {
		h, log, err := start(t, data, "", c.tzdata)
		if err != nil {
			t.Fatal(err)
		}
		if again := h.rules.Load(); again.Release() != "2031b" || again.Revision != first.Revision {
			t.Errorf("a start with %q put %s in force", c.tzdata, again.Release())
		}
		if warned := strings.Contains(log.String(), "dayside tzdata adopt"); warned != (c.warns != "") ||
			!strings.Contains(log.String(), c.warns) {
			t.Errorf("a start with %q says: %s", c.tzdata, log)
		}
		answer, err := schedulev1.NewTimeZoneServiceClient(h.Conn()).GetTimeZoneRules(t.Context(), &schedulev1.GetTimeZoneRulesRequest{})
		if err != nil || answer.GetRelease() != "2031b" {
			t.Errorf("the API says %s, %v", answer.GetRelease(), err)
		}
		page := httptest.NewRecorder()
		h.telemetry.Metrics.ServeHTTP(page, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
		if !strings.Contains(page.Body.String(), `dayside_tzdata_info{release="2031b"} 1`) {
			t.Errorf("metrics without the release: %s", page.Body)
		}
		stop(t, h)
	}
}

func TestRulesThatAreNotThereStopTheStart(t *testing.T) {
	dir := t.TempDir()
	_, _, err := start(t, dir, "", filepath.Join(dir, "none.tar.gz"))
	if err == nil || !strings.Contains(err.Error(), "--tzdata "+filepath.Join(dir, "none.tar.gz")+" cannot be used: no such file") {
		t.Errorf("got %v", err)
	}
}
