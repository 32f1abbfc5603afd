package entitlement

import (
	"fmt"
	"strings"
	"testing"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
)

// TestARehearsalIsBounded: what there is no room for is not remembered, that is said, and what is there stays.
func TestARehearsalIsBounded(t *testing.T) {
	h := &rehearsal{layer: newLayer(nil)}
	value := []byte(strings.Repeat("n", 1<<20))
	for line := int64(1); line <= 80; line++ {
		l := newLayer(h)
		l.write([]*rpcv1.Write{
			coord.Put(fmt.Sprint(sourcePrefix, "c", line), value), coord.Put("pub/entitlement/customers/x", value),
		})
		l.ids[fmt.Sprint("crm", line)] = fmt.Sprint("c", line)
		h.absorb(l, line)
	}
	switch {
	case h.bytes > maxRehearsalBytes || len(h.written) < 60 || len(h.written) > 64:
		t.Errorf("%d bytes of %d customers", h.bytes, len(h.written))
	case h.forgotten != int64(len(h.written))+1:
		t.Errorf("it says that it has forgotten from line %d on, and knows %d", h.forgotten, len(h.written))
	}
	again := newLayer(h)
	again.write([]*rpcv1.Write{coord.Delete(fmt.Sprint(sourcePrefix, "c", 1)), coord.Put(fmt.Sprint(sourcePrefix, "c", 2), []byte("less"))})
	h.absorb(again, 81)
	if _, err := h.Get(t.Context(), sourcePrefix+"c1"); err == nil {
		t.Error("what would be deleted is there")
	}
	if e, err := h.Get(t.Context(), sourcePrefix+"c2"); err != nil || string(e.Value) != "less" {
		t.Errorf("what would be changed is %q, %v", e.Value, err)
	}
}
