package decide_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"pgregory.net/rapid"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/timeline"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/rendezvous"
	"github.com/daysidehq/dayside/services/routing/internal/view"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// drawSite is open over a few spans within two days; times fall on quarters of an hour, so that they meet.
func drawSite(t *rapid.T, id string) *publishedv1.Site {
	var spans []viewtest.Span
	at := -4.0
	for range rapid.IntRange(0, 5).Draw(t, "spans") {
		from := at + float64(rapid.IntRange(1, 40).Draw(t, "closed"))/4
		at = from + float64(rapid.OneOf(rapid.IntRange(1, 40), rapid.IntRange(48, 80)).Draw(t, "open"))/4
		spans = append(spans, viewtest.Span{from, at})
	}
	s := viewtest.Site(id, spans...)
	s.Outsourced = rapid.Bool().Draw(t, "outsourced")
	s.Targets = nil
	for i := range rapid.SampledFrom([]int{1, 1, 1, 2, 3, 8, 0}).Draw(t, "targets") {
		s.Targets = append(s.Targets, fmt.Sprintf("sip:%s-%d@example.com", id, i))
	}
	s.RingTimeoutS = rapid.SampledFrom([]uint32{20, 20, 5, 60}).Draw(t, "ring time-out")
	s.Capacity = rapid.SampledFrom([]uint32{0, 0, 1, 3, 100}).Draw(t, "capacity")
	s.Products = rapid.SampledFrom([][]string{nil, nil, nil, {"db"}, {"web", "mail"}}).Draw(t, "products")
	s.Languages = rapid.SampledFrom([][]string{nil, nil, nil, {"en"}, {"en", "de"}}).Draw(t, "languages")
	if rapid.IntRange(0, 9).Draw(t, "horizon") == 0 {
		// A horizon that begins or ends within the time asked about.
		s.Timeline = viewtest.Timeline(0, viewtest.Span{-2, -1})
		s.Timeline.FromUnixS += 20 * 3600
		s.Timeline.StepS[0] -= 20 * 3600
	}
	return s
}

func drawWorld(t *rapid.T) viewtest.World {
	var w viewtest.World
	l := viewtest.Line("gold", lineNumber)
	l.Product = rapid.SampledFrom([]string{"", "db"}).Draw(t, "line's product")
	l.Language = rapid.SampledFrom([]string{"", "", "de-AT"}).Draw(t, "line's language")
	l.Strategy = rapid.SampledFrom([]routingv1.Strategy{0, 1, 1, 1, 2, 3, 3, 4, 5}).Draw(t, "strategy")
	if rapid.IntRange(0, 2).Draw(t, "opening soon") == 0 {
		l.OpeningSoon = durationpb.New(time.Duration(rapid.SampledFrom([]int{15, 60}).Draw(t, "minutes")) * time.Minute)
	}
	if rapid.IntRange(0, 2).Draw(t, "a budget") == 0 {
		l.RingBudget = durationpb.New(time.Duration(rapid.SampledFrom([]int{20, 60, 90, 300}).Draw(t, "seconds")) * time.Second)
	}
	minutes := rapid.SampledFrom([]int{0, 30, 60, 600, 720}).Draw(t, "min_remaining")
	viewtest.MinRemaining(l, time.Duration(minutes)*time.Minute)
	treatment := rapid.Map(rapid.Int32Range(0, 2), func(i int32) routingv1.Treatment { return routingv1.Treatment(i) })
	l.Treatments = &routingv1.Treatments{
		Entitled:    routingv1.Treatment_TREATMENT_FORWARD,
		NotEntitled: treatment.Draw(t, "not entitled"), Unknown: treatment.Draw(t, "unknown"),
	}
	for i := range rapid.OneOf(rapid.IntRange(1, 6), rapid.IntRange(14, 24)).Draw(t, "sites") {
		id := fmt.Sprintf("s%02d", i)
		if rapid.IntRange(0, 15).Draw(t, "unknown site") > 0 {
			w.Sites = append(w.Sites, drawSite(t, id))
		}
		l.Sites = append(l.Sites, &routingv1.LineSite{
			Site: "sites/" + id, Tier: rapid.SampledFrom([]int32{0, 0, 1, 99}).Draw(t, "tier"),
			Weight: rapid.SampledFrom([]*int32{nil, proto.Int32(0), proto.Int32(1), proto.Int32(3), proto.Int32(1000)}).
				Draw(t, "weight"),
		})
	}
	w.Lines = []*routingv1.Line{l}
	drawRotas(t, &w)
	drawDrains(t, &w)
	drawLive(t, &w)
	for i := range rapid.IntRange(0, 4).Draw(t, "customers") {
		c := viewtest.Customer(fmt.Sprintf("c%d", i), []phone.Number{
			rapid.SampledFrom([]phone.Number{firstANI, sharedANI, unknownANI}).Draw(t, "number"),
		})
		for range rapid.IntRange(0, 3).Draw(t, "contracts") {
			from := float64(rapid.IntRange(-10, 60).Draw(t, "from"))
			c.Contracts = append(c.Contracts, viewtest.Contract(rapid.SampledFrom([]string{"", "db", "web"}).Draw(t, "product"),
				from, from+float64(rapid.IntRange(1, 40).Draw(t, "length"))))
		}
		for range rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "cases") {
			c.OpenCases = append(c.OpenCases, &publishedv1.OpenCase{
				Id: "7", Site: rapid.SampledFrom([]string{"", "s00", "s01", "s15", "nobody"}).Draw(t, "case's site"),
			})
		}
		w.Customers = append(w.Customers, c)
	}
	return w
}

