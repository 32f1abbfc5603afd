// Package estate is all that the schedule service owns, as written, with what coverage depends on of the lines: sites,
// calendars, people and rotas at one revision. It says what refers to what, compiles each resource with those it depends
// on, and tells what a set of changes does to coverage. It is pure; what is kept where is the service's.
//
// What hours, rotas and gaps mean is said by hours, rota and proof.
package estate

import (
	"maps"
	"strings"

	"google.golang.org/protobuf/proto"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// Estate holds resources by name. Its messages are not changed once they are in it: another version is another message.
type Estate struct {
	Sites     map[string]*schedulev1.Site
	Calendars map[string]*schedulev1.Calendar
	People    map[string]*schedulev1.Person
	Rotas     map[string]*schedulev1.Rota
	Lines     map[string]*schedulev1.LineCoverage
}

// New is an estate without anything.
func New() *Estate {
	return &Estate{
		Sites: map[string]*schedulev1.Site{}, Calendars: map[string]*schedulev1.Calendar{},
		People: map[string]*schedulev1.Person{}, Rotas: map[string]*schedulev1.Rota{},
		Lines: map[string]*schedulev1.LineCoverage{},
	}
}

// Clone is another estate with the same resources.
func (e *Estate) Clone() *Estate {
	return &Estate{
		Sites: maps.Clone(e.Sites), Calendars: maps.Clone(e.Calendars), People: maps.Clone(e.People),
		Rotas: maps.Clone(e.Rotas), Lines: maps.Clone(e.Lines),
	}
}

// Put adds a resource, or replaces the one of its name; false where it is of no kind that an estate holds.
func (e *Estate) Put(item proto.Message) bool {
	switch m := item.(type) {
	case *schedulev1.Site:
		e.Sites[m.GetName()] = m
	case *schedulev1.Calendar:
		e.Calendars[m.GetName()] = m
	case *schedulev1.Person:
		e.People[m.GetName()] = m
	case *schedulev1.Rota:
		e.Rotas[m.GetName()] = m
	case *schedulev1.LineCoverage:
		e.Lines[m.GetLine()] = m
	default:
		return false
	}
	return true
}

// Delete removes the resource of a name; false where there is none.
func (e *Estate) Delete(name string) bool {
	had := e.Has(name)
	delete(e.Sites, name)
	delete(e.Calendars, name)
	delete(e.People, name)
	delete(e.Rotas, name)
	delete(e.Lines, name)
	return had
}

// Has says whether there is a resource of that name.
func (e *Estate) Has(name string) bool { return e.Get(name) != nil }

// Get is the resource of a name, or nil. Names of different kinds differ in their first part.
func (e *Estate) Get(name string) proto.Message {
	kind, _, _ := strings.Cut(name, "/")
	switch kind {
	case "sites":
		return orNil(e.Sites, name)
	case "calendars":
		return orNil(e.Calendars, name)
	case "people":
		return orNil(e.People, name)
	case "rotas":
		return orNil(e.Rotas, name)
	case "lines":
		return orNil(e.Lines, name)
	}
	return nil
}

// orNil is an untyped nil where the map has no such name.
func orNil[T proto.Message](m map[string]T, name string) proto.Message {
	if item, ok := m[name]; ok {
		return item
	}
	return nil
}

// NameOf is the name of a resource that an estate holds; empty for others.
func NameOf(item proto.Message) string {
	switch m := item.(type) {
	case interface{ GetName() string }:
		return m.GetName()
	case *schedulev1.LineCoverage:
		return m.GetLine()
	}
	return ""
}

// KindOf is the first part of such names: "sites".
func KindOf(item proto.Message) string {
	switch item.(type) {
	case *schedulev1.Site:
		return "sites"
	case *schedulev1.Calendar:
		return "calendars"
	case *schedulev1.Person:
		return "people"
	case *schedulev1.Rota:
		return "rotas"
	case *schedulev1.LineCoverage:
		return "lines"
	}
	return ""
}
