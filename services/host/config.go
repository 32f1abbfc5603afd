// Package host puts services into a process: configuration, etcd (embedded or elsewhere), listeners, telemetry, start and
// stop in the right order. It decides nothing about calls and owns no resource; `dayside serve` and whole-process tests
// are its users.
package host

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/gateway/sip"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	"github.com/daysidehq/dayside/services/ledger"
)

// The services a process can hold.
const (
	Schedule    = "schedule"
	Entitlement = "entitlement"
	Ledger      = "ledger"
	Routing     = "routing"
	SIP         = "sip"
)

// Names are all services, in order of start.
func Names() []string { return []string{Schedule, Entitlement, Ledger, Routing, SIP} }

// Config is all a process is told. DefaultConfig has the values of `dayside serve`.
type Config struct {
	// Services to run, of Names; empty: all.
	Services []string
	// DataDir keeps what must survive the process; made where it does not exist.
	DataDir string
	// GRPCListen and HTTPListen are host:port, loopback without TLS; port 0 for any.
	GRPCListen, HTTPListen string
	// Advertise is the host:port at which other processes reach GRPCListen; empty: as it is listened on.
	Advertise string
	// TLS of both listeners and of calls to other processes; none: plain text, on loopback.
	TLS TLSFiles
	// Access is who may connect by token, who may no longer, and how much each may ask.
	Access Access
	// EtcdTLS of connections to EtcdEndpoints; none: plain text.
	EtcdTLS TLSFiles
	// EtcdEndpoints of a cluster's etcd; empty: one is embedded.
	EtcdEndpoints []string
	// EtcdListen is where the embedded etcd serves other processes of this machine.
	EtcdListen string
	// EtcdPrefix of the cluster's keys; empty: "/dayside/".
	EtcdPrefix string
	// EtcdFast trades the embedded etcd's durability for speed. Tests only.
	EtcdFast bool
	// TZData is a bundle or zoneinfo folder of time-zone rules that may be adopted; empty: none.
	TZData string
	// ZoneinfoDir is the machine's own folder of such rules, which may be missing; empty: it is not looked at.
	ZoneinfoDir string
	// LedgerRetentionDays is how long the ledger keeps calls and changes; 0: for ever.
	LedgerRetentionDays int
	// RoutingEndpoints are host:port of processes that the SIP gateway can ask, beside those it finds and is told of.
	RoutingEndpoints []string
	// RoutingLines are the lines/ID that the SIP gateway keeps a table of, at most 100; empty: every line, up to 1,000.
	RoutingLines []string
	// SelfService is how contacts of customers help themselves; none where it is zero.
	SelfService SelfService
	// SIP is the SIP gateway's own configuration.
	SIP sip.Config
	// Seed is applied where the cluster is empty; nil: nothing is.
	Seed *routingv1.ApplyConfigurationRequest
	// OTLPEndpoint receives traces; empty: none are made.
	OTLPEndpoint string
	// SampleRatio of new traces, 0 to 1.
	SampleRatio float64
	// Instance names the process in discovery, traces and metrics; empty: host name and process id.
	Instance string
	// Region the process runs in, for gateways that prefer a near one; empty: it is not told.
	Region string
	// Version of the program.
	Version string
	// MaxSchema is the newest schema that the process takes itself to know; 0: that of this release. Tests show with it what a
	// release before this one does.
	MaxSchema int32
	// StopLinger is how long a process that stops answers those who have not noticed yet.
	StopLinger time.Duration
	// Extra registers further services on the process's listener and chain; tests measure with it.
	Extra func(grpc.ServiceRegistrar)
	// Logger of the process.
	Logger *slog.Logger
	// Clock of the process; nil: the machine's.
	Clock clock.Clock
}

// DefaultConfig is one process with everything, on loopback.
func DefaultConfig() Config {
	return Config{
		DataDir:     "dayside-data",
		GRPCListen:  "127.0.0.1:7400",
		HTTPListen:  "127.0.0.1:7480",
		EtcdListen:  "127.0.0.1:7479",
		ZoneinfoDir: tzdata.SystemFolder,
		SIP:         sip.Config{GatewayID: "sip", ListenUDP: "127.0.0.1:5060", ListenTCP: "127.0.0.1:5060"},
		Access:      Access{Limits: rpc.DefaultLimits()},
		SampleRatio: 1, LedgerRetentionDays: ledger.DefaultRetentionDays, StopLinger: 500 * time.Millisecond,
	}
}

// maxInstanceBytes is what records of calls, and keys in etcd, have room for.
const maxInstanceBytes = 200

const (
	// maxRegionBytes is what a heartbeat has room for.
	maxRegionBytes = 64
	// maxStopLinger is what a supervisor waits for at least before it kills.
	maxStopLinger = 20 * time.Second
)

// validate checks what can be checked before anything is opened.
func (c *Config) validate() error {
	var broken fault.Violations
	for _, s := range c.Services {
		if !slices.Contains(Names(), s) {
			broken.Add("SERVICE", s, "is not one of "+strings.Join(Names(), ", "))
		}
	}
	if !(c.SampleRatio >= 0 && c.SampleRatio <= 1) { // NaN too
		broken.Add("sample-ratio", fmt.Sprint(c.SampleRatio), "must be from 0 to 1")
	}
	if c.runs(SIP) && c.SIP.ListenUDP == "" && c.SIP.ListenTCP == "" {
		broken.Add("sip-udp", "", "or --sip-tcp must be an address, or the service sip must be left out of those that are run")
	}
	for field, addr := range map[string]string{"sip-udp": c.SIP.ListenUDP, "sip-tcp": c.SIP.ListenTCP} {
		var f *fault.Fault
		if err := rpc.CheckLoopback(field, addr); addr != "" && c.runs(SIP) && errors.As(err, &f) {
			broken.Append(f.Violations...)
		}
	}
	if c.LedgerRetentionDays < 0 || c.LedgerRetentionDays > ledger.MaxRetentionDays {
		broken.Add("ledger-retention-days", strconv.Itoa(c.LedgerRetentionDays),
			fmt.Sprintf("must be from 0 (for ever) to %d", ledger.MaxRetentionDays))
	}
	if len(c.Instance) > maxInstanceBytes || !utf8.ValidString(c.Instance) {
		broken.Add("instance", c.Instance, fmt.Sprintf("must be text of at most %d bytes", maxInstanceBytes))
	}
	if len(c.Region) > maxRegionBytes || !utf8.ValidString(c.Region) {
		broken.Add("region", c.Region, fmt.Sprintf("must be text of at most %d bytes", maxRegionBytes))
	}
	if c.StopLinger < 0 || c.StopLinger > maxStopLinger {
		broken.Add("stop-linger", c.StopLinger.String(), "must be from 0s to "+maxStopLinger.String())
	}
	c.validateTLS(&broken)
	c.validateSelfService(&broken)
	if c.EtcdPrefix != "" && !strings.HasSuffix(c.EtcdPrefix, "/") {
		broken.Add("etcd-prefix", c.EtcdPrefix, "must end with a slash")
	}
	if c.Logger == nil {
		broken.Add("logger", "", "is required")
	}
	return broken.Err()
}

func (c *Config) runs(service string) bool {
	return len(c.Services) == 0 || slices.Contains(c.Services, service)
}
