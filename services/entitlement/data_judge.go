package entitlement

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/imports"
	"github.com/daysidehq/dayside/services/entitlement/internal/view"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
)

const (
	// maxBatchOps is how many keys a transaction of an import writes or compares: fewer than every etcd takes.
	maxBatchOps = 120
	// maxBatchBytes is how much it writes: a third of what every etcd takes.
	maxBatchBytes = 512 << 10
	// maxLikeIDs is how many customers of like external ids are looked at.
	maxLikeIDs = 8
	// maxRowRules is how many broken rules are told of a row.
	maxRowRules = 8
)

// batch is what rows make.
type batch struct {
	// rows is how many of those asked for it holds.
	rows       int
	conditions []*rpcv1.Condition
	writes     []*rpcv1.Write
	progress   *entitlementv1.ImportProgress
	rejections []*entitlementv1.ImportRejection
	// keys are the ids of the customers written, by what they were found by.
	keys map[string]string
}

// pending is a customer as it stands, and as it would.
type pending struct {
	entry  coord.Entry
	item   *entitlementv1.Customer
	effect collection.Effect
	kind   rpcv1.Change_Kind
}

// judging is the making of a batch.
type judging struct {
	p    *part
	b    batch
	read map[string]coord.Entry
	// made are the customers of the batch, and order their names in order; of a dry run, of all batches.
	made  map[string]*pending
	order []string
	// ops and bytes are what they cost.
	ops, bytes int
}

// judge reads the customers that rows are of, and works out what the rows make of them, up to what one transaction holds.
// The error is one of the system; what is wrong with a row is a rejection.
func (p *part) judge(ctx context.Context, rows []*entitlementv1.ImportRow, from *entitlementv1.ImportProgress,
) (batch, error) {
	j := judging{p: p, made: map[string]*pending{}}
	if p.made != nil {
		j.made = p.made
	}
	j.b = batch{progress: proto.CloneOf(from), keys: map[string]string{}}
	keys := make([]string, 0, 2*len(rows))
	for _, row := range rows {
		for _, id := range p.candidates(row) {
			keys = append(keys, sourcePrefix+id)
		}
	}
	slices.Sort(keys)
	var err error
	if j.read, err = p.s.cfg.Store.GetSome(ctx, slices.Compact(keys)); err != nil {
		return batch{}, err
	}
	for i, row := range rows {
		full, err := j.row(ctx, row)
		if err != nil {
			return batch{}, err
		}
		if full && i > 0 {
			break
		}
		j.b.rows++
		j.b.progress.Line = max(j.b.progress.GetLine(), row.GetLine())
	}
	for _, name := range j.order {
		j.b.conditions = append(j.b.conditions, j.made[name].effect.Conditions...)
		j.b.writes = append(j.b.writes, j.made[name].effect.Writes...)
	}
	j.b.conditions = coord.Distinct(j.b.conditions)
	return j.b, nil
}

