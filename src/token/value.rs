//! An API token.

use ctutils::CtEq;

use crate::ascii::{ascii, is_visible};
use crate::clock;
use crate::error::{Error, Result};
use crate::secret::Secret;
use crate::secret::Undumped;

/// The scheme of a token's Authorization header, with the space that follows it.
pub(crate) const SCHEME: &[u8] = b"TC-Token ";

/// A token and its expiry.
#[derive(Debug)]
pub struct Token {
    value: Undumped,
    expires: Option<i64>,
}

impl Token {
    /// A token is visible ASCII; `expires` is in Unix seconds.
    pub(crate) fn new(value: &[u8], expires: Option<i64>) -> Result<Token> {
        if !is_visible(value) {
            return Err(Error::InvalidToken);
        }
        let expires = expires.map(clock::unix_seconds).transpose()?;
        Ok(Token { value: Undumped::concat(&[value]), expires })
    }

    /// The token itself, a secret: anyone who has it can act as its owner.
    #[must_use]
    pub fn value(&self) -> &str {
        ascii(&self.value)
    }

    /// The Unix second from which the token is no longer valid; `None` if unknown.
    #[must_use]
    pub fn expires(&self) -> Option<i64> {
        self.expires
    }

    /// The caller must have checked both, as `new` does.
    pub(crate) fn from_secret(value: &Secret, expires: Option<i64>) -> Token {
        Token { value: Undumped::concat(&[value]), expires }
    }

    pub(crate) fn with_expiry(&self, expires: Option<i64>) -> Token {
        Token { value: Undumped::concat(&[&self.value]), expires }
    }

    /// The platform does not renew tokens of this type: an administrator sets how long they are valid.
    pub(crate) fn is_renewable(&self) -> bool {
        !self.value.starts_with(b"APIV2:")
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.value
    }

    pub(crate) fn matches(&self, other: &[u8]) -> bool {
        self.value.ct_eq(other).to_bool()
    }

    pub(crate) fn check_expiry(&self, unix_time: i64) -> Result<()> {
        if self.expires.is_some_and(|expires| unix_time >= expires) { Err(Error::TokenExpired) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::Token;

    use crate::error::Error;

    #[test]
    fn a_token_is_valid_until_its_expiry() {
        let token = Token::new(b"2:1:-1:x=", Some(100)).unwrap();
        assert_eq!(token.check_expiry(99), Ok(()));
        assert_eq!(token.check_expiry(100), Err(Error::TokenExpired));
        assert_eq!(Token::new(b"x", None).unwrap().check_expiry(99_999_999_999), Ok(()));
    }

    #[test]
    fn tokens_and_expiries_are_checked() {
        for bad in [b"".as_slice(), b"a b", b"token\n", b"\0", "\u{e9}".as_bytes()] {
            assert_eq!(Token::new(bad, None).unwrap_err(), Error::InvalidToken);
        }
        for bad in [-1, 1_513_703_787_000] {
            assert_eq!(Token::new(b"x", Some(bad)).unwrap_err(), Error::InvalidTime);
        }
        assert_eq!(format!("{:?}", Token::new(b"x", Some(1)).unwrap()), "Token { value: ***, expires: Some(1) }");
    }
}
