// Package store keeps the ledger's records in one SQLite file, and answers what it was asked about calls and changes.
// Records arrive in any order and more than once; each is kept once, and the calls it is of are made anew by merge.
//
// It decides nothing about calls, and knows neither roles nor the network.
package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver called sqlite

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
)

const (
	// maxReaders bounds the questions answered at once.
	maxReaders = 4
	// busyTimeoutMS is how long SQLite waits for a lock; nobody but this process holds one.
	busyTimeoutMS = 5000
	// checkpointPages is how many pages the log grows by before it is written to the file.
	checkpointPages = 4000
	// writerCacheKiB holds what a group of records changes, and the inner pages of the indexes of some million calls.
	writerCacheKiB = 8 << 10
	// maxLogBytes is what is left of the log file after that.
	maxLogBytes = 64 << 20
)

// Config is what a store is made from.
type Config struct {
	// Path of the file; made (0600) where it does not exist. Its folder must.
	Path  string
	Clock clock.Clock
	// Changed hears of calls that changed, without their steps, in the order in which they did; nil: nobody does. It must
	// not wait for anything.
	Changed func([]*ledgerv1.Call)
	// Dropped hears of records that cannot be kept; nil: nobody does.
	Dropped func(what string)
}

// Store is the file, opened. It is safe for concurrent use.
type Store struct {
	cfg   Config
	file  file
	write *sql.DB // one connection
	read  *sql.DB
	// prepared are the statements of write, by their text.
	prepared map[string]*sql.Stmt
	// turn is held by whoever writes.
	turn    chan struct{}
	touched touched // of whoever holds turn
	// sequence is that of the last change of a call; of whoever holds turn.
	sequence int64
	// epoch names the file.
	epoch string

	mu      sync.Mutex
	pending []*request
	// pendingRecords are those of pending.
	pendingRecords int
}

// Open opens the file, and takes it to this program's version of the tables. An error says what is in the way, for people.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	return open(ctx, cfg, schema(), additions())
}

func open(ctx context.Context, cfg Config, steps, more []string) (_ *Store, err error) {
	// SQLite gives its other files the same mode.
	f, err := os.OpenFile(cfg.Path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err := errorsOf(err, f.Chmod(0o600), f.Close()); err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, file: file{info}, turn: make(chan struct{}, 1), touched: touched{}}
	defer func() {
		if err != nil {
			_ = s.Close()
			err = fmt.Errorf("%s: %w", cfg.Path, err)
		}
	}()
	if s.write, err = sql.Open("sqlite", source(cfg.Path, "rw",
		"auto_vacuum(INCREMENTAL)", "secure_delete(FAST)", "journal_mode(WAL)", "synchronous(FULL)",
		fmt.Sprintf("cache_size(-%d)", writerCacheKiB), fmt.Sprintf("wal_autocheckpoint(%d)", checkpointPages),
		fmt.Sprintf("journal_size_limit(%d)", maxLogBytes))); err != nil {
		return nil, err
	}
	s.write.SetMaxOpenConns(1)
	if err = migrate(ctx, s.write, steps); err != nil {
		return nil, err
	}
	if err = extend(ctx, s.write, more); err != nil {
		return nil, err
	}
	if err = s.write.QueryRowContext(ctx, "SELECT (SELECT value FROM counters WHERE name = 'sequence'), "+
		"(SELECT value FROM counters WHERE name = 'epoch')").Scan(&s.sequence, &s.epoch); err != nil {
		return nil, err
	}
	if err = s.takeUp(ctx); err != nil {
		return nil, err
	}
	if err = errorsOf(s.noteCharges(ctx), s.noteFollowUps(ctx)); err != nil {
		return nil, err
	}
	if s.prepared, err = prepare(ctx, s.write); err != nil {
		return nil, err
	}
	if s.read, err = sql.Open("sqlite", source(cfg.Path, "ro", "query_only(ON)")); err != nil {
		return nil, err
	}
	s.read.SetMaxOpenConns(maxReaders)
	s.read.SetMaxIdleConns(maxReaders)
	return s, s.read.PingContext(ctx)
}

// source is how the driver names a file.
func source(path, mode string, pragmas ...string) string {
	q := url.Values{"mode": {mode}, "_txlock": {"immediate"}}
	q.Add("_pragma", fmt.Sprintf("busy_timeout(%d)", busyTimeoutMS))
	for _, p := range pragmas {
		q.Add("_pragma", p)
	}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String()
}

// Close closes the file.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errorsOf(errs...)
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// failed is a database that did not do as it was told: full, gone, or damaged.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return fault.Unavailable("the ledger's database", err)
}

// file is the one that was opened.
type file struct{ os.FileInfo }

// still says whether a path names that file: one that was removed, or put back from a copy, is written to in vain.
func (f file) still(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !os.SameFile(f.FileInfo, info) {
		return fmt.Errorf("%s is another file than the one that was opened: start this process again", path)
	}
	return nil
}

// SizeBytes is how large the file and its log are.
func (s *Store) SizeBytes() int64 {
	var size int64
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(s.cfg.Path + suffix); err == nil {
			size += info.Size()
		}
	}
	return size
}

// day of an instant, since 1970.
func day(t time.Time) int64 { return t.Unix() / (24 * 60 * 60) }
