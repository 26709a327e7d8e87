//! `tc_auth`: one identity.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::ptr;
use std::time::Duration;

use super::cancel::Uncancelled;
use super::header_list::tc_auth_header_list;
use super::renewal::tc_auth_renewal;
use super::status::{Result, Status};
use super::string::hand_over_string;
use super::time::{self, TC_AUTH_NO_EXPIRY, TC_AUTH_NO_TIMESTAMP};
use super::{Buffer, bytes, c_str, c_str_or_null, guard, guard_quick, guard_to_the_end, hand_over, required};
use crate::auth::{Auth, Kind, string_to_sign};
use crate::review::Response;
use crate::sign::headers::HeaderList;

/// One identity at one ThreatConnect instance: an access id with its secret key, or an API token.
///
/// Make it once and share it: every function on it may be called from any number of threads at once, but
/// tc_auth_free(), which comes last and alone. After fork() the child may use an HMAC handle at once; a token handle it
/// may only free.
pub struct tc_auth(pub(super) Auth);

/// What a handle proves its identity with.
#[repr(C)]
pub enum tc_auth_kind {
    /// No handle: NULL was passed.
    None = 0,
    /// An access id and a secret key, which sign every request.
    Hmac = 1,
    /// An API token.
    Token = 2,
}

/// Makes a handle that signs requests with HMAC-SHA256.
///
/// Both strings are only read; of the secret key nothing but the state of a keyed hash is kept, so you can wipe yours.
/// On success *out owns the handle: free it with tc_auth_free().
///
/// @param access_id visible ASCII (0x21 to 0x7e), not empty.
/// @param secret_key not empty, any bytes but control characters.
/// Errors: NULL_ARGUMENT; INVALID_ACCESS_ID; INVALID_SECRET_KEY.
/// Threads: any.
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

/// Makes a handle that shows an API token.
///
/// The token is copied. On success *out owns the handle: free it with tc_auth_free().
///
/// @param token visible ASCII (0x21 to 0x7e), not empty.
/// @param expires the Unix second at which it ends (not how long it lives), or TC_AUTH_NO_EXPIRY.
/// Errors: NULL_ARGUMENT; INVALID_TOKEN; INVALID_TIME (negative, or milliseconds).
/// Threads: any.
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

/// Wipes and frees a handle; does nothing for NULL. Afterwards it must not be used.
///
/// Header lists, URLs and strings that were made with it live on. Complete or cancel all tickets first: a later response
/// is discarded and the new token lost, and an open ticket keeps the old token in memory.
///
/// Threads: no other call on the handle may be running.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_free(auth: Option<Box<tc_auth>>) {
    if let Some(auth) = auth {
        let _ = guard(|| {
            drop(auth);
            Ok(())
        });
    }
}

/// The kind of a handle; TC_AUTH_KIND_NONE for NULL.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_get_kind(auth: Option<&tc_auth>) -> tc_auth_kind {
    match auth.map(|auth| auth.0.kind()) {
        None => tc_auth_kind::None,
        Some(Kind::Hmac) => tc_auth_kind::Hmac,
        Some(Kind::Token) => tc_auth_kind::Token,
    }
}

/// One line for a log: the kind, the access id or the token's expiry, and the API path. It holds nothing of a secret
/// key or a token, not even a length.
///
/// On success *out owns the string: free it with tc_auth_string_free().
///
/// Errors: NULL_ARGUMENT.
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_describe(auth: Option<&tc_auth>, out: Option<&mut MaybeUninit<*mut c_char>>) -> Status {
    guard_quick(|| {
        let (auth, out) = (required(auth)?, required(out)?);
        hand_over_string(out, &auth.0.describe());
        Ok(())
    })
}

/// Makes the headers for one request, now: tc_auth_headers_at() with TC_AUTH_NOW.
///
/// On success *out owns the list: free it with tc_auth_header_list_free().
///
/// @param method such as "GET"; signed in upper case.
/// @param uri path and query, or a whole URL, exactly as it will be sent: see tc_auth_headers_at().
/// Errors: those of tc_auth_headers_at().
/// Threads: any; never waits.
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

