package names_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/daysidehq/dayside/services/entitlement/internal/names"
)

// Real names, and pairs of names of the same company, are in files of tab-separated columns under a header, the names in
// the first, the pairs in the first two; `make bench NAMES=path PAIRS=path` takes any such files. They are not part of the
// repository. Without them generated names do, and whoever reports figures says so.
const (
	namesEnv, pairsEnv, formsEnv = "DAYSIDE_NAMES", "DAYSIDE_PAIRS", "DAYSIDE_LEGAL_FORMS"
	dataDir                      = "../../../../../shared/data" // beside the repository
)

// columns reads some columns of a file; nil where there is none.
func columns(tb testing.TB, env, name string, n int) [][]string {
	tb.Helper()
	path := os.Getenv(env)
	asked := path != ""
	if !asked {
		path = filepath.Join(dataDir, name)
	}
	f, err := os.Open(path)
	if err != nil {
		if asked {
			tb.Fatalf("%s: %v", env, err)
		}
		return nil
	}
	defer f.Close()
	var out [][]string
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for header := true; lines.Scan(); header = false {
		if fields := strings.Split(lines.Text(), "\t"); !header && len(fields) >= n {
			out = append(out, fields[:n])
		}
	}
	if err := lines.Err(); err != nil {
		tb.Fatalf("%s: %v", path, err)
	}
	return out
}

// realNames are those of the file, each once; none where there is no file.
func realNames(tb testing.TB) []string {
	tb.Helper()
	var out []string
	seen := map[string]bool{}
	for _, c := range columns(tb, namesEnv, "company-names.tsv", 1) {
		if !seen[c[0]] && strings.TrimSpace(c[0]) != "" {
			seen[c[0]] = true
			out = append(out, c[0])
		}
	}
	return out
}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// generated makes names that are none of the given ones, out of their words: a first word that is one of theirs or, as
// often, an invented one that looks like theirs, then up to two more, as frequent as among theirs, then a legal form.
// Without any it makes them of syllables.
func generated(rng *rand.Rand, like []string, n int) []string {
	if len(like) == 0 {
		return market(rng, n)
	}
	var words, firsts, forms []string
	seen := make(map[string]bool, n+len(like))
	for _, text := range like {
		seen[strings.ToLower(text)] = true
		fields := strings.Fields(text)
		firsts = append(firsts, fields[0])
		if last := len(fields) - 1; last > 0 {
			forms = append(forms, fields[last])
			words = append(words, fields[1:last]...)
		}
	}
	if len(words) == 0 || len(forms) == 0 {
		return market(rng, n)
	}
	invent := inventor(rng, firsts)
	out := make([]string, 0, n)
	for len(out) < n {
		first := firsts[rng.IntN(len(firsts))]
		if rng.IntN(2) == 0 {
			first = invent()
		}
		text := first
		for range rng.IntN(3) {
			text += " " + words[rng.IntN(len(words))]
		}
		text += " " + forms[rng.IntN(len(forms))]
		if low := strings.ToLower(text); !seen[low] {
			seen[low] = true
			out = append(out, text)
		}
	}
	return out
}

// inventor makes words in which each letter follows two others as it does in the given ones.
func inventor(rng *rand.Rand, like []string) func() string {
	next := map[string][]rune{}
	for _, w := range like {
		before := "  "
		for _, r := range strings.ToLower(w) + " " {
			next[before] = append(next[before], r)
			before = string(append([]rune(before)[1:], r))
		}
	}
	return func() string {
		for {
			before, word := "  ", []rune{}
			for len(word) < 14 {
				r := next[before][rng.IntN(len(next[before]))]
				if r == ' ' {
					break
				}
				word = append(word, r)
				before = string(append([]rune(before)[1:], r))
			}
			if len(word) >= 4 {
				word[0] = unicode.ToUpper(word[0])
				return string(word)
			}
		}
	}
}

