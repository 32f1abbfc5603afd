package schedule

import (
	"context"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	calendarsof "github.com/daysidehq/dayside/services/schedule/internal/calendars"
)

// calendars implements CalendarService, which owns calendars.
type calendars struct {
	schedulev1.UnimplementedCalendarServiceServer
	s *Service
}

// CreateCalendar adds a calendar.
func (c calendars) CreateCalendar(ctx context.Context, r *schedulev1.CreateCalendarRequest) (*schedulev1.Calendar, error) {
	return c.s.calendars.Create(ctx, r.GetCalendar(), "calendar_id", r.GetCalendarId(), r.GetRequestId(), r.GetValidateOnly())
}

// GetCalendar reads one calendar.
func (c calendars) GetCalendar(ctx context.Context, r *schedulev1.GetCalendarRequest) (*schedulev1.Calendar, error) {
	return c.s.calendars.Get(ctx, r.GetName())
}

// ListCalendars reads a page of calendars in order of name.
func (c calendars) ListCalendars(ctx context.Context, r *schedulev1.ListCalendarsRequest,
) (*schedulev1.ListCalendarsResponse, error) {
	list, next, err := c.s.calendars.List(ctx, r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &schedulev1.ListCalendarsResponse{Calendars: list, NextPageToken: next}, nil
}

// UpdateCalendar changes fields of a calendar, at all sites that use it.
func (c calendars) UpdateCalendar(ctx context.Context, r *schedulev1.UpdateCalendarRequest) (*schedulev1.Calendar, error) {
	return c.s.calendars.WithOwner(ownerOf[*schedulev1.Calendar](c.s, r.GetAllowGap())).
		Update(ctx, r.GetCalendar(), r.GetUpdateMask(), r.GetAllowMissing(), r.GetValidateOnly())
}

// DeleteCalendar removes a calendar. IN_USE while something refers to it.
func (c calendars) DeleteCalendar(ctx context.Context, r *schedulev1.DeleteCalendarRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, c.s.calendars.Delete(ctx, r.GetName(), r.GetEtag(), r.GetValidateOnly())
}

// ImportCalendar makes the events of a file entries of a calendar. It is one write of the whole calendar, refused where
// somebody else wrote meanwhile.
func (c calendars) ImportCalendar(ctx context.Context, r *schedulev1.ImportCalendarRequest,
) (*schedulev1.ImportCalendarResponse, error) {
	rules, err := c.s.rules()
	if err != nil {
		return nil, err
	}
	stored, err := c.s.calendars.Get(ctx, r.GetName())
	if fault.ReasonOf(err) == rpcNotFound && r.GetDisplayName() != "" {
		stored, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	after, err := calendarsof.Import(stored, r, rules, c.s.cfg.Clock.Now())
	if err != nil {
		return nil, err
	}
	if stored != nil && proto.Equal(stored, after) {
		return &schedulev1.ImportCalendarResponse{Calendar: stored}, nil // a feed is read daily, and changes once a year
	}
	changes := calendarsof.Changes(stored, after)
	to := c.s.calendars.WithOwner(ownerOf[*schedulev1.Calendar](c.s, r.GetAllowGap()))
	if stored == nil {
		after, err = to.Create(ctx, after, "name", "", "", r.GetValidateOnly())
	} else {
		after, err = to.Update(ctx, after, nil, false, r.GetValidateOnly())
	}
	if err != nil {
		return nil, err
	}
	return &schedulev1.ImportCalendarResponse{Calendar: after, Changes: changes}, nil
}

// SeedCalendar computes a first calendar of a place, and writes nothing.
func (c calendars) SeedCalendar(_ context.Context, r *schedulev1.SeedCalendarRequest,
) (*schedulev1.SeedCalendarResponse, error) {
	return calendarsof.Seed(r, c.s.cfg.Clock.Now().UTC().Year())
}

// DiffCalendars compares two calendars, each of them stored or given.
func (c calendars) DiffCalendars(ctx context.Context, r *schedulev1.DiffCalendarsRequest,
) (*schedulev1.DiffCalendarsResponse, error) {
	before, err := c.either(ctx, "before", r.GetBefore(), r.GetBeforeCalendar())
	if err != nil {
		return nil, err
	}
	after, err := c.either(ctx, "after", r.GetAfter(), r.GetAfterCalendar())
	if err != nil {
		return nil, err
	}
	changes, err := calendarsof.Diff(before, after)
	return &schedulev1.DiffCalendarsResponse{Changes: changes}, err
}

// either is the stored calendar of that name, or the one that was given.
func (c calendars) either(ctx context.Context, field, name string, given *schedulev1.Calendar,
) (*schedulev1.Calendar, error) {
	if (name != "") == (given != nil) {
		return nil, fault.Invalid(fault.Violation{
			Field: field, Value: name, Rule: "must be given, or " + field + "_calendar in its stead; one of the two",
		})
	}
	if given != nil {
		return given, nil
	}
	return c.s.calendars.Get(ctx, name)
}
