package record

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"time"

	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

const (
	// maxDifferences is the proto's own limit.
	maxDifferences = 32
	// factIDBytes is the length of a fact's id.
	factIDBytes = 16
	// anyNumber stands for the line's, which no record holds.
	anyNumber = "+10000000000"
	// firstOutcome to lastOutcome, and firstBusiness to lastBusiness, are the numbers of the fields that say what came out of a
	// decision.
	firstOutcome, lastOutcome   = protoreflect.FieldNumber(30), protoreflect.FieldNumber(42)
	firstBusiness, lastBusiness = protoreflect.FieldNumber(50), protoreflect.FieldNumber(59)
)

// Result is a decision made again.
type Result struct {
	// Differences are what is not the same, for people, at most 32; none where all is.
	Differences []string
	// Decision is what comes out now, with every site of the line, on View, for Call at At.
	Decision *decide.Decision
	View     *view.View
	Call     decide.Call
	At       time.Time
}

// Again makes the decision of a record again, from the facts that the record names and nothing else. Facts that are missing,
// changed or unreadable are differences, whatever comes out without them.
func Again(r *routingv1.DecisionRecord, facts []*routingv1.FactRecord) Result {
	a := &another{facts: map[string]*routingv1.FactRecord{}}
	a.take(facts)
	at := time.UnixMicro(r.GetDecidedUnixUs()).UTC()
	v := a.view(r, at)
	call := decide.Call{
		ID: r.GetCallId(), LineID: dialled(r), Caller: phone.Number(r.GetCaller()), Attested: r.GetAttested(),
		Gateway: decide.Capabilities(r.GetCapabilities()), State: r.GetState(), Fate: r.GetFate(),
		Former: r.GetFormerNumber(), FormerUntilS: r.GetFormerUntilUnixS(),
	}
	var d decide.Decision
	decide.Decide(&d, v, call, at, decide.MaxSites)
	var now routingv1.DecisionRecord
	outcome(&now, &d)
	a.compare(r, &now)
	whole := Result{Differences: a.differences, Decision: new(decide.Decision), View: v, Call: call, At: at}
	decide.Decide(whole.Decision, v, call, at, math.MaxInt)
	return whole
}

// dialled is the line at which the decision began: it may have gone on to another one at once.
func dialled(r *routingv1.DecisionRecord) string {
	if r.GetTransferredFrom() != "" && r.GetState().GetLine() == "" {
		return r.GetTransferredFrom()
	}
	return r.GetLine()
}

// another gathers what a decision is made of, and what is wrong with it.
type another struct {
	facts       map[string]*routingv1.FactRecord
	differences []string
}

func (a *another) differ(format string, args ...any) {
	if len(a.differences) < maxDifferences {
		a.differences = append(a.differences, fmt.Sprintf(format, args...))
	}
}

// take keeps facts by id, those alone that are what their id says.
func (a *another) take(facts []*routingv1.FactRecord) {
	for _, f := range facts {
		h := sha256.New()
		h.Write([]byte(f.GetKey()))
		h.Write([]byte{0})
		h.Write(f.GetValue())
		if id := h.Sum(nil)[:factIDBytes]; !slices.Equal(id, f.GetId()) {
			a.differ("fact %s (%s): is not what its id says; that would be %s", short(f.GetId()), named(f), short(id))
			continue
		}
		a.facts[string(f.GetId())] = f
	}
}

func short(id []byte) string { return hex.EncodeToString(id[:min(len(id), factIDBytes)]) }

func named(f *routingv1.FactRecord) string {
	if f.GetKey() == "" {
		return "a list of facts"
	}
	return f.GetKey()
}

// fact is one by its id; nil where there is none, which is a difference.
func (a *another) fact(id []byte) *routingv1.FactRecord {
	f := a.facts[string(id)]
	if f == nil {
		a.differ("fact %s: is missing", short(id))
	}
	return f
}

