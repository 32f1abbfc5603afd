package flow_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"pgregory.net/rapid"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/continuation"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/flow"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

func drawLine(t *rapid.T, l *routingv1.Line) {
	treatment := func(class string) routingv1.Treatment {
		return routingv1.Treatment(rapid.SampledFrom([]int32{0, 1, 2, 3, 4, 5, 6, 6, 7, 7, 7, 7}).Draw(t, class))
	}
	l.Treatments = &routingv1.Treatments{
		Entitled: treatment("entitled"), NotEntitled: treatment("not entitled"), Unknown: treatment("unknown"),
		Declined: treatment("declined"),
	}
	l.Offers = rapid.SampledFrom([][]string{nil, {"offers/once"}, {"offers/once", "offers/day"}, {"offers/once", "offers/day", "offers/gone"}}).Draw(t, "offers")
	if rapid.Bool().Draw(t, "goodwill") {
		l.Goodwill = &routingv1.Goodwill{MaxCalls: rapid.Int32Range(0, 2).Draw(t, "goodwill calls"), Then: treatment("then")}
	}
	if rapid.Bool().Draw(t, "identification") {
		l.Identification = &routingv1.Identification{
			MaxTries: rapid.Int32Range(0, 5).Draw(t, "tries"), Pin: routingv1.PinPolicy(rapid.Int32Range(0, 3).Draw(t, "pin")),
		}
	}
	if rapid.Bool().Draw(t, "announcement") {
		l.Announcement = &routingv1.Speech{Text: "listen"}
	}
	if rapid.IntRange(0, 2).Draw(t, "published") > 0 {
		l.Visibility = routingv1.Visibility_VISIBILITY_PUBLISHED
		l.OutOfHours = &routingv1.OutOfHours{
			TransferLine: rapid.SampledFrom([]string{"", "lines/gold", "lines/public", "lines/gone"}).Draw(t, "transfer"),
			Reveal:       routingv1.Reveal(rapid.Int32Range(0, 2).Draw(t, "reveal")),
		}
	}
	if rapid.Bool().Draw(t, "budget") {
		l.RingBudget = &durationpb.Duration{Seconds: rapid.Int64Range(20, 300).Draw(t, "budget")}
	}
	l.Rotas = nil
	if rapid.Bool().Draw(t, "rota") {
		l.Rotas = []string{"rotas/nights"}
	}
}

func drawWalk(t *rapid.T) *walk {
	w := world(func(gold, public *routingv1.Line) { drawLine(t, gold); drawLine(t, public) })
	for i := range rapid.SampledFrom([]int{0, 0, 3, 30}).Draw(t, "more sites") {
		id := fmt.Sprintf("more-%02d", i)
		w.Sites = append(w.Sites, viewtest.Site(id, viewtest.Daily(0, 12, 3)...))
		w.Lines[0].Sites = append(w.Lines[0].Sites, &routingv1.LineSite{Site: "sites/" + id})
	}
	if rapid.Bool().Draw(t, "no site") {
		w.Sites = []*publishedv1.Site{viewtest.Site("sydney")}
	}
	w.Usage = []*publishedv1.Usage{viewtest.Goodwill("ended", 1), viewtest.NumberGoodwill(nobody, 1, 2)}
	c := &walk{
		limited: rapid.IntRange(0, 3).Draw(t, "limited") == 0,
		v:       w.View(), hour: rapid.SampledFrom([]float64{4, 11.5, 13}).Draw(t, "hour"), names: names(),
		unreachable: rapid.IntRange(0, 5).Draw(t, "unreachable") == 0,
	}
	c.call = decide.Call{
		ID: "1", Dialled: rapid.SampledFrom([]phone.Number{gold, public}).Draw(t, "dialled"),
		Caller:   rapid.SampledFrom([]phone.Number{0, acme, ended, ended, bridge, nobody, partner, reseller}).Draw(t, "caller"),
		Attested: rapid.Bool().Draw(t, "attested"),
		Gateway: rapid.SampledFrom([]decide.Capabilities{
			everything(), everything(), everything(), capable(routingv1.Capability_CAPABILITY_REDIRECT),
			capable(routingv1.Capability_CAPABILITY_FORWARD),
			capable(routingv1.Capability_CAPABILITY_FORWARD, routingv1.Capability_CAPABILITY_PROMPT),
			capable(routingv1.Capability_CAPABILITY_FORWARD, routingv1.Capability_CAPABILITY_PROMPT,
				routingv1.Capability_CAPABILITY_GATHER_SPEECH),
			capable(routingv1.Capability_CAPABILITY_REDIRECT, routingv1.Capability_CAPABILITY_PROMPT,
				routingv1.Capability_CAPABILITY_GATHER_DIGITS, routingv1.Capability_CAPABILITY_RECORD),
			capable(routingv1.Capability_CAPABILITY_RECORD),
		}).Draw(t, "gateway"),
	}
	return c
}

