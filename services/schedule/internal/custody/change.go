package custody

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/roster"
)

const (
	// maxAheadS is how long before it begins a turn can be accepted.
	maxAheadS = 12 * 3600
	// maxAhead bounds the acceptances ahead of one rota.
	maxAhead = 64
)

// Accept is the record after a person (an ID) accepted the phone: for the turn they have now, or for the first one they
// have that begins within 12 hours. It is not changed where they accepted that already. WRONG_STATE where they have neither.
func Accept(in In, person string, now time.Time) (record *publishedv1.Custody, changed bool, err error) {
	nowS := now.Unix()
	turn := in.Roster.At(nowS)
	present := in.accepted(nowS)
	if holds(turn, person) {
		if acceptedFor(present, turn) {
			return in.Record, false, nil
		}
		return in.next(&publishedv1.Custody{
			Holder: person, AcceptUnixS: nowS, TurnFromUnixS: turn.FromUnixS,
		}, nowS), true, nil
	}
	coming, ok := in.coming(person, nowS, nowS+maxAheadS)
	if !ok {
		return nil, false, fault.WrongState(in.Rota(), in.refusal(person, turn, now))
	}
	if in.acceptedAhead(person, coming.FromUnixS) {
		return in.Record, false, nil
	}
	record = in.next(present, nowS)
	if len(record.GetAhead()) >= maxAhead {
		return nil, false, fault.LimitExceeded(fmt.Sprintf("%s has %d handoffs accepted ahead, which is all it may",
			in.Rota(), maxAhead))
	}
	record.Ahead = append(record.Ahead, &publishedv1.Custody{
		Holder: person, AcceptUnixS: nowS, TurnFromUnixS: coming.FromUnixS,
	})
	slices.SortStableFunc(record.Ahead, func(a, b *publishedv1.Custody) int {
		return int(a.GetTurnFromUnixS() - b.GetTurnFromUnixS())
	})
	return record, true, nil
}

// next is the record of an acceptance, with those ahead that are still to come.
func (in In) next(present *publishedv1.Custody, nowS int64) *publishedv1.Custody {
	record := &publishedv1.Custody{}
	if present != nil {
		record = proto.CloneOf(present)
	}
	record.Ahead = nil
	for _, a := range in.Record.GetAhead() {
		if a.GetTurnFromUnixS() > nowS {
			record.Ahead = append(record.Ahead, a)
		}
	}
	return record
}

// coming is the first turn of a person that begins after one instant, and at the other at the latest.
func (in In) coming(person string, afterS, untilS int64) (roster.Turn, bool) {
	at := afterS
	for {
		turn, ok := in.Roster.Next(at)
		if !ok || turn.FromUnixS > untilS {
			return roster.Turn{}, false
		}
		if holds(turn, person) {
			return turn, true
		}
		at = turn.FromUnixS
	}
}

// refusal says who is on duty instead of a person who would accept.
func (in In) refusal(person string, turn roster.Turn, now time.Time) string {
	who := "it is not known who is on duty"
	switch {
	case turn.Person != nil:
		who = in.person(turn.Person.ID) + " is on duty"
	case turn.Known():
		who = "nobody is on duty"
	}
	if in.ends(turn) && turn.Known() {
		who += " until " + in.clock(turn.ToUnixS, now)
	}
	const horizonS = 400 * 86400
	coming, ok := in.coming(person, now.Unix(), now.Unix()+horizonS)
	if !ok {
		return fmt.Sprintf("%s has no turn to accept: %s", in.person(person), who)
	}
	return fmt.Sprintf("%s has no turn to accept within 12 h: %s, and the next turn of %s begins on %s",
		in.person(person), who, in.person(person), in.clock(coming.FromUnixS, now))
}

// Take is the time over which a person who takes the phone now has it, [fromUnixS, toUnixS): until the present turn of the
// rota ends, at turnEndS, or the time in which nobody is on duty. The roster does not tell turns apart that follow one
// another and have the same holder; whoever takes the phone from somebody takes one of them. Of somebody on duty it is
// nothing, since they need only accept. WRONG_STATE where there is no end that is known.
func Take(in In, person string, turnEndS int64, now time.Time) (fromUnixS, toUnixS int64, err error) {
	turn := in.Roster.At(now.Unix())
	if !turn.Known() {
		return 0, 0, fault.WrongState(in.Rota(), fmt.Sprintf("it is not known whose turn of %s it is", in.Rota()))
	}
	if holds(turn, person) {
		return 0, 0, nil
	}
	if turn.Person != nil {
		turn.ToUnixS = min(turn.ToUnixS, turnEndS)
	}
	if !in.ends(turn) {
		return 0, 0, fault.WrongState(in.Rota(), fmt.Sprintf("the present turn of %s has no end that is known: "+
			"add an override that says until when", in.Rota()))
	}
	return now.Unix(), turn.ToUnixS, nil
}

// Taken is the record after a person took the phone.
func Taken(in In, person string, now time.Time) *publishedv1.Custody {
	return in.next(&publishedv1.Custody{
		Holder: person, AcceptUnixS: now.Unix(), TurnFromUnixS: now.Unix(), Taken: true,
	}, now.Unix())
}
