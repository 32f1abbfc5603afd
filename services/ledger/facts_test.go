package ledger_test

import (
	"crypto/sha256"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

// fact is a record of a fact, whose id is the first 16 bytes of the SHA-256 of key, a zero byte, and value.
func (o *opened) fact(key, value string) *ledgerv1.Record {
	sum := sha256.Sum256([]byte(key + "\x00" + value))
	return &ledgerv1.Record{
		Id: sum[:16], Instance: "p1", Event: &ledgerv1.Record_Fact{Fact: &routingv1.FactRecord{Id: sum[:16], Key: key, Value: []byte(value)}},
	}
}
