package entitlement_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
)

// sink is a client of a stream of answers.
type sink[T any] struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // a stream has one
	got chan *T
}

func (s sink[T]) Context() context.Context { return s.ctx }

// Send waits until the client takes it.
func (s sink[T]) Send(answer *T) error {
	select {
	case s.got <- answer:
		return nil
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

// export is all customers, and the token to go on from.
func (w *dataWorld) export(t testing.TB) (all []*entitlementv1.Customer, token string) {
	t.Helper()
	s := sink[entitlementv1.ExportCustomersResponse]{ctx: context.Background(), got: make(chan *entitlementv1.ExportCustomersResponse, 1000)}
	if err := w.ExportCustomers(&entitlementv1.ExportCustomersRequest{}, s); err != nil {
		t.Fatal(err)
	}
	close(s.got)
	for answer := range s.got {
		all, token = append(all, answer.GetCustomers()...), answer.GetResumeToken()
	}
	return all, token
}

// watch follows from a token until the test ends, or stop is called.
func (w *dataWorld) watch(t testing.TB, token string) (changes <-chan *entitlementv1.WatchCustomersResponse, ended <-chan error, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := sink[entitlementv1.WatchCustomersResponse]{ctx: ctx, got: make(chan *entitlementv1.WatchCustomersResponse)}
	over, done := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(done)
		over <- w.WatchCustomers(&entitlementv1.WatchCustomersRequest{ResumeToken: token}, s)
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return s.got, over, stop
}

func TestExportHoldsAllAndTheFeedGoesOnFromIt(t *testing.T) {
	w := dataProcess(t, newEtcd(t), nil)
	if all, token := w.export(t); len(all) != 0 || token == "" {
		t.Errorf("of nothing: %d, %q", len(all), token)
	}
	w.bring(t, importOf("first", 0, rowsOf(1, 700)...))
	all, token := w.export(t)
	if len(all) != 700 || !slices.IsSortedFunc(all, func(a, b *entitlementv1.Customer) int {
		return slices.Compare([]byte(a.GetName()), []byte(b.GetName()))
	}) {
		t.Errorf("%d customers", len(all))
	}
	stands := w.customer(t, all[7].GetName()[len("customers/"):])
	if !proto.Equal(all[7], stands) {
		t.Errorf("exported %v, stands %v", all[7], stands)
	}

	w.bring(t, importOf("second", 0, rowsOf(701, 760)...))
	gone := all[0].GetName()
	if _, err := w.DeleteCustomer(t.Context(), &entitlementv1.DeleteCustomerRequest{Name: gone}); err != nil {
		t.Fatal(err)
	}
	// It is cut off after every few changes, and goes on where it was: nothing is missed.
	known := map[string]bool{}
	for _, c := range all {
		known[c.GetName()] = true
	}
	for round := 0; known[gone]; round++ {
		changes, _, stop := w.watch(t, token)
		for range 7 {
			c := await.Receive(t, "a change", changes)
			token = c.GetResumeToken()
			if c.GetCustomer() != nil {
				known[c.GetCustomer().GetName()] = !c.GetDeleted()
			}
			if c.GetDeleted() {
				break
			}
		}
		stop()
		if round > 60 {
			t.Fatal("it comes to no end")
		}
	}
	now, _ := w.export(t)
	if len(now) != 759 {
		t.Errorf("%d customers", len(now))
	}
	for _, c := range now {
		if !known[c.GetName()] {
			t.Errorf("%s was never told of", c.GetName())
		}
	}
}

func TestWhoWatchesFromNowHearsWhatComes(t *testing.T) {
	w := dataProcess(t, newEtcd(t), nil)
	w.bring(t, importOf("first", 0, imported(1)))
	changes, _, _ := w.watch(t, "")
	if first := await.Receive(t, "where it begins", changes); first.GetCustomer() != nil || first.GetResumeToken() == "" {
		t.Errorf("first %v", first)
	}
	w.bring(t, importOf("second", 0, imported(2)))
	if c := await.Receive(t, "the change", changes); c.GetCustomer().GetDisplayName() != "Company 2" || c.GetDeleted() {
		t.Errorf("heard %v", c)
	}
}

func TestAWatcherIsToldWhatItCannotHave(t *testing.T) {
	w := dataProcess(t, newEtcd(t), nil)
	_, token := w.export(t)
	_, ended, _ := w.watch(t, "AQAA")
	wantReason(t, "no token", await.Receive(t, "the end", ended), rpcv1.Reason_REASON_INVALID_FIELD)

	other := dataProcess(t, ownEtcd(t, true), nil)
	changes, ended, _ := other.watch(t, token)
	await.Receive(t, "where it begins", changes)
	wantReason(t, "another etcd's token", await.Receive(t, "the end", ended), rpcv1.Reason_REASON_WRONG_STATE)
}

// TestAWatcherWhoTakesNothingIsCutOff: what waits for it is bounded, and so is how long it has its place.
func TestAWatcherWhoTakesNothingIsCutOff(t *testing.T) {
	w := dataProcess(t, newEtcd(t), nil)
	changes, ended, _ := w.watch(t, "")
	first := await.Receive(t, "where it begins", changes)
	c := &entitlementv1.Customer{Name: "customers/large", DisplayName: "Large"}
	for i := range 100 {
		c.Contacts = append(c.Contacts, &entitlementv1.Contact{ContactId: fmt.Sprint("c", i), DisplayName: strings.Repeat("n", 200)})
	}
	const more = 300 // than are kept of this size
	for i := range more {
		c.Locality = fmt.Sprint("Berlin ", i)
		if _, err := w.UpdateCustomer(t.Context(), &entitlementv1.UpdateCustomerRequest{Customer: c, AllowMissing: true}); err != nil {
			t.Fatal(err)
		}
	}
	wantReason(t, "too slow", await.Receive(t, "the end", ended), rpcv1.Reason_REASON_LIMIT_EXCEEDED)
	again, _, _ := w.watch(t, first.GetResumeToken())
	await.Receive(t, "where it begins", again)
	if heard := await.Receive(t, "what it missed", again); heard.GetCustomer().GetLocality() != "Berlin 0" {
		t.Errorf("it goes on with %s, of %s", heard.GetCustomer().GetLocality(), heard.GetCustomer().GetName())
	}
}
