//! Handles created from the parameters that the platform passes to an App.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::slice;

use super::auth::tc_auth;
use super::status::{Result, Status};
use super::string::hand_over_string;
use super::{bytes, c_str, guard, guard_to_the_end, hand_over, required, time};
use crate::auth::Auth;
use crate::credentials::param_file;

/// Creates a handle from a JSON object with the platform's parameters, or from a message to a service App. Free it with
/// tc_auth_free().
///
/// Members: tc_token, tc_token_expires (Unix seconds, a number or a string), tc_api_path, and a key pair:
/// tc_api_access_id and tc_api_secret_key, or else api_access_id and api_secret_key. In messages the first two are
/// called apiToken and expireSeconds. Empty strings and null count as absent, and other members are ignored. An
/// expiry may have a fraction, which is dropped, and an exponent. A token takes precedence over a key pair. The API path
/// is set on the handle. A byte order mark before the object is ignored; one in a value is not.
///
/// Errors: INVALID_ARGUMENT (a length above PTRDIFF_MAX); CONFIG_SYNTAX (not an object, over 1 MiB, or a member of the
/// wrong type or given twice, also by both names); NO_CREDENTIALS (none, or half a key pair). For invalid values:
/// INVALID_ACCESS_ID, INVALID_SECRET_KEY, INVALID_TOKEN, INVALID_TIME, INVALID_URI_FORM, INVALID_URI_BYTE.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_from_json(
    json: *const c_char,
    json_len: usize,
    out: Option<&mut MaybeUninit<*mut tc_auth>>,
) -> Status {
    guard(|| {
        // SAFETY: the caller keeps the header's rules for lengths.
        let (json, out) = (unsafe { bytes(json, json_len) }?, required(out)?);
        hand_over(out, tc_auth(Auth::from_json(json, time::now())?));
        Ok(())
    })
}

/// Creates a handle from command-line arguments: `--tc_token X` or `--tc_token=X`, and the other names of
/// tc_auth_from_json() except those in messages. Free it with tc_auth_free().
///
/// @param argv argc strings, as those of main(). Other arguments are ignored.
/// Errors: INVALID_ARGUMENT (a negative argc); CONFIG_SYNTAX (a name that is given twice or has no value; a value that
/// begins with `--` is written `--name=value`); the rest as in tc_auth_from_json().
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_from_args(
    argc: i32,
    argv: *const *mut c_char,
    out: Option<&mut MaybeUninit<*mut tc_auth>>,
) -> Status {
    guard(|| {
        // SAFETY: the caller keeps the header's rules for strings.
        let (arguments, out) = (unsafe { strings(argc, argv) }?, required(out)?);
        hand_over(out, tc_auth(Auth::from_args(arguments, time::now())?));
        Ok(())
    })
}

/// Creates a handle from TC_TOKEN, TC_TOKEN_EXPIRES, TC_API_PATH, TC_API_ACCESS_ID and TC_API_SECRET_KEY. Free it with
/// tc_auth_free().
///
/// A set-user-id or set-group-id process does not read the environment, because another user controls it.
///
/// Errors: as in tc_auth_from_json().
/// Threads: no other thread may change the environment meanwhile: call it before you start threads.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_from_env(out: Option<&mut MaybeUninit<*mut tc_auth>>) -> Status {
    guard(|| {
        let out = required(out)?;
        hand_over(out, tc_auth(Auth::from_env(&environment(), time::now())?));
        Ok(())
    })
}

