// Command dayside is the one binary of Dayside: `dayside serve` runs the services, every other command is a client of them.
// What commands do is in internal/cli; here is where they meet the machine.
package main

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/term"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/daysidehq/dayside/cmd/dayside/internal/cli"
	"github.com/daysidehq/dayside/services/gateway/sip/probe"
	"github.com/daysidehq/dayside/services/host"
	"github.com/daysidehq/dayside/services/schedule"
)

// version is set by the linker: -X main.version=...
var version = "dev"

// maxAnswerBytes is the largest answer read: a list of customers can be long.
const maxAnswerBytes = 64 << 20

func main() {
	os.Exit(run())
}

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	return cli.Run(ctx, environment(), os.Args[1:])
}

func environment() cli.Env {
	width, color := terminal()
	clock := host.Skewed(0)
	return cli.Env{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		Now:    clock.Now,
		After:  clock.After,
		Getenv: os.Getenv,
		Width:  width,
		Color:  color,

		ErrTerminal: term.IsTerminal(int(os.Stderr.Fd())),
		Interactive: term.IsTerminal(int(os.Stdin.Fd())),
		ReadSecret:  readSecret,
		Dial:        dial,
		DialTLS:     dialTLS,
		Ring: func(ctx context.Context, call probe.Call) (*probe.Result, error) {
			return probe.Place(ctx, clock, call)
		},
		Location: location(sync.OnceValues(schedule.EmbeddedZones)),
		Program:  os.Args[0],
		Version:  version,
	}
}

// terminal is the width of standard output, 0 where it is none, and whether to colour it (https://no-color.org).
func terminal() (width int, color bool) {
	fd := int(os.Stdout.Fd())
	if !term.IsTerminal(fd) {
		return 0, false
	}
	width, _, err := term.GetSize(fd)
	if err != nil {
		width = 0
	}
	return width, os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// readSecret reads a line at the terminal without echo. Where ctx ends first, the terminal is as it was.
func readSecret(ctx context.Context) (string, error) {
	fd := int(os.Stdin.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	type read struct {
		line []byte
		err  error
	}
	done := make(chan read, 1)
	go func() {
		line, err := term.ReadPassword(fd)
		done <- read{line, err}
	}()
	select {
	case r := <-done:
		return string(r.line), r.err
	case <-ctx.Done():
		_ = term.Restore(fd, before)
		return "", ctx.Err()
	}
}

// dial connects in plain text: servers without certificates listen on loopback alone.
func dial(addr string) (*grpc.ClientConn, error) {
	return grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswerBytes)))
}

func dialTLS(addr string, files host.TLSFiles) (*grpc.ClientConn, error) {
	creds, err := host.ClientCredentials(files)
	if err != nil {
		return nil, err
	}
	return grpc.NewClient(addr, grpc.WithTransportCredentials(creds),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswerBytes)))
}

// location finds time zones in the binary, whatever the machine has. They are read when the first is asked for.
func location(read func() (schedule.Zones, error)) func(name string) (*time.Location, error) {
	return func(name string) (*time.Location, error) {
		zones, err := read()
		if err != nil {
			return nil, err
		}
		return zones.Location(name)
	}
}
