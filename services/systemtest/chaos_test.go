package systemtest

import "testing"

func TestChaosStarts(t *testing.T) {
	c := startChaosCluster(t, 1)
	t.Log(c.net.kind())
}
