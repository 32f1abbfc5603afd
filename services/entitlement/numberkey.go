package entitlement

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strings"
	"sync"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
)

const (
	// numberKeyKey is where the key is by which numbers are hashed, for they stand in no key of etcd in clear.
	numberKeyKey = "entitlement/number-key"
	// numberKeyBytes and numberHashBytes are how long the key and a hash are.
	numberKeyBytes, numberHashBytes = 32, 15
)

// numberHashes are what numbers are called in keys of etcd: the same at every process of the cluster, and told by
// nobody who cannot read entitlement's keys. Safe for concurrent use.
type numberHashes struct {
	store Store
	mu    sync.Mutex
	key   []byte // nil until it was read
}

// of is a number's hash, 24 lower-case letters and digits.
func (h *numberHashes) of(ctx context.Context, n phone.Number) (string, error) {
	return h.ofText(ctx, string(binary.BigEndian.AppendUint64(nil, uint64(n))))
}

// ofText is that of any other text, which is longer than a number's eight bytes.
func (h *numberHashes) ofText(ctx context.Context, text string) (string, error) {
	key, err := h.read(ctx)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(text)) // never fails
	sum := mac.Sum(nil)[:numberHashBytes]
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum)), nil
}

// read is the key; the first process to need one makes it.
func (h *numberHashes) read(ctx context.Context) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.key != nil {
		return h.key, nil
	}
	e, err := h.store.Get(ctx, numberKeyKey)
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
		made := make([]byte, numberKeyBytes)
		_, _ = rand.Read(made) // never fails (crypto/rand)
		_, err = h.store.Commit(ctx, []*rpcv1.Condition{coord.Unchanged(numberKeyKey, 0)},
			[]*rpcv1.Write{coord.Put(numberKeyKey, made)})
		if err != nil && fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT {
			return nil, err
		}
		e, err = h.store.Get(ctx, numberKeyKey)
	}
	if err != nil {
		return nil, err
	}
	h.key = e.Value
	return h.key, nil
}
