//! All processes that started with the same token: the name they share, and the secret for the texts they exchange.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::secret::Undumped;
use crate::secret::residue::wiped;
use crate::token::value::Token;

/// Stack bytes used at most to derive a key.
const HKDF_STACK: usize = 4 << 10;

/// Separates this use of a token from any other.
const SALT: &[u8] = b"tc_auth family";

/// Keeps its name and its secret when the token changes.
pub(crate) struct Family {
    name: String,
    /// Derived from the first token, which is not kept: keys are derived from it, but not the name.
    secret: Undumped,
}

impl Family {
    /// `first`: the token that the processes were started with.
    pub(crate) fn of(first: &Token) -> Family {
        wiped::<HKDF_STACK, _>(|| {
            let name = expand(SALT, first.bytes(), b"name");
            let secret: Zeroizing<[u8; 32]> = expand(SALT, first.bytes(), b"secret");
            Family { name: format!("{:032x}", u128::from_be_bytes(*name)), secret: Undumped::concat(&[&*secret]) }
        })
    }

    /// 32 hexadecimal digits. They do not reveal the token.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The key that encrypts a text. The caller must wipe the stack.
    pub(super) fn seal_key(&self, key: &[u8]) -> Zeroizing<[u8; 32]> {
        // As the input, not as `info`: a strong key protects the text even if the first token is known.
        expand(&self.secret, key, b"seal")
    }
}

/// HKDF-SHA256 (RFC 5869).
fn expand<const N: usize>(salt: &[u8], input: &[u8], info: &[u8]) -> Zeroizing<[u8; N]> {
    let mut output = Zeroizing::new([0; N]);
    if Hkdf::<Sha256>::new(Some(salt), input).expand(info, &mut *output).is_err() {
        unreachable!("HKDF makes 8160 bytes");
    }
    output
}

#[cfg(test)]
mod tests {
    use super::{Family, expand};
    use crate::token::value::Token;

    fn family(first: &str) -> Family {
        Family::of(&Token::new(first.as_bytes(), None).unwrap())
    }

    /// The third test case of RFC 5869 (without salt and info), and the first one.
    #[test]
    fn it_is_hkdf() {
        let okm: [u8; 32] = *expand(b"", &[0x0b; 22], b"");
        assert_eq!(okm[..8], [0x8d, 0xa4, 0xe7, 0x75, 0xa5, 0x63, 0xc1, 0x8f]);
        let (salt, info) = ((0..13).collect::<Vec<u8>>(), (0xf0..0xfa).collect::<Vec<u8>>());
        let okm: [u8; 32] = *expand(&salt, &[0x0b; 22], &info);
        assert_eq!(okm[..8], [0x3c, 0xb2, 0x5f, 0x25, 0xfa, 0xac, 0xd5, 0x7a]);
    }

    #[test]
    fn a_name_depends_on_the_first_token_alone() {
        let a = family("API:5:a=");
        assert_eq!(a.name().len(), 32);
        assert!(a.name().bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')), "{}", a.name());
        assert_eq!(a.name(), Family::of(&Token::new(b"API:5:a=", Some(1)).unwrap()).name());
        assert_ne!(a.name(), family("API:5:b=").name());
    }

    #[test]
    fn a_key_depends_on_the_family_and_the_key() {
        let keys =
            [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")].map(|(first, key)| family(first).seal_key(key.as_bytes()));
        let different: std::collections::HashSet<_> = keys.iter().map(|key| **key).collect();
        assert_eq!(different.len(), 4);
        assert_eq!(*keys[0], *family("a").seal_key(b"x"));
    }
}
