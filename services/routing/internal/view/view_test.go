package view_test

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/view"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

const (
	gold = phone.Number(61255500100)
	acme = phone.Number(13035550100)
)

func world() viewtest.World {
	return viewtest.World{
		Sites: []*publishedv1.Site{
			viewtest.Site("sydney", viewtest.Daily(-2, 6, 10)...), viewtest.Site("dublin", viewtest.Daily(9, 17, 10)...),
		},
		Customers: []*publishedv1.Customer{
			viewtest.Customer("acme", []phone.Number{acme}, viewtest.Contract("db", -100, 100)),
		},
		Lines: []*routingv1.Line{viewtest.Line("gold", gold, "dublin", "sydney")},
	}
}

func TestViewFindsWhatADecisionNeeds(t *testing.T) {
	v := world().View()
	l := v.LineByNumber(gold)
	if l == nil || l != v.LineByID("gold") || l.Name != "lines/gold" || v.LineByNumber(acme) != nil {
		t.Fatalf("line %+v", l)
	}
	if len(l.Sites) != 2 || l.Sites[0].Site != v.Site("dublin") || l.Sites[1].Timeline != v.Site("sydney").Timeline {
		t.Errorf("its sites are not those of the view: %+v", l.Sites)
	}
	if l.Strategy != routingv1.Strategy_STRATEGY_FOLLOW_THE_SUN || l.TZDataRelease != "2025c" || !l.LastResort.GetLastResort() {
		t.Errorf("line %+v", l)
	}
	if got := l.Sites[0].Site.Targets[0]; got.GetTargetId() != "dublin.1" || got.GetSite() != "sites/dublin" ||
		got.GetTarget().GetSipUri() != "sip:support@dublin.example.com" || got.GetRingTimeout().GetSeconds() != 20 {
		t.Errorf("target %v", got)
	}
	h := v.CustomersByNumber(acme)
	if h.Len() != 1 || h.At(0).Name != "customers/acme" || len(h.At(0).Contracts) != 1 || v.CustomersByNumber(gold).Len() != 0 {
		t.Errorf("customer %+v", h)
	}
	if c := v.Counts(); c != (view.Counts{Sites: 2, Customers: 1, Lines: 1}) {
		t.Errorf("counts %+v", c)
	}
	if r := v.TZDataReleases(); !slices.Equal(r, []string{"2025c"}) {
		t.Errorf("releases %v", r)
	}
	if age := v.Age(viewtest.At(0).Add(3 * time.Second)); age != 3*time.Second {
		t.Errorf("age %v", age)
	}
	if age := v.Age(viewtest.At(-1)); age != 0 {
		t.Errorf("a clock set back gives age %v", age)
	}
}

func TestTreatmentsDefaultToForward(t *testing.T) {
	w := world()
	w.Lines[0].Treatments = &routingv1.Treatments{NotEntitled: routingv1.Treatment_TREATMENT_REJECT}
	l := w.View().LineByID("gold")
	for class, want := range map[routingv1.CallerClass]routingv1.Treatment{
		routingv1.CallerClass_CALLER_CLASS_ENTITLED:     routingv1.Treatment_TREATMENT_FORWARD,
		routingv1.CallerClass_CALLER_CLASS_NOT_ENTITLED: routingv1.Treatment_TREATMENT_REJECT,
		routingv1.CallerClass_CALLER_CLASS_UNKNOWN:      routingv1.Treatment_TREATMENT_FORWARD,
		99: routingv1.Treatment_TREATMENT_FORWARD,
	} {
		if got := l.Treatment(class); got != want {
			t.Errorf("%v: %v, want %v", class, got, want)
		}
	}
}

func TestTargetIDsFitReportsAndDiffer(t *testing.T) {
	long := strings.Repeat("a", 62)
	w := viewtest.World{Sites: []*publishedv1.Site{viewtest.Site(long + "x"), viewtest.Site(long + "y")}}
	seen := map[string]bool{}
	for _, s := range w.Sites {
		s.Targets = []string{"sip:a@example.com", "+61255500001"}
		for _, target := range w.View().Site(s.GetId()).Targets {
			if id := target.GetTargetId(); len(id) > 64 || seen[id] {
				t.Errorf("target id %q", id)
			}
			seen[target.GetTargetId()] = true
		}
		s.Targets = s.Targets[:1]
	}
}

