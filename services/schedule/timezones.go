package schedule

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/protobuf/types/known/timestamppb"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	"github.com/daysidehq/dayside/services/internal/zones"
	"github.com/daysidehq/dayside/services/schedule/internal/estate"
	"github.com/daysidehq/dayside/services/schedule/internal/proof"
	"github.com/daysidehq/dayside/services/schedule/internal/rules"
)

const (
	// maxAdoptTries bounds how often an adoption is worked out anew because somebody wrote meanwhile.
	maxAdoptTries = 4
	// ruleResource names the rules in errors.
	ruleResource = "timeZoneRules"
)

// timeZones implements TimeZoneService, which owns the time-zone rules in force.
type timeZones struct {
	schedulev1.UnimplementedTimeZoneServiceServer
	s *Service
}

// GetTimeZoneRules answers which rules are in force, and what those at hand would change.
func (t timeZones) GetTimeZoneRules(ctx context.Context, r *schedulev1.GetTimeZoneRulesRequest,
) (*schedulev1.TimeZoneRules, error) {
	inForce, err := t.s.rules()
	if err != nil {
		return nil, err
	}
	candidates := slices.Clone(t.s.cfg.TimeZoneSources)
	if len(r.GetBundle()) > 0 {
		sent, err := readSent(r.GetBundle())
		if err != nil {
			return nil, err
		}
		candidates = append(candidates, tzdata.Candidate{Source: schedulev1.TimeZoneSource_TIME_ZONE_SOURCE_SENT, Bundle: sent})
	}
	l, err := t.s.load(ctx)
	if err != nil {
		return nil, err
	}
	from, to := horizon(t.s.cfg.Clock.Now())
	out := &schedulev1.TimeZoneRules{
		Release: inForce.Release(), Source: inForce.Source, Horizon: between(from, to),
		Fingerprint: zones.BehaviourFingerprint(inForce.Bundle, from, to),
	}
	if inForce.AdoptUnixS != 0 {
		out.AdoptTime = &timestamppb.Timestamp{Seconds: inForce.AdoptUnixS}
	}
	use := rules.UseOf(l.Estate)
	for _, c := range tzdata.NewestFirst(candidates) {
		p := &schedulev1.TimeZoneCandidate{Problem: c.Problem}
		if c.Bundle != nil {
			p = rules.Candidate(inForce.Bundle, c.Bundle, use, from, to)
		}
		p.Source = c.Source
		out.Candidates = append(out.Candidates, p)
	}
	return out, nil
}

func between(fromUnixS, toUnixS int64) *interval.Interval {
	return &interval.Interval{
		StartTime: &timestamppb.Timestamp{Seconds: fromUnixS}, EndTime: &timestamppb.Timestamp{Seconds: toUnixS},
	}
}

// AdoptTimeZoneRules compiles everything anew by other rules, and commits rules and records together, on the condition that
// nothing was written meanwhile. Where something was, it is worked out again, from what then stands.
func (t timeZones) AdoptTimeZoneRules(ctx context.Context, r *schedulev1.AdoptTimeZoneRulesRequest,
) (*schedulev1.AdoptTimeZoneRulesResponse, error) {
	next, err := t.candidate(r)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		changed := t.s.cfg.Rules.Changed()
		answer, err := t.adopt(ctx, r, next)
		var stale staleError
		if !errors.As(err, &stale) {
			return answer, err
		}
		if try == maxAdoptTries {
			return nil, stale.Fault
		}
		if err := t.awaitOthers(ctx, changed, stale.inForce); err != nil {
			return nil, err
		}
	}
}

// candidate is the rules that a request means.
func (t timeZones) candidate(r *schedulev1.AdoptTimeZoneRulesRequest) (tzdata.Candidate, error) {
	const sent = schedulev1.TimeZoneSource_TIME_ZONE_SOURCE_SENT
	name := strings.TrimPrefix(r.GetSource().String(), "TIME_ZONE_SOURCE_")
	broken := func(field, rule string) error {
		return fault.Invalid(fault.Violation{Field: field, Value: name, Rule: rule})
	}
	if r.GetSource() == sent {
		b, err := readSent(r.GetBundle())
		return tzdata.Candidate{Source: sent, Bundle: b}, err
	}
	if len(r.GetBundle()) > 0 {
		return tzdata.Candidate{}, broken("source", "must be SENT where a bundle is sent")
	}
	for _, c := range t.s.cfg.TimeZoneSources {
		if c.Source != r.GetSource() {
			continue
		}
		if c.Bundle == nil {
			return c, broken("source", "cannot be used: "+c.Problem)
		}
		return c, nil
	}
	return tzdata.Candidate{}, broken("source", "the process that answers has none; start it with --tzdata, or send a bundle")
}

func readSent(bundle []byte) (*zones.Bundle, error) {
	b, err := zones.Read(bytes.NewReader(bundle))
	var f *fault.Fault
	if errors.As(err, &f) {
		for i, v := range f.Violations {
			f.Violations[i].Field = "bundle" + strings.TrimPrefix(v.Field, "tzdata")
		}
	}
	return b, err
}

// staleError is a commit that came too late: something was written since the estate was read.
type staleError struct {
	*fault.Fault
	// inForce is the revision of the rules it was worked out from.
	inForce int64
}

