package client

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"google.golang.org/protobuf/proto"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

// Kinds of records of the file of reports.
const (
	// queueReport: a ReportCallRequest.
	queueReport byte = 1
	// queueTaken: how many of the file's reports have been taken, 8 bytes, little endian.
	queueTaken byte = 2
)

const (
	// maxTakenBytes of a file are of reports that were taken, before it is written anew.
	maxTakenBytes = 1 << 20
	// takenBytes is the length of a mark of that.
	takenBytes = frameBytes + 8
)

// ErrQueueFull says that as many reports wait as may.
var ErrQueueFull = errors.New("client: as many reports wait as may")

// errClosed: the client was closed.
var errClosed = errors.New("client: it was closed")

// errInUse: another process has the state file.
var errInUse = errors.New("client: StateFile is in use by another client: give each its own")

// queue is the reports that nobody has taken yet, in order, in memory and, where there is a file, on disk. A crash between
// the taking of a report and its mark sends it again; whoever takes it merges it.
type queue struct {
	path             string // empty: in memory
	maxCount, maxLen int

	mu      sync.Mutex
	waiting [][]byte
	bytes   int
	// file is nil where there is none, or it cannot be written: what waits is in memory then.
	file *os.File
	// size is the file's length, of which taken bytes are over; reports were taken since it was written anew.
	size, taken int
	reports     uint64
	closed      bool
}

// openQueue reads what waits. A file that cannot be used is moved aside, and what was whole of it waits; the error says so,
// and the queue is good all the same.
func openQueue(path string, maxCount, maxLen int) (*queue, error) {
	q := &queue{path: path, maxCount: maxCount, maxLen: maxLen}
	if path == "" {
		return q, nil
	}
	data, err := readBounded(path, 2*int64(maxLen)+2*maxTakenBytes)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return q, errors.Join(err, q.aside())
	}
	waiting, err := decodeQueue(data)
	if errors.Is(err, errForeign) && len(data) > 0 {
		return q, errors.Join(fmt.Errorf("%s %w", path, err), q.aside())
	}
	for _, payload := range waiting {
		if len(q.waiting) < maxCount && q.bytes+len(payload) <= maxLen {
			q.waiting = append(q.waiting, payload)
			q.bytes += len(payload)
		}
	}
	return q, q.rewrite()
}

// aside keeps a file that cannot be used, for people to look at.
func (q *queue) aside() error { return os.Rename(q.path, q.path+".unusable") }

// decodeQueue is the reports of a file that have not been taken. A torn end is what a crash leaves; what comes before holds.
func decodeQueue(data []byte) ([][]byte, error) {
	var all [][]byte
	taken := uint64(0)
	_, err := frames(data, func(kind byte, payload []byte) error {
		switch kind {
		case queueReport:
			if proto.Unmarshal(payload, &routingv1.ReportCallRequest{}) != nil {
				return errDamaged
			}
			all = append(all, payload)
		case queueTaken:
			if len(payload) < 8 {
				return errDamaged
			}
			taken = max(taken, binary.LittleEndian.Uint64(payload))
		}
		return nil
	})
	return all[min(taken, uint64(len(all))):], err
}

// put keeps a report. The error is ErrQueueFull; a disk that fails is told of by onDisk.
func (q *queue) put(r *routingv1.ReportCallRequest) (onDisk bool, err error) {
	payload, err := proto.Marshal(r)
	if err != nil {
		return false, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false, errClosed
	}
	if len(q.waiting) >= q.maxCount || q.bytes+len(payload) > q.maxLen || len(payload) > maxRecordBytes {
		return false, ErrQueueFull
	}
	q.waiting = append(q.waiting, payload)
	q.bytes += len(payload)
	if q.path == "" {
		return false, nil
	}
	if q.file == nil { // the disk may have room again
		return q.rewrite() == nil, nil
	}
	return q.write(queueReport, payload, true) == nil, nil
}

// write adds a record to the file; where that fails, the file is let go of, with nothing half written at its end.
func (q *queue) write(kind byte, payload []byte, synced bool) error {
	frame := appendFrame(nil, kind, payload)
	_, err := q.file.Write(frame)
	if err == nil && synced {
		err = q.file.Sync()
	}
	if err != nil {
		_ = q.file.Truncate(int64(q.size))
		_ = q.file.Close()
		q.file = nil
		return err
	}
	q.size += len(frame)
	return nil
}

// head is the oldest report that waits; nil where none does.
func (q *queue) head() []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return nil
	}
	return q.waiting[0]
}

// len is how many wait.
func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// done takes the head out.
func (q *queue) done() {
	q.mu.Lock()
	defer q.mu.Unlock()
	head := q.waiting[0]
	q.waiting[0] = nil
	q.waiting = q.waiting[1:]
	q.bytes -= len(head)
	q.gone(head)
}

// later puts the head behind the others.
func (q *queue) later() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) < 2 {
		return
	}
	head := q.waiting[0]
	q.waiting[0] = nil
	q.waiting = append(q.waiting[1:], head)
	if q.file != nil && q.write(queueReport, head, false) == nil {
		q.gone(head)
	}
}

// gone notes in the file that its first report waits there no longer. The caller holds mu.
func (q *queue) gone(head []byte) {
	q.taken += len(head) + frameBytes + takenBytes
	q.reports++
	if q.file == nil {
		return
	}
	if len(q.waiting) == 0 || q.taken > maxTakenBytes && q.taken > q.bytes {
		_ = q.rewrite()
		return
	}
	// Not synced: after a crash of the machine a report may go twice, which is merged.
	_ = q.write(queueTaken, binary.LittleEndian.AppendUint64(nil, q.reports), false)
}

// rewrite makes the file hold what waits, and no more. Where that fails there is no file: see put.
func (q *queue) rewrite() error {
	if q.file != nil {
		_ = q.file.Close()
		q.file = nil
	}
	data := fileHeader()
	for _, payload := range q.waiting {
		data = appendFrame(data, queueReport, payload)
	}
	if err := os.MkdirAll(filepath.Dir(q.path), 0o700); err != nil {
		return err
	}
	if err := replaceFile(q.path, data); err != nil {
		return err
	}
	f, err := os.OpenFile(q.path, os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	q.file, q.size, q.taken, q.reports = f, len(data), 0, 0
	return nil
}

func (q *queue) close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	if q.file == nil {
		return nil
	}
	err := q.file.Close()
	q.file = nil
	return err
}
