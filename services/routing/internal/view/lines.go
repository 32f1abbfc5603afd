package view

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/target"
	"github.com/daysidehq/dayside/services/internal/timeline"
)

const (
	// maxLineSites is the proto's own limit.
	maxLineSites = 1000
	// maxLineRotas is the proto's own limit.
	maxLineRotas = 8
	// maxTier is the highest tier; decide packs it in seven bits.
	maxTier = 99
	// maxWeight is the proto's own limit; rendezvous.Share counts on it.
	maxWeight = 1000
	// defaultWeight is that of a site of which the line says none.
	defaultWeight = 1
	// lastResortID names the last rung in the reports of gateways; no site's rung is called so.
	lastResortID = "last-resort"
	// lastResortRingTimeoutS is longer than a site's: nobody comes after it.
	lastResortRingTimeoutS = 60
)

// Line is a dialled number's policy as decisions see it. Its number is not to be had from it.
type Line struct {
	// ID is the last part of Name, "lines/ID".
	ID, Name string
	// Product it supports.
	Product Product
	// Strategy is never UNSPECIFIED.
	Strategy routingv1.Strategy
	// MinRemainingS: FOLLOW_THE_SUN puts sites with less business time left behind the others, seconds.
	MinRemainingS uint32
	// Sites in the line's order, each once.
	Sites []LineSite
	// Rotas whose people on duty come after the sites, in order; never nil among them.
	Rotas []*Rota
	// Drains that concern its sites and people; nil where there are none.
	Drains *LineDrains
	// LastResort is the final rung; never nil. It is answered with as it is: never change it.
	LastResort *routingv1.RouteTarget
	// TZDataRelease is the release of the time-zone rules in the timelines of its sites and rotas; several, joined by commas,
	// while a new one is being adopted.
	TZDataRelease string

	number     phone.Number
	treatments [4]routingv1.Treatment // by CallerClass
}

// LineSite is a site's place on a line, with what a decision reads of every site side by side.
type LineSite struct {
	// Timeline and Hash are the site's own.
	Timeline *timeline.Timeline
	Hash     uint64
	// Site is never nil; where nothing is known of it, it has no timeline and no targets.
	Site *Site
	// Tier is 0 to 99, the lower first.
	Tier uint8
	// Weight is 0 to 1000; WEIGHTED shares calls by it.
	Weight uint16
	// Outsourced is the site's own.
	Outsourced bool
}

// Treatment of a class of callers: FORWARD where the line says nothing.
func (l *Line) Treatment(class routingv1.CallerClass) routingv1.Treatment {
	if int(class) < len(l.treatments) && l.treatments[class] != routingv1.Treatment_TREATMENT_UNSPECIFIED {
		return l.treatments[class]
	}
	return routingv1.Treatment_TREATMENT_FORWARD
}

// lines is routing's own part.
type lines struct {
	byID map[string]*Line
	// byNumber: numbers are unique when lines are written; should two ever share one, the first by ID has it.
	byNumber map[phone.Number]*Line
}

func newLines() *lines {
	return &lines{byID: map[string]*Line{}, byNumber: map[phone.Number]*Line{}}
}

type linesBuilder struct {
	from, before *lines
	byID         map[string]*Line // nil until something changes
	fresh        map[string]bool  // lines whose sites are still to be found
}

func (b *linesBuilder) edit() {
	if b.byID == nil {
		b.byID, b.fresh = maps.Clone(b.from.byID), map[string]bool{}
	}
}

func (b *linesBuilder) put(id string, value []byte) error {
	l, err := readLine(id, value)
	if err != nil {
		return err
	}
	b.edit()
	b.byID[id], b.fresh[id] = l, true
	return nil
}

func (b *linesBuilder) keep(id string) {
	if l := b.before.byID[id]; l != nil {
		b.edit()
		b.byID[id], b.fresh[id] = l, true
	}
}

func (b *linesBuilder) remove(id string) {
	b.edit()
	delete(b.byID, id)
}

// changes are the IDs of what changed in the parts that lines refer to, and whether drains did.
type changes struct {
	sites, rotas map[string]bool
	drains       bool
}

// finish finds the sites, rotas and drains of lines that changed, or of which those did, so that a decision looks up none.
func (b *linesBuilder) finish(next *View, changed changes) *lines {
	if b.byID == nil && len(changed.sites) == 0 && len(changed.rotas) == 0 && !changed.drains {
		return b.from
	}
	b.edit()
	for id, l := range b.byID {
		fresh := b.fresh[id] || l.hasAny(changed)
		if fresh {
			l = l.resolve(next.sites, next.rotas)
		}
		if fresh || changed.drains {
			b.byID[id] = l.withDrains(next.drains.of(l))
		}
	}
	all := &lines{byID: b.byID, byNumber: make(map[phone.Number]*Line, len(b.byID))}
	for _, l := range b.byID {
		if other := all.byNumber[l.number]; other == nil || l.ID < other.ID {
			all.byNumber[l.number] = l
		}
	}
	return all
}

func (l *Line) hasAny(changed changes) bool {
	return len(changed.sites) > 0 && slices.ContainsFunc(l.Sites, func(s LineSite) bool { return changed.sites[s.Site.ID] }) ||
		len(changed.rotas) > 0 && slices.ContainsFunc(l.Rotas, func(r *Rota) bool { return changed.rotas[r.ID] })
}

