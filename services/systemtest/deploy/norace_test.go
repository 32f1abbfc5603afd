//go:build !race

package deploy

// unseenByRace: see race_test.go.
const unseenByRace = false
