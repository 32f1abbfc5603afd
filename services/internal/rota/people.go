package rota

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

// people numbers the people of a rota.
type people struct {
	names  []string
	number map[string]int32
}

func newPeople(r Rota) people {
	p := people{number: map[string]int32{"": nobody}}
	add := func(name string) {
		if _, known := p.number[name]; !known {
			p.number[name] = int32(len(p.names))
			p.names = append(p.names, name)
		}
	}
	for _, l := range r.Layers {
		for _, crew := range l.Crews {
			for _, name := range crew.Slots {
				add(name)
			}
		}
	}
	for _, o := range r.Overrides {
		add(o.Of)
		add(o.By)
	}
	return p
}

// index is a person's number; nobody for the empty name.
func (p *people) index(name string) int32 { return p.number[name] }

// name is empty for nobody.
func (p *people) name(index int32) string {
	if index == nobody {
		return ""
	}
	return p.names[index]
}

// away says who is away when.
type away struct {
	// by person: stretches that ascend and do not overlap.
	by [][]stretch
	// edges are all instants at which somebody leaves or comes back, ascending.
	edges []int64
}

// stretch is an absence, or what is left of it where an earlier one of the person overlaps it.
type stretch struct {
	fromS, toS int64
	absence    int32
}

func newAway(list []Absence, p *people) away {
	a := away{by: make([][]stretch, len(p.names))}
	for i, absence := range list {
		person, known := p.number[absence.Person]
		if !known || person == nobody {
			continue
		}
		a.by[person] = append(a.by[person], stretch{absence.FromUnixS, absence.ToUnixS, int32(i)})
		a.edges = append(a.edges, absence.FromUnixS, absence.ToUnixS)
	}
	slices.Sort(a.edges)
	for person, stretches := range a.by {
		a.by[person] = disjoint(stretches)
	}
	return a
}

func disjoint(list []stretch) []stretch {
	slices.SortStableFunc(list, func(a, b stretch) int { return cmp.Compare(a.fromS, b.fromS) })
	out := list[:0]
	reachedS := int64(math.MinInt64)
	for _, s := range list {
		if s.fromS = max(s.fromS, reachedS); s.fromS < s.toS {
			out = append(out, s)
			reachedS = s.toS
		}
	}
	return out
}

func (a *away) ever(person int32) bool { return len(a.by[person]) > 0 }

// at is the index of the absence by which somebody is away at an instant; negative where they are not.
func (a *away) at(person int32, unixS int64) int32 {
	list := a.by[person]
	i := sort.Search(len(list), func(i int) bool { return list[i].toS > unixS })
	if i == len(list) || list[i].fromS > unixS {
		return nobody
	}
	return list[i].absence
}

// changes is the first instant after unixS at which anybody leaves or comes back.
func (a *away) changes(unixS int64) int64 {
	i := sort.Search(len(a.edges), func(i int) bool { return a.edges[i] > unixS })
	if i == len(a.edges) {
		return math.MaxInt64
	}
	return a.edges[i]
}
