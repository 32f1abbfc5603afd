package entitlement_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

// dataWorld is a service whose clock runs, for an import waits between writes.
type dataWorld struct {
	*entitlement.Service
	entitlementv1.DataServiceServer
	etcd *coord.Client
}

// RegisterService keeps the desk.
func (w *dataWorld) RegisterService(_ *grpc.ServiceDesc, impl any) {
	if desk, ok := impl.(entitlementv1.DataServiceServer); ok {
		w.DataServiceServer = desk
	}
}

// dataProcess is one of those that share an etcd; it runs until the test ends.
func dataProcess(t testing.TB, etcd *coord.Client, ledger entitlement.Ledger) *dataWorld {
	t.Helper()
	w := &dataWorld{etcd: etcd, Service: entitlement.New(entitlement.Config{
		Store: etcd, Rules: tzdata.Fixed(zonestest.Embedded(t)), Log: slog.New(slog.DiscardHandler), Clock: clock.System{},
		Ledger: ledger,
	})}
	w.Register(w)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = w.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	await.True(t, "the service is ready", w.Ready)
	return w
}

// imported is a row as a file of a CRM would make it.
func imported(line int) *entitlementv1.ImportRow {
	return &entitlementv1.ImportRow{
		Line: int64(line), Key: &entitlementv1.ExternalId{System: "crm", Id: fmt.Sprint("A", line)},
		Fields: []string{"display_name", "phone_numbers", "contracts"},
		Customer: &entitlementv1.Customer{
			DisplayName:  fmt.Sprint("Company ", line),
			PhoneNumbers: []*phone_number.PhoneNumber{number(fmt.Sprintf("+612555%05d", line))},
			Contracts: []*entitlementv1.Contract{{
				ContractId: fmt.Sprint("K-", line), Plan: "gold", Product: "db", StartDate: &date.Date{Year: 2026, Month: 1, Day: 1},
			}},
		},
	}
}

func rowsOf(from, to int) (rows []*entitlementv1.ImportRow) {
	for line := from; line <= to; line++ {
		rows = append(rows, imported(line))
	}
	return rows
}

// importOf is a part of an import.
func importOf(id string, after int64, rows ...*entitlementv1.ImportRow) *entitlementv1.ImportCustomersRequest {
	return &entitlementv1.ImportCustomersRequest{
		ImportId: id, Fingerprint: strings.Repeat("ab", 32), AfterLine: after, Rows: rows, TotalLines: 1000,
	}
}

// bring brings in a part, and what is left of it, until all of it is; a process that is behind, or was overtaken too often,
// is asked again, as whoever imports does.
func (w *dataWorld) bring(t testing.TB, r *entitlementv1.ImportCustomersRequest) *entitlementv1.ImportCustomersResponse {
	t.Helper()
	const maxTries = 40 // of some seconds each
	passes := []rpcv1.Reason{rpcv1.Reason_REASON_VIEW_NOT_READY, rpcv1.Reason_REASON_CONFLICT}
	for tries := 1; ; tries++ {
		got, err := w.ImportCustomers(context.Background(), r)
		if slices.Contains(passes, fault.ReasonOf(err)) && tries < maxTries {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		left := slices.DeleteFunc(slices.Clone(r.GetRows()), func(row *entitlementv1.ImportRow) bool {
			return row.GetLine() <= got.GetProgress().GetLine()
		})
		if len(left) == 0 {
			return got
		}
		r = proto.CloneOf(r)
		r.Rows, r.AfterLine = left, got.GetProgress().GetLine()
	}
}

func (w *dataWorld) customer(t testing.TB, id string) *entitlementv1.Customer {
	t.Helper()
	c, err := w.GetCustomer(context.Background(), &entitlementv1.GetCustomerRequest{Name: "customers/" + id})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// state is all that is in etcd, but for what says when.
func (w *dataWorld) state(t testing.TB) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, prefix := range []string{"entitlement/customers/", "pub/", "entitlement/access-names/"} {
		entries, _, err := w.etcd.ListAll(context.Background(), prefix)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			all[e.Key] = fmt.Sprint(e.ModRevision)
		}
	}
	return all
}

