// Package simulation runs years of calls through the product's own decision, view, flow, continuations, compiler and spool,
// in virtual time, in one goroutine, from one seed: clocks that change, holidays, drains, an etcd that is away for days,
// processes that are killed, disks that are lost, backups that are restored. After every answer it asks whether the
// guarantees hold, and for "is that site open" it asks a second opinion that shares no code with the compiler (oracle.go).
//
// What is real: hours, zones, calendar, rota, roster, generation, view, decide, flow, continuation, keeper, render, record,
// spool. What is modelled: etcd and the way to it (etcd.go, follow.go), the gateways and people (calls.go), the ledger
// (records.go), and who writes configuration (world.go). The same Config gives the same trace, hash and findings, on any
// machine; so a failing seed is all that is needed to see it again.
//
// It is for tests and `make simulate`; nothing of the product imports it.
package simulation

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/daysidehq/dayside/services/internal/zones"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// Config says what is simulated. All of it is part of what a seed replays.
type Config struct {
	// Seed of everything that is left to chance.
	Seed uint64
	// Start is the first instant; the beginning of some day of the years 1971 to 2098, UTC.
	Start time.Time
	// Years is how many years of 365 days are lived through; at most 2098 is reached.
	Years float64
	// CallsPerHour, on average; 10 where 0.
	CallsPerHour float64
	// Processes route calls; 3 where 0, at most 9.
	Processes int
	// Bundles are the releases of the zone rules that are adopted in turn; at least one.
	Bundles []*zones.Bundle
	// Dir is an empty directory for what processes keep on disk; required.
	Dir string
	// FaultsPerMonth, on average, of each kind; 1 where 0, none where negative.
	FaultsPerMonth float64
	// ReplayEvery is after how many answers one is decided again from its record alone, and compared; 4,096 where 0. So is the
	// first one of a process on one of 32 revisions.
	ReplayEvery int
	// Plant is a defect to be found; tests of the simulation itself set it.
	Plant Plant
}

const (
	yearS                     = 365 * 86400
	defaultCallsPerHour       = 10
	defaultProcesses          = 3
	maxProcesses              = 9
	defaultReplayEvery        = 4096
	lastYear                  = 2098
	maxFindings               = 10
	monthMS                   = 30 * dayMS
	dayMS               int64 = 86400 * 1000
	hourMS              int64 = 3600 * 1000
	secondMS            int64 = 1000
)

func (c *Config) check() error {
	if c.CallsPerHour == 0 {
		c.CallsPerHour = defaultCallsPerHour
	}
	if c.Processes == 0 {
		c.Processes = defaultProcesses
	}
	if c.ReplayEvery == 0 {
		c.ReplayEvery = defaultReplayEvery
	}
	if c.FaultsPerMonth == 0 {
		c.FaultsPerMonth = 1
	}
	end := c.Start.Add(time.Duration(c.Years * yearS * float64(time.Second)))
	switch {
	case len(c.Bundles) == 0 || c.Dir == "":
		return errors.New("simulation: Bundles and Dir are required")
	case c.Start.Year() < 1971 || end.Year() > lastYear || c.Years <= 0 || c.Start.Unix()%86400 != 0:
		return fmt.Errorf("simulation: %v to %v: must be days of the years 1971 to %d", c.Start, end, lastYear)
	case c.CallsPerHour < 0 || c.CallsPerHour > 3600 || c.Processes < 1 || c.Processes > maxProcesses || c.ReplayEvery < 1:
		return errors.New("simulation: 0 to 3,600 calls an hour, 1 to 9 processes, a replay every 1 answer or more")
	}
	return nil
}

// maxFindings is how many end a run.
func (c *Config) maxFindings() int {
	if c.Plant != PlantNone {
		return 1
	}
	return maxFindings
}

