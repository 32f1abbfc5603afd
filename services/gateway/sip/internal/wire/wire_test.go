package wire

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	for _, c := range []struct {
		in, uri, params, rest string
		ok                    bool
	}{
		{`<sip:a@b>`, "sip:a@b", "", "", true},
		{`"Bell, Alexander" <sip:a@b;x=y>;tag=1`, "sip:a@b;x=y", ";tag=1", "", true},
		{`caller<sip:a@b>`, "sip:a@b", "", "", true},
		{`A. Bell <sip:a@b>`, "sip:a@b", "", "", true},
		{`Zoë <sip:a@b>`, "sip:a@b", "", "", true},
		{`"J \\\"" <sip:a@b> ;` + "\r\n" + `  tag = 98asjd8`, "sip:a@b", " ;\r\n  tag = 98asjd8", "", true},
		{`sip:a@b ;   tag    = 1918181833n`, "sip:a@b", ";   tag    = 1918181833n", "", true},
		{`tel:+13035550123`, "tel:+13035550123", "", "", true},
		{`<sip:a@b>, <tel:+1>`, "sip:a@b", "", " <tel:+1>", true},
		{`sip:a@b,sip:c@d`, "sip:a@b", "", "sip:c@d", true},
		{`<http://www.example.com>;tag=3234233`, "http://www.example.com", ";tag=3234233", "", true},
		{`<sip:a@b>;x="a;b,c>";tag=1`, "sip:a@b", `;x="a;b,c>";tag=1`, "", true},
		{in: ``}, {in: `<>`}, {in: `alan@jasomi.com`}, {in: `< sip:a@b >`}, {in: `"a <sip:a@b>`}, {in: `"a" sip:a@b`},
		{in: `Bell, Alexander <sip:a@b>`}, {in: `<sip:a@b`}, {in: `<sip:a@b>x`}, {in: `<sip:a@b>;`}, {in: `<sip:a@b>;=x`},
		{in: `<sip:a@b>;x=`}, {in: `<sip:a@b>;x="y`}, {in: `sip:a@b?x=y`}, {in: `sip:a b`}, {in: `<sip:>`},
	} {
		a, rest, ok := ParseAddress([]byte(c.in))
		if ok != c.ok || string(a.URI) != c.uri || string(a.Params) != c.params || string(rest) != c.rest {
			t.Errorf("%q: URI %q, params %q, rest %q, %v", c.in, a.URI, a.Params, rest, ok)
		}
	}
}

func TestParam(t *testing.T) {
	params := []byte(`;A=1 ; b ; c = "x;tag=2" ;tag = 3`)
	for name, want := range map[string]string{"a": "1", "b": "", "c": `"x;tag=2"`, "tag": "3"} {
		if v, found := Param(params, name); !found || string(v) != want {
			t.Errorf("%s: %q, %v", name, v, found)
		}
	}
	if _, found := Param(params, "x"); found {
		t.Error("x is found within quotes")
	}
}

