// Package address is which feed a secret token opens. Tokens are made here and kept nowhere: only their hashes are, so
// neither etcd, nor a backup of it, nor a dump of this process opens a feed.
//
// It is not what a feed shows (package feed), and knows of subjects no more than the names of people, who are published
// only as members of rotas.
package address

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/published"
)

// Prefixes of what an Index is made from; the rest of a key is the ID.
const (
	// Prefix is where feeds are kept, each a schedulev1.StoredFeed.
	Prefix       = "schedule/feeds/"
	peoplePrefix = "schedule/people/"
)

// Range holds both prefixes, which are neighbours.
func Range() coord.Range {
	return coord.Range{From: Prefix, To: coord.Prefix(peoplePrefix).To}
}

const (
	// tokenBytes is the secret in a token: 256 bits, which nobody guesses.
	tokenBytes = 32
	// idChars is the length of a feed's ID, 5 bits each.
	idChars = 16
)

// NewToken is a token that nobody has had, as it stands in a path (RFC 4648, section 5, without padding).
func NewToken() string {
	secret := make([]byte, tokenBytes)
	_, _ = rand.Read(secret) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(secret)
}

// NewID is the ID of a new feed: lower-case letters and digits.
func NewID() string { return strings.ToLower(rand.Text()[:idChars]) }

// Store is the value under which a feed is kept.
func Store(f *schedulev1.Feed, token string) ([]byte, error) {
	h := hash(token)
	kept := proto.CloneOf(f)
	kept.Token, kept.Path = "", ""
	return published.Marshal(&schedulev1.StoredFeed{Feed: kept, TokenSha256: h[:]})
}

// Load reads such a value; the feed has neither token nor path.
func Load(value []byte) (*schedulev1.Feed, error) {
	f, _, err := load(value)
	return f, err
}

func load(value []byte) (*schedulev1.Feed, digest, error) {
	var stored schedulev1.StoredFeed
	if err := proto.Unmarshal(value, &stored); err != nil {
		return nil, digest{}, fmt.Errorf("stored feed: %w", err)
	}
	if len(stored.GetTokenSha256()) != sha256.Size || stored.GetFeed().GetName() == "" {
		return nil, digest{}, fmt.Errorf("stored feed: a hash of %d bytes", len(stored.GetTokenSha256()))
	}
	return stored.GetFeed(), digest(stored.GetTokenSha256()), nil
}

type digest [sha256.Size]byte

func hash(token string) digest { return sha256.Sum256([]byte(token)) }

// Index is kept current by Apply, and is safe for concurrent use. What it answers with is not to be changed.
type Index struct {
	mu     sync.RWMutex
	listed bool
	// feeds are found by the hash of their token: how long that takes says nothing of a token that is nearly right.
	feeds map[digest]*schedulev1.Feed
	// hashes are those of the feeds, by key, for the day they are gone.
	hashes map[string]digest
	people map[string]string
}

// NewIndex is an index that has heard of nothing yet.
func NewIndex() *Index {
	x := &Index{}
	x.clear()
	return x
}

func (x *Index) clear() {
	x.feeds, x.hashes, x.people = map[digest]*schedulev1.Feed{}, map[string]digest{}, map[string]string{}
}

// Apply takes over a batch of events under Range. What cannot be read is left out, and its keys are the answer.
func (x *Index) Apply(b coord.Batch) (unreadable []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if b.Reset {
		x.clear()
		x.listed = true
	}
	for _, e := range b.Events {
		if err := x.apply(e); err != nil {
			unreadable = append(unreadable, e.Key)
		}
	}
	return unreadable
}

func (x *Index) apply(e coord.Event) error {
	if id, ok := published.ID(e.Key, peoplePrefix); ok {
		return x.applyPerson(id, e)
	}
	if _, ok := published.ID(e.Key, Prefix); !ok {
		return nil
	}
	if h, ok := x.hashes[e.Key]; ok {
		delete(x.feeds, h)
		delete(x.hashes, e.Key)
	}
	if e.Value == nil {
		return nil
	}
	f, h, err := load(e.Value)
	if err != nil {
		return err
	}
	x.feeds[h], x.hashes[e.Key] = f, h
	return nil
}

func (x *Index) applyPerson(id string, e coord.Event) error {
	delete(x.people, id)
	if e.Value == nil {
		return nil
	}
	p, _, err := collection.Decode[*schedulev1.Person](e.Value, e.ModRevision)
	if err == nil {
		x.people[id] = p.GetDisplayName()
	}
	return err
}

// Listed says whether the index has heard the whole state once.
func (x *Index) Listed() bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.listed
}

// Find is the feed that a token opens; false where it opens none.
func (x *Index) Find(token string) (*schedulev1.Feed, bool) {
	h := hash(token)
	x.mu.RLock()
	defer x.mu.RUnlock()
	f, ok := x.feeds[h]
	return f, ok
}

// Feeds is how many feeds there are.
func (x *Index) Feeds() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.feeds)
}

// Person is the name of somebody, for people, by their ID; false where there is nobody of that ID.
func (x *Index) Person(id string) (displayName string, ok bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	displayName, ok = x.people[id]
	return displayName, ok
}
