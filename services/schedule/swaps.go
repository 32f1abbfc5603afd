package schedule

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	rotasof "github.com/daysidehq/dayside/services/schedule/internal/rotas"
)

const (
	// swapsPrefix: schedulev1.Swap, under ROTA/ID.
	swapsPrefix = "schedule/swaps/"
	// maxSwaps is how many a rota may have, with those that are kept for a while after they are over.
	maxSwaps = 1000
	// maxSwapsSwept is how many that are kept no longer are removed with one write: etcd counts them.
	maxSwapsSwept = 32
	// swapTries is how often an answer is tried where somebody else writes at the same time.
	swapTries   = 3
	swapIDBytes = 10
)

// AskSwap keeps the wish to swap a turn. Nothing changes until it is accepted.
func (x rotas) AskSwap(ctx context.Context, r *schedulev1.AskSwapRequest) (*schedulev1.Swap, error) {
	now := x.s.cfg.Clock.Now().Unix()
	kept, stale, err := x.listSwaps(ctx, r.GetRota(), now)
	if err != nil {
		return nil, err
	}
	id := newSwapID(r)
	name := r.GetRota() + "/swaps/" + id
	if i := slices.IndexFunc(kept, func(s *schedulev1.Swap) bool { return s.GetName() == name }); i >= 0 {
		return kept[i], nil // the same request again
	}
	if len(kept) >= maxSwaps {
		return nil, fault.LimitExceeded(fmt.Sprintf("%s has %d swaps, which is all it may: those that are over go %d days after "+
			"their turns", r.GetRota(), len(kept), rotasof.SwapRetentionDays))
	}
	from, to, err := rotasof.AskRange(r, now)
	if err != nil {
		return nil, err
	}
	l, err := x.loadRota(ctx, r.GetRota())
	if err != nil {
		return nil, err
	}
	if err := swapPeople(l, r); err != nil {
		return nil, err
	}
	c, err := x.compile(l, r.GetRota(), from, to)
	if err != nil {
		return nil, err
	}
	swap, err := rotasof.Ask(c, r, now)
	if err != nil {
		return nil, err
	}
	swap.Name = name
	write, err := putSwap(swap)
	if err != nil {
		return nil, err
	}
	_, err = x.s.cfg.Store.Commit(ctx, []condition{
		coord.Unchanged(write.GetKey(), 0), l.unchanged(r.GetRota()), l.unchanged(r.GetAsked()), l.unchanged(r.GetAskedBy()),
	}, append(stale, write))
	return swap, err
}

// swapPeople refuses a swap with somebody who does not exist.
func swapPeople(l *loaded, r *schedulev1.AskSwapRequest) error {
	var missing []fault.Violation
	for field, name := range map[string]string{"asked": r.GetAsked(), "asked_by": r.GetAskedBy()} {
		if !l.Has(name) {
			missing = append(missing, fault.Violation{Field: field, Value: name, Rule: "must exist"})
		}
	}
	if len(missing) > 0 {
		slices.SortFunc(missing, func(a, b fault.Violation) int { return strings.Compare(a.Field, b.Field) })
		return fault.MissingReference(missing...)
	}
	return nil
}

// newSwapID is random, or that of the request, so that its repetition finds what it made.
func newSwapID(r *schedulev1.AskSwapRequest) string {
	if r.GetRequestId() == "" {
		id := make([]byte, swapIDBytes)
		_, _ = rand.Read(id) // never fails, by its documentation
		return hex.EncodeToString(id)
	}
	sum := sha256.Sum256([]byte(r.GetRequestId()))
	return hex.EncodeToString(sum[:swapIDBytes])
}

// AnswerSwap accepts, declines or withdraws a swap. Accepted, the rota with its overrides, what is compiled from it, and the
// swap's state are one commit, so that no swap is accepted without being in force.
func (x rotas) AnswerSwap(ctx context.Context, r *schedulev1.AnswerSwapRequest) (swap *schedulev1.Swap, err error) {
	for range swapTries {
		if swap, err = x.answerSwap(ctx, r); fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT {
			return swap, err
		}
	}
	return nil, fault.Conflict(r.GetName())
}

func (x rotas) answerSwap(ctx context.Context, r *schedulev1.AnswerSwapRequest) (*schedulev1.Swap, error) {
	now := x.s.cfg.Clock.Now().Unix()
	entry, err := x.s.cfg.Store.Get(ctx, swapKey(r.GetName()))
	if fault.ReasonOf(err) == rpcNotFound {
		return nil, fault.NotFound(r.GetName())
	}
	if err != nil {
		return nil, err
	}
	asked := &schedulev1.Swap{}
	if err := proto.Unmarshal(entry.Value, asked); err != nil {
		return nil, fault.Internal(fmt.Errorf("key %s: %w", entry.Key, err))
	}
	answered, err := rotasof.AnswerSwap(asked, r, now)
	if err != nil {
		return nil, err
	}
	write, err := putSwap(answered)
	if err != nil {
		return nil, err
	}
	open := []condition{coord.Unchanged(entry.Key, entry.ModRevision)}
	if answered.GetState() != schedulev1.Swap_STATE_ACCEPTED {
		_, err := x.s.cfg.Store.Commit(ctx, open, []*rpcv1.Write{write})
		return answered, err
	}
	effect := collection.Effect{Conditions: open, Writes: []*rpcv1.Write{write}}
	return answered, x.exchange(ctx, answered, effect, now)
}

