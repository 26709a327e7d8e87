//! The string to sign and its signature.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ctutils::CtEq;

use crate::ascii::{ascii, is_visible};
use crate::error::{Error, Result};
use crate::request::target::Target;
use crate::secret::residue::wiped;
use crate::sign::hmac::Key;

/// 32 bytes of HMAC-SHA256 in base64 with padding (RFC 4648, 4).
pub(crate) type Signature = [u8; 44];

/// The scheme of a signed request's Authorization header, with the space that follows it.
pub(crate) const SCHEME: &[u8] = b"TC ";

/// A request method in upper case, as it is sent, with the colons around it in the string to sign.
pub(crate) struct Method {
    text: [u8; Method::LIMIT + 2],
    len: usize,
}

impl Method {
    const LIMIT: usize = 64;

    pub(crate) fn parse(method: &[u8]) -> Result<Method> {
        if method.is_empty() || method.len() > Method::LIMIT {
            return Err(Error::InvalidMethod);
        }
        let mut text = [b':'; Method::LIMIT + 2];
        for (to, from) in text[1..].iter_mut().zip(method) {
            *to = UPPER_CASE[usize::from(*from)];
            if *to == 0 {
                return Err(Error::InvalidMethod);
            }
        }
        Ok(Method { text, len: method.len() + 2 })
    }

    fn between_colons(&self) -> &[u8] {
        &self.text[..self.len]
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
pub(crate) struct StringToSign<'a>([&'a [u8]; 4]);

impl<'a> StringToSign<'a> {
    /// `timestamp` is the value of the Timestamp header.
    pub(crate) fn new(target: Target<'a>, method: &'a Method, timestamp: &'a [u8]) -> StringToSign<'a> {
        let [slash, rest] = target.parts();
        StringToSign([slash, rest, method.between_colons(), timestamp])
    }

    pub(crate) fn timestamp(&self) -> &'a [u8] {
        self.0[3]
    }

    pub(crate) fn to_text(&self) -> String {
        self.0.iter().map(|part| ascii(part)).collect()
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
        if secret_key.is_empty() || secret_key.iter().any(u8::is_ascii_control) {
            return Err(Error::InvalidSecretKey);
        }
        let prefix = [SCHEME, access_id, b":"].concat().into();
        Ok(wiped::<KEY_SETUP_STACK, _>(|| Box::new(Signer { prefix, key: Key::new(secret_key) })))
    }

    pub(crate) fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    pub(crate) fn access_id(&self) -> &str {
        ascii(&self.prefix[SCHEME.len()..self.prefix.len() - 1])
    }

    pub(crate) fn sign(&self, text: &StringToSign) -> Signature {
        encode(&self.key.mac(&text.0))
    }

    /// Whether an id and a signature are those of this signer, compared in constant time.
    pub(crate) fn matches(&self, access_id: &[u8], signature: &[u8], text: &StringToSign) -> bool {
        let id = self.access_id().as_bytes().ct_eq(access_id);
        let signature = self.sign(text).as_slice().ct_eq(signature);
        id.and(signature).to_bool()
    }
}

fn encode(mac: &[u8; 32]) -> Signature {
    let mut text = [0; 44];
    let written = STANDARD.encode_slice(mac, &mut text);
    debug_assert_eq!(written, Ok(44));
    text
}

#[cfg(test)]
mod tests {
    use super::{Method, Signer, StringToSign, encode};
    use crate::error::Error;
    use crate::sign::hmac::Key;

    /// From another project's tests. This string to sign has no leading slash, so only the hash can be compared.
    #[test]
    fn published_vector() {
        let vectors: serde_json::Value = serde_json::from_str(include_str!("../../tests/vectors/hmac.json")).unwrap();
        let vector = vectors.as_array().unwrap().iter().find(|vector| vector["core_only"] == true).unwrap();
        let text = |name: &str| vector[name].as_str().unwrap();
        let mac = Key::new(text("secret_key").as_bytes()).mac(&[text("string_to_sign").as_bytes()]);
        let signature = encode(&mac);
        let value = format!("TC {}:{}", text("access_id"), str::from_utf8(&signature).unwrap());
        assert_eq!(value, text("authorization"));
    }

    #[test]
    fn parts_hash_like_the_whole() {
        let signer = Signer::new(b"id", b"key").unwrap();
        let whole = StringToSign([b"/a?b:GET:1", b"", b"", b""]);
        let parts = StringToSign([b"/", b"a?b", b":GET:", b"1"]);
        assert_eq!(signer.sign(&whole), signer.sign(&parts));
        assert_eq!(parts.to_text(), "/a?b:GET:1");
        assert!(signer.matches(b"id", &signer.sign(&whole), &parts));
        assert!(!signer.matches(b"ie", &signer.sign(&whole), &parts));
        assert!(!signer.matches(b"id", &signer.sign(&whole)[..43], &parts));
    }

    #[test]
    fn a_method_is_an_http_token_in_upper_case() {
        let wire = |method: &[u8]| Method::parse(method).map(|method| method.between_colons().to_vec());
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
        for bad in [b"".as_slice(), b"key\n", b"\rkey", b"k\0y", b"\x7f", b"\t"] {
            assert_eq!(Signer::new(b"id", bad).err(), Some(Error::InvalidSecretKey));
        }
        assert_eq!(Signer::new(b"a:b", "s\u{e9}cret key".as_bytes()).unwrap().access_id(), "a:b");
    }
}
