package host

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// opened is a process of some services on a data directory, and what it logs; elsewhere is an etcd, empty: its own.
func opened(t *testing.T, dir, elsewhere string, services ...string) (*Host, *shared, error) {
	t.Helper()
	log := &shared{}
	cfg := DefaultConfig()
	cfg.Services, cfg.DataDir, cfg.EtcdFast, cfg.ZoneinfoDir = services, dir, true, ""
	cfg.GRPCListen, cfg.HTTPListen, cfg.EtcdListen = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
	if elsewhere != "" {
		cfg.EtcdEndpoints = []string{elsewhere}
	}
	h, err := New(t.Context(), cfg)
	return h, log, err
}

// TestALedgerThatCannotBeOpenedStopsNothingElse: calls are worth more than their history, which is kept for later.
func TestALedgerThatCannotBeOpenedStopsNothingElse(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ledger.db"), bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	h, log, err := opened(t, dir, "", Schedule, Entitlement, Ledger)
	if err != nil {
		t.Fatal(err)
	}
	defer stop(t, h)
	if !strings.Contains(log.String(), "the ledger cannot be opened") {
		t.Errorf("nobody is told: %s", log)
	}
	if _, err := schedulev1.NewScheduleServiceClient(h.Conn()).ListSites(t.Context(), &schedulev1.ListSitesRequest{}); err != nil {
		t.Errorf("sites: %v", err)
	}
	_, err = ledgerv1.NewLedgerServiceClient(h.Conn()).ListCalls(t.Context(), &ledgerv1.ListCallsRequest{})
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "could not be opened") {
		t.Errorf("calls: %v", err)
	}
	stream, err := ledgerv1.NewLedgerServiceClient(h.Conn()).WatchCalls(t.Context(), &ledgerv1.WatchCallsRequest{})
	if err == nil {
		_, err = stream.Recv()
	}
	if status.Code(err) != codes.Unavailable {
		t.Errorf("calls watched: %v", err)
	}
	if slices.Contains(h.waiting(), Ledger) {
		t.Error("it is waited for")
	}
	if _, _, err := opened(t, dir, h.member.Endpoint(), Ledger); err == nil {
		t.Error("a process that is a ledger and nothing else serves without one")
	}
}

// TestADataDirectoryThatCannotBeUsed: what needs no disk is served without one; two processes never share one.
func TestADataDirectoryThatCannotBeUsed(t *testing.T) {
	h, _, err := opened(t, t.TempDir(), "", Schedule)
	if err != nil {
		t.Fatal(err)
	}
	defer stop(t, h)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	other, log, err := opened(t, filepath.Join(file, "data"), h.member.Endpoint(), Entitlement)
	if err != nil {
		t.Fatal(err)
	}
	defer stop(t, other)
	if !strings.Contains(log.String(), "are not kept") || other.auditor() != nil {
		t.Errorf("nobody is told: %s", log)
	}
	if _, _, err := opened(t, h.cfg.DataDir, h.member.Endpoint(), Entitlement); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("beside another process: %v", err)
	}
}

// TestASpoolThatCannotBeOpenedStopsNoCall: what it would keep is told, each by its name, and the process serves.
func TestASpoolThatCannotBeOpenedStopsNoCall(t *testing.T) {
	dir := t.TempDir()
	spools := []spoolOf{keptAlerts(), keptAcceptances(), keptRecords()}
	for _, s := range spools {
		if err := os.WriteFile(filepath.Join(dir, s.name), nil, 0o600); err != nil { // a file in the place of a folder
			t.Fatal(err)
		}
	}
	h, log, err := opened(t, dir, "", Schedule, Entitlement, Routing)
	if err != nil {
		t.Fatal(err)
	}
	defer stop(t, h)
	for _, s := range spools {
		if strings.Count(log.String(), s.lost) != 1 {
			t.Errorf("%s: nobody is told: %s", s.name, log)
		}
	}
	if _, err := schedulev1.NewScheduleServiceClient(h.Conn()).ListSites(t.Context(), &schedulev1.ListSitesRequest{}); err != nil {
		t.Errorf("sites: %v", err)
	}
}

func TestConfigurationOfRecordsIsJudged(t *testing.T) {
	for text, change := range map[string]func(*Config){
		"--ledger-retention-days -1": func(c *Config) { c.LedgerRetentionDays = -1 },
		"--instance":                 func(c *Config) { c.Instance = strings.Repeat("x", 300) },
	} {
		cfg := DefaultConfig()
		cfg.Logger = slog.New(slog.DiscardHandler)
		change(&cfg)
		if _, err := New(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
