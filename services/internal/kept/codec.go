package kept

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"github.com/daysidehq/dayside/services/internal/coord"
)

// A file is its magic and then records, each its length in bytes (uint32), its kind (one byte), that many bytes, and a
// CRC-32C of all of these (uint32). Numbers are little-endian. Kinds that are not known are passed over, and so is what
// stands behind the known part of a record: so a later release can add to both.
const (
	// magic begins every file; its number is the format's, and files of another are not read.
	magic = "dayside view 1\n"
	// overheadBytes is what a record takes beside what it holds.
	overheadBytes = 9
	// readBytes is how much of a file is read at once.
	readBytes = 1 << 18
	// maxRecordBytes bounds a record: as much as a generation brings at once, with room.
	maxRecordBytes = 512 << 20
)

// Kinds of records.
const (
	// kindBegin: whose truth it is (cluster id uint64, epoch 16 bytes), revision (int64), when etcd was heard (int64,
	// nanoseconds since 1970) and the generation (uint64). The first record of every file.
	kindBegin = 1
	// kindPut: an event; of a snapshot.
	kindPut = 2
	// kindEnd: how many events there were (uint64). The last record of a snapshot, without which it is none.
	kindEnd = 3
	// kindBatch: revision, when it was heard, and events; of a log.
	kindBatch = 4
	// kindBeat: revision, and when it was heard; of a log.
	kindBeat = 5
)

// errDamaged is a file, or the rest of one, that cannot be read.
var errDamaged = errors.New("it is damaged")

// errFormat is a file of another format.
var errFormat = errors.New("it is of another format")

func table() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// beginRecord leaves room for a record's head, and endRecord fills it in: what was appended in between is what it holds.
func beginRecord(dst []byte) (next []byte, start int) {
	return append(dst, 0, 0, 0, 0, 0), len(dst)
}

func endRecord(dst []byte, start int, kind byte) []byte {
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(dst)-start-5)) //nolint:gosec // below maxRecordBytes
	dst[start+4] = kind
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], table()))
}

// state is how far a file is.
type state struct {
	truth    coord.Truth
	revision int64
	heard    time.Time
}

func appendBegin(dst []byte, s state, generation uint64) []byte {
	dst, start := beginRecord(dst)
	dst = binary.LittleEndian.AppendUint64(dst, s.truth.ClusterID)
	dst = append(dst, s.truth.Epoch[:]...)
	dst = appendAt(dst, s.revision, s.heard)
	dst = binary.LittleEndian.AppendUint64(dst, generation)
	return endRecord(dst, start, kindBegin)
}

func appendAt(dst []byte, revision int64, heard time.Time) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, uint64(revision)) //nolint:gosec // read back as it was
	return binary.LittleEndian.AppendUint64(dst, uint64(heard.UnixNano()))
}

func appendPut(dst []byte, e coord.Event) []byte {
	dst, start := beginRecord(dst)
	return endRecord(appendEvent(dst, e), start, kindPut)
}

func appendEnd(dst []byte, events uint64) []byte {
	dst, start := beginRecord(dst)
	return endRecord(binary.LittleEndian.AppendUint64(dst, events), start, kindEnd)
}

func appendBeat(dst []byte, revision int64, heard time.Time) []byte {
	dst, start := beginRecord(dst)
	return endRecord(appendAt(dst, revision, heard), start, kindBeat)
}

func appendBatch(dst []byte, b coord.Batch) []byte {
	dst, start := beginRecord(dst)
	dst = appendAt(dst, b.Revision, b.Heard)
	dst = binary.AppendUvarint(dst, uint64(len(b.Events)))
	for _, e := range b.Events {
		dst = appendEvent(dst, e)
	}
	return endRecord(dst, start, kindBatch)
}

// appendEvent writes whether there is a value (one byte), the key, the revision and the value.
func appendEvent(dst []byte, e coord.Event) []byte {
	exists := byte(0)
	if e.Value != nil {
		exists = 1
	}
	dst = append(dst, exists)
	dst = binary.AppendUvarint(dst, uint64(len(e.Key)))
	dst = append(dst, e.Key...)
	dst = binary.AppendUvarint(dst, uint64(e.ModRevision)) //nolint:gosec // read back as it was
	dst = binary.AppendUvarint(dst, uint64(len(e.Value)))
	return append(dst, e.Value...)
}

// reader reads records. at is behind the last one that was whole.
type reader struct {
	r    *bufio.Reader
	at   int64
	size int64
	// room is for the next records: of a million each is not memory of its own.
	room []byte
}

