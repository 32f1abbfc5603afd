package entitlement

import (
	"context"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/selfservice"
	"github.com/daysidehq/dayside/services/entitlement/internal/view"
	"github.com/daysidehq/dayside/services/internal/contacttext"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/mail"
)

// SendLink takes note that a link is asked for. Whose the address is it looks into afterwards: so the answer says
// nothing of that, and takes as long for one as for the other.
func (d *contactDesk) SendLink(_ context.Context, r *entitlementv1.SendLinkRequest,
) (*entitlementv1.SendLinkResponse, error) {
	if !d.canSend() {
		return nil, fault.WrongState("", "no links are sent: this cluster has no mail server, or no address of a portal")
	}
	address := selfservice.Address(r.GetEmail())
	if address == "" {
		return nil, fault.Invalid(fault.Violation{Field: "email", Rule: "must be an e-mail address, such as ann@acme.example"})
	}
	if !d.s.directory.Listed() {
		return nil, notReady("its customers")
	}
	if _, err := d.byClient.take(r.GetClient(), "links asked for from here"); err != nil {
		return nil, err
	}
	select {
	case d.asked <- askedLink{address, r.GetLanguage()}:
		return &entitlementv1.SendLinkResponse{}, nil
	default:
		return nil, fault.LimitExceeded("too many links wait to be sent; try again in a minute")
	}
}

// sendLink sends a link where the address is that of a contact with self-service. It goes to the address as the
// customer wrote it, never to what a stranger typed.
func (d *contactDesk) sendLink(ctx context.Context, asked askedLink) {
	address := asked.address
	memberships, err := d.memberships(ctx, selfservice.AddressHash(address), d.holders(address))
	if err != nil {
		d.counts.link(ctx, "failed")
		d.s.cfg.Log.WarnContext(ctx, "a link could not be sent", "error", err.Error())
		return
	}
	link, to := &entitlementv1.StoredLink{AddressSha256: selfservice.AddressHash(address)}, membership{}
	for _, m := range memberships {
		if !m.contact.GetSelfService() {
			continue
		}
		if to.contact == nil {
			to = m
		}
		link.Customers = append(link.Customers, customerID(m.customer.GetName()))
	}
	if to.contact == nil {
		d.counts.link(ctx, "nobody")
		return
	}
	// Counted here, where strangers cannot bring in addresses that are nobody's; they are not told either.
	err = d.links.take(ctx, customerID(to.customer.GetName())+"."+to.contact.GetContactId(), "links for this address")
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_LIMIT_EXCEEDED {
		d.counts.link(ctx, "limited")
		return
	}
	if err == nil {
		err = d.mailLink(ctx, link, to, to.text(asked.language))
	}
	if err != nil {
		d.counts.link(ctx, "failed")
		d.s.cfg.Log.WarnContext(ctx, "a link could not be sent", "customer", to.customer.GetName(), "error", err.Error())
		return
	}
	d.counts.link(ctx, "sent")
}

// mailLink keeps a link, then mails it.
func (d *contactDesk) mailLink(ctx context.Context, link *entitlementv1.StoredLink, to membership, in *contacttext.Text,
) error {
	secret, key, err := newSecret()
	if err != nil {
		return err
	}
	until := d.s.cfg.Clock.Now().Add(linkLife)
	link.ExpireTime = timestamppb.New(until)
	write, err := privately(linkPrefix+key, link)
	if err != nil {
		return err
	}
	if _, err := d.s.cfg.Store.Commit(ctx, nil, []*rpcv1.Write{write}); err != nil {
		return err
	}
	subject, text := selfservice.LinkMail(in, d.s.cfg.PortalURL, secret, to.customer.GetDisplayName(), linkLife)
	return d.s.cfg.Mail.Send(mail.Message{
		To: to.contact.GetEmail(), Subject: subject, Text: text, Language: in.Tag, Until: until,
	})
}

// askedLink is a link that somebody asked for.
type askedLink struct {
	address string
	// language of who asked; may be empty.
	language string
}

// membership is a contact of a customer.
type membership struct {
	customer *entitlementv1.Customer
	contact  *entitlementv1.Contact
}

// text is the language in which a contact is spoken to: their own, their customer's, or the one that is asked for.
func (m membership) text(asked string) *contacttext.Text {
	return contacttext.Of(m.contact.GetLanguage(), m.customer.GetLanguage(), asked)
}

// holders are the IDs of customers that an address may be of.
func (d *contactDesk) holders(address string) (ids []string) {
	for _, h := range d.s.directory.Holders(view.Email, "", address, maxCustomersOfContact) {
		ids = append(ids, h.CustomerID)
	}
	return ids
}

// memberships are the contacts, of those customers, who have the address with that hash now: as it is stored, not as a view
// remembers it.
func (d *contactDesk) memberships(ctx context.Context, address []byte, ids []string) (all []membership, err error) {
	for _, id := range ids {
		m, err := d.membership(ctx, address, id)
		if err != nil {
			return nil, err
		}
		if m.contact != nil {
			all = append(all, m)
		}
	}
	return all, nil
}

// membership is one of them; without a contact where there is none.
func (d *contactDesk) membership(ctx context.Context, address []byte, id string) (membership, error) {
	c, err := d.s.customers.Get(ctx, customerNames+id)
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
		return membership{}, nil
	}
	if err != nil {
		return membership{}, err
	}
	contact, _ := selfservice.ContactOf(c, address)
	return membership{c, contact}, nil
}

// privately is the write of a private record.
func privately(key string, m proto.Message) (*rpcv1.Write, error) {
	value, err := proto.Marshal(m)
	if err != nil {
		return nil, fault.Internal(err)
	}
	return coord.Put(key, value), nil
}
