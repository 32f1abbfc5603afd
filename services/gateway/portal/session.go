package portal

import (
	"crypto/hmac"
	"net/http"
	"net/url"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/internal/contacttext"
)

// homePage is what a contact sees.
type homePage struct {
	frame
	*entitlementv1.GetSessionResponse
	// Token goes with each form.
	Token string
	// Notice is what was just done; empty: nothing.
	Notice string
}

// done is what was just done, by how the address of the first page says it.
func done(t *contacttext.Text, query url.Values) string {
	switch {
	case query.Has("named"):
		return t.Named
	case query.Has("confirmed"):
		return t.Confirmed
	case query.Has("disputed"):
		return t.Disputed
	}
	return ""
}

// Sorted are the lines, those first that can be called now: whoever looks may be in a hurry.
func (p homePage) Sorted() []*entitlementv1.SelfServiceLine {
	last := func(l *entitlementv1.SelfServiceLine) int {
		if l.GetEntitlement().GetEntitled() {
			return 0
		}
		return 1
	}
	return slices.SortedStableFunc(slices.Values(p.GetLines()), func(a, b *entitlementv1.SelfServiceLine) int {
		return last(a) - last(b)
	})
}

// home is the first page of a session, or where one begins.
func (p *Portal) home(w http.ResponseWriter, r *http.Request) error {
	session := p.cookie(r, sessionCookie)
	if session == "" {
		return p.signIn(w, r, http.StatusOK, func(t *contacttext.Text) (title, notice string) { return t.SignIn, "" })
	}
	seen, err := p.see(r, session)
	if err != nil {
		return err
	}
	f := p.frame(r, seen).titled(seen.GetCustomerDisplayName())
	return p.render(w, http.StatusOK, "home.html", homePage{f, seen, token(session), done(f.T, r.URL.Query())})
}

// inSession lets forms through that were filled in on a page of the session.
func (p *Portal) inSession(serve func(w http.ResponseWriter, r *http.Request, session string) error,
) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		session := p.cookie(r, sessionCookie)
		if session == "" {
			return errSession
		}
		if !hmac.Equal([]byte(r.PostFormValue("token")), []byte(token(session))) {
			return p.acted(r, session, errForm)
		}
		return p.acted(r, session, serve(w, r, session))
	}
}

// leave ends the session.
func (p *Portal) leave(w http.ResponseWriter, r *http.Request, session string) error {
	if _, err := p.cfg.Contacts.CloseSession(r.Context(), &entitlementv1.CloseSessionRequest{Session: session}); err != nil {
		return err
	}
	p.dropCookie(w, sessionCookie)
	seeOther(w, r, "/")
	return nil
}

// turn shows another customer of the same contact.
func (p *Portal) turn(w http.ResponseWriter, r *http.Request, session string) error {
	_, err := p.cfg.Contacts.SelectCustomer(r.Context(), &entitlementv1.SelectCustomerRequest{
		Session: session, Customer: r.PostFormValue("customer"),
	})
	if err != nil {
		return err
	}
	seeOther(w, r, "/")
	return nil
}

// numberPage shows a number.
type numberPage struct {
	frame
	*entitlementv1.RevealNumberResponse
}

// number shows the number of a line, in the answer to a form: it is in no address of a page.
func (p *Portal) number(w http.ResponseWriter, r *http.Request, session string) error {
	line := r.PostFormValue("line")
	seen, err := p.see(r, session)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(seen.GetLines(), func(l *entitlementv1.SelfServiceLine) bool { return l.GetLine() == line })
	if at < 0 {
		return status.Error(codes.NotFound, "no such line")
	}
	told, err := p.cfg.Contacts.RevealNumber(r.Context(), &entitlementv1.RevealNumberRequest{
		Session: session, Line: line, Customer: r.PostFormValue("customer"), Language: asked(r),
	})
	if err != nil {
		return err
	}
	return p.render(w, http.StatusOK, "number.html", numberPage{p.frame(r, seen).titled(lineName(seen.GetLines()[at])), told})
}

// name chooses another access name.
func (p *Portal) name(w http.ResponseWriter, r *http.Request, session string) error {
	_, err := p.cfg.Contacts.ChooseAccessName(r.Context(), &entitlementv1.ChooseAccessNameRequest{
		Session: session, AccessName: r.PostFormValue("access_name"), Customer: r.PostFormValue("customer"),
	})
	if err != nil {
		return err
	}
	seeOther(w, r, "/?named")
	return nil
}

// What a form answers to a promise.
const (
	answerConfirm = "confirm"
	answerDispute = "dispute"
)

// promise confirms or disputes one.
func (p *Portal) promise(w http.ResponseWriter, r *http.Request, session string) error {
	answer := &entitlementv1.AnswerPromiseRequest{
		Session: session, Promise: r.PostFormValue("promise"), Reason: r.PostFormValue("reason"),
	}
	became := "confirmed"
	switch r.PostFormValue("answer") {
	case answerConfirm:
		answer.Settlement, answer.Reason = entitlementv1.Settlement_SETTLEMENT_CONFIRM, ""
	case answerDispute:
		answer.Settlement, became = entitlementv1.Settlement_SETTLEMENT_DISPUTE, "disputed"
	default:
		return status.Error(codes.InvalidArgument, "no such answer")
	}
	if _, err := p.cfg.Contacts.AnswerPromise(r.Context(), answer); err != nil {
		return err
	}
	seeOther(w, r, "/?"+became)
	return nil
}
