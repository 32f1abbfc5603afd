package schedule

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	calendarsof "github.com/daysidehq/dayside/services/schedule/internal/calendars"
	"github.com/daysidehq/dayside/services/schedule/internal/estate"
	"github.com/daysidehq/dayside/services/schedule/internal/proof"
	rotasof "github.com/daysidehq/dayside/services/schedule/internal/rotas"
)

const (
	// pastDays is how far back a timeline reaches, for questions about the calls of yesterday.
	pastDays = 2
	// aheadDays is how far ahead: 400 days, and two in which extending it may fail.
	aheadDays = 402
	// judgedDays is how far ahead coverage is judged: what a timeline always knows.
	judgedDays = 400
	dayS       = 86400

	rpcNotFound = rpcv1.Reason_REASON_NOT_FOUND
)

type condition = *rpcv1.Condition

// horizon is what a timeline compiled at that instant covers, in whole days of UTC. All processes that compile on one day
// agree on it.
func horizon(now time.Time) (fromUnixS, toUnixS int64) {
	today := now.Unix() / dayS * dayS
	return today - pastDays*dayS, today + aheadDays*dayS
}

// draft is a change before it is written: the estate before and after it, and what compiles both.
type draft struct {
	before *loaded
	after  *estate.Estate
	rules  *tzdata.Rules
	*estate.Compiler
	nowUnixS int64
	// spare are the keys of sources that only their dependence brings into the change.
	spare map[string]bool
}

// newDraft is a draft in which nothing has changed yet.
func (s *Service) newDraft(before *loaded) (*draft, error) {
	rules, err := s.rules()
	if err != nil {
		return nil, err
	}
	now := s.cfg.Clock.Now()
	from, to := horizon(now)
	return &draft{
		before: before, after: before.Clone(), rules: rules, nowUnixS: now.Unix(),
		Compiler: estate.NewCompiler(rules, from, to), spare: map[string]bool{},
	}, nil
}

// maxConditions is what a change may have before it does without those that it can spare: etcd takes 128 where it is not
// told otherwise, and routing adds one for each site of a line.
const maxConditions = 60

// few leaves out repeated conditions; and where there are too many, those that it can spare. Of the sources that dependents
// are compiled from, none of their kinds may have been written then. Of dependents themselves, a write of one breaks the
// condition on all of its kind, and of one that was deleted meanwhile no record comes back by a generation, nor, for longer
// than an hour, by a single transaction (see extend).
func (d *draft) few(conditions []condition) []condition {
	out := coord.Distinct(conditions)
	if len(out) <= maxConditions {
		return out
	}
	out = slices.DeleteFunc(out, func(c condition) bool { return d.spare[c.GetKey()] })
	return coord.Distinct(append(out, d.before.nothingNew(calendarsPrefix, peoplePrefix)...))
}

// impact is what the draft does to coverage, as far as the named resources are concerned.
func (d *draft) impact(names []string) (*schedulev1.Impact, error) {
	return estate.Impact(estate.Side{Estate: d.before.Estate, Compiler: d.Compiler},
		estate.Side{Estate: d.after, Compiler: d.Compiler}, names, d.nowUnixS, d.judgedUntil())
}

// judgedUntil is the end of the time that is judged, from now on.
func (d *draft) judgedUntil() int64 { return d.nowUnixS/dayS*dayS + judgedDays*dayS }

// affected are the names of all that may compile differently where the named resources change, before or after.
func (d *draft) affected(changed []string) []string {
	all := append(d.before.Affected(changed), d.after.Affected(changed)...)
	slices.Sort(all)
	return slices.Compact(all)
}

