package entitlement

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/imports"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone/national"
)

const (
	// importPrefix is where it stands how far imports are; the rest of the key is the import's ID.
	importPrefix = "entitlement/imports/"
	importNames  = "imports/"
	// partBudget is how long one part is worked on: what is left is the caller's to send again.
	partBudget = 4 * time.Second
	// viewPatience is how long a part waits for what the parts before it wrote to be known here.
	viewPatience = 3 * time.Second
	// maxChecked is how many rows a dry run judges together: as many as are read at once.
	maxChecked = 100
	// maxImportTries is how often rows are judged anew since somebody else wrote one of their customers.
	maxImportTries = 8
	// retryImport is how long to wait before that, times the tries.
	retryImport = 10 * time.Millisecond
	// keptImports is how long it is remembered how far an import came.
	keptImports = 400 * 24 * time.Hour
	// maxImportsLooked and maxImportsForgotten bound what is tidied up when an import begins.
	maxImportsLooked, maxImportsForgotten = 1000, 16
)

// ImportCustomers brings in a part of an import. Each transaction holds rows and the line up to which the import is
// then, so that neither is ever without the other.
func (d *dataDesk) ImportCustomers(ctx context.Context, r *entitlementv1.ImportCustomersRequest,
) (*entitlementv1.ImportCustomersResponse, error) {
	if err := checkPart(r); err != nil {
		return nil, err
	}
	select {
	case d.importing <- struct{}{}:
		defer func() { <-d.importing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if r.GetDryRun() {
		return d.dryRun(ctx, r)
	}
	p := d.part(r, d.s.cfg.Store)
	if err := p.begin(ctx); err != nil {
		return nil, err
	}
	if err := d.known(ctx, p.progress.GetRevision()); err != nil {
		return nil, err
	}
	before := proto.CloneOf(p.progress)
	err := p.run(ctx)
	d.count(ctx, before, p.progress)
	if err != nil {
		return nil, err
	}
	return p.answer(), nil
}

// dryRun judges a part as if those before it had been brought in, as far as they are remembered.
func (d *dataDesk) dryRun(ctx context.Context, r *entitlementv1.ImportCustomersRequest,
) (*entitlementv1.ImportCustomersResponse, error) {
	h, again := d.rehearse(r)
	if again != nil {
		return again, nil
	}
	p := d.part(r, h)
	p.forgotten = h.forgotten
	p.progress.Line = r.GetAfterLine()
	if err := d.known(ctx, p.progress.GetRevision()); err != nil {
		return nil, err
	}
	if err := p.run(ctx); err != nil {
		return nil, err
	}
	answer := p.answer()
	d.rehearsed(h, p, answer)
	answer.ForgottenFromLine = h.forgotten
	return answer, nil
}

// part is the work of a request, on a store.
func (d *dataDesk) part(r *entitlementv1.ImportCustomersRequest, on Store) *part {
	p := &part{s: d.s, r: r, began: d.s.cfg.Clock.Now(), layer: newLayer(on)}
	now := timestamppb.New(p.began)
	p.progress = &entitlementv1.ImportProgress{
		Name: importNames + r.GetImportId(), TotalLines: r.GetTotalLines(), CreateTime: now, UpdateTime: now,
		Fingerprint: r.GetFingerprint(), Revision: 1, // nothing is waited for
	}
	p.customers = d.s.customers.WithOwner(d.s.kin(p.layer, nil))
	return p
}

// known waits until what was written at a revision is known here: who has an external id, and who a number.
func (d *dataDesk) known(ctx context.Context, revision int64) error {
	if err := d.found.await(ctx, d.s, revision, viewPatience); err != nil {
		return err
	}
	return d.indexed.await(ctx, d.s, revision, viewPatience)
}

// checkPart refuses rows that are not in order.
func checkPart(r *entitlementv1.ImportCustomersRequest) error {
	var broken fault.Violations
	if r.GetDefaultRegion() != "" && !national.KnownRegion(r.GetDefaultRegion()) {
		broken.Add("default_region", r.GetDefaultRegion(), "must be a country's code, such as DE")
	}
	before := r.GetAfterLine()
	for i, row := range r.GetRows() {
		if row.GetLine() <= before {
			broken.Add(fmt.Sprintf("rows[%d].line", i), fmt.Sprint(row.GetLine()), "must be after the line before it")
		}
		before = row.GetLine()
	}
	if through := r.GetThroughLine(); len(r.GetRows()) > 0 && through != 0 && through < before {
		broken.Add("through_line", fmt.Sprint(through), "must not be before the last row")
	}
	return broken.Err()
}

// GetImport says how far an import is.
func (d *dataDesk) GetImport(ctx context.Context, r *entitlementv1.GetImportRequest) (*entitlementv1.ImportProgress, error) {
	progress, _, err := d.s.readImport(ctx, strings.TrimPrefix(r.GetName(), importNames))
	return progress, err
}

func (s *Service) readImport(ctx context.Context, id string) (*entitlementv1.ImportProgress, int64, error) {
	e, err := s.cfg.Store.Get(ctx, importPrefix+id)
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
		return nil, 0, fault.NotFound(importNames + id)
	}
	if err != nil {
		return nil, 0, err
	}
	progress := &entitlementv1.ImportProgress{}
	if err := proto.Unmarshal(e.Value, progress); err != nil {
		return nil, 0, fault.Internal(fmt.Errorf("key %s: %w", e.Key, err))
	}
	if progress.GetRevision() == 0 { // it was written with customers, and could not know at which revision
		progress.Revision = e.ModRevision
	}
	return progress, e.ModRevision, nil
}

// part is one request's work.
type part struct {
	s     *Service
	r     *entitlementv1.ImportCustomersRequest
	began time.Time
	pace  imports.Pace
	// layer is what rows are judged by, and customers are judged on it.
	layer     *layer
	customers *collection.Collection[*entitlementv1.Customer]
	// progress is how far the import is with what was committed, and revision that of its key: 0 before the first time.
	progress *entitlementv1.ImportProgress
	revision int64
	// dirty says that progress counts rows that wrote nothing, and is not committed itself.
	dirty      bool
	rejections []*entitlementv1.ImportRejection
	warnings   []*entitlementv1.ImportWarning
	// forgotten is the line from which on a dry run does not know what was before the part; 0: it knows all.
	forgotten int64
}

// answer is what became of the part.
func (p *part) answer() *entitlementv1.ImportCustomersResponse {
	return &entitlementv1.ImportCustomersResponse{
		Progress: p.progress, Rejections: p.rejections, Warnings: p.warnings, UnknownPlans: p.unknownPlans(),
	}
}

// unknownPlans are those that rows name, and that are not in the catalog as far as it is known.
func (p *part) unknownPlans() (plans []string) {
	const maxUnknownPlans = 100
	for _, row := range p.r.GetRows() {
		for _, c := range row.GetCustomer().GetContracts() {
			if plan := c.GetPlan(); p.unknownPlan(plan) {
				plans = append(plans, shownText(plan))
			}
		}
	}
	slices.Sort(plans)
	plans = slices.Compact(plans)
	return plans[:min(len(plans), maxUnknownPlans)]
}

// unknownPlan says whether a plan is not in the catalog, as far as that is known.
func (p *part) unknownPlan(plan string) bool {
	return plan != "" && p.s.catalog.shelf.Plan(plan) == nil && p.s.catalog.shelf.Listed()
}

// begin reads where the import stands, and whether the part belongs there.
func (p *part) begin(ctx context.Context) error {
	stands, revision, err := p.s.readImport(ctx, p.r.GetImportId())
	switch {
	case fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND:
		p.s.forgetImports(ctx)
	case err != nil:
		return err
	case stands.GetFingerprint() != p.r.GetFingerprint():
		return fault.WrongState(stands.GetName(), stands.GetName()+" is of another file, or mapping: name this one otherwise")
	default:
		p.progress, p.revision = stands, revision
	}
	if p.r.GetAfterLine() > p.progress.GetLine() {
		f := fault.Conflict(p.progress.GetName())
		f.Message = fmt.Sprintf("%s stands at line %d, and the part begins after line %d", p.progress.GetName(),
			p.progress.GetLine(), p.r.GetAfterLine())
		return f
	}
	return nil
}

// run brings in the rows that are not yet, as many as there is time for.
func (p *part) run(ctx context.Context) error {
	rows := p.r.GetRows()
	if len(rows) == 0 {
		return p.done(ctx)
	}
	behind, _ := slices.BinarySearchFunc(rows, p.progress.GetLine()+1, func(row *entitlementv1.ImportRow, line int64) int {
		return int(row.GetLine() - line)
	})
	if err := p.again(ctx, rows[:behind]); err != nil {
		return err
	}
	rows = rows[behind:]
	if p.progress.GetDone() && len(rows) > 0 {
		return fault.WrongState(p.progress.GetName(), p.progress.GetName()+" is done")
	}
	for len(rows) > 0 && p.s.cfg.Clock.Now().Sub(p.began) < partBudget {
		together := p.pace.Rows()
		if p.r.GetDryRun() {
			together = maxChecked
		}
		settled, err := p.some(ctx, rows[:min(len(rows), together)])
		if err != nil {
			return err
		}
		rows = rows[settled:]
	}
	if through := p.r.GetThroughLine(); len(rows) == 0 && through > p.progress.GetLine() {
		p.progress.Line, p.dirty = through, true
	}
	if !p.dirty || p.r.GetDryRun() {
		return nil
	}
	return p.commit(ctx, batch{progress: p.progress})
}

// done notes that no part follows.
func (p *part) done(ctx context.Context) error {
	if p.progress.GetDone() || p.r.GetDryRun() {
		return nil
	}
	next := proto.CloneOf(p.progress)
	next.Done, next.Line = true, max(next.GetLine(), p.r.GetThroughLine())
	return p.commit(ctx, batch{progress: next})
}

// again judges rows that were committed before, to tell of those that are rejected: whoever asked the first time may
// not have heard the answer.
func (p *part) again(ctx context.Context, rows []*entitlementv1.ImportRow) error {
	for len(rows) > 0 {
		now := rows[:min(len(rows), p.pace.Rows())]
		b, err := p.judge(ctx, now, p.progress)
		if err != nil {
			return err
		}
		p.rejections, p.warnings = append(p.rejections, b.rejections...), append(p.warnings, b.warnings...)
		rows = rows[b.rows:]
	}
	return nil
}

// some brings in the first of the rows: as many as fit in one transaction.
func (p *part) some(ctx context.Context, rows []*entitlementv1.ImportRow) (settled int, err error) {
	for try := 1; ; try++ {
		b, err := p.judge(ctx, rows, p.progress)
		if err != nil {
			return 0, err
		}
		switch err = p.commit(ctx, b); fault.ReasonOf(err) { //nolint:exhaustive // all others are errors
		case rpcv1.Reason_REASON_CONFLICT:
			if try == maxImportTries {
				return 0, err
			}
			if err := p.readAgain(ctx, time.Duration(try)*retryImport); err != nil {
				return 0, err
			}
			rows = rows[:(len(rows)+1)/2] // the fewer there are, the less others get in between
			continue
		case rpcv1.Reason_REASON_LIMIT_EXCEEDED:
			if len(rows) > 1 {
				rows = rows[:len(rows)/2]
				continue
			}
			p.settle(tooLarge(rows[0], p.progress))
			return 1, nil
		}
		return b.rows, err
	}
}

// readAgain looks whether it was the import itself that somebody else went on with.
func (p *part) readAgain(ctx context.Context, wait time.Duration) error {
	select {
	case <-p.s.cfg.Clock.After(wait):
	case <-ctx.Done():
		return ctx.Err()
	}
	stands, revision, err := p.s.readImport(ctx, p.r.GetImportId())
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
		stands, revision, err = p.progress, 0, nil
	}
	if err == nil && revision != p.revision {
		f := fault.Conflict(p.progress.GetName())
		f.Message = fmt.Sprintf("somebody else goes on with %s: it stands at line %d", p.progress.GetName(), stands.GetLine())
		return f
	}
	return err
}