// drawLive says something of this minute of some sites and people.
func drawLive(t *rapid.T, w *viewtest.World) {
	site := rapid.SampledFrom([]string{"s00", "s01", "s02", "s03", "s15", "nobody"})
	for i := range rapid.SampledFrom([]int{0, 0, 1, 3, 8}).Draw(t, "live") {
		until := float64(rapid.SampledFrom([]int{0, 0, 20, 90}).Draw(t, "until"))
		switch rapid.IntRange(0, 2).Draw(t, "what is live") {
		case 0:
			w.Live = append(w.Live, viewtest.Calls(fmt.Sprintf("g%d", i), map[string]int32{
				site.Draw(t, "carried"): rapid.Int32Range(0, 4).Draw(t, "calls"), site.Draw(t, "carried too"): 1,
			}))
		case 1:
			w.Live = append(w.Live, viewtest.Presence(site.Draw(t, "present"), rapid.Int32Range(0, 1).Draw(t, "agents"), until))
		default:
			gone := viewtest.Unreachable(fmt.Sprintf("p%d", i), "sip:anna@people.example.com")
			for _, s := range w.Sites {
				for _, text := range s.GetTargets() {
					if rapid.Bool().Draw(t, "gone") {
						gone.Record.Unreachable[text] = viewtest.Base
					}
				}
			}
			if until != 0 {
				gone.Record.ExpireUnixS = viewtest.At(until / 2).Unix()
			}
			w.Live = append(w.Live, gone)
		}
	}
}

func drawCall(t *rapid.T) decide.Call {
	c := decide.Call{
		ID: rapid.StringN(1, 20, 40).Draw(t, "call id"), Dialled: lineNumber,
		Caller:   rapid.SampledFrom([]phone.Number{0, firstANI, firstANI, sharedANI, unknownANI}).Draw(t, "caller"),
		Attested: rapid.Bool().Draw(t, "attested"),
	}
	c.Gateway = decide.CapabilitiesOf(rapid.SampledFrom([][]routingv1.Capability{
		nil, {routingv1.Capability_CAPABILITY_FORWARD, routingv1.Capability_CAPABILITY_PROMPT},
		{routingv1.Capability_CAPABILITY_RECORD}, {routingv1.Capability_CAPABILITY_GATHER_DIGITS},
	}).Draw(t, "capabilities"))
	if rapid.IntRange(0, 15).Draw(t, "another number") == 0 {
		c.Dialled++
	}
	return c
}

func drawTime(t *rapid.T) time.Time {
	return viewtest.At(float64(rapid.IntRange(-40, 240).Draw(t, "quarters")) / 4).
		Add(time.Duration(rapid.SampledFrom([]int{0, 0, -1, 1, 77}).Draw(t, "seconds")) * time.Second)
}

