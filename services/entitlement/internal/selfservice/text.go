package selfservice

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// LinkMail is what is sent to a contact: the secret stands behind a '#', which browsers send to nobody, so that it is in no
// log on the way.
func LinkMail(portal, secret, customer string, life time.Duration) (subject, text string) {
	return "Your link to sign in", fmt.Sprintf(`You, or somebody who knows your address, asked for a link to sign in for %s:

%s/link#%s

It can be used once, within %d minutes. If a page asks for it, paste it there whole.
If it was not you, ignore this mail: nothing happens without the link.
`, plain(customer), strings.TrimRight(portal, "/"), secret, int(life/time.Minute))
}

// Reminder is what goes with a number that is shown: of one that is published nobody is asked to keep it to themselves.
func Reminder(line, customer string, published bool, until time.Time) string {
	text := fmt.Sprintf("The number of %s is for %s alone. Do not publish it or pass it on; it can change at any time, and "+
		"who has it is written down.", plain(line), plain(customer))
	if published {
		text = fmt.Sprintf("The number of %s is public; it can change at any time.", plain(line))
	}
	if !until.IsZero() {
		text += " Your access holds until " + until.UTC().Format("2006-01-02 15:04 UTC") + "."
	}
	return text
}

// plain is a name as it can stand in a text: nothing in it begins a line of its own, or turns the direction of writing.
func plain(name string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, name)), " ")
}
