//go:build race

package deploy

// unseenByRace: all that is tested here are programs of their own and files, which the race detector does not see.
const unseenByRace = true