// exchange puts an accepted swap in force.
func (x rotas) exchange(ctx context.Context, swap *schedulev1.Swap, effect collection.Effect, nowUnixS int64) error {
	name, _, _ := strings.Cut(swap.GetName(), "/swaps/")
	l, err := x.loadRota(ctx, name)
	if err != nil {
		return err
	}
	const marginS = rotasof.SwapMarginDays * dayS
	c, err := x.compile(l, name, nowUnixS-marginS, rotasof.Last(swap)+marginS)
	if err != nil {
		return err
	}
	next, err := rotasof.Exchange(c, l.Rotas[name], swap, nowUnixS)
	if err != nil {
		return err
	}
	// The etag that it carries is the one it was read with: a rota that was written since is judged anew.
	o := owner[*schedulev1.Rota]{s: x.s, allowGap: true, extra: effect} // one person for another uncovers nothing
	mask := &fieldmaskpb.FieldMask{Paths: []string{"overrides"}}        // named, since a swap that is undone may leave none
	_, err = x.s.rotas.WithOwner(o).Update(ctx, next, mask, false, false)
	return err
}

// ListSwaps reads the swaps of a rota, the latest first.
func (x rotas) ListSwaps(ctx context.Context, r *schedulev1.ListSwapsRequest) (*schedulev1.ListSwapsResponse, error) {
	if _, err := x.s.rotas.Get(ctx, r.GetRota()); err != nil {
		return nil, err
	}
	kept, _, err := x.listSwaps(ctx, r.GetRota(), x.s.cfg.Clock.Now().Unix())
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(kept, func(a, b *schedulev1.Swap) int {
		return b.GetCreateTime().AsTime().Compare(a.GetCreateTime().AsTime())
	})
	return &schedulev1.ListSwapsResponse{Swaps: kept[:min(len(kept), maxSwaps)]}, nil
}

// listSwaps are the swaps of a rota as they are by now, and the deletions of some that are kept no longer.
func (x rotas) listSwaps(ctx context.Context, rota string, nowUnixS int64,
) (kept []*schedulev1.Swap, stale []*rpcv1.Write, err error) {
	entries, _, err := x.s.cfg.Store.ListAll(ctx, swapsPrefix+strings.TrimPrefix(rota, "rotas/")+"/")
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		swap := &schedulev1.Swap{}
		if err := proto.Unmarshal(e.Value, swap); err != nil {
			return nil, nil, fault.Internal(fmt.Errorf("key %s: %w", e.Key, err))
		}
		switch {
		case rotasof.Kept(swap, nowUnixS):
			kept = append(kept, rotasof.Judged(swap, nowUnixS))
		case len(stale) < maxSwapsSwept:
			stale = append(stale, coord.Delete(e.Key))
		}
	}
	return kept, stale, nil
}

// sweepSwaps removes swaps that are kept no longer, and those of rotas that are gone.
func (s *Service) sweepSwaps(ctx context.Context, l *loaded) error {
	entries, _, err := s.cfg.Store.ListAll(ctx, swapsPrefix)
	if err != nil {
		return err
	}
	now := s.cfg.Clock.Now().Unix()
	for _, e := range entries {
		id, _, _ := strings.Cut(strings.TrimPrefix(e.Key, swapsPrefix), "/")
		rota := "rotas/" + id
		swap, conditions := &schedulev1.Swap{}, []condition{coord.Unchanged(e.Key, e.ModRevision)}
		switch _, known := l.revisions[rota]; {
		case !known && !l.broken[rota]:
			conditions = append(conditions, coord.Unchanged(sourceKey(rota), 0))
		case proto.Unmarshal(e.Value, swap) != nil || rotasof.Kept(swap, now):
			continue
		}
		_, err := s.cfg.Store.Commit(ctx, conditions, []*rpcv1.Write{coord.Delete(e.Key)})
		if err != nil && fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT { // or somebody did it
			return err
		}
	}
	return nil
}

// swapKey is the key of rotas/ROTA/swaps/ID.
func swapKey(name string) string {
	rota, id, _ := strings.Cut(strings.TrimPrefix(name, "rotas/"), "/swaps/")
	return swapsPrefix + rota + "/" + id
}

func putSwap(s *schedulev1.Swap) (*rpcv1.Write, error) {
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(s)
	if err != nil {
		return nil, fault.Internal(err)
	}
	return coord.Put(swapKey(s.GetName()), value), nil
}
