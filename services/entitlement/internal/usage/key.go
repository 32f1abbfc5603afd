package usage

// Beginnings of the last part of keys.
const (
	customerPrefix = "c-"
	numberPrefix   = "n-"
)

// CustomerID is the last part of the key of what is counted of a customer.
func CustomerID(customerID string) string { return customerPrefix + customerID }

// NumberID is that of a number nobody knows, by a keyed hash of it, so that no number is in a key.
func NumberID(hash string) string { return numberPrefix + hash }