/// Makes the headers for one request at a given time.
///
/// Method and URI are only read. On success *out owns the list: free it with tc_auth_header_list_free().
///
/// @param method such as "GET", an HTTP token of at most 64 characters; signed in upper case.
/// @param uri a path with query ("/api/v3/indicators?resultLimit=10") or an absolute http or https URL, exactly as it
///   will be sent. What is signed is taken from it byte for byte: the path ("/" if it is empty) and the query, without
///   the fragment. A path is signed as it stands: an API path is neither put before it nor compared with it.
/// @param unix_time Unix seconds, or TC_AUTH_NOW. A token's expiry is checked against it, too.
/// Errors: NULL_ARGUMENT; INVALID_METHOD; INVALID_URI_FORM; INVALID_URI_BYTE; INVALID_TIME (negative, or milliseconds);
/// OTHER_ORIGIN (the handle has an API path, and the URL has another scheme, host or port); TOKEN_EXPIRED.
/// Threads: any; never waits.
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
        let authorization = auth.authorize(method, uri, time::resolve(unix_time, auth))?;
        hand_over(out, tc_auth_header_list(HeaderList::new(&authorization)));
        Ok(())
    })
}

/// The same as tc_auth_headers_at() without any allocation.
///
/// The value of the Authorization header goes into the caller's buffer, ended by NUL; the value of the Timestamp header
/// is the number in *timestamp, in decimal ("%" PRId64).
/// Only a thread's first call on a token handle allocates: see the front page.
/// Everything stays the caller's. Buffers must not overlap.
///
/// @param method,uri as there, with their lengths in bytes; they need no NUL.
/// @param authorization,capacity the buffer and its size, which must exceed the length of the value by one for the
///   NUL.
/// @param authorization_len receives the length without the NUL.
/// @param timestamp receives the second to send, or TC_AUTH_NO_TIMESTAMP: then send no Timestamp header.
/// Errors: those of tc_auth_headers_at(); INVALID_ARGUMENT (a length of method or URI above PTRDIFF_MAX);
/// BUFFER_TOO_SMALL: then *authorization_len alone is written, with the length that is needed. NULL with capacity 0
/// asks for it. Between two calls another thread can set a longer token, so ask in a loop.
/// Threads: any; takes no lock.
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
        let buffer = Buffer::new(authorization, capacity, authorization_len)?;
        // SAFETY: the caller keeps the header's rules for strings and lengths.
        let (method, uri) = unsafe { (bytes(method, method_len)?, bytes(uri, uri_len)?) };
        let made = auth.authorize(method, uri, time::resolve(unix_time, auth))?;
        // SAFETY: the caller's buffer has the given capacity and overlaps nothing else.
        unsafe { buffer.write(made.value()) }?;
        timestamp.write(made.timestamp().unwrap_or(TC_AUTH_NO_TIMESTAMP));
        Ok(())
    })
}

/// The string that is signed, such as "/api/v3/indicators:GET:1513703787": for support, and for comparison with what
/// another implementation signs. Making the headers does not need it.
///
/// On success *out owns the string: free it with tc_auth_string_free().
///
/// @param method,uri as in tc_auth_headers_at().
/// @param unix_time the second that was signed, as tc_auth_header_list_timestamp() tells it; TC_AUTH_NOW is
///   INVALID_TIME here.
/// Errors: NULL_ARGUMENT; INVALID_METHOD; INVALID_URI_FORM; INVALID_URI_BYTE; INVALID_TIME.
/// Threads: any.
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

/// The server's side, for gateways, mocks and tests: checks the headers that came with a request.
///
/// Everything is only read.
///
/// @param method,uri the request's, as in tc_auth_headers_at(). As there, origin and fragment are not what was
///   signed: refuse a request target with a `#` before you ask.
/// @param authorization,timestamp the values of these two headers; NULL where the request has none. With a token the
///   timestamp is not looked at.
/// @param unix_time Unix seconds, or TC_AUTH_NOW.
/// @param tolerance_seconds how far the timestamp may be off, 0 to 86400; ThreatConnect itself allows 300.
/// Errors, first for the caller's arguments: NULL_ARGUMENT; INVALID_METHOD; INVALID_URI_FORM; INVALID_URI_BYTE;
/// OTHER_ORIGIN; INVALID_TIME; INVALID_ARGUMENT (the tolerance). Then for the headers, in this order:
/// MALFORMED_AUTHORIZATION (missing, not "TC id:signature" or "TC-Token token" as the handle's kind has it, scheme in
/// just these letters, or a timestamp that is not made of digits); SIGNATURE_MISMATCH (compared in constant time);
/// TIMESTAMP_OUT_OF_RANGE, or TOKEN_EXPIRED.
/// Threads: any; never waits.
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

