// Package brief is what the answering person sees of a call: who calls, on what basis they are entitled or why not, which
// cases are open, what to say, and how a supervisor is reached.
//
// It is pure. What was decided comes with the call's own token; names, plan, cases and guidance are those of the view that
// is asked, so that a brief of an hour ago tells the case that was opened since.
package brief

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// maxCallIDBytes is how much of a call's id a token holds.
const maxCallIDBytes = 64

// Said where a line has no guidance of its own.
const (
	sayEntitled    = "The caller is entitled to this line: help at once."
	sayNotEntitled = "The caller is not entitled to this line. Find out how urgent it is, promise nothing that costs money, " +
		"and ask a supervisor where you want to help all the same."
	sayUnknown = "Nobody knows yet who is calling. Ask for the company's name and a number to call back, and help meanwhile."
)

// State is what a token holds of a decided call. Nothing of it points into the decision.
func State(d *decide.Decision, call decide.Call, gateway string, at time.Time) *routingv1.BriefState {
	s := &routingv1.BriefState{
		MadeUnixMs: at.UnixMilli(), CallerClass: d.Class, Customer: call.State.GetCustomer(), Caller: uint64(call.Caller),
		CallId: beginning(call.ID), Gateway: gateway, FollowUp: d.FollowUp,
		Via: d.Via(), OfferFate: d.Offer, Offer: call.State.GetAccepted().GetOffer(), Promise: call.State.GetPromise(),
		GoodwillCalls: int32(d.GoodwillCalls),
	}
	if c := d.Customer(); c != nil {
		s.Customer = c.ID()
	}
	if d.Partner != nil {
		s.Partner = d.Partner.ID()
	}
	if d.Line != nil {
		s.Line = d.Line.ID
	}
	if known := d.Candidates(); s.Customer == "" && len(known) == 1 && !d.Surmised() {
		s.Customer = strings.TrimPrefix(known[0].Name, "customers/")
	}
	for _, v := range d.Verdicts() {
		if ofCaller(v) != "" || ofEntitlement(v) != "" {
			s.Verdicts = append(s.Verdicts, v)
		}
	}
	return s
}

// beginning is the first bytes of an id, as valid text.
func beginning(id string) string {
	id = strings.ToValidUTF8(id, "?")
	if len(id) <= maxCallIDBytes {
		return id
	}
	n := maxCallIDBytes
	for !utf8.RuneStart(id[n]) {
		n--
	}
	return id[:n]
}

// Of is the brief of a call, by what a view knows now. What it does not know any more is left out.
func Of(v *view.View, s *routingv1.BriefState) *routingv1.CallBrief {
	b := &routingv1.CallBrief{
		CallId: s.GetCallId(), Gateway: s.GetGateway(), RouteTime: timestamppb.New(time.UnixMilli(s.GetMadeUnixMs())),
		CallerClass: s.GetCallerClass(), Verdicts: s.GetVerdicts(), FollowUp: s.GetFollowUp(), CallerNumber: number(s.GetCaller()),
		GoodwillCalls: s.GetGoodwillCalls(), OfferFate: s.GetOfferFate(),
		Via: named("customers/", s.GetVia()), Partner: named("customers/", s.GetPartner()),
		Offer: named("offers/", s.GetOffer()), Promise: named("promises/", s.GetPromise()),
	}
	if c := v.Customer(s.GetPartner()); c != nil && s.GetPartner() != "" {
		b.PartnerDisplayName = c.DisplayName
	}
	if o := v.Offer(s.GetOffer()); o != nil {
		b.OfferDisplayName = o.Source.GetDisplayName()
	}
	if s.GetLine() != "" {
		b.Line = "lines/" + s.GetLine()
	}
	line := v.LineByID(s.GetLine())
	if line != nil {
		b.LineDisplayName = line.DisplayName
		b.Supervisor = line.Guidance().GetSupervisor()
	}
	b.Guidance = guidance(line, s.GetCallerClass())
	if s.GetCustomer() != "" {
		b.Customer = "customers/" + s.GetCustomer()
		ofCustomer(b, v, v.Customer(s.GetCustomer()), line, s.GetMadeUnixMs()/1000)
	}
	b.Text = text(b)
	return b
}

// named is a resource's name; empty of none.
func named(collection, id string) string {
	if id == "" {
		return ""
	}
	return collection + id
}

func number(n uint64) string {
	if n == 0 {
		return ""
	}
	return phone.Number(n).String()
}

