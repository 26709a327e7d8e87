//! Shared by the targets: splitting an input, limiting the time of a call, and a second, simple signer.
//!
//! The second signer is written from `include/tc_auth.h` and RFC 3986, not from the library's code.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt::Debug;
use std::hint::black_box;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tc_auth::Error;

/// Whether this fault is planted; `tests/fuzz.sh` expects the fuzzer to find it.
pub fn planted(fault: &str) -> bool {
    static PLANTED: OnceLock<Option<String>> = OnceLock::new();
    PLANTED.get_or_init(|| std::env::var("TC_AUTH_FUZZ_PLANT").ok()).as_deref() == Some(fault)
}

/// The time allowed for a call: a fixed part, and a part per byte of input. Several times what the slowest call takes
/// when instrumented, the redaction of a message of 64 KiB; others take a hundredth of that.
const FIXED: Duration = Duration::from_millis(50);
const PER_BYTE: Duration = Duration::from_micros(3);

/// Makes a call, and fails if its CPU time is not in proportion to its input. Other processes do not count, so it also
/// works on a busy machine.
pub fn linear<T>(bytes: usize, call: impl FnOnce() -> T) -> T {
    let allowed = FIXED + PER_BYTE * u32::try_from(bytes).unwrap();
    let started = cpu_time();
    let result = call();
    if planted("slow") {
        // The planted fault: a loop over all bytes for each byte. It stops when it has taken too long.
        (0..bytes).take_while(|_| cpu_time() - started <= allowed).for_each(|byte| {
            black_box((0..bytes).filter(|other| *other == black_box(byte)).count());
        });
    }
    let took = cpu_time() - started;
    assert!(took <= allowed, "{took:?} of CPU time for {bytes} bytes");
    result
}

/// The CPU time of this thread.
fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) }, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The largest JSON text and the largest parameter file that are read; a server's response has no limit.
pub const LARGE: usize = 1 << 20;

/// The size that libFuzzer generates by itself.
const SMALL: usize = 4 << 10;

/// Repeats parts of a text, so that a small input becomes as large as a response can be, and `linear` finds slow loops.
/// A part follows the byte 6, a byte for its length, and one for the number of repetitions: from 240 on, as many as
/// fit.
///
/// Large texts get a quarter of the time, or the fuzzer would do little else. The first text of a process may be large,
/// so that a finding can be reproduced.
pub fn grown(text: &[u8]) -> Cow<'_, [u8]> {
    thread_local! {
        /// When the last text began, if it was large, and when the next large one may begin.
        static PACE: Cell<(Option<Instant>, Option<Instant>)> = const { Cell::new((None, None)) };
    }
    let now = Instant::now();
    let (begun, next) = PACE.get();
    let next = begun.map_or(next, |begun| Some(now + 3 * (now - begun)));
    let limit = if next.is_none_or(|next| now >= next) { LARGE } else { SMALL };

    let (mut rest, mut out) = (text, Vec::new());
    while let Some(at) = rest.iter().position(|byte| *byte == 6)
        && let [6, len, times, after @ ..] = &rest[at..]
    {
        out.extend_from_slice(&rest[..at]);
        let (part, after) = after.split_at(usize::from(*len).min(after.len()));
        let fitting = limit.saturating_sub(out.len()) / part.len().max(1);
        let times = if *times < 240 { fitting.min(usize::from(*times)) } else { fitting };
        out.extend(part.repeat(times));
        rest = after;
    }
    PACE.set(((out.len() > SMALL).then_some(now), next));
    if rest.len() == text.len() {
        return Cow::Borrowed(text);
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

/// Splits an input at its NULs into N fields; the last one gets the rest.
pub fn fields<const N: usize>(input: &[u8]) -> Option<[&[u8]; N]> {
    input.splitn(N, |byte| *byte == 0).collect::<Vec<_>>().try_into().ok()
}

/// The number in a field; 0 if it is not a number.
pub fn number(field: &[u8]) -> i64 {
    str::from_utf8(field).ok().and_then(|text| text.parse().ok()).unwrap_or_default()
}

pub fn is_visible(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| (0x21..=0x7e).contains(byte))
}

pub fn is_time(seconds: i64) -> bool {
    (0..=99_999_999_999).contains(&seconds)
}

