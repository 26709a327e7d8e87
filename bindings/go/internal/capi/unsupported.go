//go:build cgo && !tcauth_system && (android || ios || !(linux || darwin || windows) || !(amd64 || arm64))

package capi

// For this platform the package is only this line, whose compiler error says what to do.
var _ = tcauth_has_no_library_for_this_platform_so_install_it_and_build_with_tags_tcauth_system
