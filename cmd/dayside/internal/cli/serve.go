package cli

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/manifest"
	"github.com/daysidehq/dayside/deploy/examples"
	"github.com/daysidehq/dayside/services/host"
)

// serveFlags are the flags of `serve` that need reading.
type serveFlags struct {
	cfg     host.Config
	example bool
	trusted []string
	// portalProxies are networks.
	portalProxies []string
	logLevel      string
	logFormat     string
	clockOffset   time.Duration
}

func newServe(a *app) *cobra.Command {
	f := &serveFlags{cfg: host.DefaultConfig()}
	if dir := a.Getenv("DAYSIDE_DATA"); dir != "" {
		f.cfg.DataDir = dir
	}
	cmd := &cobra.Command{
		Use:   "serve [SERVICE...]",
		Short: "Run Dayside: all services in one process, or the named ones (" + strings.Join(host.Names(), ", ") + ")",
		Long: "Run Dayside until it is interrupted: all services in one process, or the named ones.\n\n" +
			"Services: " + strings.Join(host.Names(), ", ") + ". Processes on one etcd find each other, and each answers the " +
			"whole API.\nWithout --etcd an etcd is embedded. Everything listens on loopback, unless --tls-cert, --tls-key and " +
			"--tls-ca name a\ncertificate (dayside pki): then gRPC and REST may listen anywhere, and every peer needs one too.",
		Example: "  dayside serve --example\n  dayside serve routing sip --etcd 127.0.0.1:2379",
		Args:    cobra.ArbitraryArgs, ValidArgs: host.Names(),
		RunE: func(cmd *cobra.Command, args []string) error { return a.serve(cmd, f, args) },
	}
	f.register(cmd)
	return cmd
}

func (f *serveFlags) register(cmd *cobra.Command) {
	flags, c := cmd.Flags(), &f.cfg
	flags.StringVar(&c.DataDir, "data", c.DataDir, "directory for what must survive the process (env DAYSIDE_DATA)")
	flags.BoolVar(&f.example, "example", false, "apply the example configuration where the cluster holds none")
	flags.StringVar(&c.GRPCListen, "grpc-listen", c.GRPCListen, "address of the gRPC API")
	flags.StringVar(&c.HTTPListen, "http-listen", c.HTTPListen, "address of REST, /metrics, /readyz and /openapi.json")
	flags.StringVar(&c.Advertise, "advertise", "",
		"address at which other processes reach --grpc-listen; empty: as listened on")
	flags.StringVar(&c.Access.TokenKeys, "token-keys", "",
		"public keys that bearer tokens are believed of, PEM (token.pub of dayside pki init); read again when they change")
	flags.StringVar(&c.Access.Revoked, "revoked", "",
		"what is believed no longer: a certificate's serial number or a token's id a line; read again when it changes")
	flags.StringVar(&c.Access.CRL, "tls-crl", "",
		"certificate revocation lists of the --tls-ca, PEM; read again when they change")
	flags.IntVar(&c.Access.Limits.RequestsPerS, "peer-requests", c.Access.Limits.RequestsPerS,
		"requests a second of one peer that is neither gateway nor process; twice as many may come at once")
	flags.IntVar(&c.Access.Limits.Streams, "peer-streams", c.Access.Limits.Streams, "streams of such a peer at the same time")
	flags.IntVar(&c.Access.Limits.GatewayRequestsPerS, "gateway-requests", c.Access.Limits.GatewayRequestsPerS,
		"requests a second of one gateway or process")
	flags.IntVar(&c.Access.Limits.GatewayStreams, "gateway-streams", c.Access.Limits.GatewayStreams,
		"streams of one gateway or process at the same time")
	flags.StringVar(&c.EtcdTLS.Cert, "etcd-cert", "", "certificate to show to etcd, PEM")
	flags.StringVar(&c.EtcdTLS.Key, "etcd-key", "", "its key, PEM")
	flags.StringVar(&c.EtcdTLS.CA, "etcd-ca", "", "CAs that etcd's certificate is believed of, PEM; empty: etcd in plain text")
	flags.StringSliceVar(&c.EtcdEndpoints, "etcd", nil, "endpoints of an etcd 3.7 cluster; without any, one is embedded")
	flags.StringVar(&c.EtcdListen, "etcd-listen", c.EtcdListen, "address of the embedded etcd")
	flags.StringVar(&c.EtcdPrefix, "etcd-prefix", "/dayside/", "where the cluster keeps its keys")
	flags.StringVar(&c.TZData, "tzdata", "",
		"time-zone rules that may be adopted: a `FILE` made by dayside tzdata pack, or a zoneinfo folder")
	flags.StringVar(&c.ZoneinfoDir, "zoneinfo", c.ZoneinfoDir, "the machine's own time-zone rules; empty: not looked at")
	flags.IntVar(&c.LedgerRetentionDays, "ledger-retention-days", c.LedgerRetentionDays,
		"how long the ledger keeps calls and changes; 0: for ever")
	flags.StringVar(&c.SIP.ListenUDP, "sip-udp", c.SIP.ListenUDP, "address of the SIP gateway over UDP; empty: not served")
	flags.StringVar(&c.SIP.ListenTCP, "sip-tcp", c.SIP.ListenTCP, "address of the SIP gateway over TCP; empty: not served")
	flags.StringVar(&c.SIP.GatewayID, "sip-gateway-id", c.SIP.GatewayID, "the gateway's name, a slug")
	flags.StringVar(&c.SIP.PSTNDomain, "sip-pstn-domain", "",
		"host that numbers are redirected to (sip:+E164@HOST); empty: as tel: URIs")
	flags.BoolVar(&c.SIP.UserToUser, "sip-user-to-user", false,
		"hand a brief of the call on to whoever answers, in a User-to-User header of each contact (RFC 7433)")
	flags.StringSliceVar(&c.RoutingEndpoints, "sip-routing", nil,
		"processes (HOST:PORT) that the SIP gateway can ask, beside those it finds through etcd and is told of")
	flags.StringSliceVar(&c.RoutingLines, "sip-lines", nil,
		"lines (lines/ID) that the SIP gateway can answer for alone, at most 100; all lines, up to 1,000, where none are named")
	flags.StringSliceVar(&f.trusted, "sip-trusted", nil, "networks (CIDR) whose asserted identities are believed")
	flags.StringSliceVar(&c.SIP.Trust.CallerHeaders, "sip-caller-headers", nil,
		"where the caller's number is read, in order (P-Asserted-Identity, Diversion, From)")
	flags.StringVar(&c.OTLPEndpoint, "otlp", "",
		"host:port of an OTLP gRPC receiver for traces, such as Jaeger's 127.0.0.1:4317")
	flags.Float64Var(&c.SampleRatio, "sample-ratio", c.SampleRatio, "share of calls that are traced, 0 to 1")
	flags.StringVar(&c.Instance, "instance", "", "name of this process; empty: host name and process id")
	flags.StringVar(&c.Region, "region", "", "region this process runs in, told to gateways that ask for endpoints")
	flags.DurationVar(&c.StopLinger, "stop-linger", c.StopLinger,
		"how long a process that stops still answers those who have not noticed")
	f.registerSelfService(flags)
	flags.StringVar(&f.logLevel, "log-level", "info", "debug, info, warn or error")
	flags.StringVar(&f.logFormat, "log-format", "text", "text or json; the log goes to standard error")
	flags.DurationVar(&f.clockOffset, "clock-offset", 0, "skew this process's clock; for tests")
	_ = flags.MarkHidden("clock-offset")
}

