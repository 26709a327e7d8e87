//! Protection against pthread_cancel(), which C programs may use.

use std::marker::PhantomData;

/// While it exists, pthread_cancel() has no effect on this thread. Reading a file, sleeping and, without futexes,
/// waiting are cancellation points: the C library would unwind through Rust code, which ends the process.
pub(super) struct Uncancelled {
    #[cfg(any(target_os = "linux", target_vendor = "apple"))]
    before: std::ffi::c_int,
    /// Not `Send`: the state belongs to this thread.
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
        // SAFETY: both states are the system's own, and the pointer is valid, so it can't fail.
        unsafe { system::pthread_setcancelstate(system::DISABLE, &mut before) };
        Uncancelled { before, stays: PhantomData }
    }
}

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
impl Drop for Uncancelled {
    fn drop(&mut self) {
        let mut disabled = system::DISABLE;
        // SAFETY: as above. A pending cancellation takes effect at the next cancellation point, not here.
        unsafe { system::pthread_setcancelstate(self.before, &mut disabled) };
    }
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
impl Uncancelled {
    pub(super) fn new() -> Uncancelled {
        Uncancelled { stays: PhantomData }
    }
}
