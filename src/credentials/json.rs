//! A JSON object of parameters.

use crate::ascii::BYTE_ORDER_MARK;
use crate::credentials::{self, Parameter, Parameters, SIZE_LIMIT};
use crate::error::{Error, Result};
use crate::secret::Secret;
use crate::secret::json;

/// Why a text was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not a JSON object.
    NoObject,
    /// A known member has a wrong type or is given twice.
    Member,
}

/// Reads a text of at most `SIZE_LIMIT` bytes.
pub(crate) fn read(text: &[u8]) -> Result<Parameters> {
    if text.len() > SIZE_LIMIT {
        return Err(Error::ConfigSyntax);
    }
    object(text, parameter).map_err(|_| Error::ConfigSyntax)
}

/// Also knows the names in the messages that the platform sends to a service App.
fn parameter(name: &[u8]) -> Option<Parameter> {
    match name {
        b"apiToken" => Some(Parameter::Token),
        b"expireSeconds" => Some(Parameter::TokenExpires),
        _ => credentials::parameter(name),
    }
}

/// `parameter` says which members are read. A byte order mark at the start is ignored.
pub(crate) fn object(text: &[u8], parameter: fn(&[u8]) -> Option<Parameter>) -> std::result::Result<Parameters, Fault> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let text = str::from_utf8(text).map_err(|_| Fault::NoObject)?;
    let mut found = Parameters::default();
    let mut good = true;
    let member = |name: &str, raw: &str| {
        if let Some(parameter) = parameter(name.as_bytes()) {
            good &= value(parameter, raw).is_some_and(|value| found.set(parameter, value).is_ok());
        }
    };
    json::members(text, member).ok_or(Fault::NoObject)?;
    if good { Ok(found) } else { Err(Fault::Member) }
}

/// Accepts a string; null, which counts as absent; and a number if it is a time.
fn value(parameter: Parameter, raw: &str) -> Option<Secret> {
    match raw.as_bytes()[0] {
        b'n' => Some(Secret::default()),
        b'-' | b'0'..=b'9' if parameter == Parameter::TokenExpires => Some(Secret::concat(&[raw.as_bytes()])),
        _ => json::string(raw),
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, object, parameter};
    use crate::auth::Source;
    use crate::credentials::{self, Parameter};

    #[test]
    fn no_object_and_a_wrong_member_are_different_faults() {
        for text in [
            "",
            "{",
            "[]",
            "17",
            "null",
            "\"x\"",
            "{\"tc_token\":\"a\"",
            "{\"tc_token\":1",
            "{} {}",
            "\u{feff}\u{feff}{}",
        ] {
            assert_eq!(object(text.as_bytes(), parameter).err(), Some(Fault::NoObject), "{text}");
        }
        assert_eq!(object(b"{\"x\":\"\xff\"}", parameter).err(), Some(Fault::NoObject));
        for text in [
            "{\"tc_token\":1}",
            "{\"tc_token\":true}",
            "{\"tc_token\":{}}",
            "{\"tc_token\":[\"a\"]}",
            "{\"tc_token\":\"a\",\"tc_token\":\"a\"}",
            "{\"tc_token\":\"a\",\"tc_token\":null}",
            "{\"tc_token\":\"\",\"tc\\u005ftoken\":\"a\"}",
            "{\"tc_token_expires\":true}",
            "{\"tc_token\":\"\\ud800\"}",
            "{\"tc_token\":\"\\ud800\\u0041\"}",
            "{\"tc_token\":\"\\udc00\"}",
        ] {
            assert_eq!(object(text.as_bytes(), parameter).err(), Some(Fault::Member), "{text}");
        }
    }

    #[test]
    fn one_thing_has_two_names() {
        for (text, token, expires) in [
            (r#"{"apiToken":"a","expireSeconds":17}"#, Some("a"), Some("17")),
            (r#"{"apiToken":"a","tc_token_expires":"17"}"#, Some("a"), Some("17")),
            (r#"{"tc_token":"a","expireSeconds":"17"}"#, Some("a"), Some("17")),
            (r#"{"apiToken":null,"expireSeconds":""}"#, None, None),
            ("\u{feff}{\"apiToken\":\"a\"}", Some("a"), None),
        ] {
            let found = object(text.as_bytes(), parameter).unwrap();
            let values = [Parameter::Token, Parameter::TokenExpires].map(|parameter| found.get(parameter));
            assert_eq!(values, [token, expires].map(|value| value.map(str::as_bytes)), "{text}");
        }
        // As if one name were given twice: an error even if one value counts as absent.
        for text in [
            r#"{"apiToken":"a","tc_token":"a"}"#,
            r#"{"tc_token":"","apiToken":"a"}"#,
            r#"{"apiToken":"a","tc_token":null}"#,
            r#"{"apiToken":"a","apiToken":"a"}"#,
            r#"{"expireSeconds":1,"tc_token_expires":1}"#,
            r#"{"expireSeconds":null,"expireSeconds":1}"#,
            r#"{"apiToken":1}"#,
            r#"{"expireSeconds":true}"#,
        ] {
            assert_eq!(object(text.as_bytes(), parameter).err(), Some(Fault::Member), "{text}");
        }
    }

    #[test]
    fn a_parameter_file_may_have_other_meanings_for_the_names_of_messages() {
        let found = object(br#"{"apiToken":17,"tc_token":"a","expireSeconds":[]}"#, credentials::parameter).unwrap();
        assert_eq!(found.get(Parameter::Token), Some(b"a".as_slice()));
        assert_eq!(found.get(Parameter::TokenExpires), None);
    }

    #[test]
    fn unknown_members_are_ignored() {
        let text = br#" {"x":{"tc_token":"no"},"x":[1e9,null],"TC_TOKEN":"no","tc_token":"a\u003d\/"} "#;
        let found = object(text, parameter).unwrap();
        assert_eq!(found.get(Parameter::Token), Some(b"a=/".as_slice()));
        assert_eq!(found.names(Source::Json), "tc_token");
    }
}