// withDrains is the line with those drains.
func (l *Line) withDrains(drains *LineDrains) *Line {
	if l.Drains == nil && drains == nil {
		return l
	}
	next := *l
	next.Drains = drains
	return &next
}

// resolve is the line with its sites and rotas as they stand in those parts.
func (l *Line) resolve(sites *sites, rotas *rotas) *Line {
	next := *l
	next.Sites = make([]LineSite, len(l.Sites))
	next.Rotas = make([]*Rota, len(l.Rotas))
	var releases []string
	note := func(release string) {
		if release != "" && !slices.Contains(releases, release) {
			releases = append(releases, release)
		}
	}
	for i, ls := range l.Sites {
		s := sites.byID[ls.Site.ID]
		if s == nil {
			s = unknownSite(ls.Site.ID)
		}
		next.Sites[i] = LineSite{s.Timeline, s.Hash, s, ls.Tier, ls.Weight, s.Outsourced}
		note(s.Timeline.TZDataRelease())
	}
	for i, was := range l.Rotas {
		if next.Rotas[i] = rotas.byID[was.ID]; next.Rotas[i] == nil {
			next.Rotas[i] = unknownRota(was.ID)
		}
		note(next.Rotas[i].TZDataRelease())
	}
	slices.Sort(releases)
	next.TZDataRelease = strings.Join(releases, ",")
	return &next
}

func readLine(id string, value []byte) (*Line, error) {
	var stored rpcv1.Stored
	var p routingv1.Line
	if err := proto.Unmarshal(value, &stored); err != nil {
		return nil, err
	}
	if err := proto.Unmarshal(stored.GetResource(), &p); err != nil {
		return nil, err
	}
	number, ok := phone.Parse(p.GetNumber().GetE164Number())
	if !ok {
		return nil, errors.New("number: not E.164")
	}
	if v, ok := target.Broken("last_resort.target", p.GetLastResort().GetTarget()); !ok {
		return nil, fmt.Errorf("%s: %s", v.Field, v.Rule)
	}
	l := &Line{
		ID: id, Name: "lines/" + id, number: number, Product: ProductOf(p.GetProduct()), Strategy: p.GetStrategy(),
		MinRemainingS: uint32(min(max(p.GetMinRemaining().GetSeconds(), 0), timeline.RemainingMaxS)),
		LastResort:    lastResort(p.GetLastResort()),
	}
	if l.Strategy == routingv1.Strategy_STRATEGY_UNSPECIFIED {
		l.Strategy = routingv1.Strategy_STRATEGY_FOLLOW_THE_SUN
	}
	t := p.GetTreatments()
	l.treatments[routingv1.CallerClass_CALLER_CLASS_ENTITLED] = t.GetEntitled()
	l.treatments[routingv1.CallerClass_CALLER_CLASS_NOT_ENTITLED] = t.GetNotEntitled()
	l.treatments[routingv1.CallerClass_CALLER_CLASS_UNKNOWN] = t.GetUnknown()
	if err := l.readRotas(p.GetRotas()); err != nil {
		return nil, err
	}
	return l, l.readSites(p.GetSites())
}

// readRotas notes the rotas by ID; resolve finds them.
func (l *Line) readRotas(list []string) error {
	if len(list) > maxLineRotas {
		return fmt.Errorf("%d rotas, at most %d", len(list), maxLineRotas)
	}
	for i, name := range list {
		id, ok := strings.CutPrefix(name, "rotas/")
		if !ok {
			return fmt.Errorf("rotas[%d]: not a rota's name", i)
		}
		l.Rotas = append(l.Rotas, &Rota{ID: id})
	}
	return nil
}

// readSites notes the sites by ID; resolve finds them.
func (l *Line) readSites(list []*routingv1.LineSite) error {
	if len(list) > maxLineSites {
		return fmt.Errorf("%d sites, at most %d", len(list), maxLineSites)
	}
	seen := map[string]bool{}
	for i, s := range list {
		id, ok := strings.CutPrefix(s.GetSite(), "sites/")
		if !ok || s.GetTier() < 0 || s.GetTier() > maxTier || seen[id] {
			return fmt.Errorf("sites[%d]: not a site's place on a line", i)
		}
		weight := int32(defaultWeight)
		if s.Weight != nil {
			weight = s.GetWeight()
		}
		if weight < 0 || weight > maxWeight {
			return fmt.Errorf("sites[%d]: weight %d, must be 0 to %d", i, weight, maxWeight)
		}
		seen[id] = true
		l.Sites = append(l.Sites, LineSite{Site: &Site{ID: id}, Tier: uint8(s.GetTier()), Weight: uint16(weight)})
	}
	return nil
}

func lastResort(p *routingv1.LastResort) *routingv1.RouteTarget {
	return &routingv1.RouteTarget{
		TargetId: lastResortID, Target: p.GetTarget(), LastResort: true, DisplayName: p.GetDisplayName(),
		RingTimeout: &durationpb.Duration{Seconds: lastResortRingTimeoutS},
	}
}
