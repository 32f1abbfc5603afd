package entitlement_test

import (
	"fmt"
	"strings"
	"testing"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
)

// acmes are two customers of like names, one with all that others may know of it.
func acmes(t *testing.T, w world) {
	t.Helper()
	berlin := customer("acme-de", "+493055500111", "db")
	berlin.DisplayName, berlin.Locality, berlin.Contracts[0].ContractId = "Acme GmbH", "Berlin", "C-4711"
	berlin.Contacts = []*entitlementv1.Contact{{ContactId: "ada", DisplayName: "Ada", Email: "ada@acme.example"}}
	berlin.EmailDomains = []string{"acme.example"}
	berlin.ExternalIds = []*entitlementv1.ExternalId{{System: "crm", Id: "4711"}, {System: "beta", Id: "b-9"}}
	boston := customer("acme-us", "+13035550101", "db")
	boston.DisplayName, boston.Locality, boston.Contracts[0].ContractId = "Acme Inc", "Boston", "C-4712"
	bolt := customer("bolt", "+13035550101", "db") // one switchboard for two
	bolt.DisplayName = "Bolt Ltd"
	for _, c := range []*entitlementv1.Customer{berlin, boston, bolt} {
		w.create(t, c)
	}
	w.follow(t)
	await.True(t, "the first list", w.Ready)
}

// told is an answer in one line.
func told(r *entitlementv1.IdentifyCallerResponse) string {
	var all []string
	for _, c := range r.GetCandidates() {
		why := strings.TrimPrefix(c.GetEvidence()[0].GetKind().String(), "EVIDENCE_KIND_")
		all = append(all, fmt.Sprintf("%s by %s %q", strings.TrimPrefix(c.GetCustomer(), "customers/"), why,
			c.GetEvidence()[0].GetMatched()))
	}
	return fmt.Sprintf("%s; certain %v", strings.Join(all, ", "), r.GetCertain())
}

func TestIdentifyCallerTakesWhateverThereIs(t *testing.T) {
	w := newWorld(t)
	acmes(t, w)
	crm := func(id string) []*entitlementv1.ExternalId {
		return []*entitlementv1.ExternalId{{System: "crm", Id: id}}
	}
	for _, c := range []struct {
		ask  *entitlementv1.IdentifyCallerRequest
		want string
	}{
		{&entitlementv1.IdentifyCallerRequest{Number: "+49 30 555 00111"}, `acme-de by NUMBER "+49…11"; certain true`},
		{
			&entitlementv1.IdentifyCallerRequest{Number: "030 55500111", DefaultRegion: "DE", NumberVerified: true},
			`acme-de by VERIFIED_NUMBER "+49…11"; certain true`,
		},
		{
			&entitlementv1.IdentifyCallerRequest{Number: "13035550101", NumberVerified: true},
			`acme-us by NUMBER "+13…01", bolt by NUMBER "+13…01"; certain false`,
		},
		{
			&entitlementv1.IdentifyCallerRequest{Number: "+13035550101", Name: "acme"},
			`acme-us by NAME "Acme Inc", acme-de by NAME "Acme GmbH", bolt by NUMBER "+13…01"; certain true`,
		},
		{&entitlementv1.IdentifyCallerRequest{Email: "Ada@ACME.example"}, `acme-de by EMAIL "A…@ACME.example"; certain true`},
		{&entitlementv1.IdentifyCallerRequest{Email: "bob@acme.example"}, `acme-de by EMAIL_DOMAIN "acme.example"; certain false`},
		{&entitlementv1.IdentifyCallerRequest{Email: "acme.example"}, `acme-de by EMAIL_DOMAIN "acme.example"; certain false`},
		{&entitlementv1.IdentifyCallerRequest{Name: "ada@acme.example"}, `acme-de by EMAIL "a…@acme.example"; certain true`},
		{
			&entitlementv1.IdentifyCallerRequest{Name: "www.acme.example"},
			`acme-de by EMAIL_DOMAIN "acme.example", acme-us by SIMILAR_NAME "Acme Inc"; certain false`,
		},
		{
			&entitlementv1.IdentifyCallerRequest{Name: " +49 30 555 00111", NumberVerified: true}, `acme-de by NUMBER "+49…11"; certain true`,
		},
		{&entitlementv1.IdentifyCallerRequest{ExternalIds: crm("4711")}, `acme-de by EXTERNAL_ID "crm: 4711"; certain true`},
		{&entitlementv1.IdentifyCallerRequest{ExternalIds: crm("b-9")}, `; certain false`},
		{&entitlementv1.IdentifyCallerRequest{ContractId: "c-4712"}, `acme-us by CONTRACT "C-4712"; certain true`},
		{&entitlementv1.IdentifyCallerRequest{Name: "c 47 12"}, `acme-us by CONTRACT "C-4712"; certain true`},
		{
			&entitlementv1.IdentifyCallerRequest{Name: "My contract number is C dash 4712."}, `acme-us by CONTRACT "C-4712"; certain true`,
		},
		{&entitlementv1.IdentifyCallerRequest{Name: "A 4712"}, `; certain false`},
		{&entitlementv1.IdentifyCallerRequest{Name: "Hello, this is Bolt Limited calling"}, `bolt by NAME "Bolt Ltd"; certain true`},
		{&entitlementv1.IdentifyCallerRequest{Name: "guten Tag, hier ist Болт"}, `bolt by SIMILAR_NAME "Bolt Ltd"; certain false`},
		{&entitlementv1.IdentifyCallerRequest{Digits: "24712#"}, `acme-us by KEYPAD "C-4712"; certain false`},
		{&entitlementv1.IdentifyCallerRequest{Digits: "4712"}, `; certain false`},
		{&entitlementv1.IdentifyCallerRequest{Name: "C-4712"}, `acme-us by CONTRACT "C-4712"; certain true`},
		{
			&entitlementv1.IdentifyCallerRequest{ContractId: "C-4712", Number: "+493055500111"},
			`acme-us by CONTRACT "C-4712", acme-de by NUMBER "+49…11"; certain false`,
		},
	} {
		r, err := w.IdentifyCaller(t.Context(), c.ask)
		if err != nil {
			t.Errorf("%v: %v", c.ask, err)
			continue
		}
		if got := told(r); got != c.want {
			t.Errorf("%v:\n got %s\nwant %s", c.ask, got, c.want)
		}
		if (r.GetQuestion() == "") != r.GetCertain() {
			t.Errorf("%v: certain %v, and the question is %q", c.ask, r.GetCertain(), r.GetQuestion())
		}
	}
}

