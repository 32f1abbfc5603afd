package systemtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/systemtest/internal/history"
)

const (
	// changeTry bounds one change. What is in doubt is looked at after doubtLasts: by then it has happened, or never will,
	// though its process was paused meanwhile.
	changeTry, doubtLasts = 3 * time.Second, 8 * time.Second
	// settleTries is how often a reading is tried, a second apart.
	settleTries = 90
)

// changes are those who change something: one for each site, and one who applies what touches nobody.
type changes struct {
	l *chaosLoad
	// all finish what they have begun, and then stop, when done is closed.
	done chan struct{}
	wg   sync.WaitGroup
	mu   sync.Mutex
	// last is the last change of each switch.
	last map[string]*history.Change
}

func (l *chaosLoad) startChanges() *changes {
	c := &changes{l: l, done: make(chan struct{}), last: map[string]*history.Change{}}
	for i, site := range chaosSites() {
		// Two sites are never closed, so that the line keeps its coverage; each of the others may be drained too.
		c.wg.Go(func() { c.site(site, i >= 2) })
	}
	c.wg.Go(c.bystander)
	return c
}

// stop ends them; it waits until nothing of theirs is in doubt.
func (c *changes) stop() {
	close(c.done)
	c.wg.Wait()
}

func (c *changes) goOn(d time.Duration) bool {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-c.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	return pause(ctx, d)
}

// site drains a site and ends it, closes it and opens it, again and again.
func (c *changes) site(site string, closes bool) {
	short := strings.TrimPrefix(site, "sites/")
	for n := 0; c.goOn(300*time.Millisecond + rand.N(900*time.Millisecond)); n++ {
		if closes && n%2 == 1 {
			c.close(site, true)
			c.goOn(rand.N(1500 * time.Millisecond))
			c.close(site, false)
			continue
		}
		name := fmt.Sprintf("drains/%s-%d", short, n)
		c.drain(site, name, true)
		if c.isOff(name) { // it was in doubt, and never came
			continue
		}
		c.goOn(rand.N(1500 * time.Millisecond))
		c.drain(site, name, false)
	}
}

func (c *changes) isOff(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last[name] == nil || !c.last[name].On
}

// anyProcess is one to ask: each answers the whole API.
func (c *changes) anyProcess() (string, *grpc.ClientConn) {
	all := c.l.c.daysides()
	name := all[rand.N(len(all))].name
	return name, c.l.admin[name]
}

// change does one, and settles it where it is in doubt. what answers with the new revision where it is known.
func (c *changes) change(
	h history.Change, what func(context.Context, *grpc.ClientConn) (revision int64, err error),
	read func(context.Context, *grpc.ClientConn) (on bool, revision int64, err error),
) {
	by, cc := c.anyProcess()
	ctx, cancel := context.WithTimeout(context.Background(), changeTry)
	h.By, h.Begin = by, c.l.rec.now()
	revision, err := what(ctx, cc)
	cancel()
	h.End, h.Revision, h.Outcome = c.l.rec.now(), revision, outcome(err)
	if err != nil {
		h.Error = err.Error()
	}
	c.note(h)
	if h.Outcome != history.Doubtful {
		return
	}
	_ = pause(context.Background(), doubtLasts)
	c.read(h, false, read)
}

// read reads a switch until somebody answers.
func (c *changes) read(
	h history.Change, final bool, read func(context.Context, *grpc.ClientConn) (on bool, revision int64, err error),
) {
	for range settleTries {
		by, cc := c.anyProcess()
		ctx, cancel := context.WithTimeout(context.Background(), changeTry)
		r := history.Change{Switch: h.Switch, Site: h.Site, Drain: h.Drain, Begin: c.l.rec.now(), By: by, Read: true, Final: final}
		on, revision, err := read(ctx, cc)
		cancel()
		if r.End = c.l.rec.now(); err == nil {
			r.On, r.Outcome = on, history.Done
			if on == h.On { // so it is this change's; else it never came, or is gone
				r.Revision = revision
			}
			c.note(r)
			return
		}
		_ = pause(context.Background(), time.Second)
	}
}

func (c *changes) note(h history.Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !h.Final {
		c.last[h.Switch] = &h
	}
	c.l.rec.Add(history.Event{Change: &h})
}

