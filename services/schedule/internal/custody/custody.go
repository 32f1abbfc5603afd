// Package custody is who holds the phone of a rota: who is on duty by the roster, whether they accepted the handoff, whose
// phone it still is where they did not, and what accepting or taking it would write. All of it is judged against an
// instant, from a durable record; nothing counts down anywhere.
//
// A handoff is accepted for a turn, which may hold several turns of the rota that follow one another and have the same
// holder: whoever goes on holding need not accept again. Where nobody accepts, the phone stays with who accepted last.
//
// It writes nothing and pages nobody.
package custody

import (
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/protobuf/types/known/timestamppb"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/roster"
)

// In is what custody of a rota is worked out from.
type In struct {
	// Roster says who is on duty when.
	Roster *roster.Roster
	// Record is who accepted; nil where nobody ever did.
	Record *publishedv1.Custody
	// Zone is the clock by which people are told times; UTC where nil.
	Zone *time.Location
}

// Rota is its name.
func (in In) Rota() string { return "rotas/" + in.Roster.Sheet().ID }

// State is who holds the phone at an instant.
func State(in In, now time.Time) *schedulev1.Custody {
	nowS := now.Unix()
	c := &schedulev1.Custody{Rota: in.Rota(), At: timestamppb.New(now)}
	accepted := in.accepted(nowS)
	if accepted != nil {
		c.Holder, c.Taken = personName(accepted.GetHolder()), accepted.GetTaken()
		c.AcceptTime = &timestamppb.Timestamp{Seconds: accepted.GetAcceptUnixS()}
	}
	turn := in.Roster.At(nowS)
	if !turn.Known() {
		c.Sentence = in.sentence(c, turn, accepted, now)
		return c
	}
	c.Turn = in.span(turn)
	if turn.Person != nil {
		in.onDuty(c, turn, accepted)
	}
	if next, ok := in.Roster.Next(nowS); ok {
		c.NextHandoff = &timestamppb.Timestamp{Seconds: next.FromUnixS}
		if next.Person != nil {
			c.Next, c.NextReachable = personName(next.Person.ID), len(next.Person.Targets) > 0
			c.NextAccepted = in.acceptedAhead(next.Person.ID, next.FromUnixS)
		}
	}
	c.Sentence = in.sentence(c, turn, accepted, now)
	return c
}

// onDuty fills in what is known of the person on duty.
func (in In) onDuty(c *schedulev1.Custody, turn roster.Turn, accepted *publishedv1.Custody) {
	c.OnDuty, c.Reachable = personName(turn.Person.ID), len(turn.Person.Targets) > 0
	c.Accepted = acceptedFor(accepted, turn)
	switch within := in.Roster.Sheet().AcceptWithinS; {
	case c.Accepted:
	case within > 0:
		// A handoff from before there was the rota is one of the moment it was written.
		c.AcceptBy = &timestamppb.Timestamp{Seconds: max(turn.FromUnixS, in.Roster.Sheet().CreateUnixS) + int64(within)}
	default: // the phone goes from hand to hand by the roster alone
		c.Holder, c.AcceptTime, c.Taken = c.OnDuty, nil, false
	}
}

// Overdue says whether a handoff should have been accepted by that instant, and was not.
func Overdue(c *schedulev1.Custody, now time.Time) bool {
	return c.GetAcceptBy() != nil && !now.Before(c.GetAcceptBy().AsTime())
}

// accepted is the acceptance in force at an instant; nil where nobody ever accepted.
func (in In) accepted(nowS int64) *publishedv1.Custody {
	present := in.Record
	for _, a := range in.Record.GetAhead() {
		if a.GetTurnFromUnixS() <= nowS && in.stillTheirs(a) {
			present = a
		}
	}
	if present.GetHolder() == "" {
		return nil
	}
	return present
}

// acceptedAhead says whether a person accepted the turn that begins at an instant.
func (in In) acceptedAhead(person string, turnFromS int64) bool {
	return slices.ContainsFunc(in.Record.GetAhead(), func(a *publishedv1.Custody) bool {
		return a.GetHolder() == person && a.GetTurnFromUnixS() == turnFromS
	})
}

// stillTheirs says whether the turn accepted ahead was that person's when it began: the rota may have changed since they
// accepted. What the roster no longer knows is taken as it was then.
func (in In) stillTheirs(a *publishedv1.Custody) bool {
	turn := in.Roster.At(a.GetTurnFromUnixS())
	return !turn.Known() || holds(turn, a.GetHolder())
}

// acceptedFor says whether an acceptance is that of a turn: made for it, or made during it where the rota changed.
func acceptedFor(a *publishedv1.Custody, turn roster.Turn) bool {
	return a != nil && holds(turn, a.GetHolder()) && max(a.GetTurnFromUnixS(), a.GetAcceptUnixS()) >= turn.FromUnixS
}

func holds(turn roster.Turn, person string) bool {
	return turn.Person != nil && turn.Person.ID == person
}

// span is the turn; without an end where the horizon ends before it does, and, of a gap, without a start where the horizon
// begins after it did.
func (in In) span(turn roster.Turn) *interval.Interval {
	iv := &interval.Interval{}
	if from, _ := in.Roster.Horizon(); turn.Person != nil || turn.FromUnixS > from {
		iv.StartTime = &timestamppb.Timestamp{Seconds: turn.FromUnixS}
	}
	if in.ends(turn) {
		iv.EndTime = &timestamppb.Timestamp{Seconds: turn.ToUnixS}
	}
	return iv
}

// ends says whether the end of a turn is known.
func (in In) ends(turn roster.Turn) bool {
	_, to := in.Roster.Horizon()
	return turn.ToUnixS < to
}

func personName(id string) string { return "people/" + id }

func bare(name string) string { return strings.TrimPrefix(name, "people/") }
