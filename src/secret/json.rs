//! Reads the members of JSON objects that contain secrets, without leaving unwiped copies.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// Calls `member` with the name and the raw text of each member. Returns `None`, without calling `member`, unless the
/// text is exactly one JSON object. Nested values are only checked for valid syntax.
pub(crate) fn members<'a>(text: &'a str, member: impl FnMut(&str, &'a str)) -> Option<()> {
    // Check the whole text first: truncated JSON must not call `member`.
    if !text.trim_start().starts_with('{') || serde_json::from_str::<IgnoredAny>(text).is_err() {
        return None;
    }
    serde_json::Deserializer::from_str(text).deserialize_map(Members(member)).ok()
}

/// Members come as raw text, because the parser would leave unwiped copies of the strings that it unescapes.
struct Members<F>(F);

impl<'de, F: FnMut(&str, &'de str)> Visitor<'de> for Members<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        // A name that can't be unescaped is not one that we know.
        while let Some(name) = map.next_key::<&RawValue>()? {
            let name = string(name.get()).unwrap_or_default();
            let name: Cow<str> = String::from_utf8_lossy(&name);
            (self.0)(&name, map.next_value::<&RawValue>()?.get());
        }
        Ok(())
    }
}

/// The content of a raw string; `None` for another type, or for a lone surrogate.
pub(crate) fn string(raw: &str) -> Option<Secret> {
    unescape(raw, None)
}

/// The same for text that is only displayed: a lone surrogate becomes U+FFFD.
pub(crate) fn text(raw: &str) -> Option<Secret> {
    unescape(raw, Some(char::REPLACEMENT_CHARACTER))
}

/// RFC 8259, 7. The raw text is known to be well formed, except for its surrogates.
fn unescape(raw: &str, lone_surrogate: Option<char>) -> Option<Secret> {
    let mut rest = raw.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = Zeroizing::new(String::with_capacity(raw.len())); // no escape is shorter than what it stands for
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.push_str(plain);
        let mut after = escape.chars();
        let kind = after.next()?;
        rest = after.as_str();
        out.push(match kind {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => unicode_escape(&mut rest).or(lone_surrogate)?,
            other => other,
        });
    }
    out.push_str(rest);
    Some(Secret::concat(&[out.as_bytes()]))
}

/// Decodes the digits after `\u`, and a second escape if they are a high surrogate.
fn unicode_escape(rest: &mut &str) -> Option<char> {
    let high = hex_unit(rest)?;
    if !(0xd800..0xdc00).contains(&high) {
        return char::from_u32(high);
    }
    let mut after = rest.strip_prefix("\\u")?;
    let low = hex_unit(&mut after).filter(|low| (0xdc00..0xe000).contains(low))?;
    *rest = after;
    char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
}

fn hex_unit(rest: &mut &str) -> Option<u32> {
    let (digits, after) = rest.split_at_checked(4)?;
    *rest = after;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::{members, string, text};
    use proptest::prelude::*;

    #[test]
    #[cfg_attr(miri, ignore = "it would take an hour")]
    fn members_come_raw_and_in_order() {
        let mut seen = Vec::new();
        let object = " {\"a\": 1e999 ,\"b\\u0063\":\"\\ud800\",\"a\":{\"x\":[null]},\"\\ud800\":true} ";
        members(object, |name, raw| seen.push(format!("{name}={raw}"))).unwrap();
        assert_eq!(seen, ["a=1e999", "bc=\"\\ud800\"", "a={\"x\":[null]}", "=true"]);
        for none in ["", "[]", "17", "{", "{}x", "{\"a\":1", "{\"a\":1,}", "\u{feff}{}"] {
            assert!(members(none, |name, _| panic!("{name}")).is_none(), "{none}");
        }
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(members(&deep, |_, _| {}).is_some());
    }

    #[test]
    fn a_lone_surrogate_is_only_displayed() {
        for raw in [r#""\ud800""#, r#""\udc00""#, r#""\ud800\u0041""#] {
            assert!(string(raw).is_none());
            assert!(str::from_utf8(&text(raw).unwrap()).unwrap().starts_with('\u{fffd}'));
        }
        assert_eq!(text(r#""\ud800\u0041""#).unwrap().to_vec(), "\u{fffd}A".as_bytes());
        for raw in ["1", "null", "{}", "true"] {
            assert!(string(raw).is_none(), "{raw}");
        }
    }

    /// The content of a string: escapes of all kinds, and plain characters.
    const ESCAPED: &str = r#"(\\["\\/bfnrt]|\\u00[0-9a-fA-F]{2}|\\ud83d\\ude0[0-9]|[ !#-\[\]-~é]){0,20}"#;

    proptest! {
        #[test]
        fn a_string_is_unescaped_like_serde_json_does(any_text: String, escaped in ESCAPED) {
            for raw in [serde_json::to_string(&any_text).unwrap(), format!("\"{escaped}\"")] {
                let expected: Option<String> = serde_json::from_str(&raw).ok();
                let got = string(&raw).map(|secret| String::from_utf8(secret.to_vec()).unwrap());
                prop_assert_eq!(got, expected, "{}", raw);
            }
        }
    }
}
