package routing_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

func createLine(l *routingv1.Line) *routingv1.CreateLineRequest {
	return &routingv1.CreateLineRequest{Line: l}
}

// withSites is a house with four sites and nothing else.
func withSites(t *testing.T) *house {
	t.Helper()
	h := open(t)
	h.applied(t, h.put(t, viewtest.World{Sites: followTheSun().Sites}.Records()...))
	return h
}

func TestALineLivesAndDies(t *testing.T) {
	h := withSites(t)
	ctx := t.Context()
	made, err := h.lines.CreateLine(ctx, createLine(line("gold", goldNumber, "sydney", "dublin")))
	if err != nil || made.GetEtag() == "" || made.GetNumber().GetE164Number() != "+61255500100" {
		t.Fatalf("created %v, %v", made, err)
	}
	entry, err := h.etcd.Get(ctx, published.LinePrefix+"gold")
	if err != nil {
		t.Fatal(err)
	}
	record, err := published.Line(entry.Value)
	if err != nil || strings.Join(record.GetSites(), " ") != "sydney dublin" || strings.Contains(record.String(), canary) {
		t.Errorf("published %v, %v", record, err)
	}
	h.applied(t, entry.ModRevision)
	if got := shape(h.route(t, "+61255500100", "")); got != "lines/gold sydney.1 last-resort" {
		t.Error(got)
	}
	change := line("gold", goldNumber+7, "bengaluru")
	change.Product, change.Etag = "db", made.GetEtag()
	updated, err := h.lines.UpdateLine(ctx, &routingv1.UpdateLineRequest{
		Line: change, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"product", "sites"}},
	})
	if err != nil || updated.GetProduct() != "db" || len(updated.GetSites()) != 1 ||
		updated.GetNumber().GetE164Number() != "+61255500100" {
		t.Fatalf("updated %v, %v", updated, err)
	}
	_, err = h.lines.DeleteLine(ctx, &routingv1.DeleteLineRequest{Name: "lines/gold", Etag: made.GetEtag()})
	wantReason(t, err, rpcv1.Reason_REASON_CONFLICT)
	if _, err := h.lines.DeleteLine(ctx, &routingv1.DeleteLineRequest{Name: "lines/gold"}); err != nil {
		t.Fatal(err)
	}
	_, err = h.lines.GetLine(ctx, &routingv1.GetLineRequest{Name: "lines/gold"})
	wantReason(t, err, rpcv1.Reason_REASON_NOT_FOUND)
	if _, err := h.etcd.Get(ctx, published.LinePrefix+"gold"); err == nil {
		t.Error("its published record outlives a line")
	}
	h.applied(t, h.put(t))
	if got := shape(h.route(t, "+61255500100", "")); got != " END_CAUSE_UNKNOWN_LINE" {
		t.Error(got)
	}
}

func TestBadLinesAreRefusedByName(t *testing.T) {
	h := withSites(t)
	taken := line("taken", goldNumber, "dublin")
	if _, err := h.lines.CreateLine(t.Context(), createLine(taken)); err != nil {
		t.Fatal(err)
	}
	noLastResort := line("bad", goldNumber+1, "dublin")
	noLastResort.LastResort = nil
	for what, c := range map[string]struct {
		line   *routingv1.Line
		reason rpcv1.Reason
		says   string
	}{
		"a site that does not exist": {
			line("bad", goldNumber+1, "dublin", "atlantis"), rpcv1.Reason_REASON_MISSING_REFERENCE,
			`sites[1].site: "sites/atlantis": does not exist`,
		},
		"a site twice": {
			line("bad", goldNumber+1, "dublin", "dublin"), rpcv1.Reason_REASON_INVALID_FIELD, `sites[1].site: "sites/dublin"`,
		},
		"another line's number": {
			line("bad", goldNumber, "dublin"), rpcv1.Reason_REASON_ALREADY_EXISTS, `number: "(hidden)": is the number of lines/taken`,
		},
		"no last resort": {noLastResort, rpcv1.Reason_REASON_INVALID_FIELD, "last_resort"},
		"its own name":   {taken, rpcv1.Reason_REASON_ALREADY_EXISTS, "lines/taken"},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := h.lines.CreateLine(t.Context(), createLine(c.line))
			wantReason(t, err, c.reason)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v does not say %s", err, c.says)
			}
			if _, err := h.etcd.Get(t.Context(), "routing/lines/bad"); err == nil {
				t.Error("a refused line was written")
			}
		})
	}
	if _, err := h.lines.UpdateLine(t.Context(), &routingv1.UpdateLineRequest{Line: taken}); err != nil {
		t.Errorf("a line's own number counts as taken: %v", err)
	}
}

