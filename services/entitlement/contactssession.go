package entitlement

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/check"
	"github.com/daysidehq/dayside/services/entitlement/internal/selfservice"
	"github.com/daysidehq/dayside/services/internal/contacttext"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
)

const (
	// How sessions are opened.
	byLink = "link"
	byOIDC = "oidc"
	// maxLinesShown bounds what a contact is shown, linesPage what is read at a time, and maxLinePages how often, for it.
	maxLinesShown = 200
	linesPage     = 500
	maxLinePages  = 20
	// maxPromisesShown likewise, of each state.
	maxPromisesShown = 50
)

// OpenSession makes a session of a link, which is used up in the same commit, or of an ID token.
func (d *contactDesk) OpenSession(ctx context.Context, r *entitlementv1.OpenSessionRequest,
) (*entitlementv1.OpenSessionResponse, error) {
	taken, err := d.wrong.take(r.GetClient(), "links and tokens that open nothing")
	if err != nil {
		return nil, err
	}
	session := &entitlementv1.StoredSession{Client: r.GetClient()}
	var conditions []*rpcv1.Condition
	var writes []*rpcv1.Write
	if r.GetLinkSecret() != "" {
		conditions, writes, err = d.useLink(ctx, r.GetLinkSecret(), session)
	} else {
		err = d.believe(ctx, r.GetIdToken(), r.GetNonce(), session)
	}
	if err != nil {
		if fault.ReasonOf(err) != rpcv1.Reason_REASON_NOT_FOUND {
			d.wrong.giveBack(r.GetClient(), taken)
		}
		return nil, err
	}
	secret, key, err := newSecret()
	if err != nil {
		return nil, err
	}
	session.ExpireTime = timestamppb.New(d.s.cfg.Clock.Now().Add(sessionLife))
	write, err := privately(sessionPrefix+key, session)
	if err != nil {
		return nil, err
	}
	_, err = d.s.cfg.Store.Commit(ctx, conditions, append(writes, write))
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_CONFLICT { // somebody else has just used the link
		return nil, noEntry()
	}
	if err != nil {
		return nil, err
	}
	d.wrong.giveBack(r.GetClient(), taken)
	d.counts.session(ctx, session.GetMethod())
	return &entitlementv1.OpenSessionResponse{Session: secret, ExpireTime: session.GetExpireTime()}, nil
}

// useLink is what uses a link up, and who has it.
func (d *contactDesk) useLink(ctx context.Context, secret string, session *entitlementv1.StoredSession) (
	conditions []*rpcv1.Condition, writes []*rpcv1.Write, err error,
) {
	hash, ok := selfservice.SecretKey(secret)
	if !ok {
		return nil, nil, noEntry()
	}
	link := &entitlementv1.StoredLink{}
	e, err := d.read(ctx, linkPrefix+hash, link)
	if err != nil {
		return nil, nil, orNone(err, noEntry())
	}
	if !d.s.cfg.Clock.Now().Before(link.GetExpireTime().AsTime()) {
		return nil, nil, noEntry()
	}
	if err := d.fill(ctx, session, byLink, link.GetAddressSha256(), link.GetCustomers()); err != nil {
		return nil, nil, err
	}
	return []*rpcv1.Condition{coord.Unchanged(e.Key, e.ModRevision)}, []*rpcv1.Write{coord.Delete(e.Key)}, nil
}

// believe asks whose an ID token is.
func (d *contactDesk) believe(ctx context.Context, token, nonce string, session *entitlementv1.StoredSession) error {
	switch {
	case token == "":
		return noEntry()
	case d.s.cfg.Identities == nil:
		return fault.WrongState("", "this cluster knows no provider of identities (OpenID Connect)")
	case !d.s.directory.Listed():
		return notReady("its customers")
	}
	text, err := d.s.cfg.Identities.VerifiedAddress(ctx, token, nonce)
	if err != nil {
		return err
	}
	address := selfservice.Address(text)
	if address == "" {
		return noEntry()
	}
	return d.fill(ctx, session, byOIDC, selfservice.AddressHash(address), d.holders(address))
}