func counts(p *entitlementv1.ImportProgress) string {
	return fmt.Sprintf("line %d: %d created, %d updated, %d unchanged, %d rejected", p.GetLine(), p.GetCreated(), p.GetUpdated(),
		p.GetUnchanged(), p.GetRejected())
}

func wantCounts(t testing.TB, p *entitlementv1.ImportProgress, want string) {
	t.Helper()
	if got := counts(p); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestImportUpsertsByExternalID: what is new is made under a name that its key gives it, what exists is changed where
// the row says so and nowhere else, and the same again changes nothing.
func TestImportUpsertsByExternalID(t *testing.T) {
	w := dataProcess(t, newEtcd(t), nil)
	if _, err := w.CreateCustomer(t.Context(), &entitlementv1.CreateCustomerRequest{Customer: &entitlementv1.Customer{
		Name: "customers/acme", DisplayName: "Acme", AccountOwner: "ann@vendor.example",
		ExternalIds:  []*entitlementv1.ExternalId{{System: "crm", Id: "A7"}},
		PhoneNumbers: []*phone_number.PhoneNumber{number("+13035550107")},
	}}); err != nil {
		t.Fatal(err)
	}
	await.True(t, "acme is known", func() bool {
		r, err := w.IdentifyCaller(t.Context(), &entitlementv1.IdentifyCallerRequest{Name: "Acme"})
		return err == nil && len(r.GetCandidates()) == 1
	})
	got := w.bring(t, importOf("first", 0, rowsOf(1, 120)...))
	wantCounts(t, got.GetProgress(), "line 120: 119 created, 1 updated, 0 unchanged, 0 rejected")
	acme := w.customer(t, "acme")
	if acme.GetDisplayName() != "Company 7" || acme.GetAccountOwner() != "ann@vendor.example" || len(acme.GetPhoneNumbers()) != 2 ||
		len(acme.GetContracts()) != 1 {
		t.Errorf("acme is %v", acme)
	}
	made := w.customer(t, "crm-a8-"+suffixOf(t, w, "crm-a8-"))
	if made.GetExternalIds()[0].GetId() != "A8" || made.GetCreateTime() == nil {
		t.Errorf("made %v", made)
	}
	if _, err := w.etcd.Get(t.Context(), published.CustomerPrefix+strings.TrimPrefix(made.GetName(), "customers/")); err != nil {
		t.Errorf("nothing is published of it: %v", err)
	}

	before := w.state(t)
	again := w.bring(t, importOf("second", 0, rowsOf(1, 120)...))
	wantCounts(t, again.GetProgress(), "line 120: 0 created, 0 updated, 120 unchanged, 0 rejected")
	if after := w.state(t); !equalMaps(before, after) {
		t.Error("the same again has written something")
	}
	done, err := w.ImportCustomers(t.Context(), importOf("second", 120))
	if err != nil || !done.GetProgress().GetDone() {
		t.Errorf("the end: %v, %v", done, err)
	}
	stands, err := w.GetImport(t.Context(), &entitlementv1.GetImportRequest{Name: "imports/second"})
	if err != nil || !stands.GetDone() || stands.GetTotalLines() != 1000 {
		t.Errorf("read back: %v, %v", stands, err)
	}
}

// suffixOf is what follows a prefix in the only customer's id that has it.
func suffixOf(t testing.TB, w *dataWorld, prefix string) string {
	t.Helper()
	entries, _, err := w.etcd.ListAll(context.Background(), "entitlement/customers/"+prefix)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%d of %s, %v", len(entries), prefix, err)
	}
	return strings.TrimPrefix(entries[0].Key, "entitlement/customers/"+prefix)
}

func equalMaps(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return true
}

