package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

func newCluster(a *app) *cobra.Command {
	return newGroup("cluster", "Show the cluster's processes and etcd's members, and raise the schema that is written",
		"Shows the processes that live, how far each is and whose clock is wrong, and etcd's members as each says itself; and\n"+
			"lets the cluster write what releases before could not, once all of its processes are of a newer one.",
		newClusterStatus(a), newClusterUpgrade(a))
}

func newClusterStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show the processes that live, and etcd's members",
		Long: "Shows the processes that live, as they say every two seconds, and etcd's members, as each says itself. Where\n" +
			"etcd does not answer, what was last heard is shown, with its age.",
		Example: "  dayside cluster status\n  dayside cluster status -o json | jq '.processes[].heartbeat.release'",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			c, err := ask(cmd.Context(), a, func(ctx context.Context) (*rpcv1.Cluster, error) {
				return rpcv1.NewClusterServiceClient(client.conn).GetCluster(ctx, &rpcv1.GetClusterRequest{})
			})
			if err != nil {
				return err
			}
			return a.show(c, func(w io.Writer) error { return a.clusterText(w, c) })
		},
	}
}

// clusterText is the cluster for people: what somebody should look at comes last, where it is seen.
func (a *app) clusterText(w io.Writer, c *rpcv1.Cluster) error {
	schema := "-" // not heard yet
	if c.GetSchema() > 0 {
		schema = fmt.Sprint(c.GetSchema())
	}
	linef(w, "Cluster %s, epoch %s, writes schema %s.", dash(c.GetClusterId()), dash(c.GetEpoch()), schema)
	if len(c.GetProcesses()) > 0 {
		linef(w, "")
		g := newGrid("process", "services", "address", "region", "release", "schema", "up", "view", "age", "clock")
		for _, p := range c.GetProcesses() {
			h := p.GetHeartbeat()
			up := time.Duration(h.GetWallUnixUs()-h.GetStartUnixUs()) * time.Microsecond
			g.row(h.GetInstance(), strings.Join(h.GetServices(), " "), dash(h.GetAddress()), dash(h.GetRegion()),
				dash(h.GetRelease()), fmt.Sprint(h.GetMaxSchema()), shortSpan(up), viewText(h), viewAge(p), clockText(p))
		}
		if err := g.write(w); err != nil {
			return err
		}
	}
	if len(c.GetMembers()) > 0 {
		linef(w, "")
		g := newGrid("etcd member", "endpoint", "version", "role", "database", "in use", "quota", "applied")
		for _, m := range c.GetMembers() {
			g.row(memberCells(m)...)
		}
		if err := g.write(w); err != nil {
			return err
		}
	}
	if remarks := a.clusterRemarks(c); len(remarks) > 0 {
		linef(w, "")
		for _, r := range remarks {
			linef(w, "%s", oneLine(r))
		}
	}
	return nil
}

func viewText(h *rpcv1.Heartbeat) string {
	switch {
	case h.GetViewHeardUnixUs() == 0:
		return "-"
	case h.GetViewFromDisk():
		return fmt.Sprintf("%d (disk)", h.GetViewRevision())
	}
	return fmt.Sprint(h.GetViewRevision())
}

func viewAge(p *rpcv1.Process) string {
	if p.GetViewAge() == nil {
		return "-"
	}
	return shortSpan(p.GetViewAge().AsDuration())
}

// clockText is how far a clock is off, in milliseconds below ten seconds.
func clockText(p *rpcv1.Process) string {
	if p.GetClockAhead() == nil {
		return "-"
	}
	d := p.GetClockAhead().AsDuration().Round(time.Millisecond)
	if d.Abs() >= 10*time.Second {
		d = d.Round(time.Second)
	}
	if d > 0 {
		return "+" + d.String()
	}
	return d.String()
}

func memberCells(m *rpcv1.EtcdMember) []string {
	role := "follows"
	switch {
	case m.GetError() != "":
		return []string{dash(m.GetName()), dash(m.GetEndpoint()), "-", "silent", "-", "-", "-", "-"}
	case m.GetLeader():
		role = "leads"
	case m.GetLearner():
		role = "learns"
	}
	quota := "-"
	if m.GetQuotaBytes() > 0 {
		quota = size(m.GetQuotaBytes())
	}
	return []string{
		dash(m.GetName()), dash(m.GetEndpoint()), dash(m.GetVersion()), role, size(m.GetDbBytes()), size(m.GetDbInUseBytes()),
		quota, fmt.Sprint(m.GetRaftAppliedIndex()),
	}
}

