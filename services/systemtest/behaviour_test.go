package systemtest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/genproto/googleapis/type/timeofday"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/await"
)

// targets are a route's, as text.
func targets(r *routingv1.Route) []string {
	var list []string
	for _, t := range r.GetForward().GetTargets() {
		uri := t.GetTarget().GetSipUri()
		if uri == "" {
			uri = "tel:" + t.GetTarget().GetPhoneNumber().GetE164Number()
		}
		list = append(list, uri)
	}
	return list
}

func (s *system) route(t testing.TB, dialled, caller string) *routingv1.Route {
	t.Helper()
	resp, err := routingv1.NewRoutingServiceClient(s.grpc).RouteCall(t.Context(), &routingv1.RouteCallRequest{
		CallId: "systemtest-1", DialledNumber: dialled, Caller: &routingv1.Caller{Number: caller},
	})
	if err != nil {
		t.Fatal(err)
	}
	return resp.GetRoute()
}

func TestOneDecisionWhoeverAsks(t *testing.T) {
	eachKind(t, options{}, func(t *testing.T, s *system) {
		want := []string{
			"sip:support@dublin.example.com", "sip:support@bengaluru.example.com", "tel:+13035550131", // Dublin's second
			"sip:priya@people.example.com", "tel:+13035550143", // whoever is on duty, by all her targets
			"sip:duty-manager@hq.example.com",
		}
		// A dry run names the same targets, with people's own numbers masked.
		dry := slices.Clone(want)
		dry[4] = "tel:+13…43"
		checkIs := func(who string, got, want []string) {
			t.Helper()
			if strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("%s: %v, want %v", who, got, want)
			}
		}
		check := func(who string, got []string) {
			t.Helper()
			checkIs(who, got, want)
		}
		check("gRPC", targets(s.route(t, exampleHiddenNumber, exampleCaller)))
		check("gRPC without the plus sign", targets(s.route(t, exampleHiddenNumber[1:], exampleCaller)))
		explained, err := routingv1.NewRoutingServiceClient(s.grpc).ExplainRoute(t.Context(),
			&routingv1.ExplainRouteRequest{Line: exampleHiddenLine, Caller: &routingv1.Caller{Number: exampleCaller}})
		if err != nil {
			t.Fatal(err)
		}
		checkIs("ExplainRoute", targets(explained.GetRoute()), dry)
		check("REST", s.routeREST(t, exampleHiddenNumber, exampleCaller))
		for _, transport := range []string{"udp", "tcp"} {
			resp := s.invite(t, transport, exampleHiddenNumber, exampleCaller)
			if resp.status != 302 {
				t.Errorf("SIP over %s: %d", transport, resp.status)
			}
			check("SIP over "+transport, resp.contacts)
		}
		stdout, stderr, err := s.cli(t, "route", "--to", "gold-emergency", "--from", exampleCaller, "-o", "json")
		var byCLI routingv1.ExplainRouteResponse
		if err != nil || protojson.Unmarshal([]byte(stdout), &byCLI) != nil {
			t.Fatalf("dayside route: %v\n%s%s", err, stdout, stderr)
		}
		checkIs("dayside route", targets(byCLI.GetRoute()), dry)
		stdout, stderr, err = s.cli(t, "call", "gold-emergency", "--from", exampleCaller, "--gateway", s.sipUDP)
		if err != nil || !strings.Contains(stdout, "302") || !inOrder(stdout, want...) {
			t.Errorf("dayside call: %v\n%s%s", err, stdout, stderr)
		}
		// A number that is given needs nothing of the API, not even that somebody answers.
		stdout, stderr, err = dayside(t, "call", exampleHiddenNumber, "--from", exampleCaller, "--gateway", s.sipUDP,
			"--server", freeAddr(t))
		if err != nil || !inOrder(stdout, want...) {
			t.Errorf("dayside call without the API: %v\n%s%s", err, stdout, stderr)
		}
	})
}

// inOrder says whether the parts stand in text one after the other.
func inOrder(text string, parts ...string) bool {
	for _, p := range parts {
		i := strings.Index(text, p)
		if i < 0 {
			return false
		}
		text = text[i+len(p):]
	}
	return true
}

func (s *system) routeREST(t testing.TB, dialled, caller string) []string {
	t.Helper()
	body, err := protojson.Marshal(&routingv1.RouteCallRequest{
		CallId: "systemtest-1", DialledNumber: dialled, Caller: &routingv1.Caller{Number: caller},
	})
	if err != nil {
		t.Fatal(err)
	}
	code, answer := s.post(t, "/v1/calls:route", body)
	var resp routingv1.RouteCallResponse
	if code != http.StatusOK || protojson.Unmarshal(answer, &resp) != nil {
		t.Fatalf("REST: %d %s", code, answer)
	}
	return targets(resp.GetRoute())
}