// A line keeps its place for a site that is not there: it may come with the next transaction, or come back.
func TestLineOutlivesItsSites(t *testing.T) {
	v := world().View()
	b := view.Next(v)
	b.Delete(viewtest.SiteRecord(viewtest.Site("dublin")).Key)
	gone, _ := b.View(2, viewtest.At(0))
	if s := gone.LineByID("gold").Sites[0]; s.Site == nil || s.Site.Name != "sites/dublin" || s.Timeline != nil {
		t.Errorf("a site that went: %+v", s)
	}
	b = view.Next(gone)
	r := viewtest.SiteRecord(viewtest.Site("dublin"))
	b.Put(r.Key, r.Value)
	back, _ := b.View(3, viewtest.At(0))
	if s := back.LineByID("gold").Sites[0]; s.Site != back.Site("dublin") || s.Timeline == nil {
		t.Errorf("a site that came back: %+v", s)
	}
	if v.LineByID("gold").Sites[0].Timeline == nil {
		t.Error("a view changed after it was made")
	}
}

func TestUnreadableRecordsLeaveWhatWasKnown(t *testing.T) {
	tooMany := viewtest.Line("gold", gold)
	for i := range 1001 {
		tooMany.Sites = append(tooMany.Sites, &routingv1.LineSite{Site: fmt.Sprintf("sites/s%d", i)})
	}
	tooHeavy := viewtest.Line("gold", gold, "dublin")
	tooHeavy.Sites[0].Weight = proto.Int32(1001)
	noLastResort := viewtest.Line("gold", gold, "dublin")
	noLastResort.LastResort = nil
	noNumber := viewtest.Line("gold", gold, "dublin")
	noNumber.Number = nil
	noTimeline := viewtest.Site("dublin")
	noTimeline.Timeline = nil
	badTarget := viewtest.Site("dublin")
	badTarget.Targets = []string{"tel:1"}
	garbage := []byte{0xff, 0xff}
	for what, r := range map[string]viewtest.Record{
		"site: no protobuf":             {Key: viewtest.SiteRecord(badTarget).Key, Value: garbage},
		"customer: no protobuf":         {Key: viewtest.CustomerRecord(world().Customers[0]).Key, Value: garbage},
		"line: no protobuf":             {Key: viewtest.LineRecord(tooMany).Key, Value: garbage},
		"a line of 1,001 sites":         viewtest.LineRecord(tooMany),
		"a line with a site twice":      viewtest.LineRecord(viewtest.Line("gold", gold, "dublin", "dublin")),
		"a line with a weight of 1001":  viewtest.LineRecord(tooHeavy),
		"a line without a last resort":  viewtest.LineRecord(noLastResort),
		"a line without a number":       viewtest.LineRecord(noNumber),
		"a site without a timeline":     viewtest.SiteRecord(noTimeline),
		"a site with an unknown target": viewtest.SiteRecord(badTarget),
		"a site with nine targets":      viewtest.SiteRecord(&publishedv1.Site{Id: "dublin", Timeline: viewtest.Timeline(1), Targets: make([]string, 9)}),
		"a customer with 1,001 numbers": viewtest.CustomerRecord(&publishedv1.Customer{Id: "acme", Numbers: make([]uint64, 1001)}),
		"a customer with 101 contracts": viewtest.CustomerRecord(&publishedv1.Customer{Id: "acme", Contracts: make([]*publishedv1.Contract, 101)}),
	} {
		t.Run(what, func(t *testing.T) {
			before := world().View()
			for how, b := range map[string]*view.Builder{"change": view.Next(before), "list": view.Anew(before)} {
				if how == "list" {
					for _, good := range world().Records() {
						if good.Key != r.Key {
							b.Put(good.Key, good.Value)
						}
					}
				}
				b.Put(r.Key, r.Value)
				after, problems := b.View(2, viewtest.At(0))
				if len(problems) != 1 || problems[0].Key != r.Key || problems[0].Err == nil {
					t.Errorf("%s: problems %v", how, problems)
				}
				if got, want := describe(after), describe(before); got != want {
					t.Errorf("%s: the view became\n%s\nwant\n%s", how, got, want)
				}
			}
			empty := view.Anew(nil)
			empty.Put(r.Key, r.Value)
			if v, problems := empty.View(1, viewtest.At(0)); len(problems) != 1 || v.Counts() != (view.Counts{}) {
				t.Errorf("with nothing known before: %v, %+v", problems, v.Counts())
			}
		})
	}
}

