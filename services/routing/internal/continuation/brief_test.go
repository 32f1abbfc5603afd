package continuation_test

import (
	"encoding/base64"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/continuation"
)

func briefState() *routingv1.BriefState {
	return &routingv1.BriefState{
		MadeUnixMs: start.UnixMilli(), Line: "gold-emergency", CallerClass: routingv1.CallerClass_CALLER_CLASS_ENTITLED,
		Customer: "acme-industries", Caller: 13035550100, CallId: "a84b4c76e66710@pc33.atlanta.example", Gateway: "edge-1",
		Verdicts: []routingv1.Verdict{
			routingv1.Verdict_VERDICT_CALLER_VERIFIED, routingv1.Verdict_VERDICT_ENTITLED_BY_CONTRACT,
		},
	}
}

func sealBrief(t rapid.TB, r *continuation.Ring, s *routingv1.BriefState) string {
	t.Helper()
	token, err := r.SealBrief(s, time.UnixMilli(s.GetMadeUnixMs()))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestABriefIsOpenedForADay(t *testing.T) {
	ring := continuation.NewRing(key(t, 1, start))
	want := briefState()
	token := sealBrief(t, ring, want)
	for after, why := range map[time.Duration]continuation.Why{
		0: 0, 24*time.Hour - time.Millisecond: 0, 24 * time.Hour: continuation.Expired, 1000 * time.Hour: continuation.Expired,
		-10 * time.Minute: 0, -time.Hour: continuation.Expired, // made by a process whose clock is ahead
	} {
		got, err := ring.OpenBrief(token, start.Add(after))
		if refused(t, err) != why || err == nil && !proto.Equal(got, want) {
			t.Errorf("after %v: %v, %v", after, got, err)
		}
	}
	if _, err := (&continuation.Ring{}).SealBrief(want, start); !errors.Is(err, continuation.ErrNoKey) {
		t.Errorf("without keys: %v", err)
	}
	t.Logf("%d characters: %s", len(token), token)
}

// TestBriefsAndContinuationsAreApart: neither is taken for the other, though the same key seals both.
func TestBriefsAndContinuationsAreApart(t *testing.T) {
	ring := continuation.NewRing(key(t, 1, start))
	step := seal(t, ring, call, 1, state())
	if _, err := ring.OpenBrief(base64.RawURLEncoding.EncodeToString(step), start); err == nil {
		t.Error("a continuation is opened as a brief")
	}
	raw, err := base64.RawURLEncoding.DecodeString(sealBrief(t, ring, briefState()))
	if err != nil {
		t.Fatal(err)
	}
	// With the header of the other kind too.
	for _, token := range [][]byte{raw, append([]byte{1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1}, raw[2:]...)} {
		if _, err := ring.Open(call, token, start); err == nil {
			t.Error("a brief is opened as a continuation")
		}
	}
}

func TestBriefsThatAreRefused(t *testing.T) {
	ring := continuation.NewRing(key(t, 1, start))
	good := sealBrief(t, ring, briefState())
	for what, c := range map[string]struct {
		token string
		want  continuation.Why
	}{
		"none":              {"", continuation.None},
		"no base64":         {"!" + good[1:], continuation.Unreadable},
		"with padding":      {good + "=", continuation.Unreadable},
		"too long":          {strings.Repeat("A", 257), continuation.Unreadable},
		"of a release ago":  {"AA" + good[2:], continuation.Unreadable},
		"short":             {"AQ", continuation.Unreadable},
		"of another key":    {"AQQ", continuation.UnknownKey},
		"of no key":         {"Af____________8B", continuation.Unreadable},
		"nothing but a key": {"AQE", continuation.Forged},
		"of another secret": {sealBrief(t, continuation.NewRing(otherSecret(t)), briefState()), continuation.Forged},
	} {
		_, err := ring.OpenBrief(c.token, start)
		if got := refused(t, err); got != c.want {
			t.Errorf("%s: %v, want %v", what, got, c.want)
		}
	}
}

// otherSecret is key 1 of another cluster.
func otherSecret(t rapid.TB) continuation.Key {
	t.Helper()
	value, err := continuation.Addition{Number: 1, NotBeforeUnixS: start.Unix()}.Value([continuation.SecretBytes]byte{9, 9})
	if err != nil {
		t.Fatal(err)
	}
	k, err := continuation.ReadKey("0000000000000001", value)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestBriefsFitAHeaderProperty: whatever the names, a token is of characters that need no escape in a URI, of no more than
// 200 unless the line's and the customer's names alone are long, and of what matters nothing is lost.
func TestBriefsFitAHeaderProperty(t *testing.T) {
	plain := regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	ring := continuation.NewRing(key(t, 300, start))
	slug := rapid.StringMatching(`[a-z][a-z0-9-]{0,61}[a-z0-9]`)
	rapid.Check(t, func(t *rapid.T) {
		want := briefState()
		want.Line, want.Customer, want.Gateway = slug.Draw(t, "line"), slug.Draw(t, "customer"), slug.Draw(t, "gateway")
		want.CallId = rapid.StringN(0, 64, 64).Draw(t, "call id")
		want.Caller, want.FollowUp = rapid.Uint64Range(0, 999999999999999).Draw(t, "caller"), rapid.Bool().Draw(t, "follow up")
		token := sealBrief(t, ring, want)
		names := len(want.GetLine()) + len(want.GetCustomer())
		if !plain.MatchString(token) || len(token) > continuation.MaxBriefChars || names <= 80 && len(token) > 200 {
			t.Fatalf("%d characters with names of %d: %s", len(token), names, token)
		}
		got, err := ring.OpenBrief(token, start)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(want.GetCallId(), got.GetCallId()) || !utf8.ValidString(got.GetCallId()) ||
			got.GetGateway() != "" && got.GetGateway() != want.GetGateway() {
			t.Fatalf("%v of %v", got, want)
		}
		want.CallId, want.Gateway = got.GetCallId(), got.GetGateway()
		if !proto.Equal(got, want) {
			t.Fatalf("%v of %v", got, want)
		}
	})
}

// FuzzOpenBrief: whatever somebody shows, it is refused or was sealed here.
func FuzzOpenBrief(f *testing.F) {
	ring := continuation.NewRing(key(f, 1, start))
	good := sealBrief(f, ring, briefState())
	for _, s := range []string{good, "", "AQE", "Af____________8B", good[:40], strings.ToLower(good)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		s, err := ring.OpenBrief(token, start)
		if err == nil && !proto.Equal(s, briefState()) {
			t.Errorf("%q is opened: %v", token, s)
		}
	})
}

func BenchmarkSealBrief(b *testing.B) {
	ring, s := continuation.NewRing(key(b, 1, start)), briefState()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ring.SealBrief(s, start); err != nil {
			b.Fatal(err)
		}
	}
}

// TestABriefOfLongNamesIsSealed: what only some calls have gives way to what every call has.
func TestABriefOfLongNamesIsSealed(t *testing.T) {
	ring := continuation.NewRing(key(t, 1, start))
	long := strings.Repeat("x", 63)
	s := briefState()
	s.Via, s.Offer, s.Promise, s.Partner = long, long, long, "p"
	s.OfferFate, s.GoodwillCalls = routingv1.OfferFate_OFFER_FATE_PENDING, 3
	got, err := ring.OpenBrief(sealBrief(t, ring, s), start)
	if err != nil || got.GetLine() != s.GetLine() || got.GetCustomer() != s.GetCustomer() || got.GetOfferFate() != s.GetOfferFate() ||
		got.GetPartner() != "p" || got.GetPromise() != long || got.GetVia() != "" || got.GetOffer() != "" {
		t.Errorf("%v, %v", got, err)
	}
}
