//! `tc_auth_url`: building a URL.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::ptr;

use super::auth::tc_auth;
use super::status::Status;
use super::{c_str, guard_quick, hand_over, required};
use crate::request::builder::Url;

/// A URL that is being built. It belongs to one thread at a time.
///
/// Sign and send the same string. In the parts that you add, everything is encoded that HTTP clients are known to change
/// on the way; the base is yours to keep plain.
pub struct tc_auth_url(Url);

/// Starts a URL with a base: a path such as "/api/v3/indicators", or an absolute http or https URL such as
/// "https://company.example/api". The base is taken as it is, so it must be percent-encoded already.
///
/// The base is copied. On success *out owns the URL: free it with tc_auth_url_free().
///
/// Errors: NULL_ARGUMENT; INVALID_URI_FORM (also for a fragment, `#...`); INVALID_URI_BYTE.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_url_new(
    base: *const c_char,
    out: Option<&mut MaybeUninit<*mut tc_auth_url>>,
) -> Status {
    guard_quick(|| {
        // SAFETY: the caller keeps the header's rules for strings.
        let (base, out) = (unsafe { c_str(base) }?, required(out)?);
        hand_over(out, tc_auth_url(Url::new(base)?));
        Ok(())
    })
}

/// Starts a URL by joining a path to the handle's API path: with "https://company.example/api", the path "/v2/owners"
/// becomes "https://company.example/api/v2/owners": do not repeat the "/api". The path must be percent-encoded already.
///
/// Everything is copied; the URL may outlive the handle. On success *out owns it: free it with tc_auth_url_free().
///
/// Errors: NULL_ARGUMENT; API_PATH_MISSING; INVALID_URI_FORM (the path does not begin with exactly one `/`, or has a
/// fragment); INVALID_URI_BYTE.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_url_new_for(
    auth: Option<&tc_auth>,
    path: *const c_char,
    out: Option<&mut MaybeUninit<*mut tc_auth_url>>,
) -> Status {
    guard_quick(|| {
        // SAFETY: the caller keeps the header's rules for strings.
        let (auth, path, out) = (required(auth)?, unsafe { c_str(path) }?, required(out)?);
        hand_over(out, tc_auth_url(auth.0.url(path)?));
        Ok(())
    })
}

/// Adds one segment to the path, with exactly one `/` before it. Every byte but A-Z a-z 0-9 - . _ ~ is
/// percent-encoded: "http://evil.example/a?b" becomes one segment, which no server mistakes for more.
///
/// The segment is copied; it may be the URL's own string.
///
/// Errors: NULL_ARGUMENT; INVALID_ARGUMENT (the segment is empty, "." or "..", which HTTP clients remove);
/// INVALID_URI_FORM (the URL has a query already: add all segments first). The URL is then as it was.
/// Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_url_add_segment(url: *mut tc_auth_url, segment: *const c_char) -> Status {
    guard_quick(|| {
        // SAFETY: the caller keeps the header's rules for strings. The segment may be the URL's own string, so it is
        // copied before the URL is borrowed.
        let segment = unsafe { c_str(segment) }?.to_vec();
        // SAFETY: the caller passes NULL or a URL that no other thread uses meanwhile.
        Ok(required(unsafe { url.as_mut() })?.0.add_segment(segment)?)
    })
}

/// Adds one parameter to the query. Name and value are percent-encoded like a segment, a space as %20.
///
/// Name and value are copied; either may be the URL's own string.
///
/// Errors: NULL_ARGUMENT; INVALID_ARGUMENT (the name is empty; the value may be). The URL is then as it was.
/// Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_url_add_query(
    url: *mut tc_auth_url,
    name: *const c_char,
    value: *const c_char,
) -> Status {
    guard_quick(|| {
        // SAFETY: as for a segment.
        let (name, value) = unsafe { (c_str(name)?.to_vec(), c_str(value)?.to_vec()) };
        // SAFETY: the caller passes NULL or a URL that no other thread uses meanwhile.
        Ok(required(unsafe { url.as_mut() })?.0.add_query(name, value)?)
    })
}

/// The URL as it is now, for signing and for sending. NULL for NULL.
///
/// The string belongs to the URL and is valid until the URL is changed or freed.
///
/// Threads: one at a time.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_url_string(url: Option<&tc_auth_url>) -> *const c_char {
    url.map_or(ptr::null(), |url| url.0.as_c_str().as_ptr())
}

/// Frees a URL and its string; does nothing for NULL. Afterwards neither must be used.
///
/// Threads: one at a time.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_url_free(url: Option<Box<tc_auth_url>>) {
    drop(url);
}
