package address_test

import (
	"bytes"
	"regexp"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/schedule/internal/address"
)

func stored(t *testing.T, id, token string) coord.Event {
	t.Helper()
	value, err := address.Store(&schedulev1.Feed{Name: "feeds/" + id, Subject: "sites/" + id, Token: token, Path: "/feeds/" + token}, token)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(value, []byte(token)) {
		t.Errorf("the token is kept: %q", value)
	}
	return coord.Event{Key: address.Prefix + id, Value: value}
}

func person(t *testing.T, id, name string) coord.Event {
	t.Helper()
	body, err := proto.Marshal(&schedulev1.Person{Name: "people/" + id, DisplayName: name})
	if err != nil {
		t.Fatal(err)
	}
	value, err := proto.Marshal(&rpcv1.Stored{Resource: body})
	if err != nil {
		t.Fatal(err)
	}
	return coord.Event{Key: "schedule/people/" + id, Value: value}
}

func TestTokensAreNeverTheSame(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		token, id := address.NewToken(), address.NewID()
		if !regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`).MatchString(token) || !regexp.MustCompile(`^[a-z2-7]{16}$`).MatchString(id) {
			t.Fatalf("token %q, ID %q", token, id)
		}
		if seen[token] || seen[id] {
			t.Fatalf("twice the same: %q, %q", token, id)
		}
		seen[token], seen[id] = true, true
	}
}

func TestTokenOpensItsFeedUntilItIsRevoked(t *testing.T) {
	x := address.NewIndex()
	if x.Listed() {
		t.Error("listed before it has heard of anything")
	}
	opens := func(token, want string) {
		t.Helper()
		f, ok := x.Find(token)
		if f.GetName() != want || ok != (want != "") || f.GetToken() != "" || f.GetPath() != "" {
			t.Errorf("%q opens %v, want %q", token, f, want)
		}
	}
	if broken := x.Apply(coord.Batch{Reset: true, Events: []coord.Event{
		stored(t, "a", "token-a"), stored(t, "b", "token-b"), person(t, "ann", "Ann"), {Key: "schedule/generations/x", Value: []byte{1}},
	}}); len(broken) != 0 || !x.Listed() || x.Feeds() != 2 {
		t.Fatalf("broken %q, %d feeds", broken, x.Feeds())
	}
	opens("token-a", "feeds/a")
	opens("token-b", "feeds/b")
	opens("", "")
	opens("token-", "")
	opens("feeds/a", "")
	x.Apply(coord.Batch{Events: []coord.Event{stored(t, "a", "token-c"), {Key: address.Prefix + "b"}}})
	opens("token-a", "")
	opens("token-c", "feeds/a")
	opens("token-b", "")
	if name, ok := x.Person("ann"); name != "Ann" || !ok {
		t.Errorf("ann is %q, %v", name, ok)
	}
	broken := x.Apply(coord.Batch{Events: []coord.Event{
		{Key: address.Prefix + "a", Value: []byte("\xff")}, {Key: address.Prefix + "d", Value: []byte{}}, {Key: "schedule/people/ann"},
	}})
	if !slices.Equal(broken, []string{address.Prefix + "a", address.Prefix + "d"}) || x.Feeds() != 0 {
		t.Errorf("broken %q, %d feeds", broken, x.Feeds())
	}
	opens("token-c", "")
	if _, ok := x.Person("ann"); ok {
		t.Error("ann is still there")
	}
	x.Apply(coord.Batch{Events: []coord.Event{stored(t, "a", "token-a")}})
	x.Apply(coord.Batch{Reset: true})
	opens("token-a", "")
}

func TestRangeHoldsFeedsAndPeople(t *testing.T) {
	r := address.Range()
	for key, want := range map[string]bool{
		"schedule/feeds/a": true, "schedule/people/zz": true, "schedule/calendars/a": false, "schedule/rotas/a": false,
		"schedule/sites/a": false, "pub/schedule/sites/a": false,
	} {
		if got := r.From <= key && key < r.To; got != want {
			t.Errorf("%s: within %v, want %v", key, got, want)
		}
	}
}