// describe is all that a decision says.
func describe(d *decide.Decision) string {
	var b strings.Builder
	fmt.Fprintln(&b, verdicts(d), d.Class, d.Step, d.Prompt, d.End, d.RetryAfterS, d.ValidUntilUnixS, d.SitesOmitted, d.Open())
	for _, c := range d.Candidates() {
		fmt.Fprintln(&b, c.Name)
	}
	fmt.Fprintln(&b, ladder(d))
	for _, s := range d.Sites() {
		fmt.Fprintln(&b, s.At.Site.ID, s.State, s.Reason, s.Rank)
	}
	fmt.Fprintln(&b, duties(d))
	return b.String()
}

// expected is the order of the eligible sites, found by sorting as one would say it aloud.
func expected(v *view.View, c decide.Call, at time.Time) []string {
	l := v.LineByNumber(c.Dialled)
	type open struct {
		view.LineSite
		place, left int
		live        view.SiteLive
	}
	var sites []open
	for i, ls := range l.Sites {
		s := ls.Timeline.At(at.Unix())
		if s.Open && len(ls.Site.Targets) > 0 && !out(l, i, at) && ls.Site.Supports(l.Product) && ls.Site.Speaks(l.Language) {
			sites = append(sites, open{ls, i, int(s.RemainingS), v.SiteLive(ls.Site.ID, at.Unix())})
		}
	}
	cannot := func(o open) int {
		full := o.Capacity > 0 && o.live.ActiveCalls >= int32(o.Capacity)
		return map[bool]int{true: 1}[full || o.live.AgentsKnown && o.live.Agents == 0 || unreachable(l, o.place, o.live, at)]
	}
	elsewhere := func(o open) int {
		holders := v.CustomersByNumber(c.Caller)
		return map[bool]int{true: 1}[holders.Len() != 1 || holders.At(0).CaseSite() != o.Site.ID]
	}
	load := func(o open) float64 {
		if o.Capacity == 0 {
			return float64(o.live.ActiveCalls) / 100
		}
		return float64(o.live.ActiveCalls) / float64(o.Capacity)
	}
	soon := func(o open) int { return map[bool]int{true: 1}[o.left < int(l.MinRemainingS)] }
	house := func(o open) int { return map[bool]int{true: 1}[o.Outsourced] }
	call := rendezvous.Of(c.ID)
	weight := func(o open) uint64 { return rendezvous.Weight(call, o.Hash) }
	slices.SortFunc(sites, func(a, b open) int {
		if live := cmp.Or(cmp.Compare(cannot(a), cannot(b)), cmp.Compare(elsewhere(a), elsewhere(b))); live != 0 {
			return live
		}
		tier := cmp.Compare(a.Tier, b.Tier)
		switch l.Strategy {
		case routingv1.Strategy_STRATEGY_PRIORITY:
			return cmp.Or(tier, cmp.Compare(a.place, b.place))
		case routingv1.Strategy_STRATEGY_WEIGHTED:
			return cmp.Or(tier, cmp.Compare(min(b.Weight, 1), min(a.Weight, 1)),
				cmp.Compare(waits(call, a.Hash, a.Weight), waits(call, b.Hash, b.Weight)))
		case routingv1.Strategy_STRATEGY_LEAST_LOADED:
			return cmp.Or(tier, cmp.Compare(load(a), load(b)), cmp.Compare(weight(a), weight(b)))
		case routingv1.Strategy_STRATEGY_FAIR_SHARE:
			return cmp.Or(cmp.Compare(soon(a), soon(b)), tier, cmp.Compare(house(a), house(b)),
				cmp.Compare(waits(call, a.Hash, a.Capacity), waits(call, b.Hash, b.Capacity)))
		case routingv1.Strategy_STRATEGY_UNSPECIFIED, routingv1.Strategy_STRATEGY_FOLLOW_THE_SUN:
		}
		return cmp.Or(cmp.Compare(soon(a), soon(b)), tier, cmp.Compare(house(a), house(b)), cmp.Compare(b.left, a.left),
			cmp.Compare(weight(a), weight(b)))
	})
	var ids []string
	for _, o := range sites[:min(len(sites), 15)] {
		ids = append(ids, o.Site.Name)
	}
	return ids
}

