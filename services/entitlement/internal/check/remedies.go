package check

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/api/money"
	"github.com/daysidehq/dayside/services/internal/entitle"
)

// remedies are what would change an answer that does not grant: what the caller can do now, what comes by itself, what the
// vendor can do.
func remedies(who Who, asked Asked, a entitle.Answer, e *entitlementv1.CustomerEntitlement) []*entitlementv1.Remedy {
	list := offered(asked)
	if w := wait(who, a, e); w != nil {
		list = append(list, w)
	}
	return append(list, bought(who, asked, a, e), &entitlementv1.Remedy{
		Kind: entitlementv1.RemedyKind_REMEDY_KIND_GRANT, Text: "grant complimentary access: dayside grant create",
	})
}

// offered are the offers of the line.
func offered(asked Asked) []*entitlementv1.Remedy {
	list := make([]*entitlementv1.Remedy, 0, len(asked.Offers))
	for _, o := range asked.Offers {
		list = append(list, &entitlementv1.Remedy{
			Kind: entitlementv1.RemedyKind_REMEDY_KIND_OFFER, Offer: o.GetName(),
			Text: fmt.Sprintf("accept %s for %s", o.GetDisplayName(), money.String(o.GetPrice())),
		})
	}
	return list
}

// wait is what comes by itself; nil where nothing does.
func wait(who Who, a entitle.Answer, e *entitlementv1.CustomerEntitlement) *entitlementv1.Remedy {
	atUnixS, text := a.UntilUnixS, ""
	switch a.Basis { //nolint:exhaustive // of others nothing comes by itself
	case entitlementv1.Basis_BASIS_CONTRACT_NOT_STARTED:
		text = "contract " + e.GetContract().GetContractId() + " begins"
	case entitlementv1.Basis_BASIS_OUTSIDE_PLAN_HOURS:
		atUnixS, text = a.OpensUnixS, "the hours of plan "+a.PlanID+" begin"
	case entitlementv1.Basis_BASIS_ALLOWANCE_USED:
		text = fmt.Sprintf("the next %d calls of plan %s can be used", a.Included, a.PlanID)
	}
	if text == "" || atUnixS == 0 || atUnixS == entitle.Never {
		return nil
	}
	when := time.Unix(atUnixS, 0).In(who.Location(who.Customers[a.Party]))
	return &entitlementv1.Remedy{
		Kind: entitlementv1.RemedyKind_REMEDY_KIND_WAIT, Text: text + " on " + when.Format("2006-01-02 at 15:04 MST"),
		Time: &timestamppb.Timestamp{Seconds: atUnixS},
	}
}

// bought is what has to be bought, or settled.
func bought(who Who, asked Asked, a entitle.Answer, e *entitlementv1.CustomerEntitlement) *entitlementv1.Remedy {
	contract := e.GetContract().GetContractId()
	plan := func(what string) *entitlementv1.Remedy {
		return &entitlementv1.Remedy{
			Kind: entitlementv1.RemedyKind_REMEDY_KIND_PLAN,
			Text: fmt.Sprintf("a plan %s than %s, that of contract %s", what, a.PlanID, contract),
		}
	}
	switch a.Basis { //nolint:exhaustive // those that grant have no remedies
	case entitlementv1.Basis_BASIS_OUTSIDE_PLAN_HOURS:
		return plan("with longer hours")
	case entitlementv1.Basis_BASIS_ALLOWANCE_USED:
		return plan("that includes more calls")
	case entitlementv1.Basis_BASIS_OTHER_SEVERITY:
		return plan("with other severities")
	case entitlementv1.Basis_BASIS_OTHER_LINE:
		return plan("with other lines")
	case entitlementv1.Basis_BASIS_SUSPENDED:
		text := "end the suspension of contract " + contract
		for i := range a.Party + 1 {
			at := asked.Question.AtUnixS
			if s := who.Parties[i].Suspended; s != nil && s.FromUnixS <= at && at < s.ToUnixS {
				text = "end the suspension of " + customerNames + who.Customers[i].GetId()
			}
		}
		return &entitlementv1.Remedy{
			Kind: entitlementv1.RemedyKind_REMEDY_KIND_END_SUSPENSION, Text: text, Time: e.GetValidUntil(),
		}
	case entitlementv1.Basis_BASIS_CONTRACT_ENDED:
		return &entitlementv1.Remedy{
			Kind: entitlementv1.RemedyKind_REMEDY_KIND_CONTRACT, Text: "renew contract " + contract + ", which ended on " + ended(e),
		}
	}
	text := "a contract"
	if product := asked.Question.Product; product != "" {
		text += " for " + product
	}
	return &entitlementv1.Remedy{Kind: entitlementv1.RemedyKind_REMEDY_KIND_CONTRACT, Text: text + " that is in force"}
}

// ended is the last date of a contract.
func ended(e *entitlementv1.CustomerEntitlement) string {
	d := e.GetContract().GetEndDate()
	return fmt.Sprintf("%04d-%02d-%02d", d.GetYear(), d.GetMonth(), d.GetDay())
}
