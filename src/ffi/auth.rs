//! `tc_auth`: one identity.

use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;
use std::ptr;

use super::header_list::tc_auth_header_list;
use super::status::{Result, Status};
use super::string::hand_over_string;
use super::time::{self, TC_AUTH_NO_TIMESTAMP};
use super::{Buffer, bytes, c_str, c_str_or_null, guard, guard_quick, guard_to_the_end, hand_over, required};
use crate::auth::{Auth, Kind, Texts, string_to_sign};
use crate::sign::headers::{HeaderList, Lines};

/// One identity: an access id with its secret key, or an API token. Create it once and share it between threads.
pub struct tc_auth(pub(super) Auth);

/// What a handle contains.
#[repr(C)]
pub enum tc_auth_kind {
    /// No handle: NULL was passed.
    None = 0,
    /// An access id and a secret key, which sign every request.
    Hmac = 1,
    /// An API token.
    Token = 2,
}

/// Creates a handle that signs with HMAC-SHA256. Free it with tc_auth_free().
///
/// The library keeps only a keyed hash state, not the secret key: you can wipe your copy.
///
/// @param access_id visible ASCII (0x21 to 0x7e), not empty.
/// @param secret_key not empty; any bytes except control characters.
/// Errors: INVALID_ACCESS_ID; INVALID_SECRET_KEY.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_new_hmac(
    access_id: *const c_char,
    secret_key: *const c_char,
    out: Option<&mut MaybeUninit<*mut tc_auth>>,
) -> Status {
    guard(|| {
        // SAFETY: the caller keeps the header's rules for strings.
        let (access_id, secret_key) = unsafe { (c_str(access_id)?, c_str(secret_key)?) };
        let out = required(out)?;
        hand_over(out, tc_auth(Auth::new_hmac(access_id, secret_key)?));
        Ok(())
    })
}

/// Creates a handle for an API token. Free it with tc_auth_free().
///
/// @param token visible ASCII (0x21 to 0x7e), not empty; it is copied.
/// @param expires when it expires, in Unix seconds (not a lifetime), or TC_AUTH_NO_EXPIRY.
/// Errors: INVALID_TOKEN; INVALID_TIME (negative, or milliseconds).
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_new_token(
    token: *const c_char,
    expires: i64,
    out: Option<&mut MaybeUninit<*mut tc_auth>>,
) -> Status {
    guard(|| {
        // SAFETY: the caller keeps the header's rules for strings.
        let (token, out) = (unsafe { c_str(token) }?, required(out)?);
        hand_over(out, tc_auth(Auth::new_token(token, time::expiry(expires), time::now())?));
        Ok(())
    })
}

/// Wipes and frees a handle. Lists, URLs and strings that were made with it stay valid.
///
/// Complete or cancel all tickets first. A later response is discarded and the new token lost; an open ticket also
/// keeps the old token in memory.
///
/// Threads: no other call on the handle may be running.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_free(auth: Option<Box<tc_auth>>) {
    if let Some(auth) = auth {
        let _ = guard_to_the_end(|| {
            drop(auth);
            Ok(())
        });
    }
}

/// The kind of a handle; TC_AUTH_KIND_NONE for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_get_kind(auth: Option<&tc_auth>) -> tc_auth_kind {
    match auth.map(|auth| auth.0.kind()) {
        None => tc_auth_kind::None,
        Some(Kind::Hmac) => tc_auth_kind::Hmac,
        Some(Kind::Token) => tc_auth_kind::Token,
    }
}

/// One line for a log, without secrets: the kind, the access id or the token's expiry, and the API path. Free *out with
/// tc_auth_string_free().
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_describe(auth: Option<&tc_auth>, out: Option<&mut MaybeUninit<*mut c_char>>) -> Status {
    guard_quick(|| {
        let (auth, out) = (required(auth)?, required(out)?);
        hand_over_string(out, &auth.0.describe());
        Ok(())
    })
}

/// Sets the URL of the platform's API, such as "https://company.example/api", once. Set it before you share the handle.
///
/// From then on an absolute URL with another scheme, host or port fails with OTHER_ORIGIN, so that no credentials go to
/// another server; tc_auth_url_new_for() can join paths to it; and the token can be renewed. A `/` at the end makes no
/// difference. The string is copied.
///
/// Errors: INVALID_URI_FORM (not an absolute http or https URL, or one with a user, query or fragment);
/// INVALID_URI_BYTE; ALREADY_SET.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_set_api_path(auth: *mut tc_auth, api_path: *const c_char) -> Status {
    guard_quick(|| {
        // SAFETY: the caller keeps the header's rules for handles and strings.
        let (auth, api_path) = unsafe { (borrow(auth)?, c_str(api_path)?) };
        Ok(auth.set_api_path(api_path)?)
    })
}

