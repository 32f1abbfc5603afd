package check

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/internal/contacttext"
	"github.com/daysidehq/dayside/services/internal/entitle"
)

// remedies are what would change an answer that does not grant: what the caller can do now, what comes by itself, what the
// vendor can do. Each of them is enough: ask again, and it is granted.
func remedies(who Who, asked Asked, a entitle.Answer) []*entitlementv1.Remedy {
	list := offered(asked, who.Parties[0])
	bought := newLift(who, asked, a).remedy()
	if w := wait(who, asked); w != nil && w.GetTime().GetSeconds() != bought.GetTime().GetSeconds() {
		list = append(list, w)
	}
	return append(list, bought, &entitlementv1.Remedy{
		Kind: entitlementv1.RemedyKind_REMEDY_KIND_GRANT, Text: "grant complimentary access: dayside grant create",
	})
}

// offered are the offers of the line that would give it to a party.
func offered(asked Asked, party entitle.Party) []*entitlementv1.Remedy {
	list, text := make([]*entitlementv1.Remedy, 0, len(asked.Offers)), asked.text()
	for _, o := range asked.Offers {
		if !gives(o, party, asked) {
			continue
		}
		list = append(list, &entitlementv1.Remedy{
			Kind: entitlementv1.RemedyKind_REMEDY_KIND_OFFER, Offer: o.GetName(),
			Text: contacttext.Fill(text.AcceptOffer, "offer", o.GetDisplayName(), "price", text.Amount(o.GetPrice())),
		})
	}
	return list
}

// gives says whether whoever accepts an offer has the line then: its plan may have other hours, say.
func gives(o *entitlementv1.Offer, party entitle.Party, asked Asked) bool {
	at := asked.Question.AtUnixS
	party.Contracts, party.Grants = nil, []entitle.Grant{{
		Basis: entitlementv1.Basis_BASIS_PROMISE, PlanID: strings.TrimPrefix(o.GetPlan(), planNames),
		Product: cmp.Or(o.GetProduct(), asked.Line.GetProduct()), FromUnixS: at, ToUnixS: at + 1,
	}}
	return entitle.Granted(entitle.Ask([]entitle.Party{party}, asked.Catalog, asked.Question).Basis)
}

// wait is what comes by itself; nil where nothing does.
func wait(who Who, asked Asked) *entitlementv1.Remedy {
	then, atUnixS, ok := entitle.Next(who.Parties, asked.Catalog, asked.Question)
	if !ok {
		return nil
	}
	when := time.Unix(atUnixS, 0).In(who.Location(who.Customers[then.Party]))
	return &entitlementv1.Remedy{
		Kind: entitlementv1.RemedyKind_REMEDY_KIND_WAIT, Time: &timestamppb.Timestamp{Seconds: atUnixS},
		Text: contacttext.Fill(asked.text().OnDate, "what", comes(who, asked, then, atUnixS),
			"date", when.Format(time.DateOnly), "time", when.Format("15:04 ")+contacttext.ZoneName(when)),
	}
}

// comes is what begins to grant at an instant: what was in its way a second before.
func comes(who Who, asked Asked, then entitle.Answer, atUnixS int64) string {
	text := asked.text()
	hours := contacttext.Fill(text.HoursBegin, "plan", then.PlanID)
	if then.Grant >= 0 {
		g := &who.Parties[then.Party].Grants[then.Grant]
		if g.FromUnixS == atUnixS {
			return contacttext.Fill(text.GrantBegins, "grant", g.ID)
		}
		return hours
	}
	before := asked.Question
	before.AtUnixS = atUnixS - 1
	alone := only(who.Parties[:then.Party+1])
	alone[then.Party].Contracts = []entitle.Contract{who.Parties[then.Party].Contracts[then.Contract]}
	switch entitle.Ask(alone, asked.Catalog, before).Basis { //nolint:exhaustive // others do not end by themselves
	case entitlementv1.Basis_BASIS_CONTRACT_NOT_STARTED:
		return contacttext.Fill(text.ContractBegins, "contract", contractName(who, then, text))
	case entitlementv1.Basis_BASIS_OUTSIDE_PLAN_HOURS:
		return hours
	case entitlementv1.Basis_BASIS_ALLOWANCE_USED:
		if then.Included == 1 {
			return contacttext.Fill(text.NextCall, "plan", then.PlanID)
		}
		return contacttext.Fill(text.NextCalls, "plan", then.PlanID, "calls", strconv.Itoa(int(then.Included)))
	}
	// The end of a suspension is told to whoever may end it.
	return contacttext.Fill(text.InForceAgain, "contract", contractName(who, then, text))
}