// record is what is published of a resource: nothing, of a calendar or a person.
func (d *draft) record(item proto.Message) ([]*rpcv1.Write, error) {
	var name string
	var record proto.Message
	switch m := item.(type) {
	case *schedulev1.Site:
		c, err := d.Site(d.after, m)
		if err != nil {
			return nil, err
		}
		name, record = m.GetName(), c.Record
	case *schedulev1.Rota:
		c, err := d.Rota(d.after, m)
		if err != nil {
			return nil, err
		}
		name, record = m.GetName(), c.Record
	case *schedulev1.Calendar:
		return nil, calendarsof.Check(m)
	case *schedulev1.Person:
		return nil, rotasof.ValidatePerson(m, d.rules)
	default:
		return nil, nil
	}
	value, err := published.Marshal(record)
	if err != nil {
		return nil, fault.LimitExceeded(fmt.Sprintf("%s: %v; it needs fewer spans or turns, or shorter names", name, err))
	}
	return []*rpcv1.Write{coord.Put(published.SchedulePrefix+name, value)}, nil
}

// dependents are the records of what depends on the changed resources and is not among them, with the conditions under
// which they are true: that nothing they are compiled from was written meanwhile. A dependent that cannot be compiled is a
// fault that names it. Reached is all that the change affects.
func (d *draft) dependents(own map[string]bool, reached []string) (collection.Effect, error) {
	var effect collection.Effect
	for _, name := range reached {
		item := d.after.Get(name)
		if own[name] || item == nil {
			continue
		}
		writes, err := d.record(item)
		if err != nil {
			return effect, estate.Of(name, err)
		}
		effect.Writes = append(effect.Writes, writes...)
		if _, line := item.(*schedulev1.LineCoverage); !line {
			d.spare[sourceKey(name)] = true
			effect.Conditions = append(append(effect.Conditions, d.before.unchanged(name)), d.basis(name, own)...)
		}
	}
	return effect, nil
}

// basis are the conditions, which can be spared, that what a resource is compiled from is as it was read: calendars of a
// site, people of a rota and their calendars. Who writes one of those compiles the resource too, and would be overwritten
// by what we compiled without knowing of it. What changed has conditions of its own.
func (d *draft) basis(name string, changed map[string]bool) []condition {
	var out []condition
	for _, used := range d.after.Uses(name) {
		if !changed[used] {
			d.spare[sourceKey(used)] = true
			out = append(out, d.before.unchanged(used))
		}
	}
	return out
}

// referencesStand are the conditions that what a changed resource refers to is as it was read, and so goes on existing. They
// cannot be spared; of sites and rotas of a line they can, since routing has others, and what changes there is told.
func (d *draft) referencesStand(item proto.Message, changed map[string]bool) []condition {
	_, line := item.(*schedulev1.LineCoverage)
	var out []condition
	for _, r := range estate.References(item) {
		if changed[r.Name] || !d.before.Has(r.Name) {
			continue
		}
		if leaf := line && isLeaf(r.Name); leaf {
			d.spare[sourceKey(r.Name)] = true
		} else {
			delete(d.spare, sourceKey(r.Name))
		}
		out = append(out, d.before.unchanged(r.Name))
	}
	return out
}

// Kinds whose resources may refer to those of a kind. What is written on the strength of "nobody else does" is committed on
// the condition that none of these was written since.
var referrers = map[string][]string{
	"calendars": {sourcePrefix, peoplePrefix, rotasPrefix, published.LinePrefix},
	"people":    {rotasPrefix, published.LinePrefix},
	"sites":     {published.LinePrefix},
	"rotas":     {published.LinePrefix},
}

// noNewUsers are the conditions that nothing began to refer to resources of these kinds since the estate was read.
func (l *loaded) noNewUsers(names []string) []condition {
	prefixes := map[string]bool{}
	for _, name := range names {
		kind, _, _ := strings.Cut(name, "/")
		for _, p := range referrers[kind] {
			prefixes[p] = true
		}
	}
	return l.nothingNew(slices.Sorted(maps.Keys(prefixes))...)
}

// nothingNew are the conditions that nothing with these prefixes was written since the estate was read.
func (l *loaded) nothingNew(prefixes ...string) []condition {
	var out []condition
	for _, p := range prefixes {
		revision := l.sources
		if p == published.LinePrefix {
			revision = l.lines
		}
		out = append(out, coord.NothingNewUnder(p, revision))
	}
	return out
}

// rulesStand is the condition that the zone rules are those that everything was compiled with.
func (d *draft) rulesStand() condition { return coord.Unchanged(tzdata.Key, d.rules.Revision) }

