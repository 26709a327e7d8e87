//! Bytes in memory pages of their own, which are left out of core dumps.
//!
//! A token is kept in plain text, because it is sent like that. On the heap, it would be in every core dump, and people
//! pass these on. So it gets an anonymous mapping with `MADV_DONTDUMP`. If the system has no such option, or no memory
//! for it, the bytes are on the heap. They are wiped in both cases. They are not locked into memory, because the limit
//! for that is low and belongs to the application.

#![allow(unsafe_code, reason = "mappings have no safe interface")]

use std::fmt;
use std::ops::Deref;

#[cfg(target_os = "linux")]
use std::sync::atomic::{AtomicUsize, Ordering};

#[cfg(target_os = "linux")]
use zeroize::Zeroize;

use crate::secret::Secret;

/// Linux allows a process 65,530 mappings by default; at that limit even munmap() can fail. We use at most 4,096.
#[cfg(target_os = "linux")]
const MOST_MAPPINGS: usize = 4096;

#[cfg(target_os = "linux")]
static MAPPINGS: AtomicUsize = AtomicUsize::new(0);

/// A secret that stays in memory for long.
pub(crate) enum Undumped {
    #[cfg(target_os = "linux")]
    Mapped {
        start: std::ptr::NonNull<u8>,
        len: usize,
    },
    Heap(Secret),
}

// SAFETY: the bytes are written before they are shared, and then only read until the owner drops them.
#[cfg(target_os = "linux")]
unsafe impl Send for Undumped {}
// SAFETY: the same.
#[cfg(target_os = "linux")]
unsafe impl Sync for Undumped {}

impl Undumped {
    pub(crate) fn concat(parts: &[&[u8]]) -> Undumped {
        // The unit tests create millions of tokens, and a mapping is slow.
        #[cfg(all(target_os = "linux", not(test)))]
        if let Some(pages) = Undumped::map(parts) {
            return pages;
        }
        Undumped::Heap(Secret::concat(parts))
    }

    #[cfg(target_os = "linux")]
    fn map(parts: &[&[u8]]) -> Option<Undumped> {
        if MAPPINGS.fetch_add(1, Ordering::Relaxed) >= MOST_MAPPINGS {
            MAPPINGS.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let len = parts.iter().map(|part| part.len()).sum();
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping, which changes no existing memory. The system refuses a length of 0.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), len, access, kind, -1, 0) };
        if start == libc::MAP_FAILED {
            MAPPINGS.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        // Miri does not support this advice.
        if cfg!(not(miri)) {
            // SAFETY: the mapping is new. A failure is ignored, because the bytes can still be used.
            unsafe { libc::madvise(start, len, libc::MADV_DONTDUMP) };
        }
        let start = std::ptr::NonNull::new(start.cast::<u8>())?;
        let mut end = start;
        for part in parts {
            // SAFETY: the parts fit into the mapping, which overlaps none of them.
            unsafe {
                end.copy_from_nonoverlapping(std::ptr::NonNull::from(*part).cast(), part.len());
                end = end.add(part.len());
            }
        }
        Some(Undumped::Mapped { start, len })
    }
}

impl Deref for Undumped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            // SAFETY: the mapping has `len` bytes and lives as long as `self`.
            #[cfg(target_os = "linux")]
            Undumped::Mapped { start, len } => unsafe { std::slice::from_raw_parts(start.as_ptr(), *len) },
            Undumped::Heap(secret) => secret,
        }
    }
}

impl Drop for Undumped {
    fn drop(&mut self) {
        #[cfg(target_os = "linux")]
        if let Undumped::Mapped { start, len } = self {
            // SAFETY: there is no other reference to the mapping, and it is unmapped once.
            unsafe {
                std::slice::from_raw_parts_mut(start.as_ptr(), *len).zeroize();
                libc::munmap(start.as_ptr().cast(), *len);
            }
            MAPPINGS.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Undumped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::Undumped;

    #[test]
    fn the_parts_are_concatenated() {
        let large = vec![b'x'; 100_000];
        for parts in [[b"a".as_slice(), b"bc"], [b"", b""], [b"", b"x"], [&large, b"end"]] {
            #[cfg(target_os = "linux")]
            assert_eq!(Undumped::map(&parts).is_none(), parts.concat().is_empty());
            #[cfg(target_os = "linux")]
            assert_eq!(Undumped::map(&parts).as_deref().unwrap_or_default(), parts.concat());
            assert_eq!(&*Undumped::concat(&parts), parts.concat());
            assert_eq!(format!("{:?}", Undumped::concat(&parts)), "***");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    #[cfg_attr(miri, ignore = "its memory is not the system's")]
    fn they_are_left_out_of_core_dumps() {
        let pages = Undumped::map(&[b"token"]).unwrap();
        let start = format!("{:x}-", pages.as_ptr() as usize);
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let flags = maps.lines().skip_while(|line| !line.starts_with(&start)).find(|line| line.starts_with("VmFlags"));
        assert!(flags.expect("a mapping of its own").split(' ').any(|flag| flag == "dd"), "{flags:?}");
    }
}
