package routing_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// A line gets another number; the one before goes on being its own for a while, is nobody else's meanwhile, and survives
// other writes.
func TestALineIsRotated(t *testing.T) {
	h := withSites(t)
	ctx := t.Context()
	made, err := h.lines.CreateLine(ctx, createLine(line("gold", goldNumber, "sydney")))
	if err != nil {
		t.Fatal(err)
	}
	rotate := func(to *routingv1.RotateLineNumberRequest) (*routingv1.Line, error) {
		to.Name, to.Number = "lines/gold", viewtest.Number(goldNumber+7)
		return h.lines.RotateLineNumber(ctx, to)
	}
	_, err = rotate(&routingv1.RotateLineNumberRequest{Etag: "W/\"1\""})
	wantReason(t, err, rpcv1.Reason_REASON_CONFLICT)
	if l, err := rotate(&routingv1.RotateLineNumberRequest{ValidateOnly: true}); err != nil || len(l.GetFormerNumbers()) != 1 {
		t.Fatalf("checked %v, %v", l, err)
	}
	rotated, err := rotate(&routingv1.RotateLineNumberRequest{Etag: made.GetEtag(), Overlap: durationpb.New(48 * time.Hour)})
	if err != nil || rotated.GetNumber().GetE164Number() != (goldNumber+7).String() || len(rotated.GetFormerNumbers()) != 1 {
		t.Fatalf("rotated %v, %v", rotated, err)
	}
	told, err := h.lines.TellLineNumber(ctx, &routingv1.TellLineNumberRequest{Name: "lines/gold"})
	if err != nil || told.GetNumber() != (goldNumber+7).String() || told.GetDisplayName() == "" {
		t.Errorf("told %v, %v", told, err)
	}
	_, err = h.lines.CreateLine(ctx, createLine(line("other", goldNumber, "sydney")))
	wantReason(t, err, rpcv1.Reason_REASON_ALREADY_EXISTS)

	// A write that does not know of the rotation takes nothing of it back but what it says.
	again, err := h.lines.UpdateLine(ctx, &routingv1.UpdateLineRequest{
		Line: line("gold", goldNumber+7, "dublin"), UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"*"}},
	})
	if err != nil || len(again.GetFormerNumbers()) != 1 {
		t.Errorf("updated %v, %v", again, err)
	}
	// A file from before the rotation is refused, and says why: it would take the new number away.
	_, err = h.lines.UpdateLine(ctx, &routingv1.UpdateLineRequest{Line: line("gold", goldNumber, "dublin")})
	wantReason(t, err, rpcv1.Reason_REASON_INVALID_FIELD)
	if err == nil || !strings.Contains(err.Error(), "before it was rotated") {
		t.Errorf("refused by %v", err)
	}
	h.applied(t, h.put(t))
	for _, c := range []struct {
		what     string
		number   string
		after    time.Duration
		isFormer bool
		end      routingv1.EndCause
	}{
		{"its number", (goldNumber + 7).String(), 0, false, 0},
		{"the one before", goldNumber.String(), 0, true, 0},
		{"the one before, after the overlap", goldNumber.String(), 49 * time.Hour, true, routingv1.EndCause_END_CAUSE_NUMBER_CHANGED},
		{"its number, after the overlap", (goldNumber + 7).String(), 0, false, 0},
	} {
		h.clock.Advance(c.after)
		r := h.route(t, c.number, "")
		if r.GetLine() != "lines/gold" || r.GetExplanation().GetFormerNumber() != c.isFormer || r.GetEnd().GetCause() != c.end {
			t.Errorf("%s: %v", c.what, r)
		}
	}
	// What had ended is nobody's, so that another line can have it.
	if _, err := h.lines.CreateLine(ctx, createLine(line("other", goldNumber, "sydney"))); err != nil {
		t.Error(err)
	}
	h.applied(t, h.put(t))
	if r := h.route(t, goldNumber.String(), ""); r.GetLine() != "lines/other" || r.GetExplanation().GetFormerNumber() {
		t.Errorf("a number that another line has now leads to %v", r)
	}
	if strings.Contains(h.log.String(), canary) {
		t.Error("a number is in the log")
	}
	entry, err := h.etcd.Get(ctx, published.LinePrefix+"gold")
	if err != nil || strings.Contains(string(entry.Value), canary) {
		t.Errorf("a number is published, or nothing: %v", err)
	}
}

func TestALineIsMadeOffersThatExist(t *testing.T) {
	h := withSites(t)
	l := line("gold", goldNumber, "sydney")
	l.Offers = []string{"offers/day"}
	_, err := h.lines.CreateLine(t.Context(), createLine(l))
	wantReason(t, err, rpcv1.Reason_REASON_MISSING_REFERENCE)
	h.put(t, viewtest.OfferRecord(viewtest.Offer("day")))
	if _, err := h.lines.CreateLine(t.Context(), createLine(l)); err != nil {
		t.Error(err)
	}
}

// TestACallToAFormerNumberThatLostItsStateRingsNobodyInVain: its line is known by the number dialled, as of any other call.
func TestACallToAFormerNumberThatLostItsStateRingsNobodyInVain(t *testing.T) {
	h := staffed(t)
	w := theWholeCall()
	at := slices.IndexFunc(w.Lines, func(l *routingv1.Line) bool { return l.GetName() == "lines/gold" })
	w.Lines[at].FormerNumbers = []*routingv1.FormerNumber{
		{Number: viewtest.Number(goldNumber + 70), EndTime: timestamppb.New(h.clock.Now().Add(time.Hour))},
	}
	h.applied(t, h.put(t, w.Records()...))
	g := h.gateway("1", (goldNumber + 70).String(), acmeANI)
	g.begins(t)
	if !g.last.GetExplanation().GetFormerNumber() {
		t.Fatal("the number is no former one")
	}
	gone := tried("sydney.1=CALLER_GONE")
	gone.Continuation = []byte("forged")
	if got := step(g.goesOn(t, gone)); got != "lines/gold END_CAUSE_OVER" {
		t.Errorf("after the caller hung up: %s", got)
	}
}
