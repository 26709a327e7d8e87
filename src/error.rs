//! The one enumeration of outcomes, shared by the Rust and the C surface.

use std::ffi::CStr;
use std::fmt;

/// The outcome of a call. Values are fixed: a later version may add some, and never changes one.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// It worked.
    Ok = 0,
    /// A pointer that must not be NULL is NULL.
    NullArgument = 1,
    /// The method is not an HTTP token of 1 to 64 characters.
    InvalidMethod = 2,
    /// The URI is neither a path that begins with / nor an absolute http or https URL, or has a part that this
    /// function does not take.
    InvalidUriForm = 3,
    /// The URI holds a control character, a space or a byte above 0x7e.
    InvalidUriByte = 4,
    /// The access id is empty or holds something else than visible ASCII characters.
    InvalidAccessId = 5,
    /// The secret key is empty or holds a control character, such as a line break.
    InvalidSecretKey = 6,
    /// The token is empty or holds something else than visible ASCII characters.
    InvalidToken = 7,
    /// The time is negative, or 10^11 and more (milliseconds?).
    InvalidTime = 8,
    /// The buffer is too small; the length that is needed was stored.
    BufferTooSmall = 9,
    /// The handle is of the other kind (HMAC or token).
    WrongKind = 10,
    /// The token has expired.
    TokenExpired = 11,
    /// The server refused to renew the token.
    RenewalRefused = 12,
    /// The answer to the renewal request is not one that the platform gives.
    RenewalBadResponse = 13,
    /// Another thread's renewal took longer than this caller wanted to wait.
    RenewalTimeout = 14,
    /// The value can be set only once, and is set.
    AlreadySet = 15,
    /// The source holds no complete credentials.
    NoCredentials = 16,
    /// The configuration is not well formed.
    ConfigSyntax = 17,
    /// The configuration file can't be read.
    ConfigIo = 18,
    /// The configuration file can't be decrypted.
    ConfigDecrypt = 19,
    /// The handle has no API path.
    ApiPathMissing = 20,
    /// The access id, the signature or the token is not the one expected.
    SignatureMismatch = 21,
    /// The request's timestamp is too far from the given time.
    TimestampOutOfRange = 22,
    /// The Authorization or the Timestamp header is missing or not well formed.
    MalformedAuthorization = 23,
    /// A number or a string is outside the range that the function documents.
    InvalidArgument = 24,
    /// The URL points to another scheme, host or port than the handle's API path.
    OtherOrigin = 25,
    /// A bug in this library: an internal check failed, and the call was given up.
    Panic = 99,
}

/// What every fallible function of this crate returns; the error is never [`Status::Ok`].
pub type Result<T> = std::result::Result<T, Status>;

