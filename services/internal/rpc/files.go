package rpc

import (
	"errors"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// lookEvery is how often files are looked at, at most: with a handshake or a request.
const lookEvery = time.Second

// namedFile is a file and the flag that names it in errors.
type namedFile struct{ flag, path string }

// broken is a file that cannot be used.
func (f namedFile) broken(rule string) error {
	return fault.Invalid(fault.Violation{Field: f.flag, Value: f.path, Rule: rule})
}

// watched is what some files hold. Files that change are read again when somebody asks; those that cannot be used are
// logged, and what was in use before stays.
type watched[T any] struct {
	// what the files hold, for the log.
	what  string
	files []namedFile
	// parse makes one thing of all files' texts, as of now.
	parse func(texts [][]byte, now time.Time) (*T, error)
	clock clock.Clock
	log   *slog.Logger

	looked atomic.Int64 // ns since 1970
	inUse  atomic.Pointer[T]

	mu   sync.Mutex
	seen []os.FileInfo
}

// watch reads the files, which must be usable now.
func watch[T any](what string, c clock.Clock, log *slog.Logger, parse func([][]byte, time.Time) (*T, error),
	files ...namedFile,
) (*watched[T], error) {
	w := &watched[T]{what: what, files: files, parse: parse, clock: c, log: log}
	seen, err := w.stat()
	if err != nil {
		return nil, err
	}
	now := c.Now()
	v, err := w.read(now)
	if err != nil {
		return nil, err
	}
	w.seen = seen
	w.inUse.Store(v)
	w.looked.Store(now.UnixNano())
	return w, nil
}

// current is what the files hold, or held when they could last be used. One of those who ask looks at the files; nobody
// else waits for it.
func (w *watched[T]) current(now time.Time) *T {
	last, at := w.looked.Load(), now.UnixNano()
	if since := at - last; since >= 0 && since < int64(lookEvery) || !w.looked.CompareAndSwap(last, at) {
		return w.inUse.Load()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	seen, err := w.stat()
	if err == nil && same(seen, w.seen) {
		return w.inUse.Load()
	}
	var v *T
	if err == nil {
		v, err = w.read(now)
	}
	if err != nil {
		if !same(seen, w.seen) { // once a change
			w.log.Error("new "+w.what+" files cannot be used, and those before them stay in use", "error", err.Error())
		}
		w.seen = seen
		return w.inUse.Load()
	}
	w.seen = seen
	w.inUse.Store(v)
	w.log.Info(w.what + " files have changed, and are in use")
	return v
}

func (w *watched[T]) stat() ([]os.FileInfo, error) {
	seen := make([]os.FileInfo, len(w.files))
	for i, f := range w.files {
		var err error
		if seen[i], err = os.Stat(f.path); err != nil {
			return seen, f.broken("cannot be read: " + plain(err))
		}
	}
	return seen, nil
}

func (w *watched[T]) read(now time.Time) (*T, error) {
	texts := make([][]byte, len(w.files))
	for i, f := range w.files {
		var err error
		if texts[i], err = os.ReadFile(f.path); err != nil {
			return nil, f.broken("cannot be read: " + plain(err))
		}
	}
	return w.parse(texts, now)
}

// plain is an error of the file system without the path, which is said before it.
func plain(err error) string {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// same says whether files are as they were. A missing one is nil.
func same(a, b []os.FileInfo) bool {
	for i := range a {
		if (a[i] == nil) != (b[i] == nil) {
			return false
		}
		if a[i] != nil && (!os.SameFile(a[i], b[i]) || !a[i].ModTime().Equal(b[i].ModTime()) || a[i].Size() != b[i].Size()) {
			return false
		}
	}
	return true
}
