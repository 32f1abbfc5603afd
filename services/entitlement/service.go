// Package entitlement is the service that owns customers with their contracts, contacts and PINs, plans and offers, promises
// to pay, and grants. It answers which customer a caller is; whether they may have a line, on what basis, and what would
// change that; and whether a PIN is theirs. It writes each source and its compiled record together; routing's views are made
// from the compiled ones.
//
// Files are gRPC services of it, by their first word: customers (service.go, identify.go, check.go, pin*.go, rename.go),
// catalog.go, promises*.go, grants.go, contacts*.go and data_*.go. Others are of all of them: usage*.go counts calls and
// leaves follow-ups, plan.go is a set of changes that are made together, and kin.go and leaving*.go keep references whole.
//
// It decides no call: that is routing's, on its own view, by the same rule (services/internal/entitle). It keeps neither the
// history of calls nor charges and follow-ups: those are the ledger's.
package entitlement

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/contracts"
	"github.com/daysidehq/dayside/services/entitlement/internal/view"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/frugal"
	"github.com/daysidehq/dayside/services/internal/journal"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/tzdata"
)

const (
	// sourcePrefix is where customers are kept as they were written; the rest of the key is the customer's ID.
	sourcePrefix = "entitlement/customers/"
	// customerNames is what names of customers begin with.
	customerNames = "customers/"
)

// Store is the part of etcd that the service needs; coord.Client is one.
type Store interface {
	collection.Store
	// Follow calls apply with the state of a range, then with every change, until ctx ends; it returns only ctx's error.
	Follow(ctx context.Context, r coord.Range, apply func(coord.Batch)) error
	// GetSome reads keys together, and answers with those that exist, by key.
	GetSome(ctx context.Context, keys []string) (map[string]coord.Entry, error)
	// Each reads a range as it was at a revision, in order of key; WRONG_STATE where that is compacted.
	Each(ctx context.Context, r coord.Range, revision int64, each func(coord.Entry) error) error
	// Changes calls apply for what happens to a range after a revision; WRONG_STATE where that is not known any more.
	Changes(ctx context.Context, r coord.Range, truth coord.Truth, after int64, apply func(coord.Batch) error) error
	// Head is whose truth etcd tells, and its revision.
	Head(ctx context.Context) (coord.Truth, int64, error)
}

// Config is what the service is made from. All of it is required.
type Config struct {
	Store Store
	Clock clock.Clock
	// Rules are the time-zone rules in force, by which contract dates become instants.
	Rules *tzdata.Current
	// Schema says what may be written; nil: resources are written in the first one.
	Schema collection.Schema
	// Calendars are schedule's: on their dates customers do no business. nil: none are known.
	Calendars Calendars
	// Ledger has the history of calls, which is counted here; nil: nothing is counted.
	Ledger Ledger
	// FollowUps moves on what is due on days that are closed later; nil: it stays due as it was.
	FollowUps FollowUps
	// Journal takes charges and follow-ups to the ledger; nil: this process has no disk to keep them on.
	Journal *journal.Journal
	// Lines tells the numbers of lines to contacts who may have them; nil: nobody is told any.
	Lines Lines
	// Mail sends links to contacts who sign in at PortalURL; nil: none are sent.
	Mail Mail
	// PortalURL is where contacts find the portal, such as "https://support.acme.example"; empty: nowhere.
	PortalURL string
	// Identities say whose an ID token is; nil: nobody signs in by one.
	Identities Identities
	// Meters of the service; nil: none.
	Meters metric.MeterProvider
	// Log hears of published records that cannot be read, and of what other rules change.
	Log *slog.Logger
}

// Calendars is the part of schedule's API that the service asks.
type Calendars interface {
	// GetCalendar reads one; NOT_FOUND where there is none.
	GetCalendar(ctx context.Context, in *schedulev1.GetCalendarRequest, opts ...grpc.CallOption) (*schedulev1.Calendar, error)
}

// Ledger is the part of the ledger's API that the service asks.
type Ledger interface {
	// ListCallChanges reads calls in order of their last change.
	ListCallChanges(ctx context.Context, in *ledgerv1.ListCallChangesRequest, opts ...grpc.CallOption,
	) (*ledgerv1.ListCallChangesResponse, error)
	// EraseCallers takes numbers and addresses out of all that is kept; idempotent.
	EraseCallers(ctx context.Context, in *ledgerv1.EraseCallersRequest, opts ...grpc.CallOption,
	) (*ledgerv1.EraseCallersResponse, error)
}

