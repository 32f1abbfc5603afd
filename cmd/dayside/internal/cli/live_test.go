package cli_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

// liveAnswers are what a server says of this minute, and of tables.
type liveAnswers struct {
	routingv1.UnimplementedLiveServiceServer
	routingv1.UnimplementedRouteTableServiceServer
	state  *routingv1.GetLiveStateResponse
	tables []*routingv1.WatchRoutesResponse
	lost   int // how many streams end because the server goes away; the others stay open
	err    error
	asked  proto.Message
}

func (f *liveAnswers) GetLiveState(context.Context, *routingv1.GetLiveStateRequest) (*routingv1.GetLiveStateResponse, error) {
	return f.state, f.err
}

func (f *liveAnswers) SetPresence(_ context.Context, r *routingv1.SetPresenceRequest) (*routingv1.SetPresenceResponse, error) {
	f.asked = r
	return &routingv1.SetPresenceResponse{Revision: 7, ExpireTime: timestamppb.New(now.Add(time.Minute))}, f.err
}

func (f *liveAnswers) WatchRoutes(r *routingv1.WatchRoutesRequest, s grpc.ServerStreamingServer[routingv1.WatchRoutesResponse]) error {
	f.asked = r
	for _, answer := range f.tables {
		if err := s.Send(answer); err != nil {
			return err
		}
	}
	if f.lost > 0 {
		f.lost--
		return status.Error(codes.Unavailable, "this process is stopping")
	}
	if f.err == nil {
		<-s.Context().Done()
	}
	return f.err
}

