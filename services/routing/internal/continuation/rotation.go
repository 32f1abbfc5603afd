package continuation

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

const (
	// Prefix is where routing keeps its keys, each under its number in 16 hexadecimal digits. Their values are secret.
	Prefix = "routing/continuation-keys/"

	// sealsS is how long a key seals, where the next one comes in time.
	sealsS = 24 * 3600
	// aheadS is how long before it seals a key is published at least, so that every process has it by then.
	aheadS = 3600
	// preparedS is how long before its time the next key is made: etcd may be away for the difference to aheadS.
	preparedS = 3 * 3600
	// slackS is how far clocks and views may be behind.
	slackS = 1800
)

// Next is what is to be done about a cluster's keys at an instant, judged by those in a ring: the number and beginning of
// a key to add, 0 where none is, and the numbers of those to remove. It is the same for every process that sees the same
// keys within the same second. A number is added on the condition that it does not stand and the one before it does, so
// that of several processes one makes the key.
//
// The first key of a cluster seals at once. Any other is published an hour before it seals, whenever that was done; a key
// seals until the next one does; and it stays until all that it sealed has expired. So how long a key is honoured is not
// its own to say: that depends on when the next one comes.
func Next(r *Ring, now time.Time) (add Addition, remove []uint64) {
	nowS := now.Unix()
	if len(r.keys) == 0 {
		return Addition{1, nowS}, nil
	}
	last := r.keys[len(r.keys)-1]
	if due := last.NotBeforeUnixS + sealsS; nowS >= due-preparedS {
		add = Addition{last.Number + 1, max(due, nowS+aheadS)}
	}
	const honouredS = int64(MaxLife/time.Second) + slackS
	for i, k := range r.keys[:len(r.keys)-1] {
		if nowS >= r.keys[i+1].NotBeforeUnixS+honouredS {
			remove = append(remove, k.Number)
		}
	}
	return add, remove
}

// Addition is a key to be made.
type Addition struct {
	// Number is 0 where none is to be made.
	Number uint64
	// NotBeforeUnixS is from when on it seals.
	NotBeforeUnixS int64
}

// Value is the value of a key to be written to etcd, of a secret from crypto/rand.
func (a Addition) Value(secret [SecretBytes]byte) ([]byte, error) {
	return proto.Marshal(&routingv1.ContinuationKey{Secret: secret[:], NotBeforeUnixS: a.NotBeforeUnixS})
}

// EtcdKey is where a key of a number stands.
func EtcdKey(number uint64) string { return Prefix + fmt.Sprintf("%016x", number) }

// ReadKey reads a key, by the part of its etcd key behind Prefix. Errors say nothing of the value.
func ReadKey(id string, value []byte) (Key, error) {
	number, err := strconv.ParseUint(id, 16, 64)
	if err != nil || number == 0 || EtcdKey(number) != Prefix+id {
		return Key{}, errors.New("continuation: not the number of a key")
	}
	var p routingv1.ContinuationKey
	if proto.Unmarshal(value, &p) != nil || len(p.GetSecret()) != SecretBytes {
		return Key{}, errors.New("continuation: not a key")
	}
	k := Key{Number: number, NotBeforeUnixS: p.GetNotBeforeUnixS()}
	copy(k.secret[:], p.GetSecret())
	return k, nil
}
