package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/ledger/internal/mark"
	"github.com/daysidehq/dayside/services/ledger/internal/merge"
)

func now() time.Time { return time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC) }

func openTemp(t testing.TB) *Store {
	t.Helper()
	s, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "ledger.db"), Clock: clock.NewManual(now())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// openQuick is one that waits for no disk, for tests of many small appends.
func openQuick(t testing.TB) *Store {
	t.Helper()
	s := openTemp(t)
	if err := s.pragma(t.Context(), "synchronous = OFF"); err != nil {
		t.Fatal(err)
	}
	return s
}

// newRecord is a decision of a call of its own, as large as they are.
func newRecord(call string) *ledgerv1.Record {
	id := make([]byte, 16)
	for i := range id {
		id[i] = byte(rand.IntN(256)) //nolint:gosec // only unlikely to be the same
	}
	return &ledgerv1.Record{Id: id, Instance: "p1", Event: &ledgerv1.Record_Decision{Decision: &routingv1.DecisionRecord{
		GatewayId: "pbx", CallId: call, Step: 1, DecidedUnixUs: now().UnixMicro(), Line: "gold", Caller: 13035550101, Attested: true,
		Capabilities: 2, ViewRevision: 123456, ViewAgeMs: 12, TzdataRelease: "2026b", Facts: [][]byte{[]byte("a fact of a line"), []byte("a fact of a site")},
		Customers: []*routingv1.CustomerFact{{Id: "acme", DisplayName: "Acme Ltd", Contracts: []*routingv1.ContractFact{
			{Product: "gold", FromUnixS: 1, ToUnixS: 2, Plan: "gold"},
		}}},
		CallerClass: routingv1.CallerClass_CALLER_CLASS_ENTITLED, StepKind: routingv1.StepKind_STEP_KIND_FORWARD,
		Verdicts: []routingv1.Verdict{1, 10, 20, 30, 40, 50}, Targets: []string{"dublin.1", "bengaluru.1", "last-resort"},
		SiteReasons: []routingv1.SiteReason{1, 2, 10, 10}, SiteRanks: []int32{1, 2, 0, 0}, FirstSite: "dublin", TraceId: id, TookUs: 3,
	}}}
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	if err := os.WriteFile(path, nil, 0o666); err != nil { //nolint:gosec // what is to be mended
		t.Fatal(err)
	}
	s, err := Open(t.Context(), Config{Path: path, Clock: clock.NewManual(now())})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if _, err := s.Append(t.Context(), []*ledgerv1.Record{newRecord("c1")}); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) < 2 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f.Name(), info.Mode(), err)
		}
	}
	for pragma, want := range map[string]int{"synchronous": 2, "auto_vacuum": 2} {
		var got int
		if err := s.write.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %d, not %d (%v)", pragma, got, want, err)
		}
	}
}

// TestDatabasesAreTakenToTheNewestVersion, and those of later programs are left alone.
func TestDatabasesAreTakenToTheNewestVersion(t *testing.T) {
	cfg := Config{Path: filepath.Join(t.TempDir(), "ledger.db"), Clock: clock.NewManual(now())}
	reopen := func(steps []string) error {
		s, err := open(t.Context(), cfg, steps, additions())
		if err != nil {
			return err
		}
		defer func() { _ = s.Close() }()
		_, err = s.Append(t.Context(), []*ledgerv1.Record{newRecord("c1")})
		return err
	}
	later := append(schema(), "ALTER TABLE calls ADD COLUMN mood TEXT")
	for _, steps := range [][]string{schema(), schema(), later, later} {
		if err := reopen(steps); err != nil {
			t.Fatal(err)
		}
	}
	if err := reopen(schema()); err == nil || !strings.Contains(err.Error(), "made by a later program") {
		t.Errorf("by an earlier program: %v", err)
	}
	if err := reopen(append(later, "CREATE TABLE more (x); nonsense")); err == nil {
		t.Error("nonsense is a version")
	}
	if err := reopen(later); err != nil {
		t.Errorf("after a step that failed: %v", err)
	}
}

