package bulk_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/bulk"
)

func mapping(t testing.TB, text string) *bulk.Mapping {
	t.Helper()
	m, err := bulk.ParseMapping([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// failing is a test, or one of many that a property makes.
type failing interface {
	Helper()
	Fatal(args ...any)
}

// read is all rows of a file.
func read(t failing, format bulk.Format, m *bulk.Mapping, text string) (rows []*entitlementv1.ImportRow) {
	t.Helper()
	r, err := bulk.NewReader(strings.NewReader(text), format, m)
	if err != nil {
		t.Fatal(err)
	}
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
}

// says is a row in short: line, key, fields, and the customer as JSON, or why it cannot be read.
func says(row *entitlementv1.ImportRow) string {
	if row.GetUnreadable() != "" {
		where := ""
		if row.GetUnreadableField() != "" {
			where = fmt.Sprintf("%s: %q: ", row.GetUnreadableField(), row.GetUnreadableValue())
		}
		return fmt.Sprintf("%d! %s%s", row.GetLine(), where, row.GetUnreadable())
	}
	key := ""
	if row.GetKey() != nil {
		key = row.GetKey().GetSystem() + ":" + row.GetKey().GetId() + " "
	}
	text, _ := protojson.Marshal(row.GetCustomer())
	return fmt.Sprintf("%d %s%s %s", row.GetLine(), key, strings.Join(row.GetFields(), ","), strings.ReplaceAll(string(text), ", ", ","))
}

const crmMapping = `
key: {system: crm, column: Account ID}
dates: DD.MM.YYYY
fields:
  display_name: Account Name
  phone_numbers: [Phone, Mobile]
  aliases: {column: AKA, separator: "|"}
  locality: Town
  contracts.contract_id: Contract
  contracts.plan: {column: Level, values: {Gold Support: gold, Silver: silver}}
  contracts.product: {value: db}
  contracts.start_date: From
`

const crmFile = "\ufeffAccount ID;Account Name;Phone;Mobile;AKA;Town;Contract;Level;From;Colour\r\n" +
	"0015;Acme GmbH;030 5550 101;+49 151 5550 102;ACME|A.C.M.E.;Berlin;K-1;Gold Support;31.01.2026;red\r\n" +
	"\r\n" +
	"0016;\"Bone; \"\"Dry\"\" Ltd\";;;;;;;;blue\r\n" +
	"0017;Cork;;;;;K-2;Platinum;01.01.2026;\r\n" +
	"0018;Dent;;;;;K-3;Silver;2026-01-01;\r\n"

func TestAMappingSaysWhichColumnIsWhat(t *testing.T) {
	var got []string
	for _, row := range read(t, bulk.CSV, mapping(t, crmMapping), crmFile) {
		got = append(got, says(row))
	}
	want := []string{
		`2 crm:0015 aliases,contracts,display_name,locality,phone_numbers,contracts.contract_id,contracts.plan,contracts.product,contracts.start_date {"displayName":"Acme GmbH","aliases":["ACME","A.C.M.E."],` +
			`"phoneNumbers":[{"e164Number":"030 5550 101"},{"e164Number":"+49 151 5550 102"}],"contracts":[{"contractId":"K-1",` +
			`"plan":"gold","product":"db","startDate":{"year":2026,"month":1,"day":31}}],"locality":"Berlin"}`,
		`4 crm:0016 display_name {"displayName":"Bone; \"Dry\" Ltd"}`,
		`5! contracts.plan: "Platinum": is not among the values of the mapping`,
		`6! contracts.start_date: "2026-01-01": must be a date written as 31.12.2026`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestAForeignObjectIsMappedByItsPaths(t *testing.T) {
	m := mapping(t, `
key: {system: crm, column: id}
clear_empty: true
fields: {display_name: account.name, phone_numbers: phones.value, locality: account.town, contracts.contract_id: none}`)
	rows := read(t, bulk.JSONL, m, `{"id": 15, "account": {"name": "Acme", "town": ""}, "phones": [{"value": "+1"}, {"value": "+2"}]}
[1]
`)
	r, err := bulk.NewReader(strings.NewReader(`{"account": {"nam": "Acme", "town": null}}`), bulk.JSONL, m)
	if err == nil {
		_, err = r.Next()
	}
	if got := fmt.Sprint(r.Unseen()); err != nil || got != "[account.name account.town id none phones.value]" {
		t.Errorf("no line has %s, %v", got, err)
	}
	want := []string{
		`1 crm:15 display_name,locality,phone_numbers {"displayName":"Acme","phoneNumbers":[{"e164Number":"+1"},{"e164Number":"+2"}]}`,
		`2! is no JSON object`,
	}
	for i, row := range rows {
		if got := says(row); got != want[i] {
			t.Errorf("got  %s\nwant %s", got, want[i])
		}
	}
}

// TestWhichFieldIsNotAsTheAPIWritesIt, and nothing of what it holds.
func TestWhichFieldIsNotAsTheAPIWritesIt(t *testing.T) {
	for line, want := range map[string]string{
		`{"name":"customers/a","phoneNumbers":["+61255501001"]}`:            `1! phone_numbers: "": is not as the API writes it`,
		`{"name":"customers/a","contracts":[{"contract":"C-1"}]}`:           `1! contracts: "": is not as the API writes it: unknown field "contract"`,
		`{"name":"customers/a","displayName":7}`:                            `1! display_name: "": is not as the API writes it`,
		`{"name":"customers/a","displayname":"A"}`:                          `1! is no customer as the API writes it: unknown field "displayname"`,
		`{"name":"customers/a","displayName":"A","display_name":"B"}`:       `1! is no customer as the API writes it: duplicate field "display_name"`,
		`{"name":"customers/a","contracts":[{"startDate":"+61255501001"}]}`: `1! contracts: "": is not as the API writes it`,
	} {
		for _, row := range read(t, bulk.JSONL, nil, line+"\n") {
			if got := says(row); got != want {
				t.Errorf("%s\n got %s\nwant %s", line, got, want)
			}
		}
	}
}

// TestOneBrokenLineTakesNoOtherAlong: of many lines one in the middle is broken in each way that there is, and all
// others come out.
func TestOneBrokenLineTakesNoOtherAlong(t *testing.T) {
	const lines, broken = 2000, 1000
	for what, text := range map[string]string{
		"a quote that is not closed":    `x,"Acme`,
		"a quote within a value":        `x,5" pipe`,
		"a quote after one":             `x,"Acme" Ltd`,
		"too few columns":               `x`,
		"too many columns":              `x,y,z`,
		"no UTF-8":                      "x,\xe4cme",
		"far too long":                  "x," + strings.Repeat("n", 3*bulk.MaxLineBytes),
		"too long and not closed":       `x,"` + strings.Repeat("n", 3*bulk.MaxLineBytes),
		"half of a record of two lines": "x,\"Acme\nLtd",
	} {
		var file strings.Builder
		file.WriteString("name,display_name\n")
		for i := 2; i <= lines; i++ {
			if i == broken {
				file.WriteString(text + "\n")
				continue
			}
			fmt.Fprintf(&file, "c%d,\"Customer, %d\"\n", i, i)
		}
		bad, good := 0, 0
		for _, row := range read(t, bulk.CSV, nil, file.String()) {
			if row.GetUnreadable() != "" {
				bad++
				if row.GetLine() != broken && row.GetLine() != broken+1 {
					t.Errorf("%s: line %d: %s", what, row.GetLine(), row.GetUnreadable())
				}
				continue
			}
			good++
		}
		if good != lines-2 || bad == 0 || bad > 2 {
			t.Errorf("%s: %d good ones of %d, %d bad ones", what, good, lines-2, bad)
		}
	}
}

func TestALineEndWithinQuotesIsNoEnd(t *testing.T) {
	rows := read(t, bulk.CSV, nil, "name,display_name\na,\"Acme\nGmbH\"\nb,\"Bone\"\n")
	if len(rows) != 2 || rows[0].GetCustomer().GetDisplayName() != "Acme\nGmbH" || rows[1].GetLine() != 4 {
		t.Errorf("got %v", rows)
	}
}

func TestWhatIsWrongWithAFileOrMappingIsSaid(t *testing.T) {
	for _, c := range []struct{ mapping, file, want string }{
		{"", "", "the file is empty"},
		{"", "display_name,colour\n", `"colour" is no field of a customer, and no mapping says what it is`},
		{"", "name,name\n", `two columns are called "name"`},
		{"fields: {display_name: Account}", "name\n", `there is no column "Account"; there are name`},
		{"fields: {colour: X}", "name\n", `"colour" is no field; there are name,`},
		{"fields: {display_name: {colums: [X]}}", "name\n", `"colums": must be one of columns`},
		{"feilds: {}", "name\n", `line 1: "feilds": must be one of key, fields,`},
		{"key: {system: crm, colum: ID}", "name\n", `line 1: "colum": must be one of system, column`},
		{"# nothing yet", "name\n", "the mapping is empty"},
		{"- name", "name\n", "the mapping cannot be read"},
		{"dates: a\ndates: b", "name\n", "already defined"},
		{"fields: {display_name: {separator: x, column: y}}", "y\n", "is no list"},
		{"fields: {display_name: {value: x, column: y}}", "y\n", "has columns and a value"},
		{"fields: {display_name: {}}", "y\n", "needs a column or a value"},
		{"dates: MM.YY", "name\n", "must hold YYYY, MM and DD"},
		{`delimiter: "ab"`, "name\n", "must be one character"},
		{"key: {system: crm}", "name,display_name\n", "the key's column is not known"},
		{"key: {system: crm, column: ID}", "name,display_name\n", `there is no column "ID"`},
	} {
		if c.mapping == "" {
			c.mapping = "{}"
		}
		m, err := bulk.ParseMapping([]byte(c.mapping))
		if err == nil {
			_, err = bulk.NewReader(strings.NewReader(c.file), bulk.CSV, m)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q of %q: %v; want %q", c.mapping, c.file, err, c.want)
		}
	}
}

var text = rapid.StringMatching(`[A-Za-z0-9ÄéРش'"=+@;,\\| -]{0,12}x`)

func drawCustomer(t *rapid.T) *entitlementv1.Customer {
	list := func(label string) []string { return rapid.SliceOfN(text, 0, 3).Draw(t, label) }
	day := &date.Date{Year: 2026, Month: 2, Day: 28}
	trim := func(in []string) (out []string) {
		for _, s := range in {
			out = append(out, strings.TrimSpace(s))
		}
		return out
	}
	c := &entitlementv1.Customer{
		Name: "customers/acme", DisplayName: strings.TrimSpace(text.Draw(t, "name")), Aliases: trim(list("aliases")),
		TimeZone: "Europe/Berlin", Locality: strings.TrimSpace(text.Draw(t, "town")), EmailDomains: trim(list("domains")),
	}
	for range rapid.IntRange(0, 2).Draw(t, "numbers") {
		c.PhoneNumbers = append(c.PhoneNumbers, &phone_number.PhoneNumber{
			Kind: &phone_number.PhoneNumber_E164Number{E164Number: "+61255501001"},
		})
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "contracts") {
		k := &entitlementv1.Contract{ContractId: fmt.Sprint("K", i), Plan: "gold", StartDate: day}
		if rapid.Bool().Draw(t, "grace") {
			k.GraceDays, k.EndDate, k.ExcludesSubAccounts = proto.Int32(0), day, true
		}
		if rapid.Bool().Draw(t, "held") {
			k.Suspension = &entitlementv1.Suspension{StartDate: day, EndDate: day, Reason: strings.TrimSpace(text.Draw(t, "why"))}
		}
		c.Contracts = append(c.Contracts, k)
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "contacts") {
		c.Contacts = append(c.Contacts, &entitlementv1.Contact{
			ContactId: fmt.Sprint("p", i), Email: strings.TrimSpace(text.Draw(t, "email")), SelfService: i == 1,
		})
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "partners") {
		p := &entitlementv1.PartnerAccess{Partner: fmt.Sprint("customers/p", i)}
		if rapid.Bool().Draw(t, "of a product") {
			p.Product = "db"
		}
		if rapid.Bool().Draw(t, "for a time") {
			p.EndDate = day
		}
		c.Partners = append(c.Partners, p)
	}
	for range rapid.IntRange(0, 2).Draw(t, "externals") {
		c.ExternalIds = append(c.ExternalIds, &entitlementv1.ExternalId{System: "crm", Id: strings.TrimSpace(text.Draw(t, "id"))})
	}
	if rapid.Bool().Draw(t, "suspended") {
		c.Suspension = &entitlementv1.Suspension{StartDate: day, Reason: "late"}
	}
	return c
}

// TestWhoIsReferredToComesBefore: whatever customers refer to whom, line by line each can be brought in but what refers in
// a circle, or to nobody; that comes last, by itself, and nothing is left out.
func TestWhoIsReferredToComesBefore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const most = 8
		who := rapid.Custom(func(t *rapid.T) string { return fmt.Sprint("customers/c", rapid.IntRange(0, most).Draw(t, "n")) })
		var file bytes.Buffer
		w, err := bulk.NewWriter(&file, bulk.JSONL)
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]*entitlementv1.Customer{}
		for i := range most {
			c := &entitlementv1.Customer{Name: fmt.Sprint("customers/c", i), DisplayName: "x"}
			if parent := who.Draw(t, "parent"); rapid.Bool().Draw(t, "has a parent") && parent > c.GetName() {
				c.Parent = parent // no circle of these
			}
			for _, p := range rapid.SliceOfNDistinct(who, 0, 2, rapid.ID[string]).Draw(t, "partners") {
				if p != c.GetName() {
					c.Partners = append(c.Partners, &entitlementv1.PartnerAccess{Partner: p})
				}
			}
			all[c.GetName()] = proto.CloneOf(c)
			if err := w.Write(c); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		there, got := map[string]bool{}, map[string]*entitlementv1.Customer{}
		for _, row := range read(t, bulk.JSONL, nil, file.String()) {
			c := row.GetCustomer()
			refers := []string{c.GetParent()}
			for _, p := range c.GetPartners() {
				refers = append(refers, p.GetPartner())
			}
			for _, name := range refers {
				if name != "" && !there[name] && all[name] != nil {
					t.Fatalf("%s is before %s\n%s", c.GetName(), name, file.String())
				}
			}
			there[c.GetName()] = true
			if got[c.GetName()] == nil {
				got[c.GetName()] = &entitlementv1.Customer{}
			}
			proto.Merge(got[c.GetName()], c)
		}
		for name, want := range all {
			is := got[name]
			if is == nil || is.GetParent() != want.GetParent() || len(is.GetPartners()) != len(want.GetPartners()) {
				t.Fatalf("%s: %v, want %v", name, is, want)
			}
		}
	})
}

// TestWhatIsWrittenIsReadBack, in both formats.
func TestWhatIsWrittenIsReadBack(t *testing.T) {
	for name, format := range map[string]bulk.Format{"csv": bulk.CSV, "jsonl": bulk.JSONL} {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			want := drawCustomer(t)
			var file bytes.Buffer
			w, err := bulk.NewWriter(&file, format)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(w.Write(proto.CloneOf(want)), w.Flush()); err != nil {
				t.Fatal(err)
			}
			got := &entitlementv1.Customer{}
			r, err := bulk.NewReader(bytes.NewReader(file.Bytes()), format, nil)
			if err != nil {
				t.Fatal(err)
			}
			for {
				row, err := r.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil || row.GetUnreadable() != "" {
					t.Fatal(err, row.GetUnreadable())
				}
				row.Customer.Name = "" // the same on all lines
				proto.Merge(got, row.GetCustomer())
			}
			got.Name = want.GetName()
			if !proto.Equal(got, want) {
				t.Fatalf("got  %v\nwant %v\nfrom %s", got, want, file.String())
			}
		}))
	}
}
