//go:build !cgo

package capi

// Without cgo the package is only this line, whose compiler error says what to do.
var _ = tcauth_needs_cgo_so_set_CGO_ENABLED_to_1_and_install_a_C_compiler
