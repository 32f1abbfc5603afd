package promise_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/promise"
	"github.com/daysidehq/dayside/services/internal/fault"
)

const (
	pending  = entitlementv1.PromiseState_PROMISE_STATE_PENDING
	owed     = entitlementv1.PromiseState_PROMISE_STATE_OWED
	disputed = entitlementv1.PromiseState_PROMISE_STATE_DISPUTED
	waived   = entitlementv1.PromiseState_PROMISE_STATE_WAIVED
	lapsed   = entitlementv1.PromiseState_PROMISE_STATE_LAPSED
	refused  = entitlementv1.PromiseState_PROMISE_STATE_REFUSED

	confirm = entitlementv1.Settlement_SETTLEMENT_CONFIRM
	waive   = entitlementv1.Settlement_SETTLEMENT_WAIVE
	dispute = entitlementv1.Settlement_SETTLEMENT_DISPUTE
	uphold  = entitlementv1.Settlement_SETTLEMENT_UPHOLD

	nobody   = entitlementv1.Verification_VERIFICATION_UNSPECIFIED
	callBack = entitlementv1.Verification_VERIFICATION_CALL_BACK
)

func start() time.Time { return time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC) }

func facts(now time.Time) promise.Facts {
	return promise.Facts{
		Offer: &entitlementv1.Offer{
			Name: "offers/call", DisplayName: "Help now", Kind: entitlementv1.OfferKind_OFFER_KIND_PAY_PER_CALL,
			Price: &money.Money{CurrencyCode: "EUR", Units: 90}, UpdateTime: timestamppb.New(start().Add(-time.Hour)),
			Terms:         []*entitlementv1.OfferTerms{{Language: "en", Text: "Terms.", Version: "1"}},
			ConfirmWithin: durationpb.New(10 * time.Hour),
		},
		Customer: &publishedv1.Customer{Id: "acme", DisplayName: "Acme", Numbers: []uint64{61255500111}},
		Line:     &publishedv1.Line{Id: "gold", Product: "db", Offers: []string{"call"}}, By: "mary", Now: now,
	}
}

func request(v entitlementv1.Verification) *entitlementv1.AcceptOfferRequest {
	return &entitlementv1.AcceptOfferRequest{
		Offer: "offers/call", RequestId: "gw1/c1/2", Customer: "customers/acme", Number: "+61255500111", Line: "lines/gold",
		Verification: v, How: "pressed 1",
	}
}

// TestALineThatIsNamedMakesTheOffer: what is accepted outside a call is granted where it is offered, and nowhere else. What
// was said in a call was offered there.
func TestALineThatIsNamedMakesTheOffer(t *testing.T) {
	const accepted, not = entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_ACCEPTED, entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_NOT_OFFERED
	silver := &publishedv1.Line{Id: "silver", Product: "db", Offers: []string{"day"}}
	for what, c := range map[string]struct {
		line, call string
		is         *publishedv1.Line
		want       entitlementv1.AcceptOutcome
		detail     string
	}{
		"it makes it":      {"lines/gold", "", facts(start()).Line, accepted, ""},
		"none is named":    {"", "", nil, accepted, ""},
		"it makes another": {"lines/silver", "", silver, not, "lines/silver does not make offers/call: name a line that does, or none"},
		"there is none":    {"lines/lead", "", nil, not, "lines/lead does not exist"},
		"in a call":        {"lines/silver", "c1", silver, accepted, ""},
	} {
		r, f := request(callBack), facts(start())
		r.Line, r.CallId, f.Line = c.line, c.call, c.is
		if got := promise.Accept(r, f); got.Outcome != c.want || got.Detail != c.detail || (got.Promise == nil) != (c.want == not) {
			t.Errorf("%s: %v: %s", what, got.Outcome, got.Detail)
		}
	}
}

