package view

import "math/bits"

// chained are items by a hash that several may share: a hash table whose items keep their place, and take little more room
// than they are long, however many there are. Places are from 1 on.
type chained[T any] struct {
	pages []*[pageItems]link[T]
	n     uint32   // places, of which some are free
	free  uint32   // the first free one; each leads to the next
	used  int      // places that are not
	heads []uint32 // a power of two of them
}

// link is an item, and the place of the next one in its chain.
type link[T any] struct {
	hash uint64
	item T
	next uint32
}

const pageItems = 1 << 10

func newChained[T any](items int) chained[T] {
	return chained[T]{heads: make([]uint32, 1<<bits.Len(uint(max(items, pageItems)-1)))}
}

func (c *chained[T]) link(at uint32) *link[T] { return &c.pages[(at-1)/pageItems][(at-1)%pageItems] }

func (c *chained[T]) head(hash uint64) *uint32 { return &c.heads[hash&uint64(len(c.heads)-1)] }

// at is the item at a place, valid until it is removed.
func (c *chained[T]) at(at uint32) *T { return &c.link(at).item }

func (c *chained[T]) hash(at uint32) uint64 { return c.link(at).hash }

// first is the place of an item with a hash; 0 where there is none.
func (c *chained[T]) first(hash uint64) uint32 { return c.sought(*c.head(hash), hash) }

// next is the place of the next item with the same hash; 0 where that was the last one.
func (c *chained[T]) next(at uint32) uint32 {
	l := c.link(at)
	return c.sought(l.next, l.hash)
}

func (c *chained[T]) sought(at uint32, hash uint64) uint32 {
	for at != 0 && c.link(at).hash != hash {
		at = c.link(at).next
	}
	return at
}

// add adds an item; its place is the answer.
func (c *chained[T]) add(hash uint64, item T) (at uint32) {
	if c.used == len(c.heads) {
		c.widen()
	}
	switch at = c.free; {
	case at != 0:
		c.free = c.link(at).next
	default:
		if int(c.n) == len(c.pages)*pageItems {
			c.pages = append(c.pages, new([pageItems]link[T]))
		}
		c.n++
		at = c.n
	}
	head := c.head(hash)
	*c.link(at) = link[T]{hash, item, *head}
	*head = at
	c.used++
	return at
}

// widen makes chains shorter.
func (c *chained[T]) widen() {
	before := c.heads
	c.heads = make([]uint32, 2*len(before))
	for _, at := range before {
		for at != 0 {
			l := c.link(at)
			next, head := l.next, c.head(l.hash)
			l.next, *head = *head, at
			at = next
		}
	}
}

// remove removes the item at a place, which is free then.
func (c *chained[T]) remove(at uint32) {
	l := c.link(at)
	towards := c.head(l.hash)
	for *towards != at {
		towards = &c.link(*towards).next
	}
	*towards = l.next
	*l = link[T]{next: c.free}
	c.free = at
	c.used--
}
