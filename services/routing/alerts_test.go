package routing_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// stamp is an instant, hours after viewtest.Base.
func stamp(hours float64) *timestamppb.Timestamp { return timestamppb.New(viewtest.At(hours)) }

// list is the alerts that stand, in words.
func (h *house) list(t testing.TB, r *routingv1.ListAlertsRequest) []string {
	t.Helper()
	resp, err := h.alerts.ListAlerts(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, a := range resp.GetAlerts() {
		words = append(words, strings.TrimPrefix(a.GetName(), "alerts/"))
	}
	return words
}

// raised waits until alerts stand.
func (h *house) raised(t testing.TB, want ...string) {
	t.Helper()
	await.True(t, fmt.Sprintf("alerts %v stand", want), func() bool {
		return slices.Equal(h.list(t, &routingv1.ListAlertsRequest{}), want)
	})
}

// TestNobodyThereIsAnAlertAtOnce: on a line without rotas, while all its sites are closed.
func TestNobodyThereIsAnAlertAtOnce(t *testing.T) {
	h := open(t)
	h.applied(t, h.put(t, followTheSun().Records()...))
	if h.route(t, "+61255500100", ""); len(h.list(t, &routingv1.ListAlertsRequest{})) != 0 {
		t.Error("an alert while sites are open")
	}
	h.clock.Set(viewtest.At(18))
	if got := shape(h.route(t, "+61255500100", "+13035550100")); got != "lines/gold last-resort" {
		t.Fatal(got)
	}
	h.raised(t, "nobody-there-gold")
	resp, err := h.alerts.ListAlerts(t.Context(), &routingv1.ListAlertsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	a := resp.GetAlerts()[0]
	if a.GetLine() != "lines/gold" || a.GetCustomer() != "customers/acme" || a.GetCallId() != "call-1" || a.GetGateway() != "sip-1" ||
		!a.GetFirstTime().AsTime().Equal(viewtest.At(18)) || a.GetKind() != routingv1.AlertKind_ALERT_KIND_NOBODY_THERE {
		t.Errorf("%v", a)
	}
	await.True(t, "metrics tell", func() bool {
		return h.metric(t, "dayside.alerts.raised", "kind=nobody_there") == 1 &&
			h.metric(t, "dayside.alerts.open", "kind=nobody_there") == 1
	})
	// A thousand more calls change nothing but, once a minute, when it was seen last.
	before, err := h.etcd.Get(t.Context(), published.AlertPrefix+"nobody-there-gold")
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		h.route(t, "+61255500100", "+13035550100")
	}
	after, err := h.etcd.Get(t.Context(), published.AlertPrefix+"nobody-there-gold")
	if err != nil {
		t.Fatal(err)
	}
	if before.CreateRevision != before.ModRevision || after.ModRevision != before.ModRevision ||
		h.metric(t, "dayside.alerts.pending") != 0 {
		t.Errorf("written at %d, %d and %d", before.CreateRevision, before.ModRevision, after.ModRevision)
	}
	h.clock.Advance(time.Minute)
	h.route(t, "+61255500100", "+13035550100")
	await.True(t, "it is seen again", func() bool {
		resp, err := h.alerts.ListAlerts(t.Context(), &routingv1.ListAlertsRequest{})
		return err == nil && resp.GetAlerts()[0].GetLastTime().AsTime().Equal(viewtest.At(18).Add(time.Minute))
	})
	if log := h.log.String(); strings.Count(log, "an alert is raised") != 1 || strings.Contains(log, "13035550100") {
		t.Errorf("log:\n%s", log)
	}
}

func TestAnAlertIsResolvedOnceAndOpensAgain(t *testing.T) {
	h := open(t)
	h.applied(t, h.put(t, followTheSun().Records()...))
	h.clock.Set(viewtest.At(18))
	h.route(t, "+61255500100", "")
	h.raised(t, "nobody-there-gold")
	h.clock.Advance(time.Hour)
	for _, by := range []string{"", "somebody else"} {
		a, err := h.alerts.ResolveAlert(t.Context(), &routingv1.ResolveAlertRequest{Name: "alerts/nobody-there-gold", ResolvedBy: by})
		if err != nil || a.GetResolvedBy() != "local" || !a.GetResolveTime().AsTime().Equal(viewtest.At(19)) {
			t.Errorf("resolved by %q: %v, %v", by, a, err)
		}
	}
	if got := h.list(t, &routingv1.ListAlertsRequest{}); len(got) != 0 {
		t.Errorf("still stand: %v", got)
	}
	if got := h.list(t, &routingv1.ListAlertsRequest{IncludeResolved: true}); len(got) != 1 {
		t.Errorf("with those that are resolved: %v", got)
	}
	h.clock.Advance(time.Minute)
	h.route(t, "+61255500100", "")
	h.raised(t, "nobody-there-gold")
	_, err := h.alerts.ResolveAlert(t.Context(), &routingv1.ResolveAlertRequest{Name: "alerts/nobody-there-members"})
	wantReason(t, err, rpcv1.Reason_REASON_NOT_FOUND)
	_, err = h.alerts.ResolveAlert(t.Context(), &routingv1.ResolveAlertRequest{Name: "alerts/../lines"})
	wantReason(t, err, rpcv1.Reason_REASON_INVALID_FIELD)
}

// putAlerts writes alerts as another process would.
func (h *house) putAlerts(t *testing.T, all ...*routingv1.Alert) {
	t.Helper()
	var records []viewtest.Record
	for _, a := range all {
		value, err := published.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, viewtest.Record{
			Key: published.AlertPrefix + strings.TrimPrefix(a.GetName(), "alerts/"), Value: value,
		})
	}
	h.applied(t, h.put(t, records...))
}