// TestWhatASettlementDoes of a promise in each state: what it becomes, or why it does not.
func TestWhatASettlementDoes(t *testing.T) {
	const wrong, invalid = rpcv1.Reason_REASON_WRONG_STATE, rpcv1.Reason_REASON_INVALID_FIELD
	for _, c := range []struct {
		is           entitlementv1.PromiseState
		what         entitlementv1.Settlement
		verification entitlementv1.Verification
		want         entitlementv1.PromiseState
		reason       rpcv1.Reason
	}{
		{pending, confirm, callBack, owed, 0},
		{pending, confirm, nobody, pending, invalid},
		{pending, waive, nobody, waived, 0},
		{pending, dispute, nobody, disputed, 0},
		{pending, uphold, callBack, pending, wrong},
		{owed, confirm, callBack, owed, 0},
		{owed, waive, nobody, waived, 0},
		{owed, dispute, nobody, disputed, 0},
		{owed, uphold, nobody, owed, wrong}, // nobody disputed it
		{disputed, confirm, callBack, disputed, wrong},
		{disputed, waive, nobody, waived, 0},
		{disputed, uphold, nobody, disputed, invalid}, // nobody was verified before
		{disputed, uphold, callBack, owed, 0},
		{waived, confirm, callBack, waived, wrong},
		{waived, waive, nobody, waived, 0},
		{waived, dispute, nobody, waived, wrong},
		{waived, uphold, callBack, waived, wrong},
		{lapsed, confirm, callBack, lapsed, wrong},
		{lapsed, waive, nobody, lapsed, wrong},
		{lapsed, dispute, nobody, lapsed, wrong},
		{lapsed, uphold, callBack, lapsed, wrong},
		{pending, 0, callBack, pending, invalid},
	} {
		p := promise.Accept(request(nobody), facts(start())).Promise
		p.State = c.is
		got, err := promise.Settle(p, promise.Settlement{What: c.what, Verification: c.verification, Reason: "so agreed", By: "mary", At: start()})
		if got.GetState() != c.want || fault.ReasonOf(err) != c.reason || (err == nil) != (c.reason == 0) {
			t.Errorf("%v of what is %s: %s, %v", c.what, promise.Words(c.is), promise.Words(got.GetState()), err)
		}
		noted := c.is == owed && c.what == confirm
		if (got.GetState() != c.is || noted) != (len(got.GetTrail()) == 2) {
			t.Errorf("%v of what is %s: %v", c.what, promise.Words(c.is), got.GetTrail())
		}
	}
}

func eur(units int64) *money.Money { return &money.Money{CurrencyCode: "EUR", Units: units} }

