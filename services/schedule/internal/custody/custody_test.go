package custody_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/roster"
	"github.com/daysidehq/dayside/services/schedule/internal/custody"
)

// monday is the first handoff of these tests: nine in Dublin, on the 23rd of November 2026.
var monday = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

const hourS = 3600

// hoursLater is an instant that many hours after monday.
func hoursLater(h float64) time.Time { return monday.Add(time.Duration(h * float64(time.Hour))) }

// turns is a rota from monday on; each word is who has it and how long, hours: "bob:8 -:2 alice:8". carol has no targets.
func turns(t testing.TB, acceptWithinS uint32, words string) custody.In {
	t.Helper()
	s := roster.Spec{
		Sheet: roster.Sheet{ID: "apac", TimeZone: "Europe/Dublin", AcceptWithinS: acceptWithinS, People: []*roster.Person{
			{ID: "alice", DisplayName: "Alice", Targets: []string{"sip:alice@example.com"}},
			{ID: "bob", Targets: []string{"sip:bob@example.com"}},
			{ID: "carol", DisplayName: "Carol"},
		}},
		FromUnixS: monday.Unix(), FirstFromUnixS: monday.Unix(),
	}
	at := monday
	for _, word := range strings.Fields(words) {
		who, length, _ := strings.Cut(word, ":")
		d, err := time.ParseDuration(length + "h")
		if err != nil {
			t.Fatal(err)
		}
		holder := uint32(0)
		for i, p := range s.People {
			if p.ID == who {
				holder = uint32(i) + 1
			}
		}
		s.Lengths, s.Holders = append(s.Lengths, uint32(d/time.Second)), append(s.Holders, holder)
		at = at.Add(d)
	}
	s.ToUnixS = at.Unix()
	r, err := roster.New(s)
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("Europe/Dublin")
	if err != nil {
		t.Fatal(err)
	}
	return custody.In{Roster: r, Zone: zone}
}

// record is that of a person who accepted so many hours after monday, for the turn that began so many.
func record(person string, accept, turn float64) *publishedv1.Custody {
	return &publishedv1.Custody{
		Holder: person, AcceptUnixS: hoursLater(accept).Unix(), TurnFromUnixS: hoursLater(turn).Unix(),
	}
}

func taken(r *publishedv1.Custody) *publishedv1.Custody {
	r.Taken = true
	return r
}

func ahead(r *publishedv1.Custody, more ...*publishedv1.Custody) *publishedv1.Custody {
	r.Ahead = more
	return r
}

const within = 900 // seconds

