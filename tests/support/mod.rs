//! Reads the test vectors, for the Rust tests and for the table that the C tests include.

use std::path::Path;

use serde_json::Value;

/// One file of `tests/vectors`.
pub fn read(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A list in a vector file, which is never empty.
pub fn list(value: &Value) -> &[Value] {
    let list = value.as_array().expect("a list");
    assert!(!list.is_empty(), "an empty list tests nothing");
    list
}

/// A string member.
pub fn text<'a>(object: &'a Value, member: &str) -> &'a str {
    object[member].as_str().unwrap_or_else(|| panic!("{member} must be a string in {object}"))
}

/// A string argument: the text itself, and a character that is repeated after it.
pub struct Text {
    pub start: Vec<u8>,
    pub fill: u8,
    pub times: usize,
}

/// Reads a string, `{hex}` or `{start, fill, times}`; `None` for null.
pub fn argument(value: &Value) -> Option<Text> {
    let plain = |start: Vec<u8>| Some(Text { start, fill: 0, times: 0 });
    match value {
        Value::Null => None,
        Value::String(text) => plain(text.clone().into_bytes()),
        value if value["hex"].is_string() => plain(from_hex(text(value, "hex"))),
        value => Some(Text {
            start: text(value, "start").into(),
            fill: text(value, "fill").as_bytes()[0],
            times: value["times"].as_u64().expect("times") as usize,
        }),
    }
}

fn from_hex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().map(|digit| digit.to_digit(16).expect("a hex digit") as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// `InvalidUriByte` as `INVALID_URI_BYTE`.
#[allow(dead_code, reason = "the C table has no Rust names")]
pub fn screaming_snake(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_uppercase());
    }
    out
}
