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

// additions are what later releases add that programs before them pass over: columns with a default, and tables and indexes
// of their own. The version of the database stays what it was, so that the release before can come back. One that
// was released is never changed.
func additions() []string { return []string{changesAndTasks, exportsAndNotes, revealed} }

// changesAndTasks number the changes of calls, and keep charges and follow-ups.
const changesAndTasks = `
-- Of calls: seq is that of the last change of the row, from the counter of that name: microseconds since 1970, or one more
-- than the one before, so that it grows even where a file is lost and a new one begun. 0: not changed since there are
-- any. counted is the seq with which the call began to count, -1 where that was before; 0 while it does not. former: to a
-- number that the line had.
ALTER TABLE calls ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN counted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN former INTEGER NOT NULL DEFAULT 0;
CREATE INDEX calls_seq ON calls (seq) WHERE seq > 0;
CREATE INDEX calls_counted ON calls (counted) WHERE counted > 0 AND counted <> seq;
CREATE INDEX calls_former ON calls (n) WHERE former = 1;
CREATE TABLE counters (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
INSERT INTO counters VALUES ('sequence', 0), ('epoch', lower(hex(randomblob(16))));
-- What this release writes has a seq that is not before heard. What a release before writes, which knows no sequence, has:
-- it gets one when the file is opened again. What stood here when this was added has none.
CREATE INDEX calls_without_seq ON calls (heard) WHERE seq < heard;
INSERT INTO counters SELECT 'added', coalesce(max(heard), 0) FROM calls;

-- Money owed, or not any more, as its highest revision says; at is when it was promised, heard when it was last changed.
CREATE TABLE charges (
	n        INTEGER PRIMARY KEY,
	id       TEXT NOT NULL UNIQUE,
	revision INTEGER NOT NULL,
	at       INTEGER NOT NULL,
	heard    INTEGER NOT NULL,
	customer TEXT NOT NULL,
	state    INTEGER NOT NULL,
	body     BLOB NOT NULL
);
CREATE INDEX charges_at ON charges (at, n);
CREATE INDEX charges_customer ON charges (customer, at, n);
CREATE INDEX charges_state ON charges (state, at, n);

-- Tasks. subject is whom it is about: customers/ID, or a number; version grows with every change.
CREATE TABLE follow_ups (
	n       INTEGER PRIMARY KEY,
	id      TEXT NOT NULL UNIQUE,
	kind    INTEGER NOT NULL,
	state   INTEGER NOT NULL,
	subject TEXT NOT NULL,
	owner   TEXT NOT NULL,
	due     INTEGER NOT NULL,
	heard   INTEGER NOT NULL,
	version INTEGER NOT NULL,
	body    BLOB NOT NULL
);
CREATE INDEX follow_ups_due ON follow_ups (due, n);
CREATE INDEX follow_ups_state ON follow_ups (state, due, n);
CREATE INDEX follow_ups_owner ON follow_ups (owner, due, n);
CREATE INDEX follow_ups_subject ON follow_ups (subject, due, n);
-- Which task a call is in, of each kind: once, and for as long as the task is kept.
CREATE TABLE follow_up_calls (
	call      TEXT NOT NULL,
	kind      INTEGER NOT NULL,
	follow_up INTEGER NOT NULL,
	PRIMARY KEY (call, kind)
) WITHOUT ROWID;
CREATE INDEX follow_up_calls_of ON follow_up_calls (follow_up);
`

// exportsAndNotes keep what was handed over to billing, and find charges and follow-ups by more.
const exportsAndNotes = `
-- Of charges, in nanos of their currency: owes is how much is owed, NULL while that is not settled; billed is how much
-- billing was told to bill, less what it was told to credit, in exports of which the last one is export (0: none). noted is
-- the revision of which owes is, so that what a release before wrote, which knows none, is noted when the file is opened.
ALTER TABLE charges ADD COLUMN owes INTEGER;
ALTER TABLE charges ADD COLUMN billed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE charges ADD COLUMN export INTEGER NOT NULL DEFAULT 0;
ALTER TABLE charges ADD COLUMN noted INTEGER NOT NULL DEFAULT 0;
CREATE INDEX charges_to_hand_over ON charges (n) WHERE owes <> billed;
CREATE INDEX charges_unnoted ON charges (n) WHERE noted <> revision;

-- What billing was told, never changed. Lines are of charges, which are kept: nanos is how much is to be billed, or credited
-- where it is negative, and stood how the charge stood then.
CREATE TABLE exports (
	n    INTEGER PRIMARY KEY,
	id   TEXT NOT NULL UNIQUE,
	at   INTEGER NOT NULL,
	body BLOB NOT NULL
);
CREATE INDEX exports_at ON exports (at, n);
CREATE TABLE export_lines (
	export INTEGER NOT NULL,
	line   INTEGER NOT NULL,
	charge INTEGER NOT NULL,
	nanos  INTEGER NOT NULL,
	stood  BLOB NOT NULL,
	PRIMARY KEY (export, line)
) WITHOUT ROWID;

-- Of tasks: customer, and the promise that it is about, as body has them; noted is the version of which they are.
ALTER TABLE follow_ups ADD COLUMN customer TEXT NOT NULL DEFAULT '';
ALTER TABLE follow_ups ADD COLUMN promise TEXT NOT NULL DEFAULT '';
ALTER TABLE follow_ups ADD COLUMN noted INTEGER NOT NULL DEFAULT 0;
CREATE INDEX follow_ups_customer ON follow_ups (customer, due, n) WHERE customer <> '';
CREATE INDEX follow_ups_promise ON follow_ups (promise) WHERE promise <> '';
CREATE INDEX follow_ups_unnoted ON follow_ups (n) WHERE noted <> version;
`

// revealed finds the calls in which a hidden number was told.
const revealed = `
ALTER TABLE calls ADD COLUMN revealed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX calls_revealed ON calls (n) WHERE revealed = 1;
`

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

// extend adds what is not there yet of the additions.
func extend(ctx context.Context, db *sql.DB, additions []string) error {
	if _, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS additions (n INTEGER PRIMARY KEY)"); err != nil {
		return err
	}
	var made int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM additions").Scan(&made); err != nil {
		return err
	}
	for ; made < len(additions); made++ {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, additions[made]+fmt.Sprintf(";INSERT INTO additions VALUES (%d)", made+1))
		if err != nil {
			_ = tx.Rollback()
			return fmt.Errorf("what this release adds cannot be added (%d): %w", made+1, err)
		}
		if err := tx.Commit(); err != nil {
			return err
		}
	}
	return nil
}
