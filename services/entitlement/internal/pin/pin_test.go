package pin_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"
	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/entitlement/internal/pin"
)

// cheap is a cost for tests that compare many.
func cheap() pin.Cost { return pin.Cost{MemoryKiB: 16, Passes: 1, Lanes: 2} }

func salt() []byte { return bytes.Repeat([]byte{7}, pin.SaltBytes) }

// TestOnlyThePINOfTheCustomerMatches: over any PINs and customers.
func TestOnlyThePINOfTheCustomerMatches(t *testing.T) {
	digits := rapid.StringMatching(`[0-9]{4,12}`)
	id := rapid.StringMatching(`[a-z0-9]{1,8}`)
	rapid.Check(t, func(t *rapid.T) {
		owner, right := id.Draw(t, "owner"), digits.Draw(t, "right")
		v := pin.Make(owner, right, rapid.SliceOfN(rapid.Byte(), pin.SaltBytes, pin.SaltBytes).Draw(t, "salt"), cheap())
		if strings.Contains(v, right) && len(right) > 5 {
			t.Fatalf("the verifier shows the PIN: %s", v)
		}
		who, typed := rapid.OneOf(rapid.Just(owner), id).Draw(t, "who"), rapid.OneOf(rapid.Just(right), digits).Draw(t, "typed")
		got, err := pin.Matches(v, who, typed)
		if err != nil || got != (who == owner && typed == right) {
			t.Fatalf("%s with %s of %s with %s: %v, %v", who, typed, owner, right, got, err)
		}
	})
}

func TestTheSamePINHasAnotherVerifierWithAnotherSalt(t *testing.T) {
	other := bytes.Repeat([]byte{8}, pin.SaltBytes)
	if pin.Make("acme", "1234", salt(), cheap()) == pin.Make("acme", "1234", other, cheap()) {
		t.Error("whoever reads two verifiers sees that the PINs are the same")
	}
}

// TestVerifiersMadeElsewhere: this one was made from the parameters below by the argon2 library directly, as documented in
// the PHC string format.
func TestVerifiersMadeElsewhere(t *testing.T) {
	tag := argon2.IDKey([]byte("acme\x0024680"), salt(), 3, 32, 4, 32)
	v := "$argon2id$v=19$m=32,t=3,p=4$BwcHBwcHBwcHBwcHBwcHBw$" + b64(tag)
	if ok, err := pin.Matches(v, "acme", "24680"); err != nil || !ok {
		t.Errorf("got %v, %v (tag %s)", ok, err, hex.EncodeToString(tag))
	}
}

func b64(b []byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	var out strings.Builder
	bits, n := 0, 0
	for _, c := range b {
		bits, n = bits<<8|int(c), n+8
		for n >= 6 {
			n -= 6
			out.WriteByte(alphabet[bits>>n&63])
		}
	}
	if n > 0 {
		out.WriteByte(alphabet[bits<<(6-n)&63])
	}
	return out.String()
}

// TestCosts: ours, and that of RFC 9106, section 4, which somebody may have chosen.
func TestCosts(t *testing.T) {
	for want, cost := range map[string]pin.Cost{
		"$argon2id$v=19$m=19456,t=2,p=1$": pin.Chosen(),
		"$argon2id$v=19$m=65536,t=3,p=4$": {MemoryKiB: pin.MaxMemoryKiB, Passes: 3, Lanes: 4},
	} {
		v := pin.Make("acme", "24680", salt(), cost)
		if !strings.HasPrefix(v, want) {
			t.Errorf("%s does not begin with %s", v, want)
		}
		if ok, err := pin.Matches(v, "acme", "24680"); err != nil || !ok {
			t.Errorf("%s: got %v, %v", want, ok, err)
		}
	}
}

func TestAVerifierThatCostsTooMuchIsNotTried(t *testing.T) {
	good := pin.Make("acme", "1234", salt(), cheap())
	for _, c := range []struct{ name, verifier string }{
		{"memory", strings.Replace(good, "m=16", "m=4194304", 1)},
		{"memory that overflows", strings.Replace(good, "m=16", "m=4294967297", 1)},
		{"too little memory", strings.Replace(good, "m=16", "m=1", 1)},
		{"passes", strings.Replace(good, "t=1", "t=4000000000", 1)},
		{"no passes", strings.Replace(good, "t=1", "t=0", 1)},
		{"lanes", strings.Replace(good, "p=2", "p=255", 1)},
		{"signs", strings.Replace(good, "m=16", "m=+16", 1)},
		{"another kind", strings.Replace(good, "argon2id", "argon2i", 1)},
		{"another version", strings.Replace(good, "v=19", "v=16", 1)},
		{"nothing", ""},
		{"cut", good[:len(good)-1]},
		{"long", good + strings.Repeat("A", 1000)},
	} {
		if _, err := pin.Matches(c.verifier, "acme", "1234"); !errors.Is(err, pin.ErrVerifier) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// FuzzVerifier: whatever stands in the store, comparing answers, and at a bounded price.
func FuzzVerifier(f *testing.F) {
	f.Add(pin.Make("acme", "1234", salt(), cheap()))
	f.Add("$argon2id$v=19$m=16,t=1,p=2$$")
	f.Add("$argon2id$v=19$m=65536,t=8,p=8$BwcHBwcHBwcHBwcHBwcHBw$BwcHBwcHBwcHBwcHBwcHBw")
	f.Fuzz(func(t *testing.T, verifier string) {
		ok, err := pin.Matches(verifier, "acme", "999999")
		if ok || err != nil && !errors.Is(err, pin.ErrVerifier) {
			t.Errorf("%q: %v, %v", verifier, ok, err)
		}
	})
}

func BenchmarkMatches(b *testing.B) {
	v := pin.Make("acme", "24680", salt(), pin.Chosen())
	for b.Loop() {
		if _, err := pin.Matches(v, "acme", "24681"); err != nil {
			b.Fatal(err)
		}
	}
}
