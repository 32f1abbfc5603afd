package bulk

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/protobuf/encoding/protojson"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
)

// Writer writes customers, so that a Reader without a mapping makes the same of them. JSON holds all of a customer. CSV
// holds what Fields names, with a line for each contract or contact after the first; a cell that a spreadsheet would
// run as a formula gets an apostrophe before it, which a Reader takes away. Customers come behind those that they refer to.
type Writer struct {
	out   io.Writer
	csv   *csv.Writer
	head  []path
	order *order
}

// NewWriter writes the header, where there is one.
func NewWriter(out io.Writer, format Format) (*Writer, error) {
	w := &Writer{out: out, head: paths()}
	w.order = newOrder(w.now)
	if format == JSONL {
		return w, nil
	}
	w.csv = csv.NewWriter(out)
	return w, w.csv.Write(Fields())
}

// Write adds a customer, which is the Writer's from then on; they come in order of name.
func (w *Writer) Write(c *entitlementv1.Customer) error { return w.order.add(c) }

func (w *Writer) now(c *entitlementv1.Customer) error {
	if w.csv == nil {
		return w.object(c)
	}
	for i := range max(1, len(c.GetContracts()), len(c.GetContacts())) {
		cells := map[string]string{"name": c.GetName()}
		if i == 0 {
			customerCells(cells, c)
		}
		if i < len(c.GetContracts()) {
			contractCells(cells, c.GetContracts()[i])
		}
		if i < len(c.GetContacts()) {
			contactCells(cells, c.GetContacts()[i])
		}
		record := make([]string, len(w.head))
		for j, p := range w.head {
			record[j] = Guarded(cells[p.name])
		}
		if err := w.csv.Write(record); err != nil {
			return err
		}
	}
	return nil
}

// Flush writes what is held back; nothing is added after it.
func (w *Writer) Flush() error {
	if err := w.order.end(); err != nil || w.csv == nil {
		return err
	}
	w.csv.Flush()
	return w.csv.Error()
}

func (w *Writer) object(c *entitlementv1.Customer) error {
	text, err := protojson.Marshal(c)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil { // protojson varies its blanks on purpose
		return err
	}
	b.WriteByte('\n')
	_, err = w.out.Write(b.Bytes())
	return err
}

func customerCells(cells map[string]string, c *entitlementv1.Customer) {
	cells["display_name"], cells["aliases"] = c.GetDisplayName(), joined(c.GetAliases())
	cells["phone_numbers"] = joined(written(c.GetPhoneNumbers()))
	cells["time_zone"], cells["locality"], cells["language"] = c.GetTimeZone(), c.GetLocality(), c.GetLanguage()
	cells["email_domains"], cells["parent"] = joined(c.GetEmailDomains()), c.GetParent()
	cells["account_owner"], cells["access_name"] = c.GetAccountOwner(), c.GetAccessName()
	cells["calendars"] = joined(c.GetCalendars())
	var partners []string
	for _, p := range c.GetPartners() {
		text := p.GetPartner() + ":" + p.GetProduct() + ":" + day(p.GetEndDate())
		partners = append(partners, strings.TrimRight(text, ":"))
	}
	cells["partners"] = joined(partners)
	var externals []string
	for _, e := range c.GetExternalIds() {
		externals = append(externals, e.GetSystem()+":"+e.GetId())
	}
	cells[externalIDs] = joined(externals)
	if s := c.GetSuspension(); s != nil {
		cells["suspension.start_date"], cells["suspension.end_date"] = day(s.GetStartDate()), day(s.GetEndDate())
		cells["suspension.reason"] = s.GetReason()
	}
}

func contractCells(cells map[string]string, k *entitlementv1.Contract) {
	cells["contracts.contract_id"], cells["contracts.plan"] = k.GetContractId(), k.GetPlan()
	cells["contracts.product"] = k.GetProduct()
	cells["contracts.start_date"], cells["contracts.end_date"] = day(k.GetStartDate()), day(k.GetEndDate())
	if k.GraceDays != nil {
		cells["contracts.grace_days"] = strconv.Itoa(int(k.GetGraceDays()))
	}
	if k.GetExcludesSubAccounts() {
		cells["contracts.excludes_sub_accounts"] = "true"
	}
	if s := k.GetSuspension(); s != nil {
		cells["contracts.suspension.start_date"] = day(s.GetStartDate())
		cells["contracts.suspension.end_date"] = day(s.GetEndDate())
		cells["contracts.suspension.reason"] = s.GetReason()
	}
}

func contactCells(cells map[string]string, c *entitlementv1.Contact) {
	cells["contacts.contact_id"], cells["contacts.display_name"] = c.GetContactId(), c.GetDisplayName()
	cells["contacts.email"], cells["contacts.language"] = c.GetEmail(), c.GetLanguage()
	cells["contacts.phone_numbers"] = joined(written(c.GetPhoneNumbers()))
	if c.GetSelfService() {
		cells["contacts.self_service"] = "true"
	}
}

// joined is a list as one cell.
func joined(values []string) string {
	escape := strings.NewReplacer(`\`, `\\`, defaultSeparator, `\`+defaultSeparator)
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = escape.Replace(v)
	}
	return strings.Join(parts, defaultSeparator)
}

func written(numbers []*phone_number.PhoneNumber) (out []string) {
	for _, n := range numbers {
		out = append(out, n.GetE164Number())
	}
	return out
}

func day(d *date.Date) string {
	if d == nil {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.GetYear(), d.GetMonth(), d.GetDay())
}
