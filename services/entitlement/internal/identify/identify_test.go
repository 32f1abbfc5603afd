package identify_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/identify"
)

const (
	verified = entitlementv1.EvidenceKind_EVIDENCE_KIND_VERIFIED_NUMBER
	number   = entitlementv1.EvidenceKind_EVIDENCE_KIND_NUMBER
	access   = entitlementv1.EvidenceKind_EVIDENCE_KIND_ACCESS_NAME
	name     = entitlementv1.EvidenceKind_EVIDENCE_KIND_NAME
	similar  = entitlementv1.EvidenceKind_EVIDENCE_KIND_SIMILAR_NAME
	keypad   = entitlementv1.EvidenceKind_EVIDENCE_KIND_KEYPAD
	email    = entitlementv1.EvidenceKind_EVIDENCE_KIND_EMAIL
	domain   = entitlementv1.EvidenceKind_EVIDENCE_KIND_EMAIL_DOMAIN
	external = entitlementv1.EvidenceKind_EVIDENCE_KIND_EXTERNAL_ID
	contract = entitlementv1.EvidenceKind_EVIDENCE_KIND_CONTRACT
)

func clue(kind entitlementv1.EvidenceKind, customer string, confidence float64) identify.Clue {
	return identify.Clue{Kind: kind, Customer: customer, Confidence: confidence}
}

// formed is a name, and how its legal form is the one that was said.
func formed(customer string, form int) identify.Clue {
	return identify.Clue{Kind: name, Customer: customer, Confidence: 1, Form: form}
}

func TestWhoItIsAndWhetherToAsk(t *testing.T) {
	type list = []identify.Clue
	for _, c := range []struct {
		what    string
		clues   list
		order   string
		certain bool
	}{
		{"nothing", nil, "", false},
		{"a number of theirs", list{clue(number, "acme", 0.9)}, "acme", true},
		{"a number that two share", list{clue(number, "acme", 0.45), clue(number, "bolt", 0.45)}, "acme bolt", false},
		{"the same name", list{clue(name, "acme", 1)}, "acme", true},
		{"a name that is not quite it", list{clue(name, "acme", 0.97)}, "acme", false},
		{"and its number", list{clue(name, "acme", 0.97), clue(number, "acme", 0.9)}, "acme", true},
		{"and another's", list{clue(name, "acme", 0.97), clue(verified, "bolt", 0.98)}, "acme bolt", false},
		{"two of the same name", list{clue(name, "acme-de", 1), clue(name, "acme-us", 1)}, "acme-de acme-us", false},
		{
			"two of the same name, and the number of one",
			list{clue(name, "acme-de", 1), clue(name, "acme-us", 1), clue(number, "acme-us", 0.9)}, "acme-us acme-de", true,
		},
		{
			"a shared number, and the name of one of them",
			list{clue(number, "acme", 0.45), clue(number, "bolt", 0.45), clue(name, "bolt", 1)}, "bolt acme", true,
		},
		{"a name from somebody else's number", list{clue(number, "acme", 0.9), clue(name, "bolt", 1)}, "bolt acme", false},
		{"only like a name", list{clue(similar, "acme", 0.95)}, "acme", false},
		{
			"like a name, with the number of another", list{clue(similar, "acme", 0.95), clue(number, "bolt", 0.9)}, "bolt acme", false,
		},
		{
			"hardly like a name, with the number of another", list{clue(similar, "acme", 0.3), clue(number, "bolt", 0.9)},
			"bolt acme", true,
		},
		{"like a name, and its domain", list{clue(similar, "acme", 0.6), clue(domain, "acme", 0.8)}, "acme", false},
		{
			"a chosen name is a name, and no more", list{clue(access, "acme", 1), clue(name, "acme", 1), clue(name, "bolt", 1)},
			"acme bolt", false,
		},
		{"a contract's number", list{clue(contract, "acme", 0.98), clue(similar, "bolt", 0.9)}, "acme bolt", true},
		{"a contact's address", list{clue(email, "acme", 0.97), clue(domain, "bolt", 0.8)}, "acme bolt", true},
		{
			"systems that disagree", list{clue(external, "acme", 0.99), clue(contract, "bolt", 0.98)}, "acme bolt", false,
		},
		{
			"a number that two share, and like one of them", list{clue(number, "acme", 0.45), clue(number, "bolt", 0.45), clue(similar, "bolt", 0.8)},
			"bolt acme", true,
		},
		{
			"like both who share it",
			list{clue(number, "acme", 0.45), clue(number, "bolt", 0.45), clue(similar, "bolt", 0.8), clue(similar, "acme", 0.55)},
			"bolt acme", false,
		},
		{
			"as much like somebody else", list{clue(number, "acme", 0.45), clue(number, "bolt", 0.45), clue(similar, "bolt", 0.8),
				clue(similar, "cord", 0.75)}, "bolt acme cord", false,
		},
		{
			"hardly like one of those who share it", list{clue(number, "acme", 0.45), clue(number, "bolt", 0.45), clue(similar, "bolt", 0.5)},
			"bolt acme", false,
		},
		{
			"their own number, and like them", list{clue(verified, "acme", 0.98), clue(similar, "acme", 0.8), clue(similar, "acne", 0.6)},
			"acme acne", true,
		},
		{
			"their own number, and the name of another one", list{clue(verified, "acme", 0.98), clue(similar, "acme", 0.8), clue(name, "acne", 1)},
			"acne acme", false,
		},
		{
			"a number that two share, and the domain of one", list{clue(number, "acme", 0.45), clue(number, "bolt", 0.45), clue(domain, "acme", 0.8)},
			"acme bolt", true,
		},
		{
			"another legal form from somebody's number", list{formed("acme-de", -1), formed("acme-us", 1), clue(number, "acme-de", 0.9)},
			"acme-us acme-de", false,
		},
		{
			"and from one that is vouched for",
			list{formed("acme-de", -1), formed("acme-us", 1), clue(verified, "acme-de", 0.98)}, "acme-us acme-de", false,
		},
		{
			"its legal form from its number", list{formed("acme-de", -1), formed("acme-us", 1), clue(number, "acme-us", 0.9)},
			"acme-us acme-de", true,
		},
		{
			"a legal form that none of them has", list{formed("acme-de", -1), formed("acme-us", -1), clue(number, "acme-us", 0.9)},
			"acme-us acme-de", true,
		},
		{"a legal form is no name", list{formed("acme-de", 1), formed("acme-us", -1)}, "acme-de acme-us", false},
		{"the whole name on a keypad", list{clue(keypad, "acme", 1)}, "acme", true},
		{"its beginning on a keypad", list{clue(keypad, "acme", 0.9)}, "acme", false},
	} {
		ranked := identify.Rank(c.clues)
		var got []string
		for _, r := range ranked {
			got = append(got, r.Customer)
		}
		if strings.Join(got, " ") != c.order || identify.Certain(ranked) != c.certain {
			t.Errorf("%s: got %v, certain %v; want %s, %v", c.what, got, identify.Certain(ranked), c.order, c.certain)
		}
	}
}

