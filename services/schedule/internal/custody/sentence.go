package custody

import (
	"fmt"
	"strings"
	"time"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/roster"
)

// sentence says all of a state in plain English, with times on the rota's clock.
func (in In) sentence(c *schedulev1.Custody, turn roster.Turn, accepted *publishedv1.Custody, now time.Time) string {
	if !turn.Known() {
		from, to := in.Roster.Horizon()
		return fmt.Sprintf("it is not known who is on duty: the rota is compiled from %s to %s%s",
			in.clock(from, now), in.clock(to, now), in.still(accepted, now))
	}
	var parts []string
	if turn.Person == nil {
		parts = append(parts, "nobody is on duty"+in.until(turn, now)+in.still(accepted, now))
	} else {
		parts = append(parts, in.holding(c, turn, accepted, now))
		if !c.GetReachable() {
			parts = append(parts, in.person(turn.Person.ID)+" has nothing that a call could reach")
		}
	}
	if c.GetNext() != "" {
		next := in.person(bare(c.GetNext()))
		if !c.GetNextReachable() {
			next += ", who has nothing that a call could reach,"
		}
		next += " is next"
		if c.GetNextAccepted() {
			next += ", and has accepted that"
		}
		parts = append(parts, next)
	}
	return strings.Join(parts, "; ")
}

// holding says how the person on duty stands to the phone.
func (in In) holding(c *schedulev1.Custody, turn roster.Turn, accepted *publishedv1.Custody, now time.Time) string {
	name := in.person(turn.Person.ID)
	since := in.clock(turn.FromUnixS, now)
	switch {
	case c.GetAccepted() && c.GetTaken():
		return fmt.Sprintf("%s took the phone on %s and has it%s", name, in.clock(accepted.GetAcceptUnixS(), now),
			in.until(turn, now))
	case c.GetAccepted():
		return fmt.Sprintf("%s has the phone: on duty since %s%s, accepted on %s", name, since, in.until(turn, now),
			in.clock(accepted.GetAcceptUnixS(), now))
	case c.GetAcceptBy() == nil:
		return fmt.Sprintf("%s has the phone: on duty since %s%s, and need not accept it", name, since, in.until(turn, now))
	}
	due := "should by " + in.clock(c.GetAcceptBy().GetSeconds(), now)
	if Overdue(c, now) {
		due = "should have by " + in.clock(c.GetAcceptBy().GetSeconds(), now)
	}
	rest := in.still(accepted, now)
	switch {
	case accepted == nil:
		rest = "; nobody has accepted the phone before"
	case accepted.GetHolder() == turn.Person.ID:
		rest = "; " + name + " accepted an earlier turn, on " + in.clock(accepted.GetAcceptUnixS(), now)
	}
	return fmt.Sprintf("%s has been on duty since %s and has not accepted yet, but %s%s", name, since, due, rest)
}

// still says with whom the phone is that nobody took over; nothing where nobody ever accepted it.
func (in In) still(accepted *publishedv1.Custody, now time.Time) string {
	if accepted == nil {
		return ""
	}
	return fmt.Sprintf("; the phone is still with %s, who accepted it on %s", in.person(accepted.GetHolder()),
		in.clock(accepted.GetAcceptUnixS(), now))
}

func (in In) until(turn roster.Turn, now time.Time) string {
	if !in.ends(turn) {
		return ""
	}
	return " until " + in.clock(turn.ToUnixS, now)
}

// person is what people call somebody: their display name where the rota still knows it.
func (in In) person(id string) string {
	if p := in.Roster.Person(id); p != nil && p.DisplayName != "" {
		return p.DisplayName
	}
	return id
}

// clock is an instant on the rota's clock: "Mon 23 Nov 09:00 GMT". It has seconds, and the year, where they say something.
func (in In) clock(unixS int64, now time.Time) string {
	zone := in.Zone
	if zone == nil {
		zone = time.UTC
	}
	t := time.Unix(unixS, 0).In(zone)
	layout := "Mon 2 Jan"
	if t.Year() != now.In(zone).Year() {
		layout += " 2006"
	}
	layout += " 15:04"
	if t.Second() != 0 {
		layout += ":05"
	}
	return t.Format(layout + " MST")
}