func TestParseURI(t *testing.T) {
	for _, c := range []struct {
		in, user, userParams, host, params string
		headers, ok                        bool
	}{
		{in: "sip:a@b", user: "a", host: "b", ok: true},
		{in: "SIP:+61255501234:pw@b:5060;user=phone?x=y", user: "+61255501234", host: "b:5060", params: ";user=phone",
			headers: true, ok: true},
		{in: "sips:user;par=u%40example.net@example.com", user: "user", userParams: ";par=u%40example.net",
			host: "example.com", ok: true},
		{in: "sip:b", host: "b", ok: true},
		{in: "sip:b;lr", host: "b", params: ";lr", ok: true},
		{in: "sip:a@[2001:db8::1]:5060", user: "a", host: "[2001:db8::1]:5060", ok: true},
		{in: "tel:+1-303;phone-context=x", user: "+1-303", userParams: ";phone-context=x", ok: true},
		{in: "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
			user: "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/", userParams: ";;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)",
			host: "example.com", ok: true},
		{in: "a@b"}, {in: "http://b"}, {in: "sip:"}, {in: "sip:@b"}, {in: "sip:a@"}, {in: "sip:a@b@c"}, {in: "sip:a@b:0"},
		{in: "sip:a@b:65536"}, {in: "sip:a@b:x"}, {in: "sip:a@[::1"}, {in: "sip:a@[x]"}, {in: "sip:a@b c"},
		{in: "<sip:a@b>"}, {in: "tel:"}, {in: "5ip:a@b"}, {in: ""}, {in: ":"},
	} {
		u, ok := ParseURI([]byte(c.in))
		if !ok {
			u = URI{}
		}
		if ok != c.ok || string(u.User) != c.user || string(u.UserParams) != c.userParams || string(u.Host) != c.host ||
			string(u.Params) != c.params || u.Headers != c.headers {
			t.Errorf("%q: %q %q %q %q %v %v", c.in, u.User, u.UserParams, u.Host, u.Params, u.Headers, ok)
		}
	}
}

func TestParseVia(t *testing.T) {
	source := netip.MustParseAddrPort("[2001:db8::7]:5066")
	for _, c := range []struct {
		in, host, branch, received string
		port                       int
		rport, ok                  bool
	}{
		{in: "SIP/2.0/UDP a.example.com:5070;branch=z9;rport", host: "a.example.com", port: 5070, branch: "z9", rport: true,
			ok: true, received: "SIP/2.0/UDP a.example.com:5070;branch=z9;received=2001:db8::7;rport=5066"},
		{in: "SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw", host: "192.0.2.2", branch: "390skdjuw", ok: true,
			received: "SIP  /   2.0   /UDP      192.0.2.2;branch=390skdjuw;received=2001:db8::7"},
		{in: "SIP/2.0/TCP [2001:db8::7]:5060;branch=z9", host: "[2001:db8::7]", port: 5060, branch: "z9", ok: true,
			received: "SIP/2.0/TCP [2001:db8::7]:5060;branch=z9"},
		{in: "SIP/2.0/UDP a , SIP/2.0/UDP b;branch=2", host: "a", ok: true,
			received: "SIP/2.0/UDP a;received=2001:db8::7, SIP/2.0/UDP b;branch=2"},
		{in: "SIP/2.0/UDP a;branch=1;received=9.9.9.9;rport=1;ttl=2", host: "a", branch: "1", rport: true, ok: true,
			received: "SIP/2.0/UDP a;branch=1;ttl=2;received=2001:db8::7;rport=5066"},
		{in: ""}, {in: "SIP/2.0"}, {in: "SIP/2.0/UDP"}, {in: "SIP/2.0/UDP "}, {in: "SIP/7.0/UDP a"}, {in: "HTTP/2.0/UDP a"},
		{in: "SIP/2.0/UDP 192.0.2.15;;,;,,"}, {in: "SIP/2.0/UDP a b"}, {in: "SIP/2.0/UDP a:x"}, {in: "SIP/2.0/UDP ;branch=1"},
	} {
		v, ok := ParseVia([]byte(c.in))
		if ok != c.ok {
			t.Errorf("%q: %v", c.in, ok)
			continue
		}
		if !ok {
			continue
		}
		if string(v.Host) != c.host || v.Port != c.port || string(v.Branch) != c.branch || v.RPort != c.rport {
			t.Errorf("%q: %+v", c.in, v)
		}
		if got := string(v.AppendReceived(nil, []byte(c.in), source)); got != c.received {
			t.Errorf("%q:\n got %q\nwant %q", c.in, got, c.received)
		}
	}
}