// drawAnswer is what a caller makes of a prompt or a recording.
func drawAnswer(t *rapid.T) flow.Outcome {
	said := rapid.SampledFrom([]string{"acme", "akme", "ended", "pinned", "bridge", "twins", "a", "who", "one", "oh", "2580", "1", "spoken", "Blue heron", "client one"})
	keys := rapid.SampledFrom([]string{"0", "1", "1", "1", "2", "7", "9", "2263", "2580", "1111#", "#", "*", "00", "1234567890123"})
	switch rapid.IntRange(0, 9).Draw(t, "answer") {
	case 0, 1, 2:
		return flow.Outcome{Input: &routingv1.Input{Speech: said.Draw(t, "said")}}
	case 3, 4, 5, 6:
		return flow.Outcome{Input: &routingv1.Input{Digits: keys.Draw(t, "keys")}}
	case 7:
		return flow.Outcome{Input: &routingv1.Input{NoInput: routingv1.NoInput(rapid.Int32Range(0, 2).Draw(t, "none"))}}
	case 8:
		return flow.Outcome{Recording: &routingv1.Recording{Uri: rapid.SampledFrom([]string{"", "file:///1"}).Draw(t, "uri")}}
	}
	return flow.Outcome{}
}

// drawRinging is how a gateway rings a ladder: each target in order, until somebody answers.
func drawRinging(t *rapid.T, d *decide.Decision) flow.Outcome {
	var o flow.Outcome
	for _, target := range d.Targets() {
		how := routingv1.Disposition(rapid.SampledFrom([]int32{0, 2, 3, 3, 4, 5, 5, 6}).Draw(t, "how"))
		if rapid.IntRange(0, 19).Draw(t, "answered") == 0 {
			how = routingv1.Disposition_DISPOSITION_ANSWERED
		}
		o.Attempts = append(o.Attempts, &routingv1.Attempt{TargetId: target.GetTargetId(), Disposition: how})
		if how == routingv1.Disposition_DISPOSITION_ANSWERED {
			break
		}
	}
	return o
}

// Guarantee 2 of the design: whatever a caller does, and however attempts end, the call comes to somebody who answered or to
// an end that has a reason, in few steps; nothing is asked too often, nor anything of somebody who wants a person; and
// whoever was busy or declined is not rung again.
func TestEveryCallComesToAnEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWalk(t)
		asked := map[string]int{}
		never := map[string]bool{}
		wanted := false
		for w.step < flow.MaxSteps {
			got := w.decide()
			asked[w.d.Line.ID+" "+got]++
			checkOffer(t, w)
			switch w.d.Step {
			case routingv1.StepKind_STEP_KIND_PROMPT:
				if wanted {
					t.Fatalf("%s to a caller who wants a person", got)
				}
			case routingv1.StepKind_STEP_KIND_FORWARD:
				checkLadder(t, w, never)
			case routingv1.StepKind_STEP_KIND_END, routingv1.StepKind_STEP_KIND_RECORD,
				routingv1.StepKind_STEP_KIND_UNSPECIFIED:
			}
			if w.state == nil { // nothing follows
				checkEnd(t, w, got)
				checkAsked(t, w, asked)
				return
			}
			o := drawAnswer(t)
			if w.d.Step == routingv1.StepKind_STEP_KIND_FORWARD {
				o = drawRinging(t, &w.d)
			}
			for _, a := range o.Attempts {
				if how := a.GetDisposition(); how == routingv1.Disposition_DISPOSITION_BUSY ||
					how == routingv1.Disposition_DISPOSITION_DECLINED {
					never[a.GetTargetId()] = true
				}
			}
			w.outcome(o)
			wanted = wanted || w.state.GetPersonWanted()
		}
		t.Fatalf("no end after %d steps: %v", w.step, asked)
	})
}

