package target_test

import (
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/type/phone_number"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/target"
)

func uri(s string) *schedulev1.Target {
	return &schedulev1.Target{Address: &schedulev1.Target_SipUri{SipUri: s}}
}

func number(s, extension string) *schedulev1.Target {
	return &schedulev1.Target{Address: &schedulev1.Target_PhoneNumber{PhoneNumber: &phone_number.PhoneNumber{
		Kind: &phone_number.PhoneNumber_E164Number{E164Number: s}, Extension: extension,
	}}}
}

func TestSIPURIs(t *testing.T) {
	for _, ok := range []string{
		"sip:support@dublin.example.com",
		"sips:support@dublin.example.com:5061",
		"sip:dublin.example.com",
		"sip:+61255501000@192.0.2.7:5060;user=phone",
		"sip:queue%2347@[2001:db8::7]:5060;transport=tcp;lr",
		"sip:a/b;c=d@example.com.",
		"sip:sip-1.eu-west-1.example",
	} {
		if v, fine := target.Broken("targets[0]", uri(ok)); !fine {
			t.Errorf("%s is refused: %v", ok, v)
		}
	}
	for bad, rule := range map[string]string{
		"":                                               "beginning with",
		"support@dublin.example.com":                     "beginning with",
		"tel:+61255501000":                               "beginning with",
		"SIP:support@example.com":                        "beginning with",
		"https://example.com":                            "beginning with",
		"sip:":                                           "host",
		"sip:@example.com":                               "user part",
		"sip:a b@example.com":                            "user part",
		"sip:a%0d%0aVia@example.com":                     "user part",
		"sip:a%2@example.com":                            "user part",
		"sip:\"x\"@example.com":                          "user part",
		"sip:a<b>@example.com":                           "user part",
		"sip:a?b@example.com":                            "user part",
		"sip:ünï@example.com":                            "user part",
		"sip:me:secret@example.com":                      "password",
		"sip:a@example.com?Subject=x":                    "headers",
		"sip:a@exa mple.com":                             "host",
		"sip:a@-example.com":                             "host",
		"sip:a@example..com":                             "host",
		"sip:a@1.2.3":                                    "host",
		"sip:a@1.2.3.256":                                "host",
		"sip:a@2001:db8::7":                              "host",
		"sip:a@[192.0.2.7]":                              "IPv6",
		"sip:a@[2001:db8::7":                             "host",
		"sip:a@[fe80::1%25eth0]":                         "IPv6",
		"sip:a@example.com:0":                            "port",
		"sip:a@example.com:65536":                        "port",
		"sip:a@example.com:":                             "port",
		"sip:a@example.com;":                             "parameters",
		"sip:a@example.com;x=":                           "parameters",
		"sip:a@example.com;x=\"y\"":                      "parameters",
		"sip:a@example.com;x=>":                          "parameters",
		"sip:a@example.com\r\nX: y":                      "port",
		"sip:" + strings.Repeat("a", 252) + "@b.example": "255",
	} {
		v, fine := target.Broken("targets[0]", uri(bad))
		if fine || v.Field != "targets[0].sip_uri" || v.Value != bad || !strings.Contains(v.Rule, rule) {
			t.Errorf("%q: %+v, want a rule about %s", bad, v, rule)
		}
	}
}

func TestNumbers(t *testing.T) {
	if v, fine := target.Broken("targets[0]", number("+61255501000", "")); !fine {
		t.Errorf("refused: %v", v)
	}
	for _, bad := range []*schedulev1.Target{
		number("61255501000", ""), number("+0255501000", ""), number("+612", ""), number("+61 2 5550 1000", ""),
		number("+61255501000", "7"), number("", ""),
	} {
		if v, fine := target.Broken("targets[1]", bad); fine || v.Field != "targets[1].phone_number" {
			t.Errorf("%v: %+v", bad, v)
		}
	}
	for _, none := range []*schedulev1.Target{nil, {}} {
		if v, fine := target.Broken("targets[1]", none); fine || v.Field != "targets[1]" {
			t.Errorf("%v: %+v", none, v)
		}
	}
}

// FuzzSIPURI: what is accepted fits between the angle brackets of a Contact header, on one line.
func FuzzSIPURI(f *testing.F) {
	for _, s := range []string{"sip:support@dublin.example.com", "sips:a%2Fb@[2001:db8::7]:5061;lr", "sip:a@b;c=d", "tel:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if _, fine := target.Broken("f", uri(s)); !fine {
			return
		}
		if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) || strings.ContainsAny(s, `<>"\?`) {
			t.Fatalf("accepted %q", s)
		}
	})
}
