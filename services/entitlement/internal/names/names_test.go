package names_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/entitlement/internal/names"
)

const limit = 8

// known is an index of customers called so: the first is customer c0.
func known(called ...string) *names.Index {
	x := names.NewIndex()
	var all []names.Customer
	for i, text := range called {
		all = append(all, names.Customer{ID: fmt.Sprintf("c%d", i), Names: strings.Split(text, "; ")})
	}
	x.Reset(len(all), slices.Values(all))
	return x
}

func TestTheSameButForCaseAccentsPunctuationAndLegalForm(t *testing.T) {
	for _, c := range []struct {
		called string
		said   []string
	}{
		{"Acme Pty Ltd", []string{"acme", "ACME", "Acme Limited", "acme pty. ltd.", "Acme, Inc.", " a c m e ", "A.C.M.E.", "Acme Proprietary Limited"}},
		{"IBM", []string{"I B M", "I.B.M.", "ibm corp", "I. B. M. Corporation"}},
		{"AT&T Inc.", []string{"AT and T", "at & t", "ATT", "at t"}},
		{"Coca-Cola Company", []string{"coca cola", "CocaCola", "The Coca-Cola Co."[4:]}},
		{"O'Brien & Sons", []string{"OBrien and Sons", "o’brien sons"}},
		{"Société Générale S.A.", []string{"societe generale", "Societe Generale SA", "SOCIÉTÉ GÉNÉRALE"}},
		{"Müller GmbH & Co. KG", []string{"Muller", "mueller", "MÜLLER GmbH", "Mueller AG", "Mu\u0308ller"}},
		{"Mueller Bau", []string{"Müller Bau", "mueller bau gmbh"}},
		{"Ørsted A/S", []string{"orsted", "oersted", "Ørsted AS"}},
		{"Ångström AB", []string{"angstrom", "aangstroem", "angström"}},
		{"Straße & Weg", []string{"strasse weg", "STRASSE UND WEG"}},
		{"Łódź Logistics sp. z o.o.", []string{"lodz logistics", "Lodz Logistics sp z oo", "Lodz Logistics Sp. z o. o."}},
		{"Grupo Norte, S.A. de C.V.", []string{"grupo norte", "Grupo Norte SA de CV"}},
		{"Ferretti S.p.A.", []string{"ferretti", "Ferretti spa", "ferretti s.r.l."}},
		{"ООО Ромашка", []string{"ромашка", "РОМАШКА ООО"}},
		{"株式会社東芝", []string{"東芝", "東芝株式会社"}},
		{"（株）日立", []string{"日立", "株式会社 日立"}},
		{"삼성 주식회사", []string{"삼성", "(주)삼성"}},
		{"ΑΣΠΙΣ", []string{"ασπισ", "ασπίς"}},
		{"Ｆｕｊｉ", []string{"fuji"}},
		{"שָׁלוֹם תעופה", []string{"שלום תעופה"}},
		{"شَرِكَة الـــرياض", []string{"شركة الرياض"}},
		{"أرامكو", []string{"ارامكو"}},
		{"می\u200cخواهم", []string{"میخواهم"}},
		{"Schiff\u00adfahrt", []string{"schifffahrt"}},
		{"The Company", []string{"the company"}},
		{"Limited", []string{"limited", "LIMITED."}},
		{"And", []string{"and"}},
		{"Widgets", []string{"widg-et-s"}},
		{"Rock & Roll", []string{"rock-and-roll", "Rock und Roll", "rock et roll"}},
		{"7-Eleven", []string{"7 eleven", "7eleven"}},
		{"♥", []string{"♥"}},
		{"Plan B S.A.", []string{"plan b", "Plan B SA"}},
	} {
		x := known("Somebody Else", c.called)
		for _, said := range c.said {
			found, more := x.Find(said, limit)
			if len(found) == 0 || found[0] != (names.Match{ID: "c1", Name: c.called, Confidence: 1, Why: names.Exact}) || more {
				t.Errorf("%q, said as %q: %v", c.called, said, found)
			}
		}
	}
}

func TestNotTheSame(t *testing.T) {
	for _, c := range []struct{ called, said string }{
		{"Acme Widgets", "acme"},
		{"Acme", "acme widgets"},
		{"Acme", "acne"},
		{"Company", "limited"},
		{"The Company", "the limited"},
		{"Muller", "Mueller"}, // written without the umlaut, it may be another name
		{"カ", "ガ"},
		{"한국", "한굴"},
	} {
		found, _ := known(c.called).Find(c.said, limit)
		if len(found) > 0 && found[0].Confidence >= 1 {
			t.Errorf("%q is taken for %q", c.said, c.called)
		}
	}
}

