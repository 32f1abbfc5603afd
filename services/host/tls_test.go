package host

import (
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// issue makes a certificate by the authority in dir.
func issue(t *testing.T, dir, role string, now time.Time) TLSFiles {
	t.Helper()
	c := Certificate{Role: role, Name: "test", Days: 30}
	if role == "service" {
		c.IP = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	f, err := IssueCertificate(dir, dir, c, now)
	if err != nil {
		t.Fatal(err)
	}
	return TLSFiles{Cert: f.Cert, Key: f.Key, CA: filepath.Join(dir, "ca.crt")}
}

func TestCredentialsThatCannotBeUsedStopTheStart(t *testing.T) {
	dir, now := t.TempDir(), Skewed(0).Now()
	if _, err := InitCA(dir, "test", now); err != nil {
		t.Fatal(err)
	}
	service, admin := issue(t, dir, "service", now), issue(t, dir, "admin", now)
	for want, change := range map[string]func(*Config){
		"--tls-key is needed with --tls-cert":  func(c *Config) { c.TLS = TLSFiles{Cert: service.Cert, CA: service.CA} },
		"--tls-ca is needed with --tls-cert":   func(c *Config) { c.TLS = TLSFiles{Cert: service.Cert, Key: service.Key} },
		"--tls-cert is needed with --tls-ca":   func(c *Config) { c.TLS = TLSFiles{CA: service.CA} },
		"--tls-key none cannot be read":        func(c *Config) { c.TLS = TLSFiles{Cert: service.Cert, Key: "none", CA: service.CA} },
		"is of role admin":                     func(c *Config) { c.TLS = admin },
		"is not a loopback address":            func(c *Config) { c.GRPCListen = "192.0.2.1:0" },
		"--http-listen 192.0.2.1:0 is not":     func(c *Config) { c.HTTPListen = "192.0.2.1:0" },
		"--sip-udp or --sip-tcp must be":       func(c *Config) { c.SIP.ListenUDP, c.SIP.ListenTCP = "", "" },
		"--sip-udp 192.0.2.1:0 is not":         func(c *Config) { c.TLS, c.SIP.ListenUDP = service, "192.0.2.1:0" },
		"--advertise HOST:PORT":                func(c *Config) { c.TLS, c.GRPCListen = service, "0.0.0.0:0" },
		"--advertise x must be HOST:PORT":      func(c *Config) { c.Advertise = "x" },
		"--etcd-ca is needed with --etcd-cert": func(c *Config) { c.EtcdTLS = TLSFiles{Cert: service.Cert, Key: service.Key} },
		"--etcd-ca " + service.CA + " is for":  func(c *Config) { c.EtcdTLS = TLSFiles{CA: service.CA} },
		"--etcd-ca none cannot be used": func(c *Config) {
			c.EtcdEndpoints, c.EtcdTLS = []string{"https://127.0.0.1:1"}, TLSFiles{CA: "none"}
		},
	} {
		cfg := DefaultConfig()
		cfg.DataDir, cfg.Logger, cfg.ZoneinfoDir, cfg.EtcdFast = t.TempDir(), slog.New(slog.DiscardHandler), "", true
		cfg.GRPCListen, cfg.HTTPListen, cfg.EtcdListen = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
		cfg.SIP.ListenUDP, cfg.SIP.ListenTCP = "127.0.0.1:0", "127.0.0.1:0"
		change(&cfg)
		h, err := New(t.Context(), cfg)
		if err == nil {
			stop(t, h)
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", want, err)
		}
	}
}
