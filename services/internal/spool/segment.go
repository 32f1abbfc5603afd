package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
)

// A segment is a header of 64 bytes and entries, each padded to 8 bytes; numbers are little-endian.
//
//	header: "DAYSPOOL" | version, 8 bytes | number, 8 bytes | delivered up to, 8 bytes | zeros
//	entry:  length, 4 bytes | CRC-32C of the entry, its length and the segment's number, 4 bytes | the entry | padding
//
// An entry's first 8 bytes are written last, by one store. So one that a killed process had not finished has a length of 0,
// and is the end. What a lost machine left of unsynced pages fails its sum, and is the end too.
const (
	magic         = "DAYSPOOL"
	version       = 1
	headerBytes   = 64
	deliveredAt   = 24
	entryHead     = 8
	segmentSuffix = ".seg"
	damagedSuffix = ".damaged"
)

// errNotOurs: a file that has no header of a segment.
var errNotOurs = errors.New("no header of a segment")

// castagnoli is made once by the library.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// segment is one file. What stands beside end is the upkeep's or the deliverer's alone.
type segment struct {
	number uint64
	path   string
	size   int64
	end    int64 // entries stand before it; under the spool's lock
	synced int64 // the upkeep's
	read   int64 // the deliverer's: entries before it are delivered
	// entries that are not delivered; under the spool's lock.
	entries uint64
	// handed: all of it is delivered, and it can be removed; under the spool's lock.
	handed bool
	// memory is nil of a segment that is full and synced, and of one of an earlier process: what waits to be delivered for
	// hours would count as this process's. The upkeep's, and the active one's under the spool's lock.
	memory memory
	// file is what deliveries read, and note how far they are, by system calls; the deliverer's, nil before the first.
	file *os.File
}

func segmentPath(dir string, number uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%016x%s", number, segmentSuffix))
}

