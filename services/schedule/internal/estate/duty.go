package estate

import (
	"math"

	"github.com/daysidehq/dayside/services/internal/roster"
	"github.com/daysidehq/dayside/services/schedule/internal/proof"
)

// Duty is who is on duty by a roster, as proof asks for it.
func Duty(r *roster.Roster) proof.Duty { return duty{r} }

type duty struct{ roster *roster.Roster }

// At is proof.Duty's. Outside the roster's horizon nobody is known to be on duty.
func (d duty) At(unixS int64) (person string, untilUnixS int64) {
	turn := d.roster.At(unixS)
	if !turn.Known() {
		if from, _ := d.roster.Horizon(); unixS < from {
			return "", from
		}
		return "", math.MaxInt64
	}
	if turn.Person != nil {
		person = "people/" + turn.Person.ID
	}
	return person, turn.ToUnixS
}
