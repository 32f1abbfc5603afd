package cli_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
)

// contactAnswers are what a fake says of contacts.
type contactAnswers struct {
	entitlementv1.UnimplementedContactServiceServer
	// reveals are told one a page.
	reveals []*entitlementv1.NumberReveal
	renamed *entitlementv1.Customer
}

func (f *fake) ListReveals(_ context.Context, r *entitlementv1.ListRevealsRequest) (*entitlementv1.ListRevealsResponse, error) {
	f.asked = proto.CloneOf(r)
	at := len(r.GetPageToken())
	answer := &entitlementv1.ListRevealsResponse{Reveals: f.reveals[at:min(at+1, len(f.reveals))]}
	if at+1 < len(f.reveals) {
		answer.NextPageToken = strings.Repeat("x", at+1)
	}
	return answer, f.err
}

func (f *fake) RenameAccessName(_ context.Context, r *entitlementv1.RenameAccessNameRequest) (*entitlementv1.Customer, error) {
	f.asked = r
	return f.renamed, f.err
}

func withReveals() *fake {
	reveal := func(seconds int64, contact, method string) *entitlementv1.NumberReveal {
		return &entitlementv1.NumberReveal{
			Time: &timestamppb.Timestamp{Seconds: seconds}, Customer: "customers/acme", ContactId: contact, Line: "lines/gold-emergency",
			Method: method, Client: "192.0.2.1",
		}
	}
	return &fake{contactAnswers: contactAnswers{
		reveals: []*entitlementv1.NumberReveal{reveal(1795338600, "bob", "oidc"), reveal(1795338000, "ann\x1b[31m", "link")},
		renamed: &entitlementv1.Customer{Name: "customers/acme", AccessName: "Osprey", FormerAccessNames: []*entitlementv1.AccessNameUse{
			{Name: "Heron", EndTime: &timestamppb.Timestamp{Seconds: 1795338000}, ReplacedBy: "contacts/ann"},
		}},
	}}
}

func TestRevealsAndNamesAreShown(t *testing.T) {
	for name, args := range map[string][]string{
		"reveals": {"reveals", "acme"}, "reveals-limit": {"reveals", "--limit", "1"},
		"customer-rename": {"customer", "rename", "acme", "Osprey"},
	} {
		term := newTerminal(t, withReveals())
		if code := term.run(t.Context(), args...); code != 0 || term.err.Len() > 0 {
			t.Errorf("%v: exit %d, %s", args, code, term.err.String())
		}
		golden(t, name, term.out.String())
	}
	f := &fake{ledgerAnswers: heard(t)}
	f.calls[1].NumberRevealed = true
	f.calls = f.calls[1:2]
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "reveals", "acme"); code != 0 || !strings.Contains(term.out.String(), "Told in calls:\nWHEN") ||
		!f.askedCalls.GetNumberRevealed() || f.askedCalls.GetCustomer() != "customers/acme" {
		t.Errorf("exit %d, %s, asked %v", code, term.out.String(), f.askedCalls)
	}
	term = newTerminal(t, &fake{})
	if code := term.run(t.Context(), "reveals"); code != 0 || term.out.String() != "Nobody was shown a number in the portal.\n"+
		"Nobody was told a hidden number in a call.\n" {
		t.Errorf("exit %d, %s", code, term.out.String())
	}
}

func TestWhatRenameAndRevealsAsk(t *testing.T) {
	for _, c := range []struct {
		args []string
		want proto.Message
	}{
		{[]string{"customer", "rename", "customers/acme", "Blue Heron"}, &entitlementv1.RenameAccessNameRequest{Customer: "customers/acme", AccessName: "Blue Heron"}},
		{[]string{"customer", "rename", "acme", "--remove"}, &entitlementv1.RenameAccessNameRequest{Customer: "customers/acme"}},
		{[]string{"reveals", "acme", "--limit", "1"}, &entitlementv1.ListRevealsRequest{Customer: "customers/acme", PageSize: 1}},
	} {
		f := withReveals()
		term := newTerminal(t, f)
		if code := term.run(t.Context(), c.args...); code != 0 || !proto.Equal(f.asked, c.want) {
			t.Errorf("%v: exit %d, %s, asked %v", c.args, code, term.err.String(), f.asked)
		}
	}
	for _, args := range [][]string{
		{"customer", "rename", "acme"}, {"customer", "rename", "acme", "Heron", "--remove"}, {"customer", "rename", "acme", ""},
		{"customer", "rename", "lines/x", "Heron"}, {"reveals", "--limit", "0"}, {"reveals", "a/b/c"},
		{"serve", "--portal-proxies", "nowhere"},
	} {
		term := newTerminal(t, withReveals())
		if code := term.run(t.Context(), args...); code != 2 || term.out.Len() > 0 {
			t.Errorf("%v: exit %d, %s%s", args, code, term.out.String(), term.err.String())
		}
	}
	f := withReveals()
	f.err = status.Error(codes.AlreadyExists, "the access name \"Heron\" is another customer's, or was")
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "customer", "rename", "acme", "Heron"); code == 0 || !strings.Contains(term.err.String(), "another customer's") {
		t.Errorf("exit %d, %s", code, term.err.String())
	}
}