// TestABrokenRowIsToldAndTheOthersAreIn names line, field, masked value and rule.
func TestABrokenRowIsToldAndTheOthersAreIn(t *testing.T) {
	w := dataProcess(t, newEtcd(t), nil)
	rows := rowsOf(1, 20)
	rows[1].Customer.PhoneNumbers = []*phone_number.PhoneNumber{number("0255 500 002")}
	rows[3].Customer.DisplayName = strings.Repeat("n", 10_000)
	rows[5].Customer.Contracts[0].EndDate = &date.Date{Year: 2025, Month: 1, Day: 1}
	rows[7].Unreadable = "a quote is not closed"
	rows[9].Key = nil
	rows[11].Key.Id = ""
	rows[13].Fields = append(rows[13].Fields, "etag", "colour")
	rows[15].Customer = nil
	rows[17].Customer.Name, rows[17].Customer.TimeZone = "customers/+61255501002", "" // columns in the wrong order
	rows[18].Customer.TimeZone, rows[18].Fields = "ann@acme.example", append(rows[18].Fields, "time_zone")
	rows[19].Customer.Contracts[0].Plan = "+61 (2) 5550 1003"
	rows[16].Customer.DisplayName = "שלום e\u0301" // right to left, and combining: as it is
	got := w.bring(t, importOf("broken", 0, rows...))
	wantCounts(t, got.GetProgress(), "line 20: 9 created, 0 updated, 0 unchanged, 11 rejected")
	var told []string
	for _, r := range got.GetRejections() {
		told = append(told, fmt.Sprintf("%d %s %q %s", r.GetLine(), r.GetField(), r.GetValue(), r.GetRule()))
	}
	for _, want := range []string{
		`2 phone_numbers[0] "025…02" must be E.164`, `4 display_name "nnnnn`, `6 contracts[0].end_date "2025-01-01" must not be before`,
		`8  "" a quote is not closed`, `10 name "" is required`, `12 key "" is required`, `14 fields "etag" cannot be imported`,
		`14 fields "colour" is no field`, `16 display_name "" is required`, `18 name "cus…02" must be customers/ID`, `19 time_zone "ann…le" `,
		`20 contracts[0].plan "+61…03" must be a slug`,
	} {
		if !slices.ContainsFunc(told, func(s string) bool { return strings.HasPrefix(s, want) }) {
			t.Errorf("%q is not told of in\n%s", want, strings.Join(told, "\n"))
		}
	}
	for _, secret := range []string{"0255 500", "55501002", "5550 1003", "ann@acme"} {
		if strings.Contains(got.String(), secret) {
			t.Errorf("%q is told whole: %v", secret, got)
		}
	}

	rows[1].Line = 21
	r := importOf("broken", 20, rows[1])
	r.DefaultRegion = "AU"
	got = w.bring(t, r)
	wantCounts(t, got.GetProgress(), "line 21: 10 created, 0 updated, 0 unchanged, 11 rejected")
	if c := w.customer(t, "crm-a2-"+suffixOf(t, w, "crm-a2-")); c.GetPhoneNumbers()[0].GetE164Number() != "+61255500002" {
		t.Errorf("a national number became %v", c.GetPhoneNumbers())
	}
}

// TestRowsOfOneCustomerAreBroughtTogether whether they come in one transaction or not.
func TestRowsOfOneCustomerAreBroughtTogether(t *testing.T) {
	w := dataProcess(t, newEtcd(t), nil)
	var rows []*entitlementv1.ImportRow
	for line := 1; line <= 200; line++ {
		row := imported(line)
		row.Key = &entitlementv1.ExternalId{System: "crm", Id: "acme"}
		if line == 1 {
			row.Customer.Name = "customers/chosen"
		} else {
			row.Fields = []string{"phone_numbers", "contracts"}
			row.Customer.Contracts[0].ContractId = fmt.Sprint("K-", line%50)
		}
		rows = append(rows, row)
	}
	got := w.bring(t, importOf("one", 0, rows...))
	wantCounts(t, got.GetProgress(), "line 200: 1 created, 199 updated, 0 unchanged, 0 rejected")
	if c := w.customer(t, "chosen"); len(c.GetPhoneNumbers()) != 200 || len(c.GetContracts()) != 51-1 || c.GetDisplayName() != "Company 1" {
		t.Errorf("%d numbers, %d contracts of %q", len(c.GetPhoneNumbers()), len(c.GetContracts()), c.GetDisplayName())
	}
}