// maxShared is the largest record that shares memory with others.
const maxShared = 4 << 10

// space is n bytes that nobody else writes to.
func (f *reader) space(n int64) []byte {
	if n > maxShared {
		return make([]byte, n)
	}
	if n > int64(len(f.room)) {
		f.room = make([]byte, min(16*maxShared, max(f.size-f.at, n)))
	}
	taken := f.room[:n:n]
	f.room = f.room[n:]
	return taken
}

// newReader reads the magic of a file of a size.
func newReader(r io.Reader, size int64) (*reader, error) {
	f := &reader{r: bufio.NewReaderSize(r, int(min(size, readBytes))), size: size}
	var head [len(magic)]byte
	if _, err := io.ReadFull(f.r, head[:]); err != nil {
		return nil, damaged(err)
	}
	if string(head[:]) != magic {
		return nil, errFormat
	}
	f.at = int64(len(magic))
	return f, nil
}

// next is the next record; io.EOF behind the last one, errDamaged where the rest makes none.
func (f *reader) next() (kind byte, payload []byte, err error) {
	var head [5]byte
	switch _, err := io.ReadFull(f.r, head[:]); {
	case errors.Is(err, io.EOF):
		return 0, nil, io.EOF
	case err != nil:
		return 0, nil, damaged(err)
	}
	n := int64(binary.LittleEndian.Uint32(head[:]))
	if n > maxRecordBytes || n+overheadBytes > f.size-f.at {
		return 0, nil, errDamaged
	}
	rest := f.space(n + 4)
	if _, err := io.ReadFull(f.r, rest); err != nil {
		return 0, nil, damaged(err)
	}
	sum := crc32.Update(crc32.Checksum(head[:], table()), table(), rest[:n])
	if sum != binary.LittleEndian.Uint32(rest[n:]) {
		return 0, nil, errDamaged
	}
	f.at += n + overheadBytes
	return head[4], rest[:n:n], nil
}

// damaged is a file that ends too early; other errors are the disk's.
func damaged(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errDamaged
	}
	return fmt.Errorf("%w: %w", errDamaged, err)
}

// fields takes a record apart; bad is set once it is shorter than what was asked for.
type fields struct {
	b   []byte
	bad bool
}

func (f *fields) bytes(n uint64) []byte {
	if n > uint64(len(f.b)) {
		f.bad = true
		return nil
	}
	taken := f.b[:n:n]
	f.b = f.b[n:]
	return taken
}

func (f *fields) fixed() uint64 {
	if b := f.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (f *fields) varint() uint64 {
	v, n := binary.Uvarint(f.b)
	if n <= 0 {
		f.bad = true
		return 0
	}
	f.b = f.b[n:]
	return v
}

func (f *fields) at() (revision int64, heard time.Time) {
	revision = int64(f.fixed())                     //nolint:gosec // as it was written
	return revision, time.Unix(0, int64(f.fixed())) //nolint:gosec // as it was written
}

func (f *fields) event() coord.Event {
	exists := f.bytes(1)
	e := coord.Event{Key: string(f.bytes(f.varint())), ModRevision: int64(f.varint())} //nolint:gosec // as it was written
	value := f.bytes(f.varint())
	if len(exists) > 0 && exists[0] != 0 && !f.bad {
		e.Value = value // never nil, though it be empty
	}
	return e
}

func readBegin(payload []byte) (s state, generation uint64, err error) {
	f := fields{b: payload}
	s.truth.ClusterID = f.fixed()
	copy(s.truth.Epoch[:], f.bytes(uint64(len(s.truth.Epoch))))
	s.revision, s.heard = f.at()
	generation = f.fixed()
	if f.bad {
		return state{}, 0, errDamaged
	}
	return s, generation, nil
}

func readPut(payload []byte) (coord.Event, error) {
	f := fields{b: payload}
	e := f.event()
	if f.bad || e.Value == nil {
		return coord.Event{}, errDamaged
	}
	return e, nil
}

// readBatch reads a batch, or a beat, which has no events.
func readBatch(kind byte, payload []byte) (coord.Batch, error) {
	f := fields{b: payload}
	var b coord.Batch
	b.Revision, b.Heard = f.at()
	if kind == kindBatch {
		for n := f.varint(); n > 0 && !f.bad; n-- {
			b.Events = append(b.Events, f.event())
		}
	}
	if f.bad {
		return coord.Batch{}, errDamaged
	}
	return b, nil
}
