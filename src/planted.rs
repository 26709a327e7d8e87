//! A panic on purpose, for the unit tests: src/ffi/panics.rs.

use std::cell::Cell;

thread_local! {
    /// How many calls of `may_panic` of this thread are left before the one that panics.
    static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Code that copies secrets, takes locks or searches a response calls this, but only in the unit tests.
pub(crate) fn may_panic() {
    let left = LEFT.get();
    LEFT.set(left.and_then(|left| left.checked_sub(1)));
    assert!(left != Some(0), "planted by a test");
}

/// Makes the call, and lets the place panic that is passed after so many others. Returns the result, and whether there
/// was such a place.
pub(crate) fn panics_after<T>(places: usize, call: impl FnOnce() -> T) -> (T, bool) {
    LEFT.set(Some(places));
    let result = call();
    (result, LEFT.take().is_none())
}
