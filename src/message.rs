//! What the server says in a body: found, cleaned, and without the token.

use crate::json;
use crate::secret::Secret;

/// A plain-text body up to this length is taken for a message, and no message that is handed on is longer.
const LIMIT: usize = 512;

/// So many bytes of a token in a row are redacted, wherever in it they stand.
const TELLING_PART: usize = 16;

/// With a longer token no message is handed on. No real one is longer, and looking for all parts of a hostile one would
/// take seconds.
const LONGEST_TOKEN: usize = 1 << 10;

/// So many times an encoding may be encoded again: `%252525253D`. A message with more is not handed on.
const NESTED: usize = 8;

/// So many control characters may stand between two bytes of a token, such as line breaks, or the zeros of UTF-16. A message
/// with more in a row is not handed on.
const BREAKS: usize = 4;

/// A body as text, whatever its bytes: what is no UTF-8 becomes U+FFFD, which no token holds. Without a byte order mark,
/// and without the NULs of a length that counted a string's end, or a whole buffer.
pub(crate) fn to_text(body: &[u8]) -> Secret {
    let body = &body[..body.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)];
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let parts = || {
        body.utf8_chunks().flat_map(|chunk| [chunk.valid(), if chunk.invalid().is_empty() { "" } else { "\u{fffd}" }])
    };
    // The size first: growing would leave an unwiped copy behind.
    let mut text = Vec::with_capacity(parts().map(str::len).sum());
    parts().for_each(|part| text.extend_from_slice(part.as_bytes()));
    Secret::from(text)
}

/// The message of a body: the JSON member `message`, the XML element `Message`, or a short plain text.
pub(crate) fn find(body: &[u8]) -> Option<Secret> {
    let text = to_text(body);
    let text = str::from_utf8(&text).ok()?;
    let mut message = None;
    match json::members(text, |name, raw| message = if name == "message" { json::text(raw) } else { message.take() }) {
        Some(()) => message.filter(|message| !message.trim_ascii().is_empty()),
        None => find_in_text(text),
    }
}

/// The same for a text that is no JSON object.
pub(crate) fn find_in_text(text: &str) -> Option<Secret> {
    let text = text.trim();
    let message = match text.as_bytes().first()? {
        b'{' | b'[' => return None,
        b'<' => xml_element(text, "Message")?.trim(),
        _ if text.len() <= LIMIT => text,
        _ => return None,
    };
    (!message.is_empty()).then(|| Secret::concat(&[message.as_bytes()]))
}

/// The text up to the first tag in the first element of that name that has any. Enough for a message.
fn xml_element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = text;
    loop {
        rest = rest.split_once('<')?.1;
        let Some(behind) = rest.strip_prefix(name) else { continue };
        // Up to the next of both, or every tag that is never closed would be searched to the end of the text.
        let (attributes, content) = behind.split_at(behind.find(['<', '>'])?);
        let Some(content) = content.strip_prefix('>') else { continue };
        let is_element = attributes.is_empty() || attributes.starts_with([' ', '\t', '\r', '\n', '/']);
        if !is_element || attributes.ends_with('/') {
            continue;
        }
        if let Some(plain) = content.trim_start().strip_prefix("<![CDATA[") {
            return Some(plain.split_once("]]>")?.0);
        }
        return Some(content.split_once('<')?.0);
    }
}

/// Makes a message fit for a log: at most 512 bytes, no control characters, and `***` for each of the secrets. `None` if
/// that can't be done in a short time.
pub(crate) fn clean(message: &str, secrets: &[&[u8]]) -> Option<String> {
    let deep = ["25", "amp;"].map(|again| again.repeat(NESTED + 1));
    let too_long = secrets.iter().any(|secret| secret.len() > LONGEST_TOKEN);
    let too_broken = message.as_bytes().windows(BREAKS + 1).any(|bytes| bytes.iter().all(u8::is_ascii_control));
    if too_long || too_broken || deep.iter().any(|deep| message.contains(deep)) {
        return None;
    }
    let mut out = String::with_capacity(LIMIT + 4);
    let mut rest = message;
    while let Some(character) = rest.chars().next().filter(|_| out.len() < LIMIT) {
        // The secret first, and the longest of them: cutting one in two must not hide it from the search.
        if let Some(len) = secrets.iter().filter_map(|secret| secret_len(rest.as_bytes(), secret)).max() {
            out.push_str("***");
            rest = behind(rest, len);
        } else {
            out.push(if character.is_control() { ' ' } else { character });
            rest = behind(rest, character.len_utf8());
        }
    }
    let end = (0..=LIMIT.min(out.len())).rev().find(|&end| out.is_char_boundary(end));
    out.truncate(end.unwrap_or(0));
    Some(out)
}

