package continuation_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/continuation"
)

const life = 10 * time.Minute

var (
	start = time.Unix(1_795_000_000, 0)
	call  = continuation.Of{Gateway: "edge-1", CallID: "a84b4c76e66710@pc33.atlanta.example"}
)

// key is one with a secret of its own number.
func key(t rapid.TB, number uint64, notBefore time.Time) continuation.Key {
	t.Helper()
	var secret [continuation.SecretBytes]byte
	binary.BigEndian.PutUint64(secret[:], number)
	value, err := continuation.Addition{Number: number, NotBeforeUnixS: notBefore.Unix()}.Value(secret)
	if err != nil {
		t.Fatal(err)
	}
	k, err := continuation.ReadKey(strings.TrimPrefix(continuation.EtcdKey(number), continuation.Prefix), value)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func state() *routingv1.ContinuationState {
	return &routingv1.ContinuationState{
		Line: "gold", CallerClass: routingv1.CallerClass_CALLER_CLASS_UNKNOWN, Customer: "acme", Tries: 1, Rung: 2,
		Tried: []*routingv1.TriedTarget{
			{TargetId: "sydney.1", Disposition: routingv1.Disposition_DISPOSITION_BUSY},
			{TargetId: "dublin.1", Disposition: routingv1.Disposition_DISPOSITION_NOT_ACCEPTED},
		},
		RingUntilUnixMs: start.Add(3 * time.Minute).UnixMilli(),
		Traceparent:     "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}
}

func seal(t testing.TB, r *continuation.Ring, of continuation.Of, step uint16, s *routingv1.ContinuationState) []byte {
	t.Helper()
	token, err := r.Seal(of, step, s, start, life)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// refused is why a token was refused; 0 where it was opened.
func refused(t testing.TB, err error) continuation.Why {
	t.Helper()
	if err == nil {
		return 0
	}
	var r *continuation.Refusal
	if !errors.As(err, &r) {
		t.Fatalf("%v is no refusal", err)
	}
	if want := (&continuation.Refusal{}).Error(); err.Error() != want {
		t.Fatalf("a refusal says more than another: %q", err)
	}
	return r.Why()
}

func TestWhatIsRefused(t *testing.T) {
	ring := continuation.NewRing(key(t, 7, start))
	token := seal(t, ring, call, 1, state())
	changed := func(at int, b byte) []byte { c := slices.Clone(token); c[at] ^= b; return c }
	for what, c := range map[string]struct {
		ring  *continuation.Ring
		of    continuation.Of
		token []byte
		at    time.Time
		want  continuation.Why
	}{
		"nothing":                {ring, call, token, start, 0},
		"its last moment":        {ring, call, token, start.Add(life - 1), 0},
		"the second it expires":  {ring, call, token, start.Add(life), continuation.Expired},
		"none":                   {ring, call, nil, start, continuation.None},
		"another gateway":        {ring, continuation.Of{Gateway: "edge-2", CallID: call.CallID}, token, start, continuation.Forged},
		"another call":           {ring, continuation.Of{Gateway: call.Gateway, CallID: "b"}, token, start, continuation.Forged},
		"another step":           {ring, call, changed(2, 3), start, continuation.Forged},
		"another key's number":   {ring, call, changed(10, 1), start, continuation.UnknownKey},
		"a changed state":        {ring, call, changed(len(token)-1, 1), start, continuation.Forged},
		"another release":        {ring, call, changed(0, 2), start, continuation.Unreadable},
		"half of it":             {ring, call, token[:len(token)/2], start, continuation.Forged},
		"its header":             {ring, call, token[:11], start, continuation.Forged},
		"a byte":                 {ring, call, token[:1], start, continuation.Unreadable},
		"more than a token":      {ring, call, append(slices.Clone(token), make([]byte, 4096)...), start, continuation.Unreadable},
		"another cluster's key":  {continuation.NewRing(key(t, 8, start)), call, token, start, continuation.UnknownKey},
		"no key":                 {&continuation.Ring{}, call, token, start, continuation.UnknownKey},
		"the border moved":       {ring, continuation.Of{Gateway: call.Gateway + call.CallID[:1], CallID: call.CallID[1:]}, token, start, continuation.Forged},
		"forged and expired too": {ring, call, changed(len(token)-1, 1), start.Add(life), continuation.Forged},
	} {
		t.Run(what, func(t *testing.T) {
			got, err := c.ring.Open(c.of, c.token, c.at)
			if why := refused(t, err); why != c.want {
				t.Fatalf("%v, want %v", why, c.want)
			}
			if (err == nil) != (got.State != nil) {
				t.Error("a refusal with a state, or none with one")
			}
		})
	}
}

// A secret of another cluster with the same number is another key.
func TestNumbersDoNotMakeKeys(t *testing.T) {
	value, err := continuation.Addition{Number: 7, NotBeforeUnixS: start.Unix()}.Value([continuation.SecretBytes]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	other, err := continuation.ReadKey("0000000000000007", value)
	if err != nil {
		t.Fatal(err)
	}
	token := seal(t, continuation.NewRing(key(t, 7, start)), call, 1, state())
	_, err = continuation.NewRing(other).Open(call, token, start)
	if why := refused(t, err); why != continuation.Forged {
		t.Errorf("%v", why)
	}
}

func TestSealRefusesWhatNoTokenHolds(t *testing.T) {
	ring := continuation.NewRing(key(t, 1, start))
	many := &routingv1.ContinuationState{}
	for i := range continuation.MaxTried {
		many.Tried = append(many.Tried, &routingv1.TriedTarget{TargetId: strings.Repeat("x", 62) + fmt.Sprint(i)})
	}
	if token := seal(t, ring, call, 1, many); len(token) > continuation.MaxTokenBytes {
		t.Errorf("a token of %d bytes", len(token))
	}
	many.Tried = append(many.Tried, &routingv1.TriedTarget{})
	long := &routingv1.ContinuationState{Customer: strings.Repeat("x", continuation.MaxTokenBytes-40)}
	for _, s := range []*routingv1.ContinuationState{many, long} {
		if _, err := ring.Seal(call, 1, s, start, life); !errors.Is(err, continuation.ErrTooLong) {
			t.Errorf("%v, want ErrTooLong", err)
		}
	}
	if _, err := (&continuation.Ring{}).Seal(call, 1, state(), start, life); !errors.Is(err, continuation.ErrNoKey) {
		t.Errorf("%v, want ErrNoKey", err)
	}
}

func TestNoTokenOutlivesItsKeys(t *testing.T) {
	ring := continuation.NewRing(key(t, 1, start))
	token, err := ring.Seal(call, 1, state(), start, 1000*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	_, err = ring.Open(call, token, start.Add(continuation.MaxLife))
	if refused(t, err) != continuation.Expired {
		t.Error("a token lives longer than keys are kept")
	}
}

func TestTokensTellNothing(t *testing.T) {
	ring := continuation.NewRing(key(t, 1, start))
	a, b := seal(t, ring, call, 1, state()), seal(t, ring, call, 1, state())
	if bytes.Equal(a[11:], b[11:]) {
		t.Error("the same state is sealed to the same bytes")
	}
	for _, part := range []string{"gold", "acme", "sydney", "0af7651916cd43dd", call.CallID[:8]} {
		if bytes.Contains(a, []byte(part)) {
			t.Errorf("%q is to be read in a token", part)
		}
	}
}

func drawState(t *rapid.T) *routingv1.ContinuationState {
	s := &routingv1.ContinuationState{
		Line:        rapid.StringMatching(`[a-z]{0,20}`).Draw(t, "line"),
		CallerClass: routingv1.CallerClass(rapid.Int32Range(0, 3).Draw(t, "class")),
		Customer:    rapid.StringMatching(`[a-z0-9-]{0,63}`).Draw(t, "customer"),
		Tries:       rapid.Int32().Draw(t, "tries"), Rung: rapid.Int32Range(0, 99).Draw(t, "rung"),
		RingUntilUnixMs: rapid.Int64().Draw(t, "ring until"), Traceparent: rapid.StringN(0, 40, 55).Draw(t, "trace"),
	}
	for range rapid.IntRange(0, continuation.MaxTried).Draw(t, "tried") {
		s.Tried = append(s.Tried, &routingv1.TriedTarget{
			TargetId:    rapid.StringMatching(`[a-z.0-9]{0,20}`).Draw(t, "target"),
			Disposition: routingv1.Disposition(rapid.Int32Range(0, 7).Draw(t, "disposition")),
		})
	}
	return s
}

func TestSealedIsOpened(t *testing.T) {
	ring := continuation.NewRing(key(t, 1, start), key(t, 2, start.Add(time.Hour)))
	rapid.Check(t, func(t *rapid.T) {
		of := continuation.Of{Gateway: rapid.String().Draw(t, "gateway"), CallID: rapid.String().Draw(t, "call")}
		step, want := rapid.Uint16().Draw(t, "step"), drawState(t)
		now := start.Add(time.Duration(rapid.Int64Range(0, 2*3600e9).Draw(t, "now")))
		lives := time.Duration(rapid.Int64Range(1, 24*3600).Draw(t, "life s")) * time.Second
		before := proto.CloneOf(want)
		token, err := ring.Seal(of, step, want, now, lives)
		if err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(before, want) {
			t.Fatal("sealing changed the state")
		}
		want.ExpireUnixS = now.Unix() + int64(lives/time.Second)
		got, err := ring.Open(of, token, time.Unix(want.GetExpireUnixS(), -1))
		if err != nil || got.Step != step || !proto.Equal(got.State, want) {
			t.Fatalf("%v: step %d, %v, want %v", err, got.Step, got.State, want)
		}
		if _, err = ring.Open(of, token, time.Unix(want.GetExpireUnixS(), 0)); err == nil {
			t.Fatal("open in the second in which it expires")
		}
	})
}

func TestNoBitMayChange(t *testing.T) {
	ring := continuation.NewRing(key(t, 1, start), key(t, 0x101, start))
	rapid.Check(t, func(t *rapid.T) {
		token, err := ring.Seal(call, rapid.Uint16().Draw(t, "step"), drawState(t), start, life)
		if err != nil {
			t.Fatal(err)
		}
		bit := rapid.IntRange(0, 8*len(token)-1).Draw(t, "bit")
		token[bit/8] ^= 1 << (bit % 8)
		if _, err = ring.Open(call, token, start); err == nil {
			t.Fatalf("bit %d may change", bit)
		}
		token[bit/8] ^= 1 << (bit % 8)
		cut := rapid.IntRange(0, len(token)-1).Draw(t, "cut")
		if _, err = ring.Open(call, token[:cut], start); err == nil {
			t.Fatalf("%d bytes of it are enough", cut)
		}
	})
}

func TestNoOtherCallMayUseIt(t *testing.T) {
	ring := continuation.NewRing(key(t, 1, start))
	rapid.Check(t, func(t *rapid.T) {
		// Short ids of few letters, some of which look like lengths, so that their borders meet.
		id := rapid.StringOfN(rapid.SampledFrom([]rune{'a', 1, 2}), 0, 3, -1)
		a := continuation.Of{Gateway: id.Draw(t, "gateway"), CallID: id.Draw(t, "call")}
		b := continuation.Of{Gateway: id.Draw(t, "other gateway"), CallID: id.Draw(t, "other call")}
		token, err := ring.Seal(a, 1, state(), start, life)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ring.Open(b, token, start); (err == nil) != (a == b) {
			t.Fatalf("sealed for %v, opened for %v: %v", a, b, err)
		}
	})
}

// earlierToken was sealed by the first release with tokens: one in use while a cluster is upgraded.
const earlierToken = `
	01000100000000000000014fdecbb4426716e4e6986b25f064d1bacfd8d40b03fc573e311ac8953e3150454e9a38b8434133
	5e3490f4aeff51c132b92a03eddc44476787c047a2bc2aa93665c548a024089eb0e62ac749c2660e0cdd083777b877e25c52
	61c163a930d304ffa5311f449c3be5279ccb72acc7ad2939e2bf87c966cf62c8ebd92f99528382bf70ada826a51cc4373701
	3a7153cff3
`

func earlier(t rapid.TB) []byte {
	token, err := hex.DecodeString(strings.Join(strings.Fields(earlierToken), ""))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestTokensOfEarlierReleasesAreOpened(t *testing.T) {
	got, err := continuation.NewRing(key(t, 1, start)).Open(call, earlier(t), start)
	if err != nil {
		t.Fatal(refused(t, err))
	}
	want := state()
	want.ExpireUnixS = start.Add(life).Unix()
	if got.Step != 1 || !proto.Equal(got.State, want) {
		t.Errorf("step %d, %v", got.Step, got.State)
	}
}

// FuzzOpen: nothing from outside crashes it, or is opened without having been sealed.
func FuzzOpen(f *testing.F) {
	ring := continuation.NewRing(key(f, 1, start), key(f, 2, start.Add(time.Hour)))
	genuine := earlier(f)
	f.Add(genuine, call.Gateway, call.CallID)
	f.Add(genuine[:11], "", "")
	f.Add(append(slices.Clone(genuine[:11]), make([]byte, 28)...), "edge-1", "b")
	f.Add([]byte{1}, "", "")
	f.Fuzz(func(t *testing.T, token []byte, gateway, callID string) {
		got, err := ring.Open(continuation.Of{Gateway: gateway, CallID: callID}, token, start)
		same := bytes.Equal(token, genuine) && gateway == call.Gateway && callID == call.CallID
		if (refused(t, err) == 0) != same || (got.State != nil) != same {
			t.Fatalf("opened without having been sealed, or the other way round: %v", err)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	ring, s := continuation.NewRing(key(b, 1, start)), state()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ring.Seal(call, 1, s, start, life); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	ring := continuation.NewRing(key(b, 1, start))
	token := seal(b, ring, call, 1, state())
	b.ReportMetric(float64(len(token)), "token-bytes")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ring.Open(call, token, start); err != nil {
			b.Fatal(err)
		}
	}
}
