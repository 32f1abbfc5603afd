package portal

import (
	"html/template"
	"testing"

	"github.com/daysidehq/dayside/services/internal/contacttext"
)

// TestWhatIsPutIntoATextIsNoMarkup: names are what people choose.
func TestWhatIsPutIntoATextIsNoMarkup(t *testing.T) {
	f := frame{T: contacttext.Of("en")}
	for want, got := range map[template.HTML]template.HTML{
		"a &lt; &lt;script&gt;":               f.Say("a < {name}", "name", "<script>"),
		"<bdi>&lt;b&gt; {x}</bdi>, &#34;":     f.Say("{who}, {x}", "who", within("bdi", "<b> {x}"), "x", `"`),
		"<strong><bdi>&amp;</bdi></strong> b": f.Say("{who} b", "who", strong("&")),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestNumbersAreWrittenToBeReadOut(t *testing.T) {
	for number, want := range map[string]string{
		"+61255500100": "+61 255 500 100", "+13035550100": "+1 303 555 0100", "+35315550100": "+353 155 501 00",
		"+4930555010": "+49 305 550 10", "+74955550100": "+7 495 555 0100", "+35": "+35", "+": "+", "": "",
	} {
		if got := spoken(number); got != want {
			t.Errorf("%s: %q, want %q", number, got, want)
		}
	}
}
