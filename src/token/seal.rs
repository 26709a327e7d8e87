//! The text that carries a token from one process of a family to the others. docs/sealed-token.md has the format.

use aes_gcm_siv::{AeadInOut, Aes256GcmSiv, KeyInit, Nonce, Tag};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::ascii::{BYTE_ORDER_MARK, ascii};
use crate::error::{Error, Result};
use crate::secret::Undumped;
use crate::secret::residue::wiped;
use crate::token::family::Family;
use crate::token::value::Token;

/// Stack bytes used at most to encrypt or decrypt.
const SEAL_STACK: usize = 7 << 10;

const VERSION: &str = "TC1.";

/// What is in plain text: the version, 16 digits of the generation, and a period.
const PREFIX: usize = VERSION.len() + 16 + 1;

/// From here on there is no generation, so a counter can't overflow.
const GENERATION_LIMIT: u64 = 1 << 63;

/// What is encrypted: the expiry, the token, and zeros up to a multiple of this, so that the length says little.
const BLOCK: usize = 256;

/// The largest text that is encrypted. No server accepts a header that long.
const LARGEST: usize = 64 << 10;

/// The bytes of the expiry, and their value if it is unknown.
const EXPIRY: usize = 8;
const NO_EXPIRY: u64 = u64::MAX;

const TAG: usize = 16;

/// The longest sealed text.
pub(super) const LONGEST: usize = PREFIX + ((LARGEST + TAG) * 8).div_ceil(6);

const MOST_KEYS: usize = 4;

/// Stands for the key if there is none; no key contains this character.
const NO_KEY: &[u8] = b"\0";

/// The keys that the processes of a family share besides their first token: none, or 1 to 4.
pub(crate) struct Keys(Option<Undumped>);

impl Keys {
    /// One key per line, of any bytes except control characters. The end of a line is LF or CR LF; the last line may
    /// lack it. A byte order mark at the start of a line is not part of the key. So the content of a key file, or of two
    /// in a row, can be passed unchanged, and is the same key whichever tool wrote or read it.
    pub(crate) fn parse(text: Option<&[u8]>) -> Result<Keys> {
        let Some(text) = text else { return Ok(Keys(None)) };
        // A second mark is refused: a tool that strips one would make another key of the same file.
        let is_key = |line: &[u8]| {
            !line.is_empty() && !line.iter().any(u8::is_ascii_control) && !line.starts_with(BYTE_ORDER_MARK)
        };
        if !lines(text).all(is_key) || lines(text).count() > MOST_KEYS {
            return Err(Error::InvalidArgument);
        }
        Ok(Keys(Some(Undumped::concat(&[text]))))
    }

    /// The first one seals, each of them unseals.
    fn each(&self) -> impl Iterator<Item = &[u8]> {
        lines(self.0.as_deref().unwrap_or(NO_KEY))
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.split(|byte| *byte == b'\n').map(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line)
    })
}

/// What a sealed text contains.
pub(crate) struct Sealed {
    /// How often the token or its expiry was changed since the family's first token.
    pub(crate) generation: u64,
    pub(crate) token: Token,
}

impl Family {
    /// Equal inputs give equal texts. No random numbers are needed: AES-GCM-SIV stays secure if a nonce is used twice.
    pub(crate) fn seal(&self, keys: &Keys, generation: u64, token: &Token) -> Result<String> {
        let len = padded_len(token.bytes());
        if generation >= GENERATION_LIMIT || len > LARGEST {
            return Err(Error::SealInvalid);
        }
        let key = keys.each().next().ok_or(Error::InvalidArgument)?;
        let mut body = Zeroizing::new(vec![0; len + TAG]);
        let expires = token.expires().map_or(NO_EXPIRY, i64::cast_unsigned).to_be_bytes();
        body[..EXPIRY].copy_from_slice(&expires);
        body[EXPIRY..][..token.bytes().len()].copy_from_slice(token.bytes());

        let mut text = prefix(generation);
        let (plain, tag) = body.split_at_mut(len);
        let associated = self.associated(generation);
        let sealed = wiped::<SEAL_STACK, _>(|| {
            self.cipher(key).encrypt_inout_detached(&nonce(generation), &associated, plain.into())
        });
        tag.copy_from_slice(&sealed.map_err(|_| Error::SealInvalid)?);
        URL_SAFE_NO_PAD.encode_string(&body, &mut text);
        Ok(text)
    }

