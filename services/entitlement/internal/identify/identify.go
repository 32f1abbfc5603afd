// Package identify weighs what is known of a caller: which customers it speaks for, how well, and whether that is enough to
// take one of them for the caller's without asking. What there is to be weighed (numbers, names, addresses, what other
// systems call a customer) is found elsewhere, and question.go puts what is still open into words.
//
// It is pure, and proves nothing: of all clues an attested number alone shows that a caller is of a customer.
package identify

import (
	"cmp"
	"slices"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
)

// Clue is one thing that speaks for one customer.
type Clue struct {
	// Kind is what it is.
	Kind entitlementv1.EvidenceKind
	// Customer is the customer's ID.
	Customer string
	// Matched is what of the customer's fits, for people: masked where it is sensitive.
	Matched string
	// Confidence is how well, over 0 to 1; 1 is the same.
	Confidence float64
	// Contact is the ID of the contact whose number or address it is; empty where it is nobody's.
	Contact string
	// Form is 1 where the legal form that was said is that of the name, -1 where the name has another one; 0 where one of them
	// has none.
	Form int
}

// Candidate is a customer whom a caller can be of.
type Candidate struct {
	// Customer is its ID.
	Customer string
	// Confidence is that of all clues together.
	Confidence float64
	// Evidence is its clues, the weightiest first: one a kind.
	Evidence []Clue
	// Verified: an attested number of this customer alone.
	Verified bool
	// Contact is the ID of the contact who it is, as far as one clue says so.
	Contact string
}

// maxUnsure is the most that is said of a customer of whom nothing is the same.
const maxUnsure = 0.99

// Stated says whether a kind of clue names one customer, rather than being like it: what a caller states, where it is the
// same, goes before all that only resembles it.
func Stated(c Clue) bool {
	switch c.Kind {
	case entitlementv1.EvidenceKind_EVIDENCE_KIND_ACCESS_NAME, entitlementv1.EvidenceKind_EVIDENCE_KIND_NAME,
		entitlementv1.EvidenceKind_EVIDENCE_KIND_EMAIL, entitlementv1.EvidenceKind_EVIDENCE_KIND_EXTERNAL_ID,
		entitlementv1.EvidenceKind_EVIDENCE_KIND_CONTRACT:
		return true
	case entitlementv1.EvidenceKind_EVIDENCE_KIND_KEYPAD:
		return c.Confidence >= 1 // the whole name
	case entitlementv1.EvidenceKind_EVIDENCE_KIND_UNSPECIFIED, entitlementv1.EvidenceKind_EVIDENCE_KIND_VERIFIED_NUMBER,
		entitlementv1.EvidenceKind_EVIDENCE_KIND_NUMBER, entitlementv1.EvidenceKind_EVIDENCE_KIND_SIMILAR_NAME,
		entitlementv1.EvidenceKind_EVIDENCE_KIND_INITIALS, entitlementv1.EvidenceKind_EVIDENCE_KIND_EMAIL_DOMAIN:
	}
	return false
}

// number says whether a clue is the caller's number.
func number(c Clue) bool {
	return c.Kind == entitlementv1.EvidenceKind_EVIDENCE_KIND_NUMBER ||
		c.Kind == entitlementv1.EvidenceKind_EVIDENCE_KIND_VERIFIED_NUMBER
}

// strong are clues that contradict each other where they speak for different customers.
func strong(c Clue) bool { return Stated(c) || number(c) }

// Rank is the customers that clues speak for, the likeliest first: those who were stated, then those whose number it is,
// then those who are like what was said. Of those of one name whose legal form was said goes first, whosever the number is:
// what a caller says is not overruled by where it is said. Of alike ones those first whom the clues named first.
func Rank(clues []Clue) []Candidate {
	at := map[string]int{}
	var all []Candidate
	for _, c := range clues {
		i, known := at[c.Customer]
		if !known {
			i = len(all)
			at[c.Customer] = i
			all = append(all, Candidate{Customer: c.Customer})
		}
		all[i].add(c)
	}
	for i := range all {
		all[i].weigh()
	}
	slices.SortStableFunc(all, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(a.tier(), b.tier()), cmp.Compare(b.Confidence, a.Confidence),
			cmp.Compare(b.form(), a.form()), cmp.Compare(b.strongKinds(), a.strongKinds()), cmp.Compare(b.doubt(), a.doubt()))
	})
	return all
}

// add notes a clue: of two of a kind the better one.
func (c *Candidate) add(clue Clue) {
	i := slices.IndexFunc(c.Evidence, func(have Clue) bool { return have.Kind == clue.Kind })
	switch {
	case i < 0:
		c.Evidence = append(c.Evidence, clue)
	case clue.Confidence > c.Evidence[i].Confidence:
		c.Evidence[i] = clue
	}
}

// weigh sums the clues up, as independent ones: what is left of doubt is multiplied.
func (c *Candidate) weigh() {
	slices.SortStableFunc(c.Evidence, func(a, b Clue) int {
		return cmp.Or(cmp.Compare(weight(b), weight(a)), cmp.Compare(b.Confidence, a.Confidence))
	})
	doubt, best := 1.0, 0.0
	for _, e := range c.Evidence {
		doubt *= 1 - e.Confidence
		best = max(best, e.Confidence)
		c.Verified = c.Verified || e.Kind == entitlementv1.EvidenceKind_EVIDENCE_KIND_VERIFIED_NUMBER
		if c.Contact == "" {
			c.Contact = e.Contact
		}
	}
	c.Confidence = 1 - doubt
	if best < 1 {
		c.Confidence = max(best, min(c.Confidence, maxUnsure))
	}
}

