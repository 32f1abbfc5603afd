package bulk

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/phone_number"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
)

// path is a field that a column can hold.
type path struct {
	name string
	// list says that a cell may hold several values.
	list bool
	// keep says that nothing is cleared by an empty cell: what a line does not say of a contract is no word against it.
	keep bool
	set  func(b *building, values []string) error
}

// top is the field of a customer that it belongs to.
func (p path) top() string {
	name, _, _ := strings.Cut(p.name, ".")
	return name
}

// contractSuspension is the field of a contract that is of several columns.
const contractSuspension = "contracts.suspension"

// part is the field of a contract or contact that it belongs to, with the list's name: "contracts.plan".
func (p path) part() string {
	if strings.HasPrefix(p.name, contractSuspension+".") {
		return contractSuspension
	}
	return p.name
}

// externalIDs is what paths of external ids begin with; the system follows.
const externalIDs = "external_ids"

// building is a customer in the making.
type building struct {
	customer *entitlementv1.Customer
	contract *entitlementv1.Contract
	contact  *entitlementv1.Contact
	// suspend is the customer's, and hold the contract's.
	suspend, hold *entitlementv1.Suspension
	layout        string
}

// paths are all there are, in the order in which an export has them.
func paths() []path {
	ofCustomer := func(b *building) *entitlementv1.Suspension { return b.suspend }
	ofContract := func(b *building) *entitlementv1.Suspension { return b.hold }
	return slices.Concat(customerPaths(), suspensionPaths("suspension", false, ofCustomer), contractPaths(),
		suspensionPaths(contractSuspension, true, ofContract), contactPaths())
}

func customerPaths() []path {
	text := func(name string, set func(c *entitlementv1.Customer, v string)) path {
		return path{name: name, set: func(b *building, v []string) error { set(b.customer, v[0]); return nil }}
	}
	list := func(name string, set func(c *entitlementv1.Customer, v []string)) path {
		return path{name: name, list: true, set: func(b *building, v []string) error { set(b.customer, v); return nil }}
	}
	return []path{
		text("name", func(c *entitlementv1.Customer, v string) { c.Name = named("customers/", v) }),
		text("display_name", func(c *entitlementv1.Customer, v string) { c.DisplayName = v }),
		list("aliases", func(c *entitlementv1.Customer, v []string) { c.Aliases = v }),
		list("phone_numbers", func(c *entitlementv1.Customer, v []string) { c.PhoneNumbers = numbers(v) }),
		text("time_zone", func(c *entitlementv1.Customer, v string) { c.TimeZone = v }),
		text("locality", func(c *entitlementv1.Customer, v string) { c.Locality = v }),
		text("language", func(c *entitlementv1.Customer, v string) { c.Language = v }),
		list("email_domains", func(c *entitlementv1.Customer, v []string) { c.EmailDomains = v }),
		text("parent", func(c *entitlementv1.Customer, v string) { c.Parent = named("customers/", v) }),
		text("account_owner", func(c *entitlementv1.Customer, v string) { c.AccountOwner = v }),
		text("access_name", func(c *entitlementv1.Customer, v string) { c.AccessName = v }),
		list("calendars", func(c *entitlementv1.Customer, v []string) {
			for _, id := range v {
				c.Calendars = append(c.Calendars, named("calendars/", id))
			}
		}),
		{name: "partners", list: true, set: setPartners},
		{name: externalIDs, list: true, keep: true, set: setExternalIDs},
	}
}

// suspensionPaths are those of a suspension of a customer, or of a contract.
func suspensionPaths(name string, keep bool, of func(b *building) *entitlementv1.Suspension) []path {
	return []path{
		{name: name + ".start_date", keep: keep, set: func(b *building, v []string) (err error) {
			of(b).StartDate, err = b.date(v[0])
			return err
		}},
		{name: name + ".end_date", keep: keep, set: func(b *building, v []string) (err error) {
			of(b).EndDate, err = b.date(v[0])
			return err
		}},
		{name: name + ".reason", keep: keep, set: func(b *building, v []string) error { of(b).Reason = v[0]; return nil }},
	}
}

