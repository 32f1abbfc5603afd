package entitlement

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/promise"
	"github.com/daysidehq/dayside/services/internal/card"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/resource"
	"github.com/daysidehq/dayside/services/internal/rpc"
)

const (
	grantPrefix = "entitlement/grants/"
	grantNames  = "grants/"
	// maxGrantSpan is the longest time of one grant: what is meant for ever is a contract.
	maxGrantSpan = 10 * 366 * 24 * time.Hour
	// grantKept is how long a grant stays in the list after its end.
	grantKept = 400 * 24 * time.Hour
	// maxGrantPages bounds how many pages are looked through for one that a filter leaves.
	maxGrantPages = 20
	// grantIDBytes of a digest, or of chance, name a grant.
	grantIDBytes = 12
	// maxGrantTries bounds how often one is tried.
	maxGrantTries = 3
	// maxHeldGrants is how many complimentary grants that last are added to what a customer, or a number, has.
	maxHeldGrants = 32
	// maxReasonChars of a reason, with that of a revocation.
	maxReasonChars = 500
)

// grants implements GrantService.
type grants struct {
	entitlementv1.UnimplementedGrantServiceServer
	s *Service
}

func newGrants(s *Service) *grants { return &grants{s: s} }

// CreateGrant gives complimentary access. A repetition, by request_id, is answered with what the first one made, and as it
// stands now.
func (g *grants) CreateGrant(ctx context.Context, r *entitlementv1.CreateGrantRequest) (*entitlementv1.Grant, error) {
	id, err := grantID(r.GetRequestId())
	if err != nil {
		return nil, err
	}
	var item *entitlementv1.Grant
	for range maxGrantTries { // the same request may be made elsewhere, or a customer leave, this moment
		if item, err = g.create(ctx, r, id); fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT {
			return item, err
		}
	}
	return nil, err
}

// create tries once: CONFLICT where something of it was written meanwhile.
func (g *grants) create(ctx context.Context, r *entitlementv1.CreateGrantRequest, id string) (*entitlementv1.Grant, error) {
	now, key := g.s.cfg.Clock.Now(), grantPrefix+id
	item := given(ctx, r.GetGrant(), now)
	item.Name = grantNames + id
	switch e, err := g.s.cfg.Store.Get(ctx, key); {
	case err == nil:
		stands, _, err := decodeGrant(e)
		if err == nil && !sameGift(stands, item) {
			err = fault.Invalid(fault.Violation{
				Field: "request_id", Rule: "was used for another grant, " + stands.GetName() + ": a new one needs an id of its own",
			})
		}
		return stands, err
	case fault.ReasonOf(err) != rpcv1.Reason_REASON_NOT_FOUND:
		return nil, err
	}
	if err := checkGrant(item, now); err != nil {
		return nil, err
	}
	if err := g.fewEnough(item, now); err != nil {
		return nil, err
	}
	exist, err := g.references(ctx, item)
	if err != nil {
		return nil, err
	}
	effect, err := g.effect(item, r.GetRequestId())
	if err != nil || r.GetValidateOnly() {
		return item, err
	}
	_, err = g.s.cfg.Store.Commit(ctx, append(exist, coord.Unchanged(key, 0)), effect.Writes)
	if err != nil {
		return nil, err
	}
	return item, nil
}

// sameGift says whether two grants give the same to the same; when is not asked: one may have been revoked since.
func sameGift(a, b *entitlementv1.Grant) bool {
	return a.GetCustomer() == b.GetCustomer() && a.GetNumber() == b.GetNumber() && a.GetProduct() == b.GetProduct() &&
		a.GetPlan() == b.GetPlan() && slices.Equal(a.GetLines(), b.GetLines())
}