// clusterRemarks are what somebody should look at.
func (a *app) clusterRemarks(c *rpcv1.Cluster) []string {
	var out []string
	switch {
	case c.GetEtcdSilent() != nil && c.GetSchema() == 0: // whoever has heard etcd knows the schema
		out = append(out, fmt.Sprintf("etcd has not been heard since this process began, for %s at least: who else lives is not "+
			"known, and nothing can be changed.", shortSpan(c.GetEtcdSilent().AsDuration())))
	case c.GetEtcdSilent() != nil:
		out = append(out, fmt.Sprintf("etcd has not answered for %s: this is what was last heard, and nothing can be changed.",
			shortSpan(c.GetEtcdSilent().AsDuration())))
	}
	newest := int32(0)
	for _, p := range c.GetProcesses() {
		h := p.GetHeartbeat()
		if h.GetSteppedBack() {
			out = append(out, fmt.Sprintf("%s has stepped back: its clock is %s from that of the majority.", h.GetInstance(),
				(time.Duration(h.GetClockAheadUs())*time.Microsecond).Abs().Round(time.Millisecond)))
		}
		if h.GetViewFromDisk() {
			out = append(out, fmt.Sprintf("%s routes by the view that was kept on its disk: it has not heard etcd since it began.",
				h.GetInstance()))
		}
		if newest == 0 || h.GetMaxSchema() < newest {
			newest = h.GetMaxSchema()
		}
	}
	for _, m := range c.GetMembers() {
		if m.GetError() != "" {
			out = append(out, fmt.Sprintf("etcd member %s does not answer: %s", dash(m.GetName()), m.GetError()))
		}
		for _, alarm := range m.GetAlarms() {
			out = append(out, fmt.Sprintf("etcd member %s: %s", dash(m.GetName()), alarm))
		}
	}
	if newest > c.GetSchema() && c.GetSchema() > 0 && c.GetEtcdSilent() == nil {
		out = append(out, fmt.Sprintf("All of these processes can write schema %d: %s cluster upgrade --dry-run says what that "+
			"means.", newest, a.Program))
	}
	return out
}

func newClusterUpgrade(a *app) *cobra.Command {
	var schema int32
	var dry, yes bool
	c := &cobra.Command{
		Use: "upgrade", Short: "Let the cluster write a newer schema",
		Long: "Lets processes write what releases before theirs cannot, once every process that lives can read it. It cannot\n" +
			"be taken back: processes of an older release no longer start. Until then they can come back at any time.",
		Example: "  dayside cluster upgrade --dry-run\n  dayside cluster upgrade --yes",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			upgrade := func(validateOnly bool) (*rpcv1.UpgradeClusterResponse, error) {
				return ask(cmd.Context(), a, func(ctx context.Context) (*rpcv1.UpgradeClusterResponse, error) {
					return rpcv1.NewClusterServiceClient(client.conn).UpgradeCluster(ctx, &rpcv1.UpgradeClusterRequest{
						Schema: schema, ValidateOnly: validateOnly,
					})
				})
			}
			r, err := upgrade(true)
			if err == nil && r.GetSchema() != r.GetBefore() && !dry {
				if !yes {
					err = a.confirmed(fmt.Sprintf("Write schema %d from now on, so that older releases start no longer?", r.GetSchema()))
				}
				if err == nil {
					r, err = upgrade(false)
				}
			}
			if err != nil {
				return err
			}
			return a.show(r, func(w io.Writer) error { upgradeText(w, r); return nil })
		},
	}
	flags := c.Flags()
	flags.Int32Var(&schema, "schema", 0, "schema to write; 0: the newest that all processes can read")
	flags.BoolVar(&dry, "dry-run", false, "only say what would be done")
	flags.BoolVar(&yes, "yes", false, "do not ask")
	return c
}

func upgradeText(w io.Writer, r *rpcv1.UpgradeClusterResponse) {
	switch {
	case r.GetSchema() == r.GetBefore():
		linef(w, "The cluster writes schema %d already; nothing is to be done.", r.GetSchema())
	case r.GetRevision() == 0:
		linef(w, "The cluster would write schema %d in place of %d: every process that lives can read it.", r.GetSchema(),
			r.GetBefore())
	default:
		linef(w, "The cluster writes schema %d in place of %d, since revision %d. Processes that cannot start no longer.",
			r.GetSchema(), r.GetBefore(), r.GetRevision())
	}
}
