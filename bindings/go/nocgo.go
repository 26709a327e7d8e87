//go:build !cgo

package tcauth

// Without cgo there is nothing here but this error.
var _ = tcauth_needs_cgo_so_set_CGO_ENABLED_to_1_and_install_a_C_compiler
