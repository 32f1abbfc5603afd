package routing_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/type/money"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/routing/internal/continuation"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// example is a whole configuration: two sites, a customer, two lines.
func example() *routingv1.ApplyConfigurationRequest {
	return &routingv1.ApplyConfigurationRequest{
		Sites:     []*schedulev1.Site{site("dublin"), site("cork")},
		Customers: []*entitlementv1.Customer{customer("acme", acmeNumber)},
		Lines: []*routingv1.Line{
			line("gold", goldNumber, "dublin", "cork"), line("silver", goldNumber+1, "cork"),
		},
	}
}

func (h *house) apply(t testing.TB, r *routingv1.ApplyConfigurationRequest) *routingv1.ApplyConfigurationResponse {
	t.Helper()
	resp, err := h.configuration.ApplyConfiguration(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// changes are a response's changes for reading, unchanged ones left out.
func changes(r *routingv1.ApplyConfigurationResponse) string {
	var out []string
	for _, c := range r.GetChanges() {
		if c.GetKind() != rpcv1.Change_KIND_UNCHANGED {
			out = append(out, strings.TrimPrefix(c.GetKind().String(), "KIND_")+":"+c.GetName())
		}
	}
	return strings.Join(out, " ")
}

// keys is everything in etcd, to see that nothing was written.
func (h *house) keys(t testing.TB) string {
	t.Helper()
	entries, _, err := h.etcd.ListAll(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, e := range entries {
		if strings.HasPrefix(e.Key, "status/") || strings.HasPrefix(e.Key, "cluster/") ||
			strings.HasPrefix(e.Key, continuation.Prefix) {
			continue // what processes say of themselves, or do for themselves
		}
		out.WriteString(e.Key)
		out.WriteByte('=')
		out.Write(e.Value)
		out.WriteByte('\n')
	}
	return out.String()
}

func TestConfigurationIsAppliedAsAWhole(t *testing.T) {
	h := open(t)
	dry := example()
	dry.ValidateOnly = true
	const all = "CREATE:sites/cork CREATE:sites/dublin CREATE:customers/acme CREATE:lines/gold CREATE:lines/silver"
	if got := h.apply(t, dry); changes(got) != all || got.GetRevision() != 0 || h.keys(t) != "" {
		t.Fatalf("a dry run: %s at %d, and etcd holds %s", changes(got), got.GetRevision(), h.keys(t))
	}
	got := h.apply(t, example())
	if changes(got) != all || got.GetRevision() == 0 {
		t.Fatalf("%s at %d", changes(got), got.GetRevision())
	}
	h.applied(t, got.GetRevision())
	for _, key := range []string{"schedule/sites/dublin", "pub/entitlement/customers/acme", "routing/lines/gold", "pub/routing/lines/silver"} {
		if e, err := h.etcd.Get(t.Context(), key); err != nil || e.ModRevision != got.GetRevision() {
			t.Errorf("%s at %d, %v; want all at revision %d", key, e.ModRevision, err, got.GetRevision())
		}
	}
	if strings.Contains(got.String(), canary) {
		t.Errorf("the hidden number is among the changes: %v", got)
	}
	if again := h.apply(t, example()); changes(again) != "" || again.GetRevision() != 0 || len(again.GetChanges()) != 5 {
		t.Errorf("applied again: %s at %d", changes(again), again.GetRevision())
	}
	next := &routingv1.ApplyConfigurationRequest{
		Lines: []*routingv1.Line{line("gold", goldNumber, "dublin")}, Delete: []string{"customers/acme", "sites/cork", "lines/silver"},
	}
	if got := h.apply(t, next); changes(got) != "DELETE:sites/cork DELETE:customers/acme UPDATE:lines/gold DELETE:lines/silver" {
		t.Errorf("the next one: %s", changes(got))
	}
	for _, gone := range []string{"pub/schedule/sites/cork", "schedule/sites/cork", "pub/entitlement/customers/acme", "routing/lines/silver", "pub/routing/lines/silver"} {
		if _, err := h.etcd.Get(t.Context(), gone); err == nil {
			t.Errorf("%s is still there", gone)
		}
	}
}

func TestPruneRemovesWhatIsNotNamed(t *testing.T) {
	h := open(t)
	h.apply(t, example())
	got := h.apply(t, &routingv1.ApplyConfigurationRequest{
		Sites: []*schedulev1.Site{site("dublin")}, Lines: []*routingv1.Line{line("gold", goldNumber, "dublin")}, Prune: true,
	})
	if changes(got) != "DELETE:sites/cork DELETE:customers/acme UPDATE:lines/gold DELETE:lines/silver" {
		t.Error(changes(got))
	}
	if got := h.apply(t, &routingv1.ApplyConfigurationRequest{Prune: true}); changes(got) != "DELETE:sites/dublin DELETE:lines/gold" || h.keys(t) != "" {
		t.Errorf("pruned to nothing: %s, etcd holds %s", changes(got), h.keys(t))
	}
}

func TestLinesMaySwapTheirNumbers(t *testing.T) {
	h := open(t)
	h.apply(t, example())
	swapped := []*routingv1.Line{line("gold", goldNumber+1, "dublin", "cork"), line("silver", goldNumber, "cork")}
	h.applied(t, h.apply(t, &routingv1.ApplyConfigurationRequest{Lines: swapped}).GetRevision())
	if got := h.route(t, "+61255500100", "").GetLine(); got != "lines/silver" {
		t.Error(got)
	}
}

func TestBadConfigurationIsRefusedWhole(t *testing.T) {
	h := open(t)
	h.apply(t, example())
	before := h.keys(t)
	for what, c := range map[string]struct {
		request *routingv1.ApplyConfigurationRequest
		reason  rpcv1.Reason
		says    []string
	}{
		"a line with a site that nobody has": {
			&routingv1.ApplyConfigurationRequest{
				Sites: []*schedulev1.Site{site("galway")}, Lines: []*routingv1.Line{line("new", goldNumber+2, "galway", "atlantis")},
			}, rpcv1.Reason_REASON_MISSING_REFERENCE, []string{`lines/new: sites[1].site: "sites/atlantis"`},
		},
		"a site that a line keeps": {
			&routingv1.ApplyConfigurationRequest{Delete: []string{"sites/dublin"}}, rpcv1.Reason_REASON_IN_USE,
			[]string{"sites/dublin is used by lines/gold", "lines/gold: sites[0].site"},
		},
		"a site that two lines keep": {
			&routingv1.ApplyConfigurationRequest{Delete: []string{"sites/cork"}}, rpcv1.Reason_REASON_IN_USE,
			[]string{"sites/cork is used by lines/gold, lines/silver"},
		},
		"a site deleted under a line that is written": {
			&routingv1.ApplyConfigurationRequest{
				Lines:  []*routingv1.Line{line("new", goldNumber+2, "cork"), line("gold", goldNumber, "dublin")},
				Delete: []string{"sites/cork", "lines/silver"},
			}, rpcv1.Reason_REASON_IN_USE, []string{"sites/cork is used by lines/new"},
		},
		"a number twice": {
			&routingv1.ApplyConfigurationRequest{Lines: []*routingv1.Line{line("new", goldNumber+1, "cork")}},
			rpcv1.Reason_REASON_INVALID_FIELD, []string{`lines/silver: number: "(hidden)": is the number of lines/new too`},
		},
		"mistakes in lines of all kinds, at once": {
			&routingv1.ApplyConfigurationRequest{
				Lines: []*routingv1.Line{line("new", goldNumber+2, "cork", "cork"), line("newer", goldNumber+3, "dublin", "dublin")},
			}, rpcv1.Reason_REASON_INVALID_FIELD, []string{"lines/new: sites[1].site", "lines/newer: sites[1].site"},
		},
		"names of nothing": {
			&routingv1.ApplyConfigurationRequest{Delete: []string{"lines/gold", "robots/x", "sites", "sites/a/b", "lines/gold"}},
			rpcv1.Reason_REASON_INVALID_FIELD, []string{`delete[1]: "robots/x"`, `delete[2]: "sites"`, `delete[3]`, `delete[4]: "lines/gold"`},
		},
		"a name that does not exist": {
			&routingv1.ApplyConfigurationRequest{Delete: []string{"lines/bronze"}}, rpcv1.Reason_REASON_NOT_FOUND, []string{"lines/bronze"},
		},
		"written and deleted": {
			&routingv1.ApplyConfigurationRequest{Lines: []*routingv1.Line{line("gold", goldNumber, "dublin")}, Delete: []string{"lines/gold"}},
			rpcv1.Reason_REASON_INVALID_FIELD, []string{"lines/gold"},
		},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := h.configuration.ApplyConfiguration(t.Context(), c.request)
			wantReason(t, err, c.reason)
			for _, want := range c.says {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v does not say %s", err, want)
				}
			}
			if h.keys(t) != before {
				t.Error("something was written")
			}
		})
	}
}