// TestLessIsPaid: what is waived or upheld in part is about less from then on, and never about more; what was promised at first
// stays, and the trail says who made it less, and why.
func TestLessIsPaid(t *testing.T) {
	const wrong, invalid = rpcv1.Reason_REASON_WRONG_STATE, rpcv1.Reason_REASON_INVALID_FIELD
	for what, c := range map[string]struct {
		is     entitlementv1.PromiseState
		what   entitlementv1.Settlement
		amount *money.Money
		want   entitlementv1.PromiseState
		left   int64
		rule   string
	}{
		"a dispute is upheld for less":      {disputed, uphold, eur(60), owed, 60, ""},
		"or for all of it":                  {disputed, uphold, eur(90), owed, 90, ""},
		"or for more":                       {disputed, uphold, eur(91), disputed, 90, "must be at most what it is about now: EUR 90.00"},
		"in another currency":               {disputed, uphold, &money.Money{CurrencyCode: "USD", Units: 60}, disputed, 90, "must be in the currency"},
		"for nothing":                       {disputed, uphold, eur(0), disputed, 90, "must be above 0"},
		"below nothing":                     {disputed, uphold, eur(-1), disputed, 90, "must not be negative"},
		"with too many decimals":            {disputed, uphold, &money.Money{CurrencyCode: "EUR", Units: 60, Nanos: 5}, disputed, 90, "decimals"},
		"of what is owed a part is waived":  {owed, waive, eur(60), owed, 60, ""},
		"of what is pending":                {pending, waive, eur(60), pending, 60, ""},
		"of what is disputed":               {disputed, waive, eur(60), disputed, 60, ""},
		"nothing is waived":                 {owed, waive, eur(90), owed, 90, ""},
		"more is waived":                    {owed, waive, eur(100), owed, 90, "at most"},
		"of what is waived already":         {waived, waive, eur(60), waived, 90, "cannot be waived in part"},
		"of what has lapsed":                {lapsed, waive, eur(60), lapsed, 90, "cannot be waived in part"},
		"what is owed is upheld for less":   {owed, uphold, eur(60), owed, 90, "cannot be upheld for less: waive a part of it"},
		"nobody confirms less":              {pending, confirm, eur(60), pending, 90, "only of what is waived, or upheld"},
		"nor disputes a part":               {owed, dispute, eur(60), owed, 90, "only of what is waived, or upheld"},
		"what waits for a confirmation is ": {pending, uphold, eur(60), pending, 90, "cannot be upheld"},
	} {
		p := promise.Accept(request(nobody), facts(start())).Promise
		if p.State = c.is; c.is != pending {
			p.LapseTime = nil
			p.Trail = append(p.Trail, &entitlementv1.PromiseEvent{State: c.is})
		}
		s := promise.Settlement{What: c.what, Verification: callBack, Amount: c.amount, Reason: "met in the middle", By: "mary", At: start()}
		if c.what == waive || c.what == dispute {
			s.Verification = nobody
		}
		got, err := promise.Settle(p, s)
		if (err == nil) != (c.rule == "") || err != nil && !strings.Contains(err.Error(), c.rule) {
			t.Errorf("%s: %v, want %q", what, err, c.rule)
		}
		if reason := fault.ReasonOf(err); err != nil && reason != invalid && reason != wrong {
			t.Errorf("%s: %v", what, reason)
		}
		if got.GetState() != c.want || got.GetAmount().GetUnits() != c.left || got.GetAcceptance().GetPrice().GetUnits() != 90 {
			t.Errorf("%s: %v", what, got)
		}
		if c.left == 90 {
			continue
		}
		last := got.GetTrail()[len(got.GetTrail())-1]
		if !proto.Equal(last.GetAmount(), c.amount) || last.GetBy() != "mary" || last.GetReason() != "met in the middle" {
			t.Errorf("%s: the trail ends with %v", what, last)
		}
		if (got.GetLapseTime() != nil) != (c.want == pending) {
			t.Errorf("%s: lapses %v", what, got.GetLapseTime())
		}
		if charge := promise.Charge(got, 7); charge.GetAmount().GetUnits() != c.left || charge.GetPromised().GetUnits() != 90 {
			t.Errorf("%s: the charge %v", what, charge)
		}
		if again, err := promise.Settle(got, s); err != nil || !proto.Equal(again, got) {
			t.Errorf("%s, again: %v, %v", what, again, err)
		}
		s.Amount = eur(c.left + 1)
		if up, err := promise.Settle(got, s); err == nil || up.GetAmount().GetUnits() > c.left {
			t.Errorf("%s, and then more: %v, %v", what, up, err)
		}
	}
}

func TestASettlementSaysWhy(t *testing.T) {
	p := promise.Accept(request(callBack), facts(start())).Promise
	for _, c := range []struct{ reason, want string }{
		{"", "is required"}, {"paid by 4111 1111 1111 1111", "no card data"}, {"not so agreed", ""},
	} {
		_, err := promise.Settle(p, promise.Settlement{What: dispute, Reason: c.reason, By: "mary", At: start()})
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "4111")) {
			t.Errorf("%q: %v", c.reason, err)
		}
	}
}

// life is a promise, and what was done with it.
type life struct {
	p        *entitlementv1.Promise
	now      time.Time
	verified bool
}