func newLiveTerminal(t *testing.T, f *liveAnswers) *terminal {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	routingv1.RegisterLiveServiceServer(server, f)
	routingv1.RegisterRouteTableServiceServer(server, f)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	term := newTerminal(t, &fake{})
	term.env.Dial = func(string) (*grpc.ClientConn, error) {
		return grpc.NewClient("passthrough:///live", grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	}
	return term
}

func TestLive(t *testing.T) {
	f := &liveAnswers{state: text(t, &routingv1.GetLiveStateResponse{}, `
		sites: {site: "sites/bengaluru" active_calls: 4 capacity: 20}
		sites: {site: "sites/dublin" active_calls: 0 agents: 0}
		unreachable: {target: {sip_uri: "sip:support@dublin.example.com"} since: {seconds: 1795435080} reporter: "sbc-1"}
		unreachable: {target: {phone_number: {e164_number: "+13…41"}} since: {seconds: 1795430000} reporter: "dayside-1"}
		gateways: {gateway_id: "sbc-1" instance: "dayside-1" capabilities: CAPABILITY_FORWARD capabilities: CAPABILITY_PROMPT active_calls: 4}
		gateways: {gateway_id: "sbc-2" instance: "dayside-2"}
		revision: 7`)}
	term := newLiveTerminal(t, f)
	if code := term.run(t.Context(), "live"); code != 0 {
		t.Fatal(code, &term.err)
	}
	golden(t, "live", term.out.String())
	if code := term.run(t.Context(), "live", "-o", "json"); code != 0 || !strings.Contains(term.out.String(), `"activeCalls": 4`) {
		t.Error(code, &term.out, &term.err)
	}
	f.state = &routingv1.GetLiveStateResponse{}
	if code := term.run(t.Context(), "live"); code != 0 || term.out.String() != "Nobody says anything of a site.\n\nNo gateway is connected.\n" {
		t.Error(code, &term.out, &term.err)
	}
}

func TestPresenceIsWhatWasTyped(t *testing.T) {
	for args, c := range map[string]struct{ asked, says string }{
		"dublin 3":              {`site: "sites/dublin" agents: 3 ttl: {seconds: 60}`, "sites/dublin: 3 agents, until Mon 2026-11-23 12:01 UTC."},
		"sites/dublin 0":        {`site: "sites/dublin" ttl: {seconds: 60}`, "sites/dublin: nobody is there, until"},
		"dublin 1 --ttl 15m":    {`site: "sites/dublin" agents: 1 ttl: {seconds: 900}`, "1 agent, until"},
		"dublin 1 --reporter d": {`site: "sites/dublin" agents: 1 reporter: "d" ttl: {seconds: 60}`, "1 agent, until"},
	} {
		t.Run(args, func(t *testing.T) {
			f := &liveAnswers{}
			term := newLiveTerminal(t, f)
			if code := term.run(t.Context(), append([]string{"presence"}, strings.Fields(args)...)...); code != 0 || !strings.Contains(term.out.String(), c.says) {
				t.Fatal(code, &term.out, &term.err)
			}
			if want := text(t, &routingv1.SetPresenceRequest{}, c.asked); !proto.Equal(f.asked, want) {
				t.Errorf("asked for %v, want %v", f.asked, want)
			}
		})
	}
	for args, says := range map[string]string{
		"dublin": "usage", "dublin many": "must be a number", "dublin -1": "unknown shorthand", "lines/gold 1": "is no site",
	} {
		f := &liveAnswers{}
		term := newLiveTerminal(t, f)
		if code := term.run(t.Context(), append([]string{"presence"}, strings.Fields(args)...)...); code != 2 || f.asked != nil ||
			!strings.Contains(term.err.String(), says) {
			t.Errorf("%s: exit %d, asked %v, %s", args, code, f.asked, &term.err)
		}
	}
	term := newLiveTerminal(t, &liveAnswers{err: refusal(codes.FailedPrecondition, "refers to what does not exist", rpcv1.Reason_REASON_MISSING_REFERENCE)})
	if code := term.run(t.Context(), "presence", "atlantis", "1"); code != 1 || !strings.Contains(term.err.String(), "does not exist") {
		t.Error(code, &term.err)
	}
}

// someTables are two answers of the same moment.
func someTables(t *testing.T) []*routingv1.WatchRoutesResponse {
	t.Helper()
	return []*routingv1.WatchRoutesResponse{
		text(t, &routingv1.WatchRoutesResponse{}, `view_revision: 7 more: true tables: {line: "lines/gold" dialled_number: "+61255500100"
			spans: {start_time: {seconds: 1795435200} end_time: {seconds: 1795453200}
				targets: {target: {sip_uri: "sip:a@dublin.example.com"} site: "sites/dublin" display_name: "Dublin"}
				targets: {target: {sip_uri: "sip:b@dublin.example.com"} site: "sites/dublin" display_name: "Dublin"}
				targets: {target: {sip_uri: "sip:a@bengaluru.example.com"} site: "sites/bengaluru"}
				targets: {target: {phone_number: {e164_number: "+61255500000"}} last_resort: true display_name: "Duty phone"}}
			spans: {start_time: {seconds: 1795453200} end_time: {seconds: 1795521600}
				targets: {target: {phone_number: {e164_number: "+61255500000"}} last_resort: true display_name: "Duty phone"}}}`),
		text(t, &routingv1.WatchRoutesResponse{}, `view_revision: 7 tables: {line: "lines/members" dialled_number: "+61255500101"
			spans: {start_time: {seconds: 1795435200} end_time: {seconds: 1795521600} end: {cause: END_CAUSE_REFUSED}}}`),
	}
}

func TestTable(t *testing.T) {
	f := &liveAnswers{tables: someTables(t)}
	term := newLiveTerminal(t, f)
	if code := term.run(t.Context(), "table"); code != 0 || strings.Contains(term.out.String(), "61255500100") {
		t.Fatal(code, &term.out, &term.err)
	}
	golden(t, "table", term.out.String())
	if code := term.run(t.Context(), "table", "gold", "-o", "json"); code != 0 || !strings.Contains(term.out.String(), `"line": "lines/members"`) {
		t.Error(code, &term.out, &term.err)
	}
	if r, _ := f.asked.(*routingv1.WatchRoutesRequest); len(r.GetLines()) != 1 || r.GetLines()[0] != "lines/gold" {
		t.Errorf("asked for %v", f.asked)
	}
	f.tables = []*routingv1.WatchRoutesResponse{{Removed: []string{"lines/web"}}}
	if code := term.run(t.Context(), "table", "web"); code != 1 || !strings.Contains(term.err.String(), "lines/web does not exist") {
		t.Error(code, &term.out, &term.err)
	}
}

func TestTablesAreFollowedThroughRestarts(t *testing.T) {
	f := &liveAnswers{tables: append(someTables(t), &routingv1.WatchRoutesResponse{ViewRevision: 8, Removed: []string{"lines/members"}}), lost: 2}
	f.err = refusal(codes.ResourceExhausted, "too many lines", rpcv1.Reason_REASON_LIMIT_EXCEEDED)
	term := newLiveTerminal(t, f)
	if code := term.run(t.Context(), "table", "--watch"); code != 1 || !strings.Contains(term.err.String(), "too many lines") {
		t.Errorf("exit %d\n%s", code, &term.err)
	}
	if told, again := strings.Count(term.out.String(), "lines/members is no line."), strings.Count(term.err.String(), "asking again"); told != 3 || again != 2 {
		t.Errorf("told %d times, asked again %d times:\n%s", told, again, &term.out)
	}
	f.lost = 0
	if code := term.run(t.Context(), "table", "--watch", "-o", "json"); code != 1 || strings.Count(term.out.String(), "\n") != 3 {
		t.Errorf("exit %d\n%s", code, &term.out)
	}
	f.tables = nil
	if code := term.run(t.Context(), "table", "-w"); code != 1 {
		t.Errorf("a server that refuses: exit %d", code)
	}
}
