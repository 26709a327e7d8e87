//! Verification, as on a server: is this the Authorization header that the identity would send?

use crate::ascii::ascii;
use crate::clock::{self, DAY};
use crate::error::{Error, Result};
use crate::sign::{self, Signer, StringToSign};
use crate::token::{self, Token};

/// The time range in which a request may have been signed.
pub(crate) struct Window {
    unix_time: i64,
    tolerance: i64,
}

impl Window {
    pub(crate) fn new(unix_time: i64, tolerance: i64) -> Result<Window> {
        let unix_time = clock::unix_seconds(unix_time)?;
        if (0..=DAY).contains(&tolerance) { Ok(Window { unix_time, tolerance }) } else { Err(Error::InvalidArgument) }
    }

    fn contains(&self, time: i64) -> bool {
        self.unix_time.abs_diff(time) <= self.tolerance.unsigned_abs()
    }
}

/// Checks the format, then the signature, and only then the timestamp, which can't be trusted before.
pub(crate) fn signature(signer: &Signer, text: &StringToSign, authorization: &[u8], window: &Window) -> Result<()> {
    let (access_id, signature) = split(authorization).ok_or(Error::MalformedAuthorization)?;
    let signed_at = parse_seconds(text.timestamp()).ok_or(Error::MalformedAuthorization)?;
    if !signer.matches(access_id, signature, text) {
        return Err(Error::SignatureMismatch);
    }
    if window.contains(signed_at) { Ok(()) } else { Err(Error::TimestampOutOfRange) }
}

pub(crate) fn token(token: &Token, authorization: &[u8], window: &Window) -> Result<()> {
    let value = authorization.strip_prefix(token::SCHEME).ok_or(Error::MalformedAuthorization)?;
    if !token.matches(value) {
        return Err(Error::SignatureMismatch);
    }
    token.check_expiry(window.unix_time)
}

/// Splits `TC id:signature` at the last colon: an id may contain colons, base64 does not.
fn split(authorization: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = authorization.strip_prefix(sign::SCHEME)?;
    let colon = rest.iter().rposition(|&byte| byte == b':')?;
    let (access_id, signature) = (&rest[..colon], &rest[colon + 1..]);
    (!access_id.is_empty() && !signature.is_empty()).then_some((access_id, signature))
}

/// A number of any length. One that overflows is outside every window.
fn parse_seconds(text: &[u8]) -> Option<i64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    digits.then(|| ascii(text).parse().unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::{parse_seconds, split};

    #[test]
    fn splits_at_the_last_colon() {
        assert_eq!(split(b"TC a:b:c="), Some((b"a:b".as_slice(), b"c=".as_slice())));
        for bad in ["", "TC", "TC ", "TC a", "TC :s", "TC a:", "tc a:s", "TC-Token a:s", " TC a:s", "Basic a:s"] {
            assert_eq!(split(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_timestamp_is_digits() {
        assert_eq!(parse_seconds(b"0"), Some(0));
        assert_eq!(parse_seconds(b"0001513703787"), Some(1_513_703_787));
        assert_eq!(parse_seconds(&[b'9'; 40]), Some(i64::MAX));
        for bad in ["", " 1", "1 ", "+1", "-1", "1.5", "0x1", "1e9", "\u{661}"] {
            assert_eq!(parse_seconds(bad.as_bytes()), None, "{bad}");
        }
    }
}