// TestNothingIsOwedThatNobodyVerified: whatever is accepted, settled and waited for, in whatever order. The trail only grows,
// and says how the promise stands; what is over stays so; and doing something again changes nothing.
func TestNothingIsOwedThatNobodyVerified(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		verifications := rapid.SampledFrom([]entitlementv1.Verification{
			nobody, entitlementv1.Verification_VERIFICATION_ATTESTED_NUMBER, entitlementv1.Verification_VERIFICATION_PIN, callBack,
		})
		r, f := request(verifications.Draw(t, "verification")), facts(start())
		r.Number = rapid.SampledFrom([]string{"+61255500111", "+61255500999", ""}).Draw(t, "number")
		if r.GetNumber() != "" && rapid.Bool().Draw(t, "unknown") {
			r.Customer, f.Customer = "", nil
		}
		l := life{promise.Accept(r, f).Promise, start(), false}
		theirs := f.Customer != nil && (r.GetVerification() != entitlementv1.Verification_VERIFICATION_ATTESTED_NUMBER ||
			r.GetNumber() == "+61255500111")
		l.verified = r.GetVerification() != nobody && theirs
		for range rapid.IntRange(0, 80).Draw(t, "steps") {
			l.step(t, promise.Settlement{
				What:         rapid.SampledFrom([]entitlementv1.Settlement{confirm, waive, dispute, uphold, dispute, uphold}).Draw(t, "settlement"),
				Verification: verifications.Draw(t, "how"), Reason: rapid.SampledFrom([]string{"", "so agreed"}).Draw(t, "reason"), By: "mary",
				Amount: rapid.SampledFrom([]*money.Money{nil, nil, eur(100), eur(90), eur(60), eur(30), eur(0)}).Draw(t, "amount"),
			}, time.Duration(rapid.IntRange(0, 120).Draw(t, "minutes"))*time.Minute)
		}
	})
}

func (l *life) step(t *rapid.T, s promise.Settlement, after time.Duration) {
	l.now = l.now.Add(after)
	s.At = l.now
	before := proto.CloneOf(l.p)
	next, err := promise.Settle(l.p, s)
	if !proto.Equal(before, l.p) {
		t.Fatal("what was given is changed")
	}
	if err == nil && s.Verification != nobody && (s.What == confirm || s.What == uphold) && next.GetState() == owed {
		l.verified = true
	}
	less := before.GetAmount().GetUnits() - next.GetAmount().GetUnits()
	if less < 0 || less > 0 && (!proto.Equal(next.GetAmount(), s.Amount) || next.GetTrail()[len(next.GetTrail())-1].GetAmount() == nil) ||
		next.GetAcceptance().GetPrice().GetUnits() != 90 {
		t.Fatalf("%v: %v is about %v", s, before, next.GetAmount())
	}
	over := before.GetState() == waived || before.GetState() == lapsed
	was, is := before.GetTrail(), next.GetTrail()
	switch {
	case over && (next.GetState() != before.GetState() || len(is) != len(was)):
		t.Fatalf("%v brought back what is %s", s.What, promise.Words(before.GetState()))
	case len(is) < len(was) || len(is) > len(was)+2 || len(is) > 64:
		t.Fatalf("a trail of %d after one of %d", len(is), len(was))
	case next.GetState() == owed && !l.verified:
		t.Fatalf("owed, and nobody was verified: %v", next)
	case is[len(is)-1].GetState() != next.GetState():
		t.Fatalf("the trail ends with %v, and it is %s", is[len(is)-1], promise.Words(next.GetState()))
	case promise.WasVerified(next) != l.verified && next.GetState() == owed:
		t.Fatalf("verified %v: %v", l.verified, is)
	}
	for i := range was {
		if !proto.Equal(was[i], is[i]) {
			t.Fatalf("event %d of the trail was changed", i)
		}
	}
	if again, errAgain := promise.Settle(next, s); err == nil && (s.Amount == nil || s.What == uphold || s.What == waive) && (errAgain != nil || !proto.Equal(again, next)) {
		t.Fatalf("%v again: %v, %v", s.What, again, errAgain)
	}
	if c := promise.Charge(next, 7); c.GetState() != next.GetState() || !proto.Equal(c.GetAmount(), next.GetAmount()) || c.GetRevision() != 7 {
		t.Fatalf("the charge: %v", c)
	}
	l.p = next
}