// Lines is the part of routing's API that the service asks.
type Lines interface {
	// TellLineNumber tells the number of a line.
	TellLineNumber(ctx context.Context, in *routingv1.TellLineNumberRequest, opts ...grpc.CallOption,
	) (*routingv1.TellLineNumberResponse, error)
}

// Service implements dayside.entitlement.v1.EntitlementService. Its errors are faults.
type Service struct {
	entitlementv1.UnimplementedEntitlementServiceServer
	cfg       Config
	customers *collection.Collection[*entitlementv1.Customer]
	index     *view.Index
	directory *view.Directory
	guesses   *guesses
	hashing   *hashing
	numbers   *numberHashes

	catalog  *catalog
	promises *promises
	grants   *grants
	contacts *contactDesk
	data     *dataDesk
	usage    *usage
}

// New is the service. CheckEntitlement and IdentifyCaller answer once Run has listed what there is.
func New(cfg Config) *Service {
	directory := view.NewDirectory(sourcePrefix)
	named := namedOwner{newOwner(cfg), cfg.Store, directory}
	s := &Service{
		cfg:       cfg,
		customers: collection.New(cfg.Store, cfg.Clock, "customers", sourcePrefix, named).WithSchema(cfg.Schema),
		index:     view.NewIndex(),
		directory: directory,
		guesses:   newGuesses(cfg),
		hashing:   newHashing(),
		numbers:   &numberHashes{store: cfg.Store},
	}
	s.catalog, s.promises, s.grants = newCatalog(s), newPromises(s), newGrants(s)
	s.contacts, s.data, s.usage = newContactDesk(s), newDataDesk(s), newUsage(s)
	return s
}

// Register adds the service to a server.
func (s *Service) Register(r grpc.ServiceRegistrar) {
	entitlementv1.RegisterEntitlementServiceServer(r, s)
	entitlementv1.RegisterCatalogServiceServer(r, s.catalog)
	entitlementv1.RegisterPromiseServiceServer(r, s.promises)
	entitlementv1.RegisterGrantServiceServer(r, s.grants)
	entitlementv1.RegisterContactServiceServer(r, s.contacts)
	entitlementv1.RegisterDataServiceServer(r, s.data)
}

// Run keeps the service's views of what is published and of what customers are called current, and compiles customers anew
// where the time-zone rules change, until ctx ends; it returns only ctx's error.
func (s *Service) Run(ctx context.Context) error {
	var work sync.WaitGroup
	work.Go(func() { s.keepToRules(ctx) })
	work.Go(func() { s.catalog.run(ctx) })
	work.Go(func() { s.promises.run(ctx) })
	work.Go(func() { s.contacts.run(ctx) })
	work.Go(func() { s.usage.run(ctx) })
	// One list after the other: of a million customers both at once are more than what either becomes.
	listed := make(chan struct{})
	list := sync.OnceFunc(func() { close(listed) })
	apply := s.data.found.after(s.directory.Apply)
	work.Go(func() {
		_ = s.follow(ctx, s.directory.Range(), func(b coord.Batch) []string {
			defer list()
			return apply(b)
		})
	})
	select {
	case <-listed:
	case <-ctx.Done():
	}
	err := s.follow(ctx, view.Range(), s.data.indexed.after(s.apply))
	work.Wait()
	return err
}

// follow keeps a view current, and logs what it cannot read.
func (s *Service) follow(ctx context.Context, r coord.Range, apply func(coord.Batch) (unreadable []string)) error {
	var settling sync.WaitGroup
	defer settling.Wait()
	return s.cfg.Store.Follow(ctx, r, func(b coord.Batch) {
		if b.Reset && frugal.IsLarge(len(b.Events)) {
			defer settling.Go(func() { frugal.Settle(ctx, s.cfg.Clock) })
			defer frugal.Collect()()
		}
		for _, key := range apply(b) {
			s.cfg.Log.ErrorContext(ctx, "a record cannot be read", "key", key, "revision", b.Revision)
		}
	})
}

// Ready says whether CheckEntitlement and IdentifyCaller can answer.
func (s *Service) Ready() bool {
	return s.index.Listed() && s.catalog.shelf.Listed() && s.directory.Listed() && s.cfg.Rules.Load() != nil
}

