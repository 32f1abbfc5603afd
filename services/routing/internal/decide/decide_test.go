package decide_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/view"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

const (
	unknownANI = phone.Number(13035550199)
	sharedANI  = phone.Number(13035550150)
)

// followTheSun is the example of the README: four sites round the globe, each nine to five in its own zone.
func followTheSun() viewtest.World {
	gold := viewtest.Line("gold", lineNumber, "sydney", "bengaluru", "dublin", "denver")
	gold.Product = "db"
	return viewtest.World{
		Sites: []*publishedv1.Site{
			viewtest.Site("sydney", viewtest.Daily(-2, 6, 20)...), viewtest.Site("bengaluru", viewtest.Daily(3.5, 11.5, 20)...),
			viewtest.Site("dublin", viewtest.Daily(9, 17, 20)...), viewtest.Site("denver", viewtest.Daily(16, 21, 20)...),
		},
		Customers: []*publishedv1.Customer{
			viewtest.Customer("acme", []phone.Number{firstANI}, viewtest.Contract("db", -100, 100)),
			viewtest.Customer("bridge-1", []phone.Number{sharedANI}, viewtest.Contract("db", -100, 100)),
			viewtest.Customer("bridge-2", []phone.Number{sharedANI}, viewtest.Contract("db", -100, 100)),
		},
		Lines: []*routingv1.Line{gold},
	}
}

func call() decide.Call {
	return decide.Call{ID: "call-1", Dialled: lineNumber, Caller: firstANI, Gateway: decide.CapabilitiesOf(nil)}
}

func run(v *view.View, c decide.Call, at time.Time) *decide.Decision {
	var d decide.Decision
	decide.Decide(&d, v, c, at, decide.MaxSites)
	return &d
}

// ladder is the targets' ids, for reading.
func ladder(d *decide.Decision) string {
	var ids []string
	for _, t := range d.Targets() {
		ids = append(ids, t.GetTargetId())
	}
	return strings.Join(ids, " ")
}

func verdicts(d *decide.Decision) string {
	var names []string
	for _, v := range d.Verdicts() {
		names = append(names, strings.TrimPrefix(v.String(), "VERDICT_"))
	}
	return strings.Join(names, " ")
}

func TestACallFollowsTheSun(t *testing.T) {
	v := followTheSun().View()
	for _, c := range []struct {
		hour   float64
		ladder string
		until  float64
	}{
		{0, "sydney.1 last-resort", 3.5},
		{3.5, "bengaluru.1 sydney.1 last-resort", 6},
		{6, "bengaluru.1 last-resort", 9},
		{9, "dublin.1 bengaluru.1 last-resort", 11.5},
		{11.5, "dublin.1 last-resort", 16},
		{16.5, "denver.1 dublin.1 last-resort", 17},
		{21, "last-resort", 22}, // a gap
		{22, "sydney.1 last-resort", 27.5},
		{24 * 40, "last-resort", 0}, // outside every horizon nothing is known, and somebody answers all the same
	} {
		d := run(v, call(), viewtest.At(c.hour))
		if ladder(d) != c.ladder {
			t.Errorf("at %v h: %s, want %s", c.hour, ladder(d), c.ladder)
		}
		if c.until != 0 && d.ValidUntilUnixS != viewtest.At(c.until).Unix() {
			t.Errorf("at %v h: valid until %v, want %v h", c.hour, time.Unix(d.ValidUntilUnixS, 0).UTC(), c.until)
		}
	}
}

