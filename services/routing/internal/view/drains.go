package view

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/target"
)

// DrainPrefix is where routing keeps its drains: rpcv1.Stored with a routingv1.Drain.
const DrainPrefix = "routing/drains/"

// maxDrainTargets is how many targets a set of them holds: sites and people have eight at most.
const maxDrainTargets = 16

// Drain takes a site, a person, or one target of theirs out of calls for a while.
type Drain struct {
	// ID is the last part of Name, "drains/ID".
	ID, Name string
	// Reason is for people.
	Reason string
	// Subject is "sites/ID" or "people/ID"; empty where it is every site of the line.
	Subject string
	// LineID: calls to this line alone; to all where empty.
	LineID string
	// It is in force over [FromUnixS, ToUnixS): math.MinInt64 where it is at once, so that no clock that is behind keeps it
	// waiting, and math.MaxInt64 where it has no end.
	FromUnixS, ToUnixS int64

	target string // the only one, as text; all where empty
	fact   *Fact
}

// At says whether it is in force at an instant.
func (d *Drain) At(unixS int64) bool { return d.FromUnixS <= unixS && unixS < d.ToUnixS }

// Targets is a set of a site's or a person's targets, by place.
type Targets uint16

// allTargets are those of whoever is drained whole, however many there are.
const allTargets = math.MaxUint16

// Has says whether the target at a place is in the set.
func (t Targets) Has(place int) bool { return t == allTargets || t&(1<<place) != 0 }

// All says whether all of so many targets are in the set; of none, only where whoever has them is drained whole.
func (t Targets) All(n int) bool {
	all := Targets(1)<<min(n, maxDrainTargets) - 1
	return t == allTargets || t != 0 && t&all == all && n > 0
}

// Among is how many of the first n are in the set.
func (t Targets) Among(n int) int {
	return bits.OnesCount16(uint16(t) & (1<<min(n, maxDrainTargets) - 1))
}

// LineDrains are the drains that concern a line. Most lines have none: there it is nil.
type LineDrains struct {
	all    []*Drain
	every  []taken         // of every site
	sites  map[int][]taken // by place on the line
	people map[string][]taken
}

// taken is what one drain takes.
type taken struct {
	by      *Drain
	targets Targets
}

// All are the drains, in order of ID, those not in force among them.
func (l *LineDrains) All() []*Drain { return l.all }

// Site is which targets of the site at a place of the line are drained at an instant, and one of the drains that do so.
func (l *LineDrains) Site(place int, unixS int64) (Targets, *Drain) {
	drained, by := union(l.every, unixS)
	if drained == 0 {
		return union(l.sites[place], unixS)
	}
	return drained, by
}

// Person is the same for somebody on the line's rotas.
func (l *LineDrains) Person(id string, unixS int64) (Targets, *Drain) {
	return union(l.people[id], unixS)
}

// union names a drain that takes all before one that takes some.
func union(list []taken, unixS int64) (drained Targets, by *Drain) {
	for _, t := range list {
		if !t.by.At(unixS) {
			continue
		}
		if by == nil || t.targets == allTargets && drained != allTargets {
			by = t.by
		}
		drained |= t.targets
	}
	return drained, by
}

// ChangesUnixS is the first instant behind unixS at which a drain of the line begins or ends; the largest value where none
// does.
func (l *LineDrains) ChangesUnixS(unixS int64) int64 {
	next := int64(math.MaxInt64)
	for _, d := range l.all {
		switch {
		case d.FromUnixS > unixS:
			next = min(next, d.FromUnixS)
		case d.ToUnixS > unixS:
			next = min(next, d.ToUnixS)
		}
	}
	return next
}

// drains is routing's own part of what is out of calls.
type drains struct{ byID map[string]*Drain }

func newDrains() *drains { return &drains{byID: map[string]*Drain{}} }

// sorted is all of them, in order of ID, so that the same records always make the same view.
func (d *drains) sorted() []*Drain {
	return slices.SortedFunc(maps.Values(d.byID), func(a, b *Drain) int { return strings.Compare(a.ID, b.ID) })
}

type drainsBuilder struct {
	from, before *drains
	byID         map[string]*Drain // nil until something changes
}

func (b *drainsBuilder) edit() map[string]*Drain {
	if b.byID == nil {
		b.byID = maps.Clone(b.from.byID)
	}
	return b.byID
}

