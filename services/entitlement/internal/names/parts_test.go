package names

import (
	"bufio"
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// TestSortedIsSorted: whatever is inserted in whatever order, entries come in order, and lists taken before do not change.
func TestSortedIsSorted(t *testing.T) {
	byRow := func(a, b uint32) int { return cmp.Compare(a, b) }
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.Uint64Range(0, 50)
		var want []entry
		for i := range rapid.IntRange(0, 2000).Draw(t, "first") {
			want = append(want, entry{uint64(i*7919) % 51, uint32(i)})
		}
		s := newSorted(slices.Clone(want), byRow)
		earlier := s
		n := len(want)
		s.blocks = slices.Clone(s.blocks)
		for range rapid.IntRange(0, 600).Draw(t, "more") {
			e := entry{key.Draw(t, "key"), uint32(len(want))}
			want = append(want, e)
			s.insert(e, func(key uint64, row uint32) bool { return key < e.key || key == e.key && row < e.row })
		}
		order := func(a, b entry) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.row, b.row)) }
		entries := func(s sorted, from uint64) (out []entry) {
			for key, row := range s.from(func(key uint64, _ uint32) bool { return key < from }) {
				out = append(out, entry{key, row})
			}
			return out
		}
		first := slices.SortedFunc(slices.Values(want[:n]), order)
		if got := entries(earlier, 0); !slices.Equal(got, first) {
			t.Fatalf("the earlier list is %v, was %v", got, first)
		}
		slices.SortFunc(want, order)
		from := key.Draw(t, "from")
		at, _ := slices.BinarySearchFunc(want, entry{key: from}, order)
		if got := entries(s, from); !slices.Equal(got, want[at:]) || s.n != len(want) {
			t.Fatalf("from %d: %v, want %v", from, got, want[at:])
		}
		var near []uint32
		for row := range s.around(func(key uint64, _ uint32) bool { return key < from }, 3) {
			near = append(near, row)
		}
		var wantNear []uint32
		for i := at; i < min(at+3, len(want)); i++ {
			wantNear = append(wantNear, want[i].row)
		}
		for i := at - 1; i >= max(0, at-3); i-- {
			wantNear = append(wantNear, want[i].row)
		}
		if !slices.Equal(near, wantNear) {
			t.Fatalf("around %d: %v, want %v", from, near, wantNear)
		}
	})
}

