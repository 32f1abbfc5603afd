package selfservice

import (
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/daysidehq/dayside/services/internal/contacttext"
)

// LinkMail is what is sent to a contact: the secret stands behind a '#', which browsers send to nobody, so that it is in no
// log on the way.
func LinkMail(text *contacttext.Text, portal, secret, customer string, life time.Duration) (subject, body string) {
	return text.LinkSubject, contacttext.Fill(text.LinkBody, "customer", plain(customer),
		"link", strings.TrimRight(portal, "/")+"/link#"+secret, "minutes", strconv.Itoa(int(life/time.Minute)))
}

// Reminder is what goes with a number that is shown: of one that is published nobody is asked to keep it to themselves. The
// time until which access holds is that of a zone; zero: none is known.
func Reminder(text *contacttext.Text, line, customer string, published bool, until time.Time, zone *time.Location) string {
	said := text.NumberHidden
	if published {
		said = text.NumberPublic
	}
	said = contacttext.Fill(said, "line", plain(line), "customer", plain(customer))
	if !until.IsZero() {
		said += " " + contacttext.Fill(text.AccessUntil, "time", text.When(until, zone))
	}
	return said
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
