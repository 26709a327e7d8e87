//! Makes a server's message safe to log: removes tokens, also encoded ones, and others than those that are known.
//!
//! A server or proxy may repeat the URL of a renewal, in which the token is percent-encoded. The message may also be
//! escaped for JSON or HTML, several times and nested. So it is decoded repeatedly, until there is nothing left to
//! decode. Each decoded form records where in the message its bytes come from, and parts of a token are hidden there.
//! The time is linear in the length of the message.

use std::iter::successors;
use std::ops::Range;

use zeroize::Zeroizing;

/// The result has at most this many bytes.
const LIMIT: usize = 512;

/// This many consecutive letters and digits of a token are hidden, from any position in it. Between them there may be
/// anything, such as the blanks of a wrapped line, and letter case makes no difference. Other texts do not have twelve
/// in common with a random token.
const TELLING_PART: usize = 12;

/// This many consecutive bytes of any kind are hidden.
const TELLING_BYTES: usize = 16;

/// A longer message is neither searched nor returned. Real ones are much shorter.
const LONGEST_MESSAGE: usize = 64 << 10;

/// With a longer token, no message is returned. Real ones are much shorter.
const LONGEST_TOKEN: usize = 1 << 10;

/// A message such as `%252525252525253D` is decoded at most this many times. If that is not enough, it is not returned.
const NESTED: usize = 8;

/// The message on one line of at most 512 bytes, with `***` for each secret and each long part of one. `None` if a limit
/// above is exceeded.
pub(crate) fn redact(message: &str, secrets: &[&[u8]]) -> Option<String> {
    if message.len() > LONGEST_MESSAGE || secrets.iter().any(|secret| secret.len() > LONGEST_TOKEN) {
        return None;
    }
    let parts: Vec<_> = secrets.iter().flat_map(|secret| Parts::of(secret)).collect();
    let mut hidden = vec![false; message.len()];
    readings(message, |reading| {
        let letters = reading.letters();
        parts.iter().for_each(|parts| parts.hide(if parts.of_letters { &letters } else { reading }, &mut hidden));
    })?;
    Some(shown(message, &hidden))
}

/// How many times a text names a token, as in `"apiToken":"..."` or `token=...`, also if it is encoded. The name of the old
/// token in the URL of a renewal, `expiredToken`, does not count. `None` if a limit above is exceeded.
pub(crate) fn tokens_named(text: &str) -> Option<usize> {
    let mut most = 0;
    (text.len() <= LONGEST_MESSAGE).then(|| readings(text, |reading| most = most.max(names(&reading.bytes))))??;
    Some(most)
}

fn names(bytes: &[u8]) -> usize {
    const NAME: &[u8] = b"token";
    let ends_with = |start: &[u8], word: &[u8]| {
        start.len().checked_sub(word.len()).is_some_and(|at| start[at..].eq_ignore_ascii_case(word))
    };
    let is_name = |at: usize| {
        let (start, rest) = bytes.split_at(at);
        let after = rest.iter().skip(NAME.len()).copied().skip_while(|byte| *byte == b'\\');
        let mut after = after.filter(|byte| *byte != b'+'); // a blank
        let is_assigned = match after.next() {
            Some(b'=' | b'>') => true,
            Some(b'"' | b'\'') => after.find(|byte| *byte != b'\\') == Some(b':'),
            Some(b':') => ends_with(start, b"api"),
            Some(_) => ends_with(start, b"tc-"), // an Authorization header
            None => false,
        };
        is_assigned && !ends_with(start, b"expired")
    };
    let starts = bytes.windows(NAME.len()).enumerate().filter(|(_, window)| window.eq_ignore_ascii_case(NAME));
    starts.filter(|(at, _)| is_name(*at)).count()
}

/// Calls `look` with the text, and with each decoded form of it. `None` if it is encoded too often.
fn readings(text: &str, mut look: impl FnMut(&Reading)) -> Option<()> {
    let mut reading = Reading::of(text.as_bytes());
    for _ in 0..=NESTED {
        look(&reading);
        let Some(next) = reading.decoded() else { return Some(()) };
        reading = next;
    }
    None
}

