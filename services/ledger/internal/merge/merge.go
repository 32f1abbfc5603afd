// Package merge makes the story of a call of the records that arrived of it: decisions of routing processes and reports of
// gateways, in whatever order, some of them told more than once. The same records make the same story, whatever their order
// and however often each of them came.
//
// It is pure: it keeps nothing, and knows neither a database nor who asks.
package merge

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/ledger/internal/erase"
)

const (
	// IDChars is the length of a call's ID: 100 bits of hashes, in base 32.
	IDChars = 20
	// PrefixChars of it are of the gateway's id of the call alone.
	PrefixChars = 8
)

// Event is a record, and when it first arrived.
type Event struct {
	Record *ledgerv1.Record
	// UnixUS is when it arrived, microseconds since 1970.
	UnixUS int64
}

// ID of a call, made of the gateway's id and its id of the call: lower-case letters and digits.
func ID(gateway, callID string) string {
	return Prefix(callID) + digits(gateway+"\x00"+callID, IDChars-PrefixChars)
}

// Prefix of the IDs of all calls that gateways call so: by it they are found.
func Prefix(callID string) string { return digits(callID, PrefixChars) }

// digits are the first of a text's SHA-256 in base 32 (RFC 4648 section 7, in lower case), at most 12.
func digits(of string, n int) string {
	const alphabet = "0123456789abcdefghijklmnopqrstuv"
	sum := sha256.Sum256([]byte(of))
	left := binary.BigEndian.Uint64(sum[:])
	text := make([]byte, n)
	for i := range text {
		text[i] = alphabet[left>>59]
		left <<= 5
	}
	return string(text)
}

// CallOf is the gateway and its id of the call that a record is of; not ok where it is of no call.
func CallOf(r *ledgerv1.Record) (gateway, callID string, ok bool) {
	switch e := r.GetEvent().(type) {
	case *ledgerv1.Record_Decision:
		gateway, callID = e.Decision.GetGatewayId(), e.Decision.GetCallId()
	case *ledgerv1.Record_Report:
		gateway, callID = e.Report.GetReport().GetGateway().GetGatewayId(), e.Report.GetReport().GetCallId()
	}
	return gateway, callID, callID != ""
}

// Story is the call that the events are all of, with its steps. At least one event.
func Story(events []Event) *ledgerv1.Call {
	c := story(events)
	for _, s := range c.GetSteps() {
		s.Decision, _ = proto.Clone(s.GetDecision()).(*routingv1.DecisionRecord)
		// Without its facts, which are as large as a line.
		s.Decision.Facts, s.Decision.FactList = nil, nil
		s.Decision.Attempts = sound(s.GetDecision().GetAttempts())
	}
	return c
}

// Brief is Story without its steps.
func Brief(events []Event) *ledgerv1.Call {
	c := story(events)
	c.Steps = nil
	return c
}

// story is Story whose steps hold the decisions as they arrived.
func story(events []Event) *ledgerv1.Call {
	events = each(events)
	gateway, callID, _ := CallOf(events[0].Record)
	steps, reports := stepsOf(events), reportsOf(events)
	c := &ledgerv1.Call{Name: "calls/" + ID(gateway, callID), CallId: callID, Gateway: gateway}
	for _, e := range events {
		c.UpdateTime = later(c.GetUpdateTime(), micros(e.UnixUS))
		c.NumberRevealed = c.GetNumberRevealed() || e.Record.GetDecision().GetNumberRevealed() // of a step asked about twice, too
	}
	for _, s := range steps {
		c.Steps = append(c.Steps, s.step())
	}
	c.Attempts = attemptsOf(steps, reports)
	c.Unrouted = len(steps) == 0
	tellSteps(c)
	tellPromised(c, steps)
	tellGoodwill(c)
	tellReports(c, reports)
	if c.GetStartTime() == nil {
		c.StartTime = began(c, events)
	}
	tellAnswer(c)
	c.Outcome = outcome(c)
	return c
}

// each is every event once, by the id of its record; of one that arrived twice, the first arrival counts.
func each(events []Event) []Event {
	events = slices.Clone(events)
	slices.SortFunc(events, func(a, b Event) int {
		return cmp.Or(bytes.Compare(a.Record.GetId(), b.Record.GetId()), cmp.Compare(a.UnixUS, b.UnixUS))
	})
	return slices.CompactFunc(events, func(a, b Event) bool { return bytes.Equal(a.Record.GetId(), b.Record.GetId()) })
}

// told is a step with every record of it, in order of when they were decided: a call may be asked about twice.
type told struct {
	records []*ledgerv1.Record
}

// stepsOf are the steps in order of their numbers.
func stepsOf(events []Event) []told {
	records := make([]*ledgerv1.Record, 0, len(events))
	for _, e := range events {
		if e.Record.GetDecision() != nil {
			records = append(records, e.Record)
		}
	}
	slices.SortFunc(records, func(a, b *ledgerv1.Record) int {
		x, y := a.GetDecision(), b.GetDecision()
		return cmp.Or(cmp.Compare(x.GetStep(), y.GetStep()), cmp.Compare(x.GetDecidedUnixUs(), y.GetDecidedUnixUs()),
			bytes.Compare(a.GetId(), b.GetId()))
	})
	var steps []told
	for from, i := 0, 1; i <= len(records); i++ {
		if i == len(records) || records[i].GetDecision().GetStep() != records[from].GetDecision().GetStep() {
			steps = append(steps, told{records[from:i]})
			from = i
		}
	}
	return steps
}

// step is the one that was decided last: of answers that a gateway asked for twice, it is the one that arrived.
func (t told) step() *ledgerv1.Step {
	last := t.records[len(t.records)-1]
	d := last.GetDecision()
	return &ledgerv1.Step{
		Number: d.GetStep(), Time: micros(d.GetDecidedUnixUs()), Decision: d, Instance: last.GetInstance(),
		Repeats: int32(len(t.records) - 1),
	}
}