// unreachable says whether none can be reached of a site's targets that are not drained.
func unreachable(l *view.Line, place int, live view.SiteLive, at time.Time) bool {
	var drained view.Targets
	if l.Drains != nil {
		drained, _ = l.Drains.Site(place, at.Unix())
	}
	for i := range l.Sites[place].Site.Targets {
		if !drained.Has(i) && !live.Unreachable.Has(i) {
			return false
		}
	}
	return true
}

// waits is a site's exponential variate for a call, with its weight for a rate.
func waits(call, site uint64, weight uint16) float64 {
	u := (float64(rendezvous.Weight(call, site)>>12) + 0.5) / (1 << 52)
	return -math.Log(u) / float64(max(weight, 1))
}

// affordable is how many of the targets of a ladder the line's budget holds, the last resort aside: one at least.
func affordable(l *view.Line, targets []*routingv1.RouteTarget) int {
	left := int64(l.RingBudgetS)
	for i, t := range targets {
		if left -= t.GetRingTimeout().GetSeconds(); left < 0 && l.RingBudgetS > 0 && i > 0 {
			return i
		}
	}
	return len(targets)
}

// Guarantees 1 and 2 of the design: an eligible open site is the first target of whoever is forwarded, and no answer
// leaves a caller without a next step.
func TestGuarantees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, c, at := drawWorld(t).View(), drawCall(t), drawTime(t)
		d := run(v, c, at)
		l := v.LineByNumber(c.Dialled)
		only := func(one routingv1.Capability) bool {
			return c.Gateway == decide.CapabilitiesOf([]routingv1.Capability{one})
		}
		switch {
		case l == nil:
			if d.End != routingv1.EndCause_END_CAUSE_UNKNOWN_LINE {
				t.Fatalf("an unknown line ends with %v", d.End)
			}
			return
		case l.Treatment(d.Class) == routingv1.Treatment_TREATMENT_REJECT:
			told := d.Step == routingv1.StepKind_STEP_KIND_PROMPT && d.Prompt == routingv1.PromptKind_PROMPT_KIND_REFUSAL
			if d.End != routingv1.EndCause_END_CAUSE_REFUSED && !told {
				t.Fatalf("a rejected caller: %v %v", d.Step, d.End)
			}
			return
		case only(routingv1.Capability_CAPABILITY_RECORD):
			if d.Step != routingv1.StepKind_STEP_KIND_RECORD {
				t.Fatalf("a gateway that can record alone: %v", d.Step)
			}
			return
		case only(routingv1.Capability_CAPABILITY_GATHER_DIGITS):
			if d.End != routingv1.EndCause_END_CAUSE_UNAVAILABLE || d.RetryAfterS <= 0 {
				t.Fatalf("a gateway that can carry nothing: %v", d.End)
			}
			return
		}
		targets := d.Targets()
		if d.End != 0 || len(targets) == 0 || len(targets) > 16 || !isLastResort(l, targets[len(targets)-1]) {
			t.Fatalf("end %v, ladder %s", d.End, ladder(d))
		}
		want := expected(v, c, at)
		if rings := targets[:len(targets)-1]; affordable(l, rings) < len(rings) {
			t.Fatalf("%s rings longer than %d s", ladder(d), l.RingBudgetS)
		}
		if l.RingBudgetS > 0 && len(want) > 0 {
			want = want[:min(len(want), len(targets)-1)] // the budget may hold no more
		}
		want = want[:min(len(want), 15-peoplesTargets(targets))]
		closed := false
		for i, target := range targets[:len(targets)-1] {
			if target.GetLastResort() {
				t.Fatalf("the last resort is not last: %s", ladder(d))
			}
			if i < len(want) && target.GetSite() != want[i] {
				t.Fatalf("target %d is %s, want %s", i, target.GetSite(), want[i])
			}
			if target.GetPerson() != "" {
				continue
			}
			id := strings.TrimPrefix(target.GetSite(), "sites/")
			s := v.Site(id).Timeline.At(at.Unix())
			if early := at.Add(time.Duration(l.OpeningSoonS) * time.Second).Unix(); !s.Open && s.UntilUnixS > early {
				t.Fatalf("%s is closed", id)
			}
			if closed = closed || !s.Open; closed && s.Open {
				t.Fatalf("%s is open, and comes behind one that opens soon: %s", id, ladder(d))
			}
		}
		if len(want) > 0 && (len(targets) < 2 || d.FirstSite().Name != want[0]) || len(expected(v, c, at)) > 0 && len(want) == 0 {
			t.Fatalf("%v are open, and the ladder is %s", want, ladder(d))
		}
		seen := map[string]bool{}
		for _, target := range targets {
			if seen[target.GetTargetId()] {
				t.Fatalf("a target twice: %s", ladder(d))
			}
			seen[target.GetTargetId()] = true
		}
	})
}

