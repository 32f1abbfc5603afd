package shelf

import (
	"slices"
	"strings"

	"github.com/daysidehq/dayside/services/internal/phone"
)

// record is something that a customer has, or a number.
type record interface {
	comparable
	GetCustomer() string
	GetNumber() uint64
}

// held is records by who has them.
type held[T record] struct {
	all        map[string]T
	byCustomer map[string][]T
	byNumber   map[phone.Number][]T
	ids        map[T]string
}

func newHeld[T record]() held[T] {
	return held[T]{map[string]T{}, map[string][]T{}, map[phone.Number][]T{}, map[T]string{}}
}

// learn keeps what a value says under an id; nothing where it was deleted, or cannot be read.
func (h *held[T]) learn(id string, value []byte, read func([]byte) (T, error)) error {
	if old, ok := h.all[id]; ok {
		delete(h.all, id)
		delete(h.ids, old)
		drop(h.byCustomer, old.GetCustomer(), old)
		drop(h.byNumber, phone.Number(old.GetNumber()), old)
	}
	if value == nil {
		return nil
	}
	item, err := read(value)
	if err != nil {
		return err
	}
	h.all[id], h.ids[item] = item, id
	if item.GetCustomer() != "" {
		h.byCustomer[item.GetCustomer()] = h.insert(h.byCustomer[item.GetCustomer()], item)
	} else if n := phone.Number(item.GetNumber()); n != 0 {
		h.byNumber[n] = h.insert(h.byNumber[n], item)
	}
	return nil
}

// insert keeps a list in order of ID.
func (h *held[T]) insert(list []T, item T) []T {
	at, _ := slices.BinarySearchFunc(list, item, func(a, b T) int { return strings.Compare(h.ids[a], h.ids[b]) })
	return slices.Insert(slices.Clip(list), at, item)
}

// drop leaves the old list as it is: an answer may hold it.
func drop[K, T comparable](by map[K][]T, key K, item T) {
	left := slices.DeleteFunc(slices.Clone(by[key]), func(have T) bool { return have == item })
	if len(left) == 0 {
		delete(by, key)
		return
	}
	by[key] = left
}
