package wire

import (
	"testing"

	"github.com/emiago/sipgo/sip"
	"pgregory.net/rapid"
)

// What an independent parser and ours both accept, both read alike. (Where they differ in what they accept, the messages
// of RFC 4475 say who is right.)
func TestReadsAsAnotherParserDoes(t *testing.T) {
	token := rapid.StringMatching(`[a-zA-Z0-9.]{1,12}`)
	rapid.Check(t, func(t *rapid.T) {
		uri := "sip:" + token.Draw(t, "user") + "@" + token.Draw(t, "host")
		from := rapid.SampledFrom([]string{"<" + uri + ">", uri, `"x, y" <` + uri + ">", "x <" + uri + ">"}).Draw(t, "from")
		tag, branch, callID := token.Draw(t, "tag"), token.Draw(t, "branch"), token.Draw(t, "call-id")
		name := rapid.SampledFrom([][4]string{
			{"Via", "From", "Call-ID", "CSeq"}, {"v", "f", "i", "CSEQ"}, {"VIA", "from", "call-id", "Cseq"},
		}).Draw(t, "names")
		data := []byte("OPTIONS " + uri + " SIP/2.0\r\n" +
			name[0] + ": SIP/2.0/UDP " + token.Draw(t, "via") + ";branch=" + branch + "\r\n" +
			name[1] + ": " + from + ";tag=" + tag + "\r\nTo: <" + uri + ">\r\n" +
			name[2] + ": " + callID + "\r\n" + name[3] + ": 7 OPTIONS\r\nContent-Length: 2\r\n\r\nxy")
		theirs, err := sip.ParseMessage(data)
		if err != nil {
			t.Skip("not accepted")
		}
		req, ok := theirs.(*sip.Request)
		if !ok {
			t.Fatal("no request")
		}
		var m Message
		Scan(data, &m)
		if m.Defect != NoDefect || m.Kind != Request {
			t.Fatalf("defect %d in\n%s", m.Defect, data)
		}
		a, _, ok := ParseAddress(m.Value(From))
		if got, _ := Param(a.Params, "tag"); !ok || string(got) != tag {
			t.Fatalf("tag %q", got)
		}
		if theirTag, _ := req.From().Params.Get("tag"); theirTag != tag || string(a.URI) != req.From().Address.String() {
			t.Fatalf("From: theirs %v, ours %q", req.From(), a.URI)
		}
		v, ok := ParseVia(m.Vias[0])
		if !ok || string(v.Branch) != branch || string(v.Host) != req.Via().Host {
			t.Fatalf("Via: theirs %v, ours %+v", req.Via(), v)
		}
		if string(m.Value(CallID)) != req.CallID().Value() || string(m.Body) != string(req.Body()) {
			t.Fatalf("Call-ID %q, body %q", m.Value(CallID), m.Body)
		}
	})
}
