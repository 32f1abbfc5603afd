package simulation

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"os"
	"path/filepath"

	"google.golang.org/protobuf/proto"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/spool"
)

const (
	// maxSpoolBytes and spoolSegmentBytes are a small disk's: it is full after some days without a ledger.
	maxSpoolBytes     = 320 << 10
	spoolSegmentBytes = 64 << 10
	// deliverMS is how long records are collected before they are handed over, retryDeliverMS how long the ledger is left
	// alone that did not take them.
	deliverMS      = 4 * hourMS
	retryDeliverMS = hourMS
)

// ledger keeps each record once, by its id; now and then it takes some and does not get to say so.
type ledger struct {
	s    *sim
	away bool
	// kept are the ids, a set of counts for each life of a process; of how many those of a process are.
	kept map[lifeOf]*counts
	of   [maxProcesses]int
}

type lifeOf struct{ process, life uint32 }

// counts is a set of numbers from 1.
type counts struct{ bits []uint64 }

func (c *counts) has(n uint64) bool { return n/64 < uint64(len(c.bits)) && c.bits[n/64]>>(n%64)&1 == 1 }

func (c *counts) add(n uint64) {
	for uint64(len(c.bits)) <= n/64 {
		c.bits = append(c.bits, 0)
	}
	c.bits[n/64] |= 1 << (n % 64)
}

func newLedger(s *sim) ledger { return ledger{s: s, kept: map[lifeOf]*counts{}} }

// take is a spool.Deliver.
func (l *ledger) take(_ context.Context, entries [][]byte) error {
	if l.away {
		return errors.New("the ledger does not answer")
	}
	for _, e := range entries {
		of := lifeOf{binary.BigEndian.Uint32(e), binary.BigEndian.Uint32(e[4:])}
		n := binary.BigEndian.Uint64(e[8:])
		if l.kept[of] == nil {
			l.kept[of] = &counts{}
		}
		if l.kept[of].has(n) && l.s.cfg.Plant != PlantTwice {
			l.s.counts.Duplicates++
			continue
		}
		l.kept[of].add(n)
		l.s.counts.Delivered++
		l.of[of.process]++
	}
	if l.s.often(200) {
		return errors.New("the ledger broke off") // all was taken, and nobody heard of it
	}
	return nil
}

// spooler is a process's spool, with what must become of each record in it.
type spooler struct {
	p     *process
	spool *spool.Spool
	// waking: a delivery is to come.
	waking bool
	buf    []byte
	said   []byte // the last report
	made   uint64
}

