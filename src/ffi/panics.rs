//! A panic in a call that handles a secret becomes a status, the handle still works, and standard error shows no part
//! of the arguments.

use std::cell::Cell;
use std::ffi::{CStr, CString, c_char};
use std::mem::MaybeUninit;
use std::process::Command;

use super::auth::*;
use super::credentials::*;
use super::header_list::{tc_auth_header_list, tc_auth_header_list_free};
use super::review::*;
use super::seal::*;
use super::status::Status;
use super::string::tc_auth_string_free;
use super::ticket::*;
use super::token::*;
use crate::planted::panics_after;

const ACCESS_ID: &CStr = c"the-access-id";
const SECRET_KEY: &CStr = c"the-secret-key";
const TOKEN: &CStr = c"API:5:the-first-token=";
const SEAL_KEY: &CStr = c"the-seal-key";
const API_PATH: &CStr = c"https://company.example/api";
const RESPONSE: &CStr =
    cr#"{"success":true,"apiToken":"the-next-token","message":"the-first-token is the-next-token"}"#;
const JSON: &CStr = cr#"{"tc_token":"API:5:the-first-token=","tc_api_path":"https://company.example/api"}"#;

/// None of these may be on standard error.
const INPUTS: [&str; 7] = ["the-access", "the-secret", "the-first", "the-next", "the-seal", "company", "success"];

/// Set for the child process that panics, whose standard error is captured.
const CHILD: &str = "TC_AUTH_TEST_PANICS";

/// Stands for the status of a function that returns none.
const NO_STATUS: Status = Status::InvalidArgument;

/// A handle with a token that is due, and an API path.
struct Handle(*mut tc_auth);

impl Handle {
    fn new() -> Handle {
        let mut handle = MaybeUninit::uninit();
        // SAFETY: strings with a NUL.
        unsafe {
            assert_eq!(tc_auth_new_token(TOKEN.as_ptr(), 1, Some(&mut handle)), Status::Ok);
            let handle = handle.assume_init();
            assert_eq!(tc_auth_set_api_path(handle, API_PATH.as_ptr()), Status::Ok);
            Handle(handle)
        }
    }

    fn poll(&self) -> Option<Box<tc_auth_renewal>> {
        let mut ticket = MaybeUninit::uninit();
        // SAFETY: the handle is alive, and a ticket is written on success.
        unsafe {
            assert_eq!(tc_auth_renewal_poll(self.0, 0, Some(&mut ticket)), Status::Ok);
            let ticket = ticket.assume_init();
            (!ticket.is_null()).then(|| Box::from_raw(ticket))
        }
    }

    fn sign(&self, list: &mut MaybeUninit<*mut tc_auth_header_list>) -> Status {
        // SAFETY: the handle is alive, strings with a NUL.
        unsafe { tc_auth_headers_at(self.0.as_ref(), c"GET".as_ptr(), c"/".as_ptr(), 0, Some(list)) }
    }

    /// A newer token of the same family.
    fn sealed(&self) -> CString {
        let mut sealed = MaybeUninit::uninit();
        // SAFETY: the handle is alive, strings with a NUL; the string is copied, then freed.
        unsafe {
            assert_eq!(tc_auth_update_token(self.0, c"the-next-token".as_ptr(), 0), Status::Ok);
            assert_eq!(tc_auth_seal(self.0.as_ref(), SEAL_KEY.as_ptr(), Some(&mut sealed)), Status::Ok);
            let copy = CStr::from_ptr(sealed.assume_init()).to_owned();
            tc_auth_string_free(sealed.assume_init());
            copy
        }
    }

    /// Checks that the handle can be used after a panic, and that no lock is still held.
    fn still_works(&self) {
        let mut list = MaybeUninit::uninit();
        assert_eq!(self.sign(&mut list), Status::Ok);
        // SAFETY: the list was created, and the handle is alive.
        unsafe {
            tc_auth_header_list_free(Some(Box::from_raw(list.assume_init())));
            assert_eq!(tc_auth_update_token(self.0, c"another".as_ptr(), 1), Status::Ok);
        }
        tc_auth_renewal_cancel(self.poll());
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: made by the library, and freed once.
        tc_auth_free(Some(unsafe { Box::from_raw(self.0) }));
    }
}

