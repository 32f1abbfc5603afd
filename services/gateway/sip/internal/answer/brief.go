package answer

import (
	"strings"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

const (
	// maxBriefBytes bounds a token that is handed on.
	maxBriefBytes = 256
	// briefBefore and briefBehind make a token the header that whoever follows the redirect puts in its INVITE (RFC 3261,
	// 19.1.1 and 19.1.5): User-to-User: TOKEN;purpose=dayside (RFC 7433, 4.1). Without a purpose it would be taken for ISDN's.
	briefBefore = "?User-to-User="
	briefBehind = "%3Bpurpose%3Ddayside"
)

// briefable says whether a token can stand in a URI's header as it is: letters, digits, hyphens and underscores.
func briefable(token string) bool {
	if token == "" || len(token) > maxBriefBytes {
		return false
	}
	for i := range len(token) {
		c := token[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// takesBrief says whether a Contact for a target can hold a header: a tel: URI has none (RFC 3966, 3), and one that has
// some already is left as it is.
func takesBrief(t *schedulev1.Target, domain string) bool {
	switch a := t.GetAddress().(type) {
	case *schedulev1.Target_SipUri:
		return !strings.Contains(a.SipUri, "?")
	case *schedulev1.Target_PhoneNumber:
		return domain != ""
	}
	return false
}

// briefs is how many of the contacts get the token, from the first on, within spare bytes (negative: no limit). Targets come
// before tokens: what is spare is what all contacts leave. The contacts are of the first keep targets and of the last.
func briefs(targets []*routingv1.RouteTarget, keep int, domain, token string, spare int) int {
	if token == "" {
		return 0
	}
	each, n := len(briefBefore)+len(token)+len(briefBehind), 0
	for i := range targets {
		if i >= keep && i < len(targets)-1 || !takesBrief(targets[i].GetTarget(), domain) {
			continue
		}
		if spare >= 0 && (n+1)*each > spare {
			break
		}
		n++
	}
	return n
}

// appendBrief adds the header to a URI.
func appendBrief(dst []byte, token string) []byte {
	return append(append(append(dst, briefBefore...), token...), briefBehind...)
}