func (a *app) serve(cmd *cobra.Command, f *serveFlags, services []string) error {
	if cmd.Flags().Changed("etcd") && (len(f.cfg.EtcdEndpoints) == 0 || slices.Contains(f.cfg.EtcdEndpoints, "")) {
		// An empty variable of a script must not begin a cluster of its own.
		return usagef("--etcd %q: must name endpoints, HOST:PORT each; leave the flag out to embed an etcd",
			strings.Join(f.cfg.EtcdEndpoints, ","))
	}
	cfg, err := f.config(a, services)
	if err != nil {
		return err
	}
	ctx := cmd.Context() // main ends it with Ctrl-C
	h, err := host.New(ctx, cfg)
	if err != nil {
		if ctx.Err() != nil {
			return nil //nolint:nilerr // interrupted while starting
		}
		return startFailed(err)
	}
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	for {
		select {
		case err := <-done:
			return startFailed(err)
		case known := <-h.Alone():
			banner{a, h, cfg}.alone(a.Out, known, cfg.Clock.Now())
		case <-h.Ready():
			banner{a, h, cfg}.write(ctx, a.Out)
			return <-done
		}
	}
}

// config is what the flags say, checked as far as this side can.
func (f *serveFlags) config(a *app, services []string) (host.Config, error) {
	cfg := f.cfg
	cfg.Services, cfg.Version, cfg.TLS = services, a.Version, a.tls
	cfg.Clock = host.Skewed(f.clockOffset)
	for _, text := range f.trusted {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return cfg, usagef("--sip-trusted %q: must be a network such as 192.0.2.0/24", text)
		}
		cfg.SIP.Trust.Peers = append(cfg.SIP.Trust.Peers, p)
	}
	var err error
	if cfg.SelfService, err = f.selfService(); err != nil {
		return cfg, err
	}
	if cfg.Logger, err = newLogger(a.Err, f.logLevel, f.logFormat); err != nil {
		return cfg, err
	}
	if f.example {
		if cfg.Seed, err = exampleSeed(); err != nil {
			return cfg, err
		}
	}
	return cfg, nil
}

func newLogger(w io.Writer, level, format string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, usagef("--log-level %q: must be debug, info, warn or error", level)
	}
	switch format {
	case "text":
		return host.NewLogger(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l})), nil
	case "json":
		return host.NewLogger(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l})), nil
	}
	return nil, usagef("--log-format %q: must be text or json", format)
}

// exampleSeed is the example configuration that the binary carries.
func exampleSeed() (*routingv1.ApplyConfigurationRequest, error) {
	sources, err := manifest.LoadFS(examples.Files, examples.FollowTheSun)
	if err != nil {
		return nil, err
	}
	set, err := manifest.Read(sources)
	if err != nil {
		return nil, err
	}
	return &routingv1.ApplyConfigurationRequest{
		Calendars: set.Calendars, People: set.People, Rotas: set.Rotas,
		Sites: set.Sites, Plans: set.Plans, Offers: set.Offers, Customers: set.Customers, Lines: set.Lines,
	}, nil
}

// startFailed is one clear line, whatever was in the way.
func startFailed(err error) error {
	if err == nil {
		return nil
	}
	return &failure{message: fmt.Sprintf("cannot serve: %v", err)}
}