// TestALapseIsTheSameWhoeverWritesIt, however late.
func TestALapseIsTheSameWhoeverWritesIt(t *testing.T) {
	p := promise.Accept(request(nobody), facts(start())).Promise
	if _, is := promise.Lapse(p, start().Add(10*time.Hour-time.Second)); is {
		t.Error("before its time")
	}
	one, is := promise.Lapse(p, start().Add(10*time.Hour))
	other, isToo := promise.Lapse(p, start().Add(1000*time.Hour))
	if !is || !isToo || !proto.Equal(one, other) || one.GetState() != lapsed {
		t.Errorf("%v and %v", one, other)
	}
	if again, is := promise.Lapse(one, start().Add(1000*time.Hour)); is || again != one {
		t.Error("twice")
	}
}

// TestHowManyTimesAPromiseIsSettled: at most 63, and it can still be given up then.
func TestHowManyTimesAPromiseIsSettled(t *testing.T) {
	p := promise.Accept(request(callBack), facts(start())).Promise
	var err error
	for i := 0; err == nil && i < 100; i++ {
		p, err = promise.Settle(p, promise.Settlement{What: []entitlementv1.Settlement{dispute, uphold}[i%2], Reason: "again", At: start()})
	}
	if fault.ReasonOf(err) != rpcv1.Reason_REASON_LIMIT_EXCEEDED || len(p.GetTrail()) != 63 {
		t.Errorf("%d events: %v", len(p.GetTrail()), err)
	}
	if _, err = promise.Settle(p, promise.Settlement{What: waive, Amount: eur(1), Reason: "a part", At: start()}); err == nil {
		t.Error("the last place is for giving all of it up")
	}
	p, err = promise.Settle(p, promise.Settlement{What: waive, Reason: "enough", At: start()})
	if err != nil || p.GetState() != waived || len(p.GetTrail()) != 64 {
		t.Errorf("%v, %v", p, err)
	}
}

func TestIDsSortByTime(t *testing.T) {
	if a, b := promise.ID("zzz", start()), promise.ID("aaa", start().Add(time.Second)); a >= b || a == promise.ID("yyy", start()) ||
		!strings.HasPrefix(a, "20261122-090000-") || len(a) > 63 {
		t.Errorf("%s, %s", a, b)
	}
}

// FuzzAccept: whatever a request says, an outcome, and a promise of what was said or of the offer's price.
func FuzzAccept(f *testing.F) {
	f.Add("+61255500111", "en", "1", "EUR", int64(90), int32(0), int64(0), "pressed 1")
	f.Add("", "de", "2", "JPY", int64(-1), int32(-1), int64(-1<<40), "")
	f.Fuzz(func(t *testing.T, number, language, version, currency string, units int64, nanos int32, at int64, how string) {
		r := request(entitlementv1.Verification_VERIFICATION_ATTESTED_NUMBER)
		r.Number, r.TermsLanguage, r.TermsVersion, r.How = number, language, version, how
		r.AcceptTime, r.Price = &timestamppb.Timestamp{Seconds: at}, &money.Money{CurrencyCode: currency, Units: units, Nanos: nanos}
		if promise.Check(r) != nil {
			return
		}
		out := promise.Accept(r, facts(start()))
		switch {
		case out.Outcome == entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_UNSPECIFIED:
			t.Fatal("no outcome")
		case (out.Promise == nil) != (out.Grant == nil):
			t.Fatalf("a promise without a grant, or the other way round: %v", out)
		case out.Promise != nil && (!proto.Equal(out.Promise.GetAmount(), r.GetPrice()) || out.Promise.GetAmount().GetUnits() < 0 ||
			out.Grant.GetEndTime().GetSeconds() <= out.Grant.GetStartTime().GetSeconds()):
			t.Fatalf("%v", out)
		case out.Promise.GetState() == owed && number != "+61255500111":
			t.Fatalf("owed by %q", number)
		}
	})
}

