package host

import (
	"slices"
	"strings"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/pki"
)

// EtcdGrant is what a service may do with a range of keys in etcd.
type EtcdGrant struct {
	// From and To are the range [From, To), relative to the cluster's prefix; where To is empty, all keys that begin with From.
	From, To string
	// Read and Write say what is allowed.
	Read, Write bool
}

// permission is the grant as etcd names it.
func (g EtcdGrant) permission() string {
	switch {
	case g.Read && g.Write:
		return "readwrite"
	case g.Write:
		return "write"
	}
	return "read"
}

// everywhere is what every process needs: to see whether etcd answers, to say that it lives and to find the others, and to
// follow the zone rules.
func everywhere(service string) []EtcdGrant {
	return []EtcdGrant{
		{From: "cluster/", Read: true},
		{From: "discovery/", Read: true},
		{From: "discovery/" + service + "/", Read: true, Write: true},
		{From: "status/", Read: true},
		{From: "status/processes/", Read: true, Write: true},
		{From: "pub/schedule/tzdata", To: "pub/schedule/tzdata\x00", Read: true},
	}
}

// EtcdGrants are the ranges of keys that a service needs, and no others: with an etcd user for each, a process that is taken
// over reads and writes what its service does. Routing commits configuration for its owners, so it writes what they keep;
// of what verifies callers it can delete a customer's, and read none.
func EtcdGrants(service string) []EtcdGrant {
	own := everywhere(service)
	if service == Schedule || service == Entitlement || service == Routing {
		own[0].Write = true // they may say that the cluster has another epoch, or writes another schema
	}
	switch service {
	case Schedule:
		return append(own,
			EtcdGrant{From: "schedule/", Read: true, Write: true},
			EtcdGrant{From: "pub/schedule/", Read: true, Write: true},
			EtcdGrant{From: "pub/routing/", To: "pub/schedule0", Read: true},
		)
	case Entitlement:
		return append(own,
			EtcdGrant{From: "entitlement/", Read: true, Write: true},
			EtcdGrant{From: "pub/entitlement/", Read: true, Write: true},
			EtcdGrant{From: "pub/entitlement/", To: "pub/routing/lines0", Read: true},
		)
	case Routing:
		return append(own,
			EtcdGrant{From: "pub/", To: "routing0", Read: true},
			EtcdGrant{From: "pub/", Write: true},
			EtcdGrant{From: "routing/", Write: true},
			EtcdGrant{From: "status/routing/", Read: true, Write: true},
			EtcdGrant{From: "schedule/", Read: true, Write: true},
			EtcdGrant{From: "entitlement/customers/", Read: true, Write: true},
			EtcdGrant{From: "entitlement/plans/", Read: true, Write: true},
			EtcdGrant{From: "entitlement/offers/", Read: true, Write: true},
			EtcdGrant{From: "entitlement/access-names/", Read: true, Write: true},
			EtcdGrant{From: "entitlement/phrases/", Write: true},
			EtcdGrant{From: "entitlement/verifiers/", Write: true},
		)
	}
	return own
}

// EtcdCommands are the etcdctl commands that make a role for each service, and a user for each that its certificate's common
// name is taken for (dayside pki issue --role service --name SERVICE). Services are of Names; all where there are none.
func EtcdCommands(prefix string, services []string) ([]string, error) {
	if len(services) == 0 {
		services = Names()
	}
	var broken fault.Violations
	if !strings.HasSuffix(prefix, "/") || strings.ContainsAny(prefix, " '\"\\\n$`") {
		broken.Add("etcd-prefix", prefix, "must end with a slash, and hold nothing that a shell would read otherwise")
	}
	var lines []string
	for _, service := range services {
		if !slices.Contains(Names(), service) {
			broken.Add("SERVICE", service, "is not one of "+strings.Join(Names(), ", "))
			continue
		}
		role := "dayside-" + service
		lines = append(lines, "etcdctl role add "+role)
		for _, g := range EtcdGrants(service) {
			lines = append(lines, grantCommand(role, prefix, g))
		}
		user := pki.Identity{Role: rpcv1.Role_ROLE_SERVICE, Name: service}.User()
		lines = append(lines, "etcdctl user add "+user+" --no-password", "etcdctl user grant-role "+user+" "+role)
	}
	if err := broken.Err(); err != nil {
		return nil, oneLine(err)
	}
	return lines, nil
}

func grantCommand(role, prefix string, g EtcdGrant) string {
	command := "etcdctl role grant-permission " + role + " " + g.permission() + " "
	switch {
	case g.To == "":
		return command + "--prefix " + prefix + g.From
	case g.To == g.From+"\x00": // one key
		return command + prefix + g.From
	}
	return command + prefix + g.From + " " + prefix + g.To
}