// TestAlertsGoAWeekAfterTheyWereSeen, whoever raised them.
func TestAlertsGoAWeekAfterTheyWereSeen(t *testing.T) {
	h := open(t)
	h.applied(t, h.put(t, followTheSun().Records()...))
	old := func(id string, hour float64) *routingv1.Alert {
		return &routingv1.Alert{Name: "alerts/" + id, Kind: routingv1.AlertKind_ALERT_KIND_NOBODY_ANSWERED, LastTime: stamp(hour)}
	}
	var many []*routingv1.Alert
	for i := range 100 {
		many = append(many, old(fmt.Sprintf("old-%d", i), 4-float64(i)/100))
	}
	h.putAlerts(t, append(many, old("young", 170))...)
	h.clock.Set(viewtest.At(4 + 7*24 + 0.5))
	await.True(t, "the old ones are gone", func() bool {
		h.clock.Advance(time.Minute)
		return slices.Equal(h.list(t, &routingv1.ListAlertsRequest{}), []string{"young"})
	})
}

func TestAlertsComeInPages(t *testing.T) {
	h := open(t)
	var all []*routingv1.Alert
	for i := range 25 {
		all = append(all, &routingv1.Alert{
			Name: fmt.Sprintf("alerts/a-%02d", i), Kind: routingv1.AlertKind_ALERT_KIND_MESSAGE_LEFT, LastTime: stamp(float64(i / 3)),
			RecordingUri: "https://edge.example/secret.wav",
		})
	}
	h.putAlerts(t, all...)
	var names []string
	token := ""
	for pages := 1; ; pages++ {
		resp, err := h.alerts.ListAlerts(t.Context(), &routingv1.ListAlertsRequest{PageSize: 10, PageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range resp.GetAlerts() {
			names = append(names, a.GetName())
		}
		// What comes meanwhile is before the page, and moves none.
		h.putAlerts(t, &routingv1.Alert{Name: fmt.Sprintf("alerts/new-%d", pages), LastTime: stamp(100 + float64(pages))})
		if token = resp.GetNextPageToken(); token == "" {
			break
		}
	}
	slices.SortFunc(all, func(a, b *routingv1.Alert) int {
		if c := b.GetLastTime().GetSeconds() - a.GetLastTime().GetSeconds(); c != 0 {
			return int(c)
		}
		return strings.Compare(a.GetName(), b.GetName())
	})
	for i, a := range all {
		if i >= len(names) || names[i] != a.GetName() {
			t.Fatalf("listed %v", names)
		}
	}
	for _, token := range []string{"x", "!", "YWxlcnRz", "MTIgbGluZXMveA"} {
		_, err := h.alerts.ListAlerts(t.Context(), &routingv1.ListAlertsRequest{PageToken: token})
		wantReason(t, err, rpcv1.Reason_REASON_INVALID_FIELD)
	}
	// Whoever may only read learns that a message waits, not where it can be heard.
	for _, role := range []rpcv1.Role{rpcv1.Role_ROLE_READER, rpcv1.Role_ROLE_AUDITOR, rpcv1.Role_ROLE_SITE} {
		h.roles = []rpcv1.Role{role}
		resp, err := h.alerts.ListAlerts(t.Context(), &routingv1.ListAlertsRequest{PageSize: 1000})
		if err != nil {
			t.Fatal(err)
		}
		last := resp.GetAlerts()[len(resp.GetAlerts())-1]
		if got, want := last.GetRecordingUri() != "", role == rpcv1.Role_ROLE_SITE; got != want {
			t.Errorf("%v is told where the message is: %v", role, got)
		}
	}
}

// TestAlertsStandWithoutEtcd: the list goes on, and what a call brings up while etcd is away waits for it.
func TestAlertsStandWithoutEtcd(t *testing.T) {
	h := open(t)
	h.applied(t, h.put(t, followTheSun().Records()...))
	h.putAlerts(t, &routingv1.Alert{Name: "alerts/one", LastTime: stamp(4)})
	h.stopEtcd()
	h.clock.Set(viewtest.At(18))
	if got := shape(h.route(t, "+61255500100", "")); got != "lines/gold last-resort" {
		t.Fatal(got)
	}
	// Whoever watches the metrics is told at once.
	await.True(t, "one waits", func() bool {
		return h.metric(t, "dayside.alerts.pending") == 1 && h.metric(t, "dayside.alerts.open", "kind=nobody_there") == 1
	})
	h.raised(t, "nobody-there-gold", "one")
}
