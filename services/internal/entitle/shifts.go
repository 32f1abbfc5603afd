package entitle

const (
	// MaxGraceShifts is how many changes of clocks count: of a zone with summer time there are no more in the longest grace.
	MaxGraceShifts = 3
	// MaxGraceDays is the longest grace.
	MaxGraceDays = 366

	dayS       = 86400
	shiftBits  = 21
	daysBits   = 9
	minuteBits = shiftBits - daysBits
	// maxShiftMinutes is beyond what any clock was ever changed by.
	maxShiftMinutes = 1<<(minuteBits-1) - 1
)

// GraceShift says that from so many days of grace on, its end is so many minutes later than as many times 24 hours.
type GraceShift struct{ Days, Minutes int }

// GraceShifts are up to MaxGraceShifts in order of their days, as published.v1.Contract.grace_shifts has them; 0 is none.
type GraceShifts uint64

// ShiftsOf are these; what is no shift, and what is too many of them, is left out.
func ShiftsOf(list []GraceShift) GraceShifts {
	var s GraceShifts
	n := 0
	for _, one := range list {
		sound := one.Days >= 1 && one.Days <= MaxGraceDays && max(one.Minutes, -one.Minutes) <= maxShiftMinutes
		if !sound || n == MaxGraceShifts {
			continue
		}
		minutes := uint64(one.Minutes) & (1<<minuteBits - 1) //nolint:gosec // two's complement
		s |= GraceShifts(uint64(one.Days)|minutes<<daysBits) << (shiftBits * n)
		n++
	}
	return s
}

// grace is the grace of a plan, seconds, where clocks change.
func (s GraceShifts) grace(graceS int64) int64 {
	var shiftS int64
	for ; s != 0 && graceS > 0; s >>= shiftBits {
		one := int64(s & (1<<shiftBits - 1)) //nolint:gosec // 21 bits
		days, minutes := one&(1<<daysBits-1), one>>daysBits
		if days == 0 || days*dayS > graceS {
			break
		}
		if minutes > maxShiftMinutes {
			minutes -= 1 << minuteBits
		}
		shiftS = minutes * 60
	}
	return graceS + shiftS
}
