package sip

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/daysidehq/dayside/services/gateway/sip/internal/caller"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// slug is what the API takes as a gateway's name.
var slug = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// Config is what an operator states.
type Config struct {
	// GatewayID names this gateway to routing: a slug.
	GatewayID string
	// ListenUDP and ListenTCP are HOST:PORT; empty: not served. Port 0 takes a free one.
	ListenUDP, ListenTCP string
	// PSTNDomain is the host that E.164 targets are redirected to, as sip:+E164@PSTNDomain;user=phone: the trunk's own.
	// Empty: they are redirected to as tel:+E164, and the trunk finds the way.
	PSTNDomain string
	// UserToUser puts the token of the call's brief in every Contact that can hold it, as the header that the next INVITE is
	// to carry (RFC 7433): for trunks that follow a redirect with its URI's headers (RFC 3261, 19.1.5). Not all do.
	UserToUser bool
	Trust      Trust
	Limits     Limits
	// RouterInProcess says that RouteCall answers within microseconds and without I/O, so that it is called where the packet
	// was read. Where routing is another process, calls are handed to goroutines, and given a deadline.
	RouterInProcess bool
}

// Trust is the rule by which the caller is read.
type Trust struct {
	// Peers are the networks that assert identities: the trunk's session border controllers. Nobody else's
	// P-Asserted-Identity, Diversion or attestation is read.
	Peers []netip.Prefix
	// CallerHeaders are read in this order, until one holds a telephone number: of "P-Asserted-Identity", "Diversion",
	// "From". Empty: P-Asserted-Identity, then From. Diversion is for lines whose callers come through their own company's
	// switch; elsewhere it would take the vendor's own number for the caller's.
	CallerHeaders []string
}

// Limits bound what strangers can send. 0 takes the default.
type Limits struct {
	// MaxMessageBytes of one request; a longer one is answered 513. Default 65,535 (RFC 3261, 18.1.1).
	MaxMessageBytes int
	// MaxTCPConns open at once. Peers that are not trusted get three quarters of them. Default 512.
	MaxTCPConns int
	// MaxConnInFlight are the requests of one connection that wait for routing; the next are read later. Default 64.
	MaxConnInFlight int
	// IdleTimeout closes a connection without a byte. Default 10 minutes: trunks stay open between calls.
	IdleTimeout time.Duration
	// MessageTimeout is how long the rest of a message may take over a stream before it is answered 400. Default 10 s.
	MessageTimeout time.Duration
	// WriteTimeout closes a connection that takes no answer. Default 5 s.
	WriteTimeout time.Duration
	// MaxInFlight are the calls that wait for routing, over all transports; the next are shed with 503. Default 1024.
	MaxInFlight int
	// RouteTimeout is how long routing may take before the call is answered 503. Default 1 s. Not used in process.
	RouteTimeout time.Duration
	// ReceiveBufferBytes is asked of the kernel for the UDP socket; more than net.core.rmem_max needs CAP_NET_ADMIN.
	// Default 4 MiB, some thousand calls.
	ReceiveBufferBytes int
	// Readers are the goroutines that read UDP when there is much to do; at other times one does, since waking a second one
	// costs more than a call. Default: one a processor.
	Readers int
	// MaxResponseBytes over UDP: later contacts are left out beyond it. Default 1,300 (RFC 3261, 18.1.1).
	MaxResponseBytes int
}

const (
	maxDatagramBytes = 65535
	// minMessageBytes is less than any call needs.
	minMessageBytes = 1024
)

func (l Limits) withDefaults() Limits {
	orInt(&l.MaxMessageBytes, maxDatagramBytes)
	orInt(&l.MaxTCPConns, 512)
	orInt(&l.MaxConnInFlight, 64)
	orDuration(&l.IdleTimeout, 10*time.Minute)
	orDuration(&l.MessageTimeout, 10*time.Second)
	orDuration(&l.WriteTimeout, 5*time.Second)
	orInt(&l.MaxInFlight, 1024)
	orDuration(&l.RouteTimeout, time.Second)
	orInt(&l.ReceiveBufferBytes, 4<<20)
	orInt(&l.Readers, runtime.GOMAXPROCS(0))
	orInt(&l.MaxResponseBytes, 1300)
	return l
}

func orInt(v *int, d int) {
	if *v == 0 {
		*v = d
	}
}

func orDuration(v *time.Duration, d time.Duration) {
	if *v == 0 {
		*v = d
	}
}

// Validate names every rule that the configuration breaks.
func (c Config) Validate() error {
	c.Limits = c.Limits.withDefaults()
	_, err := c.check()
	return err
}

// check names every rule that the configuration breaks, and reads the order of callers' headers.
func (c *Config) check() ([]caller.Source, error) {
	var v fault.Violations
	if c.ListenUDP == "" && c.ListenTCP == "" {
		v.Add("sip.listen_udp", "", "one of listen_udp and listen_tcp must be set")
	}
	checkAddress(&v, "sip.listen_udp", c.ListenUDP)
	checkAddress(&v, "sip.listen_tcp", c.ListenTCP)
	if !slug.MatchString(c.GatewayID) {
		v.Add("sip.gateway_id", c.GatewayID, "must be a slug: lower-case letters, digits and hyphens, at most 63")
	}
	if strings.ContainsAny(c.PSTNDomain, " \t\r\n<>\";@/") {
		v.Add("sip.pstn_domain", c.PSTNDomain, "must be a host, with a port if need be")
	}
	c.Limits.check(&v)
	names := c.Trust.CallerHeaders
	if len(names) == 0 {
		names = []string{"P-Asserted-Identity", "From"}
	}
	order := make([]caller.Source, 0, len(names))
	for i, name := range names {
		s, err := caller.ParseSource(name)
		if err != nil {
			v.Add(fmt.Sprintf("sip.trust.caller_headers[%d]", i), name, "must be P-Asserted-Identity, Diversion or From")
			continue
		}
		order = append(order, s)
	}
	return order, v.Err()
}

func (l *Limits) check(v *fault.Violations) {
	if l.MaxMessageBytes < minMessageBytes || l.MaxMessageBytes > maxDatagramBytes {
		v.Add("sip.limits.max_message_bytes", fmt.Sprint(l.MaxMessageBytes), "must be from 1024 to 65535")
	}
	for _, n := range []struct {
		field string
		value int64
	}{
		{"max_tcp_conns", int64(l.MaxTCPConns)},
		{"max_conn_in_flight", int64(l.MaxConnInFlight)},
		{"max_in_flight", int64(l.MaxInFlight)},
		{"receive_buffer_bytes", int64(l.ReceiveBufferBytes)},
		{"readers", int64(l.Readers)},
		{"max_response_bytes", int64(l.MaxResponseBytes)},
		{"idle_timeout", int64(l.IdleTimeout)},
		{"message_timeout", int64(l.MessageTimeout)},
		{"write_timeout", int64(l.WriteTimeout)},
		{"route_timeout", int64(l.RouteTimeout)},
	} {
		if n.value < 0 {
			v.Add("sip.limits."+n.field, fmt.Sprint(n.value), "must not be negative")
		}
	}
}

func checkAddress(v *fault.Violations, field, addr string) {
	if addr == "" {
		return
	}
	if _, _, err := net.SplitHostPort(addr); err != nil {
		v.Add(field, addr, "must be HOST:PORT")
	}
}

// trusted says whether a peer asserts identities. A linear search: trunks have a handful of addresses.
func trusted(peers []netip.Prefix, peer netip.Addr) bool {
	peer = peer.Unmap()
	for _, p := range peers {
		if p.Contains(peer) {
			return true
		}
	}
	return false
}