// fill makes a session of those customers of which the address is a contact's now.
func (d *contactDesk) fill(ctx context.Context, session *entitlementv1.StoredSession, method string, address []byte,
	ids []string,
) error {
	memberships, err := d.memberships(ctx, address, ids)
	if err != nil {
		return err
	}
	if len(memberships) == 0 {
		return noEntry()
	}
	session.AddressSha256, session.Method = address, method
	// Where they may do something comes first.
	slices.SortStableFunc(memberships, func(a, b membership) int { return helpless(a) - helpless(b) })
	for _, m := range memberships {
		session.Customers = append(session.Customers, customerID(m.customer.GetName()))
	}
	return nil
}

func helpless(m membership) int {
	if m.contact.GetSelfService() {
		return 0
	}
	return 1
}

// opened is a session that holds, and whose it is.
type opened struct {
	membership
	entry coord.Entry
	kept  *entitlementv1.StoredSession
}

// open reads a session. It holds only while its contact is one of the customer's, with the same address.
func (d *contactDesk) open(ctx context.Context, secret string) (opened, error) {
	hash, ok := selfservice.SecretKey(secret)
	if !ok {
		return opened{}, noSession()
	}
	o := opened{kept: &entitlementv1.StoredSession{}}
	var err error
	if o.entry, err = d.read(ctx, sessionPrefix+hash, o.kept); err != nil {
		return opened{}, orNone(err, noSession())
	}
	if !d.s.cfg.Clock.Now().Before(o.kept.GetExpireTime().AsTime()) || len(o.kept.GetCustomers()) == 0 {
		return opened{}, noSession()
	}
	if o.membership, err = d.membership(ctx, o.kept.GetAddressSha256(), o.kept.GetCustomers()[0]); err != nil {
		return opened{}, err
	}
	if o.contact == nil {
		return opened{}, noSession()
	}
	return o, nil
}

// openToAct is open, for a contact who may do more than look.
func (d *contactDesk) openToAct(ctx context.Context, secret string) (opened, error) {
	o, err := d.open(ctx, secret)
	if err == nil && !o.contact.GetSelfService() {
		return o, mayNot(o.customer.GetName())
	}
	return o, err
}

// openOn is openToAct, for what is done on the page of a customer: not by a page that was open before the session was turned
// to another one, for the contact would do it to one and see the other. An empty customer is whichever the session is of.
func (d *contactDesk) openOn(ctx context.Context, secret, customer string) (opened, error) {
	o, err := d.openToAct(ctx, secret)
	if err == nil && customer != "" && customer != o.customer.GetName() {
		return o, fault.WrongState(customer, "this page is of another company than "+o.customer.GetDisplayName()+
			", to which you have turned meanwhile")
	}
	return o, err
}

// read reads a private record.
func (d *contactDesk) read(ctx context.Context, key string, into proto.Message) (coord.Entry, error) {
	e, err := d.s.cfg.Store.Get(ctx, key)
	if err != nil {
		return e, err
	}
	if err := proto.Unmarshal(e.Value, into); err != nil {
		return e, fault.Internal(fmt.Errorf("a record of self-service: %w", err)) // its key is the hash of a secret
	}
	return e, nil
}

// orNone is `none` for what does not exist: the key that is missing is not told.
func orNone(err, none error) error {
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
		return none
	}
	return err
}

