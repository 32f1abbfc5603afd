// Package houserules holds the rules of the house as tests, for what no linter can say: which package may import which
// (imports_test.go), what a package must look like (shape_test.go), and what the API must declare about roles and secrets
// (api_test.go). Each rule is a table or a function with a test of its own on made-up input, so that it is known to fail.
//
// It holds no code of the product, and nothing imports it. Rules a linter can check are in .golangci.yml.
package houserules
