package store

import (
	"context"
	"database/sql"
)

// The statements that write. They are prepared once: most appends are small.
const (
	addRecord     = "INSERT INTO records (call, id, at, body) VALUES (?, ?, ?, ?)"
	recordsOfCall = "SELECT at, body FROM records WHERE call = ?"
	callRow       = "SELECT n, at, record FROM calls WHERE id = ?"
	idOfNumber    = "SELECT id FROM calls WHERE n = ?"
	addCall       = "INSERT OR IGNORE INTO calls (n, id, line, customer, site, outcome, follow_up, at, heard, record, told) " +
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	tellCall = "UPDATE OR IGNORE calls SET n = ?, line = ?, customer = ?, site = ?, outcome = ?, follow_up = ?, heard = ?, " +
		"told = ? WHERE id = ?"
	addFact     = "INSERT OR IGNORE INTO facts (id, used, key, value) VALUES (?, ?, ?, ?)"
	useFact     = "UPDATE facts SET used = ? WHERE id = ? AND used < ?"
	valueOfFact = "SELECT value FROM facts WHERE id = ?"
	addEntry    = "INSERT OR IGNORE INTO audit (id, at, peer, body) VALUES (?, ?, ?, ?)"
	addResource = "INSERT OR IGNORE INTO audit_resources (resource, at, n) VALUES (?, ?, ?)"
)

// prepare prepares them, by their text.
func prepare(ctx context.Context, db *sql.DB) (map[string]*sql.Stmt, error) {
	prepared := map[string]*sql.Stmt{}
	for _, query := range []string{
		addRecord, recordsOfCall, callRow, idOfNumber, addFact, useFact, valueOfFact, addEntry, addResource, addCall, tellCall,
	} {
		stmt, err := db.PrepareContext(ctx, query) //nolint:sqlclosecheck // they end with the database
		if err != nil {
			return nil, err
		}
		prepared[query] = stmt
	}
	return prepared, nil
}