/// The API path as it was set, without a `/` at its end; NULL if none is set. Valid until the handle is freed.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_api_path(auth: Option<&tc_auth>) -> *const c_char {
    auth.and_then(|auth| auth.0.api_path_as_c_str()).map_or(ptr::null(), CStr::as_ptr)
}

/// Sets how many seconds are added to this machine's clock where TC_AUTH_NOW is passed.
///
/// @param seconds -86400 to 86400; 0 by default.
/// Errors: INVALID_ARGUMENT.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_set_clock_offset(auth: *mut tc_auth, seconds: i64) -> Status {
    // SAFETY: the caller keeps the header's rules for handles.
    guard_quick(|| Ok(unsafe { borrow(auth) }?.set_clock_offset(seconds)?))
}

/// The clock offset in seconds, as tc_auth_set_clock_offset() set it or tc_auth_review() corrected it.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_clock_offset(auth: Option<&tc_auth>, out: Option<&mut MaybeUninit<i64>>) -> Status {
    guard_quick(|| {
        let (auth, out) = (required(auth)?, required(out)?);
        out.write(auth.0.clock_offset());
        Ok(())
    })
}

/// Makes the headers of a request that is sent now: tc_auth_headers_at() with TC_AUTH_NOW.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_headers(
    auth: Option<&tc_auth>,
    method: *const c_char,
    uri: *const c_char,
    out: Option<&mut MaybeUninit<*mut tc_auth_header_list>>,
) -> Status {
    // SAFETY: the caller keeps the same rules.
    unsafe { tc_auth_headers_at(auth, method, uri, time::TC_AUTH_NOW, out) }
}

/// Makes the headers of one request. Free *out with tc_auth_header_list_free().
///
/// @param method such as "GET": an HTTP token of at most 64 characters, signed in upper case.
/// @param uri a path with query ("/api/v3/indicators?resultLimit=10") or an absolute http or https URL, exactly as it
///   will be sent. The path ("/" if it is empty) and the query are signed byte for byte; the fragment is not. The API
///   path is not added.
/// @param unix_time Unix seconds, or TC_AUTH_NOW. A token's expiry is compared with it.
/// Errors: INVALID_METHOD; INVALID_URI_FORM; INVALID_URI_BYTE; INVALID_TIME (negative, or milliseconds); OTHER_ORIGIN
/// (an API path is set, and the URL has another scheme, host or port); TOKEN_EXPIRED.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_headers_at(
    auth: Option<&tc_auth>,
    method: *const c_char,
    uri: *const c_char,
    unix_time: i64,
    out: Option<&mut MaybeUninit<*mut tc_auth_header_list>>,
) -> Status {
    guard_quick(|| {
        let (auth, out) = (&required(auth)?.0, required(out)?);
        // SAFETY: the caller keeps the header's rules for strings.
        let (method, uri) = unsafe { (c_str(method)?, c_str(uri)?) };
        let unix_time = time::resolve(unix_time, auth);
        let mut texts = Texts::default();
        let authorization = auth.authorize(method, uri, unix_time, &mut texts)?;
        hand_over(out, tc_auth_header_list(HeaderList::new(&authorization)));
        Ok(())
    })
}

/// Like tc_auth_headers_at(), but writes the value of the Authorization header, ended by NUL, into your buffer, and
/// allocates nothing except in a thread's first call on a token handle.
///
/// @param method as in tc_auth_headers_at(); it needs no NUL.
/// @param uri the same.
/// @param authorization your buffer.
/// @param capacity its size in bytes: at least the length of the value plus 1.
/// @param authorization_len receives the length of the value.
/// @param timestamp receives the second for the Timestamp header, to be written in decimal ("%" PRId64), or
///   TC_AUTH_NO_TIMESTAMP.
/// Errors: those of tc_auth_headers_at(); INVALID_ARGUMENT (a length above PTRDIFF_MAX); BUFFER_TOO_SMALL (only
/// *authorization_len is written; pass NULL and 0 to ask for it, and do so in a loop, because another thread may set a
/// longer token).
/// Threads: takes no lock.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_headers_into(
    auth: Option<&tc_auth>,
    method: *const c_char,
    method_len: usize,
    uri: *const c_char,
    uri_len: usize,
    unix_time: i64,
    authorization: *mut c_char,
    capacity: usize,
    authorization_len: Option<&mut MaybeUninit<usize>>,
    timestamp: Option<&mut MaybeUninit<i64>>,
) -> Status {
    guard_quick(|| {
        let (auth, timestamp) = (&required(auth)?.0, required(timestamp)?);
        let (buffer, len_out) = (Buffer::new(authorization, capacity)?, required(authorization_len)?);
        // SAFETY: the caller keeps the header's rules for strings and lengths.
        let (method, uri) = unsafe { (bytes(method, method_len)?, bytes(uri, uri_len)?) };
        let mut texts = Texts::default();
        let made = auth.authorize(method, uri, time::resolve(unix_time, auth), &mut texts)?;
        let len = made.len();
        len_out.write(len);
        // SAFETY: the caller's buffer has the given capacity and overlaps nothing else.
        made.write(unsafe { buffer.text(len) }?);
        timestamp.write(made.timestamp().unwrap_or(TC_AUTH_NO_TIMESTAMP));
        Ok(())
    })
}

