package tzdata

import (
	"context"
	"errors"
	"fmt"
	"strings"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// Store is the part of coord.Client that adopting needs, with its contracts.
type Store interface {
	Get(ctx context.Context, key string) (coord.Entry, error)
	Commit(ctx context.Context, conditions []*rpcv1.Condition, writes []*rpcv1.Write) (int64, error)
}

// AdoptFirst is the rules in force. Where none are, it adopts the newest of the candidates first, on the condition that
// there are still none: of processes that start at once with different ones, all end with those of the one that came first.
// What a process has at hand never changes rules that are in force.
func AdoptFirst(ctx context.Context, store Store, clk clock.Clock, candidates []Candidate) (*Rules, error) {
	rules, err := InForce(ctx, store)
	if err != nil || rules != nil {
		return rules, err
	}
	value, err := firstValue(clk, candidates)
	if err != nil {
		return nil, err
	}
	revision, err := store.Commit(ctx, []*rpcv1.Condition{coord.Unchanged(Key, 0)}, []*rpcv1.Write{coord.Put(Key, value)})
	if err == nil {
		return Decode(value, revision)
	}
	if fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT {
		return nil, err
	}
	if rules, err = InForce(ctx, store); err == nil && rules == nil {
		err = fault.Conflict("the time-zone rules") // adopted and deleted meanwhile
	}
	return rules, err
}

// InForce reads the rules in force; nil where none are.
func InForce(ctx context.Context, store Store) (*Rules, error) {
	e, err := store.Get(ctx, Key)
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
		return nil, nil //nolint:nilnil // nobody adopted any yet
	}
	if err != nil {
		return nil, err
	}
	return Decode(e.Value, e.ModRevision)
}

// firstValue is the newest candidate that can be kept.
func firstValue(clk clock.Clock, candidates []Candidate) ([]byte, error) {
	var problems []string
	for _, c := range NewestFirst(candidates) {
		if c.Bundle == nil {
			problems = append(problems, c.Problem)
			continue
		}
		value, err := Encode(c.Bundle, c.Source, clk.Now())
		if err == nil {
			return value, nil
		}
		problems = append(problems, err.Error())
	}
	return nil, fmt.Errorf("no time-zone rules can be adopted: %w", errors.New(strings.Join(problems, "; ")))
}
