//! The headers to add to a request.

use std::ffi::CStr;
use std::fmt;
use std::sync::Arc;

use arc_swap::Guard;

use crate::secret::Secret;
use crate::sign::{Signer, StringToSign};
use crate::token::{self, Token};

/// The authorization of one request. The signature is computed when it is written.
pub(crate) enum Authorization<'a> {
    Signed { signer: &'a Signer, text: StringToSign<'a>, timestamp: i64 },
    Token(Guard<Arc<Token>>),
}

impl Authorization<'_> {
    /// The length of the value of the Authorization header.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        match self {
            Authorization::Signed { signer, .. } => signer.value_len(),
            Authorization::Token(token) => token::SCHEME.len() + token.bytes().len(),
        }
    }

    /// Writes the value to `out`, which has its length.
    #[inline(always)]
    pub(crate) fn write(&self, out: &mut [u8]) {
        match self {
            Authorization::Signed { signer, text, .. } => signer.write_value(text, out),
            Authorization::Token(token) => {
                let (scheme, value) = out.split_at_mut(token::SCHEME.len());
                scheme.copy_from_slice(token::SCHEME);
                value.copy_from_slice(token.bytes());
            }
        }
    }

    /// The Unix second for the Timestamp header; `None` with a token.
    #[inline(always)]
    pub(crate) fn timestamp(&self) -> Option<i64> {
        match self {
            Authorization::Signed { timestamp, .. } => Some(*timestamp),
            Authorization::Token(_) => None,
        }
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
        let timestamp = authorization.timestamp();
        let mut digits = itoa::Buffer::new();
        let second_line = match timestamp {
            Some(seconds) => [timestamp_name, SEPARATOR, digits.format(seconds).as_bytes(), b"\0"],
            None => [b"".as_slice(); 4],
        };
        let value_len = authorization.len();
        let timestamp_line = name.len() + SEPARATOR.len() + value_len + 1;
        let len = timestamp_line + second_line.iter().map(|part| part.len()).sum::<usize>();
        let text = Secret::written(len, |mut text| {
            let mut next = |len| text.split_off_mut(..len).unwrap_or_default();
            next(name.len()).copy_from_slice(name);
            next(SEPARATOR.len()).copy_from_slice(SEPARATOR);
            authorization.write(next(value_len));
            next(1); // the NUL
            for part in second_line {
                next(part.len()).copy_from_slice(part);
            }
        });
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
