package cluster

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
)

// FuzzKnown: whatever stands in etcd, what is known can be told, and stays bounded by what was written.
func FuzzKnown(f *testing.F) {
	beat, _ := proto.Marshal(&rpcv1.Heartbeat{Instance: "a", WallUnixUs: 1 << 50, ViewHeardUnixUs: 1})
	schema, _ := proto.Marshal(&rpcv1.ClusterSchema{Schema: 2})
	f.Add(processesPrefix+"a", beat, false)
	f.Add(discoveryPrefix+"routing/a", []byte(`{"Op":0,"Addr":"127.0.0.1:7400","Metadata":null}`), true)
	f.Add(schemaKey, schema, false)
	f.Add(epochKey, []byte{0xff}, false)
	f.Fuzz(func(t *testing.T, key string, value []byte, reset bool) {
		k, now := newKnown("a", time.Unix(0, 0)), time.Unix(1_800_000_000, 0)
		for _, prefix := range []string{clusterPrefix, processesPrefix, discoveryPrefix} {
			for _, v := range [][]byte{value, value, nil, value} {
				k.apply(prefix, coord.Batch{Reset: reset, Events: []coord.Event{{Key: key, Value: v}}}, now)
			}
		}
		for _, p := range k.living() {
			if told := k.tell(p); told.GetHeartbeat() == nil || told.GetViewAge().AsDuration() < 0 {
				t.Errorf("told is %v", told)
			}
		}
		if n := len(k.endpoints()); n > 1 || len(k.processes) > 1 || len(k.offsets()) > 1 || k.schema < 0 {
			t.Errorf("of one key there are %d endpoints, %d processes, schema %d", n, len(k.processes), k.schema)
		}
	})
}

// TestKnownIsBounded whatever is written to etcd.
func TestKnownIsBounded(t *testing.T) {
	k := newKnown("a", time.Unix(0, 0))
	for i := range 6 * maxProcesses {
		name := string(rune('a'+i%26)) + time.Duration(i).String()
		beat, err := proto.Marshal(&rpcv1.Heartbeat{Instance: name})
		if err != nil {
			t.Fatal(err)
		}
		k.apply(processesPrefix, coord.Batch{Events: []coord.Event{{Key: processesPrefix + name, Value: beat}}}, time.Time{})
		k.apply(discoveryPrefix, coord.Batch{Events: []coord.Event{{
			Key: discoveryPrefix + "routing/" + name, Value: []byte(`{"Addr":"a:1"}`),
		}}}, time.Time{})
	}
	if len(k.processes) != maxProcesses || len(k.announced) != maxAnnounced || len(k.endpoints()) != maxEndpoints {
		t.Errorf("%d processes, %d announced, %d endpoints", len(k.processes), len(k.announced), len(k.endpoints()))
	}
}
