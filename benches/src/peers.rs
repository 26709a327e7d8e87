//! Everything that can create the headers of a request: this library, and its alternatives.
//!
//! A peer in another language is a program of `peers/`, started with access id and secret key. It reads lines of `URI
//! COUNT`. For each, it creates the headers COUNT times and prints a line with the total nanoseconds, the last
//! Authorization and the last Timestamp, separated by tabs.

use std::ffi::{CStr, CString};
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::tc_auth::Handle;
use crate::{ACCESS_ID, NOW, SECRET_KEY, SHA_HIDDEN};

/// The total time of some requests, and the headers of the last one.
pub struct Sample {
    pub nanos: u64,
    pub authorization: CString,
    pub timestamp: CString,
}

/// One way to create headers.
pub struct Candidate {
    pub name: String,
    pub run: Box<dyn FnMut(u32) -> Sample>,
}

fn timed(count: u32, mut job: impl FnMut()) -> u64 {
    let start = Instant::now();
    for _ in 0..count {
        job();
    }
    start.elapsed().as_nanos() as u64
}

fn c_string(bytes: &[u8]) -> CString {
    CString::new(bytes).expect("no NUL in a header")
}

/// This library: its C function, and the text of the Timestamp header.
pub fn ours(name: &str, handle: Handle<'static>, uri: String) -> Candidate {
    let mut value = [0; 256];
    let run = move |count| {
        let (mut made, mut digits) = ((0, 0), itoa::Buffer::new());
        let nanos = timed(count, || {
            made = handle.headers_into(black_box(uri.as_bytes()), NOW, &mut value);
            black_box(digits.format(made.1));
        });
        let authorization = c_string(&value[..made.0]);
        Sample { nanos, authorization, timestamp: c_string(digits.format(made.1).as_bytes()) }
    };
    Candidate { name: name.to_owned(), run: Box::new(run) }
}

/// A crate that only computes the MAC. The rest is done without checks, allocations and copies that can be spared.
fn with_mac(name: &str, uri: String, mac: impl Fn(&[u8]) -> [u8; 32] + 'static) -> Candidate {
    let (mut text, mut value) = ([0; 4096], [0; 256]);
    let value_len = b"TC :".len() + ACCESS_ID.count_bytes() + 44;
    let run = move |count| {
        let (mut time, mut digits) = (0, itoa::Buffer::new());
        let nanos = timed(count, || {
            // SAFETY: with NULL, the time is only returned.
            time = unsafe { libc::time(std::ptr::null_mut()) };
            let timestamp = digits.format(time);
            let text = joined(&mut text, [black_box(uri.as_bytes()), b":GET:", timestamp.as_bytes()]);
            let mac = mac(text);
            let start = joined(&mut value, [b"TC ", ACCESS_ID.to_bytes(), b":"]).len();
            let _ = STANDARD.encode_slice(mac, &mut value[start..]);
            black_box((&value, timestamp));
        });
        let authorization = c_string(&value[..value_len]);
        Sample { nanos, authorization, timestamp: c_string(digits.format(time).as_bytes()) }
    };
    Candidate { name: name.to_owned(), run: Box::new(run) }
}

fn joined<'a>(buffer: &'a mut [u8], parts: [&[u8]; 3]) -> &'a [u8] {
    let mut len = 0;
    for part in parts {
        buffer[len..len + part.len()].copy_from_slice(part);
        len += part.len();
    }
    &buffer[..len]
}

/// The candidates that run in this process.
pub fn libraries(uri: &str) -> Vec<Result<Candidate, String>> {
    let key = SECRET_KEY.to_bytes();
    let ring = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key);
    let ring = with_mac("`ring`, with its key set up", uri.to_owned(), move |text| {
        ring::hmac::sign(&ring, text).as_ref().try_into().expect("32 bytes")
    });
    let aws = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key);
    let aws = with_mac("`aws-lc-rs`, with its key set up", uri.to_owned(), move |text| {
        aws_lc_rs::hmac::sign(&aws, text).as_ref().try_into().expect("32 bytes")
    });
    let ring = if SHA_HIDDEN { Err("ring: it would use the SHA instructions".to_owned()) } else { Ok(ring) };
    vec![ring, Ok(aws)]
}

/// A program of `peers/`, which ends when this program ends.
pub fn program(name: &str, uri: &str, command: &[String]) -> Result<Candidate, String> {
    let mut child = Command::new(&command[0])
        .args(&command[1..])
        .args([text(ACCESS_ID), text(SECRET_KEY)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{name}: {}: {error}", command[0]))?;
    let mut to = child.stdin.take().expect("it was piped");
    let mut from = BufReader::new(child.stdout.take().expect("it was piped"));
    let (uri, whose) = (uri.to_owned(), name.to_owned());
    let run = move |count| {
        let mut line = String::new();
        writeln!(to, "{uri} {count}").and_then(|()| to.flush()).and_then(|()| from.read_line(&mut line)).expect(&whose);
        let mut fields = line.trim_end().split('\t');
        let mut next =
            || fields.next().filter(|field| !field.is_empty()).unwrap_or_else(|| panic!("{whose}: {line:?}"));
        Sample {
            nanos: next().parse().expect("a number"),
            authorization: c_string(next().as_bytes()),
            timestamp: c_string(next().as_bytes()),
        }
    };
    Ok(Candidate { name: name.to_owned(), run: Box::new(run) })
}

fn text(string: &CStr) -> &str {
    string.to_str().expect("ASCII")
}
