package ledger_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/ledger"
)

func began() time.Time { return time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC) }

// opened is a service on a file of its own, and the clock it goes by.
type opened struct {
	*ledger.Service
	clock *clock.Manual
	path  string
	ids   uint64
}

func open(t testing.TB, retentionDays int) *opened {
	t.Helper()
	o := &opened{clock: clock.NewManual(began()), path: filepath.Join(t.TempDir(), "ledger.db")}
	o.reopen(t, retentionDays)
	t.Cleanup(func() { _ = o.Close() })
	return o
}

func (o *opened) reopen(t testing.TB, retentionDays int) {
	t.Helper()
	s, err := ledger.New(t.Context(), ledger.Config{
		Path: o.path, RetentionDays: retentionDays, Clock: o.clock, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Service = s
}

// record gives a record an id of its own.
func (o *opened) record(r *ledgerv1.Record) *ledgerv1.Record {
	o.ids++
	r.Id = binary.BigEndian.AppendUint64(make([]byte, 8), o.ids)
	r.Instance = "p1"
	return r
}

func (o *opened) decision(d *routingv1.DecisionRecord) *ledgerv1.Record {
	d = proto.CloneOf(d)
	d.GatewayId = "pbx"
	return o.record(&ledgerv1.Record{Event: &ledgerv1.Record_Decision{Decision: d}})
}

func (o *opened) report(r *routingv1.ReportCallRequest) *ledgerv1.Record {
	r.Gateway = &routingv1.GatewayInfo{GatewayId: "pbx"}
	return o.record(&ledgerv1.Record{Event: &ledgerv1.Record_Report{Report: &routingv1.ReportRecord{Report: r}}})
}

// call is a decision of a call that began so many minutes after the others.
func (o *opened) call(id, line string, minutes int) *ledgerv1.Record {
	return o.decision(&routingv1.DecisionRecord{
		CallId: id, Step: 1, DecidedUnixUs: began().Add(time.Duration(minutes) * time.Minute).UnixMicro(), Line: line,
		Caller: 13035550101, FirstSite: "dublin", StepKind: routingv1.StepKind_STEP_KIND_FORWARD,
		Customers: []*routingv1.CustomerFact{{Id: "acme", DisplayName: "Acme"}},
	})
}

func (o *opened) add(t testing.TB, records ...*ledgerv1.Record) int {
	t.Helper()
	r, err := o.AppendRecords(t.Context(), &ledgerv1.AppendRecordsRequest{Records: records})
	if err != nil {
		t.Fatal(err)
	}
	return int(r.GetAppended())
}

func as(ctx context.Context, roles ...rpcv1.Role) context.Context {
	return rpc.WithPeer(ctx, rpc.NewPeer("tester", roles...))
}

func (o *opened) list(t testing.TB, r *ledgerv1.ListCallsRequest) *ledgerv1.ListCallsResponse {
	t.Helper()
	l, err := o.ListCalls(as(t.Context(), rpcv1.Role_ROLE_ADMIN), r)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func callIDs(l *ledgerv1.ListCallsResponse) string {
	ids := ""
	for _, c := range l.GetCalls() {
		ids += c.GetCallId() + " "
	}
	return ids
}

func TestCallsAreListedTheLatestFirst(t *testing.T) {
	o := open(t, 0)
	answered := o.report(&routingv1.ReportCallRequest{CallId: "c2", Attempts: []*routingv1.Attempt{
		{TargetId: "sydney.1", Disposition: routingv1.Disposition_DISPOSITION_ANSWERED},
	}})
	later := o.call("c4", "silver", 4)
	later.GetDecision().FollowUp, later.GetDecision().Customers = true, nil
	if n := o.add(t, o.call("c1", "gold", 1), o.call("c3", "gold", 3), o.call("c2", "gold", 2), answered, later); n != 5 {
		t.Errorf("appended %d", n)
	}
	for want, r := range map[string]*ledgerv1.ListCallsRequest{
		"c4 c3 c2 c1 ": {},
		"c3 c2 c1 ":    {Line: "lines/gold"},
		"c3 c1 ":       {Site: "sites/dublin", Customer: "customers/acme"},
		"c2 ":          {Outcome: ledgerv1.Outcome_OUTCOME_ANSWERED},
		"c4 ":          {FollowUp: true},
		"c3 c2 ": {
			StartTime: timestamppb.New(began().Add(2 * time.Minute)), EndTime: timestamppb.New(began().Add(4 * time.Minute)),
		},
		"": {Line: "lines/none"},
	} {
		if got := callIDs(o.list(t, r)); got != want {
			t.Errorf("%v: %s, want %s", r, got, want)
		}
	}
	pages, token := "", ""
	for range 4 {
		l := o.list(t, &ledgerv1.ListCallsRequest{PageSize: 3, PageToken: token})
		pages += callIDs(l) + "| "
		if token = l.GetNextPageToken(); token == "" {
			break
		}
	}
	if pages != "c4 c3 c2 | c1 | " {
		t.Errorf("pages: %s", pages)
	}
	for _, token := range []string{"x", "Y2FsbHMv", "YXVkaXQvMS8x"} {
		if _, err := o.ListCalls(t.Context(), &ledgerv1.ListCallsRequest{PageToken: token}); fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
			t.Errorf("token %q: %v", token, err)
		}
	}
}

func TestACallIsFoundByEitherName(t *testing.T) {
	o := open(t, 0)
	o.add(t, o.call("sip/1@host", "gold", 1))
	admin := as(t.Context(), rpcv1.Role_ROLE_ADMIN)
	c, err := o.GetCall(admin, &ledgerv1.GetCallRequest{Name: "calls/sip/1@host"})
	if err != nil || len(c.GetSteps()) != 1 {
		t.Fatalf("%v, %v", c, err)
	}
	if again, err := o.GetCall(admin, &ledgerv1.GetCallRequest{Name: c.GetName()}); err != nil || !proto.Equal(again, c) {
		t.Errorf("%v, %v", again, err)
	}
	if _, err := o.GetCall(admin, &ledgerv1.GetCallRequest{Name: "calls/other"}); fault.ReasonOf(err) != rpcv1.Reason_REASON_NOT_FOUND {
		t.Error(err)
	}
	other := o.call("sip/1@host", "gold", 1)
	other.GetDecision().GatewayId = "another"
	o.add(t, other)
	if _, err := o.GetCall(admin, &ledgerv1.GetCallRequest{Name: "calls/sip/1@host"}); fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
		t.Errorf("of two gateways: %v", err)
	}
}

// TestWhoSeesNumbers: supervisors and administrators; to everybody else they are masked, in every answer.
func TestWhoSeesNumbers(t *testing.T) {
	o := open(t, 0)
	c1 := o.call("c1", "gold", 1)
	c1.GetDecision().Recording = &routingv1.Recording{Uri: "https://pbx.example/message"}
	o.add(t, c1)
	for role := range rpcv1.Role_name {
		ctx := as(t.Context(), rpcv1.Role(role))
		sees := rpcv1.Role(role) == rpcv1.Role_ROLE_SUPERVISOR || rpcv1.Role(role) == rpcv1.Role_ROLE_ADMIN
		c, err := o.GetCall(ctx, &ledgerv1.GetCallRequest{Name: "calls/c1"})
		if err != nil || (c.GetCallerNumber() == "+13035550101") != sees || (c.GetSteps()[0].GetDecision().GetCaller() != 0) != sees {
			t.Errorf("%v: %v, %v", rpcv1.Role(role), c, err)
		}
		if uri := c.GetSteps()[0].GetDecision().GetRecording().GetUri(); (uri != "") != sees {
			t.Errorf("%v: hears %q", rpcv1.Role(role), uri)
		}
		l, err := o.ListCalls(ctx, &ledgerv1.ListCallsRequest{})
		if err != nil || (l.GetCalls()[0].GetCallerNumber() == "+13035550101") != sees || l.GetCalls()[0].GetCallerNumber() == "" {
			t.Errorf("%v: %v, %v", rpcv1.Role(role), l, err)
		}
		d, err := o.GetDecision(ctx, &ledgerv1.GetDecisionRequest{Name: "calls/c1"})
		whole := sees || rpcv1.Role(role) == rpcv1.Role_ROLE_SERVICE
		if err != nil || (d.GetDecision().GetCaller() == 13035550101) != whole || d.GetDecision().GetCaller() == 0 ||
			strings.Contains(d.GetDecision().GetRecording().GetUri(), "message") != whole || d.GetDecision().GetRecording().GetUri() == "" {
			t.Errorf("%v: %v, %v", rpcv1.Role(role), d, err)
		}
	}
}

func TestDecisionWithItsFacts(t *testing.T) {
	o := open(t, 0)
	site, line := o.fact("pub/schedule/sites/dublin", "hours"), o.fact("pub/routing/lines/gold", "policy")
	list := o.fact("", string(site.GetFact().GetId())+string(line.GetFact().GetId()))
	small, large := o.call("c1", "gold", 1), o.call("c2", "gold", 1)
	small.GetDecision().Facts = [][]byte{line.GetFact().GetId(), site.GetFact().GetId()}
	large.GetDecision().FactList = list.GetFact().GetId()
	o.add(t, small, large, site)
	if _, err := o.GetDecision(t.Context(), &ledgerv1.GetDecisionRequest{Name: "calls/c1"}); fault.ReasonOf(err) != rpcv1.Reason_REASON_NOT_FOUND {
		t.Errorf("a fact is missing: %v", err)
	}
	o.add(t, line, list)
	for id, want := range map[string][]*ledgerv1.Record{"c1": {line, site}, "c2": {list, site, line}} {
		d, err := o.GetDecision(t.Context(), &ledgerv1.GetDecisionRequest{Name: "calls/" + id, Step: 1})
		if err != nil || len(d.GetFacts()) != len(want) {
			t.Fatalf("%s: %v, %v", id, d, err)
		}
		for i, f := range want {
			if !proto.Equal(d.GetFacts()[i], f.GetFact()) {
				t.Errorf("%s: fact %d is %v", id, i, d.GetFacts()[i])
			}
		}
	}
	if _, err := o.GetDecision(t.Context(), &ledgerv1.GetDecisionRequest{Name: "calls/c1", Step: 2}); fault.ReasonOf(err) != rpcv1.Reason_REASON_NOT_FOUND {
		t.Errorf("a step that was not: %v", err)
	}
}

func TestAudit(t *testing.T) {
	o := open(t, 0)
	entry := func(minutes int, peer string, resources ...string) *ledgerv1.Record {
		return o.record(&ledgerv1.Record{Event: &ledgerv1.Record_Audit{Audit: &rpcv1.AuditRecord{
			UnixUs: began().Add(time.Duration(minutes) * time.Minute).UnixMicro(), Peer: peer, Method: "m" + fmt.Sprint(minutes), Resources: resources,
		}}})
	}
	second := entry(2, "bob", "sites/dublin")
	o.add(t, entry(1, "ann", "lines/gold", "sites/dublin"), second, second, entry(2, "ann"), entry(3, "ann", "lines/gold"))
	for want, r := range map[string]*ledgerv1.ListAuditEntriesRequest{
		"m3 m2 m2 m1 ": {},
		"m3 m1 ":       {Resource: "lines/gold"},
		"m2 ":          {Resource: "sites/dublin", Peer: "bob"},
		"m3 m2 m1 ":    {Peer: "ann"},
		"m2 m2 ":       {StartTime: timestamppb.New(began().Add(2 * time.Minute)), EndTime: timestamppb.New(began().Add(3 * time.Minute))},
	} {
		for _, size := range []int32{0, 1} {
			got, token := "", ""
			for range 5 {
				r.PageSize, r.PageToken = size, token
				l, err := o.ListAuditEntries(t.Context(), r)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range l.GetEntries() {
					got += e.GetMethod() + " "
				}
				if token = l.GetNextPageToken(); token == "" {
					break
				}
			}
			if got != want {
				t.Errorf("%v: %s, want %s", r, got, want)
			}
		}
	}
}

func TestHistoryEnds(t *testing.T) {
	o := open(t, 30)
	fact := o.fact("pub/routing/lines/gold", "policy")
	old := o.call("old", "gold", 0)
	old.GetDecision().Facts = [][]byte{fact.GetFact().GetId()}
	o.add(t, old, fact, o.call("heard of again", "gold", 0), o.record(&ledgerv1.Record{Event: &ledgerv1.Record_Audit{
		Audit: &rpcv1.AuditRecord{UnixUs: began().UnixMicro(), Method: "m", Resources: []string{"lines/gold"}},
	}}))
	o.clock.Advance(20 * 24 * time.Hour)
	o.add(t, o.report(&routingv1.ReportCallRequest{CallId: "heard of again"}))
	stop := o.run(t)
	o.clock.Advance(13 * 24 * time.Hour)
	await.True(t, "what is too old to be removed", func() bool {
		o.clock.Advance(time.Minute)
		return callIDs(o.list(t, &ledgerv1.ListCallsRequest{})) == "heard of again "
	})
	stop()
	if l, err := o.ListAuditEntries(t.Context(), &ledgerv1.ListAuditEntriesRequest{}); err != nil || len(l.GetEntries()) != 0 {
		t.Errorf("%v, %v", l, err)
	}
	// A record of it that arrives once more is kept again, and its facts with it.
	o.add(t, old)
	if _, err := o.GetDecision(t.Context(), &ledgerv1.GetDecisionRequest{Name: "calls/old"}); fault.ReasonOf(err) != rpcv1.Reason_REASON_NOT_FOUND {
		t.Errorf("the fact is still there: %v", err)
	}
	if n := o.add(t, fact); n != 1 {
		t.Errorf("appended %d", n)
	}
}

// run runs the service until stop is called.
func (o *opened) run(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx) }()
	return func() {
		cancel()
		if err := await.Receive(t, "the service to stop", done); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}