func TestState(t *testing.T) {
	const week = "alice:24 bob:24 carol:24 -:24 bob:24 alice:24"
	for _, c := range []struct {
		name   string
		rota   string
		within uint32
		record *publishedv1.Custody
		at     float64
		onDuty string
		holder string
		// accepted and overdue are what the state says of the handoff.
		accepted, overdue bool
		sentence          string
	}{
		{
			"nobody ever accepted", week, within, nil, 0.1, "alice", "", false, false,
			"Alice has been on duty since Mon 23 Nov 09:00 GMT and has not accepted yet, but should by Mon 23 Nov 09:15 GMT; " +
				"nobody has accepted the phone before; bob is next",
		},
		{
			"the handoff is overdue at the instant itself", week, within, nil, 0.25, "alice", "", false, true,
			"Alice has been on duty since Mon 23 Nov 09:00 GMT and has not accepted yet, but should have by " +
				"Mon 23 Nov 09:15 GMT; nobody has accepted the phone before; bob is next",
		},
		{
			"accepted", week, within, record("alice", 0.2, 0), 12, "alice", "alice", true, false,
			"Alice has the phone: on duty since Mon 23 Nov 09:00 GMT until Tue 24 Nov 09:00 GMT, accepted on " +
				"Mon 23 Nov 09:12 GMT; bob is next",
		},
		{
			"not accepted: the phone stays where it was", week, within, record("alice", 0, 0), 25, "bob", "alice", false, true,
			"bob has been on duty since Tue 24 Nov 09:00 GMT and has not accepted yet, but should have by " +
				"Tue 24 Nov 09:15 GMT; the phone is still with Alice, who accepted it on Mon 23 Nov 09:00 GMT; " +
				"Carol, who has nothing that a call could reach, is next",
		},
		{
			"nothing reaches who is on duty, and nobody is next", week, within, record("carol", 48, 48), 49, "carol", "carol", true, false,
			"Carol has the phone: on duty since Wed 25 Nov 09:00 GMT until Thu 26 Nov 09:00 GMT, accepted on " +
				"Wed 25 Nov 09:00 GMT; Carol has nothing that a call could reach",
		},
		{
			"nobody is on duty", week, within, record("carol", 48, 48), 73, "", "carol", false, false,
			"nobody is on duty until Fri 27 Nov 09:00 GMT; the phone is still with Carol, who accepted it on " +
				"Wed 25 Nov 09:00 GMT; bob is next",
		},
		{
			"an earlier turn of the same person does not count", week, within, record("bob", 24, 24), 96.1, "bob", "bob", false, false,
			"bob has been on duty since Fri 27 Nov 09:00 GMT and has not accepted yet, but should by " +
				"Fri 27 Nov 09:15 GMT; bob accepted an earlier turn, on Tue 24 Nov 09:00 GMT; Alice is next",
		},
		{
			"the last turn's end is not known", week, within, record("alice", 120, 120), 121, "alice", "alice", true, false,
			"Alice has the phone: on duty since Sat 28 Nov 09:00 GMT, accepted on Sat 28 Nov 09:00 GMT",
		},
		{
			"turns that follow one another are one handoff", "bob:1 bob:1 bob:1 alice:1", within, record("bob", 0, 0), 2.5, "bob", "bob",
			true, false,
			"bob has the phone: on duty since Mon 23 Nov 09:00 GMT until Mon 23 Nov 12:00 GMT, accepted on " +
				"Mon 23 Nov 09:00 GMT; Alice is next",
		},
		{
			"no acceptance is needed", week, 0, nil, 1, "alice", "alice", false, false,
			"Alice has the phone: on duty since Mon 23 Nov 09:00 GMT until Tue 24 Nov 09:00 GMT, and need not accept it; bob is next",
		},
		{
			"no acceptance is needed, and an old one says nothing", week, 0, record("alice", 0, 0), 25, "bob", "bob", false, false,
			"bob has the phone: on duty since Tue 24 Nov 09:00 GMT until Wed 25 Nov 09:00 GMT, and need not accept it; " +
				"Carol, who has nothing that a call could reach, is next",
		},
		{
			"taken", "alice:2 carol:6 bob:8", within, taken(record("carol", 2, 2)), 3, "carol", "carol", true, false,
			"Carol took the phone on Mon 23 Nov 11:00 GMT and has it until Mon 23 Nov 17:00 GMT; " +
				"Carol has nothing that a call could reach; bob is next",
		},
		{
			"accepted ahead, before the turn", week, within, ahead(record("alice", 0, 0), record("bob", 20, 24)), 23, "alice", "alice", true, false,
			"Alice has the phone: on duty since Mon 23 Nov 09:00 GMT until Tue 24 Nov 09:00 GMT, accepted on " +
				"Mon 23 Nov 09:00 GMT; bob is next, and has accepted that",
		},
		{
			"accepted ahead, in the turn", week, within, ahead(record("alice", 0, 0), record("bob", 20, 24)), 24, "bob", "bob", true, false,
			"bob has the phone: on duty since Tue 24 Nov 09:00 GMT until Wed 25 Nov 09:00 GMT, accepted on " +
				"Tue 24 Nov 05:00 GMT; Carol, who has nothing that a call could reach, is next",
		},
		{
			"accepted ahead, and then the rota changed", week, within, ahead(record("alice", 0, 0), record("carol", 20, 24)), 25, "bob", "alice",
			false, true,
			"bob has been on duty since Tue 24 Nov 09:00 GMT and has not accepted yet, but should have by " +
				"Tue 24 Nov 09:15 GMT; the phone is still with Alice, who accepted it on Mon 23 Nov 09:00 GMT; " +
				"Carol, who has nothing that a call could reach, is next",
		},
		{
			"the turn moved after it was accepted", "alice:3 bob:24 alice:1", within, record("bob", 4, 0), 5, "bob", "bob", true, false,
			"bob has the phone: on duty since Mon 23 Nov 12:00 GMT until Tue 24 Nov 12:00 GMT, accepted on " +
				"Mon 23 Nov 13:00 GMT; Alice is next",
		},
		{
			"who accepted has left the rota", week, within, record("dave", 0, 0), 1, "alice", "dave", false, true,
			"Alice has been on duty since Mon 23 Nov 09:00 GMT and has not accepted yet, but should have by " +
				"Mon 23 Nov 09:15 GMT; the phone is still with dave, who accepted it on Mon 23 Nov 09:00 GMT; bob is next",
		},
		{
			"outside what is compiled", week, within, record("alice", 0, 0), 24 * 60, "", "alice", false, false,
			"it is not known who is on duty: the rota is compiled from Mon 23 Nov 2026 09:00 GMT to Sun 29 Nov 2026 09:00 GMT; " +
				"the phone is still with Alice, who accepted it on Mon 23 Nov 2026 09:00 GMT",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := turns(t, c.within, c.rota)
			in.Record = c.record
			now := hoursLater(c.at)
			got := custody.State(in, now)
			bare := func(name string) string { return strings.TrimPrefix(name, "people/") }
			if bare(got.GetOnDuty()) != c.onDuty || bare(got.GetHolder()) != c.holder {
				t.Errorf("on duty %q, holder %q; want %q, %q", got.GetOnDuty(), got.GetHolder(), c.onDuty, c.holder)
			}
			if got.GetAccepted() != c.accepted || custody.Overdue(got, now) != c.overdue {
				t.Errorf("accepted %v, overdue %v; want %v, %v", got.GetAccepted(), custody.Overdue(got, now), c.accepted, c.overdue)
			}
			if got.GetSentence() != c.sentence {
				t.Errorf("got  %q\nwant %q", got.GetSentence(), c.sentence)
			}
		})
	}
}

