package host

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"google.golang.org/grpc/credentials"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/pki"
	"github.com/daysidehq/dayside/services/internal/rpc"
)

// TLSFiles name a certificate, its key, and the CAs that are believed, in PEM.
type TLSFiles = rpc.TLSFiles

// LimitConfig bounds what one peer may ask of the process.
type LimitConfig = rpc.LimitConfig

// Access is who may connect beyond certificates, who may no longer, and how much anybody may ask.
type Access struct {
	// TokenKeys is a file of public keys that bearer tokens are believed of; empty: none is.
	TokenKeys string
	// Revoked is a file of serial numbers and token ids that are believed no longer; CRL one of revocation lists in PEM.
	Revoked, CRL string
	// Limits of each peer.
	Limits LimitConfig
}

// metricsReaders may read /metrics where there are certificates.
func metricsReaders() []rpcv1.Role {
	return []rpcv1.Role{
		rpcv1.Role_ROLE_READER, rpcv1.Role_ROLE_AUDITOR, rpcv1.Role_ROLE_SUPERVISOR, rpcv1.Role_ROLE_ADMIN,
		rpcv1.Role_ROLE_SERVICE,
	}
}

// validateTLS checks that what belongs together is there.
func (c *Config) validateTLS(broken *fault.Violations) {
	together(broken, "tls-cert", c.TLS.Cert, "tls-key", c.TLS.Key)
	together(broken, "tls-cert", c.TLS.Cert, "tls-ca", c.TLS.CA)
	together(broken, "etcd-cert", c.EtcdTLS.Cert, "etcd-key", c.EtcdTLS.Key)
	if c.EtcdTLS.Cert != "" && c.EtcdTLS.CA == "" {
		broken.Add("etcd-ca", "", "is needed with --etcd-cert")
	}
	if c.EtcdTLS.CA != "" && len(c.EtcdEndpoints) == 0 {
		broken.Add("etcd-ca", c.EtcdTLS.CA, "is for an etcd elsewhere (--etcd); the embedded one is on loopback")
	}
	if c.Access.CRL != "" && c.TLS.CA == "" {
		broken.Add("tls-ca", "", "is needed with --tls-crl")
	}
	host, _, err := net.SplitHostPort(c.GRPCListen)
	secured := c.TLS != (TLSFiles{}) // else it is refused for not being loopback
	if ip := net.ParseIP(host); err == nil && secured && c.Advertise == "" && (host == "" || ip != nil && ip.IsUnspecified()) {
		broken.Add("grpc-listen", c.GRPCListen, "is every address of this machine: say with --advertise HOST:PORT at which "+
			"one other processes reach it")
	}
	if _, _, err := net.SplitHostPort(c.Advertise); c.Advertise != "" && err != nil {
		broken.Add("advertise", c.Advertise, "must be HOST:PORT")
	}
}

// together says which of two flags is missing.
func together(broken *fault.Violations, a, valueA, b, valueB string) {
	switch {
	case valueA != "" && valueB == "":
		broken.Add(b, "", "is needed with --"+a)
	case valueA == "" && valueB != "":
		broken.Add(a, "", "is needed with --"+b)
	}
}

// openDoor reads who may connect, and as whom.
func (h *Host) openDoor() (err error) {
	access := h.cfg.Access
	d := rpc.Door{Clock: h.clock}
	d.Revoked, err = rpc.OpenRevoked(rpc.RevokedFiles{List: access.Revoked, CRL: access.CRL, CA: h.cfg.TLS.CA}, h.clock, h.log)
	if err != nil {
		return err
	}
	if d.Tokens, err = rpc.OpenTokens(access.TokenKeys, d.Revoked, h.clock, h.log); err != nil {
		return err
	}
	if d.Limits, err = rpc.NewLimits(access.Limits); err != nil {
		return err
	}
	if err := h.openTLS(d.Revoked); err != nil {
		return err
	}
	d.TLS = h.tls
	h.door = d
	return nil
}

// openTLS reads the credentials of the process, where it has any.
func (h *Host) openTLS(revoked *rpc.Revoked) (err error) {
	if h.cfg.TLS == (TLSFiles{}) {
		return nil
	}
	if h.tls, err = rpc.LoadTLS(h.cfg.TLS, revoked, h.clock, h.log); err != nil {
		return err
	}
	role := h.tls.Role()
	onlySIP := len(h.cfg.Services) == 1 && h.cfg.runs(SIP)
	if role == rpcv1.Role_ROLE_SERVICE || onlySIP && role == rpcv1.Role_ROLE_GATEWAY {
		return nil
	}
	return fault.Invalid(fault.Violation{
		Field: "tls-cert", Value: h.cfg.TLS.Cert,
		Rule: "is of role " + pki.RoleName(role) + ": a process that serves needs role service (the SIP gateway alone: gateway)",
	})
}

