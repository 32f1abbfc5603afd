package entitlement

import (
	"context"
	"slices"
	"strings"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/identify"
	"github.com/daysidehq/dayside/services/entitlement/internal/names"
	"github.com/daysidehq/dayside/services/entitlement/internal/view"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/phone/national"
)

const (
	// maxIdentified bounds an answer: a caller can be asked about no more.
	maxIdentified = 8
	// maxNamed is how many customers are looked at whose names fit: of several of one name, another clue may tell which.
	maxNamed = 64
	// maxHolders is how many customers of one clue are looked at: of more it says nothing. maxNumberHolders is that of numbers,
	// which a group of companies shares.
	maxHolders, maxNumberHolders = 16, 64
	// maxLikeContracts is how many customers are looked at whose contracts' numbers are typed alike.
	maxLikeContracts = 64
	// minTypedDigits is from how many on digits are a contract's number: fewer are a wrong key.
	minTypedDigits = 4
)

// How much a clue says that is not a name. A number identifies, though nobody vouches for it; a domain is shared by whoever
// has mailboxes there.
const (
	verifiedNumberConfidence = 0.98
	numberConfidence         = 0.9
	emailConfidence          = 0.97
	externalIDConfidence     = 0.98
	contractConfidence       = 0.97
	// typedContractConfidence is that of digits, which may be a name's, too, or have a wrong one among them.
	typedContractConfidence = 0.9
	domainConfidence        = 0.8
	// doubtedConfidence is that of a name which is the one that was said, but for a legal form that is another one, or where
	// nothing was said but what people say before they say a name: nobody goes before it, and it is asked about.
	doubtedConfidence = 0.97
)

// IdentifyCaller finds customers by whatever is known of a caller. It reads the service's own views, which are behind a
// commit by some milliseconds, and goes on without etcd.
func (s *Service) IdentifyCaller(_ context.Context, r *entitlementv1.IdentifyCallerRequest,
) (*entitlementv1.IdentifyCallerResponse, error) {
	if !s.Ready() {
		return nil, notReady("its customers")
	}
	number, err := knownOf(r)
	if err != nil {
		return nil, err
	}
	g := gathering{s: s}
	g.names(r)
	g.number(number, r.GetNumberVerified() && r.GetNumber() != "")
	g.statements(r)
	return g.answer(r.GetLanguage()), nil
}

// knownOf is the number of a request, where it has one; a fault names what is wrong with the request.
func knownOf(r *entitlementv1.IdentifyCallerRequest) (phone.Number, error) {
	var broken fault.Violations
	if strings.TrimSpace(r.GetName()) != "" && r.GetDigits() != "" {
		broken.Add("digits", "", "must be empty where name is given: one of them")
	}
	var number phone.Number
	switch {
	case r.GetNumber() == "" && strings.HasPrefix(strings.TrimSpace(r.GetName()), "+"):
		number, _ = phone.ParseSignalled(r.GetName()) // typed where a name is asked for
	case r.GetNumber() != "":
		var err error
		if number, err = national.Parse(r.GetNumber(), r.GetDefaultRegion()); err != nil {
			signalled, ok := phone.ParseSignalled(r.GetNumber())
			if !ok || r.GetDefaultRegion() != "" {
				broken.Add("number", phone.Mask(r.GetNumber()), err.Error())
			}
			number = signalled
		}
	}
	if r.GetDefaultRegion() != "" && !national.KnownRegion(r.GetDefaultRegion()) {
		broken.Add("default_region", r.GetDefaultRegion(), "must be an ISO 3166-1 alpha-2 code of a country with a numbering plan")
	}
	for i, e := range r.GetExternalIds() {
		if e.GetSystem() == "" || strings.TrimSpace(e.GetId()) == "" {
			broken.Add("external_ids["+string(rune('0'+i))+"]", "", "must have a system and an id")
		}
	}
	if strings.TrimSpace(r.GetName()) == "" && r.GetDigits() == "" && r.GetNumber() == "" && r.GetEmail() == "" &&
		len(r.GetExternalIds()) == 0 && r.GetContractId() == "" {
		broken.Add("name", "", "is required, or digits, number, email, external_ids or contract_id")
	}
	return number, broken.Err()
}

