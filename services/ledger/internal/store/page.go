package store

import (
	"context"
	"database/sql"

	"github.com/daysidehq/dayside/services/ledger/internal/mark"
)

// paged reads a page of a list: item reads a row, and its mark into at. next is the mark behind the last one; no mark where
// no more follow.
func paged[T any](
	ctx context.Context, s *Store, query string, args []any, limit int, item func(row *sql.Rows, at *mark.Mark) (T, error),
) (list []T, next mark.Mark, err error) {
	rows, err := s.read.QueryContext(ctx, query, append(args, limit+1)...)
	if err != nil {
		return nil, mark.Mark{}, failed(err)
	}
	defer func() { _ = rows.Close() }()
	var last mark.Mark
	for rows.Next() {
		if len(list) == limit {
			next = last
			break
		}
		one, err := item(rows, &last)
		if err != nil {
			return nil, mark.Mark{}, err
		}
		list = append(list, one)
	}
	return list, next, failed(rows.Err())
}