// createSegment makes a segment with every block of it written, from zeros of at least a page, so that no store into it can
// find the disk full.
func createSegment(cfg *Config, number uint64, zeros []byte) (*segment, error) {
	g := &segment{
		number: number, path: segmentPath(cfg.Dir, number), size: cfg.SegmentBytes,
		end: headerBytes, synced: headerBytes, read: headerBytes,
	}
	f, err := os.OpenFile(g.path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = fill(f, number, g.size, zeros)
	if err == nil {
		g.memory, err = cfg.memory(f, g.size)
	}
	if err != nil {
		_ = f.Close()
		_ = os.Remove(g.path)
		return nil, err
	}
	return g, nil
}

// takeSpare takes up a segment that an earlier process made ahead and wrote nothing into.
func takeSpare(cfg *Config, number uint64) (*segment, error) {
	g := &segment{
		number: number, path: segmentPath(cfg.Dir, number), size: cfg.SegmentBytes,
		end: headerBytes, synced: headerBytes, read: headerBytes,
	}
	f, err := os.OpenFile(g.path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	err = f.Sync() // that process may have ended before its own
	if err == nil {
		g.memory, err = cfg.memory(f, g.size)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return g, nil
}

func fill(f *os.File, number uint64, size int64, piece []byte) error {
	for at := int64(len(piece)); at < size; at += int64(len(piece)) {
		if _, err := f.WriteAt(piece[:min(int64(len(piece)), size-at)], at); err != nil {
			return err
		}
	}
	// The first piece is written last: a file with a header is one that was written whole.
	defer clear(piece[:headerBytes])
	copy(piece, magic)
	binary.LittleEndian.PutUint64(piece[8:], version)
	binary.LittleEndian.PutUint64(piece[16:], number)
	binary.LittleEndian.PutUint64(piece[deliveredAt:], headerBytes)
	if _, err := f.WriteAt(piece[:min(int64(len(piece)), size)], 0); err != nil {
		return err
	}
	return f.Sync()
}

// memory is a file of that size as memory; the file is the memory's to close, where there is no error.
func (c *Config) memory(f *os.File, size int64) (memory, error) {
	if c.Unmapped {
		return openPlain(f, size)
	}
	return mapFile(f, size)
}

// padded is what an entry of n bytes takes.
func padded(n int) int64 { return int64(n+entryHead+7) &^ 7 }

func (g *segment) fits(n int) bool { return g.end+padded(n) <= g.size }

// mix is the sum of an entry with its length and place: what another life of the file left does not pass.
func mix(sum uint32, number uint64, length int) uint32 {
	h := (number<<32 | uint64(length)) * 0x9e3779b97f4a7c15
	return sum ^ uint32(h>>32)
}

// write puts an entry that fits behind the others.
func (g *segment) write(entry []byte, sum uint32) (err error) {
	defer caught(debug.SetPanicOnFault(true), &err)
	b := g.memory.bytes()[g.end : g.end+padded(len(entry))]
	copy(b[entryHead:], entry)
	binary.LittleEndian.PutUint64(b, uint64(len(entry))|uint64(mix(sum, g.number, len(entry)))<<32)
	if err := g.memory.wrote(g.end, g.end+padded(len(entry))); err != nil {
		return fmt.Errorf("%w: %w", ErrFailed, err)
	}
	g.end += padded(len(entry))
	return nil
}

// open opens the file for deliveries.
func (g *segment) open() (err error) {
	if g.file == nil {
		g.file, err = os.OpenFile(g.path, os.O_RDWR, 0)
	}
	return err
}

// noteDelivered keeps how far deliveries are, for the next process. It is not synced: to deliver twice does no harm.
func (g *segment) noteDelivered() error {
	_, err := g.file.WriteAt(binary.LittleEndian.AppendUint64(nil, uint64(g.read)), deliveredAt)
	return err
}

// copyOut is the file's bytes over [from, to), read into buf: what was stored into mapped memory is the file's at once.
func (g *segment) copyOut(buf []byte, from, to int64) ([]byte, error) {
	buf = slices.Grow(buf[:0], int(to-from))[:to-from]
	_, err := g.file.ReadAt(buf, from)
	return buf, err
}

// release gives the memory and the file back.
func (g *segment) release() (err error) {
	if g.memory != nil {
		err = g.memory.close()
	}
	if g.file != nil {
		err = errors.Join(err, g.file.Close())
	}
	g.memory, g.file = nil, nil
	return err
}

// caught, deferred, turns a fault of mapped memory (the disk failed, or the file was cut) into ErrFailed: it would end the
// process. It sets back whether faults panic.
func caught(was bool, err *error) {
	debug.SetPanicOnFault(was)
	r := recover()
	if r == nil {
		return
	}
	if _, ok := r.(interface{ Addr() uintptr }); !ok {
		panic(r)
	}
	*err = fmt.Errorf("%w: %v", ErrFailed, r)
}

// entryAt is the entry at the start of b, and what it takes; false where b does not begin with a whole one.
func entryAt(b []byte, number uint64) (entry []byte, takes int64, ok bool) {
	if len(b) < entryHead {
		return nil, 0, false
	}
	length := int64(binary.LittleEndian.Uint32(b))
	if length == 0 || length > int64(len(b)-entryHead) || padded(int(length)) > int64(len(b)) {
		return nil, 0, false
	}
	entry = b[entryHead : entryHead+length]
	if mix(crc32.Checksum(entry, castagnoli()), number, len(entry)) != binary.LittleEndian.Uint32(b[4:]) {
		return nil, 0, false
	}
	return entry, padded(int(length)), true
}

// spare says whether the segment, of that size, is as it was made: nothing was ever written into it.
func (s *survey) spare(cfg *Config, size int64) bool {
	return !s.blank && !s.torn && s.end == headerBytes && size == cfg.SegmentBytes
}

// survey is what a segment's bytes hold.
type survey struct {
	number uint64
	// end is behind its last whole entry, delivered how far deliveries were.
	end, delivered int64
	// entries that are not delivered.
	entries uint64
	// torn: something stands behind the last whole entry.
	torn bool
	// blank: the file was being made.
	blank bool
}

// scan reads the bytes of a segment, whatever they are.
func scan(b []byte) (survey, error) {
	if allZero(b[:min(len(b), headerBytes)]) {
		return survey{blank: true}, nil
	}
	if len(b) < headerBytes || string(b[:len(magic)]) != magic || binary.LittleEndian.Uint64(b[8:]) != version {
		return survey{}, errNotOurs
	}
	s := survey{number: binary.LittleEndian.Uint64(b[16:]), end: headerBytes, delivered: headerBytes}
	mark := binary.LittleEndian.Uint64(b[deliveredAt:])
	for {
		_, takes, ok := entryAt(b[s.end:], s.number)
		if !ok {
			break
		}
		s.end += takes
		s.entries++
		// A mark that is not the end of an entry is none: then all is delivered again.
		if uint64(s.end) == mark {
			s.delivered, s.entries = s.end, 0
		}
	}
	s.torn = !allZero(b[s.end:])
	return s, nil
}

func allZero(b []byte) bool { return bytes.Count(b, []byte{0}) == len(b) }
