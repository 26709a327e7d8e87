//! `tc_auth_renewal`: the ticket of the caller who renews.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::ptr;

use zeroize::Zeroizing;

use super::status::Status;
use super::string::hand_over_string;
use super::{bytes, guard_to_the_end, required, time};
use crate::secret::residue::cleared;
use crate::token::Ticket;

/// A ticket: you were chosen to renew the token, and others wait for you. It lapses after 120 seconds.
///
/// It belongs to one thread at a time, and may outlive its handle.
pub struct tc_auth_renewal {
    ticket: Ticket,
    clock_offset: i64,
}

impl tc_auth_renewal {
    pub(super) fn new(ticket: Ticket, clock_offset: i64) -> tc_auth_renewal {
        tc_auth_renewal { ticket, clock_offset }
    }
}

/// The URL to GET, without an Authorization header. NULL for NULL.
///
/// It contains the token, so do not log it, and follow no redirect. Send it once, on a new connection: many clients
/// repeat a GET when a kept connection turns out to be dead, and the second would renew a token that is gone.
/// The string belongs to the ticket and is valid until the ticket is completed or cancelled.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_renewal_url(renewal: Option<&tc_auth_renewal>) -> *const c_char {
    cleared(|| renewal.map_or(ptr::null(), |renewal| renewal.ticket.url_as_c_str().as_ptr()))
}

/// Hands in the server's answer, whatever it is. Whoever waits goes on.
///
/// A good one is a JSON object, {"success":true,"apiToken":"...","apiTokenExpires":"1474673195"}, with a status of 200 to
/// 299; a refusal has "success":false, with any status.
///
/// Returns OK if the token was replaced or extended, or if that does not matter any more because another token was set
/// or the handle freed. RENEWAL_REFUSED: the server will not renew this token, so nobody tries again until another one
/// is set. RENEWAL_BAD_RESPONSE: anything else; the token stays in use while it is valid, and the next attempt comes
/// after a pause of 5 to 60 seconds.
/// The ticket is freed, whatever is returned, and a wrong argument counts as no answer: set your pointer to NULL. If
/// *server_message is not NULL, free it with tc_auth_string_free().
///
/// @param http_status,body of the answer, the whole body. It is only read.
/// @param server_message receives the message of the answer, fit for a log (at most 512 bytes of UTF-8, no control
///   characters, `***` for the token), or NULL if there is none; also when the call fails. The pointer may be NULL.
/// Errors: NULL_ARGUMENT; INVALID_ARGUMENT (a length above PTRDIFF_MAX); RENEWAL_REFUSED; RENEWAL_BAD_RESPONSE.
/// Threads: any; never waits.
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
        // SAFETY: the caller keeps the header's rules for lengths. If they are wrong the ticket is dropped, which
        // cancels it: others wait for it, and it will not come again.
        let body = unsafe { bytes(body, body_len) }?;
        let now = time::now().corrected(renewal.clock_offset);
        let (result, message) = renewal.ticket.complete(http_status, body, now);
        let message = message.map(Zeroizing::new); // up to 15 bytes of a token in a row may be in it
        if let (Some(out), Some(message)) = (server_message, message) {
            hand_over_string(out, &message);
        }
        Ok(result?)
    })
}

/// Gives a ticket back without an answer: the connection failed, or it took too long. Does nothing for NULL.
///
/// The token stays in use while it is valid, and the next attempt comes after a pause of 5 to 60 seconds.
/// The ticket is freed: set your pointer to NULL.
///
/// Threads: any; never waits.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_renewal_cancel(renewal: Option<Box<tc_auth_renewal>>) {
    if let Some(renewal) = renewal {
        // A ticket that is dropped is cancelled, which takes a lock. After a panic it lapses, as there is no status.
        let _ = guard_to_the_end(|| {
            drop(renewal);
            Ok(())
        });
    }
}
