package cli

import (
	"context"
	"crypto/rand"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/manifest"
)

func newGrant(a *app) *cobra.Command {
	return newGroup("grant", "Give access that no contract gives, and take it back",
		"A grant gives a customer, or whoever calls from a number, lines over some time; who gave it, and why, is kept.\n"+
			"Accepted offers make grants, too.",
		newGrantCreate(a), newGrantList(a), newGrantRevoke(a))
}

// grantFlags are what a grant can be told.
type grantFlags struct {
	lines                              []string
	product, plan, from, until, reason string
	lasting                            time.Duration
}

func newGrantCreate(a *app) *cobra.Command {
	var f grantFlags
	c := &cobra.Command{
		Use: "create CUSTOMER|NUMBER --reason WHY", Short: "Give a customer, or a number, complimentary access",
		Long: "In force at every routing process as any change is. It ends at --until or after --for; all lines and products\n" +
			"where none is named, and without the limits of a plan where none is.",
		Example: "  dayside grant create acme --for 720h --reason \"evaluation, agreed with sales\"\n" +
			"  dayside grant create +13035550199 --lines gold-emergency --for 4h --reason \"contract is being signed\"",
		Args: cobra.ExactArgs(1), ValidArgsFunction: a.namesToComplete,
		RunE: func(cmd *cobra.Command, args []string) error {
			grant, err := a.grantOf(args[0], f)
			if err != nil {
				return err
			}
			return a.grantDone(cmd.Context(), func(ctx context.Context, client *api) (*entitlementv1.Grant, error) {
				return client.grants.CreateGrant(ctx, &entitlementv1.CreateGrantRequest{Grant: grant, RequestId: rand.Text()})
			})
		},
	}
	flags := c.Flags()
	flags.StringSliceVar(&f.lines, "lines", nil, "these lines alone")
	flags.StringVar(&f.product, "product", "", "this product alone")
	flags.StringVar(&f.plan, "plan", "", "with the limits of this plan")
	flags.StringVar(&f.from, "from", "", "begin then instead of now: "+whenHelp)
	flags.StringVar(&f.until, "until", "", "end then: "+whenHelp+"; a date includes that day, in UTC where no zone is named")
	spanVar(flags, &f.lasting, "for", "end after so long, such as 48h or 3d")
	flags.StringVar(&f.reason, "reason", "", "why (required)")
	return c
}

func (a *app) grantOf(who string, f grantFlags) (*entitlementv1.Grant, error) {
	g := &entitlementv1.Grant{Product: f.product, Reason: f.reason}
	var err error
	if strings.HasPrefix(who, "+") || isNumber(who) {
		if err := checkCaller(who); err != nil {
			return nil, usagef("%q is no number in E.164, such as +13035550101", who)
		}
		g.Number = "+" + strings.TrimPrefix(who, "+")
	} else if g.Customer, err = customerName(who); err != nil {
		return nil, err
	}
	for _, l := range f.lines {
		name, err := lineName(l)
		if err != nil {
			return nil, err
		}
		g.Lines = append(g.Lines, name)
	}
	if f.plan != "" {
		g.Plan = collectionPlans + "/" + strings.TrimPrefix(f.plan, collectionPlans+"/")
	}
	from := a.Now()
	if f.from != "" {
		if from, err = a.when("from", f.from, time.UTC); err != nil {
			return nil, err
		}
		g.StartTime = timestamppb.New(from)
	}
	switch {
	case f.reason == "":
		return nil, usagef("--reason: is required: why this is given")
	case f.until != "" && f.lasting != 0:
		return nil, usagef("--until and --for are both given: a grant ends once")
	case f.until == "" && f.lasting == 0:
		return nil, usagef("give --until or --for: a grant ends")
	case f.lasting < 0:
		return nil, usagef("--for: must be longer than nothing")
	case f.until != "":
		until, err := a.through("until", f.until, time.UTC)
		if err != nil {
			return nil, err
		}
		g.EndTime = timestamppb.New(until)
	default:
		g.EndTime = timestamppb.New(from.Add(f.lasting))
	}
	return g, nil
}

