package portal

import (
	"errors"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	amounts "github.com/daysidehq/dayside/api/money"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/rpc"
)

// words are what templates say things by.
func words() template.FuncMap {
	return template.FuncMap{
		"line": lineName, "amount": amount, "when": when, "whyNot": whyNot, "pending": pending, "spoken": spoken,
		"asset": assetURL,
	}
}

func lineName(l *entitlementv1.SelfServiceLine) string {
	if l.GetDisplayName() != "" {
		return l.GetDisplayName()
	}
	return l.GetLine()
}

func amount(m *money.Money) string {
	if m == nil {
		return "nothing"
	}
	return amounts.String(m)
}

func when(at *timestamppb.Timestamp) string {
	if at == nil {
		return ""
	}
	return at.AsTime().Format("2 January 2006, 15:04 UTC")
}

func pending(p *entitlementv1.Promise) bool {
	return p.GetState() == entitlementv1.PromiseState_PROMISE_STATE_PENDING
}

// spoken puts blanks into a number, behind its country code and every three digits, so that people can read it out.
func spoken(number string) string {
	const group = 3
	code := min(countryCode(number), len(number))
	text, rest := number[:code], number[code:]
	for rest != "" {
		n := min(group, len(rest))
		if len(rest) <= group+1 {
			n = len(rest)
		}
		text, rest = text+" "+rest[:n], rest[n:]
	}
	return text
}

// countryCode is how long the plus sign and the country code of a number are (ITU-T E.164, Annex D).
func countryCode(number string) int {
	const two = " 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 " +
		"81 82 84 86 90 91 92 93 94 95 98 "
	switch {
	case strings.HasPrefix(number, "+1"), strings.HasPrefix(number, "+7"):
		return len("+1")
	case len(number) > len("+44") && strings.Contains(two, " "+number[1:3]+" "):
		return len("+44")
	}
	return len("+353")
}

// whyNot is why a customer does not have a line now.
func whyNot(e *entitlementv1.CustomerEntitlement) string {
	switch e.GetBasis() {
	case entitlementv1.Basis_BASIS_CONTRACT_NOT_STARTED:
		return "Your contract has not begun."
	case entitlementv1.Basis_BASIS_CONTRACT_ENDED:
		return "Your contract has ended."
	case entitlementv1.Basis_BASIS_SUSPENDED:
		return "Your contract is suspended."
	case entitlementv1.Basis_BASIS_OUTSIDE_PLAN_HOURS:
		return "It is outside of your plan's hours."
	case entitlementv1.Basis_BASIS_OTHER_SEVERITY:
		return "Your plan does not cover cases of this severity."
	case entitlementv1.Basis_BASIS_ALLOWANCE_USED:
		return "The calls that your plan includes are used."
	default:
		return "Your contracts do not cover it."
	}
}

// broken is which rules were broken by what somebody typed, without the names of fields; else what a service says.
func broken(err error) string {
	var f *fault.Fault
	if !errors.As(rpc.Fault(err), &f) || len(f.Violations) == 0 {
		return status.Convert(err).Message()
	}
	var rules []string
	for _, v := range f.Violations {
		what, rule := "it", v.Rule
		if value, rest, ok := strings.Cut(v.Rule, `": `); ok { // as rpc puts them together
			what, rule = value+`"`, rest
		}
		rules = append(rules, what+" "+rule)
	}
	return strings.Join(rules, "; ")
}

// sentence is what a service says, as a page does.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	if first, n := utf8.DecodeRuneInString(text); unicode.IsLower(first) {
		text = string(unicode.ToUpper(first)) + text[n:]
	}
	if !strings.ContainsAny(text[len(text)-1:], ".!?") {
		text += "."
	}
	return text
}

// tooOften says when to try again in words for people.
func tooOften(text string, err error) string {
	var f *fault.Fault
	if !errors.As(rpc.Fault(err), &f) || f.RetryAfter <= 0 {
		return text
	}
	what, _, _ := strings.Cut(text, ";")
	in := "a minute"
	if f.RetryAfter > time.Minute {
		in = strconv.Itoa(int((f.RetryAfter+time.Minute-1)/time.Minute)) + " minutes"
	}
	return sentence(what) + " Please try again in " + in + "."
}

// said is what a person is told of an error, and by which status.
func said(err error) (failure, int) {
	var f *fault.Fault
	code, text := codes.Internal, ""
	switch {
	case errors.As(err, &f):
		text = f.Message
		switch f.Reason {
		case rpcv1.Reason_REASON_NOT_FOUND:
			code = codes.NotFound
		case rpcv1.Reason_REASON_BACKEND_UNAVAILABLE:
			code = codes.Unavailable
		default:
		}
	default:
		code, text = status.Code(err), broken(err)
	}
	text = sentence(text)
	switch code {
	case codes.InvalidArgument:
		return failure{"Please look at it again", text}, http.StatusBadRequest
	case codes.NotFound:
		return failure{"There is no such thing", text}, http.StatusNotFound
	case codes.AlreadyExists:
		return failure{"This name is taken", "Please choose another one."}, http.StatusConflict
	case codes.FailedPrecondition, codes.Aborted:
		return failure{"This cannot be done now", text}, http.StatusConflict
	case codes.PermissionDenied:
		return failure{"Please try again", text}, http.StatusForbidden
	case codes.ResourceExhausted:
		return failure{"Too often", tooOften(text, err)}, http.StatusTooManyRequests
	case codes.Unavailable, codes.DeadlineExceeded:
		return failure{"Please try again in a minute", "Something that is needed for this does not answer."},
			http.StatusServiceUnavailable
	default:
		return failure{"Something went wrong", "It was written down. Please try again later."}, http.StatusInternalServerError
	}
}
