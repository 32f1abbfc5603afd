package store

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"errors"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

const (
	// factIDBytes is the length of a fact's id.
	factIDBytes = 16
	// maxTouched bounds the memory of which facts were used today.
	maxTouched = 100_000
)

// touched is which facts are known to have been used on a day. Facts are kept while decisions that name them are: so each
// day that one is used is noted, once.
type touched map[[factIDBytes]byte]int64

func (t touched) commit(more touched) {
	if len(t)+len(more) > maxTouched {
		clear(t)
	}
	for id, day := range more {
		t[id] = day
	}
}

// factID is the first 16 bytes of the SHA-256 of key, a zero byte, and value.
func factID(key string, value []byte) []byte {
	h := sha256.New()
	h.Write([]byte(key))
	h.Write([]byte{0})
	h.Write(value)
	return h.Sum(nil)[:factIDBytes]
}

func (w *writer) addFact(r *ledgerv1.Record, f *routingv1.FactRecord) (bool, error) {
	if !bytes.Equal(f.GetId(), factID(f.GetKey(), f.GetValue())) {
		w.drop(r, "its fact has another id than its content")
		return false, nil
	}
	added, err := w.added(addFact, f.GetId(), w.day, f.GetKey(), f.GetValue())
	if err != nil || !added || f.GetKey() != "" {
		return added, err
	}
	return true, w.touchAll(split(f.GetValue())) // a list; decisions that name it may be here already
}

// touch notes that the facts of a decision are used.
func (w *writer) touch(d *routingv1.DecisionRecord) error {
	if err := w.touchAll(d.GetFacts()); err != nil {
		return err
	}
	first, err := w.touchFact(d.GetFactList())
	if err != nil || !first {
		return err
	}
	var list []byte
	value := w.prepared(valueOfFact) //nolint:sqlclosecheck // it ends with the transaction
	err = value.QueryRowContext(w.ctx, d.GetFactList()).Scan(&list)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	return w.touchAll(split(list))
}

func (w *writer) touchAll(ids [][]byte) error {
	for _, id := range ids {
		if _, err := w.touchFact(id); err != nil {
			return err
		}
	}
	return nil
}

// touchFact notes that a fact is used today, and says whether that is the first time.
func (w *writer) touchFact(id []byte) (bool, error) {
	if len(id) != factIDBytes {
		return false, nil
	}
	key := [factIDBytes]byte(id)
	if w.store.touched[key] == w.day || w.newlyTouched[key] == w.day {
		return false, nil
	}
	if _, err := w.exec(useFact, w.day, id, w.day); err != nil {
		return false, err
	}
	if w.newlyTouched == nil {
		w.newlyTouched = touched{}
	}
	w.newlyTouched[key] = w.day
	return true, nil
}

// split reads the value of a list of facts.
func split(list []byte) [][]byte {
	var ids [][]byte
	for ; len(list) >= factIDBytes; list = list[factIDBytes:] {
		ids = append(ids, list[:factIDBytes])
	}
	return ids
}
