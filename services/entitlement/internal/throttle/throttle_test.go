package throttle_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/entitlement/internal/throttle"
)

func start() time.Time { return time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC) }

func five() throttle.Limits {
	return throttle.Limits{MaxWrong: 5, Window: 15 * time.Minute, MaxCustomers: 100}
}

func TestFiveWrongOnesAndThenAWait(t *testing.T) {
	th, now := throttle.New(five()), start()
	for i := range 5 {
		if wait := th.Take("acme", now.Add(time.Duration(i)*time.Minute)); wait != 0 {
			t.Fatalf("attempt %d waits for %v", i+1, wait)
		}
	}
	if wait := th.Take("acme", now.Add(5*time.Minute)); wait != 10*time.Minute {
		t.Errorf("the sixth waits for %v, want until the first is 15 minutes old", wait)
	}
	if wait := th.Take("initech", now.Add(5*time.Minute)); wait != 0 {
		t.Errorf("another customer waits for %v", wait)
	}
	if wait := th.Take("acme", now.Add(15*time.Minute)); wait != 0 {
		t.Errorf("after the wait: %v", wait)
	}
	if wait := th.Take("acme", now.Add(15*time.Minute)); wait != time.Minute {
		t.Errorf("one at a time from then on, as the others pass: %v", wait)
	}
}

// TestARightOneGivesNoNewGuesses: somebody who knows the PIN rings now and then, and whoever guesses gains nothing by it.
func TestARightOneGivesNoNewGuesses(t *testing.T) {
	th, now := throttle.New(five()), start()
	for i := range 4 {
		th.Take("acme", now.Add(time.Duration(i)*time.Second))
	}
	right := now.Add(10 * time.Second)
	if wait := th.Take("acme", right); wait != 0 {
		t.Fatal(wait)
	}
	th.Return("acme", right)
	if wait := th.Take("acme", now.Add(11*time.Second)); wait != 0 {
		t.Errorf("the right one was counted: %v", wait)
	}
	if wait := th.Take("acme", now.Add(12*time.Second)); wait == 0 {
		t.Error("the right one forgave the wrong ones")
	}
	th.Forget("acme")
	if wait := th.Take("acme", now.Add(13*time.Second)); wait != 0 {
		t.Errorf("with another PIN: %v", wait)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	l := five()
	l.MaxCustomers = 10
	th, now := throttle.New(l), start()
	for i := range 10 {
		th.Take(fmt.Sprintf("c%d", i), now.Add(time.Duration(i)*time.Minute))
	}
	at := now.Add(10 * time.Minute)
	if wait := th.Take("new", at); wait != 5*time.Minute || th.Customers() != 10 {
		t.Errorf("wait %v with %d customers, want until the first is forgotten", wait, th.Customers())
	}
	if wait := th.Take("c3", at); wait != 0 {
		t.Errorf("one that is remembered waits for %v", wait)
	}
	if wait := th.Take("new", now.Add(15*time.Minute)); wait != 0 {
		t.Errorf("once there is room: %v", wait)
	}
}

// TestOthersAreLetIn where that is asked for; those that are remembered are limited as before.
func TestOthersAreLetIn(t *testing.T) {
	l := five()
	l.MaxCustomers, l.LetIn = 10, true
	th, now := throttle.New(l), start()
	for i := range 50 {
		th.Take(fmt.Sprintf("c%d", i%10), now)
	}
	if wait := th.Take("new", now); wait != 0 || th.Customers() != 10 {
		t.Errorf("wait %v with %d", wait, th.Customers())
	}
	if wait := th.Take("c3", now); wait != l.Window {
		t.Errorf("one that is remembered waits for %v", wait)
	}
}

// TestNeverMoreThanAllowed: whatever is taken and returned, and whenever, the attempts that were let through and not
// returned are at most MaxWrong in any window; and one that is refused is let through after the wait it was told.
func TestNeverMoreThanAllowed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := throttle.Limits{
			MaxWrong: rapid.IntRange(1, 5).Draw(t, "wrong"), Window: time.Minute,
			MaxCustomers: rapid.IntRange(1, 4).Draw(t, "customers"),
		}
		th, now := throttle.New(l), start()
		wrong := map[string][]time.Time{}
		for range rapid.IntRange(1, 60).Draw(t, "attempts") {
			now = now.Add(time.Duration(rapid.IntRange(1, 20).Draw(t, "after")) * time.Second)
			id := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"}).Draw(t, "customer")
			wait := th.Take(id, now)
			if th.Customers() > l.MaxCustomers {
				t.Fatalf("%d customers are remembered", th.Customers())
			}
			if wait > 0 {
				if wait > l.Window {
					t.Fatalf("a wait of %v", wait)
				}
				continue
			}
			if rapid.IntRange(0, 3).Draw(t, "right") == 0 {
				th.Return(id, now)
				continue
			}
			wrong[id] = append(wrong[id], now)
			if n := len(wrong[id]); n > l.MaxWrong && now.Sub(wrong[id][n-1-l.MaxWrong]) < l.Window {
				t.Fatalf("%d wrong ones within %v", l.MaxWrong+1, now.Sub(wrong[id][n-1-l.MaxWrong]))
			}
		}
		if wait := th.Take("a", now); wait > 0 {
			if again := th.Take("a", now.Add(wait)); again != 0 {
				t.Fatalf("after a wait of %v another one of %v", wait, again)
			}
		}
	})
}
