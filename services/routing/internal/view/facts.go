package view

import (
	"bytes"
	"crypto/sha256"

	"google.golang.org/protobuf/proto"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

// Fact is one record that decisions are made of, as it was read: what a decision can be recomputed from later. It is
// shared; never change it, and never log its value: there are people's numbers among them.
type Fact struct {
	// ID is the first 16 bytes of the SHA-256 of the key, a zero byte, and the value.
	ID [16]byte
	// Key is the key in etcd, without the cluster's prefix.
	Key string
	// Value is the record.
	Value []byte
}

// newFact keeps a record. The value is the caller's: a view holds no memory of who brought it.
func newFact(key string, value []byte) *Fact {
	f := &Fact{Key: key, Value: append([]byte(nil), value...)}
	h := sha256.New()
	h.Write([]byte(key))
	h.Write([]byte{0})
	h.Write(value)
	copy(f.ID[:], h.Sum(nil))
	return f
}

// says is whether it is of that very value; nil is of none.
func (f *Fact) says(value []byte) bool { return f != nil && bytes.Equal(f.Value, value) }

// lineFact keeps a line without its numbers: they may be hidden, no decision is made of them, and facts go where others
// read.
func lineFact(id string, p *routingv1.Line) (*Fact, error) {
	p = proto.CloneOf(p)
	p.Number, p.FormerNumbers = nil, nil
	deterministic := proto.MarshalOptions{Deterministic: true}
	resource, err := deterministic.Marshal(p)
	if err != nil {
		return nil, err
	}
	value, err := deterministic.Marshal(&rpcv1.Stored{Resource: resource})
	if err != nil {
		return nil, err
	}
	return newFact(LinePrefix+id, value), nil
}

// listOf is a fact that stands for others: their IDs, one behind the other. It has no key.
func listOf(facts []*Fact) *Fact {
	ids := make([]byte, 0, len(facts)*len(Fact{}.ID))
	for _, f := range facts {
		ids = append(ids, f.ID[:]...)
	}
	return newFact("", ids)
}

// factsOf are the records that decisions on a line are made of: its own, its sites', its rotas' with their custody, its
// offers', and the drains that concern it, each in the line's order. Customers are none of them, nor what is known of this
// minute.
func factsOf(l *Line) []*Fact {
	all := make([]*Fact, 0, 1+len(l.Sites)+2*len(l.Rotas))
	add := func(f *Fact) {
		if f != nil {
			all = append(all, f)
		}
	}
	add(l.fact)
	for i := range l.Sites {
		add(l.Sites[i].Site.fact)
	}
	for _, r := range l.Rotas {
		add(r.fact)
		add(r.custodyFact)
	}
	for _, o := range l.Offers {
		add(o.fact)
	}
	if l.Drains != nil {
		for _, d := range l.Drains.all {
			add(d.fact)
		}
	}
	return all
}
