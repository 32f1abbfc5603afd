package decide

import routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"

// findLine is the first stage: which line was dialled.
func findLine(d *Decision) (routingv1.Verdict, bool) {
	if d.call.LineID != "" {
		d.Line = d.view.LineByID(d.call.LineID)
	} else if d.call.Dialled != 0 {
		d.Line = d.view.LineByNumber(d.call.Dialled)
	}
	if d.Line == nil {
		d.End = routingv1.EndCause_END_CAUSE_UNKNOWN_LINE
		return routingv1.Verdict_VERDICT_LINE_UNKNOWN, false
	}
	return routingv1.Verdict_VERDICT_LINE_FOUND, true
}
