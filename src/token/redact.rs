//! Makes a server's message safe to log: removes tokens, also encoded ones.
//!
//! A server or proxy may repeat the URL of a renewal, in which the token is percent-encoded. The message may also be
//! escaped for JSON or HTML, several times and nested. So it is decoded repeatedly, until there is nothing left to
//! decode. Each decoded form records where in the message its bytes come from, and parts of a token are hidden there.
//! The time is linear in the length of the message.

use std::ops::Range;

use zeroize::Zeroizing;

/// The result has at most this many bytes.
const LIMIT: usize = 512;

/// This many consecutive bytes of a token are hidden, from any position in it.
const TELLING_PART: usize = 16;

/// A longer message is neither searched nor returned. Real ones are much shorter.
const LONGEST_MESSAGE: usize = 64 << 10;

/// With a longer token, no message is returned. Real ones are much shorter.
const LONGEST_TOKEN: usize = 1 << 10;

/// A message such as `%252525252525253D` is decoded at most this many times. If that is not enough, it is not returned.
const NESTED: usize = 8;

/// The message on one line of at most 512 bytes, with `***` for each secret and each part of `TELLING_PART` bytes or
/// more. `None` if a limit above is exceeded.
pub(crate) fn redact(message: &str, secrets: &[&[u8]]) -> Option<String> {
    if message.len() > LONGEST_MESSAGE || secrets.iter().any(|secret| secret.len() > LONGEST_TOKEN) {
        return None;
    }
    let secrets: Vec<_> = secrets.iter().map(|secret| Reading::of(secret)).collect();
    let parts: Vec<_> = secrets.iter().map(|secret| Parts::of(&secret.bytes)).collect();
    let mut hidden = vec![false; message.len()];
    let mut reading = Reading::of(message.as_bytes());
    for _ in 0..=NESTED {
        parts.iter().for_each(|parts| parts.hide(&reading, &mut hidden));
        let Some(next) = reading.decoded() else { return Some(shown(message, &hidden)) };
        reading = next;
    }
    None
}

/// The message with `***` for hidden bytes, cut to `LIMIT`.
fn shown(message: &str, hidden: &[bool]) -> String {
    let mut out = String::with_capacity(LIMIT);
    let mut was_hidden = false;
    for ((at, character), end) in message.char_indices().zip(ends(message)) {
        let is_hidden = hidden.get(at..end).is_some_and(|bytes| bytes.contains(&true));
        let mut buffer = [0; 4];
        let text = match character {
            _ if is_hidden && was_hidden => "",
            _ if is_hidden => "***",
            _ if is_unprintable(character) => " ",
            _ => character.encode_utf8(&mut buffer),
        };
        if out.len() + text.len() > LIMIT {
            break;
        }
        out.push_str(text);
        was_hidden = is_hidden;
    }
    out
}

/// Where each character ends.
fn ends(text: &str) -> impl Iterator<Item = usize> {
    text.char_indices().map(|(at, character)| at + character.len_utf8())
}

/// Control characters, and Unicode characters that break a line, change the writing direction or are invisible.
fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}

/// A text as it is searched: only its visible ASCII. A token has no other bytes, and it can still be read with line
/// breaks or the zeros of UTF-16 between them. A space counts as `+`, because form decoding turns `+` into a space.
struct Reading {
    bytes: Zeroizing<Vec<u8>>,
    /// Where in the message each byte comes from.
    origins: Vec<Range<usize>>,
}

impl Reading {
    fn of(text: &[u8]) -> Reading {
        #[cfg(test)]
        crate::planted::may_panic();
        let mut reading = Reading::with_capacity(text.len());
        text.iter().enumerate().for_each(|(at, byte)| reading.push(*byte, at..at + 1));
        reading
    }

    /// A decoded reading is not longer than the one before, so it never grows, which would leave an unwiped copy.
    fn with_capacity(len: usize) -> Reading {
        Reading { bytes: Zeroizing::new(Vec::with_capacity(len)), origins: Vec::with_capacity(len) }
    }

    fn push(&mut self, byte: u8, origin: Range<usize>) {
        let byte = if byte == b' ' { b'+' } else { byte };
        if byte.is_ascii_graphic() {
            self.bytes.push(byte);
            self.origins.push(origin);
        }
    }

