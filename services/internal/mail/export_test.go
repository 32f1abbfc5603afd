package mail

import (
	"context"
	"time"
)

// NewPatient is New, of a sender whose last tries take as long as a slow machine needs.
func NewPatient(cfg Config) (*Sender, error) { return newSender(cfg, time.Hour) }

// Waiting is how many mails wait.
func (s *Sender) Waiting() int { return len(s.slots) }

// Try hands a mail to the server, once.
func (s *Sender) Try(ctx context.Context, m Message) error { return s.deliver(ctx, m) }
