package record_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/record"
	"github.com/daysidehq/dayside/services/routing/internal/view"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

const (
	goldNumber = phone.Number(61255500100)
	deskNumber = phone.Number(61255500101)
	// formerNumber was gold's.
	formerNumber = phone.Number(61255500102)
	oneANI       = phone.Number(13035550100)
	sharedANI    = phone.Number(13035550101)
)

// any draws one of a protobuf enum's values, one that this release does not know among them.
func anyOf[E ~int32](t *rapid.T, names map[int32]string, label string) E {
	var values []int32
	for v := range names {
		values = append(values, v)
	}
	slices.Sort(values)
	return E(rapid.SampledFrom(append(values, 99)).Draw(t, label))
}

func flag(t *rapid.T, label string) bool { return rapid.Bool().Draw(t, label) }

// maybe is true one time in n.
func maybe(t *rapid.T, n int, label string) bool { return rapid.IntRange(1, n).Draw(t, label) == n }

func drawSite(t *rapid.T, i int) *publishedv1.Site {
	from := float64(rapid.IntRange(-8, 40).Draw(t, "opens"))
	s := viewtest.Site(fmt.Sprintf("s%02d", i), viewtest.Span{from, from + float64(rapid.IntRange(1, 30).Draw(t, "hours"))})
	s.Outsourced = flag(t, "outsourced")
	s.Capacity = rapid.SampledFrom([]uint32{0, 1, 3}).Draw(t, "capacity")
	s.Targets = nil
	for n := range rapid.IntRange(0, 3).Draw(t, "targets") {
		s.Targets = append(s.Targets, fmt.Sprintf("sip:support%d@s%02d.example.com", n, i))
	}
	if maybe(t, 4, "skilled") {
		s.Products, s.Languages = []string{rapid.SampledFrom([]string{"db", "web"}).Draw(t, "product")}, []string{"en"}
	}
	return s
}

func drawLine(t *rapid.T, id string, number phone.Number, sites int) *routingv1.Line {
	l := viewtest.Line(id, number)
	l.Strategy = anyOf[routingv1.Strategy](t, routingv1.Strategy_name, "strategy")
	l.Product = rapid.SampledFrom([]string{"", "db"}).Draw(t, "product")
	l.Language = rapid.SampledFrom([]string{"", "en-AU", "pt"}).Draw(t, "language")
	l.MinRemaining = durationpb.New(time.Duration(rapid.IntRange(0, 120).Draw(t, "minutes")) * time.Minute)
	l.OpeningSoon = durationpb.New(time.Duration(rapid.IntRange(0, 60).Draw(t, "soon")) * time.Minute)
	l.RingBudget = durationpb.New(time.Duration(rapid.SampledFrom([]int{0, 60, 90}).Draw(t, "budget")) * time.Second)
	class := func(label string) routingv1.Treatment {
		return anyOf[routingv1.Treatment](t, routingv1.Treatment_name, label)
	}
	l.Treatments = &routingv1.Treatments{
		Entitled: class("entitled"), NotEntitled: class("not entitled"), Unknown: class("unknown"), Declined: class("declined"),
	}
	drawTerms(t, l)
	l.Identification = &routingv1.Identification{Pin: anyOf[routingv1.PinPolicy](t, routingv1.PinPolicy_name, "pin")}
	if flag(t, "announces") {
		l.Announcement = &routingv1.Speech{Text: "Hello."}
	}
	for i := range sites {
		if !maybe(t, 5, "not on the line") {
			l.Sites = append(l.Sites, &routingv1.LineSite{
				Site: fmt.Sprintf("sites/s%02d", i), Tier: rapid.Int32Range(0, 2).Draw(t, "tier"),
				Weight: proto.Int32(rapid.Int32Range(0, 3).Draw(t, "weight")),
			})
		}
	}
	if flag(t, "rota") {
		l.Rotas = []string{"rotas/night", "rotas/day"}
	}
	return l
}