func TestAppendUnescaped(t *testing.T) {
	for in, want := range map[string]string{"%2b61": "+61", "a%": "a%", "%4": "%4", "%zz": "%zz", "%00": "\x00", "": ""} {
		if got := string(AppendUnescaped(nil, []byte(in))); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestResync(t *testing.T) {
	for in, want := range map[string]struct {
		skip  int
		found bool
	}{
		"":                                  {0, false},
		"noise":                             {0, false},
		"noise\r\nINVITE":                   {7, false},
		"noise\r\nINVITE sip:a SIP/2.0\r\n": {7, true},
		"x\nSIP/2.0 200 OK\r\n":             {2, true},
		"INVITE sip:a SIP/2.0\r\n":          {0, true},
		"m=audio 1 RTP/AVP 0\r\n":           {21, false},
	} {
		if skip, found := Resync([]byte(in)); skip != want.skip || found != want.found {
			t.Errorf("%q: %d, %v", in, skip, found)
		}
	}
}

// FuzzScan: no bytes break the scanner, and whatever it finds lies within them.
func FuzzScan(f *testing.F) {
	for _, s := range []string{
		"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP c;branch=1\r\nTo :\r\n sip:a@b ; tag = 1\r\n\r\nbody",
		"SIP/2.0 200 OK\r\n\r\n", "\r\n\r\n", "INVITE", "A B C\r\n:\r\n", "\x00\xff",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		var m Message
		Scan(data, &m)
		for _, values := range [][][]byte{m.Vias, m.Requires, m.Asserted, m.Diversions} {
			for _, v := range values {
				if !bytes.Contains(data, v) {
					t.Fatalf("%q is not in the message", v)
				}
				if via, ok := ParseVia(v); ok {
					if via.Length > len(v) {
						t.Fatalf("%q: length %d", v, via.Length)
					}
					noLineEnd(t, via.AppendReceived(nil, v, netip.AddrPort{}))
				}
				_, _, _ = ParseAddress(v)
			}
		}
		for f := From; f < singles; f++ {
			v := m.Value(f)
			noLineEnd(t, AppendUnfolded(nil, v))
			if a, _, ok := ParseAddress(v); ok {
				_, _ = Param(a.Params, "tag")
				_, _ = ParseURI(a.URI)
			}
			_, _, _ = ParseCSeq(v)
		}
		_, _ = ParseURI(m.URI)
		if m.HeaderBytes > len(data) || m.HeaderBytes+len(m.Body) > len(data) {
			t.Fatalf("head %d and body %d of %d bytes", m.HeaderBytes, len(m.Body), len(data))
		}
		if !bytes.Equal(before, data) {
			t.Fatal("the message was written to")
		}
	})
}

func noLineEnd(t *testing.T, b []byte) {
	t.Helper()
	if bytes.ContainsAny(b, "\r\n") {
		t.Fatalf("%q holds a line end", b)
	}
}

// FuzzFrame: framing always goes on: it takes something, or more bytes help.
func FuzzFrame(f *testing.F) {
	f.Add([]byte("INVITE sip:a@b SIP/2.0\r\nl: 3\r\n\r\nabcOPTIONS sip:a@b SIP/2.0\r\nl: 0\r\n\r\n"))
	f.Add([]byte("INVITE sip:a@b SIP/2.0\r\nl: 3\r\nl: 4\r\n\r\nabc\r\nx y SIP/2.0\r\n"))
	f.Add([]byte(strings.Repeat("x", 300)))
	f.Fuzz(func(t *testing.T, data []byte) {
		const maxBytes = 256
		var m Message
		kind, n, skip := Frame(data, maxBytes, &m)
		switch {
		case kind == More && (n != 0 || len(data) >= maxBytes && bytes.IndexByte(data, '\n') < 0):
			t.Fatalf("more than %d bytes, and %d", len(data), n)
		case kind != More && (n <= 0 || n > len(data) || n > maxBytes && kind == Whole):
			t.Fatalf("kind %d of %d bytes takes %d", kind, len(data), n)
		case skip > 0 && kind != Oversized:
			t.Fatalf("kind %d skips %d", kind, skip)
		}
		if skip, found := Resync(data); skip > len(data) || found && skip == len(data) {
			t.Fatalf("resync skips %d of %d", skip, len(data))
		}
	})
}
