package systemtest

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	gomail "github.com/emersion/go-message/mail"
	"github.com/emersion/go-smtp"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/host"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
)

// postOffice is a real SMTP server that keeps the texts of mails.
type postOffice struct{ mails chan string }

func (o postOffice) NewSession(*smtp.Conn) (smtp.Session, error) { return o, nil }
func (o postOffice) Mail(string, *smtp.MailOptions) error        { return nil }
func (o postOffice) Rcpt(string, *smtp.RcptOptions) error        { return nil }
func (o postOffice) Reset()                                      {}
func (o postOffice) Logout() error                               { return nil }
func (o postOffice) Data(r io.Reader) error {
	m, err := gomail.CreateReader(r)
	if err != nil {
		return err
	}
	part, err := m.NextPart()
	if err != nil {
		return err
	}
	text, err := io.ReadAll(part.Body)
	o.mails <- string(text)
	return err
}

func startPostOffice(t *testing.T) (o postOffice, addr string) {
	t.Helper()
	o = postOffice{make(chan string, 10)}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := smtp.NewServer(o)
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	return o, l.Addr().String()
}

// startIdentities runs a real OpenID Connect provider, and is its issuer.
func startIdentities(t *testing.T, back string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), peer(t, "oidc-provider"), back)
	stop, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stop.Close(); _ = cmd.Wait() })
	issuer, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(issuer)
}

// browser keeps cookies and fills in forms; it runs no scripts.
type browser struct {
	*http.Client
	t    *testing.T
	page string
	at   *url.URL
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{Client: &http.Client{Jar: jar, Timeout: await.Limit}, t: t}
}

func (b *browser) look(resp *http.Response, err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.t.Fatalf("%s %s: %v %s", resp.Request.URL, resp.Status, err, text)
	}
	b.page, b.at = string(text), resp.Request.URL
}

// submit sends a form to a path of where the browser is, with the token of the page.
func (b *browser) submit(path string, fields url.Values) {
	b.t.Helper()
	if token := regexp.MustCompile(`name="token" value="([^"]*)"`).FindStringSubmatch(b.page); token != nil {
		fields.Set("token", token[1])
	}
	b.look(b.PostForm(b.at.ResolveReference(&url.URL{Path: path}).String(), fields))
}

func (b *browser) sees(all ...string) {
	b.t.Helper()
	for _, s := range all {
		if !strings.Contains(b.page, s) {
			b.t.Fatalf("no %q on %s: %s", s, b.at, b.page)
		}
	}
}

// TestAContactHelpsThemselves: from an e-mail address to the hidden number, by a link that a real mail server takes and by a
// real provider of identities; who was shown it is told, and neither it nor what lets somebody in is in a log.
func TestAContactHelpsThemselves(t *testing.T) {
	const address = "ann@heron.example"
	office, smtpAddr := startPostOffice(t)
	listen := freeAddr(t)
	issuer := startIdentities(t, "http://"+listen+"/oidc/back")
	secretFile := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secretFile, []byte("a-secret-of-tests\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startOne(t, options{configure: func(cfg *host.Config) {
		cfg.Clock = clock.System{} // the provider's tokens are of now
		cfg.SelfService = host.SelfService{
			Listen: listen, SMTP: host.SMTP{Addr: smtpAddr, From: "Support <support@vendor.example>"},
			OIDC: host.OIDC{Issuer: issuer, ClientID: "dayside", ClientSecretFile: secretFile},
		}
	}})
	customers := entitlementv1.NewEntitlementServiceClient(s.grpc)
	if _, err := customers.UpdateCustomer(t.Context(), &entitlementv1.UpdateCustomerRequest{
		Customer: &entitlementv1.Customer{Name: "customers/blue-heron-air", Contacts: []*entitlementv1.Contact{
			{ContactId: "ann", DisplayName: "Ann", Email: address, SelfService: true},
		}},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"contacts"}},
	}); err != nil {
		t.Fatal(err)
	}
	await.True(t, "the contact to be known", func() bool {
		found, err := customers.IdentifyCaller(t.Context(), &entitlementv1.IdentifyCallerRequest{Email: address})
		return err == nil && len(found.GetCandidates()) > 0
	})

	b := newBrowser(t)
	b.look(b.Get("http://" + listen + "/"))
	b.submit("/ask", url.Values{"email": {address}})
	text := await.Receive(t, "a mail", office.mails)
	link := regexp.MustCompile(`http://\S+/link#\S+`).FindString(text)
	b.look(b.Get(link)) // the client sends nothing behind the '#', as browsers do
	b.submit("/session", url.Values{"secret": {link}})
	b.sees("Blue Heron Air", "Gold emergency line", "You can call it now")
	if strings.Contains(b.page, "500100") {
		t.Error("the number is on the first page")
	}
	b.submit("/number", url.Values{"line": {exampleHiddenLine}})
	b.sees("&#43;61 255 500 100", "Blue Heron Air alone")

	other := newBrowser(t)
	other.look(other.Get("http://" + listen + "/oidc/start"))
	for _, form := range []url.Values{{"prompt": {"login"}, "login": {address}, "password": {"x"}}, {"prompt": {"consent"}}} {
		other.submit(other.at.Path, form)
	}
	other.sees("Blue Heron Air", "Sign out")
	other.submit("/name", url.Values{"access_name": {"Heron One"}})
	other.sees("Heron One")

	out, stderr, err := s.cli(t, "reveals", "blue-heron-air")
	if err != nil || strings.Count(out, exampleHiddenLine) != 1 || !strings.Contains(out, "ann") {
		t.Errorf("%v: %s %s", err, out, stderr)
	}
	out, stderr, err = s.cli(t, "customer", "rename", "blue-heron-air", "Heron Two")
	if err != nil || !strings.Contains(out, "and still by Heron One, its name until") {
		t.Errorf("%v: %s %s", err, out, stderr)
	}
	logs := s.logs.String()
	_, secret, _ := strings.Cut(link, "#")
	for what, text := range map[string]string{"the number": exampleHiddenNumber[3:], "the link's secret": secret, "an address": address} {
		if strings.Contains(logs, text) {
			t.Errorf("%s is in the log", what)
		}
	}
}
