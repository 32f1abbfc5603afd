package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/entitlement"
	"github.com/daysidehq/dayside/services/gateway/portal"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/mail"
	"github.com/daysidehq/dayside/services/internal/openid"
	"github.com/daysidehq/dayside/services/internal/rpc"
)

// SelfService is how contacts of customers help themselves. The process with entitlement needs URL, SMTP and OIDC, the
// one with the portal all but SMTP.
type SelfService struct {
	// Listen is host:port of the portal, loopback: a proxy with TLS stands before it. Empty: it is not served.
	Listen string
	// URL is where browsers find it, https but on loopback; empty: as listened on.
	URL string
	// Proxies are believed to say whom they ask for.
	Proxies []netip.Prefix
	// SMTP sends links; no links are sent where its Addr is empty.
	SMTP SMTP
	// OIDC is a provider of identities; there is none where its Issuer is empty.
	OIDC OIDC
}

// SMTP is a mail server, and as whom it is spoken to; see mail.Config.
type SMTP struct{ Addr, From, User, PasswordFile, Security string }

// OIDC is a provider of identities, and what we are to it; see openid.Config.
type OIDC struct{ Issuer, ClientID, ClientSecretFile string }

// contacts is what a process holds of self-service.
type contacts struct {
	url        string
	listener   net.Listener     // nil: the portal is not served here
	server     *http.Server     // nil likewise
	mail       *mail.Sender     // nil: no links are sent
	identities *openid.Provider // nil: there is none
}

// validateSelfService checks what belongs together.
func (c *Config) validateSelfService(broken *fault.Violations) {
	s := c.SelfService
	var f *fault.Fault
	if err := rpc.CheckLoopback("portal-listen", s.Listen); s.Listen != "" && errors.As(err, &f) {
		broken.Add("portal-listen", s.Listen, "is not a loopback address: the portal is for a proxy with TLS on this machine")
	}
	if u, err := url.Parse(s.URL); s.URL != "" && err == nil && u.Scheme == "http" &&
		rpc.CheckLoopback("portal-url", net.JoinHostPort(u.Hostname(), "80")) != nil {
		broken.Add("portal-url", s.URL, "must begin with https://: sessions go over it")
	}
	if s.SMTP.Addr != "" && s.URL == "" && s.Listen == "" {
		broken.Add("portal-url", "", "is needed with --smtp: links lead there")
	}
}

// openPortal takes the portal's address.
func (h *Host) openPortal(ctx context.Context) (err error) {
	s := h.cfg.SelfService
	h.contacts.url = s.URL
	if s.Listen == "" {
		return nil
	}
	if h.contacts.listener, err = rpc.Listen(ctx, "portal-listen", s.Listen, nil); err != nil {
		return err
	}
	if h.contacts.url == "" {
		h.contacts.url = "http://" + h.contacts.listener.Addr().String()
	}
	return nil
}

// openSelfService makes what sends mail, and what asks the provider of identities.
func (h *Host) openSelfService() (err error) {
	s := h.cfg.SelfService
	if s.SMTP.Addr != "" {
		h.contacts.mail, err = mail.New(mail.Config{
			Addr: s.SMTP.Addr, From: s.SMTP.From, User: s.SMTP.User, PasswordFile: s.SMTP.PasswordFile,
			Security: mail.Security(s.SMTP.Security), Clock: h.clock, Log: h.log, Meters: h.telemetry.MeterProvider,
		})
		if err != nil {
			return err
		}
	}
	if s.OIDC.Issuer != "" {
		h.contacts.identities, err = openid.New(openid.Config{
			Issuer: s.OIDC.Issuer, ClientID: s.OIDC.ClientID, ClientSecretFile: s.OIDC.ClientSecretFile, Clock: h.clock,
		})
	}
	return err
}

// selfService gives entitlement what there is.
func (h *Host) selfService(cfg entitlement.Config) entitlement.Config {
	cfg.PortalURL = h.contacts.url
	if h.contacts.mail != nil {
		cfg.Mail = h.contacts.mail
	}
	if h.contacts.identities != nil {
		cfg.Identities = h.contacts.identities
	}
	return cfg
}

// addPortal makes the portal, which asks entitlement as this process: contacts have no roles.
func (h *Host) addPortal() error {
	if h.contacts.listener == nil {
		return nil
	}
	conn, err := h.own(Entitlement)
	if err != nil {
		return err
	}
	cfg := portal.Config{
		URL: h.contacts.url, Proxies: h.cfg.SelfService.Proxies, Contacts: entitlementv1.NewContactServiceClient(conn),
		Zone: h.zone, Clock: h.clock, Log: h.log, Meters: h.telemetry.MeterProvider,
	}
	if h.contacts.identities != nil {
		cfg.Identities = h.contacts.identities
	}
	p, err := portal.New(cfg)
	if err != nil {
		return err
	}
	h.contacts.server = &http.Server{
		Handler: p.Handler(), ReadHeaderTimeout: httpHeaderTimeout, ReadTimeout: httpTimeout, WriteTimeout: httpTimeout,
		IdleTimeout: time.Minute, MaxHeaderBytes: maxHeaderBytes,
	}
	return nil
}

// zone is the wall clock of a zone by the rules in force; nil of one that is not known, or while no rules are.
func (h *Host) zone(name string) *time.Location {
	rules := h.rules.Load()
	if rules == nil {
		return nil
	}
	zone, err := rules.Location(name)
	if err != nil {
		return nil
	}
	return zone
}

// servePortal serves until it is stopped.
func (h *Host) servePortal() error {
	if h.contacts.server == nil {
		return nil
	}
	if err := h.contacts.server.Serve(h.contacts.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("portal: %w", err)
	}
	return nil
}

// sendMail sends what waits, until ctx ends.
func (h *Host) sendMail(ctx context.Context) error {
	if h.contacts.mail == nil {
		return nil
	}
	return ended(ctx, "mail", h.contacts.mail.Run(ctx))
}

// stopPortal lets requests under way end.
func (h *Host) stopPortal(ctx context.Context) {
	if h.contacts.server != nil {
		_ = h.contacts.server.Shutdown(ctx)
	}
}
