package entitlement

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/offer"
	"github.com/daysidehq/dayside/services/entitlement/internal/plans"
	"github.com/daysidehq/dayside/services/entitlement/internal/shelf"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
)

const (
	planPrefix  = "entitlement/plans/"
	offerPrefix = "entitlement/offers/"
	planNames   = "plans/"
	offerNames  = "offers/"
)

// catalog implements CatalogService, and keeps the timelines of plans current (see timelines.go).
type catalog struct {
	entitlementv1.UnimplementedCatalogServiceServer
	s      *Service
	shelf  *shelf.Shelf
	plans  *collection.Collection[*entitlementv1.Plan]
	offers *collection.Collection[*entitlementv1.Offer]
	used   *uses
}

func newCatalog(s *Service) *catalog {
	c := &catalog{s: s, shelf: shelf.New(), used: newUses()}
	c.plans = collection.New(s.cfg.Store, s.cfg.Clock, "plans", planPrefix,
		collection.Owner[*entitlementv1.Plan](planOwner{c, nil})).WithSchema(s.cfg.Schema)
	c.offers = collection.New(s.cfg.Store, s.cfg.Clock, "offers", offerPrefix,
		collection.Owner[*entitlementv1.Offer](offerOwner{c})).WithSchema(s.cfg.Schema)
	return c
}

// CreatePlan adds a plan.
func (c *catalog) CreatePlan(ctx context.Context, r *entitlementv1.CreatePlanRequest) (*entitlementv1.Plan, error) {
	return c.plans.Create(ctx, r.GetPlan(), "plan_id", r.GetPlanId(), r.GetRequestId(), r.GetValidateOnly())
}

// GetPlan reads one plan.
func (c *catalog) GetPlan(ctx context.Context, r *entitlementv1.GetPlanRequest) (*entitlementv1.Plan, error) {
	return c.plans.Get(ctx, r.GetName())
}

