package view

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
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
	// maxOpeningSoonS and maxRingBudgetS are the proto's own limits.
	maxOpeningSoonS = 3600
	maxRingBudgetS  = 1800
	// LastResortID names the last rung in the reports of gateways; no site's rung is called so.
	LastResortID = "last-resort"
	// lastResortRingTimeoutS is longer than a site's: nobody comes after it.
	lastResortRingTimeoutS = 60
)

// Line is a dialled number's policy as decisions see it. Its number is not to be had from it.
type Line struct {
	// ID is the last part of Name, "lines/ID".
	ID, Name string
	// DisplayName is for people.
	DisplayName string
	// Product it supports.
	Product Product
	// Language is the primary subtag of its callers' language, lower-case; empty where it may be any.
	Language string
	// Strategy is never UNSPECIFIED.
	Strategy routingv1.Strategy
	// MinRemainingS: FOLLOW_THE_SUN puts sites with less business time left behind the others, seconds.
	MinRemainingS uint32
	// OpeningSoonS: a closed site that opens within so many seconds comes after the open ones; 0 where none does.
	OpeningSoonS uint32
	// RingBudgetS is how long a call may ring in all before its last resort does, seconds; 0 where there is no limit.
	RingBudgetS uint32
	// Sites in the line's order, each once.
	Sites []LineSite
	// Rotas whose people on duty come after the sites, in order; never nil among them.
	Rotas []*Rota
	// Drains that concern its sites and people; nil where there are none.
	Drains *LineDrains
	// Live is what is known of this minute of its sites and people; nil where nothing is.
	Live *LineLive
	// Facts are the records that decisions on it are made of, its own first.
	Facts []*Fact
	// FactList names all of them.
	FactList *Fact
	// Severity of the cases that it is for; any where unset.
	Severity entitlementv1.Severity
	// Offers that it makes, in order, the withdrawn among them; those that nothing is known of are left out.
	Offers []*Offer
	// Goodwill is how often callers who are not entitled are helped first; nil where it does not say.
	Goodwill *Goodwill
	// LastResort is the final rung; never nil. It is answered with as it is: never change it.
	LastResort *routingv1.RouteTarget
	// LastResortAccepting is the same rung; a person's asks whoever answers to press acceptKey, so that a personal voicemail
	// does not swallow the call there either.
	LastResortAccepting *routingv1.RouteTarget
	// TZDataRelease is the release of the time-zone rules in the timelines of its sites and rotas; several, joined by commas,
	// while a new one is being adopted.
	TZDataRelease string

	stored     []byte // as it was read
	source     *routingv1.Line
	fact       *Fact
	number     phone.Number
	offerIDs   []string
	formers    []formerNumber
	treatments [4]routingv1.Treatment // by CallerClass
}

// Goodwill is how often a caller who is not entitled is helped first.
type Goodwill struct {
	// MaxCalls within WindowS seconds before a call; the next one gets Then.
	MaxCalls int
	WindowS  int64
	// Then is never UNSPECIFIED.
	Then routingv1.Treatment
}

// formerNumber is a number that a line had, and until when it works, Unix seconds.
type formerNumber struct {
	lineID string
	number phone.Number
	untilS int64
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
	// Capacity is the site's own: calls at once, 0 where not known.
	Capacity uint16
	// Outsourced is the site's own.
	Outsourced bool
	// Misfit is why the site is not eligible for the line whenever it is open; Fits where it is.
	Misfit Misfit
}

// Misfit is what a site lacks for a line.
type Misfit uint8

// A site fits a line, or lacks the product, or the language.
const (
	Fits Misfit = iota
	OtherProduct
	OtherLanguage
)

// misfit is what a site lacks for the line. Of one that nothing is known of, nothing is lacking.
func (l *Line) misfit(s *Site) Misfit {
	switch {
	case !s.Supports(l.Product):
		return OtherProduct
	case !s.Speaks(l.Language):
		return OtherLanguage
	}
	return Fits
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
	// former are the numbers that lines had: those of one number in order of the line's ID.
	former func() map[phone.Number][]formerNumber
	// bySite are the IDs of the lines that a site is on.
	bySite func() map[string][]string
}

