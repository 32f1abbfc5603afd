package schedule

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/protobuf/types/known/timestamppb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/schedule/internal/answer"
	"github.com/daysidehq/dayside/services/schedule/internal/estate"
	"github.com/daysidehq/dayside/services/schedule/internal/rules"
)

const (
	defaultCoverageDays = 7
	maxCoverageDays     = 400
	// Years for which anything is compiled: those before and after are refused, like dates in resources.
	minYear, maxYear = 1970, 2100
)

// QueryOpenSites answers which sites are open at an instant. It reads the service's own view, which is behind a commit by
// some milliseconds, and goes on without etcd.
func (s *Service) QueryOpenSites(_ context.Context, r *schedulev1.QueryOpenSitesRequest,
) (*schedulev1.QueryOpenSitesResponse, error) {
	list, err := s.ask(r.GetLine())
	if err != nil {
		return nil, err
	}
	at, err := instant("at", r.GetAt(), s.cfg.Clock.Now().Unix())
	if err != nil {
		return nil, err
	}
	out, err := answer.OpenSites(list, at)
	if inForce := s.cfg.Rules.Load(); err == nil && inForce != nil {
		rules.FillOffsets(out, inForce.Bundle)
	}
	return out, err
}

// QueryCoverage answers when which sites of a line are open, and when none is. It reads the same view.
func (s *Service) QueryCoverage(_ context.Context, r *schedulev1.QueryCoverageRequest,
) (*schedulev1.QueryCoverageResponse, error) {
	from, to, err := s.coverageRange(r.GetInterval(), defaultCoverageDays)
	if err != nil {
		return nil, err
	}
	l, err := s.askLine(r.GetLine(), from, to)
	if err != nil {
		return nil, err
	}
	return answer.Coverage(l, from, to, r.GetGapsOnly())
}

// coverageRange is an interval of a request, Unix seconds: from now where it says no start, for so many days where it says
// no end.
func (s *Service) coverageRange(iv *interval.Interval, defaultDays int64) (fromUnixS, toUnixS int64, err error) {
	from, err := instant("interval.start_time", iv.GetStartTime(), s.cfg.Clock.Now().Unix())
	if err != nil {
		return 0, 0, err
	}
	to, err := instant("interval.end_time", iv.GetEndTime(), from+defaultDays*dayS)
	if err != nil {
		return 0, 0, err
	}
	if to <= from || to-from > maxCoverageDays*dayS {
		return 0, 0, fault.Invalid(fault.Violation{
			Field: "interval.end_time", Value: time.Unix(to, 0).UTC().Format(time.RFC3339),
			Rule: fmt.Sprintf("must be after start_time, by at most %d days", maxCoverageDays),
		})
	}
	if err := simulable(from, to); err != nil {
		return 0, 0, err
	}
	return from, to, nil
}

// simulable refuses ranges of an interval outside the years that anything is compiled for.
func simulable(fromUnixS, toUnixS int64) error {
	for _, end := range []struct {
		field string
		unixS int64
	}{{"interval.start_time", fromUnixS}, {"interval.end_time", toUnixS}} {
		if at := time.Unix(end.unixS, 0).UTC(); at.Year() < minYear || at.Year() > maxYear {
			return fault.Invalid(fault.Violation{
				Field: end.field, Value: at.Format(time.RFC3339), Rule: fmt.Sprintf("must be of the years %d to %d", minYear, maxYear),
			})
		}
	}
	return nil
}

// askLine is all that coverage of a line over [fromUnixS, toUnixS) depends on.
func (s *Service) askLine(name string, fromUnixS, toUnixS int64) (answer.Line, error) {
	list, err := s.ask(name)
	if err != nil {
		return answer.Line{}, err
	}
	out := answer.Line{Name: name, Sites: list}
	line, _ := s.index.Line(strings.TrimPrefix(name, "lines/"))
	for _, rota := range line.Rotas {
		if r := s.index.Roster(strings.TrimPrefix(rota, "rotas/")); r != nil {
			out.Rotas = append(out.Rotas, r)
		}
	}
	if line.Hours == nil {
		return out, nil
	}
	rules, err := s.rules()
	if err != nil {
		return out, err
	}
	with := &estate.Estate{Calendars: s.index.Calendars()}
	out.Promise, err = estate.NewCompiler(rules, fromUnixS, toUnixS).Promise(with, line.Hours)
	return out, err
}

// ask is the sites of a line, or all sites where the line is empty.
func (s *Service) ask(line string) ([]answer.Site, error) {
	if !s.index.Listed() {
		return nil, notReady()
	}
	if line == "" {
		return s.index.Sites(), nil
	}
	list, ok := s.index.SitesOf(strings.TrimPrefix(line, "lines/"))
	if !ok {
		return nil, fault.NotFound(line)
	}
	return list, nil
}

// instant is a time of a request in Unix seconds, the given one where it is unset.
func instant(field string, t *timestamppb.Timestamp, unsetUnixS int64) (int64, error) {
	if t == nil {
		return unsetUnixS, nil
	}
	if t.CheckValid() != nil {
		return 0, fault.Invalid(fault.Violation{Field: field, Rule: "must be an instant of the years 1 to 9999"})
	}
	return t.GetSeconds(), nil
}
