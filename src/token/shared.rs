//! A token that threads share: one of them renews it, the others wait.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::time::Duration;
use std::{mem, process};

use arc_swap::Guard;

use crate::clock::Now;
use crate::error::{Error, Result};
use crate::request::api_path::ApiPath;
use crate::secret::Secret;
use crate::secret::residue::wiped;
use crate::sync::{Condvar, Mutex, Swap, Unavailable};
use crate::token::family::Family;
use crate::token::seal::Keys;
use crate::token::state::{Rejection, State, TicketId, TokenState, Turn, Unsealed};
use crate::token::ticket::Ticket;
use crate::token::value::Token;

/// The longest wait before the clock is read again.
const SLICE: Duration = Duration::from_secs(1);

/// Stack bytes used at most to create a ticket, which contains the token.
const TICKET_STACK: usize = 4 << 10;

/// A token that many threads use and one renews.
pub(crate) struct SharedToken {
    state: Mutex<TokenState>,
    changed: Condvar,
    /// The token of `state`, for readers, which take no lock.
    current: Swap<Token>,
    family: Family,
}

impl SharedToken {
    pub(crate) fn new(token: Token, now: Now) -> SharedToken {
        // Without the system's random numbers: if there were none, no handle could be created.
        let jitter = BuildHasherDefault::<DefaultHasher>::default().hash_one((now.monotonic, process::id()));
        let family = Family::of(&token);
        let state = TokenState::new(token, now, jitter);
        let current = Swap::new(state.token().clone());
        SharedToken { state: Mutex::new(state), changed: Condvar::new(), current, family }
    }

    pub(crate) fn current(&self) -> Guard<Arc<Token>> {
        self.current.load()
    }

    pub(crate) fn window(&self) -> Result<i64> {
        Ok(self.state.lock()?.window())
    }

    pub(crate) fn state(&self, has_api_path: bool, now: Now) -> Result<(State, Option<i64>)> {
        let state = self.state.lock()?;
        Ok(state.describe(has_api_path && state.token().is_renewable(), now))
    }

    pub(crate) fn set_window(&self, seconds: i64) -> Result<()> {
        self.state.lock()?.set_window(seconds)
    }

    /// `None`: go ahead and sign. `clock` is read again after each wait.
    pub(crate) fn poll(
        self: &Arc<Self>,
        max_wait: Duration,
        api_path: Option<&ApiPath>,
        clock: impl Fn() -> Now,
    ) -> Result<Option<Ticket>> {
        let mut now = clock();
        let deadline = now.monotonic.checked_add(max_wait);
        let mut state = self.state.lock()?;
        loop {
            let renewable = api_path.filter(|_| state.token().is_renewable());
            let lapses = match state.poll(renewable.is_some(), now) {
                Turn::GoAhead => return Ok(None),
                Turn::Renew(id) => {
                    let (shared, token) = (Arc::downgrade(self), state.token().clone());
                    return Ok(
                        renewable.map(|api_path| wiped::<TICKET_STACK, _>(|| Ticket::new(shared, id, api_path, token)))
                    );
                }
                Turn::Wait(lapses) => lapses,
            };
            let until = deadline.map_or(lapses, |deadline| deadline.min(lapses));
            // In slices, because the clock of condition variables stops while the machine sleeps.
            let limit = until.saturating_duration_since(now.monotonic).min(SLICE);
            if limit.is_zero() {
                return Err(Error::RenewalTimeout);
            }
            state = self.changed.wait_for(state, limit);
            now = clock();
        }
    }

    pub(crate) fn update(&self, token: Token, now: Now) -> Result<()> {
        self.change(|state| state.update(token, now))
    }

    /// `sent` is the token that the server rejected.
    pub(crate) fn unauthorized(&self, sent: &[u8], has_api_path: bool, now: Now) -> Result<Rejection> {
        let mut state = self.state.lock()?;
        let renewable = has_api_path && state.token().is_renewable();
        Ok(state.unauthorized(sent, renewable, now))
    }

    pub(crate) fn family(&self) -> &str {
        self.family.name()
    }

    pub(crate) fn seal(&self, keys: &Keys) -> Result<String> {
        let (generation, token) = {
            let state = self.state.lock()?;
            (state.generation(), state.token().clone())
        };
        self.family.seal(keys, generation, &token)
    }