    /// A wrong key and a changed text give the same error.
    pub(crate) fn unseal(&self, keys: &Keys, text: &[u8]) -> Result<Sealed> {
        if has_another_version(text) {
            return Err(Error::SealVersion);
        }
        let (generation, mut body) = parse(text).ok_or(Error::SealInvalid)?;
        let associated = self.associated(generation);
        let len = body.len() - TAG;
        let (plain, tag) = body.split_at_mut(len);
        let tag = Tag::try_from(&*tag).map_err(|_| Error::SealInvalid)?;
        // If the key is wrong, the crate encrypts `plain` again, so it is unchanged for the next key.
        let opens = wiped::<SEAL_STACK, _>(|| {
            let mut keys = keys.each().map(|key| self.cipher(key));
            keys.any(|key| {
                key.decrypt_inout_detached(&nonce(generation), &associated, (&mut *plain).into(), &tag).is_ok()
            })
        });
        let token = if opens { token(plain) } else { None };
        Ok(Sealed { generation, token: token.ok_or(Error::SealInvalid)? })
    }

    /// The caller must wipe the stack.
    fn cipher(&self, key: &[u8]) -> Aes256GcmSiv {
        Aes256GcmSiv::new(&(*self.seal_key(key)).into())
    }

    /// What is authenticated besides the token: all that is in front of it, and the family's name.
    fn associated(&self, generation: u64) -> Vec<u8> {
        [&prefix(generation), self.name()].concat().into_bytes()
    }
}

fn prefix(generation: u64) -> String {
    format!("{VERSION}{generation:016x}.")
}

fn padded_len(token: &[u8]) -> usize {
    (EXPIRY + token.len()).next_multiple_of(BLOCK)
}

fn nonce(generation: u64) -> Nonce {
    let mut nonce = Nonce::default();
    nonce[4..].copy_from_slice(&generation.to_be_bytes());
    nonce
}

/// `TC`, another decimal number than 1, and a period.
fn has_another_version(text: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(b"TC") else { return false };
    let Some(end) = rest.iter().position(|byte| !byte.is_ascii_digit()) else { return false };
    rest[end] == b'.' && end > 0 && rest[0] != b'0' && rest[..end] != *b"1"
}

/// The generation, and the encrypted bytes with their tag. Each has one spelling only.
fn parse(text: &[u8]) -> Option<(u64, Zeroizing<Vec<u8>>)> {
    let (prefix, body) = text.split_at_checked(PREFIX)?;
    let digits = prefix.strip_prefix(VERSION.as_bytes())?.strip_suffix(b".")?;
    if !digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let generation = u64::from_str_radix(ascii(digits), 16).ok().filter(|number| *number < GENERATION_LIMIT)?;
    let plain_len = (body.len() / 4 * 3 + body.len() % 4 * 3 / 4).checked_sub(TAG)?;
    if !(BLOCK..=LARGEST).contains(&plain_len) || plain_len % BLOCK != 0 {
        return None;
    }
    let mut bytes = Zeroizing::new(vec![0; plain_len + TAG]); // the caller decrypts in place
    let len = URL_SAFE_NO_PAD.decode_slice(body, &mut bytes).ok()?;
    (len == bytes.len()).then_some((generation, bytes))
}

/// Reads what was encrypted. Only somebody who knows the key can make it fail.
fn token(plain: &[u8]) -> Option<Token> {
    let (expires, padded) = plain.split_first_chunk()?;
    let token = &padded[..padded.iter().rposition(|byte| *byte != 0)? + 1];
    let expires = Some(u64::from_be_bytes(*expires)).filter(|expires| *expires != NO_EXPIRY).map(u64::cast_signed);
    if plain.len() != padded_len(token) {
        return None;
    }
    Token::new(token, expires).ok()
}

