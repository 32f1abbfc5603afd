package simulation

// Plant is a defect that is put in on purpose, so that tests see that it is found.
type Plant int

// The defects; PlantNone is none.
const (
	PlantNone Plant = iota
	// PlantCompiler: a site is compiled without its exceptions.
	PlantCompiler
	// PlantEvent: a watch loses the first event of a transaction of several.
	PlantEvent
	// PlantTruth: a restored backup goes unnoticed by whoever is connected.
	PlantTruth
	// PlantCopy: a copy on disk is used whosever truth it is.
	PlantCopy
	// PlantAge: a view says that it is younger than it is.
	PlantAge
	// PlantLadder: the last resort is left out of a ladder.
	PlantLadder
	// PlantOrder: the first target changes places with the last one before the last resort.
	PlantOrder
	// PlantBinding: a continuation is opened as another call's.
	PlantBinding
	// PlantRecord: a record says another first target than the caller got.
	PlantRecord
	// PlantLoss: a record counts as delivered that the ledger never took.
	PlantLoss
	// PlantTwice: the ledger keeps a record twice that is delivered twice.
	PlantTwice
	// PlantStill: a watch stands still for good, and counts as current.
	PlantStill
	numPlants
)

// String is the defect's name.
func (p Plant) String() string {
	return [numPlants]string{
		"none", "compiler", "event", "truth", "copy", "age", "ladder", "order", "binding", "record", "loss", "twice", "still",
	}[p]
}
