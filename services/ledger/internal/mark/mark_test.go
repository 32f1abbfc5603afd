package mark_test

import (
	"math"
	"testing"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/ledger/internal/mark"
)

func TestTokensAreReadBack(t *testing.T) {
	for _, m := range []mark.Mark{{}, {1, 2}, {-5, 1}, {math.MaxInt64, math.MaxInt64}, {math.MinInt64, 0}} {
		got, err := mark.Read(m.Token("calls"), "calls")
		if err != nil || got != m {
			t.Errorf("%v: %v, %v", m, got, err)
		}
		if _, err := mark.Read(m.Token("calls"), "audit"); m != (mark.Mark{}) && err == nil {
			t.Errorf("%v opens another list", m)
		}
	}
}

// FuzzRead: whatever is handed in for a token is refused, or is a place in the list.
func FuzzRead(f *testing.F) {
	for _, token := range []string{"", "x", "Y2FsbHMv", "YXVkaXQvMS8x", mark.Mark{UnixUS: 3, N: 4}.Token("calls")} {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		m, err := mark.Read(token, "calls")
		if err != nil && fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
			t.Fatal(err)
		}
		if again, err := mark.Read(m.Token("calls"), "calls"); err != nil || again != m {
			t.Fatalf("%v is read back as %v (%v)", m, again, err)
		}
	})
}
