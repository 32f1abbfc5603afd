package decide

import (
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// maxReserved is how many places of a full ladder sites leave to people on duty.
const maxReserved = 4

// DutyVerdict is what one rota of the line says of one person, or of nobody.
type DutyVerdict struct {
	// Rota is one of the line's.
	Rota *view.Rota
	// Person is nil where nobody is on duty.
	Person   *view.Person
	Standing routingv1.DutyStanding
	// UntilUnixS is when the turn ends, or the time in which nobody is on duty; 0 where it is not known.
	UntilUnixS int64
	// Rank among the people on the ladder, from 1; 0 where it is not on it.
	Rank int
	// Drain that takes the person, or some of their targets, out of calls; nil where none does.
	Drain *view.Drain

	drained view.Targets
}

// findDuty is the stage behind the sites: who is on duty on the line's rotas, in their order. Whoever accepted the phone
// before comes behind a person who has not accepted it yet: one of them has it in hand. Of a line without rotas there is
// nothing to say.
func findDuty(d *Decision) (routingv1.Verdict, bool) {
	if len(d.Line.Rotas) == 0 {
		return routingv1.Verdict_VERDICT_UNSPECIFIED, true
	}
	verdict := routingv1.Verdict_VERDICT_DUTY_NOBODY
	for _, r := range d.Line.Rotas {
		duty := r.At(d.nowS)
		d.changesAt(duty.ChangesUnixS)
		v := DutyVerdict{Rota: r, Person: duty.Person}
		if duty.Ends {
			v.UntilUnixS = duty.UntilUnixS
		}
		switch {
		case !duty.Known:
			v.Standing = routingv1.DutyStanding_DUTY_STANDING_UNKNOWN
			if verdict == routingv1.Verdict_VERDICT_DUTY_NOBODY {
				verdict = routingv1.Verdict_VERDICT_DUTY_UNKNOWN
			}
		case duty.Person == nil:
			v.Standing = routingv1.DutyStanding_DUTY_STANDING_NOBODY
		case duty.Accepted:
			v.Standing = routingv1.DutyStanding_DUTY_STANDING_ON_DUTY
		default:
			v.Standing = routingv1.DutyStanding_DUTY_STANDING_NOT_ACCEPTED
		}
		v.drained, v.Drain = d.drainedPerson(v.Person)
		d.duties = append(d.duties, v)
		if duty.Person != nil {
			verdict = routingv1.Verdict_VERDICT_DUTY_SOMEBODY
		}
		if duty.Holder != nil {
			held := DutyVerdict{
				Rota: r, Person: duty.Holder, Standing: routingv1.DutyStanding_DUTY_STANDING_STILL_HOLDS, UntilUnixS: v.UntilUnixS,
			}
			held.drained, held.Drain = d.drainedPerson(held.Person)
			d.duties = append(d.duties, held)
		}
	}
	return verdict, true
}

// named says whether somebody who can be reached stands among the first n duties already: each person is rung once,
// whatever rotas they are on.
func (d *Decision) named(n int, p *view.Person) bool {
	for i := range d.duties[:n] {
		if other := d.duties[i].Person; other != nil && other.ID == p.ID && d.duties[i].left() > 0 {
			return true
		}
	}
	return false
}

// reserve keeps places of a full ladder for people on duty, and answers with how many are left to sites.
func (d *Decision) reserve() int {
	reserved := 0
	for i := range d.duties {
		if p := d.duties[i].Person; p != nil && !d.named(i, p) {
			reserved = min(reserved+d.duties[i].left(), maxReserved)
		}
	}
	return maxRungs - reserved
}

// ringDuty puts the people on duty on the ladder, each one's targets in order.
func (d *Decision) ringDuty() {
	rank := 0
	for i := range d.duties {
		duty := &d.duties[i]
		if duty.left() == 0 || d.nTargets == maxRungs || d.named(i, duty.Person) {
			continue
		}
		rank++
		duty.Rank = rank
		for i, t := range duty.Person.Targets {
			if d.nTargets < maxRungs && !duty.drained.Has(i) {
				d.targets[d.nTargets] = t
				d.nTargets++
			}
		}
	}
}