// grantDone shows what became of one grant.
func (a *app) grantDone(ctx context.Context, do func(context.Context, *api) (*entitlementv1.Grant, error)) error {
	client, err := a.connect()
	if err != nil {
		return err
	}
	defer client.close()
	g, err := ask(ctx, a, func(ctx context.Context) (*entitlementv1.Grant, error) { return do(ctx, client) })
	if err != nil {
		return err
	}
	return a.show(g, func(w io.Writer) error { return grantsText(w, []*entitlementv1.Grant{g}) })
}

func newGrantList(a *app) *cobra.Command {
	var customer string
	var inForce bool
	c := &cobra.Command{
		Use: "list", Short: "Show grants: who gave what to whom, until when and why",
		Example: "  dayside grant list --in-force\n  dayside grant list --customer acme -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if customer != "" {
				var err error
				if customer, err = customerName(customer); err != nil {
					return err
				}
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			list, err := ask(cmd.Context(), a, func(ctx context.Context) ([]*entitlementv1.Grant, error) {
				return pages(ctx, func(ctx context.Context, token string) ([]*entitlementv1.Grant, string, error) {
					r, err := client.grants.ListGrants(ctx, &entitlementv1.ListGrantsRequest{
						PageSize: pageSize, PageToken: token, Customer: customer, InForce: inForce,
					})
					return r.GetGrants(), r.GetNextPageToken(), err
				})
			})
			if err != nil {
				return err
			}
			return a.show(&entitlementv1.ListGrantsResponse{Grants: list}, func(w io.Writer) error { return grantsText(w, list) })
		},
	}
	c.Flags().StringVar(&customer, "customer", "", "those of one customer")
	c.Flags().BoolVar(&inForce, "in-force", false, "those in force now")
	return c
}

func newGrantRevoke(a *app) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use: "revoke GRANT", Short: "End a grant now; it stays in the list",
		Example: "  dayside grant revoke grants/g-4f1b --reason \"given by mistake\"",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := "grants/" + strings.TrimPrefix(args[0], "grants/")
			return a.grantDone(cmd.Context(), func(ctx context.Context, client *api) (*entitlementv1.Grant, error) {
				return client.grants.RevokeGrant(ctx, &entitlementv1.RevokeGrantRequest{Name: name, Reason: reason})
			})
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for people who ask")
	return c
}

// grantsText is a row a grant; numbers are masked.
func grantsText(w io.Writer, list []*entitlementv1.Grant) error {
	if len(list) == 0 {
		linef(w, "No grants.")
		return nil
	}
	g := newGrid("name", "for", "basis", "lines", "limits", "from", "until", "by", "why")
	for _, m := range list {
		who := m.GetCustomer()
		if who == "" {
			who = manifest.Mask(m.GetNumber())
		}
		lines := "all"
		if len(m.GetLines()) > 0 {
			lines = idsText(m.GetLines())
		}
		until := m.GetEndTime().AsTime().UTC().Format(layoutMinute)
		if m.GetRevokeTime() != nil {
			until += " (revoked)"
		}
		g.row(m.GetName(), who, words(m.GetBasis(), "BASIS_"), lines, grantLimits(m),
			m.GetStartTime().AsTime().UTC().Format(layoutMinute), until, dash(m.GetGrantedBy()), dash(m.GetReason()))
	}
	if err := g.write(w); err != nil {
		return err
	}
	linef(w, "Times are in UTC.")
	return nil
}

// grantLimits is what a grant is limited by besides its lines.
func grantLimits(g *entitlementv1.Grant) string {
	var limits []string
	if g.GetProduct() != "" {
		limits = append(limits, "product "+g.GetProduct())
	}
	if g.GetPlan() != "" {
		limits = append(limits, "plan "+strings.TrimPrefix(g.GetPlan(), collectionPlans+"/"))
	}
	return dash(strings.Join(limits, ", "))
}
