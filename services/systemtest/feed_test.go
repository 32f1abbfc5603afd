package systemtest

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	ics "github.com/arran4/golang-ical"
	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/protobuf/types/known/timestamppb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/await"
)

// askFeed asks for a feed as a calendar does, with the tag of what it has already.
func (s *system) askFeed(t testing.TB, method, url, tag string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if tag != "" {
		req.Header.Set("If-None-Match", tag)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

// TestFeedIsReadUntilItIsRevokedAndItsAddressIsWrittenNowhere: a feed made on the command line is read over HTTP by whoever
// has its address, opens nothing once it is revoked, and its address is in no log, trace, metric, error or key.
func TestFeedIsReadUntilItIsRevokedAndItsAddressIsWrittenNowhere(t *testing.T) {
	for name, start := range kinds() {
		t.Run(name, func(t *testing.T) {
			sink, otlp := startTraceSink(t)
			s := start(t, options{otlp: otlp})
			var notes strings.Builder // what people see but for the address itself
			out, note, err := s.cli(t, "feed", "create", "sites/dublin", "--for", "Ann", "--url-base", "http://"+s.httpAddr)
			if err != nil {
				t.Fatalf("%v\n%s", err, note)
			}
			notes.WriteString(note)
			address, webcal, _ := strings.Cut(strings.TrimSpace(out), "\n")
			_, token, _ := strings.Cut(strings.TrimSuffix(address, ".ics"), "/feeds/")
			if len(token) != 43 || webcal != "webcal"+strings.TrimPrefix(address, "http") {
				t.Fatalf("made %q", out)
			}
			checkFeed(t, s, address)

			for _, path := range []string{token[1:], token + "x", token + "/x", "x/" + token, strings.Repeat(token, 3)} {
				resp, text := s.askFeed(t, http.MethodGet, "http://"+s.httpAddr+"/feeds/"+path, "")
				if resp.StatusCode != http.StatusNotFound && resp.StatusCode != http.StatusBadRequest {
					t.Errorf("another address: %d, %s", resp.StatusCode, text)
				}
				notes.WriteString(text)
			}
			_, err = schedulev1.NewFeedServiceClient(s.grpc).DeleteFeed(t.Context(), &schedulev1.DeleteFeedRequest{Name: "feeds/" + token})
			if err == nil {
				t.Error("an address was taken for a feed's name")
			} else {
				notes.WriteString(err.Error())
			}
			list, _, err := s.cli(t, "feed", "list", "--of", "sites/dublin")
			id := strings.Fields(list[strings.Index(list, "feeds/"):])[0]
			if err != nil || !strings.Contains(list, "Ann") {
				t.Errorf("listed as %q, %v", list, err)
			}
			if _, note, err = s.cli(t, "feed", "revoke", id); err != nil {
				t.Fatalf("%v\n%s", err, note)
			}
			notes.WriteString(list + note)
			await.True(t, "the address to show nothing", func() bool {
				resp, text := s.askFeed(t, http.MethodGet, address, "")
				notes.WriteString(text)
				return resp.StatusCode == http.StatusNotFound
			})
			_, metrics := s.get(t, "/metrics")
			await.True(t, "the traces to arrive", func() bool { return strings.Contains(sink.text.String(), "FeedService/ReadFeed") })
			for what, text := range map[string]string{
				"the log": s.logs.String(), "the traces": sink.text.String(), "the metrics": string(metrics), "etcd's keys": s.keys(t),
				"what people see": notes.String(),
			} {
				if text == "" {
					t.Errorf("%s is empty: nothing was searched", what)
				}
				if i := strings.Index(text, token[1:20]); i >= 0 {
					t.Errorf("the address is in %s: …%s…", what, text[max(0, i-200):min(len(text), i+50)])
				}
			}
		})
	}
}

// checkFeed reads a feed of Dublin as calendars do.
func checkFeed(t *testing.T, s *system, address string) {
	t.Helper()
	var resp *http.Response
	var text string
	await.True(t, "the feed", func() bool {
		resp, text = s.askFeed(t, http.MethodGet, address, "")
		return resp.StatusCode == http.StatusOK
	})
	if got := resp.Header.Get("Content-Type"); got != "text/calendar; charset=utf-8" {
		t.Errorf("it is %q", got)
	}
	tag := resp.Header.Get("ETag")
	for _, c := range []struct {
		method, tag string
		want        int
	}{{http.MethodHead, "", 200}, {http.MethodGet, tag, 304}, {http.MethodGet, `"other"`, 200}, {http.MethodPost, "", 405}} {
		if resp, body := s.askFeed(t, c.method, address, c.tag); resp.StatusCode != c.want || (c.want == 304 || c.method == "HEAD") && body != "" {
			t.Errorf("%s with tag %q: %d, want %d; %d bytes", c.method, c.tag, resp.StatusCode, c.want, len(body))
		}
	}
	c, err := ics.ParseCalendar(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	openings := map[string]bool{}
	for _, e := range c.Events() {
		from, err1 := e.GetStartAt()
		to, err2 := e.GetEndAt()
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		openings[from.UTC().String()+to.UTC().String()] = true
	}
	// What the API says of the next 30 days is in it.
	first := tuesdayTenUTC().Truncate(24 * time.Hour)
	coverage, err := schedulev1.NewScheduleServiceClient(s.grpc).QueryCoverage(t.Context(), &schedulev1.QueryCoverageRequest{
		Line: exampleHiddenLine, Interval: &interval.Interval{
			StartTime: timestamppb.New(first), EndTime: timestamppb.New(first.Add(30 * 24 * time.Hour)),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	said := 0
	for _, site := range coverage.GetSites() {
		for _, open := range site.GetOpenIntervals() {
			if site.GetSite() != "sites/dublin" {
				continue
			}
			said++
			if !openings[open.GetStartTime().AsTime().String()+open.GetEndTime().AsTime().String()] {
				t.Errorf("open from %v, and the feed does not say so", open.GetStartTime().AsTime())
			}
		}
	}
	if said < 20 || len(openings) < 2*said {
		t.Errorf("%d openings in 30 days, %d in the feed's 94", said, len(openings))
	}
	if !strings.Contains(text, "BEGIN:VAVAILABILITY") || strings.Contains(text, "sip:") || strings.Contains(text, "+") {
		t.Errorf("no availability, or a target or number:\n%.2000s", text)
	}
}
