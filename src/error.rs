//! The error type.

use std::ffi::CStr;
use std::fmt;

/// Why a call failed; [`Error::message`] explains each. In C, each is the status of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each has a message that explains it")]
pub enum Error {
    InvalidMethod,
    InvalidUriForm,
    InvalidUriByte,
    InvalidAccessId,
    InvalidSecretKey,
    InvalidToken,
    InvalidTime,
    WrongKind,
    TokenExpired,
    RenewalRefused,
    RenewalBadResponse,
    RenewalTimeout,
    AlreadySet,
    NoCredentials,
    ConfigSyntax,
    ConfigIo,
    ConfigDecrypt,
    ApiPathMissing,
    SignatureMismatch,
    TimestampOutOfRange,
    MalformedAuthorization,
    InvalidArgument,
    OtherOrigin,
    SealInvalid,
    SealVersion,
    StoreIo,
}

/// The result of a function that can fail.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// All errors.
    pub(crate) const ALL: [Error; 26] = [
        Error::InvalidMethod,
        Error::InvalidUriForm,
        Error::InvalidUriByte,
        Error::InvalidAccessId,
        Error::InvalidSecretKey,
        Error::InvalidToken,
        Error::InvalidTime,
        Error::WrongKind,
        Error::TokenExpired,
        Error::RenewalRefused,
        Error::RenewalBadResponse,
        Error::RenewalTimeout,
        Error::AlreadySet,
        Error::NoCredentials,
        Error::ConfigSyntax,
        Error::ConfigIo,
        Error::ConfigDecrypt,
        Error::ApiPathMissing,
        Error::SignatureMismatch,
        Error::TimestampOutOfRange,
        Error::MalformedAuthorization,
        Error::InvalidArgument,
        Error::OtherOrigin,
        Error::SealInvalid,
        Error::SealVersion,
        Error::StoreIo,
    ];

    /// One sentence that says what is wrong and what to do about it.
    #[must_use]
    pub fn message(self) -> &'static str {
        self.c_message().to_str().unwrap_or_default()
    }

    /// The same as a C string, so that C can read it without a copy.
    pub(crate) fn c_message(self) -> &'static CStr {
        match self {
            Error::InvalidMethod => c"The method is not an HTTP token of 1 to 64 characters: pass a name such as GET, without spaces.",
            Error::InvalidUriForm => c"The URI has the wrong form for this function: pass a path that begins with one /, or an absolute http or https URL with a valid host and port, and leave out a user, query or fragment where it takes none.",
            Error::InvalidUriByte => c"The URI contains a control character, a space or a byte above 0x7e: percent-encode it before signing, and send the encoded form.",
            Error::InvalidAccessId => c"The access id is empty or contains a character that is not visible ASCII: pass it without spaces and line breaks.",
            Error::InvalidSecretKey => c"The secret key is empty, contains a control character, or begins with a byte order mark: check it for a line break at its end.",
            Error::InvalidToken => c"The token is empty or contains a character that is not visible ASCII: pass it without spaces and line breaks.",
            Error::InvalidTime => c"The time is negative or 100000000000 and more: pass Unix seconds, not milliseconds, and TC_AUTH_NOW only where it is allowed.",
            Error::WrongKind => c"The function needs a token handle, and this is an HMAC handle: tc_auth_get_kind tells the kind.",
            Error::TokenExpired => c"The token has expired and no renewal is under way: check its expiry (a Unix second) and the API path, or set a new token.",
            Error::RenewalRefused => c"The server refused to renew the token: get a new token and set it.",
            Error::RenewalBadResponse => c"The response to the renewal request is not one that the platform sends: check that the body is complete, check the API path and any proxy, and try again later.",
            Error::RenewalTimeout => c"A renewal is still under way: call again, or allow a longer wait, and make sure that every ticket is completed or cancelled.",
            Error::AlreadySet => c"The value is already set and can't be changed: create another handle for another value.",
            Error::NoCredentials => c"No complete credentials were found: supply a token, or both an access id and a secret key.",
            Error::ConfigSyntax => c"The configuration is not well formed: check it for a wrong type, a missing value or a name given twice.",
            Error::ConfigIo => c"The configuration file can't be read: check that it exists, is a readable regular file and is at most 1 MiB.",
            Error::ConfigDecrypt => c"The configuration file can't be decrypted: check that the key belongs to the file and that the file is complete.",
            Error::ApiPathMissing => c"The handle has no API path: set it first, for example https://company.example/api.",
            Error::SignatureMismatch => c"The access id, signature or token does not match: compare the string to sign on both sides, and check the credentials.",
            Error::TimestampOutOfRange => c"The timestamp is too far from the given time: check both clocks.",
            Error::MalformedAuthorization => c"The Authorization or Timestamp header is missing, not well formed or not of the handle's kind: pass the values as they were sent, without the names.",
            Error::InvalidArgument => c"An argument is out of range: check numbers, waits and lengths, and for a URL that no segment or name is empty and no segment is a dot segment.",
            Error::OtherOrigin => c"The URL's scheme, host or port is not spelled as in the API path: credentials must not go to another server.",
            Error::SealInvalid => c"The sealed token was changed, cut off or sealed with another key or for another family, or this token can't be sealed: use the same key and the same first token in all processes, and store the whole text unchanged.",
            Error::SealVersion => c"The sealed token has a version that this library does not know: update tc_auth in this process.",
            Error::StoreIo => c"The shared directory can't be used, or the token could not be saved in it: check its owner, its permissions and its file system.",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::Error;

    #[test]
    fn a_message_describes_its_error() {
        for (error, words) in [
            (Error::TokenExpired, "expired"),
            (Error::RenewalRefused, "refused to renew"),
            (Error::RenewalBadResponse, "response to the renewal"),
            (Error::RenewalTimeout, "still under way"),
            (Error::InvalidAccessId, "access id"),
            (Error::InvalidSecretKey, "secret key"),
            (Error::InvalidToken, "token"),
            (Error::SignatureMismatch, "does not match"),
            (Error::TimestampOutOfRange, "clocks"),
            (Error::ConfigDecrypt, "decrypted"),
            (Error::ConfigIo, "read"),
            (Error::SealInvalid, "another key"),
            (Error::SealVersion, "version"),
            (Error::StoreIo, "directory"),
        ] {
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