func guidance(l *view.Line, class routingv1.CallerClass) string {
	var own *routingv1.Guidance
	if l != nil {
		own = l.Guidance()
	}
	said, otherwise := own.GetUnknown(), sayUnknown
	switch class {
	case routingv1.CallerClass_CALLER_CLASS_ENTITLED:
		said, otherwise = own.GetEntitled(), sayEntitled
	case routingv1.CallerClass_CALLER_CLASS_NOT_ENTITLED:
		said, otherwise = own.GetNotEntitled(), sayNotEntitled
	case routingv1.CallerClass_CALLER_CLASS_UNKNOWN, routingv1.CallerClass_CALLER_CLASS_UNSPECIFIED:
	}
	if said == "" {
		return otherwise
	}
	return said
}

// ofCustomer tells the customer's name, the plan that they were entitled by at the time of the call, and open cases.
func ofCustomer(b *routingv1.CallBrief, v *view.View, c *view.Customer, l *view.Line, atS int64) {
	if c == nil {
		return
	}
	b.CustomerDisplayName = c.DisplayName
	if l != nil {
		answer := entitle.Ask(v.Parties(c, nil), v, entitle.Question{
			LineID: l.ID, Product: l.Product.Name(), Severity: l.Severity, AtUnixS: atS,
		})
		if entitle.Granted(answer.Basis) {
			b.Plan = answer.PlanID
		}
	}
	for _, k := range c.Cases {
		open := &routingv1.BriefCase{CaseId: k.ID, Title: k.Title}
		if k.SiteID != "" {
			open.Site = "sites/" + k.SiteID
		}
		b.OpenCases = append(b.OpenCases, open)
	}
}

// text is all of it as one paragraph.
func text(b *routingv1.CallBrief) string {
	var s []string
	add := func(format string, args ...any) { s = append(s, fmt.Sprintf(format, args...)) }
	add("Call to %s at %s.", either(b.GetLineDisplayName(), b.GetLine(), "a line that is not known"),
		b.GetRouteTime().AsTime().Format("2006-01-02 15:04 UTC"))
	from := "a withheld number"
	if b.GetCallerNumber() != "" {
		from = b.GetCallerNumber()
	}
	who := "nobody knows which customer"
	if b.GetCustomer() != "" {
		who = either(b.GetCustomerDisplayName(), b.GetCustomer(), "")
	}
	add("From %s: %s%s.", from, who, behind(", ", first(b, ofCaller)))
	class := map[routingv1.CallerClass]string{
		routingv1.CallerClass_CALLER_CLASS_ENTITLED:     "Entitled",
		routingv1.CallerClass_CALLER_CLASS_NOT_ENTITLED: "Not entitled",
	}[b.GetCallerClass()]
	if class == "" {
		class = "Not known whether entitled"
	}
	add("%s%s%s.", class, behind(": ", first(b, ofEntitlement)), behind(", plan ", b.GetPlan()))
	if b.GetPartner() != "" {
		add("The caller is of %s, a partner.", either(b.GetPartnerDisplayName(), b.GetPartner(), ""))
	}
	if b.GetVia() != "" && b.GetVia() != b.GetCustomer() {
		add("By the contract of %s.", b.GetVia())
	}
	if said := ofOffer(b.GetOfferFate()); said != "" {
		add("%s%s%s.", said, behind(": ", either(b.GetOfferDisplayName(), b.GetOffer(), "")), behind(", ", b.GetPromise()))
	}
	if n := b.GetGoodwillCalls(); n > 0 {
		add("Helped without a contract %d times before.", n)
	}
	for _, k := range b.GetOpenCases() {
		add("Open case %s%s%s.", k.GetCaseId(), behind(": ", k.GetTitle()), behind(", worked on by ", k.GetSite()))
	}
	if b.GetFollowUp() {
		add("To be followed up on the next business day.")
	}
	s = append(s, b.GetGuidance())
	if b.GetSupervisor() != "" {
		add("Supervisor: %s", b.GetSupervisor())
	}
	return strings.Join(strings.Fields(strings.Join(s, " ")), " ")
}

// either is a name for people with the resource's own behind it, or what there is of them.
func either(display, name, neither string) string {
	switch {
	case name == "":
		return neither
	case display == "":
		return name
	}
	return display + " (" + name + ")"
}

