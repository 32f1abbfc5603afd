package usage

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/daysidehq/dayside/services/internal/phone"
)

const (
	// NumberKeyBytes is the length of the key by which numbers are hashed.
	NumberKeyBytes = 32
	// hashBytes of a keyed hash name a number: 2^64 of them before two are likely to meet.
	hashBytes      = 16
	customerPrefix = "c-"
	numberPrefix   = "n-"
)

// CustomerID is the last part of the key of what is counted of a customer.
func CustomerID(customerID string) string { return customerPrefix + customerID }

// NumberID is that of a number nobody knows: a hash of it (HMAC-SHA256, RFC 2104), so that no number is in a key.
func NumberID(key []byte, n phone.Number) string {
	mac := hmac.New(sha256.New, key)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(n)))
	return numberPrefix + hex.EncodeToString(mac.Sum(nil)[:hashBytes])
}
