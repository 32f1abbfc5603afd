package cli_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/gateway/sip/probe"
)

// TestCallRingsTheLinesNumber: the number is looked up and rung, and shown nowhere.
func TestCallRingsTheLinesNumber(t *testing.T) {
	f := newFake(t)
	term := newTerminal(t, f)
	var rung probe.Call
	term.env.Ring = func(_ context.Context, c probe.Call) (*probe.Result, error) {
		rung = c
		return &probe.Result{
			Status: 302, Phrase: "Moved Temporarily", CallID: "x1@probe", Took: 1234567 * time.Nanosecond,
			Contacts: []probe.Contact{
				{URI: "sip:support@dublin.example.com;transport=tcp", Q: 1}, {URI: "tel:+13035550131", Q: 0.9},
				{URI: "sip:+13035550131@pstn.example.com;user=phone", Q: 0.8}, {URI: "sip:support@sydney.example.com", Q: 0.7},
				{URI: "sip:somebody@elsewhere.example.com", Q: 0.6}, {URI: "sip:priya@people.example.com", Q: 0.5}, {URI: "sip:duty-manager@hq.example.com", Q: 0.001},
			},
		}, nil
	}
	if code := term.run(t.Context(), "call", "gold-emergency", "--from", "+13035550101", "--transport", "tcp"); code != 0 {
		t.Fatal(term.err.String())
	}
	golden(t, "call", term.out.String())
	if want := (probe.Call{
		Network: "tcp", Gateway: "127.0.0.1:5060", Dialled: "+61255500100", Caller: "+13035550101", Timeout: 10 * time.Second,
	}); rung != want {
		t.Errorf("rang %+v, want %+v", rung, want)
	}
	if code := term.run(t.Context(), "call", "+61255500100", "--gateway", "127.0.0.1:5070", "-o", "json"); code != 0 {
		t.Fatal(term.err.String())
	}
	golden(t, "call-json", term.out.String())
	if rung.Gateway != "127.0.0.1:5070" || rung.Caller != "" || strings.Contains(term.out.String(), "255500100") {
		t.Errorf("rang %+v: %s", rung, term.out.String())
	}
}

func TestACallThatIsRefused(t *testing.T) {
	term := newTerminal(t, newFake(t))
	term.env.Ring = func(context.Context, probe.Call) (*probe.Result, error) {
		return &probe.Result{
			Status: 480, Phrase: "Temporarily Unavailable", CallID: "x2@probe", Took: time.Millisecond,
			Reason: `Q.850;cause=31;text="nobody"`, Warning: `399 dayside "nothing can be carried"`, RetryAfter: 90 * time.Second,
		}, nil
	}
	if code := term.run(t.Context(), "call", "public-support"); code != 0 {
		t.Fatal(term.err.String())
	}
	golden(t, "call-refused", term.out.String())
}

// tableAnswers is what routing tells gateways from memory; nil: it knows nothing.
type tableAnswers struct {
	routingv1.UnimplementedRouteTableServiceServer
	table *routingv1.RouteTable
}

func (f *tableAnswers) WatchRoutes(r *routingv1.WatchRoutesRequest, s grpc.ServerStreamingServer[routingv1.WatchRoutesResponse]) error {
	answer := &routingv1.WatchRoutesResponse{Removed: r.GetLines()}
	if f.table != nil && slices.Contains(r.GetLines(), f.table.GetLine()) {
		answer = &routingv1.WatchRoutesResponse{Tables: []*routingv1.RouteTable{f.table}}
	}
	return s.Send(answer)
}

// TestALineIsCalledWhileEtcdIsAway: routing knows its number, which is shown nowhere.
func TestALineIsCalledWhileEtcdIsAway(t *testing.T) {
	f := newFake(t)
	f.err = refusal(codes.Unavailable, "etcd did not answer", rpcv1.Reason_REASON_BACKEND_UNAVAILABLE)
	f.table = &routingv1.RouteTable{Line: "lines/gold-emergency", DialledNumber: "+61255500100"}
	term := newTerminal(t, f)
	var rung []string
	term.env.Ring = func(_ context.Context, c probe.Call) (*probe.Result, error) {
		rung = append(rung, c.Dialled)
		return &probe.Result{Status: 480, Phrase: "Temporarily Unavailable", CallID: "x4@probe"}, nil
	}
	if code := term.run(t.Context(), "call", "gold-emergency"); code != 0 || !slices.Equal(rung, []string{"+61255500100"}) ||
		!strings.Contains(term.out.String(), "INVITE to lines/gold-emergency from") || strings.Contains(term.out.String(), "255500100") {
		t.Errorf("exit %d, rung %v, %s%s", code, rung, term.out.String(), term.err.String())
	}
	if code := term.run(t.Context(), "call", "public-support"); code != 1 || !strings.Contains(term.err.String(), "give the number instead") {
		t.Errorf("a line that routing does not know: exit %d, %s", code, term.err.String())
	}
	if code := term.run(t.Context(), "talk", "gold-emergency"); code != 1 || f.routed.GetDialledNumber() != "+61255500100" {
		t.Errorf("talk: exit %d, routed %v", code, f.routed)
	}
	// What is refused is not got round.
	f.err = refusal(codes.PermissionDenied, "not yours", rpcv1.Reason_REASON_ROLE_REQUIRED)
	if code := term.run(t.Context(), "call", "gold-emergency"); code != 1 || len(rung) != 1 {
		t.Errorf("without the right: exit %d, rung %v", code, rung)
	}
}

