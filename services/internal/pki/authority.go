package pki

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

const (
	// CACertFile is an authority's certificate in its folder.
	CACertFile = "ca.crt"
	// CAKeyFile is its key.
	CAKeyFile = "ca.key"
	// DefaultDays is how long a certificate is valid where nothing else is said.
	DefaultDays = 90
	// MaxDays is the longest a certificate is valid.
	MaxDays = 825
	// caDays is how long a new authority is valid.
	caDays = 3650
	// backdate is how far the clocks of two machines may be apart.
	backdate = 5 * time.Minute
	// maxNames bounds the names and addresses of one certificate.
	maxNames = 64
)

// Authority issues certificates for one trust domain.
type Authority struct {
	cert        *x509.Certificate
	key         *ecdsa.PrivateKey
	trustDomain string
}

// Request is what a certificate is to say.
type Request struct {
	// Role and Name of who will hold it.
	Role rpcv1.Role
	Name string
	// DNS and IP are where a process is reached; role service only, since nobody else is a server.
	DNS []string
	IP  []net.IP
	// Days it is valid, 1 to MaxDays.
	Days int
}

// Files are a certificate, its key, and when it ends.
type Files struct {
	Cert, Key string
	NotAfter  time.Time
	Identity  string
	// Serial is what a revocation names, hexadecimal.
	Serial string
	// TokenKey makes tokens, TokenPub checks them; of a new authority only.
	TokenKey, TokenPub string
}

// Init makes an authority in a folder, which is made where it does not exist, and the keys of tokens beside it. It never
// replaces one.
func Init(dir, trustDomain string, now time.Time) (Files, error) {
	if !segment(trustDomain, maxTrustDomainBytes, false) {
		return Files{}, fmt.Errorf("the trust domain %q must be 1 to %d small letters, digits, dots, dashes or underscores",
			trustDomain, maxTrustDomainBytes)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Files{}, fmt.Errorf("the folder of the authority: %w", err)
	}
	key, serial, err := secrets()
	if err != nil {
		return Files{}, err
	}
	id := &url.URL{Scheme: "spiffe", Host: trustDomain}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Dayside CA of " + trustDomain, Organization: []string{"Dayside"}},
		NotBefore: now.Add(-backdate), NotAfter: now.AddDate(0, 0, caDays), URIs: []*url.URL{id},
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return Files{}, fmt.Errorf("make the authority: %w", err)
	}
	f := Files{
		Cert: filepath.Join(dir, CACertFile), Key: filepath.Join(dir, CAKeyFile), NotAfter: template.NotAfter,
		Identity: id.String(), Serial: Serial(serial),
		TokenKey: filepath.Join(dir, TokenKeyFile), TokenPub: filepath.Join(dir, TokenPubFile),
	}
	if err := write(f, der, key); err != nil {
		return f, err
	}
	return f, initTokens(dir)
}

// Open reads the authority of a folder.
func Open(dir string) (*Authority, error) {
	certFile, keyFile := filepath.Join(dir, CACertFile), filepath.Join(dir, CAKeyFile)
	der, err := read(certFile, "CERTIFICATE")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s holds no authority: make one with `dayside pki init --dir %s`", dir, dir)
	} else if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", certFile, err)
	}
	if der, err = read(keyFile, "PRIVATE KEY"); err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("%s is not a key in PKCS #8", keyFile) // the cause could quote it
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || !key.PublicKey.Equal(cert.PublicKey) {
		return nil, fmt.Errorf("%s is not the key of %s", keyFile, certFile)
	}
	if !cert.IsCA || len(cert.URIs) != 1 || cert.URIs[0].Scheme != "spiffe" {
		return nil, fmt.Errorf("%s was not made by `dayside pki init`", certFile)
	}
	return &Authority{cert, key, cert.URIs[0].Host}, nil
}

