//! What threads meet at. Under `cfg(loom)` the same few operations are those of a model checker.

#[cfg(not(loom))]
pub(crate) use real::{Condvar, Mutex, Swap};

#[cfg(loom)]
pub(crate) use model::{Condvar, Mutex, Swap};

#[cfg(not(loom))]
mod real {
    use std::sync::Arc;
    use std::time::Duration;

    use arc_swap::{ArcSwap, Guard};
    use parking_lot::MutexGuard;

    pub(crate) use parking_lot::Mutex;

    pub(crate) struct Condvar(parking_lot::Condvar);

    impl Condvar {
        pub(crate) fn new() -> Condvar {
            Condvar(parking_lot::Condvar::new())
        }

        pub(crate) fn wait_for<'a, T>(&self, mut guard: MutexGuard<'a, T>, limit: Duration) -> MutexGuard<'a, T> {
            self.0.wait_for(&mut guard, limit);
            guard
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }

    /// A value that any number of threads read while another replaces it, without a lock.
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

    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Mutex<T> {
            Mutex(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap()
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

        /// The model has no time: it never times out, so a wake-up that is lost is a deadlock, which loom reports.
        pub(crate) fn wait_for<'a, T>(&self, guard: MutexGuard<'a, T>, _limit: Duration) -> MutexGuard<'a, T> {
            self.0.wait(guard).unwrap()
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
