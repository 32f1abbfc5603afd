package lines

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
)

const (
	maxOffers        = 4
	maxGoodwillCalls = 16
	maxWindowDays    = 400
	maxFormerNumbers = 8

	offerNames = "offers/"
	// offer and identify name the treatments that are not for everybody.
	offer    = routingv1.Treatment_TREATMENT_OFFER
	identify = routingv1.Treatment_TREATMENT_IDENTIFY
)

// checkTerms checks on what terms a line helps callers who are not entitled.
func checkTerms(l *routingv1.Line, broken *fault.Violations) {
	checkOffers(l, broken)
	if _, known := entitlementv1.Severity_name[int32(l.GetSeverity())]; !known {
		broken.Add("severity", fmt.Sprint(int32(l.GetSeverity())), "must be one of P1 to P4, or unset for any")
	}
	if t := l.GetTreatments().GetDeclined(); t == offer || t == identify {
		broken.Add("treatments.declined", t.String(), "must be done for whoever did not accept an offer: never OFFER or IDENTIFY")
	}
	if g := l.GetGoodwill(); g != nil {
		within("goodwill.max_calls", g.GetMaxCalls(), maxGoodwillCalls, broken)
		within("goodwill.window_days", g.GetWindowDays(), maxWindowDays, broken)
		if g.GetThen() == identify {
			broken.Add("goodwill.then", g.GetThen().String(), "must not be IDENTIFY: whoever is shown goodwill may be known already")
		}
	}
	checkFormerNumbers(l, broken)
}

func within(field string, value, most int32, broken *fault.Violations) {
	if value < 0 || value > most {
		broken.Add(field, fmt.Sprint(value), fmt.Sprintf("must be 0 to %d", most))
	}
}

func checkOffers(l *routingv1.Line, broken *fault.Violations) {
	all := l.GetOffers()
	if len(all) > maxOffers {
		broken.Add("offers", fmt.Sprint(len(all)), fmt.Sprintf("must be at most %d: a caller chooses by a key", maxOffers))
		return
	}
	for i, name := range all {
		field := fmt.Sprintf("offers[%d]", i)
		if id, ok := strings.CutPrefix(name, offerNames); !ok || id == "" || strings.Contains(id, "/") {
			broken.Add(field, name, "must be offers/ID")
		} else if at := slices.Index(all, name); at < i {
			broken.Add(field, name, fmt.Sprintf("is listed twice: offers[%d] is the same", at))
		}
	}
	if len(all) > 0 {
		return
	}
	t := l.GetTreatments()
	for _, use := range []struct {
		field string
		given routingv1.Treatment
	}{
		{"treatments.not_entitled", t.GetNotEntitled()}, {"treatments.unknown", t.GetUnknown()},
		{"goodwill.then", l.GetGoodwill().GetThen()},
	} {
		if use.given == offer {
			broken.Add(use.field, use.given.String(), "needs offers: the line has none to make")
		}
	}
}

// checkFormerNumbers checks what only a rotation writes.
func checkFormerNumbers(l *routingv1.Line, broken *fault.Violations) {
	if n := len(l.GetFormerNumbers()); n > maxFormerNumbers {
		broken.Add("former_numbers", fmt.Sprint(n),
			fmt.Sprintf("must be at most %d: wait until some of them end", maxFormerNumbers))
		return
	}
	own, _ := Number(l)
	seen := map[phone.Number]bool{}
	for i, f := range l.GetFormerNumbers() {
		field := fmt.Sprintf("former_numbers[%d]", i)
		n, ok := phone.Parse(f.GetNumber().GetE164Number())
		switch {
		case !ok:
			broken.Add(field+".number", Hidden, "must be E.164")
		case n == own:
			broken.Add("number", Hidden, "is one that the line had before it was rotated: write the one that it has now, "+
				"or rotate it back")
		case seen[n]:
			broken.Add(field+".number", Hidden, "must differ from its other former ones")
		case f.GetEndTime().CheckValid() != nil || f.GetEndTime() == nil:
			broken.Add(field+".end_time", "", "is required: until when the number works")
		}
		seen[n] = true
	}
}

// Rotate gives the line another number, and has the one before work until now + overlap. Former numbers whose time is over
// are kept as long as there is room, so that their callers are told. Of the number that the line has already it is
// INVALID_FIELD, unless overlap is 0: then all that it had before end.
func Rotate(l *routingv1.Line, to phone.Number, overlap time.Duration, now time.Time) error {
	own, ok := Number(l)
	switch {
	case !ok:
		return fault.Invalid(fault.Violation{Field: "number", Value: Hidden, Rule: "the line has none that could be rotated"})
	case own == to && overlap > 0:
		return fault.Invalid(fault.Violation{Field: "number", Value: Hidden, Rule: "is the line's number already"})
	case own == to:
		for _, f := range l.GetFormerNumbers() {
			if works(f, now.Unix()) {
				f.EndTime = timestamppb.New(now)
			}
		}
		return nil
	}
	l.FormerNumbers = slices.DeleteFunc(l.GetFormerNumbers(), func(f *routingv1.FormerNumber) bool {
		n, _ := phone.Parse(f.GetNumber().GetE164Number())
		return n == to || n == own
	})
	l.FormerNumbers = append(l.FormerNumbers, formerly(own, now.Add(overlap)))
	l.Number = e164(to)
	forgetEnded(l, now.Unix())
	return nil
}

// forgetEnded makes room: those that ended first go first.
func forgetEnded(l *routingv1.Line, nowUnixS int64) {
	for len(l.GetFormerNumbers()) > maxFormerNumbers {
		first := slices.MinFunc(l.GetFormerNumbers(), func(a, b *routingv1.FormerNumber) int {
			return cmp.Compare(a.GetEndTime().GetSeconds(), b.GetEndTime().GetSeconds())
		})
		if works(first, nowUnixS) {
			return
		}
		at := slices.Index(l.GetFormerNumbers(), first)
		l.FormerNumbers = slices.Delete(l.GetFormerNumbers(), at, at+1)
	}
}

// FormerEnd is when the last of the numbers ends that the line had and that work now; nil where none does.
func FormerEnd(l *routingv1.Line, nowUnixS int64) (end *timestamppb.Timestamp) {
	for _, f := range l.GetFormerNumbers() {
		if works(f, nowUnixS) && f.GetEndTime().GetSeconds() > end.GetSeconds() {
			end = f.GetEndTime()
		}
	}
	return end
}

func works(f *routingv1.FormerNumber, nowUnixS int64) bool {
	return f.GetEndTime().GetSeconds() > nowUnixS
}

// Numbers are all that lead to the line at an instant: its own, and those it had whose time is not over.
func Numbers(l *routingv1.Line, nowUnixS int64) []phone.Number {
	var all []phone.Number
	if n, ok := Number(l); ok {
		all = append(all, n)
	}
	for _, f := range l.GetFormerNumbers() {
		if n, ok := phone.Parse(f.GetNumber().GetE164Number()); ok && works(f, nowUnixS) {
			all = append(all, n)
		}
	}
	return all
}

func e164(n phone.Number) *phone_number.PhoneNumber {
	return &phone_number.PhoneNumber{Kind: &phone_number.PhoneNumber_E164Number{E164Number: n.String()}}
}

func formerly(n phone.Number, until time.Time) *routingv1.FormerNumber {
	return &routingv1.FormerNumber{Number: e164(n), EndTime: timestamppb.New(until)}
}