// Two lines of one number are written at once: the second commit must fail, whoever comes first.
func TestANumberIsGivenOnceWhateverTheRace(t *testing.T) {
	h := withSites(t)
	h.beforeCommit = func() {
		if _, err := h.lines.CreateLine(t.Context(), createLine(line("first", goldNumber, "dublin"))); err != nil {
			t.Error(err)
		}
	}
	_, err := h.lines.CreateLine(t.Context(), createLine(line("second", goldNumber, "dublin")))
	wantReason(t, err, rpcv1.Reason_REASON_CONFLICT)

	var wins int
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, id := range []string{"a", "b", "c", "d"} {
		all.Go(func() {
			_, err := h.lines.CreateLine(t.Context(), createLine(line(id, goldNumber+9, "dublin")))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				wins++
			}
		})
	}
	all.Wait()
	if wins != 1 {
		t.Errorf("%d lines have one number", wins)
	}
}

func TestASiteCannotGoWhileALineIsWrittenThatListsIt(t *testing.T) {
	h := withSites(t)
	h.beforeCommit = func() {
		if _, err := h.etcd.Commit(t.Context(), nil, []*rpcv1.Write{coord.Delete(published.SitePrefix + "dublin")}); err != nil {
			t.Error(err)
		}
	}
	_, err := h.lines.CreateLine(t.Context(), createLine(line("gold", goldNumber, "dublin")))
	wantReason(t, err, rpcv1.Reason_REASON_CONFLICT)
}

// A site written a moment ago may not be in the view yet; a line may list it all the same.
func TestALineMayListASiteTheViewHasNotSeen(t *testing.T) {
	h := build(t) // its view is never listed
	h.put(t, viewtest.SiteRecord(viewtest.Site("dublin")))
	if _, err := h.lines.CreateLine(t.Context(), createLine(line("gold", goldNumber, "dublin"))); err != nil {
		t.Error(err)
	}
	_, err := h.lines.CreateLine(t.Context(), createLine(line("silver", goldNumber+1, "cork")))
	wantReason(t, err, rpcv1.Reason_REASON_MISSING_REFERENCE)
}

