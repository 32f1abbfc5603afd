package schedule

import (
	"context"
	"fmt"
	"time"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/schedule/internal/answer"
	"github.com/daysidehq/dayside/services/schedule/internal/estate"
	"github.com/daysidehq/dayside/services/schedule/internal/sites"
)

// backDays is how far back an explanation looks for the last change.
const backDays = 60

// ExplainSite answers why a site is open or closed at an instant. Published records do not say why a site is closed, so
// it reads the site as it was written, from etcd, and needs etcd; what calls are decided on may be some milliseconds
// behind that.
func (s *Service) ExplainSite(ctx context.Context, r *schedulev1.ExplainSiteRequest,
) (*schedulev1.ExplainSiteResponse, error) {
	now := s.cfg.Clock.Now()
	at, err := instant("at", r.GetAt(), now.Unix())
	if err != nil {
		return nil, err
	}
	if first, end := horizon(now); at < first || at >= end {
		return nil, fault.Invalid(fault.Violation{
			Field: "at", Value: rfc3339(at),
			Rule: fmt.Sprintf("must lie within what hours are compiled for, %s to %s", rfc3339(first), rfc3339(end)),
		})
	}
	site, err := s.sites.Get(ctx, r.GetName())
	if err != nil {
		return nil, err
	}
	rules, err := s.rules()
	if err != nil {
		return nil, err
	}
	l := newLoaded()
	if err := s.loadCalendars(ctx, l, site.GetCalendars()); err != nil {
		return nil, err
	}
	from, to := at-backDays*dayS, at+aheadDays*dayS
	layers, err := estate.NewCompiler(rules, from, to).Layers(l.Estate, site.GetCalendars())
	if err != nil {
		return nil, fault.Internal(err)
	}
	why, loc, err := sites.Explain(site, layers, rules, at, from, to)
	if err != nil {
		return nil, fault.Internal(fmt.Errorf("the stored %s: %w", r.GetName(), err)) // it was checked when it was written
	}
	return answer.Explain(answer.Explained{
		Site: site, Location: loc, Reason: why, AtUnixS: at, FromUnixS: from, ToUnixS: to,
		TZDataRelease: rules.Release(),
	}), nil
}

func rfc3339(unixS int64) string { return time.Unix(unixS, 0).UTC().Format(time.RFC3339) }
