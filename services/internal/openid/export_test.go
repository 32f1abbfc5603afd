package openid

import "time"

// NewPatient is New, of a provider that is waited for as long as a slow machine may take.
func NewPatient(cfg Config) (*Provider, error) { return newProvider(cfg, time.Hour) }
