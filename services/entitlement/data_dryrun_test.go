package entitlement_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/internal/await"
)

func TestADryRunWritesNothing(t *testing.T) {
	w := dataProcess(t, newEtcd(t), nil)
	rows := rowsOf(1, 60)
	rows[40].Customer.DisplayName = ""
	second := imported(61)
	second.Key = rows[0].GetKey()
	r := importOf("dry", 0, append(rows, second)...)
	r.DryRun = true
	got := w.bring(t, r)
	wantCounts(t, got.GetProgress(), "line 61: 59 created, 1 updated, 0 unchanged, 1 rejected")
	if entries, _, err := w.etcd.ListAll(t.Context(), "entitlement/"); err != nil || len(entries) != 0 {
		t.Errorf("%d keys were written, %v", len(entries), err)
	}
}

// TestADryRunIsTheImportWithoutWriting: a file in parts, in which lines refer to others far before, is judged line by line
// as the import judges it, also where an answer is lost and the part is told again.
func TestADryRunIsTheImportWithoutWriting(t *testing.T) {
	w := dataProcess(t, newEtcd(t), nil)
	var rows []*entitlementv1.ImportRow
	for line := 1; line <= 30; line++ {
		row := imported(line)
		row.Fields = append(row.Fields, "parent", "access_name")
		switch {
		case line <= 6: // one below the other, and the last one too deep
			row.Customer.Name, row.Customer.AccessName = fmt.Sprint("customers/c", line), fmt.Sprint("Heron ", line)
			if line > 1 {
				row.Customer.Parent = fmt.Sprint("customers/c", line-1)
			}
		case line == 12:
			row.Customer.AccessName = "heron 2" // taken by line 2
		case line == 13:
			row.Key.Id = "A7" // the same customer again
		case line == 14:
			row.Customer.PhoneNumbers = imported(3).GetCustomer().GetPhoneNumbers()
		case line == 15:
			row.Customer.Name, row.Customer.Parent = "customers/c1", "customers/c4" // a circle
			row.Key.Id = "A1"
		case line == 16:
			row.Customer.Parent = "customers/nobody"
		}
		rows = append(rows, row)
	}
	run := func(dry bool) (told []string, last *entitlementv1.ImportProgress) {
		sum := &entitlementv1.ImportProgress{}
		for i := 0; i < len(rows); i += 5 {
			r := importOf("whole", int64(i), rows[i:i+5]...)
			r.DryRun = dry
			got := w.bring(t, r)
			if i == 10 {
				if again := w.bring(t, r); dry && !proto.Equal(got, again) {
					t.Errorf("told again it answers %v, and first %v", again, got)
				}
			}
			if got.GetForgottenFromLine() != 0 {
				t.Errorf("it has forgotten line %d", got.GetForgottenFromLine())
			}
			for _, x := range got.GetRejections() {
				told = append(told, fmt.Sprint("!", x.GetLine(), x.GetField(), x.GetRule()))
			}
			for _, x := range got.GetWarnings() {
				told = append(told, fmt.Sprint(x.GetLine(), x.GetField(), x.GetValue(), x.GetRule()))
			}
			if last = got.GetProgress(); dry {
				sum.Line, sum.Created, sum.Updated = last.GetLine(), sum.GetCreated()+last.GetCreated(), sum.GetUpdated()+last.GetUpdated()
				sum.Unchanged, sum.Rejected = sum.GetUnchanged()+last.GetUnchanged(), sum.GetRejected()+last.GetRejected()
				last = sum
			}
		}
		return told, last
	}
	dryTold, dry := run(true)
	if entries, _, err := w.etcd.ListAll(t.Context(), "entitlement/"); err != nil || len(entries) != 0 {
		t.Errorf("%d keys were written, %v", len(entries), err)
	}
	realTold, real := run(false)
	if !slices.Equal(dryTold, realTold) {
		t.Errorf("a dry run tells\n%s\nthe import\n%s", strings.Join(dryTold, "\n"), strings.Join(realTold, "\n"))
	}
	const want = "line 30: 25 created, 1 updated, 0 unchanged, 4 rejected"
	wantCounts(t, dry, want)
	wantCounts(t, real, want)
}

