package sites

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
)

const (
	maxCapacity  = 10000
	maxProducts  = 100
	maxLanguages = 32
)

// The forms of products and languages are those of the proto.
var (
	productForm  = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	languageForm = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)
)

// Serves says whether a site with those products and languages can serve a line with that product and language. A site
// without any has all; a line without one takes any. Languages are BCP 47 tags, compared by their primary subtag.
func Serves(products, languages []string, product, language string) bool {
	speaks := func(tag string) bool { return primary(tag) == primary(language) }
	return (product == "" || len(products) == 0 || slices.Contains(products, product)) &&
		(language == "" || len(languages) == 0 || slices.ContainsFunc(languages, speaks))
}

// primary is the primary subtag of a BCP 47 tag (RFC 5646, section 2.2.1), lower-case.
func primary(tag string) string {
	subtag, _, _ := strings.Cut(strings.ToLower(tag), "-")
	return subtag
}

// checkSkills checks how many calls the site takes, and what it can do.
func checkSkills(broken *fault.Violations, s *schedulev1.Site) {
	if s.GetCapacity() < 0 || s.GetCapacity() > maxCapacity {
		broken.Add("capacity", fmt.Sprint(s.GetCapacity()), fmt.Sprintf("must be 0 (not known) to %d calls", maxCapacity))
	}
	checkEach(broken, "products", s.GetProducts(), maxProducts, productForm, "must be a slug, such as mail-server")
	checkEach(broken, "languages", s.GetLanguages(), maxLanguages, languageForm,
		`must be a BCP 47 tag, such as "de" or "pt-BR"`)
}

func checkEach(broken *fault.Violations, field string, list []string, most int, form *regexp.Regexp, rule string) {
	if len(list) > most {
		broken.Add(field, fmt.Sprint(len(list)), fmt.Sprintf("must be at most %d", most))
		return
	}
	for i, text := range list {
		at := fmt.Sprintf("%s[%d]", field, i)
		if !form.MatchString(text) {
			broken.Add(at, text, rule)
		} else if was := slices.Index(list, text); was < i {
			broken.Add(at, text, fmt.Sprintf("is %s[%d] again; each once", field, was))
		}
	}
}

// primaryLanguages are the primary subtags of tags, each once: who speaks pt-BR is rung for pt-PT too.
func primaryLanguages(tags []string) []string {
	var all []string
	for _, tag := range tags {
		if subtag := primary(tag); !slices.Contains(all, subtag) {
			all = append(all, subtag)
		}
	}
	return all
}
