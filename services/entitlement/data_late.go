package entitlement

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/erasure"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/rpc"
)

const (
	// erasedPrefix is where it stands when somebody was erased, microseconds since 1970, decimal; the rest of the key is a
	// keyed hash of a number, or of a name at a customer. lastErasedKey is when the last one was.
	erasedPrefix  = "entitlement/erased/"
	lastErasedKey = "entitlement/erased-last"
	// lateAfter is after how long an acceptance was on a disk meanwhile: those of callers who wait are asked no more.
	lateAfter = 5 * time.Second
	// maxErasedLooked is how many are looked at at once to forget them, and maxErasedTogether how many are written at once.
	maxErasedLooked, maxErasedTogether = 1000, 40
	// maxLateNumbers is how many numbers the ledger erases at once.
	maxLateNumbers = 64
)

// tombstones is when people were erased, by keyed hashes: what comes in later, and is of before that, is erased, too.
type tombstones struct{ s *Service }

func (t tombstones) ofNumber(ctx context.Context, n phone.Number) (string, error) {
	hash, err := t.s.numbers.of(ctx, n)
	return erasedPrefix + "n-" + hash, err
}

func (t tombstones) ofName(ctx context.Context, n erasure.Named) (string, error) {
	hash, err := t.s.numbers.ofText(ctx, "name\x00"+n.Customer+"\x00"+n.Folded)
	return erasedPrefix + "p-" + hash, err
}

// set notes that somebody is erased now.
func (t tombstones) set(ctx context.Context, p *erasure.Person, now time.Time) error {
	var writes []*rpcv1.Write
	add := func(key string, err error) error {
		writes = append(writes, coord.Put(key, stampOf(now)))
		return err
	}
	for _, number := range p.Numbers() {
		n, _ := phone.Parse(number)
		if err := add(t.ofNumber(ctx, n)); err != nil {
			return err
		}
	}
	for _, name := range p.Names() {
		if err := add(t.ofName(ctx, name)); err != nil {
			return err
		}
	}
	for some := range slices.Chunk(writes, maxErasedTogether) {
		if err := t.write(ctx, some, now); err != nil {
			return err
		}
	}
	t.forget(ctx, now.Add(-erasure.KeptFor))
	return nil
}

// write commits some of it, and that it is the last.
func (t tombstones) write(ctx context.Context, writes []*rpcv1.Write, now time.Time) error {
	for try := 1; ; try++ {
		last, revision, err := t.last(ctx)
		if err != nil {
			return err
		}
		if last.After(now) {
			now = last
		}
		_, err = t.s.cfg.Store.Commit(ctx, []*rpcv1.Condition{coord.Unchanged(lastErasedKey, revision)},
			append(slices.Clone(writes), coord.Put(lastErasedKey, stampOf(now))))
		if try == maxEraseTries || fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT {
			return err
		}
	}
}

// last is when somebody was erased last, and the revision of that; zero where nobody was.
func (t tombstones) last(ctx context.Context) (time.Time, int64, error) {
	e, err := t.s.cfg.Store.Get(ctx, lastErasedKey)
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
		return time.Time{}, 0, nil
	}
	if err != nil {
		return time.Time{}, 0, err
	}
	at, err := readStamp(e)
	return at, e.ModRevision, err
}

// forget removes what is noted of long ago.
func (t tombstones) forget(ctx context.Context, before time.Time) {
	for after := ""; ; {
		page, err := t.s.cfg.Store.List(ctx, erasedPrefix, after, maxErasedLooked)
		if err != nil {
			return // the next erasure will do
		}
		var conditions []*rpcv1.Condition
		var writes []*rpcv1.Write
		for _, e := range page.Entries {
			after = e.Key
			if at, err := readStamp(e); err == nil && at.Before(before) && len(writes) < maxErasedTogether {
				conditions = append(conditions, coord.Unchanged(e.Key, e.ModRevision))
				writes = append(writes, coord.Delete(e.Key))
			}
		}
		if len(writes) > 0 {
			if _, err := t.s.cfg.Store.Commit(ctx, conditions, writes); err != nil {
				t.s.cfg.Log.WarnContext(ctx, "whom data was erased of long ago is not forgotten", "error", err.Error())
				return
			}
		}
		if !page.More || len(page.Entries) == 0 {
			return
		}
	}
}

