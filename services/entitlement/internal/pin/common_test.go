package pin

import (
	"slices"
	"testing"

	"github.com/daysidehq/dayside/services/entitlement/internal/accessname"
)

// TestEachOfThoseIsNeeded: nothing is on a list that another rule refuses, or that nobody can set anyway.
func TestEachOfThoseIsNeeded(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range commonPINs() {
		if got := Rule(p); got != "must not be one of those that many people choose" || seen[p] {
			t.Errorf("%s: %q, before %v", p, got, seen[p])
		}
		seen[p] = true
	}
	for i, p := range commonPhrases() {
		if accessname.Heard(p) != p || slices.Contains(commonPhrases()[:i], p) {
			t.Errorf("%q is compared with no phrase, or stands there twice", p)
		}
	}
}