// behind is a text with something before it; nothing where it is empty.
func behind(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

// first is the words for the first verdict that has any.
func first(b *routingv1.CallBrief, words func(routingv1.Verdict) string) string {
	for _, v := range b.GetVerdicts() {
		if w := words(v); w != "" {
			return w
		}
	}
	return ""
}

// ofCaller is how it is known who calls; empty of verdicts on something else.
func ofCaller(v routingv1.Verdict) string {
	switch v { //nolint:exhaustive // the others are no verdicts on the caller
	case routingv1.Verdict_VERDICT_CALLER_VERIFIED:
		return "by their number, which is verified"
	case routingv1.Verdict_VERDICT_CALLER_UNVERIFIED:
		return "by their number, for which nobody vouches"
	case routingv1.Verdict_VERDICT_CALLER_AMBIGUOUS:
		return "for several customers have the number"
	case routingv1.Verdict_VERDICT_CALLER_UNKNOWN:
		return "for no customer has the number"
	case routingv1.Verdict_VERDICT_CALLER_WITHHELD:
		return "for there is no number to know them by"
	case routingv1.Verdict_VERDICT_CALLER_NAMED:
		return "by the name they gave"
	case routingv1.Verdict_VERDICT_CALLER_PIN_VERIFIED:
		return "by the name they gave and their PIN"
	case routingv1.Verdict_VERDICT_CALLER_PHRASE_VERIFIED:
		return "by the name they gave and their phrase"
	case routingv1.Verdict_VERDICT_CALLER_PARTNER:
		return "for whom a partner of theirs calls"
	}
	return ""
}

// ofEntitlement is on what basis a caller is entitled, or why not; empty of verdicts on something else.
func ofEntitlement(v routingv1.Verdict) string {
	switch v { //nolint:exhaustive // the others are no verdicts on entitlement
	case routingv1.Verdict_VERDICT_ENTITLED_BY_CONTRACT:
		return "a contract is in force"
	case routingv1.Verdict_VERDICT_NO_CONTRACT:
		return "there is no contract"
	case routingv1.Verdict_VERDICT_CONTRACT_NOT_STARTED:
		return "the contract begins later"
	case routingv1.Verdict_VERDICT_CONTRACT_ENDED:
		return "the contract has ended"
	case routingv1.Verdict_VERDICT_OTHER_PRODUCT:
		return "the contract is for another product"
	case routingv1.Verdict_VERDICT_ENTITLEMENT_UNKNOWN:
		return "it must be known first who it is"
	case routingv1.Verdict_VERDICT_ENTITLED_IN_GRACE:
		return "the contract has ended, and its grace has not"
	case routingv1.Verdict_VERDICT_ENTITLED_COMPLIMENTARY:
		return "complimentary access"
	case routingv1.Verdict_VERDICT_ENTITLED_BY_PROMISE:
		return "they promised to pay"
	case routingv1.Verdict_VERDICT_ENTITLED_BY_PENDING_PROMISE:
		return "somebody promised to pay, and the customer has not confirmed it yet"
	case routingv1.Verdict_VERDICT_SUSPENDED:
		return "the customer or the contract is suspended"
	case routingv1.Verdict_VERDICT_OUTSIDE_PLAN_HOURS:
		return "it is outside the hours of their plan"
	case routingv1.Verdict_VERDICT_OTHER_LINE:
		return "their plan does not give this line"
	case routingv1.Verdict_VERDICT_OTHER_SEVERITY:
		return "their plan does not cover cases this bad"
	case routingv1.Verdict_VERDICT_ALLOWANCE_USED:
		return "the calls that their plan includes are used"
	}
	return ""
}

// ofOffer is what became of an offer; empty where none was made.
func ofOffer(f routingv1.OfferFate) string {
	switch f {
	case routingv1.OfferFate_OFFER_FATE_ACCEPTED:
		return "An offer was accepted in this call"
	case routingv1.OfferFate_OFFER_FATE_PENDING:
		return "An offer was accepted in this call, and nothing is owed before the customer confirms"
	case routingv1.OfferFate_OFFER_FATE_SPOOLED:
		return "An offer was accepted in this call, and is recorded later"
	case routingv1.OfferFate_OFFER_FATE_DECLINED:
		return "An offer was declined in this call"
	case routingv1.OfferFate_OFFER_FATE_HELPED_FIRST:
		return "An offer was accepted in this call, and could not be recorded: speak of it"
	case routingv1.OfferFate_OFFER_FATE_NOT_CARRIED:
		return "An offer could not be made, for nothing can be asked there"
	case routingv1.OfferFate_OFFER_FATE_UNSPECIFIED, routingv1.OfferFate_OFFER_FATE_MADE:
	}
	return ""
}
