//! Handles made of what the platform passes to an App.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::slice;

use super::auth::tc_auth;
use super::status::{Result, Status};
use super::string::hand_over_string;
use super::{bytes, c_str, guard, guard_to_the_end, hand_over, required, time};
use crate::auth::Auth;
use crate::credentials::param_file;

/// Makes a handle from a JSON object of the platform's parameters.
///
/// Names: tc_token, tc_token_expires (Unix seconds, a number or a string), tc_api_path, and a key pair:
/// tc_api_access_id and tc_api_secret_key, or else api_access_id and api_secret_key. Empty strings and null count as
/// absent, other members are passed over. With both kinds of credentials the token wins. An API path that is there is
/// set on the handle.
/// The text is only read. On success *out owns the handle: free it with tc_auth_free().
///
/// Errors: NULL_ARGUMENT; INVALID_ARGUMENT (a length above PTRDIFF_MAX); CONFIG_SYNTAX (no object, over 1 MiB, a member
/// of a wrong type or given twice); NO_CREDENTIALS (none, or half a key pair); for what is there but can't be used
/// INVALID_ACCESS_ID, INVALID_SECRET_KEY, INVALID_TOKEN, INVALID_TIME, INVALID_URI_FORM, INVALID_URI_BYTE.
/// Threads: any.
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

/// Makes a handle from command-line arguments: `--tc_token X` or `--tc_token=X`, and likewise the other names of
/// tc_auth_from_json().
///
/// The arguments are only read. On success *out owns the handle: free it with tc_auth_free().
///
/// @param argc,argv those of main(), or any such list; every element is read, and those that are not ours are passed
///   over.
/// Errors: NULL_ARGUMENT (also for an element); INVALID_ARGUMENT (a negative argc); CONFIG_SYNTAX (a name without a
/// value, with a value that begins with `--`, which is written `--name=value`, or given twice); the rest as there.
/// Threads: any.
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

/// Makes a handle from environment variables: TC_TOKEN, TC_TOKEN_EXPIRES, TC_API_PATH, TC_API_ACCESS_ID,
/// TC_API_SECRET_KEY.
///
/// In a set-user-id or set-group-id process nothing is read, for the environment there is somebody else's.
/// On success *out owns the handle: free it with tc_auth_free().
///
/// Errors: NULL_ARGUMENT; the rest as in tc_auth_from_json().
/// Threads: while it runs no other thread may call setenv(), putenv() or the like: call it before you start threads.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_from_env(out: Option<&mut MaybeUninit<*mut tc_auth>>) -> Status {
    guard(|| {
        let out = required(out)?;
        hand_over(out, tc_auth(Auth::from_env(&environment(), time::now())?));
        Ok(())
    })
}

/// Makes a handle from the encrypted file in which the platform passes parameters: AES-CBC over the JSON object of
/// tc_auth_from_json(). The file is left where it is.
///
/// Path and key are only read. On success *out owns the handle: free it with tc_auth_free().
///
/// @param path of the file, which TC_APP_PARAM_FILE names.
/// @param key 16, 24 or 32 bytes, from TC_APP_PARAM_KEY.
/// Errors: NULL_ARGUMENT; CONFIG_IO (not there, no regular file, not readable, over 1 MiB); CONFIG_DECRYPT (the key or
/// the content is wrong, in whatever way); CONFIG_SYNTAX (an object with a wrong member); the rest as there.
/// Threads: any; it reads a file.
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

/// Makes a handle from wherever the platform has put its parameters: the arguments, then the file that
/// TC_APP_PARAM_FILE and TC_APP_PARAM_KEY name, then the environment.
///
/// The first source that names any credential is used, alone, and its errors are final; so are those of a file that is
/// named and can't be read, unless the arguments have the credentials: then only its API path is missing. The API path
/// comes from the first source that names it.
/// On success *out owns the handle: free it with tc_auth_free(). Free *why with tc_auth_string_free(); it is NULL only
/// when an argument is wrong.
///
/// @param argc,argv as in tc_auth_from_args(); 0 and NULL for none.
/// @param why receives, also when the call fails, a line on what was looked at and found, by name, without secrets.
///   The pointer may be NULL.
/// Errors: NULL_ARGUMENT; INVALID_ARGUMENT (a negative argc); those of the sources; NO_CREDENTIALS.
/// Threads: as in tc_auth_from_env(); it may read a file.
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

/// Reads a variable; nothing in a process whose environment comes from somebody with fewer rights.
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
    // SAFETY: a plain look at what the kernel told this process; it covers file capabilities, too.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
fn runs_with_other_rights() -> bool {
    // SAFETY: plain questions to the kernel.
    unsafe { libc::getuid() != libc::geteuid() || libc::getgid() != libc::getegid() }
}

#[cfg(not(unix))]
fn runs_with_other_rights() -> bool {
    false
}