/// Replaces the token of a handle, at once and for every thread.
///
/// A new token counts at once, also while the old one is being renewed: whoever waits goes on with it, and the answer
/// to that renewal is dropped.
/// The token is copied; the old one is wiped as soon as no call is reading it any more.
///
/// @param token,expires as in tc_auth_new_token(). The same token with another expiry only changes the expiry.
/// Errors: NULL_ARGUMENT; WRONG_KIND (an HMAC handle); INVALID_TOKEN; INVALID_TIME. The old token then stays.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_update_token(auth: *mut tc_auth, token: *const c_char, expires: i64) -> Status {
    guard_to_the_end(|| {
        // SAFETY: the caller keeps the header's rules for handles and strings.
        let (auth, token) = unsafe { (borrow(auth)?, c_str(token)?) };
        Ok(auth.update_token(token, time::expiry(expires), time::now())?)
    })
}

/// The current token and its expiry, both of the same moment: to hand them on to another process, not to log them.
///
/// On success *token owns the string: free it with tc_auth_string_free(), which wipes it.
///
/// @param token receives a copy.
/// @param expires receives Unix seconds, or TC_AUTH_NO_EXPIRY. Either pointer may be NULL.
/// Errors: NULL_ARGUMENT (no handle); WRONG_KIND (an HMAC handle).
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_token(
    auth: Option<&tc_auth>,
    token: Option<&mut MaybeUninit<*mut c_char>>,
    expires: Option<&mut MaybeUninit<i64>>,
) -> Status {
    guard_quick(|| {
        let current = required(auth)?.0.token()?;
        if let Some(token) = token {
            hand_over_string(token, current.value());
        }
        if let Some(expires) = expires {
            expires.write(current.expires().unwrap_or(TC_AUTH_NO_EXPIRY));
        }
        Ok(())
    })
}

/// Sets how long before its expiry a token is due to be renewed.
///
/// @param seconds 0 to 86400; 60 at first. A token is due so long before its expiry, but not in the first half of the
///   life that it had left when it was set: with 100 seconds left and a window of 60, it is due after 50.
/// Errors: NULL_ARGUMENT; WRONG_KIND (an HMAC handle); INVALID_ARGUMENT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_set_renewal_window(auth: *mut tc_auth, seconds: i64) -> Status {
    // SAFETY: the caller keeps the header's rules for handles.
    guard_to_the_end(|| Ok(unsafe { borrow(auth) }?.set_renewal_window(seconds)?))
}

/// To be called before each request is signed: says whether to go ahead, or to renew the token first.
///
/// - OK, and *out is NULL: go ahead and sign. Always so with an HMAC handle, with a token that is not renewed (one that
///   begins with "APIV2:", or without an API path), and during the pause after a renewal that failed.
/// - OK, and *out is a ticket: this caller, and nobody else, renews. GET the URL of tc_auth_renewal_url(), call
///   tc_auth_renewal_complete() or tc_auth_renewal_cancel() within 120 seconds, and whatever came of it, go on to sign:
///   that says whether the token serves.
/// - RENEWAL_TIMEOUT: somebody else's renewal is still under way. The old token is not to be sent meanwhile, for the
///   server kills it when it issues the new one: poll again, or give up.
///
/// On success *out is NULL or owns a ticket, which tc_auth_renewal_complete() or tc_auth_renewal_cancel() frees.
///
/// @param max_wait_ms how many milliseconds to wait for somebody else's renewal, longer than your HTTP client may
///   take for it; 0 for not at all. Otherwise nobody waits.
/// Errors: NULL_ARGUMENT; INVALID_ARGUMENT (a negative wait); RENEWAL_TIMEOUT.
/// Threads: any; the one call that waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_renewal_poll(
    auth: *mut tc_auth,
    max_wait_ms: i64,
    out: Option<&mut MaybeUninit<*mut tc_auth_renewal>>,
) -> Status {
    guard_quick(|| {
        let _uncancelled = Uncancelled::new(); // it takes a lock, and may wait
        // SAFETY: the caller keeps the header's rules for handles.
        let (auth, out) = (unsafe { borrow(auth) }?, required(out)?);
        let max_wait = u64::try_from(max_wait_ms).map_err(|_| Status::InvalidArgument)?;
        match auth.poll(Duration::from_millis(max_wait), time::now)? {
            Some(ticket) => hand_over(out, tc_auth_renewal::new(ticket, auth.clock_offset())),
            None => _ = out.write(ptr::null_mut()),
        }
        Ok(())
    })
}