    pub(crate) fn unseal(&self, sealed: &[u8], keys: &Keys, now: Now) -> Result<Unsealed> {
        let sealed = self.family.unseal(keys, sealed)?;
        self.change(|state| state.adopt(sealed, now))
    }

    pub(super) fn needs(&self, ticket: TicketId, of: &Token) -> Result<bool> {
        Ok(self.state.lock()?.needs(ticket, of))
    }

    /// Changes the state, updates the token for readers, then wakes the waiting threads.
    pub(super) fn change<T>(&self, action: impl FnOnce(&mut TokenState) -> T) -> Result<T> {
        let mut state = self.state.lock()?;
        let result = action(&mut state);
        // Under the lock, so that readers see changes in order.
        self.current.store(state.token().clone());
        drop(state);
        self.changed.notify_all();
        Ok(result)
    }
}

/// After fork(), the child may find this lock held by a thread that does not exist in it. Then the state may be half
/// changed and a reference count wrong, so the child frees neither.
impl Drop for SharedToken {
    fn drop(&mut self) {
        if self.state.is_locked() {
            let nothing = || Token::from_secret(&Secret::default(), None);
            let now = Now::read();
            mem::forget(mem::replace(&mut self.state, Mutex::new(TokenState::new(nothing(), now, 0))));
            mem::forget(mem::replace(&mut self.current, Swap::new(Arc::new(nothing()))));
        }
    }
}

/// To a caller, a lock that is never released is like a renewal that never ends.
impl From<Unavailable> for Error {
    fn from(_: Unavailable) -> Error {
        Error::RenewalTimeout
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::mem;
    use std::sync::Arc;

    use super::SharedToken;
    use crate::clock::Now;
    use crate::token::value::Token;

    /// As in a forked child: a lock that is never released.
    #[test]
    #[cfg_attr(miri, ignore = "it leaks on purpose")]
    fn a_locked_token_is_not_freed() {
        for locked in [false, true] {
            let shared = SharedToken::new(Token::new(b"token", None).unwrap(), Now::read());
            let token: Arc<Token> = arc_swap::Guard::into_inner(shared.current());
            let before = Arc::strong_count(&token);
            if locked {
                mem::forget(shared.state.lock().unwrap());
            }
            drop(shared);
            assert_eq!(Arc::strong_count(&token), if locked { before } else { 1 });
        }
    }
}

#[cfg(all(test, loom))]
mod model {
    //! Every interleaving of a few threads. Run it with `make model`.

    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use loom::thread;

    use super::SharedToken;
    use crate::clock::Moment;
    use crate::clock::Now;
    use crate::error::Error;
    use crate::request::api_path::ApiPath;
    use crate::token::ticket::Ticket;
    use crate::token::value::Token;

    const GOOD: &[u8] = br#"{"success":true,"apiToken":"new"}"#;

    struct Scene {
        shared: Arc<SharedToken>,
        api_path: ApiPath,
        now: Now,
        tickets: AtomicUsize,
    }

    impl Scene {
        /// A token that is due because it expires now.
        fn new(now: Now) -> Arc<Scene> {
            let shared = Arc::new(SharedToken::new(Token::new(b"old", Some(now.unix)).unwrap(), now));
            let api_path = ApiPath::parse(b"https://company.example/api").unwrap();
            Arc::new(Scene { shared, api_path, now, tickets: AtomicUsize::new(0) })
        }

        fn poll(&self) -> Option<Ticket> {
            let ticket = self.shared.poll(Duration::MAX, Some(&self.api_path), || self.now).unwrap();
            if ticket.is_some() {
                self.tickets.fetch_add(1, Ordering::Relaxed);
            }
            ticket
        }

        /// Does what a caller does before it signs. Returns the token that it then signs with.
        fn token_after_poll(&self, finish: impl Fn(Ticket, Now)) -> String {
            if let Some(ticket) = self.poll() {
                finish(ticket, self.now);
            }
            self.shared.current().value().to_owned()
        }
    }