    /// The same with each escape decoded once; `None` if there is no escape.
    fn decoded(&self) -> Option<Reading> {
        let mut next = Reading::with_capacity(self.bytes.len());
        let (mut at, mut found) = (0, false);
        while let (Some(text @ [first, ..]), Some(origins)) = (self.bytes.get(at..), self.origins.get(at..)) {
            let (byte, len) = escape(text).unwrap_or((*first, 0));
            found |= len > 0;
            let last = len.max(1) - 1;
            if let (Some(start), Some(end)) = (origins.first(), origins.get(last)) {
                next.push(byte, start.start..end.end);
            }
            at += last + 1;
        }
        found.then_some(next)
    }
}

/// All parts of a secret that are hidden, as sorted numbers.
struct Parts {
    len: usize,
    sorted: Zeroizing<Vec<u128>>,
}

impl Parts {
    fn of(secret: &[u8]) -> Parts {
        let len = secret.len().clamp(1, TELLING_PART);
        let mut sorted = Zeroizing::new(Vec::with_capacity(secret.len()));
        sorted.extend(parts(secret, len));
        sorted.sort_unstable();
        Parts { len, sorted }
    }

    /// Marks the bytes of the message that contain one of the parts.
    fn hide(&self, reading: &Reading, hidden: &mut [bool]) {
        let mut done = 0; // marking no byte twice keeps the time linear
        for (part, origins) in parts(&reading.bytes, self.len).zip(reading.origins.windows(self.len)) {
            if self.sorted.binary_search(&part).is_err() {
                continue;
            }
            if let (Some(first), Some(last)) = (origins.first(), origins.last())
                && let Some(bytes) = hidden.get_mut(first.start.max(done)..last.end)
            {
                bytes.fill(true);
                done = last.end;
            }
        }
    }
}

/// All parts of this length, at most `TELLING_PART`, as numbers, which compare faster than bytes.
fn parts(bytes: &[u8], len: usize) -> impl Iterator<Item = u128> {
    let mask = u128::MAX >> (u128::BITS as usize - 8 * len);
    let parts = bytes.iter().scan(0, move |part, byte| {
        *part = (*part << 8 | u128::from(*byte)) & mask;
        Some(*part)
    });
    parts.skip(len - 1)
}

/// The byte that an escape at the start of the text stands for, and the length of the escape. A character outside ASCII
/// becomes 0, which is not searched.
fn escape(text: &[u8]) -> Option<(u8, usize)> {
    let (byte, len) = match text {
        [b'%', b'u' | b'U', rest @ ..] => longer(digits(rest, 16, 4, 4), 1),
        [b'%', rest @ ..] => digits(rest, 16, 2, 2),
        [b'\\', rest @ ..] => backslash_escape(rest),
        [b'&', rest @ ..] => html_entity(rest),
        _ => None,
    }?;
    Some((byte, len + 1))
}

/// Escapes of JSON, JavaScript, C, Python and others: `\u003d`, `\u{3d}`, `\x3d`, `\U0000003d`, `\75`, `\n`, `\=`.
fn backslash_escape(text: &[u8]) -> Option<(u8, usize)> {
    let (kind, rest) = text.split_first()?;
    let number = match kind {
        b'u' | b'x' if rest.starts_with(b"{") => {
            let number = digits(rest.get(1..)?, 16, 1, usize::MAX);
            longer(number.filter(|(_, len)| rest.get(len + 1) == Some(&b'}')), 2)
        }
        b'u' => digits(rest, 16, 4, 4),
        b'U' => digits(rest, 16, 8, 8),
        b'x' => digits(rest, 16, 2, 2),
        b'0'..=b'7' => return digits(text, 8, 1, 3),
        b'b' | b'f' | b'n' | b'r' | b't' | b'v' => Some((0, 0)),
        _ => None,
    };
    longer(number.or(Some((*kind, 0))), 1)
}

/// `&#61;`, `&#x3d;` and `&equals;`, with or without the semicolon.
fn html_entity(text: &[u8]) -> Option<(u8, usize)> {
    let (byte, len) = match text {
        [b'#', b'x' | b'X', rest @ ..] => longer(digits(rest, 16, 1, usize::MAX), 2),
        [b'#', rest @ ..] => longer(digits(rest, 10, 1, usize::MAX), 1),
        _ => {
            let len = text.iter().take(LONGEST_ENTITY).take_while(|byte| byte.is_ascii_alphanumeric()).count();
            let name = text.get(..len)?;
            ENTITIES.iter().find(|(_, known)| known.as_bytes() == name).map(|(byte, _)| (*byte, len))
        }
    }?;
    Some((byte, len + usize::from(text.get(len) == Some(&b';'))))
}

