//go:build ignore

// It is never compiled. `go mod vendor` copies the directories of Go files, and what any of them embeds.

package capi

import "embed"

//go:embed include lib
var _ embed.FS
