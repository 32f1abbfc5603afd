package tzdata_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/protobuf/proto"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/coord/embed"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	"github.com/daysidehq/dayside/services/internal/zones"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

const (
	embeddedSource   = schedulev1.TimeZoneSource_TIME_ZONE_SOURCE_EMBEDDED
	systemSource     = schedulev1.TimeZoneSource_TIME_ZONE_SOURCE_SYSTEM
	configuredSource = schedulev1.TimeZoneSource_TIME_ZONE_SOURCE_CONFIGURED
)

// sunday is the 22nd of November 2026, a Sunday, at nine.
var sunday = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

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

func put(t *testing.T, etcd *coord.Client, value []byte) int64 {
	t.Helper()
	revision, err := etcd.Commit(t.Context(), nil, []*rpcv1.Write{coord.Put(tzdata.Key, value)})
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

func encode(t *testing.T, b *zones.Bundle) []byte {
	t.Helper()
	value, err := tzdata.Encode(b, configuredSource, sunday)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestAFirstStartAdoptsTheNewest(t *testing.T) {
	etcd := open(t)
	older, newest := zonestest.Changed(t, "2031b", nil), zonestest.Changed(t, "2031c", nil)
	rules, err := tzdata.AdoptFirst(t.Context(), etcd, clock.NewManual(sunday), []tzdata.Candidate{
		{Source: embeddedSource, Bundle: older},
		{Source: configuredSource, Problem: "unreadable"},
		{Source: systemSource, Bundle: newest},
	})
	if err != nil || rules.Release() != "2031c" || rules.Source != systemSource || rules.AdoptUnixS != sunday.Unix() {
		t.Fatalf("adopted %+v, %v; want 2031c of the system", rules, err)
	}
	e, err := etcd.Get(t.Context(), tzdata.Key)
	if err != nil || e.ModRevision != rules.Revision {
		t.Fatalf("stands at %d, %v; want %d", e.ModRevision, err, rules.Revision)
	}

	// A process with newer rules, and one with older ones, find what is there, and change nothing.
	for _, release := range []string{"2032a", "2030a"} {
		again, err := tzdata.AdoptFirst(t.Context(), etcd, clock.NewManual(sunday),
			[]tzdata.Candidate{{Source: embeddedSource, Bundle: zonestest.Changed(t, release, nil)}})
		if err != nil || again.Release() != "2031c" || again.Revision != rules.Revision {
			t.Errorf("a start with %s found %v, %v", release, again, err)
		}
	}
}

// TestOfFirstStartsAtOnceOneWins: all processes end with the same rules, which are those of one of them.
func TestOfFirstStartsAtOnceOneWins(t *testing.T) {
	etcd := open(t)
	const processes = 8
	var got [processes]*tzdata.Rules
	var errs [processes]error
	var all sync.WaitGroup
	begin := make(chan struct{})
	for i := range processes {
		list := []tzdata.Candidate{{Source: embeddedSource, Bundle: zonestest.Changed(t, "203"+string(rune('0'+i))+"a", nil)}}
		all.Go(func() {
			<-begin
			got[i], errs[i] = tzdata.AdoptFirst(t.Context(), etcd, clock.System{}, list)
		})
	}
	close(begin)
	all.Wait()
	for i := range processes {
		if errs[i] != nil || got[i].Revision != got[0].Revision || got[i].Release() != got[0].Release() {
			t.Errorf("process %d has %+v, %v; process 0 has %+v", i, got[i], errs[i], got[0])
		}
	}
}

// raced is a store in which somebody else adopts between the look and the commit.
type raced struct {
	*coord.Client
	before func()
}

func (r raced) Commit(ctx context.Context, c []*rpcv1.Condition, w []*rpcv1.Write) (int64, error) {
	r.before()
	return r.Client.Commit(ctx, c, w)
}

func TestTheLoserOfARaceTakesTheWinnersRules(t *testing.T) {
	etcd := open(t)
	winner := encode(t, zonestest.Changed(t, "2031a", nil))
	store := raced{etcd, func() { put(t, etcd, winner) }}
	rules, err := tzdata.AdoptFirst(t.Context(), store, clock.System{},
		[]tzdata.Candidate{{Source: embeddedSource, Bundle: zonestest.Changed(t, "2032a", nil)}})
	if err != nil || rules.Release() != "2031a" {
		t.Errorf("got %+v, %v", rules, err)
	}
}

func TestAdoptFirstSaysWhyThereIsNothing(t *testing.T) {
	_, err := tzdata.AdoptFirst(t.Context(), open(t), clock.System{}, []tzdata.Candidate{{Source: systemSource, Problem: "is on fire"}})
	if err == nil || !strings.Contains(err.Error(), "is on fire") {
		t.Errorf("got %v", err)
	}
}

// process is one that follows the rules, and what it measures.
func process(t *testing.T, etcd *coord.Client, first *tzdata.Rules) (*tzdata.Current, func(name string) (int64, string)) {
	t.Helper()
	reader := sdkmetric.NewManualReader()
	c, err := tzdata.New(first, tzdata.Deps{
		Log: slog.New(slog.DiscardHandler), MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx, etcd) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run ended with %v", err)
		}
	})
	return c, func(name string) (int64, string) {
		var all metricdata.ResourceMetrics
		if err := reader.Collect(context.Background(), &all); err != nil {
			t.Fatal(err)
		}
		for _, scope := range all.ScopeMetrics {
			for _, m := range scope.Metrics {
				if m.Name != name {
					continue
				}
				switch d := m.Data.(type) {
				case metricdata.Gauge[int64]:
					release, _ := d.DataPoints[0].Attributes.Value("release")
					return d.DataPoints[0].Value, release.AsString()
				case metricdata.Sum[int64]:
					return d.DataPoints[0].Value, ""
				}
			}
		}
		return 0, ""
	}
}

