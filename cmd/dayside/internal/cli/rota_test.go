package cli_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// rotaAnswers are what a fake says of a rota.
type rotaAnswers struct {
	duty *schedulev1.QueryDutyResponse
	swap *schedulev1.Swap
}

// someDuty is across the change of the clock of March 2027.
const someDuty = `
rota: "rotas/nights" time_zone: "Europe/Dublin" tzdata_release: "2025c"
interval { start_time { seconds: 1805803200 } end_time { seconds: 1807012800 } }
turns {
  interval { start_time { seconds: 1805803200 } end_time { seconds: 1806404400 } } person: "people/anna"
  reason: DUTY_REASON_OWN_TURN sentence: "layers[0]: anna's turn"
}
turns {
  interval { start_time { seconds: 1806404400 } end_time { seconds: 1806408000 } }
  instead_of: "people/bob" reason: DUTY_REASON_REMOVED sentence: "overrides[0] \"test\" removes bob"
}
turns {
  interval { start_time { seconds: 1806408000 } end_time { seconds: 1807012800 } } person: "people/bob"
  reason: DUTY_REASON_OWN_TURN sentence: "layers[0]: bob's turn"
}
shares { person: "people/anna" held { seconds: 601200 } night { seconds: 198000 } nights: 7 weekend { seconds: 169200 } }
shares { person: "people/bob" held { seconds: 604800 } night { seconds: 201600 } nights: 7 weekend { seconds: 172800 } }
clashes {
  interval { start_time { seconds: 1806408000 } end_time { seconds: 1806411600 } } person: "people/bob"
  sentence: "overrides[1] puts bob in for anna"
}
unreachable: "people/bob"`

const someSwap = `
name: "rotas/nights/swaps/3c9f" asked_by: "people/anna" asked: "people/bob" state: STATE_ASKED note: "concert"
given { start_time { seconds: 1805803200 } end_time { seconds: 1806404400 } }
taken { start_time { seconds: 1806404400 } end_time { seconds: 1807009200 } }`

func (f *fake) QueryDuty(_ context.Context, r *schedulev1.QueryDutyRequest) (*schedulev1.QueryDutyResponse, error) {
	f.asked = r
	return f.duty, f.err
}

func (f *fake) AskSwap(_ context.Context, r *schedulev1.AskSwapRequest) (*schedulev1.Swap, error) {
	f.asked = r
	return f.swap, f.err
}

func (f *fake) AnswerSwap(_ context.Context, r *schedulev1.AnswerSwapRequest) (*schedulev1.Swap, error) {
	f.asked = r
	return f.swap, f.err
}

func (f *fake) ListSwaps(_ context.Context, r *schedulev1.ListSwapsRequest) (*schedulev1.ListSwapsResponse, error) {
	f.asked = r
	return &schedulev1.ListSwapsResponse{Swaps: []*schedulev1.Swap{f.swap}}, f.err
}

func (f *fake) UpdatePerson(_ context.Context, r *schedulev1.UpdatePersonRequest) (*schedulev1.Person, error) {
	f.asked = r
	return r.GetPerson(), f.err
}

func newRotaFake(t *testing.T) *fake {
	t.Helper()
	f := newDutyFake(t)
	f.duty = text(t, &schedulev1.QueryDutyResponse{}, someDuty)
	f.swap = text(t, &schedulev1.Swap{}, someSwap)
	return f
}

// TestRotaAnswersForPeople: commands that ask a server, and the preview, which needs none.
func TestRotaAnswersForPeople(t *testing.T) {
	for name, args := range map[string][]string{
		"rota-help":           {"rota"},
		"rota-show":           {"rota", "show", "nights"},
		"rota-show-json":      {"rota", "show", "nights", "-o", "json"},
		"rota-who":            {"rota", "who"},
		"rota-preview-shares": {"rota", "preview", "-f", dutyFile, "--from", "2026-12-21", "--days", "14", "--shares"},
		"rota-preview-lone":   {"rota", "preview", "-f", "testdata/rota-lone.yaml", "--from", "2027-03-22", "--weeks", "2"},
		"rota-swap-ask":       {"rota", "swap", "ask", "nights", "--from", "anna", "--to", "bob", "--give", "2027-03-23", "--take", "2027-03-30"},
		"rota-swap-accept":    {"rota", "swap", "accept", "nights/3c9f", "--as", "bob"},
		"rota-swap-list":      {"rota", "swap", "list", "nights"},
		"rota-away":           {"rota", "away", "anna", "--from", "2027-07-01", "--to", "2027-07-14", "--reason", "leave", "--dry-run"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newRotaFake(t)
			term := newTerminal(t, f)
			if code := term.run(t.Context(), args...); code != 0 {
				t.Fatalf("exit %d, %s", code, term.err.String())
			}
			golden(t, name, term.err.String()+term.out.String())
			if strings.HasPrefix(name, "rota-preview") && f.asked != nil {
				t.Errorf("asked a server for %v", f.asked)
			}
		})
	}
}