// TestWhatCameTooLateIsSeen: the caller was connected on the strength of what a disk kept. What is not taken of it is recorded,
// gives nothing, counts towards no limit, and is owed once the customer confirms it after all. Of what nobody kept nothing is.
func TestWhatCameTooLateIsSeen(t *testing.T) {
	const limit, gone = entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_LIMIT_REACHED, entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_NOT_OFFERED
	for what, c := range map[string]struct {
		change func(*promise.Facts, *entitlementv1.AcceptOfferRequest)
		want   entitlementv1.AcceptOutcome
		why    string
		amount int64
	}{
		"beyond the limit": {func(f *promise.Facts, _ *entitlementv1.AcceptOfferRequest) {
			f.Offer.MaxUnverifiedPerDay, f.UnverifiedMinor = eur(100), 2000
		}, limit, "EUR 100.00 a day without being verified is the most; EUR 20.00 was accepted so on this day already, and this is EUR 90.00", 90},
		"withdrawn": {func(f *promise.Facts, _ *entitlementv1.AcceptOfferRequest) { f.Offer.Withdrawn = true }, gone, "offers/call is withdrawn", 90},
		"deleted": {func(f *promise.Facts, r *entitlementv1.AcceptOfferRequest) {
			f.Offer, r.Price = nil, eur(80)
		}, gone, "offers/call does not exist any more", 80},
		"and nobody knows what it cost": {func(f *promise.Facts, _ *entitlementv1.AcceptOfferRequest) { f.Offer = nil }, gone, "offers/call does not exist any more", 0},
		"the customer is gone": {func(f *promise.Facts, _ *entitlementv1.AcceptOfferRequest) {
			f.Customer, f.CustomerGone = nil, true
		}, gone, "customers/acme does not exist any more", 90},
	} {
		for _, kept := range []bool{true, false} {
			r, f := request(nobody), facts(start().Add(3*time.Hour))
			r.Kept, r.AcceptTime = kept, timestamppb.New(start())
			c.change(&f, r)
			got := promise.Accept(r, f)
			if got.Outcome != c.want || got.Detail != c.why || got.Grant != nil || got.UnverifiedMinor != 0 || (got.Promise != nil) != kept {
				t.Errorf("%s, kept %v: %v", what, kept, got)
			}
			p := got.Promise
			if p == nil {
				continue
			}
			if p.GetState() != refused || p.GetRefused() != c.want || p.GetAmount().GetUnits() != c.amount || p.GetGrant() != "" ||
				!strings.HasSuffix(p.GetTrail()[0].GetReason(), "recorded 3h0m0s later; "+c.why) {
				t.Errorf("%s: %v", what, p)
			}
			if _, lapses := promise.Lapse(p, start().AddDate(10, 0, 0)); lapses || promise.Holds(p, start()) {
				t.Errorf("%s: it lapses, or holds", what)
			}
			s := promise.Settlement{What: confirm, Verification: callBack, By: "mary", At: f.Now}
			if owes, err := promise.Settle(p, s); err != nil || owes.GetState() != owed {
				t.Errorf("%s, and confirmed: %v, %v", what, owes, err)
			}
			if _, err := promise.Settle(p, promise.Settlement{What: waive, Reason: "let them be", By: "mary", At: f.Now}); err != nil {
				t.Errorf("%s, and waived: %v", what, err)
			}
		}
	}
}

