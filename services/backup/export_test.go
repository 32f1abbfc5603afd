package backup

// WithStep has a restore call step at each instant at which it could be killed with some of it moved.
func (c RestoreConfig) WithStep(step func()) RestoreConfig {
	c.step = step
	return c
}
