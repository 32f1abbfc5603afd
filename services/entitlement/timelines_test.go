package entitlement_test

import (
	"strings"
	"testing"
	"time"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

// TestHoursOfPlansFollowTheZoneRules: other rules are adopted, and the timelines are those of the new ones.
func TestHoursOfPlansFollowTheZoneRules(t *testing.T) {
	base := newWorld(t)
	base.adopt(t, zonestest.Changed(t, "2031a", map[string]string{"America/Vancouver": pacific}))
	w, rules := base.follower(t)
	await.True(t, "the rules are known", func() bool { return rules.Load() != nil })
	all := registrar{}
	w.Register(all)
	plans, _ := all["dayside.entitlement.v1.CatalogService"].(entitlementv1.CatalogServiceServer)
	s := counter{world: w, plans: plans}
	s.plan(t, business("gold"))
	w.create(t, inZone("acme", "America/Vancouver"))
	s.follow(t)
	release := func() (string, uint64) {
		list := s.timelines(t)
		if len(list) != 1 {
			return "", 0
		}
		return list[0].GetTimeline().GetTzdataRelease(), list[0].GetTimeline().GetZoneFingerprint()
	}
	s.pass(t, "the hours are compiled", time.Second, func() bool {
		is, _ := release()
		return is == "2031a"
	})
	_, before := release()
	base.adopt(t, zonestest.Changed(t, "2031b", map[string]string{"America/Vancouver": permanent}))
	s.pass(t, "they are compiled anew", time.Second, func() bool {
		is, after := release()
		return is == "2031b" && after != before
	})
}

// TestNamesThatNobodyCanHave: a clear answer, and nothing written.
func TestNamesThatNobodyCanHave(t *testing.T) {
	w := newWorld(t)
	for what, name := range map[string]string{
		"ten thousand characters": strings.Repeat("é", 10_000), "turned around": "Acme \u202egmbH", "blank": " \u00a0 ",
	} {
		c := customer("acme", "+61255500111", "db")
		c.DisplayName = name
		_, err := w.CreateCustomer(t.Context(), &entitlementv1.CreateCustomerRequest{Customer: c})
		wantReason(t, what, err, rpcv1.Reason_REASON_INVALID_FIELD)
		if err != nil && (len(err.Error()) > 1000 || !strings.Contains(err.Error(), "display_name")) {
			t.Errorf("%s: %d bytes: %.200s", what, len(err.Error()), err)
		}
	}
	if _, err := w.GetCustomer(t.Context(), &entitlementv1.GetCustomerRequest{Name: "customers/acme"}); err == nil {
		t.Error("a customer was written")
	}
	c := customer("acme", "+61255500111", "db")
	c.DisplayName = "شركة أكمي Ac\u0301me"
	w.create(t, c)
}
