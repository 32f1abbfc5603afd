package entitlement

import (
	"context"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/check"
	"github.com/daysidehq/dayside/services/entitlement/internal/offer"
	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/published"
)

const (
	// maxCandidates bounds one answer: a number that so many share says nothing about who is calling.
	maxCandidates = 100
	// maxEnded is of how many customers a partner is noted to call for them no more.
	maxEnded = 5
)

// CheckEntitlement answers for the customer that is named, or for each that has the number. It reads the service's own
// views, which are behind a commit by some milliseconds, and goes on without etcd.
func (s *Service) CheckEntitlement(_ context.Context, r *entitlementv1.CheckEntitlementRequest,
) (*entitlementv1.CheckEntitlementResponse, error) {
	if !s.Ready() {
		return nil, notReady("its customers")
	}
	line := s.catalog.shelf.Line(strings.TrimPrefix(r.GetLine(), "lines/"))
	if line == nil {
		return nil, fault.NotFound(r.GetLine())
	}
	number, err := s.callerOf(r)
	if err != nil {
		return nil, err
	}
	asked := s.asked(r, line)
	party, _ := s.catalog.shelf.NumberParty(number)
	out := &entitlementv1.CheckEntitlementResponse{}
	if r.GetCustomer() != "" {
		c, ok := s.index.Customer(customerID(r.GetCustomer()))
		if !ok {
			return nil, fault.NotFound(r.GetCustomer())
		}
		out.Candidates = s.entitlements(c, asked, nil)
	} else {
		for _, c := range s.index.WhoHas(number, maxCandidates) {
			out.Candidates = append(out.Candidates, s.entitlements(c, asked, party.Grants)...)
		}
		out.Candidates = out.Candidates[:min(len(out.Candidates), maxCandidates)]
	}
	if len(out.Candidates) == 1 {
		only := out.GetCandidates()[0]
		out.Outcome, out.TreatmentText, out.FollowedUp = only.GetOutcome(), only.GetTreatmentText(), only.GetFollowedUp()
		return out, nil
	}
	goodwill := s.catalog.shelf.NumberGoodwill(number, check.GoodwillFrom(line, asked.Question.AtUnixS))
	unknown := check.Unknown(party, asked, goodwill)
	unknown.Candidates = out.GetCandidates()
	return unknown, nil
}

// callerOf is the number that is asked about, if one is; a customer can be named instead.
func (s *Service) callerOf(r *entitlementv1.CheckEntitlementRequest) (phone.Number, error) {
	var broken fault.Violations
	text := r.GetNumber().GetE164Number()
	number, ok := phone.Parse(text)
	switch {
	case text == "" && r.GetCustomer() == "":
		broken.Add("number", "", "is required where no customer is named")
	case text != "" && !ok:
		broken.Add("number", phone.Mask(text), "must be E.164: a plus sign, then 7 to 15 digits that begin with a country code")
	}
	if r.GetAt() != nil && r.GetAt().CheckValid() != nil {
		broken.Add("at", "", "must be an instant of the years 1 to 9999")
	}
	return number, broken.Err()
}

// asked is the question of a request, and what the line offers.
func (s *Service) asked(r *entitlementv1.CheckEntitlementRequest, line *publishedv1.Line) check.Asked {
	asked := check.Asked{Line: line, Catalog: s.catalog.shelf, Question: entitle.Question{
		LineID: line.GetId(), Product: line.GetProduct(), Severity: line.GetSeverity(), AtUnixS: s.cfg.Clock.Now().Unix(),
	}}
	if r.GetAt() != nil {
		asked.Question.AtUnixS = r.GetAt().GetSeconds()
	}
	if r.GetSeverity() != 0 {
		asked.Question.Severity = r.GetSeverity()
	}
	for _, id := range line.GetOffers() {
		if o := s.catalog.shelf.Offer(id).GetOffer(); offer.Stands(o, asked.Question.AtUnixS) {
			asked.Offers = append(asked.Offers, o)
		}
	}
	return asked
}