func TestCandidateSaysWhy(t *testing.T) {
	ranked := identify.Rank([]identify.Clue{
		clue(similar, "acme", 0.5), clue(similar, "acme", 0.7),
		{Kind: verified, Customer: "acme", Confidence: 0.9, Contact: "ada"}, clue(domain, "acme", 0.5),
	})
	if len(ranked) != 1 {
		t.Fatalf("got %v", ranked)
	}
	c := ranked[0]
	if !c.Verified || c.Contact != "ada" || len(c.Evidence) != 3 || c.Evidence[0].Kind != verified || c.Evidence[1].Confidence != 0.7 {
		t.Errorf("got %+v", c)
	}
	if c.Confidence <= 0.9 || c.Confidence >= 1 {
		t.Errorf("clues that agree say more than one of them, and nothing is certain that is not the same: %v", c.Confidence)
	}
}

func anyClues() *rapid.Generator[[]identify.Clue] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) identify.Clue {
		kind := entitlementv1.EvidenceKind(rapid.IntRange(1, 11).Draw(t, "kind"))
		confidence := rapid.Float64Range(0.01, 0.999).Draw(t, "confidence")
		if kind == name || kind == access {
			confidence = 1
		}
		return clue(kind, fmt.Sprintf("c%d", rapid.IntRange(0, 5).Draw(t, "customer")), confidence)
	}), 0, 20)
}

