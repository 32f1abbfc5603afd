package entitlement

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/followup"
	counts "github.com/daysidehq/dayside/services/entitlement/internal/usage"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/tzdata"
)

// lineNames is what names of lines begin with.
const lineNames = "lines/"

// page is calls being counted, and what was read for that. What cannot be read counts as not being there, but for counts.
type page struct {
	u     *usage
	rules *tzdata.Rules
	// numberKeys are where it stands what is counted of numbers.
	numberKeys map[phone.Number]string
	found      map[string]coord.Entry
	// usages are the counts as they will be, by key; those of touched differ from what stands.
	usages  map[string]*publishedv1.Usage
	touched map[string]bool
	// included and goodwill are how many were counted.
	included, goodwill int64
	followUps          []*ledgerv1.FollowUp
}

// read reads what the calls need, each key once.
func (p *page) read(ctx context.Context, calls []*ledgerv1.Call) error {
	keys := map[string]bool{}
	p.numberKeys = map[phone.Number]string{}
	for _, c := range calls {
		if n, ok := phone.Parse(c.GetCallerNumber()); ok && needsNumber(c) {
			var err error
			if p.numberKeys[n], err = p.u.keyOfNumber(ctx, n); err != nil {
				return err
			}
		}
		for _, key := range p.keys(c) {
			keys[key] = true
		}
	}
	var err error
	if p.found, err = p.u.s.cfg.Store.GetSome(ctx, slices.Collect(maps.Keys(keys))); err != nil {
		return err
	}
	for _, more := range []func(*ledgerv1.Call) []string{p.planKeys, p.leaves, p.weekKeys} { // each by what is known before
		clear(keys)
		for _, c := range calls {
			for _, key := range more(c) {
				keys[key] = true
			}
		}
		found, err := p.u.s.cfg.Store.GetSome(ctx, slices.Collect(maps.Keys(keys)))
		if err != nil {
			return err
		}
		maps.Copy(p.found, found)
	}
	p.usages, p.touched = map[string]*publishedv1.Usage{}, map[string]bool{}
	return nil
}