func TestVerdictsOfEachStage(t *testing.T) {
	rejecting := followTheSun()
	rejecting.Lines[0].Treatments = &routingv1.Treatments{
		NotEntitled: routingv1.Treatment_TREATMENT_REJECT, Unknown: routingv1.Treatment_TREATMENT_REJECT,
	}
	otherProduct := followTheSun()
	otherProduct.Lines[0].Product = "web"
	const entitled, notEntitled, unknown = routingv1.CallerClass_CALLER_CLASS_ENTITLED,
		routingv1.CallerClass_CALLER_CLASS_NOT_ENTITLED, routingv1.CallerClass_CALLER_CLASS_UNKNOWN
	for what, c := range map[string]struct {
		world    viewtest.World
		change   func(*decide.Call)
		hour     float64
		verdicts string
		class    routingv1.CallerClass
		end      routingv1.EndCause
	}{
		"no line has the number": {
			followTheSun(), func(c *decide.Call) { c.Dialled++ }, 0, "LINE_UNKNOWN", 0,
			routingv1.EndCause_END_CAUSE_UNKNOWN_LINE,
		},
		"what was dialled is no number": {
			followTheSun(), func(c *decide.Call) { c.Dialled = 0 }, 0, "LINE_UNKNOWN", 0,
			routingv1.EndCause_END_CAUSE_UNKNOWN_LINE,
		},
		"a line by name": {
			followTheSun(), func(c *decide.Call) { c.Dialled, c.LineID = 0, "gold" }, 0,
			"LINE_FOUND CALLER_UNVERIFIED ENTITLED_BY_CONTRACT TREATMENT_FORWARD SITES_OPEN LADDER_SITES", entitled, 0,
		},
		"no line has the name": {
			followTheSun(), func(c *decide.Call) { c.LineID = "silver" }, 0, "LINE_UNKNOWN", 0,
			routingv1.EndCause_END_CAUSE_UNKNOWN_LINE,
		},
		"an attested number": {
			followTheSun(), func(c *decide.Call) { c.Attested = true }, 0,
			"LINE_FOUND CALLER_VERIFIED ENTITLED_BY_CONTRACT TREATMENT_FORWARD SITES_OPEN LADDER_SITES", entitled, 0,
		},
		"a stranger is connected and flagged": {
			followTheSun(), func(c *decide.Call) { c.Caller = unknownANI }, 0,
			"LINE_FOUND CALLER_UNKNOWN ENTITLEMENT_UNKNOWN TREATMENT_FORWARD SITES_OPEN LADDER_SITES", unknown, 0,
		},
		"a withheld number too": {
			followTheSun(), func(c *decide.Call) { c.Caller = 0 }, 0,
			"LINE_FOUND CALLER_WITHHELD ENTITLEMENT_UNKNOWN TREATMENT_FORWARD SITES_OPEN LADDER_SITES", unknown, 0,
		},
		"a shared number is never guessed about": {
			followTheSun(), func(c *decide.Call) { c.Caller, c.Attested = sharedANI, true }, 0,
			"LINE_FOUND CALLER_AMBIGUOUS ENTITLEMENT_UNKNOWN TREATMENT_FORWARD SITES_OPEN LADDER_SITES", unknown, 0,
		},
		"a stranger on a line for customers": {
			rejecting, func(c *decide.Call) { c.Caller = unknownANI }, 0,
			"LINE_FOUND CALLER_UNKNOWN ENTITLEMENT_UNKNOWN TREATMENT_REJECT", unknown,
			routingv1.EndCause_END_CAUSE_REFUSED,
		},
		"a contract that has ended": {
			rejecting, func(*decide.Call) {}, 101, "LINE_FOUND CALLER_UNVERIFIED CONTRACT_ENDED TREATMENT_REJECT", notEntitled,
			routingv1.EndCause_END_CAUSE_REFUSED,
		},
		"a contract that begins later": {
			rejecting, func(*decide.Call) {}, -101, "LINE_FOUND CALLER_UNVERIFIED CONTRACT_NOT_STARTED TREATMENT_REJECT",
			notEntitled, routingv1.EndCause_END_CAUSE_REFUSED,
		},
		"another product, on a line that helps all the same": {
			otherProduct, func(*decide.Call) {}, 21.5,
			"LINE_FOUND CALLER_UNVERIFIED OTHER_PRODUCT TREATMENT_FORWARD SITES_NONE_OPEN LADDER_LAST_RESORT_ONLY", notEntitled, 0,
		},
		"a gateway that forwards by itself": {
			followTheSun(), func(c *decide.Call) {
				c.Gateway = decide.CapabilitiesOf([]routingv1.Capability{routingv1.Capability_CAPABILITY_FORWARD})
			}, 0, "LINE_FOUND CALLER_UNVERIFIED ENTITLED_BY_CONTRACT TREATMENT_FORWARD SITES_OPEN LADDER_SITES", entitled, 0,
		},
		"a gateway that can carry nothing": {
			followTheSun(), func(c *decide.Call) {
				c.Gateway = decide.CapabilitiesOf([]routingv1.Capability{routingv1.Capability_CAPABILITY_PROMPT})
			}, 0, "LINE_FOUND CALLER_UNVERIFIED ENTITLED_BY_CONTRACT TREATMENT_FORWARD SITES_OPEN LADDER_NOT_CARRIED", entitled,
			routingv1.EndCause_END_CAUSE_UNAVAILABLE,
		},
	} {
		t.Run(what, func(t *testing.T) {
			cl := call()
			c.change(&cl)
			d := run(c.world.View(), cl, viewtest.At(c.hour))
			if verdicts(d) != c.verdicts {
				t.Errorf("verdicts\n%s, want\n%s", verdicts(d), c.verdicts)
			}
			if d.Class != c.class || d.End != c.end {
				t.Errorf("class %v and end %v, want %v and %v", d.Class, d.End, c.class, c.end)
			}
			if (d.End == 0) != (len(d.Targets()) > 0) {
				t.Errorf("end %v with targets %s", d.End, ladder(d))
			}
		})
	}
}

