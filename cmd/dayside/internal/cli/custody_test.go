package cli_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// custodyAnswers are what a fake says of custody, and of events.
type custodyAnswers struct {
	custody *schedulev1.Custody
	events  *schedulev1.ListEventsResponse
}

func (f *fake) GetCustody(_ context.Context, r *schedulev1.GetCustodyRequest) (*schedulev1.Custody, error) {
	f.asked = r
	return f.custody, f.err
}

func (f *fake) AcceptCustody(_ context.Context, r *schedulev1.AcceptCustodyRequest) (*schedulev1.Custody, error) {
	f.asked = r
	return f.custody, f.err
}

func (f *fake) TakeCustody(_ context.Context, r *schedulev1.TakeCustodyRequest) (*schedulev1.Custody, error) {
	f.asked = r
	return f.custody, f.err
}

func (f *fake) ListEvents(_ context.Context, r *schedulev1.ListEventsRequest) (*schedulev1.ListEventsResponse, error) {
	f.asked = r
	return f.events, f.err
}

// someCustody is a handoff that bob is late to accept.
const someCustody = `
rota: "rotas/nights" at { seconds: 1795435200 } on_duty: "people/bob" next: "people/carol" reachable: true
turn { start_time { seconds: 1795424400 } end_time { seconds: 1796029200 } }
holder: "people/ann" accept_time { seconds: 1794819660 } accept_by { seconds: 1795425300 } next_handoff { seconds: 1796029200 }
sentence: "Bob has been on duty since Mon 23 Nov 09:00 GMT and has not accepted yet, but should have by Mon 23 Nov 09:15 GMT"`

const someEvents = `
events {
  id: "handoff-not-accepted.nights.bob.20261123T090000Z" kind: KIND_HANDOFF_NOT_ACCEPTED subject: "rotas/nights" person: "people/bob"
  interval { start_time { seconds: 1795424400 } end_time { seconds: 1796029200 } } create_time { seconds: 1795425300 }
  sentence: "rotas/nights: Bob has been on duty since Mon 23 Nov 09:00 GMT and has not accepted yet"
}
events {
  id: "uncovered-ahead.gold.20261203T180000Z" kind: KIND_UNCOVERED_AHEAD subject: "lines/gold"
  interval { start_time { seconds: 1796320800 } end_time { seconds: 1796335200 } } create_time { seconds: 1795111200 }
  end_time { seconds: 1795197600 } sentence: "lines/gold is uncovered in 13 days, from Thu 3 Dec 18:00 to 22:00 UTC (4 h)"
}`

func TestCustody(t *testing.T) {
	for _, c := range []struct {
		name  string
		args  []string
		asked proto.Message
	}{
		{"custody", []string{"custody", "nights"}, &schedulev1.GetCustodyRequest{Rota: "rotas/nights"}},
		{"custody", []string{"custody", "rotas/nights"}, &schedulev1.GetCustodyRequest{Rota: "rotas/nights"}},
		{
			"custody", []string{"custody", "accept", "nights", "--as", "bob"},
			&schedulev1.AcceptCustodyRequest{Rota: "rotas/nights", Person: "people/bob"},
		},
		{
			"custody", []string{"custody", "take", "nights", "--as", "people/carol", "--note", "train"},
			&schedulev1.TakeCustodyRequest{Rota: "rotas/nights", Person: "people/carol", Note: "train"},
		},
		{"custody-json", []string{"custody", "nights", "-o", "json"}, &schedulev1.GetCustodyRequest{Rota: "rotas/nights"}},
	} {
		f := &fake{set: example(t), custodyAnswers: custodyAnswers{custody: text(t, &schedulev1.Custody{}, someCustody)}}
		term := newTerminal(t, f)
		if code := term.run(t.Context(), c.args...); code != 0 || term.err.Len() > 0 {
			t.Errorf("%v: exit code %d, %s", c.args, code, term.err.String())
		}
		golden(t, c.name, term.out.String())
		if !proto.Equal(f.asked, c.asked) {
			t.Errorf("%v: asked %v, want %v", c.args, f.asked, c.asked)
		}
	}
}

func TestCustodyOfAllRotas(t *testing.T) {
	set := example(t)
	set.Rotas = []*schedulev1.Rota{{Name: "rotas/days"}, {Name: "rotas/nights"}}
	f := &fake{set: set, custodyAnswers: custodyAnswers{custody: text(t, &schedulev1.Custody{}, someCustody)}}
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "custody"); code != 0 || strings.Count(term.out.String(), "rotas/nights at") != 2 {
		t.Errorf("exit code %d: %s%s", code, term.out.String(), term.err.String())
	}
	set.Rotas = nil
	if code := term.run(t.Context(), "custody"); code != 0 || term.out.String() != "There is no rota.\n" {
		t.Errorf("exit code %d: %s%s", code, term.out.String(), term.err.String())
	}
}

func TestCustodyRefused(t *testing.T) {
	f := &fake{set: example(t)}
	f.err = refusal(codes.FailedPrecondition, "Bob has no turn to accept: Ann is on duty", rpcv1.Reason_REASON_WRONG_STATE)
	term := newTerminal(t, f)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"custody", "accept", "nights", "--as", "bob"}, 1, "Bob has no turn to accept: Ann is on duty"},
		{[]string{"custody", "accept", "nights"}, 2, "--as is required"},
		{[]string{"custody", "take", "nights"}, 2, "--as is required"},
		{[]string{"custody", "accept"}, 2, "usage: dayside custody accept ROTA"},
		{[]string{"custody", "lines/gold"}, 2, "is no rota"},
		{[]string{"custody", "accept", "nights", "--as", "lines/gold"}, 2, "is no person"},
		{[]string{"events", "nights"}, 2, "usage: dayside events"},
	} {
		if code := term.run(t.Context(), c.args...); code != c.code || !strings.Contains(term.err.String(), c.want) || term.out.Len() > 0 {
			t.Errorf("%v: exit code %d, %s", c.args, code, term.err.String())
		}
	}
}

func TestEvents(t *testing.T) {
	f := &fake{set: example(t), custodyAnswers: custodyAnswers{events: text(t, &schedulev1.ListEventsResponse{}, someEvents)}}
	term := newTerminal(t, f)
	for _, c := range []struct {
		name  string
		args  []string
		ended bool
	}{
		{"events", []string{"events", "--all"}, true},
		{"events-json", []string{"events", "-o", "json"}, false},
	} {
		if code := term.run(t.Context(), c.args...); code != 0 || term.err.Len() > 0 {
			t.Errorf("%v: exit code %d, %s", c.args, code, term.err.String())
		}
		golden(t, c.name, term.out.String())
		if asked, ok := f.asked.(*schedulev1.ListEventsRequest); !ok || asked.GetIncludeEnded() != c.ended {
			t.Errorf("%v: asked %v", c.args, f.asked)
		}
	}
	f.events = &schedulev1.ListEventsResponse{}
	if code := term.run(t.Context(), "events"); code != 0 || term.out.String() != "There is nothing that somebody should know of.\n" {
		t.Errorf("no events: exit code %d: %s", code, term.out.String())
	}
}