func TestAccept(t *testing.T) {
	const day = "alice:8 bob:8 -:8 carol:8 alice:8 bob:8"
	for _, c := range []struct {
		name   string
		record *publishedv1.Custody
		person string
		at     float64
		want   *publishedv1.Custody // nil: the record stays as it is
		wrong  string               // what the refusal says
	}{
		{"the first ever", nil, "alice", 1, record("alice", 1, 0), ""},
		{"late", record("alice", 0, 0), "bob", 15, record("bob", 15, 8), ""},
		{"again", record("alice", 0.5, 0), "alice", 7, nil, ""},
		{"ahead", record("alice", 0, 0), "bob", 1, ahead(record("alice", 0, 0), record("bob", 1, 8)), ""},
		{"ahead, again", ahead(record("alice", 0, 0), record("bob", 1, 8)), "bob", 2, nil, ""},
		{"ahead, with nobody before", nil, "bob", 1, ahead(&publishedv1.Custody{}, record("bob", 1, 8)), ""},
		{"ahead, then in the turn", ahead(record("alice", 0, 0), record("bob", 1, 8)), "bob", 9, nil, ""},
		{
			"ahead over a gap, while another accepted ahead", ahead(record("alice", 0, 0), record("bob", 1, 8)), "carol", 15,
			ahead(record("bob", 1, 8), record("carol", 15, 24)), "",
		},
		{
			"the one on duty, while another accepted ahead", ahead(&publishedv1.Custody{}, record("bob", 1, 8)), "alice", 2,
			ahead(record("alice", 2, 0), record("bob", 1, 8)), "",
		},
		{"12 h ahead", nil, "carol", 12, ahead(&publishedv1.Custody{}, record("carol", 12, 24)), ""},
		{
			"more than 12 h ahead", nil, "carol", 11, nil,
			"Carol has no turn to accept within 12 h: bob is on duty until Tue 24 Nov 01:00 GMT, and the next turn of Carol begins on " +
				"Tue 24 Nov 09:00 GMT",
		},
		{"no member", nil, "dave", 17, nil, "dave has no turn to accept: nobody is on duty until Tue 24 Nov 09:00 GMT"},
		{"not known", nil, "alice", 100, nil, "Alice has no turn to accept: it is not known who is on duty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := turns(t, within, day)
			in.Record = c.record
			got, changed, err := custody.Accept(in, c.person, hoursLater(c.at))
			if c.wrong != "" {
				if fault.ReasonOf(err) != rpcv1.Reason_REASON_WRONG_STATE || err.Error() != c.wrong {
					t.Errorf("got %v\nwant %s", err, c.wrong)
				}
				return
			}
			want := c.want
			if want == nil {
				want = c.record
			}
			if err != nil || changed != (c.want != nil) || !proto.Equal(got, want) {
				t.Errorf("got %v, changed %v, %v\nwant %v", got, changed, err, want)
			}
		})
	}
}

