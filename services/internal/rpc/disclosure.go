package rpc

import "context"

// disclosure is of what resources an answer tells what few may read.
type disclosure struct{ of []string }

func (d *disclosure) any() bool { return d != nil && len(d.of) > 0 }

type disclosureKey struct{}

func withDisclosure(ctx context.Context) (context.Context, *disclosure) {
	d := &disclosure{}
	return context.WithValue(ctx, disclosureKey{}, d), d
}

// Disclosed notes that the answer to the request of ctx tells of a resource what only few may read, such as a hidden number:
// the auditor is told so, where the method is one that may (option dayside.rpc.v1.discloses). To be called by whoever
// answers the request, in its own goroutine.
func Disclosed(ctx context.Context, resource string) {
	if d, ok := ctx.Value(disclosureKey{}).(*disclosure); ok {
		d.of = append(d.of, resource)
	}
}