// Issue makes a certificate and its key in a folder, as ROLE-NAME.crt and ROLE-NAME.key, beside the authority's own
// certificate, which their holder needs too. It replaces no file.
func (a *Authority) Issue(dir string, req Request, now time.Time) (Files, error) {
	id := Identity{TrustDomain: a.trustDomain, Role: req.Role, Name: req.Name}
	if err := req.validate(id); err != nil {
		return Files{}, err
	}
	until := now.AddDate(0, 0, req.Days)
	if until.After(a.cert.NotAfter) {
		return Files{}, fmt.Errorf("the authority ends on %s, before a certificate of %d days would",
			a.cert.NotAfter.UTC().Format(time.DateOnly), req.Days)
	}
	uri, err := url.Parse(id.String())
	if err != nil {
		return Files{}, err
	}
	key, serial, err := secrets()
	if err != nil {
		return Files{}, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: id.User(), Organization: []string{"Dayside"}},
		NotBefore:    now.Add(-backdate), NotAfter: until, URIs: []*url.URL{uri}, DNSNames: req.DNS, IPAddresses: req.IP,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if req.Role == rpcv1.Role_ROLE_SERVICE { // nobody else can pose as a server
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return Files{}, fmt.Errorf("make the certificate: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Files{}, fmt.Errorf("the folder of the certificate: %w", err)
	}
	if err := a.writeBeside(dir); err != nil {
		return Files{}, err
	}
	base := filepath.Join(dir, RoleName(req.Role)+"-"+req.Name)
	f := Files{Cert: base + ".crt", Key: base + ".key", NotAfter: until, Identity: id.String(), Serial: Serial(serial)}
	return f, write(f, der, key)
}

// writeBeside leaves the authority's certificate in a folder. Where another's is, nothing that is issued there would be
// believed by whoever takes the folder as it is.
func (a *Authority) writeBeside(dir string) error {
	path := filepath.Join(dir, CACertFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return create(path, 0o644, "CERTIFICATE", a.cert.Raw)
	} else if err != nil {
		return fmt.Errorf("the authority's certificate beside it: %w", err)
	}
	if block, _ := pem.Decode(text); block == nil || !bytes.Equal(block.Bytes, a.cert.Raw) {
		return fmt.Errorf("%s is another authority's: write to another folder", path)
	}
	return nil
}

func (r Request) validate(id Identity) error {
	if err := id.validate(); err != nil {
		return err
	}
	switch {
	case !slices.Contains(RoleNames(), RoleName(r.Role)):
		return fmt.Errorf("certificates are issued to %s; a contact has none", strings.Join(RoleNames(), ", "))
	case r.Days < 1 || r.Days > MaxDays:
		return fmt.Errorf("a certificate is valid 1 to %d days, not %d", MaxDays, r.Days)
	case len(r.DNS)+len(r.IP) > maxNames:
		return fmt.Errorf("a certificate has at most %d names and addresses", maxNames)
	case r.Role != rpcv1.Role_ROLE_SERVICE && len(r.DNS)+len(r.IP) > 0:
		return errors.New("names and addresses are for role service: nobody else is a server")
	}
	for _, name := range r.DNS {
		if !segment(strings.TrimPrefix(strings.ToLower(name), "*."), maxTrustDomainBytes, false) {
			return fmt.Errorf("%q is not a host name", name)
		}
	}
	return nil
}

// secrets are a new key and a serial number that cannot be guessed (CA/Browser Forum, 7.1: at least 64 bits).
func secrets() (*ecdsa.PrivateKey, *big.Int, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, fmt.Errorf("make a serial number: %w", err)
	}
	return key, serial.Add(serial, big.NewInt(1)), nil
}

// write makes both files or none, and replaces none.
func write(f Files, cert []byte, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("%s: %w", f.Key, err)
	}
	if err := create(f.Key, 0o600, "PRIVATE KEY", der); err != nil {
		return err
	}
	if err := create(f.Cert, 0o644, "CERTIFICATE", cert); err != nil {
		return errors.Join(err, os.Remove(f.Key))
	}
	return nil
}

func create(path string, mode os.FileMode, kind string, der []byte) error {
	return createWith(path, mode, func(w io.Writer) error { return pem.Encode(w, &pem.Block{Type: kind, Bytes: der}) })
}

// createWith makes a file that was not there, or none.
func createWith(path string, mode os.FileMode, fill func(io.Writer) error) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists already, and is not replaced: move it away, or write to another folder", path)
	} else if err != nil {
		return err
	}
	err = errors.Join(fill(file), file.Sync(), file.Close())
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

func read(path, kind string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != kind {
		return nil, fmt.Errorf("%s holds no %s in PEM", path, strings.ToLower(kind))
	}
	return block.Bytes, nil
}
