package store

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
)

const (
	bill     = ledgerv1.FollowUpKind_FOLLOW_UP_KIND_BILL
	identify = ledgerv1.FollowUpKind_FOLLOW_UP_KIND_IDENTIFY
	open1    = ledgerv1.FollowUpState_FOLLOW_UP_STATE_OPEN
)

// task is a record of a follow-up of a customer, for a promise where it has one.
func task(id string, kind ledgerv1.FollowUpKind, customer, number, promise string) *ledgerv1.Record {
	r := newRecord("")
	r.Event = &ledgerv1.Record_FollowUp{FollowUp: &ledgerv1.FollowUp{
		Name: "followUps/" + id, Kind: kind, Customer: customer, CallerNumber: number, Promise: promise,
		Calls: []string{"calls/" + id}, DueTime: timestamppb.New(now()), Reason: "accepted an offer without being verified: have it confirmed",
	}}
	return r
}

// tasks are those asked for, by id, with their calls.
func tasks(t testing.TB, s *Store, q FollowUpQuery) (text string) {
	t.Helper()
	q.Limit = 1000
	list, _, err := s.FollowUps(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		text += strings.TrimPrefix(f.GetName(), "followUps/") + " " + strings.ReplaceAll(strings.Join(f.GetCalls(), "+"), "calls/", "") + "; "
	}
	return text
}

// TestOfManyPromisesEachHasItsFollowUp, however many are open about one customer; and each is settled with its charge.
func TestOfManyPromisesEachHasItsFollowUp(t *testing.T) {
	s := openQuick(t)
	const many = 80
	for i := range many {
		add(t, s, task(fmt.Sprintf("t%02d", i), bill, "customers/acme", "", fmt.Sprintf("promises/p%02d", i)))
	}
	for i := range many { // another call about each
		add(t, s, task(fmt.Sprintf("u%02d", i), bill, "customers/acme", "", fmt.Sprintf("promises/p%02d", i)))
	}
	got := tasks(t, s, FollowUpQuery{Customer: "customers/acme", State: open1, Kind: bill})
	if n := strings.Count(got, ";"); n != many || !strings.HasSuffix(got, "t79 t79+u79; ") {
		t.Errorf("%d of %d: %s", n, many, got)
	}
	if n, err := s.Overdue(t.Context()); n != many || err != nil {
		t.Errorf("%d are overdue, %v", n, err)
	}
	for i := range many {
		add(t, s, charged(fmt.Sprintf("p%02d", i), lapsed, 2))
	}
	if got := tasks(t, s, FollowUpQuery{State: open1}); got != "" {
		t.Errorf("to be done still: %s", got)
	}
	if n, err := s.Overdue(t.Context()); n != 0 || err != nil {
		t.Errorf("%d are overdue, %v", n, err)
	}
}

// TestWhoIsToBeFoundOutIsFoundByNumber: two people who say that they are of one company are two, and of the company's list.
func TestWhoIsToBeFoundOutIsFoundByNumber(t *testing.T) {
	s := openTemp(t)
	add(t, s, task("a", identify, "customers/acme", "+13035550101", ""), task("b", identify, "customers/acme", "+13035550102", ""))
	add(t, s, task("c", identify, "", "+13035550102", ""), task("d", identify, "customers/acme", "", ""), task("e", identify, "customers/acme", "", ""))
	if got := tasks(t, s, FollowUpQuery{}); got != "a a; b b+c; d d+e; " {
		t.Errorf("left: %s", got)
	}
	if got := tasks(t, s, FollowUpQuery{Customer: "customers/acme"}); got != "a a; b b+c; d d+e; " {
		t.Errorf("of acme: %s", got)
	}
}

// TestWhatAReleaseBeforeWroteIsFound: by customer and by promise, once the file is opened again.
func TestWhatAReleaseBeforeWroteIsFound(t *testing.T) {
	cfg := Config{Path: filepath.Join(t.TempDir(), "ledger.db"), Clock: clock.NewManual(now())}
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	add(t, s, task("a", bill, "customers/acme", "", "promises/p"), task("b", identify, "customers/acme", "+13035550101", ""))
	add(t, s, charged("q", owed, 1))
	if _, err := s.write.ExecContext(t.Context(), "UPDATE charges SET owes = NULL, noted = 0; UPDATE follow_ups SET customer = '', promise = '', subject = 'customers/acme', "+
		"noted = 0, version = version + 1"); err != nil { // as the release before writes
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if got := tasks(t, s, FollowUpQuery{Customer: "customers/acme"}); got != "a a; b b; " {
		t.Errorf("of acme: %s", got)
	}
	add(t, s, charged("p", waived, 2), task("c", identify, "", "+13035550101", ""))
	if got := tasks(t, s, FollowUpQuery{State: open1}); got != "b b+c; " {
		t.Errorf("to be done: %s", got)
	}
	if got := handedOver(t, s, "x", 10, false); got != "1 BILL q OWED; EUR 90.50 of 1, 0 wait" {
		t.Errorf("handed over: %s", got)
	}
}
