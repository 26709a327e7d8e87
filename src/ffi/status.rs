//! `tc_auth_status`: the core's errors, numbered, and the outcomes that only C has.

use std::ffi::{CStr, c_char};

use crate::error::Error;

/// The outcome of a call.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It worked.
    Ok = 0,
    /// A pointer that must not be NULL is NULL.
    NullArgument = 1,
    /// The method is not an HTTP token of 1 to 64 characters.
    InvalidMethod = 2,
    /// The URI is neither a path (starting with /) nor an absolute http or https URL, or has a part that this function
    /// does not accept.
    InvalidUriForm = 3,
    /// The URI contains a control character, a space or a byte above 0x7e.
    InvalidUriByte = 4,
    /// The access id is empty or contains a character that is not visible ASCII.
    InvalidAccessId = 5,
    /// The secret key is empty, contains a control character such as a line break, or begins with a byte order mark.
    InvalidSecretKey = 6,
    /// The token is empty or contains a character that is not visible ASCII.
    InvalidToken = 7,
    /// The time is negative, or 10^11 or more (perhaps milliseconds).
    InvalidTime = 8,
    /// The buffer is too small; nothing was written to it.
    BufferTooSmall = 9,
    /// The function needs a token handle, and this is an HMAC handle.
    WrongKind = 10,
    /// The token has expired.
    TokenExpired = 11,
    /// The server refused to renew the token.
    RenewalRefused = 12,
    /// The response to the renewal request is not one that the platform sends.
    RenewalBadResponse = 13,
    /// Another thread's renewal took longer than the caller was ready to wait.
    RenewalTimeout = 14,
    /// The value can be set only once, and it is already set.
    AlreadySet = 15,
    /// The source contains no complete credentials.
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
    /// The sealed token can't be opened, or this token can't be sealed.
    SealInvalid = 26,
    /// The sealed token has a version that this library does not know.
    SealVersion = 27,
    /// The shared directory can't be used, or the token could not be saved in it.
    StoreIo = 28,
    /// A bug in this library stopped the call.
    Panic = 99,
}

/// What the body of an export returns; the error is never [`Status::Ok`].
pub(super) type Result<T> = std::result::Result<T, Status>;

impl From<Error> for Status {
    fn from(error: Error) -> Status {
        match error {
            Error::InvalidMethod => Status::InvalidMethod,
            Error::InvalidUriForm => Status::InvalidUriForm,
            Error::InvalidUriByte => Status::InvalidUriByte,
            Error::InvalidAccessId => Status::InvalidAccessId,
            Error::InvalidSecretKey => Status::InvalidSecretKey,
            Error::InvalidToken => Status::InvalidToken,
            Error::InvalidTime => Status::InvalidTime,
            Error::WrongKind => Status::WrongKind,
            Error::TokenExpired => Status::TokenExpired,
            Error::RenewalRefused => Status::RenewalRefused,
            Error::RenewalBadResponse => Status::RenewalBadResponse,
            Error::RenewalTimeout => Status::RenewalTimeout,
            Error::AlreadySet => Status::AlreadySet,
            Error::NoCredentials => Status::NoCredentials,
            Error::ConfigSyntax => Status::ConfigSyntax,
            Error::ConfigIo => Status::ConfigIo,
            Error::ConfigDecrypt => Status::ConfigDecrypt,
            Error::ApiPathMissing => Status::ApiPathMissing,
            Error::SignatureMismatch => Status::SignatureMismatch,
            Error::TimestampOutOfRange => Status::TimestampOutOfRange,
            Error::MalformedAuthorization => Status::MalformedAuthorization,
            Error::InvalidArgument => Status::InvalidArgument,
            Error::OtherOrigin => Status::OtherOrigin,
            Error::SealInvalid => Status::SealInvalid,
            Error::SealVersion => Status::SealVersion,
            Error::StoreIo => Status::StoreIo,
        }
    }
}

