/* The C library, as this package uses it. */
#ifndef TCAUTH_LIBRARY_H
#define TCAUTH_LIBRARY_H

/* Each C library of Linux has an archive of its own. */
#if !__has_include(<tc_auth.h>)
#error "tc_auth.h is missing. In a checkout, build with -tags tcauth_system, and set PKG_CONFIG_PATH: see README.md"
#else
#include <tc_auth.h>
#ifndef TC_AUTH_VERSION_NUMBER
#error "tc_auth.h is older than the Go package needs: install the header of the package's own version"
#elif defined(__linux__) && !defined(__GLIBC__) && !defined(TCAUTH_MUSL) && !defined(TCAUTH_SYSTEM)
#error "this C compiler is for musl: build with -tags musl"
#elif defined(__GLIBC__) && defined(TCAUTH_MUSL) && !defined(TCAUTH_SYSTEM)
#error "this C compiler is for glibc: build without -tags musl, or set CC to one for musl"
#endif
#endif

/*
 * What 0.1 did not have. With strong references the loader would refuse an older library with a message that only names
 * a function; with weak ones the program starts, and library.go can say what is wrong. Windows has no weak imports.
 */
#ifndef _WIN32
#pragma weak tc_auth_advice_message
#pragma weak tc_auth_advice_name
#pragma weak tc_auth_api_path
#pragma weak tc_auth_family
#pragma weak tc_auth_header_block
#pragma weak tc_auth_renewal_needed
#pragma weak tc_auth_renewal_window
#pragma weak tc_auth_seal
#pragma weak tc_auth_share_in
#pragma weak tc_auth_status_name
#pragma weak tc_auth_token_state
#pragma weak tc_auth_unseal
#pragma weak tc_auth_version_number
#endif

#endif
