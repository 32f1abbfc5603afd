package view

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/roster"
	"github.com/daysidehq/dayside/services/routing/internal/rendezvous"
)

const (
	// maxAhead bounds the handoffs of one rota that were accepted before they came.
	maxAhead = 100
	// defaultPersonRingTimeoutS is schedule's default.
	defaultPersonRingTimeoutS = 25
	// personIDs tells the rungs of people from those of sites in the reports of gateways: no site's ID has a dot.
	personIDs = "person."
	// acceptKey is pressed by a person who takes a call. A personal voicemail presses nothing.
	acceptKey = "1"
)

// Rota is who is on duty, and who has the phone, as decisions see it.
type Rota struct {
	// ID is the last part of Name, "rotas/ID".
	ID, Name string
	// TimeZone is its IANA zone, for showing local times to people.
	TimeZone string

	roster *roster.Roster // nil where nothing is known
	// accepting: handoffs must be accepted.
	accepting bool
	people    map[string]*Person
	// custody are the handoffs accepted, ascending by the turn that they are for.
	custody []handoff

	fact, custodyFact *Fact
}

// Person is somebody who can be on duty.
type Person struct {
	// ID is the last part of Name, "people/ID".
	ID, Name string
	// DisplayName is for people.
	DisplayName string
	// Targets are the rungs they give a ladder, in order; none where nothing reaches them. Never change them.
	Targets []*routingv1.RouteTarget
	// Accepting are the same rungs, each asking whoever answers to press acceptKey.
	Accepting []*routingv1.RouteTarget

	texts []string // of the targets, as they are published
}

// handoff is one that was accepted.
type handoff struct {
	holder                     string
	acceptUnixS, turnFromUnixS int64
}

// Duty is what a rota says at an instant.
type Duty struct {
	// Known is false where nothing is known of it.
	Known bool
	// Person is on duty; nil where nobody is.
	Person *Person
	// Accepted: the person on duty has accepted the handoff, or need not.
	Accepted bool
	// Holder has the phone until the person on duty accepts; nil where that is nobody else, or nobody who is still one of
	// the rota's people.
	Holder *Person
	// UntilUnixS is when the turn ends, or the time in which nobody is on duty; of the last one known, the end of what is.
	UntilUnixS int64
	// Ends is false where the turn may go on behind what is known.
	Ends bool
	// ChangesUnixS is the first instant at which any of this changes by itself; the largest value where there is none.
	ChangesUnixS int64
}

// At is who is on duty at an instant, and who has the phone.
func (r *Rota) At(unixS int64) Duty {
	turn := r.roster.At(unixS)
	from, to := r.roster.Horizon()
	if !turn.Known() {
		d := Duty{ChangesUnixS: math.MaxInt64}
		if from > unixS {
			d.ChangesUnixS = from
		}
		return d
	}
	d := Duty{Known: true, UntilUnixS: turn.ToUnixS, Ends: turn.ToUnixS < to, ChangesUnixS: turn.ToUnixS}
	if turn.Person == nil {
		return d
	}
	d.Person = r.people[turn.Person.ID]
	if !r.accepting {
		d.Accepted = true
		return d
	}
	accepted := r.accepted(unixS)
	d.Accepted = accepted.holder == turn.Person.ID && max(accepted.turnFromUnixS, accepted.acceptUnixS) >= turn.FromUnixS
	if !d.Accepted {
		d.ChangesUnixS = min(d.ChangesUnixS, r.acceptedLater(unixS, turn))
	}
	if !d.Accepted && accepted.holder != turn.Person.ID {
		d.Holder = r.people[accepted.holder]
	}
	return d
}

// acceptedLater is when, within a turn, a handoff comes in force that its person accepted ahead: of one that began where a
// turn of theirs begins no longer, since the two were united. The largest value where there is none.
func (r *Rota) acceptedLater(unixS int64, turn roster.Turn) int64 {
	for i, h := range r.custody {
		if i > 0 && h.turnFromUnixS > unixS && h.turnFromUnixS < turn.ToUnixS && h.holder == turn.Person.ID {
			return h.turnFromUnixS
		}
	}
	return math.MaxInt64
}

// accepted is the handoff in force at an instant, with an empty holder where nobody ever accepted. One accepted ahead counts
// only where the turn is still that person's: the rota may have changed since.
func (r *Rota) accepted(unixS int64) (in handoff) {
	for i, h := range r.custody {
		if i > 0 && h.turnFromUnixS > unixS {
			return in
		}
		if i > 0 {
			if turn := r.roster.At(h.turnFromUnixS); turn.Known() && (turn.Person == nil || turn.Person.ID != h.holder) {
				continue
			}
		}
		in = h
	}
	return in
}

// TZDataRelease is the release of the time-zone rules that its turns were compiled with.
func (r *Rota) TZDataRelease() string { return r.roster.Sheet().TZDataRelease }

// rotas is the part that schedule publishes of rotas, with custody of them.
type rotas struct {
	byID map[string]*Rota
	// custody may stand before its rota does.
	custody map[string]*custody
}

