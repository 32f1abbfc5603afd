package simulation

import (
	"context"
	"fmt"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// Fault is a kind of fault.
type Fault int

// The kinds.
const (
	// FaultEtcd: etcd is away, for minutes to days.
	FaultEtcd Fault = iota
	// FaultCut: a process is cut off from etcd, for seconds to days.
	FaultCut
	// FaultKill: a process is killed, and comes back from its disk.
	FaultKill
	// FaultPower: a host loses its power, and what it was writing; it comes back from its disk.
	FaultPower
	// FaultKillInOutage: all processes are killed while etcd is away, and come back from their disks.
	FaultKillInOutage
	// FaultDisk: a host is lost with its disk.
	FaultDisk
	// FaultClock: a host's clock is wrong, by seconds to hours, and is set right later.
	FaultClock
	// FaultSlow: messages to a process take longer.
	FaultSlow
	// FaultStuck: a watch stands still.
	FaultStuck
	// FaultCompact: etcd forgets its history.
	FaultCompact
	// FaultRestore: etcd is restored from a backup of days before.
	FaultRestore
	// FaultLedger: the ledger is away, for minutes to weeks.
	FaultLedger
	// FaultLive: targets cannot be reached, says a process under its lease.
	FaultLive
	// FaultRules: another release of the zone rules is adopted.
	FaultRules
	numFaults
)

// String is a fault's name.
func (f Fault) String() string {
	return [numFaults]string{
		"etcd away", "cut off", "killed", "power lost", "all killed, etcd away", "disk lost", "clock wrong", "slow link",
		"watch stuck", "compacted", "restored", "ledger away", "targets unreachable", "rules adopted",
	}[f]
}

// rarely are how many times rarer than the others a kind is.
func (f Fault) rarely() int64 {
	switch f { //nolint:exhaustive // all others are as often as the configuration says
	case FaultRestore, FaultKillInOutage:
		return 3
	case FaultDisk, FaultRules, FaultLedger:
		return 2
	}
	return 1
}

func (s *sim) beginFaults() {
	s.backup = s.etcd.save(s.world)
	s.after(dayMS, s.upkeep)
	if s.cfg.FaultsPerMonth < 0 {
		return
	}
	for f := range numFaults {
		mean := int64(float64(monthMS*f.rarely()) / s.cfg.FaultsPerMonth)
		var again func()
		again = func() {
			s.after(s.exponential(mean), again)
			s.fault(f)
		}
		s.after(s.exponential(mean), again)
	}
}

// upkeep is what happens daily: a backup now and then, compaction of what is older than an hour, and forgetting what no
// process knows any more.
func (s *sim) upkeep() {
	s.after(dayMS, s.upkeep)
	s.forget()
	if s.etcd.away {
		return
	}
	if s.often(5) {
		s.backup = s.etcd.save(s.world)
	}
	s.etcd.compact(s.etcd.revision - 8)
	for _, p := range s.processes {
		s.counts.MaxCopyBytes = max(s.counts.MaxCopyBytes, p.kept.bytes())
	}
}

// fault has one happen.
func (s *sim) fault(f Fault) {
	s.counts.Faults[f]++
	s.trace.note(s.nowMS, "fault", f.String())
	p := s.processes[s.chance.IntN(len(s.processes))]
	switch f {
	case FaultEtcd:
		s.loseEtcd(s.lasting(60*secondMS, 4*dayMS))
	case FaultCut:
		p.cutOff(s.lasting(secondMS, 10*dayMS))
	case FaultKill:
		p.restart(s.lasting(secondMS, hourMS))
	case FaultPower:
		p.losePower(s.lasting(secondMS, hourMS))
	case FaultKillInOutage:
		s.loseEtcd(s.lasting(hourMS, 2*dayMS))
		for _, one := range s.processes {
			one.restart(s.between(1, 60*secondMS))
		}
	case FaultDisk:
		p.loseDisk(s.lasting(60*secondMS, dayMS))
	case FaultClock:
		p.setClock(s.lasting(secondMS, 3*hourMS) * (2*s.between(0, 1) - 1))
		s.after(s.lasting(hourMS, 3*dayMS), func() { p.setClock(0) })
	case FaultSlow:
		p.follow.delayMS = s.between(100, maxDelayMS)
		s.after(s.lasting(60*secondMS, dayMS), func() { p.follow.delayMS = s.between(1, 150) })
	case FaultStuck:
		p.follow.beat()
		p.follow.stuck = p.follow.watching
	case FaultCompact:
		if !s.etcd.away {
			s.etcd.compact(s.etcd.revision)
		}
	case FaultRestore:
		s.restore()
	case FaultLedger:
		s.ledger.away = true
		s.after(s.lasting(60*secondMS, 30*dayMS), func() { s.ledger.away = false })
	case FaultLive:
		s.unreachable(p, s.lasting(60*secondMS, hourMS))
	case FaultRules:
		s.adopt()
	case numFaults:
	}
}

// lasting is a time of [least, most], short ones as likely as long ones of the same order.
func (s *sim) lasting(least, most int64) int64 {
	for ms := least; ; ms *= 4 {
		if ms*4 > most || s.often(4) {
			return s.between(ms, min(4*ms, most))
		}
	}
}

// loseEtcd takes etcd away for a time.
func (s *sim) loseEtcd(ms int64) {
	if s.etcd.away {
		return
	}
	for _, p := range s.processes {
		p.follow.lose()
	}
	s.etcd.away = true
	s.after(ms, s.etcdBack)
}

func (s *sim) etcdBack() {
	s.etcd.away = false
	for _, p := range s.processes {
		p.follow.knock()
	}
}

// restore puts the last backup in etcd's place: some processes run all the while, others hear of it when they start.
func (s *sim) restore() {
	if s.etcd.away {
		return
	}
	for _, p := range s.processes {
		p.follow.lose()
		if s.often(3) { // it comes back later, with an older truth on its disk
			p.restart(s.lasting(secondMS, hourMS))
		}
	}
	s.etcd.restore(s.backup)
	s.world = s.backup.world
	s.states = append(s.states, state{s.etcd.truth, s.etcd.revision, s.nowMS, s.world})
	// Who wrote configuration finds it older than it was: what lapsed is compiled anew.
	next := *s.world
	if err := s.recompile(&next, next.bundle); err != nil {
		s.err = err
		return
	}
	if err := s.putInForce(s.world, &next); err != nil {
		s.err = fmt.Errorf("after a restore: %w", err)
		return
	}
	s.lookAfterKeys(nil)
	for _, p := range s.processes {
		p.follow.knock()
		p.try()
	}
}

// unreachable has a process say that targets are, until its lease ends; of an etcd that is away none does.
func (s *sim) unreachable(p *process, ms int64) {
	value, err := published.Marshal(s.liveOf(s.world))
	if err != nil {
		s.err = err
		return
	}
	key := view.LivePrefix + "processes/" + p.id
	if _, err := s.etcd.Commit(context.Background(), nil, []*rpcv1.Write{put(key, value)}); err != nil {
		return
	}
	var lapse func()
	lapse = func() {
		if _, err := s.etcd.Commit(context.Background(), nil, []*rpcv1.Write{coord.Delete(key)}); err != nil {
			s.after(hourMS, lapse)
		}
	}
	s.after(ms, lapse)
}

// cutOff cuts a process off from etcd for a time.
func (p *process) cutOff(ms int64) {
	if p.follow.cut {
		return
	}
	p.follow.lose()
	p.follow.cut = true
	p.s.after(ms, func() {
		p.follow.cut = false
		p.follow.knock()
	})
}

// restart kills a process, and starts it after a time.
func (p *process) restart(ms int64) {
	if !p.up {
		return
	}
	p.kill()
	p.s.after(ms, p.comeBack)
}

// losePower kills a process, and with it the end of what was being written to its copy of the view.
func (p *process) losePower(ms int64) {
	writing := p.follow.watching && p.follow.reaches()
	p.restart(ms)
	if writing && !p.up {
		p.torn = p.kept.tear(p.s.between(1, 40)) || p.torn
	}
}

func (p *process) comeBack() {
	if p.up {
		return
	}
	if err := p.start(); err != nil {
		p.s.err = err
	}
}

// loseDisk loses a host with all it has, and puts another one in its place after a time.
func (p *process) loseDisk(ms int64) {
	if !p.up {
		return
	}
	if err := p.lose(); err != nil {
		p.s.err = err
	}
	p.s.after(ms, p.comeBack)
}

// setClock sets how far a host's clock is ahead.
func (p *process) setClock(ms int64) {
	p.follow.beat()
	by := ms - p.offsetMS
	p.offsetMS, p.offsetSetMS = ms, p.s.nowMS
	if p.current == nil || p.fromDisk {
		return
	}
	// What a process heard in this life it knows by a clock that nobody sets, as time.Time does.
	heard := p.current.Age(at(0).Add(1 << 62)) // how long before an instant that is far away
	p.current, _ = view.Next(p.current).View(p.current.Revision(), at(0).Add(1<<62-heard+time.Duration(by)*time.Millisecond))
	p.heardOffset = ms
}
