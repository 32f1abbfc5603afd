package schedule

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
	custodyof "github.com/daysidehq/dayside/services/schedule/internal/custody"
)

// custodyTries is how often accepting or taking is tried where somebody else writes at the same time.
const custodyTries = 2

// GetCustody answers who holds the phone of a rota now, from the view.
func (x rotas) GetCustody(_ context.Context, r *schedulev1.GetCustodyRequest) (*schedulev1.Custody, error) {
	if !x.s.Ready() {
		return nil, notReady()
	}
	id := strings.TrimPrefix(r.GetRota(), "rotas/")
	on := x.s.index.Roster(id)
	if on == nil {
		return nil, fault.NotFound(r.GetRota())
	}
	in := custodyof.In{Roster: on, Record: x.s.index.Custody(id), Zone: x.s.zoneOf(on.Sheet().TimeZone)}
	return custodyof.State(in, x.s.cfg.Clock.Now()), nil
}

// AcceptCustody acknowledges a handoff: that of the turn which the person has now, or of their next one within 12 hours.
// Accepting again changes nothing. WRONG_STATE where they have neither.
func (x rotas) AcceptCustody(ctx context.Context, r *schedulev1.AcceptCustodyRequest) (*schedulev1.Custody, error) {
	return x.trying(ctx, r.GetRota(), r.GetPerson(), x.accept)
}

// TakeCustody takes the phone now, until the present turn ends: an override that adds the person, and their acceptance, are
// committed together. Whoever has the turn already accepts it.
func (x rotas) TakeCustody(ctx context.Context, r *schedulev1.TakeCustodyRequest) (*schedulev1.Custody, error) {
	return x.trying(ctx, r.GetRota(), r.GetPerson(), func(ctx context.Context, at custodyNow) (*schedulev1.Custody, error) {
		return x.take(ctx, at, r.GetNote())
	})
}

// custodyNow is custody of a rota as etcd holds it, and who asks for it when.
type custodyNow struct {
	custodyof.In
	estate *loaded
	rota   *schedulev1.Rota
	// revision is that of the custody record; 0 where there is none.
	revision int64
	// turnEndS is when the present turn of the rota ends, Unix seconds; the roster may go on with the same holder.
	turnEndS int64
	// person is an ID.
	person string
	now    time.Time
}

// key is that of the custody record.
func (c custodyNow) key() string { return published.CustodyPrefix + c.Roster.Sheet().ID }

// put writes a custody record.
func (c custodyNow) put(record *publishedv1.Custody) (*rpcv1.Write, error) {
	value, err := published.Marshal(record)
	if err != nil {
		return nil, fault.Internal(err)
	}
	return coord.Put(c.key(), value), nil
}

// trying does something with custody as it is, and once more where somebody else wrote meanwhile.
func (x rotas) trying(ctx context.Context, rota, person string,
	do func(context.Context, custodyNow) (*schedulev1.Custody, error),
) (state *schedulev1.Custody, err error) {
	for range custodyTries {
		var at custodyNow
		if at, err = x.custodyNow(ctx, rota, person); err != nil {
			return nil, err
		}
		if state, err = do(ctx, at); fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT {
			return state, err
		}
	}
	return nil, fault.Conflict(rota)
}

// custodyNow reads what is needed linearizably, and compiles the rota from its source: what somebody accepts is judged
// against what was committed last, not against a view that may not have heard of it yet.
func (x rotas) custodyNow(ctx context.Context, rota, person string) (custodyNow, error) {
	at := custodyNow{person: strings.TrimPrefix(person, "people/")}
	entry, err := x.s.cfg.Store.Get(ctx, published.CustodyPrefix+strings.TrimPrefix(rota, "rotas/"))
	if err != nil && fault.ReasonOf(err) != rpcv1.Reason_REASON_NOT_FOUND {
		return at, err
	}
	if err == nil {
		at.revision = entry.ModRevision
		if at.Record, err = published.Custody(entry.Value); err != nil {
			return at, fault.Internal(err)
		}
	}
	if at.estate, err = x.s.load(ctx); err != nil {
		return at, err
	}
	if at.rota = at.estate.Rotas[rota]; at.rota == nil {
		return at, fault.NotFound(rota)
	}
	if at.estate.People[person] == nil {
		return at, fault.NotFound(person)
	}
	d, err := x.s.newDraft(at.estate)
	if err != nil {
		return at, err
	}
	compiled, err := d.Rota(at.estate.Estate, at.rota)
	if err != nil {
		return at, err
	}
	at.Roster, at.Zone, at.now = compiled.Duty.Roster, compiled.Location, x.s.cfg.Clock.Now()
	at.turnEndS = compiled.Roster.At(at.now.Unix()).ToUnixS
	return at, nil
}

