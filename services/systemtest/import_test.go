package systemtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/internal/await"
)

// TestAnImportSurvivesKillsOfEitherSide: the server is killed while it brings in customers, and is back; then whoever
// sends them is killed, and goes on. Every line is in once but the broken one, which is told of once.
func TestAnImportSurvivesKillsOfEitherSide(t *testing.T) {
	const lines, broken = 3000, 2999
	dir := t.TempDir()
	var file strings.Builder
	file.WriteString("external_ids.crm,display_name,phone_numbers\n")
	for i := 2; i <= lines; i++ {
		if i == broken {
			file.WriteString("crm-x,\"not closed,+61\n")
			continue
		}
		fmt.Fprintf(&file, "A%d,Company %d,+6125%08d\n", i, i, i)
	}
	accounts, report := filepath.Join(dir, "accounts.csv"), filepath.Join(dir, "rejects.csv")
	if err := os.WriteFile(accounts, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := freeAddr(t) // the same after a restart
	data := filepath.Join(dir, "data")
	first := serve(t, data, "--grpc-listen", addr)
	first.addresses(t)

	args := []string{
		"customer", "import", accounts, "--key", "crm", "--id", "kills", "--report", report, "--resume", "--server", addr,
	}
	sender := startImport(t, args)
	client := entitlementv1.NewDataServiceClient(dial(t, addr))
	stands := func() int64 {
		p, err := client.GetImport(t.Context(), &entitlementv1.GetImportRequest{Name: "imports/kills"})
		if err != nil {
			return 0
		}
		return p.GetLine()
	}
	await.True(t, "some lines to be in", func() bool { return stands() > 500 })
	_ = first.cmd.Process.Kill()
	_ = first.cmd.Wait()
	second := serve(t, data, "--grpc-listen", addr)
	second.addresses(t)
	await.True(t, "more lines to be in", func() bool { return stands() > 1300 })
	_ = sender.Process.Kill()
	_ = sender.Wait()

	stdout, stderr, err := dayside(t, args...)
	if err == nil || !strings.Contains(stdout, fmt.Sprintf(": %d lines: %d created, 0 updated, 0 unchanged, 1 rejected.", lines, lines-2)) {
		t.Errorf("%v\n%s%s", err, stdout, stderr)
	}
	exported, stderr, err := dayside(t, "customer", "export", "--format", "jsonl", "--server", addr)
	if n := strings.Count(exported, `"system":"crm"`); err != nil || n != lines-2 {
		t.Errorf("%d customers are there, %v\n%s", n, err, stderr)
	}
	text, err := os.ReadFile(report)
	if err != nil || strings.Count(string(text), "\n") != 2 || !strings.Contains(string(text), fmt.Sprintf("\n%d,", broken)) {
		t.Errorf("report: %s, %v", text, err)
	}
	back := filepath.Join(dir, "back.jsonl")
	if err := os.WriteFile(back, []byte(exported), 0o600); err != nil {
		t.Fatal(err)
	}
	all := strings.Count(exported, "\n") // with those of the example
	stdout, stderr, err = dayside(t, "customer", "import", back, "--server", addr)
	if err != nil || !strings.Contains(stdout, fmt.Sprintf(" 0 created, 0 updated, %d unchanged, 0 rejected.", all)) {
		t.Errorf("what was exported, brought in again: %v\n%s%s", err, stdout, stderr)
	}
	second.interrupt(t)
}

// startImport starts a process that sends customers.
func startImport(t *testing.T, args []string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), binary(t), args...)
	log := &syncBuffer{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		if t.Failed() {
			t.Logf("the import said\n%s", log)
		}
	})
	return cmd
}