func contractPaths() []path {
	text := func(name string, set func(c *entitlementv1.Contract, v string)) path {
		return path{name: "contracts." + name, keep: true, set: func(b *building, v []string) error {
			set(b.contract, v[0])
			return nil
		}}
	}
	return []path{
		text("contract_id", func(c *entitlementv1.Contract, v string) { c.ContractId = v }),
		text("plan", func(c *entitlementv1.Contract, v string) { c.Plan = v }),
		text("product", func(c *entitlementv1.Contract, v string) { c.Product = v }),
		{name: "contracts.start_date", keep: true, set: func(b *building, v []string) (err error) {
			b.contract.StartDate, err = b.date(v[0])
			return err
		}},
		{name: "contracts.end_date", keep: true, set: func(b *building, v []string) (err error) {
			b.contract.EndDate, err = b.date(v[0])
			return err
		}},
		{name: "contracts.grace_days", keep: true, set: func(b *building, v []string) error {
			days, err := strconv.ParseInt(v[0], 10, 32)
			if err != nil {
				return &wrong{v[0], "must be a number of days"}
			}
			n := int32(days)
			b.contract.GraceDays = &n
			return nil
		}},
		{name: "contracts.excludes_sub_accounts", keep: true, set: func(b *building, v []string) (err error) {
			b.contract.ExcludesSubAccounts, err = yes(v[0])
			return err
		}},
	}
}

func contactPaths() []path {
	text := func(name string, set func(c *entitlementv1.Contact, v string)) path {
		return path{name: "contacts." + name, keep: true, set: func(b *building, v []string) error {
			set(b.contact, v[0])
			return nil
		}}
	}
	return []path{
		text("contact_id", func(c *entitlementv1.Contact, v string) { c.ContactId = v }),
		text("display_name", func(c *entitlementv1.Contact, v string) { c.DisplayName = v }),
		text("email", func(c *entitlementv1.Contact, v string) { c.Email = v }),
		{name: "contacts.phone_numbers", list: true, keep: true, set: func(b *building, v []string) error {
			b.contact.PhoneNumbers = numbers(v)
			return nil
		}},
		text("language", func(c *entitlementv1.Contact, v string) { c.Language = v }),
		{name: "contacts.self_service", keep: true, set: func(b *building, v []string) (err error) {
			b.contact.SelfService, err = yes(v[0])
			return err
		}},
	}
}

// find is the path of a name; external_ids.SYSTEM is one of each system.
func find(name string) (path, bool) {
	if system, ok := strings.CutPrefix(name, externalIDs+"."); ok && system != "" {
		return path{name: name, keep: true, set: func(b *building, v []string) error {
			b.customer.ExternalIds = append(b.customer.ExternalIds, &entitlementv1.ExternalId{System: system, Id: v[0]})
			return nil
		}}, true
	}
	for _, p := range paths() {
		if p.name == name {
			return p, true
		}
	}
	return path{}, false
}

func allPaths() string {
	all := paths()
	names := make([]string, 0, len(all)+1)
	for _, p := range all {
		names = append(names, p.name)
	}
	return strings.Join(append(names, externalIDs+".SYSTEM"), ", ")
}

// setExternalIDs reads "crm:123".
func setExternalIDs(b *building, values []string) error {
	for _, v := range values {
		system, id, ok := strings.Cut(v, ":")
		if !ok {
			return &wrong{v, "must be SYSTEM:ID"}
		}
		b.customer.ExternalIds = append(b.customer.ExternalIds, &entitlementv1.ExternalId{System: system, Id: id})
	}
	return nil
}

// setPartners reads "bone", "bone:db" and "bone:db:2026-12-31": who may call, about which product, until when.
func setPartners(b *building, values []string) error {
	for _, v := range values {
		who, rest, _ := strings.Cut(v, ":")
		product, until, _ := strings.Cut(rest, ":")
		end, err := b.date(until)
		if err != nil {
			return err
		}
		b.customer.Partners = append(b.customer.Partners, &entitlementv1.PartnerAccess{
			Partner: named("customers/", who), Product: product, EndDate: end,
		})
	}
	return nil
}

// named is a resource's name, of that or of its ID.
func named(collection, v string) string {
	if v == "" || strings.HasPrefix(v, collection) {
		return v
	}
	return collection + v
}

func numbers(values []string) (out []*phone_number.PhoneNumber) {
	for _, v := range values {
		out = append(out, &phone_number.PhoneNumber{Kind: &phone_number.PhoneNumber_E164Number{E164Number: v}})
	}
	return out
}

func (b *building) date(v string) (*date.Date, error) {
	if v == "" {
		return nil, nil //nolint:nilnil // an unset field
	}
	t, err := time.Parse(b.layout, v)
	if err != nil {
		example := time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC).Format(b.layout)
		return nil, &wrong{v, "must be a date written as " + example}
	}
	return &date.Date{Year: int32(t.Year()), Month: int32(t.Month()), Day: int32(t.Day())}, nil //nolint:gosec // to 9999
}

func yes(v string) (bool, error) {
	switch strings.ToLower(v) {
	case "true", "yes", "y", "1":
		return true, nil
	case "false", "no", "n", "0", "":
		return false, nil
	}
	return false, &wrong{v, "must be true or false"}
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
