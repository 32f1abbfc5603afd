package schedule

import (
	"slices"
	"time"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/validate"
	"github.com/daysidehq/dayside/services/internal/zones"
	"github.com/daysidehq/dayside/services/schedule/internal/estate"
	rotasof "github.com/daysidehq/dayside/services/schedule/internal/rotas"
)

// RotaPreview is who would be on duty.
type RotaPreview struct {
	Duty *schedulev1.QueryDutyResponse
	// Unknown are people and calendars that the rota needs and that were not given: such people count as never away, and
	// such calendars as empty.
	Unknown []string
}

// PreviewRota checks a rota and its people as the service would, and says who is on duty over [from, to), without a server:
// what `dayside rota preview` shows of files. Errors are INVALID_FIELD faults with paths within the rota, or after the name
// of a person or calendar ("people/ann: absences[0]"). Zone rules are the embedded ones, which need not be those of a
// cluster.
func PreviewRota(r *schedulev1.Rota, people []*schedulev1.Person, calendars []*schedulev1.Calendar, from, to time.Time,
) (RotaPreview, error) {
	rules, err := zones.Embedded()
	if err != nil {
		return RotaPreview{}, fault.Internal(err)
	}
	if err := validate.Message(r); err != nil {
		return RotaPreview{}, err
	}
	if !from.Before(to) || to.Sub(from) > MaxPreviewDays*24*time.Hour {
		return RotaPreview{}, fault.Invalid(fault.Violation{
			Field: "to", Value: to.Format(time.RFC3339), Rule: "must be after from, by at most ten years",
		})
	}
	e := estate.New()
	for _, p := range people {
		if err := estate.Of(p.GetName(), validate.Message(p)); err != nil {
			return RotaPreview{}, err
		}
		e.Put(p)
	}
	if err := putCalendars(e, calendars); err != nil {
		return RotaPreview{}, err
	}
	unknown := standIns(e, r)
	c, err := estate.NewCompiler(rules, from.Unix(), to.Unix()).Rota(e, r)
	if err != nil {
		return RotaPreview{}, err
	}
	duty, err := rotasof.Answer(c)
	if err != nil {
		return RotaPreview{}, err
	}
	duty.Unreachable = slices.DeleteFunc(duty.GetUnreachable(), func(name string) bool {
		return slices.Contains(unknown, name)
	})
	return RotaPreview{Duty: duty, Unknown: unknown}, nil
}

// standIns puts somebody in the place of each person who is not there, and names what is not there.
func standIns(e *estate.Estate, r *schedulev1.Rota) (unknown []string) {
	for _, person := range estate.References(r) {
		for _, calendar := range estate.References(e.People[person.Name]) {
			if !e.Has(calendar.Name) {
				unknown = append(unknown, calendar.Name)
			}
		}
		if !e.Has(person.Name) {
			e.Put(&schedulev1.Person{Name: person.Name, DisplayName: person.Name})
			unknown = append(unknown, person.Name)
		}
	}
	slices.Sort(unknown)
	return slices.Compact(unknown)
}