// view is what the decision saw.
func (a *another) view(r *routingv1.DecisionRecord, at time.Time) *view.View {
	b := view.Anew(nil)
	// The line's own come last: where a fact of another line has the same key, they are what was decided on.
	for _, id := range slices.Concat(r.GetFacts(), a.listed(r.GetFactList())) {
		if f := a.fact(id); f != nil {
			b.Put(f.GetKey(), a.value(f))
		}
	}
	for _, one := range entitlements(r) {
		value, err := proto.Marshal(one.message)
		if err != nil {
			a.differ("%s: %v", one.key, err)
			continue
		}
		b.Put(one.key, value)
	}
	v, problems := b.View(r.GetViewRevision(), at.Add(-time.Duration(r.GetViewAgeMs())*time.Millisecond))
	for _, p := range problems {
		a.differ("%s: cannot be read: %v", p.Key, p.Err)
	}
	return v.WithLive(r.GetLine(), r.GetLive())
}

// listed are the ids in a list of facts; of a call to no line there is none.
func (a *another) listed(list []byte) [][]byte {
	if len(list) == 0 {
		return nil
	}
	f := a.fact(list)
	if f == nil {
		return nil
	}
	if f.GetKey() != "" || len(f.GetValue())%factIDBytes != 0 {
		a.differ("fact %s (%s): is no list of facts", short(list), named(f))
		return nil
	}
	return slices.Collect(slices.Chunk(f.GetValue(), factIDBytes))
}

// value is a fact as a view reads it: a line has a number there.
func (a *another) value(f *routingv1.FactRecord) []byte {
	if !hasPrefix(f.GetKey(), view.LinePrefix) {
		return f.GetValue()
	}
	var stored rpcv1.Stored
	var line routingv1.Line
	if proto.Unmarshal(f.GetValue(), &stored) != nil || proto.Unmarshal(stored.GetResource(), &line) != nil {
		return f.GetValue() // the view says what is wrong with it
	}
	line.Number = &phone_number.PhoneNumber{Kind: &phone_number.PhoneNumber_E164Number{E164Number: anyNumber}}
	resource, err := proto.Marshal(&line)
	if err != nil {
		return f.GetValue()
	}
	value, err := proto.Marshal(&rpcv1.Stored{Resource: resource})
	if err != nil {
		return f.GetValue()
	}
	return value
}

func hasPrefix(s, prefix string) bool { return len(s) >= len(prefix) && s[:len(prefix)] == prefix }

// compare notes what came out otherwise.
func (a *another) compare(was, now *routingv1.DecisionRecord) {
	if was.GetLine() != now.GetLine() {
		a.differ("line: was %q, is now %q", was.GetLine(), now.GetLine())
	}
	if was.GetTzdataRelease() != now.GetTzdataRelease() {
		a.differ("tzdata_release: was %q, is now %q", was.GetTzdataRelease(), now.GetTzdataRelease())
	}
	before, after := was.ProtoReflect(), now.ProtoReflect()
	fields := before.Descriptor().Fields()
	for number := firstOutcome; number <= lastBusiness; number++ {
		field := fields.ByNumber(number)
		if field == nil || number > lastOutcome && number < firstBusiness {
			continue
		}
		b, n := before.Get(field), after.Get(field)
		if !b.Equal(n) {
			a.differ("%s: was %s, is now %s", field.Name(), text(field, b), text(field, n))
		}
	}
}

// text is a field's value for people.
func text(field protoreflect.FieldDescriptor, v protoreflect.Value) string {
	if !field.IsList() {
		return one(field, v)
	}
	all := make([]string, v.List().Len())
	for i := range all {
		all[i] = one(field, v.List().Get(i))
	}
	return fmt.Sprint(all)
}

func one(field protoreflect.FieldDescriptor, v protoreflect.Value) string {
	if field.Kind() != protoreflect.EnumKind {
		return v.String()
	}
	if known := field.Enum().Values().ByNumber(v.Enum()); known != nil {
		return string(known.Name())
	}
	return fmt.Sprint(v.Enum())
}