// GetSession says what the contact may see.
func (d *contactDesk) GetSession(ctx context.Context, r *entitlementv1.GetSessionRequest,
) (*entitlementv1.GetSessionResponse, error) {
	o, err := d.open(ctx, r.GetSession())
	if err != nil {
		return nil, err
	}
	answer := &entitlementv1.GetSessionResponse{
		Customer: o.customer.GetName(), CustomerDisplayName: o.customer.GetDisplayName(), AccessName: o.customer.GetAccessName(),
		ContactId: o.contact.GetContactId(), ContactDisplayName: o.contact.GetDisplayName(),
		SelfService: o.contact.GetSelfService(), ExpireTime: o.kept.GetExpireTime(),
		Language: o.text(r.GetLanguage()).Tag, TimeZone: o.customer.GetTimeZone(),
	}
	if answer.Lines, err = d.lines(ctx, o.customer.GetName(), o.text(r.GetLanguage())); err != nil {
		return nil, err
	}
	answer.Promises = d.promises(asContact(ctx, o), o.customer.GetName())
	others, err := d.memberships(ctx, o.kept.GetAddressSha256(), o.kept.GetCustomers()[1:])
	if err != nil {
		return nil, err
	}
	for _, m := range others {
		answer.Others = append(answer.Others, &entitlementv1.SelfServiceCustomer{
			Customer: m.customer.GetName(), DisplayName: m.customer.GetDisplayName(),
		})
	}
	return answer, nil
}

// lines are those that the customer has now, or can come to have; without numbers.
func (d *contactDesk) lines(ctx context.Context, customer string, in *contacttext.Text,
) (lines []*entitlementv1.SelfServiceLine, err error) {
	after := ""
	for range maxLinePages {
		page, err := d.s.cfg.Store.List(ctx, published.LinePrefix, after, linesPage)
		if err != nil {
			return nil, err
		}
		for _, e := range page.Entries {
			line, err := d.line(ctx, customer, e.Value, in)
			if err != nil {
				return nil, err
			}
			if line != nil {
				lines = append(lines, line)
			}
			if after = e.Key; len(lines) == maxLinesShown {
				return lines, nil
			}
		}
		if !page.More {
			break
		}
	}
	return lines, nil
}

// line is a published line as a contact sees it; nil where it is nothing to the customer, or cannot be read.
func (d *contactDesk) line(ctx context.Context, customer string, value []byte, in *contacttext.Text,
) (*entitlementv1.SelfServiceLine, error) {
	line, err := published.Line(value)
	if err != nil {
		return nil, nil //nolint:nilerr // said by whoever follows them
	}
	answer, err := d.entitled(ctx, customer, "lines/"+line.GetId(), in)
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
		return nil, nil // the view is behind what was just written
	}
	if err != nil || !concerns(answer) {
		return nil, err
	}
	return &entitlementv1.SelfServiceLine{
		Line: "lines/" + line.GetId(), DisplayName: line.GetDisplayName(), Entitlement: answer,
	}, nil
}

// concerns says whether a line is anything to a customer: it has it, or a contract of it speaks of it.
func concerns(e *entitlementv1.CustomerEntitlement) bool {
	switch e.GetBasis() {
	case entitlementv1.Basis_BASIS_UNSPECIFIED, entitlementv1.Basis_BASIS_NO_CONTRACT, entitlementv1.Basis_BASIS_OTHER_PRODUCT,
		entitlementv1.Basis_BASIS_OTHER_LINE:
		return e.GetEntitled()
	default:
		return true
	}
}

// entitled is a customer's answer for a line. One that is a partner has also what it may call for others about, where they
// may have it: of those others' contracts, or why they may not, its contacts learn nothing.
func (d *contactDesk) entitled(ctx context.Context, customer, line string, in *contacttext.Text,
) (*entitlementv1.CustomerEntitlement, error) {
	asking := &entitlementv1.CheckEntitlementRequest{Customer: customer, Line: line}
	answer, err := d.s.CheckEntitlement(ctx, asking)
	if err != nil {
		return nil, err
	}
	c, known := d.s.index.Customer(customerID(customer))
	record := d.s.catalog.shelf.Line(strings.TrimPrefix(line, "lines/"))
	if !known || record == nil {
		return nil, fault.NotFound(customer) // it went meanwhile
	}
	asked := d.s.asked(asking, record)
	asked.Text = in
	own := check.Entitlement(d.s.who(c, asked), asked)
	at := slices.IndexFunc(answer.GetCandidates(), (*entitlementv1.CustomerEntitlement).GetEntitled)
	if own.GetEntitled() || at < 0 {
		own.Remedies, own.Notes = slices.DeleteFunc(own.GetRemedies(), vendors), nil
		return own, nil
	}
	others := answer.GetCandidates()[at]
	return &entitlementv1.CustomerEntitlement{
		Customer: others.GetCustomer(), DisplayName: others.GetDisplayName(), Entitled: true, Basis: others.GetBasis(),
		ValidUntil: others.GetValidUntil(), Outcome: others.GetOutcome(), Via: others.GetVia(),
	}, nil
}