// drawView is any world: two lines, one of which leads to the other, with all that decisions look at.
func drawView(t *rapid.T) *view.View {
	sites := rapid.SampledFrom([]int{0, 1, 3, 6, 18, 40}).Draw(t, "sites")
	var w viewtest.World
	for i := range sites {
		if !maybe(t, 8, "unknown site") {
			w.Sites = append(w.Sites, drawSite(t, i))
		}
	}
	desk := drawLine(t, "desk", deskNumber, sites)
	gold := drawLine(t, "gold", goldNumber, sites)
	gold.FormerNumbers = []*routingv1.FormerNumber{{
		Number: viewtest.Number(formerNumber), EndTime: timestamppb.New(viewtest.At(30)),
	}}
	desk.Visibility = routingv1.Visibility_VISIBILITY_PUBLISHED
	if flag(t, "out of hours") {
		desk.OutOfHours = &routingv1.OutOfHours{
			Speech:       &routingv1.Speech{Text: "We are closed."},
			TransferLine: rapid.SampledFrom([]string{"", "lines/gold", "lines/gone"}).Draw(t, "transfer"),
			Reveal:       anyOf[routingv1.Reveal](t, routingv1.Reveal_name, "reveal"),
		}
	}
	w.Lines = []*routingv1.Line{gold, desk}
	w.Rotas = []*publishedv1.Rota{viewtest.Rota("night", 60, viewtest.Turn{From: -10, Person: "ann"}, viewtest.Turn{From: 20, Person: "ben"})}
	if flag(t, "handoffs must be accepted") {
		w.Rotas[0].AcceptWithinS = 900
		w.Custody = []viewtest.CustodyOf{viewtest.Custody("night", "ann", -9, -10)}
	}
	drawCustomers(t, &w)
	drawEntitlements(t, &w)
	b := view.Anew(nil)
	for _, r := range append(w.Records(), drawDrains(t)...) {
		b.Put(r.Key, r.Value)
	}
	drawLive(t, b, sites)
	v, problems := b.View(42, viewtest.At(-20))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return v
}

func drawCustomers(t *rapid.T, w *viewtest.World) {
	for i := range rapid.SampledFrom([]int{0, 1, 2, 5, 12}).Draw(t, "customers") {
		number := rapid.SampledFrom([]phone.Number{oneANI, sharedANI}).Draw(t, "number")
		c := viewtest.Customer(fmt.Sprintf("c%02d", i), []phone.Number{number})
		c.HasPin, c.HasPhrase = flag(t, "has pin"), flag(t, "has phrase")
		drawTies(t, c)
		for range rapid.IntRange(0, 2).Draw(t, "contracts") {
			from := float64(rapid.IntRange(-10, 40).Draw(t, "from"))
			k := viewtest.Contract(
				rapid.SampledFrom([]string{"", "db", "web"}).Draw(t, "product"), from, from+float64(rapid.IntRange(1, 40).Draw(t, "for")))
			drawContract(t, k)
			c.Contracts = append(c.Contracts, k)
		}
		if flag(t, "case") {
			c.OpenCases = []*publishedv1.OpenCase{{Id: "c1"}, {Id: "c2", Site: fmt.Sprintf("s%02d", rapid.IntRange(0, 5).Draw(t, "case site"))}}
		}
		w.Customers = append(w.Customers, c)
	}
}

func drawDrains(t *rapid.T) []viewtest.Record {
	var records []viewtest.Record
	for i := range rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "drains") {
		from := float64(rapid.IntRange(-10, 30).Draw(t, "from"))
		subject := rapid.SampledFrom([]string{"sites/s00", "sites/s02", "people/ann", "every"}).Draw(t, "subject")
		d := viewtest.Drain(fmt.Sprintf("d%d", i), subject, from, from+float64(rapid.IntRange(1, 20).Draw(t, "for")))
		if subject == "every" {
			d.Subject, d.Line = &routingv1.Drain_AllSites{AllSites: true}, "lines/gold"
		}
		records = append(records, viewtest.DrainRecord(d))
	}
	return records
}

func drawLive(t *rapid.T, b *view.Builder, sites int) {
	if !flag(t, "live") {
		return
	}
	gateway := &routingv1.LiveRecord{ActiveCalls: map[string]int32{}, Unreachable: map[string]int64{}}
	for i := range min(sites, 5) {
		id := fmt.Sprintf("s%02d", i)
		gateway.ActiveCalls[id] = rapid.Int32Range(0, 4).Draw(t, "calls")
		if maybe(t, 3, "unreachable") {
			gateway.Unreachable[fmt.Sprintf("sip:support0@%s.example.com", id)] = viewtest.Base
		}
		if maybe(t, 3, "presence") {
			put(t, b, "presence/"+id+"/site", &routingv1.LiveRecord{
				Agents:      proto.Int32(rapid.Int32Range(0, 2).Draw(t, "agents")),
				ExpireUnixS: viewtest.At(float64(rapid.IntRange(-10, 40).Draw(t, "until"))).Unix(),
			})
		}
	}
	if maybe(t, 3, "person away") {
		gateway.Unreachable["sip:ann@people.example.com"] = viewtest.Base
	}
	put(t, b, "gateways/sip@one", gateway)
}

func put(t *rapid.T, b *view.Builder, key string, m proto.Message) {
	value, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	b.Put(view.LivePrefix+key, value)
}

