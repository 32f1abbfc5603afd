package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
)

// eraseTimeout is how long the history of calls may take to be looked through.
const eraseTimeout = 30 * time.Minute

func newCustomerErase(a *app) *cobra.Command {
	r := &entitlementv1.ErasePersonRequest{}
	c := &cobra.Command{
		Use: "erase [CUSTOMER [CONTACT]]", Short: "Erase a person's data, and say what must be kept",
		Long: "Erases a contact with its name, addresses and numbers, and numbers and addresses given by themselves: in the\n" +
			"customer, or in all where none is named; in promises, grants, what was counted, and the history of calls. What is\n" +
			"owed, which terms were agreed to, and when, is kept without the person. Done again, it finds nothing. What comes in\n" +
			"late of calls before, from a host that was away, is erased as it comes in. An import, or an apply, of files that\n" +
			"still hold the data brings it back. The answer ends with where data is left that this does not reach\n" +
			"(recordings, backups, etcd's history), until when, and what you must do; -o json has it for programs.\n" +
			"It may take minutes.",
		Example: "  dayside customer erase acme ann --reason 'request 4711' --dry-run\n" +
			"  dayside customer erase --number +13035550101 --email ann@acme.example --reason 'request 4711'",
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				name, err := customerName(args[0])
				if err != nil {
					return err
				}
				r.Customer = name
			}
			if len(args) > 1 {
				r.ContactId = args[1]
			}
			switch {
			case r.GetReason() == "":
				return usagef("--reason is required: it is kept in the audit")
			case r.GetContactId() == "" && len(r.GetNumbers()) == 0 && len(r.GetEmails()) == 0:
				return usagef("say whose data: a customer and its contact, --number or --email")
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			if !cmd.Flags().Changed("timeout") {
				a.timeout = eraseTimeout
			}
			answer, err := ask(cmd.Context(), a, func(ctx context.Context) (*entitlementv1.ErasePersonResponse, error) {
				return entitlementv1.NewDataServiceClient(client.conn).ErasePerson(ctx, r)
			})
			if err != nil {
				return err
			}
			return a.show(answer, func(w io.Writer) error { return erasedText(w, r, answer) })
		},
	}
	flags := c.Flags()
	flags.StringSliceVar(&r.Numbers, "number", nil, "a number of the person, E.164")
	flags.StringSliceVar(&r.Emails, "email", nil, "an e-mail address of the person")
	flags.StringVar(&r.Reason, "reason", "", "why, for the audit (required)")
	flags.BoolVar(&r.ValidateOnly, "dry-run", false, "say what would be erased; erase nothing")
	c.ValidArgsFunction = cobra.NoFileCompletions
	return c
}

// erasedText is what was erased where, and what was kept.
func erasedText(w io.Writer, r *entitlementv1.ErasePersonRequest, answer *entitlementv1.ErasePersonResponse) error {
	for _, note := range answer.GetNotes() {
		linef(w, "%s.", note)
	}
	if len(answer.GetErasures()) == 0 {
		linef(w, "Nothing of this person was found.")
	} else {
		g := newGrid("where", "erased", "kept", "why")
		for _, e := range answer.GetErasures() {
			g.row(e.GetPlace(), fmt.Sprint(e.GetErased()), fmt.Sprint(e.GetKept()), dash(e.GetReason()))
		}
		if err := g.write(w); err != nil {
			return err
		}
	}
	if r.GetValidateOnly() {
		linef(w, "Dry run: nothing was erased.")
	}
	remaindersText(w, answer.GetRemainders())
	return nil
}

// remaindersText is where data is left, until when, and what is to be done.
func remaindersText(w io.Writer, list []*entitlementv1.Remainder) {
	if len(list) == 0 {
		return
	}
	linef(w, "\nLeft where this does not reach:")
	for _, r := range list {
		until := ""
		if t := r.GetUntilTime(); t != nil {
			until = ", until " + t.AsTime().UTC().Format("2006-01-02")
		}
		linef(w, "  %s: %s%s", r.GetPlace(), r.GetWhat(), until)
		if r.GetAction() != "" {
			linef(w, "    do: %s", r.GetAction())
		}
		for _, uri := range r.GetRecordingUris() {
			linef(w, "    %s", oneLine(uri))
		}
	}
}