/// The text without its first bytes, and without the rest of a character that they end in.
fn behind(text: &str, len: usize) -> &str {
    (len..text.len()).find_map(|at| text.get(at..)).unwrap_or_default()
}

/// How many bytes at the start of the text stand for the secret or a telling part of it, each as it is or in one of the
/// encodings below.
fn secret_len(text: &[u8], secret: &[u8]) -> Option<usize> {
    if secret.is_empty() {
        return None;
    }
    if text.starts_with(secret) {
        return Some(secret.len());
    }
    let last_start = secret.len().saturating_sub(TELLING_PART);
    // As it is, first: what looks encoded itself would be read in another way.
    let plain = (0..=last_start).find_map(|start| {
        let len = text.iter().zip(&secret[start..]).take_while(|(left, right)| left == right).count();
        (len >= TELLING_PART).then_some(len)
    });
    if plain.is_some() {
        return plain;
    }
    (0..=last_start).find_map(|start| {
        let (len, matched) = matching_len(text, &secret[start..]);
        (matched >= secret.len().min(TELLING_PART)).then_some(len)
    })
}

/// How many bytes of the text stand for the start of the secret, and how many of the secret these are.
fn matching_len(text: &[u8], secret: &[u8]) -> (usize, usize) {
    let (mut at, mut matched) = (0, 0);
    for &byte in secret {
        // A long line may have been broken.
        let breaks =
            if matched == 0 { 0 } else { text[at..].iter().take(BREAKS).take_while(|b| b.is_ascii_control()).count() };
        let Some(len) = encoded_byte_len(&text[at + breaks..], byte) else { break };
        at += breaks + len;
        matched += 1;
    }
    (at, matched)
}

