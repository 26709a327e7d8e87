//! What the server says in a body: found, cleaned, and without the token.

use serde_json::Value;

/// A plain-text body up to this length is taken for a message, and no message that is handed on is longer.
const LIMIT: usize = 512;

/// The message of a body: the JSON member `message`, the XML element `Message`, or a short plain text.
pub(crate) fn find(body: &[u8]) -> Option<String> {
    match serde_json::from_slice(body) {
        Ok(json) => find_in_json(&json),
        Err(_) => find_in_text(body),
    }
}

pub(crate) fn find_in_json(json: &Value) -> Option<String> {
    trimmed(json["message"].as_str()?)
}

/// The same for a body that is no JSON.
pub(crate) fn find_in_text(body: &[u8]) -> Option<String> {
    let text = str::from_utf8(body).ok()?;
    if let Some(message) = xml_element(text, "Message") {
        return trimmed(message);
    }
    let plain = text.len() <= LIMIT && !text.trim_start().starts_with(['<', '{', '[']);
    if plain { trimmed(text) } else { None }
}

fn trimmed(message: &str) -> Option<String> {
    let message = message.trim();
    (!message.is_empty()).then(|| message.to_owned())
}

/// The text up to the first tag in the first element of that name. Enough for a message, which has no elements.
fn xml_element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = text;
    loop {
        rest = &rest[rest.find('<')? + 1..];
        let Some(behind) = rest.strip_prefix(name) else { continue };
        if behind.starts_with(['>', ' ', '\t', '\r', '\n']) {
            let content = &behind[behind.find('>')? + 1..];
            return Some(&content[..content.find('<')?]);
        }
    }
}

/// Makes a message fit for a log: at most 512 bytes, no control characters, and `***` for each of the secrets.
pub(crate) fn clean(message: &str, secrets: &[&[u8]]) -> String {
    let mut out = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(character) = rest.chars().next() {
        // The secret first: cutting it in two must not hide it from the search.
        if let Some(len) = secrets.iter().find_map(|secret| encoded_len(rest.as_bytes(), secret)) {
            out.push_str("***");
            rest = &rest[len..];
        } else {
            out.push(if character.is_control() { ' ' } else { character });
            rest = &rest[character.len_utf8()..];
        }
    }
    let end = (0..=LIMIT.min(out.len())).rev().find(|&end| out.is_char_boundary(end));
    out.truncate(end.unwrap_or(0));
    out
}

/// How many bytes at the start of the text stand for the whole secret, in whatever mixture of encodings.
fn encoded_len(text: &[u8], secret: &[u8]) -> Option<usize> {
    let mut at = 0;
    for &byte in secret {
        at += encoded_byte_len(text.get(at..)?, byte)?;
    }
    (!secret.is_empty()).then_some(at)
}

/// How many bytes at the start of the text stand for this one: plain, percent-encoded once or several times, as JSON or
/// JavaScript, as HTML, or a `+` that a form decoder has made a space.
fn encoded_byte_len(text: &[u8], byte: u8) -> Option<usize> {
    let is = |decoded: Option<u8>, len: usize| (decoded == Some(byte)).then_some(len);
    let escaped = match text {
        [b'%', rest @ ..] => {
            // %3D, %253D, %25253D ...
            let again = rest.chunks(2).take_while(|pair| *pair == b"25").count();
            (0..=again).rev().find_map(|times| is(hex(rest.get(2 * times..2 * times + 2)?), 2 * times + 3))
        }
        [b'\\', b'u', b'0', b'0', high, low, ..] => is(hex(&[*high, *low]), 6),
        [b'\\', b'x', high, low, ..] => is(hex(&[*high, *low]), 4),
        [b'\\', next, ..] => is(Some(*next), 2),
        [b'&', ..] => html_entity(text).and_then(|(decoded, len)| is(Some(decoded), len)),
        [b' ', ..] => is(Some(b'+'), 1),
        _ => None,
    };
    escaped.or(is(text.first().copied(), 1))
}

