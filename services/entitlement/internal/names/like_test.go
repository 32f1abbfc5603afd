package names_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/daysidehq/dayside/services/entitlement/internal/names"
)

// TestWhySomebodyIsMeant: whoever is called so is found first, and the answer says by what.
func TestWhySomebodyIsMeant(t *testing.T) {
	others := []string{"Acme Widgets Pty Ltd", "Bank of Scotland", "Globex Corporation", "Initech", "Zenith Optics", "Pacific Rim Mining",
		"Bright Water Company", "Blue Harbour Shipping", "Northern Lights Energy", "Delta Foods"}
	for _, c := range []struct {
		called, said string
		why          names.Why
		least        float64
	}{
		{"Hooli Ltd", "hooli", names.Exact, 1},
		// Words.
		{"Bank of Ireland", "Ireland Bank", names.Words, 0.85},
		{"Coral Reef Divers", "hello this is coral reef divers calling", names.Words, 0.8},
		{"International Business Machines Corp", "intl business machines", names.Words, 0.9},
		{"Murata Manufacturing Co., Ltd.", "MURATA MFG", names.Words, 0.9},
		{"Bao Ye Group Holdings", "bao ye grp hldgs", names.Words, 0.9},
		{"7-Eleven", "seven eleven", names.Words, 0.9},
		{"Seven & Eleven", "7 11", names.Words, 0.9},
		{"Route 21 Motors", "route twenty one motors", names.Words, 0.9},
		{"1&1 AG", "one and one", names.Words, 0.9},
		// The beginning, and initials, given or not.
		{"Quetzal Airlines", "quetzalair", names.Begins, 0.5},
		{"International Business Machines", "IBM", names.Initials, 0.5},
		{"IBM", "international business machines", names.Initials, 0.5},
		{"Bank of Kilkenny; BOK", "b o k", names.Exact, 1},
		// One letter wrong, in the name or in its legal form.
		{"Hooli Industries", "Hoolu Industries", names.Typing, 0.85},
		{"Hooli Industries", "Holli Industries", names.Typing, 0.85},
		{"Hooli Industries", "Hooli Indusrties", names.Typing, 0.85},
		{"Vandelay Imports Ltd", "Vandeley Imports", names.Typing, 0.85},
		{"Zentek Ltd.", "eZntek Ltd.", names.Typing, 0.6},
		{"Vandelay Imports Limited", "Vandelay Imports Limted", names.Typing, 0.9},
		{"Vandelay Imports Corporation", "Vandelay Imports Corpoartion", names.Typing, 0.9},
		// As it is heard.
		{"Philips", "filips", names.Sound, 0.85},
		{"Pfizer", "fizer", names.Sound, 0.6},
		{"Xerox", "zeroks", names.Sound, 0.85},
		{"Knorr Foodstuffs", "nor foodstuffs", names.Sound, 0.85},
		{"Schneider Elektrik", "shnider electric", names.Sound, 0.7},
		{"Qantas", "kwantas", names.Sound, 0.6},
		{"Quick Print", "kwik print", names.Sound, 0.85},
		{"Wright & Knight", "rite and nite", names.Sound, 0.6},
		{"Cadbury", "kadbery", names.Sound, 0.4},
	} {
		found, _ := known(append(slices.Clone(others), c.called)...).Find(c.said, limit)
		if len(found) == 0 || found[0].ID != fmt.Sprintf("c%d", len(others)) || found[0].Confidence < c.least {
			t.Errorf("%q, said as %q: %v", c.called, c.said, found)
			continue
		}
		// An error is often heard, too, and what is heard is often one letter.
		if found[0].Why != c.why && min(found[0].Why, c.why) < names.Typing {
			t.Errorf("%q, said as %q, is found by %v, want %v", c.called, c.said, found[0].Why, c.why)
		}
	}
}

// TestAmbiguityShows: those that fit alike have almost the same confidence, and none of them a high one.
func TestAmbiguityShows(t *testing.T) {
	found, _ := known("Acme Bikes", "Acme Bakes", "Acme Bricks", "Something Else").Find("acme bekes", limit)
	if len(found) < 2 || found[0].Confidence-found[1].Confidence > 0.02 || found[0].Confidence == 1 {
		t.Errorf("%v", found)
	}
	found, _ = known("Acme GmbH", "Acme Inc").Find("acme", limit)
	if len(found) != 2 || found[0].Confidence != 1 || found[1].Confidence != 1 {
		t.Errorf("%v", found)
	}
}

// TestEveryNameFindsTheCustomer: display name, aliases and acronyms count alike, and a customer is told once.
func TestEveryNameFindsTheCustomer(t *testing.T) {
	x := known("Minnesota Mining and Manufacturing; 3M; Post-it People; MMM", "Somebody Else")
	for _, said := range []string{"3m", "three m", "minnesota mining", "post it people", "postit peple", "m m m", "minesota mining & mfg"} {
		found, _ := x.Find(said, limit)
		if len(found) == 0 || found[0].ID != "c0" || slices.ContainsFunc(found[1:], func(m names.Match) bool { return m.ID == "c0" }) {
			t.Errorf("%q: %v", said, found)
		}
	}
}