// TestRotaAsks: what flags say is what the server is asked; times are the rota's, in Dublin's summer an hour before UTC.
func TestRotaAsks(t *testing.T) {
	for _, c := range []struct {
		args string
		want proto.Message
	}{
		{"rota show rotas/nights --from 2027-03-29 --days 1", text(t, &schedulev1.QueryDutyRequest{}, `rota: "rotas/nights"
			interval { start_time { seconds: 1806274800 } end_time { seconds: 1806361200 } }`)},
		{"rota swap ask nights --from people/anna --to bob --give 2027-03-29T09:00 --give-until 2027-03-29T10:00 --note concert",
			text(t, &schedulev1.AskSwapRequest{}, `rota: "rotas/nights" asked_by: "people/anna" asked: "people/bob" note: "concert"
				given { start_time { seconds: 1806307200 } end_time { seconds: 1806310800 } }`)},
		{"rota swap ask nights --from anna --to bob --give 2027-03-29T09:00 --take 2027-03-30T09:00Z",
			nil}, // no time
		{"rota swap decline rotas/nights/swaps/3c9f --as people/bob", text(t, &schedulev1.AnswerSwapRequest{},
			`name: "rotas/nights/swaps/3c9f" person: "people/bob" answer: ANSWER_DECLINE`)},
		{"rota swap withdraw nights/3c9f --as anna", text(t, &schedulev1.AnswerSwapRequest{},
			`name: "rotas/nights/swaps/3c9f" person: "people/anna" answer: ANSWER_WITHDRAW`)},
		{"rota away bob --from 2027-07-01 --allow-gap", text(t, &schedulev1.UpdatePersonRequest{}, `
			person { name: "people/bob" display_name: "Bob"
				absences { first_date { year: 2027 month: 7 day: 1 } origin: "dayside rota away" } }
			update_mask { paths: "absences" } allow_gap: true`)},
	} {
		f := newRotaFake(t)
		term := newTerminal(t, f)
		code := term.run(t.Context(), strings.Fields(c.args)...)
		if c.want == nil {
			if code != 2 {
				t.Errorf("%s: exit %d", c.args, code)
			}
			continue
		}
		if code != 0 || !proto.Equal(f.asked, c.want) {
			t.Errorf("%s: exit %d, %s, asked %v\nwant %v", c.args, code, term.err.String(), f.asked, c.want)
		}
	}
}

// TestRotaMistakes: what is not understood is said, and what a server refuses is told.
func TestRotaMistakes(t *testing.T) {
	for args, want := range map[string]string{
		"rota shwo":                   `did you mean show`,
		"rota show":                   "usage: dayside rota show ROTA",
		"rota show sites/dublin":      "is no rota",
		"rota show nights --days 401": "must be 1 to 400",
		"rota preview":                "-f is required",
		"rota preview -f testdata/duty.yaml --days 1 --weeks 1": "only one of them",
		"rota swap ask nights --from anna":                      "--from, --to and --give are required",
		"rota swap accept 3c9f --as bob":                        "is no swap",
		"rota swap accept nights/3c9f":                          "--as is required",
		"rota away anna --from tomorrow":                        "must be a date",
		"rota away anna":                                        "must be a date",
	} {
		term := newTerminal(t, newRotaFake(t))
		if code := term.run(t.Context(), strings.Fields(args)...); code != 2 || !strings.Contains(term.err.String(), want) {
			t.Errorf("%s: exit %d, %s", args, code, term.err.String())
		}
	}
	f := newRotaFake(t)
	f.err = refusal(codes.FailedPrecondition, "nights/3c9f is expired, not open any more", rpcv1.Reason_REASON_WRONG_STATE)
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "rota", "swap", "accept", "nights/3c9f", "--as", "bob"); code != 1 ||
		!strings.Contains(term.err.String(), "is expired") {
		t.Errorf("exit %d, %s", code, term.err.String())
	}
	term = newTerminal(t, newRotaFake(t))
	if code := term.run(t.Context(), "rota", "preview", "-f", "testdata/rota-broken.yaml"); code != 1 {
		t.Errorf("a broken rota: exit %d", code)
	}
	golden(t, "rota-preview-broken", term.err.String())
}
