//! The least work of any implementation with the same block function.

use std::hint::black_box;

use sha2::block_api::compress256;

/// The SHA-256 compressions of a pre-keyed HMAC over a string to sign: those of the string with its padding (a byte, and
/// eight for the length), and one for the outer hash.
pub fn compressions(uri_len: usize) -> usize {
    let string_to_sign = uri_len + ":GET:".len() + "1513703787".len();
    (string_to_sign + 9).div_ceil(64) + 1
}

/// Runs the compressions in the order of a hash: those of the string together, then the last one. `black_box` hides the
/// blocks from the compiler, which would otherwise precompute what depends only on them.
pub fn run(compressions: usize, state: &mut [u32; 8]) {
    static BLOCKS: [[u8; 64]; 64] = [[0x5a; 64]; 64];
    compress256(state, black_box(&BLOCKS[..compressions - 1]));
    compress256(state, black_box(&BLOCKS[..1]));
}