// ListPlans reads a page of plans in order of name.
func (c *catalog) ListPlans(ctx context.Context, r *entitlementv1.ListPlansRequest,
) (*entitlementv1.ListPlansResponse, error) {
	list, next, err := c.plans.List(ctx, r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &entitlementv1.ListPlansResponse{Plans: list, NextPageToken: next}, nil
}

// UpdatePlan changes fields of a plan.
func (c *catalog) UpdatePlan(ctx context.Context, r *entitlementv1.UpdatePlanRequest) (*entitlementv1.Plan, error) {
	return c.plans.Update(ctx, r.GetPlan(), r.GetUpdateMask(), r.GetAllowMissing(), r.GetValidateOnly())
}

// DeletePlan removes a plan.
func (c *catalog) DeletePlan(ctx context.Context, r *entitlementv1.DeletePlanRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, leave(ctx, func(l *look) error {
		return c.plans.WithOwner(planOwner{c, l}).Delete(ctx, r.GetName(), r.GetEtag(), r.GetValidateOnly())
	})
}

// CreateOffer adds an offer.
func (c *catalog) CreateOffer(ctx context.Context, r *entitlementv1.CreateOfferRequest) (*entitlementv1.Offer, error) {
	return c.offers.Create(ctx, r.GetOffer(), "offer_id", r.GetOfferId(), r.GetRequestId(), r.GetValidateOnly())
}

// GetOffer reads one offer.
func (c *catalog) GetOffer(ctx context.Context, r *entitlementv1.GetOfferRequest) (*entitlementv1.Offer, error) {
	return c.offers.Get(ctx, r.GetName())
}

// ListOffers reads a page of offers in order of name.
func (c *catalog) ListOffers(ctx context.Context, r *entitlementv1.ListOffersRequest,
) (*entitlementv1.ListOffersResponse, error) {
	list, next, err := c.offers.List(ctx, r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &entitlementv1.ListOffersResponse{Offers: list, NextPageToken: next}, nil
}

// UpdateOffer changes fields of an offer.
func (c *catalog) UpdateOffer(ctx context.Context, r *entitlementv1.UpdateOfferRequest) (*entitlementv1.Offer, error) {
	return c.offers.Update(ctx, r.GetOffer(), r.GetUpdateMask(), r.GetAllowMissing(), r.GetValidateOnly())
}

// DeleteOffer removes an offer.
func (c *catalog) DeleteOffer(ctx context.Context, r *entitlementv1.DeleteOfferRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, c.offers.Delete(ctx, r.GetName(), r.GetEtag(), r.GetValidateOnly())
}

// planOwner checks and compiles plans; look is that of a deletion, nil of all else.
type planOwner struct {
	c    *catalog
	look *look
}

// Compile is the published record of a plan. Its timelines come within moments (see timelines.go); until then its hours
// limit nothing.
func (planOwner) Compile(_ context.Context, p *entitlementv1.Plan) (collection.Effect, error) {
	compiled, err := plans.Compile(p)
	if err != nil {
		return collection.Effect{}, err
	}
	return put(published.PlanPrefix+compiled.GetId(), compiled)
}

// Remove is IN_USE where an offer gives the plan, or a contract or a grant that lasts has it.
func (o planOwner) Remove(ctx context.Context, id string) (collection.Effect, error) {
	seen, moved, err := o.c.seen()
	if o.look.moved = moved; err != nil {
		return collection.Effect{}, err
	}
	entries, revision, err := o.c.s.cfg.Store.ListAll(ctx, offerPrefix)
	if err != nil {
		return collection.Effect{}, err
	}
	var users []string
	for _, e := range entries {
		item, _, err := collection.Decode[*entitlementv1.Offer](e.Value, e.ModRevision)
		if err != nil {
			return collection.Effect{}, fault.Internal(fmt.Errorf("key %s: %w", e.Key, err))
		}
		if item.GetPlan() == planNames+id {
			users = append(users, item.GetName())
		}
	}
	users = append(users, o.c.shelf.GrantsOn(id, o.c.s.cfg.Clock.Now().Unix())...)
	on, err := o.c.s.contractsBy(ctx, id)
	if users = append(users, on...); err != nil {
		return collection.Effect{}, err
	}
	if len(users) > 0 {
		return collection.Effect{}, fault.InUse(planNames+id, some(users)...)
	}
	return collection.Effect{
		Conditions: []*rpcv1.Condition{
			coord.NothingNewUnder(offerPrefix, revision), coord.NothingNewUnder(sourcePrefix, seen),
			coord.NothingNewUnder(published.GrantPrefix, seen),
		},
		Writes: []*rpcv1.Write{coord.Delete(published.PlanPrefix + id)},
	}, nil
}

// offerOwner checks and compiles offers.
type offerOwner struct{ c *catalog }

// Compile is the published record of an offer whose plan exists.
func (o offerOwner) Compile(ctx context.Context, item *entitlementv1.Offer) (collection.Effect, error) {
	effect, err := compileOffer(item)
	if err != nil || item.GetPlan() == "" {
		return effect, err
	}
	key := planPrefix + strings.TrimPrefix(item.GetPlan(), planNames)
	switch _, err := o.c.s.cfg.Store.Get(ctx, key); {
	case fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND:
		return effect, fault.MissingReference(fault.Violation{Field: "plan", Value: item.GetPlan(), Rule: "does not exist"})
	case err != nil:
		return effect, err
	}
	effect.Conditions = append(effect.Conditions, coord.Exists(key))
	return effect, nil
}

// compileOffer checks an offer by itself.
func compileOffer(item *entitlementv1.Offer) (collection.Effect, error) {
	if err := offer.Check(item); err != nil {
		return collection.Effect{}, err
	}
	bare := proto.CloneOf(item)
	bare.Etag, bare.CreateTime, bare.UpdateTime = "", nil, nil
	id := strings.TrimPrefix(item.GetName(), offerNames)
	return put(published.OfferPrefix+id, &publishedv1.Offer{Id: id, Offer: bare})
}

// Remove is IN_USE where a line makes the offer. Promises keep what was accepted themselves.
func (o offerOwner) Remove(ctx context.Context, id string) (collection.Effect, error) {
	entries, revision, err := o.c.s.cfg.Store.ListAll(ctx, published.LinePrefix)
	if err != nil {
		return collection.Effect{}, err
	}
	var users []string
	for _, e := range entries {
		l, err := published.Line(e.Value)
		if err != nil {
			return collection.Effect{}, fault.Internal(fmt.Errorf("key %s: %w", e.Key, err))
		}
		if slices.Contains(l.GetOffers(), id) {
			users = append(users, "lines/"+l.GetId())
		}
	}
	if len(users) > 0 {
		return collection.Effect{}, fault.InUse(offerNames+id, some(users)...)
	}
	return collection.Effect{
		Conditions: []*rpcv1.Condition{coord.NothingNewUnder(published.LinePrefix, revision)},
		Writes:     []*rpcv1.Write{coord.Delete(published.OfferPrefix + id)},
	}, nil
}

// put is the write of a published record.
func put(key string, record proto.Message) (collection.Effect, error) {
	value, err := published.Marshal(record)
	if err != nil {
		return collection.Effect{}, fault.Internal(err)
	}
	return collection.Effect{Writes: []*rpcv1.Write{coord.Put(key, value)}}, nil
}