// TestARequestIsOfOneAcceptance: the same customer, or number, and offer.
func TestARequestIsOfOneAcceptance(t *testing.T) {
	for what, c := range map[string]struct {
		change func(r *entitlementv1.AcceptOfferRequest, p *entitlementv1.Promise)
		want   bool
	}{
		"told again":        {func(*entitlementv1.AcceptOfferRequest, *entitlementv1.Promise) {}, true},
		"verified since":    {func(r *entitlementv1.AcceptOfferRequest, _ *entitlementv1.Promise) { r.Verification = callBack }, true},
		"another offer":     {func(r *entitlementv1.AcceptOfferRequest, _ *entitlementv1.Promise) { r.Offer = "offers/day" }, false},
		"another customer":  {func(r *entitlementv1.AcceptOfferRequest, _ *entitlementv1.Promise) { r.Customer = "customers/globex" }, false},
		"a number, instead": {func(r *entitlementv1.AcceptOfferRequest, _ *entitlementv1.Promise) { r.Customer = "" }, false},
		"another number": {func(r *entitlementv1.AcceptOfferRequest, p *entitlementv1.Promise) {
			r.Customer, p.Acceptance.Customer, r.Number = "", "", "+61255500222"
		}, false},
		"the same number": {func(r *entitlementv1.AcceptOfferRequest, p *entitlementv1.Promise) {
			r.Customer, p.Acceptance.Customer = "", ""
		}, true},
		"of another, and somebody was erased": {func(r *entitlementv1.AcceptOfferRequest, p *entitlementv1.Promise) {
			r.Customer, p.Acceptance.Customer, r.Number, p.Erased = "", "", "+61255500222", true
		}, false},
		"of somebody erased": {func(r *entitlementv1.AcceptOfferRequest, p *entitlementv1.Promise) {
			r.Customer, p.Acceptance.Customer, p.Acceptance.Number, p.Erased = "", "", "", true
		}, true},
	} {
		p := promise.Accept(request(nobody), facts(start())).Promise
		r := request(nobody)
		c.change(r, p)
		if got := promise.Repeats(r, p); got != c.want {
			t.Errorf("%s: %v", what, got)
		}
	}
}

// TestWhatEndedIsNotOffered, but to whoever was told of it before, in a call.
func TestWhatEndedIsNotOffered(t *testing.T) {
	const accepted, not = entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_ACCEPTED, entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_NOT_OFFERED
	for what, c := range map[string]struct {
		ends, late time.Duration // from when it is accepted, and until it is recorded
		call       string
		want       entitlementv1.AcceptOutcome
	}{
		"it ends later":                  {time.Second, 0, "", accepted},
		"it ends":                        {0, 0, "", not},
		"said in a call before it ended": {-time.Minute, 0, "c1", accepted},
		"that began long after":          {-31 * time.Minute, 0, "c1", not},
		"accepted in time, told late":    {time.Second, time.Hour, "", accepted},
	} {
		r, f := request(callBack), facts(start().Add(c.late))
		f.Offer.EndTime, r.CallId, r.AcceptTime = timestamppb.New(start().Add(c.ends)), c.call, timestamppb.New(start())
		r.TermsVersion = "1"
		got := promise.Accept(r, f)
		if got.Outcome != c.want || (c.want == not) != strings.Contains(got.Detail, "offers/call ended at 2026-11-22T0") {
			t.Errorf("%s: %v, %s", what, got.Outcome, got.Detail)
		}
	}
}

// TestMoreThanTheOfferCostsIsNotOwed: whoever said so, the customer confirms it first. Less is what is owed.
func TestMoreThanTheOfferCostsIsNotOwed(t *testing.T) {
	for units, want := range map[int64]entitlementv1.PromiseState{89: owed, 90: owed, 91: pending, 9_000_000: pending} {
		r := request(callBack)
		r.Price = &money.Money{CurrencyCode: "EUR", Units: units}
		if p := promise.Accept(r, facts(start())).Promise; p.GetState() != want || p.GetAmount().GetUnits() != units {
			t.Errorf("%d: %v", units, p)
		}
	}
}
