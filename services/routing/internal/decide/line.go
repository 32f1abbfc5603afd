package decide

import routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"

// findLine is the first stage: which line was dialled, or, of a later step, at which line the call is. A line that is gone
// meanwhile gives way to the one that the caller came from, and that to the dialled one.
func findLine(d *Decision) (routingv1.Verdict, bool) {
	d.former(d.call.Former || d.call.State.GetFormerNumber(), d.call.FormerUntilS)
	if d.transferTo != nil {
		d.Line = d.transferTo
		return routingv1.Verdict_VERDICT_LINE_FOUND, true
	}
	if st := d.call.State; st.GetLine() != "" {
		if d.Line = d.view.LineByID(st.GetLine()); d.Line != nil {
			d.TransferredFrom = st.GetTransferredFrom()
		} else {
			d.Line = d.view.LineByID(st.GetTransferredFrom())
		}
	}
	switch {
	case d.Line != nil:
	case d.call.LineID != "":
		d.Line = d.view.LineByID(d.call.LineID)
	case d.call.Dialled != 0:
		d.dialled()
	}
	if d.Line == nil {
		d.End = routingv1.EndCause_END_CAUSE_UNKNOWN_LINE
		return routingv1.Verdict_VERDICT_LINE_UNKNOWN, false
	}
	return routingv1.Verdict_VERDICT_LINE_FOUND, true
}

// dialled finds the line by the number dialled: one that it had works until that ends.
func (d *Decision) dialled() {
	line, until := d.view.LineDialled(d.call.Dialled, d.nowS)
	if d.Line = line; line != nil && until != 0 {
		d.former(true, until)
	}
}

// former notes that the number dialled was the line's, until when that works. A call that came by it in time goes on when
// that is over; one that came too late stays so.
func (d *Decision) former(was bool, untilS int64) {
	d.FormerNumber, d.FormerUntilS = was, untilS
	d.NumberChanged = d.call.State.GetNumberChanged() || untilS != 0 && untilS <= d.nowS
	if untilS != 0 && untilS > d.nowS {
		d.changesAt(untilS)
	}
}
