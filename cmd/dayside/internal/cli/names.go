package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// Collections of resources, the first part of their names.
const (
	collectionCalendars = "calendars"
	collectionPeople    = "people"
	collectionRotas     = "rotas"
	collectionSites     = "sites"
	collectionPlans     = "plans"
	collectionOffers    = "offers"
	collectionCustomers = "customers"
	collectionLines     = "lines"
)

var collections = []string{
	collectionCalendars, collectionPeople, collectionRotas, collectionSites, collectionPlans, collectionOffers,
	collectionCustomers, collectionLines,
}

// collectionOf takes "site", "sites", "Site".
func collectionOf(word string) (string, error) {
	plural := strings.ToLower(word)
	switch {
	case plural == "person":
		plural = collectionPeople
	case plural != collectionPeople && !strings.HasSuffix(plural, "s"):
		plural += "s"
	}
	for _, c := range collections {
		if c == plural {
			return c, nil
		}
	}
	return "", usagef("%q is no kind of resource: give one of %s", word, strings.Join(collections, ", "))
}

// resourceName takes "sites/dublin", "site/dublin", or the two words "site dublin".
func resourceName(args []string) (collection, name string, err error) {
	word, id := args[0], ""
	if len(args) > 1 {
		id = args[1]
	}
	if before, after, ok := strings.Cut(args[0], "/"); ok {
		if id != "" {
			return "", "", usagef("give one name, not %q and %q", args[0], id)
		}
		word, id = before, after
	}
	collection, err = collectionOf(word)
	if err != nil {
		return "", "", err
	}
	id = strings.TrimPrefix(id, collection+"/")
	if id == "" || strings.Contains(id, "/") {
		return "", "", usagef("%q does not say which of the %s: give %s/ID", strings.Join(args, " "), collection, collection)
	}
	return collection, collection + "/" + id, nil
}

// lineName takes a line's name or ID.
func lineName(s string) (string, error) {
	id := strings.TrimPrefix(s, collectionLines+"/")
	if id == "" || strings.Contains(id, "/") {
		return "", usagef("%q is no line: give lines/ID, or the ID alone", s)
	}
	return collectionLines + "/" + id, nil
}

// isNumber says whether somebody typed a telephone number rather than a name.
func isNumber(s string) bool {
	digits := strings.TrimPrefix(s, "+")
	return digits != "" && strings.Trim(digits, "0123456789") == ""
}

const (
	fromHelp = "the caller's number in E.164; \"anonymous\", or left out: withheld"
	// withheld is what stands for a caller's number that is withheld.
	withheld = "anonymous"
)

// checkCaller checks --from. A number is E.164 (ITU-T E.164, 6.2.1), the plus sign optional, as networks signal it:
// anything else the server takes for a withheld number, which somebody who mistyped one would not see.
func checkCaller(from string) error {
	digits := strings.TrimPrefix(from, "+")
	switch {
	case from == "" || from == withheld:
	case !isNumber(from) || len(digits) < 7 || len(digits) > 15 || digits[0] == '0':
		return usagef("--from: must be a number in E.164, such as +13035550101, or %s for one that is withheld", withheld)
	}
	return nil
}

// callerNumber is the number of --from, empty where it is withheld.
func callerNumber(from string) string {
	if from == withheld {
		return ""
	}
	return from
}

// oneOrTwo takes a name as one word or as two.
func oneOrTwo(cmd *cobra.Command, args []string) error { return cobra.RangeArgs(1, 2)(cmd, args) }