func newLines() *lines { return newIndex(map[string]*Line{}) }

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

// put reads nothing anew of which each byte is known, as for sites.
func (b *linesBuilder) put(id string, value []byte) error {
	if l := b.before.byID[id]; l != nil && bytes.Equal(l.stored, value) {
		b.keep(id)
		return nil
	}
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
	sites, rotas, offers map[string]bool
	drains               bool
	live                 liveChanges
}

func (c changes) any() bool {
	return len(c.sites) > 0 || len(c.live.sites) > 0 || c.everyLine()
}

// everyLine: any line may be concerned, whatever sites it has.
func (c changes) everyLine() bool {
	return len(c.rotas) > 0 || len(c.offers) > 0 || c.drains || c.live.targets
}

// finish finds the sites, rotas, drains and live state of lines that changed, or of which those did, so that a decision
// looks up none.
func (b *linesBuilder) finish(next *View, changed changes) *lines {
	edited := b.byID != nil
	if !edited && !changed.any() {
		return b.from
	}
	b.edit()
	if edited || changed.everyLine() {
		for id, l := range b.byID {
			b.byID[id] = l.anew(next, b.fresh[id], changed)
		}
		return newIndex(b.byID)
	}
	all := &lines{byID: b.byID, byNumber: maps.Clone(b.from.byNumber), former: b.from.former, bySite: b.from.bySite}
	index := all.bySite()
	for _, sites := range [...]map[string]bool{changed.sites, changed.live.sites} {
		for site := range sites {
			for _, id := range index[site] {
				l := b.from.byID[id].anew(next, false, changed)
				all.byID[id] = l
				if all.byNumber[l.number].ID == id {
					all.byNumber[l.number] = l
				}
			}
		}
	}
	return all
}

// newIndex is a part of those lines. Which lines a site is on is asked only once sites change, or what is known of them:
// mostly calls begin and end.
func newIndex(byID map[string]*Line) *lines {
	all := &lines{byID: byID, byNumber: make(map[phone.Number]*Line, len(byID))}
	for _, l := range byID {
		if other := all.byNumber[l.number]; other == nil || l.ID < other.ID {
			all.byNumber[l.number] = l
		}
	}
	all.former = sync.OnceValue(func() map[phone.Number][]formerNumber {
		index := map[phone.Number][]formerNumber{}
		for _, l := range byID {
			for _, f := range l.formers {
				index[f.number] = append(index[f.number], f)
			}
		}
		for _, list := range index {
			slices.SortFunc(list, func(a, b formerNumber) int { return strings.Compare(a.lineID, b.lineID) })
		}
		return index
	})
	all.bySite = sync.OnceValue(func() map[string][]string {
		index := map[string][]string{}
		for id, l := range byID {
			for i := range l.Sites {
				index[l.Sites[i].Site.ID] = append(index[l.Sites[i].Site.ID], id)
			}
		}
		return index
	})
	return all
}

// anew is the line as a view has it: itself, where nothing of it changed.
func (l *Line) anew(v *View, fresh bool, changed changes) *Line {
	fresh = fresh || l.hasAny(changed)
	drains := fresh || changed.drains && (l.Drains != nil || len(v.drains.byID) > 0)
	live := fresh || changed.live.targets || l.hasSite(changed.live.sites)
	if !fresh && !drains && !live {
		return l
	}
	next := *l
	if fresh {
		next.resolve(v)
	}
	if drains {
		next.Drains = v.drains.of(&next)
		next.Facts = factsOf(&next)
		next.FactList = listOf(next.Facts)
	}
	if live {
		next.Live = v.live.ofLine(&next)
	}
	return &next
}

func (l *Line) hasAny(changed changes) bool {
	return l.hasSite(changed.sites) ||
		len(changed.rotas) > 0 && slices.ContainsFunc(l.Rotas, func(r *Rota) bool { return changed.rotas[r.ID] }) ||
		len(changed.offers) > 0 && slices.ContainsFunc(l.offerIDs, func(id string) bool { return changed.offers[id] })
}

