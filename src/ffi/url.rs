//! `tc_auth_url`: building a URL.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::ptr;

use super::auth::tc_auth;
use super::status::Status;
use super::{c_str, guard_quick, hand_over, required};
use crate::request::builder::Url;

/// A URL that is being built: sign and send the same string. What you add is percent-encoded so that HTTP clients send
/// it unchanged.
pub struct tc_auth_url(Url);

/// Starts a URL with a base: a path such as "/api/v3/indicators", or an absolute http or https URL. Free *out with
/// tc_auth_url_free().
///
/// The base is copied unchanged, so it must be percent-encoded already.
///
/// Errors: INVALID_URI_FORM (also for a fragment); INVALID_URI_BYTE.
#[must_use]
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

/// Starts a URL by joining a path to the API path: "https://company.example/api" and "/v2/owners" give
/// "https://company.example/api/v2/owners". Free *out with tc_auth_url_free().
///
/// The path must be percent-encoded already. The URL may outlive the handle.
///
/// Errors: API_PATH_MISSING; INVALID_URI_FORM (the path does not begin with exactly one `/`, or has a fragment);
/// INVALID_URI_BYTE.
#[must_use]
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

/// Adds one segment to the path, after exactly one `/`. Every byte except A-Z a-z 0-9 - . _ ~ is percent-encoded, so
/// "a/b?c" stays one segment. The segment may be the URL's own string.
///
/// Errors: INVALID_ARGUMENT (empty, "." or "..", which HTTP clients remove); INVALID_URI_FORM (the URL has a query
/// already). The URL is then unchanged.
#[must_use]
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

/// Adds one parameter to the query. Name and value are percent-encoded like a segment, a space as %20. Either may be
/// the URL's own string.
///
/// Errors: INVALID_ARGUMENT (an empty name). The URL is then unchanged.
#[must_use]
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

/// The URL as it is now, to sign and to send. Valid until the URL is changed or freed.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_url_string(url: Option<&tc_auth_url>) -> *const c_char {
    url.map_or(ptr::null(), |url| url.0.as_c_str().as_ptr())
}

/// Frees a URL and its string.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_url_free(url: Option<Box<tc_auth_url>>) {
    drop(url);
}