func checkLadder(t *rapid.T, w *walk, never map[string]bool) {
	targets := w.d.Targets()
	if len(targets) == 0 {
		t.Fatalf("a forward step without targets: %v", w.d.Verdicts())
	}
	if first := w.state.GetRound() == 0; first && !targets[len(targets)-1].GetLastResort() {
		t.Fatalf("a ladder of the first round without its last resort: %s", shape(&w.d))
	}
	// Guarantee 1: whatever came before the ladder, its first target is an open site whenever one is open.
	if len(w.call.State.GetTried()) == 0 && w.d.Open() > 0 && targets[0].GetSite() == "" {
		t.Fatalf("%d sites are open, and the ladder is %s", w.d.Open(), shape(&w.d))
	}
	for _, target := range targets {
		if never[target.GetTargetId()] {
			t.Fatalf("%s was busy or declined, and is rung again", target.GetTargetId())
		}
	}
}

// What a caller has accepted entitles them for the rest of the call, and what could not be recorded of it helps them first: no
// such call is refused.
func checkOffer(t *rapid.T, w *walk) {
	entitled := w.d.Class == routingv1.CallerClass_CALLER_CLASS_ENTITLED
	switch fate := w.call.State.GetOffer(); fate {
	case routingv1.OfferFate_OFFER_FATE_ACCEPTED, routingv1.OfferFate_OFFER_FATE_PENDING, routingv1.OfferFate_OFFER_FATE_SPOOLED:
		if !entitled || w.d.Offer != fate {
			t.Fatalf("accepted, and %v (%v)", w.d.Class, w.d.Offer)
		}
	case routingv1.OfferFate_OFFER_FATE_HELPED_FIRST:
		if !entitled && !w.d.FollowUp {
			t.Fatalf("to be helped first, and %v", w.d.Treatment)
		}
	case routingv1.OfferFate_OFFER_FATE_UNSPECIFIED, routingv1.OfferFate_OFFER_FATE_MADE,
		routingv1.OfferFate_OFFER_FATE_DECLINED, routingv1.OfferFate_OFFER_FATE_NOT_CARRIED:
	}
	if made := len(w.d.Offers()); made > 0 != (w.d.Prompt == routingv1.PromptKind_PROMPT_KIND_OFFER) ||
		w.state != nil && len(w.state.GetMade()) != made {
		t.Fatalf("%d offers with %v, %d of them sealed", made, w.d.Prompt, len(w.state.GetMade()))
	}
}

// checkEnd: the step behind which nothing follows is one that may be the last.
func checkEnd(t *rapid.T, w *walk, got string) {
	can := func(one routingv1.Capability) bool { return w.call.Gateway&capable(one) != 0 }
	class := w.d.Treatment
	switch {
	case strings.HasPrefix(got, "forward") && !can(routingv1.Capability_CAPABILITY_FORWARD):
	case got == "end OVER", got == "end MESSAGE_TAKEN":
	case got == "end REFUSED" && class == routingv1.Treatment_TREATMENT_REJECT:
	case got == "end NOBODY_ANSWERED" && w.call.State.GetRound() >= 1:
	case got == "end UNAVAILABLE" && !can(routingv1.Capability_CAPABILITY_FORWARD) &&
		!can(routingv1.Capability_CAPABILITY_REDIRECT):
	default:
		t.Fatalf("the call ends with %s, round %d", got, w.call.State.GetRound())
	}
}

func checkAsked(t *rapid.T, w *walk, asked map[string]int) {
	for what, n := range asked {
		line, kind, _ := strings.Cut(what, " ")
		most := 1
		switch kind {
		case "prompt NAME", "prompt WHICH", "prompt PIN": // an offer once, whatever else
			most = 2
			if tries := w.v.LineByID(line).Identification().GetMaxTries(); tries > 0 {
				most = int(tries)
			}
		case "record":
			most = 2
		}
		if strings.HasPrefix(kind, "prompt ") && n > most || kind == "record" && n > most {
			t.Fatalf("%s %d times, at most %d", what, n, most)
		}
	}
}

