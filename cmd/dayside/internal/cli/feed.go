package cli

import (
	"context"
	"io"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/emptypb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

const (
	collectionFeeds = "feeds"
	// defaultHTTPPort is where a server answers HTTP unless it is told otherwise.
	defaultHTTPPort = "7480"
)

func newFeed(a *app) *cobra.Command {
	return newGroup("feed", "Show schedules in people's own calendars",
		"A feed is a secret address at which a calendar (Outlook, Google, Apple, Thunderbird) reads when a site is open, how a "+
			"line is covered, or who is on duty, as iCalendar, from a week ago to 92 days ahead.",
		newFeedCreate(a), newFeedList(a), newFeedRevoke(a))
}

func newFeedCreate(a *app) *cobra.Command {
	var who, base string
	c := &cobra.Command{
		Use: "create SUBJECT", Short: "Make the address of a feed",
		Long: "Makes a secret address at which sites/ID, lines/ID, rotas/ID or people/ID is read. It is shown now, and never " +
			"again.",
		Example: "  dayside feed create sites/dublin --for \"Ann, phone\"\n  dayside feed create people/ann\n" +
			"  dayside feed create rotas/nights --url-base https://dayside.example.com",
		Args: oneOrTwo,
		RunE: func(cmd *cobra.Command, args []string) error {
			collection, subject, err := resourceName(args)
			if err != nil {
				return err
			}
			switch collection {
			case collectionSites, collectionLines, collectionRotas, collectionPeople:
			default:
				return usagef("%s has no feed: give sites/ID, lines/ID, rotas/ID or people/ID", subject)
			}
			at, err := a.urlBase(base)
			if err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			made, err := ask(cmd.Context(), a, func(ctx context.Context) (*schedulev1.Feed, error) {
				return client.feeds.CreateFeed(ctx, &schedulev1.CreateFeedRequest{Subject: subject, DisplayName: who})
			})
			if err != nil {
				return err
			}
			linef(a.Err, "%s shows %s. Whoever has its address can read it; the address is not shown again.", made.GetName(), subject)
			linef(a.Err, "To revoke it: %s feed revoke %s", a.Program, strings.TrimPrefix(made.GetName(), collectionFeeds+"/"))
			return a.show(made, func(w io.Writer) error {
				whole := at.JoinPath(made.GetPath())
				linef(w, "%s", whole)
				whole.Scheme = "webcal" // what calendars subscribe to when it is opened
				linef(w, "%s", whole)
				return nil
			})
		},
	}
	c.Flags().StringVar(&who, "for", "", "whom or what it is made for, to know it by in the list")
	c.Flags().StringVar(&base, "url-base", "",
		"where the server's HTTP listener is reached (default http://HOST:"+defaultHTTPPort+", HOST being that of --server)")
	c.ValidArgsFunction = a.namesToComplete
	return c
}

// urlBase is the address before a feed's path.
func (a *app) urlBase(given string) (*url.URL, error) {
	if given == "" {
		host, _, err := net.SplitHostPort(a.server)
		if err != nil {
			return nil, usagef("--server %q: must be HOST:PORT", a.server)
		}
		return &url.URL{Scheme: "http", Host: net.JoinHostPort(host, defaultHTTPPort)}, nil
	}
	u, err := url.Parse(given)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, usagef("--url-base %q: must be such as https://dayside.example.com", given)
	}
	return u, nil
}

func newFeedList(a *app) *cobra.Command {
	var subject string
	c := &cobra.Command{
		Use: "list", Short: "List the feeds there are, without their addresses",
		Example: "  dayside feed list\n  dayside feed list --of people/ann -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if subject != "" {
				var err error
				if _, subject, err = resourceName([]string{subject}); err != nil {
					return err
				}
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			all, err := ask(cmd.Context(), a, func(ctx context.Context) ([]*schedulev1.Feed, error) {
				return client.listFeeds(ctx, subject)
			})
			if err != nil {
				return err
			}
			return a.show(&schedulev1.ListFeedsResponse{Feeds: all}, func(w io.Writer) error {
				g := newGrid("name", "shows", "for", "made")
				for _, f := range all {
					g.row(f.GetName(), f.GetSubject(), dash(f.GetDisplayName()), f.GetCreateTime().AsTime().Format(time.DateOnly))
				}
				return g.write(w)
			})
		},
	}
	c.Flags().StringVar(&subject, "of", "", "only those of one subject, such as sites/dublin")
	return c
}

func (c *api) listFeeds(ctx context.Context, subject string) ([]*schedulev1.Feed, error) {
	return pages(ctx, func(ctx context.Context, token string) ([]*schedulev1.Feed, string, error) {
		r, err := c.feeds.ListFeeds(ctx, &schedulev1.ListFeedsRequest{Subject: subject, PageSize: pageSize, PageToken: token})
		return r.GetFeeds(), r.GetNextPageToken(), err
	})
}

func newFeedRevoke(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "revoke ID", Short: "Take a feed's address out of use",
		Example: "  dayside feed revoke k3jx7q2mzv4tw5ab",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id := strings.TrimPrefix(args[0], collectionFeeds+"/")
			if !isFeedID(id) { // what was given is not repeated: it may be an address
				return usagef("give feeds/ID, or the ID alone, as dayside feed list shows it; not the address")
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			name := collectionFeeds + "/" + id
			if _, err := ask(cmd.Context(), a, func(ctx context.Context) (*emptypb.Empty, error) {
				return client.feeds.DeleteFeed(ctx, &schedulev1.DeleteFeedRequest{Name: name})
			}); err != nil {
				return err
			}
			linef(a.Err, "%s is revoked: its address shows nothing any more", name)
			return a.show(&emptypb.Empty{}, func(io.Writer) error { return nil })
		},
	}
	c.ValidArgsFunction = a.feedsToComplete
	return c
}

// isFeedID says whether it can be the ID of a feed: lower-case letters and digits.
func isFeedID(s string) bool {
	const maxFeedIDBytes = 32
	return s != "" && len(s) <= maxFeedIDBytes && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

// feedsToComplete suggests feeds for the only argument.
func (a *app) feedsToComplete(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return suggested(a, cmd, args,
		func(ctx context.Context, c *api) ([]*schedulev1.Feed, error) { return c.listFeeds(ctx, "") },
		func(f *schedulev1.Feed) string {
			return idOf(f.GetName()) + "\t" + f.GetSubject() + " " + oneLine(f.GetDisplayName())
		})
}
