// Package target checks where calls can be sent, a SIP URI or a number in E.164, when somebody writes one down. What is
// accepted here can be put into a Contact header, a log and a table without another look.
//
// It says nothing about whether anybody answers there.
package target

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
)

const (
	maxURIBytes  = 255
	maxHostBytes = 253
	ruleE164     = "must be E.164: a plus sign, then 7 to 15 digits that begin with a country code, without an extension"
	ruleURI      = `must be a SIP URI such as "sip:support@dublin.example.com"`
)

// Text is a target as it is published: the SIP URI, or the number in E.164. Empty where it is neither.
func Text(t *schedulev1.Target) string {
	switch a := t.GetAddress().(type) {
	case *schedulev1.Target_SipUri:
		return a.SipUri
	case *schedulev1.Target_PhoneNumber:
		return a.PhoneNumber.GetE164Number()
	default:
		return ""
	}
}

// Broken is the rule that a target at that field breaks; ok where it breaks none.
func Broken(field string, t *schedulev1.Target) (v fault.Violation, ok bool) {
	v = fault.Violation{Field: field, Value: Text(t)}
	switch a := t.GetAddress().(type) {
	case *schedulev1.Target_SipUri:
		v.Field += ".sip_uri"
		v.Rule = uriRule(a.SipUri)
	case *schedulev1.Target_PhoneNumber:
		v.Field += ".phone_number"
		if _, ok := phone.Parse(a.PhoneNumber.GetE164Number()); !ok || a.PhoneNumber.GetExtension() != "" {
			v.Rule = ruleE164
		}
	default:
		v.Rule = "must have a sip_uri or a phone_number"
	}
	return v, v.Rule == ""
}

// uriRule is the rule that a SIP URI breaks, or empty (RFC 3261, 19.1.1 and 25.1; a password, headers and escapes that no
// target needs are refused).
func uriRule(uri string) string {
	rest, isSIP := strings.CutPrefix(uri, "sip:")
	if !isSIP {
		if rest, isSIP = strings.CutPrefix(uri, "sips:"); !isSIP {
			return ruleURI + `, beginning with "sip:" or "sips:"`
		}
	}
	if len(uri) > maxURIBytes {
		return fmt.Sprintf("must be at most %d bytes", maxURIBytes)
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		if rule := userRule(rest[:at]); rule != "" {
			return rule
		}
		rest = rest[at+1:]
	}
	if strings.ContainsRune(rest, '?') {
		return ruleURI + ", without headers"
	}
	hostport, parameters, _ := strings.Cut(rest, ";")
	if rule := hostRule(hostport); rule != "" {
		return rule
	}
	if strings.Contains(rest, ";") {
		return parametersRule(parameters)
	}
	return ""
}

func userRule(user string) string {
	switch {
	case strings.ContainsRune(user, ':'):
		return ruleURI + ", without a password"
	case user == "" || !made(user, "-_.!~*'()&=+$,;/"):
		return ruleURI + ": the user part is empty or has a character that must be escaped"
	}
	return ""
}

func hostRule(hostport string) string {
	host, port := hostport, ""
	if at := strings.LastIndexByte(hostport, ':'); at > strings.LastIndexByte(hostport, ']') {
		host, port = hostport[:at], hostport[at+1:]
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || port[0] == '0' || port[0] == '+' {
			return ruleURI + ": the port is from 1 to 65535"
		}
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, closed := strings.CutSuffix(inner, "]")
		if ip, err := netip.ParseAddr(inner); err != nil || !closed || !ip.Is6() || ip.Zone() != "" {
			return ruleURI + ": the host in brackets is an IPv6 address"
		}
		return ""
	}
	if _, err := netip.ParseAddr(host); err == nil && !strings.Contains(host, ":") {
		return ""
	}
	if !isHostname(host) {
		return ruleURI + ": the host is a domain name or an IP address"
	}
	return ""
}

// isHostname follows RFC 3261's grammar: labels of letters, digits and inner hyphens, the last one not of digits only.
func isHostname(host string) bool {
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
			return false
		}
		for i := range len(l) {
			if !isAlphanumeric(l[i]) && l[i] != '-' {
				return false
			}
		}
	}
	top := labels[len(labels)-1]
	return len(host) <= maxHostBytes && (top[0] < '0' || top[0] > '9')
}

func parametersRule(parameters string) string {
	for p := range strings.SplitSeq(parameters, ";") {
		name, value, hasValue := strings.Cut(p, "=")
		if name == "" || (hasValue && value == "") || !made(name, "-_.!~*'()[]/:&+$") || !made(value, "-_.!~*'()[]/:&+$") {
			return ruleURI + `: parameters are ";name" or ";name=value"`
		}
	}
	return ""
}

// made says whether s is letters, digits, %-escapes of visible characters, and the given ones.
func made(s, others string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isAlphanumeric(c) || strings.IndexByte(others, c) >= 0:
		case c == '%' && i+2 < len(s):
			b, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil || b <= ' ' || b == 0x7f {
				return false
			}
			i += 2
		default:
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
