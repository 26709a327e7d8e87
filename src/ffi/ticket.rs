//! `tc_auth_renewal`: the ticket of the caller who renews.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::ptr;

use zeroize::Zeroizing;

use super::cancel::Uncancelled;
use super::status::Status;
use super::string::hand_over_string;
use super::{bytes, guard_quick, guard_to_the_end, required, time};
use crate::secret::residue::cleared;
use crate::token::Ticket;

/// A ticket: permission to renew the token while other callers wait. It expires after 120 seconds, and may outlive its
/// handle.
pub struct tc_auth_renewal {
    ticket: Ticket,
    clock_offset: i64,
}

impl tc_auth_renewal {
    pub(super) fn new(ticket: Ticket, clock_offset: i64) -> tc_auth_renewal {
        tc_auth_renewal { ticket, clock_offset }
    }
}

/// The URL to GET. Valid until the ticket is completed or cancelled.
///
/// It contains the token, so do not log it. Send no Authorization header with it, and follow no redirect. Send it once,
/// on a new connection: many clients repeat a GET if a reused connection is closed, but the first request may already
/// have invalidated the token.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_renewal_url(renewal: Option<&tc_auth_renewal>) -> *const c_char {
    cleared(|| renewal.map_or(ptr::null(), |renewal| renewal.ticket.url_as_c_str().as_ptr()))
}

/// Whether the request is still needed. Ask before you send it if other processes renew the same token, after
/// tc_auth_unseal().
///
/// @param needed receives 1, or 0 if the token was replaced or extended in the meantime, or the handle was freed: then
///   cancel the ticket. It stays 1 when the ticket expires.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_renewal_needed(
    renewal: Option<&tc_auth_renewal>,
    needed: Option<&mut MaybeUninit<i32>>,
) -> Status {
    guard_quick(|| {
        let _uncancelled = Uncancelled::new(); // it takes a lock
        let (renewal, needed) = (required(renewal)?, required(needed)?);
        needed.write(i32::from(renewal.ticket.needed()));
        Ok(())
    })
}

/// Hands in the response to a renewal, whatever it is, and frees the ticket, also on failure.
///
/// A new token is {"success":true,"apiToken":"...","apiTokenExpires":"1474673195"} with a status of 200 to 299. A
/// refusal has "success":false, with any status.
///
/// OK: the token was replaced or extended, or the response does not matter any more, because another token was set or
/// the handle freed. RENEWAL_REFUSED: there is no further attempt until another token is set. RENEWAL_BAD_RESPONSE: any
/// other response. The token stays in use while it is valid; the next attempt is after 5 to 60 seconds. A call with an
/// invalid argument counts as tc_auth_renewal_cancel(). You may ignore the status, because signing reports whether the
/// token is usable.
///
/// @param body the whole body, or what arrived of it: it may be the whole new token.
/// @param server_message receives, also on failure, the server's message, or NULL if there is none. It is safe to log:
///   at most 512 bytes of UTF-8, without control characters, with `***` in place of the token. Free it with
///   tc_auth_string_free(). The pointer may be NULL.
/// Errors: INVALID_ARGUMENT (a length above PTRDIFF_MAX); RENEWAL_REFUSED; RENEWAL_BAD_RESPONSE. STORE_IO, after
/// tc_auth_share_in(): a success, but the new token is not saved yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_renewal_complete(
    renewal: Option<Box<tc_auth_renewal>>,
    http_status: i32,
    body: *const c_char,
    body_len: usize,
    server_message: Option<&mut MaybeUninit<*mut c_char>>,
) -> Status {
    guard_to_the_end(|| {
        let mut server_message = server_message;
        if let Some(out) = &mut server_message {
            out.write(ptr::null_mut());
        }
        let renewal = required(renewal)?;
        // SAFETY: the caller keeps the header's rules for lengths. If they are wrong, the ticket is dropped, which
        // cancels it: others wait for it, and the caller can't pass it again.
        let body = unsafe { bytes(body, body_len) }?;
        let now = time::now().corrected(renewal.clock_offset);
        let (result, message) = renewal.ticket.complete(http_status, body, now);
        let message = message.map(Zeroizing::new); // it may contain up to 15 consecutive bytes of a token
        if let (Some(out), Some(message)) = (server_message, message) {
            hand_over_string(out, &message);
        }
        Ok(result?)
    })
}

/// Gives a ticket back, and frees it, because there was no response. The next attempt comes after a pause of 5 to 60
/// seconds, unless the token was replaced in the meantime.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_renewal_cancel(renewal: Option<Box<tc_auth_renewal>>) {
    if let Some(renewal) = renewal {
        // A dropped ticket is cancelled, which takes a lock. After a panic it lapses, because no status can be
        // returned.
        let _ = guard_to_the_end(|| {
            drop(renewal);
            Ok(())
        });
    }
}