// TestARowThatWantsALookIsInAndTold: numbers that somebody else has, too, in the file or before; plans that nobody knows;
// names that a customer chose otherwise.
func TestARowThatWantsALookIsInAndTold(t *testing.T) {
	w := dataProcess(t, newEtcd(t), nil)
	if _, err := w.CreateCustomer(t.Context(), &entitlementv1.CreateCustomerRequest{Customer: &entitlementv1.Customer{
		Name: "customers/acme", DisplayName: "Acme", AccessName: "Blue Heron",
		ExternalIds: []*entitlementv1.ExternalId{{System: "crm", Id: "A9"}}, Contacts: []*entitlementv1.Contact{{
			ContactId: "ann", PhoneNumbers: []*phone_number.PhoneNumber{number("+61255500002")},
		}},
	}}); err != nil {
		t.Fatal(err)
	}
	await.True(t, "acme and its number are known", func() bool {
		who, err := w.IdentifyCaller(t.Context(), &entitlementv1.IdentifyCallerRequest{
			ExternalIds: []*entitlementv1.ExternalId{{System: "crm", Id: "A9"}},
		})
		by, err2 := w.IdentifyCaller(t.Context(), &entitlementv1.IdentifyCallerRequest{Number: "+61255500002"})
		return errors.Join(err, err2) == nil && len(who.GetCandidates()) == 1 && len(by.GetCandidates()) == 1
	})
	rows := rowsOf(1, 4)
	rows[2].Customer.PhoneNumbers = append(rows[2].Customer.PhoneNumbers, number("+61255500001"))
	rows[3].Key.Id, rows[3].Fields, rows[3].Customer.AccessName = "A9", []string{"access_name", "locality"}, "Old Heron"
	rows[3].Customer.Contracts, rows[3].Customer.PhoneNumbers, rows[3].Customer.Locality = nil, nil, "Berlin"
	for _, dry := range []bool{true, false} {
		r := importOf("look", 0, rows...)
		r.DryRun = dry
		got := w.bring(t, r)
		wantCounts(t, got.GetProgress(), "line 4: 3 created, 1 updated, 0 unchanged, 0 rejected")
		var told []string
		for _, x := range got.GetWarnings() {
			told = append(told, fmt.Sprintf("%d %s %q %s", x.GetLine(), x.GetField(), x.GetValue(), x.GetRule()))
		}
		const plan, shared = `contracts[0].plan "gold" is not in the catalog: it limits nothing`, ", too: who calls from it is asked whose they are"
		want := []string{
			"1 " + plan, "2 " + plan, `2 phone_numbers "+61…02" is a number of customers/acme` + shared,
			"3 " + plan, `3 phone_numbers "+61…01" is a number of customers/crm-a1-`,
			`4 access_name "Old Heron" is left as it is`,
		}
		if !slices.EqualFunc(told, want, strings.HasPrefix) {
			t.Errorf("dry %v: told\n%s\nwant\n%s", dry, strings.Join(told, "\n"), strings.Join(want, "\n"))
		}
	}
	if c := w.customer(t, "acme"); c.GetAccessName() != "Blue Heron" || c.GetLocality() != "Berlin" {
		t.Errorf("acme is %v", c)
	}
}

// TestADryRunSaysWhatItCannotKnow: a part does not know what those before it would have made, at another process.
func TestADryRunSaysWhatItCannotKnow(t *testing.T) {
	w := dataProcess(t, newEtcd(t), nil)
	row := imported(101)
	row.Fields, row.Customer.Parent = append(row.Fields, "parent"), "customers/crm-a7"
	r := importOf("dry", 100, row)
	r.DryRun = true
	row.Fields = append(row.Fields, "contracts")
	row.Customer.Contracts = []*entitlementv1.Contract{{ContractId: "K1", Plan: "glod", StartDate: &date.Date{Year: 2026, Month: 1, Day: 1}}}
	const want = "does not exist, unless a line from 1 to 100 makes it: this dry run does not remember those"
	if got := w.bring(t, r); len(got.GetRejections()) != 1 || got.GetRejections()[0].GetField() != "parent" ||
		got.GetRejections()[0].GetRule() != want || got.GetForgottenFromLine() != 1 {
		t.Errorf("told of %v", got)
	}
	if plans := w.bring(t, r).GetUnknownPlans(); len(plans) != 1 || plans[0] != "glod" {
		t.Errorf("plans that are not in the catalog: told of %v", plans)
	}
}
