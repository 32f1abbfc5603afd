package schedule

import (
	"maps"
	"slices"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	"github.com/daysidehq/dayside/services/internal/zones"
	"github.com/daysidehq/dayside/services/schedule/internal/estate"
)

// adoption is everything compiled anew with other zone rules: to be committed together with them.
type adoption struct {
	// impact is what moves within the judged time: all of it, for a refusal; an answer trims it.
	impact     *schedulev1.Impact
	conditions []condition
	// writes are the records of all sites and rotas; the rules themselves are not among them.
	writes []*rpcv1.Write
}

// compileWith compiles all that was loaded with other rules, and compares. Nothing is written.
func (s *Service) compileWith(l *loaded, rules *zones.Bundle) (*adoption, error) {
	d, err := s.newDraft(l)
	if err != nil {
		return nil, err
	}
	from, to := horizon(s.cfg.Clock.Now())
	other := &draft{
		before: l, after: l.Estate, rules: &tzdata.Rules{Bundle: rules}, Compiler: estate.NewCompiler(rules, from, to),
	}
	names := slices.Sorted(maps.Keys(l.revisions))
	out := &adoption{}
	out.impact, err = estate.Impact(estate.Side{Estate: l.Estate, Compiler: d.Compiler},
		estate.Side{Estate: l.Estate, Compiler: other.Compiler},
		slices.Concat(names, slices.Collect(maps.Keys(l.Lines))), d.nowUnixS, d.judgedUntil())
	if err != nil {
		return nil, err
	}
	out.conditions = append(l.nothingNew(sourcePrefix, calendarsPrefix, peoplePrefix, rotasPrefix, published.LinePrefix),
		d.rulesStand())
	for _, name := range names {
		writes, err := other.record(l.Get(name))
		if err != nil {
			return nil, estate.Of(name, err)
		}
		if len(writes) > 0 {
			out.writes = append(out.writes, writes...)
			d.spare[sourceKey(name)] = true
			out.conditions = append(out.conditions, l.unchanged(name))
		}
	}
	out.conditions = d.few(out.conditions)
	return out, nil
}
