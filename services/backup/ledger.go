package backup

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"

	_ "modernc.org/sqlite" // the driver called sqlite
)

// busyTimeoutMS is how long a lock of the process that writes is waited for.
const busyTimeoutMS = 10_000

// openLedger opens a ledger's file; it makes none. What only reads must be able to write all the same: SQLite's log of a
// process that was killed is taken in by whoever opens it first.
func openLedger(path string) (*sql.DB, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	q := url.Values{"mode": {"rw"}, "_pragma": {fmt.Sprintf("busy_timeout(%d)", busyTimeoutMS)}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// copyLedger writes the ledger, as it is at one instant, to a new file, whoever uses it meanwhile, and proves that whole.
func copyLedger(ctx context.Context, from, to string) (err error) {
	db, err := openLedger(from)
	if err != nil {
		return fmt.Errorf("the ledger: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		return fmt.Errorf("the ledger %s cannot be copied: %w", from, err)
	}
	return checkLedger(ctx, to)
}

// checkLedger is nil where a file is a whole ledger, of whatever release.
func checkLedger(ctx context.Context, path string) (err error) {
	db, err := openLedger(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var said string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&said); err != nil {
		return fmt.Errorf("the copy of the ledger cannot be read: %w", err)
	}
	if said != "ok" {
		return fmt.Errorf("the ledger is damaged: %s", said)
	}
	var tables int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE name = 'calls'").Scan(&tables); err != nil {
		return err
	}
	if tables == 0 {
		return errors.New("the database is no ledger of Dayside")
	}
	return nil
}
