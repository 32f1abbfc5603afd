package systemtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/published"
)

const (
	// defaultScale is how many customers BenchmarkManyCustomers has; DAYSIDE_SCALE says otherwise.
	defaultScale = 1_000_000
	// scaleNumbers and scaleContracts are those of each.
	scaleNumbers, scaleContracts = 4, 3
	// loadTimeout bounds the wait until a process has all of them.
	loadTimeout = 10 * time.Minute
	// settledAfter is when a process has given back what it needed to read them.
	settledAfter = 25 * time.Second
	// pollEvery is between two looks whether it has.
	pollEvery = 20 * time.Millisecond
)

// BenchmarkManyCustomers is a process that routes, and nothing else, with a million customers: how long it takes them from
// etcd (beside a list of the same keys that does nothing with them) and from its disk, what it is resident at, and how long a
// change takes until it decides by it.
func BenchmarkManyCustomers(b *testing.B) {
	etcd := startEtcd(b)
	v := startSurvivor(b, etcd.client)
	v.routing.kill(b)
	v.rest.kill(b)
	store, err := coord.Open(b.Context(), coord.Config{Endpoints: []string{etcd.client}, Clock: clock.System{}})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	n := scale(b)
	fillCustomers(b, store, n, false)
	for b.Loop() {
		listAlone(b, store, n)
		if err := os.RemoveAll(filepath.Join(v.routing.data(), "view")); err != nil {
			b.Fatal(err)
		}
		tell(b, v.load(b, n).Seconds(), "s-from-etcd")
		tell(b, workedBy(v.routing.cmd.Process.Pid).Seconds(), "cpu-s-from-etcd")
		v.copied(b, n)
		v.routing.reportMemory(b, "")
		v.reportChanges(b, store)
		v.routing.reportMemory(b, "-later")
		etcd.kill(b)
		v.routing.kill(b)
		tell(b, v.load(b, n).Seconds(), "s-from-disk")
		tell(b, workedBy(v.routing.cmd.Process.Pid).Seconds(), "cpu-s-from-disk")
		v.routing.reportMemory(b, "-from-disk")
		etcd.run(b)
	}
	b.ReportMetric(0, "ns/op")
}

// listAlone is the same list, with nothing made of it.
func listAlone(b *testing.B, store *coord.Client, n int) {
	b.Helper()
	began := clock.System{}.Now()
	listed, _, err := store.ListAll(b.Context(), published.CustomerPrefix)
	if err != nil || len(listed) < n {
		b.Fatal(len(listed), err)
	}
	tell(b, clock.System{}.Now().Sub(began).Seconds(), "s-list-alone")
	bytes := 0
	for _, e := range listed {
		bytes += len(e.Value)
	}
	tell(b, float64(bytes)/float64(len(listed)), "B/customer")
}

// BenchmarkManyCustomersByName is a process with everything but routing, with a million customers: how long it takes until
// entitlement knows all of them, their names too, and what it is resident at.
func BenchmarkManyCustomersByName(b *testing.B) {
	etcd := startEtcd(b)
	v := startSurvivor(b, etcd.client)
	v.routing.kill(b)
	v.rest.kill(b)
	store, err := coord.Open(b.Context(), coord.Config{Endpoints: []string{etcd.client}, Clock: clock.System{}})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	n := scale(b)
	fillCustomers(b, store, n, true)
	for b.Loop() {
		tell(b, v.loadEntitlement(b, n).Seconds(), "s-entitlement")
		tell(b, workedBy(v.rest.cmd.Process.Pid).Seconds(), "cpu-s-entitlement")
		v.rest.reportMemory(b, "")
		<-clock.System{}.After(settledAfter)
		v.rest.reportMemory(b, "-later")
		v.rest.kill(b)
	}
	b.ReportMetric(0, "ns/op")
}

// tell reports a figure, and logs it: a benchmark that fails later has measured it all the same.
func tell(b *testing.B, value float64, unit string) {
	b.Helper()
	b.Logf("%.4g %s", value, unit)
	b.ReportMetric(value, unit)
}

func scale(b *testing.B) int {
	text := os.Getenv("DAYSIDE_SCALE")
	if text == "" {
		return defaultScale
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		b.Fatalf("DAYSIDE_SCALE=%q: must be how many customers", text)
	}
	return n
}