const LONGEST_ENTITY: usize = 8;

/// The entities of visible ASCII (HTML, 13.5), with one name each.
const ENTITIES: [(u8, &str); 30] = [
    (b'!', "excl"),
    (b'"', "quot"),
    (b'#', "num"),
    (b'$', "dollar"),
    (b'%', "percnt"),
    (b'&', "amp"),
    (b'\'', "apos"),
    (b'(', "lpar"),
    (b')', "rpar"),
    (b'*', "ast"),
    (b'+', "plus"),
    (b',', "comma"),
    (b'.', "period"),
    (b'/', "sol"),
    (b':', "colon"),
    (b';', "semi"),
    (b'<', "lt"),
    (b'=', "equals"),
    (b'>', "gt"),
    (b'?', "quest"),
    (b'@', "commat"),
    (b'[', "lsqb"),
    (b'\\', "bsol"),
    (b']', "rsqb"),
    (b'^', "Hat"),
    (b'_', "lowbar"),
    (b'`', "grave"),
    (b'{', "lcub"),
    (b'|', "verbar"),
    (b'}', "rcub"),
];

/// The number of `least` to `most` digits at the start of the text, and how many digits it has.
fn digits(text: &[u8], radix: u32, least: usize, most: usize) -> Option<(u8, usize)> {
    let digits = text.iter().take(most).map_while(|byte| char::from(*byte).to_digit(radix));
    let (value, len) =
        digits.fold((0_u32, 0), |(value, len), digit| (value.saturating_mul(radix).saturating_add(digit), len + 1));
    let byte = u8::try_from(value).ok().filter(u8::is_ascii).unwrap_or(0);
    (len >= least).then_some((byte, len))
}

fn longer(found: Option<(u8, usize)>, len: usize) -> Option<(u8, usize)> {
    found.map(|(byte, rest)| (byte, rest + len))
}