// TestARecordIsKeptOnce: whatever is sent together, again, and at once.
func TestARecordIsKeptOnce(t *testing.T) {
	s := openTemp(t)
	records := make([]*ledgerv1.Record, 200)
	for i := range records {
		records[i] = newRecord(fmt.Sprintf("c%d", i%50))
		records[i].GetDecision().Step = int32(i / 50)
	}
	var appended atomic.Int64
	var senders sync.WaitGroup
	for range 8 {
		senders.Go(func() {
			mine := slices.Clone(records)
			rand.Shuffle(len(mine), func(i, j int) { mine[i], mine[j] = mine[j], mine[i] })
			for batch := range slices.Chunk(mine, 17) {
				n, err := s.Append(t.Context(), batch)
				if err != nil {
					t.Error(err)
				}
				appended.Add(int64(n))
			}
		})
	}
	senders.Wait()
	if appended.Load() != int64(len(records)) {
		t.Errorf("appended %d of %d", appended.Load(), len(records))
	}
	calls, _, err := s.Calls(t.Context(), CallQuery{Limit: 1000})
	if err != nil || len(calls) != 50 {
		t.Fatalf("%d calls, %v", len(calls), err)
	}
	for _, c := range calls {
		whole, err := s.Call(t.Context(), strings.TrimPrefix(c.GetName(), "calls/"))
		if err != nil || len(whole.GetSteps()) != 4 {
			t.Errorf("%v, %v", whole, err)
		}
	}
}

// TestWhatIsListedIsTheStory: of random records in random batches, a call as listed is what merge makes of its records.
func TestWhatIsListedIsTheStory(t *testing.T) {
	s := openQuick(t)
	rapid.Check(t, func(rt *rapid.T) {
		if _, err := s.write.ExecContext(t.Context(), "DELETE FROM calls; DELETE FROM records"); err != nil {
			rt.Fatal(err)
		}
		byCall := map[string][]merge.Event{}
		for n := range rapid.IntRange(1, 6).Draw(rt, "batches") {
			var batch []*ledgerv1.Record
			for range rapid.IntRange(1, 6).Draw(rt, "records") {
				call := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "call")
				r := newRecord(call)
				r.GetDecision().Step = int32(rapid.IntRange(1, 3).Draw(rt, "step"))
				r.GetDecision().DecidedUnixUs += int64(rapid.IntRange(0, 3).Draw(rt, "decided"))
				if rapid.Bool().Draw(rt, "report") {
					r.Event = &ledgerv1.Record_Report{Report: &routingv1.ReportRecord{Report: &routingv1.ReportCallRequest{
						CallId: call, Gateway: &routingv1.GatewayInfo{GatewayId: "pbx"},
						Attempts: []*routingv1.Attempt{{TargetId: "dublin.1", Disposition: routingv1.Disposition(rapid.IntRange(1, 7).Draw(rt, "disposition"))}},
					}}}
				}
				batch = append(batch, r)
				byCall[merge.ID("pbx", call)] = append(byCall[merge.ID("pbx", call)], merge.Event{Record: r, UnixUS: now().UnixMicro()})
			}
			if _, err := s.Append(t.Context(), batch); err != nil {
				rt.Fatalf("batch %d: %v", n, err)
			}
		}
		calls, _, err := s.Calls(t.Context(), CallQuery{Limit: 10})
		if err != nil || len(calls) != len(byCall) {
			rt.Fatalf("%d calls of %d, %v", len(calls), len(byCall), err)
		}
		for _, c := range calls {
			want := merge.Story(byCall[strings.TrimPrefix(c.GetName(), "calls/")])
			whole, err := s.Call(t.Context(), strings.TrimPrefix(c.GetName(), "calls/"))
			if err != nil || !proto.Equal(whole, want) {
				rt.Fatalf("%v\nwant %v (%v)", whole, want, err)
			}
			if want.Steps = nil; !proto.Equal(c, want) {
				rt.Fatalf("listed %v\nwant   %v", c, want)
			}
		}
	})
}

