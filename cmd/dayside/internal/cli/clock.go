package cli

import (
	"bytes"
	"encoding/binary"
	"time"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// zoneOfDuty is the zone of a rota as the server reads it: this program's own, whose abbreviations people know, where its
// clock is the same over the range, and else one that is made of the answer and shows offsets.
func (a *app) zoneOfDuty(duty *schedulev1.QueryDutyResponse) *time.Location {
	own, clock := a.zone(duty.GetTimeZone()), duty.GetClock()
	if len(clock) == 0 || len(clock) > maxClockOffsets {
		return own
	}
	made, err := time.LoadLocationFromTZData(duty.GetTimeZone(), tzif(clock))
	if err != nil {
		return time.UTC // an answer of another kind than this program knows
	}
	from, to := ends(duty.GetInterval())
	if from.After(to) || to.Sub(from) > maxClockDays*24*time.Hour {
		return made
	}
	// No zone changes its clock twice within a day.
	for at := from; at.Before(to); at = at.Add(24 * time.Hour) {
		if !sameClock(at, own, made) {
			return made
		}
	}
	for _, c := range clock {
		if at := c.GetFrom().AsTime(); !sameClock(at, own, made) || at.After(from) && !sameClock(at.Add(-time.Second), own, made) {
			return made
		}
	}
	return own
}

const (
	// maxClockDays is the longest range whose clock is looked at: as much as can be asked about.
	maxClockDays = 401
	// maxClockOffsets is what a file of abbreviations of seven bytes holds.
	maxClockOffsets = 32
)

func sameClock(at time.Time, a, b *time.Location) bool {
	_, eastA := at.In(a).Zone()
	_, eastB := at.In(b).Zone()
	return eastA == eastB
}

// tzif is a clock as a file of version 2 (RFC 9636), whose times have 64 bits; the block of version 1 before it is empty.
func tzif(clock []*schedulev1.ClockOffset) []byte {
	var b, types, names bytes.Buffer
	header := func(changes, kinds, nameBytes int) {
		b.WriteString("TZif2")
		b.Write(make([]byte, 15))
		for _, n := range []int{0, 0, 0, changes, kinds, nameBytes} {
			_ = binary.Write(&b, binary.BigEndian, uint32(n)) //nolint:gosec // some few
		}
	}
	header(0, 1, 1)
	b.Write(make([]byte, 6+1))
	for _, c := range clock {
		_ = binary.Write(&types, binary.BigEndian, int32(c.GetUtcOffset().GetSeconds())) //nolint:gosec // some hours
		types.WriteByte(0)
		types.WriteByte(byte(names.Len())) // RFC 9636 gives an index one byte
		names.WriteString(offsetText(c.GetUtcOffset()) + "\x00")
	}
	header(len(clock), len(clock), names.Len())
	for _, c := range clock {
		_ = binary.Write(&b, binary.BigEndian, c.GetFrom().GetSeconds())
	}
	for i := range clock {
		b.WriteByte(byte(i))
	}
	b.Write(types.Bytes())
	b.Write(names.Bytes())
	b.WriteString("\n\n") // nothing is known of later times
	return b.Bytes()
}