#[cfg(test)]
mod tests {
    use super::{Keys, LARGEST, Sealed};
    use crate::error::Error;
    use crate::token::family::Family;
    use crate::token::value::Token;

    const HIGHEST: u64 = (1 << 63) - 1;

    fn token(value: &str, expires: Option<i64>) -> Token {
        Token::new(value.as_bytes(), expires).unwrap()
    }

    fn family() -> Family {
        Family::of(&token("API:5:first=", None))
    }

    fn keys(text: &str) -> Keys {
        Keys::parse(Some(text.as_bytes())).unwrap()
    }

    fn unseal_error(family: &Family, keys: &Keys, text: &[u8]) -> Option<Error> {
        family.unseal(keys, text).err()
    }

    #[test]
    fn the_lines_of_a_key_file_are_keys() {
        for (text, expected) in [
            ("a", vec!["a"]),
            ("a\n", vec!["a"]),
            ("a\r\n", vec!["a"]),
            ("a\r", vec!["a"]),
            ("a b \n c", vec!["a b ", " c"]),
            ("a\nb\r\nc\nd\r\n", vec!["a", "b", "c", "d"]),
            ("caf\u{e9}", vec!["caf\u{e9}"]),
            ("\u{feff}a\r\n", vec!["a"]),
            ("\u{feff}a\n\u{feff}b\n", vec!["a", "b"]),
            ("a\u{feff}", vec!["a\u{feff}"]),
        ] {
            let keys = keys(text);
            let lines: Vec<_> = keys.each().map(|key| str::from_utf8(key).unwrap()).collect();
            assert_eq!(lines, expected, "{text:?}");
        }
        for text in [
            "",
            "\n",
            "\r\n",
            "a\n\n",
            "\na",
            "a\n\nb",
            "a\r\n\r\n",
            "a\n\r\nb",
            "a\tb",
            "a\rb",
            "a\r\r\n",
            "a\0",
            "a\u{7f}",
            "a\nb\nc\nd\ne",
            "\u{feff}",
            "\u{feff}\r\n",
            "\u{feff}\u{feff}a",
            "\u{feff}\na",
        ] {
            assert!(matches!(Keys::parse(Some(text.as_bytes())), Err(Error::InvalidArgument)), "{text:?}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "it would take an hour")]
    fn what_is_sealed_can_be_unsealed() {
        let family = family();
        let lengths = [1, 2, 247, 248, 249, 503, 504, 505, 4096].map(|len| "t".repeat(len));
        for value in &lengths {
            for expires in [None, Some(0), Some(1), Some(99_999_999_999)] {
                for generation in [0, 1, 0xabc, HIGHEST] {
                    for keys in [Keys::parse(None).unwrap(), keys("a"), keys("a\nb")] {
                        let text = family.seal(&keys, generation, &token(value, expires)).unwrap();
                        let encrypted = (value.len() + 8).next_multiple_of(256) + 16;
                        assert_eq!(text.len(), 21 + (encrypted * 8).div_ceil(6));
                        let Sealed { generation: g, token } = family.unseal(&keys, text.as_bytes()).unwrap();
                        assert_eq!((g, token.value(), token.expires()), (generation, value.as_str(), expires));
                        assert_eq!(family.seal(&keys, g, &token).unwrap(), text, "one text for one content");
                    }
                }
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "it would take an hour")]
    fn what_is_too_large_is_not_sealed() {
        let (family, none) = (family(), Keys::parse(None).unwrap());
        let largest = token(&"t".repeat(LARGEST - 8), None);
        let text = family.seal(&none, HIGHEST, &largest).unwrap();
        assert_eq!(family.unseal(&none, text.as_bytes()).unwrap().token.value(), largest.value());
        assert_eq!(family.seal(&none, HIGHEST + 1, &token("t", None)), Err(Error::SealInvalid));
        assert_eq!(family.seal(&none, u64::MAX, &token("t", None)), Err(Error::SealInvalid));
        assert_eq!(family.seal(&none, 0, &token(&"t".repeat(LARGEST - 7), None)), Err(Error::SealInvalid));
    }

    #[test]
    fn the_first_key_seals_and_each_unseals() {
        let (family, value) = (family(), token("t", Some(1)));
        let text = family.seal(&keys("new\nold"), 3, &value).unwrap();
        assert_eq!(text, family.seal(&keys("new"), 3, &value).unwrap());
        for good in ["new", "new\nold", "old\nnew", "a\nb\nc\nnew"] {
            assert_eq!(family.unseal(&keys(good), text.as_bytes()).unwrap().token.value(), "t", "{good:?}");
        }
        for bad in ["old", "New", "new ", "a\nb\nc\nd"] {
            assert_eq!(unseal_error(&family, &keys(bad), text.as_bytes()), Some(Error::SealInvalid), "{bad:?}");
        }
        let none = Keys::parse(None).unwrap();
        assert_eq!(unseal_error(&family, &none, text.as_bytes()), Some(Error::SealInvalid));
        let unkeyed = family.seal(&none, 3, &value).unwrap();
        assert_eq!(unseal_error(&family, &keys("new"), unkeyed.as_bytes()), Some(Error::SealInvalid));
        let another = Family::of(&token("API:5:another=", None));
        assert_eq!(unseal_error(&another, &keys("new"), text.as_bytes()), Some(Error::SealInvalid));
    }

    /// Each byte in turn gets another value (in plain text each one, else one with another bit); each part is cut off;
    /// something follows.
    #[test]
    #[cfg_attr(miri, ignore = "it would take an hour")]
    fn every_change_of_a_text_is_refused() {
        let (family, none) = (family(), Keys::parse(None).unwrap());
        let text = family.seal(&none, 0x1a, &token("t", Some(1))).unwrap().into_bytes();
        for at in 0..text.len() {
            assert_eq!(unseal_error(&family, &none, &text[..at]), Some(Error::SealInvalid), "{at}");
            let others = if at < 21 { (1..=255).collect() } else { (0..8).map(|bit| 1 << bit).collect::<Vec<u8>>() };
            for byte in others.into_iter().map(|bits| text[at] ^ bits) {
                let mut changed = text.clone();
                changed[at] = byte;
                let expected =
                    if at == 2 && matches!(byte, b'2'..=b'9') { Error::SealVersion } else { Error::SealInvalid };
                assert_eq!(unseal_error(&family, &none, &changed), Some(expected), "{at} {byte}");
            }
        }
        for end in ["\n", "=", "A", "AA", "AAAA", "\0", " "] {
            assert_eq!(unseal_error(&family, &none, &[&text, end.as_bytes()].concat()), Some(Error::SealInvalid));
        }
        let upper = String::from_utf8(text.clone()).unwrap().replace("1a.", "1A.");
        assert_eq!(unseal_error(&family, &none, upper.as_bytes()), Some(Error::SealInvalid));
        assert!(family.unseal(&none, &text).is_ok());
    }

    #[test]
    fn versions() {
        let (family, none) = (family(), Keys::parse(None).unwrap());
        let long = format!("TC2.{}", "A".repeat(1 << 20));
        for other in ["TC2.", "TC2.x", "TC10.", "TC11.", "TC123456789012345678901234567890.", &long] {
            assert_eq!(unseal_error(&family, &none, other.as_bytes()), Some(Error::SealVersion), "{other}");
        }
        for bad in [
            "",
            "T",
            "TC",
            "TC.",
            "TC0.",
            "TC01.",
            "TC02.",
            "TC1",
            "TC1.",
            "TC2",
            "TC2x.",
            "TC-2.",
            "tc2.",
            " TC2.",
            "TC\u{662}.",
        ] {
            assert_eq!(unseal_error(&family, &none, bad.as_bytes()), Some(Error::SealInvalid), "{bad}");
        }
    }

    #[test]
    fn generations_end_before_the_sign_bit() {
        let (family, none) = (family(), Keys::parse(None).unwrap());
        let text = family.seal(&none, HIGHEST, &token("t", None)).unwrap();
        for digits in ["8000000000000000", "ffffffffffffffff", "+000000000000001"] {
            let text = text.replace("7fffffffffffffff", digits);
            assert_eq!(unseal_error(&family, &none, text.as_bytes()), Some(Error::SealInvalid), "{digits}");
        }
    }
}