/// One sentence for each status: what is wrong, and what to do about it. Ended by NUL, so that C can read it in place.
const MESSAGES: [(Status, &CStr); 27] = [
    (Status::Ok, c"Success."),
    (Status::NullArgument, c"A required pointer argument is NULL: pass a valid pointer (is an environment variable missing?)."),
    (Status::InvalidMethod, c"The method is not an HTTP token of 1 to 64 characters: pass a name such as GET, without spaces."),
    (Status::InvalidUriForm, c"The URI does not have the form that is needed here: begin it with one / or with http:// or https:// and a valid host and port, as this function takes it, and leave out a user, query or fragment that it excludes."),
    (Status::InvalidUriByte, c"The URI holds a control character, a space or a byte above 0x7e: percent-encode it before signing, and send the encoded form."),
    (Status::InvalidAccessId, c"The access id is empty or holds a character that is not visible ASCII: pass it without spaces and line breaks."),
    (Status::InvalidSecretKey, c"The secret key is empty or holds a control character: check it for a line break at its end."),
    (Status::InvalidToken, c"The token is empty or holds a character that is not visible ASCII: pass it without spaces and line breaks."),
    (Status::InvalidTime, c"The time is negative or 100000000000 and more: pass Unix seconds, not milliseconds, and TC_AUTH_NOW only where it is allowed."),
    (Status::BufferTooSmall, c"The buffer is too small: pass one of the length that was stored, plus 1."),
    (Status::WrongKind, c"The handle is of the other kind: tc_auth_get_kind tells which, and this function is for tokens."),
    (Status::TokenExpired, c"The token has expired and no renewal is under way: check its expiry (a Unix second) and the API path, or set a new token."),
    (Status::RenewalRefused, c"The server refused to renew the token: get a new token and set it."),
    (Status::RenewalBadResponse, c"The answer to the renewal request is not one of the platform: check that the body is complete, the API path and any proxy, and try again later."),
    (Status::RenewalTimeout, c"A renewal is still under way: call again, or allow a longer wait, and make sure that every ticket is completed or cancelled."),
    (Status::AlreadySet, c"The value is already set and can't be changed: create another handle for another value."),
    (Status::NoCredentials, c"No complete credentials were found: supply a token, or both an access id and a secret key."),
    (Status::ConfigSyntax, c"The configuration is not well formed: check it for a wrong type, a missing value or a name given twice."),
    (Status::ConfigIo, c"The configuration file can't be read: check that it exists, is a readable regular file and is at most 1 MiB."),
    (Status::ConfigDecrypt, c"The configuration file can't be decrypted: check that the key belongs to the file and that the file is complete."),
    (Status::ApiPathMissing, c"The handle has no API path: set it first, for example https://company.example/api."),
    (Status::SignatureMismatch, c"The access id, signature or token does not match: compare the string to sign on both sides, and check the credentials."),
    (Status::TimestampOutOfRange, c"The timestamp is too far from the given time: check both clocks."),
    (Status::MalformedAuthorization, c"The Authorization or Timestamp header is missing, not well formed or not of the handle's kind: pass the values as they were sent, without the names."),
    (Status::InvalidArgument, c"An argument is out of range: check numbers, waits and lengths, and for a URL that no segment or name is empty and no segment is a dot segment."),
    (Status::OtherOrigin, c"The URL's scheme, host or port is not spelled as in the API path: credentials must not go to another server."),
    (Status::Panic, c"A bug in tc_auth stopped the call: please report it with the panic message on standard error."),
];

impl Status {
    /// One sentence that says what is wrong and what to do about it.
    #[must_use]
    pub fn message(self) -> &'static str {
        Status::message_of(self as i32).to_str().unwrap_or_default()
    }

    /// The message for any number, also one that this version does not know.
    pub(crate) fn message_of(value: i32) -> &'static CStr {
        MESSAGES
            .into_iter()
            .find(|(status, _)| *status as i32 == value)
            .map_or(c"Unknown status: check that the header matches the library.", |(_, message)| message)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for Status {}

#[cfg(test)]
mod tests {
    use super::{MESSAGES, Status};

    #[test]
    fn every_status_has_a_message_of_its_own() {
        let mut seen = std::collections::HashSet::new();
        for value in (0..=25).chain([99]) {
            let message = Status::message_of(value).to_str().unwrap();
            assert!(message.ends_with('.') && !message.contains(". ") && !message.starts_with("Unknown"), "{message}");
            assert!(seen.insert(message), "used twice: {message}");
        }
        assert_eq!(seen.len(), MESSAGES.len());
    }

    #[test]
    fn a_message_speaks_of_its_status() {
        for (status, words) in [
            (Status::TokenExpired, "expired"),
            (Status::RenewalRefused, "refused to renew"),
            (Status::RenewalBadResponse, "answer to the renewal"),
            (Status::RenewalTimeout, "still under way"),
            (Status::InvalidAccessId, "access id"),
            (Status::InvalidSecretKey, "secret key"),
            (Status::InvalidToken, "token"),
            (Status::SignatureMismatch, "does not match"),
            (Status::TimestampOutOfRange, "clocks"),
            (Status::ConfigDecrypt, "decrypted"),
            (Status::ConfigIo, "read"),
        ] {
            assert!(status.message().contains(words), "{status}");
        }
    }

    #[test]
    fn any_number_has_a_message() {
        for value in [i32::MIN, -1, 26, 98, 100, i32::MAX] {
            assert!(Status::message_of(value).to_str().unwrap().starts_with("Unknown status"));
        }
        assert_eq!(Status::Panic.to_string(), Status::message_of(99).to_str().unwrap());
    }
}
