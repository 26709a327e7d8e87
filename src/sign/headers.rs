//! The headers to add to a request.

use std::ffi::CStr;
use std::fmt;
use std::sync::Arc;

use arc_swap::Guard;

use crate::secret::Secret;
use crate::sign::Signature;
use crate::token::{self, Token};

/// The authorization of one request, not yet written to a list or a buffer.
pub(crate) struct Authorization<'a> {
    proof: Proof<'a>,
    timestamp: Option<i64>,
}

enum Proof<'a> {
    Signature { prefix: &'a [u8], signature: Signature },
    Token(Guard<Arc<Token>>),
}

impl<'a> Authorization<'a> {
    pub(crate) fn signed(prefix: &'a [u8], signature: Signature, timestamp: i64) -> Authorization<'a> {
        Authorization { proof: Proof::Signature { prefix, signature }, timestamp: Some(timestamp) }
    }

    pub(crate) fn token(token: Guard<Arc<Token>>) -> Authorization<'a> {
        Authorization { proof: Proof::Token(token), timestamp: None }
    }

    /// The value of the Authorization header, in two parts.
    pub(crate) fn value(&self) -> [&[u8]; 2] {
        match &self.proof {
            Proof::Signature { prefix, signature } => [prefix, signature],
            Proof::Token(token) => [token::SCHEME, token.bytes()],
        }
    }

    /// The Unix second for the Timestamp header; `None` with a token.
    pub(crate) fn timestamp(&self) -> Option<i64> {
        self.timestamp
    }
}

/// The headers to add to one request: `Authorization`, and `Timestamp` if it is signed.
pub struct HeaderList {
    /// The header lines, each with a NUL at its end, so that C can read lines and values without a copy.
    text: Secret,
    /// Where the Timestamp line starts; the end of the text if there is none.
    timestamp_line: usize,
    timestamp: Option<i64>,
}

const NAMES: [&CStr; 2] = [c"Authorization", c"Timestamp"];
const SEPARATOR: &[u8] = b": ";

impl HeaderList {
    pub(crate) fn new(authorization: &Authorization) -> HeaderList {
        let [name, timestamp_name] = NAMES.map(CStr::to_bytes);
        let [start, end] = authorization.value();
        let timestamp = authorization.timestamp();
        let mut digits = itoa::Buffer::new();
        let second_line = match timestamp {
            Some(seconds) => [timestamp_name, SEPARATOR, digits.format(seconds).as_bytes(), b"\0"],
            None => [b"".as_slice(); 4],
        };
        let [a, b, c, d] = second_line;
        let text = Secret::concat(&[name, SEPARATOR, start, end, b"\0", a, b, c, d]);
        let timestamp_line = text.len() - second_line.iter().map(|part| part.len()).sum::<usize>();
        HeaderList { text, timestamp_line, timestamp }
    }

    /// The number of headers, 1 or 2.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a list of headers is never empty")]
    pub fn len(&self) -> usize {
        1 + usize::from(self.timestamp.is_some())
    }

    /// Names and values, in the order in which to send them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        (0..self.len()).filter_map(|index| Some((text(self.name(index)?), text(self.value(index)?))))
    }

    /// The Unix second that was signed, as in the Timestamp header; `None` with a token.
    #[must_use]
    pub fn timestamp(&self) -> Option<i64> {
        self.timestamp
    }

    pub(crate) fn name(&self, index: usize) -> Option<&'static CStr> {
        NAMES.into_iter().take(self.len()).nth(index)
    }

    pub(crate) fn value(&self, index: usize) -> Option<&CStr> {
        let name = self.name(index)?;
        let line = self.line(index)?.to_bytes_with_nul();
        CStr::from_bytes_with_nul(&line[name.count_bytes() + SEPARATOR.len()..]).ok()
    }

    pub(crate) fn line(&self, index: usize) -> Option<&CStr> {
        let (first, second) = self.text.split_at(self.timestamp_line);
        let line = [first, second].into_iter().take(self.len()).nth(index)?;
        CStr::from_bytes_with_nul(line).ok()
    }
}

fn text(text: &CStr) -> &str {
    text.to_str().unwrap_or_default()
}

impl fmt::Debug for HeaderList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeaderList").field("text", &self.text).field("timestamp", &self.timestamp).finish()
    }
}
