package alert_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"pgregory.net/rapid"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/alert"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

const dialled = phone.Number(61255500100)

// One site, open from 9 to 17, and one person on duty from 20 to 24.
func world() viewtest.World {
	line := viewtest.Line("gold", dialled, "dublin")
	line.Rotas = []string{"rotas/nights"}
	return viewtest.World{
		Sites: []*publishedv1.Site{viewtest.Site("dublin", viewtest.Span{9, 17})},
		Rotas: []*publishedv1.Rota{viewtest.Rota("nights", 48, viewtest.Turn{From: 0}, viewtest.Turn{From: 20, Person: "anna"},
			viewtest.Turn{From: 24})},
		Lines: []*routingv1.Line{line},
	}
}

func TestWhatRaisesAnAlert(t *testing.T) {
	redirect := decide.CapabilitiesOf(nil)
	for what, c := range map[string]struct {
		hour    float64
		number  phone.Number
		gateway decide.Capabilities
		tried   int
		want    routingv1.AlertKind
	}{
		"a site is open":                       {10, dialled, redirect, 0, alert.None},
		"somebody is on duty":                  {21, dialled, redirect, 0, alert.None},
		"nobody is there":                      {18, dialled, redirect, 0, alert.NobodyThere},
		"somebody was there earlier, and rung": {18, dialled, redirect, 1, alert.None},
		"a gateway that cannot send a call on": {10, dialled, decide.CapabilitiesOf([]routingv1.Capability{
			routingv1.Capability_CAPABILITY_PROMPT}), 0, alert.NotCarried},
		"strangers' numbers": {18, 61255500999, redirect, 0, alert.None},
	} {
		t.Run(what, func(t *testing.T) {
			var d decide.Decision
			call := decide.Call{ID: "c1", Dialled: c.number, Gateway: c.gateway}
			decide.Decide(&d, world().View(), call, viewtest.At(c.hour), decide.MaxSites)
			if got := alert.Of(&d, c.tried); got != c.want {
				t.Errorf("got %v, want %v (%v)", got, c.want, d.Verdicts())
			}
		})
	}
	ended := &decide.Decision{
		Step: routingv1.StepKind_STEP_KIND_END, End: routingv1.EndCause_END_CAUSE_NOBODY_ANSWERED,
	}
	if got := alert.Of(ended, 3); got != alert.NobodyAnswered {
		t.Errorf("nobody answered: %v", got)
	}
	ended.End = routingv1.EndCause_END_CAUSE_OVER
	if got := alert.Of(ended, 3); got != alert.None {
		t.Errorf("the call is over: %v", got)
	}
}

// A line that has hours, or tells its callers that nobody is there, means to be closed then; drained it does not.
func TestALineThatIsClosedAsItIsMeantRaisesNone(t *testing.T) {
	for what, policy := range map[string]func(*routingv1.Line){
		"service hours": func(l *routingv1.Line) { l.ServiceHours = &schedulev1.ServiceHours{TimeZone: "UTC"} },
		"out of hours":  func(l *routingv1.Line) { l.OutOfHours = &routingv1.OutOfHours{} },
	} {
		w := world()
		w.Lines[0].Visibility = routingv1.Visibility_VISIBILITY_PUBLISHED
		policy(w.Lines[0])
		of := func(w viewtest.World, hour float64) routingv1.AlertKind {
			var d decide.Decision
			call := decide.Call{ID: "c1", Dialled: dialled, Gateway: decide.CapabilitiesOf(nil)}
			decide.Decide(&d, w.View(), call, viewtest.At(hour), decide.MaxSites)
			return alert.Of(&d, 0)
		}
		if got := of(w, 18); got != alert.None {
			t.Errorf("%s: closed, and %v", what, got)
		}
		w.Drains = append(w.Drains, viewtest.Drain("flood", "sites/dublin", 0, 48))
		if got := of(w, 10); got != alert.NobodyThere {
			t.Errorf("%s: drained, and %v", what, got)
		}
	}
}

func seen(kind routingv1.AlertKind, at float64) alert.Seen {
	return alert.Seen{Kind: kind, Line: "gold", CallID: "c1", Gateway: "edge-1", At: viewtest.At(at)}
}

