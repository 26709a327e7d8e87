package capi

// The module contains the library for the platforms below, each with what Rust's standard library needs of the system. A
// checkout does not contain it. There, and where the system has the library, the tag tcauth_system takes the one that
// pkg-config finds.

// #cgo tcauth_system CFLAGS: -DTCAUTH_SYSTEM
// #cgo tcauth_system pkg-config: tc_auth
// #cgo !tcauth_system CFLAGS: -I${SRCDIR}/include
// #cgo musl CFLAGS: -DTCAUTH_MUSL
// #cgo linux,amd64,!musl,!tcauth_system LDFLAGS: ${SRCDIR}/lib/linux_amd64/libtc_auth.a -lgcc_eh -lpthread
// #cgo linux,arm64,!musl,!tcauth_system LDFLAGS: ${SRCDIR}/lib/linux_arm64/libtc_auth.a -lgcc_eh -lpthread
// #cgo linux,amd64,musl,!tcauth_system LDFLAGS: ${SRCDIR}/lib/linux_amd64_musl/libtc_auth.a
// #cgo linux,arm64,musl,!tcauth_system LDFLAGS: ${SRCDIR}/lib/linux_arm64_musl/libtc_auth.a
// #cgo darwin,amd64,!tcauth_system LDFLAGS: ${SRCDIR}/lib/darwin_amd64/libtc_auth.a
// #cgo darwin,arm64,!tcauth_system LDFLAGS: ${SRCDIR}/lib/darwin_arm64/libtc_auth.a
// #cgo windows,amd64,!tcauth_system LDFLAGS: ${SRCDIR}/lib/windows_amd64/libtc_auth.a -lgcc_eh -lntdll
// #cgo windows,arm64,!tcauth_system LDFLAGS: ${SRCDIR}/lib/windows_arm64/libtc_auth.a -lunwind -lntdll
// #cgo linux LDFLAGS: -ldl
import "C"