// fewEnough is LIMIT_EXCEEDED where whom it is for holds as many grants as decisions are to look through, as far as is known
// here.
func (g *grants) fewEnough(item *entitlementv1.Grant, now time.Time) error {
	number, _ := phone.Parse(item.GetNumber())
	held := g.s.catalog.shelf.GrantsBy(number)
	if item.GetCustomer() != "" {
		held = g.s.catalog.shelf.GrantsOf(customerID(item.GetCustomer()))
	}
	last := 0
	for _, h := range held {
		if now.Unix() < h.GetToUnixS() {
			last++
		}
	}
	if last < maxHeldGrants {
		return nil
	}
	f := fault.LimitExceeded(fmt.Sprintf("%d grants that last are the most at once: revoke one, or make a contract", last))
	f.Resource = item.GetCustomer()
	return f
}

// grantID is made of the request's, so that a repetition finds what the first one made.
func grantID(requestID string) (string, error) {
	digest := sha256.Sum256([]byte(requestID))
	if requestID == "" {
		if _, err := rand.Read(digest[:]); err != nil {
			return "", fault.Internal(err)
		}
	}
	return "g-" + hex.EncodeToString(digest[:grantIDBytes]), nil
}

// given is what a request may say of a grant, and who gives it.
func given(ctx context.Context, asked *entitlementv1.Grant, now time.Time) *entitlementv1.Grant {
	item := &entitlementv1.Grant{
		Customer: asked.GetCustomer(), Number: asked.GetNumber(), Lines: asked.GetLines(), Product: asked.GetProduct(),
		Plan: asked.GetPlan(), StartTime: asked.GetStartTime(), EndTime: asked.GetEndTime(), Reason: asked.GetReason(),
		Basis: entitlementv1.Basis_BASIS_COMPLIMENTARY, GrantedBy: rpc.PeerFrom(ctx).ID, CreateTime: timestamppb.New(now),
	}
	if item.GetStartTime() == nil {
		item.StartTime = &timestamppb.Timestamp{Seconds: now.Unix()}
	}
	if n, ok := phone.Parse(asked.GetNumber()); ok {
		item.Number = n.String()
	}
	return item
}

func checkGrant(item *entitlementv1.Grant, now time.Time) error {
	var broken fault.Violations
	switch _, ok := phone.Parse(item.GetNumber()); {
	case (item.GetCustomer() == "") == (item.GetNumber() == ""):
		broken.Add("grant.customer", item.GetCustomer(), "either a customer or a number is required, and not both")
	case item.GetNumber() != "" && !ok:
		broken.Add("grant.number", phone.Mask(item.GetNumber()),
			"must be E.164: a plus sign, then 7 to 15 digits that begin with a country code")
	}
	start, end := item.GetStartTime(), item.GetEndTime()
	switch {
	case end == nil:
		broken.Add("grant.end_time", "", "is required")
	case start.CheckValid() != nil || end.CheckValid() != nil:
		broken.Add("grant.end_time", "", "start and end must be instants of the years 1 to 9999")
	case end.GetSeconds() <= start.GetSeconds():
		broken.Add("grant.end_time", shownTime(end), "must be after start_time, "+shownTime(start))
	case !end.AsTime().After(now):
		broken.Add("grant.end_time", shownTime(end), "must not have passed")
	case end.AsTime().Sub(start.AsTime()) > maxGrantSpan:
		broken.Add("grant.end_time", shownTime(end), "must be within ten years of start_time")
	}
	switch {
	case strings.TrimSpace(item.GetReason()) == "":
		broken.Add("grant.reason", "", "is required: why this is given")
	case strings.ContainsFunc(item.GetReason(), unicode.IsControl):
		broken.Add("grant.reason", "", "must hold no control characters")
	case card.In(item.GetReason()):
		broken.Add("grant.reason", "", card.Rule)
	}
	return broken.Err()
}

func shownTime(t *timestamppb.Timestamp) string { return t.AsTime().UTC().Format(time.RFC3339) }