impl Status {
    /// The name of any number, as in C, without the prefix.
    fn name(value: i32) -> &'static CStr {
        match value {
            0 => c"OK",
            1 => c"NULL_ARGUMENT",
            2 => c"INVALID_METHOD",
            3 => c"INVALID_URI_FORM",
            4 => c"INVALID_URI_BYTE",
            5 => c"INVALID_ACCESS_ID",
            6 => c"INVALID_SECRET_KEY",
            7 => c"INVALID_TOKEN",
            8 => c"INVALID_TIME",
            9 => c"BUFFER_TOO_SMALL",
            10 => c"WRONG_KIND",
            11 => c"TOKEN_EXPIRED",
            12 => c"RENEWAL_REFUSED",
            13 => c"RENEWAL_BAD_RESPONSE",
            14 => c"RENEWAL_TIMEOUT",
            15 => c"ALREADY_SET",
            16 => c"NO_CREDENTIALS",
            17 => c"CONFIG_SYNTAX",
            18 => c"CONFIG_IO",
            19 => c"CONFIG_DECRYPT",
            20 => c"API_PATH_MISSING",
            21 => c"SIGNATURE_MISMATCH",
            22 => c"TIMESTAMP_OUT_OF_RANGE",
            23 => c"MALFORMED_AUTHORIZATION",
            24 => c"INVALID_ARGUMENT",
            25 => c"OTHER_ORIGIN",
            26 => c"SEAL_INVALID",
            27 => c"SEAL_VERSION",
            28 => c"STORE_IO",
            99 => c"PANIC",
            _ => c"UNKNOWN",
        }
    }

    /// The message for any number, also one that this version does not know.
    fn message(value: i32) -> &'static CStr {
        match value {
            0 => c"Success.",
            1 => c"A required pointer argument is NULL: pass a valid pointer (is an environment variable missing?).",
            9 => {
                c"The buffer is too small: pass one that is larger than the length that was stored, or twice as large."
            }
            99 => c"A bug in tc_auth stopped the call: please report it with the panic message on standard error.",
            _ => Error::ALL
                .into_iter()
                .find(|error| Status::from(*error) as i32 == value)
                .map_or(c"Unknown status: check that the header matches the library.", Error::c_message),
        }
    }
}

/// The name of a status, such as "TOKEN_EXPIRED", for logs. Accepts any number: "UNKNOWN" if this version does not know it.
/// Never NULL; always valid.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_status_name(status: i32) -> *const c_char {
    Status::name(status).as_ptr()
}

/// One sentence in English that says what is wrong and what to do about it. Accepts any number. Never NULL; always
/// valid.
#[unsafe(no_mangle)]
pub extern "C" fn tc_auth_status_message(status: i32) -> *const c_char {
    Status::message(status).as_ptr()
}

#[cfg(test)]
mod tests {
    use super::{Error, Status};

    fn message(value: i32) -> &'static str {
        Status::message(value).to_str().unwrap()
    }

    #[test]
    fn every_status_has_a_message_of_its_own() {
        let mut seen = std::collections::HashSet::new();
        for value in (0..=28).chain([99]) {
            let message = message(value);
            assert!(message.ends_with('.') && !message.contains(". ") && !message.starts_with("Unknown"), "{message}");
            assert!(seen.insert(message), "used twice: {message}");
        }
        let only_in_c = [Status::Ok, Status::NullArgument, Status::BufferTooSmall, Status::Panic];
        assert_eq!(seen.len(), Error::ALL.len() + only_in_c.len());
        assert!(message(Status::NullArgument as i32).contains("NULL"));
        assert!(message(Status::BufferTooSmall as i32).contains("too small"));
        assert!(message(Status::Panic as i32).contains("panic"));
    }

    #[test]
    fn any_number_has_a_message() {
        for value in [i32::MIN, -1, 29, 98, 100, i32::MAX] {
            assert!(message(value).starts_with("Unknown status"));
        }
    }
}