/// Writes the header lines of a request that is sent now into your buffer, as they go over the wire. Each line ends with
/// CR LF. A NUL follows the last one; there is no empty line. Allocates nothing except in a thread's first call on a
/// token handle.
///
/// If you call tc_auth_review() afterwards, tc_auth_headers_into() is simpler: review needs the value of Authorization
/// alone.
///
/// @param method as in tc_auth_headers_at().
/// @param uri the same.
/// @param block your buffer.
/// @param capacity its size in bytes.
/// Errors: those of tc_auth_headers_at(); BUFFER_TOO_SMALL (nothing is written: double the buffer).
/// Threads: takes no lock.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_header_block(
    auth: Option<&tc_auth>,
    method: *const c_char,
    uri: *const c_char,
    block: *mut c_char,
    capacity: usize,
) -> Status {
    guard_quick(|| {
        let (auth, buffer) = (&required(auth)?.0, Buffer::new(block, capacity)?);
        // SAFETY: the caller keeps the header's rules for strings.
        let (method, uri) = unsafe { (c_str(method)?, c_str(uri)?) };
        let (mut texts, mut digits) = (Texts::default(), itoa::Buffer::new());
        let made = auth.authorize(method, uri, time::resolve(time::TC_AUTH_NOW, auth), &mut texts)?;
        let lines = Lines::new(&made, b"\r\n", &mut digits);
        // SAFETY: the caller's buffer has the given capacity and overlaps nothing else.
        lines.write(unsafe { buffer.text(lines.len()) }?);
        Ok(())
    })
}

/// The string that is signed, such as "/api/v3/indicators:GET:1513703787", to compare with another implementation. Free
/// *out with tc_auth_string_free().
///
/// @param unix_time the second that was signed: see tc_auth_header_list_timestamp(). TC_AUTH_NOW is INVALID_TIME here.
/// Errors: INVALID_METHOD; INVALID_URI_FORM; INVALID_URI_BYTE; INVALID_TIME.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_string_to_sign(
    method: *const c_char,
    uri: *const c_char,
    unix_time: i64,
    out: Option<&mut MaybeUninit<*mut c_char>>,
) -> Status {
    guard_quick(|| {
        // SAFETY: the caller keeps the header's rules for strings.
        let (method, uri) = unsafe { (c_str(method)?, c_str(uri)?) };
        let out = required(out)?;
        hand_over_string(out, &string_to_sign(method, uri, unix_time)?);
        Ok(())
    })
}

/// Checks the headers of a request that was received: for gateways, mocks and tests.
///
/// @param uri the request target. Its origin is not signed. A fragment is INVALID_URI_FORM: it is not signed, but some
///   servers read it as a part of the path or the query.
/// @param authorization the value of this header; NULL if the request has none.
/// @param timestamp the same; ignored with a token.
/// @param unix_time Unix seconds, or TC_AUTH_NOW.
/// @param tolerance_seconds how far the timestamp may be off: 0 to 86400. ThreatConnect allows 300.
/// Errors: for your arguments INVALID_METHOD; INVALID_URI_FORM; INVALID_URI_BYTE; OTHER_ORIGIN; INVALID_TIME;
/// INVALID_ARGUMENT (the tolerance). Then, in this order, for the headers MALFORMED_AUTHORIZATION (missing, or not "TC
/// id:signature" or "TC-Token token" by the handle's kind, or a timestamp that is not decimal digits);
/// SIGNATURE_MISMATCH; TIMESTAMP_OUT_OF_RANGE, or TOKEN_EXPIRED.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_verify(
    auth: Option<&tc_auth>,
    method: *const c_char,
    uri: *const c_char,
    authorization: *const c_char,
    timestamp: *const c_char,
    unix_time: i64,
    tolerance_seconds: i64,
) -> Status {
    guard_quick(|| {
        let auth = &required(auth)?.0;
        // SAFETY: the caller keeps the header's rules for strings.
        let (method, uri) = unsafe { (c_str(method)?, c_str(uri)?) };
        // SAFETY: the same.
        let (authorization, timestamp) = unsafe { (c_str_or_null(authorization), c_str_or_null(timestamp)) };
        let unix_time = time::resolve(unix_time, auth);
        Ok(auth.verify(method, uri, authorization, timestamp, unix_time, tolerance_seconds)?)
    })
}

/// A handle that is not `const` in C is still shared between threads: never borrow it as `&mut`.
pub(super) unsafe fn borrow<'a>(auth: *mut tc_auth) -> Result<&'a Auth> {
    // SAFETY: the caller passes NULL or a handle that is not freed during the call.
    required(unsafe { auth.as_ref() }).map(|auth| &auth.0)
}
