package cli_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

// customerAnswers are what a fake says of who is calling.
type customerAnswers struct {
	identified *entitlementv1.IdentifyCallerResponse
	// pins and phrases are those that were set.
	pins    []*entitlementv1.SetPinRequest
	phrases []*entitlementv1.SetPhraseRequest
}

func (f *fake) SetPhrase(_ context.Context, r *entitlementv1.SetPhraseRequest) (*entitlementv1.SetPhraseResponse, error) {
	f.phrases = append(f.phrases, r)
	return &entitlementv1.SetPhraseResponse{}, f.err
}

func (f *fake) IdentifyCaller(_ context.Context, r *entitlementv1.IdentifyCallerRequest,
) (*entitlementv1.IdentifyCallerResponse, error) {
	f.asked = r
	return f.identified, f.err
}

func (f *fake) SetPin(_ context.Context, r *entitlementv1.SetPinRequest) (*entitlementv1.SetPinResponse, error) {
	f.pins = append(f.pins, r)
	return &entitlementv1.SetPinResponse{}, f.err
}

const twoCandidates = `
candidates { customer: "customers/acme" display_name: "Acme Widgets Pty Ltd" confidence: 1 matched_name: "ACME" has_pin: true
  has_phrase: true locality: "Perth" evidence { kind: EVIDENCE_KIND_NAME matched: "ACME" confidence: 1 }
  evidence { kind: EVIDENCE_KIND_VERIFIED_NUMBER matched: "+61…11" confidence: 0.98 } }
candidates { customer: "customers/acme-tools" display_name: "Acme Tools\x1b[31m" confidence: 0.633 matched_name: "Acme Tools" }
question: "Acme Widgets Pty Ltd in Perth or Acme Tools?"
more: true`

func TestCustomerIdentify(t *testing.T) {
	for _, c := range []struct {
		name   string
		args   []string
		answer string
		asked  proto.Message
	}{
		{
			"customer-identify", []string{"customer", "identify", "acme", "widgets"}, twoCandidates,
			&entitlementv1.IdentifyCallerRequest{Name: "acme widgets"},
		},
		{
			"customer-identify-json", []string{"customer", "identify", "--digits", "2263#", "-o", "json"}, twoCandidates,
			&entitlementv1.IdentifyCallerRequest{Digits: "2263#"},
		},
		{
			"customer-identify-nobody", []string{"customer", "identify", "globex"}, "",
			&entitlementv1.IdentifyCallerRequest{Name: "globex"},
		},
		{
			"customer-identify-certain",
			[]string{
				"customer", "identify", "--number", "030 55500111", "--region", "DE", "--verified", "--email", "ada@acme.example",
				"--external", "crm:4711", "--contract", "C-1", "--language", "de",
			},
			`candidates { customer: "customers/acme" display_name: "Acme GmbH" confidence: 0.98
			  evidence { kind: EVIDENCE_KIND_EXTERNAL_ID matched: "crm: 4711" confidence: 0.98 } } certain: true`,
			&entitlementv1.IdentifyCallerRequest{
				Number: "030 55500111", DefaultRegion: "DE", NumberVerified: true, Email: "ada@acme.example", ContractId: "C-1",
				Language: "de", ExternalIds: []*entitlementv1.ExternalId{{System: "crm", Id: "4711"}},
			},
		},
	} {
		f := &fake{customerAnswers: customerAnswers{identified: text(t, &entitlementv1.IdentifyCallerResponse{}, c.answer)}}
		term := newTerminal(t, f)
		if code := term.run(t.Context(), c.args...); code != 0 || term.err.Len() > 0 {
			t.Errorf("%v: exit code %d, %s", c.args, code, term.err.String())
		}
		golden(t, c.name, term.out.String())
		if !proto.Equal(f.asked, c.asked) {
			t.Errorf("%v: asked %v", c.args, f.asked)
		}
	}
}

func TestHowCustomerCommandsAreUsed(t *testing.T) {
	f := &fake{}
	term := newTerminal(t, f)
	for _, c := range []struct {
		args []string
		want string
	}{
		{
			[]string{"customer", "identify"},
			"error: give a name, --digits, --number, --email, --contract or --external\n",
		},
		{[]string{"customer", "identify", "--external", "4711"}, "error: --external: must be SYSTEM:ID, such as crm:4711\n"},
		{[]string{"customer", "identify", "acme", "--digits", "2263"}, "error: give a name or --digits, and not both\n"},
		{[]string{"customer", "identify", "--digits", "acme"}, "error: --digits: must be digits, * and #\n"},
		{[]string{"customer", "pin", "sites/acme"}, "error: \"sites/acme\" is no customer: give customers/ID, or the ID alone\n"},
		{[]string{"grant", "list", "--customer", "Acme Widgets"}, "error: \"Acme Widgets\" is no customer's ID: that is of a-z"},
		{[]string{"promise", "list", "--customer", "ACME"}, "error: \"ACME\" is no customer's ID: that is of a-z"},
		{[]string{"charge", "list", "--customer", "ACME"}, "error: \"ACME\" is no customer's ID: that is of a-z"},
		{[]string{"calls", "--customer", "ACME"}, "error: \"ACME\" is no customer's ID: that is of a-z"},
		{[]string{"reveals", "ACME"}, "error: \"ACME\" is no customer's ID: that is of a-z"},
		{[]string{"customer", "pin", "acme", "24680"}, "error: wrong number of arguments; usage: dayside customer pin CUSTOMER\n"},
		{[]string{"customer", "pin", "acme", "--stdin", "--remove"}, "error: give --stdin or --remove, not both\n"},
		{[]string{"customer", "pin", "acme"}, "error: standard input is no terminal to ask at: give --stdin to read the PIN from it\n"},
		{[]string{"customer", "find"}, "error: there is no command \"customer find\""},
	} {
		if code := term.run(t.Context(), c.args...); code != 2 || term.out.Len() > 0 || !strings.HasPrefix(term.err.String(), c.want) {
			t.Errorf("%v: exit %d, %s%s", c.args, code, term.out.String(), term.err.String())
		}
	}
	if len(f.pins) > 0 {
		t.Errorf("something was set: %v", f.pins)
	}
}

