package coord

// HedgeAfter is how long one member is given before another is asked beside it.
const HedgeAfter = hedgeAfter
