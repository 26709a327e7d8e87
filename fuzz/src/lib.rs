//! What the targets share: how an input is cut up, how much time a call may take, and signing once more, as plainly as it
//! can be written.
//!
//! The second signer is made of what `include/tc_auth.h` and RFC 3986 say, not of what the library does.

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

/// Whether a fault is planted that `tests/fuzz.sh` expects the fuzzer to find.
pub fn planted(fault: &str) -> bool {
    static PLANTED: OnceLock<Option<String>> = OnceLock::new();
    PLANTED.get_or_init(|| std::env::var("TC_AUTH_FUZZ_PLANT").ok()).as_deref() == Some(fault)
}

/// What a call may take, fixed and for each byte of its input: several times what the slowest one takes, instrumented as
/// it is for the fuzzer. That is the redaction of a message of 64 KiB; others take a hundredth of it.
const FIXED: Duration = Duration::from_millis(50);
const PER_BYTE: Duration = Duration::from_micros(3);

/// Makes a call, and fails if the time of the CPU that it took is not in proportion to its input. Other processes do not
/// count, so that this holds on a busy machine.
pub fn linear<T>(bytes: usize, call: impl FnOnce() -> T) -> T {
    let allowed = FIXED + PER_BYTE * u32::try_from(bytes).unwrap();
    let started = cpu_time();
    let result = call();
    if planted("slow") {
        // The planted fault: for each byte the loop looks at all others. It stops when that was too long.
        (0..bytes).take_while(|_| cpu_time() - started <= allowed).for_each(|byte| {
            black_box((0..bytes).filter(|other| *other == black_box(byte)).count());
        });
    }
    let took = cpu_time() - started;
    assert!(took <= allowed, "{took:?} of CPU time for {bytes} bytes");
    result
}

/// What this thread has used.
fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) }, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The largest JSON text and the largest parameter file that are read; for a server's answer there is no limit.
pub const LARGE: usize = 1 << 20;

/// What libFuzzer makes by itself.
const SMALL: usize = 4 << 10;

/// A text in which parts are repeated, so that few bytes become as many as a server may send, and a loop that is slow
/// for them is found by `linear`. A part comes behind the byte 6, a byte for its length, and one for how often: from
/// 240 on as often as it fits.
///
/// Large texts get a quarter of the time, for else the fuzzer would do little more than these. The first text of a
/// process may be large, so that what was found once is found again.
pub fn grown(text: &[u8]) -> Cow<'_, [u8]> {
    thread_local! {
        /// When the last text began, if it was large, and when the next large one may.
        static PACE: Cell<(Option<Instant>, Option<Instant>)> = const { Cell::new((None, None)) };
    }
    let now = Instant::now();
    let (begun, next) = PACE.get();
    let next = begun.map_or(next, |begun| Some(now + 3 * (now - begun)));
    let limit = if next.is_none_or(|next| now >= next) { LARGE } else { SMALL };

    let (mut rest, mut out) = (text, Vec::new());
    while let Some(at) = rest.iter().position(|byte| *byte == 6)
        && let [6, len, times, behind @ ..] = &rest[at..]
    {
        out.extend_from_slice(&rest[..at]);
        let (part, behind) = behind.split_at(usize::from(*len).min(behind.len()));
        let fitting = limit.saturating_sub(out.len()) / part.len().max(1);
        let times = if *times < 240 { fitting.min(usize::from(*times)) } else { fitting };
        out.extend(part.repeat(times));
        rest = behind;
    }
    PACE.set(((out.len() > SMALL).then_some(now), next));
    if rest.len() == text.len() {
        return Cow::Borrowed(text);
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

/// Cuts an input at its NULs into N fields, of which the last takes all that is left.
pub fn fields<const N: usize>(input: &[u8]) -> Option<[&[u8]; N]> {
    input.splitn(N, |byte| *byte == 0).collect::<Vec<_>>().try_into().ok()
}

/// A field that is a number; whatever else it is, is 0.
pub fn number(field: &[u8]) -> i64 {
    str::from_utf8(field).ok().and_then(|text| text.parse().ok()).unwrap_or_default()
}

pub fn is_visible(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| (0x21..=0x7e).contains(byte))
}

pub fn is_time(seconds: i64) -> bool {
    (0..=99_999_999_999).contains(&seconds)
}

/// Percent-encodes all but the unreserved characters.
pub fn encode(text: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    text.iter().map(|byte| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// An absolute URL or a path, cut as RFC 3986 says.
pub struct Uri {
    pub target: Vec<u8>,
    /// Scheme, host and port, in lower case and with the scheme's own port where none is named.
    pub origin: Option<(String, String, u32)>,
    pub has_user: bool,
    pub has_fragment: bool,
}

/// What can be wrong with a URI by itself; with several faults, the library may name any of them.
pub fn uri(text: &[u8]) -> Result<Uri, Vec<Error>> {
    let cut = cut(text);
    if is_visible(text) {
        return cut.ok_or(vec![Error::InvalidUriForm]);
    }
    // The empty URI is none of any form, and has no bytes to object to: both are true.
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
    let behind = &rest[authority.len()..];
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
    let target = if behind.starts_with('/') { behind.to_owned() } else { format!("/{behind}") };
    let origin = Some((scheme, host.to_ascii_lowercase(), port));
    Some(Uri { target: target.into_bytes(), origin, has_user: user.is_some(), has_fragment })
}

/// What an API path is: its origin.
pub fn api_path(text: &[u8]) -> Result<(String, String, u32), Vec<Error>> {
    let uri = uri(text)?;
    let plain = !uri.has_user && !uri.has_fragment && !uri.target.contains(&b'?');
    uri.origin.filter(|_| plain).ok_or(vec![Error::InvalidUriForm])
}

/// The string to sign, or whatever is wrong with a request. `origin` is that of the API path, if there is one.
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

/// What makes an access id and a secret key unfit.
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

/// Both succeed, or the library names one of the faults.
pub fn agree<T, U, E: PartialEq + Debug>(ours: Result<T, E>, theirs: Result<U, Vec<E>>) -> Option<(T, U)> {
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => Some((ours, theirs)),
        (Err(error), Err(faults)) if faults.contains(&error) => None,
        (ours, theirs) => panic!("{:?}, but expected {:?}", ours.err(), theirs.err()),
    }
}