/// An empty directory, in place of the one before.
fn new_directory() -> CString {
    let path = delete_directory();
    std::fs::create_dir(&path).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    CString::new(path.to_str().unwrap()).unwrap()
}

fn delete_directory() -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("tc_auth-panics-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    path
}

/// Repeats the call: it panics once at each `may_panic` that it reaches, and at last not at all. Each call gets a new
/// result of `prepare`. Returns how often it panicked.
fn panic_everywhere<T>(prepare: impl Fn(&Handle) -> T, call: impl Fn(&Handle, T) -> Status) -> usize {
    for places in 0.. {
        let handle = Handle::new();
        let prepared = prepare(&handle);
        let (status, has_panicked) = panics_after(places, || call(&handle, prepared));
        let expected = if has_panicked { Status::Panic } else { Status::Ok };
        assert!(status == expected || status == NO_STATUS, "{status:?} after {places} places");
        handle.still_works();
        if !has_panicked {
            return places;
        }
    }
    0
}

/// The same for a call that creates a handle.
fn panic_everywhere_in_new(call: impl Fn(Option<&mut MaybeUninit<*mut tc_auth>>) -> Status) -> usize {
    let nothing = |_: &Handle| ();
    panic_everywhere(nothing, |_, ()| {
        let mut made = MaybeUninit::uninit();
        let status = call(Some(&mut made));
        if status == Status::Ok {
            // SAFETY: the handle was created.
            drop(Handle(unsafe { made.assume_init() }));
        }
        status
    })
}

