package view

import (
	"maps"
	"slices"
	"strings"
)

// Lines are all lines, in order of ID.
func (v *View) Lines() []*Line {
	return slices.SortedFunc(maps.Values(v.lines.byID), func(a, b *Line) int { return strings.Compare(a.ID, b.ID) })
}

// WithoutLive is the view with nothing known of this minute: what holds of the hours ahead. v itself where nothing is.
func (v *View) WithoutLive() *View {
	if len(v.live.reports) == 0 {
		return v
	}
	byID := maps.Clone(v.lines.byID)
	for id, l := range byID {
		if l.Live != nil {
			line := *l
			line.Live = nil
			byID[id] = &line
		}
	}
	next := *v
	next.live, next.lines = newLive(), newIndex(byID)
	return &next
}