// drawState is what steps before may have come to, likely or not.
func drawState(t *rapid.T) *routingv1.ContinuationState {
	if flag(t, "first step") {
		return nil
	}
	s := &routingv1.ContinuationState{
		Line:     rapid.SampledFrom([]string{"gold", "desk", "gone", ""}).Draw(t, "state's line"),
		Customer: rapid.SampledFrom([]string{"", "", "c00", "c01", "gone"}).Draw(t, "state's customer"),
		Tries:    rapid.Int32Range(0, 3).Draw(t, "tries"), PinTries: rapid.Int32Range(0, 3).Draw(t, "pin tries"),
		Named: flag(t, "named"), PinVerified: flag(t, "pin verified"), Announced: flag(t, "announced"),
		PersonWanted: maybe(t, 3, "person wanted"), Recording: maybe(t, 3, "recording"), MessageTaken: maybe(t, 16, "taken"),
		Over: maybe(t, 16, "over"), Round: rapid.Int32Range(0, 2).Draw(t, "round"),
		TransferredFrom: rapid.SampledFrom([]string{"", "", "desk", "gone"}).Draw(t, "from"),
		Asked:           anyOf[routingv1.PromptKind](t, routingv1.PromptKind_name, "asked"),
	}
	drawBusiness(t, s)
	if flag(t, "offered") {
		s.Offered = []string{"c00", "c02", "gone"}
	}
	for range rapid.IntRange(0, 4).Draw(t, "tried") {
		s.Tried = append(s.Tried, &routingv1.TriedTarget{
			TargetId:    rapid.SampledFrom([]string{"s00.1", "s01.1", "s01.2", "person.ann.1", "last-resort"}).Draw(t, "target"),
			Disposition: routingv1.Disposition(rapid.Int32Range(0, 7).Draw(t, "disposition")),
		})
	}
	if flag(t, "rings until") {
		s.RingUntilUnixMs = viewtest.At(float64(rapid.IntRange(-5, 30).Draw(t, "ring until"))).UnixMilli()
	}
	return s
}

// drawDecision is a decision of any call.
func drawDecision(t *rapid.T) *record.Of {
	of := &record.Of{View: drawView(t), Decision: new(decide.Decision), Gateway: "sip", Step: 1}
	of.At = viewtest.At(float64(rapid.IntRange(-40, 160).Draw(t, "quarters")) / 4).
		Add(time.Duration(rapid.IntRange(0, 999).Draw(t, "ms")) * time.Millisecond)
	of.Call = decide.Call{
		ID:       rapid.StringMatching(`[a-z0-9]{1,12}`).Draw(t, "call"),
		Dialled:  rapid.SampledFrom([]phone.Number{goldNumber, goldNumber, formerNumber, deskNumber, deskNumber, deskNumber, 61255500199}).Draw(t, "dialled"),
		Caller:   rapid.SampledFrom([]phone.Number{0, oneANI, oneANI, sharedANI, 13035550199}).Draw(t, "caller"),
		Attested: flag(t, "attested"), State: drawState(t),
		Fate:    anyOf[routingv1.ContinuationFate](t, routingv1.ContinuationFate_name, "fate"),
		Gateway: decide.Capabilities(rapid.Uint32Range(0, 1<<8-1).Draw(t, "capabilities")),
	}
	if maybe(t, 4, "a message") {
		of.Recording, of.Kept = &routingv1.Recording{Uri: "u"}, anyOf[routingv1.Durability](t, routingv1.Durability_name, "kept")
	}
	decide.Decide(of.Decision, of.View, of.Call, of.At, decide.MaxSites)
	return of
}

// kept is a record as the ledger answers with it, and the facts that it names.
func kept(t *rapid.T, m *record.Maker, of *record.Of) (*routingv1.DecisionRecord, []*routingv1.FactRecord) {
	var facts []*routingv1.FactRecord
	if l := of.Decision.Line; l != nil {
		for _, f := range slices.Concat(l.Facts, m.Others(of), []*view.Fact{l.FactList}) {
			facts = append(facts, &routingv1.FactRecord{Id: f.ID[:], Key: f.Key, Value: f.Value})
		}
	}
	made := m.Make(of)
	b, err := record.Append(nil, made)
	if err != nil {
		t.Fatal(err)
	}
	r := &routingv1.DecisionRecord{}
	if err := proto.Unmarshal(b, r); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(r, made) {
		t.Fatalf("written %v\nread    %v", made, r)
	}
	return r, facts
}