    /// Runs all interleavings and prints their number.
    fn explore(name: &str, scene: impl Fn(Now) + Sync + Send + 'static) {
        let count = Arc::new(AtomicUsize::new(0));
        let now = Now { unix: 1000, monotonic: Moment::now() };
        let counter = count.clone();
        loom::model(move || {
            counter.fetch_add(1, Ordering::Relaxed);
            scene(now);
        });
        println!("{name}: {} interleavings", count.load(Ordering::Relaxed));
    }

    #[test]
    fn two_readers_and_a_renewer() {
        explore("two readers and a renewer", |now| {
            let scene = Scene::new(now);
            let complete = |ticket: Ticket, now| assert_eq!(ticket.complete(200, GOOD, now).0, Ok(()));
            let readers: Vec<_> = (0..2)
                .map(|_| {
                    let scene = scene.clone();
                    thread::spawn(move || assert_eq!(scene.token_after_poll(complete), "new", "an invalidated token"))
                })
                .collect();
            assert_eq!(scene.token_after_poll(complete), "new", "an invalidated token");
            for reader in readers {
                reader.join().unwrap();
            }
            assert_eq!(scene.tickets.load(Ordering::Relaxed), 1, "one expiry, one renewal");
        });
    }

    #[test]
    fn a_failure_wakes_all_threads() {
        explore("a failure", |now| {
            let scene = Scene::new(now);
            let readers: Vec<_> = (0..2)
                .map(|_| {
                    let scene = scene.clone();
                    thread::spawn(move || assert_eq!(scene.token_after_poll(Ticket::cancel), "old"))
                })
                .collect();
            assert_eq!(scene.token_after_poll(Ticket::cancel), "old");
            for reader in readers {
                reader.join().unwrap();
            }
            assert_eq!(scene.tickets.load(Ordering::Relaxed), 1, "a pause follows");
        });
    }

    #[test]
    fn update_token_during_a_renewal() {
        explore("update_token", |now| {
            let scene = Scene::new(now);
            let complete = |ticket: Ticket, now| assert_eq!(ticket.complete(200, GOOD, now).0, Ok(()));
            let readers: Vec<_> = (0..2)
                .map(|_| {
                    let scene = scene.clone();
                    thread::spawn(move || assert_ne!(scene.token_after_poll(complete), "old", "an invalidated token"))
                })
                .collect();
            scene.shared.update(Token::new(b"elsewhere", None).unwrap(), now).unwrap();
            for reader in readers {
                reader.join().unwrap();
            }
            assert_eq!(
                scene.shared.current().value(),
                "elsewhere",
                "the update came last, or the late response was ignored"
            );
            assert!(scene.tickets.load(Ordering::Relaxed) <= 1);
        });
    }

    #[test]
    fn two_readers_a_renewer_and_an_update() {
        explore("two readers, a renewer and update_token", |now| {
            let scene = Scene::new(now);
            let ticket = scene.poll().unwrap();
            let readers: Vec<_> = (0..2)
                .map(|_| {
                    let scene = scene.clone();
                    thread::spawn(move || {
                        assert!(scene.poll().is_none(), "a second ticket");
                        assert_ne!(scene.shared.current().value(), "old", "an invalidated token");
                    })
                })
                .collect();
            let renewer = thread::spawn(move || assert_eq!(ticket.complete(200, GOOD, now).0, Ok(())));
            scene.shared.update(Token::new(b"elsewhere", None).unwrap(), now).unwrap();
            renewer.join().unwrap();
            for reader in readers {
                reader.join().unwrap();
            }
            assert_eq!(scene.shared.current().value(), "elsewhere");
        });
    }

    #[test]
    fn a_wait_of_zero_returns_at_once() {
        explore("no wait", |now| {
            let scene = Scene::new(now);
            let other = {
                let scene = scene.clone();
                thread::spawn(move || match scene.shared.poll(Duration::ZERO, Some(&scene.api_path), || scene.now) {
                    Ok(Some(ticket)) => ticket.cancel(scene.now),
                    Ok(None) => {}
                    Err(error) => assert_eq!(error, Error::RenewalTimeout),
                })
            };
            if let Ok(Some(ticket)) = scene.shared.poll(Duration::ZERO, Some(&scene.api_path), || scene.now) {
                ticket.cancel(scene.now);
            }
            other.join().unwrap();
        });
    }
}
