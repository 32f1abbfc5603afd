package entitlement

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/erasure"
	"github.com/daysidehq/dayside/services/entitlement/internal/selfservice"
	"github.com/daysidehq/dayside/services/entitlement/internal/view"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/published"
)

const (
	// maxErasedCustomers is at how many customers a person is looked for; done again it goes on.
	maxErasedCustomers = 100
	// maxEraseTries is how often a record is tried against others who write it.
	maxEraseTries = 4
	// ledgerPatience is how long the ledger may take to look through all that it keeps.
	ledgerPatience = 30 * time.Minute
)

// ErasePerson erases a person: the customer comes last, for it says which numbers and addresses are theirs, so that one
// that was interrupted can be done again.
func (d *dataDesk) ErasePerson(ctx context.Context, r *entitlementv1.ErasePersonRequest,
) (*entitlementv1.ErasePersonResponse, error) {
	if !d.s.Ready() {
		return nil, notReady("the customers")
	}
	person, err := erasure.Of(r)
	if err != nil {
		return nil, err
	}
	e := &eraser{s: d.s, person: person, only: r.GetValidateOnly(), now: timestamppb.New(d.s.cfg.Clock.Now())}
	names, err := e.customers(ctx, r)
	if err != nil {
		return nil, err
	}
	if !e.only { // from now on nothing of before comes in as it was
		if err := (tombstones{d.s}).set(ctx, person, e.now.AsTime()); err != nil {
			return nil, err
		}
	}
	for _, step := range []func(context.Context) error{e.ledger, e.promises, e.grants, e.counts, e.reveals, e.sessions} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		if err := e.customer(ctx, name); err != nil {
			return nil, err
		}
	}
	if e.nobody && len(e.done) == 0 {
		return nil, fault.NotFound(r.GetCustomer())
	}
	return &entitlementv1.ErasePersonResponse{
		Erasures: e.done, Notes: e.notes, Remainders: erasure.Remainders(e.now.AsTime(), e.recordings),
	}, nil
}

// eraser is one erasure.
type eraser struct {
	s      *Service
	person *erasure.Person
	// only says that nothing is written.
	only   bool
	now    *timestamppb.Timestamp
	shared map[string]int
	done   []*entitlementv1.Erasure
	// nobody says that the customer that was named does not exist; notes, what else was named in vain.
	nobody bool
	notes  []string
	// recordings are where those of the person are.
	recordings []string
}

func (e *eraser) note(place string, erased, kept int64, reason string) {
	if erased+kept == 0 {
		return
	}
	if kept == 0 {
		reason = ""
	}
	e.done = append(e.done, &entitlementv1.Erasure{Place: place, Erased: erased, Kept: kept, Reason: reason})
}

// customers are the names of those that may know the person; the person learns from them which numbers and addresses are
// theirs, and those may lead to more.
func (e *eraser) customers(ctx context.Context, r *entitlementv1.ErasePersonRequest) (names []string, err error) {
	e.shared = map[string]int{}
	seen := map[string]bool{}
	for {
		found := []string{r.GetCustomer()}
		if r.GetCustomer() == "" {
			found = e.holders()
		}
		more := false
		for _, name := range found {
			if seen[name] {
				continue
			}
			if len(seen) == maxErasedCustomers {
				e.noteOnce(fmt.Sprintf("more than %d customers know the person: erase again for the others", maxErasedCustomers))
				continue
			}
			seen[name], more = true, true
			c, err := e.s.customers.Get(ctx, name)
			if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
				if name == r.GetCustomer() {
					e.nobody, e.notes = true, append(e.notes, name+" does not exist")
				}
				continue // the person was there
			}
			if err != nil {
				return nil, err
			}
			if id := r.GetContactId(); id != "" && !slices.ContainsFunc(c.GetContacts(), func(k *entitlementv1.Contact) bool {
				return k.GetContactId() == id
			}) {
				e.notes = append(e.notes, name+" has no contact "+id)
			}
			e.shared[name] = e.person.Learn(c)
			names = append(names, name)
		}
		if !more {
			slices.Sort(names)
			if err := e.companies(ctx); err != nil {
				return nil, err
			}
			e.noteOthers(r, names)
			return names, nil
		}
	}
}

// companies leaves the person's numbers out that some customer has as its own: its other callers are not erased along.
func (e *eraser) companies(ctx context.Context) error {
	for _, n := range e.person.Learned() {
		for _, holder := range e.s.index.WhoHas(n, maxErasedCustomers) {
			c, err := e.s.customers.Get(ctx, customerNames+holder.GetId())
			if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
				continue
			}
			if err != nil {
				return err
			}
			if at, spared := e.person.Spare(n, c); spared {
				e.shared[at]++
				e.noteOnce(fmt.Sprintf("%s itself has %s: it stays, in calls too; name it to erase it", c.GetName(),
					phone.Mask(n.String())))
				break
			}
		}
	}
	return nil
}

