//! The token of a handle.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::ptr;
use std::time::Duration;

use super::auth::{borrow, tc_auth};
use super::cancel::Uncancelled;
use super::status::Status;
use super::string::hand_over_string;
use super::ticket::tc_auth_renewal;
use super::time::{self, TC_AUTH_NO_EXPIRY};
use super::{c_str, guard_quick, guard_to_the_end, hand_over, required};

/// Replaces the token at once, for all threads. The old token is wiped when no call reads it any more.
///
/// If a renewal is under way, waiting callers go on with the new token, and the response to the renewal is discarded.
/// The same token with another expiry only changes the expiry.
///
/// @param token as in tc_auth_new_token().
/// @param expires the same.
/// Errors: WRONG_KIND; INVALID_TOKEN; INVALID_TIME. The old token then stays. STORE_IO, after tc_auth_share_in(): the new
/// token counts, but is not saved yet.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_update_token(auth: *mut tc_auth, token: *const c_char, expires: i64) -> Status {
    guard_to_the_end(|| {
        // SAFETY: the caller keeps the header's rules for handles and strings.
        let (auth, token) = unsafe { (borrow(auth)?, c_str(token)?) };
        Ok(auth.update_token(token, time::expiry(expires), time::now())?)
    })
}

/// Copies the current token and its expiry, to pass them to another process. Do not log them. Free *token with
/// tc_auth_string_free(), which wipes it.
///
/// @param token may be NULL.
/// @param expires receives Unix seconds, or TC_AUTH_NO_EXPIRY; may be NULL.
/// Errors: WRONG_KIND.
#[must_use]
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

/// Sets how many seconds before its expiry the token is renewed.
///
/// @param seconds 0 to 86400; 60 by default. At most half of the life that the token had left when it was set: with 100
///   seconds left and a window of 60, it is renewed after 50.
/// Errors: WRONG_KIND; INVALID_ARGUMENT.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_set_renewal_window(auth: *mut tc_auth, seconds: i64) -> Status {
    // SAFETY: the caller keeps the header's rules for handles.
    guard_to_the_end(|| Ok(unsafe { borrow(auth) }?.set_renewal_window(seconds)?))
}

/// The renewal window in seconds, as tc_auth_set_renewal_window() set it.
///
/// Errors: WRONG_KIND.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_renewal_window(auth: Option<&tc_auth>, seconds: Option<&mut MaybeUninit<i64>>) -> Status {
    guard_quick(|| {
        let _uncancelled = Uncancelled::new(); // it takes a lock
        let (auth, seconds) = (required(auth)?, required(seconds)?);
        seconds.write(auth.0.renewal_window()?);
        Ok(())
    })
}

/// The state of the token, for event loops, health checks and messages. Changes nothing.
///
/// If several states apply, it is the first of NOT_RENEWABLE, REFUSED, UNDER_WAY, PAUSED, DUE and VALID. An event loop
/// in UNDER_WAY waits until it has completed its own ticket, or tries again after at most a second. Ask again after each
/// tc_auth_review(), tc_auth_update_token() and tc_auth_unseal(), which can change the state at any time.
///
/// @param state receives a tc_auth_state, as an int32_t: later versions may have others.
/// @param seconds receives a time, rounded up. VALID: until the token is due; -1 if that is unknown. UNDER_WAY: until the
///   ticket expires. PAUSED: until the next attempt. REFUSED and NOT_RENEWABLE: until the token expires; -1 if that is
///   unknown, 0 if it has expired. Otherwise 0. The pointer may be NULL.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_token_state(
    auth: Option<&tc_auth>,
    state: Option<&mut MaybeUninit<i32>>,
    seconds: Option<&mut MaybeUninit<i64>>,
) -> Status {
    guard_quick(|| {
        let _uncancelled = Uncancelled::new(); // it takes a lock
        let (auth, state_out) = (required(auth)?, required(state)?);
        let (state, left) = auth.0.token_state(time::now())?;
        state_out.write(state as i32);
        if let Some(seconds) = seconds {
            seconds.write(left.unwrap_or(-1));
        }
        Ok(())
    })
}

/// Call it before you sign a request: it says whether to go ahead, or to renew the token first.
///
/// - OK, and *out is NULL: sign. This is always so with an HMAC handle, with a token that can't be renewed (it begins
///   with "APIV2:", or no API path is set), during the pause after a failed renewal, and after a refused one.
/// - OK, and *out is a ticket: you must renew; nobody else will. GET the URL of tc_auth_renewal_url(), and within 120
///   seconds call tc_auth_renewal_complete() or tc_auth_renewal_cancel(), which frees the ticket. Then sign, whatever
///   the result: signing reports whether the token is usable.
/// - RENEWAL_TIMEOUT: another caller's renewal is still under way. Do not send the old token, because the server
///   invalidates it when it issues the new one. Poll again, or give up.
///
/// @param max_wait_ms the longest wait for another caller's renewal, in milliseconds; 0 to return at once. It should be
///   longer than your HTTP client's timeout.
/// Errors: INVALID_ARGUMENT (a negative wait); RENEWAL_TIMEOUT.
/// Threads: the only function that waits for a renewal. After tc_auth_share_in() it also waits for another process's.
#[must_use]
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