/// The message with `***` for hidden bytes, cut to `LIMIT`.
fn shown(message: &str, hidden: &[bool]) -> String {
    let mut out = String::with_capacity(LIMIT);
    let mut was_hidden = false;
    for (at, character) in message.char_indices() {
        let is_hidden = hidden.get(at..at + character.len_utf8()).is_some_and(|bytes| bytes.contains(&true));
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

    /// Its letters and digits, in lower case.
    fn letters(&self) -> Reading {
        let mut letters = Reading::with_capacity(self.bytes.len());
        for (byte, origin) in self.bytes.iter().zip(&self.origins).filter(|(byte, _)| byte.is_ascii_alphanumeric()) {
            letters.push(byte.to_ascii_lowercase(), origin.clone());
        }
        letters
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
    of_letters: bool,
    len: usize,
    sorted: Zeroizing<Vec<u128>>,
}

impl Parts {
    /// The bytes of a secret, and its letters if it has enough. A token may contain what looks like an escape, and then be
    /// found only in its decoded form.
    fn of(secret: &[u8]) -> Vec<Parts> {
        let plain = Reading::of(secret);
        let mut all = vec![Parts::new(&plain.bytes, TELLING_BYTES, false)];
        let forms = successors(Some(plain), Reading::decoded).take(NESTED).map(|form| form.letters());
        let telling = forms.filter(|letters| letters.bytes.len() >= TELLING_PART);
        all.extend(telling.map(|letters| Parts::new(&letters.bytes, TELLING_PART, true)));
        all
    }

    fn new(bytes: &[u8], longest: usize, of_letters: bool) -> Parts {
        let len = bytes.len().clamp(1, longest);
        let mut sorted = Zeroizing::new(Vec::with_capacity(bytes.len()));
        sorted.extend(parts(bytes, len));
        sorted.sort_unstable();
        Parts { of_letters, len, sorted }
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

/// All parts of this length, at most 16 bytes, as numbers, which compare faster than bytes.
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
        b'0'..=b'7' => {
            let number = digits(text, 8, 1, 3);
            return number.filter(|(_, len)| *len == 3 || !starts_escape(text.get(*len..).unwrap_or_default()));
        }
        b'b' | b'f' | b'n' | b'r' | b't' | b'v' => Some((0, 0)),
        b'%' | b'&' if starts_escape(text) => return None,
        _ => None,
    };
    let is_interrupted =
        matches!(kind, b'u' | b'U' | b'x') && (0..8).any(|at| starts_escape(rest.get(at..).unwrap_or_default()));
    if number.is_none() && is_interrupted {
        return None;
    }
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
    match text.get(len..) {
        Some([b';', ..]) => Some((byte, len + 1)),
        Some(rest @ [b'%' | b'\\', ..]) if starts_escape(rest) => None,
        _ => Some((byte, len)),
    }
}

/// Whether an escape begins here. Inside another one it is decoded first: it may stand for a digit of that.
fn starts_escape(text: &[u8]) -> bool {
    match text {
        [b'%', b'u' | b'U', ..] => true,
        [b'%', high, low, ..] => high.is_ascii_hexdigit() && low.is_ascii_hexdigit(),
        [b'&', next, ..] => *next == b'#' || next.is_ascii_alphabetic(),
        [b'\\', _, ..] => true,
        _ => false,
    }
}

const LONGEST_ENTITY: usize = 14;

/// The entities of visible ASCII (HTML, 13.5), with one name each, some in upper case, and those of blanks.
const ENTITIES: [(u8, &str); 43] = [
    (0, "Tab"),
    (0, "NewLine"),
    (0, "nbsp"),
    (0, "shy"),
    (0, "ensp"),
    (0, "emsp"),
    (0, "thinsp"),
    (0, "zwj"),
    (0, "zwnj"),
    (0, "ZeroWidthSpace"),
    (b'&', "AMP"),
    (b'<', "LT"),
    (b'>', "GT"),
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
        let (blanks, visible): (Vec<_>, Vec<_>) = super::ENTITIES.into_iter().partition(|(byte, _)| *byte == 0);
        let token: String = visible.iter().map(|(byte, _)| char::from(*byte)).collect();
        let encode = |entities: &[(u8, &str)]| entities.iter().map(|(_, name)| format!("&{name};")).collect::<String>();
        let (start, end) = visible.split_at(visible.len() / 2);
        let encoded = [encode(start), encode(&blanks), encode(end)].concat();
        assert_eq!(redact(&format!("t {encoded} t"), &[token.as_bytes()]), "t *** t");
        assert!(super::ENTITIES.iter().all(|(_, name)| name.len() <= super::LONGEST_ENTITY));
        assert_eq!(redact("&unknown;&#x;&#;&;&", &[b"&<"]), "&unknown;&#x;&#;&;&");
    }

    #[test]
    fn a_token_is_found_whatever_is_between_its_letters() {
        let token = b"API:5:Zq7Lw2mXr9+Kt4/Bv8nYc3=HdPf6";
        for separator in
            [" ", "\r\n ", "+", "%20", "%0A%20", ",", "-", "\" + \"", "&nbsp;", "&shy;", "&NewLine;", "\u{a0}"]
        {
            for len in [1, 8] {
                let parts: Vec<_> = token.chunks(len).map(|part| str::from_utf8(part).unwrap()).collect();
                let text = redact(&format!("bad: {} !", parts.join(separator)), &[token]);
                assert_eq!(text, "bad: *** !", "{separator:?} {len}");
            }
        }
        let wrapped = "x API:5:Zq7Lw2mXr9+<wbr>Kt4/Bv8nYc3=HdPf6";
        assert_eq!(redact(wrapped, &[token]), "x ***<wbr>***");
        for changed in [token.to_ascii_lowercase(), token.to_ascii_uppercase()] {
            assert_eq!(redact(str::from_utf8(&changed).unwrap(), &[token]), "***");
        }
        let escaped = b"API:5:abc%3Ddefghijklmnop";
        assert_eq!(redact("x &#65;PI:5:abc%3D&#100;efghij&#107;lmnop", &[escaped]), "x ***");
    }

    #[test]
    fn escapes_inside_others_are_decoded_first() {
        let token: &[u8] = b"abcdefghI:klmnop";
        for encoded in ["\\&#117;0049", "&#7\\n3;", "\\u00&#52;9", "\\11&#49;", "&am%70;#73;", "%&#52;9"] {
            assert_eq!(redact(&format!("x abcdefgh{encoded}:klmnop"), &[token]), "x ***", "{encoded}");
        }
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
        assert_eq!(redact("x fghijklmnop.", &[token]), "x fghijklmnop.", "11 letters are not hidden");
        let punctuation: &[u8] = b"0:1:2:3:4:5:6:7:8";
        assert_eq!(redact("x 1:2:3:4:5:6:7:8 x", &[punctuation]), "x 1:2:3:4:5:6:7:8 x", "15 bytes are not hidden");
        assert_eq!(redact("x :1:2:3:4:5:6:7:8 x", &[punctuation]), "x *** x");
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

    #[test]
    fn names_of_tokens_are_counted() {
        for named in [
            r#""apiToken":"x""#,
            r#"'apitoken' : 'x'"#,
            r#"\"apiToken\":\"x\""#,
            r#""api\u0054oken":"x""#,
            "api%54oken=x",
            "token=x",
            "<ApiToken>x",
            "apiToken: x",
            "Authorization: TC-Token x",
            "a\0p\0i\0T\0o\0k\0e\0n\0=\0x",
        ] {
            assert_eq!(super::tokens_named(named), Some(1), "{named}");
        }
        for none in [
            "",
            "The apiToken has expired",
            "invalid token: x",
            r#""apiTokenExpires":"1""#,
            "appAuth?expiredToken=x",
            "token",
        ] {
            assert_eq!(super::tokens_named(none), Some(0), "{none}");
        }
        assert_eq!(super::tokens_named(r#"{"token":"a","data":{"apiToken":"b"}}"#), Some(2));
        assert_eq!(super::tokens_named(&"x".repeat((64 << 10) + 1)), None);
    }
}