func TestHiddenNumbersAreForAdministrators(t *testing.T) {
	h := withSites(t)
	open := line("open", goldNumber+1, "dublin")
	open.Visibility = routingv1.Visibility_VISIBILITY_PUBLISHED
	for _, l := range []*routingv1.Line{line("gold", goldNumber, "dublin"), open} {
		if _, err := h.lines.CreateLine(t.Context(), createLine(l)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		role rpcv1.Role
		may  bool
	}{
		{rpcv1.Role_ROLE_ADMIN, true}, {rpcv1.Role_ROLE_SERVICE, true}, {rpcv1.Role_ROLE_READER, false},
		{rpcv1.Role_ROLE_AUDITOR, false}, {rpcv1.Role_ROLE_SITE, false}, {rpcv1.Role_ROLE_SUPERVISOR, false},
	} {
		h.roles = []rpcv1.Role{c.role}
		got, err := h.lines.GetLine(t.Context(), &routingv1.GetLineRequest{Name: "lines/gold"})
		if err != nil || (got.GetNumber() != nil) != c.may {
			t.Errorf("%v reads %v, %v", c.role, got.GetNumber(), err)
		}
		list, err := h.lines.ListLines(t.Context(), &routingv1.ListLinesRequest{})
		if err != nil || len(list.GetLines()) != 2 || (list.GetLines()[0].GetNumber() != nil) != c.may ||
			list.GetLines()[1].GetNumber() == nil {
			t.Errorf("%v lists %v, %v", c.role, list, err)
		}
	}
	h.roles = []rpcv1.Role{rpcv1.Role_ROLE_GATEWAY}
	_, err := h.lines.GetLine(t.Context(), &routingv1.GetLineRequest{Name: "lines/gold"})
	wantReason(t, err, rpcv1.Reason_REASON_ROLE_REQUIRED)
	h.roles = []rpcv1.Role{rpcv1.Role_ROLE_READER}
	_, err = h.lines.UpdateLine(t.Context(), &routingv1.UpdateLineRequest{Line: line("gold", goldNumber, "dublin")})
	wantReason(t, err, rpcv1.Reason_REASON_ROLE_REQUIRED)
}

// auditLog keeps the resources of what it is told, by method.
type auditLog struct {
	mu   sync.Mutex
	list []string
}

// Audit is rpc.Auditor's.
func (a *auditLog) Audit(r *rpcv1.AuditRecord) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, method, _ := strings.Cut(r.GetMethod(), "/")
	a.list = append(a.list, method+" "+strings.Join(r.GetResources(), " "))
}

func (a *auditLog) take() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer func() { a.list = nil }()
	return strings.Join(a.list, ", ")
}

// TestWhoWasToldAHiddenNumberIsKept: of administrators, and not of whoever can do without, nor of what is published.
func TestWhoWasToldAHiddenNumberIsKept(t *testing.T) {
	h := withSites(t)
	open := line("open", goldNumber+1, "dublin")
	open.Visibility = routingv1.Visibility_VISIBILITY_PUBLISHED
	for _, l := range []*routingv1.Line{line("gold", goldNumber, "dublin"), open} {
		if _, err := h.lines.CreateLine(t.Context(), createLine(l)); err != nil {
			t.Fatal(err)
		}
	}
	h.audit.take()
	for _, c := range []struct {
		role    rpcv1.Role
		without bool
		want    string
	}{
		{rpcv1.Role_ROLE_ADMIN, false, "GetLine lines/gold, ListLines lines/gold"}, {rpcv1.Role_ROLE_ADMIN, true, ""},
		{rpcv1.Role_ROLE_SERVICE, false, ""}, {rpcv1.Role_ROLE_AUDITOR, false, ""},
	} {
		h.roles = []rpcv1.Role{c.role}
		for _, name := range []string{"lines/gold", "lines/open"} {
			got, err := h.lines.GetLine(t.Context(), &routingv1.GetLineRequest{Name: name, LeaveOutHidden: c.without})
			if err != nil || c.without && (got.GetNumber() == nil) != (name == "lines/gold") {
				t.Errorf("%v reads %v, %v", c.role, got, err)
			}
		}
		list, err := h.lines.ListLines(t.Context(), &routingv1.ListLinesRequest{LeaveOutHidden: c.without})
		if err != nil || c.without && list.GetLines()[0].GetNumber() != nil {
			t.Errorf("%v lists %v, %v", c.role, list, err)
		}
		if got := h.audit.take(); got != c.want {
			t.Errorf("%v, without %v: kept %q, want %q", c.role, c.without, got, c.want)
		}
	}
}

func TestValidateOnlyWritesNothing(t *testing.T) {
	h := withSites(t)
	r := createLine(line("gold", goldNumber, "dublin"))
	r.ValidateOnly = true
	if _, err := h.lines.CreateLine(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	_, err := h.lines.GetLine(t.Context(), &routingv1.GetLineRequest{Name: "lines/gold"})
	wantReason(t, err, rpcv1.Reason_REASON_NOT_FOUND)
	r.Line = viewtest.MinRemaining(line("gold", goldNumber, "dublin"), 1500*time.Millisecond)
	_, err = h.lines.CreateLine(t.Context(), r)
	wantReason(t, err, rpcv1.Reason_REASON_INVALID_FIELD)
}
