package cli

import (
	"bufio"
	"context"
	"crypto/rand"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/manifest"
)

const (
	// maxTalkSteps bounds a call: more than routing gives any.
	maxTalkSteps = 40
	// defaultCan is what a terminal can play.
	defaultCan = "forward,prompt,digits,speech,record,brief"
)

// talkFlags are how somebody plays a call.
type talkFlags struct {
	from, attestation, can, script, id, gateway string
	why                                         bool
}

func newTalk(a *app) *cobra.Command {
	f := &talkFlags{}
	c := &cobra.Command{
		Use: "talk LINE|NUMBER", Short: "Play a call at the terminal: hear what callers hear, press keys, let phones ring",
		Long: "Takes the part of the telephone gateway, and of everybody on the phone: says what a caller would hear, reads\n" +
			"the keys or the words they answer with, and asks how each phone that rings ends. Nobody's phone rings. It is a\n" +
			"real call to the system all the same: it is decided, recorded and reported like any other, and what it brings\n" +
			"up is an alert.\n\n" +
			"A prompt is answered by a line of keys or words; an empty one is silence, ! hangs up. A phone that rings ends as\n" +
			"--script says, or as typed: answered, busy, no-answer, declined, unreachable, not-accepted, gone; one letter is\n" +
			"enough. The last of a script is said again at its end. At the end of the input callers are silent and phones answer.",
		Example: "  dayside talk gold-emergency --from +13035550101\n" +
			"  dayside talk public-support --can prompt,digits,forward --script busy,declined,answered\n" +
			"  printf '1\\n' | dayside talk public-support --script answered --why",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := a.newTalker(f)
			if err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			known, err := a.dialled(cmd.Context(), client, args[0])
			if err != nil {
				return err
			}
			t.client, t.number, t.line = client, known.number, known.name
			return t.play(cmd.Context())
		},
	}
	c.Flags().StringVar(&f.from, "from", "", fromHelp)
	c.Flags().StringVar(&f.attestation, "attestation", "", "how far the caller's number was verified (STIR): A, B or C")
	c.Flags().StringVar(&f.can, "can", defaultCan,
		"what the gateway can: redirect, forward, prompt, digits, speech, record, brief")
	c.Flags().StringVar(&f.script, "script", "", "how the phones that ring end, in order, such as busy,declined,answered")
	c.Flags().StringVar(&f.id, "call-id", "", "the call's id; one of its own where left out")
	c.Flags().StringVar(&f.gateway, "gateway-id", "terminal", "the gateway's name, a slug")
	c.Flags().BoolVar(&f.why, "why", false, "say of each step how it was decided")
	c.ValidArgsFunction = a.linesToComplete
	_ = c.RegisterFlagCompletionFunc("attestation", cobra.FixedCompletions(
		[]string{"A", "B", "C"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// talker is a gateway that a terminal plays, in one call.
type talker struct {
	app    *app
	client *api
	// w takes what people read, in the table format; else it is beside the API's own answers on standard output.
	w     io.Writer
	lines *bufio.Reader
	// ended says that there is no more input.
	ended  bool
	why    bool
	script []routingv1.Disposition

	number, line string
	id           string
	caller       *routingv1.Caller
	gateway      *routingv1.GatewayInfo

	// attempts are all so far.
	attempts []*routingv1.Attempt
}

func (a *app) newTalker(f *talkFlags) (*talker, error) {
	if err := checkCaller(f.from); err != nil {
		return nil, err
	}
	t := &talker{
		app: a, w: a.Out, lines: bufio.NewReader(a.In), why: f.why, id: f.id,
		caller: &routingv1.Caller{Number: callerNumber(f.from)}, gateway: &routingv1.GatewayInfo{GatewayId: f.gateway},
	}
	if a.output != formatTable {
		t.w = a.Err
	}
	if t.id == "" {
		t.id = "talk-" + strings.ToLower(rand.Text())
	}
	var err error
	if f.attestation != "" {
		if t.caller.Attestation, err = attestationOf(f.attestation); err != nil {
			return nil, err
		}
	}
	if t.gateway.Capabilities, err = capabilitiesOf(f.can); err != nil {
		return nil, err
	}
	t.script, err = scriptOf(f.script)
	return t, err
}

func attestationOf(s string) (routingv1.Attestation, error) {
	level, ok := routingv1.Attestation_value["ATTESTATION_"+strings.ToUpper(s)]
	if !ok || level == 0 {
		return 0, usagef("--attestation %q: must be A, B or C", s)
	}
	return routingv1.Attestation(level), nil
}

// talkCapabilities are in the order in which they are told.
var talkCapabilities = []struct {
	word string
	can  routingv1.Capability
}{
	{"redirect", routingv1.Capability_CAPABILITY_REDIRECT}, {"forward", routingv1.Capability_CAPABILITY_FORWARD},
	{"prompt", routingv1.Capability_CAPABILITY_PROMPT}, {"digits", routingv1.Capability_CAPABILITY_GATHER_DIGITS},
	{"speech", routingv1.Capability_CAPABILITY_GATHER_SPEECH}, {"record", routingv1.Capability_CAPABILITY_RECORD},
	{"brief", routingv1.Capability_CAPABILITY_BRIEF},
}

func capabilitiesOf(list string) ([]routingv1.Capability, error) {
	var all []routingv1.Capability
	for one := range strings.SplitSeq(list, ",") {
		one = strings.ToLower(strings.TrimSpace(one))
		i := slices.IndexFunc(talkCapabilities, func(c struct {
			word string
			can  routingv1.Capability
		},
		) bool {
			return c.word == one
		})
		if i < 0 {
			return nil, usagef("--can %q: must be of redirect, forward, prompt, digits, speech, record, brief", one)
		}
		all = append(all, talkCapabilities[i].can)
	}
	return all, nil
}

func (t *talker) can(c routingv1.Capability) bool {
	return slices.Contains(t.gateway.GetCapabilities(), c)
}

// talkDispositions are how a phone that rings can end, and how that is typed.
var talkDispositions = []struct {
	word   string
	letter string
	value  routingv1.Disposition
}{
	{"answered", "a", routingv1.Disposition_DISPOSITION_ANSWERED}, {"busy", "b", routingv1.Disposition_DISPOSITION_BUSY},
	{"no-answer", "n", routingv1.Disposition_DISPOSITION_NO_ANSWER},
	{"declined", "d", routingv1.Disposition_DISPOSITION_DECLINED},
	{"unreachable", "u", routingv1.Disposition_DISPOSITION_UNREACHABLE},
	{"not-accepted", "x", routingv1.Disposition_DISPOSITION_NOT_ACCEPTED},
	{"gone", "g", routingv1.Disposition_DISPOSITION_CALLER_GONE},
}

// dispositionOf reads one, or says that it is none.
func dispositionOf(s string) (routingv1.Disposition, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	for _, d := range talkDispositions {
		if s == d.word || s == d.letter || s == "!" && d.word == "gone" {
			return d.value, true
		}
	}
	return 0, false
}

func talkDisposition(d routingv1.Disposition) string {
	for _, w := range talkDispositions {
		if w.value == d {
			return w.word
		}
	}
	return d.String()
}

func scriptOf(list string) ([]routingv1.Disposition, error) {
	if list == "" {
		return nil, nil
	}
	var all []routingv1.Disposition
	for one := range strings.SplitSeq(list, ",") {
		d, ok := dispositionOf(one)
		if !ok {
			return nil, usagef("--script %q: must be of answered, busy, no-answer, declined, unreachable, not-accepted, gone", one)
		}
		all = append(all, d)
	}
	return all, nil
}

// play goes through the call, from its first step to its end.
func (t *talker) play(ctx context.Context) error {
	began := t.app.Now()
	from := "a withheld number"
	if n := t.caller.GetNumber(); n != "" {
		from = manifest.Mask(n)
	}
	linef(t.w, "Call %s to %s from %s", t.id, t.line, from)
	r, err := ask(ctx, t.app, func(ctx context.Context) (*routingv1.RouteCallResponse, error) {
		return t.client.routing.RouteCall(ctx, &routingv1.RouteCallRequest{
			CallId: t.id, DialledNumber: t.number, Caller: t.caller, Gateway: t.gateway,
		})
	})
	if err != nil {
		return err
	}
	route := r.GetRoute()
	for range maxTalkSteps {
		told, err := t.carryOut(ctx, route)
		if err != nil {
			return err
		}
		if told.over || len(route.GetContinuation()) == 0 {
			return t.report(ctx, route, began, told)
		}
		next := &routingv1.ContinueCallRequest{
			CallId: t.id, Continuation: route.GetContinuation(), Gateway: t.gateway, DialledNumber: t.number, Caller: t.caller,
			Attempts: told.attempts, Input: told.input, Recording: told.recording,
		}
		r, err := ask(ctx, t.app, func(ctx context.Context) (*routingv1.ContinueCallResponse, error) {
			return t.client.routing.ContinueCall(ctx, next)
		})
		if err != nil {
			return err
		}
		if r.GetDurability() == routingv1.Durability_DURABILITY_SPOOLED {
			linef(t.w, "  The message is on the disk of the process that answered, alone, until etcd takes it.")
		}
		route = r.GetRoute()
	}
	return &failure{message: "the call has had more steps than any call should have"}
}

// keysOnly is what a keypad can say.
var keysOnly = regexp.MustCompile(`^[0-9*#]+$`)