func TestCandidatesAreNamedAtMostEight(t *testing.T) {
	w := followTheSun()
	for i := range 12 {
		w.Customers = append(w.Customers, viewtest.Customer(fmt.Sprintf("c%02d", 11-i), []phone.Number{unknownANI}))
	}
	c := call()
	c.Caller = unknownANI
	var names []string
	for _, k := range run(w.View(), c, viewtest.At(0)).Candidates() {
		names = append(names, k.Name)
	}
	want := "customers/c00 customers/c01 customers/c02 customers/c03 customers/c04 customers/c05 customers/c06 customers/c07"
	if strings.Join(names, " ") != want {
		t.Errorf("candidates %v", names)
	}
}

func TestOrderOfSites(t *testing.T) {
	for what, c := range map[string]struct {
		sites []string // id:tier:hours left[:out], in the line's order
		line  func(*routingv1.Line)
		want  string
	}{
		"most time left first":                      {[]string{"a:0:2", "b:0:5", "c:0:3"}, nil, "b.1 c.1 a.1"},
		"a lower tier before":                       {[]string{"a:1:8", "b:0:1"}, nil, "b.1 a.1"},
		"in-house before":                           {[]string{"a:0:8:out", "b:0:1"}, nil, "b.1 a.1"},
		"the tier before the house":                 {[]string{"a:1:8", "b:0:1:out"}, nil, "b.1 a.1"},
		"round the clock does not always win":       {[]string{"a:1:300", "b:0:5", "c:0:13"}, nil, "c.1 b.1 a.1"},
		"closing soon comes behind all others":      {[]string{"a:0:0.4", "b:1:5", "c:1:4:out"}, minRemaining(30), "b.1 c.1 a.1"},
		"exactly min_remaining is enough":           {[]string{"a:0:0.5", "b:1:5"}, minRemaining(30), "a.1 b.1"},
		"all closing soon":                          {[]string{"a:1:0.4", "b:0:0.1", "c:0:0.3"}, minRemaining(30), "c.1 b.1 a.1"},
		"min_remaining of the most that counts":     {[]string{"a:0:11", "b:1:300"}, minRemaining(720), "b.1 a.1"},
		"priority is the line's order, tiers first": {[]string{"a:1:9", "b:0:1:out", "c:0:5"}, priority, "b.1 c.1 a.1"},
		"priority does not look at the time left":   {[]string{"a:0:0.1", "b:0:9"}, priority, "a.1 b.1"},
	} {
		t.Run(what, func(t *testing.T) {
			w := viewtest.World{Lines: []*routingv1.Line{viewtest.Line("gold", lineNumber)}}
			for _, text := range c.sites {
				addSite(t, &w, text)
			}
			if c.line != nil {
				c.line(w.Lines[0])
			}
			if got := ladder(run(w.View(), call(), viewtest.At(0))); got != c.want+" last-resort" {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func minRemaining(minutes int) func(*routingv1.Line) {
	return func(l *routingv1.Line) { viewtest.MinRemaining(l, time.Duration(minutes)*time.Minute) }
}

func priority(l *routingv1.Line) {
	l.Strategy = routingv1.Strategy_STRATEGY_PRIORITY
	viewtest.MinRemaining(l, 12*time.Hour) // says nothing to this strategy
}

func addSite(t *testing.T, w *viewtest.World, text string) {
	t.Helper()
	parts := strings.Split(text, ":")
	var tier int32
	var left float64
	if _, err := fmt.Sscan(parts[1]+" "+parts[2], &tier, &left); err != nil {
		t.Fatal(err)
	}
	s := viewtest.Site(parts[0], viewtest.Span{-1, left})
	s.Outsourced = len(parts) > 3
	w.Sites = append(w.Sites, s)
	w.Lines[0].Sites = append(w.Lines[0].Sites, &routingv1.LineSite{Site: "sites/" + parts[0], Tier: tier})
}

func TestTiesAreSpreadOverCalls(t *testing.T) {
	w := viewtest.World{Lines: []*routingv1.Line{viewtest.Line("gold", lineNumber)}}
	for _, text := range []string{"a:0:5", "b:0:5", "c:0:5"} {
		addSite(t, &w, text)
	}
	v := w.View()
	first := map[string]int{}
	for i := range 3000 {
		c := call()
		c.ID = fmt.Sprintf("call-%d", i)
		first[run(v, c, viewtest.At(0)).FirstSite().ID]++
	}
	for _, id := range []string{"a", "b", "c"} {
		if first[id] < 850 || first[id] > 1150 {
			t.Errorf("site %s is first for %d of 3,000 calls", id, first[id])
		}
	}
}

func TestLadderTriesEverySiteBeforeOneTwice(t *testing.T) {
	w := viewtest.World{Lines: []*routingv1.Line{viewtest.Line("gold", lineNumber)}}
	for _, text := range []string{"a:0:5", "b:1:5", "c:2:5"} {
		addSite(t, &w, text)
	}
	w.Sites[0].Targets = []string{"sip:a1@example.com", "+61255500011", "sip:a3@example.com"}
	w.Sites[2].Targets = []string{"sip:c1@example.com", "sip:c2@example.com"}
	if got := ladder(run(w.View(), call(), viewtest.At(0))); got != "a.1 b.1 c.1 a.2 c.2 a.3 last-resort" {
		t.Error(got)
	}
	for i := range w.Sites {
		w.Sites[i].Targets = slices.Repeat([]string{"sip:x@example.com"}, 8)
	}
	want := "a.1 b.1 c.1 a.2 b.2 c.2 a.3 b.3 c.3 a.4 b.4 c.4 a.5 b.5 c.5 last-resort"
	if got := ladder(run(w.View(), call(), viewtest.At(0))); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestExplanationNamesEverySiteOrSaysHowManyItLeavesOut(t *testing.T) {
	w := viewtest.World{Lines: []*routingv1.Line{viewtest.Line("gold", lineNumber)}}
	for i := range 40 {
		// The first 21 are closed; of the others the last 15 are on the ladder.
		left := float64(i - 20)
		if left <= 0 {
			left = -0.5
		}
		addSite(t, &w, fmt.Sprintf("s%02d:%d:%v", i, 99-i, left))
	}
	d := run(w.View(), call(), viewtest.At(0))
	if len(d.Sites()) != 32 || d.SitesOmitted != 8 || d.Open() != 19 {
		t.Fatalf("%d sites, %d omitted, %d open", len(d.Sites()), d.SitesOmitted, d.Open())
	}
	ranks := 0
	for i, s := range d.Sites() {
		if s.Rank > 0 {
			ranks++
		}
		if i > 0 && s.At.Site.ID <= d.Sites()[i-1].At.Site.ID {
			t.Error("sites are not in the line's order")
		}
	}
	if ranks != 15 || d.Sites()[31].Rank != 1 || d.Sites()[31].Reason != routingv1.SiteReason_SITE_REASON_FIRST {
		t.Errorf("%d of the sites have a rank, the last is %+v", ranks, d.Sites()[31])
	}
	decide.Decide(d, w.View(), call(), viewtest.At(0), 1000)
	if len(d.Sites()) != 40 || d.SitesOmitted != 0 {
		t.Errorf("a dry run explains %d sites, %d omitted", len(d.Sites()), d.SitesOmitted)
	}
	reasons := map[routingv1.SiteReason]int{}
	for _, s := range d.Sites() {
		reasons[s.Reason]++
	}
	for reason, want := range map[routingv1.SiteReason]int{
		routingv1.SiteReason_SITE_REASON_CLOSED: 21, routingv1.SiteReason_SITE_REASON_BEYOND_TARGET_LIMIT: 4,
		routingv1.SiteReason_SITE_REASON_NEXT: 14, routingv1.SiteReason_SITE_REASON_FIRST: 1,
	} {
		if reasons[reason] != want {
			t.Errorf("%v: %d sites, want %d", reason, reasons[reason], want)
		}
	}
}

func TestReasonsOfSites(t *testing.T) {
	w := viewtest.World{Lines: []*routingv1.Line{viewtest.Line("gold", lineNumber)}}
	for _, text := range []string{"first:0:5", "next:1:5", "soon:0:0.2", "closed:0:-0.5", "mute:0:9"} {
		addSite(t, &w, text)
	}
	viewtest.MinRemaining(w.Lines[0], time.Hour)
	w.Sites[4].Targets = nil
	w.Lines[0].Sites = append(w.Lines[0].Sites, &routingv1.LineSite{Site: "sites/gone"})
	v := w.View()
	reasons := func(c decide.Call) string {
		var out []string
		for _, s := range run(v, c, viewtest.At(0)).Sites() {
			reason := strings.TrimPrefix(s.Reason.String(), "SITE_REASON_")
			out = append(out, fmt.Sprintf("%s:%s:%d", s.At.Site.ID, reason, s.Rank))
		}
		return strings.Join(out, " ")
	}
	want := "first:FIRST:1 next:NEXT:2 soon:CLOSING_SOON:3 closed:CLOSED:0 mute:NOT_CARRIED:0 gone:NO_TIMELINE:0"
	if got := reasons(call()); got != want {
		t.Errorf("%s, want\n%s", got, want)
	}
	c := call()
	c.Gateway = 0
	want = "first:NOT_CARRIED:0 next:NOT_CARRIED:0 soon:NOT_CARRIED:0 closed:CLOSED:0 mute:NOT_CARRIED:0 gone:NO_TIMELINE:0"
	if got := reasons(c); got != want {
		t.Errorf("%s, want\n%s", got, want)
	}
}

// A tie at the cap is settled by the call; it ends when one of the tied has less than twelve hours left.
func TestValidUntilTheTieAtTheCapEnds(t *testing.T) {
	for what, c := range map[string]struct {
		sites []string
		line  func(*routingv1.Line)
		until time.Duration
	}{
		"alone at the cap":           {[]string{"a:0:20", "b:0:5"}, nil, 5 * time.Hour},
		"two at the cap":             {[]string{"a:0:20", "b:0:14"}, nil, 2*time.Hour + time.Second},
		"two at the cap, not tied":   {[]string{"a:0:20", "b:1:14"}, nil, 14 * time.Hour},
		"falling short":              {[]string{"a:0:9", "b:0:5"}, minRemaining(60), 4*time.Hour + time.Second},
		"falling short, nobody else": {[]string{"a:0:9", "b:0:-0.5"}, minRemaining(60), 9 * time.Hour},
		"falling short from the cap": {[]string{"a:0:13", "b:1:13.5"}, minRemaining(720), time.Hour + time.Second},
		"priority sees none of that": {[]string{"a:0:20", "b:0:14"}, priority, 14 * time.Hour},
	} {
		t.Run(what, func(t *testing.T) {
			w := viewtest.World{Lines: []*routingv1.Line{viewtest.Line("gold", lineNumber)}}
			for _, text := range c.sites {
				addSite(t, &w, text)
			}
			if c.line != nil {
				c.line(w.Lines[0])
			}
			d := run(w.View(), call(), viewtest.At(0))
			if got := time.Duration(d.ValidUntilUnixS-viewtest.Base) * time.Second; got != c.until {
				t.Errorf("valid for %v, want %v", got, c.until)
			}
		})
	}
}

func TestDecideDoesNotAllocate(t *testing.T) {
	v := benchWorld(32, 40).View()
	var d decide.Decision
	c, now := call(), viewtest.At(12)
	decide.Decide(&d, v, c, now, decide.MaxSites)
	if n := testing.AllocsPerRun(100, func() { decide.Decide(&d, v, c, now, decide.MaxSites) }); n != 0 {
		t.Errorf("%v allocations a decision", n)
	}
}