// gathering is what speaks for whom.
type gathering struct {
	s     *Service
	clues []identify.Clue
	more  bool
	// called is the name by which a customer was found.
	called map[string]string
}

func (g *gathering) names(r *entitlementv1.IdentifyCallerRequest) {
	g.called = map[string]string{}
	said := strings.TrimSpace(r.GetName())
	var found []names.Match
	switch {
	case strings.Contains(said, "@"): // an address; or some are called so
		found, g.more = g.s.directory.Find(said, maxNamed)
		found = slices.DeleteFunc(found, func(m names.Match) bool { return m.Why != names.Exact })
	case said != "":
		found, g.more = g.find(said)
	case r.GetDigits() != "":
		found, g.more = g.s.directory.FindDigits(r.GetDigits(), maxNamed)
	}
	for _, m := range found {
		clue := identify.Clue{
			Kind: kindOf(m.Why), Customer: m.ID, Matched: m.Name, Confidence: m.Confidence, Form: names.Form(said, m.Name),
		}
		if m.Why == names.Exact && (clue.Form < 0 || names.IsGreeting(said)) {
			clue.Confidence = doubtedConfidence
		}
		g.clues = append(g.clues, clue)
		g.called[m.ID] = m.Name
	}
	if said == "" {
		return
	}
	if len(found) == 0 || found[0].Why != names.Exact {
		g.placed(said)
	}
	chosen := identify.Clue{Kind: entitlementv1.EvidenceKind_EVIDENCE_KIND_ACCESS_NAME, Matched: said, Confidence: 1}
	if names.IsGreeting(said) {
		chosen.Confidence = doubtedConfidence
	}
	for _, h := range g.s.directory.Holders(view.AccessName, "", said, maxHolders) {
		chosen.Customer = h.CustomerID
		g.clues = append(g.clues, chosen)
		if g.called[h.CustomerID] == "" {
			g.called[h.CustomerID] = said
		}
	}
}

// find is who is called what was said; or, where nobody is, what is left of it without what people say around a name.
func (g *gathering) find(said string) (found []names.Match, more bool) {
	found, more = g.s.directory.Find(said, maxNamed)
	name := names.Introduced(said)
	if len(found) > 0 && found[0].Why == names.Exact || name == said || name == "" {
		return found, more
	}
	again, moreAgain := g.s.directory.Find(name, maxNamed)
	if len(again) > 0 && (again[0].Why == names.Exact || again[0].Why == names.Script &&
		(len(found) == 0 || found[0].Confidence < again[0].Confidence)) {
		return again, moreAgain
	}
	return found, more
}

const (
	// placedConfidence is the most that is said of a customer by its name and its town together, and otherFormFactor what is
	// left of that where its legal form is not the one that was said.
	placedConfidence, otherFormFactor = 0.95, 0.8
)

// placed brings in those who are called what was said but for the town or the country behind it, and are there: of several
// of one name, a place tells which. It is asked about all the same.
func (g *gathering) placed(said string) {
	for _, p := range names.Places(names.Introduced(said)) {
		found, more := g.s.directory.Find(p.Name, maxNamed)
		if more && len(found) == maxNamed && found[len(found)-1].Why == names.Exact {
			g.more = true // somebody of that name was not looked at
		}
		for _, m := range found {
			c, _ := g.s.index.Customer(m.ID)
			if !names.In(p.Place, c.GetLocality()) {
				continue
			}
			clue := identify.Clue{
				Kind: entitlementv1.EvidenceKind_EVIDENCE_KIND_SIMILAR_NAME, Customer: m.ID,
				Matched: m.Name + ", " + c.GetLocality(), Confidence: min(m.Confidence, placedConfidence),
				Form: names.Form(p.Name, m.Name),
			}
			if clue.Form < 0 {
				clue.Confidence *= otherFormFactor
			}
			g.clues = append(g.clues, clue)
			if g.called[m.ID] == "" {
				g.called[m.ID] = m.Name
			}
		}
	}
}