func release(c *tzdata.Current) string {
	if r := c.Load(); r != nil {
		return r.Release()
	}
	return ""
}

func TestRulesAreFollowed(t *testing.T) {
	etcd := open(t)
	c, measured := process(t, etcd, nil)
	if c.Load() != nil {
		t.Fatal("rules before any were adopted")
	}
	changed := c.Changed()
	first := put(t, etcd, encode(t, zonestest.Changed(t, "2031a", nil)))
	await.Receive(t, "the first rules", changed)
	if r := c.Load(); r.Release() != "2031a" || r.Revision != first || r.Source != configuredSource {
		t.Fatalf("got %+v", r)
	}
	if n, release := measured("dayside.tzdata.info"); n != 1 || release != "2031a" {
		t.Errorf("measured %d of %q", n, release)
	}

	held := c.Load()
	changed = c.Changed()
	put(t, etcd, encode(t, zonestest.Changed(t, "2031b", map[string]string{"Europe/Dublin": "XXX-5"})))
	await.Receive(t, "the next rules", changed)
	if held.Release() != "2031a" || release(c) != "2031b" {
		t.Errorf("who held %s now holds something else, or %s is not 2031b", held.Release(), release(c))
	}
	if _, release := measured("dayside.tzdata.info"); release != "2031b" {
		t.Errorf("measured %q", release)
	}
}

// TestRulesThatCannotBeReadChangeNothing: neither does it when somebody deletes them.
func TestRulesThatCannotBeReadChangeNothing(t *testing.T) {
	etcd := open(t)
	put(t, etcd, encode(t, zonestest.Changed(t, "2031a", nil)))
	c, measured := process(t, etcd, nil)
	await.True(t, "the first rules", func() bool { return c.Load() != nil })
	changed := c.Changed()

	liar, err := proto.Marshal(&publishedv1.TimeZoneRules{Release: "2031b", Bundle: zonestest.Packed(t, zonestest.Embedded(t))})
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range [][]byte{[]byte("\xff\xff"), {}, liar} {
		put(t, etcd, value)
	}
	if _, err := etcd.Commit(t.Context(), nil, []*rpcv1.Write{coord.Delete(tzdata.Key)}); err != nil {
		t.Fatal(err)
	}
	await.True(t, "four refusals", func() bool { n, _ := measured("dayside.tzdata.rejected"); return n == 4 })
	select {
	case <-changed:
		t.Error("told of a change")
	default:
	}
	if release(c) != "2031a" {
		t.Errorf("in force: %s", release(c))
	}
	put(t, etcd, encode(t, zonestest.Changed(t, "2031c", nil)))
	await.Receive(t, "good rules again", changed)
}