// etcdTLS is how etcd is spoken to; nil: in plain text. A renewed certificate is used with the next connection.
func (h *Host) etcdTLS() (*tls.Config, error) {
	files := h.cfg.EtcdTLS
	if files == (TLSFiles{}) {
		return nil, nil
	}
	return clientTLS(files, TLSFiles{Cert: "etcd-cert", Key: "etcd-key", CA: "etcd-ca"})
}

// clientTLS verifies a server by name or address, and shows a certificate where there is one, as its files hold it then.
func clientTLS(files, flags TLSFiles) (*tls.Config, error) {
	text, err := os.ReadFile(files.CA)
	roots := x509.NewCertPool()
	switch {
	case err != nil:
		return nil, unusable(flags.CA, files.CA, err)
	case !roots.AppendCertsFromPEM(text):
		return nil, unusable(flags.CA, files.CA, errors.New("no certificate in PEM"))
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	if files.Cert == "" {
		return cfg, nil
	}
	pair := func() (*tls.Certificate, error) {
		cert, err := tls.LoadX509KeyPair(files.Cert, files.Key)
		if err != nil {
			return nil, unusable(flags.Cert, files.Cert, err)
		}
		return &cert, nil
	}
	if _, err := pair(); err != nil {
		return nil, err
	}
	cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return pair() }
	return cfg, nil
}

func unusable(field, path string, err error) error {
	return fault.Invalid(fault.Violation{Field: field, Value: path, Rule: "cannot be used: " + err.Error()})
}

// ClientCredentials are those of a client of the API: it verifies the server by name or address, and shows a certificate.
// Errors name the flags.
func ClientCredentials(files TLSFiles) (credentials.TransportCredentials, error) {
	cfg, err := clientTLS(files, TLSFiles{Cert: "tls-cert", Key: "tls-key", CA: "tls-ca"})
	if err != nil {
		return nil, oneLine(err)
	}
	cfg.MinVersion = tls.VersionTLS13
	return credentials.NewTLS(cfg), nil
}

// Issued is what was written: the files of a certificate, whose it is, and until when.
type Issued = pki.Files

// Certificate is what a certificate is to say; Role is one of CertificateRoles.
type Certificate struct {
	Role, Name string
	DNS        []string
	IP         []net.IP
	Days       int
}

// DefaultCertificateDays is how long a certificate is valid where nothing is said.
const DefaultCertificateDays = pki.DefaultDays

// CertificateRoles are the roles that certificates are issued for.
func CertificateRoles() []string { return pki.RoleNames() }

// InitCA makes a certificate authority in a folder.
func InitCA(dir, trustDomain string, now time.Time) (Issued, error) {
	return pki.Init(dir, trustDomain, now)
}

// TokenRoles are the roles that tokens are issued for.
func TokenRoles() []string { return pki.TokenRoles() }

// TokenRequest is what a token is to say; Roles are of TokenRoles.
type TokenRequest struct {
	Name  string
	Roles []string
	// Life is how long it is good.
	Life time.Duration
}

// IssuedToken is a token, and where it was written.
type IssuedToken struct {
	pki.Token
	Text, File string
}

// IssueToken makes a token with the key in the folder dir, and writes it to the folder `to`, or nowhere where that is empty.
func IssueToken(dir, to string, r TokenRequest, now time.Time) (IssuedToken, error) {
	roles := make([]rpcv1.Role, 0, len(r.Roles))
	for _, name := range r.Roles {
		role := pki.ParseRole(name)
		if role == rpcv1.Role_ROLE_UNSPECIFIED {
			return IssuedToken{}, fmt.Errorf("--role %q: must be one of %v", name, pki.TokenRoles())
		}
		roles = append(roles, role)
	}
	text, token, err := pki.IssueToken(dir, r.Name, roles, r.Life, now)
	if err != nil || to == "" {
		return IssuedToken{Token: token, Text: text}, err
	}
	file, err := pki.WriteToken(to, token, text)
	return IssuedToken{Token: token, Text: text, File: file}, err
}

// IssueCertificate makes a certificate and its key in the folder to, by the authority in the folder dir.
func IssueCertificate(dir, to string, c Certificate, now time.Time) (Issued, error) {
	authority, err := pki.Open(dir)
	if err != nil {
		return Issued{}, err
	}
	role := pki.ParseRole(c.Role)
	if role == rpcv1.Role_ROLE_UNSPECIFIED {
		return Issued{}, fmt.Errorf("--role %q: must be one of %v", c.Role, pki.RoleNames())
	}
	return authority.Issue(to, pki.Request{Role: role, Name: c.Name, DNS: c.DNS, IP: c.IP, Days: c.Days}, now)
}
