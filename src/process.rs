//! Which process this is: a number that differs from that of every process it was forked from.
//!
//! A process id does not: in two PID namespaces both the parent and its child can have the id 1.

#![allow(unsafe_code, reason = "mappings have no safe interface")]

/// A mark of this process. A child after `fork` has another one than its parent, and than the parent's parents.
#[cfg(all(any(target_os = "linux", target_os = "android"), not(miri)))]
pub(crate) fn mark() -> u64 {
    use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering::Relaxed};

    /// Copied by `fork`, so it only grows from a process to its children.
    static LATEST: AtomicU64 = AtomicU64::new(0);
    /// A page that the kernel hands to a forked child as zeros. No lock: a child would wait for ever for a thread of its
    /// parent that was about to make it.
    static PAGE: AtomicPtr<AtomicU64> = AtomicPtr::new(std::ptr::null_mut());

    if PAGE.load(Relaxed).is_null() {
        let Some(page) = page() else { return u64::from(std::process::id()) };
        // Another thread may have been faster; its page is the one, and this one stays unused.
        let _ = PAGE.compare_exchange(std::ptr::null_mut(), std::ptr::from_ref(page).cast_mut(), Relaxed, Relaxed);
    }
    // SAFETY: not NULL any more, and never given back.
    let page = unsafe { &*PAGE.load(Relaxed) };
    match page.load(Relaxed) {
        0 => {
            let next = LATEST.fetch_add(1, Relaxed) + 1;
            page.compare_exchange(0, next, Relaxed, Relaxed).map_or_else(|other_thread| other_thread, |_| next)
        }
        mark => mark,
    }
}

/// Linux has this since 4.14; before that there is none.
#[cfg(all(any(target_os = "linux", target_os = "android"), not(miri)))]
fn page() -> Option<&'static std::sync::atomic::AtomicU64> {
    let len = 4096; // of a page of any size the kernel takes the whole
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping, which touches nothing that exists.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), len, access, kind, -1, 0) };
    if start == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: the mapping was just made, and is never given back if this works; it is zeroed, aligned and large enough.
    unsafe {
        if libc::madvise(start, len, libc::MADV_WIPEONFORK) == 0 {
            return Some(&*start.cast());
        }
        libc::munmap(start, len);
    }
    None
}

/// Elsewhere there are no PID namespaces.
#[cfg(any(not(any(target_os = "linux", target_os = "android")), miri))]
pub(crate) fn mark() -> u64 {
    u64::from(std::process::id())
}

#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests {
    use super::mark;

    /// The child of a child, too, and whether or not the marks were asked for in between.
    #[test]
    fn a_forked_child_has_another_mark() {
        let parent = mark();
        assert_eq!(mark(), parent);
        // SAFETY: the child does nothing but ask, fork and end.
        unsafe {
            let child = libc::fork();
            if child == 0 {
                let mine = mark();
                let grandchild = libc::fork();
                if grandchild == 0 {
                    libc::_exit(i32::from(mark() == mine || mark() == parent));
                }
                libc::_exit(i32::from(mine == parent || mine != mark() || !ended_well(grandchild)));
            }
            assert!(ended_well(child));
        }
        assert_eq!(mark(), parent);
    }

    unsafe fn ended_well(child: libc::pid_t) -> bool {
        let mut status = -1;
        // SAFETY: the pointer is valid.
        unsafe { libc::waitpid(child, &mut status, 0) == child && status == 0 }
    }
}