// peoplesTargets are how many places of a ladder people have, of those that sites must leave to them.
func peoplesTargets(targets []*routingv1.RouteTarget) int {
	n := 0
	for _, t := range targets {
		if t.GetPerson() != "" {
			n++
		}
	}
	return min(n, 4)
}

func TestSameInputsGiveTheSameDecision(t *testing.T) {
	var used decide.Decision // full of other calls
	rapid.Check(t, func(t *rapid.T) {
		w, c, at := drawWorld(t), drawCall(t), drawTime(t)
		want := describe(run(w.View(), c, at))
		decide.Decide(&used, w.View(), c, at, decide.MaxSites)
		if got := describe(&used); got != want {
			t.Fatalf("again:\n%swant\n%s", got, want)
		}
	})
}

// But by priority, nothing depends on how a line lists its sites, nor ever on the order in which records came.
func TestOrderOfListsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, c, at := drawWorld(t), drawCall(t), drawTime(t)
		want := run(w.View(), c, at)
		w.Sites = rapid.Permutation(w.Sites).Draw(t, "sites")
		w.Customers = rapid.Permutation(w.Customers).Draw(t, "customers")
		for _, k := range w.Customers {
			k.Contracts = rapid.Permutation(k.GetContracts()).Draw(t, "contracts")
		}
		if got := run(w.View(), c, at); describe(got) != describe(want) {
			t.Fatalf("records in another order:\n%swant\n%s", describe(got), describe(want))
		}
		if w.Lines[0].GetStrategy() == routingv1.Strategy_STRATEGY_PRIORITY {
			return
		}
		w.Lines[0].Sites = rapid.Permutation(w.Lines[0].GetSites()).Draw(t, "line")
		got := run(w.View(), c, at)
		if ladder(got) != ladder(want) || verdicts(got) != verdicts(want) || got.ValidUntilUnixS != want.ValidUntilUnixS {
			t.Fatalf("the line in another order: %s, want %s", ladder(got), ladder(want))
		}
	})
}

// answer is what valid_until promises: targets, verdicts, and which site stands where for which reason.
func answer(d *decide.Decision) string {
	var b strings.Builder
	fmt.Fprintln(&b, verdicts(d), d.Class, d.End, ladder(d))
	for _, s := range d.Sites() {
		fmt.Fprintln(&b, s.At.Site.ID, s.Reason, s.Rank)
	}
	fmt.Fprintln(&b, duties(d))
	return b.String()
}

// events is what may change a decision by itself: hours, horizons, contracts, drains, what is known of this minute, and the
// thresholds of time left and of time to come.
func events(d *decide.Decision, at time.Time) string {
	var b strings.Builder
	fmt.Fprintln(&b, verdicts(d))
	for _, s := range d.Sites() {
		fmt.Fprintln(&b, s.At.Site.ID, s.State.Known, s.State.Open, s.State.RemainingS == timeline.RemainingMaxS,
			s.State.RemainingS < d.Line.MinRemainingS, s.State.UntilUnixS-at.Unix() > int64(d.Line.OpeningSoonS))
	}
	for _, y := range d.Duties() {
		fmt.Fprintln(&b, y.Rota.ID, y.Person, y.Standing, y.UntilUnixS)
	}
	if d.Line != nil && d.Line.Live != nil {
		for _, f := range d.Line.Live.AppendFacts(nil, at.Unix()) {
			fmt.Fprintln(&b, f.GetPlace(), f.GetPerson(), f.GetActiveCalls(), f.GetAgentsPlusOne(), f.GetUnreachable(), f.GetUntilUnixS())
		}
	}
	if d.Line != nil && d.Line.Drains != nil {
		for _, one := range d.Line.Drains.All() {
			fmt.Fprintln(&b, one.ID, one.At(at.Unix()))
		}
	}
	return b.String()
}

