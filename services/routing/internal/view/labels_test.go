package view_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/daysidehq/dayside/services/routing/internal/view"
)

func TestCustomersOfOneNameAreToldApart(t *testing.T) {
	of := func(id, name, locality string) *view.Customer {
		return &view.Customer{Name: "customers/" + id, DisplayName: name, Locality: locality}
	}
	for _, c := range []struct {
		what string
		all  []*view.Customer
		want string
	}{
		{"nobody", nil, ""},
		{"other names", []*view.Customer{of("a", "Acme", ""), of("b", "Bolt", "")}, "{Acme   0} {Bolt   0}"},
		{"other towns", []*view.Customer{of("a", "Acme", "Berlin"), of("b", "Acme", "Boston")}, "{Acme Berlin  0} {Acme Boston  0}"},
		{
			"by what the operator calls them", []*view.Customer{of("acme-north", "Acme", ""), of("acme-south", "ACME", "")},
			"{Acme  acme north 0} {ACME  acme south 0}",
		},
		{"numbers say nothing", []*view.Customer{of("c4711", "Acme", ""), of("north", "Acme", "")}, "{Acme   1} {Acme   2}"},
		{"nothing at all", []*view.Customer{of("c1", "Acme", ""), of("c2", "Acme", "")}, "{Acme   1} {Acme   2}"},
	} {
		var got []string
		for _, l := range view.Labels(c.all) {
			got = append(got, fmt.Sprint(l))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %s, want %s", c.what, got, c.want)
		}
	}
}
