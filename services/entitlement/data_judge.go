package entitlement

import (
	"context"
	"errors"
	"fmt"
	"regexp"
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
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/phone/national"
)

const (
	// maxBatchOps is how many keys a transaction of an import writes or compares: fewer than every etcd takes.
	maxBatchOps = 120
	// maxBatchBytes is how much it writes: a third of what every etcd takes.
	maxBatchBytes = 512 << 10
	// maxLikeIDs is how many customers of like external ids are looked at.
	maxLikeIDs = 8
	// maxRowRules is how many broken rules, and how many warnings, are told of a row.
	maxRowRules = 8
	// maxHoldersTold is how many others are named who have a number, too.
	maxHoldersTold = 3
)

// batch is what rows make.
type batch struct {
	// rows is how many of those asked for it holds.
	rows       int
	conditions []*rpcv1.Condition
	writes     []*rpcv1.Write
	progress   *entitlementv1.ImportProgress
	rejections []*entitlementv1.ImportRejection
	warnings   []*entitlementv1.ImportWarning
	// keys are the ids of the customers written, by what they were found by, and who of those who have a number first.
	keys map[string]string
	who  map[phone.Number]string
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
	// made are the customers of the batch, and order their names in order.
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
	j.b = batch{progress: proto.CloneOf(from), keys: map[string]string{}, who: map[phone.Number]string{}}
	keys := make([]string, 0, 2*len(rows))
	for _, row := range rows {
		for _, id := range p.candidates(row) {
			keys = append(keys, sourcePrefix+id)
		}
	}
	slices.Sort(keys)
	var err error
	if j.read, err = p.layer.GetSome(ctx, slices.Compact(keys)); err != nil {
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
	if id, ok := p.layer.id(keyText(key)); ok {
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
	if j.kin(row) {
		return true, nil // whether there is such a customer is known once that is written
	}
	m, err := j.merge(row)
	if err != nil {
		return false, j.unlessBroken(row, err)
	}
	effect, kind, err := j.p.customers.Put(ctx, m.next, m.who.entry)
	if err != nil {
		return false, j.unlessBroken(row, j.asFarAsKnown(err))
	}
	ops, bytes := cost(effect)
	name := m.next.GetName()
	if len(j.order) > 0 && (j.ops+ops > maxBatchOps || j.bytes+bytes > maxBatchBytes || j.taken(name, effect)) {
		return true, nil
	}
	j.ops, j.bytes = j.ops+ops, j.bytes+bytes
	switch {
	case m.before != nil && proto.Equal(m.before, m.next):
		j.b.progress.Unchanged++
	case m.before == nil:
		j.b.progress.Created++
	default:
		j.b.progress.Updated++
	}
	if j.made[name] == nil {
		j.order = append(j.order, name)
	}
	j.made[name] = &pending{m.who.entry, m.next, effect, kind}
	if row.GetKey() != nil {
		j.b.keys[keyText(row.GetKey())] = customerID(name)
	}
	j.warn(row, m)
	return false, nil
}

// kin says whether a row names a customer of the batch as a parent or partner.
func (j *judging) kin(row *entitlementv1.ImportRow) bool {
	return j.made[row.GetCustomer().GetParent()] != nil ||
		slices.ContainsFunc(row.GetCustomer().GetPartners(), func(p *entitlementv1.PartnerAccess) bool {
			return j.made[p.GetPartner()] != nil
		})
}

// asFarAsKnown is a missing reference of a dry run in the words that are true: what lines before would have made is not
// always remembered.
func (j *judging) asFarAsKnown(err error) error {
	var f *fault.Fault
	from, to := j.p.forgotten, j.p.r.GetAfterLine()
	if from == 0 || !errors.As(err, &f) || f.Reason != rpcv1.Reason_REASON_MISSING_REFERENCE {
		return err
	}
	own := *f
	own.Violations = slices.Clone(f.Violations)
	for i := range own.Violations {
		own.Violations[i].Rule += fmt.Sprintf(
			", unless a line from %d to %d makes it: this dry run does not remember those", from, to)
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

// merged is what a row makes of a customer.
type merged struct {
	// who is the customer as it was read, before as it stands with the rows before (nil where it is new), and next with
	// this one.
	who          *pending
	before, next *entitlementv1.Customer
	// notes are of what was left as it is, and numbers those that the row says.
	notes   []fault.Violation
	numbers []phone.Number
}

// merge finds the customer of a row, and what that makes of it.
func (j *judging) merge(row *entitlementv1.ImportRow) (m merged, err error) {
	var have []string
	if key := row.GetKey(); key.GetId() != "" {
		if have, err = j.holders(row, key); err != nil {
			return m, err
		}
	}
	name, err := imports.Who(row, have)
	if err != nil {
		return m, err
	}
	if m.who, err = j.stands(name); err != nil {
		return m, err
	}
	m.before = m.who.item
	base := m.before
	if base == nil {
		base = &entitlementv1.Customer{Name: name}
	}
	if err := imports.Agrees(base, row.GetKey()); err != nil {
		return m, err
	}
	m.next, m.notes, err = imports.Merge(base, row, func(text string) (phone.Number, error) {
		n, err := national.Parse(text, j.p.r.GetDefaultRegion())
		if err == nil {
			m.numbers = append(m.numbers, n)
		}
		return n, err
	})
	return m, err
}

// warn tells what wants a look in a row that is in.
func (j *judging) warn(row *entitlementv1.ImportRow, m merged) {
	notes := m.notes
	for i, c := range row.GetCustomer().GetContracts() {
		if j.p.unknownPlan(c.GetPlan()) {
			notes = append(notes, fault.Violation{
				Field: fmt.Sprintf("contracts[%d].plan", i), Value: c.GetPlan(), Rule: "is not in the catalog: it limits nothing",
			})
		}
	}
	id := customerID(m.next.GetName())
	for _, n := range m.numbers {
		if others := j.others(n, id); len(others) > 0 {
			notes = append(notes, fault.Violation{
				Field: "phone_numbers", Value: phone.Mask(n.String()),
				Rule: "is a number of " + strings.Join(others, ", ") + ", too: who calls from it is asked whose they are",
			})
		}
		if j.b.who[n] == "" && j.p.layer.holder(n) == "" {
			j.b.who[n] = id
		}
	}
	for _, n := range notes[:min(len(notes), maxRowRules)] {
		j.b.warnings = append(j.b.warnings, &entitlementv1.ImportWarning{
			Line: row.GetLine(), Field: n.Field, Value: shownText(n.Value),
			Rule: strings.ToValidUTF8(n.Rule, "\ufffd"),
		})
	}
}

// others are the names of customers, besides one, that have a number: some that stand, and the first of the rows before.
func (j *judging) others(n phone.Number, id string) (names []string) {
	for _, c := range j.p.s.index.WhoHas(n, maxHoldersTold+1) {
		names = append(names, c.GetId())
	}
	names = append(names, j.b.who[n], j.p.layer.holder(n))
	slices.Sort(names)
	names = slices.DeleteFunc(slices.Compact(names), func(other string) bool { return other == "" || other == id })
	names = names[:min(len(names), maxHoldersTold)]
	for i := range names {
		names[i] = customerNames + names[i]
	}
	return names
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
			Line: row.GetLine(), Field: v.Field, Value: shownText(v.Value),
			Rule: strings.ToValidUTF8(v.Rule, "\ufffd"),
		})
	}
	return out
}

// personal finds a number or an address where none belongs, as columns in the wrong order bring it.
var personal = regexp.MustCompile(`\+[0-9][0-9 ()./-]{5,}[0-9]|@`)

// shownText is a value as others may see it.
func shownText(value string) string {
	if personal.MatchString(value) {
		value = phone.Mask(value)
	}
	return strings.ToValidUTF8(value, "\ufffd")
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
