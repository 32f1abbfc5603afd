package cli

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/bulk"
)

func newCustomerExport(a *app) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "export", Short: "Write all customers, as they are at one instant, to standard output",
		Long: "JSON lines hold all of a customer, as the API does. CSV holds what columns can: a line a customer, and one\n" +
			"more for each further contract or contact. `customer import` reads both. Numbers are written whole.\n" +
			"Where to follow changes from is told on standard error.",
		Example: "  dayside customer export --format jsonl > customers.jsonl\n  dayside customer export > customers.csv",
		RunE: func(cmd *cobra.Command, _ []string) error {
			f := bulk.CSV
			switch format {
			case "csv":
			case "jsonl":
				f = bulk.JSONL
			default:
				return usagef("--format %q: must be csv or jsonl", format)
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			return a.exportCustomers(cmd.Context(), entitlementv1.NewDataServiceClient(client.conn), f)
		},
	}
	c.Flags().StringVar(&format, "format", "csv", "csv or jsonl")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(
		[]string{"csv", "jsonl"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

func (a *app) exportCustomers(ctx context.Context, client entitlementv1.DataServiceClient, format bulk.Format) error {
	stream, err := client.ExportCustomers(ctx, &entitlementv1.ExportCustomersRequest{})
	if err != nil {
		return a.failed(err)
	}
	out := bufio.NewWriter(a.Out)
	w, err := bulk.NewWriter(out, format)
	if err != nil {
		return err
	}
	written, token := 0, ""
	for {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return errors.Join(a.failed(err), w.Flush(), out.Flush())
		}
		for _, c := range answer.GetCustomers() {
			if err := w.Write(c); err != nil {
				return err
			}
			written++
		}
		token = answer.GetResumeToken()
	}
	if err := errors.Join(w.Flush(), out.Flush()); err != nil {
		return err
	}
	linef(a.Err, "%s. What changes from now on: dayside customer watch --from %s", count(written, "customer"), token)
	return nil
}

func newCustomerWatch(a *app) *cobra.Command {
	var from, state string
	c := &cobra.Command{
		Use: "watch", Short: "Follow changes of customers, a line each, until interrupted",
		Long: "With -o json each change is one line of the API's JSON, with the token to go on from. A server that goes away\n" +
			"is asked again until it is back, and nothing is missed. With --state the token is kept in a file, and the\n" +
			"next watch goes on where this one ended; a change may then come a second time, and none is left out.",
		Example: "  dayside customer watch -o json --state crm.token | while read -r change; do ...; done",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if from != "" && state != "" {
				return usagef("--from and --state: give one of the two")
			}
			f := &customerFeed{a: a, token: from, state: state}
			if state != "" {
				text, err := os.ReadFile(state)
				if err != nil && !errors.Is(err, os.ErrNotExist) {
					return err
				}
				if f.token = strings.TrimSpace(string(text)); f.token == "" && err == nil {
					return &failure{message: state + " holds no token: remove it to hear what changes from now on, " +
						"or export, and watch --from what that says"}
				}
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			return f.follow(cmd.Context(), entitlementv1.NewDataServiceClient(client.conn))
		},
	}
	c.Flags().StringVar(&from, "from", "", "token of an export or a change; from now on where left out")
	c.Flags().StringVar(&state, "state", "", "file that keeps the token")
	return c
}

// customerFeed is who follows changes.
type customerFeed struct {
	a            *app
	token, state string
}

// follow prints changes until ctx ends, or the server says that it cannot go on from the token. Whoever is cut off for being
// slow goes on, too.
func (f *customerFeed) follow(ctx context.Context, client entitlementv1.DataServiceClient) error {
	return followed(ctx, f.a, func() (grpc.ServerStreamingClient[entitlementv1.WatchCustomersResponse], error) {
		return client.WatchCustomers(ctx, &entitlementv1.WatchCustomersRequest{ResumeToken: f.token})
	}, f.take, codes.ResourceExhausted)
}

// take prints a change, and only then notes that it was heard.
func (f *customerFeed) take(change *entitlementv1.WatchCustomersResponse) error {
	if change.GetCustomer() != nil {
		if err := f.show(change); err != nil {
			return err
		}
	}
	f.token = change.GetResumeToken()
	if f.state == "" {
		return nil
	}
	next, err := os.CreateTemp(filepath.Dir(f.state), ".watch-*")
	if err != nil {
		return err
	}
	_, err = next.WriteString(f.token + "\n")
	if err = errors.Join(err, next.Close()); err == nil {
		err = os.Rename(next.Name(), f.state)
	}
	if err != nil {
		_ = os.Remove(next.Name())
	}
	return err
}

func (f *customerFeed) show(change *entitlementv1.WatchCustomersResponse) error {
	switch f.a.output {
	case formatJSON:
		return writeJSONLine(f.a.Out, change)
	case formatYAML:
		linef(f.a.Out, "---")
		return writeYAML(f.a.Out, change)
	}
	c := change.GetCustomer()
	if change.GetDeleted() {
		linef(f.a.Out, "%s  deleted", c.GetName())
		return nil
	}
	linef(f.a.Out, "%s  %s  %s, %s", c.GetName(), oneLine(c.GetDisplayName()), count(len(c.GetContracts()), "contract"),
		count(len(c.GetPhoneNumbers()), "number"))
	return nil
}
