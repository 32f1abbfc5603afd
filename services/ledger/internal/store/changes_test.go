package store

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
)

// dialled is a call of a gateway that dials: it counts once it was answered.
func dialled(call string) *ledgerv1.Record {
	r := newRecord(call)
	r.GetDecision().Capabilities = 1 << routingv1.Capability_CAPABILITY_FORWARD
	return r
}

func answered(call string) *ledgerv1.Record {
	r := newRecord("")
	r.Event = &ledgerv1.Record_Report{Report: &routingv1.ReportRecord{Report: &routingv1.ReportCallRequest{
		CallId: call, Gateway: &routingv1.GatewayInfo{GatewayId: "pbx"}, Attempts: []*routingv1.Attempt{
			{TargetId: "dublin.1", Disposition: routingv1.Disposition_DISPOSITION_ANSWERED},
		},
	}}}
	return r
}

func add(t testing.TB, s *Store, records ...*ledgerv1.Record) {
	t.Helper()
	if _, err := s.Append(t.Context(), records); err != nil {
		t.Fatal(err)
	}
}

// changes are the calls that changed after a sequence, as "id", with "!" where they began to count since.
func changes(t testing.TB, s *Store, after int64) (text string, last int64) {
	t.Helper()
	calls, err := s.Changes(t.Context(), after, 100)
	if err != nil {
		t.Fatal(err)
	}
	last = after
	for _, c := range calls {
		if c.GetSequence() <= last {
			t.Errorf("%s has the sequence %d after %d", c.GetCallId(), c.GetSequence(), last)
		}
		last = c.GetSequence()
		text += c.GetCallId()
		if c.GetCountSequence() == c.GetSequence() {
			text += "!"
		}
		text += " "
	}
	return text, last
}

func TestCallsAreToldInOrderOfTheirLastChange(t *testing.T) {
	s := openTemp(t)
	add(t, s, dialled("c1"), dialled("c2"), newRecord("redirected"))
	got, last := changes(t, s, 0)
	if got != "c1 c2 redirected! " {
		t.Errorf("at first: %s", got)
	}
	add(t, s, answered("c1"))
	if got, last = changes(t, s, last); got != "c1! " {
		t.Errorf("one was answered: %s", got)
	}
	again := answered("c1")
	again.GetReport().Report.EndTime = nil
	add(t, s, again, dialled("c3"))
	if got, last = changes(t, s, last); got != "c1 c3 " {
		t.Errorf("it ended, and another began: %s", got)
	}
	if got, _ = changes(t, s, last); got != "" {
		t.Errorf("nothing changed: %s", got)
	}
	if got, _ = changes(t, s, 0); got != "c2 redirected! c1! c1 c3 " {
		t.Errorf("from the beginning: %s", got)
	}
}

// TestEachCallBeginsToCountOnce: whoever goes on from what it heard hears of each call once that it counts, whatever comes in
// which order, while the clock stands still or is set back, and however small the pages are.
func TestEachCallBeginsToCountOnce(t *testing.T) {
	s := openQuick(t)
	at := clock.NewManual(now())
	s.cfg.Clock = at
	round := 0
	rapid.Check(t, func(t *rapid.T) {
		round++
		name := func(i int) string { return fmt.Sprintf("r%d-c%d", round, i) }
		after, counted, counts := s.sequence, map[string]int{}, map[string]bool{}
		page := rapid.IntRange(1, 5).Draw(t, "page")
		pull := func() {
			calls, err := s.Changes(t.Context(), after, page)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range calls {
				if c.GetCountSequence() == c.GetSequence() {
					counted[c.GetCallId()]++
				}
			}
			if len(calls) > 0 {
				after = calls[len(calls)-1].GetSequence()
			}
		}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			call := name(rapid.IntRange(0, 3).Draw(t, "call"))
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0:
				addIn(t, s, dialled(call))
			case 1:
				addIn(t, s, answered(call), dialled(call))
				counts[call] = true
			case 2:
				addIn(t, s, answered(call))
				counts[call] = true
			case 3:
				at.Set(now().Add(time.Duration(rapid.IntRange(-60, 60).Draw(t, "clock")) * time.Minute))
			default:
				pull()
			}
		}
		for range 10 { // four calls stand at eight places at most
			pull()
		}
		for i := range 4 {
			want := 0
			if counts[name(i)] {
				want = 1
			}
			if counted[name(i)] != want {
				t.Fatalf("%s was counted %d times, not %d", name(i), counted[name(i)], want)
			}
		}
	})
}

func addIn(t *rapid.T, s *Store, records ...*ledgerv1.Record) {
	if _, err := s.Append(t.Context(), records); err != nil {
		t.Fatal(err)
	}
}

// TestAReleaseThatKnowsNoSequenceWritesOne, and reads what this one wrote: it can come back.
func TestAReleaseThatKnowsNoSequenceWritesOne(t *testing.T) {
	cfg := Config{Path: filepath.Join(t.TempDir(), "ledger.db"), Clock: clock.NewManual(now())}
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	add(t, s, dialled("c1"))
	_, last := changes(t, s, 0)
	var version int
	if err := s.write.QueryRowContext(t.Context(), "PRAGMA user_version").Scan(&version); err != nil || version != 1 {
		t.Errorf("the release before reads version 1, and this is %d (%v)", version, err)
	}
	// As the release before writes.
	for _, call := range []string{"c2", "c3"} {
		body, err := proto.Marshal(newRecord(call))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.write.ExecContext(t.Context(), "INSERT OR IGNORE INTO calls (n, id, line, customer, site, outcome, "+
			"follow_up, at, heard, record, told) VALUES (?, ?, 'lines/gold', '', '', 1, 0, ?, ?, ?, NULL)", place(now().UnixMicro())+int64(call[1]),
			call, now().UnixMicro(), now().UnixMicro(), body); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.write.ExecContext(t.Context(), "UPDATE OR IGNORE calls SET heard = ? WHERE id LIKE 'c2'",
		now().Add(time.Minute).UnixMicro()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	got, last := changes(t, s, last)
	if got != "c3! c2! " {
		t.Errorf("changed meanwhile: %s", got)
	}
	add(t, s, dialled("c4"))
	if got, _ = changes(t, s, last); got != "c4 " {
		t.Errorf("and after: %s", got)
	}
}

// TestAFileOfBeforeIsExtended: what it holds is kept, and not told as changed.
func TestAFileOfBeforeIsExtended(t *testing.T) {
	cfg := Config{Path: filepath.Join(t.TempDir(), "ledger.db"), Clock: clock.NewManual(now())}
	db := openRaw(t, cfg.Path)
	if err := migrate(t.Context(), db, schema()); err != nil {
		t.Fatal(err)
	}
	body, err := proto.Marshal(dialled("old"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "INSERT INTO calls (n, id, line, customer, site, outcome, follow_up, at, heard, "+
		"record, told) VALUES (5, 'old', '', '', '', 1, 0, 1, 1, ?, NULL)", body); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s, err := Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := changes(t, s, 0); got != "" {
			t.Errorf("told: %s", got)
		}
		if list, _, err := s.Calls(t.Context(), CallQuery{Limit: 10}); err != nil || len(list) != 1 {
			t.Errorf("%v, %v", list, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if first, again := epochOf(t, cfg), epochOf(t, cfg); len(first) != 32 || first != again {
		t.Errorf("its name changes: %s, %s", first, again)
	}
}

func openRaw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", source(path, "rwc"))
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func epochOf(t *testing.T, cfg Config) string {
	t.Helper()
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	return s.Epoch()
}