// custody are the handoffs of a rota that were accepted, ascending by the turn that they are for.
type custody struct {
	handoffs []handoff
	fact     *Fact
}

func newRotas() *rotas { return &rotas{byID: map[string]*Rota{}, custody: map[string]*custody{}} }

type rotasBuilder struct {
	from, before *rotas
	next         *rotas // nil until something changes
	changed      map[string]bool
}

func (b *rotasBuilder) edit(id string) *rotas {
	if b.next == nil {
		b.next = &rotas{maps.Clone(b.from.byID), maps.Clone(b.from.custody)}
		b.changed = map[string]bool{}
	}
	b.changed[id] = true
	return b.next
}

// put reads nothing anew of which each byte is known, as for sites; custody is finish's.
func (b *rotasBuilder) put(id string, value []byte) error {
	if r := b.before.byID[id]; r != nil && r.fact.says(value) {
		b.edit(id).byID[id] = r
		return nil
	}
	r, err := readRota(id, value)
	if err != nil {
		return err
	}
	b.edit(id).byID[id] = r
	return nil
}

func (b *rotasBuilder) keep(id string) {
	if r := b.before.byID[id]; r != nil {
		b.edit(id).byID[id] = r
	}
}

func (b *rotasBuilder) remove(id string) { delete(b.edit(id).byID, id) }

// finish is the next part, and the IDs of what changed. Rotas get the custody that stands beside them.
func (b *rotasBuilder) finish() (*rotas, map[string]bool) {
	if b.next == nil {
		return b.from, nil
	}
	for id := range b.changed {
		if r := b.next.byID[id]; r != nil {
			with := *r
			if c := b.next.custody[id]; c != nil {
				with.custody, with.custodyFact = c.handoffs, c.fact
			} else {
				with.custody, with.custodyFact = nil, nil
			}
			b.next.byID[id] = &with
		}
	}
	return b.next, b.changed
}

// custodyBuilder takes the records of custody into the rotas' part.
type custodyBuilder struct{ of *rotasBuilder }

func (b custodyBuilder) put(id string, value []byte) error {
	p, err := published.Custody(value)
	if err != nil {
		return err
	}
	if len(p.GetAhead()) > maxAhead {
		return fmt.Errorf("%d handoffs accepted ahead, at most %d", len(p.GetAhead()), maxAhead)
	}
	all := []handoff{readHandoff(p)}
	for _, a := range p.GetAhead() {
		all = append(all, readHandoff(a))
	}
	slices.SortStableFunc(all[1:], func(a, b handoff) int {
		return int(min(max(a.turnFromUnixS-b.turnFromUnixS, -1), 1))
	})
	b.of.edit(id).custody[id] = &custody{all, newFact(published.CustodyPrefix+id, value)}
	return nil
}

func (b custodyBuilder) keep(id string) {
	if c := b.of.before.custody[id]; c != nil {
		b.of.edit(id).custody[id] = c
	}
}

func (b custodyBuilder) remove(id string) { delete(b.of.edit(id).custody, id) }

func readHandoff(p *publishedv1.Custody) handoff {
	return handoff{p.GetHolder(), p.GetAcceptUnixS(), p.GetTurnFromUnixS()}
}

func readRota(id string, value []byte) (*Rota, error) {
	p, err := published.Rota(value)
	if err != nil {
		return nil, err
	}
	compiled, err := roster.FromProto(p)
	if err != nil {
		return nil, err
	}
	r := unknownRota(id)
	r.TimeZone, r.roster, r.accepting = compiled.Sheet().TimeZone, compiled, compiled.Sheet().AcceptWithinS > 0
	for _, member := range compiled.People() {
		if r.people[member.ID], err = readPerson(member); err != nil {
			return nil, fmt.Errorf("people/%s: %w", member.ID, err)
		}
	}
	r.fact = newFact(published.RotaPrefix+id, value)
	return r, nil
}

// unknownRota is what a line sees of a rota that nothing is known of.
func unknownRota(id string) *Rota {
	return &Rota{ID: id, Name: "rotas/" + id, people: map[string]*Person{}}
}

func readPerson(m *roster.Person) (*Person, error) {
	p := &Person{ID: m.ID, Name: "people/" + m.ID, DisplayName: m.DisplayName, texts: m.Targets}
	ring := m.RingTimeoutS
	if ring == 0 {
		ring = defaultPersonRingTimeoutS
	}
	timeout := &durationpb.Duration{Seconds: int64(ring)}
	for i, text := range m.Targets {
		t, err := readTarget(text)
		if err != nil {
			return nil, fmt.Errorf("targets[%d]: %w", i, err)
		}
		rung := &routingv1.RouteTarget{
			TargetId: targetID(personIDs+m.ID, rendezvous.Of(m.ID), i), Target: t, Person: p.Name, RingTimeout: timeout,
			DisplayName: p.DisplayName,
		}
		accepting := proto.CloneOf(rung)
		accepting.AcceptKey = acceptKey
		p.Targets, p.Accepting = append(p.Targets, rung), append(p.Accepting, accepting)
	}
	return p, nil
}