// candidates are the ids of customers that a row may be of.
func (p *part) candidates(row *entitlementv1.ImportRow) (ids []string) {
	if row.GetUnreadable() != "" {
		return nil
	}
	if name := row.GetCustomer().GetName(); name != "" {
		ids = append(ids, customerID(name))
	}
	key := row.GetKey()
	if key.GetId() == "" {
		return ids
	}
	ids = append(ids, imports.NewID(key))
	if id, ok := p.recent[keyText(key)]; ok {
		ids = append(ids, id)
	}
	for _, h := range p.s.directory.Holders(view.ExternalID, key.GetSystem(), key.GetId(), maxLikeIDs) {
		ids = append(ids, h.CustomerID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func keyText(key *entitlementv1.ExternalId) string { return key.GetSystem() + "\x00" + key.GetId() }

// row works out what one row makes; full where it belongs into the next batch.
func (j *judging) row(ctx context.Context, row *entitlementv1.ImportRow) (full bool, err error) {
	if row.GetUnreadable() != "" {
		j.reject(row, fault.Violation{
			Field: row.GetUnreadableField(), Value: row.GetUnreadableValue(), Rule: row.GetUnreadable(),
		})
		return false, nil
	}
	if j.p.made == nil && j.kin(row) {
		return true, nil // whether there is such a customer is known once that is written
	}
	who, before, next, err := j.merge(row)
	if err != nil {
		return false, j.unlessBroken(row, err)
	}
	effect, kind, err := j.p.s.alone().Put(ctx, next, who.entry)
	if err != nil && !j.wouldBeThere(err) {
		return false, j.unlessBroken(row, j.asFarAsKnown(err))
	}
	ops, bytes := cost(effect)
	name := next.GetName()
	if j.p.made == nil && len(j.order) > 0 &&
		(j.ops+ops > maxBatchOps || j.bytes+bytes > maxBatchBytes || j.taken(name, effect)) {
		return true, nil
	}
	j.ops, j.bytes = j.ops+ops, j.bytes+bytes
	switch {
	case before != nil && proto.Equal(before, next):
		j.b.progress.Unchanged++
	case before == nil:
		j.b.progress.Created++
	default:
		j.b.progress.Updated++
	}
	if j.made[name] == nil {
		j.order = append(j.order, name)
	}
	j.made[name] = &pending{who.entry, next, effect, kind}
	if row.GetKey() != nil {
		j.b.keys[keyText(row.GetKey())] = customerID(name)
	}
	return false, nil
}

// kin says whether a row names a customer of the batch as a parent or partner.
func (j *judging) kin(row *entitlementv1.ImportRow) bool {
	return j.made[row.GetCustomer().GetParent()] != nil ||
		slices.ContainsFunc(row.GetCustomer().GetPartners(), func(p *entitlementv1.PartnerAccess) bool {
			return j.made[p.GetPartner()] != nil
		})
}

// wouldBeThere says whether all that a customer refers to in vain is what a dry run would have written.
func (j *judging) wouldBeThere(err error) bool {
	var f *fault.Fault
	return j.p.made != nil && errors.As(err, &f) && f.Reason == rpcv1.Reason_REASON_MISSING_REFERENCE &&
		!slices.ContainsFunc(f.Violations, func(v fault.Violation) bool { return j.p.made[v.Value] == nil })
}

// asFarAsKnown is a missing reference of a dry run in the words that are true: what parts before would have made is not
// remembered.
func (j *judging) asFarAsKnown(err error) error {
	var f *fault.Fault
	through := j.p.r.GetAfterLine()
	if j.p.made == nil || through == 0 || !errors.As(err, &f) || f.Reason != rpcv1.Reason_REASON_MISSING_REFERENCE {
		return err
	}
	own := *f
	own.Violations = slices.Clone(f.Violations)
	for i := range own.Violations {
		own.Violations[i].Rule += fmt.Sprintf(", unless a line up to %d makes it: a dry run does not remember those", through)
	}
	return &own
}

// taken says whether another customer of the batch writes a key that this one writes, too, such as that of an access name,
// or was judged by, such as a customer above its parent: as it was read it is not what it will be.
func (j *judging) taken(name string, effect collection.Effect) bool {
	keys := map[string]bool{}
	for _, w := range effect.Writes {
		keys[w.GetKey()] = true
	}
	for _, c := range effect.Conditions {
		keys[c.GetKey()] = true
	}
	for other, made := range j.made {
		if other != name && slices.ContainsFunc(made.effect.Writes, func(w *rpcv1.Write) bool { return keys[w.GetKey()] }) {
			return true
		}
	}
	return false
}

// merge finds the customer of a row: as it was read, as it stands with the rows before (nil where it is new), and with
// this one.
func (j *judging) merge(row *entitlementv1.ImportRow) (who *pending, before, next *entitlementv1.Customer, err error) {
	var have []string
	if key := row.GetKey(); key.GetId() != "" {
		if have, err = j.holders(row, key); err != nil {
			return nil, nil, nil, err
		}
	}
	name, err := imports.Who(row, have)
	if err != nil {
		return nil, nil, nil, err
	}
	if who, err = j.stands(name); err != nil {
		return nil, nil, nil, err
	}
	base := who.item
	if base == nil {
		base = &entitlementv1.Customer{Name: name}
	}
	if err := imports.Agrees(base, row.GetKey()); err != nil {
		return nil, nil, nil, err
	}
	next, err = imports.Merge(base, row, j.p.reader())
	return who, who.item, next, err
}

// holders are the ids of the customers that have an external id.
func (j *judging) holders(row *entitlementv1.ImportRow, key *entitlementv1.ExternalId) (have []string, err error) {
	for _, id := range j.p.candidates(row) {
		who, err := j.stands(customerNames + id)
		if err != nil {
			return nil, err
		}
		if imports.Has(who.item, key) {
			have = append(have, id)
		}
	}
	if id, ok := j.b.keys[keyText(key)]; ok && !slices.Contains(have, id) {
		have = append(have, id)
	}
	return have, nil
}

// stands is a customer with the rows before.
func (j *judging) stands(name string) (*pending, error) {
	if made := j.made[name]; made != nil {
		return made, nil
	}
	e := j.read[sourcePrefix+customerID(name)]
	if e.ModRevision == 0 {
		return &pending{}, nil
	}
	item, _, err := collection.Decode[*entitlementv1.Customer](e.Value, e.ModRevision)
	return &pending{entry: e, item: item}, err
}

// unlessBroken rejects a row that broke rules; any other error stays one.
func (j *judging) unlessBroken(row *entitlementv1.ImportRow, err error) error {
	var f *fault.Fault
	switch {
	case !errors.As(err, &f):
		return err
	case len(f.Violations) > 0:
		j.reject(row, f.Violations[:min(len(f.Violations), maxRowRules)]...)
	case f.Reason == rpcv1.Reason_REASON_ALREADY_EXISTS: // an access name is taken
		j.reject(row, fault.Violation{Rule: f.Message})
	default:
		return err
	}
	return nil
}

func (j *judging) reject(row *entitlementv1.ImportRow, broken ...fault.Violation) {
	j.b.progress.Rejected++
	j.b.rejections = append(j.b.rejections, rejected(row, broken...)...)
}

func rejected(row *entitlementv1.ImportRow, broken ...fault.Violation) (out []*entitlementv1.ImportRejection) {
	for _, v := range broken {
		out = append(out, &entitlementv1.ImportRejection{
			Line: row.GetLine(), Field: v.Field, Value: strings.ToValidUTF8(v.Value, "\ufffd"),
			Rule: strings.ToValidUTF8(v.Rule, "\ufffd"),
		})
	}
	return out
}

// tooLarge is a row alone that etcd does not take.
func tooLarge(row *entitlementv1.ImportRow, from *entitlementv1.ImportProgress) batch {
	b := batch{rows: 1, progress: proto.CloneOf(from), rejections: rejected(row, fault.Violation{
		Rule: "the customer would be more than etcd takes in one transaction",
	})}
	b.progress.Rejected++
	b.progress.Line = row.GetLine()
	return b
}

// cost is how many keys an effect writes or compares, and how much it writes.
func cost(e collection.Effect) (ops, bytes int) {
	for _, w := range e.Writes {
		bytes += len(w.GetKey()) + len(w.GetValue())
	}
	return max(len(e.Writes), len(e.Conditions)), bytes
}