/// Creates a handle from the encrypted file in which the platform passes parameters: AES-CBC over the JSON object of
/// tc_auth_from_json(), without the names in messages. The file is not deleted. Free the handle with tc_auth_free().
///
/// @param path the value of TC_APP_PARAM_FILE.
/// @param key the value of TC_APP_PARAM_KEY: 16, 24 or 32 bytes.
/// Errors: CONFIG_IO (missing, not a regular file, not readable, or over 1 MiB); CONFIG_DECRYPT (wrong key or content);
/// CONFIG_SYNTAX (an object with a wrong member); the rest as in tc_auth_from_json().
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_from_param_file(
    path: *const c_char,
    key: *const c_char,
    out: Option<&mut MaybeUninit<*mut tc_auth>>,
) -> Status {
    guard_to_the_end(|| {
        // SAFETY: the caller keeps the header's rules for strings.
        let (path, key) = unsafe { (c_str(path)?, c_str(key)?) };
        let out = required(out)?;
        hand_over(out, tc_auth(Auth::from_param_file(param_file::path(path)?, key, time::now())?));
        Ok(())
    })
}

/// Creates a handle from the first source that contains credentials: the arguments, the file that TC_APP_PARAM_FILE and
/// TC_APP_PARAM_KEY name, or the environment. Free it with tc_auth_free().
///
/// The first source that contains any credential is used; if it is incomplete or invalid, the call fails. So does an
/// unreadable file, unless the arguments contain credentials. The API path comes from the first source that contains
/// one.
///
/// @param argv as in tc_auth_from_args(); may be NULL if argc is 0.
/// @param why receives, also on failure, one line that says what was found where, without secrets; NULL only if an
///   argument is invalid. Free it with tc_auth_string_free(). The pointer may be NULL.
/// Errors: INVALID_ARGUMENT (a negative argc); those of the sources; NO_CREDENTIALS.
/// Threads: as in tc_auth_from_env().
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_discover(
    argc: i32,
    argv: *const *mut c_char,
    why: Option<&mut MaybeUninit<*mut c_char>>,
    out: Option<&mut MaybeUninit<*mut tc_auth>>,
) -> Status {
    guard_to_the_end(|| {
        let mut why = why;
        if let Some(why) = &mut why {
            why.write(std::ptr::null_mut());
        }
        // SAFETY: the caller keeps the header's rules for strings.
        let (arguments, out) = (unsafe { strings(argc, argv) }?, required(out)?);
        let (auth, looked_at) = Auth::discover(arguments, &environment(), time::now());
        if let Some(why) = why {
            hand_over_string(why, &looked_at);
        }
        hand_over(out, tc_auth(auth?));
        Ok(())
    })
}

/// The elements of an argument list.
unsafe fn strings<'a>(argc: i32, argv: *const *mut c_char) -> Result<Vec<&'a [u8]>> {
    let count = usize::try_from(argc).map_err(|_| Status::InvalidArgument)?;
    if count == 0 {
        return Ok(Vec::new());
    }
    if argv.is_null() {
        return Err(Status::NullArgument);
    }
    // SAFETY: the caller passes a list of `argc` pointers, each to a string that ends in NUL, or NULL.
    unsafe { slice::from_raw_parts(argv, count) }.iter().map(|string| unsafe { c_str(*string) }).collect()
}

/// Reads a variable. Returns `None` if the process has more rights than the user who controls its environment.
fn environment() -> impl Fn(&str) -> Option<Vec<u8>> {
    let trusted = !runs_with_other_rights();
    move |name| if trusted { std::env::var_os(name).map(to_bytes) } else { None }
}

#[cfg(unix)]
fn to_bytes(value: std::ffi::OsString) -> Vec<u8> {
    use std::os::unix::ffi::OsStringExt;
    value.into_vec()
}

#[cfg(not(unix))]
fn to_bytes(value: std::ffi::OsString) -> Vec<u8> {
    value.to_string_lossy().into_owned().into_bytes()
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn runs_with_other_rights() -> bool {
    // SAFETY: only reads what the kernel passed to this process; it covers file capabilities, too.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
fn runs_with_other_rights() -> bool {
    // SAFETY: these calls only return ids.
    unsafe { libc::getuid() != libc::geteuid() || libc::getgid() != libc::getegid() }
}

#[cfg(not(unix))]
fn runs_with_other_rights() -> bool {
    false
}
