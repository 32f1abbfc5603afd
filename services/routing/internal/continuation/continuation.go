// Package continuation is what a call carries from one step to the next, so that no routing process keeps it: sealed into
// bytes that a gateway can neither read nor change, and that any routing process of the cluster opens (token.go), by keys
// that change daily (ring.go, rotation.go).
//
// A token is bound to the gateway and the call it was made for, and to its step. It can be used again within its life: a
// step told twice is answered twice, and whoever does something for it does that once, by gateway, call and step. What
// cannot be opened is no error to a caller: the call goes on as a new one about which nothing is known.
//
// It keeps no keys, reads no clock and knows no etcd.
package continuation

import "fmt"

// SecretBytes is the length of a key: AES-256.
const SecretBytes = 32

// Key seals and opens tokens. Its secret is printed by nothing.
type Key struct {
	// Number names the key; a later one is higher. 0 is no key.
	Number uint64
	// NotBeforeUnixS is from when on it seals, until a later key does.
	NotBeforeUnixS int64

	secret [SecretBytes]byte
}

// Format writes which key it is, whatever is asked for.
func (k Key) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "key %d from %d", k.Number, k.NotBeforeUnixS)
}
