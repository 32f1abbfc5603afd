package schedule

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/schedule/internal/estate"
	rotasof "github.com/daysidehq/dayside/services/schedule/internal/rotas"
)

const defaultDutyDays = 28

// rotas implements RotaService, which owns people, rotas, swaps and custody.
type rotas struct {
	schedulev1.UnimplementedRotaServiceServer
	s *Service
}

// CreatePerson adds a person.
func (x rotas) CreatePerson(ctx context.Context, r *schedulev1.CreatePersonRequest) (*schedulev1.Person, error) {
	return x.s.people.Create(ctx, r.GetPerson(), "person_id", r.GetPersonId(), r.GetRequestId(), r.GetValidateOnly())
}

// GetPerson reads one person.
func (x rotas) GetPerson(ctx context.Context, r *schedulev1.GetPersonRequest) (*schedulev1.Person, error) {
	return x.s.people.Get(ctx, r.GetName())
}

// ListPeople reads a page of people in order of name.
func (x rotas) ListPeople(ctx context.Context, r *schedulev1.ListPeopleRequest) (*schedulev1.ListPeopleResponse, error) {
	list, next, err := x.s.people.List(ctx, r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &schedulev1.ListPeopleResponse{People: list, NextPageToken: next}, nil
}

// UpdatePerson changes fields of a person, in all rotas that have them.
func (x rotas) UpdatePerson(ctx context.Context, r *schedulev1.UpdatePersonRequest) (*schedulev1.Person, error) {
	return x.s.people.WithOwner(ownerOf[*schedulev1.Person](x.s, r.GetAllowGap())).
		Update(ctx, r.GetPerson(), r.GetUpdateMask(), r.GetAllowMissing(), r.GetValidateOnly())
}

// DeletePerson removes a person. IN_USE while a rota has them.
func (x rotas) DeletePerson(ctx context.Context, r *schedulev1.DeletePersonRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, x.s.people.Delete(ctx, r.GetName(), r.GetEtag(), r.GetValidateOnly())
}

// CreateRota adds a rota.
func (x rotas) CreateRota(ctx context.Context, r *schedulev1.CreateRotaRequest) (*schedulev1.Rota, error) {
	return x.s.rotas.Create(ctx, r.GetRota(), "rota_id", r.GetRotaId(), r.GetRequestId(), r.GetValidateOnly())
}

// GetRota reads one rota.
func (x rotas) GetRota(ctx context.Context, r *schedulev1.GetRotaRequest) (*schedulev1.Rota, error) {
	return x.s.rotas.Get(ctx, r.GetName())
}

// ListRotas reads a page of rotas in order of name.
func (x rotas) ListRotas(ctx context.Context, r *schedulev1.ListRotasRequest) (*schedulev1.ListRotasResponse, error) {
	list, next, err := x.s.rotas.List(ctx, r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &schedulev1.ListRotasResponse{Rotas: list, NextPageToken: next}, nil
}

// UpdateRota changes fields of a rota.
func (x rotas) UpdateRota(ctx context.Context, r *schedulev1.UpdateRotaRequest) (*schedulev1.Rota, error) {
	return x.s.rotas.WithOwner(ownerOf[*schedulev1.Rota](x.s, r.GetAllowGap())).
		Update(ctx, r.GetRota(), r.GetUpdateMask(), r.GetAllowMissing(), r.GetValidateOnly())
}

// DeleteRota removes a rota. IN_USE while a line lists it.
func (x rotas) DeleteRota(ctx context.Context, r *schedulev1.DeleteRotaRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, x.s.rotas.Delete(ctx, r.GetName(), r.GetEtag(), r.GetValidateOnly())
}

// QueryDuty answers who is on duty over an interval, why, and what each person's share of it is. Published records do not
// say why, so it compiles the rota as it was written, from etcd, for whatever time is asked of.
func (x rotas) QueryDuty(ctx context.Context, r *schedulev1.QueryDutyRequest) (*schedulev1.QueryDutyResponse, error) {
	from, to, err := x.s.coverageRange(r.GetInterval(), defaultDutyDays)
	if err != nil {
		return nil, err
	}
	l, err := x.loadRota(ctx, r.GetRota())
	if err != nil {
		return nil, err
	}
	c, err := x.compile(l, r.GetRota(), from, to)
	if err != nil {
		return nil, err
	}
	return rotasof.Answer(c)
}

// loadRota reads a rota with what it depends on: all people, of whom there are few, and the calendars of its own.
func (x rotas) loadRota(ctx context.Context, name string) (*loaded, error) {
	l := &loaded{Estate: estate.New(), revisions: map[string]int64{}}
	entry, err := x.s.cfg.Store.Get(ctx, sourceKey(name))
	if fault.ReasonOf(err) == rpcNotFound {
		return nil, fault.NotFound(name)
	}
	if err != nil {
		return nil, err
	}
	people, _, err := x.s.cfg.Store.ListAll(ctx, peoplePrefix)
	if err != nil {
		return nil, err
	}
	for _, e := range append(people, entry) {
		if err := l.take(e); err != nil {
			return nil, err
		}
	}
	calendars := map[string]bool{}
	for _, ref := range estate.References(l.Rotas[name]) {
		for _, calendar := range l.People[ref.Name].GetCalendars() {
			calendars[calendar] = true
		}
	}
	names := make([]string, 0, len(calendars))
	for calendar := range calendars {
		names = append(names, calendar)
	}
	return l, x.s.loadCalendars(ctx, l, names)
}

// compile compiles a stored rota over a range of its own. That it cannot be compiled is told as what is wrong with it: the
// zone rules in force may have changed since it was written.
func (x rotas) compile(l *loaded, name string, fromUnixS, toUnixS int64) (rotasof.Compiled, error) {
	rules, err := x.s.rules()
	if err != nil {
		return rotasof.Compiled{}, err
	}
	c, err := estate.NewCompiler(rules, fromUnixS, toUnixS).Rota(l.Estate, l.Rotas[name])
	return c, estate.Of(name, err)
}
