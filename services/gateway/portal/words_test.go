package portal

import "testing"

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