// references is MISSING_REFERENCE where the customer, a line or the plan does not exist; else the conditions under which
// they do when it is written.
func (g *grants) references(ctx context.Context, item *entitlementv1.Grant) ([]*rpcv1.Condition, error) {
	names := map[string]string{} // by key
	if item.GetCustomer() != "" {
		names[sourcePrefix+customerID(item.GetCustomer())] = item.GetCustomer()
	}
	if item.GetPlan() != "" {
		names[planPrefix+strings.TrimPrefix(item.GetPlan(), planNames)] = item.GetPlan()
	}
	for _, l := range item.GetLines() {
		names[published.LinePrefix+strings.TrimPrefix(l, "lines/")] = l
	}
	conditions := make([]*rpcv1.Condition, 0, len(names))
	var missing []fault.Violation
	for key, name := range names {
		_, err := g.s.cfg.Store.Get(ctx, key)
		switch {
		case fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND:
			missing = append(missing, fault.Violation{Field: "grant", Value: name, Rule: "does not exist"})
		case err != nil:
			return nil, err
		}
		conditions = append(conditions, coord.Exists(key))
	}
	if len(missing) > 0 {
		return nil, fault.MissingReference(missing...)
	}
	return conditions, nil
}

// effect is the writes of a grant, whoever makes it: source and published record.
func (g *grants) effect(item *entitlementv1.Grant, requestID string) (collection.Effect, error) {
	id := strings.TrimPrefix(item.GetName(), grantNames)
	number, _ := phone.Parse(item.GetNumber())
	record := &publishedv1.Grant{
		Id: id, Customer: customerID(item.GetCustomer()), Number: uint64(number), Basis: item.GetBasis(),
		Product: item.GetProduct(), Plan: strings.TrimPrefix(item.GetPlan(), planNames),
		FromUnixS: item.GetStartTime().GetSeconds(), ToUnixS: item.GetEndTime().GetSeconds(),
		Promise: strings.TrimPrefix(item.GetPromise(), promise.Names),
	}
	for _, l := range item.GetLines() {
		record.Lines = append(record.Lines, strings.TrimPrefix(l, "lines/"))
	}
	effect, err := put(published.GrantPrefix+id, record)
	if err != nil {
		return effect, err
	}
	source, err := storedGrant(grantPrefix+id, item, requestID)
	if err != nil {
		return effect, err
	}
	effect.Writes = append(effect.Writes, source)
	return effect, nil
}

// storedGrant is the write of a grant's source, which decodeGrant reads.
func storedGrant(key string, item *entitlementv1.Grant, requestID string) (*rpcv1.Write, error) {
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(item)
	if err != nil {
		return nil, fault.Internal(err)
	}
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(&rpcv1.Stored{Resource: body, CreateRequestId: requestID})
	if err != nil {
		return nil, fault.Internal(err)
	}
	return coord.Put(key, value), nil
}

func decodeGrant(e coord.Entry) (item *entitlementv1.Grant, requestID string, err error) {
	stored, item := &rpcv1.Stored{}, &entitlementv1.Grant{}
	if err = proto.Unmarshal(e.Value, stored); err == nil {
		err = proto.Unmarshal(stored.GetResource(), item)
	}
	if err != nil {
		return nil, "", fault.Internal(fmt.Errorf("key %s: %w", e.Key, err))
	}
	return item, stored.GetCreateRequestId(), nil
}

// ListGrants reads a page of grants in order of name. A page that a filter leaves can be short, or empty, and not the last.
func (g *grants) ListGrants(ctx context.Context, r *entitlementv1.ListGrantsRequest,
) (*entitlementv1.ListGrantsResponse, error) {
	after, err := resource.AfterKey(r.GetPageToken(), grantPrefix)
	if err != nil {
		return nil, err
	}
	nowUnixS := g.s.cfg.Clock.Now().Unix()
	out := &entitlementv1.ListGrantsResponse{}
	size := resource.PageSize(r.GetPageSize())
	for range maxGrantPages {
		page, err := g.s.cfg.Store.List(ctx, grantPrefix, after, size)
		if err != nil {
			return nil, err
		}
		for i, e := range page.Entries {
			item, _, err := decodeGrant(e)
			if err != nil {
				return nil, err
			}
			after = e.Key
			if r.GetCustomer() != "" && item.GetCustomer() != r.GetCustomer() || r.GetInForce() && !inForce(item, nowUnixS) {
				continue
			}
			out.Grants = append(out.Grants, item)
			if len(out.Grants) == size {
				if page.More || i+1 < len(page.Entries) {
					out.NextPageToken = resource.PageToken(after)
				}
				return out, nil
			}
		}
		if !page.More {
			return out, nil
		}
	}
	out.NextPageToken = resource.PageToken(after)
	return out, nil
}

