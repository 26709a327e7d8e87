//! Secret bytes: wiped when dropped, and never printed.

use std::fmt;
use std::ops::Deref;

use zeroize::Zeroizing;

/// A secret, or text that contains one. Its memory is overwritten before it is freed.
#[derive(Default)]
pub(crate) struct Secret(Zeroizing<Box<[u8]>>);

impl Secret {
    /// Concatenates the parts in one allocation of the exact size: growing would leave an unwiped copy.
    pub(crate) fn concat(parts: &[&[u8]]) -> Secret {
        #[cfg(test)]
        crate::planted::may_panic();
        let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
        for part in parts {
            bytes.extend_from_slice(part);
        }
        Secret(Zeroizing::new(bytes.into_boxed_slice()))
    }

    /// So many bytes, all 0, that `write` fills in place.
    pub(crate) fn written(len: usize, write: impl FnOnce(&mut [u8])) -> Secret {
        let mut bytes = Zeroizing::new(vec![0; len].into_boxed_slice());
        #[cfg(test)]
        crate::planted::may_panic();
        write(&mut bytes);
        Secret(bytes)
    }
}

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Secret {
        let mut bytes = Zeroizing::new(bytes);
        if bytes.len() == bytes.capacity() {
            return Secret(Zeroizing::new(std::mem::take(&mut *bytes).into_boxed_slice()));
        }
        Secret::concat(&[&bytes]) // shrinking would leave an unwiped copy
    }
}

impl Deref for Secret {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn joins_and_hides() {
        let secret = Secret::concat(&[b"pass", b"", b"word"]);
        assert_eq!(&*secret, b"password");
        assert_eq!(format!("{secret:?}"), "***");
    }
}