// Result is what was lived through.
type Result struct {
	// Hash is of the whole trace: the same Config gives the same.
	Hash string
	// Findings are guarantees that did not hold, the first ten; none is what is hoped for. A run ends with the tenth.
	Findings []Finding
	// Counts are what happened, by what it is.
	Counts Counts
}

// Finding is one guarantee that did not hold.
type Finding struct {
	At time.Time
	// Process is empty where it is of none.
	Process string
	// What happened, for people.
	What string
}

// String is the finding in one line.
func (f Finding) String() string {
	return fmt.Sprintf("%s %s: %s", f.At.Format("2006-01-02T15:04:05.000Z"), f.Process, f.What)
}

// Run lives through what cfg says. The error is of a cfg that cannot be lived through, or of the machine; what was found
// is in the result.
func Run(cfg Config) (Result, error) {
	if err := cfg.check(); err != nil {
		return Result{}, err
	}
	s, err := newSim(cfg)
	if err != nil {
		return Result{}, err
	}
	defer s.shut()
	end := s.nowMS + int64(cfg.Years*yearS)*secondMS
	for len(s.queue) > 0 && len(s.findings) < s.cfg.maxFindings() && s.err == nil {
		next := s.queue.pop()
		if next.atMS >= end {
			break
		}
		s.nowMS = next.atMS
		next.do()
	}
	s.nowMS = max(s.nowMS, end)
	s.settle()
	return Result{Hash: hex.EncodeToString(s.trace.h.Sum(nil)[:16]), Findings: s.findings, Counts: s.counts}, s.err
}

// sim is one run.
type sim struct {
	cfg   Config
	nowMS int64
	queue events
	made  uint64 // events
	trace trace

	// chance is drawn from by all; who draws when is part of the trace.
	chance *rand.Rand

	etcd      *etcd
	world     *world // as its writer knows it
	states    []state
	backup    *backup
	processes []*process
	latest    *view.View // what a process applied last
	gateways  []*gateway
	ledger    ledger
	oracle    oracle

	callsMade int
	answers   int
	counts    Counts
	findings  []Finding
	err       error
}

func newSim(cfg Config) (*sim, error) {
	s := &sim{
		cfg: cfg, nowMS: cfg.Start.UnixMilli(), trace: newTrace(),
		chance: rand.New(rand.NewPCG(cfg.Seed, 0x6461797369646521)), //nolint:gosec // chance, not a secret
	}
	s.etcd = newEtcd(s)
	s.oracle = newOracle()
	s.ledger = newLedger(s)
	if err := s.begin(); err != nil {
		return nil, err
	}
	for i := range cfg.Processes {
		p, err := newProcess(s, i)
		if err != nil {
			s.shut()
			return nil, err
		}
		s.processes = append(s.processes, p)
	}
	s.beginCalls()
	s.beginFaults()
	return s, nil
}

func (s *sim) shut() {
	for _, p := range s.processes {
		p.shut()
	}
}

// find notes that a guarantee did not hold.
func (s *sim) find(p *process, format string, args ...any) {
	if len(s.findings) >= s.cfg.maxFindings() {
		return
	}
	f := Finding{At: at(s.nowMS), What: fmt.Sprintf(format, args...)}
	if p != nil {
		f.Process = p.id
	}
	s.findings = append(s.findings, f)
	s.trace.note(s.nowMS, "finding", f.What)
}

// at is an instant of the simulation.
func at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// after has something happen in ms milliseconds.
func (s *sim) after(ms int64, do func()) {
	s.made++
	s.queue.push(event{s.nowMS + max(ms, 0), s.made, do})
}

// exponential is a time that passes between what happens once in mean on average.
func (s *sim) exponential(mean int64) int64 { return int64(s.chance.ExpFloat64() * float64(mean)) }

// between is a whole number of [from, to].
func (s *sim) between(from, to int64) int64 { return from + s.chance.Int64N(to-from+1) }

// often says yes once in n times.
func (s *sim) often(n int) bool { return s.chance.IntN(n) == 0 }