func (s *system) post(t testing.TB, path string, body []byte) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.httpAddr+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	return s.do(t, req)
}

func (s *system) get(t testing.TB, path string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.httpAddr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s.do(t, req)
}

func (s *system) do(t testing.TB, req *http.Request) (int, []byte) {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, answer
}

func TestTheRightFinalAnswerWhereThereIsNoRedirect(t *testing.T) {
	eachKind(t, options{}, func(t *testing.T, s *system) {
		for _, c := range []struct {
			name, dialled, caller string
			cause                 routingv1.EndCause
			status                int
		}{
			{"an unknown line", "+61255509999", exampleCaller, routingv1.EndCause_END_CAUSE_UNKNOWN_LINE, 404},
			{"a caller the line refuses", exampleHiddenNumber, exampleRefusedCaller, routingv1.EndCause_END_CAUSE_REFUSED, 403},
			{"a caller nobody knows", exampleHiddenNumber, exampleUnknownCaller, 0, 302},
			{"a withheld number", exampleHiddenNumber, "anonymous", 0, 302},
			{"the published line", examplePublishedNumber, exampleRefusedCaller, 0, 302},
		} {
			if got := s.route(t, c.dialled, c.caller).GetEnd().GetCause(); got != c.cause {
				t.Errorf("%s: %v, want %v", c.name, got, c.cause)
			}
			resp := s.invite(t, "udp", c.dialled, c.caller)
			if resp.status != c.status {
				t.Errorf("%s: SIP %d, want %d", c.name, resp.status, c.status)
			}
			if resp.status == 403 && !strings.Contains(resp.raw, "\r\nReason: ") {
				t.Errorf("%s: no Reason header in\n%s", c.name, resp.raw)
			}
		}
	})
}

func TestAChangeIsInForceWithoutARestart(t *testing.T) {
	eachKind(t, options{}, func(t *testing.T, s *system) {
		today := tuesdayTenUTC()
		sites := schedulev1.NewScheduleServiceClient(s.grpc)
		dublin, err := sites.GetSite(t.Context(), &schedulev1.GetSiteRequest{Name: "sites/dublin"})
		if err != nil {
			t.Fatal(err)
		}
		closed := proto.Clone(dublin).(*schedulev1.Site)
		closed.Exceptions = append(closed.Exceptions, &schedulev1.HoursException{
			Date:        &date.Date{Year: int32(today.Year()), Month: int32(today.Month()), Day: int32(today.Day())},
			DisplayName: "storm",
		})
		if _, err := sites.UpdateSite(t.Context(), &schedulev1.UpdateSiteRequest{Site: closed}); err != nil {
			t.Fatal(err)
		}
		await.True(t, "calls to go to Bengaluru", func() bool {
			return targets(s.route(t, exampleHiddenNumber, exampleCaller))[0] == "sip:support@bengaluru.example.com"
		})
		if got := s.invite(t, "udp", exampleHiddenNumber, exampleCaller).contacts[0]; got != "sip:support@bengaluru.example.com" {
			t.Errorf("SIP still goes to %s", got)
		}
		// The etag that was read before the change is out of date.
		_, err = sites.UpdateSite(t.Context(), &schedulev1.UpdateSiteRequest{Site: dublin})
		if status.Code(err) != codes.Aborted {
			t.Errorf("an old etag: %v", err)
		}
	})
}

