package custody_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/protobuf/types/known/timestamppb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/schedule/internal/custody"
)

const (
	add     = schedulev1.RotaOverride_KIND_ADD
	replace = schedulev1.RotaOverride_KIND_REPLACE
)

// override is one over [from, to), hours after monday.
func override(kind schedulev1.RotaOverride_Kind, of, by string, from, to float64) *schedulev1.RotaOverride {
	return &schedulev1.RotaOverride{Kind: kind, Of: of, By: by, Interval: &interval.Interval{
		StartTime: timestamppb.New(hoursLater(from)), EndTime: timestamppb.New(hoursLater(to)),
	}}
}

func TestTakingIsAnOverride(t *testing.T) {
	made := func(o *schedulev1.RotaOverride) *schedulev1.RotaOverride {
		o.Origin = "rotas/apac/custody"
		return o
	}
	type overrides = []*schedulev1.RotaOverride
	for _, c := range []struct {
		name string
		has  overrides
		// kept are the indexes of has that stay.
		kept []int
		kind schedulev1.RotaOverride_Kind
	}{
		{"the first", nil, nil, add},
		{"beside others", overrides{override(add, "", "a", 0, 2), made(override(add, "", "a", 8, 9))}, []int{0, 1}, add},
		{"a part of another", overrides{made(override(replace, "a", "b", 0, 8))}, []int{0}, add},
		{"of the same second", overrides{made(override(add, "", "a", 2, 8))}, nil, add},
		{"of the same second as a file's", overrides{override(add, "", "a", 2, 8)}, []int{0}, replace},
		{"over another", overrides{made(override(replace, "x", "a", 3, 4))}, nil, add},
		{"over a file's", overrides{override(replace, "x", "a", 3, 4)}, []int{0}, replace},
		{"across another", overrides{override(replace, "x", "a", 3, 12)}, []int{0}, replace},
	} {
		got := custody.Taking{
			By: "people/bob", Of: "people/alice", FromUnixS: hoursLater(2).Unix(), ToUnixS: hoursLater(8).Unix(), Note: "train",
		}.Overrides(c.has)
		taken := got[len(got)-1]
		if taken.GetKind() != c.kind || taken.GetBy() != "people/bob" || (taken.GetOf() != "") != (c.kind == replace) ||
			taken.GetDisplayName() != "taken by bob: train" {
			t.Errorf("%s: %v", c.name, taken)
		}
		var kept []int
		for _, o := range got[:len(got)-1] {
			kept = append(kept, slices.Index(c.has, o))
		}
		if !slices.Equal(kept, c.kept) {
			t.Errorf("%s: kept %v, want %v", c.name, kept, c.kept)
		}
	}
}

// TestThereIsRoomForOneMore: a rota that is full loses what ended long ago.
func TestThereIsRoomForOneMore(t *testing.T) {
	const most = 1000
	var list []*schedulev1.RotaOverride
	for i := range most {
		list = append(list, override(add, "", "people/alice", float64(-24*(i+1)), float64(-24*i)))
	}
	k := custody.Taking{By: "people/bob", FromUnixS: monday.Unix(), ToUnixS: hoursLater(8).Unix(), Note: strings.Repeat("ö", 100)}
	if got := k.Overrides(list[1:]); len(got) != most {
		t.Errorf("%d are left of %d, which are not too many", len(got), most)
	}
	got := k.Overrides(list)
	if len(got) != 31 {
		t.Errorf("%d are left, want those of the last 30 days, and one more", len(got))
	}
	if name := []rune(got[len(got)-1].GetDisplayName()); len(name) != 100 {
		t.Errorf("its name has %d characters: %s", len(name), string(name))
	}
}
