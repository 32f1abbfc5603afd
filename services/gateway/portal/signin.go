package portal

import (
	"net/http"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/contacttext"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/openid"
)

// signInPage is where somebody shows who they are.
type signInPage struct {
	frame
	// Notice is said first; may be empty.
	Notice string
	// Provider says whether there is a provider of identities.
	Provider bool
}

func (p *Portal) signIn(w http.ResponseWriter, r *http.Request, status int,
	why func(*contacttext.Text) (title, notice string),
) error {
	f := p.frame(r, nil)
	title, notice := why(f.T)
	return p.render(w, status, "signin.html", signInPage{f.titled(title), notice, p.cfg.Identities != nil})
}

// askedPage says what was asked for, so that who mistyped an address sees it.
type askedPage struct {
	frame
	Address string
}

// askForLink says the same whoever asks, and for whatever address. It is at another address than links lead to: whoever
// pastes one there would stay on the page.
func (p *Portal) askForLink(w http.ResponseWriter, r *http.Request) error {
	address := r.PostFormValue("email")
	if len(address) > 254 || !strings.Contains(address, "@") {
		return status.Error(codes.InvalidArgument, "this is no e-mail address")
	}
	_, err := p.cfg.Contacts.SendLink(r.Context(), &entitlementv1.SendLinkRequest{
		Email: address, Client: p.client(r), Language: asked(r),
	})
	if err != nil {
		return err
	}
	f := p.frame(r, nil)
	return p.render(w, http.StatusOK, "asked.html", askedPage{f.titled(f.T.Asked), address})
}

// followLink uses nothing up, for whoever scans mails follows links: the button does.
func (p *Portal) followLink(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Security-Policy", linkPolicy)
	f := p.frame(r, nil)
	return p.render(w, http.StatusOK, "link.html", f.titled(f.T.SignIn))
}

// useLink opens a session by the secret of a link, or by the whole link, as it was pasted.
func (p *Portal) useLink(w http.ResponseWriter, r *http.Request) error {
	secret, ok := linkSecret(r.PostFormValue("secret"))
	if !ok {
		return p.noEntry(w, r)
	}
	return p.open(w, r, &entitlementv1.OpenSessionRequest{LinkSecret: secret, Client: p.client(r)})
}

// linkSecret is the secret in what somebody pasted; whether it is one entitlement says. A mail program may have put the link
// into brackets or a sentence, and a scanner of mails into another link, where '#' is written %23.
func linkSecret(pasted string) (string, bool) {
	if len(pasted) > maxSecretBytes {
		return "", false
	}
	const marks = "#"
	secret := strings.TrimSpace(strings.NewReplacer("%2523", marks, "%23", marks).Replace(pasted))
	secret = secret[strings.LastIndex(secret, marks)+1:]
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	if end := strings.IndexFunc(secret, func(r rune) bool { return !strings.ContainsRune(letters, r) }); end >= 0 {
		secret = secret[:end]
	}
	return secret, secret != "" && len(secret) <= 128
}

// open opens a session, and goes to its first page.
func (p *Portal) open(w http.ResponseWriter, r *http.Request, with *entitlementv1.OpenSessionRequest) error {
	opened, err := p.cfg.Contacts.OpenSession(r.Context(), with)
	switch {
	case status.Code(err) == codes.NotFound && with.GetIdToken() != "":
		return p.noEntryFromElsewhere(w, r)
	case status.Code(err) == codes.NotFound:
		return p.noEntry(w, r)
	}
	if err != nil {
		return err
	}
	p.forget(r)
	p.setCookie(w, sessionCookie, opened.GetSession(), opened.GetExpireTime().AsTime().Sub(p.cfg.Clock.Now()))
	seeOther(w, r, "/")
	return nil
}

// forget ends the session that a browser has before it gets another one: nobody would ever sign out of it. It is over in an
// hour at the latest, so that failing is of no matter.
func (p *Portal) forget(r *http.Request) {
	if before := p.cookie(r, sessionCookie); before != "" {
		_, _ = p.cfg.Contacts.CloseSession(r.Context(), &entitlementv1.CloseSessionRequest{Session: before})
	}
}

// noEntry is the page of a link, or of a sign-in elsewhere, that opens nothing.
func (p *Portal) noEntry(w http.ResponseWriter, r *http.Request) error {
	return p.signIn(w, r, http.StatusForbidden, func(t *contacttext.Text) (title, notice string) {
		return t.NotSignedIn, t.NoEntry
	})
}

// noEntryFromElsewhere is noEntry of who comes back from the provider of identities.
func (p *Portal) noEntryFromElsewhere(w http.ResponseWriter, r *http.Request) error {
	return p.signIn(w, r, http.StatusForbidden, func(t *contacttext.Text) (title, notice string) {
		return t.NotSignedIn, t.NoEntryElsewhere
	})
}

func seeOther(w http.ResponseWriter, r *http.Request, to string) {
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// backURL is where the provider sends browsers.
func (p *Portal) backURL() string { return p.origin.Scheme + "://" + p.origin.Host + "/oidc/back" }

// goToProvider sends a browser to the provider, with what it has to bring back in a cookie of its own.
func (p *Portal) goToProvider(w http.ResponseWriter, r *http.Request) error {
	if p.cfg.Identities == nil {
		return status.Error(codes.NotFound, "there is no other way to sign in than by a link")
	}
	to, flow, err := p.cfg.Identities.Start(r.Context(), p.backURL())
	if err != nil {
		return err
	}
	p.setCookie(w, flowCookie, flow.State+"."+flow.Nonce+"."+flow.Verifier, flowLife)
	http.Redirect(w, r, to, http.StatusFound)
	return nil
}

// comeBack takes a browser back from the provider: only the one that was sent there, once.
func (p *Portal) comeBack(w http.ResponseWriter, r *http.Request) error {
	if p.cfg.Identities == nil {
		return status.Error(codes.NotFound, "there is no other way to sign in than by a link")
	}
	parts := strings.Split(p.cookie(r, flowCookie), ".")
	p.dropCookie(w, flowCookie)
	q := r.URL.Query()
	if len(parts) != 3 || parts[0] == "" || q.Get("state") != parts[0] || q.Get("code") == "" {
		return p.noEntryFromElsewhere(w, r)
	}
	flow := openid.Flow{State: parts[0], Nonce: parts[1], Verifier: parts[2]}
	id, err := p.cfg.Identities.Finish(r.Context(), p.backURL(), q.Get("code"), flow)
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
		return p.noEntryFromElsewhere(w, r)
	}
	if err != nil {
		return err
	}
	return p.open(w, r, &entitlementv1.OpenSessionRequest{IdToken: id, Nonce: flow.Nonce, Client: p.client(r)})
}