// TestWhateverIsSaidIsBounded: names and questions of ten thousand characters, from right to left, of marks alone.
func TestWhateverIsSaidIsBounded(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("a", 10_000), strings.Repeat("abcd ", 2000), strings.Repeat("a b ", 2500), strings.Repeat("é", 10_000),
		strings.Repeat("\u0301", 10_000), strings.Repeat("ﷺ", 10_000), strings.Repeat("שלום ", 2000), strings.Repeat("東", 10_000),
		"\u202eemca\u202c", "شركة أرامكو السعودية", "חברת החשמל לישראל", "x" + strings.Repeat("\u0323\u0301", 5000), strings.Repeat("ltd ", 2500),
		strings.Repeat("7", 10_000), strings.Repeat("\xff", 10_000),
	} {
		x := known("Acme", text, "Bone")
		found, _ := x.Find(text, limit)
		if len(found) == 0 || found[0].Confidence != 1 || found[0].ID != "c1" && found[0].Name != text {
			t.Errorf("%.20q... does not find itself: %.200v", text, found)
		}
		x.Find(text+"x", limit)
		x.FindDigits(text, limit)
		if found, _ := x.Find("acme", limit); len(found) == 0 || found[0].ID != "c0" {
			t.Errorf("%.20q... is in the way of Acme: %.200v", text, found)
		}
	}
	if found, _ := known("شركة أرامكو السعودية").Find("أرامكو السعودية", limit); len(found) != 1 {
		t.Errorf("some of the words, from right to left: %v", found)
	}
}

// TestManyOfTheSame: questions end though more names are the same than are looked at, and the answer says so.
func TestManyOfTheSame(t *testing.T) {
	all := make([]names.Customer, 25_000)
	for i := range all {
		all[i] = names.Customer{ID: fmt.Sprintf("c%05d", i), Names: []string{"Acme Widgets Ltd"}}
	}
	x := names.NewIndex()
	x.Reset(len(all), slices.Values(all))
	for _, said := range []string{"acme widgets", "acme wigets", "acme", "a w"} {
		if found, more := x.Find(said, limit); len(found) != limit || !more {
			t.Errorf("%q: %v, %v", said, found, more)
		}
	}
	if found, more := x.FindDigits("226394", limit); len(found) != limit || !more {
		t.Errorf("%v, %v", found, more)
	}
}

// TestCustomersAreRenamedForEver: an index that has been told of many changes knows the last of each, while it moves what
// is left to new rows and afterwards.
func TestCustomersAreRenamedForEver(t *testing.T) {
	const customers = 200
	x := names.NewIndex()
	called := map[string]string{}
	rng := seeded(4)
	spare := market(rng, 400)
	for change := range 6000 {
		id := fmt.Sprintf("c%03d", rng.IntN(customers))
		c := names.Customer{ID: id}
		delete(called, id)
		if rng.IntN(5) > 0 {
			called[id] = spare[rng.IntN(len(spare))]
			c.Names = []string{called[id]}
		}
		x.Apply([]names.Customer{c})
		if change%397 > 0 {
			continue
		}
		if x.Customers() != len(called) {
			t.Fatalf("after %d changes: %d customers, want %d", change, x.Customers(), len(called))
		}
		for id, text := range called {
			found, _ := x.Find(text, 50)
			if !slices.ContainsFunc(found, func(m names.Match) bool { return m.ID == id && m.Name == text && m.Confidence == 1 }) {
				t.Fatalf("after %d changes: %s is called %q: %v", change, id, text, found)
			}
			for _, m := range found {
				if called[m.ID] != m.Name {
					t.Fatalf("after %d changes: %q finds %v, who is called %q", change, text, m, called[m.ID])
				}
			}
		}
	}
}

// TestRecall is that of names of the file, and of generated ones always. The floor is below what is measured (make bench),
// since these are fewer questions.
func TestRecall(t *testing.T) {
	check := func(t *testing.T, what string, r recall, at1, at5 float64) {
		t.Helper()
		t.Logf("%s: %.1f%% first, %.1f%% among five", what, r.at1, r.at5)
		if r.at1 < at1 || r.at5 < at5 {
			t.Errorf("%s: want %v and %v; missed such as\n%s", what, at1, at5, strings.Join(r.missed[:min(20, len(r.missed))], "\n"))
		}
		if r.surely > 0 && float64(r.surelyRight)/float64(r.surely) < 0.85 {
			t.Errorf("%s: of %d with a confidence from 0.9, %d are right", what, r.surely, r.surelyRight)
		}
	}
	on := func(t *testing.T, c *corpus, asked int) {
		x := names.NewIndex()
		all := c.customers()
		x.Reset(len(all), slices.Values(all))
		check(t, "one typing error", measure(x, c.sample(asked, 1, mistyped)), 95, 97)
		check(t, "as a speech recogniser writes", measure(x, c.sample(asked, 2, spoken)), 92, 95)
		if v := c.variants(); len(v) > 0 {
			check(t, "another name of the company", measure(x, v[:min(len(v), asked)]), 54, 67)
		}
	}
	t.Run("generated", func(t *testing.T) {
		on(t, &corpus{names: market(seeded(5), 5000), asked: 5000}, 300)
	})
	t.Run("file", func(t *testing.T) {
		c := newCorpus(t, 0)
		if c.asked == 0 {
			t.Skipf("no file of names: set %s", namesEnv)
		}
		on(t, c, 250)
	})
}
