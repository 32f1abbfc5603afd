package sip

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/daysidehq/dayside/services/internal/clock"
)

// torture is what every message of RFC 4475 is answered with; 0 is no answer, which only what is itself a response gets.
// 302 says that the message went through to routing, which sends every call on. udp and tcp differ where a stream needs a
// Content-Length that a datagram does not.
var torture = []struct {
	file     string
	udp, tcp int
	why      string
}{
	{"valid/dblreq", 405, 405, "REGISTER, with a second request behind it: a datagram holds one, a stream has both"},
	{"valid/esc01", 302, 302, "an escaped user part is a user part"},
	{"valid/esc02", 501, 501, "a percent sign in a method escapes nothing: the method is unknown"},
	{"valid/escnull", 405, 405, "REGISTER with escaped NULs"},
	{"valid/intmeth", 501, 501, "an unknown method in strange characters"},
	{"valid/longreq", 302, 302, "long values, and 34 Via fields in every spelling"},
	{"valid/lwsdisp", 200, 200, "no blank between display name and angle bracket"},
	{"valid/mpart01", 405, 405, "MESSAGE with a multipart body of bytes"},
	{"valid/noreason", 0, 0, "a response"},
	{"valid/semiuri", 200, 200, "a semicolon in the user part"},
	{"valid/transports", 200, 200, "transports that nobody knows, in lower Vias"},
	{"valid/unreason", 0, 0, "a response"},
	{"valid/wsinv", 302, 302, "blanks and folded lines wherever they may stand"},
	{"invalid/badaspec", 400, 400, "blanks within the angle brackets of To"},
	{"invalid/badbranch", 200, 200, "a branch that is the magic cookie alone: nothing here depends on it"},
	{"invalid/baddate", 302, 302, "Date is not read"},
	{"invalid/baddn", 400, 400, "a comma in a display name without quotes"},
	{"invalid/badinv01", 400, 400, "empty parameters in Via"},
	{"invalid/badvers", 505, 505, "SIP/7.0"},
	{"invalid/bcast", 0, 0, "a response"},
	{"invalid/bext01", 420, 420, "required options that nobody supports"},
	{"invalid/bigcode", 0, 0, "a response"},
	{"invalid/clerr", 400, 400, "Content-Length is larger than what follows"},
	{"invalid/cparam01", 405, 405, "REGISTER"},
	{"invalid/cparam02", 405, 405, "REGISTER"},
	{"invalid/escruri", 400, 400, "header fields in the Request-URI"},
	{"invalid/insuf", 400, 400, "no Call-ID, From or To"},
	{"invalid/inv2543", 302, 400, "an INVITE of RFC 2543; without Content-Length nobody knows where it ends in a stream"},
	{"invalid/invut", 302, 302, "a body of unknown type: a redirect server reads no bodies"},
	{"invalid/ltgtruri", 400, 400, "angle brackets around the Request-URI"},
	{"invalid/lwsruri", 400, 400, "a blank within the Request-URI"},
	{"invalid/lwsstart", 400, 400, "two blanks between the parts of the request line"},
	{"invalid/mcl01", 400, 400, "two Content-Lengths"},
	{"invalid/mismatch01", 400, 400, "OPTIONS, but CSeq says INVITE"},
	{"invalid/mismatch02", 501, 501, "an unknown method, whatever CSeq says (RFC 4475, 3.1.2.18)"},
	{"invalid/multi01", 400, 400, "several values of fields that stand once"},
	{"invalid/ncl", 400, 400, "Content-Length: -999"},
	{"invalid/novelsc", 416, 416, "a soap.beep URI"},
	{"invalid/quotbal", 400, 400, "a quoted string without end"},
	{"invalid/regaut01", 405, 405, "REGISTER"},
	{"invalid/regbadct", 405, 405, "REGISTER"},
	{"invalid/regescrt", 405, 405, "REGISTER"},
	{"invalid/scalar02", 400, 400, "CSeq is larger than 2**31"},
	{"invalid/scalarlg", 0, 0, "a response"},
	{"invalid/sdp01", 302, 302, "Accept of unknown types: a redirect has no body"},
	{"invalid/test", 400, 400, "no version, no Via, a line without a colon: answered to where it came from"},
	{"invalid/trws", 400, 400, "blanks at the end of the request line"},
	{"invalid/unkscm", 416, 416, "a URI scheme that nobody knows"},
	{"invalid/unksm2", 405, 405, "REGISTER"},
	{"invalid/zeromf", 200, 200, "OPTIONS at its last hop is answered there (RFC 4475, 3.3.11)"},
}

