package view

import "strings"

// Label is how one of several customers is called to a caller who chooses among them. It has nothing that others may not
// hear: what the customer is called, where it is, and, where that tells it from no other, what its operator calls it.
type Label struct {
	// Name and Locality are the customer's; Locality may be empty.
	Name, Locality string
	// Account is its ID in words, where another one has the same name and locality, and it can be said: "acme north".
	Account string
	// Nth counts those of one name and locality that nothing tells apart, from 1 on; 0 of all others.
	Nth int
}

// maxAccountBytes is how long an ID is that is said.
const maxAccountBytes = 40

// Labels are those of customers, in their order.
func Labels(all []*Customer) []Label {
	labels := make([]Label, len(all))
	for i, c := range all {
		labels[i] = Label{Name: c.DisplayName, Locality: c.Locality}
	}
	for i, c := range all {
		same, before, said := false, 0, spokenID(c.ID())
		for j, o := range all {
			if i == j || !strings.EqualFold(o.DisplayName, c.DisplayName) || !strings.EqualFold(o.Locality, c.Locality) {
				continue
			}
			same = true
			if other := spokenID(o.ID()); other == "" || other == said {
				said = "" // all of them, or none
			}
			if j < i {
				before++
			}
		}
		switch {
		case !same:
		case said != "":
			labels[i].Account = said
		default:
			labels[i].Nth = before + 1
		}
	}
	return labels
}

// spokenID is an ID in words; empty where it is a number, or nobody would keep it in mind.
func spokenID(id string) string {
	if len(id) > maxAccountBytes || strings.ContainsAny(id, "0123456789") {
		return ""
	}
	return strings.Join(strings.FieldsFunc(id, func(r rune) bool { return strings.ContainsRune("-_.", r) }), " ")
}
