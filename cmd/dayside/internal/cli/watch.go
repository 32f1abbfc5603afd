package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

func newWatch(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "watch LINE", Short: "Follow the handovers of a line, a line of text each, until interrupted",
		Long: "Prints which sites are open and when that changes next, and again whenever it changes.\n" +
			"With -o json, each is one line of JSON.",
		Example: "  dayside watch gold-emergency\n  dayside watch gold-emergency -o json | jq .sites",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			line, err := lineName(args[0])
			if err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			stream, err := client.sites.WatchCoverage(cmd.Context(), &schedulev1.WatchCoverageRequest{Line: line})
			for err == nil {
				var r *schedulev1.WatchCoverageResponse
				if r, err = stream.Recv(); err == nil {
					err = a.showHandover(r)
				}
			}
			if cmd.Context().Err() != nil {
				return nil //nolint:nilerr // interrupted, which is how it ends
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			return a.failed(err)
		},
	}
	c.ValidArgsFunction = a.linesToComplete
	return c
}

func (a *app) showHandover(r *schedulev1.WatchCoverageResponse) error {
	switch a.output {
	case formatJSON:
		return writeJSONLine(a.Out, r)
	case formatYAML:
		linef(a.Out, "---")
		return writeYAML(a.Out, r)
	}
	next := "no change is known"
	if r.GetNextChange() != nil {
		next = "from " + instant(r.GetNextChange()) + ", in " +
			shortSpan(r.GetNextChange().AsTime().Sub(r.GetAt().AsTime())) + ": " + whoIsOpen(r.GetNextSites())
	}
	linef(a.Out, "%s  %s  (%s)", instant(r.GetAt()), whoIsOpen(r.GetSites()), next)
	return nil
}

func whoIsOpen(sites []string) string {
	if len(sites) == 0 {
		return "no site is open"
	}
	return strings.Join(sites, ", ")
}

// writeJSONLine writes the API's JSON on one line.
func writeJSONLine(w io.Writer, r *schedulev1.WatchCoverageResponse) error {
	text, err := protojson.Marshal(r)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err = w.Write(b.Bytes())
	return err
}