// Each owner finds its own mistakes; one answer names all of them.
func TestMistakesOfAllOwnersComeTogether(t *testing.T) {
	h := open(t)
	// Rules that the protos do not hold: the fakes' own, and a site listed twice.
	badSite, badCustomer := site("galway"), customer("globex", acmeNumber)
	badSite.TimeZone, badCustomer.TimeZone = "Local", "Local"
	_, err := h.configuration.ApplyConfiguration(t.Context(), &routingv1.ApplyConfigurationRequest{
		Sites: []*schedulev1.Site{badSite}, Customers: []*entitlementv1.Customer{badCustomer},
		Lines: []*routingv1.Line{line("new", goldNumber, "cork", "cork")},
	})
	wantReason(t, err, rpcv1.Reason_REASON_INVALID_FIELD)
	for _, want := range []string{"sites/galway: time_zone", "customers/globex: time_zone", "lines/new: sites[1].site"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %s", err, want)
		}
	}
	if h.keys(t) != "" {
		t.Error("something was written")
	}
}

func TestAConcurrentChangeWinsWhole(t *testing.T) {
	for what, race := range map[string]func(h *house) error{
		"a line takes the number": func(h *house) error {
			_, err := h.lines.CreateLine(t.Context(), createLine(line("other", goldNumber+5, "dublin")))
			return err
		},
		"a site of the line goes": func(h *house) error {
			_, err := h.etcd.Commit(t.Context(), nil, deleteKey("pub/schedule/sites/dublin"))
			return err
		},
		"the line itself changes": func(h *house) error {
			_, err := h.lines.UpdateLine(t.Context(), &routingv1.UpdateLineRequest{Line: line("silver", goldNumber+1, "dublin")})
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			h := open(t)
			h.apply(t, example())
			h.beforeCommit = func() {
				if err := race(h); err != nil {
					t.Error(err)
				}
			}
			_, err := h.configuration.ApplyConfiguration(t.Context(), &routingv1.ApplyConfigurationRequest{
				Sites: []*schedulev1.Site{site("galway")},
				Lines: []*routingv1.Line{line("new", goldNumber+5, "dublin", "galway"), line("silver", goldNumber+1, "cork", "dublin")},
			})
			wantReason(t, err, rpcv1.Reason_REASON_CONFLICT)
			if strings.Contains(h.keys(t), "galway") {
				t.Error("half of it was written")
			}
		})
	}
	// A line that lists a site comes while that site goes.
	h := open(t)
	h.apply(t, example())
	h.beforeCommit = func() {
		if _, err := h.lines.CreateLine(t.Context(), createLine(line("new", goldNumber+5, "dublin"))); err != nil {
			t.Error(err)
		}
	}
	_, err := h.configuration.ApplyConfiguration(t.Context(), &routingv1.ApplyConfigurationRequest{
		Lines: []*routingv1.Line{line("gold", goldNumber, "cork")}, Delete: []string{"sites/dublin"},
	})
	wantReason(t, err, rpcv1.Reason_REASON_CONFLICT)
}

