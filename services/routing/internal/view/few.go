package view

// few is a part of some thousand records at most, by ID; its index is copied at the first change of a batch.
type few[T any] struct{ byID map[string]*T }

// fewBuilder is the next state of a few. What is read says of which value it is, so that nothing is read anew of which each
// byte is known.
type fewBuilder[T any] struct {
	from, before *few[T]
	byID         map[string]*T // nil until something changes
	changed      map[string]bool
	read         func(id string, value []byte) (*T, error)
	fact         func(*T) *Fact
}

func (b *fewBuilder[T]) edit(id string) map[string]*T {
	if b.byID == nil {
		b.byID, b.changed = cloneMap(b.from.byID), map[string]bool{}
	}
	b.changed[id] = true
	return b.byID
}

func (b *fewBuilder[T]) put(id string, value []byte) error {
	if known := b.before.byID[id]; known != nil && b.fact(known).says(value) {
		b.edit(id)[id] = known
		return nil
	}
	t, err := b.read(id, value)
	if err != nil {
		return err
	}
	b.edit(id)[id] = t
	return nil
}

func (b *fewBuilder[T]) keep(id string) {
	if known := b.before.byID[id]; known != nil {
		b.edit(id)[id] = known
	}
}

func (b *fewBuilder[T]) remove(id string) { delete(b.edit(id), id) }

// finish is the next part, and the IDs of what changed.
func (b *fewBuilder[T]) finish() (*few[T], map[string]bool) {
	if b.byID == nil {
		return b.from, nil
	}
	return &few[T]{b.byID}, b.changed
}
