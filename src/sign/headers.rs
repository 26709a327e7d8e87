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

const NAMES: [&CStr; 2] = [c"Authorization", c"Timestamp"];
const SEPARATOR: &[u8] = b": ";

/// The header lines of one request, each with the same end.
pub(crate) struct Lines<'a> {
    authorization: &'a Authorization<'a>,
    end: &'static [u8],
    /// The parts of the second line; empty if there is none.
    second: [&'a [u8]; 4],
}

impl<'a> Lines<'a> {
    #[inline(always)]
    pub(crate) fn new(authorization: &'a Authorization, end: &'static [u8], digits: &'a mut itoa::Buffer) -> Lines<'a> {
        let second = match authorization.timestamp() {
            Some(seconds) => [NAMES[1].to_bytes(), SEPARATOR, digits.format(seconds).as_bytes(), end],
            None => [b"".as_slice(); 4],
        };
        Lines { authorization, end, second }
    }

    #[inline(always)]
    fn first_len(&self) -> usize {
        NAMES[0].count_bytes() + SEPARATOR.len() + self.authorization.len() + self.end.len()
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.first_len() + self.second.iter().map(|part| part.len()).sum::<usize>()
    }

    /// Writes the lines to `text`, which has their length.
    #[inline(always)]
    pub(crate) fn write(&self, mut text: &mut [u8]) {
        let mut next = |len| text.split_off_mut(..len).unwrap_or_default();
        next(NAMES[0].count_bytes()).copy_from_slice(NAMES[0].to_bytes());
        next(SEPARATOR.len()).copy_from_slice(SEPARATOR);
        self.authorization.write(next(self.authorization.len()));
        next(self.end.len()).copy_from_slice(self.end);
        for part in self.second {
            next(part.len()).copy_from_slice(part);
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

impl HeaderList {
    pub(crate) fn new(authorization: &Authorization) -> HeaderList {
        let mut digits = itoa::Buffer::new();
        let lines = Lines::new(authorization, b"\0", &mut digits);
        let text = Secret::written(lines.len(), |text| lines.write(text));
        HeaderList { text, timestamp_line: lines.first_len(), timestamp: authorization.timestamp() }
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

#[cfg(test)]
mod tests {
    use super::Lines;
    use crate::auth::{Auth, Texts};
    use crate::clock::Now;

    #[test]
    fn lines_have_the_given_end() {
        let signed = "TC 12345678901234567890:WBDDNiRRsECmyjRbt/BXOIwYmvzIHay59Oo6UnDFCks=";
        for end in ["\0", "\r\n"] {
            for (auth, expected) in [
                (
                    Auth::new_hmac("12345678901234567890", "tc_auth-example-secret"),
                    format!("Authorization: {signed}{end}Timestamp: 1513703787{end}"),
                ),
                (Auth::new_token("a=", None, Now::read()), format!("Authorization: TC-Token a={end}")),
            ] {
                let (auth, mut texts, mut digits) = (auth.unwrap(), Texts::default(), itoa::Buffer::new());
                let authorization = auth.authorize(b"GET", b"/api/v3/indicators", 1513703787, &mut texts).unwrap();
                let lines = Lines::new(&authorization, end.as_bytes(), &mut digits);
                let mut text = vec![b'#'; lines.len()];
                lines.write(&mut text);
                assert_eq!(String::from_utf8(text).unwrap(), expected);
            }
        }
    }
}