func TestForeignKeysArePassedOver(t *testing.T) {
	b := view.Anew(nil)
	for _, key := range []string{"pub/duty/x", "pub/routing/lines/gold", "routing/x", "routing/lines/", ""} {
		b.Put(key, []byte("x"))
		b.Delete(key)
	}
	if v, problems := b.View(1, viewtest.At(0)); len(problems) != 0 || v.Counts() != (view.Counts{}) {
		t.Errorf("%v, %+v", problems, v.Counts())
	}
	for _, r := range world().Records() {
		if r.Key < view.RangeFrom || r.Key >= view.RangeTo {
			t.Errorf("%s is outside the range", r.Key)
		}
	}
}

// Universe of the property test: few names and numbers, so that they meet.
var (
	siteIDs     = []string{"a", "b", "c", "d"}
	customerIDs = []string{"p", "q", "r", "s"}
	lineIDs     = []string{"x", "y", "z"}
	numbers     = []phone.Number{gold, gold + 1, gold + 2, acme, acme + 1}
)

// describe is all that can be asked of a view of the universe.
func describe(v *view.View) string {
	var b strings.Builder
	fmt.Fprintln(&b, v.Counts(), v.TZDataReleases())
	for _, id := range append([]string{"sydney", "dublin"}, siteIDs...) {
		if s := v.Site(id); s != nil {
			fmt.Fprintln(&b, "site", s.Name, s.DisplayName, s.Outsourced, s.Targets, s.Timeline.Proto())
		}
	}
	for _, n := range numbers {
		h := v.CustomersByNumber(n)
		for i := range h.Len() {
			fmt.Fprintln(&b, "number", n, h.At(i).Name, h.At(i).Contracts)
		}
		if h.Len() == 1 {
			fmt.Fprintln(&b, "contracts", h.At(0).Contracts)
		}
		if l := v.LineByNumber(n); l != nil {
			fmt.Fprintln(&b, "dialled", n, l.Name)
		}
	}
	for _, id := range append([]string{"gold"}, lineIDs...) {
		l := v.LineByID(id)
		if l == nil {
			continue
		}
		fmt.Fprintln(&b, "line", l.Name, l.Strategy, l.MinRemainingS, l.LastResort, l.TZDataRelease, l.Product)
		for _, s := range l.Sites {
			known := v.Site(s.Site.ID)
			fmt.Fprintln(&b, " at", s.Site.Name, s.Tier, s.Outsourced, s.Hash, known != nil, known == nil || known == s.Site,
				s.Timeline == s.Site.Timeline)
		}
	}
	return b.String()
}

func drawRecord(t *rapid.T) viewtest.Record {
	some := func(ids []string, what string) []string {
		return rapid.SliceOfDistinct(rapid.SampledFrom(ids), rapid.ID).Draw(t, what)
	}
	switch rapid.IntRange(0, 2).Draw(t, "kind") {
	case 0:
		from := rapid.Float64Range(0, 20).Draw(t, "from")
		s := viewtest.Site(rapid.SampledFrom(siteIDs).Draw(t, "site"), viewtest.Span{from, from + 1})
		s.Outsourced = rapid.Bool().Draw(t, "outsourced")
		s.Timeline.TzdataRelease = rapid.SampledFrom([]string{"2025b", "2025c"}).Draw(t, "release")
		return viewtest.SiteRecord(s)
	case 1:
		c := viewtest.Customer(rapid.SampledFrom(customerIDs).Draw(t, "customer"),
			rapid.SliceOfN(rapid.SampledFrom(numbers), 0, 4).Draw(t, "numbers"))
		for range rapid.IntRange(0, 2).Draw(t, "contracts") {
			c.Contracts = append(c.Contracts, viewtest.Contract("db", 0, rapid.Float64Range(1, 9).Draw(t, "to")))
		}
		return viewtest.CustomerRecord(c)
	default:
		return viewtest.LineRecord(viewtest.Line(rapid.SampledFrom(lineIDs).Draw(t, "line"),
			rapid.SampledFrom(numbers).Draw(t, "number"), some(siteIDs, "sites")...))
	}
}

func TestAnySequenceOfBatchesGivesTheViewOfTheFinalState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state := map[string][]byte{}
		var v *view.View
		var descriptions []string
		var views []*view.View
		for i := range rapid.IntRange(1, 12).Draw(t, "batches") {
			b := view.Next(v)
			if rapid.IntRange(0, 4).Draw(t, "list anew") == 0 {
				b = view.Anew(v)
				for _, key := range slices.Sorted(maps.Keys(state)) {
					b.Put(key, state[key])
				}
			}
			for range rapid.IntRange(0, 6).Draw(t, "events") {
				r := drawRecord(t)
				if rapid.IntRange(0, 3).Draw(t, "delete") == 0 {
					delete(state, r.Key)
					b.Delete(r.Key)
					continue
				}
				state[r.Key] = r.Value
				b.Put(r.Key, r.Value)
			}
			var problems []view.Problem
			if v, problems = b.View(int64(i), viewtest.At(0)); len(problems) > 0 {
				t.Fatal(problems)
			}
			views, descriptions = append(views, v), append(descriptions, describe(v))
		}
		b := view.Anew(nil)
		for _, key := range slices.Sorted(maps.Keys(state)) {
			b.Put(key, state[key])
		}
		want, _ := b.View(0, viewtest.At(0))
		if got, want := describe(v), describe(want); got != want {
			t.Fatalf("after the batches\n%s\nfrom the final state\n%s", got, want)
		}
		for i := range views {
			if describe(views[i]) != descriptions[i] {
				t.Fatalf("view %d changed after it was made", i)
			}
		}
	})
}

