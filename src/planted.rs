//! Deliberate panics for the unit tests in src/ffi/panics.rs.

use std::cell::Cell;

thread_local! {
    /// How many more calls of `may_panic` in this thread return before one panics.
    static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Called, only in unit tests, where code copies secrets, takes locks or searches a response.
pub(crate) fn may_panic() {
    let left = LEFT.get();
    LEFT.set(left.and_then(|left| left.checked_sub(1)));
    assert!(left != Some(0), "planted by a test");
}

/// Runs `call`, in which `may_panic` returns `places` times and then panics. Returns the result, and whether it
/// panicked.
pub(crate) fn panics_after<T>(places: usize, call: impl FnOnce() -> T) -> (T, bool) {
    LEFT.set(Some(places));
    let result = call();
    (result, LEFT.take().is_none())
}
