//! One token, many processes.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use super::auth::{borrow, tc_auth};
use super::status::Status;
use super::string::hand_over_string;
use super::{bytes, c_str, c_str_or_null, guard_quick, guard_to_the_end, required, time};
use crate::credentials::param_file;

/// The name of the handle's family: all processes that started with the same token. 32 hexadecimal digits. Use it as
/// the key of an entry in a store, and as the name of its lock. Free *out with tc_auth_string_free().
///
/// The family stays the same when the token changes. A token with 128 bits of entropy can't be found from the name.
///
/// Start all processes with the first token, never with a later one: they would be another family, and renew the same
/// token.
///
/// Errors: WRONG_KIND.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_family(auth: Option<&tc_auth>, out: Option<&mut MaybeUninit<*mut c_char>>) -> Status {
    guard_quick(|| {
        let (auth, out) = (required(auth)?, required(out)?);
        hand_over_string(out, auth.0.family()?);
        Ok(())
    })
}

/// Encrypts the current token and its expiry into one line, to store it for the other processes of the family. Equal
/// inputs give equal lines. Free *out with tc_auth_string_free().
///
/// docs/sealed-token.md has the format. After `TC1.`, 16 characters are the generation, which counts the changes of the
/// token: of two lines of a family, the greater one by these characters is newer.
///
/// @param key NULL, or 1 to 4 keys, one per line. The first one seals, each of them unseals, so that a key can be
///   changed in one process after the other. A key is any bytes except control characters; lines end in LF or CR LF,
///   the last one may lack it. A byte order mark at the start of a line is not part of the key. Use at least 128 random
///   bits, such as 32 random hexadecimal digits: this is no password.
///   Without a key, anyone who knows the family's first token, even a dead one, can read the current token and make
///   lines that others accept.
/// Errors: WRONG_KIND; INVALID_ARGUMENT (the key); SEAL_INVALID (a token of more than 65528 bytes, or the 2^63rd
/// change).
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_seal(
    auth: Option<&tc_auth>,
    key: *const c_char,
    out: Option<&mut MaybeUninit<*mut c_char>>,
) -> Status {
    guard_to_the_end(|| {
        let (auth, out) = (required(auth)?, required(out)?);
        // SAFETY: the caller keeps the header's rules for strings.
        let key = unsafe { c_str_or_null(key) };
        hand_over_string(out, &auth.0.seal(key)?);
        Ok(())
    })
}

/// Reads a line that tc_auth_seal() made in this or another process, and uses its token if it is newer. Then waiting
/// callers go on. A refusal, and the pause after a failed renewal, end. A handle never goes back to an older token.
///
/// Of two tokens with the same generation, the greater one, byte by byte, counts as newer. Of the same token, the one with
/// the later expiry does; NO_EXPIRY is the earliest.
///
/// @param sealed the line, without a line break; it needs no NUL.
/// @param key as in tc_auth_seal().
/// @param outcome receives a tc_auth_unsealed, as an int32_t: later versions may have others.
/// Errors: WRONG_KIND; INVALID_ARGUMENT (the key, or a length above PTRDIFF_MAX); SEAL_INVALID (a wrong key, another
/// family, or any change of the line); SEAL_VERSION. Then nothing changes.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_unseal(
    auth: *mut tc_auth,
    sealed: *const c_char,
    sealed_len: usize,
    key: *const c_char,
    outcome: Option<&mut MaybeUninit<i32>>,
) -> Status {
    guard_to_the_end(|| {
        // SAFETY: the caller keeps the header's rules for handles.
        let (auth, outcome) = (unsafe { borrow(auth) }?, required(outcome)?);
        // SAFETY: the caller keeps the header's rules for strings and lengths.
        let (sealed, key) = unsafe { (bytes(sealed, sealed_len)?, c_str_or_null(key)) };
        outcome.write(auth.unseal(sealed, key, time::now())? as i32);
        Ok(())
    })
}

/// Shares the token with all processes of the family that use the same directory: they renew it once, and each of them
/// gets the new one. Call it once per handle, before other threads use it. It reads the family's token file in the
/// directory and uses its token if it is newer; if there is no file, it creates one.
///
/// From then on:
/// - tc_auth_renewal_poll() uses a newer token that another process has saved, and at most one process at a time has a
///   ticket; the others wait as threads do. As long as no file changes, it makes one system call more. If a process ends
///   with a ticket, another one gets it within a second; if it is stopped, or had forked, after 120 seconds.
/// - tc_auth_renewal_complete() and tc_auth_update_token() save the token. They wait for the disk, and for up to 5 seconds
///   for other processes: not for the thread of an event loop. STORE_IO: the token counts, but is not saved. Treat this as
///   a success with a warning: later calls of tc_auth_renewal_poll() try again.
/// - tc_auth_review() looks for a newer token before it judges "Unauthorized".
///
/// A process that dies after the server has issued a token, and before the response is completed, takes the token with
/// it. No store can prevent that; another token, set by tc_auth_update_token() in any process, reaches all.
///
/// @param directory its path; UTF-8 on Windows. It must exist, on a local file system; best with mode 0700. It belongs to
///   the same user, or to root. Other users, and the group, can't write to it, so /tmp itself is refused. All
///   processes must run on one machine, as one user. Leave its files alone while processes use them, and keep tools away
///   that delete old files.
/// @param key as in tc_auth_seal(): the same in all processes.
/// Errors: WRONG_KIND; INVALID_ARGUMENT (the key); ALREADY_SET; SEAL_INVALID (the file can't be unsealed, for example
/// because the key is wrong); SEAL_VERSION; STORE_IO. The handle then stays as it was, and you may call this again.
/// STORE_IO has one of these causes:
/// - The directory is missing, has another owner, or others can write to it.
/// - Its file system is remote or unknown, such as NFS, SMB, Ceph, 9p and FUSE.
/// - A file of the family is a link, is not a regular file, has another owner, or others may use it.
/// - The disk is full, or other processes work with the files for 5 seconds.
///
/// On Windows, owners and permissions are not checked.
///
/// Threads: a thread that has a ticket of one handle and waits for another handle of the family blocks itself, for at most
/// 120 seconds.
/// Fork: the child must create a handle of its own. Its calls on the parent's handles do not touch the files.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_share_in(auth: *mut tc_auth, directory: *const c_char, key: *const c_char) -> Status {
    guard_to_the_end(|| {
        // SAFETY: the caller keeps the header's rules for handles and strings.
        let (auth, directory, key) = unsafe { (borrow(auth)?, c_str(directory)?, c_str_or_null(key)) };
        let directory = param_file::path(directory).map_err(|_| Status::StoreIo)?;
        Ok(auth.share_in(directory, key, time::now())?)
    })
}
