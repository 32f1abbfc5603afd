package national_test

import (
	"errors"
	"testing"

	"github.com/daysidehq/dayside/services/internal/phone/national"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, text, region, want string
		err                      error
	}{
		{"E.164", "+61255500111", "", "+61255500111", nil},
		{"E.164, as people write it", " +61 2 5550-0111 ", "", "+61255500111", nil},
		{"E.164 beats the region", "+61 2 5550 0111", "US", "+61255500111", nil},
		{"national, with its region", "(02) 5550 0111", "AU", "+61255500111", nil},
		{"national, without one", "(02) 5550 0111", "", "", national.ErrRegion},
		{"with a trunk zero in brackets", "+44 (0)20 7946 0018", "", "+442079460018", nil},
		{"international prefix of the region", "011 61 2 5550 0111", "US", "+61255500111", nil},
		{"of another region", "(02) 5550 0111", "XX", "", national.ErrNumber},
		{"an extension", "(02) 5550 0111 ext. 7", "AU", "", national.ErrExtension},
		{"too short", "911", "US", "", national.ErrNumber},
		{"words", "call me", "AU", "", national.ErrNumber},
		{"Arabic digits", "٠٢ ٥٥٥٠ ٠١١١", "AU", "+61255500111", nil},
		{"empty", "", "AU", "", national.ErrNumber},
	} {
		got, err := national.Parse(c.text, c.region)
		if got.String() != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: got %q, %v; want %q, %v", c.name, got, err, c.want, c.err)
		}
	}
}

func TestKnownRegion(t *testing.T) {
	if !national.KnownRegion("IE") || national.KnownRegion("ie") || national.KnownRegion("ZZ") || national.KnownRegion("") {
		t.Error("regions are upper-case codes of countries with a plan")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("+61 2 5550 0111", "")
	f.Add("(02) 5550 0111;ext=7", "AU")
	f.Fuzz(func(t *testing.T, text, region string) {
		n, err := national.Parse(text, region)
		if (n == 0) != (err != nil) {
			t.Fatalf("got %v, %v", n, err)
		}
		if n == 0 {
			return
		}
		if again, err := national.Parse(n.String(), ""); again != n || err != nil {
			t.Fatalf("%v reads again as %v, %v", n, again, err)
		}
	})
}
