//! What a refusal means.

use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;

use super::auth::{borrow, tc_auth};
use super::cancel::Uncancelled;
use super::status::Status;
use super::{bytes, c_str_or_null, guard_quick, required, time};
use crate::review::{Advice, Response};

/// Call it with the response to a signed request: it says whether to retry, and corrects what it can.
///
/// Only the statuses 400, 401 and 403 are examined, and the first 64 KiB of the body; any other status, and a 400
/// without a known message, is TC_AUTH_ADVICE_ACCEPTED. A rejected token is renewed by the next poll, or, if a renewal
/// delivered it less than 60 seconds ago, after a pause; until then the advice is TC_AUTH_ADVICE_TOKEN_REJECTED. If the
/// server's Date shows that the clock is wrong, the handle's clock offset is corrected, by at most a day.
///
/// @param sent_authorization the value that was sent; it needs no NUL.
/// @param sent_timestamp the second that was sent, or TC_AUTH_NO_TIMESTAMP.
/// @param date the Date header of the response, or NULL. Pass NULL also if the response has an Age header, or did not
///   come over TLS from the origin that was signed for.
/// @param advice receives a tc_auth_advice, as an int32_t: later versions may have others. TC_AUTH_ADVICE_RETRY: poll,
///   sign and send again, once. The handle does not count retries: you do.
/// Errors: INVALID_ARGUMENT (a length above PTRDIFF_MAX); MALFORMED_AUTHORIZATION (the sent value is not of the
/// handle's kind, or not visible ASCII); INVALID_TIME (of the sent timestamp).
#[must_use]
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

fn find(value: i32) -> Option<Advice> {
    Advice::ALL.into_iter().find(|advice| *advice as i32 == value)
}

fn name(advice: Advice) -> &'static CStr {
    match advice {
        Advice::Accepted => c"ACCEPTED",
        Advice::Retry => c"RETRY",
        Advice::BadSignature => c"BAD_SIGNATURE",
        Advice::ClockSkew => c"CLOCK_SKEW",
        Advice::TokenRejected => c"TOKEN_REJECTED",
        Advice::AccessDenied => c"ACCESS_DENIED",
        Advice::NotLicensed => c"NOT_LICENSED",
        Advice::Unknown => c"UNKNOWN",
    }
}

/// The name of an advice, such as "RETRY", for logs. Accepts any number: "UNKNOWN" if this version does not know it. Never
/// NULL; always valid.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_advice_name(advice: i32) -> *const c_char {
    name(find(advice).unwrap_or(Advice::Unknown)).as_ptr()
}

/// One sentence in English that says what an advice means and what to do. Accepts any number. Never NULL; always valid.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_advice_message(advice: i32) -> *const c_char {
    find(advice).map_or(c"Unknown advice: check that the header matches the library.", Advice::c_message).as_ptr()
}