fn all_calls() -> Vec<(&'static str, usize)> {
    let (nothing, kept) = (|_: &Handle| (), Cell::new(None));
    let argument = |text: &str| CString::new(text).unwrap().into_raw(); // never freed: the process ends
    let arguments = [argument("--tc_token"), argument("API:5:the-first-token=")];
    // SAFETY: strings with a NUL and their lengths, and handles that are alive.
    unsafe {
        vec![
            ("new_hmac", panic_everywhere_in_new(|out| tc_auth_new_hmac(ACCESS_ID.as_ptr(), SECRET_KEY.as_ptr(), out))),
            ("new_token", panic_everywhere_in_new(|out| tc_auth_new_token(TOKEN.as_ptr(), 0, out))),
            ("from_json", panic_everywhere_in_new(|out| tc_auth_from_json(JSON.as_ptr(), JSON.count_bytes(), out))),
            ("from_args", panic_everywhere_in_new(|out| tc_auth_from_args(2, arguments.as_ptr(), out))),
            (
                "discover",
                panic_everywhere_in_new(|out| {
                    let mut why = MaybeUninit::new(std::ptr::null_mut::<c_char>());
                    let status = tc_auth_discover(2, arguments.as_ptr(), Some(&mut why), out);
                    tc_auth_string_free(why.assume_init());
                    status
                }),
            ),
            (
                "headers",
                panic_everywhere(nothing, |handle, ()| {
                    let mut list = MaybeUninit::uninit();
                    let status = handle.sign(&mut list);
                    if status == Status::Ok {
                        tc_auth_header_list_free(Some(Box::from_raw(list.assume_init())));
                    }
                    status
                }),
            ),
            (
                "update_token",
                panic_everywhere(nothing, |handle, ()| tc_auth_update_token(handle.0, c"the-next-token".as_ptr(), 0)),
            ),
            (
                "renewal_poll",
                panic_everywhere(
                    |_| tc_auth_renewal_cancel(kept.take()),
                    |handle, ()| {
                        let mut ticket = MaybeUninit::uninit();
                        let status = tc_auth_renewal_poll(handle.0, 0, Some(&mut ticket));
                        if status == Status::Ok {
                            kept.set(Some(Box::from_raw(ticket.assume_init())));
                        }
                        status
                    },
                ),
            ),
            (
                "renewal_cancel",
                panic_everywhere(Handle::poll, |_, ticket| {
                    tc_auth_renewal_cancel(ticket);
                    NO_STATUS
                }),
            ),
            (
                "renewal_complete",
                panic_everywhere(Handle::poll, |_, ticket| {
                    let mut message = MaybeUninit::new(std::ptr::null_mut());
                    let (body, len) = (RESPONSE.as_ptr(), RESPONSE.count_bytes());
                    let status = tc_auth_renewal_complete(ticket, 200, body, len, Some(&mut message));
                    tc_auth_string_free(message.assume_init());
                    status
                }),
            ),
            (
                "seal",
                panic_everywhere(nothing, |handle, ()| {
                    let mut sealed = MaybeUninit::new(std::ptr::null_mut());
                    let status = tc_auth_seal(handle.0.as_ref(), SEAL_KEY.as_ptr(), Some(&mut sealed));
                    tc_auth_string_free(sealed.assume_init());
                    status
                }),
            ),
            (
                "unseal",
                panic_everywhere(
                    |_| Handle::new().sealed(),
                    |handle, sealed| {
                        let (start, len) = (sealed.as_ptr(), sealed.count_bytes());
                        let mut outcome = MaybeUninit::uninit();
                        tc_auth_unseal(handle.0, start, len, SEAL_KEY.as_ptr(), Some(&mut outcome))
                    },
                ),
            ),
            (
                "share_in",
                panic_everywhere(
                    |_| new_directory(),
                    |handle, path| tc_auth_share_in(handle.0, path.as_ptr(), SEAL_KEY.as_ptr()),
                ),
            ),
            (
                "shared: renewal_poll and renewal_complete",
                panic_everywhere(
                    |handle| {
                        let path = new_directory();
                        assert_eq!(tc_auth_share_in(handle.0, path.as_ptr(), SEAL_KEY.as_ptr()), Status::Ok);
                    },
                    |handle, ()| {
                        let mut ticket = MaybeUninit::uninit();
                        let status = tc_auth_renewal_poll(handle.0, 0, Some(&mut ticket));
                        if status != Status::Ok {
                            return status;
                        }
                        let ticket = ticket.assume_init();
                        let ticket = (!ticket.is_null()).then(|| Box::from_raw(ticket));
                        let (body, len) = (RESPONSE.as_ptr(), RESPONSE.count_bytes());
                        tc_auth_renewal_complete(ticket, 200, body, len, None)
                    },
                ),
            ),
            (
                "review",
                panic_everywhere(nothing, |handle, ()| {
                    let (sent, body) = (c"TC-Token API:5:the-first-token=", c"{\"message\":\"Unauthorized\"}");
                    let (date, mut advice) = (std::ptr::null(), MaybeUninit::uninit());
                    let (sent, sent_len) = (sent.as_ptr(), sent.count_bytes());
                    let (body, body_len) = (body.as_ptr(), body.count_bytes());
                    tc_auth_review(handle.0, sent, sent_len, 0, 401, date, body, body_len, Some(&mut advice))
                }),
            ),
        ]
    }
}

#[test]
#[cfg_attr(miri, ignore = "it starts a process")]
fn a_panic_becomes_a_status_and_reveals_nothing() {
    if std::env::var_os(CHILD).is_some() {
        all_calls().iter().for_each(|(call, panics)| println!("{call} {panics}"));
        delete_directory();
        return;
    }
    let test = "ffi::panics::a_panic_becomes_a_status_and_reveals_nothing";
    let mut child = Command::new(std::env::current_exe().unwrap());
    let child = child.args(["--exact", test, "--nocapture"]).env(CHILD, "1").env("RUST_BACKTRACE", "full");
    let output = child.output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{out}{err}");
    let panics: Vec<usize> = out.lines().filter_map(|line| line.rsplit_once(' ')?.1.parse().ok()).collect();
    assert!(panics.len() == 15 && panics.iter().all(|count| *count > 0), "{out}");
    assert_eq!(err.matches("planted by a test").count(), panics.iter().sum::<usize>());
    INPUTS.iter().for_each(|input| assert!(!err.contains(input), "{input} in {err}"));
}