func TestTake(t *testing.T) {
	// Alice has two turns, of 6 h and of 2 h; after that the rota's turns are the roster's.
	turnEnd := func(at float64) int64 {
		if at < 6 {
			return hoursLater(6).Unix()
		}
		return hoursLater(1000).Unix()
	}
	for _, c := range []struct {
		name     string
		person   string
		at       float64
		from, to float64
		wrong    bool
	}{
		{"from who has it, until their turn ends", "bob", 6.5, 6.5, 8, false},
		{"by who is no member: that is for the caller to judge", "dave", 0, 0, 6, false},
		{"by who has it", "alice", 3, 0, 0, false},
		{"where nobody is on duty, until somebody is", "bob", 9, 9, 10, false},
		{"from who goes on with another turn", "carol", 1, 1, 6, false},
		{"of a turn without an end", "alice", 11, 0, 0, true},
		{"where nothing is known", "alice", 20, 0, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := turns(t, within, "alice:8 -:2 bob:8")
			from, to, err := custody.Take(in, c.person, turnEnd(c.at), hoursLater(c.at).Add(400*time.Millisecond))
			if (err != nil) != c.wrong || (c.wrong && fault.ReasonOf(err) != rpcv1.Reason_REASON_WRONG_STATE) {
				t.Fatalf("got %v", err)
			}
			if c.to == 0 {
				if from != to {
					t.Errorf("took [%d, %d), want nothing", from, to)
				}
				return
			}
			if from != hoursLater(c.from).Unix() || to != hoursLater(c.to).Unix() {
				t.Errorf("took [%d, %d)", from, to)
			}
		})
	}
	in := turns(t, within, "alice:8 -:2 bob:8")
	in.Record = ahead(record("alice", 0, 0), record("bob", 1, 10))
	if got, want := custody.Taken(in, "carol", hoursLater(2)), ahead(taken(record("carol", 2, 2)), record("bob", 1, 10)); !proto.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestWhoeverAcceptsHasIt: after any history of acceptances that were not refused, each person who accepted has their turn
// accepted from its start (or the acceptance) to its end, and nobody else's turn is changed by it.
func TestWhoeverAcceptsHasIt(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		people := []string{"alice", "bob", "carol"}
		var words []string
		for range rapid.IntRange(2, 12).Draw(r, "turns") {
			who := rapid.SampledFrom(append(people, "-")).Draw(r, "who")
			words = append(words, who+":"+rapid.SampledFrom([]string{"0.5", "1", "3", "8"}).Draw(r, "hours"))
		}
		in := turns(t, within, strings.Join(words, " "))
		_, toS := in.Roster.Horizon()
		nowS := monday.Unix()
		for range rapid.IntRange(1, 12).Draw(r, "acts") {
			nowS += rapid.Int64Range(0, 3*hourS).Draw(r, "later")
			now := time.Unix(nowS, 0)
			person := rapid.SampledFrom(people).Draw(r, "person")
			before := custody.State(in, now)
			after, _, err := custody.Accept(in, person, now)
			if err != nil {
				continue
			}
			in.Record = after
			state := custody.State(in, now)
			if state.GetOnDuty() == "people/"+person && (!state.GetAccepted() || state.GetHolder() != "people/"+person) {
				r.Fatalf("%s accepted at %s and does not have it: %v", person, now, state)
			}
			if state.GetOnDuty() != "people/"+person && (state.GetHolder() != before.GetHolder() || state.GetAccepted() != before.GetAccepted()) {
				r.Fatalf("%s accepted ahead at %s and changed who has it: %v to %v", person, now, before, state)
			}
			again, changed, err := custody.Accept(in, person, now)
			if err != nil || changed || !proto.Equal(again, after) {
				r.Fatalf("accepting again changed %v to %v, %v", after, again, err)
			}
			for _, a := range after.GetAhead() {
				then := custody.State(in, time.Unix(a.GetTurnFromUnixS(), 0))
				if !then.GetAccepted() || then.GetHolder() != "people/"+a.GetHolder() {
					r.Fatalf("%s accepted the turn of %d ahead and does not have it then: %v", a.GetHolder(), a.GetTurnFromUnixS(), then)
				}
			}
			if nowS >= toS {
				return
			}
		}
	})
}

// TestNobodyIsLateForARotaThatWasNotThere: whoever is on duty when a rota is written has the whole time to accept.
func TestNobodyIsLateForARotaThatWasNotThere(t *testing.T) {
	in := turns(t, within, "alice:24 bob:24")
	for _, c := range []struct{ created, due float64 }{{-5, 0.25}, {3, 3.25}} {
		s := in.Roster.Sheet()
		s.CreateUnixS = hoursLater(c.created).Unix()
		r, err := roster.New(roster.Spec{
			Sheet: s, FromUnixS: monday.Unix(), FirstFromUnixS: monday.Unix(), ToUnixS: hoursLater(48).Unix(),
			Lengths: []uint32{24 * hourS, 24 * hourS}, Holders: []uint32{1, 2},
		})
		if err != nil {
			t.Fatal(err)
		}
		state := custody.State(custody.In{Roster: r}, hoursLater(4))
		if !state.GetAcceptBy().AsTime().Equal(hoursLater(c.due)) {
			t.Errorf("written after %g h, it is due at %s", c.created, state.GetAcceptBy().AsTime())
		}
	}
}