func TestWhatItSays(t *testing.T) {
	message := seen(alert.MessageLeft, 1)
	message.Customer = "acme"
	message.Recording = &routingv1.Recording{Uri: "https://edge.example/1.wav", Length: &durationpb.Duration{Seconds: 95}}
	nameless := seen(alert.NotCarried, 1)
	nameless.Gateway = ""
	for want, s := range map[string]alert.Seen{
		"alerts/nobody-there-gold A call to lines/gold found no site to ring and nobody on duty: it went to the last resort alone.": seen(alert.NobodyThere, 1),
		"alerts/nobody-answered-gold Nobody answered a call to lines/gold, the last resort neither.":                                seen(alert.NobodyAnswered, 1),
		"alerts/not-carried-gold Gateway edge-1 could carry nothing that lines/gold has; its callers hear an error.":                seen(alert.NotCarried, 1),
		"alerts/not-carried-gold A gateway could carry nothing that lines/gold has; its callers hear an error.":                     nameless,
		"alerts/message-7nvtzoqy5zf4b6ne A message of 1m35s was left on lines/gold by customers/acme.":                              message,
	} {
		a := alert.Note(nil, s)
		if got := a.GetName() + " " + a.GetText(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	a := alert.Note(nil, message)
	if a.GetRecordingUri() != "https://edge.example/1.wav" || strings.Contains(a.GetText()+a.GetName(), "edge.example") {
		t.Errorf("where the message is must be in its field alone: %v", a)
	}
	// What no recording can be is not passed on.
	for _, l := range []*durationpb.Duration{{Seconds: -1}, {Seconds: 1 << 40}, {Nanos: -5}, {Seconds: 1, Nanos: 2e9}, nil} {
		message.Recording.Length = l
		if a := alert.Note(nil, message); a.GetRecordingLength() != nil || !strings.HasPrefix(a.GetText(), "A message was left") {
			t.Errorf("length %v: %v", l, a)
		}
	}
}

func TestSeenAgain(t *testing.T) {
	first := alert.Note(nil, seen(alert.NobodyThere, 1))
	if again := alert.Note(first, seen(alert.NobodyThere, 1+59./3600)); again != nil {
		t.Errorf("noted again within a minute: %v", again)
	}
	later := alert.Note(first, seen(alert.NobodyThere, 2))
	if !later.GetFirstTime().AsTime().Equal(viewtest.At(1)) || !later.GetLastTime().AsTime().Equal(viewtest.At(2)) {
		t.Errorf("seen an hour later: %v", later)
	}
	if first.GetLastTime().AsTime() != viewtest.At(1) {
		t.Error("what stood was changed")
	}
	resolved := alert.Resolve(later, "anna", viewtest.At(3))
	if alert.Resolve(resolved, "bob", viewtest.At(4)) != nil || resolved.GetResolvedBy() != "anna" {
		t.Errorf("resolved twice: %v", resolved)
	}
	if late := alert.Note(resolved, seen(alert.NobodyThere, 2.9)); late != nil {
		t.Errorf("a call before it was resolved opens it again: %v", late)
	}
	anew := alert.Note(resolved, seen(alert.NobodyThere, 3.1))
	if anew.GetResolveTime() != nil || !anew.GetFirstTime().AsTime().Equal(viewtest.At(3.1)) || anew.GetResolvedBy() != "" {
		t.Errorf("a call after it was resolved: %v", anew)
	}
	week := later.GetLastTime().AsTime().Add(7 * 24 * time.Hour)
	if alert.Gone(later, week) || !alert.Gone(later, week.Add(time.Second)) {
		t.Error("an alert goes a week after it was last seen")
	}
}

// TestMessagesAreKeptApart: the same message told twice is one, and no other is taken for it.
func TestMessagesAreKeptApart(t *testing.T) {
	message := func(gateway, call, uri string) alert.Seen {
		s := seen(alert.MessageLeft, 1)
		s.Gateway, s.CallID, s.Recording = gateway, call, &routingv1.Recording{Uri: uri}
		return s
	}
	one := message("edge-1", "c1", "u")
	if alert.Note(alert.Note(nil, one), one) != nil {
		t.Error("a message told twice is written twice")
	}
	for _, other := range []alert.Seen{message("edge-2", "c1", "u"), message("edge-1", "c2", "u"), message("edge-1", "c1", "v"), message("edge-", "1c1", "u")} {
		if other.ID() == one.ID() {
			t.Errorf("%+v and %+v are one", other, one)
		}
	}
}

// TestNotesProperty: however often, in which order and by how many something is seen, what is noted never goes back in time,
// is written at most once a minute, and stays resolved unless it is seen later.
func TestNotesProperty(t *testing.T) {
	name := regexp.MustCompile(`^alerts/[a-z0-9][a-z0-9-]{0,126}$`) // the API's rule
	rapid.Check(t, func(t *rapid.T) {
		kind := routingv1.AlertKind(rapid.IntRange(1, 4).Draw(t, "kind"))
		line := rapid.StringMatching(`[a-z]([a-z0-9-]{0,61}[a-z0-9])?`).Draw(t, "line")
		var stands *routingv1.Alert
		for range rapid.IntRange(1, 30).Draw(t, "times") {
			at := viewtest.At(0).Add(time.Duration(rapid.IntRange(0, 3600).Draw(t, "at s")) * time.Second)
			if stands != nil && rapid.IntRange(0, 5).Draw(t, "resolve") == 0 {
				if next := alert.Resolve(stands, "x", at); next != nil {
					stands = next
				}
				continue
			}
			next := alert.Note(stands, alert.Seen{Kind: kind, Line: line, At: at})
			if next == nil {
				continue
			}
			switch {
			case !name.MatchString(next.GetName()) || next.GetText() == "" || next.GetResolveTime() != nil:
				t.Fatalf("%v", next)
			case stands == nil:
			case stands.GetResolveTime() != nil && !at.After(stands.GetResolveTime().AsTime()):
				t.Fatalf("opened again by what was before: %v", next)
			case stands.GetResolveTime() == nil && at.Sub(stands.GetLastTime().AsTime()) < alert.RefreshEvery:
				t.Fatalf("noted twice within a minute: %v", next)
			}
			stands = next
		}
	})
}