func inForce(item *entitlementv1.Grant, atUnixS int64) bool {
	return item.GetStartTime().GetSeconds() <= atUnixS && atUnixS < item.GetEndTime().GetSeconds()
}

// RevokeGrant ends a grant now. One that was revoked before is answered as it stands.
func (g *grants) RevokeGrant(ctx context.Context, r *entitlementv1.RevokeGrantRequest) (*entitlementv1.Grant, error) {
	id, err := resource.ID(r.GetName(), "grants")
	if err != nil {
		return nil, err
	}
	e, err := g.s.cfg.Store.Get(ctx, grantPrefix+id)
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
		return nil, fault.NotFound(r.GetName())
	}
	if err != nil {
		return nil, err
	}
	item, requestID, err := decodeGrant(e)
	if err != nil || item.GetRevokeTime() != nil {
		return item, err
	}
	now := g.s.cfg.Clock.Now()
	if now.Unix() >= item.GetEndTime().GetSeconds() {
		return nil, fault.WrongState(r.GetName(), r.GetName()+" ended at "+shownTime(item.GetEndTime()))
	}
	if card.In(r.GetReason()) {
		return nil, fault.Invalid(fault.Violation{Field: "reason", Rule: card.Rule})
	}
	item = revoked(item, now, rpc.PeerFrom(ctx).ID, strings.TrimSpace(strings.Map(visible, r.GetReason())))
	effect, err := g.effect(item, requestID)
	if err != nil {
		return nil, err
	}
	_, err = g.s.cfg.Store.Commit(ctx, []*rpcv1.Condition{coord.Unchanged(e.Key, e.ModRevision)}, effect.Writes)
	if err != nil {
		return nil, err
	}
	return item, nil
}

// revoked is a grant that ends now. Why it was given stays, and why it ends is said behind it: where both are too long, each
// has half of the room.
func revoked(item *entitlementv1.Grant, now time.Time, by, why string) *entitlementv1.Grant {
	item = proto.CloneOf(item)
	item.EndTime = &timestamppb.Timestamp{Seconds: now.Unix()}
	item.RevokeTime, item.RevokedBy = timestamppb.New(now), by
	if why == "" {
		return item
	}
	const between = "; revoked: "
	why = clipped(why, max(maxReasonChars-len(between)-utf8.RuneCountInString(item.GetReason()), maxReasonChars/2))
	item.Reason = clipped(item.GetReason(), maxReasonChars-len(between)-utf8.RuneCountInString(why)) + between + why
	return item
}

func visible(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}

func clipped(s string, maxChars int) string {
	if runes := []rune(s); len(runes) > maxChars {
		return string(runes[:maxChars-1]) + "…"
	}
	return s
}

// sweep removes grants that ended long ago. Any process may do so.
func (g *grants) sweep(ctx context.Context) error {
	before := g.s.cfg.Clock.Now().Add(-grantKept).Unix()
	for after := ""; ; {
		page, err := g.s.cfg.Store.List(ctx, grantPrefix, after, maxPageRecords)
		if err != nil {
			return err
		}
		for _, e := range page.Entries {
			after = e.Key
			item, _, err := decodeGrant(e)
			if err != nil || item.GetEndTime().GetSeconds() >= before {
				continue
			}
			id := strings.TrimPrefix(e.Key, grantPrefix)
			_, err = g.s.cfg.Store.Commit(ctx, []*rpcv1.Condition{coord.Unchanged(e.Key, e.ModRevision)},
				[]*rpcv1.Write{coord.Delete(e.Key), coord.Delete(published.GrantPrefix + id)})
			if err = unlessConflict(err); err != nil {
				return err
			}
		}
		if !page.More || len(page.Entries) == 0 {
			return nil
		}
	}
}