// commit writes what rows make together with how far the import is then, and leaves the way to others.
func (p *part) commit(ctx context.Context, b batch) error {
	// Where nothing changed, that it was looked at is committed with what does.
	if p.r.GetDryRun() {
		p.layer.write(b.writes)
	}
	if p.r.GetDryRun() || len(b.writes) == 0 && b.rows > 0 {
		p.settle(b)
		return nil
	}
	now := p.s.cfg.Clock.Now()
	b.progress = proto.CloneOf(b.progress)
	b.progress.UpdateTime = timestamppb.New(now)
	if len(b.writes) > 0 {
		b.progress.Revision = 0
	}
	value, err := proto.Marshal(b.progress)
	if err != nil {
		return fault.Internal(err)
	}
	key := importPrefix + p.r.GetImportId()
	revision, err := p.s.cfg.Store.Commit(ctx, append(b.conditions, coord.Unchanged(key, p.revision)),
		append(b.writes, coord.Put(key, value)))
	if err != nil {
		return err
	}
	p.settle(b)
	p.revision, p.dirty = revision, false
	if len(b.writes) > 0 {
		p.progress.Revision = revision
	}
	if pause := p.pace.Wrote(revision, p.s.cfg.Clock.Now().Sub(now)); pause > 0 {
		select {
		case <-p.s.cfg.Clock.After(pause):
		case <-ctx.Done():
		}
	}
	return nil
}

