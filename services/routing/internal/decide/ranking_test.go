package decide

import (
	"testing"

	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// Weights are cut to 39 bits, so keys can be equal; then the ID decides, never the line's order.
func TestEqualKeysAreSettledByID(t *testing.T) {
	l := &view.Line{Sites: []view.LineSite{
		{Site: &view.Site{ID: "b"}}, {Site: &view.Site{ID: "c"}}, {Site: &view.Site{ID: "a"}},
	}}
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 2, 0}} {
		var r ranking
		for _, i := range order {
			r.offer(l, rung{key: 7, site: int32(i)})
		}
		if r.n != 3 || r.rungs[0].site != 2 || r.rungs[1].site != 0 || r.rungs[2].site != 1 {
			t.Errorf("offered as %v: %v", order, r.rungs[:r.n])
		}
	}
}