/// Percent-encodes all bytes except the unreserved characters.
pub fn encode(text: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    text.iter().map(|byte| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// An absolute URL or a path, split as in RFC 3986.
pub struct Uri {
    pub target: Vec<u8>,
    /// Scheme, host and port, in lower case, and with the scheme's default port if there is none.
    pub origin: Option<(String, String, u32)>,
    pub has_user: bool,
    pub has_fragment: bool,
}

/// The URI, or everything that is wrong with it: of several faults, the library may return any.
pub fn uri(text: &[u8]) -> Result<Uri, Vec<Error>> {
    let cut = cut(text);
    if is_visible(text) {
        return cut.ok_or(vec![Error::InvalidUriForm]);
    }
    // The empty URI has neither a valid form nor visible bytes: both errors are right.
    let form = (cut.is_none() || text.is_empty()).then_some(Error::InvalidUriForm);
    Err([Error::InvalidUriByte].into_iter().chain(form).collect())
}

fn cut(text: &[u8]) -> Option<Uri> {
    let hash = text.iter().enumerate().filter(|(_, byte)| **byte == b'#').map(|(at, _)| at);
    // The planted fault: the last `#` instead of the first.
    let hash = if planted("wrong") { hash.max() } else { hash.min() };
    let (text, has_fragment) = (&text[..hash.unwrap_or(text.len())], hash.is_some());
    if text.first() == Some(&b'/') {
        return Some(Uri { target: text.to_vec(), origin: None, has_user: false, has_fragment });
    }
    let text = str::from_utf8(text).ok()?;
    let (scheme, rest) = text.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let own_port = match scheme.as_str() {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let authority = rest.split(['/', '?']).next()?;
    let after = &rest[authority.len()..];
    let (user, server) = match authority.split_once('@') {
        Some((user, server)) => (Some(user), server),
        None => (None, authority),
    };
    let (host, port) = match server.split_once(']') {
        Some((host, port)) if host.starts_with('[') => (format!("{host}]"), port),
        _ => {
            let colon = server.find(':').unwrap_or(server.len());
            (server[..colon].to_owned(), &server[colon..])
        }
    };
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let (name, colons) = literal.map_or((host.as_str(), ""), |name| (name, ":"));
    let only = |text: &str, more: &str| {
        text.chars().all(|c| c.is_ascii_alphanumeric() || "-._~%!$&'()*+,;=".contains(c) || more.contains(c))
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => own_port,
        Some("") => own_port,
        Some(digits) if digits.chars().all(|digit| digit.is_ascii_digit()) => {
            let digits = digits.trim_start_matches('0');
            if digits.len() > 5 { return None } else { digits.parse().unwrap_or(0) }
        }
        _ => return None,
    };
    if name.is_empty() || !only(name, colons) || !only(user.unwrap_or_default(), ":") || port > 65535 {
        return None;
    }
    let target = if after.starts_with('/') { after.to_owned() } else { format!("/{after}") };
    let origin = Some((scheme, host.to_ascii_lowercase(), port));
    Some(Uri { target: target.into_bytes(), origin, has_user: user.is_some(), has_fragment })
}

/// The origin of an API path.
pub fn api_path(text: &[u8]) -> Result<(String, String, u32), Vec<Error>> {
    let uri = uri(text)?;
    let plain = !uri.has_user && !uri.has_fragment && !uri.target.contains(&b'?');
    uri.origin.filter(|_| plain).ok_or(vec![Error::InvalidUriForm])
}

/// The string to sign, or everything that is wrong with a request. `origin` is that of the API path, if there is one.
pub fn request(
    origin: Option<&(String, String, u32)>,
    method: &[u8],
    uri_text: &[u8],
    time: i64,
) -> Result<Vec<u8>, Vec<Error>> {
    let mut faults = Vec::new();
    let token = |byte: &u8| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(byte);
    if !(1..=64).contains(&method.len()) || !method.iter().all(token) {
        faults.push(Error::InvalidMethod);
    }
    if !is_time(time) {
        faults.push(Error::InvalidTime);
    }
    match uri(uri_text) {
        Err(more) => faults.extend(more),
        Ok(uri) => {
            if origin.is_some() && uri.origin.is_some() && origin != uri.origin.as_ref() {
                faults.push(Error::OtherOrigin);
            }
            if faults.is_empty() {
                let (method, time) = (method.to_ascii_uppercase(), time.to_string());
                return Ok([uri.target.as_slice(), &method, time.as_bytes()].join(&b':'));
            }
        }
    }
    Err(faults)
}

/// The value of the Authorization header for a string to sign.
pub fn authorization(access_id: &[u8], secret_key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret_key).unwrap();
    mac.update(text);
    [b"TC ", access_id, b":", STANDARD.encode(mac.finalize().into_bytes()).as_bytes()].concat()
}

/// What is wrong with an access id and a secret key.
pub fn key_pair_faults(access_id: &[u8], secret_key: &[u8]) -> Vec<Error> {
    let mut faults = Vec::new();
    if !is_visible(access_id) {
        faults.push(Error::InvalidAccessId);
    }
    if secret_key.is_empty() || secret_key.iter().any(|byte| *byte < 0x20 || *byte == 0x7f) {
        faults.push(Error::InvalidSecretKey);
    }
    faults
}

/// Both succeed, or the library returns one of the expected errors.
pub fn agree<T, U, E: PartialEq + Debug>(ours: Result<T, E>, theirs: Result<U, Vec<E>>) -> Option<(T, U)> {
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => Some((ours, theirs)),
        (Err(error), Err(faults)) if faults.contains(&error) => None,
        (ours, theirs) => panic!("{:?}, but expected {:?}", ours.err(), theirs.err()),
    }
}
