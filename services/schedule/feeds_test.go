package schedule_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	icalendar "github.com/arran4/golang-ical"
	"google.golang.org/genproto/googleapis/type/timeofday"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/rpc"
)

// feed makes a feed of a subject; its token is the answer.
func (w world) feed(t *testing.T, subject string) *schedulev1.Feed {
	t.Helper()
	made, err := w.feeds.CreateFeed(t.Context(), &schedulev1.CreateFeedRequest{Subject: subject, DisplayName: "Ann's phone"})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// readFeed reads a feed as a calendar would, once it is there: "Mon 02 Jan 15:04-15:04 summary" of the events that begin
// within the first days.
func (w world) readFeed(t *testing.T, token string, days int) (events []string, text string) {
	t.Helper()
	await.True(t, "the feed", func() bool {
		r, err := w.feeds.ReadFeed(t.Context(), &schedulev1.ReadFeedRequest{Token: token})
		if err == nil && r.GetContentType() != "text/calendar; charset=utf-8" {
			t.Errorf("it is %q", r.GetContentType())
		}
		text = string(r.GetData())
		return err == nil
	})
	c, err := icalendar.ParseCalendar(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, e := range c.Events() {
		from, err1 := e.GetStartAt()
		to, err2 := e.GetEndAt()
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if from.Before(sunday.Add(time.Duration(days) * day)) {
			events = append(events, from.UTC().Format("Mon 02 Jan 15:04")+to.UTC().Format("-Mon 15:04 ")+
				e.GetProperty(icalendar.ComponentPropertySummary).Value)
		}
	}
	return events, text
}

func wantEvents(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// reason is why a token opens nothing; the error says nothing of the token.
func (w world) reason(t *testing.T, token string) rpcv1.Reason {
	t.Helper()
	_, err := w.feeds.ReadFeed(t.Context(), &schedulev1.ReadFeedRequest{Token: token})
	if err != nil && strings.Contains(err.Error(), token) {
		t.Errorf("the error repeats the token: %v", err)
	}
	return fault.ReasonOf(rpc.Fault(err))
}

func TestFeedOfASite(t *testing.T) {
	w := newWorld(t)
	run(t, w.Service)
	w.create(t, site("dublin", "Europe/Dublin"))
	made := w.feed(t, "sites/dublin")
	if len(made.GetToken()) != 43 || made.GetPath() != "/feeds/"+made.GetToken()+".ics" || !strings.HasPrefix(made.GetName(), "feeds/") ||
		!made.GetCreateTime().AsTime().Equal(sunday) {
		t.Errorf("made %v", made)
	}
	for _, token := range []string{made.GetToken(), made.GetToken() + ".ics"} {
		got, text := w.readFeed(t, token, 3)
		wantEvents(t, "dublin", got, "Fri 20 Nov 09:00-Fri 17:00 dublin open", "Mon 23 Nov 09:00-Mon 17:00 dublin open",
			"Tue 24 Nov 09:00-Tue 17:00 dublin open")
		if !strings.Contains(text, "BEGIN:VAVAILABILITY") || strings.Contains(text, "sip:") || strings.Contains(text, "@dublin.example") {
			t.Errorf("no availability, or a target:\n%s", text)
		}
		// Feeds are compiled for the two days before and, of the 402 ahead, show 92.
		if !strings.Contains(text, "DTSTART:20261120T000000Z") || !strings.Contains(text, "DTEND:20270222T000000Z") {
			t.Errorf("another window:\n%.600s", text)
		}
	}
	all, _ := w.readFeed(t, made.GetToken(), 400)
	if slices.Contains(all, "Thu 24 Dec 09:00-Thu 17:00 dublin open") || !slices.Contains(all, "Thu 24 Dec 09:00-Thu 12:00 dublin open") {
		t.Error("the exception of Christmas Eve is not in it")
	}
	// A change is in it at the next reading.
	longer := site("dublin", "Europe/Dublin")
	longer.WeeklyHours.Mon[0].Close.Hours = 19
	if _, err := w.UpdateSite(t.Context(), &schedulev1.UpdateSiteRequest{Site: longer}); err != nil {
		t.Fatal(err)
	}
	await.True(t, "the change", func() bool {
		got, _ := w.readFeed(t, made.GetToken(), 2)
		return slices.Contains(got, "Mon 23 Nov 09:00-Mon 19:00 dublin open")
	})
}

func TestFeedOfALine(t *testing.T) {
	w := newWorld(t)
	run(t, w.Service)
	w.create(t, site("dublin", "Europe/Dublin"))
	w.create(t, site("sydney", "Australia/Sydney"))
	w.people(t, "ann", "bo")
	w.rota(t, weekly("nights", "ann", "bo"))
	weekdays := []*schedulev1.Span{span(0, 0)}
	weekdays[0].Close = &timeofday.TimeOfDay{Hours: 24}
	w.lineOf(t, &publishedv1.Line{
		Id: "gold", DisplayName: "Gold", Sites: []string{"sydney", "dublin"}, ServiceHours: &schedulev1.ServiceHours{
			TimeZone: "UTC", WeeklyHours: &schedulev1.WeeklyHours{Mon: weekdays, Tue: weekdays, Wed: weekdays, Thu: weekdays, Fri: weekdays},
		},
	})
	gold := w.feed(t, "lines/gold")
	got, text := w.readFeed(t, gold.GetToken(), 2)
	// The weekend is closed as intended, and left out.
	wantEvents(t, "without a rota", got,
		"Fri 20 Nov 00:00-Fri 06:00 sydney", "Fri 20 Nov 06:00-Fri 09:00 UNCOVERED", "Fri 20 Nov 09:00-Fri 17:00 dublin",
		"Fri 20 Nov 17:00-Sat 00:00 UNCOVERED",
		"Sun 22 Nov 22:00-Mon 06:00 sydney", "Mon 23 Nov 06:00-Mon 09:00 UNCOVERED", "Mon 23 Nov 09:00-Mon 17:00 dublin",
		"Mon 23 Nov 17:00-Mon 22:00 UNCOVERED", "Mon 23 Nov 22:00-Tue 06:00 sydney", "Tue 24 Nov 06:00-Tue 09:00 UNCOVERED")
	if !strings.Contains(text, "X-WR-CALNAME:Gold: coverage") {
		t.Errorf("it is called something else:\n%.400s", text)
	}
	w.lineOf(t, &publishedv1.Line{Id: "gold", DisplayName: "Gold", Sites: []string{"sydney", "dublin"}, Rotas: []string{"nights"}})
	await.True(t, "the rota", func() bool {
		got, _ = w.readFeed(t, gold.GetToken(), 2)
		return slices.Contains(got, "Mon 23 Nov 17:00-Mon 22:00 On duty: bo")
	})
	wantEvents(t, "with a rota", got,
		"Fri 20 Nov 00:00-Fri 06:00 sydney", "Fri 20 Nov 06:00-Fri 09:00 On duty: ann", "Fri 20 Nov 09:00-Fri 17:00 dublin",
		"Fri 20 Nov 17:00-Sun 22:00 On duty: ann",
		"Sun 22 Nov 22:00-Mon 06:00 sydney", "Mon 23 Nov 06:00-Mon 09:00 On duty: ann", "Mon 23 Nov 09:00-Mon 17:00 dublin",
		"Mon 23 Nov 17:00-Mon 22:00 On duty: bo", "Mon 23 Nov 22:00-Tue 06:00 sydney", "Tue 24 Nov 06:00-Tue 09:00 On duty: bo")
}

func TestFeedsOfARotaAndAPerson(t *testing.T) {
	w := newWorld(t)
	run(t, w.Service)
	w.people(t, "ann", "bo", "cy")
	two := weekly("nights", "ann", "bo")
	two.Layers[0].Members = append(two.Layers[0].Members, "") // every third week is nobody's
	w.rota(t, two)
	w.rota(t, weekly("emea", "bo"))
	rota, bo, cy := w.feed(t, "rotas/nights"), w.feed(t, "people/bo"), w.feed(t, "people/cy")
	got, text := w.readFeed(t, rota.GetToken(), 14)
	wantEvents(t, "nights", got, "Mon 16 Nov 09:00-Mon 09:00 ann", "Mon 23 Nov 09:00-Mon 09:00 bo",
		"Mon 30 Nov 09:00-Mon 09:00 Nobody on duty")
	if strings.Contains(text, "duty.example.com") {
		t.Errorf("a target:\n%s", text)
	}
	got, _ = w.readFeed(t, bo.GetToken(), 14)
	wantEvents(t, "bo", got, "Mon 16 Nov 09:00-Mon 00:00 On duty: emea", "Mon 23 Nov 09:00-Mon 09:00 On duty: nights")
	// Somebody of no rota has an empty calendar, and it is one.
	got, _ = w.readFeed(t, cy.GetToken(), 400)
	wantEvents(t, "cy", got)
}

func TestRevokedFeedsAndFeedsOfWhatIsGone(t *testing.T) {
	w := newWorld(t)
	run(t, w.Service)
	other := w.another()
	run(t, other)
	elsewhere := w
	elsewhere.feeds = schedulev1.NewFeedServiceClient(connect(t, other))
	w.create(t, site("dublin", "Europe/Dublin"))
	w.create(t, site("denver", "America/Denver"))
	kept, revoked := w.feed(t, "sites/dublin"), w.feed(t, "sites/denver")
	elsewhere.readFeed(t, revoked.GetToken(), 1)
	if _, err := w.feeds.DeleteFeed(t.Context(), &schedulev1.DeleteFeedRequest{Name: revoked.GetName()}); err != nil {
		t.Fatal(err)
	}
	for _, process := range []world{w, elsewhere} {
		await.True(t, "the token to open nothing", func() bool {
			return process.reason(t, revoked.GetToken()) == rpcv1.Reason_REASON_NOT_FOUND
		})
		process.readFeed(t, kept.GetToken(), 1)
	}
	_, err := w.feeds.DeleteFeed(t.Context(), &schedulev1.DeleteFeedRequest{Name: revoked.GetName()})
	wantReason(t, "revoking twice", err, rpcv1.Reason_REASON_NOT_FOUND)
	if _, err := w.DeleteSite(t.Context(), &schedulev1.DeleteSiteRequest{Name: "sites/dublin"}); err != nil {
		t.Fatal(err)
	}
	await.True(t, "the feed of a site that is gone", func() bool {
		return w.reason(t, kept.GetToken()) == rpcv1.Reason_REASON_NOT_FOUND
	})
	list, err := w.feeds.ListFeeds(t.Context(), &schedulev1.ListFeedsRequest{})
	if err != nil || len(list.GetFeeds()) != 1 || list.GetFeeds()[0].GetName() != kept.GetName() {
		t.Errorf("feeds %v, %v", list, err)
	}
}

func TestFeedsAreListedByPagesAndWithoutTokens(t *testing.T) {
	w := newWorld(t)
	run(t, w.Service)
	w.create(t, site("dublin", "Europe/Dublin"))
	w.create(t, site("denver", "America/Denver"))
	tokens := map[string]string{}
	var names, denvers []string
	for i := range 12 {
		subject := "sites/dublin"
		if i%4 == 3 {
			subject = "sites/denver"
		}
		f := w.feed(t, subject)
		tokens[f.GetName()] = f.GetToken()
		names = append(names, f.GetName())
		if i%4 == 3 {
			denvers = append(denvers, f.GetName())
		}
	}
	slices.Sort(names)
	slices.Sort(denvers)
	for _, c := range []struct {
		subject string
		size    int32
		want    []string
	}{{"", 5, names}, {"", 12, names}, {"", 0, names}, {"sites/denver", 2, denvers}, {"sites/denver", 1, denvers}, {"sites/none", 5, nil}} {
		var got []string
		token, more := "", true
		for pages := 0; more && pages < 20; pages++ {
			r, err := w.feeds.ListFeeds(t.Context(), &schedulev1.ListFeedsRequest{Subject: c.subject, PageSize: c.size, PageToken: token})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range r.GetFeeds() {
				got = append(got, f.GetName())
				if f.GetToken() != "" || f.GetPath() != "" || f.GetDisplayName() != "Ann's phone" || f.GetCreateTime() == nil {
					t.Errorf("listed as %v", f)
				}
			}
			if c.size > 0 && len(r.GetFeeds()) > int(c.size) {
				t.Errorf("%q: %d on a page of %d", c.subject, len(r.GetFeeds()), c.size)
			}
			token = r.GetNextPageToken()
			more = token != ""
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("feeds of %q by %d: %q, want %q", c.subject, c.size, got, c.want)
		}
	}
	// No token is in etcd: neither in a key nor in a value.
	entries, _, err := w.etcd.ListAll(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		for _, token := range tokens {
			if strings.Contains(e.Key, token) || strings.Contains(string(e.Value), token) {
				t.Errorf("a token is in %s", e.Key)
			}
		}
	}
}

func TestFeedsAreRefused(t *testing.T) {
	w := newWorld(t)
	_, err := w.feeds.ReadFeed(t.Context(), &schedulev1.ReadFeedRequest{Token: "x"})
	wantReason(t, "before anything is known", err, rpcv1.Reason_REASON_VIEW_NOT_READY)
	run(t, w.Service)
	w.line(t, "gold")
	await.True(t, "feeds to be known", func() bool { return w.reason(t, "nothing") == rpcv1.Reason_REASON_NOT_FOUND })
	for _, subject := range []string{"sites/none", "lines/none", "rotas/none", "people/none"} {
		_, err := w.feeds.CreateFeed(t.Context(), &schedulev1.CreateFeedRequest{Subject: subject})
		wantReason(t, subject, err, rpcv1.Reason_REASON_NOT_FOUND)
	}
	for _, subject := range []string{"", "gold", "customers/acme", "lines/gold/x", "lines/"} {
		_, err := w.feeds.CreateFeed(t.Context(), &schedulev1.CreateFeedRequest{Subject: subject})
		wantReason(t, subject, err, rpcv1.Reason_REASON_INVALID_FIELD)
	}
	_, err = w.feeds.CreateFeed(t.Context(), &schedulev1.CreateFeedRequest{Subject: "lines/gold", DisplayName: strings.Repeat("x", 101)})
	wantReason(t, "a long name", err, rpcv1.Reason_REASON_INVALID_FIELD)
	for token, want := range map[string]rpcv1.Reason{
		"": rpcv1.Reason_REASON_INVALID_FIELD, strings.Repeat("secret", 20): rpcv1.Reason_REASON_INVALID_FIELD,
		"unknown-secret": rpcv1.Reason_REASON_NOT_FOUND, ".ics": rpcv1.Reason_REASON_NOT_FOUND, "\x00": rpcv1.Reason_REASON_NOT_FOUND,
	} {
		_, err := w.feeds.ReadFeed(t.Context(), &schedulev1.ReadFeedRequest{Token: token})
		wantReason(t, "a token of no feed", err, want)
		if err != nil && len(token) > 4 && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error repeats the token: %v", err)
		}
	}
	// What stands in etcd and cannot be read opens nothing, and hinders nobody.
	if _, err := w.etcd.Commit(t.Context(), nil, []*rpcv1.Write{coord.Put("schedule/feeds/broken", []byte("\xff"))}); err != nil {
		t.Fatal(err)
	}
	gold := w.feed(t, "lines/gold")
	got, _ := w.readFeed(t, gold.GetToken(), 400)
	wantEvents(t, "a line without sites", got, "Sun 15 Nov 00:00-Mon 00:00 UNCOVERED")
	if _, err := w.etcd.Commit(t.Context(), nil, []*rpcv1.Write{coord.Delete(published.LinePrefix + "gold")}); err != nil {
		t.Fatal(err)
	}
	await.True(t, "the line to be gone", func() bool { return w.reason(t, gold.GetToken()) == rpcv1.Reason_REASON_NOT_FOUND })
}
