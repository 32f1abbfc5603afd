package host

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// calendars answers with a file that was made at a time of its own, or with 404.
func calendars(made *string) http.Handler {
	return feedHeaders(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/feeds/t.ics" {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte("{}"))
			return
		}
		w.Header().Set("Content-Type", "text/calendar; charset=utf-8")
		_, _ = w.Write([]byte("BEGIN:VCALENDAR\r\nDTSTAMP:" + *made + "\r\nSUMMARY:x\r\n"))
	}))
}

func TestFeedsAreSentWhereTheyChanged(t *testing.T) {
	made := "20261122T090000Z"
	h := calendars(&made)
	ask := func(method, path, tag string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
		if tag != "" {
			r.Header.Set("If-None-Match", tag)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	first := ask(http.MethodGet, "/feeds/t.ics", "")
	tag := first.Header().Get("ETag")
	if first.Code != 200 || !strings.HasPrefix(tag, `W/"`) || first.Header().Get("Cache-Control") != "private, no-cache" ||
		first.Header().Get("Content-Type") != "text/calendar; charset=utf-8" || first.Header().Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("%d %v", first.Code, first.Header())
	}
	made = "20261122T100000Z" // an hour later nothing has changed
	for _, known := range []string{tag, strings.TrimPrefix(tag, "W/"), `"other", ` + tag, "*"} {
		if w := ask(http.MethodGet, "/feeds/t.ics", known); w.Code != http.StatusNotModified || w.Body.Len() != 0 {
			t.Errorf("known as %s: %d, %q", known, w.Code, w.Body)
		}
	}
	made += "\r\nSUMMARY:new"
	if w := ask(http.MethodGet, "/feeds/t.ics", tag); w.Code != 200 || w.Header().Get("ETag") == tag || w.Body.Len() == 0 {
		t.Errorf("changed: %d %v", w.Code, w.Header())
	}
	if w := ask(http.MethodHead, "/feeds/t.ics", ""); w.Code != 200 || w.Header().Get("ETag") == "" || w.Header().Get("Content-Length") == "0" {
		t.Errorf("HEAD: %d %v", w.Code, w.Header())
	}
	if w := ask(http.MethodGet, "/feeds/other", "*"); w.Code != 404 || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("ETag") != "" {
		t.Errorf("unknown: %d %v", w.Code, w.Header())
	}
}
