package erasure

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
)

const (
	// MaxRecordings is how many recordings are told of.
	MaxRecordings = 1000
	// KeptFor is for how long it is remembered whose data was erased, so that what comes in late is erased, too.
	KeptFor = 400 * 24 * time.Hour
	// messagesFor is how long an alert of a message stands: as routing keeps it.
	messagesFor = 7 * 24 * time.Hour
)

// Remainders are where data of a person is left that was erased at an instant: what no request reaches, by when it goes,
// and what is to be done. recordings are where those of the person are.
func Remainders(at time.Time, recordings []string) []*entitlementv1.Remainder {
	on := at.UTC().Format("2006-01-02 15:04 UTC")
	var all []*entitlementv1.Remainder
	if len(recordings) > 0 {
		recordings = recordings[:min(len(recordings), MaxRecordings)]
		all = append(all, &entitlementv1.Remainder{
			Place: "recordings", What: fmt.Sprintf("what the person said; gateways keep it, %d are known", len(recordings)),
			Action: "delete them there: nothing says any more where they are", RecordingUris: recordings,
		})
	}
	return append(all, []*entitlementv1.Remainder{
		{
			Place: "messages", What: "where a message is that the person left, in its alert",
			UntilTime: timestamppb.New(at.Add(messagesFor)), Action: "delete the recordings of messages: dayside alerts",
		},
		{
			Place: "spools",
			What: fmt.Sprintf("calls and acceptances, in DATA/spool and DATA/promises until they are written over; of hosts "+
				"that were away they are erased as they come in, for %d days", int(KeptFor.Hours()/24)),
			Action: "delete the data directory of a host that never comes back; erase again after a longer absence",
		},
		{
			Place: "backups", What: "everything, in backups made before " + on,
			Action: "delete them when newer ones are there; erase again after one of them is restored",
		},
		{
			Place:  "etcd-history",
			What:   "what stood before, until compacted (an embedded etcd: within some hours), then in freed pages, and in its log",
			Action: "dayside etcd defrag, after compaction; an etcd of your own is compacted as you tell it to",
		},
		{
			Place: "view-copies", What: "numbers of customers, in DATA/view of routing processes until it is written anew",
			Action: "delete DATA/view of processes that no longer run",
		},
		{
			Place: "text",
			What: "what people wrote of the person in other words: in reasons of promises and grants it was looked for the numbers " +
				"as they are usually written, the addresses and the full name; in notes of follow-ups, titles of cases and the audit " +
				"for numbers in E.164 and addresses alone",
			Action: "look through them: dayside follow-up list, dayside promise list, dayside grant list",
		},
		{
			Place: "audit",
			What: "the contact's id, this request with its reason, and names where an earlier release kept them, for as long as " +
				"the ledger keeps the audit",
		},
		{
			Place: "elsewhere", What: "files that were imported or exported, and systems that follow the customers",
			Action: "erase it there, too: an import or an apply of such a file brings it back",
		},
	}...)
}