// notReady is the answer before the service knows what it needs.
func notReady(what string) error {
	return &fault.Fault{
		Reason: rpcv1.Reason_REASON_VIEW_NOT_READY, RetryAfter: time.Second, Message: "this process has not read " + what + " yet",
	}
}

// owner checks and compiles customers for their collection.
type owner struct{ rules *tzdata.Current }

func newOwner(cfg Config) owner { return owner{rules: cfg.Rules} }

// Compile is the published record of a customer, or what is wrong with it. Where its dates were read in a zone, that is
// true while the rules stand.
func (o owner) Compile(_ context.Context, c *entitlementv1.Customer) (collection.Effect, error) {
	rules := o.rules.Load()
	if rules == nil {
		return collection.Effect{}, notReady("the time-zone rules")
	}
	write, err := record(c, rules)
	if err != nil {
		return collection.Effect{}, err
	}
	effect := collection.Effect{Writes: []*rpcv1.Write{write}}
	if c.GetTimeZone() != "" {
		effect.Conditions = []*rpcv1.Condition{coord.Unchanged(tzdata.Key, rules.Revision)}
	}
	return effect, nil
}

// record is what is published of a customer.
func record(c *entitlementv1.Customer, rules *tzdata.Rules) (*rpcv1.Write, error) {
	compiled, err := contracts.Compile(c, rules)
	if err != nil {
		return nil, err
	}
	value, err := published.Marshal(compiled)
	if err != nil {
		return nil, fault.Internal(err)
	}
	return coord.Put(published.CustomerPrefix+compiled.GetId(), value), nil
}

// Remove takes the published record, the verifiers and what was counted away. Who refers to the customer is kinOwner's.
func (owner) Remove(_ context.Context, id string) (collection.Effect, error) {
	return collection.Effect{Writes: []*rpcv1.Write{
		coord.Delete(published.CustomerPrefix + id), coord.Delete(verifierPrefix + id), coord.Delete(phrasePrefix + id),
		coord.Delete(keyOfCustomer(id)),
	}}, nil
}

// alone are customers as they are written one at a time.
func (s *Service) alone() *collection.Collection[*entitlementv1.Customer] {
	return s.customers.WithOwner(s.kin(s.cfg.Store, nil))
}

// kin is who judges such customers, by what is on a store; look is that of a deletion.
func (s *Service) kin(on Store, l *look) kinOwner {
	return kinOwner{namedOwner{newOwner(s.cfg), on, s.directory}, s, l}
}

// CreateCustomer adds a customer.
func (s *Service) CreateCustomer(ctx context.Context, r *entitlementv1.CreateCustomerRequest,
) (*entitlementv1.Customer, error) {
	return s.alone().Create(ctx, r.GetCustomer(), "customer_id", r.GetCustomerId(), r.GetRequestId(), r.GetValidateOnly())
}

// GetCustomer reads one customer.
func (s *Service) GetCustomer(ctx context.Context, r *entitlementv1.GetCustomerRequest) (*entitlementv1.Customer, error) {
	return s.customers.Get(ctx, r.GetName())
}

// ListCustomers reads a page of customers in order of name.
func (s *Service) ListCustomers(ctx context.Context, r *entitlementv1.ListCustomersRequest,
) (*entitlementv1.ListCustomersResponse, error) {
	list, next, err := s.customers.List(ctx, r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &entitlementv1.ListCustomersResponse{Customers: list, NextPageToken: next}, nil
}

// UpdateCustomer changes fields of a customer.
func (s *Service) UpdateCustomer(ctx context.Context, r *entitlementv1.UpdateCustomerRequest,
) (*entitlementv1.Customer, error) {
	return s.alone().Update(ctx, r.GetCustomer(), r.GetUpdateMask(), r.GetAllowMissing(), r.GetValidateOnly())
}

// DeleteCustomer removes a customer, unless others name it.
func (s *Service) DeleteCustomer(ctx context.Context, r *entitlementv1.DeleteCustomerRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, leave(ctx, func(l *look) error {
		return s.customers.WithOwner(s.kin(s.cfg.Store, l)).Delete(ctx, r.GetName(), r.GetEtag(), r.GetValidateOnly())
	})
}
