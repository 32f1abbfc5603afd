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

	// gone are their targets that are not rung: drained, or tried in this call. behind are those that cannot be reached.
	gone, behind view.Targets
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
		d.hinder(&v)
		d.duties = append(d.duties, v)
		if duty.Person != nil {
			verdict = routingv1.Verdict_VERDICT_DUTY_SOMEBODY
		}
		if duty.Holder != nil {
			held := DutyVerdict{
				Rota: r, Person: duty.Holder, Standing: routingv1.DutyStanding_DUTY_STANDING_STILL_HOLDS, UntilUnixS: v.UntilUnixS,
			}
			d.hinder(&held)
			d.duties = append(d.duties, held)
		}
	}
	return verdict, true
}

// hinder notes which of the person's targets are not rung, and which cannot be reached.
func (d *Decision) hinder(v *DutyVerdict) {
	if v.Person == nil {
		return
	}
	v.gone, v.Drain = d.drainedPerson(v.Person)
	v.gone |= d.spentOf(v.Person.Targets)
	v.behind = d.livePerson(v.Person)
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

// ringDuty puts the people on duty on the ladder, each one's targets in order; then the targets of theirs that cannot be
// reached.
func (d *Decision) ringDuty() {
	rank := 0
	for _, last := range [...]bool{false, true} {
		for i := range d.duties {
			duty := &d.duties[i]
			if duty.left() == 0 || last && duty.behind == 0 || d.named(i, duty.Person) {
				continue
			}
			for j, t := range d.rungs(duty.Person) {
				if duty.gone.Has(j) || duty.behind.Has(j) != last || !d.ring(t, maxRungs) {
					continue
				}
				if duty.Rank == 0 {
					rank++
					duty.Rank = rank
				}
			}
		}
	}
}

// rungs are somebody's targets as the gateway can carry them.
func (d *Decision) rungs(p *view.Person) []*routingv1.RouteTarget {
	if d.rings.accepting {
		return p.Accepting
	}
	return p.Targets
}

// left is how many targets of the person may be rung.
func (v *DutyVerdict) left() int {
	if v.Person == nil {
		return 0
	}
	n := len(v.Person.Targets)
	if v.gone == 0 {
		return n
	}
	for i := range v.Person.Targets {
		if v.gone.Has(i) {
			n--
		}
	}
	return n
}