// A recorded decision comes to the same when it is made again, whatever the world was like.
func TestADecisionMadeAgainIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var m record.Maker
		for range 2 { // the second in memory that was used
			r, facts := kept(t, &m, drawDecision(t))
			if again := record.Again(r, facts); len(again.Differences) > 0 {
				t.Fatalf("%s\n%v", strings.Join(again.Differences, "\n"), r)
			}
		}
	})
}

// Every field that a record can have is written: one that is added to the proto must be added there.
func TestEveryFieldIsWritten(t *testing.T) {
	full := &routingv1.DecisionRecord{}
	fields := full.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		one := func() protoreflect.Value {
			switch field.Kind() {
			case protoreflect.MessageKind:
				if field.IsList() {
					return full.ProtoReflect().NewField(field).List().NewElement()
				}
				return full.ProtoReflect().NewField(field)
			case protoreflect.EnumKind:
				return protoreflect.ValueOfEnum(-7)
			case protoreflect.BoolKind:
				return protoreflect.ValueOfBool(true)
			case protoreflect.StringKind:
				return protoreflect.ValueOfString("text")
			case protoreflect.BytesKind:
				return protoreflect.ValueOfBytes([]byte("bytes"))
			case protoreflect.Int32Kind:
				return protoreflect.ValueOfInt32(-3)
			case protoreflect.Uint32Kind:
				return protoreflect.ValueOfUint32(3)
			case protoreflect.Int64Kind:
				return protoreflect.ValueOfInt64(-4)
			case protoreflect.Fixed64Kind:
				return protoreflect.ValueOfUint64(1 << 63)
			default:
				t.Fatalf("%s: a kind that is new here", field.FullName())
				return protoreflect.Value{}
			}
		}
		if !field.IsList() {
			full.ProtoReflect().Set(field, one())
			continue
		}
		list := full.ProtoReflect().Mutable(field).List()
		list.Append(one())
		list.Append(one())
	}
	b, err := record.Append(nil, full)
	if err != nil {
		t.Fatal(err)
	}
	read := &routingv1.DecisionRecord{}
	if err := proto.Unmarshal(b, read); err != nil || !proto.Equal(read, full) {
		t.Errorf("%v\nwritten %v\nread    %v", err, full, read)
	}
}

// simple is a decision of an entitled caller with two open sites.
func simple(t *testing.T) (*routingv1.DecisionRecord, []*routingv1.FactRecord) {
	t.Helper()
	w := viewtest.World{
		Sites: []*publishedv1.Site{viewtest.Site("dublin", viewtest.Span{0, 8}), viewtest.Site("denver", viewtest.Span{0, 9})},
		Lines: []*routingv1.Line{viewtest.Line("gold", goldNumber, "dublin", "denver")},
		Customers: []*publishedv1.Customer{
			viewtest.Customer("acme", []phone.Number{oneANI}, viewtest.Contract("db", -100, 100)),
		},
	}
	of := &record.Of{View: w.View(), Decision: new(decide.Decision), At: viewtest.At(1), Step: 1, Gateway: "sip"}
	of.Call = decide.Call{ID: "a", Dialled: goldNumber, Caller: oneANI, Gateway: decide.CapabilitiesOf(nil)}
	decide.Decide(of.Decision, of.View, of.Call, of.At, decide.MaxSites)
	var m record.Maker
	r := proto.CloneOf(m.Make(of))
	l := of.Decision.Line
	var facts []*routingv1.FactRecord
	for _, f := range append(slices.Clone(l.Facts), l.FactList) {
		facts = append(facts, &routingv1.FactRecord{Id: f.ID[:], Key: f.Key, Value: f.Value})
	}
	if again := record.Again(r, facts); len(again.Differences) > 0 || r.GetFirstSite() != "denver" {
		t.Fatalf("%v: %v", again.Differences, r)
	}
	return r, facts
}