func weight(c Clue) int {
	switch {
	case Stated(c):
		return 2
	case number(c):
		return 1
	}
	return 0
}

// numberTier is the tier of customers whose number it is.
const numberTier = 1

// tier is 0 of a customer who was stated, 1 of one whose number it is, 2 of all others.
func (c *Candidate) tier() int { return 2 - weight(c.Evidence[0]) }

// form is how the legal form that was said is that of the names that fit.
func (c *Candidate) form() int {
	for _, e := range c.Evidence {
		if e.Form != 0 {
			return e.Form
		}
	}
	return 0
}

// strongKinds is how many classes of strong clues there are: a name that was chosen, and is the customer's anyway, is one.
func (c *Candidate) strongKinds() int { return strongClasses(c.Evidence) }

func strongClasses(clues []Clue) int {
	seen := map[entitlementv1.EvidenceKind]bool{}
	for _, e := range clues {
		if strong(e) {
			seen[class(e.Kind)] = true
		}
	}
	return len(seen)
}

// doubt is what the clues behind the best one add, of candidates that have a clue that is the same.
func (c *Candidate) doubt() float64 {
	left := 1.0
	for _, e := range c.Evidence[1:] {
		left *= 1 - e.Confidence
	}
	return 1 - left
}

// Certain says whether the first candidate may be taken for the caller's without asking: something names it, or its number
// is the caller's, and nothing of that speaks for another customer alone; or the caller's number, and something that is
// like it, speak for it together, and for nobody else. What is only like a name is always asked about.
func Certain(ranked []Candidate) bool {
	if len(ranked) == 0 || !slices.ContainsFunc(ranked[0].Evidence, strong) {
		return false
	}
	first := ranked[0]
	if first.agreed(ranked[1:]) {
		return true
	}
	if first.doubted() {
		return false
	}
	stated := slices.ContainsFunc(first.Evidence, Stated)
	for _, other := range ranked[1:] {
		if !dominated(other, first) || !stated && other.Confidence >= leastDoubt {
			return false
		}
	}
	// A number that several share, and nothing else, names nobody.
	return first.Confidence >= leastCertain
}

// doubted says whether only a name speaks for a customer that is not quite what was said: it has another legal form, say.
func (c *Candidate) doubted() bool {
	return !slices.ContainsFunc(c.Evidence, func(e Clue) bool {
		return strong(e) && (e.Confidence >= 1 || class(e.Kind) != entitlementv1.EvidenceKind_EVIDENCE_KIND_NAME)
	})
}

// agreed says whether the caller's number and something that is like the customer speak for it together, where nobody was
// stated: of those who share the number nobody else is like that, and nobody at all nearly as much.
func (c *Candidate) agreed(others []Candidate) bool {
	like := c.likeness()
	if c.tier() != numberTier || like < leastAgreed {
		return false
	}
	return !slices.ContainsFunc(others, func(o Candidate) bool {
		return o.likeness() > like-clearly || o.tier() == numberTier && o.likeness() >= leastDoubt
	})
}

// likeness is how much what was said, beside the number, is like the customer.
func (c *Candidate) likeness() (most float64) {
	for _, e := range c.Evidence {
		if !strong(e) {
			most = max(most, e.Confidence)
		}
	}
	return most
}

const (
	// leastAgreed is how like a customer must be to what was said that its number need not be all there is.
	leastAgreed = 0.6
	// clearly is how much less like all others must be then.
	clearly = 0.1
	// leastCertain: a number of one customer alone has more, a shared one less.
	leastCertain = 0.8
	// leastDoubt is how like another one must be to what was said that a number alone does not outweigh it.
	leastDoubt = 0.5
)

// dominated says whether all strong clues for one customer are of kinds that speak for the first one, too, which has more.
func dominated(other, first Candidate) bool {
	for _, e := range other.Evidence {
		if !strong(e) {
			continue
		}
		if !slices.ContainsFunc(first.Evidence, func(f Clue) bool { return strong(f) && sameKind(f, e) }) {
			return false
		}
	}
	return other.strongKinds() < first.strongKinds()
}

// sameKind compares kinds of clues; a name is a name, whichever it is.
func sameKind(a, b Clue) bool {
	return class(a.Kind) == class(b.Kind)
}

func class(k entitlementv1.EvidenceKind) entitlementv1.EvidenceKind {
	switch k { //nolint:exhaustive // all others are classes of their own
	case entitlementv1.EvidenceKind_EVIDENCE_KIND_ACCESS_NAME, entitlementv1.EvidenceKind_EVIDENCE_KIND_KEYPAD:
		return entitlementv1.EvidenceKind_EVIDENCE_KIND_NAME
	case entitlementv1.EvidenceKind_EVIDENCE_KIND_VERIFIED_NUMBER:
		return entitlementv1.EvidenceKind_EVIDENCE_KIND_NUMBER
	}
	return k
}