func stampOf(t time.Time) []byte { return strconv.AppendInt(nil, t.UnixMicro(), 10) }

func readStamp(e coord.Entry) (time.Time, error) {
	us, err := strconv.ParseInt(string(e.Value), 10, 64)
	if err != nil {
		return time.Time{}, fault.Internal(fmt.Errorf("key %s: %w", e.Key, err))
	}
	return time.UnixMicro(us), nil
}

// lateCalls takes people who were erased out of calls that began before and come in now: out of the ledger, and out of
// what is counted here.
func (t tombstones) lateCalls(ctx context.Context, calls []*ledgerv1.Call) error {
	last, _, err := t.last(ctx)
	if err != nil || last.IsZero() {
		return err
	}
	of, keys := map[string][]*ledgerv1.Call{}, []string(nil)
	for _, c := range calls {
		n, ok := phone.Parse(c.GetCallerNumber())
		if !ok || c.GetStartTime().AsTime().After(last) {
			continue
		}
		key, err := t.ofNumber(ctx, n)
		if err != nil {
			return err
		}
		if of[key] == nil {
			keys = append(keys, key)
		}
		of[key] = append(of[key], c)
	}
	if len(keys) == 0 {
		return nil
	}
	found, err := t.s.cfg.Store.GetSome(ctx, keys)
	if err != nil {
		return err
	}
	late := map[string][]*ledgerv1.Call{}
	for key, e := range found {
		at, err := readStamp(e)
		if err != nil {
			return err
		}
		for _, c := range of[key] {
			if !c.GetStartTime().AsTime().After(at) {
				late[c.GetCallerNumber()] = append(late[c.GetCallerNumber()], c)
			}
		}
	}
	return t.eraseCalls(ctx, late)
}

// eraseCalls has the ledger erase callers from calls, by their numbers.
func (t tombstones) eraseCalls(ctx context.Context, late map[string][]*ledgerv1.Call) error {
	r := &ledgerv1.EraseCallersRequest{}
	var done []*ledgerv1.Call
	send := func() error {
		if len(done) == 0 {
			return nil
		}
		if _, err := t.s.cfg.Ledger.EraseCallers(ctx, r); err != nil {
			return rpc.Fault(err)
		}
		for _, c := range done {
			c.CallerNumber = ""
		}
		t.s.cfg.Log.InfoContext(ctx, "somebody who was erased is taken out of calls that came in late", "calls", len(done))
		r, done = &ledgerv1.EraseCallersRequest{}, nil
		return nil
	}
	for number, calls := range late {
		r.Numbers = append(r.Numbers, number)
		for _, c := range calls {
			r.Calls, done = append(r.Calls, c.GetName()), append(done, c)
		}
		if len(r.GetNumbers()) == maxLateNumbers {
			if err := send(); err != nil {
				return err
			}
		}
	}
	return send()
}

// latePromise takes somebody who was erased out of a promise that was accepted before, and comes in now; and out of what
// it gives.
func (t tombstones) latePromise(ctx context.Context, p *entitlementv1.Promise, grant *entitlementv1.Grant) error {
	a, now := p.GetAcceptance(), t.s.cfg.Clock.Now()
	at := a.GetAcceptTime().AsTime()
	if p == nil || now.Sub(at) < lateAfter {
		return nil
	}
	var keys []string
	if n, ok := phone.Parse(a.GetNumber()); ok {
		key, err := t.ofNumber(ctx, n)
		if err != nil {
			return err
		}
		keys = append(keys, key)
	}
	if a.GetPerson() != "" {
		key, err := t.ofName(ctx, erasure.NamedAs(a.GetCustomer(), a.GetPerson()))
		if err != nil {
			return err
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil
	}
	found, err := t.s.cfg.Store.GetSome(ctx, keys)
	if err != nil {
		return err
	}
	for _, e := range found {
		if erased, err := readStamp(e); err != nil {
			return err
		} else if !at.After(erased) {
			erasure.Late(p, grant, timestamppb.New(now))
			return nil
		}
	}
	return nil
}
