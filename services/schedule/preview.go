package schedule

import (
	"time"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/validate"
	"github.com/daysidehq/dayside/services/internal/zones"
	"github.com/daysidehq/dayside/services/schedule/internal/sites"
)

// Opening is a stretch [Open, Close) over which a site is open, in the site's own zone.
type Opening struct {
	Open, Close time.Time
	// Rule is what opened it, for people.
	Rule string
}

// Compiled is what a site's hours mean over a range.
type Compiled struct {
	// Openings ascend and do not touch. One that began before the range begins with it here, and one that goes on ends
	// with it.
	Openings []Opening
	// Location is the site's zone, TZDataRelease the release of its rules.
	Location      *time.Location
	TZDataRelease string
}

// Preview checks a site as the service would, and compiles its hours over [from, to), without a server: what `dayside
// hours` shows of a file. Errors are INVALID_FIELD faults with paths within the site. Zone rules are the embedded ones,
// which need not be those of a cluster.
func Preview(site *schedulev1.Site, from, to time.Time) (Compiled, error) {
	if err := validate.Message(site); err != nil {
		return Compiled{}, err
	}
	rules, err := zones.Embedded()
	if err != nil {
		return Compiled{}, fault.Internal(err)
	}
	if !from.Before(to) || to.Sub(from) > MaxPreviewDays*24*time.Hour {
		return Compiled{}, fault.Invalid(fault.Violation{
			Field: "to", Value: to.Format(time.RFC3339), Rule: "must be after from, by at most ten years",
		})
	}
	c, err := sites.Compile(site, nil, rules, from.Unix(), to.Unix())
	if err != nil {
		return Compiled{}, err
	}
	out := Compiled{Location: c.Location, TZDataRelease: rules.Release()}
	for iv, rule := range c.Timeline.Within(from.Unix(), to.Unix()) {
		out.Openings = append(out.Openings, Opening{
			Open: time.Unix(iv.OpenUnixS, 0).In(c.Location), Close: time.Unix(iv.CloseUnixS, 0).In(c.Location), Rule: rule,
		})
	}
	return out, nil
}

// MaxPreviewDays is what a timeline can hold.
const MaxPreviewDays = 3650