func TestCallSaysWhyItCannot(t *testing.T) {
	f := newFake(t)
	term := newTerminal(t, f)
	term.env.Ring = func(context.Context, probe.Call) (*probe.Result, error) {
		return nil, errors.New("SIP gateway at 127.0.0.1:5060 over udp did not answer")
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"call", "public-support"}, 1, "did not answer: is the SIP gateway served there? Name another with --gateway"},
		{[]string{"call", "nope"}, 1, "lines/nope does not exist"},
		{[]string{"call", "public-support", "--transport", "sctp"}, 2, "must be udp or tcp"},
		{[]string{"call", "public-support", "--from", "a b"}, 2, "--from: must be a number"},
		{[]string{"call", "public-support", "--from", "0301555"}, 2, "--from: must be a number"},
		{[]string{"call", "public-support", "--gateway", "here"}, 2, "--gateway \"here\": must be HOST:PORT"},
		{[]string{"call"}, 2, "dayside call LINE|NUMBER"},
	} {
		if code := term.run(t.Context(), c.args...); code != c.code || !strings.Contains(term.err.String(), c.want) {
			t.Errorf("%v: exit %d, %s", c.args, code, term.err.String())
		}
	}
	f.set.Lines[0].Number = nil
	if code := term.run(t.Context(), "call", "gold-emergency"); code != 1 || !strings.Contains(term.err.String(), "hidden from this user") {
		t.Errorf("without the right to the number: exit %d, %s", code, term.err.String())
	}
}

// TestCallRingsANumberWhereTheAPIFails: a number needs nothing of the API, which only names whose contacts came back.
func TestCallRingsANumberWhereTheAPIFails(t *testing.T) {
	f := newFake(t)
	f.err = refusal(codes.Unavailable, "etcd did not answer", rpcv1.Reason_REASON_BACKEND_UNAVAILABLE)
	term := newTerminal(t, f)
	var rung []string
	term.env.Ring = func(_ context.Context, c probe.Call) (*probe.Result, error) {
		rung = append(rung, c.Dialled+" from "+c.Caller)
		return &probe.Result{
			Status: 302, Phrase: "Moved Temporarily", CallID: "x3@probe", Contacts: []probe.Contact{{URI: "tel:+13035550131", Q: 1}},
		}, nil
	}
	if code := term.run(t.Context(), "call", "+61255500100", "--from", "anonymous"); code != 0 ||
		!strings.Contains(term.out.String(), "tel:+13035550131") || !strings.Contains(term.out.String(), "from a withheld number") ||
		term.err.String() != "note: whose contacts these are is not known: etcd did not answer\n" {
		t.Errorf("a number: exit %d, %s%s", code, term.out.String(), term.err.String())
	}
	if code := term.run(t.Context(), "call", "gold-emergency"); code != 1 || term.err.String() !=
		"error: the line's number cannot be looked up (etcd did not answer); give the number instead\n" {
		t.Errorf("a line: exit %d, %s", code, term.err.String())
	}
	// A server whose own clock ends the wait first is no other case.
	f.err = refusal(codes.DeadlineExceeded, "too late", rpcv1.Reason_REASON_BACKEND_UNAVAILABLE)
	if code := term.run(t.Context(), "call", "+61255500100"); code != 0 || !strings.Contains(term.err.String(), "within 2s") {
		t.Errorf("too late: exit %d, %s", code, term.err.String())
	}
	if !slices.Equal(rung, []string{"+61255500100 from ", "+61255500100 from "}) {
		t.Errorf("rang %v", rung)
	}
}
