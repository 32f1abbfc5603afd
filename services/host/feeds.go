package host

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
)

// feedHeaders serves feeds to calendars, which ask again and again: what has not changed is not sent again (RFC 9110,
// 13.1.2), HEAD is answered, and as the address is the secret, nothing keeps or passes it on.
func feedHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		held := &heldAnswer{header: w.Header(), status: http.StatusOK}
		get := r.Clone(r.Context())
		get.Method = http.MethodGet
		next.ServeHTTP(held, get)
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Robots-Tag", "noindex")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if held.status == http.StatusOK {
			h.Set("Cache-Control", "private, no-cache") // to be asked about each time: it may have been revoked
			h.Set("ETag", feedTag(held.body.Bytes()))
			if matches(r.Header.Get("If-None-Match"), h.Get("ETag")) {
				h.Del("Content-Type")
				h.Del("Content-Length")
				w.WriteHeader(http.StatusNotModified)
				return
			}
		}
		h.Set("Content-Length", strconv.Itoa(held.body.Len()))
		w.WriteHeader(held.status)
		_, _ = w.Write(held.body.Bytes()) // nobody is left to be told
	})
}

// feedTag is the same for files that differ only in when they were made.
func feedTag(text []byte) string {
	hash := sha256.New()
	for line := range bytes.Lines(text) {
		if !bytes.HasPrefix(line, []byte("DTSTAMP:")) {
			hash.Write(line)
		}
	}
	return `W/"` + hex.EncodeToString(hash.Sum(nil)[:16]) + `"`
}

// matches says whether a list of tags, as If-None-Match has them, holds one, by weak comparison (RFC 9110, 8.8.3.2).
func matches(list, tag string) bool {
	for candidate := range strings.SplitSeq(list, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// heldAnswer keeps an answer until it is known how it will be sent. Feeds are limited in size by who makes them.
type heldAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header is http.ResponseWriter's.
func (a *heldAnswer) Header() http.Header { return a.header }

// WriteHeader is http.ResponseWriter's.
func (a *heldAnswer) WriteHeader(status int) { a.status = status }

// Write is http.ResponseWriter's.
func (a *heldAnswer) Write(p []byte) (int, error) { return a.body.Write(p) }