// noteOthers tells of customers that know the person, too, where one was named.
func (e *eraser) noteOthers(r *entitlementv1.ErasePersonRequest, names []string) {
	if r.GetCustomer() == "" {
		return
	}
	others := e.holders()
	slices.Sort(others)
	for _, name := range slices.Compact(others) {
		if !slices.Contains(names, name) {
			e.noteOnce(name + " has a number or an address of the person, too, and keeps it: erase them there, too")
		}
	}
}

func (e *eraser) noteOnce(text string) {
	if !slices.Contains(e.notes, text) {
		e.notes = append(e.notes, text)
	}
}

// holders are the names of customers that have a number or an address of the person.
func (e *eraser) holders() (names []string) {
	for _, number := range e.person.Numbers() {
		n, _ := phone.Parse(number)
		for _, c := range e.s.index.WhoHas(n, maxErasedCustomers) {
			names = append(names, customerNames+c.GetId())
		}
		for _, h := range e.s.directory.Holders(view.ContactNumber, "", number, maxErasedCustomers) {
			names = append(names, customerNames+h.CustomerID)
		}
	}
	for _, address := range e.person.Emails() {
		for _, h := range e.s.directory.Holders(view.Email, "", address, maxErasedCustomers) {
			names = append(names, customerNames+h.CustomerID)
		}
	}
	return names
}

// customer takes the person out of one.
func (e *eraser) customer(ctx context.Context, name string) error {
	for try := 1; ; try++ {
		stands, err := e.s.customers.Get(ctx, name)
		if err != nil {
			return err
		}
		for _, id := range e.person.Stays(stands) {
			e.noteOnce(fmt.Sprintf("%s: contact %s had a number of the person, and stays without it", name, id))
		}
		erased := e.person.Customer(proto.CloneOf(stands))
		if erased > 0 && !e.only {
			_, err = e.s.customers.Change(ctx, name, stands.GetEtag(), false, func(c *entitlementv1.Customer) error {
				e.person.Customer(c)
				return nil
			})
		}
		if fault.ReasonOf(err) == rpcv1.Reason_REASON_CONFLICT && try < maxEraseTries {
			continue
		}
		if err != nil {
			return err
		}
		e.note(name, erased, int64(e.shared[name]),
			"numbers that are a customer's own, or another contact's, too; name them to erase them")
		return nil
	}
}

// ledger has the history of calls erased.
func (e *eraser) ledger(ctx context.Context) error {
	numbers, emails := e.person.Numbers(), e.person.Emails()
	if e.s.cfg.Ledger == nil || len(numbers)+len(emails) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, ledgerPatience) // or it is asked as shortly as for a page
	defer cancel()
	got, err := e.s.cfg.Ledger.EraseCallers(ctx, &ledgerv1.EraseCallersRequest{
		Numbers: numbers, Emails: emails, ValidateOnly: e.only,
	})
	if err != nil {
		return err
	}
	e.recordings = append(e.recordings, got.GetRecordingUris()...)
	const kept = "what happened, and when, without the caller"
	e.note("calls", got.GetCalls(), got.GetCalls(), kept)
	e.note("records", got.GetRecords(), got.GetRecords(), kept)
	e.note("charges", got.GetCharges(), got.GetCharges(), "what is owed, without the caller")
	e.note("follow-ups", got.GetFollowUps(), got.GetFollowUps(), "what is to be done, without the caller")
	e.note("audit", got.GetAuditEntries(), got.GetAuditEntries(), "who changed what, without the numbers and addresses")
	return nil
}

// each visits what stands under a prefix now.
func (e *eraser) each(ctx context.Context, prefix string, visit func(coord.Entry) error) error {
	_, revision, err := e.s.cfg.Store.Head(ctx)
	if err != nil {
		return err
	}
	return e.s.cfg.Store.Each(ctx, coord.Prefix(prefix), revision, visit)
}

// grants ends those that a number of the person has; who gave them and why is kept, without the person.
func (e *eraser) grants(ctx context.Context) error {
	var changes [][]*rpcv1.Write
	var conditions []*rpcv1.Condition
	var theirs, written int64
	err := e.each(ctx, grantPrefix, func(entry coord.Entry) error {
		g, requestID, err := decodeGrant(entry)
		if err != nil {
			return err
		}
		ends, reason := e.person.Grant(g, e.now), e.person.Reason(g)
		if !ends && !reason {
			return nil
		}
		write, err := storedGrant(entry.Key, g, requestID)
		if err != nil {
			return err
		}
		writes := []*rpcv1.Write{write}
		if ends {
			theirs++
			writes = append(writes, coord.Delete(published.GrantPrefix+strings.TrimPrefix(entry.Key, grantPrefix)))
		}
		if reason {
			written++
		}
		conditions = append(conditions, coord.Unchanged(entry.Key, entry.ModRevision))
		changes = append(changes, writes)
		return nil
	})
	if err != nil {
		return err
	}
	if err := e.write(ctx, conditions, changes); err != nil {
		return err
	}
	e.note("grants", theirs, theirs, "who gave access and why, without the number")
	e.note("grants: what people wrote", written, written, keptOfText)
	return nil
}