func TestCustomerPin(t *testing.T) {
	const asked = "PIN of customers/acme: \nThe same again: \n"
	for _, c := range []struct {
		name  string
		args  []string
		typed []string // at the terminal
		in    string
		code  int
		set   []string
		err   string
	}{
		{"asked", nil, []string{"24680", "24680"}, "", 0, []string{"24680"}, asked + "customers/acme has a new PIN\n"},
		{"another one", nil, []string{"24680", "24681"}, "", 1, nil, asked + "error: that was another one; nothing was changed\n"},
		{"nothing", nil, []string{""}, "", 1, nil, "PIN of customers/acme: \nerror: no PIN was given; nothing was changed"},
		{"interrupted", nil, nil, "", 1, nil, "PIN of customers/acme: \nerror: interrupted; nothing was changed\n"},
		{"piped", []string{"--stdin"}, nil, "24680\r\nmore\n", 0, []string{"24680"}, "customers/acme has a new PIN\n"},
		{"piped without a line end", []string{"--stdin"}, nil, "24680", 0, []string{"24680"}, "customers/acme has a new PIN\n"},
		{"nothing piped", []string{"--stdin"}, nil, "", 1, nil, "error: no PIN was given; nothing was changed"},
		{"a file piped", []string{"--stdin"}, nil, strings.Repeat("7", 1000), 1, nil, "error: the first line of standard input is too long"},
		{"removed", []string{"--remove"}, nil, "", 0, []string{""}, "customers/acme has no PIN\n"},
	} {
		f := &fake{}
		term := newTerminal(t, f)
		term.in.Reset(c.in)
		term.env.Interactive = true
		term.env.ReadSecret = func(context.Context) (string, error) {
			if len(c.typed) == 0 {
				return "", errors.New("the terminal is gone")
			}
			line := c.typed[0]
			c.typed = c.typed[1:]
			return line, nil
		}
		code := term.run(t.Context(), append([]string{"customer", "pin", "acme"}, c.args...)...)
		var set []string
		for _, r := range f.pins {
			if r.GetCustomer() != "customers/acme" {
				t.Errorf("%s: %v", c.name, r.GetCustomer())
			}
			set = append(set, r.GetPin())
		}
		if code != c.code || !strings.HasPrefix(term.err.String(), c.err) || !slices.Equal(set, c.set) || term.out.Len() > 0 {
			t.Errorf("%s: exit %d, set %v, %s%s", c.name, code, set, term.out.String(), term.err.String())
		}
		if strings.Contains(term.err.String(), "2468") || strings.Contains(term.err.String(), "777") {
			t.Errorf("%s: shows a PIN: %s", c.name, term.err.String())
		}
	}
}

func TestARefusedPINIsNotShown(t *testing.T) {
	f := &fake{err: refusal(codes.InvalidArgument, "invalid: pin: must not be the same digit again and again", rpcv1.Reason_REASON_INVALID_FIELD)}
	term := newTerminal(t, f)
	term.in.Reset("77777\n")
	if code := term.run(t.Context(), "customer", "pin", "acme", "--stdin"); code != 1 || strings.Contains(term.err.String(), "77777") ||
		!strings.Contains(term.err.String(), "must not be the same digit again and again") {
		t.Errorf("exit %d, %s", code, term.err.String())
	}
}

func TestCustomerPhrase(t *testing.T) {
	const phrase = "The heron sleeps at noon."
	for _, c := range []struct {
		name, in string
		args     []string
		code     int
		set      string
		err      string
	}{
		{"piped", phrase + "\n", []string{"--stdin"}, 0, phrase, "customers/acme has a new phrase\n"},
		{"removed", "", []string{"--remove"}, 0, "", "customers/acme has no phrase\n"},
		{"nothing piped", "", []string{"--stdin"}, 1, "", "error: no phrase was given; nothing was changed"},
		{"a file piped", strings.Repeat(phrase, 100), []string{"--stdin"}, 1, "", "error: the first line of standard input is too long for a phrase"},
		{"no terminal", "", nil, 2, "", "error: standard input is no terminal to ask at: give --stdin to read the phrase from it\n"},
	} {
		f := &fake{}
		term := newTerminal(t, f)
		term.in.Reset(c.in)
		code := term.run(t.Context(), append([]string{"customer", "phrase", "acme"}, c.args...)...)
		if code != c.code || !strings.HasPrefix(term.err.String(), c.err) || strings.Contains(term.err.String(), "heron") {
			t.Errorf("%s: exit %d, %s", c.name, code, term.err.String())
		}
		if set := len(f.phrases) == 1; set != (c.code == 0) || set && (f.phrases[0].GetPhrase() != c.set || f.phrases[0].GetCustomer() != "customers/acme") {
			t.Errorf("%s: set %v", c.name, f.phrases)
		}
	}
}