func deleteKey(key string) []*rpcv1.Write { return []*rpcv1.Write{{Key: key, Delete: true}} }

func TestOwnersAreAskedOnlyWhereSomethingIsTheirs(t *testing.T) {
	h := open(t)
	h.apply(t, example())
	_, sites := h.schedule.last()
	customers := h.entitlement.asked
	renamed := line("gold", goldNumber, "cork", "dublin") // and in another order
	renamed.DisplayName = "Gold"
	h.apply(t, &routingv1.ApplyConfigurationRequest{Lines: []*routingv1.Line{renamed}, Delete: []string{"lines/silver"}})
	if _, now := h.schedule.last(); now != sites || h.entitlement.asked != customers {
		t.Error("a change of lines that keep their coverage asks other services")
	}
	h.apply(t, &routingv1.ApplyConfigurationRequest{Lines: []*routingv1.Line{line("gold", goldNumber, "cork")}})
	if _, now := h.schedule.last(); now != sites+1 || h.entitlement.asked != customers {
		t.Error("a line's coverage changes, and schedule is not asked, or entitlement is")
	}
}

// TestAnOfferAndTheLineThatMakesItComeTogether: a line offers what exists, or what is written with it, and that is not deleted.
func TestAnOfferAndTheLineThatMakesItComeTogether(t *testing.T) {
	h := open(t)
	r := example()
	r.Lines[0].Offers = []string{"offers/once"}
	_, err := h.configuration.ApplyConfiguration(t.Context(), r)
	wantReason(t, err, rpcv1.Reason_REASON_MISSING_REFERENCE)
	r.Offers = []*entitlementv1.Offer{{
		Name: "offers/once", DisplayName: "Once", Kind: entitlementv1.OfferKind_OFFER_KIND_DAY_PASS,
		Price: &money.Money{CurrencyCode: "EUR", Units: 90}, Terms: []*entitlementv1.OfferTerms{{Language: "en", Text: "T.", Version: "1"}},
	}}
	h.applied(t, h.apply(t, r).GetRevision())
	_, err = h.configuration.ApplyConfiguration(t.Context(), &routingv1.ApplyConfigurationRequest{Delete: []string{"offers/once"}})
	wantReason(t, err, rpcv1.Reason_REASON_IN_USE)
	plain := line("gold", goldNumber, "dublin", "cork")
	h.apply(t, &routingv1.ApplyConfigurationRequest{Lines: []*routingv1.Line{plain}, Delete: []string{"offers/once"}})
	if strings.Contains(h.keys(t), "offers/once") {
		t.Error("the offer is still there")
	}
}

