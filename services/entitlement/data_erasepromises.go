package entitlement

import (
	"context"
	"fmt"
	"slices"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// fromPromise takes the person out of a promise, and says out of what: of who spoke, and of what people wrote.
func (e *eraser) fromPromise(p *entitlementv1.Promise) (spoke, reasons bool) {
	spoke, names := e.person.Promise(p)
	return spoke, e.person.Reasons(p, names...)
}

// recordingsOf are where the acceptance, and later ones, can be heard.
func recordingsOf(p *entitlementv1.Promise) (uris []string) {
	uris = append(uris, p.GetAcceptance().GetRecordingUri())
	for _, e := range p.GetTrail() {
		uris = append(uris, e.GetRecordingUri())
	}
	return uris
}

// promises takes the person out of what they promised, and out of what people wrote about promises.
func (e *eraser) promises(ctx context.Context) error {
	var names []string
	var theirs, written int64
	err := e.each(ctx, promisePrefix, func(entry coord.Entry) error {
		p, _, err := collection.Decode[*entitlementv1.Promise](entry.Value, entry.ModRevision)
		if err != nil {
			return fault.Internal(fmt.Errorf("key %s: %w", entry.Key, err))
		}
		recordings := recordingsOf(p)
		spoke, reasons := e.fromPromise(p)
		if spoke || reasons {
			names = append(names, p.GetName())
		}
		if spoke {
			theirs++
		}
		if reasons {
			written++
		}
		for i, left := range recordingsOf(p) {
			if was := recordings[i]; was != "" && left == "" && !slices.Contains(e.recordings, was) {
				e.recordings = append(e.recordings, was)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := e.promise(ctx, name); err != nil {
			return err
		}
	}
	const kept = "what is owed, which terms were agreed to, and when, without the person"
	e.note("promises", theirs, theirs, kept)
	e.note("promises: what people wrote", written, written, keptOfText)
	return nil
}

// keptOfText is what is left of what people wrote.
const keptOfText = "the text, without the number, the address and the full name"

// promise takes the person out of one, and tells the ledger what is left.
func (e *eraser) promise(ctx context.Context, name string) error {
	if e.only {
		return nil
	}
	for range maxEraseTries {
		left, err := e.s.promises.all.Amend(ctx, name, func(p *entitlementv1.Promise) { e.fromPromise(p) })
		if err == nil { // the ledger keeps the latest revision of a charge: one with the number, on its way still, is none
			e.s.promises.tell(ctx, left)
		}
		if fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT {
			return err
		}
	}
	return fault.Conflict(name)
}