// TestParentsMayBeInTheSameFile, before those who name them.
func TestParentsMayBeInTheSameFile(t *testing.T) {
	w := dataProcess(t, newEtcd(t), nil)
	rows := rowsOf(1, 6)
	for i, row := range rows {
		row.Fields = append(row.Fields, "parent", "partners")
		row.Customer.Name = fmt.Sprint("customers/c", i)
	}
	rows[1].Customer.Parent = "customers/c0"
	rows[2].Customer.Parent = "customers/c1"
	rows[3].Customer.Partners = []*entitlementv1.PartnerAccess{{Partner: "customers/c2"}}
	rows[4].Customer.Parent = "customers/c5" // which comes too late
	for _, dry := range []bool{true, false} {
		r := importOf("kin", 0, rows...)
		r.DryRun = dry
		got := w.bring(t, r)
		wantCounts(t, got.GetProgress(), "line 6: 5 created, 0 updated, 0 unchanged, 1 rejected")
		if len(got.GetRejections()) != 1 || got.GetRejections()[0].GetField() != "parent" || got.GetRejections()[0].GetLine() != 5 {
			t.Errorf("dry %v: told of %v", dry, got.GetRejections())
		}
	}
	if c := w.customer(t, "c2"); c.GetParent() != "customers/c1" {
		t.Errorf("c2 is %v", c)
	}
}

// TestAPartToldTwiceDoesNothingTwice, whoever tells it, and one that does not belong is refused.
func TestAPartToldTwiceDoesNothingTwice(t *testing.T) {
	etcd := newEtcd(t)
	w, other := dataProcess(t, etcd, nil), dataProcess(t, etcd, nil)
	rows := rowsOf(1, 60)
	rows[30].Unreadable = "is not UTF-8"
	w.bring(t, importOf("x", 0, rows...))
	before := w.state(t)
	again := other.bring(t, importOf("x", 0, rows...))
	wantCounts(t, again.GetProgress(), "line 60: 59 created, 0 updated, 0 unchanged, 1 rejected")
	if len(again.GetRejections()) != 1 || again.GetRejections()[0].GetLine() != 31 {
		t.Errorf("told again of %v", again.GetRejections())
	}
	if !equalMaps(before, w.state(t)) {
		t.Error("something was written twice")
	}
	_, err := w.ImportCustomers(t.Context(), importOf("x", 61, imported(62)))
	wantReason(t, "a hole before it", err, rpcv1.Reason_REASON_CONFLICT)
	file := importOf("x", 60, imported(61))
	file.Fingerprint = strings.Repeat("cd", 32)
	_, err = w.ImportCustomers(t.Context(), file)
	wantReason(t, "another file", err, rpcv1.Reason_REASON_WRONG_STATE)
	_, err = w.ImportCustomers(t.Context(), importOf("x", 60, imported(62), imported(61)))
	wantReason(t, "lines out of order", err, rpcv1.Reason_REASON_INVALID_FIELD)
	_, err = w.GetImport(t.Context(), &entitlementv1.GetImportRequest{Name: "imports/y"})
	wantReason(t, "never begun", err, rpcv1.Reason_REASON_NOT_FOUND)
}

// TestImportLosesNothingOfOthers: somebody writes the same customers meanwhile, and both are in.
func TestImportLosesNothingOfOthers(t *testing.T) {
	w := dataProcess(t, newEtcd(t), nil)
	w.bring(t, importOf("first", 0, rowsOf(1, 40)...))
	names, _, err := w.etcd.ListAll(t.Context(), "entitlement/customers/")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for round := range 3 {
			for _, e := range names {
				c := &entitlementv1.Customer{
					Name: strings.TrimPrefix(e.Key, "entitlement/"), AccountOwner: fmt.Sprint("ann ", round),
				}
				for {
					_, err := w.UpdateCustomer(context.Background(), &entitlementv1.UpdateCustomerRequest{Customer: c})
					if err == nil {
						break
					}
				}
			}
		}
	})
	for i := range 4 {
		rows := rowsOf(1, 40)
		for _, row := range rows {
			row.Customer.Locality = fmt.Sprint("Berlin ", i)
			row.Fields = append(row.Fields, "locality")
		}
		got := w.bring(t, importOf(fmt.Sprint("more", i), 0, rows...))
		wantCounts(t, got.GetProgress(), "line 40: 0 created, 40 updated, 0 unchanged, 0 rejected")
	}
	work.Wait()
	for _, e := range names {
		c := w.customer(t, strings.TrimPrefix(e.Key, "entitlement/customers/"))
		if c.GetAccountOwner() != "ann 2" || c.GetLocality() != "Berlin 3" {
			t.Errorf("%s: %q, %q", c.GetName(), c.GetAccountOwner(), c.GetLocality())
		}
	}
}
