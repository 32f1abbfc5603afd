package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

func newWatch(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "watch LINE", Short: "Follow the handovers of a line, a line of text each, until interrupted",
		Long: "Prints which sites are open and when that changes next, and again whenever it changes.\n" +
			"With -o json, each is one line of JSON. A server that goes away is asked again until it is back.",
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
			return a.watch(cmd.Context(), client, line)
		},
	}
	c.ValidArgsFunction = a.linesToComplete
	return c
}

// minWatchWait and maxWatchWait bound the wait before a server that went away is asked again.
const minWatchWait, maxWatchWait = time.Second, 15 * time.Second

// watch follows a line until ctx ends, or the server says that there is no such line.
func (a *app) watch(ctx context.Context, client *api, line string) error {
	return followed(ctx, a, func() (grpc.ServerStreamingClient[schedulev1.WatchCoverageResponse], error) {
		return client.sites.WatchCoverage(ctx, &schedulev1.WatchCoverageRequest{Line: line})
	}, a.showHandover)
}

// followed takes what streams bring until ctx ends. The first answer must come: a server that was never there is an error at
// once. One that goes away later is asked again until it is back; so is one that ends a stream with a code of again.
func followed[T any](ctx context.Context, a *app, open func() (grpc.ServerStreamingClient[T], error), take func(*T) error,
	again ...codes.Code,
) error {
	again = append(again, codes.Unavailable, codes.DeadlineExceeded)
	wait, heard := minWatchWait, false
	for {
		stream, err := open()
		for err == nil {
			var answer *T
			if answer, err = stream.Recv(); err == nil {
				wait, heard = minWatchWait, true
				err = take(answer)
			}
		}
		switch {
		case ctx.Err() != nil, errors.Is(err, io.EOF):
			return nil //nolint:nilerr // interrupted, which is how it ends
		case !heard || !slices.Contains(again, status.Code(err)):
			return a.failed(err)
		}
		linef(a.Err, "%s does not answer; asking again in %v", a.server, wait)
		select {
		case <-ctx.Done():
		case <-a.After(wait):
		}
		wait = min(2*wait, maxWatchWait)
	}
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
func writeJSONLine(w io.Writer, m proto.Message) error {
	text, err := protojson.Marshal(m)
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
