package schedule

import (
	"context"
	"fmt"
	"iter"
	"math"
	"strings"

	"google.golang.org/genproto/googleapis/api/httpbody"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/roster"
	"github.com/daysidehq/dayside/services/schedule/internal/feed"
	"github.com/daysidehq/dayside/services/schedule/internal/proof"
)

// calendarType is the media type of a feed (RFC 5545, 8.1).
const calendarType = "text/calendar; charset=utf-8"

// ReadFeed answers with the file of a token. It reads the service's own view, and goes on without etcd. No error says
// anything of the token.
func (f feeds) ReadFeed(ctx context.Context, r *schedulev1.ReadFeedRequest) (*httpbody.HttpBody, error) {
	if err := f.ready(); err != nil {
		return nil, err
	}
	found, ok := f.s.feedBook.index.Find(strings.TrimSuffix(r.GetToken(), ".ics"))
	if !ok {
		return nil, &fault.Fault{
			Reason: rpcv1.Reason_REASON_NOT_FOUND, Message: "there is no feed at this address, or it was revoked",
		}
	}
	done, err := f.s.feedBook.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	text, err := f.render(found.GetSubject())
	if err != nil {
		return nil, err
	}
	return &httpbody.HttpBody{ContentType: calendarType, Data: text}, nil
}

// turn waits until a file may be made, and answers with what to call when it is.
func (b feedBook) turn(ctx context.Context) (done func(), err error) {
	select {
	case b.readers <- struct{}{}:
	default:
		return nil, fault.LimitExceeded(fmt.Sprintf("%d feeds are being read from this process, which is all that may",
			maxFeedReaders))
	}
	select {
	case b.making <- struct{}{}:
		return func() { <-b.making; <-b.readers }, nil
	case <-ctx.Done():
		<-b.readers
		return nil, ctx.Err()
	}
}

// render is the file of a subject; NOT_FOUND where it does not exist any more.
func (f feeds) render(subject string) ([]byte, error) {
	kind, id, _ := strings.Cut(subject, "/")
	switch kind {
	case "sites":
		return f.siteFeed(subject, id)
	case "lines":
		return f.lineFeed(subject, id)
	case "rotas":
		return f.rotaFeed(subject, id)
	case "people":
		return f.personFeed(subject, id)
	default:
		return nil, fault.NotFound(subject)
	}
}

// head is that of a feed made now, of what is known over [knownFromUnixS, knownToUnixS).
func (f feeds) head(subject, displayName string, knownFromUnixS, knownToUnixS int64) (feed.Head, error) {
	now := f.s.cfg.Clock.Now().Unix()
	from, to := feed.Window(now, knownFromUnixS, knownToUnixS)
	if from >= to {
		return feed.Head{}, feedsNotReady("nothing is compiled of " + subject + " for these days")
	}
	return feed.Head{Subject: subject, DisplayName: displayName, NowUnixS: now, FromUnixS: from, ToUnixS: to}, nil
}

func (f feeds) siteFeed(subject, id string) ([]byte, error) {
	site, ok := f.s.index.Site(id)
	if !ok {
		return nil, fault.NotFound(subject)
	}
	from, to := site.Timeline.Horizon()
	h, err := f.head(subject, site.DisplayName, from, to)
	if err != nil {
		return nil, err
	}
	return feed.Site(h, site.Timeline)
}

func (f feeds) lineFeed(subject, id string) ([]byte, error) {
	line, err := f.s.provable(subject)
	if err != nil {
		return nil, err
	}
	known, _ := f.s.index.Line(id)
	from, to := line.Known()
	h, err := f.head(subject, known.DisplayName, from, to)
	if err != nil {
		return nil, err
	}
	var periods []feed.Period
	// By weeks, so that a line of a thousand sites stops where the file is full.
	for at := h.FromUnixS; at < h.ToUnixS && len(periods) <= feed.MaxEvents; at += 7 * dayS {
		for _, p := range f.periods(proof.Prove(line, at, min(at+7*dayS, h.ToUnixS)), line) {
			periods = feed.Join(periods, p)
		}
	}
	return feed.Line(h, periods)
}

