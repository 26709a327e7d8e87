//! Threads that are cancelled, which is what C programs may do to theirs.

use std::marker::PhantomData;

/// While it lives, pthread_cancel() has no effect on this thread. Reading a file, sleeping and, where there are no futexes,
/// waiting are cancellation points, and what the C library then unwinds with ends the process when it meets Rust's.
pub(super) struct Uncancelled {
    #[cfg(any(target_os = "linux", target_vendor = "apple"))]
    before: std::ffi::c_int,
    /// It is this thread's.
    stays: PhantomData<*const ()>,
}

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
mod system {
    use std::ffi::c_int;

    pub(super) const DISABLE: c_int = if cfg!(target_vendor = "apple") { 0 } else { 1 };

    #[cfg(not(miri))]
    unsafe extern "C" {
        pub(super) fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
    }

    /// Miri cancels no thread.
    #[cfg(miri)]
    pub(super) unsafe fn pthread_setcancelstate(_state: c_int, _before: *mut c_int) -> c_int {
        0
    }
}

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
impl Uncancelled {
    pub(super) fn new() -> Uncancelled {
        let mut before = system::DISABLE;
        // SAFETY: both states are the system's own, and the pointer is valid. It can't fail then.
        unsafe { system::pthread_setcancelstate(system::DISABLE, &mut before) };
        Uncancelled { before, stays: PhantomData }
    }
}

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
impl Drop for Uncancelled {
    fn drop(&mut self) {
        let mut disabled = system::DISABLE;
        // SAFETY: as above. That the thread is cancelled is noticed at the next cancellation point, not here.
        unsafe { system::pthread_setcancelstate(self.before, &mut disabled) };
    }
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
impl Uncancelled {
    pub(super) fn new() -> Uncancelled {
        Uncancelled { stays: PhantomData }
    }
}
