// Package schedule is the service that owns sites and their business hours, compiles them to timelines of UTC intervals,
// and answers who is open, when that changes, and whether a line is covered. It writes each site's source and its compiled
// record together; routing's views are made from the compiled ones.
//
// It decides no call: that is routing's, on its own view.
package schedule

import (
	"context"
	"log/slog"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/schedule/internal/sites"
	"github.com/daysidehq/dayside/services/schedule/internal/view"
)

// sourcePrefix is where sites are kept as they were written; the rest of the key is the site's ID.
const sourcePrefix = "schedule/sites/"

// Store is the part of etcd that the service needs; coord.Client is one.
type Store interface {
	collection.Store
	// Follow calls apply with the state of a range, then with every change, until ctx ends; it returns only ctx's error.
	Follow(ctx context.Context, r coord.Range, apply func(coord.Batch)) error
}

// Config is what the service is made from. All of it is required.
type Config struct {
	Store Store
	Clock clock.Clock
	// Zones are the time-zone rules by which hours become instants.
	Zones sites.Zones
	// Log hears of published records that cannot be read, and of timelines that cannot be extended.
	Log *slog.Logger
}

// Service implements dayside.schedule.v1.ScheduleService. Its errors are faults.
type Service struct {
	schedulev1.UnimplementedScheduleServiceServer
	schedulev1.UnimplementedPlanServiceServer
	cfg   Config
	owner owner
	sites *collection.Collection[*schedulev1.Site]
	index *view.Index
	// watches holds one token a stream of WatchCoverage.
	watches chan struct{}
}

// New is the service. Queries are answered once Run has listed what is published.
func New(cfg Config) *Service {
	o := owner{cfg.Store, cfg.Clock, cfg.Zones}
	return &Service{
		cfg: cfg, owner: o, index: view.NewIndex(), watches: make(chan struct{}, maxWatches),
		sites: collection.New(cfg.Store, cfg.Clock, "sites", sourcePrefix, o),
	}
}

// Register adds the service to a server.
func (s *Service) Register(r grpc.ServiceRegistrar) {
	schedulev1.RegisterScheduleServiceServer(r, s)
	schedulev1.RegisterPlanServiceServer(r, s)
}

// Run keeps the service's view of what is published current, and extends timelines every day, until ctx ends; it returns
// only ctx's error.
func (s *Service) Run(ctx context.Context) error {
	var work sync.WaitGroup
	work.Go(func() { s.extendForever(ctx) })
	err := s.cfg.Store.Follow(ctx, view.Range(), func(b coord.Batch) {
		for _, key := range s.index.Apply(b) {
			s.cfg.Log.ErrorContext(ctx, "a published record cannot be read", "key", key, "revision", b.Revision)
		}
	})
	work.Wait()
	return err
}

// Ready says whether queries can be answered.
func (s *Service) Ready() bool { return s.index.Listed() }

// CreateSite adds a site.
func (s *Service) CreateSite(ctx context.Context, r *schedulev1.CreateSiteRequest) (*schedulev1.Site, error) {
	return s.sites.Create(ctx, r.GetSite(), "site_id", r.GetSiteId(), r.GetRequestId(), r.GetValidateOnly())
}

// GetSite reads one site.
func (s *Service) GetSite(ctx context.Context, r *schedulev1.GetSiteRequest) (*schedulev1.Site, error) {
	return s.sites.Get(ctx, r.GetName())
}

// ListSites reads a page of sites in order of name.
func (s *Service) ListSites(ctx context.Context, r *schedulev1.ListSitesRequest) (*schedulev1.ListSitesResponse, error) {
	list, next, err := s.sites.List(ctx, r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &schedulev1.ListSitesResponse{Sites: list, NextPageToken: next}, nil
}

// UpdateSite changes fields of a site.
func (s *Service) UpdateSite(ctx context.Context, r *schedulev1.UpdateSiteRequest) (*schedulev1.Site, error) {
	return s.sites.Update(ctx, r.GetSite(), r.GetUpdateMask(), r.GetAllowMissing(), r.GetValidateOnly())
}

// DeleteSite removes a site. IN_USE while a line lists it.
func (s *Service) DeleteSite(ctx context.Context, r *schedulev1.DeleteSiteRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, s.sites.Delete(ctx, r.GetName(), r.GetEtag(), r.GetValidateOnly())
}

// PlanSchedule works out what a set of changes would write, without writing it.
func (s *Service) PlanSchedule(ctx context.Context, r *schedulev1.PlanScheduleRequest) (*schedulev1.PlanScheduleResponse, error) {
	planned, err := s.sites.Plan(ctx, r.GetSites(), r.GetDelete(), r.GetPrune(), func(id string) []string {
		return []string{published.SitePrefix + id}
	})
	if err != nil {
		return nil, err
	}
	return &schedulev1.PlanScheduleResponse{Plan: planned.Plan}, nil
}