func TestAmbiguityIsAskedAbout(t *testing.T) {
	w := newWorld(t)
	acmes(t, w)
	r := w.identify(t, "acme", "")
	if r.GetCertain() || r.GetQuestion() != "Acme GmbH in Berlin or Acme Inc in Boston?" {
		t.Errorf("got %v", r)
	}
	if r := w.identify(t, "acme gmbh", ""); r.GetCandidates()[0].GetCustomer() != "customers/acme-de" || r.GetCertain() {
		t.Errorf("a legal form says which is likelier, and decides nothing: %v", r)
	}
	if r := w.identify(t, "nobody at all", ""); r.GetQuestion() != "Which company are you calling for?" {
		t.Errorf("got %v", r)
	}
	if c := w.identify(t, "acme", "").GetCandidates()[0]; c.GetVerified() {
		t.Errorf("a name proves nothing: %v", c)
	}
}

// TestWhatWasSaidIsNotOverruled by the number it was said from, and a town tells of several of one name which is there.
func TestWhatWasSaidIsNotOverruled(t *testing.T) {
	w := newWorld(t)
	acmes(t, w)
	const berlin = "+493055500111"
	for said, c := range map[string]struct {
		ask  *entitlementv1.IdentifyCallerRequest
		want string
	}{
		"Acme Inc from the GmbH's number": {
			&entitlementv1.IdentifyCallerRequest{Name: "Acme Inc", Number: berlin}, "Acme Inc in Boston or Acme GmbH in Berlin?",
		},
		"and from that number, vouched for": {
			&entitlementv1.IdentifyCallerRequest{Name: "this is Acme Inc", Number: berlin, NumberVerified: true},
			"Acme Inc in Boston or Acme GmbH in Berlin?",
		},
		"a town before the legal form": {&entitlementv1.IdentifyCallerRequest{Name: "acme berlin gmbh"}, "Is that Acme GmbH in Berlin?"},
		"a town":                       {&entitlementv1.IdentifyCallerRequest{Name: "Acme in Boston"}, "Is that Acme Inc in Boston?"},
		"a town and another's legal form": {
			&entitlementv1.IdentifyCallerRequest{Name: "Acme GmbH Boston"}, "Acme Inc in Boston or Acme GmbH in Berlin?",
		},
		"a town from another's number": {
			&entitlementv1.IdentifyCallerRequest{Name: "Acme Boston", Number: berlin}, "Acme GmbH in Berlin or Acme Inc in Boston?",
		},
		"a legal form that nobody of the name has": {
			&entitlementv1.IdentifyCallerRequest{Name: "Bolt Inc"}, "Is that Bolt Ltd?",
		},
		"and from its own number":    {&entitlementv1.IdentifyCallerRequest{Name: "Acme AG", Number: berlin}, ""},
		"a town from its own number": {&entitlementv1.IdentifyCallerRequest{Name: "Acme Berlin", Number: berlin}, ""},
	} {
		r, err := w.IdentifyCaller(t.Context(), c.ask)
		if err != nil || r.GetQuestion() != c.want || r.GetCertain() != (c.want == "") {
			t.Errorf("%s: %v, %v; want %q", said, r, err, c.want)
		}
	}
	hello := customer("hello", "+493055500198", "db")
	hello.DisplayName, hello.AccessName = "Hello Ltd", "Hello"
	w.create(t, hello)
	await.True(t, "one that is called as people greet", func() bool {
		r := w.identify(t, "hello?", "")
		return !r.GetCertain() && r.GetQuestion() == "Is that Hello Ltd?"
	})
	named := customer("named", "+493055500199", "db")
	named.DisplayName, named.Locality = "Acme Boston Ltd", "Dublin"
	w.create(t, named)
	await.True(t, "one whose name has a town in it", func() bool {
		r := w.identify(t, "acme boston", "")
		return r.GetCertain() && r.GetCandidates()[0].GetCustomer() == "customers/named"
	})
}

