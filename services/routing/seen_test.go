package routing

import (
	"fmt"
	"testing"
)

// The memory of tokens is bounded, and forgets the oldest first.
func TestSeenTokensAreTheLatest(t *testing.T) {
	var s seenTokens
	token := func(i int) []byte { return fmt.Appendf(nil, "token %d", i) }
	for i := range 3 * maxSeenTokens {
		if s.before(token(i)) {
			t.Fatalf("token %d was never read", i)
		}
		if i > 0 && !s.before(token(i-1)) {
			t.Fatalf("token %d is forgotten at once", i-1)
		}
	}
	if len(s.hashes) != maxSeenTokens || len(s.order) != maxSeenTokens {
		t.Errorf("%d tokens and %d places, want %d", len(s.hashes), len(s.order), maxSeenTokens)
	}
	if !s.before(token(2*maxSeenTokens)) || s.before(token(0)) {
		t.Error("not the oldest one is forgotten")
	}
}
