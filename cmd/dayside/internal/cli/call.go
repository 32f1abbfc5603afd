package cli

// defaultGateway is where `dayside serve` listens for SIP.
const defaultGateway = "127.0.0.1:5060"
