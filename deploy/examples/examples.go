// Package examples holds complete sets of configuration to start from, as files and for the binary that carries them.
// Everything in them is fictional. It holds no code: cmd/dayside reads the files as any others.
package examples

import "embed"

// FollowTheSun is the folder of the set with four sites around the world.
const FollowTheSun = "followthesun"

// Files are the example folders.
//
//go:embed */*.yaml
var Files embed.FS