func TestAValueSaysWhatItHolds(t *testing.T) {
	b := zonestest.Changed(t, "2031a", nil)
	r, err := tzdata.Decode(encode(t, b), 7)
	if err != nil || r.Revision != 7 || r.AdoptUnixS != sunday.Unix() || r.Source != configuredSource ||
		!bytes.Equal(zonestest.Packed(t, r.Bundle), zonestest.Packed(t, b)) {
		t.Errorf("got %+v, %v", r, err)
	}
	if _, err := tzdata.Encode(heavy(t), configuredSource, sunday); fault.ReasonOf(err) != rpcv1.Reason_REASON_LIMIT_EXCEEDED {
		t.Errorf("a bundle over the limit: %v", err)
	}
}

// heavy is a bundle whose zones do not compress.
func heavy(t *testing.T) *zones.Bundle {
	t.Helper()
	folder := zonestest.Folder(t, zonestest.Embedded(t))
	delete(folder, zones.ReleaseEntry)
	n := 0
	for name, f := range folder {
		if n++; n > 40 {
			break
		}
		noise := make([]byte, 40<<10)
		_, _ = rand.Read(noise)
		copied := *f
		copied.Data = append(zonestest.TZif("UTC0"), noise...) // what follows the footer is no business of a reader
		folder[name] = &copied
	}
	b, err := zones.New("2031a", folder)
	if err != nil {
		t.Skipf("this Go reads no such files: %v", err)
	}
	return b
}

func TestAtHand(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "bundle.tar.gz")
	if err := os.WriteFile(file, zonestest.Packed(t, zonestest.Changed(t, "2031a", nil)), 0o600); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "zoneinfo")
	if err := os.CopyFS(folder, zonestest.Folder(t, zonestest.Changed(t, "2031b", nil))); err != nil {
		t.Fatal(err)
	}
	own := zonestest.Embedded(t).Release()
	for what, c := range map[string]struct{ system, configured, want string }{
		"nothing more":      {"", "", own},
		"a file":            {"", file, "2031a " + own},
		"a folder":          {"", folder, "2031b " + own},
		"both":              {folder, file, "2031b 2031a " + own},
		"no system":         {filepath.Join(dir, "none"), "", own + " -"},
		"a system in ruins": {dir, "", own + " -"},
	} {
		list, err := tzdata.AtHand(c.system, c.configured)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		var got []string
		for _, one := range list {
			switch {
			case one.Bundle != nil && one.Problem == "":
				got = append(got, one.Bundle.Release())
			case one.Problem != "" && one.Source == systemSource:
				got = append(got, "-")
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
	}
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none"): "no such file", dir: "release is not known", large: "at most 1048576",
	} {
		_, err := tzdata.AtHand("", path)
		if fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

func TestOfOneReleaseWhatSomebodyChoseComesFirst(t *testing.T) {
	b := zonestest.Embedded(t)
	list := tzdata.NewestFirst([]tzdata.Candidate{
		{Source: systemSource, Bundle: b}, {Source: embeddedSource, Bundle: b}, {Source: configuredSource, Bundle: b},
	})
	if list[0].Source != configuredSource || list[1].Source != embeddedSource || list[2].Source != systemSource {
		t.Errorf("order %v %v %v", list[0].Source, list[1].Source, list[2].Source)
	}
}
