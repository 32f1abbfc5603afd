// Package cli is the command line of Dayside, one file a command. Commands are clients of the API like any other: data goes
// to standard output, everything else to standard error. What they touch of the outside (time, terminal, network) is
// given to them, so that they can be tested.
//
// It decides nothing and keeps nothing; `serve` hands over to services/host.
package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"github.com/daysidehq/dayside/services/gateway/sip/probe"
	"github.com/daysidehq/dayside/services/host"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // the command could not do what it was asked to
	exitUsage  = 2 // it was not asked in a way it understands
)

const (
	defaultServer  = "127.0.0.1:7400"
	defaultTimeout = 10 * time.Second
	// defaultWidth is taken where standard output is no terminal.
	defaultWidth = 100
)

// Env is what commands touch of the outside.
type Env struct {
	In       io.Reader
	Out, Err io.Writer
	// Now is the wall clock.
	Now func() time.Time
	// After is a channel that something comes on, or that is closed, once so much time has passed.
	After func(time.Duration) <-chan time.Time
	// Getenv reads the environment.
	Getenv func(string) string
	// Width is the terminal's, in columns; 0 where standard output is none.
	Width int
	// ErrTerminal says that standard error is a terminal, where progress is shown.
	ErrTerminal bool
	// Interactive says that standard input is a terminal, at which somebody can be asked.
	Interactive bool
	// ReadSecret reads a line at the terminal without showing it, until ctx ends.
	ReadSecret func(ctx context.Context) (string, error)
	// Color says that standard output is a terminal that shows colours.
	Color bool
	// Dial connects to a server's gRPC address, host:port. It does not wait for an answer.
	Dial func(addr string) (*grpc.ClientConn, error)
	// DialTLS is Dial with a client's certificate, and to a server whose certificate is verified.
	DialTLS func(addr string, files host.TLSFiles) (*grpc.ClientConn, error)
	// Ring places a SIP call.
	Ring func(ctx context.Context, call probe.Call) (*probe.Result, error)
	// Location finds a time zone by its IANA name.
	Location func(name string) (*time.Location, error)
	// Program is how the program was called, for commands to try.
	Program string
	// Version of the program.
	Version string
}

// app is what the commands of one invocation share.
type app struct {
	Env
	server  string
	tls     host.TLSFiles
	output  string
	timeout time.Duration
	// tokenFile holds the bearer token that is shown; empty: none is.
	tokenFile string
}

// New is the root command. Each command is one function of the list below.
func New(env Env) *cobra.Command {
	a := &app{Env: env}
	root := &cobra.Command{
		Use:   "dayside",
		Short: "The private off-hours support number that is always answered in daylight",
		Long: "Dayside forwards support calls to the site that is in business hours.\n\n" +
			"Exit codes: 0 done, 1 failed, 2 not understood.",
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: false},
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return usagef("there is no command %q%s", args[0], meant(cmd.SuggestionsFor(args[0])))
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SuggestionsMinimumDistance = 2
	root.SetIn(env.In)
	root.SetOut(env.Out)
	root.SetErr(env.Err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	a.globalFlags(root)
	for _, command := range []func(*app) *cobra.Command{
		newServe, newRoute, newTalk, newCall, newCalls, newFollowUp, newCharge, newAudit, newReveals,
		newOpen, newWhy, newCoverage, newSimulate, newWatch, newHours, newApply, newExport, newGet,
		newList, newDelete, newCustomer, newCheck, newGrant, newCalendar, newRota, newCustody, newDrain,
		newEvents, newAlerts,
		newPromise, newBrief, newFeed, newTZData, newPKI, newLine,
		newToken, newCluster, newEtcd, newBackup, newRestore, newLive, newPresence, newTable, newVersion,
	} {
		root.AddCommand(command(a))
	}
	checkArguments(root)
	root.InitDefaultHelpCmd()
	checkHelp(root)
	return root
}

func (a *app) globalFlags(root *cobra.Command) {
	server := a.Getenv("DAYSIDE_SERVER")
	if server == "" {
		server = defaultServer
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.server, "server", server, "gRPC address of a Dayside process (env DAYSIDE_SERVER)")
	flags.StringVar(&a.tls.Cert, "tls-cert", a.Getenv("DAYSIDE_TLS_CERT"), "certificate to show, PEM (env DAYSIDE_TLS_CERT)")
	flags.StringVar(&a.tls.Key, "tls-key", a.Getenv("DAYSIDE_TLS_KEY"), "its key, PEM (env DAYSIDE_TLS_KEY)")
	flags.StringVar(&a.tls.CA, "tls-ca", a.Getenv("DAYSIDE_TLS_CA"), "CAs that are believed, PEM (env DAYSIDE_TLS_CA)")
	flags.StringVar(&a.tokenFile, "token-file", a.Getenv("DAYSIDE_TOKEN_FILE"),
		"bearer token to show, made by dayside token (env DAYSIDE_TOKEN_FILE)")
	flags.StringVarP(&a.output, "output", "o", formatTable, "table, json (the API's own JSON) or yaml")
	flags.DurationVar(&a.timeout, "timeout", defaultTimeout, "how long to wait for an answer")
	root.PersistentPreRunE = func(*cobra.Command, []string) error { return a.checkGlobalFlags() }
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(
		[]string{formatTable, formatJSON, formatYAML}, cobra.ShellCompDirectiveNoFileComp))
}

func (a *app) checkGlobalFlags() error {
	switch {
	case a.output != formatTable && a.output != formatJSON && a.output != formatYAML:
		return usagef("--output %q: must be table, json or yaml", a.output)
	case a.tls == (host.TLSFiles{CA: a.tls.CA}) && a.tokenFile != "": // who shows a token needs no certificate
	case a.tls != (host.TLSFiles{}) && (a.tls.Cert == "" || a.tls.Key == "" || a.tls.CA == ""):
		return usagef("--tls-cert, --tls-key and --tls-ca are needed together (with --token-file, --tls-ca alone)")
	case a.timeout <= 0:
		return usagef("--timeout %v: must be longer than nothing", a.timeout)
	case strings.Contains(a.server, "/") || !strings.Contains(a.server, ":"):
		return usagef("--server %q: must be HOST:PORT, such as %s", a.server, defaultServer)
	}
	return nil
}

// checkHelp makes a usage error of a topic that does not exist, which the default only remarks on.
func checkHelp(root *cobra.Command) {
	for _, c := range root.Commands() {
		if c.Name() != "help" {
			continue
		}
		c.Run = nil
		c.RunE = func(_ *cobra.Command, args []string) error {
			topic, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return usagef("there is no help topic %q%s", strings.Join(args, " "), meant(root.SuggestionsFor(args[0])))
			}
			topic.InitDefaultHelpFlag()
			return topic.Help()
		}
	}
}

// usageError is a command that was not understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func meant(suggestions []string) string {
	if len(suggestions) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(suggestions, " or ") + "?"
}

// Run runs the command line and answers with the exit code. Errors are written to standard error.
func Run(ctx context.Context, env Env, args []string) int {
	root := New(env)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	return report(env.Err, cmd, err)
}