// accept commits an acceptance, on the condition that the rota and the record are as they were judged.
func (x rotas) accept(ctx context.Context, at custodyNow) (*schedulev1.Custody, error) {
	record, changed, err := custodyof.Accept(at.In, at.person, at.now)
	if err != nil {
		return nil, err
	}
	if changed {
		write, err := at.put(record)
		if err != nil {
			return nil, err
		}
		if _, err := x.s.cfg.Store.Commit(ctx, []condition{
			at.estate.unchanged(at.rota.GetName()), coord.Unchanged(at.key(), at.revision),
		}, []*rpcv1.Write{write}); err != nil {
			return nil, err
		}
	}
	at.Record = record
	return custodyof.State(at.In, at.now), nil
}

// take commits the rota with one override more, what is compiled from it, and the custody record.
func (x rotas) take(ctx context.Context, at custodyNow, note string) (*schedulev1.Custody, error) {
	if at.Roster.Person(at.person) == nil {
		return nil, fault.WrongState(at.rota.GetName(), fmt.Sprintf(
			"people/%s is no member of %s: only its members may take the phone", at.person, at.rota.GetName()))
	}
	from, to, err := custodyof.Take(at.In, at.person, at.turnEndS, at.now)
	if err != nil {
		return nil, err
	}
	if from >= to {
		return x.accept(ctx, at)
	}
	write, err := at.put(custodyof.Taken(at.In, at.person, at.now))
	if err != nil {
		return nil, err
	}
	taking := custodyof.Taking{
		By: "people/" + at.person, Of: custodyof.State(at.In, at.now).GetOnDuty(), FromUnixS: from, ToUnixS: to, Note: note,
		Origin: at.rota.GetName() + "/custody",
	}
	next := &schedulev1.Rota{
		Name: at.rota.GetName(), Etag: at.rota.GetEtag(), Overrides: taking.Overrides(at.rota.GetOverrides()),
	}
	// Somebody more on duty uncovers nothing, so gaps need not be judged.
	written := x.s.rotas.WithOwner(owner[*schedulev1.Rota]{s: x.s, allowGap: true, extra: collection.Effect{
		Conditions: []condition{coord.Unchanged(at.key(), at.revision)}, Writes: []*rpcv1.Write{write},
	}})
	mask := &fieldmaskpb.FieldMask{Paths: []string{"overrides"}}
	if _, err := written.Update(ctx, next, mask, false, false); err != nil {
		return nil, err
	}
	after, err := x.custodyNow(ctx, at.rota.GetName(), "people/"+at.person)
	if err != nil {
		return nil, err // it is taken; asking again finds it so
	}
	return custodyof.State(after.In, after.now), nil
}

// zoneOf is a rota's clock, for telling people times; UTC where the rules in force do not know it, or are not known yet.
func (s *Service) zoneOf(name string) *time.Location {
	rules, err := s.rules()
	if err != nil {
		return time.UTC
	}
	zone, err := rules.Location(name)
	if err != nil {
		return time.UTC
	}
	return zone
}

// notReady is the answer to questions before the view was listed.
func notReady() error {
	return &fault.Fault{
		Reason: rpcv1.Reason_REASON_VIEW_NOT_READY, RetryAfter: time.Second,
		Message: "this process has not read its view yet",
	}
}