// outcome is what an author may conclude from an error. That it is there already, or gone, or somebody else's, may be the
// doing of a try before, which processes make for each other.
func outcome(err error) history.Outcome {
	switch status.Code(err) {
	case codes.OK:
		return history.Done
	case codes.FailedPrecondition, codes.InvalidArgument, codes.PermissionDenied, codes.ResourceExhausted:
		return history.Refused
	default:
		return history.Doubtful
	}
}

func revisionOf(etag string) int64 {
	n, _ := strconv.ParseInt(etag, 36, 64)
	return n
}

func (c *changes) drain(site, name string, on bool) {
	h := history.Change{Switch: name, Site: site, Drain: true, On: on}
	c.change(h, func(ctx context.Context, cc *grpc.ClientConn) (int64, error) {
		client := routingv1.NewDrainServiceClient(cc)
		if on {
			d, err := client.CreateDrain(ctx, &routingv1.CreateDrainRequest{
				DrainId: strings.TrimPrefix(name, "drains/"),
				Drain:   &routingv1.Drain{Reason: "chaos", Subject: &routingv1.Drain_Site{Site: site}},
			})
			return revisionOf(d.GetEtag()), err
		}
		_, err := client.DeleteDrain(ctx, &routingv1.DeleteDrainRequest{Name: name})
		return 0, err
	}, readDrain(name))
}

func readDrain(name string) func(context.Context, *grpc.ClientConn) (bool, int64, error) {
	return func(ctx context.Context, cc *grpc.ClientConn) (bool, int64, error) {
		d, err := routingv1.NewDrainServiceClient(cc).GetDrain(ctx, &routingv1.GetDrainRequest{Name: name})
		if status.Code(err) == codes.NotFound {
			return false, 0, nil
		}
		return err == nil, revisionOf(d.GetEtag()), err
	}
}

func closedSwitch(site string) string { return "closed/" + site }

// close makes the whole day of the test an exception without hours, or takes that back.
func (c *changes) close(site string, on bool) {
	_, cc := c.anyProcess()
	ctx, cancel := context.WithTimeout(context.Background(), changeTry)
	before, err := schedulev1.NewScheduleServiceClient(cc).GetSite(ctx, &schedulev1.GetSiteRequest{Name: site})
	cancel()
	if err != nil {
		return
	}
	h := history.Change{Switch: closedSwitch(site), Site: site, On: on}
	c.change(h, func(ctx context.Context, cc *grpc.ClientConn) (int64, error) {
		s := &schedulev1.Site{Name: site, Etag: before.GetEtag()}
		if on {
			day := tuesdayTenUTC()
			s.Exceptions = []*schedulev1.HoursException{{
				Date: &date.Date{Year: int32(day.Year()), Month: int32(day.Month()), Day: int32(day.Day())}, Mode: schedulev1.HoursException_MODE_CLIP,
			}}
		}
		after, err := schedulev1.NewScheduleServiceClient(cc).UpdateSite(ctx, &schedulev1.UpdateSiteRequest{
			Site: s, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"exceptions"}},
		})
		return revisionOf(after.GetEtag()), err
	}, readClosed(site))
}

func readClosed(site string) func(context.Context, *grpc.ClientConn) (bool, int64, error) {
	return func(ctx context.Context, cc *grpc.ClientConn) (bool, int64, error) {
		s, err := schedulev1.NewScheduleServiceClient(cc).GetSite(ctx, &schedulev1.GetSiteRequest{Name: site})
		return len(s.GetExceptions()) > 0, revisionOf(s.GetEtag()), err
	}
}

// bystander applies a customer nobody calls for: writes of another service, that must change no route.
func (c *changes) bystander() {
	for n := 0; c.goOn(500 * time.Millisecond); n++ {
		_, cc := c.anyProcess()
		ctx, cancel := context.WithTimeout(context.Background(), changeTry)
		_, _ = routingv1.NewConfigurationServiceClient(cc).ApplyConfiguration(ctx, &routingv1.ApplyConfigurationRequest{
			Customers: []*entitlementv1.Customer{{Name: "customers/bystander", DisplayName: fmt.Sprint("Bystander ", n)}},
		})
		cancel()
	}
}

// finish reads every switch.
func (c *changes) finish() {
	var wg sync.WaitGroup
	limit := make(chan struct{}, 16)
	for name, last := range c.last {
		limit <- struct{}{}
		wg.Go(func() {
			defer func() { <-limit }()
			read := readDrain(name)
			if !last.Drain {
				read = readClosed(last.Site)
			}
			c.read(*last, true, read)
		})
	}
	wg.Wait()
}
