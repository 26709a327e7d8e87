//! The C ABI as a C program uses it: any sequence of calls on several handles, lists, URLs and tickets, made by two
//! threads in turns and sometimes at once. A model predicts the results; LeakSanitizer finds what was not freed.
//!
//! The input is the program: each byte is a call, an object or a text. The declarations are those of
//! `include/tc_auth.h`.
#![no_main]

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::{null, null_mut};
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use tc_auth::Error;
use tc_auth_fuzz::{
    agree, api_path, authorization, encode, is_time, is_visible, key_pair_faults, planted, request, uri,
};

type Handle = *mut c_void;

#[rustfmt::skip]
unsafe extern "C" {
    fn tc_auth_new_hmac(id: *const c_char, key: *const c_char, out: *mut Handle) -> Status;
    fn tc_auth_new_token(token: *const c_char, expires: i64, out: *mut Handle) -> Status;
    fn tc_auth_free(auth: Handle);
    fn tc_auth_get_kind(auth: Handle) -> i32;
    fn tc_auth_describe(auth: Handle, out: *mut *mut c_char) -> Status;
    fn tc_auth_headers(auth: Handle, method: *const c_char, uri: *const c_char, out: *mut Handle) -> Status;
    fn tc_auth_headers_at(auth: Handle, method: *const c_char, uri: *const c_char, time: i64,
        out: *mut Handle) -> Status;
    fn tc_auth_headers_into(auth: Handle, method: *const c_char, method_len: usize, uri: *const c_char, uri_len: usize,
        time: i64, buffer: *mut c_char, capacity: usize, len: *mut usize, timestamp: *mut i64) -> Status;
    fn tc_auth_header_block(auth: Handle, method: *const c_char, uri: *const c_char, block: *mut c_char,
        capacity: usize) -> Status;
    fn tc_auth_string_to_sign(method: *const c_char, uri: *const c_char, time: i64, out: *mut *mut c_char) -> Status;
    fn tc_auth_verify(auth: Handle, method: *const c_char, uri: *const c_char, authorization: *const c_char,
        timestamp: *const c_char, time: i64, tolerance: i64) -> Status;
    fn tc_auth_update_token(auth: Handle, token: *const c_char, expires: i64) -> Status;
    fn tc_auth_token(auth: Handle, token: *mut *mut c_char, expires: *mut i64) -> Status;
    fn tc_auth_set_renewal_window(auth: Handle, seconds: i64) -> Status;
    fn tc_auth_renewal_window(auth: Handle, seconds: *mut i64) -> Status;
    fn tc_auth_token_state(auth: Handle, state: *mut i32, seconds: *mut i64) -> Status;
    fn tc_auth_renewal_poll(auth: Handle, max_wait_ms: i64, out: *mut Handle) -> Status;
    fn tc_auth_review(auth: Handle, sent: *const c_char, sent_len: usize, timestamp: i64, http_status: i32,
        date: *const c_char, body: *const c_char, body_len: usize, advice: *mut i32) -> Status;
    fn tc_auth_family(auth: Handle, out: *mut *mut c_char) -> Status;
    fn tc_auth_seal(auth: Handle, key: *const c_char, out: *mut *mut c_char) -> Status;
    fn tc_auth_unseal(auth: Handle, sealed: *const c_char, sealed_len: usize, key: *const c_char,
        outcome: *mut i32) -> Status;
    fn tc_auth_set_api_path(auth: Handle, api_path: *const c_char) -> Status;
    fn tc_auth_api_path(auth: Handle) -> *const c_char;
    fn tc_auth_set_clock_offset(auth: Handle, seconds: i64) -> Status;
    fn tc_auth_clock_offset(auth: Handle, out: *mut i64) -> Status;
    fn tc_auth_from_json(json: *const c_char, len: usize, out: *mut Handle) -> Status;
    fn tc_auth_from_args(argc: i32, argv: *const *mut c_char, out: *mut Handle) -> Status;
    fn tc_auth_from_env(out: *mut Handle) -> Status;
    fn tc_auth_from_param_file(path: *const c_char, key: *const c_char, out: *mut Handle) -> Status;
    fn tc_auth_discover(argc: i32, argv: *const *mut c_char, why: *mut *mut c_char, out: *mut Handle) -> Status;
    fn tc_auth_header_list_len(list: Handle) -> usize;
    fn tc_auth_header_list_name(list: Handle, index: usize) -> *const c_char;
    fn tc_auth_header_list_value(list: Handle, index: usize) -> *const c_char;
    fn tc_auth_header_list_line(list: Handle, index: usize) -> *const c_char;
    fn tc_auth_header_list_timestamp(list: Handle) -> i64;
    fn tc_auth_header_list_free(list: Handle);
    fn tc_auth_renewal_url(renewal: Handle) -> *const c_char;
    fn tc_auth_renewal_needed(renewal: Handle, needed: *mut i32) -> Status;
    fn tc_auth_renewal_complete(renewal: Handle, http_status: i32, body: *const c_char, len: usize,
        message: *mut *mut c_char) -> Status;
    fn tc_auth_renewal_cancel(renewal: Handle);
    fn tc_auth_url_new(base: *const c_char, out: *mut Handle) -> Status;
    fn tc_auth_url_new_for(auth: Handle, path: *const c_char, out: *mut Handle) -> Status;
    fn tc_auth_url_add_segment(url: Handle, segment: *const c_char) -> Status;
    fn tc_auth_url_add_query(url: Handle, name: *const c_char, value: *const c_char) -> Status;
    fn tc_auth_url_string(url: Handle) -> *const c_char;
    fn tc_auth_url_free(url: Handle);
    fn tc_auth_string_free(string: *mut c_char);
    fn tc_auth_version() -> *const c_char;
    fn tc_auth_version_number() -> u32;
    fn tc_auth_status_message(status: i32) -> *const c_char;
    fn tc_auth_status_name(status: i32) -> *const c_char;
    fn tc_auth_advice_name(advice: i32) -> *const c_char;
    fn tc_auth_advice_message(advice: i32) -> *const c_char;
}

/// tc_auth_status as a C program sees it: a number, which the library must not change from one version to the next.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Status(i32);

const OK: Status = Status(0);
#[rustfmt::skip]
mod errors {
    #![allow(non_upper_case_globals, reason = "the names of the Rust errors")]
    use super::Status;
    pub const NullArgument: Status = Status(1);
    pub const InvalidMethod: Status = Status(2);
    pub const InvalidUriForm: Status = Status(3);
    pub const InvalidUriByte: Status = Status(4);
    pub const InvalidAccessId: Status = Status(5);
    pub const InvalidSecretKey: Status = Status(6);
    pub const InvalidToken: Status = Status(7);
    pub const InvalidTime: Status = Status(8);
    pub const BufferTooSmall: Status = Status(9);
    pub const WrongKind: Status = Status(10);
    pub const TokenExpired: Status = Status(11);
    pub const RenewalRefused: Status = Status(12);
    pub const RenewalBadResponse: Status = Status(13);
    pub const RenewalTimeout: Status = Status(14);
    pub const AlreadySet: Status = Status(15);
    pub const NoCredentials: Status = Status(16);
    pub const ConfigIo: Status = Status(18);
    pub const ApiPathMissing: Status = Status(20);
    pub const InvalidArgument: Status = Status(24);
    pub const OtherOrigin: Status = Status(25);
    pub const SealInvalid: Status = Status(26);
}
use errors::*;

