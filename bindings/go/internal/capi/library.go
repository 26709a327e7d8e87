package capi

// #cgo CFLAGS: -D_GNU_SOURCE
// #include "library.h"
//
// #ifdef _WIN32
// static const char *library_file(void) { return "libtc_auth"; }
// static uint32_t library_version(void) { return tc_auth_version_number(); }
// #else
// #include <dlfcn.h>
// static const char *library_file(void)
// {
//     Dl_info found;
//     return dladdr((void *)tc_auth_version, &found) && found.dli_fname ? found.dli_fname : "libtc_auth";
// }
//
// /* 0 for a library of 0.1, which does not have the function. */
// static uint32_t library_version(void) { return tc_auth_version_number ? tc_auth_version_number() : 0; }
// #endif
import "C"

import "fmt"

// needed is the oldest library that the package works with: the minor version of its header, because functions are only
// added with a new minor version.
const needed = C.TC_AUTH_VERSION_NUMBER &^ 0xff

// An older library would lack functions that are called later. It is refused before the program begins.
func init() {
	if VersionNumber() < needed {
		panic(fmt.Sprintf("tcauth: the library %s is too old: it is version %s, and this program needs %d.%d.%d or later. "+
			"Install a newer library, or correct the path on which the loader finds it",
			C.GoString(C.library_file()), Version(), needed>>16, needed>>8&0xff, needed&0xff))
	}
}

// Version is that of the loaded library.
func Version() string {
	return C.GoString(C.tc_auth_version())
}

// VersionNumber is that of the loaded library.
func VersionNumber() uint32 {
	return uint32(C.library_version())
}