// Each batch writes its own number into a site, a customer and a line; a reader that saw half of one would see two.
func TestReadersNeverSeeHalfATransaction(t *testing.T) {
	const batches = 2000
	var current view.Current
	if current.Load() != nil {
		t.Fatal("a view before the first")
	}
	write := func(k int) {
		s := viewtest.Site("a")
		s.DisplayName = fmt.Sprint(k)
		c := viewtest.Customer("p", []phone.Number{acme}, &publishedv1.Contract{FromUnixS: int64(k), ToUnixS: int64(k) + 1})
		l := viewtest.MinRemaining(viewtest.Line("x", gold, "a"), time.Duration(k)*time.Second)
		b := view.Next(current.Load())
		for _, r := range []viewtest.Record{viewtest.SiteRecord(s), viewtest.CustomerRecord(c), viewtest.LineRecord(l)} {
			b.Put(r.Key, r.Value)
		}
		v, problems := b.View(int64(k), viewtest.At(0))
		if len(problems) > 0 {
			t.Error(problems)
		}
		current.Store(v)
	}
	write(0)
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for last := int64(-1); last < batches; {
				v := current.Load()
				l, h := v.LineByNumber(gold), v.CustomersByNumber(acme)
				k := v.Revision()
				if k < last || int64(l.MinRemainingS) != k || h.At(0).Contracts[0].FromUnixS != k ||
					l.Sites[0].Site.DisplayName != fmt.Sprint(k) {
					t.Errorf("at revision %d after %d: line of %d, customer of %d, site of %s", k, last, l.MinRemainingS,
						h.At(0).Contracts[0].FromUnixS, l.Sites[0].Site.DisplayName)
					return
				}
				last = k
				runtime.Gosched()
			}
		})
	}
	for k := 1; k <= batches; k++ {
		write(k)
	}
	readers.Wait()
}

func manyCustomers(tb testing.TB, n int) *view.View {
	tb.Helper()
	b := view.Anew(nil)
	viewtest.ManyCustomers(b, acme, n)
	v, problems := b.View(1, viewtest.At(0))
	if len(problems) > 0 || v.Counts().Customers != n {
		tb.Fatal(problems, v.Counts())
	}
	return v
}

func changeOne(v *view.View, i int) *view.View {
	b := view.Next(v)
	r := viewtest.CustomerRecord(viewtest.Customer(fmt.Sprintf("customer-%d", i), []phone.Number{acme + phone.Number(i), gold}))
	b.Put(r.Key, r.Value)
	next, _ := b.View(2, viewtest.At(0))
	return next
}

func TestAChangeCopiesLittle(t *testing.T) {
	const n = 100_000
	v := manyCustomers(t, n)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	next := changeOne(v, 7)
	runtime.ReadMemStats(&after)
	// The index alone is 6 MB.
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Errorf("changing one of %d customers allocates %d bytes", n, got)
	}
	if next.Counts() != v.Counts() || next.CustomersByNumber(gold).Len() != 1 || v.CustomersByNumber(gold).Len() != 0 {
		t.Error("the change is not there, or is in the view before it too")
	}
}

func BenchmarkChangeOneCustomer(b *testing.B) {
	for _, n := range []int{100, 1_000_000} {
		b.Run(fmt.Sprintf("customers=%d", n), func(b *testing.B) {
			v := manyCustomers(b, n)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				changeOne(v, i%n)
			}
		})
	}
}

func BenchmarkListCustomers(b *testing.B) {
	const n = 100_000
	for b.Loop() {
		manyCustomers(b, n)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/customer")
}

func BenchmarkHeartbeat(b *testing.B) {
	v := manyCustomers(b, 1000)
	b.ReportAllocs()
	for b.Loop() {
		v, _ = view.Next(v).View(2, viewtest.At(0))
	}
}
