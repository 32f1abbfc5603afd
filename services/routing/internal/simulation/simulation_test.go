package simulation

import (
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daysidehq/dayside/services/internal/zones"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

// bundles are the rules as they are, and as some governments might decide: no summer time any more, another one, a new one.
func bundles(t testing.TB) []*zones.Bundle {
	t.Helper()
	return []*zones.Bundle{zonestest.Embedded(t), zonestest.Changed(t, "2099x", map[string]string{
		"Europe/Dublin": "IST-1", "America/New_York": "EST5EDT,M2.2.0,M12.1.0", "Asia/Kolkata": "IST-5:30IDT,M4.1.5/0,M9.1.6/0",
	})}
}

// dir is a folder in memory, where there is one: nothing here is worth a disk's time.
func dir(t testing.TB) string {
	t.Helper()
	const memory = "/dev/shm"
	d, err := os.MkdirTemp(memory, "dayside-simulation") //nolint:usetesting // the test's own folder may be on a disk
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(d) })
	return d
}

func config(t testing.TB, seed uint64, years float64) Config {
	t.Helper()
	return Config{
		Seed: seed, Years: years, Start: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Bundles: bundles(t), Dir: dir(t),
	}
}

func run(t testing.TB, cfg Config) Result {
	t.Helper()
	r, err := Run(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheSameSeedIsTheSameYear(t *testing.T) {
	unseenByRace(t)
	a, b := config(t, 7, 0.25), config(t, 7, 0.25)
	a.FaultsPerMonth, b.FaultsPerMonth = 8, 8
	first, second := run(t, a), run(t, b)
	if first.Hash != second.Hash || first.Counts != second.Counts {
		t.Errorf("two runs of a seed differ: %s, %s\n%+v\n%+v", first.Hash, second.Hash, first.Counts, second.Counts)
	}
	other := config(t, 8, 0.25)
	if run(t, other).Hash == first.Hash {
		t.Error("another seed is the same")
	}
}

// Two that run beside each other share nothing that one of them writes: the race detector sees these, if no longer ones.
func TestTwoBesideEachOtherAreAsOneAlone(t *testing.T) {
	const week = 0.02
	alone := run(t, config(t, 7, week))
	var beside [2]Result
	var errs [2]error
	var both sync.WaitGroup
	for i := range beside {
		cfg := config(t, 7, week)
		both.Go(func() { beside[i], errs[i] = Run(cfg) })
	}
	both.Wait()
	for i, r := range beside {
		if errs[i] != nil || r.Hash != alone.Hash || r.Counts != alone.Counts {
			t.Errorf("%d: %s, alone %s, %v", i, r.Hash, alone.Hash, errs[i])
		}
	}
}

// Each defect, put in on purpose, is found within a year of many faults, and told of in words that name what is wrong.
func TestPlantedDefectsAreFound(t *testing.T) {
	unseenByRace(t)
	for plant, want := range map[Plant]string{
		PlantCompiler: "is open: ", PlantEvent: "", PlantTruth: "", PlantCopy: "answers from another one", PlantAge: "the view says",
		PlantLadder: "does not end with the last resort", PlantOrder: "is the first target", PlantBinding: "its continuation",
		PlantRecord: "made again from its record", PlantLoss: "the ledger has", PlantTwice: "ledger", PlantStill: "",
	} {
		t.Run(plant.String(), func(t *testing.T) {
			t.Parallel()
			cfg := config(t, 3, 1)
			cfg.FaultsPerMonth, cfg.ReplayEvery, cfg.Plant = 12, 16, plant
			r := run(t, cfg)
			if len(r.Findings) == 0 {
				t.Fatalf("nothing was found: %+v", r.Counts)
			}
			if !strings.Contains(r.Findings[0].What, want) {
				t.Errorf("found first: %v", r.Findings[0])
			}
		})
	}
}
