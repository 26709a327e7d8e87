//! A store of the user's own, such as Redis: a value, a lock with a lease, and a write that compares.

use std::cell::{Cell, RefCell};

use super::engine::{self, MILLISECOND, Nanoseconds, SECOND};

/// As long as a ticket lives.
const LEASE: Nanoseconds = 120 * SECOND;

#[derive(Default)]
pub struct Store {
    value: RefCell<Option<String>>,
    /// Who has the lock, and until when.
    lock: Cell<Option<(usize, Nanoseconds)>>,
    pub broken_until: Cell<Nanoseconds>,
    pub slow_until: Cell<Nanoseconds>,
    pub failures: Cell<u64>,
    pub loads: Cell<u64>,
    /// The operations in the current second, and the most in any second.
    second: Cell<(u64, u64)>,
    pub busiest: Cell<u64>,
    pub writes: Cell<u64>,
    pub refused_writes: Cell<u64>,
    /// Writes of a lower generation over a higher one.
    pub went_back: Cell<u64>,
    pub lease_lapsed: Cell<u64>,
}

/// The generation in a sealed text.
pub fn generation_of(sealed: &[u8]) -> u64 {
    let digits = sealed.get(4..20).and_then(|digits| str::from_utf8(digits).ok());
    digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(0)
}

/// The store did not answer.
#[derive(Debug)]
pub struct Down;

impl Store {
    fn operation(&self) -> Result<(), Down> {
        let time = || engine::current().map_or(0, |engine| engine.time());
        let is_slow = time() < self.slow_until.get();
        engine::step(if is_slow { 5 * SECOND } else { 2 * MILLISECOND });
        if time() < self.broken_until.get() || engine::is_dying() {
            self.failures.set(self.failures.get() + 1);
            return Err(Down);
        }
        let second = time() / SECOND;
        let (last, count) = self.second.get();
        self.second.set((second, if second == last { count + 1 } else { 1 }));
        if second > 1010 {
            self.busiest.set(self.busiest.get().max(self.second.get().1)); // not while all start at once
        }
        Ok(())
    }

    pub fn try_lock(&self, owner: usize) -> Result<bool, Down> {
        self.operation()?;
        let time = engine::current().map_or(0, |engine| engine.time());
        if let Some((holder, until)) = self.lock.get() {
            if time < until && holder != owner {
                return Ok(false);
            }
            if holder != owner {
                self.lease_lapsed.set(self.lease_lapsed.get() + 1);
            }
        }
        self.lock.set(Some((owner, time + LEASE)));
        Ok(true)
    }

    pub fn unlock(&self, owner: usize) -> Result<(), Down> {
        self.operation()?;
        if self.lock.get().is_some_and(|lock| lock.0 == owner) {
            self.lock.set(None);
        }
        Ok(())
    }

    pub fn load(&self) -> Result<Option<String>, Down> {
        self.operation()?;
        self.loads.set(self.loads.get() + 1);
        Ok(self.value.borrow().clone())
    }

    /// Writes, in one atomic operation, if the store still has the text that the writer has read. Returns whether it did.
    pub fn save(&self, sealed: &str, expected: Option<&str>, compares: bool) -> Result<bool, Down> {
        self.operation()?;
        let mut value = self.value.borrow_mut();
        if compares && value.as_deref() != expected {
            self.refused_writes.set(self.refused_writes.get() + 1);
            return Ok(false);
        }
        self.writes.set(self.writes.get() + 1);
        if generation_of(sealed.as_bytes()) < value.as_deref().map_or(0, |old| generation_of(old.as_bytes())) {
            self.went_back.set(self.went_back.get() + 1);
        }
        *value = Some(sealed.to_owned());
        Ok(true)
    }

    pub fn value(&self) -> Option<String> {
        self.value.borrow().clone()
    }

    pub fn restore(&self, value: Option<String>) {
        *self.value.borrow_mut() = value;
    }
}