// TestWhatWasAcknowledgedSurvives a process that is killed: the files as they stand after an answer hold what it said, also
// where the last of it is torn.
func TestWhatWasAcknowledgedSurvives(t *testing.T) {
	s := openTemp(t)
	for n := range 5 {
		if _, err := s.Append(t.Context(), []*ledgerv1.Record{newRecord(fmt.Sprint("c", n))}); err != nil {
			t.Fatal(err)
		}
		for _, torn := range []bool{false, true} {
			left := filepath.Join(t.TempDir(), "ledger.db")
			for _, suffix := range []string{"", "-wal"} {
				text, err := os.ReadFile(s.cfg.Path + suffix)
				if err != nil {
					t.Fatal(err)
				}
				if torn && suffix != "" {
					text = append(text, text[len(text)-1000:]...) // half of a next write
				}
				if err := os.WriteFile(left+suffix, text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			next, err := Open(t.Context(), Config{Path: left, Clock: clock.NewManual(now())})
			if err != nil {
				t.Fatal(err)
			}
			calls, _, err := next.Calls(t.Context(), CallQuery{Limit: 100})
			if err := errors.Join(err, next.Close()); err != nil || len(calls) != n+1 {
				t.Errorf("after %d, torn %v: %d calls, %v", n+1, torn, len(calls), err)
			}
		}
	}
}

// TestAFullDisk: nothing of what is refused is kept, it says so, and goes on when there is room again.
func TestAFullDisk(t *testing.T) {
	s := openTemp(t)
	if _, err := s.Append(t.Context(), []*ledgerv1.Record{newRecord("before")}); err != nil {
		t.Fatal(err)
	}
	limit := func(pages int) {
		if _, err := s.write.ExecContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
			t.Fatal(err)
		}
	}
	limit(60)
	var batch []*ledgerv1.Record
	for i := range 2000 {
		batch = append(batch, newRecord(fmt.Sprint("c", i)))
	}
	n, err := s.Append(t.Context(), batch)
	if fault.ReasonOf(err) != rpcv1.Reason_REASON_BACKEND_UNAVAILABLE || n != 0 {
		t.Fatalf("appended %d, %v", n, err)
	}
	if calls, _, err := s.Calls(t.Context(), CallQuery{Limit: 100}); err != nil || len(calls) != 1 {
		t.Errorf("%d calls, %v", len(calls), err)
	}
	limit(1 << 30)
	if n, err := s.Append(t.Context(), batch); err != nil || n != len(batch) {
		t.Errorf("with room again: appended %d, %v", n, err)
	}
}

// TestAFileThatIsGone takes nothing: whoever hands records over keeps them for the next one.
func TestAFileThatIsGone(t *testing.T) {
	s := openTemp(t)
	if _, err := s.Append(t.Context(), []*ledgerv1.Record{newRecord("c1")}); err != nil {
		t.Fatal(err)
	}
	refused := func(what string, change error) {
		if change != nil {
			t.Fatal(change)
		}
		if n, err := s.Append(t.Context(), []*ledgerv1.Record{newRecord("c2")}); n != 0 ||
			fault.ReasonOf(err) != rpcv1.Reason_REASON_BACKEND_UNAVAILABLE {
			t.Errorf("%s: appended %d, %v", what, n, err)
		}
	}
	refused("removed", os.Remove(s.cfg.Path))
	refused("put back", os.WriteFile(s.cfg.Path, nil, 0o600))
}

// failing is a clock that fails once.
type failing struct {
	clock.Clock
	failed atomic.Bool
}

func (f *failing) Now() time.Time {
	if !f.failed.Swap(true) {
		panic("a defect of the program")
	}
	return f.Clock.Now()
}

// TestAPanicHoldsNobodyUp: nothing is acknowledged that it left undone, and others append.
func TestAPanicHoldsNobodyUp(t *testing.T) {
	s := openTemp(t)
	s.cfg.Clock = &failing{Clock: s.cfg.Clock}
	s.turn <- struct{}{} // both wait, and are written together
	type ended struct {
		n     int
		err   error
		panic any
	}
	results := make(chan ended, 2)
	for i := range 2 {
		go func() {
			var e ended
			defer func() { e.panic = recover(); results <- e }()
			e.n, e.err = s.Append(context.WithoutCancel(t.Context()), []*ledgerv1.Record{newRecord(fmt.Sprint("c", i))})
		}()
	}
	await.True(t, "both to wait", func() bool { return len(waiting(s)) == 2 })
	<-s.turn
	for range 2 {
		if e := await.Receive(t, "an append to end", results); e.panic == nil && e.err == nil {
			t.Errorf("%d are acknowledged", e.n)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), await.Limit)
	defer cancel()
	if n, err := s.Append(ctx, []*ledgerv1.Record{newRecord("c3")}); n != 1 || err != nil {
		t.Errorf("the next append: %d, %v", n, err)
	}
}

// TestOneBadAppendDoesNotHurtOthers that wait for the disk with it.
func TestOneBadAppendDoesNotHurtOthers(t *testing.T) {
	s := openTemp(t)
	if _, err := s.write.ExecContext(t.Context(), `CREATE TRIGGER refuses BEFORE INSERT ON calls WHEN instr(new.record, CAST('bad' AS BLOB)) > 0
		BEGIN SELECT RAISE(ABORT, 'no'); END`); err != nil {
		t.Fatal(err)
	}
	s.turn <- struct{}{} // both wait, and are written together
	errs := make(chan error, 2)
	for _, call := range []string{"bad", "good"} {
		go func() {
			_, err := s.Append(context.WithoutCancel(t.Context()), []*ledgerv1.Record{newRecord(call)})
			errs <- fmt.Errorf("%s: %w", call, errors.Join(err))
		}()
	}
	await.True(t, "both to wait", func() bool { return len(waiting(s)) == 2 })
	<-s.turn
	for range 2 {
		err := <-errs
		if bad := strings.HasPrefix(err.Error(), "bad"); bad != (fault.ReasonOf(err) == rpcv1.Reason_REASON_BACKEND_UNAVAILABLE) {
			t.Error(err)
		}
	}
	if calls, _, err := s.Calls(t.Context(), CallQuery{Limit: 100}); err != nil || len(calls) != 1 || calls[0].GetCallId() != "good" {
		t.Errorf("%v, %v", calls, err)
	}
}

func waiting(s *Store) []*request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pending
}

