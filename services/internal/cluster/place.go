package cluster

import (
	"context"
	"strings"
	"time"

	"github.com/daysidehq/dayside/services/internal/cluster/skew"
)

// twinAfter is after how many heartbeats of another process under this one's name that is told: one may be of the process
// before, on its way out.
const twinAfter = 3

// place is whether this process lets itself be found. It does not lock.
type place struct {
	judgement skew.Judgement
	standing  skew.Standing
	warned    bool
	twin      bool // told of
	// back says of each service whether it has stepped back. Its keys are the services that want to be found.
	back map[string]bool
	// moved is closed, and made anew, whenever back changes.
	moved chan struct{}
}

func newPlace() place { return place{back: map[string]bool{}, moved: make(chan struct{})} }

func (p *place) anyBack() bool {
	for _, back := range p.back {
		if back {
			return true
		}
	}
	return false
}

// step sets whether a service has stepped back.
func (p *place) step(service string, back bool) {
	if p.back[service] == back {
		return
	}
	p.back[service] = back
	close(p.moved)
	p.moved = make(chan struct{})
}

// judge compares the clocks, warns once where mine is off, and steps back or returns.
func (s *Service) judge(ctx context.Context) {
	now := s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, silent := s.known.silent(now, s.began); silent {
		return // what was last heard says nothing of now
	}
	p := &s.place
	p.judgement = skew.Judge(s.known.offsets())
	p.standing = p.standing.Next(p.judgement, now)
	s.warn(ctx)
	s.warnOfTwin(ctx)
	for service := range p.back {
		back := p.standing.Back() && s.known.otherIsRight(service, p.judgement)
		if back && !p.back[service] {
			s.log.WarnContext(ctx, "this process steps back: it is found no longer, and answers all the same", "service", service)
		}
		if !back && p.back[service] {
			s.log.InfoContext(ctx, "this process lets itself be found again", "service", service)
		}
		p.step(service, back)
	}
}

// warn tells once that the clock is off, and once that it is so no longer.
func (s *Service) warn(ctx context.Context) {
	p := &s.place
	off := p.judgement.Ahead.Abs() > skew.Tolerance
	if off == p.warned {
		return
	}
	p.warned = off
	switch {
	case !off:
		s.log.InfoContext(ctx, "this process's clock agrees with the others' again")
	case p.judgement.Majority:
		s.log.WarnContext(ctx, "this process's clock is wrong, as the majority of the others' say: look after its time "+
			"synchronisation", "ahead", p.judgement.Ahead.Round(time.Millisecond))
	default:
		s.log.WarnContext(ctx, "this process's clock and others' differ, and there is no majority that says which one is "+
			"wrong", "ahead", p.judgement.Ahead.Round(time.Millisecond))
	}
}

// warnOfTwin tells once of another process that goes by this one's name: each takes the other out of discovery.
func (s *Service) warnOfTwin(ctx context.Context) {
	if s.known.strangers < twinAfter || s.place.twin {
		return
	}
	s.place.twin = true
	s.log.ErrorContext(ctx, "another process goes by the same name: give each its own --instance", "instance", s.cfg.Instance)
}

// otherIsRight says whether another process of a service is found whose clock is right.
func (k *known) otherIsRight(service string, j skew.Judgement) bool {
	for name := range k.announced {
		instance, ok := strings.CutPrefix(name, service+"/")
		if !ok || instance == k.own {
			continue
		}
		other := k.processes[instance]
		if other == nil || other.heartbeat.GetSteppedBack() {
			continue
		}
		if o, ok := k.offset(other); ok && j.Right(o) {
			return true
		}
	}
	return false
}

// Announce lets a service of this process be found until ctx ends, but for while its clock is wrong and that of another
// process of the service is not. It returns once it is found no longer; only ctx's error.
func (s *Service) Announce(ctx context.Context, service string) error {
	s.mu.Lock()
	s.place.back[service] = s.place.standing.Back() && s.known.otherIsRight(service, s.place.judgement)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.place.back, service)
		s.mu.Unlock()
	}()
	for ctx.Err() == nil {
		back, moved := s.standing(service)
		if back {
			select {
			case <-ctx.Done():
			case <-moved:
			}
			continue
		}
		found, withdraw := context.WithCancel(ctx)
		go func() {
			s.untilBack(found, service)
			withdraw()
		}()
		_ = s.store.Announce(found, service, s.cfg.Instance, s.cfg.Address)
		withdraw()
	}
	return ctx.Err()
}

// untilBack returns when a service steps back, or ctx ends.
func (s *Service) untilBack(ctx context.Context, service string) {
	for ctx.Err() == nil {
		back, moved := s.standing(service)
		if back {
			return
		}
		select {
		case <-ctx.Done():
		case <-moved:
		}
	}
}

func (s *Service) standing(service string) (back bool, moved <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.place.back[service], s.place.moved
}