func TestNamesThatAreLikeIt(t *testing.T) {
	x := known("Acme Widgets Pty Ltd", "Acme Holdings", "Bank of Ireland; BOI", "Bank of Scotland", "Initech", "Ireland Tours",
		"Müller Werkzeuge", "Globex Corporation")
	for _, c := range []struct {
		said string
		want []string // IDs, the best first
		at   [2]float64
	}{
		{"acme", []string{"c1", "c0"}, [2]float64{0.6, 0.95}},
		{"acme widg", []string{"c0", "c1"}, [2]float64{0.8, 0.95}},
		{"widgets", []string{"c0"}, [2]float64{0.5, 0.8}},
		{"hello this is acme widgets calling", []string{"c0", "c1"}, [2]float64{0.8, 0.95}},
		{"Ireland Bank", []string{"c2", "c5", "c3"}, [2]float64{0.85, 0.95}},
		{"boi", []string{"c2"}, [2]float64{1, 1}},
		{"mueller", []string{"c6"}, [2]float64{0.5, 0.95}},
		{"glob", []string{"c7"}, [2]float64{0.6, 0.95}},
		{"gl", nil, [2]float64{}},
		{"zzz", nil, [2]float64{}},
		{"", nil, [2]float64{}},
		{" \t", nil, [2]float64{}},
		{"the of and", nil, [2]float64{}},
	} {
		found, more := x.Find(c.said, limit)
		var ids []string
		for _, m := range found {
			ids = append(ids, m.ID)
		}
		if !slices.Equal(ids, c.want) || more || len(found) > 0 && (found[0].Confidence < c.at[0] || found[0].Confidence > c.at[1]) {
			t.Errorf("%q: %v, want %v", c.said, found, c.want)
		}
	}
}

// TestSeveralOfTheSameName are all told, the one with the same legal form first; who has two names is told once.
func TestSeveralOfTheSameName(t *testing.T) {
	x := known("Acme GmbH; Acme", "Acme Ltd; ACME Limited", "Acme Ltd. Widgets")
	found, _ := x.Find("acme ltd", limit)
	if len(found) != 3 || found[0] != (names.Match{ID: "c1", Name: "ACME Limited", Confidence: 1, Why: names.Exact}) || found[1].ID != "c0" ||
		found[1].Confidence != 1 || found[2].Confidence >= 1 {
		t.Errorf("%v", found)
	}
}

func TestAtMostSoManyAreTold(t *testing.T) {
	var many []string
	for i := range 20 {
		many = append(many, fmt.Sprintf("Acme %c", 'a'+i))
	}
	x := known(append(many, "Acme")...)
	found, more := x.Find("acme", limit)
	if len(found) != limit || !more || found[0].ID != "c20" {
		t.Errorf("%v, %v", found, more)
	}
	if found, more = x.FindDigits("226", limit); len(found) != limit || !more {
		t.Errorf("%v, %v", found, more)
	}
	if found, more = x.FindDigits("22632", limit); len(found) != 3 || more { // Acme A, B, C
		t.Errorf("%v, %v", found, more)
	}
}

func TestSpelledOnAKeypad(t *testing.T) {
	x := known("Acme Pty Ltd", "Bone", "3M", "Müller", "東芝", "Zzz Top")
	for _, c := range []struct {
		digits string
		want   string
		all    bool // every key was pressed
	}{
		{"2263", "c0", true},
		{"226", "c0", false},
		{"226378", "c0", false}, // Acme P, T
		{"226#", "c0", false},
		{"2663", "c1", true},
		{"36", "c2", true},
		{"22", "", false}, // many names begin so
		{"2", "", false},
		{"685537", "c3", true},
		{"6835537", "c3", true}, // Mueller
		{"999867", "c5", true},
		{"9990867", "c5", true}, // with a blank
		{"9991867", "c5", true},
		{"1020", "", false},
		{"5", "", false},
		{"", "", false},
		{"*#", "", false},
	} {
		found, _ := x.FindDigits(c.digits, limit)
		if c.want == "" {
			if len(found) != 0 {
				t.Errorf("%s: %v", c.digits, found)
			}
			continue
		}
		if len(found) != 1 || found[0].ID != c.want || (found[0].Confidence == 0.9) != c.all || found[0].Confidence > 0.9 {
			t.Errorf("%s: %v, want %s", c.digits, found, c.want)
		}
	}
}

