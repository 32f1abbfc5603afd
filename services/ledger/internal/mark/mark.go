// Package mark is places in lists that go back in time, and the page tokens that carry them. It is pure, and knows nothing
// of what is listed.
package mark

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/resource"
)

// Mark is the place behind an item. The zero value is the beginning.
type Mark struct {
	// UnixUS is the item's time, microseconds since 1970.
	UnixUS int64
	// N tells apart what is of the same instant; it says nothing else.
	N int64
}

// Token is the page token that continues behind a mark in the list of a collection, such as "calls"; empty at the beginning,
// which is where a list ends that has no more pages.
func (m Mark) Token(collection string) string {
	if m == (Mark{}) {
		return ""
	}
	return resource.PageToken(fmt.Sprintf("%s/%d/%d", collection, m.UnixUS, m.N))
}

// Read reads a page token of a collection's list. A forged one is another place in the list, and opens nothing.
func Read(token, collection string) (Mark, error) {
	key, err := resource.AfterKey(token, collection+"/")
	if err != nil || key == "" {
		return Mark{}, err
	}
	at, n, _ := strings.Cut(strings.TrimPrefix(key, collection+"/"), "/")
	var m Mark
	var errs [2]error
	m.UnixUS, errs[0] = strconv.ParseInt(at, 10, 64)
	m.N, errs[1] = strconv.ParseInt(n, 10, 64)
	if errors.Join(errs[:]...) != nil {
		return Mark{}, fault.Invalid(fault.Violation{Field: "page_token", Rule: "is not one that this method gave"})
	}
	return m, nil
}
