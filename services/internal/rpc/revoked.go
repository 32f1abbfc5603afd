package rpc

import (
	"crypto/x509"
	"log/slog"
	"time"

	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/pki"
)

// RevokedFiles name what is believed no longer; empty ones are not looked at.
type RevokedFiles struct {
	// List is a serial number or a token's id a line.
	List string
	// CRL holds revocation lists in PEM, and CA the authorities that may have signed them.
	CRL, CA string
}

// Revoked is what is believed no longer, as files say: read again when they change. It counts for handshakes, for each
// request, and for each message of a stream. A nil *Revoked is nothing.
type Revoked struct{ files *watched[pki.Revoked] }

// OpenRevoked reads the files; nil where there are none. Errors are faults that name the fields revoked and tls-crl.
func OpenRevoked(files RevokedFiles, c clock.Clock, log *slog.Logger) (*Revoked, error) {
	list, crl, ca := namedFile{"revoked", files.List}, namedFile{"tls-crl", files.CRL}, namedFile{"tls-ca", files.CA}
	var named []namedFile
	if files.List != "" {
		named = append(named, list)
	}
	if files.CRL != "" {
		named = append(named, crl, ca)
	}
	if len(named) == 0 {
		return nil, nil
	}
	w, err := watch("revocation", c, log, func(texts [][]byte, now time.Time) (*pki.Revoked, error) {
		var r pki.Revoked
		var err error
		if files.List != "" {
			if r, err = pki.ParseRevoked(texts[0]); err != nil {
				return nil, list.broken(err.Error())
			}
			texts = texts[1:]
		}
		if files.CRL != "" {
			var overdue bool
			if r, overdue, err = r.WithCRL(texts[0], texts[1], now); err != nil {
				return nil, crl.broken(err.Error())
			}
			if overdue {
				log.Warn("a certificate revocation list is overdue; it counts all the same", "file", files.CRL)
			}
		}
		return &r, nil
	}, named...)
	if err != nil {
		return nil, err
	}
	return &Revoked{w}, nil
}

// certificates says whether one of them is revoked.
func (r *Revoked) certificates(chain []*x509.Certificate, now time.Time) bool {
	if r == nil {
		return false
	}
	list := r.files.current(now)
	if list.Empty() {
		return false
	}
	for _, c := range chain {
		if list.Certificate(c) {
			return true
		}
	}
	return false
}

// token says whether the token with the id is revoked.
func (r *Revoked) token(id string, now time.Time) bool {
	return r != nil && r.files.current(now).Token(id)
}