// settle takes over what is committed.
func (p *part) settle(b batch) {
	p.progress, p.dirty = b.progress, true
	p.rejections, p.warnings = append(p.rejections, b.rejections...), append(p.warnings, b.warnings...)
	maps.Copy(p.layer.ids, b.keys)
	maps.Copy(p.layer.who, b.who)
}

// forgetImports removes what is remembered of imports of long ago.
func (s *Service) forgetImports(ctx context.Context) {
	page, err := s.cfg.Store.List(ctx, importPrefix, "", maxImportsLooked)
	if err != nil {
		return // another import's start will do
	}
	var writes []*rpcv1.Write
	var conditions []*rpcv1.Condition
	for _, e := range page.Entries {
		old := &entitlementv1.ImportProgress{}
		if proto.Unmarshal(e.Value, old) != nil || s.cfg.Clock.Now().Sub(old.GetUpdateTime().AsTime()) < keptImports {
			continue
		}
		if writes = append(writes, coord.Delete(e.Key)); len(writes) == maxImportsForgotten {
			break
		}
		conditions = append(conditions, coord.Unchanged(e.Key, e.ModRevision))
	}
	if len(writes) == 0 {
		return
	}
	if _, err := s.cfg.Store.Commit(ctx, conditions, writes); err != nil {
		s.cfg.Log.WarnContext(ctx, "old imports are not forgotten", "error", err.Error())
	}
}
