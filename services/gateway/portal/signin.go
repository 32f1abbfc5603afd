package portal

import (
	"errors"
	"net/http"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/internal/openid"
)

// signInPage is where somebody shows who they are.
type signInPage struct {
	// Notice is said first; may be empty.
	Notice string
	// Provider says whether there is a provider of identities.
	Provider bool
}

func (p *Portal) signIn(w http.ResponseWriter, notice string) error {
	return p.render(w, http.StatusOK, "signin.html", signInPage{notice, p.cfg.Identities != nil})
}

// askForLink says the same whoever asks, and for whatever address.
func (p *Portal) askForLink(w http.ResponseWriter, r *http.Request) error {
	address := r.PostFormValue("email")
	if len(address) > 254 || !strings.Contains(address, "@") {
		return status.Error(codes.InvalidArgument, "this is no e-mail address")
	}
	_, err := p.cfg.Contacts.SendLink(r.Context(), &entitlementv1.SendLinkRequest{Email: address, Client: p.client(r)})
	if err != nil {
		return err
	}
	return p.render(w, http.StatusOK, "asked.html", nil)
}

// followLink uses nothing up, for whoever scans mails follows links: the button does.
func (p *Portal) followLink(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Security-Policy", linkPolicy)
	return p.render(w, http.StatusOK, "link.html", nil)
}

// useLink opens a session by the secret of a link, or by the whole link, as it was pasted.
func (p *Portal) useLink(w http.ResponseWriter, r *http.Request) error {
	secret, ok := linkSecret(r.PostFormValue("secret"))
	if !ok {
		return p.noEntry(w)
	}
	return p.open(w, r, &entitlementv1.OpenSessionRequest{LinkSecret: secret, Client: p.client(r)})
}

// linkSecret is the secret in what somebody pasted; whether it is one entitlement says.
func linkSecret(pasted string) (string, bool) {
	if len(pasted) > maxSecretBytes {
		return "", false
	}
	secret := strings.TrimSpace(pasted[strings.LastIndexByte(pasted, '#')+1:])
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	if secret == "" || len(secret) > 128 || strings.Trim(secret, letters) != "" {
		return "", false
	}
	return secret, true
}

// open opens a session, and goes to its first page.
func (p *Portal) open(w http.ResponseWriter, r *http.Request, with *entitlementv1.OpenSessionRequest) error {
	opened, err := p.cfg.Contacts.OpenSession(r.Context(), with)
	if status.Code(err) == codes.NotFound {
		return p.noEntry(w)
	}
	if err != nil {
		return err
	}
	p.setCookie(w, sessionCookie, opened.GetSession(), opened.GetExpireTime().AsTime().Sub(p.cfg.Clock.Now()))
	seeOther(w, r, "/")
	return nil
}

// noEntry is the page of a link, or of a sign-in elsewhere, that opens nothing.
func (p *Portal) noEntry(w http.ResponseWriter) error {
	return p.render(w, http.StatusForbidden, "signin.html", signInPage{
		"This does not let you in: a link can be used once, within 15 minutes, by a contact of a customer. Ask for another one.",
		p.cfg.Identities != nil,
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
		return p.noEntry(w)
	}
	flow := openid.Flow{State: parts[0], Nonce: parts[1], Verifier: parts[2]}
	id, err := p.cfg.Identities.Finish(r.Context(), p.backURL(), q.Get("code"), flow)
	if err != nil {
		return err
	}
	return p.open(w, r, &entitlementv1.OpenSessionRequest{IdToken: id, Nonce: flow.Nonce, Client: p.client(r)})
}

// failure is a page that says what cannot be done.
type failure struct{ Title, Text string }

// fail says why a page cannot be had. What a service answers is written for people; what is our own fault is only logged.
func (p *Portal) fail(w http.ResponseWriter, r *http.Request, pattern string, err error) {
	if errors.Is(err, errSession) {
		p.dropCookie(w, sessionCookie)
		page := signInPage{"Your session is over. Please sign in again.", p.cfg.Identities != nil}
		_ = p.render(w, http.StatusUnauthorized, "signin.html", page)
		return
	}
	said, code := said(err)
	if code >= http.StatusInternalServerError {
		p.cfg.Log.ErrorContext(r.Context(), "the portal cannot serve a page", "page", pattern, "error", err.Error())
	}
	if err := p.render(w, code, "failed.html", said); err != nil {
		http.Error(w, "something went wrong", http.StatusInternalServerError)
	}
}
