//! The encrypted file in which the platform passes parameters: AES-CBC without a MAC.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockCipherDecrypt, BlockModeDecrypt, KeyInit, KeyIvInit};
use aes::{Aes128, Aes192, Aes256};
use cbc::Decryptor;
use zeroize::Zeroizing;

use crate::credentials::json::{self, Fault};
use crate::credentials::{Parameters, SIZE_LIMIT, parameter};
use crate::error::{Error, Result};
use crate::secret::residue::wiped;

/// Stack bytes used at most to decrypt.
const DECRYPT_STACK: usize = 4 << 10;

/// Reads the file, and does not delete it.
pub(crate) fn read(path: &Path, key: &[u8]) -> Result<Parameters> {
    let mut text = contents(path).ok_or(Error::ConfigIo)?;
    // All decryption faults return the same error, to prevent padding-oracle attacks.
    // Wiped at once: a value that is moved to the heap takes along what is on the stack between its fields.
    let plain = wiped::<DECRYPT_STACK, _>(|| decrypt(key, &mut text)).ok_or(Error::ConfigDecrypt)?;
    // Without the names in messages: the file also has the App's own parameters, which may be called the same.
    json::object(plain, parameter).map_err(|fault| match fault {
        Fault::NoObject => Error::ConfigDecrypt,
        Fault::Member => Error::ConfigSyntax,
    })
}

/// Converts bytes to a path of this system.
#[cfg(unix)]
pub(crate) fn path(bytes: &[u8]) -> Result<&Path> {
    use std::os::unix::ffi::OsStrExt;
    Ok(Path::new(std::ffi::OsStr::from_bytes(bytes)))
}

/// Converts bytes to a path of this system.
#[cfg(not(unix))]
pub(crate) fn path(bytes: &[u8]) -> Result<&Path> {
    str::from_utf8(bytes).map(Path::new).map_err(|_| Error::ConfigIo)
}

fn contents(path: &Path) -> Option<Zeroizing<Vec<u8>>> {
    // Check before opening, because opening some devices has side effects, and after it, because the file may be
    // another one by then.
    if !path.metadata().ok()?.is_file() {
        return None;
    }
    let file = open(path)?;
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || metadata.len() > SIZE_LIMIT as u64 {
        return None;
    }
    // Allocated with the largest size: it is decrypted in place, and must not grow.
    let mut text = Zeroizing::new(Vec::with_capacity(SIZE_LIMIT + 1));
    file.take(SIZE_LIMIT as u64 + 1).read_to_end(&mut text).ok()?;
    (text.len() <= SIZE_LIMIT).then_some(text)
}

/// Does not block if the path is now a pipe.
#[cfg(unix)]
fn open(path: &Path) -> Option<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path).ok()
}

#[cfg(not(unix))]
fn open(path: &Path) -> Option<File> {
    File::open(path).ok()
}

/// Decrypts in place. As on the platform, the key is the raw bytes of the string, and the IV is zero.
fn decrypt<'a>(key: &[u8], text: &'a mut [u8]) -> Option<&'a [u8]> {
    match key.len() {
        16 => decrypt_with::<Aes128>(key, text),
        24 => decrypt_with::<Aes192>(key, text),
        32 => decrypt_with::<Aes256>(key, text),
        _ => None,
    }
}

fn decrypt_with<'a, C: BlockCipherDecrypt + KeyInit>(key: &[u8], text: &'a mut [u8]) -> Option<&'a [u8]>
where
    Decryptor<C>: KeyIvInit + BlockModeDecrypt,
{
    Decryptor::<C>::new_from_slices(key, &[0; 16]).ok()?.decrypt_padded::<Pkcs7>(text).ok()
}

#[cfg(test)]
mod tests {
    use super::decrypt;

    #[test]
    fn the_platforms_check_value() {
        let key = b"ajfmuyodhscwegea";
        let mut text = 0x308e608d259f8cdf0034c11a82bd890a_u128.to_be_bytes();
        assert_eq!(decrypt(key, &mut text), Some(b"blah".as_slice()));
        for (key, text) in [(key.as_slice(), b"".as_slice()), (key, &[0; 15]), (key, &[0; 16]), (&key[..15], &[0; 16])]
        {
            assert_eq!(decrypt(key, &mut text.to_vec()), None);
        }
    }
}
