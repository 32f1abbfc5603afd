// Package check answers whether the customers that have a number may have a line: the rule of package entitle, applied to
// published records, in the words of the API. It is pure; who has a number is package view's.
package check

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/contracts"
	"github.com/daysidehq/dayside/services/internal/entitle"
)

// Entitlement is one customer's answer for a line's product at an instant, Unix seconds. The contract's dates are those of
// loc, the customer's zone.
func Entitlement(c *publishedv1.Customer, product string, atUnixS int64, loc *time.Location,
) *entitlementv1.CustomerEntitlement {
	v := entitle.Judge(c.GetContracts(), product, atUnixS)
	out := &entitlementv1.CustomerEntitlement{
		Customer: "customers/" + c.GetId(), DisplayName: c.GetDisplayName(), Entitled: v.Entitled(), Basis: v.Basis,
	}
	if v.Contract >= 0 {
		out.Contract = contracts.Resource(c.GetContracts()[v.Contract], loc)
	}
	if v.UntilUnixS != entitle.Never {
		out.ValidUntil = &timestamppb.Timestamp{Seconds: v.UntilUnixS}
	}
	return out
}