// entitlements is a customer's answer, who has what its number was given besides; of one that is a partner, and not entitled
// itself, those of the customers that it may call for, each with whom it would be by.
func (s *Service) entitlements(c *publishedv1.Customer, asked check.Asked, given []entitle.Grant,
) []*entitlementv1.CustomerEntitlement {
	who := s.who(c, asked)
	who.Parties[0].Grants = append(who.Parties[0].Grants, given...)
	own := check.Entitlement(who, asked)
	if own.GetEntitled() {
		return []*entitlementv1.CustomerEntitlement{own}
	}
	var list []*entitlementv1.CustomerEntitlement
	var ended []string
	for _, id := range slices.Sorted(slices.Values(s.catalog.used.clientsOf(c.GetId()))) {
		client, ok := s.index.Customer(id)
		if !ok || len(list) == maxCandidates {
			continue
		}
		until, may := mayCall(client, c.GetId(), asked.Question)
		if !may {
			if until > 0 && len(ended) < maxEnded {
				last := time.Unix(until-1, 0).In(s.location(client))
				ended = append(ended, customerNames+id+" let it call as its partner until "+last.Format(time.DateOnly))
			}
			continue
		}
		with := check.Entitlement(s.who(client, asked), asked)
		with.Customer, with.DisplayName, with.Via = own.GetCustomer(), own.GetDisplayName(), customerNames+id
		with.ValidUntil = earlier(with.GetValidUntil(), until)
		list = append(list, with)
	}
	if len(list) == 0 {
		own.Notes = append(own.Notes, ended...)
		return []*entitlementv1.CustomerEntitlement{own}
	}
	return list
}

// mayCall says whether a customer lets a partner call for it about what is asked, and until when, Unix seconds; where it
// does not, until when it did, 0 where it never did.
func mayCall(client *publishedv1.Customer, partnerID string, q entitle.Question) (untilUnixS int64, may bool) {
	for _, p := range client.GetPartners() {
		if p.GetPartner() == partnerID && (p.GetProduct() == "" || q.Product == "" || p.GetProduct() == q.Product) {
			untilUnixS = max(untilUnixS, p.GetToUnixS())
		}
	}
	return untilUnixS, q.AtUnixS < untilUnixS
}

// earlier is the earlier of two ends; nil, and the end of what is open-ended, are later than any.
func earlier(t *timestamppb.Timestamp, unixS int64) *timestamppb.Timestamp {
	if unixS == published.OpenEnded || t != nil && t.GetSeconds() <= unixS {
		return t
	}
	return &timestamppb.Timestamp{Seconds: unixS}
}

// who is a customer with those above it, as far as they are known.
func (s *Service) who(c *publishedv1.Customer, asked check.Asked) check.Who {
	who := check.Who{
		Location: s.location,
		Goodwill: s.catalog.shelf.Goodwill(c.GetId(), check.GoodwillFrom(asked.Line, asked.Question.AtUnixS)),
	}
	for known := true; known && len(who.Customers) <= maxParents; {
		who.Customers = append(who.Customers, c)
		who.Parties = append(who.Parties, s.catalog.shelf.Party(c))
		c, known = s.index.Customer(c.GetParent())
		for i := range who.Customers {
			known = known && who.Customers[i].GetId() != c.GetId()
		}
	}
	return who
}

// location is the zone in which a customer's contract dates are shown. One that is known no longer, after other zone
// rules were adopted, must not hide the answer.
func (s *Service) location(c *publishedv1.Customer) *time.Location { return s.zone(c.GetTimeZone()) }

// zone is that of an IANA name; UTC where there is none, or none is known by that name.
func (s *Service) zone(name string) *time.Location {
	if name == "" {
		return time.UTC
	}
	rules := s.cfg.Rules.Load()
	if rules == nil { // started while etcd was away
		return time.UTC
	}
	loc, err := rules.Location(name)
	if err != nil {
		return time.UTC
	}
	return loc
}