func TestApplyIsAllOrNothing(t *testing.T) {
	eachKind(t, options{}, func(t *testing.T, s *system) {
		export := func() string {
			t.Helper()
			stdout, stderr, err := s.cli(t, "export")
			if err != nil {
				t.Fatalf("export: %v\n%s", err, stderr)
			}
			return stdout
		}
		before := export()
		dir := t.TempDir()
		write := func(text string) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(dir, "change.yaml"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		const good = "kind: Site\nname: sites/cork\ndisplay_name: Cork\ntime_zone: Europe/Dublin\n" +
			"weekly_hours: {mon-fri: [\"09:00-17:00\"]}\ntargets: [\"sip:support@cork.example.com\"]\n---\n"
		const line = "kind: Line\nname: lines/silver\ndisplay_name: Silver\nnumber: \"+61255500300\"\nsites: [cork, %s]\n" +
			"last_resort: {kind: PERSON, target: \"sip:duty@hq.example.com\"}\n"
		write(good + strings.Replace(line, "%s", "atlantis", 1))
		_, stderr, err := s.cli(t, "apply", "-f", dir)
		if err == nil || !strings.Contains(stderr, "atlantis") || strings.Contains(stderr, "61255500300") {
			t.Errorf("a line with a site that does not exist: %v\n%s", err, stderr)
		}
		if export() != before {
			t.Error("a refused apply changed something")
		}
		write(good + strings.Replace(line, "%s", "dublin", 1))
		stdout, stderr, err := s.cli(t, "apply", "-f", dir, "--dry-run")
		if err != nil || !strings.Contains(stdout, "sites/cork") || export() != before {
			t.Errorf("dry run: %v\n%s%s", err, stdout, stderr)
		}
		if _, stderr, err := s.cli(t, "apply", "-f", dir); err != nil {
			t.Fatalf("apply: %v\n%s", err, stderr)
		}
		await.True(t, "the new line to ring", func() bool {
			return s.route(t, "+61255500300", exampleCaller).GetLine() == "lines/silver"
		})
		// A site that a line uses cannot be deleted, and says by whom it is used.
		_, stderr, err = s.cli(t, "delete", "sites/cork")
		if err == nil || !strings.Contains(stderr, "lines/silver") {
			t.Errorf("delete a used site: %v\n%s", err, stderr)
		}
		// The export applies again to the same state.
		again := t.TempDir()
		if _, stderr, err := s.cli(t, "export", "--dir", again); err != nil {
			t.Fatalf("export: %v\n%s", err, stderr)
		}
		stdout, stderr, err = s.cli(t, "apply", "-f", again, "--prune", "--dry-run", "-o", "json")
		if err != nil || strings.Contains(stdout, "KIND_UPDATE") || strings.Contains(stdout, "KIND_CREATE") ||
			strings.Contains(stdout, "KIND_DELETE") {
			t.Errorf("the export differs from what it was made of: %v\n%s%s", err, stdout, stderr)
		}
	})
}

func TestTheServerSaysWhatItCanDo(t *testing.T) {
	eachKind(t, options{}, func(t *testing.T, s *system) {
		h, err := healthv1.NewHealthClient(s.grpc).Check(t.Context(), &healthv1.HealthCheckRequest{})
		if err != nil || h.GetStatus() != healthv1.HealthCheckResponse_SERVING {
			t.Errorf("health: %v, %v", h, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		stream, err := reflectionv1.NewServerReflectionClient(s.grpc).ServerReflectionInfo(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.Send(&reflectionv1.ServerReflectionRequest{
			MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{},
		}); err != nil {
			t.Fatal(err)
		}
		services, err := stream.Recv()
		if err != nil || !strings.Contains(services.String(), "dayside.routing.v1.RoutingService") ||
			!strings.Contains(services.String(), "dayside.schedule.v1.ScheduleService") {
			t.Errorf("reflection: %v, %v", services, err)
		}
		for path, want := range map[string]string{
			"/readyz": `"ready":true`, "/openapi.json": `"swagger"`, "/metrics": "rpc_server_duration_seconds_bucket",
			"/v1/sites/dublin": "Europe/Dublin",
		} {
			code, body := s.get(t, path)
			if code != http.StatusOK || !strings.Contains(string(body), want) {
				t.Errorf("GET %s: %d %.200s", path, code, body)
			}
		}
	})
}

func TestBadInputNamesFieldValueAndRuleAndWritesNothing(t *testing.T) {
	s := startOne(t, options{})
	nine, five := &timeofday.TimeOfDay{Hours: 9}, &timeofday.TimeOfDay{Hours: 17}
	site := func(change func(*schedulev1.Site)) func() error {
		return func() error {
			v := &schedulev1.Site{
				Name: "sites/bad", DisplayName: "Bad", TimeZone: "Europe/Dublin",
				WeeklyHours: &schedulev1.WeeklyHours{Mon: []*schedulev1.Span{{Open: nine, Close: five}}},
				Targets:     []*schedulev1.Target{{Address: &schedulev1.Target_SipUri{SipUri: "sip:a@bad.example.com"}}},
			}
			change(v)
			_, err := schedulev1.NewScheduleServiceClient(s.grpc).CreateSite(t.Context(), &schedulev1.CreateSiteRequest{Site: v})
			return err
		}
	}
	line := func(change func(*routingv1.Line)) func() error {
		return func() error {
			v := &routingv1.Line{
				Name: "lines/bad", DisplayName: "Bad", Number: number("+61255500400"),
				Sites: []*routingv1.LineSite{{Site: "sites/dublin"}},
				LastResort: &routingv1.LastResort{
					Kind:   routingv1.LastResort_KIND_PERSON,
					Target: &schedulev1.Target{Address: &schedulev1.Target_SipUri{SipUri: "sip:duty@hq.example.com"}},
				},
			}
			change(v)
			_, err := routingv1.NewLineServiceClient(s.grpc).CreateLine(t.Context(), &routingv1.CreateLineRequest{Line: v})
			return err
		}
	}
	for name, c := range map[string]struct {
		do   func() error
		want []string
	}{
		"zone Local": {site(func(v *schedulev1.Site) { v.TimeZone = "Local" }), []string{"time_zone", `"Local"`}},
		"zone EST5":  {site(func(v *schedulev1.Site) { v.TimeZone = "EST5" }), []string{"time_zone", `"EST5"`}},
		"no zone":    {site(func(v *schedulev1.Site) { v.TimeZone = "" }), []string{"time_zone"}},
		"overlapping spans": {site(func(v *schedulev1.Site) {
			v.WeeklyHours.Mon = append(v.WeeklyHours.Mon, &schedulev1.Span{Open: &timeofday.TimeOfDay{Hours: 16}, Close: &timeofday.TimeOfDay{Hours: 20}})
		}), []string{"weekly_hours.mon[1]", "overlap"}},
		"a span of zero length": {site(func(v *schedulev1.Site) { v.WeeklyHours.Mon[0].Close = nine }), []string{"weekly_hours.mon[0]"}},
		"a date that does not exist": {site(func(v *schedulev1.Site) {
			v.Holidays = []*schedulev1.Holiday{{Date: &date.Date{Year: 2027, Month: 2, Day: 29}}}
		}), []string{"holidays[0].date", "2027-02-29"}},
		"a site that does not exist": {line(func(v *routingv1.Line) { v.Sites[0].Site = "sites/atlantis" }), []string{"sites[0].site", "atlantis"}},
		"no last resort":             {line(func(v *routingv1.Line) { v.LastResort = nil }), []string{"last_resort"}},
		"not E.164":                  {line(func(v *routingv1.Line) { v.Number = number("02 5550 0400") }), []string{"number", "E.164"}},
		"a number that is taken":     {line(func(v *routingv1.Line) { v.Number = number(exampleHiddenNumber) }), []string{"number"}},
	} {
		err := c.do()
		if code := status.Code(err); code != codes.InvalidArgument && code != codes.FailedPrecondition &&
			code != codes.AlreadyExists {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q is not in %v", name, w, err)
			}
		}
		if strings.Contains(err.Error(), "5550 0400") || strings.Contains(err.Error(), exampleHiddenNumber[1:]) {
			t.Errorf("%s: the number is shown: %v", name, err)
		}
	}
	for _, path := range []string{"sites/bad", "lines/bad"} {
		if code, body := s.get(t, "/v1/"+path); code != http.StatusNotFound {
			t.Errorf("%s was written: %s", path, body)
		}
	}
	code, body := s.post(t, "/v1/calls:route", bytes.Repeat([]byte(" "), 10<<20))
	if code != http.StatusRequestEntityTooLarge || !strings.Contains(string(body), "4194304") {
		t.Errorf("10 MB over REST: %d %.200s", code, body)
	}
	code, body = s.post(t, "/v1/calls:route", []byte(`{"callId":"x","dialledNumber":"+61255500100","colour":"red"}`))
	if code != http.StatusBadRequest || !strings.Contains(string(body), "colour") {
		t.Errorf("an unknown field over REST: %d %.200s", code, body)
	}
	if !json.Valid(body) {
		t.Errorf("not JSON: %s", body)
	}
}

func number(s string) *phone_number.PhoneNumber {
	return &phone_number.PhoneNumber{Kind: &phone_number.PhoneNumber_E164Number{E164Number: s}}
}

// TestAnUpdateNeedsOnlyWhatItChanges patches one field of each kind of resource over REST.
func TestAnUpdateNeedsOnlyWhatItChanges(t *testing.T) {
	eachKind(t, options{}, func(t *testing.T, s *system) {
		for _, name := range []string{"sites/dublin", "customers/acme", "lines/gold-emergency"} {
			_, before := s.get(t, "/v1/"+name)
			code, after := s.patch(t, "/v1/"+name, `{"displayName":"Renamed"}`)
			if code != http.StatusOK || !strings.Contains(string(after), "Renamed") {
				t.Errorf("PATCH %s: %d %s", name, code, after)
			}
			if len(after) < len(before)/2 {
				t.Errorf("%s lost fields:\n%s\n%s", name, before, after)
			}
			code, after = s.patch(t, "/v1/"+name, `{"displayName":""}`)
			if code != http.StatusBadRequest || !strings.Contains(string(after), "display_name") {
				t.Errorf("PATCH %s to no name: %d %s", name, code, after)
			}
		}
	})
}

func (s *system) patch(t testing.TB, path, body string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, "http://"+s.httpAddr+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return s.do(t, req)
}
