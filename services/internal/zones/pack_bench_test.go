package zones_test

import (
	"io"
	"testing"
)

func BenchmarkPack(b *testing.B) {
	bundle := embedded(b)
	for b.Loop() {
		if err := bundle.Pack(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
