package store

import (
	"context"
	"database/sql"
	"fmt"
)

// schema is what each version of the database adds to the one before. A step that was released is never changed: databases
// stand at it. Times are microseconds since 1970.
func schema() []string {
	return []string{
		`
-- What arrived of calls, each record once. Most calls are one record, and one row. n is when the call began, microseconds,
-- times 1024, and what tells apart those that began at once; record is what arrived first, at that time, and told the
-- call as all its records make it: NULL where that is the first one alone. heard is when the last one arrived.
CREATE TABLE calls (
	n         INTEGER PRIMARY KEY,
	id        TEXT NOT NULL,
	line      TEXT NOT NULL,
	customer  TEXT NOT NULL,
	site      TEXT NOT NULL,
	outcome   INTEGER NOT NULL,
	follow_up INTEGER NOT NULL,
	at        INTEGER NOT NULL,
	heard     INTEGER NOT NULL,
	record    BLOB NOT NULL,
	told      BLOB
);
-- IDs of calls that gateways call alike begin alike. All other indexes are in order of n within what they are of.
CREATE UNIQUE INDEX calls_id ON calls (id);
CREATE INDEX calls_line ON calls (line) WHERE line <> '';
CREATE INDEX calls_customer ON calls (customer) WHERE customer <> '';
CREATE INDEX calls_site ON calls (site) WHERE site <> '';
CREATE INDEX calls_follow_up ON calls (n) WHERE follow_up = 1;
-- Of how calls end, all but what most do: routed, and answered.
CREATE INDEX calls_outcome ON calls (outcome) WHERE outcome > 2;

-- The other records of calls that are more than one; nothing of them is ever changed.
CREATE TABLE records (
	call  TEXT NOT NULL,
	id    BLOB NOT NULL,
	at    INTEGER NOT NULL,
	body  BLOB NOT NULL,
	PRIMARY KEY (call, id)
) WITHOUT ROWID;

-- What decisions were made of; used is the day (since 1970) on which a decision that names it last arrived.
CREATE TABLE facts (
	id    BLOB PRIMARY KEY,
	used  INTEGER NOT NULL,
	key   TEXT NOT NULL,
	value BLOB NOT NULL
);
CREATE INDEX facts_used ON facts (used);

-- Who changed what.
CREATE TABLE audit (
	n    INTEGER PRIMARY KEY,
	id   BLOB NOT NULL UNIQUE,
	at   INTEGER NOT NULL,
	peer TEXT NOT NULL,
	body BLOB NOT NULL
);
CREATE INDEX audit_at ON audit (at, n);
CREATE INDEX audit_peer ON audit (peer, at, n);
CREATE TABLE audit_resources (
	resource TEXT NOT NULL,
	at       INTEGER NOT NULL,
	n        INTEGER NOT NULL,
	PRIMARY KEY (resource, at, n)
) WITHOUT ROWID;
CREATE INDEX audit_resources_n ON audit_resources (n);
`,
	}
}

// migrate takes the database to the newest version of steps. One that a later program made is left alone.
func migrate(ctx context.Context, db *sql.DB, steps []string) error {
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > len(steps) {
		return fmt.Errorf("was made by a later program (version %d; this one knows %d)", version, len(steps))
	}
	for ; version < len(steps); version++ {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, steps[version]+fmt.Sprintf(";PRAGMA user_version = %d", version+1))
		if err != nil {
			_ = tx.Rollback()
			return fmt.Errorf("cannot be taken to version %d: %w", version+1, err)
		}
		if err := tx.Commit(); err != nil {
			return err
		}
	}
	return nil
}