// setting is a clock that can be set, whatever time has passed, and tells how long somebody waits.
type setting struct {
	*clock.Manual
	passed *clock.Manual
	waits  chan time.Duration
}

func (s setting) After(d time.Duration) <-chan time.Time {
	ch := s.passed.After(d)
	s.waits <- d
	return ch
}

// TestAClockThatIsAheadAtFirstRemovesNothing: that of a machine which has just started may be, until it is set.
func TestAClockThatIsAheadAtFirstRemovesNothing(t *testing.T) {
	o := open(t, 30)
	o.add(t, o.call("c1", "gold", 0))
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	at := setting{
		clock.NewManual(began().Add(10 * 365 * 24 * time.Hour)), clock.NewManual(began()), make(chan time.Duration, 100),
	}
	var err error
	o.Service, err = ledger.New(t.Context(), ledger.Config{Path: o.path, RetentionDays: 30, Clock: at, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	stop := o.run(t)
	defer stop()
	first := await.Receive(t, "the service to wait", at.waits)
	at.Set(began().Add(time.Minute))
	at.passed.Advance(first)
	await.Receive(t, "the service to wait again", at.waits)
	if got := callIDs(o.list(t, &ledgerv1.ListCallsRequest{})); got != "c1 " {
		t.Errorf("calls: %q", got)
	}
}

// TestWatchers: each hears of its line's calls from then on; one that does not listen is cut off, and holds nobody up.
func TestWatchers(t *testing.T) {
	o := open(t, 0)
	client := o.serve(t)
	begin := func(line string) grpc.ServerStreamingClient[ledgerv1.WatchCallsResponse] {
		stream, err := client.WatchCalls(t.Context(), &ledgerv1.WatchCallsRequest{Line: line})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Header(); err != nil {
			t.Fatal(err)
		}
		return stream
	}
	gold, all := begin("lines/gold"), begin("")
	o.add(t, o.call("c1", "silver", 1))
	o.add(t, o.call("c2", "gold", 2))
	for stream, want := range map[grpc.ServerStreamingClient[ledgerv1.WatchCallsResponse]]string{gold: "c2", all: "c1"} {
		r, err := stream.Recv()
		if err != nil || r.GetCall().GetCallId() != want || len(r.GetCall().GetSteps()) != 0 || r.GetCall().GetCallerNumber() == "+13035550101" {
			t.Errorf("%v, %v", r, err)
		}
	}
	for i := range 10 {
		records := make([]*ledgerv1.Record, 1000)
		for j := range records {
			records[j] = o.call(fmt.Sprintf("many-%d-%d", i, j), "gold", 3)
		}
		o.add(t, records...)
	}
	for n := 0; ; n++ {
		_, err := gold.Recv()
		if err == nil && n < 20_000 {
			continue
		}
		if fault.ReasonOf(rpc.Fault(err)) != rpcv1.Reason_REASON_LIMIT_EXCEEDED {
			t.Errorf("after %d: %v", n, err)
		}
		break
	}
}

// serve is a client of the service, over a connection, without roles.
func (o *opened) serve(t *testing.T) ledgerv1.LedgerServiceClient {
	t.Helper()
	l := bufconn.Listen(1 << 16)
	server := grpc.NewServer(grpc.StreamInterceptor(func(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, h grpc.StreamHandler) error {
		if err := h(srv, s); err != nil {
			return rpc.Status(err).Err()
		}
		return nil
	}))
	o.Register(server)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	cc, err := grpc.NewClient("passthrough:///ledger", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cc.Close() })
	return ledgerv1.NewLedgerServiceClient(cc)
}

func TestWhatCannotBeOpened(t *testing.T) {
	for name, cfg := range map[string]ledger.Config{
		"a folder that is not there": {Path: filepath.Join(t.TempDir(), "none", "ledger.db")},
		"a folder":                   {Path: t.TempDir()},
		"no such retention":          {Path: filepath.Join(t.TempDir(), "ledger.db"), RetentionDays: -1},
	} {
		cfg.Clock, cfg.Log = clock.NewManual(began()), slog.New(slog.DiscardHandler)
		if _, err := ledger.New(t.Context(), cfg); fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
			t.Errorf("%s: %v", name, err)
		}
	}
}
