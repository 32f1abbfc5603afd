package routing_test

import (
	"strings"
	"testing"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
)

// officeLine is a published line that transfers its callers to another one outside hours.
func officeLine(number phone.Number, to string) *routingv1.Line {
	l := line("office", number, "dublin")
	l.Visibility = routingv1.Visibility_VISIBILITY_PUBLISHED
	l.OutOfHours = &routingv1.OutOfHours{TransferLine: to}
	return l
}

func TestALineTransfersToOneThatExistsAndStays(t *testing.T) {
	h := withSites(t)
	ctx := t.Context()
	_, err := h.lines.CreateLine(ctx, createLine(officeLine(goldNumber+1, "lines/gold")))
	wantReason(t, err, rpcv1.Reason_REASON_MISSING_REFERENCE)
	if !strings.Contains(err.Error(), "out_of_hours.transfer_line") {
		t.Errorf("the field is not named: %v", err)
	}
	if _, err = h.lines.CreateLine(ctx, createLine(line("gold", goldNumber, "sydney"))); err != nil {
		t.Fatal(err)
	}
	if _, err = h.lines.CreateLine(ctx, createLine(officeLine(goldNumber+1, "lines/gold"))); err != nil {
		t.Fatal(err)
	}
	_, err = h.lines.DeleteLine(ctx, &routingv1.DeleteLineRequest{Name: "lines/gold"})
	wantReason(t, err, rpcv1.Reason_REASON_IN_USE)
	if !strings.Contains(err.Error(), "lines/office") {
		t.Errorf("who uses it is not named: %v", err)
	}
	_, err = h.configuration.ApplyConfiguration(ctx, &routingv1.ApplyConfigurationRequest{Delete: []string{"lines/gold"}})
	wantReason(t, err, rpcv1.Reason_REASON_IN_USE)
	if _, err = h.configuration.ApplyConfiguration(ctx, &routingv1.ApplyConfigurationRequest{
		Delete: []string{"lines/gold", "lines/office"},
	}); err != nil {
		t.Errorf("both at once: %v", err)
	}
}

func TestLinesThatTransferAreAppliedTogether(t *testing.T) {
	h := withSites(t)
	ctx := t.Context()
	office, gold := officeLine(goldNumber+1, "lines/gold"), line("gold", goldNumber, "sydney")
	_, err := h.configuration.ApplyConfiguration(ctx, &routingv1.ApplyConfigurationRequest{Lines: []*routingv1.Line{office}})
	wantReason(t, err, rpcv1.Reason_REASON_MISSING_REFERENCE)
	if _, err := h.configuration.ApplyConfiguration(ctx, &routingv1.ApplyConfigurationRequest{
		Lines: []*routingv1.Line{office, gold},
	}); err != nil {
		t.Fatal(err)
	}
}

func TestALineIsClosedInAnEmergency(t *testing.T) {
	h := drained(t)
	closure := &routingv1.Drain{Subject: &routingv1.Drain_AllSites{AllSites: true}, Line: "lines/gold", Reason: "flood"}
	d := h.drain(t, closure)
	if !strings.HasPrefix(d.GetName(), "drains/gold-") {
		t.Errorf("made %v", d)
	}
	if got := h.ladder(t); got != "lines/gold person.anna.1 last-resort" {
		t.Errorf("who is on duty goes on, and the last resort does: %s", got)
	}
	for _, v := range h.route(t, goldNumber.String(), "").GetExplanation().GetSites() {
		if v.GetDrain() != d.GetName() || v.GetDrainReason() != "flood" {
			t.Errorf("explained as %v", v)
		}
	}
	if _, err := h.drains.DeleteDrain(t.Context(), &routingv1.DeleteDrainRequest{Name: d.GetName()}); err != nil {
		t.Fatal(err)
	}
	h.everywhere(t)
	if got := h.ladder(t); got != allOpen {
		t.Error(got)
	}
}

func TestAClosureNamesALineThatExists(t *testing.T) {
	h := drained(t)
	all := func() *routingv1.Drain { return &routingv1.Drain{Subject: &routingv1.Drain_AllSites{AllSites: true}} }
	unknown, partly := all(), all()
	unknown.Line = "lines/silver"
	partly.Line, partly.Target = "lines/gold", line("x", goldNumber).GetLastResort().GetTarget()
	for what, c := range map[string]struct {
		drain  *routingv1.Drain
		reason rpcv1.Reason
	}{
		"no line":         {all(), rpcv1.Reason_REASON_INVALID_FIELD},
		"an unknown line": {unknown, rpcv1.Reason_REASON_MISSING_REFERENCE},
		"one target":      {partly, rpcv1.Reason_REASON_INVALID_FIELD},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := h.drains.CreateDrain(t.Context(), &routingv1.CreateDrainRequest{Drain: c.drain})
			wantReason(t, err, c.reason)
		})
	}
}
