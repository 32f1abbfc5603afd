package names_test

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daysidehq/dayside/services/entitlement/internal/names"
	"github.com/daysidehq/dayside/services/internal/clock"
)

const (
	benchNames   = 1_000_000
	benchQueries = 2000
)

// BenchmarkNames measures recall (of right names, in percent) and time, on the names of the file alone and with generated
// ones up to a million, beside those of a map from a name in lower case.
func BenchmarkNames(b *testing.B) {
	only := newCorpus(b, 0)
	if only.asked == 0 {
		b.Logf("there is no file of names (NAMES=path): these are generated ones")
		only = newCorpus(b, 50_000)
	}
	if len(only.pairs) == 0 {
		b.Logf("there is no file of pairs of names (PAIRS=path): nothing is said of variants")
	}
	b.Run("file", func(b *testing.B) { benchCorpus(b, only) })
	b.Run("million", func(b *testing.B) { benchCorpus(b, newCorpus(b, benchNames)) })
}

func benchCorpus(b *testing.B, c *corpus) {
	all := c.customers()
	x, exact := names.NewIndex(), map[string]string{}
	b.Run("build", func(b *testing.B) {
		before := heapMB()
		start := clock.System{}.Now()
		for b.Loop() {
			x = names.NewIndex()
			x.Reset(len(all), slices.Values(all))
		}
		b.ReportMetric(clock.System{}.Now().Sub(start).Seconds()/float64(b.N), "build-s")
		b.ReportMetric(heapMB()-before, "MB")
		b.ReportMetric(float64(x.Customers()), "names")
	})
	b.Run("build-map", func(b *testing.B) {
		before := heapMB()
		start := clock.System{}.Now()
		for b.Loop() {
			exact = make(map[string]string, len(all))
			for _, n := range c.names {
				exact[strings.ToLower(n)] = n
			}
		}
		b.ReportMetric(clock.System{}.Now().Sub(start).Seconds()/float64(b.N), "build-s")
		b.ReportMetric(heapMB()-before, "MB")
	})
	for _, k := range []struct {
		name  string
		asked []query
	}{
		{"as-written", c.sample(benchQueries, 6, func(_ *rand.Rand, text string) string { return text })},
		{"one-error", c.sample(benchQueries, 7, mistyped)}, {"speech", c.sample(benchQueries, 8, spoken)}, {"variants", c.variants()},
		{"unbounded", worst(c)},
	} {
		if len(k.asked) > 0 {
			b.Run(k.name, func(b *testing.B) { benchQuestions(b, x, exact, k.asked) })
		}
	}
	b.Run("digits", func(b *testing.B) { benchDigits(b, x, c) })
	b.Run("change", func(b *testing.B) { benchChanges(b, x, all) })
	runtime.KeepAlive(exact)
}

// worst are questions that as many names as can be are like: common words, and many of them.
func worst(c *corpus) []query {
	common := strings.Fields("bank group china international holdings energy capital resources new first american global gold fund trust")
	rng := seeded(9)
	var out []query
	for range 200 {
		said := ""
		for range 1 + rng.IntN(5) {
			said += common[rng.IntN(len(common))] + " "
		}
		out = append(out, query{said: said}, query{said: strings.Repeat(said, 100)}, query{said: said[:3]},
			query{said: c.names[rng.IntN(c.asked)] + " " + strings.Repeat(said, 5)})
	}
	return out
}

func benchQuestions(b *testing.B, x *names.Index, exact map[string]string, asked []query) {
	var took, mapTook times
	i := 0
	for b.Loop() {
		q := asked[i%len(asked)]
		i++
		took.measure(func() { x.Find(q.said, limit) })
	}
	hits := 0
	for _, q := range asked {
		mapTook.measure(func() {
			if have, ok := exact[strings.ToLower(q.said)]; ok && slices.Contains(q.right, have) {
				hits++
			}
		})
	}
	b.ReportMetric(took.at(50), "p50-us")
	b.ReportMetric(took.at(99), "p99-us")
	b.ReportMetric(mapTook.at(50), "map-p50-us")
	b.ReportMetric(mapTook.at(99), "map-p99-us")
	if len(asked[0].right) == 0 {
		return
	}
	r := measure(x, asked)
	b.ReportMetric(r.at1, "recall@1")
	b.ReportMetric(r.at5, "recall@5")
	b.ReportMetric(r.strictAt1, "strict@1") // the very name, not one that differs in legal form alone
	b.ReportMetric(100*float64(r.surelyRight)/float64(max(1, r.surely)), "right-from-0.9")
	b.ReportMetric(100*float64(hits)/float64(len(asked)), "map-recall")
}

func benchDigits(b *testing.B, x *names.Index, c *corpus) {
	rng := seeded(10)
	var pressed []string
	for len(pressed) < benchQueries {
		if d := onKeys(c.names[rng.IntN(c.asked)]); len(d) >= 4 {
			pressed = append(pressed, d[:min(len(d), 3+rng.IntN(6))])
		}
	}
	var took times
	i := 0
	for b.Loop() {
		i++
		took.measure(func() { x.FindDigits(pressed[i%len(pressed)], limit) })
	}
	b.ReportMetric(took.at(50), "p50-us")
	b.ReportMetric(took.at(99), "p99-us")
}

// onKeys is what is pressed for the letters and digits of a text, until one that no key has.
func onKeys(text string) string {
	var out []byte
	for _, r := range strings.ToLower(text) {
		switch {
		case r >= 'a' && r <= 'z':
			out = append(out, "22233344455566677778889999"[r-'a'])
		case r >= '0' && r <= '9':
			out = append(out, byte(r))
		case r >= 0x80:
			return string(out)
		}
	}
	return string(out)
}

// benchChanges renames customers one by one, while somebody asks.
func benchChanges(b *testing.B, x *names.Index, all []names.Customer) {
	var took times
	i := 0
	for b.Loop() {
		i = (i + 7919) % len(all)
		changed := all[i : i+1]
		took.measure(func() { x.Apply(changed) })
	}
	b.ReportMetric(took.at(50), "p50-us")
	b.ReportMetric(took.at(99), "p99-us")
	b.ReportMetric(took.at(100), "max-us")
}

// times are how long things took.
type times []time.Duration

func (t *times) measure(do func()) {
	start := clock.System{}.Now()
	do()
	*t = append(*t, clock.System{}.Now().Sub(start))
}

// at is a percentile in microseconds.
func (t times) at(percent int) float64 {
	if len(t) == 0 {
		return 0
	}
	slices.Sort(t)
	return float64(t[min(len(t)-1, len(t)*percent/100)].Nanoseconds()) / 1000
}

// heapMB is what is in use once garbage is gone.
func heapMB() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}