// disguise is a name as somebody else writes it: another case, accents, punctuation, legal form.
func disguise(t *rapid.T, text string) string {
	var b strings.Builder
	for i, r := range text {
		s := string(r)
		if rapid.Bool().Draw(t, "upper") {
			s = strings.ToUpper(s)
		}
		b.WriteString(s)
		switch rapid.IntRange(0, 8).Draw(t, "mark") {
		case 0:
			b.WriteString("\u0301")
		case 1:
			if i > 0 {
				b.WriteString(rapid.SampledFrom([]string{"-", "'", ",", "!"}).Draw(t, "punctuation"))
			}
		}
	}
	return b.String() + rapid.SampledFrom([]string{"", " Ltd", " GmbH", ", Inc.", " S.A."}).Draw(t, "form")
}

func word() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{"acme", "bone", "delta", "delta2", "omega", "wid", "widgets", "of", "group", "müller", "東芝", "dongzhi", "газ", "gaz", "x"})
}

func called() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(word(), 1, 3).Draw(t, "words"), " ")
	})
}

func customers() *rapid.Generator[[]names.Customer] {
	return rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) names.Customer {
		return names.Customer{
			ID: fmt.Sprintf("c%02d", rapid.IntRange(0, 40).Draw(t, "id")), Names: rapid.SliceOfN(called(), 1, 3).Draw(t, "names"),
		}
	}), 0, 30, func(c names.Customer) string { return c.ID })
}

// plain is a name of the words above without blanks, the slow way.
func plain(s string) string { return strings.ReplaceAll(s, " ", "") }

// TestNoStrangerIsAboveAnExactName: whoever has the name that was said, however it was written, has confidence 1, and
// nobody else has.
func TestNoStrangerIsAboveAnExactName(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := customers().Draw(t, "customers")
		x := names.NewIndex()
		x.Reset(len(all), slices.Values(all))
		said := called().Draw(t, "said")
		have := map[string]bool{}
		for _, c := range all {
			for _, n := range c.Names {
				if plain(n) == plain(said) || strings.ReplaceAll(plain(n), "ü", "u") == plain(said) {
					have[c.ID] = true
				}
			}
		}
		found, _ := x.Find(disguise(t, said), 50)
		for i, m := range found {
			if (m.Confidence == 1) != have[m.ID] || m.Confidence < 0 || m.Confidence > 1 ||
				i > 0 && m.Confidence > found[i-1].Confidence {
				t.Fatalf("%q: %v, the same are %v", said, found, have)
			}
		}
		if first, _ := x.Find(said, 1); len(have) > 0 && (len(first) != 1 || !have[first[0].ID]) {
			t.Fatalf("%q: %v is before %v", said, first, have)
		}
		for _, m := range found {
			delete(have, m.ID)
		}
		if len(have) > 0 {
			t.Fatalf("%q: %v lacks %v", said, found, have)
		}
	})
}

// TestChangesComeToTheSame: an index that learned change by change answers as one that learned all at once.
func TestChangesComeToTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, now := names.NewIndex(), map[string]names.Customer{}
		learn := func(c names.Customer) {
			now[c.ID] = c
			if len(c.Names) == 0 {
				delete(now, c.ID)
			}
		}
		first := customers().Draw(t, "first")
		x.Reset(len(first), slices.Values(first))
		for _, c := range first {
			learn(c)
		}
		for range rapid.IntRange(0, 8).Draw(t, "batches") {
			changed := customers().Draw(t, "changed")
			for range rapid.IntRange(0, 5).Draw(t, "deletions") {
				changed = append(changed, names.Customer{ID: fmt.Sprintf("c%02d", rapid.IntRange(0, 40).Draw(t, "id"))})
			}
			x.Apply(changed)
			for _, c := range changed {
				learn(c)
			}
		}
		var all []names.Customer
		for _, c := range now {
			all = append(all, c)
		}
		y := names.NewIndex()
		y.Reset(len(all), slices.Values(all))
		if x.Customers() != len(all) || y.Customers() != len(all) {
			t.Fatalf("%d and %d customers, want %d", x.Customers(), y.Customers(), len(all))
		}
		said, n := called().Draw(t, "said"), rapid.IntRange(1, 10).Draw(t, "limit")
		got, gotMore := x.Find(said, n)
		want, wantMore := y.Find(said, n)
		if !slices.Equal(got, want) || gotMore != wantMore {
			t.Fatalf("%q: %v %v, at once %v %v", said, got, gotMore, want, wantMore)
		}
		digits := rapid.StringMatching("[2-9]{1,4}").Draw(t, "digits")
		got, gotMore = x.FindDigits(digits, n)
		want, wantMore = y.FindDigits(digits, n)
		if !slices.Equal(got, want) || gotMore != wantMore {
			t.Fatalf("%s: %v %v, at once %v %v", digits, got, gotMore, want, wantMore)
		}
	})
}

