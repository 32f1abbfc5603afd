package continuation_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/routing/internal/continuation"
)

func TestNext(t *testing.T) {
	at := func(hours float64) time.Time { return start.Add(time.Duration(hours * float64(time.Hour))) }
	add := func(number uint64, hours float64) continuation.Addition {
		return continuation.Addition{Number: number, NotBeforeUnixS: at(hours).Unix()}
	}
	first, second, third := key(t, 1, at(0)), key(t, 2, at(24)), key(t, 3, at(48))
	for what, c := range map[string]struct {
		keys   []continuation.Key
		hours  float64
		add    continuation.Addition
		remove []uint64
	}{
		"no key: one that seals at once":      {nil, 0, add(1, 0), nil},
		"a young key":                         {[]continuation.Key{first}, 20.9, continuation.Addition{}, nil},
		"the next is made three hours before": {[]continuation.Key{first}, 21, add(2, 24), nil},
		"an hour before":                      {[]continuation.Key{first}, 23, add(2, 24), nil},
		"late: an hour from now":              {[]continuation.Key{first}, 23.5, add(2, 24.5), nil},
		"a year late":                         {[]continuation.Key{first}, 8760, add(2, 8761), nil},
		"the next is there":                   {[]continuation.Key{first, second}, 23.5, continuation.Addition{}, nil},
		"the last token may live":             {[]continuation.Key{first, second}, 44.9, continuation.Addition{}, nil},
		"the last token has expired":          {[]continuation.Key{first, second, third}, 48.5, continuation.Addition{}, []uint64{1}},
		"and that of the next one":            {[]continuation.Key{first, second, third}, 72.5, add(4, 73.5), []uint64{1, 2}},
		"the clock stands before all":         {[]continuation.Key{second, third}, -1, continuation.Addition{}, nil},
	} {
		t.Run(what, func(t *testing.T) {
			added, removed := continuation.Next(continuation.NewRing(c.keys...), at(c.hours))
			if added != c.add || !slices.Equal(removed, c.remove) {
				t.Errorf("add %+v, remove %v, want %+v, %v", added, removed, c.add, c.remove)
			}
		})
	}
}

func TestWhichKeySeals(t *testing.T) {
	ring := continuation.NewRing(key(t, 3, start.Add(48*time.Hour)), key(t, 1, start), key(t, 2, start.Add(24*time.Hour)))
	for seconds, want := range map[int64]uint64{
		0: 1, 24*3600 - 1: 1, 24 * 3600: 2, 48*3600 - 1: 2, 48 * 3600: 3, 9000 * 3600: 3, // a year without another one
		-1: 1, // a clock that is behind
	} {
		if got := ring.Sealing(start.Unix() + seconds); got != want {
			t.Errorf("after %d s key %d seals, want %d", seconds, got, want)
		}
	}
	if (&continuation.Ring{}).Sealing(0) != 0 {
		t.Error("a ring without keys has one")
	}
}

// cluster is etcd's keys at every moment at which they changed, and processes that see them late.
type cluster struct {
	changed []time.Time
	rings   []*continuation.Ring
}

// seen is the ring that a process sees whose view is behind.
func (c *cluster) seen(at time.Time) *continuation.Ring {
	i, exact := slices.BinarySearchFunc(c.changed, at, time.Time.Compare)
	if !exact {
		i--
	}
	return c.rings[max(i, 0)]
}

// turn does what Next says by what a process sees, under the conditions that Next names.
func (c *cluster) turn(t rapid.TB, seen *continuation.Ring, now, clock time.Time) {
	keys := c.rings[len(c.rings)-1].Keys()
	stands := func(number uint64) bool {
		return slices.ContainsFunc(keys, func(k continuation.Key) bool { return k.Number == number })
	}
	was := len(keys)
	add, remove := continuation.Next(seen, clock)
	keys = slices.DeleteFunc(keys, func(k continuation.Key) bool { return slices.Contains(remove, k.Number) })
	if add.Number != 0 && !stands(add.Number) && stands(add.Number-1) {
		keys = append(keys, key(t, add.Number, time.Unix(add.NotBeforeUnixS, 0)))
	} else if len(keys) == was {
		return
	}
	c.changed, c.rings = append(c.changed, now), append(c.rings, continuation.NewRing(keys...))
}

type sealed struct {
	token   []byte
	expires time.Time
}