func (b *drainsBuilder) put(id string, value []byte) error {
	d, err := readDrain(id, value)
	if err != nil {
		return err
	}
	b.edit()[id] = d
	return nil
}

func (b *drainsBuilder) keep(id string) {
	if d := b.before.byID[id]; d != nil {
		b.edit()[id] = d
	}
}

func (b *drainsBuilder) remove(id string) { delete(b.edit(), id) }

// finish is the next part, and whether it is another.
func (b *drainsBuilder) finish() (next *drains, changed bool) {
	if b.byID == nil {
		return b.from, false
	}
	return &drains{b.byID}, true
}

// of are the drains that concern a line whose sites and rotas have been found; nil where there are none.
func (d *drains) of(l *Line) *LineDrains {
	if len(d.byID) == 0 {
		return nil
	}
	found := &LineDrains{sites: map[int][]taken{}, people: map[string][]taken{}}
	for _, one := range d.sorted() {
		if one.LineID == "" || one.LineID == l.ID {
			found.add(l, one)
		}
	}
	if len(found.all) == 0 {
		return nil
	}
	return found
}

func (l *LineDrains) add(line *Line, d *Drain) {
	found := false
	if d.Subject == "" {
		l.every, found = append(l.every, taken{d, allTargets}), true
	}
	if id, ok := strings.CutPrefix(d.Subject, "people/"); ok {
		if p := line.person(id); p != nil {
			if t := (taken{d, d.among(p.Targets)}); t.targets != 0 {
				l.people[id], found = append(l.people[id], t), true
			}
		}
	}
	for i := range line.Sites {
		if s := line.Sites[i].Site; s.Name == d.Subject {
			if t := (taken{d, d.among(s.Targets)}); t.targets != 0 {
				l.sites[i], found = append(l.sites[i], t), true
			}
		}
	}
	if found {
		l.all = append(l.all, d)
	}
}

// person is a member of one of the line's rotas; nil where nobody is called so.
func (l *Line) person(id string) *Person {
	for _, r := range l.Rotas {
		if p := r.people[id]; p != nil {
			return p
		}
	}
	return nil
}

// among are the targets that the drain takes.
func (d *Drain) among(targets []*routingv1.RouteTarget) Targets {
	if d.target == "" {
		return allTargets
	}
	var set Targets
	for i, t := range targets[:min(len(targets), maxDrainTargets)] {
		if target.Text(t.GetTarget()) == d.target {
			set |= 1 << i
		}
	}
	return set
}

func readDrain(id string, value []byte) (*Drain, error) {
	var stored rpcv1.Stored
	var p routingv1.Drain
	if err := proto.Unmarshal(value, &stored); err != nil {
		return nil, err
	}
	if err := proto.Unmarshal(stored.GetResource(), &p); err != nil {
		return nil, err
	}
	d := &Drain{
		ID: id, Name: "drains/" + id, Reason: p.GetReason(), Subject: p.GetSite() + p.GetPerson(), // one of them
		FromUnixS: math.MinInt64, ToUnixS: math.MaxInt64, target: target.Text(p.GetTarget()),
	}
	var ok bool
	if d.LineID, ok = strings.CutPrefix(p.GetLine(), "lines/"); !ok && p.GetLine() != "" {
		return nil, errors.New("line: not a line's name")
	}
	switch every := p.GetAllSites(); {
	case every && (d.LineID == "" || d.target != ""):
		return nil, errors.New("all sites: of one line, and all their targets")
	case !every && d.Subject == "":
		return nil, errors.New("neither a site nor a person, nor all sites of a line")
	}
	if p.GetTarget() != nil && d.target == "" {
		return nil, errors.New("target: neither a SIP URI nor a number")
	}
	if p.GetStartTime() != nil {
		d.FromUnixS = p.GetStartTime().GetSeconds()
	}
	if p.GetEndTime() != nil {
		d.ToUnixS = p.GetEndTime().GetSeconds()
	}
	if d.ToUnixS <= d.FromUnixS {
		return nil, fmt.Errorf("ends at %d, which is not after its start at %d", d.ToUnixS, d.FromUnixS)
	}
	d.fact = newFact(DrainPrefix+id, value)
	return d, nil
}
