// Package schedule is the service that owns sites with their business hours, calendars, people, rotas and custody, and the
// time-zone rules; compiles them to UTC intervals; answers who is open, who is on duty, and when that changes; and proves
// whether a line is covered. It writes each source and what is compiled from it together; routing's views are made from
// the compiled records.
//
// It decides no call: that is routing's, on its own view.
package schedule

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/generation"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	"github.com/daysidehq/dayside/services/schedule/internal/view"
)

// Prefixes of sources, as they were written; the rest of a key is the resource's ID.
const (
	sourcesPrefix   = "schedule/"
	sourcePrefix    = "schedule/sites/"
	calendarsPrefix = "schedule/calendars/"
	peoplePrefix    = "schedule/people/"
	rotasPrefix     = "schedule/rotas/"
)

// Store is the part of etcd that the service needs; coord.Client is one.
type Store interface{ generation.Store }

// Config is what the service is made from. All of it is required, but where it says otherwise.
type Config struct {
	Store Store
	Clock clock.Clock
	// Rules are the time-zone rules in force, by which hours become instants.
	Rules *tzdata.Current
	// TimeZoneSources are rules that could be adopted; none where the process has none at hand.
	TimeZoneSources []tzdata.Candidate
	// Schema says what may be written; nil: resources are written in the first one.
	Schema collection.Schema
	// Log hears of published records that cannot be read, and of timelines that cannot be extended.
	Log *slog.Logger
	// MeterProvider reports how many events there are; nil: to nobody.
	MeterProvider metric.MeterProvider
}

// Service implements the services of dayside.schedule.v1: ScheduleService itself, the others by a type each. Its errors
// are faults.
type Service struct {
	schedulev1.UnimplementedScheduleServiceServer
	cfg   Config
	index *view.Index
	// Sources of each kind. What is compiled from them is published beside them, by owner.
	sites     *collection.Collection[*schedulev1.Site]
	calendars *collection.Collection[*schedulev1.Calendar]
	people    *collection.Collection[*schedulev1.Person]
	rotas     *collection.Collection[*schedulev1.Rota]
	// watches holds one token a stream of WatchCoverage.
	watches  chan struct{}
	feedBook feedBook
}

// New is the service. Queries are answered once Run has listed what is published.
func New(cfg Config) *Service {
	// A change of one calendar may be more than one transaction.
	cfg.Store = generation.Through(cfg.Store, cfg.Clock)
	s := &Service{cfg: cfg, index: view.NewIndex(), watches: make(chan struct{}, maxWatches), feedBook: newFeedBook()}
	s.sites = collection.New(cfg.Store, cfg.Clock, "sites", sourcePrefix, ownerOf[*schedulev1.Site](s, false)).
		WithSchema(cfg.Schema)
	s.calendars = collection.New(cfg.Store, cfg.Clock, "calendars", calendarsPrefix, ownerOf[*schedulev1.Calendar](s, false)).
		WithSchema(cfg.Schema)
	s.people = collection.New(cfg.Store, cfg.Clock, "people", peoplePrefix, ownerOf[*schedulev1.Person](s, false)).
		WithSchema(cfg.Schema)
	s.rotas = collection.New(cfg.Store, cfg.Clock, "rotas", rotasPrefix, ownerOf[*schedulev1.Rota](s, false)).
		WithSchema(cfg.Schema)
	return s
}

// Register adds the services to a server.
func (s *Service) Register(r grpc.ServiceRegistrar) {
	schedulev1.RegisterScheduleServiceServer(r, s)
	schedulev1.RegisterPlanServiceServer(r, plans{s: s})
	schedulev1.RegisterCalendarServiceServer(r, calendars{s: s})
	schedulev1.RegisterRotaServiceServer(r, rotas{s: s})
	schedulev1.RegisterCoverageServiceServer(r, coverage{s: s})
	schedulev1.RegisterTimeZoneServiceServer(r, timeZones{s: s})
	schedulev1.RegisterFeedServiceServer(r, feeds{s: s})
}

// Run keeps the service's view of what is published current, extends timelines every day, and tidies up after large changes,
// until ctx ends; it returns only ctx's error.
func (s *Service) Run(ctx context.Context) error {
	var work sync.WaitGroup
	work.Go(func() { s.extendForever(ctx) })
	work.Go(func() { _ = generation.Run(ctx, s.cfg.Store, s.cfg.Clock, s.cfg.Log) })
	work.Go(func() { s.watchEvents(ctx) })
	work.Go(func() { s.followCalendars(ctx) })
	work.Go(func() { s.followFeeds(ctx) })
	err := s.cfg.Store.Follow(ctx, view.Range(), func(b coord.Batch) {
		for _, key := range s.index.Apply(b) {
			s.cfg.Log.ErrorContext(ctx, "a published record cannot be read", "key", key, "revision", b.Revision)
		}
	})
	work.Wait()
	return err
}

// rules are the time-zone rules in force; VIEW_NOT_READY where none are known yet.
func (s *Service) rules() (*tzdata.Rules, error) {
	if r := s.cfg.Rules.Load(); r != nil {
		return r, nil
	}
	return nil, &fault.Fault{
		Reason: rpcv1.Reason_REASON_VIEW_NOT_READY, RetryAfter: time.Second,
		Message: "this process has not read the time-zone rules yet",
	}
}

// Ready says whether queries can be answered, and feeds read.
func (s *Service) Ready() bool { return s.index.Listed() && s.feedBook.index.Listed() }

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
	return s.sites.WithOwner(ownerOf[*schedulev1.Site](s, r.GetAllowGap())).
		Update(ctx, r.GetSite(), r.GetUpdateMask(), r.GetAllowMissing(), r.GetValidateOnly())
}

// DeleteSite removes a site. IN_USE while a line lists it.
func (s *Service) DeleteSite(ctx context.Context, r *schedulev1.DeleteSiteRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, s.sites.Delete(ctx, r.GetName(), r.GetEtag(), r.GetValidateOnly())
}