// A gateway that tells nonsense gets no further than any other: its call has a next step for as long as its continuations
// are read, and what is sealed fits a token.
func TestNonsenseOfAGatewayStopsNoCall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWalk(t)
		ids := rapid.SampledFrom([]string{"sydney.1", "dublin.1", "last-resort", "more-01.1", "person.anna.1", "", "x"})
		for range flow.MaxSteps {
			got := w.decide()
			if w.state == nil {
				return
			}
			if w.d.Step == routingv1.StepKind_STEP_KIND_FORWARD && len(w.d.Targets()) == 0 {
				t.Fatalf("%s: no targets", got)
			}
			if n := proto.Size(w.state); n > continuation.MaxTokenBytes-200 || len(w.state.GetTried()) > continuation.MaxTried {
				t.Fatalf("a state of %d bytes, %d targets tried", n, len(w.state.GetTried()))
			}
			o := drawAnswer(t)
			for range rapid.IntRange(0, 64).Draw(t, "attempts") {
				o.Attempts = append(o.Attempts, &routingv1.Attempt{
					TargetId:    ids.Draw(t, "target"),
					Disposition: routingv1.Disposition(rapid.SampledFrom([]int32{0, 2, 3, 3, 4, 5, 6, 9}).Draw(t, "how")),
				})
			}
			w.outcome(o)
		}
		// The safe step behind: the ladder of the line dialled, whole.
		w.state, w.call.Fate = flow.Safe(w.state, nil), routingv1.ContinuationFate_CONTINUATION_FATE_TOO_MANY_STEPS
		w.call.Gateway = w.call.Gateway.Silent()
		switch got := w.decide(); {
		case w.state != nil:
			t.Fatalf("%s, and something follows", got)
		case strings.HasPrefix(got, "prompt"), got == "record":
			t.Fatalf("the safe step is %s", got)
		}
	})
}

// FuzzAdvance: whatever was sealed by whichever release, and whatever a gateway tells, there is a state behind it.
func FuzzAdvance(f *testing.F) {
	add := func(s *routingv1.ContinuationState, r *routingv1.ContinueCallRequest) {
		state, err := proto.Marshal(s)
		if err != nil {
			f.Fatal(err)
		}
		request, err := proto.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(state, request, "gold")
	}
	for kind := range routingv1.PromptKind_name {
		add(&routingv1.ContinuationState{Asked: routingv1.PromptKind(kind), Offered: []string{"acme"}, Customer: "acme"},
			&routingv1.ContinueCallRequest{Input: &routingv1.Input{Digits: "1", Speech: "one"}})
	}
	add(&routingv1.ContinuationState{Recording: true}, &routingv1.ContinueCallRequest{Recording: &routingv1.Recording{Uri: "x"}})
	f.Fuzz(func(t *testing.T, state, request []byte, menu string) {
		var s routingv1.ContinuationState
		var r routingv1.ContinueCallRequest
		if proto.Unmarshal(state, &s) != nil || proto.Unmarshal(request, &r) != nil || len(s.GetTried()) > continuation.MaxTried {
			return
		}
		next, need := flow.Advance(&s, flow.Outcome{
			Attempts: r.GetAttempts(), Input: r.GetInput(), Recording: r.GetRecording(), MenuLine: menu,
		})
		if next == nil || len(next.GetTried()) > continuation.MaxTried {
			t.Fatalf("%d targets tried", len(next.GetTried()))
		}
		if need.Kind == flow.NeedPIN && (need.Customer == "" || need.PIN+need.Phrase == "" || len(need.PIN) > 12 || strings.Trim(need.PIN, "0123456789") != "") {
			t.Fatal("a PIN that nobody can have")
		}
		if need.Kind == flow.NeedAccept && need.Offer == nil {
			t.Fatal("an acceptance of nothing")
		}
		if next.GetOffer() != s.GetOffer() && next.GetOffer() != routingv1.OfferFate_OFFER_FATE_DECLINED {
			t.Fatal("an acceptance that nobody recorded")
		}
		if need.Kind == flow.NeedName && strings.Trim(need.Digits, "0123456789*#") != "" {
			t.Fatal("a name that no keypad types")
		}
		if s.GetMessageTaken() != next.GetMessageTaken() && r.GetRecording().GetUri() == "" {
			t.Fatal("a message out of nothing")
		}
	})
}
