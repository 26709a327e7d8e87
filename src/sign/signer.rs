//! The string to sign and its signature.

use ctutils::CtEq;

use crate::ascii::{BYTE_ORDER_MARK, ascii, is_visible};
use crate::error::{Error, Result};
use crate::request::target::Target;
use crate::secret::residue::wiped;
use crate::sign::hmac::{Key, Mac};

/// 32 bytes of HMAC-SHA256 in base64 with padding (RFC 4648, 4).
pub(crate) type Signature = [u8; 44];

/// The scheme of a signed request's Authorization header, with the space that follows it.
pub(crate) const SCHEME: &[u8] = b"TC ";

/// A request method in upper case, as it is sent, with the colons around it in the string to sign.
pub(crate) struct Method<'a>(&'a [u8]);

/// Room for a method that is not one of the usual ones.
pub(crate) type MethodBuffer = Option<[u8; Method::LIMIT + 2]>;

impl<'a> Method<'a> {
    const LIMIT: usize = 64;

    #[inline(always)]
    pub(crate) fn parse(method: &[u8], buffer: &'a mut MethodBuffer) -> Result<Method<'a>> {
        Ok(Method(match method {
            b"GET" => b":GET:",
            b"POST" => b":POST:",
            b"PUT" => b":PUT:",
            b"DELETE" => b":DELETE:",
            _ => Method::convert(method, buffer)?,
        }))
    }

    #[inline(never)]
    fn convert(method: &[u8], buffer: &'a mut MethodBuffer) -> Result<&'a [u8]> {
        if method.is_empty() || method.len() > Method::LIMIT {
            return Err(Error::InvalidMethod);
        }
        let text = buffer.insert([b':'; Method::LIMIT + 2]);
        for (to, from) in text[1..].iter_mut().zip(method) {
            *to = UPPER_CASE[usize::from(*from)];
            if *to == 0 {
                return Err(Error::InvalidMethod);
            }
        }
        Ok(&text[..method.len() + 2])
    }
}

/// For each `tchar` of RFC 9110, 5.6.2, its upper case; 0 for all other bytes.
const UPPER_CASE: [u8; 256] = {
    let mut table = [0; 256];
    let others = b"!#$%&'*+-.^_`|~";
    let mut i = 0;
    while i < table.len() {
        let byte = i as u8;
        let mut j = 0;
        while j < others.len() {
            if byte == others[j] || byte.is_ascii_alphanumeric() {
                table[i] = byte.to_ascii_uppercase();
            }
            j += 1;
        }
        i += 1;
    }
    table
};

/// `<request target>:<METHOD>:<Unix seconds>`, in parts that are hashed one by one, without joining them.
pub(crate) struct StringToSign<'a> {
    start: &'a [u8],
    rest: [&'a [u8]; 3],
}

impl<'a> StringToSign<'a> {
    /// `timestamp` is the value of the Timestamp header.
    pub(crate) fn new(target: Target<'a>, method: Method<'a>, timestamp: &'a [u8]) -> StringToSign<'a> {
        let [start, rest] = target.parts();
        StringToSign { start, rest: [rest, method.0, timestamp] }
    }

    pub(crate) fn timestamp(&self) -> &'a [u8] {
        self.rest[2]
    }

    pub(crate) fn to_text(&self) -> String {
        [self.start].iter().chain(&self.rest).map(|part| ascii(part)).collect()
    }
}

/// Stack bytes used at most to set up a key.
const KEY_SETUP_STACK: usize = 4 << 10;

/// An access id and the state of a keyed hash. The secret key itself is not kept.
pub(crate) struct Signer {
    /// `TC <access id>:`, the start of every Authorization header.
    prefix: Box<[u8]>,
    key: Key,
}

impl Signer {
    /// Boxed, because moving a signer would leave a copy of the key's state.
    pub(crate) fn new(access_id: &[u8], secret_key: &[u8]) -> Result<Box<Signer>> {
        if !is_visible(access_id) {
            return Err(Error::InvalidAccessId);
        }
        // What a file leaves around a key would make every signature wrong.
        let is_key = !secret_key.starts_with(BYTE_ORDER_MARK) && !secret_key.iter().any(u8::is_ascii_control);
        if secret_key.is_empty() || !is_key {
            return Err(Error::InvalidSecretKey);
        }
        let prefix = [SCHEME, access_id, b":"].concat().into();
        Ok(wiped::<KEY_SETUP_STACK, _>(|| Box::new(Signer { prefix, key: Key::new(secret_key) })))
    }

    pub(crate) fn access_id(&self) -> &str {
        ascii(&self.prefix[SCHEME.len()..self.prefix.len() - 1])
    }

    /// The length of the value of the Authorization header.
    pub(crate) fn value_len(&self) -> usize {
        self.prefix.len() + size_of::<Signature>()
    }

    /// Writes the value of the Authorization header to `out`, which has its length.
    #[inline(always)]
    pub(crate) fn write_value(&self, text: &StringToSign, out: &mut [u8]) {
        let mac = self.mac(text);
        let (prefix, signature) = out.split_at_mut(self.prefix.len());
        prefix.copy_from_slice(&self.prefix);
        if let Ok(signature) = signature.try_into() {
            encode(&mac, signature);
        }
    }

    #[inline(always)]
    fn mac(&self, text: &StringToSign) -> Mac {
        self.key.mac(text.start, &text.rest)
    }

    fn sign(&self, text: &StringToSign) -> Signature {
        let mut signature = [0; 44];
        encode(&self.mac(text), &mut signature);
        signature
    }

    /// Whether an id and a signature are those of this signer, compared in constant time.
    pub(crate) fn matches(&self, access_id: &[u8], signature: &[u8], text: &StringToSign) -> bool {
        let id = self.access_id().as_bytes().ct_eq(access_id);
        let signature = self.sign(text).as_slice().ct_eq(signature);
        id.and(signature).to_bool()
    }
}

/// Writes a MAC in base64. Why not with the crate: docs/dependencies.md.
///
/// Each character is computed in the same steps, without branches and tables, so the compiler does sixteen at once.
#[inline(never)]
fn encode(mac: &Mac, out: &mut Signature) {
    let words = |index: usize| u64::from(mac[index]) << 32 | u64::from(mac[index + 1]);
    let [a, b, c, d] = [words(0), words(2), words(4), words(6)];
    // Six bytes each, at the lower end. The last one has only two, and zeros.
    let groups = [a >> 16, a << 32 | b >> 32, b << 16 | c >> 48, c, d >> 16, d << 32];
    let mut text = [0; 48];
    for (to, group) in text.as_chunks_mut().0.iter_mut().zip(groups) {
        *to = sextets(group).to_le_bytes();
    }
    for byte in &mut text {
        *byte = character(byte.cast_signed()).cast_unsigned();
    }
    text[43] = b'=';
    out.copy_from_slice(&text[..44]);
}

/// Splits the lower 48 bits into eight bytes of six bits; the lowest byte gets the first ones.
fn sextets(group: u64) -> u64 {
    let halves = (group >> 24 & 0xff_ffff) | group << 32;
    let quarters = (halves >> 12 & 0xfff_0000_0fff) | (halves & 0xfff_0000_0fff) << 16;
    (quarters >> 6 & 0x3f_003f_003f_003f) | (quarters & 0x3f_003f_003f_003f) << 8
}

/// The character for a number below 64. They are five ranges of ASCII: `A-Z`, `a-z`, `0-9`, `+` and `/`. Signed, because
/// SSE2 compares no other bytes.
fn character(sextet: i8) -> i8 {
    let from = |first: i8, distance: i8| if sextet >= first { distance } else { 0 };
    // Where each range begins, less where the range before it would go on.
    let lower_case = from(26, 97 - 91);
    let digits = from(52, 48 - 123);
    let plus = from(62, 43 - 58);
    let slash = from(63, 47 - 44);
    sextet + lower_case + digits + plus + slash + 65
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::{Method, Signer, StringToSign, encode};
    use crate::error::Error;
    use crate::sign::hmac::{Key, big_endian};

    fn same_as_the_crate(mac: [u32; 8]) -> bool {
        let (mut signature, mut expected) = ([0; 44], [0; 44]);
        encode(&mac, &mut signature);
        STANDARD.encode_slice(big_endian(&mac), &mut expected) == Ok(44) && signature == expected
    }

    /// Each of the 43 characters takes each of its values, among characters of the lowest and the highest value.
    #[test]
    fn every_character_in_every_place() {
        for background in [0, u32::MAX] {
            for place in 0..43 {
                for value in 0..64 {
                    let mut mac = [background; 8];
                    for bit in (0..6).filter(|bit| 6 * place + bit < 256) {
                        let (word, mask) = ((6 * place + bit) / 32, 1 << (31 - (6 * place + bit) % 32));
                        mac[word] = if value >> (5 - bit) & 1 == 1 { mac[word] | mask } else { mac[word] & !mask };
                    }
                    assert!(same_as_the_crate(mac), "{place}, {value}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn encodes_like_the_base64_crate(mac in any::<[u32; 8]>()) {
            prop_assert!(same_as_the_crate(mac));
        }
    }

    /// From another project's tests. This string to sign has no leading slash, so only the hash can be compared.
    #[test]
    fn published_vector() {
        let vectors: serde_json::Value = serde_json::from_str(include_str!("../../tests/vectors/hmac.json")).unwrap();
        let vector = vectors.as_array().unwrap().iter().find(|vector| vector["core_only"] == true).unwrap();
        let text = |name: &str| vector[name].as_str().unwrap();
        let mac = Key::new(text("secret_key").as_bytes()).mac(text("string_to_sign").as_bytes(), &[b""; 3]);
        let mut signature = [0; 44];
        encode(&mac, &mut signature);
        let value = format!("TC {}:{}", text("access_id"), str::from_utf8(&signature).unwrap());
        assert_eq!(value, text("authorization"));
    }

    #[test]
    fn parts_hash_like_the_whole() {
        let signer = Signer::new(b"id", b"key").unwrap();
        let whole = StringToSign { start: b"/a?b:GET:1", rest: [b""; 3] };
        let parts = StringToSign { start: b"/", rest: [b"a?b", b":GET:", b"1"] };
        assert_eq!(signer.sign(&whole), signer.sign(&parts));
        assert_eq!(parts.to_text(), "/a?b:GET:1");
        assert!(signer.matches(b"id", &signer.sign(&whole), &parts));
        assert!(!signer.matches(b"ie", &signer.sign(&whole), &parts));
        assert!(!signer.matches(b"id", &signer.sign(&whole)[..43], &parts));
    }

    #[test]
    fn a_method_is_an_http_token_in_upper_case() {
        let wire = |method: &[u8]| Method::parse(method, &mut None).map(|method| method.0.to_vec());
        for usual in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            assert_eq!(wire(usual.as_bytes()).unwrap(), format!(":{usual}:").as_bytes());
        }
        assert_eq!(wire(b"get").unwrap(), b":GET:");
        assert_eq!(wire(b"X-!~").unwrap(), b":X-!~:");
        assert_eq!(wire(&[b'a'; 64]).unwrap().len(), 66);
        for bad in
            [b"".as_slice(), b"GET ", b" GET", b"G:T", b"G\0T", b"G\nT", "G\u{e9}T".as_bytes(), b"G/T", &[b'a'; 65]]
        {
            assert_eq!(wire(bad), Err(Error::InvalidMethod));
        }
    }

    #[test]
    fn ids_and_keys_are_checked() {
        for bad in [b"".as_slice(), b"a b", b"id\n", b"\0", b"\x7f", "\u{e9}".as_bytes()] {
            assert_eq!(Signer::new(bad, b"key").err(), Some(Error::InvalidAccessId));
        }
        for bad in [b"".as_slice(), b"key\n", b"\rkey", b"k\0y", b"\x7f", b"\t", "\u{feff}key".as_bytes()] {
            assert_eq!(Signer::new(b"id", bad).err(), Some(Error::InvalidSecretKey));
        }
        assert_eq!(Signer::new(b"a:b", "s\u{e9}cret key".as_bytes()).unwrap().access_id(), "a:b");
    }
}
