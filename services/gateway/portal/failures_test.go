package portal_test

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/daysidehq/dayside/services/gateway/portal"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/rpc"
)

// secretWords are what a service says, which nobody is shown: it is in English, and may name what is nobody's business.
const secretWords = "customers/acme has contract c-1"

func limited(after time.Duration) error {
	f := fault.LimitExceeded(secretWords)
	f.RetryAfter = after
	return rpc.Status(f).Err()
}

// TestRefusalsAreSaidForPeople: by what they asked for, and see; never in the words of a service.
func TestRefusalsAreSaidForPeople(t *testing.T) {
	wrongState := rpc.Status(fault.WrongState("x", secretWords)).Err()
	invalid := rpc.Status(fault.Invalid(fault.Violation{Field: "f", Value: secretWords, Rule: secretWords})).Err()
	c := &contacts{}
	b := open(t, c, nil)
	b.signIn()
	for _, said := range []struct {
		form   string
		err    error
		fields []string
		status int
		want   string
	}{
		{"/number", wrongState, nil, http.StatusConflict, "Your company may not call this line at the moment."},
		{"/number", wrongState, []string{"customer", "customers/bolt"}, http.StatusConflict, "This page was of another company"},
		{"/number", limited(14*time.Minute + 59*time.Second), nil, http.StatusTooManyRequests, "go on working. Please try again in 15 minutes."},
		{"/number", limited(time.Second), nil, http.StatusTooManyRequests, "go on working. Please try again in a minute."},
		{"/number", status.Error(codes.PermissionDenied, secretWords), nil, http.StatusInternalServerError, "Something went wrong"},
		{"/number", status.Error(codes.Unavailable, secretWords), nil, http.StatusServiceUnavailable, "does not answer"},
		{"/name", invalid, nil, http.StatusBadRequest, "at least 3 letters or digits and at most 100 characters"},
		{"/name", limited(time.Minute), nil, http.StatusTooManyRequests, "The name was changed often lately."},
		{"/name", rpc.Status(fault.Conflict("x")).Err(), nil, http.StatusConflict, "changed meanwhile"},
		{"/promise", wrongState, []string{"answer", "confirm"}, http.StatusConflict, "answered meanwhile, or has lapsed"},
		{"/promise", invalid, []string{"answer", "dispute"}, http.StatusBadRequest, "Never write the number of a payment card."},
		{"/promise", limited(0), []string{"answer", "dispute"}, http.StatusTooManyRequests, "This was answered too often."},
		{"/promise", nil, []string{"answer", "perhaps"}, http.StatusBadRequest, "Please confirm or dispute."},
		{"/customer", rpc.Status(fault.NotFound("x")).Err(), nil, http.StatusNotFound, "It is there no longer."},
		{"/leave", nil, []string{"token", "guess"}, http.StatusForbidden, "another session"},
	} {
		c.refusal = nil
		b.get("/")
		c.refusal = said.err
		b.submit(said.form, "", said.fields...)
		b.sees(said.status, said.want, "Back to the first page")
		if strings.Contains(b.page, "c-1") {
			t.Errorf("%s tells what the service says: %s", said.form, b.page)
		}
	}
	c.refusal = nil
	b.get("/")
	c.helpless, c.refusal = true, wrongState
	b.submit("/number", "lines/gold")
	b.sees(http.StatusConflict, "You may only look.")
}

// TestStrangersAreToldWhatIsWrong likewise, and no more.
func TestStrangersAreToldWhatIsWrong(t *testing.T) {
	for _, said := range []struct {
		err    error
		email  string
		status int
		want   string
	}{
		{limited(14*time.Minute + 59*time.Second), "", http.StatusTooManyRequests, "Too many links asked for from here. Please try again in 15 minutes."},
		{limited(0), "", http.StatusTooManyRequests, "There were too many requests. Please try again in a minute."},
		{status.Error(codes.FailedPrecondition, secretWords), "", http.StatusConflict, "No links are sent here."},
		{status.Error(codes.InvalidArgument, secretWords), "", http.StatusBadRequest, "This is no e-mail address."},
		{status.Error(codes.Unavailable, secretWords), "", http.StatusServiceUnavailable, "does not answer"},
		{status.Error(codes.Internal, secretWords), "", http.StatusInternalServerError, "It was written down."},
		{nil, "nobody", http.StatusBadRequest, "This is no e-mail address."},
	} {
		b := open(t, &contacts{refusal: said.err}, nil)
		b.get("/")
		b.submit("/ask", "", "email", cmp.Or(said.email, "ann@acme.example"))
		b.sees(said.status, said.want)
		if strings.Contains(b.page, "c-1") {
			t.Errorf("%v: tells what the service says: %s", said.err, b.page)
		}
	}
}

// TestWhoLeavesIsNoFailure: a page that is closed while it loads is nobody's fault, and wakes nobody.
func TestWhoLeavesIsNoFailure(t *testing.T) {
	var log strings.Builder
	p, err := portal.New(portal.Config{
		URL: "http://127.0.0.1", Contacts: &contacts{err: status.Error(codes.Canceled, "the caller went away")}, Clock: clock.System{},
		Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, gone := range []bool{true, false} {
		ctx, leave := context.WithCancel(t.Context())
		if gone {
			leave()
		}
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1/", nil)
		r.AddCookie(&http.Cookie{Name: "dayside-session", Value: "s1"})
		w := httptest.NewRecorder()
		p.Handler().ServeHTTP(w, r)
		leave()
		if told := log.Len() > 0; told == gone || (w.Code == http.StatusInternalServerError) == gone {
			t.Errorf("gone %v: %d, %s", gone, w.Code, log.String())
		}
	}
}
