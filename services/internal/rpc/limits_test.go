package rpc //nolint:testpackage // the arithmetic of one peer's allowance is nobody else's to see

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
)

func limitNow() time.Time { return time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC) }

// TestAnAllowanceIsKeptInEveryWindow: whenever a peer asks, of any window it is given at most a burst and what the window
// is worth; and whoever waits as long as they are told is let in.
func TestAnAllowanceIsKeptInEveryWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		perS := rapid.IntRange(1, 50).Draw(t, "perS")
		a, now := newAllowance(perS, 1), limitNow()
		var given []time.Time
		for range rapid.IntRange(1, 300).Draw(t, "requests") {
			now = now.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "ms")) * time.Millisecond)
			err := a.request(now)
			if err == nil {
				given = append(given, now)
				continue
			}
			var f *fault.Fault
			if !errors.As(err, &f) || f.RetryAfter <= 0 {
				t.Fatalf("refused with %v", err)
			}
			if rapid.Bool().Draw(t, "waits") {
				if now = now.Add(f.RetryAfter); a.request(now) != nil {
					t.Fatalf("waited %v in vain", f.RetryAfter)
				}
				given = append(given, now)
			}
		}
		for i := range given {
			for j := i; j < len(given); j++ {
				window := given[j].Sub(given[i]).Seconds()
				if n := j - i + 1; float64(n) > float64(perS*burstS)+1+window*float64(perS)+0.001 {
					t.Fatalf("%d requests in %v s at %d a second", n, window, perS)
				}
			}
		}
	})
}

// TestAClockSetBackLocksNobodyOut for long.
func TestAClockSetBackLocksNobodyOut(t *testing.T) {
	a := newAllowance(10, 1)
	for a.request(limitNow()) == nil {
	}
	if err := a.request(limitNow().Add(-time.Hour)); err != nil {
		t.Errorf("an hour back: %v", err)
	}
	var none *allowance
	if end, err := none.stream(); none.request(limitNow()) != nil || err != nil {
		t.Error("no limit is one")
	} else {
		end()
	}
}

// TestPeersAreCountedWithinBounds: whatever comes, memory has a limit, a gateway finds room, and who is gone is forgotten.
func TestPeersAreCountedWithinBounds(t *testing.T) {
	l, err := NewLimits(DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	now := limitNow()
	for i := range 3 * maxLimitedPeers {
		if err := l.of(NewPeer(fmt.Sprint("p", i), rpcv1.Role_ROLE_READER), now).request(now); err != nil && i < maxLimitedPeers {
			t.Fatal(err)
		}
	}
	if len(l.peers) != maxLimitedPeers {
		t.Errorf("%d peers are counted", len(l.peers))
	}
	gateway := l.of(NewPeer("g", rpcv1.Role_ROLE_GATEWAY), now)
	if gateway == l.crowd || l.of(NewPeer("late", rpcv1.Role_ROLE_READER), now) != l.crowd {
		t.Error("a gateway is of the crowd")
	}
	now = now.Add(2 * sweepEvery)
	if l.of(NewPeer("late", rpcv1.Role_ROLE_READER), now) == l.crowd || len(l.peers) > 2 {
		t.Errorf("%d peers are remembered that ask for nothing", len(l.peers))
	}
	// A gateway at many times the rate of a busy one is never refused.
	for i := range 200_000 {
		if err := gateway.request(now.Add(time.Duration(i) * 20 * time.Microsecond)); err != nil { // 50,000 a second
			t.Fatal(err)
		}
	}
	if _, err := NewLimits(LimitConfig{RequestsPerS: 1, Streams: 1, GatewayRequestsPerS: 0, GatewayStreams: 2_000_000}); err == nil {
		t.Error("limits of nothing")
	}
}

// TestStrangersStandInNobodysWay, from however many addresses they come.
func TestStrangersStandInNobodysWay(t *testing.T) {
	l, err := NewLimits(DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	now := limitNow()
	for i := range 2 * maxLimitedPeers {
		_ = l.of(Peer{ID: fmt.Sprintf("2001:db8::%x", i)}, now).request(now)
		_ = l.address(fmt.Sprintf("2001:db8:1::%x", i), now).request(now)
	}
	site := l.of(NewPeer("dublin", rpcv1.Role_ROLE_SITE), now)
	for range DefaultLimits().RequestsPerS {
		if err := site.request(now); err != nil {
			t.Fatalf("a site pays for strangers: %v", err)
		}
	}
	if len(l.peers) >= maxLimitedPeers {
		t.Errorf("%d peers are counted", len(l.peers))
	}
}

func BenchmarkAdmission(b *testing.B) {
	l, err := NewLimits(DefaultLimits())
	if err != nil {
		b.Fatal(err)
	}
	l.cfg.GatewayRequestsPerS = 1_000_000
	p, now := Local(), limitNow()
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(2 * time.Microsecond)
		if err := l.of(p, now).request(now); err != nil {
			b.Fatal(err)
		}
	}
}
