package keeper_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/coord/embed"
	"github.com/daysidehq/dayside/services/routing/internal/continuation"
	"github.com/daysidehq/dayside/services/routing/internal/keeper"
)

func open(t *testing.T) *coord.Client {
	t.Helper()
	srv, err := embed.Start(t.Context(), embed.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	c, err := coord.Open(t.Context(), coord.Config{Endpoints: []string{srv.Endpoint()}, Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// keys are those that stand in etcd, which are all that stands there.
func keys(t *testing.T, store *coord.Client) []continuation.Key {
	t.Helper()
	entries, _, err := store.ListAll(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	var all []continuation.Key
	for _, e := range entries {
		k, err := continuation.ReadKey(strings.TrimPrefix(e.Key, continuation.Prefix), e.Value)
		if err != nil {
			t.Fatalf("%s: %v", e.Key, err)
		}
		all = append(all, k)
	}
	return all
}

func TestSeveralProcessesMakeOneKey(t *testing.T) {
	store := open(t)
	now := clock.NewManual(time.Unix(1_795_000_000, 0))
	log := slog.New(slog.DiscardHandler)
	// All at once at each instant: the first key, the second one, the third one and the end of the first.
	for _, c := range []struct {
		hours int
		want  string
	}{{0, "1"}, {1, "1"}, {21, "1 2"}, {22, "1 2"}, {45, "1 2 3"}, {48, "1 2 3"}, {49, "2 3"}, {2000, "3 4"}} {
		now.Set(time.Unix(1_795_000_000, 0).Add(time.Duration(c.hours) * time.Hour))
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := keeper.New(store, now, log).Turn(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		got := ""
		for _, k := range keys(t, store) {
			got += fmt.Sprintf(" %d", k.Number)
		}
		if strings.TrimSpace(got) != c.want {
			t.Fatalf("after %d h there are keys%s, want %s", c.hours, got, c.want)
		}
	}
}

func TestItRunsUntilItIsToldToEnd(t *testing.T) {
	store := open(t)
	now := clock.NewManual(time.Unix(1_795_000_000, 0))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- keeper.New(store, now, slog.New(slog.DiscardHandler)).Run(ctx) }()
	await.True(t, "the first key", func() bool { return len(keys(t, store)) == 1 })
	await.True(t, "the second key", func() bool {
		now.Advance(time.Hour)
		return len(keys(t, store)) == 2
	})
	cancel()
	if err := await.Receive(t, "the end", ended); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// lost is etcd that is away.
type lost struct{ *coord.Client }

func (lost) ListAll(context.Context, string) ([]coord.Entry, int64, error) {
	return nil, 0, errors.New("nobody answers")
}

func TestWithoutEtcdItTriesAgainAndSaysSo(t *testing.T) {
	told := make(chan string, 100)
	now := clock.NewManual(time.Unix(1_795_000_000, 0))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	log := slog.New(slog.NewTextHandler(lines(told), nil))
	go func() { ended <- keeper.New(lost{}, now, log).Run(ctx) }()
	if line := await.Receive(t, "a log line", told); !strings.Contains(line, "nobody answers") {
		t.Error(line)
	}
	await.True(t, "another try", func() bool {
		now.Advance(time.Minute)
		return len(told) > 0
	})
	cancel()
	_ = await.Receive(t, "the end", ended)
}

// A key that nobody can read, such as one of a later release, neither stops the others nor is told of in full.
func TestAKeyThatCannotBeRead(t *testing.T) {
	store := open(t)
	if _, err := store.Commit(t.Context(), nil, writes(coord.Put(continuation.Prefix+"x", []byte("do-not-print-me")))); err != nil {
		t.Fatal(err)
	}
	told := make(chan string, 100)
	now := clock.NewManual(time.Unix(1_795_000_000, 0))
	if err := keeper.New(store, now, slog.New(slog.NewTextHandler(lines(told), nil))).Turn(t.Context()); err != nil {
		t.Fatal(err)
	}
	if line := await.Receive(t, "a log line", told); !strings.Contains(line, continuation.Prefix+"x") || strings.Contains(line, "do-not") {
		t.Error(line)
	}
	if _, err := store.Get(t.Context(), continuation.EtcdKey(1)); err != nil {
		t.Error(err)
	}
}

func writes[W any](w ...W) []W { return w }

// lines is what is written to it, a line each.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}
