// Package bench loads a SIP gateway that is already running with SIPp, and says what a redirect costs: failed calls,
// memory, CPU time a call; past saturation; and beside Kamailio, which routes the same call by a rule with a time
// recurrence (drouting) and redirects it without state (sl), in the same run on the same machine.
//
// It judges nothing but what Report.Problems says, and starts no Dayside.
package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/daysidehq/dayside/services/internal/clock"
)

// Target is a gateway that runs on this machine.
type Target struct {
	// Addr is its UDP address.
	Addr string
	// PID of its process.
	PID int
	// Number is a line's, that is answered 302 to Caller.
	Number string
	// Caller is who rings; empty: a number that is nobody's.
	Caller string
}

// nobody's number, by which calls are those of an unknown caller.
const nobody = "+61255509999"

// Options of a run. The zero value takes the defaults.
type Options struct {
	// Rate of the long run, calls a second (15,000), and its length in seconds (15). Shorter ones mislead: what leaks, or
	// lives for the 32 s of a transaction, does not show.
	Rate, Seconds int
	// FixedRate at which CPU time is compared (5,000), how long one such run lasts (10 s), and how many alternate (3).
	FixedRate, FixedSeconds, Rounds int
	// FloodRates are INVITEs a second without repetition, up to more than the machine can do (20,000 to 160,000), for
	// FloodSeconds each (5).
	FloodRates   []int
	FloodSeconds int
	// Log takes progress, a line each.
	Log io.Writer
	// Clock paces the samples of memory.
	Clock clock.Clock
}