/// The errors that the models predict for one argument.
impl From<Error> for Status {
    fn from(error: Error) -> Status {
        match error {
            Error::InvalidMethod => InvalidMethod,
            Error::InvalidUriForm => InvalidUriForm,
            Error::InvalidUriByte => InvalidUriByte,
            Error::InvalidAccessId => InvalidAccessId,
            Error::InvalidSecretKey => InvalidSecretKey,
            Error::InvalidTime => InvalidTime,
            Error::OtherOrigin => OtherOrigin,
            other => panic!("no model says {other:?}"),
        }
    }
}

fn in_c<T>(result: Result<T, Vec<Error>>) -> Result<T, Vec<Status>> {
    result.map_err(|errors| errors.into_iter().map(Status::from).collect())
}

const FOREVER: i64 = 99_999_999_999;
const TIMES: [i64; 7] = [1_513_703_787, 0, FOREVER, -1, -2, 100_000_000_000, 1];
const TEXTS: [&str; 24] = [
    "GET",
    "/api/v3/indicators?resultLimit=10",
    "https://company.example/api",
    "https://company.example/api/v2#x",
    "https://evil.example/",
    "token:1",
    "token:2",
    "APIV2:token",
    "id",
    "key",
    "",
    "a b",
    ".",
    "..",
    "/",
    "//x",
    "http://[::1]:8080",
    "post",
    "/a?",
    "--",
    "x\n",
    "\u{e9}",
    "https://u@company.example/api?x",
    "TC id:x",
];
/// HTTP status, body, the token in it, and its expiry.
const RESPONSES: [(i32, &str, Option<&str>, i64); 6] = [
    (200, r#"{"success":true,"apiToken":"token:1","apiTokenExpires":99999999999}"#, Some("token:1"), FOREVER),
    (200, r#"{"success":true,"apiToken":"token:3","apiTokenExpires":1}"#, Some("token:3"), 0),
    (201, r#"{"success":true,"apiToken":"token:4","message":"from token:1"}"#, Some("token:4"), 0),
    (500, r#"{"success":true,"apiToken":"token:5"}"#, None, 0),
    (200, r#"{"success":false,"message":"no token:1"}"#, None, -1),
    (0, "", None, 0),
];

/// The keys of a sealed token, and the names of the good ones in them: the first one seals.
const KEYS: [(Option<&CStr>, &[&str]); 6] = [
    (None, &[""]),
    (Some(c"one"), &["one"]),
    (Some(c"two\none\n"), &["two", "one"]),
    (Some(c"one\r\ntwo"), &["one", "two"]),
    (Some(c""), &[]),
    (Some(c"one\n\ntwo"), &[]),
];

/// The input, read as numbers and texts. After its end, all is 0.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first)
    }

    /// One of `TEXTS`, or the next bytes of the input, without NUL.
    fn text(&mut self) -> CString {
        let choice = self.byte();
        let text = match TEXTS.get(choice) {
            Some(text) => text.as_bytes().to_vec(),
            None => {
                let (text, rest) = self.0.split_at((choice - TEXTS.len()).min(40).min(self.0.len()));
                self.0 = rest;
                text.iter().copied().filter(|byte| *byte != 0).collect()
            }
        };
        CString::new(text).unwrap()
    }

    fn time(&mut self) -> i64 {
        TIMES[self.byte() % TIMES.len()]
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Idle,
    UnderWay(usize),
    Pause(Instant),
    Refused,
}

/// The model of a handle, which may be NULL.
struct Auth {
    handle: Handle,
    /// Distinguishes handles that reuse the same memory.
    number: usize,
    key_pair: Option<(Vec<u8>, Vec<u8>)>,
    token: Vec<u8>,
    expires: i64,
    /// The first token, and how often the token changed.
    family: Vec<u8>,
    generation: u64,
    api_path: Option<Vec<u8>>,
    offset: i64,
    window: i64,
    phase: Phase,
    /// A renewal has delivered or extended the token.
    fresh: bool,
    rejected: bool,
    /// When a fresh token was rejected: then it is due only after a pause.
    rejection_pause: Option<Instant>,
    /// The tickets up to this one are out of date: the token was extended after them.
    settled: usize,
}

/// True only if it is certain: a pause takes at least 5 seconds.
fn paused(since: Instant) -> bool {
    since.elapsed() < Duration::from_secs(4)
}

impl Auth {
    fn is_token(&self) -> bool {
        !self.handle.is_null() && self.key_pair.is_none()
    }

    fn origin(&self) -> Option<(String, String, u32)> {
        self.api_path.as_ref().map(|path| api_path(path).unwrap())
    }

    fn is_renewable(&self) -> bool {
        self.api_path.is_some() && !self.token.starts_with(b"APIV2:")
    }

    /// Do not wait for a token that expires in the year 5138.
    fn is_due_by_time(&self) -> bool {
        self.expires != 0 && self.expires != FOREVER
    }

    /// The numbers of the states that are possible: two if that depends on the length of a pause.
    fn states(&self) -> &'static [i32] {
        let pause = match self.phase {
            _ if self.key_pair.is_some() => return &[0],
            _ if !self.is_renewable() => return &[6],
            Phase::Refused => return &[5],
            Phase::UnderWay(_) => return &[3],
            Phase::Pause(since) => Some(since),
            Phase::Idle if self.is_due_by_time() => None,
            Phase::Idle => self.rejection_pause,
        };
        match pause {
            _ if !self.rejected && !self.is_due_by_time() => &[1],
            None => &[2],
            Some(since) if paused(since) => &[4],
            Some(_) => &[2, 4],
        }
    }

    fn set(&mut self, token: &[u8], expires: i64) {
        if self.token != token {
            self.generation += 1;
            (self.phase, self.fresh) = (Phase::Idle, false);
            (self.rejected, self.rejection_pause) = (false, None);
        }
        (self.token, self.expires) = (token.to_vec(), expires);
    }

    /// The error of a function that needs a token handle, if this is not one.
    fn no_token(&self) -> Option<Status> {
        if self.handle.is_null() { Some(NullArgument) } else { (!self.is_token()).then_some(WrongKind) }
    }

    /// The value of the Authorization header, or what is wrong.
    fn expect(&self, method: &CStr, uri: &CStr, time: i64) -> Result<Vec<u8>, Vec<Status>> {
        if self.handle.is_null() {
            return Err(vec![NullArgument]);
        }
        let text = in_c(request(self.origin().as_ref(), method.to_bytes(), uri.to_bytes(), time))?;
        match &self.key_pair {
            Some((id, key)) => Ok(authorization(id, key, &text)),
            None if self.expires != 0 && time >= self.expires => Err(vec![TokenExpired]),
            None => Ok([b"TC-Token ", self.token.as_slice()].concat()),
        }
    }
}

/// A sealed token, and what is in it.
struct Sealed {
    text: Vec<u8>,
    family: Vec<u8>,
    key: &'static str,
    generation: u64,
    token: Vec<u8>,
    expires: i64,
}

struct Ticket {
    handle: Handle,
    number: usize,
    of: usize,
    token: Vec<u8>,
}

struct World<'a> {
    input: Input<'a>,
    auths: Vec<Auth>,
    /// Lists, with their lines.
    lists: Vec<(Handle, Vec<Vec<u8>>)>,
    /// URLs, with their text.
    urls: Vec<(Handle, Vec<u8>)>,
    tickets: Vec<Ticket>,
    sealed: Vec<Sealed>,
    strings: Vec<(*mut c_char, Vec<u8>)>,
    numbers: usize,
}

// SAFETY: the threads use it in turns.
unsafe impl Send for World<'_> {}

fn result<T>(status: Status, value: impl FnOnce() -> T) -> Result<T, Status> {
    if status == OK { Ok(value()) } else { Err(status) }
}

fn expect_only(status: Status, fault: Option<Status>) {
    assert_eq!(status, fault.unwrap_or(OK));
}

fn faults<T, E>(value: T, faults: Vec<E>) -> Result<T, Vec<E>> {
    if faults.is_empty() { Ok(value) } else { Err(faults) }
}

/// The clock that the library reads. Other clocks can be slightly ahead of it, and so already in the next second.
fn now() -> i64 {
    unsafe extern "C" {
        fn time(result: *mut i64) -> i64;
    }
    unsafe { time(null_mut()) }
}

unsafe fn bytes(text: *const c_char) -> Vec<u8> {
    assert!(!text.is_null());
    unsafe { CStr::from_ptr(text) }.to_bytes().to_vec()
}

impl World<'_> {
    fn auth(&mut self) -> usize {
        self.input.byte() % self.auths.len()
    }

    /// Takes ownership of a string: it is freed at once, or at the end.
    unsafe fn keep(&mut self, string: *mut c_char) -> Vec<u8> {
        let text = unsafe { bytes(string) };
        self.strings.push((string, text.clone()));
        text
    }

    fn put(&mut self, auth: Auth) {
        self.numbers += 1;
        let slot = self.auth();
        unsafe { tc_auth_free(self.auths[slot].handle) };
        self.auths[slot] = Auth { number: self.numbers, ..auth };
    }

    fn make(&mut self, handle: Handle, key_pair: Option<(&CStr, &CStr)>, token: &CStr, expires: i64) -> Auth {
        let key_pair = key_pair.map(|(id, key)| (id.to_bytes().to_vec(), key.to_bytes().to_vec()));
        let (token, phase) = (token.to_bytes().to_vec(), Phase::Idle);
        Auth {
            handle,
            number: 0,
            key_pair,
            family: token.clone(),
            generation: 0,
            token,
            expires,
            api_path: None,
            offset: 0,
            window: 60,
            phase,
            fresh: false,
            rejected: false,
            rejection_pause: None,
            settled: 0,
        }
    }

    unsafe fn new_hmac(&mut self) {
        let (id, key, mut out) = (self.input.text(), self.input.text(), null_mut());
        let status = unsafe { tc_auth_new_hmac(id.as_ptr(), key.as_ptr(), &mut out) };
        if agree(result(status, || ()), in_c(faults((), key_pair_faults(id.to_bytes(), key.to_bytes())))).is_some() {
            let auth = self.make(out, Some((&id, &key)), c"", 0);
            self.put(auth);
        } else {
            assert!(out.is_null(), "written by a call that failed");
        }
    }

    unsafe fn new_token(&mut self) {
        let (token, expires, mut out) = (self.input.text(), self.input.time(), null_mut());
        let status = unsafe { tc_auth_new_token(token.as_ptr(), expires, &mut out) };
        if agree(result(status, || ()), faults((), token_faults(&token, expires))).is_some() {
            let auth = self.make(out, None, &token, expires);
            self.put(auth);
        } else {
            assert!(out.is_null(), "written by a call that failed");
        }
    }

    /// The same from JSON or arguments, with an API path.
    unsafe fn of_parameters(&mut self) {
        let (which, token, path, expires) =
            (self.input.byte(), self.input.text(), self.input.text(), self.input.time());
        let (Ok(token_text), Ok(path_text)) = (token.to_str(), path.to_str()) else { return };
        let mut out = null_mut();
        let status = if which % 2 == 0 {
            let json =
                serde_json::json!({"tc_token": token_text, "tc_token_expires": expires, "tc_api_path": path_text});
            let json = json.to_string();
            unsafe { tc_auth_from_json(json.as_ptr().cast(), json.len(), &mut out) }
        } else {
            let arguments = [
                format!("--tc_token={token_text}"),
                format!("--tc_token_expires={expires}"),
                format!("--tc_api_path={path_text}"),
            ]
            .map(|argument| CString::new(argument).unwrap());
            let arguments = arguments.each_ref().map(|argument| argument.as_ptr().cast_mut());
            let mut why = null_mut();
            let status = if which % 4 == 1 {
                unsafe { tc_auth_from_args(3, arguments.as_ptr(), &mut out) }
            } else {
                unsafe { tc_auth_discover(3, arguments.as_ptr(), &mut why, &mut out) }
            };
            if !why.is_null() {
                assert!(unsafe { self.keep(why) }.is_ascii());
            }
            status
        };
        let mut wrong = Vec::new();
        if token.is_empty() {
            wrong.push(NoCredentials);
        } else {
            wrong.extend(token_faults(&token, expires));
        }
        if !path.is_empty() {
            wrong.extend(in_c(api_path(path.to_bytes())).err().unwrap_or_default());
        }
        // `discover` also reads the environment of this process.
        if which % 4 == 3 && token.is_empty() {
            unsafe { tc_auth_free(out) };
        } else if agree(result(status, || ()), faults((), wrong)).is_some() {
            let mut auth = self.make(out, None, &token, expires);
            auth.api_path = (!path.is_empty()).then(|| path.to_bytes().to_vec());
            self.put(auth);
        }
    }

    unsafe fn other_sources(&mut self) {
        let mut out = null_mut();
        unsafe {
            if tc_auth_from_env(&mut out) == OK {
                tc_auth_free(out);
            }
            let missing = c"/nonexistent/tc_auth".as_ptr();
            assert_eq!(tc_auth_from_param_file(missing, c"0123456789abcdef".as_ptr(), &mut out), ConfigIo);
            assert!(!bytes(tc_auth_version()).is_empty());
            assert_ne!(tc_auth_version_number(), 0);
            let number = self.input.byte() as i32 - 100;
            for text in [tc_auth_status_message, tc_auth_status_name, tc_auth_advice_name, tc_auth_advice_message] {
                assert!(!bytes(text(number)).is_empty());
            }
        }
    }

    unsafe fn headers(&mut self) {
        let slot = self.auth();
        let (method, uri, mut time, plain) =
            (self.input.text(), self.input.text(), self.input.time(), self.input.byte() % 2);
        let (auth, mut list) = (&self.auths[slot], null_mut());
        let before = now();
        let status = unsafe {
            if time == -1 && plain == 0 {
                tc_auth_headers(auth.handle, method.as_ptr(), uri.as_ptr(), &mut list)
            } else {
                tc_auth_headers_at(auth.handle, method.as_ptr(), uri.as_ptr(), time, &mut list)
            }
        };
        if time == -1 {
            let signed = unsafe { tc_auth_header_list_timestamp(list) };
            if auth.key_pair.is_some() && status == OK {
                assert!((before..=now()).contains(&(signed - auth.offset)));
                time = signed;
            } else {
                time = before + auth.offset;
            }
        }
        if let Some(((), value)) = agree(result(status, || ()), auth.expect(&method, &uri, time)) {
            let mut lines = vec![[b"Authorization: ", value.as_slice()].concat()];
            if auth.key_pair.is_some() {
                lines.push(format!("Timestamp: {time}").into_bytes());
            }
            self.lists.push((list, lines));
        } else {
            assert!(list.is_null(), "written by a call that failed");
        }
    }

    /// Into a buffer of exactly the given size, so that AddressSanitizer finds writes past its end.
    unsafe fn headers_into(&mut self) {
        let slot = self.auth();
        let (method, uri, time, room) =
            (self.input.text(), self.input.text(), self.input.time().max(0), self.input.byte());
        let auth = &self.auths[slot];
        let (mut len, mut timestamp) = (usize::MAX, -7);
        let mut buffer = vec![b'#'; room].into_boxed_slice();
        let (method_len, uri_len) = (method.count_bytes(), uri.count_bytes());
        // No NUL is needed there.
        let (method_bytes, uri_bytes) = (method.to_bytes().to_vec(), uri.to_bytes().to_vec());
        let status = unsafe {
            tc_auth_headers_into(
                auth.handle,
                method_bytes.as_ptr().cast(),
                method_len,
                uri_bytes.as_ptr().cast(),
                uri_len,
                time,
                buffer.as_mut_ptr().cast(),
                room,
                &mut len,
                &mut timestamp,
            )
        };
        let expected = auth.expect(&method, &uri, time);
        let small = expected.as_ref().is_ok_and(|value| value.len() >= room);
        if small {
            assert_eq!((status, len), (BufferTooSmall, expected.unwrap().len()));
        } else if let Some(((), value)) = agree(result(status, || ()), expected) {
            assert_eq!((len, &buffer[..len], buffer[len]), (value.len(), value.as_slice(), 0));
            assert!(buffer[len + 1..].iter().all(|byte| *byte == b'#'));
            assert_eq!(timestamp, if auth.key_pair.is_some() { time } else { -1 });
            let sent = CString::new(value).unwrap();
            let second = CString::new(time.to_string()).unwrap();
            let target = CString::new(uri.to_bytes().split(|byte| *byte == b'#').next().unwrap()).unwrap();
            let verified = unsafe {
                tc_auth_verify(auth.handle, method.as_ptr(), target.as_ptr(), sent.as_ptr(), second.as_ptr(), time, 0)
            };
            assert_eq!(verified, OK);
        } else {
            assert_eq!((len, timestamp), (usize::MAX, -7), "written by a call that failed");
        }
    }

    /// The same for the lines of the present second.
    unsafe fn header_block(&mut self) {
        let slot = self.auth();
        let (method, uri, room) = (self.input.text(), self.input.text(), self.input.byte());
        let auth = &self.auths[slot];
        let mut block = vec![b'#'; room].into_boxed_slice();
        let before = now();
        let status = unsafe {
            tc_auth_header_block(auth.handle, method.as_ptr(), uri.as_ptr(), block.as_mut_ptr().cast(), room)
        };
        let written = block.iter().position(|byte| *byte == 0).map(|len| String::from_utf8_lossy(&block[..len]));
        let second = written.as_ref().and_then(|text| text.split("\r\nTimestamp: ").nth(1)?.trim_end().parse().ok());
        let time = second.unwrap_or(before + auth.offset);
        assert!((before..=now()).contains(&(time - auth.offset)));
        let expected = auth.expect(&method, &uri, time).map(|value| {
            let timestamp = if auth.key_pair.is_some() { format!("Timestamp: {time}\r\n") } else { String::new() };
            [b"Authorization: ", value.as_slice(), b"\r\n", timestamp.as_bytes()].concat()
        });
        let small = expected.as_ref().is_ok_and(|text| text.len() >= room);
        if small {
            assert_eq!(status, BufferTooSmall);
        } else if let Some(((), text)) = agree(result(status, || ()), expected) {
            assert_eq!((&block[..text.len()], block[text.len()]), (text.as_slice(), 0));
            return assert!(block[text.len() + 1..].iter().all(|byte| *byte == b'#'));
        }
        assert!(block.iter().all(|byte| *byte == b'#'), "written by a call that failed");
    }

    unsafe fn string_to_sign(&mut self) {
        let (method, uri, time, mut out) = (self.input.text(), self.input.text(), self.input.time(), null_mut());
        let status = unsafe { tc_auth_string_to_sign(method.as_ptr(), uri.as_ptr(), time, &mut out) };
        let expected = in_c(request(None, method.to_bytes(), uri.to_bytes(), time));
        if let Some(((), text)) = agree(result(status, || ()), expected) {
            assert_eq!(unsafe { self.keep(out) }, text);
        }
    }

    unsafe fn settings(&mut self) {
        let (slot, which, text) = (self.auth(), self.input.byte(), self.input.text());
        let auth = &mut self.auths[slot];
        let absent = auth.handle.is_null();
        unsafe {
            match which % 3 {
                0 => {
                    let status = tc_auth_set_api_path(auth.handle, text.as_ptr());
                    let expected = match in_c(api_path(text.to_bytes())) {
                        _ if absent => Err(vec![NullArgument]),
                        Ok(_) if auth.api_path.is_some() => Err(vec![AlreadySet]),
                        read => read,
                    };
                    let mut expected = expected;
                    if let (Err(wrong), false, true) = (&mut expected, absent, auth.api_path.is_some()) {
                        wrong.push(AlreadySet);
                    }
                    if agree(result(status, || ()), expected).is_some() {
                        auth.api_path = Some(text.to_bytes().to_vec());
                    }
                }
                1 => {
                    let seconds = [0, 1, -86_400, 86_401, i64::MIN][which / 3 % 5];
                    let status = tc_auth_set_clock_offset(auth.handle, seconds);
                    let good = (-86_400..=86_400).contains(&seconds);
                    expect_only(status, if absent { Some(NullArgument) } else { (!good).then_some(InvalidArgument) });
                    if status == OK {
                        auth.offset = seconds;
                    }
                }
                _ => {
                    let seconds = [0, 60, 86_400, -1, i64::MAX][which / 3 % 5];
                    let good = (0..=86_400).contains(&seconds);
                    let status = tc_auth_set_renewal_window(auth.handle, seconds);
                    expect_only(status, auth.no_token().or((!good).then_some(InvalidArgument)));
                    if status == OK {
                        auth.window = seconds;
                    }
                }
            }
            let mut offset = auth.offset;
            expect_only(tc_auth_clock_offset(auth.handle, &mut offset), absent.then_some(NullArgument));
            assert_eq!(offset, auth.offset);
            let mut window = auth.window;
            expect_only(tc_auth_renewal_window(auth.handle, &mut window), auth.no_token());
            assert_eq!(window, auth.window);
            let own = auth.api_path.as_ref().map(|path| String::from_utf8_lossy(path).trim_end_matches('/').to_owned());
            let path = tc_auth_api_path(auth.handle);
            assert_eq!((!path.is_null()).then(|| bytes(path)), own.map(String::into_bytes));
        }
    }

    unsafe fn look(&mut self) {
        let slot = self.auth();
        let auth = &self.auths[slot];
        let (handle, token, expires, no_token) = (auth.handle, auth.token.clone(), auth.expires, auth.no_token());
        let kind = if handle.is_null() { 0 } else { 1 + i32::from(auth.is_token()) };
        let (states, mut state, mut seconds) = (auth.states(), -7, -7);
        let (mut text, mut when) = (null_mut(), 0);
        unsafe {
            assert_eq!(tc_auth_get_kind(handle), kind);
            expect_only(
                tc_auth_token_state(handle, &mut state, &mut seconds),
                handle.is_null().then_some(NullArgument),
            );
            let expected = match state {
                -7 => -7..=-7,
                0 | 2 => 0..=0,
                3 => 1..=120,
                4 => 1..=60,
                _ if expires == 0 => -1..=-1,
                _ if expires == FOREVER => 1..=FOREVER,
                _ => 0..=0,
            };
            assert!(expected.contains(&seconds), "{seconds} seconds in state {state}");
            assert!(
                if handle.is_null() { state == -7 } else { states.contains(&state) },
                "{state} is not in {states:?}"
            );
            expect_only(tc_auth_token(handle, &mut text, &mut when), no_token);
            if no_token.is_none() {
                assert_eq!((self.keep(text), when), (token.clone(), expires));
            }
            expect_only(tc_auth_describe(handle, &mut text), (kind == 0).then_some(NullArgument));
            if kind != 0 {
                let line = String::from_utf8(self.keep(text)).unwrap();
                assert!(line.starts_with(if kind == 1 { "HMAC; " } else { "token; " }), "{line}");
                // An API path may also contain the token's text.
                let shown = kind == 2 && token == b"token:1" && line.contains("token:1");
                assert!(!shown || self.auths[slot].api_path.is_some(), "{line}");
            }
        }
    }

    unsafe fn update_token(&mut self) {
        let (slot, token, expires) = (self.auth(), self.input.text(), self.input.time());
        let auth = &mut self.auths[slot];
        let status = unsafe { tc_auth_update_token(auth.handle, token.as_ptr(), expires) };
        let expected = auth.no_token().map_or(faults((), token_faults(&token, expires)), |status| Err(vec![status]));
        if agree(result(status, || ()), expected).is_some() {
            if auth.token == token.to_bytes() && expires > auth.expires {
                auth.settled = self.numbers;
            }
            auth.set(token.to_bytes(), expires);
        }
    }

    unsafe fn poll(&mut self) {
        let slot = self.auth();
        let wait = [0, 0, 0, -1][self.input.byte() % 4];
        self.numbers += 1;
        let auth = &mut self.auths[slot];
        let mut ticket = null_mut::<u8>().wrapping_add(1).cast();
        let status = unsafe { tc_auth_renewal_poll(auth.handle, wait, &mut ticket) };
        let by_time = auth.is_due_by_time();
        let due = auth.rejected && auth.rejection_pause.is_none() || by_time;
        match auth.phase {
            _ if auth.handle.is_null() => return assert_eq!(status, NullArgument),
            _ if wait < 0 => return assert_eq!(status, InvalidArgument),
            Phase::UnderWay(_) => return assert_eq!(status, RenewalTimeout),
            Phase::Pause(since) if paused(since) => assert!(ticket.is_null()),
            Phase::Pause(_) => {}
            Phase::Refused => assert!(ticket.is_null()),
            Phase::Idle if !by_time && auth.rejection_pause.is_some_and(|since| !paused(since)) => {}
            Phase::Idle => assert_eq!(!ticket.is_null(), auth.is_token() && auth.is_renewable() && due),
        }
        assert_eq!(status, OK);
        if !ticket.is_null() {
            auth.phase = Phase::UnderWay(self.numbers);
            let token = auth.token.clone();
            self.tickets.push(Ticket { handle: ticket, number: self.numbers, of: auth.number, token });
        }
    }

    unsafe fn give_back(&mut self) {
        let (which, choice) = (self.input.byte(), self.input.byte());
        if self.tickets.is_empty() {
            assert!(unsafe { tc_auth_renewal_url(null_mut()) }.is_null());
            return unsafe { tc_auth_renewal_cancel(null_mut()) };
        }
        let ticket = self.tickets.swap_remove(which % self.tickets.len());
        let url = String::from_utf8(unsafe { bytes(tc_auth_renewal_url(ticket.handle)) }).unwrap();
        assert!(url.ends_with(&format!("/appAuth?expiredToken={}", encode(&ticket.token))), "{url}");
        let mut message = null_mut();
        let response = RESPONSES.get(choice % (RESPONSES.len() + 1));
        let status = match response {
            Some((http_status, body, ..)) => unsafe {
                tc_auth_renewal_complete(ticket.handle, *http_status, body.as_ptr().cast(), body.len(), &mut message)
            },
            None => {
                unsafe { tc_auth_renewal_cancel(ticket.handle) };
                RenewalBadResponse
            }
        };
        if !message.is_null() {
            let text = unsafe { self.keep(message) };
            assert!(ticket.token != b"token:1" || !text.ends_with(b"token:1"));
        }
        let auth = self.auths.iter_mut().find(|auth| auth.number == ticket.of && !auth.handle.is_null());
        let Some(auth) = auth.filter(|auth| auth.token == ticket.token) else {
            // The response does not matter any more.
            return assert!(status == OK || response.is_none());
        };
        let fail = |auth: &mut Auth| {
            if auth.phase == Phase::UnderWay(ticket.number) {
                auth.phase = if ticket.number > auth.settled { Phase::Pause(Instant::now()) } else { Phase::Idle };
            }
            assert_eq!(status, RenewalBadResponse);
        };
        match response {
            Some((_, _, Some(new), expires)) if new.as_bytes() != auth.token => {
                assert_eq!(status, OK);
                auth.set(new.as_bytes(), *expires);
                (auth.fresh, auth.settled) = (true, self.numbers);
            }
            Some((_, _, Some(_), expires)) if auth.expires != 0 && *expires > auth.expires => {
                assert_eq!(status, OK);
                (auth.expires, auth.fresh, auth.settled) = (*expires, true, self.numbers);
                (auth.rejected, auth.rejection_pause) = (false, None);
                if auth.phase == Phase::UnderWay(ticket.number) || !matches!(auth.phase, Phase::UnderWay(_)) {
                    auth.phase = Phase::Idle;
                }
            }
            Some((_, _, None, -1)) => {
                assert_eq!(status, RenewalRefused);
                let (holds, held) = match auth.phase {
                    Phase::UnderWay(number) => (number == ticket.number, true),
                    _ => (false, false),
                };
                if holds || !held {
                    match ticket.number > auth.settled {
                        true => auth.phase = Phase::Refused,
                        false if holds => auth.phase = Phase::Idle,
                        false => {}
                    }
                }
            }
            _ => fail(auth),
        }
    }

    unsafe fn seal(&mut self) {
        let (slot, (key, names)) = (self.auth(), KEYS[self.input.byte() % KEYS.len()]);
        let (auth, mut family, mut out) = (&self.auths[slot], null_mut(), null_mut());
        let key = key.map_or(null(), CStr::as_ptr);
        unsafe {
            let no_token = auth.no_token();
            expect_only(tc_auth_family(auth.handle, &mut family), no_token);
            let expected = no_token.or(names.is_empty().then_some(InvalidArgument));
            expect_only(tc_auth_seal(auth.handle, key, &mut out), expected);
            if !family.is_null() {
                assert_eq!(bytes(family).len(), 32);
                tc_auth_string_free(family);
            }
        }
        if out.is_null() {
            return;
        }
        let text = unsafe { self.keep(out) };
        let auth = &self.auths[slot];
        let digits = str::from_utf8(&text[4..20]).unwrap();
        assert_eq!(u64::from_str_radix(digits, 16), Ok(auth.generation));
        let (family, token) = (auth.family.clone(), auth.token.clone());
        let (generation, expires) = (auth.generation, auth.expires);
        self.sealed.push(Sealed { text, family, key: names[0], generation, token, expires });
    }

    unsafe fn unseal(&mut self) {
        let (slot, (key, names), which) = (self.auth(), KEYS[self.input.byte() % KEYS.len()], self.input.byte());
        for ticket in &self.tickets {
            let auth = self.auths.iter().find(|auth| auth.number == ticket.of && !auth.handle.is_null());
            let needed = auth.is_some_and(|auth| auth.token == ticket.token && ticket.number > auth.settled);
            let mut answer = -1;
            assert_eq!(unsafe { tc_auth_renewal_needed(ticket.handle, &mut answer) }, OK);
            assert_eq!(answer, i32::from(needed));
        }
        if self.sealed.is_empty() {
            return;
        }
        let sealed = &self.sealed[which % self.sealed.len()];
        let (auth, mut outcome) = (&mut self.auths[slot], -1);
        let (text, len) = (sealed.text.as_ptr().cast(), sealed.text.len());
        let status = unsafe { tc_auth_unseal(auth.handle, text, len, key.map_or(null(), CStr::as_ptr), &mut outcome) };
        let opens = auth.family == sealed.family && names.contains(&sealed.key);
        let bad_key = names.is_empty().then_some(InvalidArgument);
        expect_only(status, auth.no_token().or(bad_key).or((!opens).then_some(SealInvalid)));
        if status != OK {
            return assert_eq!(outcome, -1);
        }
        let theirs = (sealed.generation, &sealed.token, sealed.expires);
        let ours = (auth.generation, &auth.token, auth.expires);
        if theirs == ours {
            assert_eq!(outcome, 0);
        } else if theirs < ours {
            assert_eq!(outcome, 2);
        } else {
            assert_eq!(outcome, 1);
            let is_extended = auth.token == sealed.token && matches!(auth.phase, Phase::UnderWay(_));
            let phase = if is_extended { auth.phase } else { Phase::Idle };
            (auth.token, auth.expires) = (sealed.token.clone(), sealed.expires);
            (auth.generation, auth.settled) = (sealed.generation, self.numbers);
            (auth.phase, auth.fresh, auth.rejected, auth.rejection_pause) = (phase, true, false, None);
        }
    }

    /// A 401, for a request with the current token or another one.
    unsafe fn review(&mut self) {
        let (slot, http_status, other) = (self.auth(), self.input.byte(), self.input.byte().is_multiple_of(4));
        let http_status = [401, 401, 200, 403][http_status % 4];
        let auth = &mut self.auths[slot];
        let sent = match &auth.key_pair {
            Some(_) => b"TC id:c2ln".to_vec(),
            None if other => b"TC-Token other".to_vec(),
            None => [b"TC-Token ", auth.token.as_slice()].concat(),
        };
        let (body, mut advice) = (r#"{"message":"Unauthorized"}"#, -1);
        let status = unsafe {
            tc_auth_review(
                auth.handle,
                sent.as_ptr().cast(),
                sent.len(),
                0,
                http_status,
                null(),
                body.as_ptr().cast(),
                body.len(),
                &mut advice,
            )
        };
        if auth.handle.is_null() {
            return assert_eq!((status, advice), (NullArgument, -1));
        }
        assert_eq!(status, OK);
        if http_status == 200 || auth.key_pair.is_some() {
            return assert_eq!(advice, if http_status == 200 { 0 } else { 7 });
        }
        let (retry, rejected) = (1, 4);
        let expected = match auth.phase {
            _ if auth.token != sent[9..] => retry,
            Phase::UnderWay(_) => retry,
            Phase::Refused => rejected,
            _ if !auth.is_renewable() => rejected,
            phase => {
                if !auth.rejected && auth.fresh {
                    auth.rejection_pause = Some(Instant::now());
                }
                auth.rejected = true;
                match (phase, auth.rejection_pause) {
                    (Phase::Pause(since), _) if paused(since) => rejected,
                    (_, Some(since)) if paused(since) => rejected,
                    (Phase::Idle, None) => retry,
                    _ => return assert!(advice == rejected || advice == retry),
                }
            }
        };
        assert_eq!(advice, expected);
    }

    unsafe fn new_url(&mut self) {
        let (which, slot, text, mut out) = (self.input.byte(), self.auth(), self.input.text(), null_mut());
        let base = text.to_bytes();
        let form = |good: bool| if good { Ok(()) } else { Err(vec![InvalidUriForm]) };
        let (status, expected, start) = if which % 2 == 0 {
            let status = unsafe { tc_auth_url_new(text.as_ptr(), &mut out) };
            (status, in_c(uri(base)).and_then(|uri| form(!uri.has_fragment)), Vec::new())
        } else {
            let auth = &self.auths[slot];
            let status = unsafe { tc_auth_url_new_for(auth.handle, text.as_ptr(), &mut out) };
            let single = base.starts_with(b"/") && !base.starts_with(b"//");
            let expected = match &auth.api_path {
                _ if auth.handle.is_null() => Err(vec![NullArgument]),
                None => Err(vec![ApiPathMissing]),
                Some(_) => in_c(uri(base)).and_then(|uri| form(single && !uri.has_fragment)),
            };
            let path = auth.api_path.clone().unwrap_or_default();
            (status, expected, String::from_utf8(path).unwrap().trim_end_matches('/').as_bytes().to_vec())
        };
        if agree(result(status, || ()), expected).is_some() {
            self.urls.push((out, [start.as_slice(), base].concat()));
        }
    }

    unsafe fn extend_url(&mut self) {
        let (which, query, own) =
            (self.input.byte(), self.input.byte().is_multiple_of(2), self.input.byte().is_multiple_of(8));
        let (one, other) = (self.input.text(), self.input.text());
        if self.urls.is_empty() {
            let status = unsafe { tc_auth_url_add_segment(null_mut(), one.as_ptr()) };
            return assert_eq!(status, NullArgument);
        }
        let at = which % self.urls.len();
        let (url, text) = &mut self.urls[at];
        if text.len() > 2_000 {
            return; // doubled often enough
        }
        // Its own string is allowed, too.
        let (pointer, first) = if own {
            (unsafe { tc_auth_url_string(*url) }, text.clone())
        } else {
            (one.as_ptr(), one.to_bytes().to_vec())
        };
        if query {
            let status = unsafe { tc_auth_url_add_query(*url, pointer, other.as_ptr()) };
            expect_only(status, first.is_empty().then_some(InvalidArgument));
            if status == OK {
                let separator = match text.iter().position(|byte| *byte == b'?') {
                    None => "?",
                    Some(at) if at + 1 == text.len() || text.ends_with(b"&") => "",
                    Some(_) => "&",
                };
                let added = format!("{separator}{}={}", encode(&first), encode(other.to_bytes()));
                text.extend(added.into_bytes());
            }
        } else {
            let status = unsafe { tc_auth_url_add_segment(*url, pointer) };
            let dots = matches!(first.as_slice(), b"" | b"." | b"..");
            let late = text.contains(&b'?').then_some(InvalidUriForm);
            expect_only(status, if dots { Some(InvalidArgument) } else { late });
            if status == OK {
                while text.ends_with(b"/") {
                    text.pop();
                }
                text.extend(format!("/{}", encode(&first)).into_bytes());
            }
        }
        assert_eq!(&unsafe { bytes(tc_auth_url_string(*url)) }, text);
    }

    unsafe fn free_one(&mut self) {
        let (which, kind) = (self.input.byte(), self.input.byte());
        match kind % 4 {
            0 if !self.lists.is_empty() => {
                let (list, lines) = self.lists.swap_remove(which % self.lists.len());
                unsafe { check_list(list, &lines) };
                unsafe { tc_auth_header_list_free(list) };
            }
            1 if !self.urls.is_empty() => unsafe {
                let (url, text) = self.urls.swap_remove(which % self.urls.len());
                assert_eq!(bytes(tc_auth_url_string(url)), text);
                tc_auth_url_free(url);
            },
            2 if !self.strings.is_empty() => unsafe {
                let (string, text) = self.strings.swap_remove(which % self.strings.len());
                assert_eq!(bytes(string), text);
                tc_auth_string_free(string);
            },
            _ => {
                let slot = which % self.auths.len();
                let auth = &mut self.auths[slot];
                unsafe { tc_auth_free(auth.handle) };
                (auth.handle, auth.api_path, auth.key_pair) = (null_mut(), None, None);
            }
        }
    }

    /// Two threads on two handles at once: in any order, only these results are possible, and no header of one handle
    /// contains a secret of the other.
    unsafe fn at_once(&mut self) {
        let slots = [self.auth(), self.auth()];
        let calls: [[usize; 4]; 2] = std::array::from_fn(|_| std::array::from_fn(|_| self.input.byte()));
        let present: Vec<_> = slots.into_iter().filter(|slot| !self.auths[*slot].handle.is_null()).collect();
        let mut shared: Vec<_> = present.iter().map(|slot| Shared::new(&self.auths[*slot])).collect();
        if shared.is_empty() {
            return;
        }
        for shared in shared.iter().filter(|shared| shared.signed.is_none()) {
            let token = shared.token("0");
            assert_eq!(unsafe { tc_auth_update_token(shared.handle, token.as_ptr(), 1) }, OK);
        }
        if let [one, other] = shared.as_mut_slice()
            && planted("other")
        {
            // The planted fault: each handle has the other's token.
            std::mem::swap(&mut one.handle, &mut other.handle);
        }
        let make = |calls: &[usize]| {
            calls.iter().for_each(|call| unsafe { shared[call / 128 % shared.len()].call(call % 128) });
        };
        thread::scope(|scope| {
            let other = scope.spawn(|| make(&calls[1]));
            make(&calls[0]);
            other.join().unwrap();
        });
        drop(shared);
        for slot in present {
            let auth = &mut self.auths[slot];
            if auth.is_token() {
                // A new token: the history of earlier tokens does not matter.
                self.numbers += 1;
                let token = CString::new(format!("after:{}", self.numbers)).unwrap();
                assert_eq!(unsafe { tc_auth_update_token(auth.handle, token.as_ptr(), 1) }, OK);
                auth.set(token.to_bytes(), 1);
                // How often the threads changed it is not known.
                let mut sealed = null_mut();
                assert_eq!(unsafe { tc_auth_seal(auth.handle, null(), &mut sealed) }, OK);
                let digits = unsafe { bytes(sealed) }[4..20].to_vec();
                auth.generation = u64::from_str_radix(str::from_utf8(&digits).unwrap(), 16).unwrap();
                unsafe { tc_auth_string_free(sealed) };
                assert_eq!(unsafe { tc_auth_set_renewal_window(auth.handle, 60) }, OK);
                auth.window = 60;
            }
        }
    }

    unsafe fn step(&mut self) {
        match self.input.byte() % 22 {
            0 => unsafe { self.new_hmac() },
            1 => unsafe { self.new_token() },
            2 => unsafe { self.of_parameters() },
            3 => unsafe { self.other_sources() },
            4 | 5 => unsafe { self.headers() },
            6 => unsafe { self.headers_into() },
            7 => unsafe { self.header_block() },
            8 => unsafe { self.string_to_sign() },
            9 | 10 => unsafe { self.settings() },
            11 => unsafe { self.look() },
            12 => unsafe { self.update_token() },
            13 => unsafe { self.poll() },
            14 => unsafe { self.give_back() },
            15 => unsafe { self.review() },
            16 => unsafe { self.new_url() },
            17 => unsafe { self.extend_url() },
            18 => unsafe { self.free_one() },
            19 => unsafe { self.at_once() },
            20 => unsafe { self.seal() },
            _ => unsafe { self.unseal() },
        }
    }

    /// Handles may be freed before or after tickets, lists, URLs and strings.
    unsafe fn end(mut self) {
        unsafe {
            for (list, lines) in self.lists.drain(..) {
                check_list(list, &lines);
                // The planted fault: a list that is not freed.
                if !planted("wrong") {
                    tc_auth_header_list_free(list);
                }
            }
            let handles: Vec<_> = self.auths.iter().map(|auth| auth.handle).collect();
            if self.numbers.is_multiple_of(2) {
                handles.iter().for_each(|handle| tc_auth_free(*handle));
            }
            self.tickets.iter().for_each(|ticket| tc_auth_renewal_cancel(ticket.handle));
            if self.numbers % 2 == 1 {
                handles.iter().for_each(|handle| tc_auth_free(*handle));
            }
            for (url, text) in &self.urls {
                assert_eq!(&bytes(tc_auth_url_string(*url)), text);
                tc_auth_url_free(*url);
            }
            for (string, text) in &self.strings {
                assert_eq!(&bytes(*string), text);
                tc_auth_string_free(*string);
            }
        }
    }
}

fn token_faults(token: &CStr, expires: i64) -> Vec<Status> {
    let mut faults = Vec::new();
    if !is_visible(token.to_bytes()) {
        faults.push(InvalidToken);
    }
    if !is_time(expires) {
        faults.push(InvalidTime);
    }
    faults
}

unsafe fn check_list(list: Handle, lines: &[Vec<u8>]) {
    unsafe {
        assert_eq!(tc_auth_header_list_len(list), lines.len());
        for (index, line) in lines.iter().enumerate() {
            assert_eq!(&bytes(tc_auth_header_list_line(list, index)), line);
            let [name, value] = [tc_auth_header_list_name(list, index), tc_auth_header_list_value(list, index)];
            assert_eq!(&[bytes(name), bytes(value)].join(b": ".as_slice()), line);
        }
        assert!(tc_auth_header_list_line(list, lines.len()).is_null());
    }
}

/// A handle that two threads use at once.
struct Shared {
    handle: Handle,
    /// The Authorization of an HMAC handle for one request.
    signed: Option<Vec<u8>>,
    /// The prefix of all tokens of this handle, and of no other.
    mark: String,
}

// SAFETY: the header allows it for a handle.
unsafe impl Sync for Shared {}

impl Shared {
    fn new(auth: &Auth) -> Shared {
        let signed = auth.key_pair.is_some().then(|| auth.expect(c"GET", c"/a?b", 1_513_703_787).unwrap());
        Shared { handle: auth.handle, signed, mark: format!("h{}:", auth.number) }
    }

    fn token(&self, end: &str) -> CString {
        CString::new(format!("{}{end}", self.mark)).unwrap()
    }

    unsafe fn call(&self, call: usize) {
        let (mut list, mut text, mut expires, mut ticket, mut advice) = (null_mut(), null_mut(), 0, null_mut(), 0);
        let (handle, method, uri) = (self.handle, c"GET".as_ptr(), c"/a?b".as_ptr());
        let expected = |status: Status, allowed: &[Status]| assert!(allowed.contains(&status), "{status:?}");
        let own = |value: &[u8], scheme: &str| value.starts_with(format!("{scheme}{}", self.mark).as_bytes());
        unsafe {
            match call % 8 {
                0 => {
                    expected(tc_auth_headers_at(handle, method, uri, 1_513_703_787, &mut list), &[OK, TokenExpired]);
                    if !list.is_null() {
                        let value = bytes(tc_auth_header_list_value(list, 0));
                        let signed = self.signed.as_ref();
                        assert!(
                            signed.map_or_else(|| own(&value, "TC-Token "), |signed| value == *signed),
                            "{value:?}"
                        );
                    }
                    tc_auth_header_list_free(list);
                }
                1 => {
                    let (mut buffer, mut len, mut timestamp) = ([0_u8; 200], 0, 0);
                    let start = buffer.as_mut_ptr().cast();
                    let status = tc_auth_headers_into(
                        handle,
                        method,
                        3,
                        uri,
                        4,
                        1_513_703_787,
                        start,
                        200,
                        &mut len,
                        &mut timestamp,
                    );
                    expected(status, &[OK, TokenExpired]);
                    if status == OK {
                        let value = &buffer[..len];
                        let signed = self.signed.as_ref();
                        assert!(signed.map_or_else(|| own(value, "TC-Token "), |signed| value == *signed), "{value:?}");
                    }
                }
                2 => {
                    expected(tc_auth_token(handle, &mut text, &mut expires), &[OK, WrongKind]);
                    assert!(text.is_null() || own(&bytes(text), ""));
                    tc_auth_string_free(text);
                }
                3 => {
                    let sent = match self.signed {
                        Some(_) => "TC a:b".to_owned(),
                        None => format!("TC-Token {}1", self.mark),
                    };
                    let (start, len) = (sent.as_ptr().cast(), sent.len());
                    let body = c"Unauthorized".as_ptr();
                    let status = tc_auth_review(handle, start, len, 0, 401, null(), body, 12, &mut advice);
                    expected(status, &[OK]);
                    assert!(matches!(advice, 1 | 4 | 7));
                }
                4 => {
                    expected(tc_auth_renewal_poll(handle, 1, &mut ticket), &[OK, RenewalTimeout]);
                    if !ticket.is_null() {
                        let (http_status, body, ..) = RESPONSES[call / 8 % RESPONSES.len()];
                        let body = body.replace("token:", &self.mark);
                        let start = body.as_ptr().cast();
                        let status = tc_auth_renewal_complete(ticket, http_status, start, body.len(), &mut text);
                        expected(status, &[OK, RenewalBadResponse, RenewalRefused]);
                        tc_auth_string_free(text);
                    }
                }
                5 if call / 8 % 4 == 3 => {
                    // Only of this handle: it has seen that token or a newer one.
                    let status = tc_auth_seal(handle, null(), &mut text);
                    expected(status, &[OK, WrongKind]);
                    if status == OK {
                        let sealed = bytes(text);
                        let (start, len) = (sealed.as_ptr().cast(), sealed.len());
                        expected(tc_auth_unseal(handle, start, len, null(), &mut advice), &[OK]);
                        assert!(matches!(advice, 0 | 2));
                    }
                    tc_auth_string_free(text);
                }
                5 => {
                    let token = self.token(["1", "2", "6"][call / 8 % 3]);
                    let status = tc_auth_update_token(handle, token.as_ptr(), (call / 24 % 2) as i64);
                    expected(status, &[OK, WrongKind]);
                }
                6 => {
                    expected(tc_auth_describe(handle, &mut text), &[OK]);
                    tc_auth_string_free(text);
                }
                _ => {
                    expected(tc_auth_set_renewal_window(handle, 60), &[OK, WrongKind]);
                    expected(tc_auth_clock_offset(handle, &mut expires), &[OK]);
                }
            }
        }
    }
}

/// Whose turn it is, and the state that is passed on with it.
struct Turns<'a> {
    world: Mutex<(World<'a>, usize)>,
    changed: Condvar,
}

impl Turns<'_> {
    /// One of the two threads: it makes calls while it is its turn. The input says when the turn changes.
    fn take_part(&self, me: usize) {
        let mut guard = self.world.lock().unwrap();
        loop {
            guard = self.changed.wait_while(guard, |(world, turn)| *turn != me && !world.input.0.is_empty()).unwrap();
            let (world, turn) = &mut *guard;
            if world.input.0.is_empty() {
                self.changed.notify_all();
                return;
            }
            *turn = if world.input.byte() % 4 == 0 { 1 - me } else { me };
            unsafe { world.step() };
            self.changed.notify_all();
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let mut world = World {
        input: Input(input),
        auths: Vec::new(),
        lists: Vec::new(),
        urls: Vec::new(),
        tickets: Vec::new(),
        sealed: Vec::new(),
        strings: Vec::new(),
        numbers: 0,
    };
    for _ in 0..4 {
        let none = world.make(null_mut(), None, c"", 0);
        world.auths.push(none);
    }
    let turns = Turns { world: Mutex::new((world, 0)), changed: Condvar::new() };
    thread::scope(|scope| {
        // Joined, because only then is the thread's memory freed.
        let other = scope.spawn(|| turns.take_part(1));
        turns.take_part(0);
        other.join().unwrap();
    });
    let (world, _) = turns.world.into_inner().unwrap();
    unsafe { world.end() };
});
