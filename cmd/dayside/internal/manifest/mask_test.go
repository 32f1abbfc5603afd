package manifest_test

import (
	"testing"

	"github.com/daysidehq/dayside/cmd/dayside/internal/manifest"
)

func TestMask(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "+13035550101": "+13…01", "13035550101": "130…01", "+1303555": "+13…55", "+13035": "…", "12": "…",
	} {
		if got := manifest.Mask(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