func TestValidUntilIsHonest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, c, at := drawWorld(t).View(), drawCall(t), drawTime(t)
		d := run(v, c, at)
		from, until := at.Unix(), d.ValidUntilUnixS
		if until <= from {
			t.Fatalf("at %d valid until %d", from, until)
		}
		last := min(until, from+100*86400) - 1
		for _, later := range []int64{from + 1, rapid.Int64Range(from, last).Draw(t, "meanwhile"), last} {
			if later > last {
				continue
			}
			if got := run(v, c, time.Unix(later, 0)); answer(got) != answer(d) {
				t.Fatalf("%d s later, of %d:\n%swas\n%s", later-from, until-from, answer(got), answer(d))
			}
		}
		// And not shorter than it must be: something happens then.
		if until != math.MaxInt64 {
			if before, then := run(v, c, time.Unix(last, 0)), run(v, c, time.Unix(until, 0)); events(before, time.Unix(last, 0)) ==
				events(then, time.Unix(until, 0)) {
				t.Fatalf("at %d, after %d s, nothing happens:\n%s", until, until-from, events(then, time.Unix(until, 0)))
			}
		}
	})
}

func TestEntitlementIsTheRuleOfEntitle(t *testing.T) {
	basis := map[entitlementv1.Basis]routingv1.Verdict{
		entitlementv1.Basis_BASIS_CONTRACT:             routingv1.Verdict_VERDICT_ENTITLED_BY_CONTRACT,
		entitlementv1.Basis_BASIS_NO_CONTRACT:          routingv1.Verdict_VERDICT_NO_CONTRACT,
		entitlementv1.Basis_BASIS_CONTRACT_NOT_STARTED: routingv1.Verdict_VERDICT_CONTRACT_NOT_STARTED,
		entitlementv1.Basis_BASIS_CONTRACT_ENDED:       routingv1.Verdict_VERDICT_CONTRACT_ENDED,
		entitlementv1.Basis_BASIS_OTHER_PRODUCT:        routingv1.Verdict_VERDICT_OTHER_PRODUCT,
	}
	product := rapid.SampledFrom([]string{"", "db", "web", "mail"})
	rapid.Check(t, func(t *rapid.T) {
		var contracts []*publishedv1.Contract
		for range rapid.IntRange(0, 6).Draw(t, "contracts") {
			from := rapid.Int64Range(0, 30).Draw(t, "from")
			k := &publishedv1.Contract{
				Product: product.Draw(t, "product"), FromUnixS: from, ToUnixS: from + rapid.Int64Range(0, 12).Draw(t, "length"),
			}
			if rapid.IntRange(0, 9).Draw(t, "open-ended") == 0 {
				k.ToUnixS = entitle.Never
			}
			contracts = append(contracts, k)
		}
		l := viewtest.Line("gold", lineNumber)
		l.Product = product.Draw(t, "line's product")
		v := viewtest.World{
			Lines: []*routingv1.Line{l}, Customers: []*publishedv1.Customer{
				viewtest.Customer("acme", []phone.Number{firstANI}, contracts...),
			},
		}.View()
		at := rapid.Int64Range(-2, 45).Draw(t, "at")
		party := entitle.PartyOf(&publishedv1.Customer{Id: "acme", Contracts: contracts}, nil)
		want := entitle.Ask([]entitle.Party{party}, v, entitle.Question{LineID: "gold", Product: l.GetProduct(), AtUnixS: at})
		d := run(v, call(), time.Unix(at, 0))
		entitled := d.Class == routingv1.CallerClass_CALLER_CLASS_ENTITLED
		if d.Verdicts()[2] != basis[want.Basis] || entitled != entitle.Granted(want.Basis) || d.ValidUntilUnixS != want.UntilUnixS {
			t.Fatalf("%v until %d, want %v until %d", d.Verdicts()[2], d.ValidUntilUnixS, want.Basis, want.UntilUnixS)
		}
	})
}

// isLastResort says whether a rung is the line's own last one, plain or asking for a key.
func isLastResort(l *view.Line, t *routingv1.RouteTarget) bool {
	return t == l.LastResort || t == l.LastResortAccepting
}
