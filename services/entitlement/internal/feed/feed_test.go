package feed_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/entitlement/internal/feed"
)

func TestTokensAreReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := feed.Token{
			ClusterID: rapid.Uint64().Draw(t, "cluster"), Revision: rapid.Int64Range(1, math.MaxInt64).Draw(t, "revision"),
			Part: rapid.Uint32().Draw(t, "part"),
		}
		copy(want.Epoch[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "epoch"))
		got, err := feed.Parse(want.String())
		if err != nil || got != want {
			t.Fatalf("%v, %v; want %v", got, err, want)
		}
		if len(want.String()) > 128 {
			t.Fatal("longer than a request may hold")
		}
	})
}

// TestWhoGoesOnFromAnyTokenMissesNothing tells changes of some revisions, and again from each token.
func TestWhoGoesOnFromAnyTokenMissesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var revisions []int64
		for r := int64(2); r < 6; r++ {
			for range rapid.IntRange(0, 3).Draw(t, "changes") {
				revisions = append(revisions, r)
			}
		}
		token := feed.Token{Revision: 1}
		for i, r := range revisions {
			token = token.Heard(r, i+1 == len(revisions) || revisions[i+1] != r)
			var left []int // what is told to whoever goes on from it
			part := token.Part
			for j, other := range revisions {
				if other <= token.Revision {
					continue
				}
				if other == token.Revision+1 && part > 0 {
					part--
					continue
				}
				left = append(left, j)
			}
			if len(left) != len(revisions)-i-1 || len(left) > 0 && left[0] != i+1 {
				t.Fatalf("after change %d of %v, from %+v, it goes on with %v", i, revisions, token, left)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(feed.Token{ClusterID: 1, Revision: 7}.String())
	f.Add("")
	f.Add("AQAA")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := feed.Parse(text)
		if again, _ := feed.Parse(token.String()); err == nil && again != token {
			t.Errorf("%q is %v, and then %v", text, token, again)
		}
	})
}