func kindOf(why names.Why) entitlementv1.EvidenceKind {
	switch why {
	case names.Exact:
		return entitlementv1.EvidenceKind_EVIDENCE_KIND_NAME
	case names.Initials:
		return entitlementv1.EvidenceKind_EVIDENCE_KIND_INITIALS
	case names.Digits:
		return entitlementv1.EvidenceKind_EVIDENCE_KIND_KEYPAD
	case names.Script, names.Words, names.Begins, names.Typing, names.Sound:
	}
	return entitlementv1.EvidenceKind_EVIDENCE_KIND_SIMILAR_NAME
}

// number brings in the caller's. One that several customers share says as much less of each.
func (g *gathering) number(n phone.Number, verified bool) {
	if n == 0 {
		return
	}
	holders := g.s.index.WhoHas(n, maxNumberHolders+1)
	if len(holders) > maxNumberHolders {
		g.more = true
		return
	}
	contact := map[string]string{}
	for _, h := range g.s.directory.Holders(view.ContactNumber, "", n.String(), maxNumberHolders) {
		contact[h.CustomerID] = h.ContactID
	}
	clue := identify.Clue{
		Kind: entitlementv1.EvidenceKind_EVIDENCE_KIND_NUMBER, Matched: n.Masked(),
		Confidence: numberConfidence / float64(max(len(holders), 1)),
	}
	if verified && len(holders) == 1 {
		clue.Kind, clue.Confidence = entitlementv1.EvidenceKind_EVIDENCE_KIND_VERIFIED_NUMBER, verifiedNumberConfidence
	}
	for _, c := range holders {
		clue.Customer, clue.Contact = c.GetId(), contact[c.GetId()]
		g.clues = append(g.clues, clue)
	}
}

// statements bring in what is the same or is not. What was typed as a name may be a contract's number, or an address.
func (g *gathering) statements(r *entitlementv1.IdentifyCallerRequest) {
	said := strings.TrimSpace(r.GetName())
	for _, number := range []string{r.GetContractId(), said, withoutWords(said)} {
		g.contract(entitlementv1.EvidenceKind_EVIDENCE_KIND_CONTRACT, number, view.Written, contractConfidence)
	}
	if typed := strings.Trim(r.GetDigits(), "*#"); len(typed) >= minTypedDigits {
		g.contract(entitlementv1.EvidenceKind_EVIDENCE_KIND_KEYPAD, typed, view.Pressed, typedContractConfidence)
	}
	for _, e := range r.GetExternalIds() {
		g.same(entitlementv1.EvidenceKind_EVIDENCE_KIND_EXTERNAL_ID, view.ExternalID, e.GetSystem(), e.GetId(),
			e.GetSystem()+": "+e.GetId(), externalIDConfidence)
	}
	addresses := []string{r.GetEmail()}
	switch {
	case strings.Contains(said, "@"):
		addresses = append(addresses, said)
	case strings.Contains(said, ".") && !strings.Contains(said, " "): // a domain, perhaps
		addresses = append(addresses, strings.TrimPrefix(strings.ToLower(said), "www."))
	}
	for _, address := range addresses {
		local, domain, isAddress := strings.Cut(strings.TrimSpace(address), "@")
		if !isAddress {
			domain = local
		} else {
			g.same(entitlementv1.EvidenceKind_EVIDENCE_KIND_EMAIL, view.Email, "", address, maskedEmail(address), emailConfidence)
		}
		g.same(entitlementv1.EvidenceKind_EVIDENCE_KIND_EMAIL_DOMAIN, view.EmailDomain, "", domain, domain, domainConfidence)
	}
}