func openSpool(p *process) (*spooler, error) {
	sp, err := spool.Open(spool.Config{
		Dir: filepath.Join(p.dir, "spool"), MaxBytes: maxSpoolBytes, SegmentBytes: spoolSegmentBytes, Stepped: true,
		Clock: simClock{p.s, p}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	sp.Tend()
	return &spooler{p: p, spool: sp}, nil
}

// append leaves a record, behind its id: the process, its life, and a count. What the spool has no room for is lost, and
// must only be where it holds all that it may.
func (o *spooler) append(event []byte) {
	s := o.p.s
	o.made++
	o.buf = binary.BigEndian.AppendUint32(o.buf[:0], uint32(o.p.n))
	o.buf = binary.BigEndian.AppendUint32(o.buf, uint32(o.p.life))
	o.buf = binary.BigEndian.AppendUint64(o.buf, o.made)
	o.buf = append(o.buf, event...)
	_, err := o.spool.Append(o.buf)
	if errors.Is(err, spool.ErrFull) { // its upkeep has a moment
		o.spool.Tend()
		_, err = o.spool.Append(o.buf)
	}
	switch {
	case err == nil:
		s.counts.Appended++
		o.p.appended++
	case !errors.Is(err, spool.ErrFull):
		s.find(o.p, "a record is lost: %v", err)
	case o.spool.Stats().Bytes+spoolSegmentBytes <= maxSpoolBytes:
		s.find(o.p, "a record is lost though %d bytes are free", maxSpoolBytes-o.spool.Stats().Bytes)
	default:
		s.counts.Lost++
		o.made--
	}
	o.wake()
}

// report leaves what a gateway says of a call.
func (o *spooler) report(c *call) {
	r := &routingv1.ReportCallRequest{
		CallId: c.id, Gateway: &routingv1.GatewayInfo{GatewayId: c.gateway.id}, Attempts: c.attempts,
	}
	var err error
	o.said, err = proto.MarshalOptions{Deterministic: true}.MarshalAppend(o.said[:0], r)
	if err != nil {
		o.p.s.find(o.p, "%s: no report can be written: %v", c.id, err)
		return
	}
	o.append(o.said)
}

// wake has what is there delivered.
func (o *spooler) wake() {
	if o.waking {
		return
	}
	o.waking = true
	s, life := o.p.s, o.p.life
	s.after(deliverMS, func() { o.deliver(life) })
}

// deliver hands over what is there, for as long as the process lives.
func (o *spooler) deliver(life int) {
	s := o.p.s
	if o.p.life != life || !o.p.up {
		return
	}
	o.waking = false
	for {
		n, err := o.spool.DeliverOnce(context.Background(), o.take)
		if err != nil {
			o.waking = true
			s.after(retryDeliverMS, func() { o.deliver(life) })
			break
		}
		if n == 0 {
			if owed := o.p.owed(); owed != 0 {
				s.find(o.p, "all is delivered, and the ledger has %d records less", owed)
			}
			break
		}
	}
	o.spool.Tend()
	s.counts.MaxSpoolBytes = max(s.counts.MaxSpoolBytes, o.spool.Stats().Bytes)
	if bytes := o.spool.Stats().Bytes; bytes > maxSpoolBytes {
		s.find(o.p, "its spool has %d bytes of %d", bytes, maxSpoolBytes)
	}
}

func (o *spooler) take(ctx context.Context, entries [][]byte) error {
	if o.p.s.cfg.Plant == PlantLoss && o.p.s.often(100) {
		return nil
	}
	return o.p.s.ledger.take(ctx, entries)
}

// kill ends it with its process.
func (o *spooler) kill() {
	if o.spool == nil {
		return
	}
	if err := o.spool.Abandon(); err != nil {
		o.p.s.err = err
	}
	o.spool = nil
}

// owed is how many records of the process the ledger has not, beside those that went with a disk.
func (p *process) owed() int { return p.appended - p.s.ledger.of[p.n] - p.gone }

// lose loses all that the process had on its disk, its records among that: those that waited, and no others.
func (p *process) lose() error {
	owed, pending := p.owed(), int(p.spool.spool.Stats().Pending)
	if owed > pending {
		p.s.find(p, "the ledger has not got %d records, and %d wait", owed, pending)
	}
	p.gone += owed
	p.s.counts.Gone += owed
	p.kill()
	p.truth = coord.Truth{}
	return os.RemoveAll(p.dir)
}

// settle has all processes deliver what they have once everything is back, and counts.
func (s *sim) settle() {
	s.ledger.away = false
	pending := uint64(0)
	for _, p := range s.processes {
		if !p.up {
			if err := p.start(); err != nil {
				s.err = err
				return
			}
		}
		for range 1000 {
			if n, err := p.spool.spool.DeliverOnce(context.Background(), p.spool.take); err == nil && n == 0 {
				break
			}
		}
		pending += p.spool.spool.Stats().Pending
	}
	lost := s.counts.Appended - s.counts.Delivered - s.counts.Gone
	if s.err == nil && (pending > 0 || lost != 0) {
		s.find(nil, "of %d records %d reached the ledger once, %d went with their disks, %d wait still: %d are unaccounted for",
			s.counts.Appended, s.counts.Delivered, s.counts.Gone, pending, lost)
	}
}
