package contracts

import (
	"fmt"
	"net/mail"
	"strings"
	"unicode"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/published"
)

// contacts checks the people of a customer, and adds their numbers to its own: a contact who calls is the customer.
func (k *compiler) contacts(list []*entitlementv1.Contact, numbers []uint64) []uint64 {
	have := make(map[uint64]bool, len(numbers))
	for _, n := range numbers {
		have[n] = true
	}
	byID, byEmail := once{}, once{}
	for i, c := range list {
		path := fmt.Sprintf("contacts[%d]", i)
		if c.GetContactId() == "" {
			k.broken.Add(path+".contact_id", "", "is required")
		}
		k.once(byID, c.GetContactId(), path+".contact_id", c.GetContactId())
		k.text(path+".display_name", c.GetDisplayName())
		if c.GetEmail() != "" {
			k.email(path+".email", c.GetEmail())
			k.once(byEmail, strings.ToLower(c.GetEmail()), path+".email", maskedEmail(c.GetEmail()))
		} else if c.GetSelfService() {
			k.broken.Add(path+".email", "", "is required of a contact with self_service")
		}
		for _, n := range k.numbers(path+".", c.GetPhoneNumbers()) {
			if !have[n] {
				have[n], numbers = true, append(numbers, n)
			}
		}
	}
	return numbers
}

// email checks a bare address (RFC 5322, 3.4.1).
func (k *compiler) email(path, s string) {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s {
		k.broken.Add(path, maskedEmail(s), "must be an e-mail address, such as ana@acme.example")
	}
}

// maskedEmail shows of an address whose it can be, and no more.
func maskedEmail(s string) string {
	local, domain, ok := strings.Cut(strings.Map(visible, s), "@")
	if !ok || local == "" {
		return "…"
	}
	return string([]rune(local)[:1]) + "…@" + domain
}

// identities checks what a customer is known by elsewhere, and the text about it.
func (k *compiler) identities(c *entitlementv1.Customer) {
	k.text("locality", c.GetLocality())
	k.text("access_name", c.GetAccessName())
	k.text("account_owner", c.GetAccountOwner())
	domains, ids := once{}, once{}
	for i, d := range c.GetEmailDomains() {
		path := fmt.Sprintf("email_domains[%d]", i)
		if !domain(d) {
			k.broken.Add(path, strings.Map(visible, d), "must be a domain, such as acme.example")
		}
		k.once(domains, strings.ToLower(d), path, d)
	}
	for i, e := range c.GetExternalIds() {
		path := fmt.Sprintf("external_ids[%d]", i)
		k.name(path+".id", e.GetId())
		if e.GetSystem() == "" {
			k.broken.Add(path+".system", "", "is required")
		}
		k.once(ids, e.GetSystem()+"\x00"+e.GetId(), path, e.GetSystem()+": "+e.GetId())
	}
	if c.GetParent() == c.GetName() && c.GetParent() != "" {
		k.broken.Add("parent", c.GetParent(), "must be another customer")
	}
}

// domain says whether s can be the domain of an e-mail address, in letters of any script.
func domain(s string) bool {
	labels := strings.Split(s, ".")
	for _, l := range labels {
		odd := strings.ContainsFunc(l, func(r rune) bool {
			return r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
		})
		if l == "" || len(l) > 63 || odd || l[0] == '-' || l[len(l)-1] == '-' {
			return false
		}
	}
	return len(labels) > 1
}

// partners are who may call for the customer.
func (k *compiler) partners(c *entitlementv1.Customer) []*publishedv1.PartnerAccess {
	out := make([]*publishedv1.PartnerAccess, 0, len(c.GetPartners()))
	seen := once{}
	for i, p := range c.GetPartners() {
		path := fmt.Sprintf("partners[%d]", i)
		switch p.GetPartner() {
		case "":
			k.broken.Add(path+".partner", "", "is required")
		case c.GetName():
			k.broken.Add(path+".partner", p.GetPartner(), "must be another customer")
		}
		k.once(seen, p.GetPartner()+"\x00"+p.GetProduct(), path+".partner", p.GetPartner())
		until := int64(published.OpenEnded)
		if d := p.GetEndDate(); d != nil && k.date(path+".end_date", d) {
			until = hours.Begins(k.loc, civil(d).AddDays(1))
		}
		out = append(out, &publishedv1.PartnerAccess{
			Partner: strings.TrimPrefix(p.GetPartner(), customerNames), Product: p.GetProduct(), ToUnixS: until,
		})
	}
	return out
}

// once is where something was first, by what it is.
type once map[string]string

// once refuses what was there before.
func (k *compiler) once(seen once, key, path, value string) {
	if was, again := seen[key]; again {
		k.broken.Add(path, value, "is "+was+" again; each once")
		return
	}
	seen[key] = path
}

// ids are the last parts of names.
func ids(names []string, prefix string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = strings.TrimPrefix(n, prefix)
	}
	return out
}
