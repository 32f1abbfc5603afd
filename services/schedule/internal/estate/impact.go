package estate

import (
	"slices"
	"strings"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/timeline"
	"github.com/daysidehq/dayside/services/schedule/internal/proof"
)

// Side is an estate with the compiler that says what its resources mean: by other rules, another one.
type Side struct {
	*Estate
	Compiler *Compiler
}

// Impact is what differs in [fromUnixS, toUnixS) between two sides, at the named sites and lines; other names are passed
// over. The range must lie within the compilers' horizons. A site or line that is on one side only is compared with one
// that is never open; and so is what was written once and cannot be compiled any more, so that it can be put right.
func Impact(before, after Side, names []string, fromUnixS, toUnixS int64) (*schedulev1.Impact, error) {
	out := &schedulev1.Impact{}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		var err error
		switch kind, _, _ := strings.Cut(name, "/"); kind {
		case "sites":
			err = siteImpact(out, before, after, name, fromUnixS, toUnixS)
		case "lines":
			err = lineImpact(out, before, after, name, fromUnixS, toUnixS)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func siteImpact(out *schedulev1.Impact, before, after Side, name string, fromUnixS, toUnixS int64) error {
	was, err := before.timelineOf(name)
	if err != nil {
		was = nil
	}
	is, err := after.timelineOf(name)
	if err != nil {
		return err
	}
	if impact := proof.CompareSite(name, was, is, fromUnixS, toUnixS); impact != nil {
		out.Sites = append(out.Sites, impact)
	}
	return nil
}

// timelineOf is nil, which knows nothing and is never open, where there is no such site.
func (s Side) timelineOf(name string) (*timeline.Timeline, error) {
	site, ok := s.Sites[name]
	if !ok {
		return nil, nil //nolint:nilnil // nobody is an answer
	}
	done, err := s.Compiler.Site(s.Estate, site)
	return done.Timeline, err
}

func lineImpact(out *schedulev1.Impact, before, after Side, name string, fromUnixS, toUnixS int64) error {
	is, stays := after.Lines[name]
	if !stays {
		return nil // a line that goes has no gaps
	}
	now, err := after.Compiler.Line(after.Estate, is)
	if err != nil {
		return err
	}
	var then proof.Line // of no line, where it is new
	if was, had := before.Lines[name]; had {
		then, _ = before.Compiler.Line(before.Estate, was)
	}
	if impact := proof.Compare(then, now, fromUnixS, toUnixS); impact != nil {
		out.Lines = append(out.Lines, impact)
	}
	return nil
}
