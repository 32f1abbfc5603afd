package systemtest

import (
	"bufio"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
)

// sipResponse is what a phone got.
type sipResponse struct {
	status   int
	contacts []string
	callID   string
	raw      string
}

// invite is a phone of its own, that shares no code with the gateway: it sends an INVITE and reads the final response.
func (s *system) invite(t testing.TB, transport, dialled, caller string) sipResponse {
	t.Helper()
	gateway := s.sipUDP
	if transport == "tcp" {
		gateway = s.sipTCP
	}
	conn, err := (&net.Dialer{}).DialContext(t.Context(), transport, gateway)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(clock.System{}.Now().Add(await.Limit)); err != nil {
		t.Fatal(err)
	}
	id := strings.ReplaceAll(t.Name(), "/", "-") + "-" + port(t, conn.LocalAddr().String())
	id = strings.ReplaceAll(id, " ", "-")
	from := "sip:" + caller + "@phone.example.com"
	lines := []string{
		"INVITE sip:" + dialled + "@" + gateway + " SIP/2.0",
		"Via: SIP/2.0/" + strings.ToUpper(transport) + " " + conn.LocalAddr().String() + ";branch=z9hG4bK" + id + ";rport",
		"Max-Forwards: 70", "From: <" + from + ">;tag=t" + id, "To: <sip:" + dialled + "@" + gateway + ">",
		"Call-ID: " + id, "CSeq: 1 INVITE", "Contact: <sip:phone@" + conn.LocalAddr().String() + ">", "Content-Length: 0",
	}
	if _, err := fmt.Fprint(conn, strings.Join(lines, "\r\n")+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp := sipResponse{callID: id, raw: readHead(t, conn)}
	if _, err := fmt.Sscanf(resp.raw, "SIP/2.0 %d", &resp.status); err != nil {
		t.Fatalf("not a response: %q", resp.raw)
	}
	resp.contacts = contacts(t, resp.raw)
	return resp
}

// readHead reads a message without a body, up to its empty line.
func readHead(t testing.TB, conn net.Conn) string {
	t.Helper()
	var head strings.Builder
	// Over UDP the first read brings the whole.
	r := bufio.NewReaderSize(conn, 65535)
	for !strings.HasSuffix(head.String(), "\r\n\r\n") {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("read a response: %v after %q", err, head.String())
		}
		head.WriteString(line)
	}
	return head.String()
}

var contact = regexp.MustCompile(`<([^>]+)>;q=([0-9.]+)`)

// contacts are the URIs of a redirect in order of preference, as RFC 3261, 8.1.3.4, has a client try them.
func contacts(t testing.TB, raw string) []string {
	t.Helper()
	var uris []string
	last := 2.0
	for line := range strings.SplitSeq(raw, "\r\n") {
		if !strings.HasPrefix(line, "Contact:") {
			continue
		}
		for _, m := range contact.FindAllStringSubmatch(line, -1) {
			q, err := strconv.ParseFloat(m[2], 64)
			if err != nil || q >= last {
				t.Errorf("q-values do not fall: %s", raw)
			}
			last = q
			uris = append(uris, m[1])
		}
	}
	return uris
}
