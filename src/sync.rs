//! Mutex, condition variable and atomic swap; loom's versions under `cfg(loom)`.

#[cfg(not(loom))]
pub(crate) use real::{Condvar, Mutex, Swap};

#[cfg(loom)]
pub(crate) use model::{Condvar, Mutex, Swap};

/// A thread of the parent process held the lock at fork(), so it will never be released.
#[derive(Debug)]
pub(crate) struct Unavailable;

#[cfg(not(loom))]
mod real {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    use std::sync::{self, Arc, MutexGuard, PoisonError, TryLockError};
    use std::thread;
    use std::time::Duration;

    use arc_swap::{ArcSwap, Guard};

    use super::Unavailable;
    use crate::process;

    /// How often a child after fork() tries a lock that it found held, a millisecond apart.
    const TRIES: u32 = 10;

    /// The mutex of std, which keeps all its state in the object. parking_lot has a global table of waiting threads: a
    /// child after fork() may inherit a held lock of that table, and then can't use any mutex.
    pub(crate) struct Mutex<T> {
        inner: sync::Mutex<T>,
        /// The last process that acquired the lock.
        process: AtomicU64,
    }

    /// Ignores poisoning: the handle must still work after a panic.
    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Mutex<T> {
            Mutex { inner: sync::Mutex::new(value), process: AtomicU64::new(process::mark()) }
        }

        /// Fails only in a child after fork(), if a thread of the parent held the lock.
        pub(crate) fn lock(&self) -> Result<MutexGuard<'_, T>, Unavailable> {
            let guard = self.acquire()?;
            #[cfg(test)]
            crate::planted::may_panic();
            Ok(guard)
        }

        fn acquire(&self) -> Result<MutexGuard<'_, T>, Unavailable> {
            let process = process::mark();
            if let Some(guard) = self.try_lock() {
                self.process.store(process, Relaxed);
                return Ok(guard);
            }
            // This process acquired it before, so one of its threads holds it now.
            if self.process.load(Relaxed) == process {
                return Ok(self.inner.lock().unwrap_or_else(PoisonError::into_inner));
            }
            let later = || {
                thread::sleep(Duration::from_millis(1));
                self.try_lock()
            };
            let guard = (0..TRIES).find_map(|_| later()).ok_or(Unavailable)?;
            self.process.store(process, Relaxed);
            Ok(guard)
        }

        fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            match self.inner.try_lock() {
                Ok(guard) => Some(guard),
                Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => None,
            }
        }

        pub(crate) fn is_locked(&self) -> bool {
            self.try_lock().is_none()
        }
    }

    pub(crate) struct Condvar(sync::Condvar);

    impl Condvar {
        pub(crate) fn new() -> Condvar {
            Condvar(sync::Condvar::new())
        }

        /// Releases the lock and waits.
        pub(crate) fn wait_for<T>(&self, guard: MutexGuard<'_, T>, limit: Duration) {
            #[cfg(test)]
            if crate::simulation::is_running() {
                drop(guard);
                return crate::simulation::wait(std::ptr::from_ref(self).addr(), limit);
            }
            drop(self.0.wait_timeout(guard, limit).unwrap_or_else(PoisonError::into_inner));
        }

        pub(crate) fn notify_all(&self) {
            #[cfg(test)]
            crate::simulation::notify_all(std::ptr::from_ref(self).addr());
            self.0.notify_all();
        }
    }

    /// A value that threads read without a lock while another thread replaces it.
    pub(crate) struct Swap<T>(ArcSwap<T>);

    impl<T> Swap<T> {
        pub(crate) fn new(value: Arc<T>) -> Swap<T> {
            Swap(ArcSwap::new(value))
        }

        pub(crate) fn load(&self) -> Guard<Arc<T>> {
            self.0.load()
        }

        pub(crate) fn store(&self, value: Arc<T>) {
            self.0.store(value);
        }
    }
}

#[cfg(loom)]
mod model {
    use std::sync::Arc;
    use std::time::Duration;

    use arc_swap::Guard;
    use loom::sync::MutexGuard;

    use super::Unavailable;

    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Mutex<T> {
            Mutex(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> Result<MutexGuard<'_, T>, Unavailable> {
            Ok(self.0.lock().unwrap())
        }

        pub(crate) fn is_locked(&self) -> bool {
            self.0.try_lock().is_err()
        }
    }

    pub(crate) struct Condvar(loom::sync::Condvar);

    impl Condvar {
        pub(crate) fn new() -> Condvar {
            Condvar(loom::sync::Condvar::new())
        }

        /// loom has no time, so this never times out: a lost wake-up becomes a deadlock, which loom reports.
        pub(crate) fn wait_for<T>(&self, guard: MutexGuard<'_, T>, _limit: Duration) {
            drop(self.0.wait(guard).unwrap());
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }

    pub(crate) struct Swap<T>(loom::sync::RwLock<Arc<T>>);

    impl<T> Swap<T> {
        pub(crate) fn new(value: Arc<T>) -> Swap<T> {
            Swap(loom::sync::RwLock::new(value))
        }

        pub(crate) fn load(&self) -> Guard<Arc<T>> {
            Guard::from_inner(self.0.read().unwrap().clone())
        }

        pub(crate) fn store(&self, value: Arc<T>) {
            *self.0.write().unwrap() = value;
        }
    }
}
