package cli

import (
	"net/netip"

	"github.com/spf13/pflag"

	"github.com/daysidehq/dayside/services/host"
)

// registerSelfService adds the flags of `serve` by which contacts of customers help themselves.
func (f *serveFlags) registerSelfService(flags *pflag.FlagSet) {
	s := &f.cfg.SelfService
	flags.StringVar(&s.Listen, "portal-listen", "",
		"loopback address of the portal, where contacts of customers with self_service: true sign in, behind a proxy with TLS; "+
			"empty: not served")
	flags.StringVar(&s.URL, "portal-url", "",
		"where browsers find the portal, such as https://support.acme.example; empty: as listened on")
	flags.StringSliceVar(&f.portalProxies, "portal-proxies", nil,
		"networks (CIDR) of proxies that say for whom they ask the portal (X-Forwarded-For)")
	flags.StringVar(&s.SMTP.Addr, "smtp", "", "mail server (HOST:PORT) that sends links to contacts; empty: none are sent")
	flags.StringVar(&s.SMTP.From, "smtp-from", "", "address that mail is from")
	flags.StringVar(&s.SMTP.User, "smtp-user", "", "user to log in to the mail server as")
	flags.StringVar(&s.SMTP.PasswordFile, "smtp-password-file", "", "file with that user's password")
	flags.StringVar(&s.SMTP.Security, "smtp-security", "",
		"starttls, tls, or none; empty: starttls, and none of a mail server on this machine")
	flags.StringVar(&s.OIDC.Issuer, "oidc-issuer", "",
		"OpenID Connect provider at which contacts can sign in, too, by an address that it has verified; empty: none")
	flags.StringVar(&s.OIDC.ClientID, "oidc-client-id", "", "what that provider calls Dayside")
	flags.StringVar(&s.OIDC.ClientSecretFile, "oidc-client-secret-file", "", "file with the secret that Dayside shows to it")
}

// selfService is what those flags say, checked as far as this side can.
func (f *serveFlags) selfService() (host.SelfService, error) {
	s := f.cfg.SelfService
	for _, text := range f.portalProxies {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return s, usagef("--portal-proxies %q: must be a network such as 192.0.2.0/24", text)
		}
		s.Proxies = append(s.Proxies, p)
	}
	return s, nil
}