// owner checks and compiles resources of one kind for their collection, with all that depends on them.
type owner[T proto.Message] struct {
	s        *Service
	allowGap bool
	// plan is the change that the resource is a part of; nil where it is the whole change.
	plan *draft
	// extra is written with it.
	extra collection.Effect
}

func ownerOf[T proto.Message](s *Service, allowGap bool) collection.Owner[T] {
	return owner[T]{s: s, allowGap: allowGap}
}

// Compile is what goes with a resource: its record, the records of what depends on it, and what must hold then. It refuses
// references to what does not exist, and uncovered gaps.
func (o owner[T]) Compile(ctx context.Context, item T) (collection.Effect, error) {
	if o.plan != nil {
		writes, err := o.plan.record(item)
		return collection.Effect{Writes: writes}, err
	}
	before, err := o.s.loadFor(ctx, item)
	if err != nil {
		return collection.Effect{}, err
	}
	d, err := o.s.newDraft(before)
	if err != nil {
		return collection.Effect{}, err
	}
	d.after.Put(item)
	name := estate.NameOf(item)
	writes, err := d.record(item) // before references: what is written wrongly refers to nothing
	if err != nil {
		return collection.Effect{}, err
	}
	if missing := d.after.Missing(item); len(missing) > 0 {
		return collection.Effect{}, fault.MissingReference(missing...)
	}
	changed := []string{name}
	own, reached := setOf(changed), d.affected(changed)
	effect, err := d.dependents(own, reached)
	if err != nil {
		return effect, err
	}
	effect.Writes = append(append(writes, effect.Writes...), o.extra.Writes...)
	effect.Conditions = append(effect.Conditions, o.extra.Conditions...)
	effect.Conditions = append(effect.Conditions, d.rulesStand())
	effect.Conditions = append(effect.Conditions, d.basis(name, own)...)
	effect.Conditions = append(effect.Conditions, d.referencesStand(item, own)...)
	judged, err := d.judge(changed, reached, o.allowGap)
	effect.Conditions = d.few(append(effect.Conditions, judged...))
	return effect, err
}

// judge refuses a draft by which a line gets an uncovered gap, and answers with what must hold for that to be true.
// What no line uses is judged when one begins to.
func (d *draft) judge(changed, reached []string, allowGap bool) ([]condition, error) {
	lines := slices.DeleteFunc(slices.Clone(reached), func(name string) bool { return !isLine(name) })
	if allowGap || len(lines) == 0 {
		return d.before.noNewUsers(slices.DeleteFunc(slices.Clone(changed), isLeaf)), nil
	}
	impact, err := d.impact(lines)
	if err != nil {
		return nil, err
	}
	if refusal := proof.Refusal(impact.GetLines()); refusal != nil {
		return nil, refusal
	}
	return d.before.noNewUsers(changed), nil
}

func isLine(name string) bool { return strings.HasPrefix(name, "lines/") }

// isLeaf says that lines alone refer to what is so named: nothing is compiled anew for its sake.
func isLeaf(name string) bool {
	return strings.HasPrefix(name, "sites/") || strings.HasPrefix(name, "rotas/")
}

// Remove takes the published record away, where nothing refers to the resource.
func (o owner[T]) Remove(ctx context.Context, id string) (collection.Effect, error) {
	var zero T
	name := estate.KindOf(zero) + "/" + id
	before, err := o.s.load(ctx)
	if err != nil {
		return collection.Effect{}, err
	}
	if users := before.Users(map[string]bool{name: true}); len(users) > 0 {
		return collection.Effect{}, fault.InUse(name, users...)
	}
	return collection.Effect{Conditions: before.noNewUsers([]string{name}), Writes: deleted(name)}, nil
}

// deleted are the deletions of what is published of a resource.
func deleted(name string) []*rpcv1.Write {
	switch kind, id, _ := strings.Cut(name, "/"); kind {
	case "sites":
		return []*rpcv1.Write{coord.Delete(published.SitePrefix + id)}
	case "rotas":
		return []*rpcv1.Write{coord.Delete(published.RotaPrefix + id), coord.Delete(published.CustodyPrefix + id)}
	}
	return nil
}

func setOf(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}