// counts removes what was counted of the person's numbers, and the ways from them to promises.
func (e *eraser) counts(ctx context.Context) error {
	var changes [][]*rpcv1.Write
	for _, number := range e.person.Numbers() {
		n, _ := phone.Parse(number)
		hash, err := e.s.numbers.of(ctx, n)
		if err != nil {
			return err
		}
		key, err := e.s.usage.keyOfNumber(ctx, n)
		if err != nil {
			return err
		}
		found, err := e.s.cfg.Store.GetSome(ctx, []string{key})
		if err != nil {
			return err
		}
		if found[key].ModRevision != 0 {
			changes = append(changes, []*rpcv1.Write{coord.Delete(key)})
		}
		for _, prefix := range []string{promiseOfPrefix, promiseLastPrefix} {
			page, err := e.s.cfg.Store.List(ctx, prefix+numberParty(hash)+"/", "", maxPageRecords)
			if err != nil {
				return err
			}
			for _, entry := range page.Entries {
				changes = append(changes, []*rpcv1.Write{coord.Delete(entry.Key)})
			}
		}
	}
	if err := e.write(ctx, nil, changes); err != nil {
		return err
	}
	e.note("counts", int64(len(changes)), 0, "")
	return nil
}

// reveals takes the person out of which numbers were shown to them.
func (e *eraser) reveals(ctx context.Context) error {
	var changes [][]*rpcv1.Write
	var conditions []*rpcv1.Condition
	add := func(entry coord.Entry, m proto.Message) error {
		write, err := privately(entry.Key, m)
		conditions = append(conditions, coord.Unchanged(entry.Key, entry.ModRevision))
		changes = append(changes, []*rpcv1.Write{write})
		return err
	}
	err := e.each(ctx, revealPrefix, func(entry coord.Entry) error {
		reveal := &entitlementv1.NumberReveal{}
		if err := proto.Unmarshal(entry.Value, reveal); err != nil {
			return fault.Internal(fmt.Errorf("key %s: %w", entry.Key, err))
		}
		if !e.person.Reveal(reveal) {
			return nil
		}
		return add(entry, reveal)
	})
	if err != nil {
		return err
	}
	told := int64(len(changes))
	err = e.each(ctx, revealCountPrefix, func(entry coord.Entry) error {
		count, changed := &entitlementv1.StoredRevealCount{}, false
		if err := proto.Unmarshal(entry.Value, count); err != nil {
			return fault.Internal(fmt.Errorf("key %s: %w", entry.Key, err))
		}
		for _, reveal := range count.GetReveals() {
			changed = e.person.Reveal(reveal) || changed
		}
		if !changed {
			return nil
		}
		return add(entry, count)
	})
	if err != nil {
		return err
	}
	if err := e.write(ctx, conditions, changes); err != nil {
		return err
	}
	e.note("reveals", told, told, "that a line's number was shown, without to whom")
	return nil
}

// sessions ends what was opened with the person's addresses.
func (e *eraser) sessions(ctx context.Context) error {
	var hashes [][]byte
	for _, address := range e.person.Emails() {
		hashes = append(hashes, selfservice.AddressHash(address))
	}
	theirs := func(hash []byte) bool {
		return slices.ContainsFunc(hashes, func(h []byte) bool { return bytes.Equal(h, hash) })
	}
	var changes [][]*rpcv1.Write
	for _, prefix := range []string{linkPrefix, sessionPrefix} {
		err := e.each(ctx, prefix, func(entry coord.Entry) error {
			var m interface {
				proto.Message
				GetAddressSha256() []byte
			} = &entitlementv1.StoredLink{}
			if prefix == sessionPrefix {
				m = &entitlementv1.StoredSession{}
			}
			if err := proto.Unmarshal(entry.Value, m); err != nil {
				return fault.Internal(fmt.Errorf("a link or session cannot be read: %w", err))
			}
			if theirs(m.GetAddressSha256()) {
				changes = append(changes, []*rpcv1.Write{coord.Delete(entry.Key)})
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if err := e.write(ctx, nil, changes); err != nil {
		return err
	}
	e.note("sessions", int64(len(changes)), 0, "")
	return nil
}

// write commits changes, some at a time; those that go with a condition have one each. CONFLICT where somebody writes the
// same: done again it finds the rest.
func (e *eraser) write(ctx context.Context, conditions []*rpcv1.Condition, changes [][]*rpcv1.Write) error {
	const together = 40
	for len(changes) > 0 && !e.only {
		n := min(len(changes), together)
		var writes []*rpcv1.Write
		for _, c := range changes[:n] {
			writes = append(writes, c...)
		}
		var holds []*rpcv1.Condition
		if len(conditions) > 0 {
			holds, conditions = conditions[:n], conditions[n:]
		}
		if _, err := e.s.cfg.Store.Commit(ctx, holds, writes); err != nil {
			if fault.ReasonOf(err) == rpcv1.Reason_REASON_CONFLICT {
				return fault.Conflict("what is to be erased")
			}
			return err
		}
		changes = changes[n:]
	}
	return nil
}