// scaleCustomer is the i-th of them as entitlement publishes it.
func scaleCustomer(i int) *publishedv1.Customer {
	c := &publishedv1.Customer{
		Id: fmt.Sprintf("customer-%07d", i), DisplayName: fmt.Sprintf("Customer %d of Example Industries GmbH", i),
		TimeZone: "Europe/Berlin", Locality: "Berlin, Germany", Language: "de",
	}
	for k := range scaleNumbers {
		c.Numbers = append(c.Numbers, uint64(4930_000_000_000+i*scaleNumbers+k))
	}
	for k := range scaleContracts {
		from := int64(1_700_000_000 + i%1000*86400)
		c.Contracts = append(c.Contracts, &publishedv1.Contract{
			Id: fmt.Sprintf("c-%d-%d", i, k), Plan: []string{"gold", "silver", "business-hours"}[k],
			Product: []string{"database", "network", "storage"}[k], FromUnixS: from,
			ToUnixS: []int64{from + 400*86400, from + 1200*86400, entitle.Never}[k],
		})
	}
	return c
}

// scaleSource is the source of the i-th, as entitlement stores it.
func scaleSource(i int) ([]byte, error) {
	p := scaleCustomer(i)
	c := &entitlementv1.Customer{
		Name: "customers/" + p.GetId(), DisplayName: p.GetDisplayName(), TimeZone: p.GetTimeZone(),
		Aliases: []string{fmt.Sprintf("Example %d", i)},
	}
	for _, digits := range p.GetNumbers() {
		c.PhoneNumbers = append(c.PhoneNumbers, &phone_number.PhoneNumber{
			Kind: &phone_number.PhoneNumber_E164Number{E164Number: fmt.Sprintf("+%d", digits)},
		})
	}
	for _, k := range p.GetContracts() {
		c.Contracts = append(c.Contracts, &entitlementv1.Contract{
			ContractId: k.GetId(), Plan: k.GetPlan(), Product: k.GetProduct(), StartDate: &date.Date{Year: 2023, Month: 11, Day: 14},
		})
	}
	resource, err := proto.Marshal(c)
	if err != nil {
		return nil, err
	}
	return proto.Marshal(&rpcv1.Stored{Resource: resource})
}

// fillCustomers writes them as fast as etcd takes them, their sources too where they are asked for.
func fillCustomers(b *testing.B, store *coord.Client, n int, sources bool) {
	b.Helper()
	fill(b, store, n, func(i int) (string, []byte, error) {
		value, err := published.Marshal(scaleCustomer(i))
		return published.CustomerPrefix + fmt.Sprintf("customer-%07d", i), value, err
	})
	if sources {
		fill(b, store, n, func(i int) (string, []byte, error) {
			value, err := scaleSource(i)
			return fmt.Sprintf("entitlement/customers/customer-%07d", i), value, err
		})
	}
}

// fill writes n records as fast as etcd takes them.
func fill(b *testing.B, store *coord.Client, n int, record func(i int) (key string, value []byte, err error)) {
	b.Helper()
	const perTxn, writers = 60, 8
	began := clock.System{}.Now()
	parts, failed := make(chan int), make(chan error, writers)
	for range writers {
		go func() {
			var err error
			for from := range parts {
				var writes []*rpcv1.Write
				for i := from; i < min(from+perTxn, n) && err == nil; i++ {
					var key string
					var value []byte
					key, value, err = record(i)
					writes = append(writes, coord.Put(key, value))
				}
				if err == nil {
					_, err = store.Commit(b.Context(), nil, writes)
				}
			}
			failed <- err
		}()
	}
	for from := 0; from < n; from += perTxn {
		parts <- from
	}
	close(parts)
	for range writers {
		if err := <-failed; err != nil {
			b.Fatal(err)
		}
	}
	b.Logf("%d records written in %v", n, clock.System{}.Now().Sub(began).Round(time.Second))
}