func (l *Line) hasSite(sites map[string]bool) bool {
	return len(sites) > 0 && slices.ContainsFunc(l.Sites, func(s LineSite) bool { return sites[s.Site.ID] })
}

// resolve finds the line's sites, rotas and offers as they stand in a view. The line is a copy; its lists are not.
func (l *Line) resolve(v *View) {
	l.Offers = nil
	for _, id := range l.offerIDs {
		if o := v.offers.byID[id]; o != nil {
			l.Offers = append(l.Offers, o)
		}
	}
	places, duties := l.Sites, l.Rotas
	l.Sites, l.Rotas = make([]LineSite, len(places)), make([]*Rota, len(duties))
	var releases []string
	note := func(release string) {
		if release != "" && !slices.Contains(releases, release) {
			releases = append(releases, release)
		}
	}
	for i, ls := range places {
		s := v.sites.byID[ls.Site.ID]
		if s == nil {
			s = unknownSite(ls.Site.ID)
		}
		l.Sites[i] = LineSite{
			Timeline: s.Timeline, Hash: s.Hash, Site: s, Tier: ls.Tier, Weight: ls.Weight,
			Capacity: s.Capacity, Outsourced: s.Outsourced, Misfit: l.misfit(s),
		}
		note(s.Timeline.TZDataRelease())
	}
	for i, was := range duties {
		if l.Rotas[i] = v.rotas.byID[was.ID]; l.Rotas[i] == nil {
			l.Rotas[i] = unknownRota(was.ID)
		}
		note(l.Rotas[i].TZDataRelease())
	}
	slices.Sort(releases)
	l.TZDataRelease = strings.Join(releases, ",")
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
		ID: id, Name: "lines/" + id, DisplayName: p.GetDisplayName(), number: number,
		Product: ProductOf(p.GetProduct()), Language: PrimaryLanguage(p.GetLanguage()), Strategy: p.GetStrategy(),
		MinRemainingS: seconds(p.GetMinRemaining(), timeline.RemainingMaxS),
		OpeningSoonS:  seconds(p.GetOpeningSoon(), maxOpeningSoonS),
		RingBudgetS:   seconds(p.GetRingBudget(), maxRingBudgetS),
		LastResort:    lastResort(p.GetLastResort()),
		stored:        bytes.Clone(value),
		source:        &p,
	}
	l.LastResortAccepting = acceptingLastResort(p.GetLastResort())
	var err error
	if l.fact, err = lineFact(id, &p); err != nil {
		return nil, err
	}
	if l.Strategy == routingv1.Strategy_STRATEGY_UNSPECIFIED {
		l.Strategy = routingv1.Strategy_STRATEGY_FOLLOW_THE_SUN
	}
	t := p.GetTreatments()
	l.treatments[routingv1.CallerClass_CALLER_CLASS_ENTITLED] = t.GetEntitled()
	l.treatments[routingv1.CallerClass_CALLER_CLASS_NOT_ENTITLED] = t.GetNotEntitled()
	l.treatments[routingv1.CallerClass_CALLER_CLASS_UNKNOWN] = t.GetUnknown()
	if err := l.readTerms(&p); err != nil {
		return nil, err
	}
	if err := l.readRotas(p.GetRotas()); err != nil {
		return nil, err
	}
	return l, l.readSites(p.GetSites())
}

// seconds is a span of time within limits.
func seconds(d *durationpb.Duration, maxS int64) uint32 {
	return uint32(min(max(d.GetSeconds(), 0), maxS))
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
		TargetId: LastResortID, Target: p.GetTarget(), LastResort: true, DisplayName: p.GetDisplayName(),
		RingTimeout: &durationpb.Duration{Seconds: lastResortRingTimeoutS},
	}
}

func acceptingLastResort(p *routingv1.LastResort) *routingv1.RouteTarget {
	rung := lastResort(p)
	if p.GetKind() == routingv1.LastResort_KIND_PERSON {
		rung.AcceptKey = acceptKey
	}
	return rung
}