// Processes whose views are up to half an hour behind, whose clocks differ by up to a minute, and which at times cannot
// write for days: there is always a key that seals, and what one sealed every other opens until it expires.
func TestRotationStrandsNoCall(t *testing.T) {
	first := key(t, 1, start)
	rapid.Check(t, func(t *rapid.T) {
		type process struct{ lag, skew time.Duration }
		var processes []process
		for range rapid.IntRange(2, 4).Draw(t, "processes") {
			processes = append(processes, process{
				time.Duration(rapid.IntRange(0, 1800).Draw(t, "lag s")) * time.Second,
				time.Duration(rapid.IntRange(-60, 60).Draw(t, "skew s")) * time.Second,
			})
		}
		which := rapid.IntRange(0, len(processes)-1)
		c := &cluster{[]time.Time{start}, []*continuation.Ring{continuation.NewRing(first)}}
		now := start.Add(time.Hour)
		away := now // etcd cannot be written until then
		var live []sealed
		for range rapid.IntRange(50, 400).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(1, 3600).Draw(t, "passes s")) * time.Second)
			if rapid.IntRange(0, 40).Draw(t, "etcd goes away") == 0 {
				away = now.Add(time.Duration(rapid.IntRange(1, 100).Draw(t, "hours")) * time.Hour)
			}
			if p := processes[which.Draw(t, "turns")]; !now.Before(away) {
				c.turn(t, c.seen(now.Add(-p.lag)), now, now.Add(p.skew))
			}
			p := processes[which.Draw(t, "seals")]
			lives := time.Duration(rapid.SampledFrom([]int{60, 3600, 86400}).Draw(t, "life s")) * time.Second
			token, err := c.seen(now.Add(-p.lag)).Seal(call, 1, state(), now.Add(p.skew), lives)
			if err != nil {
				t.Fatalf("nothing seals: %v", err)
			}
			live = append(live, sealed{token, now.Add(p.skew).Truncate(time.Second).Add(lives)})
			opener := processes[which.Draw(t, "opens")]
			clock := now.Add(opener.skew)
			live = slices.DeleteFunc(live, func(s sealed) bool { return !clock.Before(s.expires.Add(-2 * time.Minute)) })
			for _, s := range live {
				if _, err := c.seen(now.Add(-opener.lag)).Open(call, s.token, clock); err != nil {
					t.Fatalf("refused (%v) %v before it expires; keys %v", refusal(err), s.expires.Sub(clock), c.seen(now))
				}
			}
			if n := len(c.rings[len(c.rings)-1].Keys()); n > 4 {
				t.Fatalf("%d keys", n)
			}
		}
	})
}

func refusal(err error) continuation.Why {
	var r *continuation.Refusal
	_ = errors.As(err, &r)
	return r.Why()
}

func TestKeysRotateDaily(t *testing.T) {
	c := &cluster{[]time.Time{start}, []*continuation.Ring{continuation.NewRing(key(t, 1, start))}}
	for now := start; now.Before(start.Add(10 * 24 * time.Hour)); now = now.Add(10 * time.Minute) {
		c.turn(t, c.seen(now), now, now)
	}
	keys := c.rings[len(c.rings)-1].Keys()
	if len(keys) != 3 || keys[2].Number != 11 || keys[2].NotBeforeUnixS != start.Unix()+10*86400 {
		t.Errorf("after ten days: %v", keys)
	}
}

func TestOnlyKeysAreRead(t *testing.T) {
	value, err := continuation.Addition{Number: 1, NotBeforeUnixS: 2}.Value([continuation.SecretBytes]byte{3})
	if err != nil {
		t.Fatal(err)
	}
	if k, err := continuation.ReadKey("0000000000000001", value); err != nil || k.Number != 1 || k.NotBeforeUnixS != 2 {
		t.Errorf("%v, %v", k, err)
	}
	for id, v := range map[string][]byte{
		"0000000000000000": value, "1": value, "000000000000000A": value, "0000000000000001/x": value, "": value,
		"+000000000000001": value, "0000000000000002": value[:10], "0000000000000003": nil, "0000000000000004": {0xff},
	} {
		if k, err := continuation.ReadKey(id, v); err == nil {
			t.Errorf("%q is read as %v", id, k)
		} else if strings.Contains(err.Error(), string(value[2:10])) {
			t.Error("an error tells of the value")
		}
	}
}

func TestManyKeysAreBounded(t *testing.T) {
	var keys []continuation.Key
	for i := range uint64(100) {
		keys = append(keys, key(t, i+1, start.Add(time.Duration(i)*time.Hour)))
	}
	if got := continuation.NewRing(keys...).Keys(); len(got) != 16 || got[15].Number != 100 {
		t.Errorf("%v", got)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	secret := [continuation.SecretBytes]byte([]byte("do-not-print-me-do-not-print-me-"))
	value, err := continuation.Addition{Number: 1}.Value(secret)
	if err != nil {
		t.Fatal(err)
	}
	k, err := continuation.ReadKey("0000000000000001", value)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		fmt.Fprintf(&text, verb+verb+verb+verb, k, &k, continuation.NewRing(k), []continuation.Key{k})
	}
	slog.New(slog.NewTextHandler(&text, nil)).Info("", "key", k, "keys", []continuation.Key{k}, "ring", continuation.NewRing(k))
	slog.New(slog.NewJSONHandler(&text, nil)).Info("", "key", k, "keys", []continuation.Key{k}, "ring", continuation.NewRing(k))
	for _, secret := range []string{"do-not", fmt.Sprintf("%x", "do-not"), "100 111 45"} {
		if strings.Contains(text.String(), secret) {
			t.Errorf("%q in %s", secret, text.String())
		}
	}
}
