//! A JSON object of parameters.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::credentials::{Parameter, Parameters, SIZE_LIMIT, parameter};
use crate::error::{Result, Status};
use crate::secret::Secret;

/// Why a text is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is no JSON object at all.
    NoObject,
    /// It is one, and a member that we know has a wrong type or comes twice.
    Member,
}

/// A text as the caller has it.
pub(crate) fn read(text: &[u8]) -> Result<Parameters> {
    if text.len() > SIZE_LIMIT {
        return Err(Status::ConfigSyntax);
    }
    object(text).map_err(|_| Status::ConfigSyntax)
}

pub(crate) fn object(text: &[u8]) -> std::result::Result<Parameters, Fault> {
    let text = str::from_utf8(text).map_err(|_| Fault::NoObject)?;
    // All of it first: what is cut off in the middle is no object, whatever its first members are.
    if !text.trim_start().starts_with('{') || serde_json::from_str::<IgnoredAny>(text).is_err() {
        return Err(Fault::NoObject);
    }
    serde_json::Deserializer::from_str(text).deserialize_map(Members).map_err(|_| Fault::Member)
}

/// Takes the members that we know. They come as raw text, for the parser would leave copies of what it unescapes.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Parameters;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Parameters, A::Error> {
        use serde::de::Error;
        let mut found = Parameters::default();
        while let Some(name) = map.next_key::<Cow<str>>()? {
            let Some(parameter) = parameter(name.as_bytes()) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let raw = map.next_value::<&RawValue>()?.get();
            let value = value(parameter, raw).ok_or_else(|| A::Error::custom("wrong type"))?;
            found.set(parameter, value).map_err(|_| A::Error::custom("given twice"))?;
        }
        Ok(found)
    }
}

/// A string; null, which is as good as none; and for a time a number.
fn value(parameter: Parameter, raw: &str) -> Option<Secret> {
    match raw.as_bytes()[0] {
        b'"' => unescape(&raw[1..raw.len() - 1]),
        b'n' => Some(Secret::concat(&[])),
        b'-' | b'0'..=b'9' if parameter == Parameter::TokenExpires => Some(Secret::concat(&[raw.as_bytes()])),
        _ => None,
    }
}

/// The content of a JSON string (RFC 8259, 7) that is known to be well formed, but for its surrogates.
fn unescape(raw: &str) -> Option<Secret> {
    let mut out = Zeroizing::new(String::with_capacity(raw.len())); // no escape is shorter than what it stands for
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let (kind, behind) = (rest.as_bytes()[at + 1], &rest[at + 2..]);
        rest = behind;
        let character = match kind {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let mut unit = hex_unit(&mut rest)?;
                if (0xd800..0xdc00).contains(&unit) {
                    rest = rest.strip_prefix("\\u")?;
                    let low = hex_unit(&mut rest).filter(|low| (0xdc00..0xe000).contains(low))?;
                    unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                }
                char::from_u32(unit)?
            }
            other => char::from(other),
        };
        out.push(character);
    }
    out.push_str(rest);
    Some(Secret::concat(&[out.as_bytes()]))
}

fn hex_unit(rest: &mut &str) -> Option<u32> {
    let (digits, behind) = rest.split_at_checked(4)?;
    *rest = behind;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::{Fault, object, unescape};
    use crate::credentials::Parameter;
    use proptest::prelude::*;

    #[test]
    fn no_object_and_wrong_member_are_two_things() {
        for text in
            ["", "{", "[]", "17", "null", "\"x\"", "{\"tc_token\":\"a\"", "{\"tc_token\":1", "{} {}", "\u{feff}{}"]
        {
            assert_eq!(object(text.as_bytes()).err(), Some(Fault::NoObject), "{text}");
        }
        assert_eq!(object(b"{\"x\":\"\xff\"}").err(), Some(Fault::NoObject));
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
            assert_eq!(object(text.as_bytes()).err(), Some(Fault::Member), "{text}");
        }
    }

    #[test]
    fn unknown_members_are_passed_over() {
        let found =
            object(br#" {"x":{"tc_token":"no"},"x":[1e9,null],"TC_TOKEN":"no","tc_token":"a\u003d\/"} "#).unwrap();
        assert_eq!(found.get(Parameter::Token), Some(b"a=/".as_slice()));
        assert_eq!(found.names(crate::credentials::Source::Json), "tc_token");
    }

    /// The content of a string: escapes of all kinds, and what needs none.
    const ESCAPED: &str = r#"(\\["\\/bfnrt]|\\u00[0-9a-fA-F]{2}|\\ud83d\\ude0[0-9]|[ !#-\[\]-~é]){0,20}"#;

    proptest! {
        #[test]
        fn a_string_is_unescaped_like_serde_json_does(text: String, escaped in ESCAPED) {
            for raw in [serde_json::to_string(&text).unwrap(), format!("\"{escaped}\"")] {
                let expected: Option<String> = serde_json::from_str(&raw).ok();
                let got = unescape(&raw[1..raw.len() - 1]).map(|secret| String::from_utf8(secret.to_vec()).unwrap());
                prop_assert_eq!(got, expected, "{}", raw);
            }
        }
    }
}