func (o Options) withDefaults() Options {
	for _, v := range []struct {
		field *int
		value int
	}{
		{&o.Rate, 15_000}, {&o.Seconds, 15}, {&o.FixedRate, 5_000}, {&o.FixedSeconds, 10}, {&o.Rounds, 3},
		{&o.FloodSeconds, 5},
	} {
		if *v.field == 0 {
			*v.field = v.value
		}
	}
	if len(o.FloodRates) == 0 {
		o.FloodRates = []int{20_000, 40_000, 80_000, 160_000}
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	return o
}

// Report is what was measured.
type Report struct {
	// Long is the run at Rate.
	Long Load
	// Floods are the runs up to saturation and beyond; FloodRSSBytes is the memory after them.
	Floods        []Flood
	FloodRSSBytes int64
	// Dayside and Kamailio are the CPU microseconds a call of each fixed run, in their order; Recording those of a Kamailio
	// that writes a line of each call to its log.
	Dayside, Kamailio, Recording []float64
	// Records is how many lines of calls that one wrote.
	Records int
	// FixedFailed counts failed calls of the fixed runs.
	FixedFailed int
}

// Ratio is Dayside's CPU time a call by Kamailio's: medians.
func (r *Report) Ratio() float64 { return median(r.Dayside) / median(r.Kamailio) }

// RecordingRatio is Dayside's by that of a Kamailio that keeps records as well.
func (r *Report) RecordingRatio() float64 { return median(r.Dayside) / median(r.Recording) }

// median of a list that is not empty.
func median(list []float64) float64 {
	s := slices.Sorted(slices.Values(list))
	if len(s) == 0 {
		return 0
	}
	return (s[len(s)/2] + s[(len(s)-1)/2]) / 2
}

const (
	// maxRSSBytes, maxGrowthBytes and maxRatio are the figures to keep.
	maxRSSBytes    = 150 << 20
	maxGrowthBytes = 16 << 20
	maxRatio       = 1.0
	// minFloodRatio of the most calls answered a second must be answered when far more come.
	minFloodRatio = 0.5
)

// Problems are the figures that were not kept, a line each. Memory is judged where the target's process holds the gateway
// alone.
func (r *Report) Problems(gatewayOnly bool) (list []string) {
	problem := func(wrong bool, format string, args ...any) {
		if wrong {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	problem(r.Long.Failed > 0, "%d failed calls at %d a second", r.Long.Failed, r.Long.Rate)
	problem(r.Long.Shed > 0, "%d calls shed at %d a second", r.Long.Shed, r.Long.Rate)
	problem(gatewayOnly && r.Long.MaxRSSBytes > maxRSSBytes, "%d MB of memory", r.Long.MaxRSSBytes>>20)
	problem(r.Long.GrowthBytes > maxGrowthBytes, "memory grew by %d MB in the second half", r.Long.GrowthBytes>>20)
	problem(r.Ratio() > maxRatio, "%.2f of Kamailio's CPU time a call", r.Ratio())
	problem(r.FixedFailed > 0, "%d failed calls at the fixed rate", r.FixedFailed)
	// Collapse is when answers become fewer as calls become more.
	best, last := 0.0, 0.0
	for _, f := range r.Floods {
		best, last = max(best, f.PerSecond), f.PerSecond
	}
	problem(last < minFloodRatio*best, "past saturation %.0f calls a second are answered, of %.0f at best", last, best)
	problem(gatewayOnly && r.FloodRSSBytes > maxRSSBytes, "%d MB of memory after the floods", r.FloodRSSBytes>>20)
	return list
}

// String is the report for people.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "redirects by SIPp over UDP\n  %s\nINVITEs without repetition, to saturation and beyond\n", r.Long)
	for _, f := range r.Floods {
		fmt.Fprintf(&b, "  %s\n", f)
	}
	fmt.Fprintf(&b, "  %d MB afterwards\n", r.FloodRSSBytes>>20)
	fmt.Fprintf(&b, "CPU microseconds a redirect at the fixed rate, alternated\n  dayside  %s median %.1f\n",
		figures(r.Dayside), median(r.Dayside))
	fmt.Fprintf(&b, "  kamailio %s median %.1f (drouting with a time recurrence, sl)\n", figures(r.Kamailio),
		median(r.Kamailio))
	fmt.Fprintf(&b, "  with acc %s median %.1f (the same, and a log line of each call; unsynced)\n", figures(r.Recording),
		median(r.Recording))
	fmt.Fprintf(&b, "  dayside/kamailio %.2f, with acc %.2f\n", r.Ratio(), r.RecordingRatio())
	return b.String()
}

func figures(list []float64) string {
	var b strings.Builder
	for _, f := range list {
		fmt.Fprintf(&b, "%6.1f", f)
	}
	return b.String()
}

// ErrAbsent is a peer that is not installed.
var ErrAbsent = errors.New("is not installed (make peers installs it)")

// Run measures. It takes some two minutes, stays on loopback, and ends what it started.
func Run(ctx context.Context, t Target, o Options) (*Report, error) {
	o = o.withDefaults()
	for _, peer := range []string{"sipp", "kamailio"} {
		if _, err := exec.LookPath(peer); err != nil {
			return nil, fmt.Errorf("%s %w", peer, ErrAbsent)
		}
	}
	dir, err := os.MkdirTemp("", "bench-sip")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	r, s := &Report{}, sipp{dir: dir, clock: o.Clock}
	t.Caller = cmp.Or(t.Caller, nobody)
	dayside := served{t, func() ([]int, error) { return []int{t.PID}, nil }}
	_, _ = fmt.Fprintf(o.Log, "%d redirects a second for %d s\n", o.Rate, o.Seconds)
	if r.Long, err = s.load(ctx, dayside, o.Rate, o.Seconds); err != nil {
		return nil, err
	}
	if err := r.fixed(ctx, s, dayside, o); err != nil {
		return nil, err
	}
	for _, rate := range o.FloodRates {
		_, _ = fmt.Fprintf(o.Log, "a flood of %d INVITEs a second for %d s\n", rate, o.FloodSeconds)
		f, err := flood(ctx, o.Clock, t, rate, o.FloodSeconds)
		if err != nil {
			return nil, err
		}
		r.Floods = append(r.Floods, f)
	}
	r.FloodRSSBytes, err = rssBytes(dayside.pids)
	return r, err
}

// fixed alternates Dayside and both Kamailios at the fixed rate.
func (r *Report) fixed(ctx context.Context, s sipp, dayside served, o Options) (err error) {
	plain, err := startKamailio(ctx, filepath.Join(s.dir, "plain"), dayside.Number, false, o.Clock)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, plain.stop()) }()
	keeping, err := startKamailio(ctx, filepath.Join(s.dir, "recording"), dayside.Number, true, o.Clock)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, keeping.stop()) }()
	kamailio, recording := plain.served(dayside), keeping.served(dayside)
	for i := range o.Rounds {
		_, _ = fmt.Fprintf(o.Log, "%d redirects a second for %d s, beside Kamailio: %d of %d\n", o.FixedRate, o.FixedSeconds,
			i+1, o.Rounds)
		for _, side := range []struct {
			served
			to *[]float64
		}{{dayside, &r.Dayside}, {kamailio, &r.Kamailio}, {recording, &r.Recording}} {
			l, err := s.load(ctx, side.served, o.FixedRate, o.FixedSeconds)
			if err != nil {
				return err
			}
			*side.to = append(*side.to, l.CPUMicros)
			r.FixedFailed += l.Failed
		}
	}
	r.Records, err = keeping.log.records()
	return err
}
