package estate

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// Reference is one resource naming another.
type Reference struct {
	// Field is the path within the one that refers.
	Field string
	// Name is the one referred to.
	Name string
}

// References are all that a resource refers to, in the order in which they stand in it.
func References(item proto.Message) []Reference {
	var r []Reference
	switch m := item.(type) {
	case *schedulev1.Site:
		r = list(r, "calendars", m.GetCalendars())
	case *schedulev1.Person:
		r = list(r, "calendars", m.GetCalendars())
	case *schedulev1.LineCoverage:
		r = list(r, "sites", m.GetSites())
		r = list(r, "rotas", m.GetRotas())
		r = list(r, "service_hours.calendars", m.GetServiceHours().GetCalendars())
	case *schedulev1.Rota:
		for i, l := range m.GetLayers() {
			at := fmt.Sprintf("layers[%d].", i)
			r = list(r, at+"members", l.GetMembers())
			for j, c := range l.GetChanges() {
				r = list(r, fmt.Sprintf("%schanges[%d].members", at, j), c.GetMembers())
			}
		}
		for i, o := range m.GetOverrides() {
			at := fmt.Sprintf("overrides[%d].", i)
			r = one(r, at+"of", o.GetOf())
			r = one(r, at+"by", o.GetBy())
		}
	}
	return r
}

// list adds what a list of names refers to; an empty name refers to nothing.
func list(r []Reference, field string, names []string) []Reference {
	for i, name := range names {
		r = one(r, fmt.Sprintf("%s[%d]", field, i), name)
	}
	return r
}

func one(r []Reference, field, name string) []Reference {
	if name == "" {
		return r
	}
	return append(r, Reference{field, name})
}

// Missing are the references of a resource to what is not there, as violations on its fields.
func (e *Estate) Missing(item proto.Message) []fault.Violation {
	var missing []fault.Violation
	for _, r := range References(item) {
		if !e.Has(r.Name) {
			missing = append(missing, fault.Violation{Field: r.Field, Value: r.Name, Rule: "does not exist"})
		}
	}
	return missing
}

// Users are the names of what refers to any of the given names, ascending.
func (e *Estate) Users(names map[string]bool) []string {
	found := map[string]bool{}
	e.referring(func(user, name string) {
		if names[name] {
			found[user] = true
		}
	})
	return slices.Sorted(maps.Keys(found))
}

// Affected are the names of all that compiles differently, or may, where the named resources change: they themselves, and
// what depends on them, over any number of steps. Ascending.
func (e *Estate) Affected(changed []string) []string {
	users := map[string][]string{}
	e.referring(func(user, name string) { users[name] = append(users[name], user) })
	found := map[string]bool{}
	for _, name := range changed {
		found[name] = true
	}
	for next := changed; len(next) > 0; {
		var step []string
		for _, name := range next {
			for _, user := range users[name] {
				if !found[user] {
					found[user] = true
					step = append(step, user)
				}
			}
		}
		next = step
	}
	return slices.Sorted(maps.Keys(found))
}

// Uses are the names of all that a resource is compiled from, over any number of steps; it is not among them. Ascending.
func (e *Estate) Uses(name string) []string {
	found := map[string]bool{}
	for next := []string{name}; len(next) > 0; {
		var step []string
		for _, user := range next {
			for _, r := range References(e.Get(user)) {
				if !found[r.Name] {
					found[r.Name] = true
					step = append(step, r.Name)
				}
			}
		}
		next = step
	}
	return slices.Sorted(maps.Keys(found))
}

// referring calls f with each pair of names of which the first refers to the second; more than once where it does so more
// than once.
func (e *Estate) referring(f func(user, name string)) {
	each := func(user string, names []string) {
		for _, name := range names {
			f(user, name)
		}
	}
	for user, s := range e.Sites {
		each(user, s.GetCalendars())
	}
	for user, p := range e.People {
		each(user, p.GetCalendars())
	}
	for user, l := range e.Lines {
		each(user, l.GetSites())
		each(user, l.GetRotas())
		each(user, l.GetServiceHours().GetCalendars())
	}
	for user, r := range e.Rotas {
		for _, ref := range References(r) {
			f(user, ref.Name)
		}
	}
}

// Of puts a resource's name before the fields of its broken rules.
func Of(name string, err error) error {
	var f *fault.Fault
	if !errors.As(err, &f) || len(f.Violations) == 0 {
		return err
	}
	named := *f
	named.Violations = slices.Clone(f.Violations)
	for i, v := range named.Violations {
		named.Violations[i].Field = name + ": " + v.Field
	}
	return &named
}