// TestWhoSharesANumberIsAskedAbout by name: half a clue each is enough for a question.
func TestWhoSharesANumberIsAskedAbout(t *testing.T) {
	w := newWorld(t)
	acmes(t, w)
	for what, c := range map[string]struct {
		ask  *entitlementv1.IdentifyCallerRequest
		want string
	}{
		"a number of two": {&entitlementv1.IdentifyCallerRequest{Number: "+13035550101"}, "Acme Inc in Boston or Bolt Ltd?"},
		"and a word that is like neither": {
			&entitlementv1.IdentifyCallerRequest{Number: "+13035550101", Name: "zzz"}, "Acme Inc in Boston or Bolt Ltd?",
		},
		"and what is like one of them": {&entitlementv1.IdentifyCallerRequest{Number: "+13035550101", Name: "boltt"}, ""},
		"of nobody":                    {&entitlementv1.IdentifyCallerRequest{Number: "+13035550199"}, "Which company are you calling for?"},
	} {
		r, err := w.IdentifyCaller(t.Context(), c.ask)
		if err != nil || r.GetQuestion() != c.want || r.GetCertain() != (c.want == "") {
			t.Errorf("%s: %v, %v; want %q", what, r, err, c.want)
		}
	}
}

// TestOneOfManyOfAName is told by their number, wherever they stand in the alphabet; and those who are a little like a name
// do not make a question of one that is much like it.
func TestOneOfManyOfAName(t *testing.T) {
	w := newWorld(t)
	var all []*entitlementv1.Customer
	for i := range 20 {
		c := customer(fmt.Sprintf("branch-%02d", i), fmt.Sprintf("+493055500%03d", i), "db")
		c.DisplayName = "Acme Widgets GmbH"
		all = append(all, c)
	}
	for i, name := range strings.Fields("Widmer Widler Widner Wiener Winger Widger Wedger Wider Wilder Winder Wender") {
		c := customer(fmt.Sprintf("like-%02d", i), fmt.Sprintf("+493055501%03d", i), "db")
		c.DisplayName = name
		all = append(all, c)
	}
	for _, c := range all {
		w.create(t, c)
	}
	w.follow(t)
	await.True(t, "the first list", w.Ready)
	r, err := w.IdentifyCaller(t.Context(), &entitlementv1.IdentifyCallerRequest{Name: "acme widgets", Number: "+493055500017"})
	if err != nil || !r.GetCertain() || r.GetCandidates()[0].GetCustomer() != "customers/branch-17" || !r.GetMore() {
		t.Errorf("got %v, %v", told(r), err)
	}
	if r := w.identify(t, "acme widgets", ""); len(r.GetCandidates()) != 8 || !r.GetMore() ||
		r.GetQuestion() != "Several companies are called so. What is the full name, and in which town?" {
		t.Errorf("got %v", r)
	}
	if r := w.identify(t, "widgerr", ""); len(r.GetCandidates()) < 2 || r.GetCertain() || strings.HasPrefix(r.GetQuestion(), "Several") {
		t.Errorf("got %v", r)
	}
}

func TestIdentifyCallerNamesWhatIsWrong(t *testing.T) {
	w := newWorld(t)
	w.follow(t)
	await.True(t, "the first list", w.Ready)
	for what, r := range map[string]*entitlementv1.IdentifyCallerRequest{
		"national without a region": {Number: "(030) 555"}, "no number": {Number: "anonymous"},
		"no country": {Number: "030 55500111", DefaultRegion: "ZZ"},
		"no system":  {ExternalIds: []*entitlementv1.ExternalId{{Id: "4711"}}},
	} {
		_, err := w.IdentifyCaller(t.Context(), r)
		wantReason(t, what, err, rpcv1.Reason_REASON_INVALID_FIELD)
		if err != nil && strings.Contains(err.Error(), "55500111") {
			t.Errorf("%s: the number is in the error: %v", what, err)
		}
	}
}
