package journal_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/journal"
	"github.com/daysidehq/dayside/services/internal/spool"
)

// ledger keeps records, but for those that it does not take.
type ledger struct {
	ledgerv1.LedgerServiceClient
	mu      sync.Mutex
	records []*ledgerv1.Record
	refuse  func(*ledgerv1.Record) error
}

func (l *ledger) AppendRecords(
	_ context.Context, r *ledgerv1.AppendRecordsRequest, _ ...grpc.CallOption,
) (*ledgerv1.AppendRecordsResponse, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, one := range r.GetRecords() {
		if l.refuse != nil {
			if err := l.refuse(one); err != nil {
				return nil, err
			}
		}
	}
	l.records = append(l.records, r.GetRecords()...)
	return &ledgerv1.AppendRecordsResponse{}, nil
}

func (l *ledger) all() []*ledgerv1.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.records)
}

func open(t *testing.T) *spool.Spool {
	t.Helper()
	s, err := spool.Open(spool.Config{
		Dir: t.TempDir(), SegmentBytes: 64 << 10, Clock: clock.System{}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// run delivers until the test ends.
func run(t *testing.T, s *spool.Spool, to ledgerv1.LedgerServiceClient) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Run(ctx, journal.Deliver(to)) })
	t.Cleanup(func() { cancel(); wg.Wait() })
}

func TestEveryKindArrivesAsItWasLeft(t *testing.T) {
	s := open(t)
	j := journal.New(s, "one", clock.System{}, slog.New(slog.DiscardHandler))
	decision := &routingv1.DecisionRecord{CallId: "a", Step: 1, Caller: 13035550100}
	report := &routingv1.ReportRecord{Report: &routingv1.ReportCallRequest{CallId: "a"}}
	fact := &routingv1.FactRecord{Id: []byte("0123456789abcdef"), Key: "pub/schedule/sites/dublin", Value: []byte{1}}
	audit := &rpcv1.AuditRecord{Peer: "ann", Method: "dayside.routing.v1.LineService/UpdateLine"}
	buf, _, err := j.Append(nil, journal.Decision, decision)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := j.Append(buf, journal.Report, report); err != nil {
		t.Fatal(err)
	}
	if _, _, err := j.AppendFact(nil, [16]byte(fact.GetId()), fact); err != nil {
		t.Fatal(err)
	}
	j.Audit(audit)
	encoded, err := proto.Marshal(decision)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := j.AppendEncoded(buf, journal.Decision, encoded); err != nil {
		t.Fatal(err)
	}
	l := &ledger{}
	run(t, s, l)
	await.True(t, "five records", func() bool { return len(l.all()) == 5 })
	got := l.all()
	for i, want := range []*ledgerv1.Record{
		{Event: &ledgerv1.Record_Decision{Decision: decision}}, {Event: &ledgerv1.Record_Report{Report: report}},
		{Event: &ledgerv1.Record_Fact{Fact: fact}}, {Event: &ledgerv1.Record_Audit{Audit: audit}},
		{Event: &ledgerv1.Record_Decision{Decision: decision}},
	} {
		want.Instance, want.Id = "one", got[i].GetId()
		if !proto.Equal(got[i], want) || len(want.GetId()) != 16 {
			t.Errorf("record %d: %v, want %v", i, got[i], want)
		}
		for _, other := range got[:i] {
			if string(other.GetId()) == string(want.GetId()) {
				t.Errorf("two records have one id: %x", want.GetId())
			}
		}
	}
	if string(got[2].GetId()) != string(fact.GetId()) {
		t.Errorf("the fact's record has the id %x", got[2].GetId())
	}
}

// One record that the ledger will never take must not keep back all that come after it.
func TestARecordThatIsRefusedForGoodHoldsNobodyUp(t *testing.T) {
	s := open(t)
	j := journal.New(s, "one", clock.System{}, slog.New(slog.DiscardHandler))
	for _, id := range []string{"a", "bad", "b", "c"} {
		if _, _, err := j.Append(nil, journal.Decision, &routingv1.DecisionRecord{CallId: id}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Append([]byte("no record at all")); err != nil {
		t.Fatal(err)
	}
	l := &ledger{refuse: func(r *ledgerv1.Record) error {
		if r.GetDecision().GetCallId() == "bad" {
			return status.Error(codes.InvalidArgument, "never")
		}
		return nil
	}}
	run(t, s, l)
	await.True(t, "all is delivered or set aside", func() bool { return s.Stats().Pending == 0 })
	var ids []string
	for _, r := range l.all() {
		ids = append(ids, r.GetDecision().GetCallId())
	}
	if strings.Join(ids, " ") != "a b c" || s.Stats().Refused != 2 {
		t.Errorf("arrived: %q, set aside: %d", ids, s.Stats().Refused)
	}
}

// full takes nothing.
type full struct{ *spool.Spool }

func (full) Append([]byte) (spool.Mark, error) { return spool.Mark{}, spool.ErrFull }

func TestLossIsToldSomeOfTheTime(t *testing.T) {
	var log strings.Builder
	at := clock.NewManual(time.Unix(1795305600, 0))
	j := journal.New(full{}, "one", at, slog.New(slog.NewTextHandler(&log, nil)))
	for range 100 {
		if _, _, err := j.Append(nil, journal.Decision, &routingv1.DecisionRecord{}); !errors.Is(err, spool.ErrFull) {
			t.Fatal(err)
		}
	}
	at.Advance(time.Minute)
	j.Audit(&rpcv1.AuditRecord{})
	if n := strings.Count(log.String(), "\n"); n != 2 {
		t.Errorf("told %d times:\n%s", n, log.String())
	}
}