// market makes names of syllables, alike enough to be in each other's way.
func market(rng *rand.Rand, n int) []string {
	syllables := strings.Fields("ac bel cor den el fir gal hex in jor kan lum mer nor ol pra qui ros sol tek ul ver wes xen yor zen " +
		"phar creek bright wood stan ford gran mar lin ton bur ley shaw tri quo zi")
	kinds := strings.Fields("Widgets Bank Logistics Systems Foods Energy Health Insurance Group Motors Telecom Media Mining Air " +
		"Holdings International Technologies Capital Resources Pharmaceuticals Partners Gold Steel Software")
	forms := []string{"Ltd", "GmbH", "Inc.", "S.A.", "Pty Ltd", "AB", "", "K.K.", "Limited", "Co., Ltd."}
	seen, out := map[string]bool{}, make([]string, 0, n)
	for len(out) < n {
		made := ""
		for range 2 + rng.IntN(3) {
			made += syllables[rng.IntN(len(syllables))]
		}
		text := strings.ToUpper(made[:1]) + made[1:]
		for range rng.IntN(3) {
			text += " " + kinds[rng.IntN(len(kinds))]
		}
		text = strings.TrimSpace(text + " " + forms[rng.IntN(len(forms))])
		if !seen[text] {
			seen[text] = true
			out = append(out, text)
		}
	}
	return out
}

// corpus is what recall is measured on: the first names are those asked for, the others are in their way.
type corpus struct {
	names []string
	asked int
	pairs [][]string
}

// newCorpus has so many names: the file's, those that pairs lead to, and generated ones.
func newCorpus(tb testing.TB, n int) *corpus {
	c := &corpus{names: realNames(tb), pairs: columns(tb, pairsEnv, "company-name-variants.tsv", 2)}
	if c.asked = len(c.names); c.asked == 0 {
		c.asked = n
	} else {
		seen := map[string]bool{}
		for _, text := range c.names {
			seen[text] = true
		}
		for _, p := range c.pairs {
			if !seen[p[0]] {
				seen[p[0]] = true
				c.names = append(c.names, p[0])
			}
		}
	}
	c.names = append(c.names, generated(seeded(3), c.names, max(0, n-len(c.names)))...)
	return c
}

func (c *corpus) customers() []names.Customer {
	all := make([]names.Customer, len(c.names))
	for i, text := range c.names {
		all[i] = names.Customer{ID: fmt.Sprintf("customer-%07d", i), Names: []string{text}}
	}
	return all
}

// query is a question, and the names that are right.
type query struct {
	said  string
	right []string
}

// sample makes questions of some of the names asked for.
func (c *corpus) sample(n int, seed uint64, disguise func(*rand.Rand, string) string) []query {
	rng := seeded(seed)
	out := make([]query, 0, n)
	for _, i := range rng.Perm(c.asked)[:min(n, c.asked)] {
		out = append(out, query{disguise(rng, c.names[i]), []string{c.names[i]}})
	}
	return out
}

// variants makes questions of pairs: a name is said, the others of the same company are right.
func (c *corpus) variants() []query {
	out := make([]query, 0, len(c.pairs))
	for _, p := range c.pairs {
		out = append(out, query{p[1], []string{p[0]}})
	}
	return out
}

// mistyped is text with one letter put in, left out, replaced, or exchanged with the next one.
func mistyped(rng *rand.Rand, text string) string {
	r := []rune(text)
	var letters []int
	for i, c := range r {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			letters = append(letters, i)
		}
	}
	if len(letters) < 2 {
		return text
	}
	at := letters[rng.IntN(len(letters))]
	random := rune('a' + rng.IntN(26))
	switch rng.IntN(4) {
	case 0:
		return string(slices.Insert(r, at, random))
	case 1:
		return string(slices.Delete(r, at, at+1))
	case 2:
		for random == unicode.ToLower(r[at]) {
			random = rune('a' + rng.IntN(26))
		}
		r[at] = random
	default:
		if at == letters[len(letters)-1] {
			at = letters[len(letters)-2]
		}
		r[at], r[at+1] = r[at+1], r[at]
	}
	return string(r)
}
