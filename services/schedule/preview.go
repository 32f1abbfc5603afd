package schedule

import (
	"slices"
	"time"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/validate"
	"github.com/daysidehq/dayside/services/internal/zones"
	calendarsof "github.com/daysidehq/dayside/services/schedule/internal/calendars"
	"github.com/daysidehq/dayside/services/schedule/internal/estate"
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
	// Unknown are the calendars that the site uses and that were not given: they count as empty.
	Unknown []string
}

// Preview checks a site and calendars as the service would, and compiles its hours over [from, to), without a server: what
// `dayside hours` shows of files. Errors are INVALID_FIELD faults with paths within the site, or after the name of a
// calendar ("calendars/ie: entries[0].date"). Zone rules are the embedded ones, which need not be those of a cluster.
func Preview(site *schedulev1.Site, calendars []*schedulev1.Calendar, from, to time.Time) (Compiled, error) {
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
	e := estate.New()
	if err := putCalendars(e, calendars); err != nil {
		return Compiled{}, err
	}
	c, err := estate.NewCompiler(rules, from.Unix(), to.Unix()).Site(e, site)
	if err != nil {
		return Compiled{}, err
	}
	out := Compiled{Location: c.Location, TZDataRelease: rules.Release(), Unknown: slices.Clone(site.GetCalendars())}
	out.Unknown = slices.DeleteFunc(out.Unknown, e.Has)
	for iv, rule := range c.Timeline.Within(from.Unix(), to.Unix()) {
		out.Openings = append(out.Openings, Opening{
			Open: time.Unix(iv.OpenUnixS, 0).In(c.Location), Close: time.Unix(iv.CloseUnixS, 0).In(c.Location), Rule: rule,
		})
	}
	return out, nil
}

// putCalendars puts calendars into an estate, each checked as the service would.
func putCalendars(e *estate.Estate, list []*schedulev1.Calendar) error {
	for _, c := range list {
		if err := validate.Message(c); err != nil {
			return estate.Of(c.GetName(), err)
		}
		if err := calendarsof.Check(c); err != nil {
			return estate.Of(c.GetName(), err)
		}
		e.Put(c)
	}
	return nil
}

// MaxPreviewDays is what a timeline can hold.
const MaxPreviewDays = 3650
