package store

import (
	"context"
	"database/sql"
)

// The statements that write. They are prepared once: most appends are small.
const (
	addRecord     = "INSERT INTO records (call, id, at, body) VALUES (?, ?, ?, ?)"
	recordsOfCall = "SELECT at, body FROM records WHERE call = ?"
	callRow       = "SELECT n, at, record, seq, counted FROM calls WHERE id = ?"
	idOfNumber    = "SELECT id FROM calls WHERE n = ?"
	addCall       = "INSERT OR IGNORE INTO calls (n, id, line, customer, site, outcome, follow_up, former, revealed, seq, " +
		"counted, at, heard, record, told) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	tellCall = "UPDATE OR IGNORE calls SET n = ?, line = ?, customer = ?, site = ?, outcome = ?, follow_up = ?, former = ?, " +
		"revealed = ?, seq = ?, counted = ?, heard = ?, told = ? WHERE id = ?"
	setSequence = "UPDATE counters SET value = ? WHERE name = 'sequence'"
	addFact     = "INSERT OR IGNORE INTO facts (id, used, key, value) VALUES (?, ?, ?, ?)"
	useFact     = "UPDATE facts SET used = ? WHERE id = ? AND used < ?"
	valueOfFact = "SELECT value FROM facts WHERE id = ?"
	addEntry    = "INSERT OR IGNORE INTO audit (id, at, peer, body) VALUES (?, ?, ?, ?)"
	addResource = "INSERT OR IGNORE INTO audit_resources (resource, at, n) VALUES (?, ?, ?)"
	putCharge   = "INSERT INTO charges (id, revision, at, heard, customer, state, body, owes, noted) " +
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?2) " +
		"ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, at = excluded.at, heard = excluded.heard, " +
		"customer = excluded.customer, state = excluded.state, body = excluded.body, owes = excluded.owes, " +
		"noted = excluded.noted WHERE excluded.revision > revision"
	chargeByID   = "SELECT body FROM charges WHERE id = ?"
	followUpByID = "SELECT n, version, body FROM follow_ups WHERE id = ?"
	followUpByN  = "SELECT n, version, body FROM follow_ups WHERE n = ?"
	// openFollowUp is the one about a subject that what is about a promise, or none, joins: any where it is about none.
	openFollowUp = "SELECT n, version, body FROM follow_ups WHERE subject = ?1 AND kind = ?2 AND state = ?3 " +
		"AND (?4 = '' OR promise = '') ORDER BY due, n LIMIT 1"
	openAboutPromise = "SELECT n, version, body FROM follow_ups WHERE promise = ? AND promise <> '' AND kind = ? AND state = ?"
	addFollowUp      = "INSERT INTO follow_ups (id, kind, state, subject, owner, due, heard, version, body, customer, " +
		"promise, noted) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?8)"
	tellFollowUp = "UPDATE follow_ups SET state = ?1, subject = ?2, owner = ?3, due = ?4, heard = ?5, version = ?6, " +
		"body = ?7, customer = ?8, promise = ?9, noted = ?6 WHERE n = ?10"
	addFollowUpFor = "INSERT OR IGNORE INTO follow_up_calls (call, kind, follow_up) VALUES (?, ?, ?)"
	followUpFor    = "SELECT follow_up FROM follow_up_calls WHERE call = ? AND kind = ?"
)

// prepare prepares them, by their text.
func prepare(ctx context.Context, db *sql.DB) (map[string]*sql.Stmt, error) {
	prepared := map[string]*sql.Stmt{}
	for _, query := range []string{
		addRecord, recordsOfCall, callRow, idOfNumber, addFact, useFact, valueOfFact, addEntry, addResource, addCall, tellCall,
		setSequence, putCharge, chargeByID, followUpByID, followUpByN, openFollowUp, openAboutPromise, addFollowUp,
		tellFollowUp, addFollowUpFor, followUpFor,
	} {
		stmt, err := db.PrepareContext(ctx, query) //nolint:sqlclosecheck // they end with the database
		if err != nil {
			return nil, err
		}
		prepared[query] = stmt
	}
	return prepared, nil
}
