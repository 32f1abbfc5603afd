package roster

import (
	"cmp"
	"slices"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/internal/rota"
)

// FromProto reads a published rota. What it reads came from outside: it refuses, with an INVALID_FIELD fault, what New
// would refuse.
func FromProto(p *publishedv1.Rota) (*Roster, error) {
	s := Spec{
		Sheet: Sheet{
			ID: p.GetId(), DisplayName: p.GetDisplayName(), TimeZone: p.GetTimeZone(), AcceptWithinS: p.GetAcceptWithinS(),
			CreateUnixS:   p.GetCreateUnixS(),
			TZDataRelease: p.GetTzdataRelease(), ZoneFingerprint: p.GetZoneFingerprint(),
		},
		FromUnixS: p.GetFromUnixS(), ToUnixS: p.GetToUnixS(), FirstFromUnixS: p.GetFirstFromUnixS(),
		Lengths: p.GetLengthS(), Holders: p.GetHolder(),
	}
	if s.FirstFromUnixS == 0 {
		s.FirstFromUnixS = s.FromUnixS
	}
	for _, person := range p.GetPeople() {
		s.People = append(s.People, &Person{
			ID: person.GetId(), DisplayName: person.GetDisplayName(), Targets: slices.Clone(person.GetTargets()),
			RingTimeoutS: person.GetRingTimeoutS(),
		})
	}
	for _, c := range p.GetClashes() {
		clash := Turn{FromUnixS: c.GetFromUnixS(), ToUnixS: c.GetToUnixS()}
		if h := int64(c.GetHolder()); h > 0 && h <= int64(len(s.People)) {
			clash.Person = s.People[h-1]
		}
		s.Clashes = append(s.Clashes, clash)
	}
	return New(s)
}

// ToProto is the record to publish of a compiled rota, in which people are called by their IDs; all of them are in the
// sheet, in any order. The release and the fingerprint are those of the compiled one. firstFromUnixS is when its first
// turn, or gap, began, if before it.
func ToProto(r *rota.Roster, s Sheet, firstFromUnixS int64) *publishedv1.Rota {
	p := &publishedv1.Rota{
		Id: s.ID, DisplayName: s.DisplayName, TimeZone: s.TimeZone, FromUnixS: r.FromUnixS, ToUnixS: r.ToUnixS,
		FirstFromUnixS: min(firstFromUnixS, r.FromUnixS), AcceptWithinS: s.AcceptWithinS,
		CreateUnixS:   s.CreateUnixS,
		TzdataRelease: r.TZDataRelease, ZoneFingerprint: r.ZoneFingerprint,
	}
	number := map[string]uint32{}
	people := slices.SortedFunc(slices.Values(s.People), func(a, b *Person) int { return cmp.Compare(a.ID, b.ID) })
	for i, person := range people {
		number[person.ID] = uint32(i) + 1
		p.People = append(p.People, &publishedv1.DutyPerson{
			Id: person.ID, DisplayName: person.DisplayName, Targets: slices.Clone(person.Targets), RingTimeoutS: person.RingTimeoutS,
		})
	}
	for _, c := range s.Clashes {
		p.Clashes = append(p.Clashes, &publishedv1.DutyClash{
			Holder: number[c.Person.ID], FromUnixS: c.FromUnixS, ToUnixS: c.ToUnixS,
		})
	}
	at := r.FromUnixS
	extend := func(toS int64, holder uint32) {
		if n := len(p.Holder); n > 0 && p.Holder[n-1] == holder {
			p.LengthS[n-1] += uint32(toS - at)
		} else if toS > at {
			p.LengthS, p.Holder = append(p.LengthS, uint32(toS-at)), append(p.Holder, holder)
		}
		at = toS
	}
	for _, t := range r.Turns {
		extend(t.FromUnixS, 0)
		extend(t.ToUnixS, number[t.Person])
	}
	extend(r.ToUnixS, 0)
	return p
}
