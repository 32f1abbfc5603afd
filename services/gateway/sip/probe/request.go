package probe

import (
	"fmt"
	"strconv"
	"strings"
)

// sdp offers audio that never flows: a call that is answered is hung up.
const sdp = "v=0\r\no=probe 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n" +
	"m=audio 9 RTP/AVP 0 8\r\na=inactive\r\n"

func (p *call) invite() string {
	to := "<" + p.uri() + ">"
	return p.request("INVITE", 1, p.branch, to, sdp)
}

// uri is what is rung (RFC 3261, 19.1.1).
func (p *call) uri() string { return "sip:" + p.Dialled + "@" + p.Gateway + ";user=phone" }

// request is a request of this call. to is the To field, with the tag of whoever answered.
func (p *call) request(method string, cseq int, branch, to, body string) string {
	local := p.nc.LocalAddr().String()
	from := `"Anonymous" <sip:anonymous@anonymous.invalid>`
	if p.Caller != "" {
		from = "<sip:" + p.Caller + "@" + local + ";user=phone>"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s SIP/2.0\r\n", method, p.uri())
	fmt.Fprintf(&b, "Via: SIP/2.0/%s %s;branch=%s;rport\r\n", strings.ToUpper(p.Network), local, branch)
	fmt.Fprintf(&b, "Max-Forwards: 70\r\nFrom: %s;tag=%s\r\nTo: %s\r\n", from, p.tag, to)
	fmt.Fprintf(&b, "Call-ID: %s\r\nCSeq: %d %s\r\n", p.result.CallID, cseq, method)
	if method == "INVITE" {
		fmt.Fprintf(&b, "Contact: <sip:probe@%s;transport=%s>\r\n", local, p.Network)
		b.WriteString("Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\n")
		if p.Caller == "" {
			b.WriteString("Privacy: id\r\n")
		}
	}
	b.WriteString("User-Agent: dayside-probe\r\n")
	if body != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	b.WriteString("Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
	return b.String()
}