fn hex(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

fn html_entity(text: &[u8]) -> Option<(u8, usize)> {
    let end = text.iter().take(10).position(|&byte| byte == b';')?;
    let name = str::from_utf8(&text[1..end]).ok()?;
    let byte = match name.strip_prefix('#') {
        Some(number) => match number.strip_prefix(['x', 'X']) {
            Some(hex) => u8::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        },
        None => match name {
            "amp" => b'&',
            "lt" => b'<',
            "gt" => b'>',
            "quot" => b'"',
            "apos" => b'\'',
            "equals" => b'=',
            "plus" => b'+',
            "colon" => b':',
            "sol" => b'/',
            _ => return None,
        },
    };
    Some((byte, end + 1))
}

#[cfg(test)]
mod tests {
    use super::{clean, find};

    #[test]
    fn a_message_is_found_where_the_platform_puts_it() {
        for (body, expected) in [
            (r#"{"status":"Failure","message":" Access Denied "}"#, Some("Access Denied")),
            (r#"{"message":"a\u003db"}"#, Some("a=b")),
            (r#"{"Message":"not this one"}"#, None),
            (r#"{"message":17}"#, None),
            (r#"{"message":"cut"#, None),
            ("<Result><Status>Failure</Status><Message>Unauthorized</Message></Result>", Some("Unauthorized")),
            ("<r><Messages/><Message lang='en'>\n x y\n</Message></r>", Some("x y")),
            ("<html><body>Bad Gateway</body></html>", None),
            ("<Message>never closed", None),
            ("Unauthorized\r\n", Some("Unauthorized")),
            ("", None),
            (" \n", None),
            ("[1]", None),
            ("17", None),
        ] {
            assert_eq!(find(body.as_bytes()).as_deref(), expected, "{body}");
        }
        assert_eq!(find(b"\xff\xfe"), None);
        assert_eq!(find("x".repeat(512).as_bytes()).map(|text| text.len()), Some(512));
        assert_eq!(find("x".repeat(513).as_bytes()), None);
    }

    #[test]
    fn a_token_is_found_however_it_is_encoded() {
        let token = b"API:5:a+b/c=\"&%";
        for encoded in [
            "API:5:a+b/c=\"&%",
            "API%3A5%3Aa%2Bb%2Fc%3D%22%26%25",
            "API%3a5:a%2bb/c%3d\"&%25",
            "API%253A5%253Aa%252Bb%252Fc%253D%2522%2526%2525",
            "%41%50%49:5:a b/c=\"&%",
            "API:5:a+b\\/c\\u003d\\\"\\u0026%",
            "API\\x3A5:a+b/c=\"&%",
            "API&#58;5&#x3a;a&plus;b&sol;c&#61;&quot;&amp;%",
        ] {
            let text = format!("the token {encoded} was bad, yes {encoded}");
            assert_eq!(clean(&text, &[b"other", token]), "the token *** was bad, yes ***", "{encoded}");
        }
        assert_eq!(clean("API:5:a+b/c", &[token]), "API:5:a+b/c", "a part of it is not it");
    }

    #[test]
    fn a_message_is_short_and_on_one_line() {
        assert_eq!(clean("a\r\nb\0c\u{85}d\te\u{7f}", &[]), "a  b c d e ");
        assert_eq!(clean(&"é".repeat(600), &[]).len(), 512);
        assert_eq!(clean(&format!("{}x", "é".repeat(300)), &[]).len(), 512);
        let token = b"secret-token";
        let at_the_edge = format!("{}secret-token", "x".repeat(505));
        assert_eq!(clean(&at_the_edge, &[token]), format!("{}***", "x".repeat(505)));
        assert!(!clean(&format!("{}secret-token", "x".repeat(511)), &[token]).contains('s'));
        assert_eq!(clean("nothing", &[b""]), "nothing");
    }
}
