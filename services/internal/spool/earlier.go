package spool

import (
	"errors"
	"fmt"
	"os"
	"slices"
)

// Earlier shows what earlier processes left and nobody has taken yet, the oldest first; it is called before Append and Run.
// An entry is the callee's until that returns. What cannot be read is passed over here, and told by Run.
func (s *Spool) Earlier(take func(entry []byte)) error {
	s.mu.Lock()
	left, began := slices.Clone(s.queue), s.running || s.stats.Appended > 0
	s.mu.Unlock()
	if began {
		return errors.New("spool: what earlier processes left is asked for too late")
	}
	for _, g := range left {
		b, err := os.ReadFile(g.path)
		if err != nil {
			return fmt.Errorf("spool: %w", err)
		}
		for at, end := g.read, min(g.end, int64(len(b))); at < end; {
			entry, takes, ok := entryAt(b[at:end], g.number)
			if !ok {
				break
			}
			take(entry)
			at += takes
		}
	}
	return nil
}