func (e staleError) Unwrap() error { return e.Fault }

// awaitOthers waits until this process has heard of other rules, where those in force are other ones.
func (t timeZones) awaitOthers(ctx context.Context, changed <-chan struct{}, inForce int64) error {
	e, err := t.s.cfg.Store.Get(ctx, tzdata.Key)
	if err != nil && fault.ReasonOf(err) != rpcNotFound {
		return err
	}
	if e.ModRevision == inForce {
		return nil // it was something else that changed
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-changed:
		return nil
	case <-t.s.cfg.Clock.After(time.Second):
		return nil
	}
}

// adopt is one try. CONFLICT of the commit is a staleError.
func (t timeZones) adopt(ctx context.Context, r *schedulev1.AdoptTimeZoneRulesRequest, next tzdata.Candidate,
) (*schedulev1.AdoptTimeZoneRulesResponse, error) {
	inForce, err := t.s.rules()
	if err != nil {
		return nil, err
	}
	if err := mayReplace(inForce, next.Bundle, r); err != nil {
		return nil, err
	}
	l, err := t.s.load(ctx)
	if err != nil {
		return nil, err
	}
	differences, err := t.differences(l, inForce.Bundle, next.Bundle)
	if err != nil {
		return nil, err
	}
	compiled, err := t.s.compileWith(l, next.Bundle)
	if err != nil {
		return nil, err
	}
	if refusal := proof.Refusal(compiled.impact.GetLines()); refusal != nil && !r.GetAllowGap() {
		return nil, refusal
	}
	estate.Trim(compiled.impact, estate.MaxImpactBytes) // after all gaps were looked at
	answer := &schedulev1.AdoptTimeZoneRulesResponse{
		ReleaseBefore: inForce.Release(), ReleaseAfter: next.Bundle.Release(), Zones: differences, Impact: compiled.impact,
	}
	same, err := samePacked(inForce.Bundle, next.Bundle)
	if err != nil || same || r.GetValidateOnly() {
		return answer, err
	}
	// What was judged here is true of these rules only, whatever compileWith found.
	compiled.conditions = coord.Distinct(append(compiled.conditions, coord.Unchanged(tzdata.Key, inForce.Revision)))
	answer.Revision, err = t.commit(ctx, inForce, next, compiled)
	return answer, err
}

// differences are the zones in use that behave differently; WRONG_STATE where the other rules do not know all of them.
func (t timeZones) differences(l *loaded, inForce, next *zones.Bundle) ([]*schedulev1.ZoneDifference, error) {
	from, to := horizon(t.s.cfg.Clock.Now())
	list := rules.UseOf(l.Estate).Differences(zones.Compare(inForce, next, from, to))
	if missing := rules.Missing(list); missing != "" {
		return nil, fault.WrongState(ruleResource, next.Release()+" cannot be adopted: it "+missing)
	}
	return list, nil
}

// mayReplace refuses what the request did not mean to do.
func mayReplace(inForce *tzdata.Rules, next *zones.Bundle, r *schedulev1.AdoptTimeZoneRulesRequest) error {
	if want := r.GetExpectedRelease(); want != "" && want != inForce.Release() {
		f := fault.Conflict(ruleResource)
		f.Message = fmt.Sprintf("the time-zone rules in force are %s, no longer %s; look again at what would move",
			inForce.Release(), want)
		return f
	}
	if zones.ReleaseLess(next.Release(), inForce.Release()) && !r.GetAllowOlder() {
		return fault.WrongState(ruleResource, fmt.Sprintf(
			"%s is older than %s, which is in force; allow_older adopts it all the same", next.Release(), inForce.Release()))
	}
	return nil
}

// samePacked says whether two bundles are the same to the last byte, so that there is nothing to write.
func samePacked(a, b *zones.Bundle) (bool, error) {
	var first, second bytes.Buffer
	if err := errors.Join(a.Pack(&first), b.Pack(&second)); err != nil {
		return false, fault.Internal(err)
	}
	return bytes.Equal(first.Bytes(), second.Bytes()), nil
}

// commit puts rules and records in force together, and waits until this process goes by them.
func (t timeZones) commit(ctx context.Context, inForce *tzdata.Rules, next tzdata.Candidate, compiled *adoption,
) (int64, error) {
	value, err := tzdata.Encode(next.Bundle, next.Source, t.s.cfg.Clock.Now())
	if err != nil {
		return 0, err
	}
	changed := t.s.cfg.Rules.Changed()
	writes := append([]*rpcv1.Write{coord.Put(tzdata.Key, value)}, compiled.writes...)
	revision, err := t.s.cfg.Store.Commit(ctx, compiled.conditions, writes)
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_CONFLICT {
		return 0, staleError{fault.Conflict(ruleResource), inForce.Revision}
	}
	if err != nil {
		return 0, err
	}
	t.s.cfg.Log.InfoContext(ctx, "time-zone rules were adopted", "before", inForce.Release(),
		"after", next.Bundle.Release(), "records", len(compiled.writes), "revision", revision)
	select { // whoever asks this process next is answered by them
	case <-ctx.Done():
	case <-changed:
	case <-t.s.cfg.Clock.After(time.Second):
	}
	return revision, nil
}