// TestWhatWaitsIsBounded, and who goes away does not wait.
func TestWhatWaitsIsBounded(t *testing.T) {
	s := openTemp(t)
	s.turn <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	many := make([]*ledgerv1.Record, maxPendingRecords)
	for i := range many {
		many[i] = &ledgerv1.Record{}
	}
	go func() { _, err := s.Append(ctx, many); done <- err }()
	await.True(t, "it to wait", func() bool { return len(waiting(s)) == 1 })
	if _, err := s.Append(t.Context(), many[:1]); fault.ReasonOf(err) != rpcv1.Reason_REASON_BACKEND_UNAVAILABLE {
		t.Errorf("more than may wait: %v", err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) || len(waiting(s)) != 0 || s.pendingRecords != 0 {
		t.Errorf("%v; %d wait", err, s.pendingRecords)
	}
	<-s.turn
	if n, err := s.Append(t.Context(), []*ledgerv1.Record{newRecord("c1")}); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

// TestWhatMakesNoSenseIsDropped, not sent again for ever.
func TestWhatMakesNoSenseIsDropped(t *testing.T) {
	var dropped []string
	s, err := Open(t.Context(), Config{
		Path: filepath.Join(t.TempDir(), "ledger.db"), Clock: clock.NewManual(now()),
		Dropped: func(what string) { dropped = append(dropped, what) },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	id := func(r *ledgerv1.Record) *ledgerv1.Record {
		r.Id = newRecord("").GetId()
		return r
	}
	n, err := s.Append(t.Context(), []*ledgerv1.Record{
		id(&ledgerv1.Record{}), newRecord(""), id(&ledgerv1.Record{Event: &ledgerv1.Record_Report{}}), newRecord("good"),
		id(&ledgerv1.Record{Event: &ledgerv1.Record_Fact{Fact: &routingv1.FactRecord{Id: make([]byte, 16), Key: "k"}}}),
	})
	if n != 1 || err != nil || len(dropped) != 4 {
		t.Errorf("%d, %v, %q", n, err, dropped)
	}
}

// TestQuestionsUseAnIndex: a ledger of a year is not read whole for a page.
func TestQuestionsUseAnIndex(t *testing.T) {
	s := openTemp(t)
	after := mark.Mark{UnixUS: 1, N: 1}
	questions := map[string]struct {
		query string
		args  []any
	}{
		"changes":               {changedCalls, []any{1}},
		"open, about a number":  {openFollowUp, []any{"+13035550101", 1, 1}},
		"open, about a promise": {openAboutPromise, []any{"promises/a", 1}},
		"an export":             {exportLines, []any{1, 0}},
		"exports":               {fmt.Sprintf(listExports, ""), nil},
	}
	for name, q := range map[string]CallQuery{
		"all": {}, "line": {Line: "l"}, "customer": {Customer: "c"}, "site": {Site: "s"}, "period": {From: now(), To: now()},
		"follow-up": {FollowUp: true}, "outcome": {Outcome: ledgerv1.Outcome_OUTCOME_NOT_ANSWERED},
		"next page": {Line: "l", After: after}, "former number": {Former: true},
	} {
		c := q.condition()
		questions[name] = struct {
			query string
			args  []any
		}{c.callsQuery(), c.args}
	}
	for name, q := range map[string]ChargeQuery{
		"charges": {}, "charges of one": {Customer: "c"}, "charges owed": {State: 2}, "later charges": {From: now(), After: after},
	} {
		c := q.condition()
		questions[name] = struct {
			query string
			args  []any
		}{c.chargesQuery(), c.args}
	}
	for name, q := range map[string]FollowUpQuery{
		"follow-ups": {}, "follow-ups of one": {Customer: "c"}, "my follow-ups": {Owner: "me", State: 1}, "due": {State: 1, DueBy: now(), After: after},
		"to bill": {Kind: 1, State: 1}, "of one, to bill": {Customer: "c", Kind: 1, State: 1}, "due later": {State: 1, DueAfter: now()},
	} {
		c := q.condition()
		questions[name] = struct {
			query string
			args  []any
		}{c.followUpsQuery(), c.args}
	}
	for name, q := range questions {
		usesAnIndex(t, s, name, q.query, q.args)
	}
}

func usesAnIndex(t *testing.T, s *Store, name, query string, args []any) {
	t.Helper()
	rows, err := s.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, append(args, 10)...)
	if err != nil {
		t.Fatal(name, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		small := name == "changes" && (strings.HasPrefix(detail, "SCAN (") || strings.Contains(detail, "ORDER BY")) // of two pages
		whole := strings.HasPrefix(detail, "SCAN ") && !strings.Contains(detail, "INDEX") && name != "all"          // of the rows in order
		if !small && (whole || strings.Contains(detail, "TEMP B-TREE")) {
			t.Errorf("%s: %s", name, detail)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}