// keys are what one call needs at first; none of most calls.
func (p *page) keys(c *ledgerv1.Call) []string {
	var keys []string
	if payer := payerOf(c); payer != "" {
		keys = append(keys, published.CustomerPrefix+payer, keyOfCustomer(payer))
	}
	if c.GetGoodwill() || mayFollowUp(c) {
		if key := p.goodwillKey(c); key != "" {
			keys = append(keys, key)
		}
		if key := p.strangerKey(c); key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// planKeys is the key of the plan of the contract that a call rested on.
func (p *page) planKeys(c *ledgerv1.Call) []string {
	if k := p.contract(c); k != nil {
		return []string{published.PlanPrefix + k.GetPlan()}
	}
	return nil
}

// mayFollowUp says whether a call may leave something to be done, besides what goes beyond an allowance.
func mayFollowUp(c *ledgerv1.Call) bool {
	return c.GetFollowUp() || c.GetOfferFate() != 0 || c.GetPromise() != ""
}

// payerOf is the ID of the customer whose contract a call rested on; empty where it rested on none.
func payerOf(c *ledgerv1.Call) string {
	switch c.GetBasis() { //nolint:exhaustive // no contract is behind all others
	case entitlementv1.Basis_BASIS_CONTRACT, entitlementv1.Basis_BASIS_GRACE:
	default:
		return ""
	}
	if c.GetRestsOn() == "" { // of a release that did not say
		return ""
	}
	if c.GetVia() != "" {
		return customerID(c.GetVia())
	}
	return customerID(c.GetCustomer())
}

func needsNumber(c *ledgerv1.Call) bool { return c.GetGoodwill() || mayFollowUp(c) }

// shownCustomer is the ID of the customer whom a call counts as; empty where nobody knows who it was, though they may have
// said a name: else strangers used up what a customer is given, and have nothing of their own used up.
func shownCustomer(c *ledgerv1.Call) string {
	if c.GetCallerClass() == routingv1.CallerClass_CALLER_CLASS_UNKNOWN {
		return ""
	}
	return customerID(c.GetCustomer())
}

// goodwillKey is where goodwill shown to the caller is counted; empty where nobody knows who it was.
func (p *page) goodwillKey(c *ledgerv1.Call) string {
	if id := shownCustomer(c); id != "" {
		return keyOfCustomer(id)
	}
	n, _ := phone.Parse(c.GetCallerNumber())
	return p.numberKeys[n]
}

// count counts calls, in their order, as far as one transaction holds them, and is the sequence of the last one.
func (p *page) count(ctx context.Context, calls []*ledgerv1.Call) (last int64) {
	for _, c := range calls {
		if len(p.touched) >= maxRoundUsages {
			break
		}
		facts := followup.Facts{Call: c}
		began := c.GetStartTime().GetSeconds()
		counted := c.GetSequence() == c.GetCountSequence()
		p.countIncluded(c, began, counted, &facts)
		p.countGoodwill(c, began, counted, &facts)
		for _, task := range followup.Tasks(facts) {
			p.followUps = append(p.followUps, p.followUp(ctx, c, task))
		}
		last = c.GetSequence()
	}
	return last
}

// countIncluded counts a call of what its contract includes.
func (p *page) countIncluded(c *ledgerv1.Call, began int64, counted bool, facts *followup.Facts) {
	k := p.contract(c)
	if k == nil {
		return
	}
	plan, ok := read(p, published.PlanPrefix+k.GetPlan(), published.Plan)
	if !ok || plan.GetAllowancePeriod() == 0 {
		return
	}
	period, ok := counts.Of(plan.GetAllowancePeriod(), k.GetFromUnixS(), began, p.zone(payerOf(c)))
	if !ok {
		return
	}
	key := keyOfCustomer(payerOf(c))
	usage := p.usage(key, &publishedv1.Usage{Customer: payerOf(c)})
	if usage == nil || !counted {
		return
	}
	facts.UsedCalls, facts.IncludedCalls = counts.AddCall(usage, k.GetId(), period), plan.GetAllowanceCalls()
	p.touched[key] = true
	p.included++
}

// countGoodwill counts a call as goodwill, and says how often there was some before.
func (p *page) countGoodwill(c *ledgerv1.Call, began int64, counted bool, facts *followup.Facts) {
	if !c.GetGoodwill() && !mayFollowUp(c) {
		return
	}
	key := p.goodwillKey(c)
	if key == "" {
		return
	}
	of := &publishedv1.Usage{Customer: shownCustomer(c)}
	if n, ok := phone.Parse(c.GetCallerNumber()); ok && of.GetCustomer() == "" {
		of.Number = uint64(n)
	}
	usage := p.usage(key, of)
	if usage == nil {
		return
	}
	facts.GoodwillDays = published.DefaultGoodwillDays
	if line, ok := read(p, published.LinePrefix+strings.TrimPrefix(c.GetLine(), lineNames), published.Line); ok {
		facts.GoodwillMax = int(line.GetGoodwill().GetMaxCalls())
		if days := line.GetGoodwill().GetWindowDays(); days > 0 {
			facts.GoodwillDays = days
		}
	}
	p.takeOver(c, usage, key)
	facts.GoodwillBefore = counts.GoodwillUntil(usage, began, facts.GoodwillDays)
	if c.GetGoodwill() && c.GetCountSequence() != 0 && !counted { // it was counted itself
		facts.GoodwillBefore = max(0, facts.GoodwillBefore-1)
	}
	if !counted || !c.GetGoodwill() {
		return
	}
	counts.AddGoodwill(usage, began)
	p.touched[key] = true
	p.goodwill++
}

// usage is what is counted under a key, or none of whom it would be. Counts that cannot be read are not begun anew, or
// whoever used what is included would have it again: nil.
func (p *page) usage(key string, none *publishedv1.Usage) *publishedv1.Usage {
	if u, ok := p.usages[key]; ok {
		return u
	}
	u := none
	if e, ok := p.found[key]; ok {
		var err error
		if u, err = published.Usage(e.Value); err != nil {
			p.u.s.cfg.Log.Error("counts cannot be read, and nothing is added to them", "key", key, "error", err)
			u = nil
		}
	}
	p.usages[key] = u
	return u
}

// contract is the one that a call rested on; nil where it rested on none, or that is gone.
func (p *page) contract(c *ledgerv1.Call) *publishedv1.Contract {
	customer, ok := read(p, published.CustomerPrefix+payerOf(c), published.Customer)
	if !ok {
		return nil
	}
	for _, k := range customer.GetContracts() {
		if k.GetId() == c.GetRestsOn() {
			return k
		}
	}
	return nil
}

// zone is a customer's.
func (p *page) zone(id string) *time.Location {
	c, _ := read(p, published.CustomerPrefix+id, published.Customer)
	return p.location(c.GetTimeZone())
}

// location of a zone; UTC where it is not known.
func (p *page) location(name string) *time.Location {
	if name == "" {
		return time.UTC
	}
	loc, err := p.rules.Location(name)
	if err != nil {
		return time.UTC
	}
	return loc
}

// read is a record that was read; not ok where there is none, or it cannot be read.
func read[T any](p *page, key string, decode func([]byte) (T, error)) (record T, ok bool) {
	e, ok := p.found[key]
	if !ok {
		return record, false
	}
	record, err := decode(e.Value)
	return record, err == nil
}

// changed is what is to be written, while it stands as it was read.
func (p *page) changed() (conditions []*rpcv1.Condition, writes []*rpcv1.Write) {
	for _, key := range slices.Sorted(maps.Keys(p.touched)) {
		counts.Tidy(p.usages[key], p.u.s.cfg.Clock.Now().Unix())
		value, err := published.Marshal(p.usages[key])
		if err != nil { // of what is bounded: it would be a fault of this program
			p.u.s.cfg.Log.Error("counts cannot be kept", "key", key, "error", err)
			continue
		}
		conditions = append(conditions, coord.Unchanged(key, p.found[key].ModRevision))
		writes = append(writes, coord.Put(key, value))
	}
	return conditions, writes
}

// tidy takes away counts that are older than they are kept, and those of customers who are gone.
func (u *usage) tidy(ctx context.Context, now time.Time) {
	for after := ""; ; {
		entries, err := u.s.cfg.Store.List(ctx, published.UsagePrefix, after, maxPageRecords)
		if err != nil {
			return // tomorrow is another day
		}
		for _, e := range entries.Entries {
			if after = e.Key; !u.tidyOne(ctx, e, now) {
				return
			}
		}
		if !entries.More || len(entries.Entries) == 0 {
			return
		}
	}
}

// tidyOne is false where etcd does not answer.
func (u *usage) tidyOne(ctx context.Context, e coord.Entry, now time.Time) bool {
	is, err := published.Usage(e.Value)
	if err != nil {
		u.s.cfg.Log.ErrorContext(ctx, "counts cannot be read", "key", e.Key)
		return true
	}
	was := proto.CloneOf(is)
	left := counts.Tidy(is, now.Unix())
	if is.GetCustomer() != "" {
		_, err := u.s.cfg.Store.Get(ctx, sourcePrefix+is.GetCustomer())
		left = left && fault.ReasonOf(err) != rpcv1.Reason_REASON_NOT_FOUND
	}
	var write *rpcv1.Write
	switch value, err := published.Marshal(is); {
	case !left:
		write = coord.Delete(e.Key)
	case err != nil || proto.Equal(was, is):
		return true
	default:
		write = coord.Put(e.Key, value)
	}
	_, err = u.s.cfg.Store.Commit(ctx, []*rpcv1.Condition{coord.Unchanged(e.Key, e.ModRevision)}, []*rpcv1.Write{write})
	return unlessConflict(err) == nil
}
