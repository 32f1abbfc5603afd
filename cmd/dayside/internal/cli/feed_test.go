package cli_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

const feedToken = "aB3-_xyzaB3-_xyzaB3-_xyzaB3-_xyzaB3-_xyz012"

// fakeFeeds keeps feeds as the service does: tokens are told once.
type fakeFeeds struct {
	schedulev1.UnimplementedFeedServiceServer
	feeds []*schedulev1.Feed
	asked *schedulev1.CreateFeedRequest
}

func (f *fakeFeeds) CreateFeed(_ context.Context, r *schedulev1.CreateFeedRequest) (*schedulev1.Feed, error) {
	f.asked = r
	return &schedulev1.Feed{
		Name: "feeds/k3jx", Subject: r.GetSubject(), DisplayName: r.GetDisplayName(), Token: feedToken,
		Path: "/feeds/" + feedToken + ".ics", CreateTime: timestamppb.New(now),
	}, nil
}

func (f *fakeFeeds) ListFeeds(_ context.Context, r *schedulev1.ListFeedsRequest) (*schedulev1.ListFeedsResponse, error) {
	var of []*schedulev1.Feed
	for _, feed := range f.feeds {
		if r.GetSubject() == "" || feed.GetSubject() == r.GetSubject() {
			of = append(of, feed)
		}
	}
	items, next := page(of, r.GetPageToken())
	return &schedulev1.ListFeedsResponse{Feeds: items, NextPageToken: next}, nil
}

func (f *fakeFeeds) DeleteFeed(_ context.Context, r *schedulev1.DeleteFeedRequest) (*emptypb.Empty, error) {
	for i, feed := range f.feeds {
		if feed.GetName() == r.GetName() {
			f.feeds = append(f.feeds[:i:i], f.feeds[i+1:]...)
			return &emptypb.Empty{}, nil
		}
	}
	return nil, refusal(codes.NotFound, r.GetName()+" does not exist", rpcv1.Reason_REASON_NOT_FOUND)
}

// feedsTerminal is a command line beside a server that has nothing but feeds.
func feedsTerminal(t *testing.T) (*terminal, *fakeFeeds) {
	t.Helper()
	term, feeds := newTerminal(t, newFake(t)), &fakeFeeds{}
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	schedulev1.RegisterFeedServiceServer(server, feeds)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	term.env.Program = "dayside"
	term.env.Dial = func(string) (*grpc.ClientConn, error) {
		return grpc.NewClient("passthrough:///feeds", grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	}
	return term, feeds
}

func TestFeedCreate(t *testing.T) {
	term, feeds := feedsTerminal(t)
	if code := term.run(t.Context(), "feed", "create", "site/dublin", "--for", "Ann; phone"); code != 0 {
		t.Fatal(term.err.String())
	}
	if want := "http://127.0.0.1:7480/feeds/" + feedToken + ".ics\nwebcal://127.0.0.1:7480/feeds/" + feedToken + ".ics\n"; term.out.String() != want {
		t.Errorf("got  %q\nwant %q", term.out.String(), want)
	}
	if feeds.asked.GetSubject() != "sites/dublin" || feeds.asked.GetDisplayName() != "Ann; phone" {
		t.Errorf("asked for %v", feeds.asked)
	}
	if !strings.Contains(term.err.String(), "not shown again") || !strings.Contains(term.err.String(), "feed revoke k3jx") ||
		strings.Contains(term.err.String(), feedToken) {
		t.Errorf("it says %q", term.err.String())
	}
	if code := term.run(t.Context(), "feed", "create", "people/ann", "--url-base", "https://dayside.example.com/x/"); code != 0 ||
		!strings.HasPrefix(term.out.String(), "https://dayside.example.com/x/feeds/"+feedToken+".ics\nwebcal://dayside.example.com/x/feeds/") {
		t.Errorf("%s%s", term.out.String(), term.err.String())
	}
	if code := term.run(t.Context(), "feed", "create", "rotas/nights", "--server", "[::1]:7400"); code != 0 ||
		!strings.HasPrefix(term.out.String(), "http://[::1]:7480/feeds/") {
		t.Errorf("%s%s", term.out.String(), term.err.String())
	}
	var made schedulev1.Feed
	if code := term.run(t.Context(), "feed", "create", "lines/gold-emergency", "-o", "json"); code != 0 {
		t.Fatal(term.err.String())
	}
	if err := protojson.Unmarshal(term.out.Bytes(), &made); err != nil || made.GetToken() != feedToken {
		t.Errorf("%v: %s", err, term.out.String())
	}
	for _, args := range [][]string{
		{"customers/acme"}, {"sites"}, {"dublin"}, {"sites/dublin", "--url-base", "dayside.example.com"},
		{"sites/dublin", "--url-base", "ftp://x"}, {"sites/dublin", "--url-base", "http://x/?q"}, {},
	} {
		if code := term.run(t.Context(), append([]string{"feed", "create"}, args...)...); code != 2 {
			t.Errorf("%v: exit %d, %s", args, code, term.err.String())
		}
	}
}

func TestFeedListAndRevoke(t *testing.T) {
	term, feeds := feedsTerminal(t)
	feeds.feeds = []*schedulev1.Feed{
		{Name: "feeds/aaa", Subject: "sites/dublin", DisplayName: "Ann", CreateTime: timestamppb.New(now)},
		{Name: "feeds/bbb", Subject: "people/ann", CreateTime: timestamppb.New(now)},
	}
	if code := term.run(t.Context(), "feed", "list"); code != 0 {
		t.Fatal(term.err.String())
	}
	if want := "NAME       SHOWS         FOR  MADE\nfeeds/aaa  sites/dublin  Ann  2026-11-23\nfeeds/bbb  people/ann    -    2026-11-23\n"; term.out.String() != want {
		t.Errorf("got\n%swant\n%s", term.out.String(), want)
	}
	if term.run(t.Context(), "feed", "list", "--of", "people/ann", "-o", "json"); !strings.Contains(term.out.String(), "feeds/bbb") ||
		strings.Contains(term.out.String(), "feeds/aaa") {
		t.Errorf("of ann: %s%s", term.out.String(), term.err.String())
	}
	if code := term.run(t.Context(), "feed", "revoke", "aaa"); code != 0 || len(feeds.feeds) != 1 {
		t.Errorf("exit %d, %v left: %s", code, feeds.feeds, term.err.String())
	}
	if code := term.run(t.Context(), "feed", "revoke", "feeds/aaa"); code != 1 || !strings.Contains(term.err.String(), "does not exist") {
		t.Errorf("exit %d, %s", code, term.err.String())
	}
	// An address given by mistake goes nowhere, and is not repeated.
	for _, arg := range []string{feedToken, "http://127.0.0.1:7480/feeds/" + feedToken + ".ics", "feeds/"} {
		if code := term.run(t.Context(), "feed", "revoke", arg); code != 2 || strings.Contains(term.err.String(), feedToken) {
			t.Errorf("exit %d, %s", code, term.err.String())
		}
	}
}
