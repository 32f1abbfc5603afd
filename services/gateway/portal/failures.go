package portal

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/contacttext"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/rpc"
)

var (
	// errSession is the end of a session.
	errSession = errors.New("no session")
	// errForm is a form of another session, or of nobody's.
	errForm = errors.New("a form of another session")
)

// failure is a page that says what cannot be done, and why.
type failure struct {
	frame
	Text string
}

// refused is an act that was refused, with the session as it stands: what entitlement says of it is in English, and in the
// words of its API; people are told by what they see.
type refused struct {
	error
	seen *entitlementv1.GetSessionResponse
}

// Unwrap is errors.Is's.
func (r refused) Unwrap() error { return r.error }

// acted is refused where an act was, and errSession where that is since the session is over.
func (p *Portal) acted(r *http.Request, session string, err error) error {
	if err == nil {
		return nil
	}
	seen, gone := p.see(r, session)
	if gone != nil {
		return gone
	}
	return refused{err, seen}
}

// see is what a session may see; errSession where there is none, or not any more.
func (p *Portal) see(r *http.Request, session string) (*entitlementv1.GetSessionResponse, error) {
	seen, err := p.cfg.Contacts.GetSession(r.Context(), &entitlementv1.GetSessionRequest{Session: session, Language: asked(r)})
	if status.Code(err) == codes.NotFound || status.Code(err) == codes.InvalidArgument {
		return nil, errSession
	}
	return seen, err
}

// statusGone is counted of who left before the answer; nobody sees it.
const statusGone = 499

// fail says why a page cannot be had; what is our own fault is logged besides.
func (p *Portal) fail(w http.ResponseWriter, r *http.Request, pattern string, err error) {
	if r.Context().Err() != nil {
		w.WriteHeader(statusGone)
		return
	}
	if errors.Is(err, errSession) {
		p.dropCookie(w, sessionCookie)
		_ = p.signIn(w, r, http.StatusUnauthorized, func(t *contacttext.Text) (title, notice string) {
			return t.SessionOver, t.SessionOverText
		})
		return
	}
	var act refused
	errors.As(err, &act)
	f := p.frame(r, act.seen)
	_, form, _ := strings.Cut(pattern, " ")
	title, text, code := told{f.T, form, r, act.seen}.of(err)
	if code >= http.StatusInternalServerError {
		p.cfg.Log.ErrorContext(r.Context(), "the portal cannot serve a page", "page", pattern, "error", err.Error())
	}
	if err := p.render(w, code, "failed.html", failure{f.titled(title), text}); err != nil {
		http.Error(w, "something went wrong", http.StatusInternalServerError)
	}
}

// told is what a person is told of errors, where something was asked for.
type told struct {
	*contacttext.Text
	// form is the path of what was asked for.
	form string
	r    *http.Request
	// seen is their session as it stands; nil of who has none.
	seen *entitlementv1.GetSessionResponse
}

// of is what they are told of one, and by which status.
func (t told) of(err error) (title, text string, code int) {
	if errors.Is(err, errForm) {
		return t.TryAgain, t.AnotherSession, http.StatusForbidden
	}
	switch codeOf(err) { //nolint:exhaustive // all others are our own fault
	case codes.InvalidArgument:
		return t.LookAgain, t.invalid(), http.StatusBadRequest
	case codes.NotFound:
		return t.NoSuchThing, t.missing(), http.StatusNotFound
	case codes.AlreadyExists:
		return t.NameTaken, t.ChooseAnother, http.StatusConflict
	case codes.FailedPrecondition:
		return t.NotNow, t.notNow(), http.StatusConflict
	case codes.Aborted:
		return t.NotNow, t.ChangedMeanwhile, http.StatusConflict
	case codes.ResourceExhausted:
		return t.TooOften, t.tooOften(err), http.StatusTooManyRequests
	case codes.Unavailable, codes.DeadlineExceeded:
		return t.InAWhile, t.NoAnswer, http.StatusServiceUnavailable
	default:
		return t.WentWrong, t.WrittenDown, http.StatusInternalServerError
	}
}

// codeOf is the code of what a service answered, or of a fault of this process.
func codeOf(err error) codes.Code {
	var f *fault.Fault
	if !errors.As(err, &f) {
		if errors.Is(err, context.DeadlineExceeded) {
			return codes.DeadlineExceeded
		}
		return status.Code(err)
	}
	switch f.Reason {
	case rpcv1.Reason_REASON_NOT_FOUND:
		return codes.NotFound
	case rpcv1.Reason_REASON_BACKEND_UNAVAILABLE:
		return codes.Unavailable
	default:
		return codes.Internal
	}
}

// invalid is which rules there are for what somebody typed.
func (t told) invalid() string {
	switch t.form {
	case "/ask":
		return t.NoAddress
	case "/name":
		return t.NameRules
	case "/promise":
		if t.r.PostFormValue("answer") != answerDispute {
			return t.ConfirmOrDispute
		}
		return t.ReasonRules
	}
	return t.Unreadable
}

// missing is what there is not.
func (t told) missing() string {
	switch t.form {
	case "other":
		return t.NoPage
	case "/number":
		return t.NoLine
	case "/oidc/start", "/oidc/back":
		return t.NoProvider
	}
	return t.NoLonger
}

// notNow is what is in the way.
func (t told) notNow() string {
	of := t.r.PostFormValue("customer")
	switch {
	case t.form == "/ask":
		return t.NoLinksSent
	case t.form == "/oidc/back":
		return t.NoProvider
	case t.seen == nil:
		return t.ChangedMeanwhile
	case !t.seen.GetSelfService():
		return t.MayOnlyLook
	case of != "" && of != t.seen.GetCustomer():
		return t.AnotherCompany
	case t.form == "/number":
		return t.NotEntitledNow
	case t.form == "/promise":
		return t.SettledMeanwhile
	}
	return t.ChangedMeanwhile
}

// tooOften is what there was too much of, and when to try again.
func (t told) tooOften(err error) string {
	var f *fault.Fault
	if !errors.As(rpc.Fault(err), &f) || f.RetryAfter <= 0 {
		if t.form == "/promise" {
			return t.TooManyChanges
		}
		return t.TooManyRequests + " " + t.InAMinute
	}
	what := t.TooManyRequests
	switch t.form {
	case "/ask":
		what = t.TooManyLinks
	case "/session", "/oidc/back":
		what = t.TooManySignIns
	case "/name":
		what = t.TooManyNames
	case "/number":
		what = t.TooManyNumbers
	}
	return what + " " + t.again(f.RetryAfter)
}

// again is when to try again.
func (t told) again(wait time.Duration) string {
	if wait <= time.Minute {
		return t.InAMinute
	}
	return contacttext.Fill(t.InMinutes, "minutes", strconv.Itoa(int((wait+time.Minute-1)/time.Minute)))
}
