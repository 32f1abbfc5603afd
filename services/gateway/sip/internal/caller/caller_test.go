package caller

import (
	"testing"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/gateway/sip/internal/wire"
)

const (
	none = routingv1.Attestation_ATTESTATION_UNSPECIFIED
	a    = routingv1.Attestation_ATTESTATION_A
	b    = routingv1.Attestation_ATTESTATION_B
	c    = routingv1.Attestation_ATTESTATION_C
)

// The trust rule: which field names the caller, and what is believed, of a trusted peer and of a stranger.
func TestRead(t *testing.T) {
	const (
		from      = "From: <sip:+13035550111@example.com>;tag=1\r\n"
		anonymous = "From: \"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1\r\n"
		pai       = "P-Asserted-Identity: \"A\" <sip:+13035550122@carrier.example.com;user=phone>\r\n"
		div       = "Diversion: <sip:+13035550133@pbx.example.com>;reason=unconditional\r\n" +
			"Diversion: <sip:+13035550144@pbx.example.com>\r\n"
		passed = "P-Asserted-Identity: <sip:+13035550122;verstat=TN-Validation-Passed@carrier.example.com>\r\n"
	)
	usual := []Source{PAssertedIdentity, From}
	for _, tc := range []struct {
		name     string
		fields   string
		order    []Source
		trusted  string
		att      routingv1.Attestation
		stranger string
	}{
		{"From alone", from, usual, "+13035550111", none, "+13035550111"},
		{"asserted goes before From, of trusted peers only", from + pai, usual, "+13035550122", none, "+13035550111"},
		{"the order is the configuration's", from + pai, []Source{From, PAssertedIdentity}, "+13035550111", none,
			"+13035550111"},
		{"asserted only", from + pai, []Source{PAssertedIdentity}, "+13035550122", none, ""},
		{"a field that is not listed is not read", from + div, usual, "+13035550111", none, "+13035550111"},
		{"the most recent diversion", from + div, []Source{PAssertedIdentity, Diversion, From}, "+13035550133", none,
			"+13035550111"},
		{"withheld", anonymous, usual, "", none, ""},
		{"withheld from the callee, asserted by the network", anonymous + pai, usual, "+13035550122", none, ""},
		{"a name is no number", "From: <sip:alice@example.com>\r\n", usual, "", none, ""},
		{"a short code is no number", "From: <sip:911@example.com>\r\n", usual, "", none, ""},
		{"the next source is read where one has no number", from + "P-Asserted-Identity: <sip:alice@x.example.com>\r\n", usual,
			"+13035550111", none, "+13035550111"},
		{"a sip and a tel URI", from + "P-Asserted-Identity: <sip:alice@x.example.com>, <tel:+1-303-555-0155>\r\n", usual,
			"+13035550155", none, "+13035550111"},
		{"escaped, with a prefix", "From: <sip:%30%301303%35550166@example.com>\r\n", usual, "+13035550166", none,
			"+13035550166"},
		{"a broken field is passed over", from + "P-Asserted-Identity: \"x <sip:+13035550122@y>\r\n", usual,
			"+13035550111", none, "+13035550111"},
		{"verified", from + passed, usual, "+13035550122", a, "+13035550111"},
		{"verified, in From", "From: <sip:+13035550111@example.com>;verstat=TN-Validation-Passed\r\n", usual,
			"+13035550111", a, "+13035550111"},
		{"verified at level B", from + "P-Asserted-Identity: <tel:+13035550122;verstat=TN-Validation-Passed-B>\r\n", usual,
			"+13035550122", b, "+13035550111"},
		{"the level in a field of its own", from + passed + "P-Attestation-Indicator: C\r\n", usual, "+13035550122", c,
			"+13035550111"},
		{"another name for it", from + pai + "Attestation-Info: B\r\n", usual, "+13035550122", b, "+13035550111"},
		{"a level that nobody knows", from + passed + "P-Attestation-Indicator: Z\r\n", usual, "+13035550122", none,
			"+13035550111"},
		{"failed, whatever the level", from + "P-Asserted-Identity: <tel:+13035550122;verstat=TN-Validation-Failed>\r\n" +
			"P-Attestation-Indicator: A\r\n", usual, "+13035550122", none, "+13035550111"},
		{"not verified", from + "P-Asserted-Identity: <tel:+13035550122;verstat=No-TN-Validation>\r\n", usual,
			"+13035550122", none, "+13035550111"},
		{"something else that begins alike", from +
			"P-Asserted-Identity: <tel:+13035550122;verstat=TN-Validation-Passedish>\r\n", usual, "+13035550122", none,
			"+13035550111"},
		{"whoever diverted is not attested", from + div + "P-Attestation-Indicator: A\r\n",
			[]Source{Diversion}, "+13035550133", none, ""},
		{"the network attests From", from + "P-Attestation-Indicator: A\r\n", usual, "+13035550111", a, "+13035550111"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var m wire.Message
			wire.Scan([]byte("INVITE sip:x@y SIP/2.0\r\n"+tc.fields+"\r\n"), &m)
			fromField, _, _ := wire.ParseAddress(m.Value(wire.From))
			got := Read(&m, fromField, tc.order, true)
			if string(got.Append(nil)) != tc.trusted || got.Attestation != tc.att {
				t.Errorf("of a trusted peer: %s %s", got.Append(nil), got.Attestation)
			}
			got = Read(&m, fromField, tc.order, false)
			if string(got.Append(nil)) != tc.stranger || got.Attestation != none {
				t.Errorf("of a stranger: %s %s", got.Append(nil), got.Attestation)
			}
		})
	}
}

func TestParseSource(t *testing.T) {
	for name, want := range map[string]Source{
		"from": From, "P-Asserted-Identity": PAssertedIdentity, "DIVERSION": Diversion,
	} {
		if got, err := ParseSource(name); err != nil || got != want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if _, err := ParseSource("Remote-Party-ID"); err == nil {
		t.Error("Remote-Party-ID is taken")
	}
}