// TestAskingWhileSomebodyWrites: each answer is of one state, before a change or after it. (With -race, that they share
// nothing.)
func TestAskingWhileSomebodyWrites(t *testing.T) {
	x := known("Acme")
	other := []names.Customer{{ID: "c0", Names: []string{"Bone"}}}
	acme := []names.Customer{{ID: "c0", Names: []string{"Acme"}}, {ID: "c1", Names: []string{"Bone"}}}
	var writer sync.WaitGroup
	done := make(chan struct{})
	writer.Go(func() {
		for range 1500 {
			x.Apply(append(other, names.Customer{ID: "c1", Names: []string{"Acme"}}))
			x.Apply(acme)
		}
		close(done)
	})
	for asking := true; asking; {
		select {
		case <-done:
			asking = false
		default:
		}
		found, _ := x.Find("acme", limit)
		if len(found) != 1 {
			t.Fatalf("%v", found)
		}
	}
	writer.Wait()
}

// TestWhoeverIsSpelledIsFound: those of whose names the digits spell the beginning, and nobody else.
func TestWhoeverIsSpelledIsFound(t *testing.T) {
	on := func(text string) string {
		return strings.Map(func(r rune) rune {
			for i, letters := range []string{"abc", "def", "ghi", "jkl", "mno", "pqrs", "tuv", "wxyz"} {
				if strings.ContainsRune(letters, r) {
					return rune('2' + i)
				}
			}
			return r
		}, plain(text))
	}
	rapid.Check(t, func(t *rapid.T) {
		all := customers().Draw(t, "customers")
		x := names.NewIndex()
		x.Reset(len(all), slices.Values(all))
		digits := on(called().Draw(t, "said"))
		digits = digits[:rapid.IntRange(1, len(digits)).Draw(t, "pressed")]
		if strings.Trim(digits, "0123456789") != "" {
			return
		}
		want := map[string]bool{}
		for _, c := range all {
			for _, n := range c.Names {
				n = strings.NewReplacer("東芝", "dongzhi", "газ", "gaz").Replace(n)
				for _, written := range []string{strings.ReplaceAll(n, "ü", "u"), strings.ReplaceAll(n, "ü", "ue")} {
					spelled := on(written)
					fits := spelled == digits || len(digits) >= 3 && strings.HasPrefix(spelled, digits)
					if fits {
						want[c.ID] = true
					}
				}
			}
		}
		found, _ := x.FindDigits(digits, 50)
		for _, m := range found {
			if !want[m.ID] {
				t.Fatalf("%s: found %v", digits, m)
			}
			delete(want, m.ID)
		}
		if len(want) > 0 {
			t.Fatalf("%s: %v lacks %v", digits, found, want)
		}
	})
}

// FuzzFind: whatever is said and whatever a customer is called, the answer is in order, and who says a name exactly is found.
func FuzzFind(f *testing.F) {
	for _, seed := range []string{"Acme Pty Ltd", "A/S", "\u0308", "S. de R.L. de C.V.", "\xff\xfe", "ﷺ", "株式会社", strings.Repeat("a ", 400), "İ", "&&&", "å b", "aa b"} {
		f.Add(seed, "acme")
		f.Add("Acme", seed)
	}
	f.Fuzz(func(t *testing.T, name, said string) {
		x := known("Acme GmbH")
		x.Apply([]names.Customer{{ID: "x", Names: []string{name}}})
		for _, s := range []string{said, name} {
			found, _ := x.Find(s, limit)
			for i, m := range found {
				if m.Confidence <= 0 || m.Confidence > 1 || i > 0 && m.Confidence > found[i-1].Confidence {
					t.Errorf("%q: %v", s, found)
				}
			}
			exact := slices.ContainsFunc(found, func(m names.Match) bool { return m.ID == "x" && m.Confidence == 1 })
			if s == name && strings.TrimSpace(name) != "" && !exact {
				t.Errorf("%q does not find itself: %v", name, found)
			}
		}
		x.FindDigits(said, limit)
	})
}