// apart is distance by the book.
func apart(a, b []rune) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range b {
		d[0][j+1] = j + 1
	}
	for i := range a {
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			d[i+1][j+1] = min(d[i][j+1]+1, d[i+1][j]+1, d[i][j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				d[i+1][j+1] = min(d[i+1][j+1], d[i-1][j-1]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}

func TestDistanceIsThatOfTheBook(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.SliceOfN(rapid.SampledFrom([]rune("abcdeü東")), 0, maxEdited)
		var p pattern
		for _, which := range []string{"first", "again"} { // a pattern forgets what it was
			a, b := letters.Draw(t, which), letters.Draw(t, "other")
			p.set(a)
			got, n := p.distance(string(b))
			if want := apart(a, b); got != want || n != len(b) {
				t.Fatalf("%q to %q: %d of %d, want %d", string(a), string(b), got, n, want)
			}
		}
	})
}

// TestSoundsAlike: spellings of one sound come to the same, others do not.
func TestSoundsAlike(t *testing.T) {
	sound := func(w string) string { return string(appendSound(nil, w)) }
	for _, same := range []string{"philip filip phillip", "knight nite", "wright rite", "xerox zeroks", "quick kwik", "schmidt shmit",
		"creek kreek creak", "catch cach", "thomas tomas", "lamb lam", "wheel veel", "bridge brij",
		"zimmer simmer", "mueller muler", "day dey", "chrome krome", "psycho sycho", "acme akme"} {
		words := strings.Fields(same)
		for _, w := range words[1:] {
			if sound(w) != sound(words[0]) {
				t.Errorf("%s is %s, %s is %s", w, sound(w), words[0], sound(words[0]))
			}
		}
	}
	for _, other := range []string{"bank tank", "acme acne", "delta belta", "east west", "nova nora"} {
		words := strings.Fields(other)
		if sound(words[0]) == sound(words[1]) {
			t.Errorf("%s and %s are both %s", words[0], words[1], sound(words[0]))
		}
	}
}

func TestNumbersInWords(t *testing.T) {
	for said, want := range map[string]string{
		"seven eleven": "7 11", "twenty one": "21", "twenty twenty": "20 20", "one eight hundred flowers": "1 800 flowers",
		"three m": "3 m", "two hundred five": "205", "one and": "1 and", "five thousand": "5000", "one one eight eight zero": "11880",
		"ninety nine": "99", "ten ten": "10 10", "hundred": "100", "intl grp": "international group", "4 u": "4 u",
	} {
		if got := strings.Join(appendUsual(nil, strings.Fields(said)), " "); got != want {
			t.Errorf("%q is %q, want %q", said, got, want)
		}
	}
}

// TestRowsThatAreGoneAreLeftBehind: however often customers change, rows are at most so many times the customers.
func TestRowsThatAreGoneAreLeftBehind(t *testing.T) {
	x := NewIndex()
	all := []Customer{{ID: "a", Names: []string{"Acme"}}, {ID: "b", Names: []string{"Müller", "Bone"}}, {ID: "c", Names: []string{"Cork"}}}
	x.Reset(len(all), slices.Values(all))
	most := uint32(0)
	for i := range 20_000 {
		x.Apply(all[i%3 : i%3+1])
		most = max(most, x.now.Load().n)
	}
	if s := x.now.Load(); most > 3*minGoneRows || s.live != 5 || s.customers != 3 {
		t.Errorf("%d rows, %d of them live, of %d customers", most, s.live, s.customers)
	}
}

// TestLegalFormsOfTheList: of the names of a file that end in a form of another file, nearly all are found without it.
// Forms that are words of names ("fund", "trust") and those of one or two letters, which may be anything, are left aside.
func TestLegalFormsOfTheList(t *testing.T) {
	words := map[string]bool{"fund": true, "trust": true, "reit": true, "fii": true, "son": true, "society": true, "association": true,
		"cooperation": true, "cooperative": true, "chartered": true, "partnership": true, "district": true, "union": true}
	forms := map[string]bool{}
	for _, line := range linesOf(t, "DAYSIDE_LEGAL_FORMS", "legal-forms.tsv") {
		var key []string
		for _, w := range split(letters(line, false)) {
			key = append(key, shortForm(w))
		}
		if form := strings.Join(key, " "); utf8.RuneCountInString(form) > 2 && !words[form] {
			forms[form] = true
		}
	}
	ends, left := 0, map[string]int{}
	for _, text := range linesOf(t, "DAYSIDE_NAMES", "company-names.tsv") {
		var all []string
		for _, w := range split(letters(text, false)) {
			all = append(all, shortForm(w))
		}
		rest, form := withoutLegalForm(split(letters(text, false)))
		for n := min(maxFormWords, len(all)-1); n > 0; n-- {
			if end := strings.Join(all[len(all)-n:], " "); forms[end] {
				if ends++; form == 0 {
					left[end]++
				}
				break
			}
		}
		if len(rest) == 0 && len(all) > 0 {
			t.Errorf("nothing is left of %q", text)
		}
	}
	missed := 0
	for _, n := range left {
		missed += n
	}
	t.Logf("%d forms, %d names end in one, %d of them (%v) keep it", len(forms), ends, missed, left)
	if ends < 1000 || missed*100 > ends {
		t.Errorf("%d of %d names keep their legal form: %v", missed, ends, left)
	}
}

// linesOf is the first column of a file beside the repository, or of the one that the environment names.
func linesOf(t *testing.T, env, name string) (out []string) {
	t.Helper()
	path := cmp.Or(os.Getenv(env), filepath.Join("../../../../../shared/data", name))
	f, err := os.Open(path)
	if err != nil {
		t.Skipf("no %s: set %s to such a file", name, env)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for header := true; lines.Scan(); header = false {
		if first, _, _ := strings.Cut(lines.Text(), "\t"); !header && first != "" {
			out = append(out, first)
		}
	}
	return out
}

// FuzzFold: folding is bounded, gives words without blanks or capitals in them, and folding once more changes nothing that
// a second look at legal forms would not.
func FuzzFold(f *testing.F) {
	for _, seed := range []string{"Acme Pty Ltd", "Müller GmbH & Co. KG", "ﷺ", "株式会社東芝", "\xff\xfe", "İstanbul A.Ş.", "שלום", "a\u0301\u0323", "Ǆ", "ΑΣ",
		strings.Repeat("ﷺ", 2000), strings.Repeat("a.", 3000), "7-Eleven", "one eight hundred", "‘’''", "♥"} {
		f.Add(seed)
	}
	var h heard
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range readings(text) {
			if len(r.words) > 2*maxFoldedBytes || r.words == "" || len(r.full) < len(strings.ReplaceAll(r.words, " ", "")) {
				t.Errorf("%q: %d bytes of words, %d in full", text, len(r.words), len(r.full))
			}
			if again, ok := fold(r.words, false); !ok || utf8.ValidString(text) && !strings.HasPrefix(again.full, strings.ReplaceAll(again.words, " ", "")) &&
				again.form == 0 {
				t.Errorf("%q folds to %q, and that to %q", text, r.words, again.words)
			}
			h.codes(r.words)
			if grams := h.grams(r.words); !slices.IsSorted(grams) || len(grams) > 0 && grams[len(grams)-1] >= maxGrams {
				t.Errorf("%q: grams %v", text, grams)
			}
			if len(h.usual) > maxWords {
				t.Errorf("%q: %d words", text, len(h.usual))
			}
		}
	})
}
