package contracts_test

import (
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"pgregory.net/rapid"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/contracts"
	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/timeline"
)

// onePlan is a catalog of one plan, which any contract has, without hours.
type onePlan struct{ plan entitle.Plan }

func (p *onePlan) Plan(string) *entitle.Plan { return &p.plan }

func (*onePlan) Hours(string, string, []string) *timeline.Timeline { return nil }

// graceEnds is when the grace ends of a contract of a customer in a zone, by a plan that gives so many days.
func graceEnds(t rapid.TB, zones contracts.Zones, zone string, end *date.Date, days int32) int64 {
	t.Helper()
	c, err := contracts.Compile(customer(zone, term(day(2000, 1, 1), end)), zones)
	if err != nil {
		t.Fatal(err)
	}
	parties := []entitle.Party{entitle.PartyOf(c, nil)}
	answer := entitle.Ask(parties, &onePlan{entitle.Plan{GraceS: days * 86400}}, entitle.Question{
		AtUnixS: c.GetContracts()[0].GetToUnixS(),
	})
	if days > 0 && answer.Basis != entitlementv1.Basis_BASIS_GRACE {
		t.Fatalf("%s: %v behind the end", zone, answer.Basis)
	}
	if days == 0 {
		return c.GetContracts()[0].GetToUnixS()
	}
	return answer.UntilUnixS
}

// TestAPlansGraceEndsWithADayOfTheCustomers: whatever clocks do in between, and of UTC where nobody says where they are.
func TestAPlansGraceEndsWithADayOfTheCustomers(t *testing.T) {
	zones := bundle(t)
	for _, c := range []struct {
		name, zone string
		end        *date.Date
		days       int32
		want       string
	}{
		{"in spring", "Europe/Berlin", day(2026, 3, 25), 7, "2026-04-01T22:00:00Z"},
		{"until the day before", "Europe/Berlin", day(2026, 3, 25), 3, "2026-03-28T23:00:00Z"},
		{"until that day", "Europe/Berlin", day(2026, 3, 25), 4, "2026-03-29T22:00:00Z"},
		{"in autumn", "Europe/Berlin", day(2026, 10, 20), 7, "2026-10-27T23:00:00Z"},
		{"over both", "America/New_York", day(2026, 3, 1), 300, "2026-12-27T05:00:00Z"},
		{"over three", "Europe/Berlin", day(2024, 3, 30), 365, "2025-03-30T22:00:00Z"},
		{"half an hour", "Australia/Lord_Howe", day(2026, 4, 1), 10, "2026-04-11T13:30:00Z"},
		{"where clocks stay", "Asia/Tokyo", day(2026, 3, 25), 7, "2026-04-01T15:00:00Z"},
		{"nowhere", "", day(2026, 3, 25), 7, "2026-04-02T00:00:00Z"},
	} {
		if got := utc(graceEnds(t, zones, c.zone, c.end, c.days)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestGraceOfAPlanProperty: it ends as that of a contract which says as many days itself.
func TestGraceOfAPlanProperty(t *testing.T) {
	zones := bundle(t)
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom([]string{
			"Europe/Berlin", "America/New_York", "America/Havana", "America/Santiago", "Africa/Casablanca", "Africa/Cairo",
			"Asia/Beirut", "Australia/Lord_Howe", "Pacific/Chatham", "Europe/Dublin", "Asia/Kolkata", "UTC",
		}).Draw(t, "zone")
		end := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 4000).Draw(t, "end"))
		days := rapid.Int32Range(0, 366).Draw(t, "days")
		loc, err := zones.Location(zone)
		if err != nil {
			t.Fatal(err)
		}
		last := hours.Date{Year: end.Year(), Month: end.Month(), Day: end.Day()}
		want := hours.Begins(loc, last.AddDays(1+int(days)))
		if got := graceEnds(t, zones, zone, day(int32(last.Year), int32(last.Month), int32(last.Day)), days); got != want {
			t.Fatalf("%s, %v and %d days: %s, want %s", zone, last, days, utc(got), utc(want))
		}
	})
}