// vendors says whether a remedy is the vendor's alone, and in the words of its tools.
func vendors(r *entitlementv1.Remedy) bool {
	return r.GetKind() == entitlementv1.RemedyKind_REMEDY_KIND_GRANT ||
		r.GetKind() == entitlementv1.RemedyKind_REMEDY_KIND_END_SUSPENSION
}

// promises are those that are pending or owed. Where they cannot be read the contact sees the lines all the same: a
// number may be needed now.
func (d *contactDesk) promises(ctx context.Context, customer string) (all []*entitlementv1.Promise) {
	for _, state := range []entitlementv1.PromiseState{
		entitlementv1.PromiseState_PROMISE_STATE_PENDING, entitlementv1.PromiseState_PROMISE_STATE_OWED,
	} {
		page, err := d.s.promises.ListPromises(ctx, &entitlementv1.ListPromisesRequest{
			Customer: customer, State: state, PageSize: maxPromisesShown,
		})
		if err != nil {
			d.s.cfg.Log.WarnContext(ctx, "a contact is not shown promises", "customer", customer, "error", err.Error())
			return all
		}
		all = append(all, page.GetPromises()...)
	}
	return all
}

// SelectCustomer turns a session to another of its customers.
func (d *contactDesk) SelectCustomer(ctx context.Context, r *entitlementv1.SelectCustomerRequest,
) (*entitlementv1.SelectCustomerResponse, error) {
	o, err := d.open(ctx, r.GetSession())
	if err != nil {
		return nil, err
	}
	at := slices.Index(o.kept.GetCustomers(), customerID(r.GetCustomer()))
	if at < 0 {
		return nil, fault.NotFound(r.GetCustomer())
	}
	m, err := d.membership(ctx, o.kept.GetAddressSha256(), customerID(r.GetCustomer()))
	if err != nil {
		return nil, err
	}
	if m.contact == nil {
		return nil, fault.NotFound(r.GetCustomer())
	}
	o.kept.Customers = slices.Insert(slices.Delete(o.kept.GetCustomers(), at, at+1), 0, customerID(r.GetCustomer()))
	write, err := privately(o.entry.Key, o.kept)
	if err != nil {
		return nil, err
	}
	still := []*rpcv1.Condition{coord.Unchanged(o.entry.Key, o.entry.ModRevision)}
	_, err = d.s.cfg.Store.Commit(ctx, still, []*rpcv1.Write{write})
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_CONFLICT {
		return nil, fault.Conflict("the session")
	}
	return &entitlementv1.SelectCustomerResponse{}, err
}

// CloseSession ends a session; one that is none is over, too.
func (d *contactDesk) CloseSession(ctx context.Context, r *entitlementv1.CloseSessionRequest,
) (*entitlementv1.CloseSessionResponse, error) {
	if hash, ok := selfservice.SecretKey(r.GetSession()); ok {
		if _, err := d.s.cfg.Store.Commit(ctx, nil, []*rpcv1.Write{coord.Delete(sessionPrefix + hash)}); err != nil {
			return nil, err
		}
	}
	return &entitlementv1.CloseSessionResponse{}, nil
}