// Decision is the record of a step with the ids of its facts, of the last step where number is 0; nil where there is none.
func Decision(events []Event, number int32) *routingv1.DecisionRecord {
	var found *routingv1.DecisionRecord
	for _, s := range stepsOf(each(events)) {
		d := s.records[len(s.records)-1].GetDecision()
		if number == 0 || d.GetStep() == number {
			found = d
		}
	}
	return found
}

func reportsOf(events []Event) []*routingv1.ReportCallRequest {
	var reports []*routingv1.ReportCallRequest
	for _, e := range events {
		if r := e.Record.GetReport(); r != nil {
			reports = append(reports, r.GetReport())
		}
	}
	return reports
}

// tellSteps fills in what decisions say. What changes from step to step is as the last one has it that says so.
func tellSteps(c *ledgerv1.Call) {
	for _, s := range c.GetSteps() {
		d := s.GetDecision()
		c.StartTime = earlier(c.GetStartTime(), s.GetTime())
		c.FollowUp = c.GetFollowUp() || d.GetFollowUp()
		if d.GetLine() != "" {
			c.Line = "lines/" + d.GetLine()
		}
		if d.GetCallerClass() != routingv1.CallerClass_CALLER_CLASS_UNSPECIFIED {
			c.CallerClass = d.GetCallerClass()
		}
		if d.GetCaller() > erase.ErasedNumber && c.GetCallerNumber() == "" {
			c.CallerNumber = number(d.GetCaller())
		}
		c.CallerErased = c.GetCallerErased() || d.GetCaller() == erase.ErasedNumber
		if c.GetTraceId() == "" && len(d.GetTraceId()) == 16 {
			c.TraceId = hex.EncodeToString(d.GetTraceId())
		}
		if c.GetSite() == "" && d.GetFirstSite() != "" && d.GetStepKind() == routingv1.StepKind_STEP_KIND_FORWARD {
			c.Site = "sites/" + d.GetFirstSite()
		}
		if customer := customerOf(d); customer != nil {
			c.Customer, c.CustomerDisplayName = customerNames+customer.GetId(), customer.GetDisplayName()
		}
		tellBusiness(c, d)
	}
}

// customerOf is the one customer whom a step took the caller for; nil where that is nobody, one of several, or one who was
// offered for a name that was like theirs.
func customerOf(d *routingv1.DecisionRecord) *routingv1.CustomerFact {
	if id := d.GetCustomer(); id != "" {
		if i := slices.IndexFunc(d.GetCustomers(), func(f *routingv1.CustomerFact) bool { return f.GetId() == id }); i >= 0 {
			return d.GetCustomers()[i]
		}
		return &routingv1.CustomerFact{Id: id}
	}
	offered := d.GetState().GetOffered()
	for _, f := range d.GetCustomers() {
		only := len(d.GetCustomers()) == 1 && (f.GetHasNumber() || !slices.Contains(offered, f.GetId()))
		if f.GetId() != "" && (f.GetId() == d.GetState().GetCustomer() || only) {
			return f
		}
	}
	return nil
}

// tellReports fills in what gateways say. A gateway's clock is its own: when a call began is told by the decision, where
// there is one.
func tellReports(c *ledgerv1.Call, reports []*routingv1.ReportCallRequest) {
	for _, r := range reports {
		c.AnswerTime = earlier(c.GetAnswerTime(), r.GetAnswerTime())
		c.EndTime = later(c.GetEndTime(), r.GetEndTime())
		if c.GetUnrouted() {
			c.StartTime = earlier(c.GetStartTime(), r.GetStartTime())
		}
	}
}

// began is when a call began that no decision and no report tells of: with its first attempt, or its answer, or its end, or
// when it was first heard of.
func began(c *ledgerv1.Call, events []Event) *timestamppb.Timestamp {
	var at *timestamppb.Timestamp
	for _, a := range c.GetAttempts() {
		at = earlier(at, a.GetStartTime())
	}
	at = earlier(at, c.GetAnswerTime())
	if at = earlier(at, c.GetEndTime()); at != nil {
		return at
	}
	for _, e := range events {
		at = earlier(at, micros(e.UnixUS))
	}
	return at
}

// Targets are named "dublin.1", "person.anna.1" and "last-resort" by routing.
const (
	personTargets = "person."
	lastResort    = "last-resort"
)

// TargetOwner is the site or the person that a target's id names; neither of the last resort, and of ids that were cut.
func TargetOwner(targetID string) (site, person string) {
	i := strings.LastIndexByte(targetID, '.')
	if i <= 0 || targetID == lastResort {
		return "", ""
	}
	owner := targetID[:i]
	if len(owner) == cutIDBytes && owner[cutIDBytes-9] == '-' && isHex(owner[cutIDBytes-8:]) {
		return "", ""
	}
	if id, ok := strings.CutPrefix(owner, personTargets); ok {
		return "", "people/" + id
	}
	return "sites/" + owner, ""
}

// cutIDBytes is how long what is left is of an ID that would be too long: 50 bytes, a dash, and a hash in hexadecimal.
const cutIDBytes = 59

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }

// tellAnswer fills in who answered.
func tellAnswer(c *ledgerv1.Call) {
	for _, a := range c.GetAttempts() {
		if a.GetDisposition() != routingv1.Disposition_DISPOSITION_ANSWERED {
			continue
		}
		c.Site, c.Person = TargetOwner(a.GetTargetId())
		if c.GetAnswerTime() == nil {
			c.AnswerTime = a.GetEndTime()
		}
		return
	}
}
