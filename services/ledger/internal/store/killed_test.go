package store

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/types/known/timestamppb"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
)

// killAtEnv has this program keep calls with what they leave, and kill itself where one is kept and nobody was told: "PATH|CALL".
const killAtEnv = "DAYSIDE_LEDGER_TEST_KILL"

func TestMain(m *testing.M) {
	if told := os.Getenv(killAtEnv); told != "" {
		if err := keepUntilKilled(told); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	m.Run()
}

const (
	killedCalls = 8
	// exportEach calls charges are handed over.
	exportEach = 4
)

// keepUntilKilled keeps calls one after the other, as they are told again by a spool that heard no answer, and says which
// are kept; and hands charges over.
func keepUntilKilled(told string) error {
	path, at, _ := strings.Cut(told, "|")
	last, err := strconv.Atoi(at)
	if err != nil {
		return err
	}
	ctx, appends := context.Background(), 0
	s, err := Open(ctx, Config{Path: path, Clock: clock.NewManual(now()), Changed: func([]*ledgerv1.Call) {
		if appends == last {
			killSelf()
		}
	}})
	if err != nil {
		return err
	}
	for ; appends < killedCalls; appends++ {
		if _, err := s.Append(ctx, leftBy(appends)); err != nil {
			return err
		}
		if appends%exportEach == exportEach-1 {
			name := exportOfCall(appends)
			if _, _, err := s.HandOver(ctx, ExportQuery{Name: name, By: "clerk", Limit: 1}); err != nil {
				return err
			}
			if appends == last-1 { // made, and its maker never heard
				killSelf()
			}
		}
		fmt.Println(appends)
	}
	return s.Close()
}

func killSelf() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

func exportOfCall(n int) string { return fmt.Sprint("chargeExports/e", n/exportEach) }

// leftBy are the records of a call and of what it left: a charge, and a follow-up of a customer that calls often. Their ids
// are the same whoever tells them.
func leftBy(n int) []*ledgerv1.Record {
	call, id := newRecord(fmt.Sprint("c", n)), fmt.Sprint("k", n)
	charge := &ledgerv1.Record{Event: &ledgerv1.Record_Charge{Charge: &ledgerv1.Charge{
		Name: "charges/" + id, Promise: "promises/" + id, State: owed, Revision: 1, Customer: "customers/acme",
		Amount: &money.Money{CurrencyCode: "EUR", Units: 1}, PromiseTime: timestamppb.New(now()),
	}}}
	task := &ledgerv1.Record{Event: &ledgerv1.Record_FollowUp{FollowUp: &ledgerv1.FollowUp{
		Name: "followUps/propose-" + id, Kind: ledgerv1.FollowUpKind_FOLLOW_UP_KIND_PROPOSE, Customer: "customers/acme",
		Calls: []string{"calls/" + id}, DueTime: timestamppb.New(now()),
	}}}
	all := []*ledgerv1.Record{charge, task, call}
	for i, r := range all {
		r.Id, r.Instance = binary.BigEndian.AppendUint64(make([]byte, 8), uint64(n*len(all)+i+1)), "p1"
	}
	return all
}

// TestALedgerThatIsKilledLosesAndDoublesNothing: killed when something is kept and nobody was told yet, at each place, it is
// started again and told all again; each call is kept once, with one charge, in one task, and in one export.
func TestALedgerThatIsKilledLosesAndDoublesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	for at := range killedCalls {
		answered := keepIn(t, path, at)
		s, err := Open(t.Context(), Config{Path: path, Clock: clock.NewManual(now())})
		if err != nil {
			t.Fatal(err)
		}
		counts := countKept(t, s)
		if counts.charges < len(answered) || counts.charges != at+1 && counts.charges != at || counts.joined != counts.charges ||
			counts.calls != counts.charges || counts.tasks != 1 {
			t.Errorf("killed at %d, %d answered: %+v", at, len(answered), counts)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(keepIn(t, path, -1)); n != killedCalls { // nobody kills it
		t.Fatalf("%d were answered", n)
	}
	s, err := Open(t.Context(), Config{Path: path, Clock: clock.NewManual(now())})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if got, want := countKept(t, s), (kept{killedCalls, killedCalls, 1, killedCalls}); got != want {
		t.Errorf("at last %+v, not %+v", got, want)
	}
	billed := map[string]int{}
	for n := range killedCalls / exportEach {
		page, _, err := s.HandOver(t.Context(), ExportQuery{Name: exportOfCall(n * exportEach), Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range page.GetLines() {
			billed[l.GetCharge().GetName()]++
		}
	}
	for n := range killedCalls {
		if times := billed[fmt.Sprint("charges/k", n)]; times != 1 {
			t.Errorf("charge %d was billed %d times", n, times)
		}
	}
}

// kept is how much a ledger holds.
type kept struct{ calls, charges, tasks, joined int }

func countKept(t *testing.T, s *Store) kept {
	t.Helper()
	calls, _, err := s.Calls(t.Context(), CallQuery{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	charges, _, err := s.Charges(t.Context(), ChargeQuery{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	tasks, _, err := s.FollowUps(t.Context(), FollowUpQuery{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	k := kept{calls: len(calls), charges: len(charges), tasks: len(tasks)}
	for _, f := range tasks {
		k.joined += len(slices.Compact(slices.Sorted(slices.Values(f.GetCalls()))))
	}
	return k
}

// keepIn runs a program of its own, which kills itself at a call, and is the calls that it said are kept.
func keepIn(t *testing.T, path string, at int) (answered []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // this program
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s|%d", killAtEnv, path, at))
	out, err := cmd.Output()
	if killed := err != nil && cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL; killed != (at >= 0) {
		t.Fatalf("killed at %d: %v\n%s", at, err, out)
	}
	lines := bufio.NewScanner(strings.NewReader(string(out)))
	for lines.Scan() {
		answered = append(answered, lines.Text())
	}
	return answered
}