#[cfg(test)]
mod tests {
    fn redact(message: &str, secrets: &[&[u8]]) -> String {
        super::redact(message, secrets).unwrap()
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
            "%25u0041PI:5:a+b/c=\"&%",
            "%5Cu0041PI:5:a+b/c=\"&%",
            "%%341PI:5:a+b/c=\"&%",
            "API:5:a+b\\/c\\u003d\\\"\\u0026%",
            "\\\\u0041PI:5:a+b\\\\/c=\\\\\\\"&%",
            "API:5:a+b/c\\u{3d}\"&%",
            "API:5:a+b/c\\u{0000000003d}\"&%",
            "API\\x3A5:a+b/c=\"&%",
            "API\\x{3A}5:a+b/c=\"&%",
            "API\\U0000003A5:a+b/c=\"&%",
            "\\101PI\\0725:a+b/c=\"&%",
            "API&#58;5&#x3a;a&plus;b&sol;c&#61;&quot;&amp;%",
            "API&#0000000000000000058;5&#x0000003a;a+b/c=\"&amp%",
            "&#65PI:5:a+b/c=\"&%",
            "API&amp;#58;5:a+b/c&amp;amp;#61;\"&amp;%",
            "%26%2365%3BPI:5:a+b/c=\"&%",
            "&#37;41PI:5:a+b/c=\"&%",
            "API:5:a\r\n\n\n\n\n\n\n+b/c=\\n\"&%",
            "A\u{0}P\u{0}I\u{0}:\u{0}5\u{0}:\u{0}a\u{0}+\u{0}b/c=\"&%",
            "API:5:a\u{200b}+\u{ad}b/\u{fffd}c=\"&%",
        ] {
            let text = format!("the token {encoded} was bad, yes {encoded}");
            assert_eq!(redact(&text, &[b"other", token]), "the token *** was bad, yes ***", "{encoded}");
        }
        assert_eq!(redact("API:5:a+b/c", &[token]), "API:5:a+b/c", "a shorter part is not hidden");
    }

    #[test]
    fn each_html_entity_is_decoded() {
        let token: String = super::ENTITIES.iter().map(|(byte, _)| char::from(*byte)).collect();
        let encoded: String = super::ENTITIES.iter().map(|(_, name)| format!("&{name};")).collect();
        assert_eq!(redact(&format!("t {encoded} t"), &[token.as_bytes()]), "t *** t");
        assert!(super::ENTITIES.iter().all(|(_, name)| name.len() <= super::LONGEST_ENTITY));
        assert_eq!(redact("&unknown;&#x;&#;&;&", &[b"&<"]), "&unknown;&#x;&#;&;&");
    }

    #[test]
    fn a_token_that_looks_encoded_itself_is_found() {
        for token in ["a\\\\b", "ab%25cd", "ab&amp;cd", "%%%", "&#61;"] {
            assert_eq!(redact(&format!("t {token} t"), &[token.as_bytes()]), "t *** t", "{token}");
        }
        assert_eq!(redact("t ab%2525cd t", &[b"ab%25cd"]), "t *** t");
    }

    #[test]
    fn long_parts_are_hidden_and_overlapping_ones_merged() {
        let token: &[u8] = b"0123456789abcdefghijklmnop";
        for part in ["0123456789abcdef", "123456789abcdefgh", "abcdefghijklmnop", "a%62c\tdefghij\r\nklmnop"] {
            assert_eq!(redact(&format!("x {part}..."), &[token]), "x ***...");
            assert_eq!(redact(&format!("x {part}..."), &[b"another", token]), "x ***...");
        }
        assert_eq!(redact("x bcdefghijklmnop", &[token]), "x bcdefghijklmnop", "15 bytes are not hidden");
        assert_eq!(redact("issued NEWSECRETREST", &[b"NEWSECRET", b"NEWSECRETREST"]), "issued ***");
        assert_eq!(redact("tttt", &[b"t"]), "***");
        assert_eq!(redact("t t", &[b"t"]), "*** ***");
    }

    #[test]
    fn a_message_is_short_and_on_one_line() {
        assert_eq!(redact("a\r\nb\0c\u{85}d\te\u{7f}", &[]), "a  b c d e ");
        assert_eq!(redact("a\u{2028}b\u{202e}c\u{200b}d\u{feff}e", &[]), "a b c d e");
        assert_eq!(redact(&"é".repeat(600), &[]).len(), 512);
        assert_eq!(redact(&format!("x{}", "é".repeat(300)), &[]).len(), 511);
        let token = b"secret-token";
        assert_eq!(redact(&format!("{}secret-token", "x".repeat(509)), &[token]), format!("{}***", "x".repeat(509)));
        assert_eq!(redact(&format!("{}secret-token", "x".repeat(511)), &[token]), "x".repeat(511));
        assert_eq!(redact("nothing", &[b""]), "nothing");
        assert_eq!(redact("", &[b"t"]), "");
    }

    #[test]
    fn multi_byte_characters_near_a_secret_stay_whole() {
        let token = "aaaaaaaaaaaaaaa\u{e9}"; // its first byte is the sixteenth
        assert_eq!(redact("aaaaaaaaaaaaaaa\u{e8} for", &[token.as_bytes()]), "***\u{e8} for");
        assert_eq!(redact("\u{e8}aaaaaaaaaaaaaaa\u{e9}\u{e8}", &[token.as_bytes()]), "\u{e8}***\u{e9}\u{e8}");
        assert_eq!(redact("aaa\u{e8}aaaaaaaaaaaa", &[token.as_bytes()]), "***");
        assert_eq!(redact("\u{e8}", &["\u{e9}".as_bytes()]), "\u{e8}");
    }

    #[test]
    fn a_message_encoded_too_often_or_too_long_is_not_returned() {
        for (again, prefix) in [("25", "%"), ("amp;", "&")] {
            let message = |times: usize| format!("x {prefix}{}3D", again.repeat(times));
            assert!(super::redact(&message(7), &[b"token"]).is_some());
            assert_eq!(super::redact(&message(9), &[b"token"]), None);
        }
        assert_eq!(redact("short", &[&[b'x'; 1024]]), "short");
        assert_eq!(super::redact("short", &[&[b'x'; 1025]]), None);
        assert_eq!(redact(&"x".repeat(64 << 10), &[]), "x".repeat(512));
        assert_eq!(super::redact(&"x".repeat((64 << 10) + 1), &[]), None);
    }
}
