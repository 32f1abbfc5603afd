package store

import (
	"context"
	"database/sql"
)

// The statements that write. They are prepared once: most appends are small.
const (
	addRecord     = "INSERT OR IGNORE INTO records (id, call, at, body) VALUES (?, ?, ?, ?)"
	recordsOfCall = "SELECT at, body FROM records WHERE call = ? ORDER BY n LIMIT ?"
	addFact       = "INSERT OR IGNORE INTO facts (id, used, key, value) VALUES (?, ?, ?, ?)"
	useFact       = "UPDATE facts SET used = ? WHERE id = ? AND used < ?"
	valueOfFact   = "SELECT value FROM facts WHERE id = ?"
	addEntry      = "INSERT OR IGNORE INTO audit (id, at, peer, body) VALUES (?, ?, ?, ?)"
	addResource   = "INSERT OR IGNORE INTO audit_resources (resource, at, n) VALUES (?, ?, ?)"
	addCall       = "INSERT OR IGNORE INTO calls (id, call_id, line, customer, site, outcome, follow_up, start, heard, body) " +
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	tellCall = `INSERT INTO calls (id, call_id, line, customer, site, outcome, follow_up, start, heard, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET line = excluded.line, customer = excluded.customer, site = excluded.site,
			outcome = excluded.outcome, follow_up = excluded.follow_up, start = excluded.start, heard = excluded.heard,
			body = excluded.body`
)

// prepare prepares them, by their text.
func prepare(ctx context.Context, db *sql.DB) (map[string]*sql.Stmt, error) {
	prepared := map[string]*sql.Stmt{}
	for _, query := range []string{
		addRecord, recordsOfCall, addFact, useFact, valueOfFact, addEntry, addResource, addCall, tellCall,
	} {
		stmt, err := db.PrepareContext(ctx, query) //nolint:sqlclosecheck // they end with the database
		if err != nil {
			return nil, err
		}
		prepared[query] = stmt
	}
	return prepared, nil
}
