//! What a refusal by the server means, and whether to retry.

use std::ffi::CStr;
use std::fmt;
use std::time::UNIX_EPOCH;

use crate::server_message;

/// What to do about a response.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Advice {
    /// The server had no objection to the authorization.
    Accepted = 0,
    /// Poll, sign and send again, once.
    Retry = 1,
    /// What was signed differs from what arrived, or the secret key is wrong.
    BadSignature = 2,
    /// The clocks are too far apart, and the response did not allow a correction.
    ClockSkew = 3,
    /// The server does not accept the token, and it can't be renewed now.
    TokenRejected = 4,
    /// The access id is unknown, or has no right to what was asked for.
    AccessDenied = 5,
    /// The instance has no license for its API.
    NotLicensed = 6,
    /// The server refused the request and gave no known reason.
    Unknown = 7,
}

impl Advice {
    pub(crate) const ALL: [Advice; 8] = [
        Advice::Accepted,
        Advice::Retry,
        Advice::BadSignature,
        Advice::ClockSkew,
        Advice::TokenRejected,
        Advice::AccessDenied,
        Advice::NotLicensed,
        Advice::Unknown,
    ];

    /// One sentence that says what it means and what to do.
    #[must_use]
    pub fn message(self) -> &'static str {
        self.c_message().to_str().unwrap_or_default()
    }

    /// The same as a C string, so that C can read it without a copy.
    pub(crate) fn c_message(self) -> &'static CStr {
        match self {
            Advice::Accepted => c"The server had no objection to the authorization: use the response.",
            Advice::Retry => c"Another attempt may succeed: poll, sign and send the request again, once.",
            Advice::BadSignature => c"What was signed differs from what arrived, or the secret key is wrong: compare the string to sign with what was sent.",
            Advice::ClockSkew => c"The clocks are too far apart, and the response did not allow a correction: set this machine's clock or the clock offset.",
            Advice::TokenRejected => c"The server does not accept the token, and it can't be renewed now: wait for the next renewal, or set a new token.",
            Advice::AccessDenied => c"The access id is unknown or lacks a permission: check it and its permissions on the server.",
            Advice::NotLicensed => c"The instance has no license for its API: ask its administrator.",
            Advice::Unknown => c"The server refused the request and gave no known reason: read the response, and check the credentials.",
        }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

/// The reason that the server gives for a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Objection {
    Signature,
    Timestamp,
    InvalidTimestamp,
    AccessDenied,
    Unauthorized,
    NotLicensed,
}

/// How the server's messages begin.
const MESSAGES: &[(&str, Objection)] = &[
    ("Signature data did not match expected result", Objection::Signature),
    ("Timestamp out of acceptable time range", Objection::Timestamp),
    ("Invalid timestamp", Objection::InvalidTimestamp),
    ("Access Denied", Objection::AccessDenied),
    ("Unauthorized", Objection::Unauthorized),
    ("API access has not been licensed", Objection::NotLicensed),
];

/// Only these first bytes of a body are searched: the platform's messages are short.
const BODY_LIMIT: usize = 64 << 10;

/// The largest clock difference that the server accepts, in seconds.
const SERVER_TOLERANCE: u64 = 300;

/// The response to a request.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// The HTTP status.
    pub status: i32,
    /// The Date header; `None` also if the response has an Age header, or did not come from the signed origin over TLS.
    pub date: Option<&'a [u8]>,
    /// The body, or the first 64 KiB of it.
    pub body: &'a [u8],
}

impl Response<'_> {
    /// Whether the status can mean that the authorization was refused.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self.status, 400 | 401 | 403)
    }

    /// The objection that the message begins with; case is ignored. With 400 and 403 "Unauthorized" must be the whole
    /// message: it also begins messages about something else, such as an attribute type.
    pub(crate) fn objection(&self) -> Option<Objection> {
        let message = server_message::find(&self.body[..self.body.len().min(BODY_LIMIT)])?;
        let message = str::from_utf8(&message).ok()?.trim();
        let (text, objection) = MESSAGES.iter().find(|(text, _)| starts_with(message, text))?;
        let whole = message.strip_suffix('.').unwrap_or(message).len() == text.len();
        (self.status == 401 || whole || *objection != Objection::Unauthorized).then_some(*objection)
    }

    fn date(&self) -> Option<i64> {
        let text = str::from_utf8(self.date?).ok()?;
        let since = httpdate::parse_http_date(text.trim()).ok()?.duration_since(UNIX_EPOCH).ok()?;
        i64::try_from(since.as_secs()).ok()
    }

    /// The offset that agrees with the server's clock; it may be the current one. `None` without a Date, or if the
    /// timestamp was right by the Date.
    pub(crate) fn corrected_offset(&self, sent: i64, clock: i64, offset: i64) -> Option<i64> {
        let date = self.date()?;
        if date.abs_diff(sent) <= SERVER_TOLERANCE {
            return None; // the clock was not the reason for the refusal
        }
        let settled = date.abs_diff(clock.saturating_add(offset)) <= SERVER_TOLERANCE;
        Some(if settled { offset } else { date.saturating_sub(clock) })
    }
}

fn starts_with(message: &str, text: &str) -> bool {
    message.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text))
}
