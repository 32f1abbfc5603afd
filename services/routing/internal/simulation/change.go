package simulation

import (
	"fmt"
	"slices"
	"time"

	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/rota"
)

// change is somebody who changes something; where etcd is away they come again another day.
func (s *sim) change() {
	s.after(s.exponential(changeEvery), s.change)
	if s.etcd.away {
		return
	}
	next := *s.world
	switch s.chance.IntN(12) {
	case 0, 1, 2:
		s.changeExceptions(&next)
	case 3:
		s.changeWeek(&next)
	case 4, 5, 6:
		s.addDrain(&next)
	case 7:
		if len(next.drains) > 0 { // it ends before its time
			i := s.chance.IntN(len(next.drains))
			next.drains = slices.Delete(slices.Clone(next.drains), i, i+1)
		}
	case 8:
		s.changeContract(&next)
	case 9:
		s.changeDuty(&next)
	case 10:
		s.changeLine(&next)
	default:
		s.closeMany(&next)
	}
	nowS := s.nowMS / 1000
	next.drains = slices.DeleteFunc(slices.Clone(next.drains), func(d *drain) bool { return d.toS < nowS-86400 })
	if err := s.putInForce(s.world, &next); err != nil {
		s.err = err
	}
}

// edit puts a copy of a site in its place, and answers with it.
func (w *world) edit(i int) *site {
	next := *w.sites[i]
	w.sites = slices.Clone(w.sites)
	w.sites[i] = &next
	return &next
}

// day is a date some days from today, on no wall in particular.
func (s *sim) day(days int64) hours.Date {
	y, m, d := at(s.nowMS + days*dayMS).Date()
	return hours.Date{Year: y, Month: m, Day: d}
}

// changeExceptions gives a site other hours on some dates soon, or takes an exception back.
func (s *sim) changeExceptions(w *world) {
	i := s.chance.IntN(len(w.sites))
	one := w.edit(i)
	yesterday := s.day(-2).String()
	list := slices.DeleteFunc(slices.Clone(one.hours.Exceptions), func(e hours.Exception) bool {
		return e.Date.String() < yesterday
	})
	if len(list) > 0 && s.often(4) {
		list = slices.Delete(list, 0, 1)
	}
	first := s.between(0, 20)
	for d := range s.between(1, 3) {
		date := s.day(first + d)
		known := func(e hours.Exception) bool { return e.Date == date }
		if len(list) < maxSiteExceptions && !slices.ContainsFunc(list, known) {
			list = append(list, hours.Exception{Date: date, Spans: s.spans(), Mode: hours.Mode(s.chance.IntN(2))})
		}
	}
	one.hours.Exceptions = list
}

// spans are hours of one date: none, some, or over midnight.
func (s *sim) spans() []hours.Span {
	quarter := func(from, to int64) int { return int(s.between(from*4, to*4)) * 900 }
	switch s.chance.IntN(4) {
	case 0:
		return nil
	case 1:
		return []hours.Span{{OpenS: quarter(18, 23), CloseS: quarter(1, 9)}}
	case 2:
		open := quarter(0, 4)
		return []hours.Span{{OpenS: open, CloseS: open + quarter(1, 3)}, {OpenS: quarter(10, 12), CloseS: quarter(14, 23)}}
	}
	open := quarter(6, 12)
	return []hours.Span{{OpenS: open, CloseS: open + quarter(1, 10)}}
}

// changeWeek moves a site's hours on one weekday.
func (s *sim) changeWeek(w *world) {
	one := w.edit(s.chance.IntN(len(w.sites)))
	one.hours.Weekly[s.chance.IntN(7)] = s.spans()
	if s.often(3) { // and back to what they were
		one.hours.Weekly = week(places()[slices.IndexFunc(places(), func(p place) bool { return p.id == one.id })].weekly)
	}
}

// addDrain takes a site, or a target of one, out of calls from now or later on.
func (s *sim) addDrain(w *world) {
	one := w.sites[s.chance.IntN(len(w.sites))]
	from := s.nowMS/1000 + s.between(0, 1)*s.between(0, 2*86400)
	d := &drain{
		id: fmt.Sprintf("d%d", s.made), site: one.id, fromS: from, toS: from + s.between(60, 3*86400),
	}
	if s.often(3) {
		d.target = one.targets[s.chance.IntN(len(one.targets))]
	}
	w.drains = append(slices.Clone(w.drains), d)
}

// changeContract renews a customer's contract, or lets it end.
func (s *sim) changeContract(w *world) {
	i := s.chance.IntN(len(w.customers))
	next := *w.customers[i]
	next.fromS, next.toS = s.nowMS/1000-s.between(0, 30*86400), s.nowMS/1000+s.between(-86400, 400*86400)
	next.fromS = min(next.fromS, next.toS-1)
	w.customers = slices.Clone(w.customers)
	w.customers[i] = &next
}

// changeDuty has somebody on duty go on leave.
func (s *sim) changeDuty(w *world) {
	next := *w.duty
	nowS := s.nowMS / 1000
	next.away = slices.DeleteFunc(slices.Clone(next.away), func(a rota.Absence) bool { return a.ToUnixS < nowS-86400 })
	from := nowS + s.between(0, 20*86400)
	if len(next.away) < maxSiteExceptions {
		person := next.people[s.chance.IntN(len(next.people))]
		next.away = append(next.away, rota.Absence{Person: person, FromUnixS: from, ToUnixS: from + s.between(3600, 14*86400)})
	}
	w.duty = &next
}

// changeLine has other sites come first.
func (s *sim) changeLine(w *world) {
	i := s.chance.IntN(len(w.lines))
	next := *w.lines[i]
	next.tiers = slices.Clone(next.tiers)
	next.tiers[s.chance.IntN(len(next.tiers))] = int32(s.chance.IntN(3))
	w.lines = slices.Clone(w.lines)
	w.lines[i] = &next
}

// closeMany closes most sites on one date, as one change: more than a transaction holds.
func (s *sim) closeMany(w *world) {
	date := s.day(s.between(0, 5))
	for i := range w.sites {
		known := func(e hours.Exception) bool { return e.Date == date }
		if i == 0 || slices.ContainsFunc(w.sites[i].hours.Exceptions, known) ||
			len(w.sites[i].hours.Exceptions) >= maxSiteExceptions {
			continue
		}
		one := w.edit(i)
		one.hours.Exceptions = append(slices.Clone(one.hours.Exceptions), hours.Exception{Date: date, Mode: hours.Clip})
	}
}

// adopt puts the next release of the zone rules in force, for everything at once.
func (s *sim) adopt() {
	if s.etcd.away || len(s.cfg.Bundles) < 2 {
		return
	}
	next := *s.world
	if err := s.recompile(&next, (next.bundle+1)%len(s.cfg.Bundles)); err != nil {
		s.err = err
		return
	}
	if err := s.putInForce(s.world, &next); err != nil {
		s.err = err
	}
}

// simClock is the clock of a process; of whoever writes configuration where it is of none.
type simClock struct {
	s *sim
	p *process
}

// Now is the time on it.
func (c simClock) Now() time.Time { return at(c.s.nowMS + c.p.offset()) }

// After never fires: nothing waits in a simulation, but for what is in its queue.
func (simClock) After(time.Duration) <-chan time.Time { return nil }
