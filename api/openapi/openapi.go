// Package openapi holds the OpenAPI description of Dayside's REST API, generated from the protos like the rest of api/.
package openapi

import _ "embed"

// JSON is the description, OpenAPI 2.0.
//
//go:embed dayside.swagger.json
var JSON []byte
