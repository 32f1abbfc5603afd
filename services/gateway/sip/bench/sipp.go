package bench

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/daysidehq/dayside/services/internal/clock"
)

// Load is one run of SIPp against one server.
type Load struct {
	// Rate asked for, calls a second, and the calls placed.
	Rate, Calls int
	// Redirected, Shed and Failed calls; Retransmissions of INVITEs.
	Redirected, Shed, Failed, Retransmissions int
	// AnsweredPerSecond are calls that were redirected or shed, by the time that took.
	AnsweredPerSecond float64
	// CPUMicros is the server's CPU time a call.
	CPUMicros float64
	// MaxRSSBytes is the server's memory at its highest, GrowthBytes how much its highest grew in the second half.
	MaxRSSBytes, GrowthBytes int64
}

// String is one line.
func (l Load) String() string {
	return fmt.Sprintf("%d calls at %d/s: %d redirected, %d shed with 503, %d failed, %d retransmissions; %.0f answered/s; "+
		"%.1f us CPU a call; %d MB, grew %d MB in the second half", l.Calls, l.Rate, l.Redirected, l.Shed, l.Failed,
		l.Retransmissions, l.AnsweredPerSecond, l.CPUMicros, l.MaxRSSBytes>>20, l.GrowthBytes>>20)
}

// scenario rings, takes a redirect or a 503, and acknowledges either.
//
//go:embed testdata/load.xml
var scenario []byte

// served is a server and its processes, which may come and go.
type served struct {
	Target
	pids func() ([]int, error)
}

// sipp runs SIPp in a folder.
type sipp struct {
	dir   string
	clock clock.Clock
}

// load places rate calls a second for seconds.
func (s sipp) load(ctx context.Context, to served, rate, seconds int) (Load, error) {
	before, err := cpuMicros(to.pids)
	if err != nil {
		return Load{}, err
	}
	began := s.clock.Now()
	var l Load
	ended := make(chan error, 1)
	go func() {
		var err error
		l, err = s.phone(ctx, to, rate, seconds)
		ended <- err
	}()
	var rss []int64
	for running := true; running; {
		select {
		case err := <-ended:
			if err != nil {
				return l, err
			}
			running = false
		case <-s.clock.After(500 * time.Millisecond):
			if v, err := rssBytes(to.pids); err == nil {
				rss = append(rss, v)
			}
		}
	}
	after, err := cpuMicros(to.pids)
	if err != nil {
		return l, err
	}
	l.Rate = rate
	l.CPUMicros = float64(after-before) / float64(max(1, l.Calls))
	l.AnsweredPerSecond = float64(l.Redirected+l.Shed) / s.clock.Now().Sub(began).Seconds()
	l.MaxRSSBytes, l.GrowthBytes = growth(rss)
	return l, nil
}

// growth compares the halves of a series.
func growth(series []int64) (highest, grew int64) {
	var halves [2]int64
	for i, v := range series {
		half := i * 2 / len(series)
		halves[half] = max(halves[half], v)
	}
	return max(halves[0], halves[1]), max(0, halves[1]-halves[0])
}

// graceSeconds is how long SIPp may wait for the last answers.
const graceSeconds = 20

// phone runs one SIPp to its end, and reads its last screen.
func (s sipp) phone(ctx context.Context, to served, rate, seconds int) (Load, error) {
	file := filepath.Join(s.dir, "load.xml")
	if err := os.WriteFile(file, scenario, 0o600); err != nil {
		return Load{}, err
	}
	port, err := freePort(ctx)
	if err != nil {
		return Load{}, err
	}
	limit := time.Duration(seconds+graceSeconds+10) * time.Second
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	calls := strconv.Itoa(rate * seconds)
	//nolint:gosec // the operator's own flags
	cmd := exec.CommandContext(ctx, "sipp", to.Addr, "-sf", file, "-s", to.Number, "-key", "caller", to.Caller,
		"-i", "127.0.0.1", "-p", port, "-r", strconv.Itoa(rate), "-m", calls, "-l", calls, "-buff_size", "4194304", "-nostdin",
		"-timeout", strconv.Itoa(seconds+graceSeconds)+"s")
	cmd.Dir = s.dir
	out, err := cmd.Output()
	l, ok := readScreen(out)
	if !ok {
		return l, fmt.Errorf("sipp: %w\n%.2000s", err, out)
	}
	return l, nil
}

// The lines of SIPp's last screens that count.
var (
	callsLine    = regexp.MustCompile(`Total Calls created\s*\|[^|]*\|\s*(\d+)`)   //nolint:gochecknoglobals // constant
	failedLine   = regexp.MustCompile(`Failed call\s*\|[^|]*\|\s*(\d+)`)           //nolint:gochecknoglobals // constant
	inviteLine   = regexp.MustCompile(`INVITE -+>\s+(?:\S+-RTD\d\s+)?\d+\s+(\d+)`) //nolint:gochecknoglobals // constant
	redirectLine = regexp.MustCompile(`302 <-+\s+(?:\S+-RTD\d\s+)?(\d+)`)          //nolint:gochecknoglobals // constant
	shedLine     = regexp.MustCompile(`503 <-+\s+(?:\S+-RTD\d\s+)?(\d+)`)          //nolint:gochecknoglobals // constant
)

// readScreen reads what SIPp prints at its end. Calls that were given up at the time-out have failed, though SIPp counts
// them as neither.
func readScreen(screen []byte) (l Load, ok bool) {
	ok = true
	last := func(re *regexp.Regexp) int {
		all := re.FindAllSubmatch(screen, -1)
		if len(all) == 0 {
			ok = false
			return 0
		}
		n, err := strconv.Atoi(string(bytes.TrimSpace(all[len(all)-1][1])))
		ok = ok && err == nil
		return n
	}
	l = Load{
		Calls: last(callsLine), Failed: last(failedLine), Retransmissions: last(inviteLine), Redirected: last(redirectLine),
		Shed: last(shedLine),
	}
	l.Failed = max(l.Failed, l.Calls-l.Redirected-l.Shed)
	return l, ok
}

// freePort is a UDP port that was free a moment ago.
func freePort(ctx context.Context) (string, error) {
	c, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }()
	_, port, err := net.SplitHostPort(c.LocalAddr().String())
	return port, err
}