// load starts the process; it answers with how long it takes until it decides on all customers.
func (v *survivor) load(b *testing.B, n int) time.Duration {
	b.Helper()
	began := clock.System{}.Now()
	v.routing.run(b)
	conn := dial(b, v.grpcAddr)
	client := routingv1.NewRoutingServiceClient(conn)
	last := fmt.Sprintf("+%d", scaleCustomer(n - 1).GetNumbers()[0])
	until(b, "a call of the last customer", func() bool {
		ctx, cancel := context.WithTimeout(b.Context(), time.Second)
		defer cancel()
		conn.Connect()
		conn.ResetConnectBackoff()
		resp, err := client.RouteCall(ctx, &routingv1.RouteCallRequest{
			CallId: "restart", DialledNumber: exampleHiddenNumber, Caller: &routingv1.Caller{Number: last},
		})
		class := resp.GetRoute().GetExplanation().GetCallerClass()
		return err == nil && class != routingv1.CallerClass_CALLER_CLASS_UNKNOWN
	})
	took := clock.System{}.Now().Sub(began)
	v.routing.ready(b)
	v.connect(b)
	return took
}

// loadEntitlement starts the process with everything else; it answers with how long it takes until entitlement knows all
// customers, their names too.
func (v *survivor) loadEntitlement(b *testing.B, n int) time.Duration {
	b.Helper()
	began := clock.System{}.Now()
	v.rest.run(b)
	until(b, "entitlement to be ready", func() bool { return strings.Contains(v.rest.log.String(), `"msg":"ready"`) })
	v.rest.ready(b)
	client := entitlementv1.NewEntitlementServiceClient(v.rest.grpc)
	last := scaleCustomer(n - 1)
	until(b, "an answer on the last customer", func() bool {
		ctx, cancel := context.WithTimeout(b.Context(), time.Second)
		defer cancel()
		r, err := client.IdentifyCaller(ctx, &entitlementv1.IdentifyCallerRequest{Name: last.GetDisplayName()})
		return err == nil && len(r.GetCandidates()) > 0
	})
	return clock.System{}.Now().Sub(began)
}

// until is await.True for what takes minutes.
func until(b *testing.B, what string, cond func() bool) {
	b.Helper()
	var clk clock.System
	for deadline := clk.Now().Add(loadTimeout); !cond(); <-clk.After(pollEvery) {
		if clk.Now().After(deadline) {
			b.Fatalf("waited %v for %s", loadTimeout, what)
		}
	}
}

// copied waits until the copy on the process's disk is whole.
func (v *survivor) copied(b *testing.B, n int) {
	b.Helper()
	until(b, "the copy on disk", func() bool {
		_, body := v.get(b, "/metrics")
		for line := range strings.Lines(string(body)) {
			if strings.HasPrefix(line, "dayside_view_copy_size") {
				fields := strings.Fields(line)
				size, err := strconv.ParseFloat(fields[len(fields)-1], 64)
				return err == nil && size > float64(n*proto.Size(scaleCustomer(n-1)))
			}
		}
		return false
	})
}

// reportMemory reports what the process is resident at now, and was at most (proc(5), VmRSS and VmHWM).
func (r *released) reportMemory(b *testing.B, when string) {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		for field, unit := range map[string]string{"VmRSS:": "MB-resident", "VmHWM:": "MB-at-most"} {
			if len(fields) > 1 && fields[0] == field {
				kb, _ := strconv.Atoi(fields[1])
				tell(b, float64(kb)/1000, unit+when)
			}
		}
	}
}

// reportChanges writes customers, and reports how long it takes until the process decides by each.
func (v *survivor) reportChanges(b *testing.B, store *coord.Client) {
	b.Helper()
	const changes = 200
	client := routingv1.NewRoutingServiceClient(v.grpc)
	var took []time.Duration
	for i := range changes {
		c := scaleCustomer(i * 4001 % scale(b))
		c.DisplayName = fmt.Sprintf("Changed %d", i)
		value, err := published.Marshal(c)
		if err != nil {
			b.Fatal(err)
		}
		began := clock.System{}.Now()
		revision, err := store.Commit(b.Context(), nil, []*rpcv1.Write{coord.Put(published.CustomerPrefix+c.GetId(), value)})
		if err != nil {
			b.Fatal(err)
		}
		for decidesAt(b, client) < revision {
		}
		took = append(took, clock.System{}.Now().Sub(began))
	}
	tell(b, quantile(took, 0.5).Seconds()*1000, "ms-change-median")
	tell(b, quantile(took, 0.99).Seconds()*1000, "ms-change-p99")
	tell(b, quantile(took, 1).Seconds()*1000, "ms-change-max")
}
