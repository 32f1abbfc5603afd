package mail

import "context"

// Waiting is how many mails wait.
func (s *Sender) Waiting() int { return len(s.slots) }

// Try hands a mail to the server, once.
func (s *Sender) Try(ctx context.Context, m Message) error { return s.deliver(ctx, m) }
