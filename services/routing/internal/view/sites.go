package view

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/protobuf/types/known/durationpb"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/target"
	"github.com/daysidehq/dayside/services/internal/timeline"
	"github.com/daysidehq/dayside/services/routing/internal/rendezvous"
)

const (
	// maxSiteTargets is schedule's own limit, kept here too: what is read from etcd is not trusted to be small.
	maxSiteTargets = 8
	// defaultRingTimeoutS is schedule's default.
	defaultRingTimeoutS = 20
	// maxTargetIDBytes is the longest target id the API takes back.
	maxTargetIDBytes = 64
	// maxCapacity, maxProducts and maxLanguages are schedule's own limits.
	maxCapacity  = 10000
	maxProducts  = 100
	maxLanguages = 32
)

// Site is a support site as decisions see it.
type Site struct {
	// ID is the last part of Name, "sites/ID".
	ID, Name string
	// DisplayName is for people.
	DisplayName string
	// Outsourced is true for a partner's site.
	Outsourced bool
	// Hash breaks ties; see package rendezvous.
	Hash uint64
	// Timeline is when it is open; nil where nothing is known.
	Timeline *timeline.Timeline
	// Targets are the rungs it gives a ladder, in order. They are answered with as they are: never change them.
	Targets []*routingv1.RouteTarget
	// Capacity is how many calls it can take at once; 0 where that is not known.
	Capacity uint16
	// Products it supports; every product where there are none.
	Products []Product
	// Languages are the primary subtags of those spoken there, lower-case; every language where there are none.
	Languages []string

	texts []string // of the targets, as they are published
	fact  *Fact
}

// Supports says whether the site supports a product; any supports "any".
func (s *Site) Supports(p Product) bool {
	return p == Product{} || len(s.Products) == 0 || slices.Contains(s.Products, p)
}

// Speaks says whether a language, by its primary subtag, is spoken there; all speak the empty one.
func (s *Site) Speaks(language string) bool {
	return language == "" || len(s.Languages) == 0 || slices.Contains(s.Languages, language)
}

// sites is the part that schedule publishes.
type sites struct{ byID map[string]*Site }

func newSites() *sites { return &sites{byID: map[string]*Site{}} }

type sitesBuilder struct {
	from, before *sites
	byID         map[string]*Site // nil until something changes
	changed      map[string]bool
}

// edit copies the index at the first change: sites are some thousands at most.
func (b *sitesBuilder) edit(id string) map[string]*Site {
	if b.byID == nil {
		b.byID, b.changed = maps.Clone(b.from.byID), map[string]bool{}
	}
	b.changed[id] = true
	return b.byID
}

// put reads nothing anew of which each byte is known: most of a list is what it was before.
func (b *sitesBuilder) put(id string, value []byte) error {
	if s := b.before.byID[id]; s != nil && s.fact.says(value) {
		b.edit(id)[id] = s
		return nil
	}
	s, err := readSite(id, value)
	if err != nil {
		return err
	}
	b.edit(id)[id] = s
	return nil
}

func (b *sitesBuilder) keep(id string) {
	if s := b.before.byID[id]; s != nil {
		b.edit(id)[id] = s
	}
}

func (b *sitesBuilder) remove(id string) { delete(b.edit(id), id) }

// finish is the next part, and the IDs of what changed.
func (b *sitesBuilder) finish() (*sites, map[string]bool) {
	if b.byID == nil {
		return b.from, nil
	}
	return &sites{b.byID}, b.changed
}

func readSite(id string, value []byte) (*Site, error) {
	p, err := published.Site(value)
	if err != nil {
		return nil, err
	}
	tl, err := timeline.FromProto(p.GetTimeline())
	if err != nil {
		return nil, fmt.Errorf("timeline: %w", err)
	}
	s := unknownSite(id)
	s.DisplayName, s.Outsourced, s.Timeline = p.GetDisplayName(), p.GetOutsourced(), tl
	if len(p.GetTargets()) > maxSiteTargets {
		return nil, fmt.Errorf("%d targets, at most %d", len(p.GetTargets()), maxSiteTargets)
	}
	ring := p.GetRingTimeoutS()
	if ring == 0 {
		ring = defaultRingTimeoutS
	}
	timeout := &durationpb.Duration{Seconds: int64(ring)}
	s.texts = p.GetTargets()
	for i, text := range s.texts {
		t, err := readTarget(text)
		if err != nil {
			return nil, fmt.Errorf("targets[%d]: %w", i, err)
		}
		s.Targets = append(s.Targets, &routingv1.RouteTarget{
			TargetId: targetID(s.ID, s.Hash, i), Target: t, Site: s.Name, RingTimeout: timeout, DisplayName: s.DisplayName,
		})
	}
	if err := s.readSkills(p); err != nil {
		return nil, err
	}
	s.fact = newFact(published.SitePrefix+id, value)
	return s, nil
}

// readSkills reads what the site can do.
func (s *Site) readSkills(p *publishedv1.Site) error {
	if len(p.GetProducts()) > maxProducts || len(p.GetLanguages()) > maxLanguages {
		return fmt.Errorf("%d products and %d languages, at most %d and %d",
			len(p.GetProducts()), len(p.GetLanguages()), maxProducts, maxLanguages)
	}
	s.Capacity = uint16(min(p.GetCapacity(), maxCapacity))
	for _, name := range p.GetProducts() {
		s.Products = append(s.Products, ProductOf(name))
	}
	s.Languages = p.GetLanguages()
	return nil
}

// unknownSite is what a line sees of a site that nothing is known of.
func unknownSite(id string) *Site {
	return &Site{ID: id, Name: "sites/" + id, Hash: rendezvous.Of(id)}
}

// targetID names a rung in the reports of gateways: "dublin.1". The longest of IDs would be too long with a number
// behind; those are cut, and told apart by their hash.
func targetID(of string, hash uint64, i int) string {
	id := fmt.Sprintf("%s.%d", of, i+1)
	if len(id) <= maxTargetIDBytes {
		return id
	}
	return fmt.Sprintf("%s-%08x.%d", of[:50], uint32(hash), i+1)
}

// readTarget reads a published target: a SIP URI, or a number in E.164. It is checked once more, since it goes into the
// headers of gateways.
func readTarget(text string) (*schedulev1.Target, error) {
	t := &schedulev1.Target{Address: &schedulev1.Target_SipUri{SipUri: text}}
	if strings.HasPrefix(text, "+") {
		t.Address = &schedulev1.Target_PhoneNumber{PhoneNumber: &phone_number.PhoneNumber{
			Kind: &phone_number.PhoneNumber_E164Number{E164Number: text},
		}}
	}
	if v, ok := target.Broken("target", t); !ok {
		return nil, errors.New(v.Rule)
	}
	return t, nil
}