// periods is what coverage says, with the names for people.
func (f feeds) periods(c proof.Coverage, line proof.Line) []feed.Period {
	periods, gaps := make([]feed.Period, 0, len(c.Periods)+len(c.Gaps)), c.Gaps
	for _, p := range c.Periods {
		for ; len(gaps) > 0 && gaps[0].FromUnixS < p.ToUnixS; gaps = gaps[1:] {
			periods = append(periods, feed.Period{
				FromUnixS: gaps[0].FromUnixS, ToUnixS: gaps[0].ToUnixS, Gap: gaps[0].Kind, OnDuty: f.peopleNames(gaps[0].OnDuty),
			})
		}
		if p.Gap() {
			continue
		}
		open := feed.Period{FromUnixS: p.FromUnixS, ToUnixS: p.ToUnixS}
		for _, i := range p.Open {
			id := strings.TrimPrefix(line.Sites[i].Name, "sites/")
			site, _ := f.s.index.Site(id)
			open.Sites = append(open.Sites, nameOf(site.DisplayName, id))
		}
		periods = append(periods, open)
	}
	return periods
}

func (f feeds) peopleNames(people []string) []string {
	names := make([]string, len(people))
	for i, p := range people {
		id := strings.TrimPrefix(p, "people/")
		name, _ := f.s.feedBook.index.Person(id)
		names[i] = nameOf(name, id)
	}
	return names
}

func (f feeds) rotaFeed(subject, id string) ([]byte, error) {
	duty := f.s.index.Roster(id)
	if duty == nil {
		return nil, fault.NotFound(subject)
	}
	from, to := duty.Horizon()
	h, err := f.head(subject, duty.Sheet().DisplayName, from, to)
	if err != nil {
		return nil, err
	}
	var turns []feed.Turn
	for t := range turnsFor(h, duty) {
		turn := feed.Turn{FromUnixS: t.FromUnixS, ToUnixS: t.ToUnixS}
		if t.Person != nil {
			turn.Person = nameOf(t.Person.DisplayName, t.Person.ID)
		}
		turns = append(turns, turn)
	}
	return feed.Rota(h, turns)
}

func (f feeds) personFeed(subject, id string) ([]byte, error) {
	name, ok := f.s.feedBook.index.Person(id)
	if !ok {
		return nil, fault.NotFound(subject)
	}
	h, err := f.head(subject, name, math.MinInt64, math.MaxInt64)
	if err != nil {
		return nil, err
	}
	var duties []feed.Duty
	for _, r := range f.s.index.Rosters() {
		if r.Person(id) == nil {
			continue
		}
		sheet := r.Sheet()
		duty := feed.Duty{Rota: "rotas/" + sheet.ID, DisplayName: sheet.DisplayName}
		for t := range turnsFor(h, r) {
			if t.Person != nil && t.Person.ID == id {
				duty.Turns = append(duty.Turns, feed.Turn{FromUnixS: t.FromUnixS, ToUnixS: t.ToUnixS, Person: name})
			}
		}
		duties = append(duties, duty)
	}
	return feed.Person(h, duties)
}

// turnsFor yields the turns of a feed's window. Of the first one that is known it is known when it began, before anything
// is compiled.
func turnsFor(h feed.Head, r *roster.Roster) iter.Seq[roster.Turn] {
	return func(yield func(roster.Turn) bool) {
		first, _ := r.Horizon()
		begin, _ := feed.Window(h.NowUnixS, math.MinInt64, math.MaxInt64)
		for t := range r.Within(h.FromUnixS, h.ToUnixS) {
			if t.FromUnixS == first {
				t.FromUnixS = max(r.At(first).FromUnixS, begin)
			}
			if !yield(t) {
				return
			}
		}
	}
}

// nameOf is what somebody or something is called: its ID where it has no name.
func nameOf(displayName, id string) string {
	if displayName != "" {
		return displayName
	}
	return id
}
