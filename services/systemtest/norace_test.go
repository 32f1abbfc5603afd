//go:build !race

package systemtest

import "testing"

// unseenByRace does nothing: see race_test.go.
func unseenByRace(testing.TB) {}
