//! A number for this process that none of its ancestors has.
//!
//! The process id is not enough: in two PID namespaces, a parent and its child can both have the id 1.

#![allow(unsafe_code, reason = "mappings have no safe interface")]

/// The number of this process. A child after fork() gets a new one.
#[cfg(all(any(target_os = "linux", target_os = "android"), not(miri)))]
pub(crate) fn mark() -> u64 {
    use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering::Relaxed};

    /// Copied by fork(), so a child continues from its parent's number.
    static LATEST: AtomicU64 = AtomicU64::new(0);
    /// A page that is zeroed in a forked child. Set without a lock, which a thread of the parent could hold during
    /// fork().
    static PAGE: AtomicPtr<AtomicU64> = AtomicPtr::new(std::ptr::null_mut());

    if PAGE.load(Relaxed).is_null() {
        let Some(page) = page() else { return u64::from(std::process::id()) };
        // If another thread was faster, its page is used, and this one stays unused.
        let _ = PAGE.compare_exchange(std::ptr::null_mut(), std::ptr::from_ref(page).cast_mut(), Relaxed, Relaxed);
    }
    // SAFETY: no longer NULL, and never unmapped.
    let page = unsafe { &*PAGE.load(Relaxed) };
    match page.load(Relaxed) {
        0 => {
            let next = LATEST.fetch_add(1, Relaxed) + 1;
            page.compare_exchange(0, next, Relaxed, Relaxed).map_or_else(|other_thread| other_thread, |_| next)
        }
        mark => mark,
    }
}

/// `None` before Linux 4.14, which lacks MADV_WIPEONFORK.
#[cfg(all(any(target_os = "linux", target_os = "android"), not(miri)))]
fn page() -> Option<&'static std::sync::atomic::AtomicU64> {
    let len = 4096; // the kernel rounds it up to a whole page
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping, which changes no existing memory.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), len, access, kind, -1, 0) };
    if start == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: the mapping is new, zeroed, aligned and large enough, and is never unmapped if this succeeds.
    unsafe {
        if libc::madvise(start, len, libc::MADV_WIPEONFORK) == 0 {
            return Some(&*start.cast());
        }
        libc::munmap(start, len);
    }
    None
}

/// Other systems have no PID namespaces.
#[cfg(any(not(any(target_os = "linux", target_os = "android")), miri))]
pub(crate) fn mark() -> u64 {
    u64::from(std::process::id())
}

#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests {
    use super::mark;

    /// Also a child's child, whether or not `mark` was called in between.
    #[test]
    fn a_forked_child_has_another_mark() {
        let parent = mark();
        assert_eq!(mark(), parent);
        // SAFETY: the child only calls `mark`, fork(), waitpid() and _exit().
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
