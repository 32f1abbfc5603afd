package deploy

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
)

// retransmit is how long an INVITE waits for an answer before it is sent again.
const retransmit = 500 * time.Millisecond

// phones answer every INVITE over UDP: busy the first of each call, and 200 from then on. They keep what was rung, and where
// what follows within the call is to go.
type phones struct {
	conn *net.UDPConn
	mu   sync.Mutex
	rung map[string][]string // users, by Call-ID
	back map[string]string   // the route, by Call-ID
}

func listen(t *testing.T) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func startPhones(t *testing.T) *phones {
	t.Helper()
	p := &phones{conn: listen(t), rung: map[string][]string{}, back: map[string]string{}}
	go func() {
		packet := make([]byte, 65536)
		for {
			n, from, err := p.conn.ReadFromUDP(packet)
			if err != nil {
				return
			}
			if answer := p.answer(string(packet[:n])); answer != "" {
				_, _ = p.conn.WriteToUDP([]byte(answer), from)
			}
		}
	}()
	return p
}

func (p *phones) answer(request string) string {
	m := regexp.MustCompile(`^INVITE sip:([^@]*)@`).FindStringSubmatch(request)
	id := header(request, "Call-ID")
	if m == nil || id == "" {
		return "" // ACK, and what does not matter here
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.back[id] = header(request, "Record-Route")
	if !slices.Contains(p.rung[id], m[1]) {
		p.rung[id] = append(p.rung[id], m[1])
	}
	if p.rung[id][0] == m[1] && !strings.HasPrefix(m[1], "last") && m[1] != "+61255500100" {
		return reply(request, "486 Busy Here", "")
	}
	return reply(request, "200 OK", "Contact: <sip:"+m[1]+"@"+p.conn.LocalAddr().String()+">\r\n")
}

// order is who was rung in a call, in order.
func (p *phones) order(id string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.rung[id])
}

// route is where requests within a call go.
func (p *phones) route(id string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.back[id]
}

// header is the first of that name.
func header(message, name string) string {
	m := regexp.MustCompile(`(?im)^` + name + `: *(.*?)\r$`).FindStringSubmatch(message)
	if m == nil {
		return ""
	}
	return m[1]
}

// reply answers a request with what RFC 3261, section 8.2.6.2, copies from it.
func reply(request, status, more string) string {
	var b strings.Builder
	b.WriteString("SIP/2.0 " + status + "\r\n")
	for line := range strings.Lines(request) {
		name, _, _ := strings.Cut(line, ":")
		switch strings.ToLower(name) {
		case "to":
			b.WriteString(strings.TrimRight(line, "\r\n") + ";tag=phone\r\n")
		case "via", "from", "call-id", "cseq", "record-route":
			b.WriteString(line)
		}
	}
	return b.String() + more + "Content-Length: 0\r\n\r\n"
}

// callThrough sends an INVITE to a proxy as a trunk does, and answers with the status of its final answer.
func callThrough(t *testing.T, proxy, id string) string {
	t.Helper()
	conn := listen(t)
	to, err := net.ResolveUDPAddr("udp", proxy)
	if err != nil {
		t.Fatal(err)
	}
	own := conn.LocalAddr().String()
	invite := fmt.Sprintf("INVITE sip:+61255500100@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\n"+
		"From: <sip:+13035550101@trunk.example>;tag=t\r\nTo: <sip:+61255500100@trunk.example>\r\nCall-ID: %s\r\nCSeq: 1 INVITE\r\n"+
		"P-Asserted-Identity: <sip:+13035550101@trunk.example>\r\nContact: <sip:trunk@%s>\r\nContent-Length: 0\r\n\r\n",
		proxy, own, id, id, own)
	packet := make([]byte, 65536)
	var status string
	await.True(t, "a final answer to "+id, func() bool {
		// Again and again, as RFC 3261, section 17.1.1.2, does: the proxy may not be there yet.
		if _, err := conn.WriteToUDP([]byte(invite), to); err != nil {
			t.Fatal(err)
		}
		for {
			if err := conn.SetReadDeadline(clock.System{}.Now().Add(retransmit)); err != nil {
				t.Fatal(err)
			}
			n, _, err := conn.ReadFromUDP(packet)
			if err != nil {
				return false
			}
			if m := regexp.MustCompile(`^SIP/2\.0 ([2-6]\d\d)`).FindSubmatch(packet[:n]); m != nil {
				status = string(m[1])
				return true
			}
		}
	})
	return status
}

// localExample is the example configuration with every target at one address of this machine.
func localExample(t *testing.T, at string) string {
	t.Helper()
	dir := t.TempDir()
	target := regexp.MustCompile(`sip:([a-z-]+)@([a-z]+)\.example\.com`)
	err := filepath.WalkDir(files(t, "examples", "followthesun"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, d.Name()), target.ReplaceAll(text, []byte("sip:$1.$2@"+at)), 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestKamailioCarriesOutARedirect: the proxy asks Dayside, rings a busy target and then the next one; with Dayside gone it
// rings who always picks up.
func TestKamailioCarriesOutARedirect(t *testing.T) {
	t.Parallel() // most of it is waiting
	kamailio := peer(t, "kamailio")
	rings := startPhones(t)
	at := rings.conn.LocalAddr().String()
	d := serve(t, "--etcd-listen", freeAddr(t), "--sip-udp", freeAddr(t), "--sip-tcp", "", "--sip-trusted", "127.0.0.1/32")
	folder := localExample(t, at)
	await.True(t, "the configuration to be applied", func() bool {
		_, err := dayside(t, "apply", "-f", folder, "--server", d.grpc)
		return err == nil
	})

	proxy, gone := freeAddr(t), freeAddr(t)
	other := freeAddr(t)
	_, port, _ := net.SplitHostPort(proxy)
	// The first listens as in a pod: on all addresses, and others know it by one of them.
	for listens, asks := range map[string]string{"0.0.0.0:" + port: d.sip, other: gone} {
		defines := []string{"-A", "LISTEN=" + listens, "-A", "DAYSIDE=" + asks, "-A", "PSTN=" + at, "-A", "LAST=" + at}
		if asks == d.sip {
			defines = append(defines, "-A", "PUBLIC="+proxy)
		}
		config := files(t, "gateways", "kamailio", "kamailio.cfg")
		must(t, exec.CommandContext(t.Context(), kamailio, append([]string{"-c", "-f", config}, defines...)...))
		startKamailio(t, kamailio, append([]string{"-f", config}, defines...))
	}
	await.True(t, "a call that rings a second target", func() bool {
		id := "one-" + freeAddr(t)
		status := callThrough(t, proxy, id)
		if back := rings.route(id); status == "200" && !strings.HasPrefix(back, "<sip:"+proxy+";") {
			t.Fatalf("what follows within a call goes to %s, not %s", back, proxy)
		}
		return status == "200" && len(rings.order(id)) == 2
	})
	if status := callThrough(t, other, "nobody"); status != "200" || !slices.Equal(rings.order("nobody"), []string{"+61255500100"}) {
		t.Errorf("with Dayside gone: %s, rung %v", status, rings.order("nobody"))
	}
}

// startKamailio runs one until the test ends, and answers once it does.
func startKamailio(t *testing.T, path string, args []string) {
	t.Helper()
	dir := t.TempDir()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), path, append([]string{"-DD", "-E", "-m", "32", "-M", "8", "-w", dir, "-Y", dir}, args...)...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if text, _ := os.ReadFile(log.Name()); t.Failed() {
			t.Logf("%s", text)
		}
		_ = log.Close()
	})
}
