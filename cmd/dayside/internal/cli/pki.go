package cli

import (
	"io"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/daysidehq/dayside/services/host"
)

// defaultTrustDomain is the cluster's name in certificates.
const defaultTrustDomain = "dayside"

func newPKI(a *app) *cobra.Command {
	return newGroup("pki", "Make certificates: an authority, and what it issues to processes, gateways and people",
		"Make certificates for a start (for tokens see dayside token). Those from elsewhere work as well, if they hold one URI\n"+
			"as subject alternative name: spiffe://TRUST-DOMAIN/dayside/role/ROLE/NAME. Files are replaced by nothing here;\n"+
			"whoever has the authority's key can be anybody, so keep it off the machines that serve.",
		newPKIInit(a), newPKIIssue(a))
}

func newPKIInit(a *app) *cobra.Command {
	var dir, domain string
	cmd := &cobra.Command{
		Use: "init --dir D", Short: "Make a certificate authority in a folder",
		Example: "  dayside pki init --dir pki",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if dir == "" {
				return usagef("--dir is needed: the folder of the authority")
			}
			f, err := host.InitCA(dir, domain, a.Now())
			if err != nil {
				return &failure{message: err.Error()}
			}
			return a.showIssued(f, "the authority's certificate, for --tls-ca everywhere", "its key: keep it apart",
				f.TokenPub+"  what tokens are believed of, for serve --token-keys",
				f.TokenKey+"  the key that makes tokens: keep it apart")
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "folder of the authority; made where it does not exist")
	cmd.Flags().StringVar(&domain, "trust-domain", defaultTrustDomain,
		"name of the cluster: peers of another one have no roles")
	return cmd
}

func newPKIIssue(a *app) *cobra.Command {
	var dir, out string
	var addresses []string
	c := host.Certificate{}
	cmd := &cobra.Command{
		Use:   "issue --dir D --role ROLE --name NAME",
		Short: "Issue a certificate for a role: " + strings.Join(host.CertificateRoles(), ", "),
		Example: "  dayside pki issue --dir pki --role service --name north-1 --dns north-1.example --ip 127.0.0.1\n" +
			"  dayside pki issue --dir pki --role admin --name ada --days 30",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if dir == "" || c.Role == "" || c.Name == "" {
				return usagef("--dir, --role and --name are needed")
			}
			for _, text := range addresses {
				ip := net.ParseIP(text)
				if ip == nil {
					return usagef("--ip %q: must be an IP address", text)
				}
				c.IP = append(c.IP, ip)
			}
			if out == "" {
				out = dir
			}
			f, err := host.IssueCertificate(dir, out, c, a.Now())
			if err != nil {
				return &failure{message: err.Error()}
			}
			return a.showIssued(f, f.Identity, "its key", f.Serial+"  its serial number, to revoke it by")
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&dir, "dir", "", "folder of the authority")
	flags.StringVar(&out, "out", "", "folder to write to; empty: that of the authority")
	flags.StringVar(&c.Role, "role", "", "what the holder may act as")
	flags.StringVar(&c.Name, "name", "", "who holds it")
	flags.StringSliceVar(&c.DNS, "dns", nil, "host names at which a service is reached")
	flags.StringSliceVar(&addresses, "ip", nil, "IP addresses at which a service is reached")
	flags.IntVar(&c.Days, "days", host.DefaultCertificateDays, "how many days it is valid")
	_ = cmd.RegisterFlagCompletionFunc("role",
		cobra.FixedCompletions(host.CertificateRoles(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// showIssued says which files were written, and never what is in them.
func (a *app) showIssued(f host.Issued, cert, key string, more ...string) error {
	m, err := structpb.NewStruct(map[string]any{
		"certificate": f.Cert, "key": f.Key, "identity": f.Identity, "serial": f.Serial,
		"notAfter": f.NotAfter.UTC().Format(time.RFC3339),
	})
	if err != nil {
		return err
	}
	return a.show(m, func(w io.Writer) error {
		linef(w, "%s  %s; until %s", f.Cert, cert, f.NotAfter.UTC().Format(time.DateOnly))
		linef(w, "%s  %s", f.Key, key)
		for _, line := range more {
			linef(w, "%s", line)
		}
		return nil
	})
}
