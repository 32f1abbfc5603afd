package coord

// HedgeAfter is how long one member is given before another is asked beside it.
const HedgeAfter = hedgeAfter

// ListBehind has a client list what it missed more than so many revisions of.
func (c *Client) ListBehind(revisions int64) { c.maxMissed = revisions }