/// How many bytes at the start of the text stand for this one: plain, percent-encoded once or several times, as JSON or
/// JavaScript, as HTML, or a `+` that a form decoder has made a space.
fn encoded_byte_len(text: &[u8], byte: u8) -> Option<usize> {
    let is = |decoded: Option<u8>, len: usize| (decoded == Some(byte)).then_some(len);
    let escaped = match text {
        [b'%', b'u', b'0', b'0', high, low, ..] => is(hex(&[*high, *low]), 6),
        [b'%', rest @ ..] => {
            // %3D, %253D, %25253D ...
            let again = rest.chunks(2).take(NESTED).take_while(|pair| *pair == b"25").count();
            (0..=again).rev().find_map(|times| is(hex(rest.get(2 * times..2 * times + 2)?), 2 * times + 3))
        }
        [b'\\', b'u', b'{', rest @ ..] => {
            let end = rest.iter().take(8).position(|&byte| byte == b'}')?;
            is(hex(&rest[..end]), end + 4)
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

/// `&#61;`, `&#x3d;`, `&equals;`, with or without the semicolon, also encoded several times: `&amp;#61;`.
fn html_entity(text: &[u8]) -> Option<(u8, usize)> {
    let mut at = 1;
    while text.get(at..at + 4) == Some(b"amp;")
        && text.get(at + 4).is_some_and(|byte| *byte == b'#' || byte.is_ascii_alphabetic())
    {
        at += 4;
    }
    let name = &text[at..];
    let len = name.iter().take(16).take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'#').count();
    let end = at + len + usize::from(name.get(len) == Some(&b';'));
    let byte = match &name[..len] {
        [b'#', b'x' | b'X', digits @ ..] => hex(digits)?,
        [b'#', digits @ ..] => str::from_utf8(digits).ok()?.parse().ok()?,
        b"amp" => b'&',
        b"lt" => b'<',
        b"gt" => b'>',
        b"quot" => b'"',
        b"apos" => b'\'',
        b"equals" => b'=',
        b"plus" => b'+',
        b"colon" => b':',
        b"sol" => b'/',
        b"lowbar" => b'_',
        b"period" => b'.',
        _ => return None,
    };
    Some((byte, end))
}

#[cfg(test)]
mod tests {
    use super::find;

    fn clean(message: &str, secrets: &[&[u8]]) -> String {
        super::clean(message, secrets).unwrap()
    }

    #[test]
    fn a_message_is_found_where_the_platform_puts_it() {
        for (body, expected) in [
            (r#"{"status":"Failure","message":" Access Denied "}"#, Some("Access Denied")),
            (r#"{"message":"a\u003db"}"#, Some("a=b")),
            (r#"{"message":"a\ud800b","x":1e999}"#, Some("a\u{fffd}b")),
            ("\u{feff}{\"message\":\"Access Denied\"}", Some("Access Denied")),
            (r#"{"Message":"not this one"}"#, None),
            (r#"{"message":17}"#, None),
            (r#"{"message":""}"#, None),
            (r#"{"message":"cut"#, None),
            (r#"{"detail":"<Message>Access Denied</Message>"#, None),
            ("<Result><Status>Failure</Status><Message>Unauthorized</Message></Result>", Some("Unauthorized")),
            ("<r><Messages/><Message lang='en'>\n x y\n</Message></r>", Some("x y")),
            ("<r><Message /><Message>x</Message></r>", Some("x")),
            ("<r><Message><![CDATA[x < y]]></Message></r>", Some("x < y")),
            ("\u{feff}<?xml version='1.0'?><Message>x</Message>", Some("x")),
            ("<html><body>Bad Gateway</body></html>", None),
            ("<Message>never closed", None),
            ("Unauthorized\r\n", Some("Unauthorized")),
            ("", None),
            (" \n", None),
            ("[1]", None),
        ] {
            let found = find(body.as_bytes()).map(|found| String::from_utf8(found.to_vec()).unwrap());
            assert_eq!(found.as_deref().map(str::trim), expected, "{body}");
        }
        assert_eq!(find(b"<r>\xe9<Message>x\xff</Message></r>").unwrap().to_vec(), "x\u{fffd}".as_bytes());
        assert_eq!(find("x".repeat(512).as_bytes()).map(|text| text.len()), Some(512));
        assert!(find("x".repeat(513).as_bytes()).is_none());
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
            "%u0041PI:5:a+b/c=\"&%",
            "API:5:a+b\\/c\\u003d\\\"\\u0026%",
            "API:5:a+b/c\\u{3d}\"&%",
            "API\\x3A5:a+b/c=\"&%",
            "API&#58;5&#x3a;a&plus;b&sol;c&#61;&quot;&amp;%",
            "API&#x0000003a;5&#58:a+b/c=\"&%".replace("&#58:", "&#58;").as_str(),
            "API&amp;#58;5:a+b/c&amp;amp;#61;\"&amp;%",
            "API:5:a\r\n+b/c=\n\"&%",
        ] {
            let text = format!("the token {encoded} was bad, yes {encoded}");
            assert_eq!(clean(&text, &[b"other", token]), "the token *** was bad, yes ***", "{encoded}");
        }
        assert_eq!(clean("API:5:a+b/c", &[token]), "API:5:a+b/c", "so little of it tells nothing");
    }

    #[test]
    fn characters_are_known_by_their_names_in_html() {
        let token = "&<>\"'=+:/_.";
        let encoded = "&amp;&lt;&gt;&quot;&apos;&equals;&plus;&colon;&sol;&lowbar;&period;";
        assert_eq!(clean(&format!("t {encoded} t"), &[token.as_bytes()]), "t *** t");
        assert_eq!(clean("&unknown;&#x;&", &[b"&<"]), "&unknown;&#x;&");
    }

    #[test]
    fn a_token_that_looks_encoded_itself_is_found() {
        for token in ["a\\\\b", "ab%25cd", "ab&amp;cd", "%%%", "&#61;"] {
            assert_eq!(clean(&format!("t {token} t"), &[token.as_bytes()]), "t *** t", "{token}");
        }
    }

    #[test]
    fn a_part_that_tells_is_redacted_and_the_longest_secret_wins() {
        let token: &[u8] = b"0123456789abcdefghijklmnop";
        for part in ["0123456789abcdef", "123456789abcdefgh", "abcdefghijklmnop", "a%62c\tdefghij\r\nklmnop"] {
            assert_eq!(clean(&format!("x {part}..."), &[token]), "x ***...");
            assert_eq!(clean(&format!("x {part}..."), &[b"another", token]), "x ***...");
        }
        assert_eq!(clean("x bcdefghijklmnop", &[token]), "x bcdefghijklmnop", "fifteen tell nothing");
        assert_eq!(clean("issued NEWSECRETREST", &[b"NEWSECRET", b"NEWSECRETREST"]), "issued ***");
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

    #[test]
    fn a_character_that_a_secret_ends_in_is_no_reason_to_panic() {
        let token = "aaaaaaaaaaaaaaa\u{e9}"; // its first byte is the sixteenth, and that of the next one, too
        assert_eq!(clean("aaaaaaaaaaaaaaa\u{e8} for", &[token.as_bytes()]), "*** for");
        assert_eq!(clean("aaaaaaaaaaaaaaa\u{e8}", &[token.as_bytes()]), "***");
        assert_eq!(clean("\u{e8}aaaaaaaaaaaaaaa\u{e9}\u{e8}", &[token.as_bytes()]), "\u{e8}***\u{e8}");
    }

    #[test]
    fn what_is_encoded_too_often_or_too_long_is_not_handed_on() {
        for (again, prefix) in [("25", "%"), ("amp;", "&")] {
            let message = |times: usize| format!("x {prefix}{}3D", again.repeat(times));
            assert!(super::clean(&message(8), &[b"token"]).is_some());
            assert_eq!(super::clean(&message(9), &[b"token"]), None);
        }
        assert_eq!(clean("short", &[&[b'x'; 1024]]), "short");
        assert_eq!(super::clean("short", &[&[b'x'; 1025]]), None);
    }

    /// Fifty messages of 1 MiB take five seconds in a build for tests; before these limits one could take half a minute.
    #[test]
    #[cfg_attr(miri, ignore = "it would take an hour")]
    fn a_hostile_message_costs_no_more_than_what_is_kept_of_it() {
        let started = std::time::Instant::now();
        let almost = [b"a".repeat(14), b"b".to_vec()].concat();
        for token in [b"a".repeat(1024), almost.repeat(68), b"%".repeat(1024), b"25".repeat(512), b"&".repeat(1024)] {
            for part in [
                "a",
                "%25",
                "%2525252525252525",
                "25",
                "&amp;",
                "&amp;amp;amp;amp;amp;amp;amp;amp;",
                "a\n",
                "\n",
                "%61",
                "&#97;",
            ] {
                let message = part.repeat((1 << 20) / part.len());
                assert!(super::clean(&message, &[&token, &almost]).is_none_or(|clean| clean.len() <= 512));
            }
        }
        assert!(started.elapsed().as_secs() < 50, "{:?}", started.elapsed());
    }

    #[test]
    #[cfg_attr(miri, ignore = "it would take an hour")]
    fn a_hostile_body_is_read_once() {
        let started = std::time::Instant::now();
        for part in
            ["<", "<MessageX", "<Message ", "<Message/", "<Message <Message/>", "<Message></", "&<Message><![CDATA"]
        {
            assert!(find(format!("<{}", part.repeat((4 << 20) / part.len())).as_bytes()).is_none(), "{part}");
        }
        assert!(started.elapsed().as_secs() < 20);
    }
}