/// To be called with the answer to a signed request: says whether a retry is any use, and corrects what can be
/// corrected.
///
/// Only the statuses 400, 401 and 403 are looked at, and of the body the first 64 KiB; any other status is
/// TC_AUTH_ADVICE_ACCEPTED. A token that the server refuses is marked, so that the next poll renews it. If a renewal
/// delivered that token less than 60 seconds ago, the next renewal comes only after a pause. During the pause the advice
/// is TC_AUTH_ADVICE_TOKEN_REJECTED. A clock that the server's Date shows to be wrong is corrected by the handle's clock
/// offset, by at most a day. Everything is only read.
///
/// @param sent_authorization the value that was sent ("TC-Token ..."), with its length, without NUL.
/// @param sent_timestamp the second that was sent, or TC_AUTH_NO_TIMESTAMP.
/// @param http_status,body what came back.
/// @param date the Date header that came back, or NULL: also if the response carries an Age header, or did not come
///   from the signed origin over TLS.
/// @param advice receives a number of tc_auth_advice. TC_AUTH_ADVICE_RETRY: poll, sign and send again, once. The handle
///   keeps no memory of requests, so count the retries yourself.
/// Errors: NULL_ARGUMENT; INVALID_ARGUMENT (a length above PTRDIFF_MAX); MALFORMED_AUTHORIZATION (what was sent does
/// not begin with "TC " or "TC-Token ", as the handle's kind has it, or is not one line of visible ASCII); INVALID_TIME
/// (the sent timestamp matters and is none).
/// Threads: any; never waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_review(
    auth: *mut tc_auth,
    sent_authorization: *const c_char,
    sent_authorization_len: usize,
    sent_timestamp: i64,
    http_status: i32,
    date: *const c_char,
    body: *const c_char,
    body_len: usize,
    advice: Option<&mut MaybeUninit<i32>>,
) -> Status {
    guard_quick(|| {
        let _uncancelled = Uncancelled::new(); // it takes a lock
        // SAFETY: the caller keeps the header's rules for handles.
        let (auth, advice) = (unsafe { borrow(auth) }?, required(advice)?);
        // SAFETY: the caller keeps the header's rules for strings and lengths.
        let (sent, body) = unsafe { (bytes(sent_authorization, sent_authorization_len)?, bytes(body, body_len)?) };
        // SAFETY: the same.
        let response = Response { status: http_status, date: unsafe { c_str_or_null(date) }, body };
        advice.write(auth.review(sent, sent_timestamp, &response, time::now())? as i32);
        Ok(())
    })
}

/// Tells a handle where the platform's API is, such as "https://company.example/api". It can be set once;
/// set it before the handle is shared, for until then other threads can sign for any server.
///
/// From then on an absolute URL of another scheme, host or port is refused with OTHER_ORIGIN, so that no credentials go
/// to another server; tc_auth_url_new_for() can join paths to it; and a token can be renewed there. A `/` at the end
/// makes no difference.
/// The string is copied.
///
/// Errors: NULL_ARGUMENT; INVALID_URI_FORM (no absolute http or https URL, or one with a user, query or fragment);
/// INVALID_URI_BYTE; ALREADY_SET.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_set_api_path(auth: *mut tc_auth, api_path: *const c_char) -> Status {
    guard_quick(|| {
        // SAFETY: the caller keeps the header's rules for handles and strings.
        let (auth, api_path) = unsafe { (borrow(auth)?, c_str(api_path)?) };
        Ok(auth.set_api_path(api_path)?)
    })
}

/// Sets what has to be added to this machine's clock to get the server's time; used wherever TC_AUTH_NOW is passed.
///
/// @param seconds -86400 to 86400; 0 at first.
/// Errors: NULL_ARGUMENT; INVALID_ARGUMENT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_set_clock_offset(auth: *mut tc_auth, seconds: i64) -> Status {
    // SAFETY: the caller keeps the header's rules for handles.
    guard_quick(|| Ok(unsafe { borrow(auth) }?.set_clock_offset(seconds)?))
}

/// What tc_auth_set_clock_offset() has set, in seconds.
///
/// Errors: NULL_ARGUMENT.
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_clock_offset(auth: Option<&tc_auth>, out: Option<&mut MaybeUninit<i64>>) -> Status {
    guard_quick(|| {
        let (auth, out) = (required(auth)?, required(out)?);
        out.write(auth.0.clock_offset());
        Ok(())
    })
}

/// A handle that is not `const` in C is still shared between threads: never borrow it as `&mut`.
unsafe fn borrow<'a>(auth: *mut tc_auth) -> Result<&'a Auth> {
    // SAFETY: the caller passes NULL or a handle that nobody frees during the call.
    required(unsafe { auth.as_ref() }).map(|auth| &auth.0)
}
