package published

import (
	"strings"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
)

// The keys of a change that one transaction does not hold.
const (
	// GenerationKey: publishedv1.Generation, the pointer that puts staged records in force. What is in force at one revision
	// is worked out by services/internal/generation, through which views follow.
	GenerationKey = "pub/schedule/generation"
	// StagedPrefix: records waiting to come in force together, under GENERATION/sites/ID and GENERATION/rotas/ID.
	StagedPrefix = "pub/schedule/staged/"
)

// Generation reads a value under GenerationKey.
func Generation(value []byte) (*publishedv1.Generation, error) {
	m := &publishedv1.Generation{}
	return m, read(value, m)
}

// Stageable says whether a key is of a record that can be staged: a site's or a rota's.
func Stageable(key string) bool {
	rest, ok := strings.CutPrefix(key, SchedulePrefix)
	return ok && stageable(rest)
}

// stageable judges the part of a key after SchedulePrefix, which is also that after a generation's name.
func stageable(rest string) bool {
	kind, id, _ := strings.Cut(rest, "/")
	return (kind == "sites" || kind == "rotas") && id != ""
}

// StagedKey is where a generation keeps the record that is to stand at a stageable key.
func StagedKey(generation, key string) string {
	return StagedPrefix + generation + "/" + strings.TrimPrefix(key, SchedulePrefix)
}

// Staged is the opposite of StagedKey; false where the key is none that it gives.
func Staged(stagedKey string) (generation, key string, ok bool) {
	rest, ok := strings.CutPrefix(stagedKey, StagedPrefix)
	if !ok {
		return "", "", false
	}
	generation, rest, _ = strings.Cut(rest, "/")
	if generation == "" || !stageable(rest) {
		return "", "", false
	}
	return generation, SchedulePrefix + rest, true
}