// TestNoStrangerAboveAnExactAlias: whoever was stated goes before all of whom nothing is the same.
func TestNoStrangerAboveAnExactAlias(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ranked := identify.Rank(anyClues().Draw(t, "clues"))
		stranger := ""
		for _, c := range ranked {
			stated := slices.ContainsFunc(c.Evidence, identify.Stated)
			switch {
			case !stated:
				stranger = c.Customer
			case stranger != "":
				t.Fatalf("%s is ranked above %s, who was stated: %+v", stranger, c.Customer, ranked)
			}
			same := slices.ContainsFunc(c.Evidence, func(e identify.Clue) bool { return e.Confidence == 1 })
			if (c.Confidence == 1) != same || c.Confidence <= 0 || c.Confidence > 1 {
				t.Fatalf("%+v: 1 says that something is the same", c)
			}
		}
	})
}

// TestCertainIsNeverAmbiguous: where somebody is taken without asking, nobody else has as strong a clue of another kind.
func TestCertainIsNeverAmbiguous(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clues := anyClues().Draw(t, "clues")
		ranked := identify.Rank(clues)
		if !identify.Certain(ranked) {
			return
		}
		for _, c := range clues {
			if c.Customer == ranked[0].Customer || !identify.Stated(c) {
				continue
			}
			if !slices.ContainsFunc(ranked[0].Evidence, identify.Stated) {
				t.Fatalf("%s is certain by its number alone, though %+v was stated", ranked[0].Customer, c)
			}
		}
		again := identify.Rank(append(slices.Clone(clues), clue(external, "somebody-else", 0.99)))
		if !slices.ContainsFunc(ranked[0].Evidence, func(e identify.Clue) bool { return e.Kind == external }) &&
			identify.Certain(again) {
			t.Fatalf("certain, though another system names somebody else: %+v", again)
		}
	})
}

// TestWhatIsOnlyLikeANameIsAskedAbout: unless the number is the customer's, too, and of all who have that number nobody else is
// like it.
func TestWhatIsOnlyLikeANameIsAskedAbout(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clues := anyClues().Draw(t, "clues")
		ranked := identify.Rank(clues)
		if !identify.Certain(ranked) || slices.ContainsFunc(ranked[0].Evidence, identify.Stated) {
			return
		}
		isNumber := func(c identify.Clue) bool { return c.Kind == number || c.Kind == verified }
		for _, other := range ranked[1:] {
			for _, e := range other.Evidence {
				if slices.ContainsFunc(other.Evidence, isNumber) && !isNumber(e) && e.Confidence >= 0.5 {
					t.Fatalf("%s is certain, and %s has the number, too, and is like it: %+v", ranked[0].Customer, other.Customer, ranked)
				}
			}
		}
		if !slices.ContainsFunc(ranked[0].Evidence, isNumber) {
			t.Fatalf("%s is certain, though nothing but likeness speaks for it", ranked[0].Customer)
		}
	})
}

func TestQuestion(t *testing.T) {
	berlin := identify.Choice{ID: "acme-de", Name: "Acme GmbH", Locality: "Berlin"}
	boston := identify.Choice{ID: "acme-us", Name: "Acme Inc", Locality: "Boston"}
	plain := identify.Choice{ID: "bolt", Name: "Bolt"}
	named := identify.Choice{ID: "sparkasse", Name: "Sparkasse Berlin", Locality: "Berlin"}
	type list = []identify.Choice
	for _, c := range []struct {
		choices  list
		more     bool
		language string
		want     string
	}{
		{list{berlin, boston}, false, "en-AU", "Acme GmbH in Berlin or Acme Inc in Boston?"},
		{list{berlin, boston, plain}, false, "", "Acme GmbH in Berlin, Acme Inc in Boston or Bolt?"},
		{list{berlin}, false, "en", "Is that Acme GmbH in Berlin?"},
		{list{{Name: "Bernstein AG", Locality: "Bern"}, plain}, false, "en", "Bernstein AG in Bern or Bolt?"},
		{list{named, plain}, false, "en", "Sparkasse Berlin or Bolt?"},
		{list{plain, {ID: "bolt-2", Name: "Bolt"}}, false, "en", "Bolt (bolt) or Bolt (bolt-2)?"},
		{nil, false, "", "Which company are you calling for?"},
		{list{berlin, boston}, true, "", "Several companies are called so. What is the full name, and in which town?"},
		{list{berlin, boston}, false, "de-AT", "Acme GmbH in Berlin oder Acme Inc in Boston?"},
		{list{berlin}, false, "fr", "S'agit-il de Acme GmbH à Berlin ?"},
		{list{plain, berlin}, false, "ja", "Bolt or Acme GmbH in Berlin?"},
	} {
		if got := identify.Question(c.choices, c.more, c.language); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