// tortureDir is where sipgo's module keeps the messages.
func tortureDir(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/emiago/sipgo").Output()
	if err != nil {
		t.Fatalf("find the module of sipgo: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "sip", "testdata", "torture")
}

func tortureMessage(t testing.TB, dir, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, file+".dat"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTortureTableIsWhole(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(tortureDir(t), "*", "*.dat"))
	if err != nil || len(files) != len(torture) {
		t.Errorf("%d messages in the module, %d in the table (%v)", len(files), len(torture), err)
	}
}

func TestTortureUDP(t *testing.T) {
	g := startGateway(t, testConfig(), fixedRouter{redirectTo("sip:support@dublin.example.com")}, clock.System{})
	dir := tortureDir(t)
	for _, c := range torture {
		t.Run(c.file, func(t *testing.T) {
			x := &exchange{source: udpPeer, began: g.clock.Now()}
			g.packet(context.Background(), x, tortureMessage(t, dir, c.file), false, false)
			checkTorture(t, string(x.out), c.udp, c.why)
		})
	}
}

// All messages over one connection, each followed by an OPTIONS that must be answered: none closes the trunk, or takes
// the next message with it.
func TestTortureTCP(t *testing.T) {
	manual := clock.NewManual(testTime)
	cfg := testConfig()
	cfg.Limits.IdleTimeout = 1000 * time.Hour
	g := startGateway(t, cfg, fixedRouter{redirectTo("sip:support@dublin.example.com")}, manual)
	c := dialTCP(t, g)
	dir := tortureDir(t)
	// Their end does not come: they are answered when it is overdue.
	incomplete := map[string]bool{"invalid/clerr": true, "invalid/baddn": true, "invalid/insuf": true}
	for i, m := range torture {
		c.send(tortureMessage(t, dir, m.file))
		if incomplete[m.file] {
			stop := keepAdvancing(manual, cfg.Limits.MessageTimeout)
			checkTorture(t, c.response(), m.tcp, m.file)
			stop()
		} else if m.tcp != 0 {
			checkTorture(t, c.response(), m.tcp, m.file)
		}
		if m.file == "valid/dblreq" {
			checkTorture(t, c.response(), 302, "the second request of dblreq")
		}
		callID := "after-" + strconv.Itoa(i)
		c.send([]byte(optionsRequest(callID)))
		if r := c.response(); statusOf(r) != 200 || !strings.Contains(r, "Call-ID: "+callID+"\r\n") {
			t.Fatalf("after %s: the next OPTIONS was answered with %q", m.file, r)
		}
	}
}

func checkTorture(t *testing.T, response string, want int, why string) {
	t.Helper()
	if got := statusOf(response); got != want {
		t.Fatalf("answered %d, want %d (%s)\n%s", got, want, why, response)
	}
	if want == 0 {
		return
	}
	if !strings.HasSuffix(response, "Content-Length: 0\r\n\r\n") {
		t.Errorf("the response does not end as one does:\n%s", response)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(response, "\r\n\r\n"), "\r\n") {
		name, _, found := strings.Cut(line, ":")
		if strings.ContainsAny(line, "\r\n") || !found && !strings.HasPrefix(line, "SIP/2.0 ") || name == "" {
			t.Errorf("the response holds a line that is none: %q", line)
		}
	}
}

// statusOf is the status of a response; 0 where there is none.
func statusOf(response string) int {
	rest, ok := strings.CutPrefix(response, "SIP/2.0 ")
	if !ok {
		return 0
	}
	code, _, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(code)
	if err != nil {
		return -1
	}
	return n
}

// A response repeats what identifies its request, byte for byte, whatever it looks like.
func TestTortureIsIdentified(t *testing.T) {
	g := startGateway(t, testConfig(), fixedRouter{redirectTo("sip:support@dublin.example.com")}, clock.System{})
	x := &exchange{source: udpPeer, began: g.clock.Now()}
	g.packet(context.Background(), x, tortureMessage(t, tortureDir(t), "valid/intmeth"), false, false)
	for _, want := range []string{
		"Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~;received=192.0.2.7\r\n",
		"To: \"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f\" <sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com>;tag=",
		"Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{\r\n",
		"CSeq: 139122385 !interesting-Method0123456789_*+`.%indeed'~\r\n",
	} {
		if !bytes.Contains(x.out, []byte(want)) {
			t.Errorf("%q is not in\n%s", want, x.out)
		}
	}
}
