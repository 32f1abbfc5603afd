package rotas

import (
	"fmt"
	"strings"
	"unicode"

	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/protobuf/types/known/timestamppb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/rota"
	"github.com/daysidehq/dayside/services/internal/wallclock"
)

const (
	defaultAcceptWithinS = 15 * 60
	ruleControl          = "must hold no control characters"
	ruleWholeSeconds     = "must be an instant, in whole seconds"
)

// reader reads one rota.
type reader struct {
	in      Input
	people  map[string]person // by ID
	order   []string          // of IDs, as they were met
	broken  fault.Violations
	missing []fault.Violation
}

// read is the rota as services/internal/rota has it, complete and without a broken rule.
func (r *reader) read() (rota.Rota, error) {
	m := r.in.Rota
	if strings.ContainsFunc(m.GetDisplayName(), unicode.IsControl) {
		r.broken.Add("display_name", m.GetDisplayName(), ruleControl)
	}
	loc, err := r.in.Rules.Location(m.GetTimeZone())
	if err := gather(&r.broken, "", err); err != nil {
		return rota.Rota{}, err
	}
	out := rota.Rota{Zone: hours.Zone{Location: loc, Release: r.in.Rules.Release()}}
	for i, l := range m.GetLayers() {
		out.Layers = append(out.Layers, r.layer(fmt.Sprintf("layers[%d]", i), l))
	}
	for i, o := range m.GetOverrides() {
		out.Overrides = append(out.Overrides, r.override(fmt.Sprintf("overrides[%d]", i), o))
	}
	if d := m.GetAcceptWithin(); d != nil && (d.GetNanos() != 0 || d.GetSeconds() < 60 || d.GetSeconds() > hours.DayS) {
		r.broken.Add("accept_within", d.AsDuration().String(), "must be whole seconds, from a minute to a day")
	}
	if err := r.broken.Err(); err != nil {
		return rota.Rota{}, err
	}
	if len(r.missing) > 0 {
		return rota.Rota{}, fault.MissingReference(r.missing...)
	}
	out.Absences = r.absences(r.in.FromUnixS, r.in.ToUnixS)
	if wrong := rota.Validate("", out); len(wrong) > 0 {
		return rota.Rota{}, renamed(fault.Invalid(wrong...))
	}
	for i, l := range m.GetLayers() {
		out.Layers[i] = followOn(out.Layers[i], l)
	}
	return out, nil
}

// layer reads a layer. A change of crew that does not say who is first stands here with the first of its members.
func (r *reader) layer(field string, m *schedulev1.RotaLayer) rota.Layer {
	l := rota.Layer{Name: m.GetDisplayName(), Every: 1, Unit: rota.Unit(m.GetUnit())}
	if m.Every != nil {
		l.Every = max(int(m.GetEvery()), 0)
	}
	l.Start = r.wall(field+".start", m.GetStart())
	if m.GetEnd() != "" {
		l.End = r.wall(field+".end", m.GetEnd())
	}
	l.Crews = append(l.Crews, rota.Crew{Slots: r.members(field+".members", m.GetMembers()), First: int(m.GetFirst())})
	for i, c := range m.GetChanges() {
		at := fmt.Sprintf("%s.changes[%d]", field, i)
		l.Crews = append(l.Crews, rota.Crew{
			From: r.wall(at+".from", c.GetFrom()), Slots: r.members(at+".members", c.GetMembers()), First: int(c.GetFirst()),
		})
	}
	if m.GetRestrictions() != nil {
		var clock wallclock.Reader
		l.Restrictions = clock.Week(field+".restrictions", m.GetRestrictions())
		r.broken.Append(clock.Wrong()...)
	}
	return l
}

// followOn lets crews whose change does not say who is first follow on from the crew before. The layer is a valid one.
func followOn(l rota.Layer, m *schedulev1.RotaLayer) rota.Layer {
	crews := l.Crews
	l.Crews = crews[:1:1]
	for i, c := range m.GetChanges() {
		crew := crews[i+1]
		if c.First == nil {
			l = l.WithMembers(crew.From, crew.Slots)
			continue
		}
		l.Crews = append(l.Crews, crew)
	}
	return l
}

func (r *reader) override(field string, m *schedulev1.RotaOverride) rota.Override {
	o := rota.Override{Kind: rota.Kind(m.GetKind()), Name: m.GetDisplayName()}
	o.Of, o.By = r.member(field+".of", m.GetOf()), r.member(field+".by", m.GetBy())
	o.FromUnixS, o.ToUnixS = readInterval(&r.broken, field+".interval", m.GetInterval())
	return o
}

func (r *reader) wall(field, text string) hours.WallTime {
	w, err := hours.ParseWallTime(field, text)
	_ = gather(&r.broken, "", err) // it is a fault with violations, or nil
	return w
}

func (r *reader) members(field string, names []string) []string {
	ids := make([]string, len(names))
	for i, name := range names {
		ids[i] = r.member(fmt.Sprintf("%s[%d]", field, i), name)
	}
	return ids
}

// member is the ID of a person, who is read when first met.
func (r *reader) member(field, name string) string {
	if name == "" {
		return ""
	}
	id, ok := strings.CutPrefix(name, peoplePrefix)
	if !ok || id == "" {
		r.broken.Add(field, name, "must be people/ID, or empty")
		return ""
	}
	if _, known := r.people[id]; known {
		return id
	}
	m := r.in.Person(name)
	if m == nil {
		r.missing = append(r.missing, fault.Violation{Field: field, Value: name, Rule: "must exist"})
		return id
	}
	p, wrong := readPerson(m, r.in.Rules)
	for _, v := range wrong {
		r.broken.Add(name+": "+v.Field, v.Value, v.Rule)
	}
	r.people[id] = p
	r.order = append(r.order, id)
	return id
}

// absences are those of all people that meet [fromUnixS, toUnixS). Each calendar is read once, however many use it.
func (r *reader) absences(fromUnixS, toUnixS int64) []rota.Absence {
	read := map[string]closing{}
	var list []rota.Absence
	for _, id := range r.order {
		p := r.people[id]
		var closings []closing
		for _, name := range p.calendars {
			c, done := read[name]
			if m := r.in.Calendar(name); !done && m != nil { // whether it exists is checked when the person is written
				c = newClosing(m, fromUnixS, toUnixS)
			}
			read[name] = c
			closings = append(closings, c)
		}
		list = append(list, p.away(id, closings, fromUnixS, toUnixS)...)
	}
	return list
}

func acceptWithinS(m *schedulev1.Rota) uint32 {
	switch {
	case m.GetNoAcceptance():
		return 0
	case m.GetAcceptWithin() == nil:
		return defaultAcceptWithinS
	default:
		return uint32(m.GetAcceptWithin().GetSeconds()) //nolint:gosec // read has checked that it is at most a day
	}
}

// readInterval is [from, to), Unix seconds; whether it is in its order is for others to say.
func readInterval(broken *fault.Violations, field string, m *interval.Interval) (fromUnixS, toUnixS int64) {
	return readInstant(broken, field+".start_time", m.GetStartTime()), readInstant(broken, field+".end_time", m.GetEndTime())
}

func readInstant(broken *fault.Violations, field string, m *timestamppb.Timestamp) int64 {
	switch {
	case m == nil:
		broken.Add(field, "", "is required: "+ruleWholeSeconds)
	case m.GetNanos() != 0:
		broken.Add(field, m.AsTime().String(), ruleWholeSeconds)
	}
	return m.GetSeconds()
}