func TestAnOwnersFaultIsPassedOn(t *testing.T) {
	h := open(t)
	_, err := h.configuration.ApplyConfiguration(t.Context(), &routingv1.ApplyConfigurationRequest{
		Sites: []*schedulev1.Site{site("dublin")}, Delete: []string{"sites/dublin"},
	})
	if got := fault.ReasonOf(rpc.Fault(err)); got == rpcv1.Reason_REASON_INTERNAL || got == 0 {
		t.Errorf("%v", err)
	}
}

// TestWhoAppliesAnOfferThatDoesNotCoverItsLineIsTold: by whichever of the two is changed, or by the plan; nothing is refused.
func TestWhoAppliesAnOfferThatDoesNotCoverItsLineIsTold(t *testing.T) {
	h := open(t)
	r := example()
	r.Lines[0].Offers, r.Lines[0].Severity = []string{"offers/once"}, entitlementv1.Severity_SEVERITY_P1
	r.Offers = []*entitlementv1.Offer{{
		Name: "offers/once", DisplayName: "Once", Kind: entitlementv1.OfferKind_OFFER_KIND_UPGRADE, Plan: "plans/day",
		Price: &money.Money{CurrencyCode: "EUR", Units: 90}, Terms: []*entitlementv1.OfferTerms{{Language: "en", Text: "T.", Version: "1"}},
	}}
	for _, c := range []struct {
		name, line, offer string
		plan              *publishedv1.Plan
		want              string
	}{
		{name: "the same product", line: "db", offer: "db"},
		{name: "an offer for any", line: "db"},
		{name: "a line for any", offer: "db"},
		{name: "another product", line: "web", offer: "db", want: "it is for product db, the line for web"},
		{name: "the plan's product", line: "web", plan: &publishedv1.Plan{Products: []string{"db"}}, want: "plans/day does not cover product web"},
		{name: "the plan's lines", plan: &publishedv1.Plan{Lines: []string{"lead"}}, want: "plans/day does not give the line"},
		{name: "one of them", plan: &publishedv1.Plan{Lines: []string{"lead", "gold"}}},
		{
			name: "the plan's severities", want: "plans/day does not cover P1",
			plan: &publishedv1.Plan{Severities: []entitlementv1.Severity{entitlementv1.Severity_SEVERITY_P2}},
		},
	} {
		plan := &publishedv1.Plan{}
		if c.plan != nil {
			plan = c.plan
		}
		plan.Id = "day"
		h.applied(t, h.put(t, viewtest.PlanRecord(plan)))
		r.Lines[0].Product, r.Offers[0].Product, r.ValidateOnly = c.line, c.offer, true
		answer, err := h.configuration.ApplyConfiguration(t.Context(), r)
		var want []string
		if c.want != "" {
			want = []string{"lines/gold makes offers/once, which does not cover it: " + c.want}
		}
		if err != nil || !slices.Equal(answer.GetWarnings(), want) {
			t.Errorf("%s: %q, %v", c.name, answer.GetWarnings(), err)
		}
	}
}
