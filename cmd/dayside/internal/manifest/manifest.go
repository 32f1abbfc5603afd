// Package manifest is configuration as files: YAML documents of calendars, people, rotas, sites, plans, offers, customers
// and lines, read strictly and written so that what was written reads back as the same resources. Fields are those of the
// API's protos, in snake_case (an offer's kind is offer_kind, since kind says what a document is); what people write often
// has a short form ("09:00-17:30", 2026-12-25, "+353…", "sip:…", 20s, EUR 90.00). See the examples in deploy/examples.
//
// It checks what one resource says about itself: form, types, dates, the rules of the protos. What needs a server or
// another resource (zones, overlaps, references) is judged where it is applied. It speaks to no server.
package manifest

import (
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// Limits of what is read.
const (
	maxFileBytes  = 4 << 20 // the largest calendar is 2 MiB
	maxTotalBytes = 16 << 20
	maxFiles      = 500
	maxFolders    = 8 // below one another
	// maxResources is what one ApplyConfiguration takes: 500 of each kind.
	maxResources = 4000
	// splitBytes is the size from which on Files begins another file.
	splitBytes = 1 << 20
)

// Set is the resources of some files, each kind in order of name.
type Set struct {
	Calendars []*schedulev1.Calendar
	People    []*schedulev1.Person
	Rotas     []*schedulev1.Rota
	Sites     []*schedulev1.Site
	Plans     []*entitlementv1.Plan
	Offers    []*entitlementv1.Offer
	Customers []*entitlementv1.Customer
	Lines     []*routingv1.Line
	places    map[string]place // by resource name
}

// place is where a resource stands in the files, and where its fields do, by path.
type place struct {
	file  string
	lines map[string]int
}

// Len is the number of resources.
func (s *Set) Len() int {
	return len(s.Calendars) + len(s.People) + len(s.Rotas) + len(s.Sites) + len(s.Plans) + len(s.Offers) +
		len(s.Customers) + len(s.Lines)
}

// Resources are all of them, kind by kind: what is referred to before what refers.
func (s *Set) Resources() []proto.Message {
	out := make([]proto.Message, 0, s.Len())
	out = with(out, s.Calendars)
	out = with(out, s.People)
	out = with(out, s.Rotas)
	out = with(out, s.Sites)
	out = with(out, s.Plans)
	out = with(out, s.Offers)
	out = with(out, s.Customers)
	return with(out, s.Lines)
}

func with[T proto.Message](out []proto.Message, list []T) []proto.Message {
	for _, m := range list {
		out = append(out, m)
	}
	return out
}

// Locate is "file:line" of a field of a resource, or of what stands nearest around it; empty where the resource came from
// no file.
func (s *Set) Locate(name, path string) string {
	p, ok := s.places[name]
	if !ok {
		return ""
	}
	return at(p.file, p.line(path))
}

// line is where a path stands; what is not written stands where it is missing.
func (p place) line(path string) int {
	for {
		if n, ok := p.lines[path]; ok || path == "" {
			return n
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
}

// add takes a resource in; what else can stand in a file is not of these types.
func (s *Set) add(m proto.Message) {
	switch m := m.(type) {
	case *schedulev1.Calendar:
		s.Calendars = append(s.Calendars, m)
	case *schedulev1.Person:
		s.People = append(s.People, m)
	case *schedulev1.Rota:
		s.Rotas = append(s.Rotas, m)
	case *schedulev1.Site:
		s.Sites = append(s.Sites, m)
	case *entitlementv1.Plan:
		s.Plans = append(s.Plans, m)
	case *entitlementv1.Offer:
		s.Offers = append(s.Offers, m)
	case *entitlementv1.Customer:
		s.Customers = append(s.Customers, m)
	case *routingv1.Line:
		s.Lines = append(s.Lines, m)
	}
}

func (s *Set) sort() {
	slices.SortFunc(s.Calendars, byName[*schedulev1.Calendar])
	slices.SortFunc(s.People, byName[*schedulev1.Person])
	slices.SortFunc(s.Rotas, byName[*schedulev1.Rota])
	slices.SortFunc(s.Sites, byName[*schedulev1.Site])
	slices.SortFunc(s.Plans, byName[*entitlementv1.Plan])
	slices.SortFunc(s.Offers, byName[*entitlementv1.Offer])
	slices.SortFunc(s.Customers, byName[*entitlementv1.Customer])
	slices.SortFunc(s.Lines, byName[*routingv1.Line])
}

func byName[T interface{ GetName() string }](a, b T) int {
	return strings.Compare(a.GetName(), b.GetName())
}

// NewSet is a set of resources that came from elsewhere than files, for Files. What is no kind of resource is left out.
func NewSet(resources ...proto.Message) *Set {
	s := &Set{}
	for _, m := range resources {
		s.add(m)
	}
	s.sort()
	return s
}

// kind is a kind of document.
type kind struct {
	name       string // as in `kind: Site`
	collection string // the first part of names
	empty      proto.Message
}

var kinds = []kind{
	{"Calendar", "calendars", (*schedulev1.Calendar)(nil)},
	{"Person", "people", (*schedulev1.Person)(nil)},
	{"Rota", "rotas", (*schedulev1.Rota)(nil)},
	{"Site", "sites", (*schedulev1.Site)(nil)},
	{"Plan", "plans", (*entitlementv1.Plan)(nil)},
	{"Offer", "offers", (*entitlementv1.Offer)(nil)},
	{"Customer", "customers", (*entitlementv1.Customer)(nil)},
	{"Line", "lines", (*routingv1.Line)(nil)},
}

func kindNames() string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	return strings.Join(names, ", ")
}

func kindOf(m proto.Message) (kind, bool) {
	full := m.ProtoReflect().Descriptor().FullName()
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.empty.ProtoReflect().Descriptor().FullName() == full })
	if i < 0 {
		return kind{}, false
	}
	return kinds[i], true
}

// filled are the fields that the server fills: a file that sets one expects what will not happen.
func filled(fd protoreflect.FieldDescriptor) bool {
	behaviors, _ := proto.GetExtension(fd.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	return slices.Contains(behaviors, annotations.FieldBehavior_OUTPUT_ONLY)
}
