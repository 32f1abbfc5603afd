package store

import (
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
)

// BenchmarkAppend is synced records a second: singly by one sender and by many at once, and in batches as spools send them.
func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct{ senders, batch int }{{1, 1}, {64, 1}, {1, 100}, {1, 250}, {4, 500}} {
		b.Run(fmt.Sprintf("senders=%d/batch=%d", c.senders, c.batch), func(b *testing.B) {
			s := openTemp(b)
			work := make(chan []*ledgerv1.Record, c.senders)
			var senders sync.WaitGroup
			for range c.senders {
				senders.Go(func() {
					for batch := range work {
						if _, err := s.Append(b.Context(), batch); err != nil {
							b.Error(err)
						}
					}
				})
			}
			records := make([]*ledgerv1.Record, b.N*c.batch)
			for i := range records {
				records[i] = newRecord(fmt.Sprint("call-", i))
				records[i].GetDecision().DecidedUnixUs += int64(i) * 67 // 15,000 a second
			}
			b.ResetTimer()
			began := worked(b)
			for i := range b.N {
				work <- records[i*c.batch : (i+1)*c.batch]
			}
			close(work)
			senders.Wait()
			b.ReportMetric(float64(len(records))/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric(float64((worked(b)-began).Nanoseconds())/1000/float64(len(records)), "cpu-us/record")
		})
	}
}

// worked is this process's processor time so far: other work on the machine changes it little.
func worked(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkErase is how long a person with one call is looked for among 100,000 calls, and taken out of it.
func BenchmarkErase(b *testing.B) {
	s := openQuick(b)
	const calls, batch = 100_000, 500
	for from := 0; from < calls; from += batch {
		records := make([]*ledgerv1.Record, batch)
		for i := range records {
			records[i] = newRecord(fmt.Sprint("call-", from+i))
			records[i].GetDecision().DecidedUnixUs += int64(from+i) * 67
		}
		add(b, s, records...)
	}
	for b.Loop() {
		b.StopTimer()
		one := newRecord(fmt.Sprint("of-the-person-", b.Elapsed()))
		one.GetDecision().Caller = 13035550199
		add(b, s, one)
		b.StartTimer()
		got, err := s.Erase(b.Context(), Erasure{Numbers: []string{"+13035550199"}, Emails: []string{"ann@acme.example"}})
		if err != nil || got.GetCalls() != 1 {
			b.Fatal(got, err)
		}
	}
}