// contract brings in the customers who have a contract of that number, as it reads.
func (g *gathering) contract(kind entitlementv1.EvidenceKind, number string, read func(string) string, confidence float64) {
	var clues []identify.Clue
	asked := read(number)
	for _, h := range g.s.directory.Holders(view.ContractID, "", number, maxLikeContracts) {
		c, _ := g.s.index.Customer(h.CustomerID)
		i := slices.IndexFunc(c.GetContracts(), func(k *publishedv1.Contract) bool { return read(k.GetId()) == asked })
		if i >= 0 {
			clues = append(clues, identify.Clue{Kind: kind, Customer: h.CustomerID, Matched: c.GetContracts()[i].GetId()})
		}
	}
	if len(clues) > maxHolders {
		g.more = true
		return
	}
	for _, clue := range clues {
		clue.Confidence = confidence / float64(len(clues))
		g.clues = append(g.clues, clue)
	}
}

// withoutWords is a contract's number without what people say around it.
func withoutWords(said string) string {
	return strings.Join(slices.DeleteFunc(strings.Fields(said), func(w string) bool {
		switch strings.ToLower(strings.Trim(w, ".,:'")) {
		case "contract", "number", "no", "is", "it", "it's", "its", "my", "our", "the", "dash", "hyphen", "minus", "slash",
			"vertrag", "vertragsnummer", "nummer", "ist", "die", "strich", "bindestrich", "contrat", "numéro", "tiret",
			"contrato", "número", "guion", "guión":
			return true
		}
		return false
	}), "")
}

// same brings in the customers of whom a clue speaks.
func (g *gathering) same(kind entitlementv1.EvidenceKind, clue view.Clue, system, text, matched string, confidence float64) {
	holders := g.s.directory.Holders(clue, system, text, maxHolders+1)
	if len(holders) > maxHolders {
		g.more = true
		return
	}
	for _, h := range holders {
		g.clues = append(g.clues, identify.Clue{
			Kind: kind, Customer: h.CustomerID, Matched: matched, Confidence: confidence / float64(len(holders)),
			Contact: h.ContactID,
		})
	}
}

// maskedEmail shows the first letter and the domain.
func maskedEmail(address string) string {
	local, domain, _ := strings.Cut(strings.TrimSpace(address), "@")
	for _, first := range local {
		return string(first) + "…@" + domain
	}
	return "…@" + domain
}

// answer is what all of it comes to.
func (g *gathering) answer(language string) *entitlementv1.IdentifyCallerResponse {
	known := map[string]*publishedv1.Customer{}
	// One that is not there was deleted, or is not heard of yet: the views follow the same commits, one before the other.
	ranked := slices.DeleteFunc(identify.Rank(g.clues), func(c identify.Candidate) bool {
		published, ok := g.s.index.Customer(c.Customer)
		known[c.Customer] = published
		return !ok
	})
	told := ranked[:min(len(ranked), maxIdentified)]
	out := &entitlementv1.IdentifyCallerResponse{
		More: g.more || len(ranked) > maxIdentified, Certain: identify.Certain(ranked),
	}
	for _, c := range told {
		out.Candidates = append(out.Candidates, g.candidate(c, known[c.Customer]))
	}
	if out.GetCertain() {
		return out
	}
	var choices []identify.Choice
	for _, c := range identify.Asked(ranked) {
		p := known[c.Customer]
		choices = append(choices, identify.Choice{ID: c.Customer, Name: p.GetDisplayName(), Locality: p.GetLocality()})
	}
	// Of those who are not told none fits better than those who are.
	out.Question = identify.Question(choices, out.GetMore() && len(choices) >= maxIdentified, language)
	return out
}

// candidate is one of them, for people.
func (g *gathering) candidate(c identify.Candidate, p *publishedv1.Customer) *entitlementv1.CallerCandidate {
	one := &entitlementv1.CallerCandidate{
		Customer: customerNames + c.Customer, DisplayName: p.GetDisplayName(), Confidence: c.Confidence,
		MatchedName: g.called[c.Customer], HasPin: p.GetHasPin(), HasPhrase: p.GetHasPhrase(), Locality: p.GetLocality(),
		Verified: c.Verified, ContactId: c.Contact,
	}
	for _, e := range c.Evidence {
		one.Evidence = append(one.Evidence, &entitlementv1.Evidence{Kind: e.Kind, Matched: e.Matched, Confidence: e.Confidence})
	}
	return one
}
