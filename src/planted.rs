//! Deliberate panics for the unit tests in src/ffi/panics.rs, and deliberate mistakes for the simulation.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

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

/// A mistake in the design, which the simulation must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mistake {
    OneLock,
    NoWriteLock,
    NoReadUnderLock,
    NoStat,
    FileNotKeptOpen,
    WriteInPlace,
    PauseForEachProcess,
    NeverLapses,
    LapsesAtOnce,
    AdoptionEndsTheCount,
    AdoptionIsNoDelivery,
    AdoptsOlder,
    ReplacesLaterVersion,
    WriteIsLate,
    WriteWithoutComparing,
    ExpiryHasAGeneration,
    LocksOfAProcess,
    NoPathCheck,
    UpdateGivesWay,
    RenewalReplacesUpdate,
    ReleasedBeforeSaving,
    NoLookBeforeRefusal,
    NoLookBeforeVerdict,
    NoFamilyCount,
    UpdateKeepsPauses,
    FreedHandleSavesNothing,
    BelievesTheRecord,
}

thread_local! {
    static REACHED: RefCell<BTreeMap<&'static str, u64>> = const { RefCell::new(BTreeMap::new()) };
    static MISTAKE: Cell<Option<Mistake>> = const { Cell::new(None) };
}

/// Runs `action` with a mistake, in this thread.
#[cfg(not(loom))]
pub(crate) fn with_mistake<T>(mistake: Option<Mistake>, action: impl FnOnce() -> T) -> T {
    MISTAKE.set(mistake);
    let result = action();
    MISTAKE.set(None);
    result
}

pub(crate) fn has(mistake: Mistake) -> bool {
    MISTAKE.get() == Some(mistake)
}

/// Called, only in unit tests, in code that runs rarely: the simulation fails if it never did.
pub(crate) fn reach(place: &'static str) {
    REACHED.with_borrow_mut(|reached| *reached.entry(place).or_default() += 1);
}

#[cfg(not(loom))]
pub(crate) fn take_reached() -> BTreeMap<&'static str, u64> {
    REACHED.take()
}
