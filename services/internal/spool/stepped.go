package spool

import (
	"context"
	"errors"
)

// Stepped spools do nothing in the background: whoever has one calls Tend and DeliverOnce in place of the spool's own
// goroutine and of Run, and the same calls in the same order do the same. They are for simulations, in which nothing else
// may decide what happens when. Sync is of no use there; Tend syncs.

// errNotStepped: the spool works by itself.
var errNotStepped = errors.New("spool: not a stepped one")

// Tend does what there is to do on the disk: it syncs, removes what is delivered, and makes room.
func (s *Spool) Tend() {
	if !s.cfg.Stepped {
		return
	}
	s.sync()
	s.removeDelivered()
	s.unmapSynced()
	s.makeSpares(numSpares)
}

// DeliverOnce hands over what would be handed over next, at most one batch, and answers with how many entries arrived; 0
// where there is nothing. An error is deliver's: what it is of is handed over again the next time.
func (s *Spool) DeliverOnce(ctx context.Context, deliver Deliver) (delivered int, err error) {
	if !s.cfg.Stepped {
		return 0, errNotStepped
	}
	b := s.nextBatch(s.step)
	s.step = b
	if len(b.entries) == 0 {
		return 0, nil
	}
	n, err := s.handOver(ctx, b, deliver)
	if n > 0 {
		s.delivered(b, n)
	}
	if err != nil {
		s.failed(ctx, err)
	}
	return n, err
}

// Abandon gives memory and files back as the end of a killed process does: what was appended stays on disk, and nothing is
// synced, removed or noted.
func (s *Spool) Abandon() error {
	if !s.cfg.Stepped {
		return errNotStepped
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	var problems []error
	for _, g := range append(append(s.queue, s.spares...), s.active) {
		if g != nil {
			problems = append(problems, g.release())
		}
	}
	s.queue, s.spares, s.active = nil, nil, nil
	return errors.Join(problems...)
}