func TestWhatIsNotTheSameIsTold(t *testing.T) {
	type change func(r *routingv1.DecisionRecord, facts []*routingv1.FactRecord) []*routingv1.FactRecord
	for what, c := range map[string]struct {
		change change
		want   string
	}{
		"another outcome was recorded": {func(r *routingv1.DecisionRecord, f []*routingv1.FactRecord) []*routingv1.FactRecord {
			r.FirstSite = "dublin"
			return f
		}, `first_site: was dublin, is now denver`},
		"a ladder in another order": {func(r *routingv1.DecisionRecord, f []*routingv1.FactRecord) []*routingv1.FactRecord {
			slices.Reverse(r.Targets)
			return f
		}, `targets: was [last-resort dublin.1 denver.1], is now [denver.1 dublin.1 last-resort]`},
		"another class": {func(r *routingv1.DecisionRecord, f []*routingv1.FactRecord) []*routingv1.FactRecord {
			r.Customers = nil
			return f
		}, `caller_class: was CALLER_CLASS_ENTITLED, is now CALLER_CLASS_UNKNOWN`},
		"a fact whose content was changed": {func(_ *routingv1.DecisionRecord, f []*routingv1.FactRecord) []*routingv1.FactRecord {
			f[1] = &routingv1.FactRecord{Id: f[1].GetId(), Key: f[1].GetKey(), Value: []byte{1}}
			return f
		}, `is not what its id says`},
		"a fact that is missing": {func(_ *routingv1.DecisionRecord, f []*routingv1.FactRecord) []*routingv1.FactRecord {
			return slices.Delete(f, 2, 3)
		}, `is missing`},
		"a list that is missing": {func(_ *routingv1.DecisionRecord, f []*routingv1.FactRecord) []*routingv1.FactRecord {
			return f[:len(f)-1]
		}, `line: was "gold", is now ""`},
		"a list that is none": {func(r *routingv1.DecisionRecord, f []*routingv1.FactRecord) []*routingv1.FactRecord {
			r.FactList = f[0].GetId()
			return f
		}, `is no list of facts`},
	} {
		r, facts := simple(t)
		again := record.Again(r, c.change(r, facts))
		if !strings.Contains(strings.Join(again.Differences, "\n"), c.want) {
			t.Errorf("%s: %q, want %q", what, again.Differences, c.want)
		}
		if again.Decision == nil || again.Decision.Step == routingv1.StepKind_STEP_KIND_UNSPECIFIED {
			t.Errorf("%s: nothing comes out", what)
		}
	}
}

// No record and no fact holds a line's number.
func TestNoNumberOfALineIsKept(t *testing.T) {
	r, facts := simple(t)
	all := r.String()
	for _, f := range facts {
		all += f.String()
		var stored rpcv1.Stored
		var line routingv1.Line
		if strings.HasPrefix(f.GetKey(), view.LinePrefix) {
			if err := proto.Unmarshal(f.GetValue(), &stored); err != nil {
				t.Fatal(err)
			}
			if err := proto.Unmarshal(stored.GetResource(), &line); err != nil || line.GetNumber() != nil {
				t.Errorf("%v, %v", &line, err)
			}
		}
	}
	if strings.Contains(all, "61255500100") {
		t.Error(all)
	}
}

// FuzzAgain makes decisions of any record and fact: whatever they hold, it answers.
func FuzzAgain(f *testing.F) {
	f.Add([]byte{}, "routing/lines/gold", []byte{})
	f.Add([]byte("\n\x03sip*\x04gold"), "pub/schedule/sites/s00", []byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, b []byte, key string, value []byte) {
		r := &routingv1.DecisionRecord{}
		if proto.Unmarshal(b, r) != nil {
			return
		}
		again := record.Again(r, []*routingv1.FactRecord{{Id: []byte("0123456789abcdef"), Key: key, Value: value}})
		if again.Decision.Step == routingv1.StepKind_STEP_KIND_UNSPECIFIED {
			t.Error("nothing comes out")
		}
	})
}

// BenchmarkMake is the price of a record's making and encoding.
func BenchmarkMake(b *testing.B) {
	w := viewtest.World{Lines: []*routingv1.Line{viewtest.Line("gold", goldNumber, "a", "b", "c", "d")}}
	for _, id := range []string{"a", "b", "c", "d"} {
		w.Sites = append(w.Sites, viewtest.Site(id, viewtest.Span{0, 8}))
	}
	w.Customers = []*publishedv1.Customer{viewtest.Customer("acme", []phone.Number{oneANI}, viewtest.Contract("db", -100, 100))}
	of := &record.Of{View: w.View(), Decision: new(decide.Decision), At: viewtest.At(1), Step: 1, Gateway: "sip", TraceID: make([]byte, 16)}
	of.Call = decide.Call{ID: "0123456789@example.com", Dialled: goldNumber, Caller: oneANI, Gateway: decide.CapabilitiesOf(nil)}
	decide.Decide(of.Decision, of.View, of.Call, of.At, decide.MaxSites)
	var m record.Maker
	var buf []byte
	b.Run("make", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m.Make(of)
		}
	})
	b.Run("make and encode by the library", func(b *testing.B) {
		for b.Loop() {
			buf, _ = proto.MarshalOptions{}.MarshalAppend(buf[:0], m.Make(of))
		}
	})
	b.Run("make and encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			buf, _ = record.Append(buf[:0], m.Make(of))
		}
		b.ReportMetric(float64(len(buf)), "bytes")
	})
}
