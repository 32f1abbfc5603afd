//go:build !race

package simulation

import "testing"

// unseenByRace does nothing: see race_test.go.
func unseenByRace(testing.TB) {}
