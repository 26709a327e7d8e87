//! Where threads meet before they sign with a token: one renews, the others wait for it.

use std::ffi::CStr;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Weak};
use std::time::Duration;
use std::{mem, process};

use arc_swap::Guard;
use percent_encoding::percent_encode;
use zeroize::Zeroizing;

use crate::answer::Answer;
use crate::clock::Now;
use crate::error::{Result, Status};
use crate::pages::Pages;
use crate::renewal::{Renewal, TicketId, Turn};
use crate::residue::wiped;
use crate::review::Advice;
use crate::secret::Secret;
use crate::sync::{Condvar, Mutex, Swap};
use crate::token::Token;
use crate::uri::ApiPath;
use crate::url::RESERVED;

/// So long a wait at most goes on without a look at the clock.
const SLICE: Duration = Duration::from_secs(1);

/// The stack that making a ticket may use, with the token in it.
const TICKET_STACK: usize = 4 << 10;

/// A token that many threads use and one renews.
pub(crate) struct Gate {
    renewal: Mutex<Renewal>,
    changed: Condvar,
    /// The token of `renewal`, for readers: they take no lock.
    current: Swap<Token>,
}

impl Gate {
    pub(crate) fn new(token: Token, now: Now) -> Gate {
        // No random numbers, for where the system has none to give a handle could not be made.
        let jitter = BuildHasherDefault::<DefaultHasher>::default().hash_one((now.monotonic, process::id()));
        let renewal = Renewal::new(token, now, jitter);
        let current = Swap::new(renewal.token().clone());
        Gate { renewal: Mutex::new(renewal), changed: Condvar::new(), current }
    }

    pub(crate) fn current(&self) -> Guard<Arc<Token>> {
        self.current.load()
    }

    pub(crate) fn set_window(&self, seconds: i64) -> Result<()> {
        self.renewal.lock()?.set_window(seconds)
    }

    /// `None`: go ahead and sign. `clock` is asked again after each wait.
    pub(crate) fn poll(
        self: &Arc<Self>,
        max_wait: Duration,
        api_path: Option<&ApiPath>,
        clock: impl Fn() -> Now,
    ) -> Result<Option<Ticket>> {
        let mut now = clock();
        let deadline = now.monotonic.checked_add(max_wait);
        let mut renewal = self.renewal.lock()?;
        loop {
            let renewable = api_path.filter(|_| renewal.token().is_renewable());
            let lapses = match renewal.poll(renewable.is_some(), now) {
                Turn::GoAhead => return Ok(None),
                Turn::Renew(id) => {
                    let (gate, token) = (Arc::downgrade(self), renewal.token().clone());
                    return Ok(
                        renewable.map(|api_path| wiped::<TICKET_STACK, _>(|| Ticket::new(gate, id, api_path, token)))
                    );
                }
                Turn::Wait(lapses) => lapses,
            };
            let until = deadline.map_or(lapses, |deadline| deadline.min(lapses));
            // In slices: condition variables know no clock that includes sleep.
            let limit = until.saturating_duration_since(now.monotonic).min(SLICE);
            if limit.is_zero() {
                return Err(Status::RenewalTimeout);
            }
            renewal = self.changed.wait_for(renewal, limit);
            now = clock();
        }
    }

    pub(crate) fn update(&self, token: Token, now: Now) -> Result<()> {
        self.change(|renewal| renewal.update(token, now))
    }

    /// `sent` is the token that the server did not take.
    pub(crate) fn unauthorized(&self, sent: &[u8], has_api_path: bool, now: Now) -> Result<Advice> {
        let mut renewal = self.renewal.lock()?;
        let renewable = has_api_path && renewal.token().is_renewable();
        Ok(renewal.unauthorized(sent, renewable, now))
    }

    /// Changes the state and tells everybody: readers first, then those who wait.
    fn change<T>(&self, action: impl FnOnce(&mut Renewal) -> T) -> Result<T> {
        let mut renewal = self.renewal.lock()?;
        let result = action(&mut renewal);
        // Under the lock, so that two changes reach the readers in their order.
        self.current.store(renewal.token().clone());
        drop(renewal);
        self.changed.notify_all();
        Ok(result)
    }
}

/// Only a child after `fork` finds the lock taken here, by a thread that it does not have. Then the state may be in the
/// middle of a change, and a token in it counted once too often: it is left where it is, in the child alone.
impl Drop for Gate {
    fn drop(&mut self) {
        if self.renewal.is_locked() {
            let nothing = || Token::from_secret(&Secret::default(), None);
            let now = Now::read();
            mem::forget(mem::replace(&mut self.renewal, Mutex::new(Renewal::new(nothing(), now, 0))));
            mem::forget(mem::replace(&mut self.current, Swap::new(Arc::new(nothing()))));
        }
    }
}

/// The right, and the duty, to renew a token: send the request, then complete or cancel.
pub struct Ticket {
    gate: Weak<Gate>,
    /// Until it is given back.
    id: Option<TicketId>,
    token: Arc<Token>,
    /// Ended by NUL, so that C can read it in place. It contains the token.
    url: Pages,
}

impl Ticket {
    fn new(gate: Weak<Gate>, id: TicketId, api_path: &ApiPath, token: Arc<Token>) -> Ticket {
        // Encoded into memory of the largest possible size, for a secret must not grow.
        let mut encoded = Zeroizing::new(String::with_capacity(3 * token.bytes().len()));
        encoded.extend(percent_encode(token.bytes(), RESERVED));
        let url = [api_path.as_str().as_bytes(), b"/appAuth?expiredToken=", encoded.as_bytes(), b"\0"];
        let url = Pages::concat(&url);
        Ticket { gate, id: Some(id), token, url }
    }

    /// What to GET, without an Authorization header. It contains the token: do not log it.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url_as_c_str().to_str().unwrap_or_default()
    }

    pub(crate) fn url_as_c_str(&self) -> &CStr {
        CStr::from_bytes_with_nul(&self.url).unwrap_or_default()
    }

    /// Hands in the server's answer, and returns with the result the server's message, fit for a log.
    pub fn complete(mut self, http_status: i32, body: &[u8], now: Now) -> (Result<()>, Option<String>) {
        let Some(gate) = self.gate.upgrade() else { return (Ok(()), None) };
        let (answer, message) = Answer::parse(http_status, body, self.token.bytes());
        let id = self.id.take();
        let result = gate.change(|renewal| id.map_or(Ok(()), |id| renewal.complete(id, &self.token, answer, now)));
        (result.and_then(|completed| completed), message)
    }

    /// Says that there was no answer: the connection failed, or it took too long.
    pub fn cancel(mut self, now: Now) {
        self.give_back(now);
    }

    fn give_back(&mut self, now: Now) {
        if let (Some(gate), Some(id)) = (self.gate.upgrade(), self.id.take()) {
            let _ = gate.change(|renewal| renewal.cancel(id, &self.token, now));
        }
    }
}

/// A ticket that is dropped is cancelled, for others wait for it.
impl Drop for Ticket {
    fn drop(&mut self) {
        if self.id.is_some() {
            self.give_back(Now::read());
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::mem;
    use std::sync::Arc;

    use super::Gate;
    use crate::clock::Now;
    use crate::token::Token;

    /// What a forked child finds: a lock that nobody will ever give back.
    #[test]
    #[cfg_attr(miri, ignore = "it leaks, on purpose")]
    fn a_gate_that_is_locked_is_left_alone() {
        for locked in [false, true] {
            let gate = Gate::new(Token::new(b"token", None).unwrap(), Now::read());
            let token: Arc<Token> = arc_swap::Guard::into_inner(gate.current());
            let before = Arc::strong_count(&token);
            if locked {
                mem::forget(gate.renewal.lock().unwrap());
            }
            drop(gate);
            assert_eq!(Arc::strong_count(&token), if locked { before } else { 1 });
        }
    }
}

#[cfg(all(test, loom))]
mod model {
    //! Every interleaving of a few threads. Run: RUSTFLAGS="--cfg loom" cargo test --release --lib model -- --nocapture

    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use loom::thread;

    use super::{Gate, Ticket};
    use crate::clock::Now;
    use crate::error::Status;
    use crate::moment::Moment;
    use crate::token::Token;
    use crate::uri::ApiPath;

    const GOOD: &[u8] = br#"{"success":true,"apiToken":"new"}"#;

    struct Scene {
        gate: Arc<Gate>,
        api_path: ApiPath,
        now: Now,
        tickets: AtomicUsize,
    }

    impl Scene {
        /// A token that is due: its expiry is now, though the server would still take it.
        fn new(now: Now) -> Arc<Scene> {
            let gate = Arc::new(Gate::new(Token::new(b"old", Some(now.unix)).unwrap(), now));
            let api_path = ApiPath::parse(b"https://company.example/api").unwrap();
            Arc::new(Scene { gate, api_path, now, tickets: AtomicUsize::new(0) })
        }

        fn poll(&self) -> Option<Ticket> {
            let ticket = self.gate.poll(Duration::MAX, Some(&self.api_path), || self.now).unwrap();
            if ticket.is_some() {
                self.tickets.fetch_add(1, Ordering::Relaxed);
            }
            ticket
        }

        /// What every caller does before it signs, and the token it then signs with.
        fn token_after_poll(&self, finish: impl Fn(Ticket, Now)) -> String {
            if let Some(ticket) = self.poll() {
                finish(ticket, self.now);
            }
            self.gate.current().value().to_owned()
        }
    }

    /// Runs all interleavings, and says how many there were.
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
                    thread::spawn(move || assert_eq!(scene.token_after_poll(complete), "new", "a dead token"))
                })
                .collect();
            assert_eq!(scene.token_after_poll(complete), "new", "a dead token");
            for reader in readers {
                reader.join().unwrap();
            }
            assert_eq!(scene.tickets.load(Ordering::Relaxed), 1, "one expiry, one renewal");
        });
    }

    #[test]
    fn a_failure_wakes_everybody() {
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
            assert_eq!(scene.tickets.load(Ordering::Relaxed), 1, "then comes the pause");
        });
    }

    #[test]
    fn a_token_from_elsewhere_meets_a_renewal() {
        explore("update_token", |now| {
            let scene = Scene::new(now);
            let complete = |ticket: Ticket, now| assert_eq!(ticket.complete(200, GOOD, now).0, Ok(()));
            let readers: Vec<_> = (0..2)
                .map(|_| {
                    let scene = scene.clone();
                    thread::spawn(move || assert_ne!(scene.token_after_poll(complete), "old", "a dead token"))
                })
                .collect();
            scene.gate.update(Token::new(b"elsewhere", None).unwrap(), now).unwrap();
            for reader in readers {
                reader.join().unwrap();
            }
            assert_eq!(scene.gate.current().value(), "elsewhere", "it came last, or the renewal came too late");
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
                        assert_ne!(scene.gate.current().value(), "old", "a dead token");
                    })
                })
                .collect();
            let renewer = thread::spawn(move || assert_eq!(ticket.complete(200, GOOD, now).0, Ok(())));
            scene.gate.update(Token::new(b"elsewhere", None).unwrap(), now).unwrap();
            renewer.join().unwrap();
            for reader in readers {
                reader.join().unwrap();
            }
            assert_eq!(scene.gate.current().value(), "elsewhere");
        });
    }

    #[test]
    fn no_wait_is_no_wait() {
        explore("no wait", |now| {
            let scene = Scene::new(now);
            let other = {
                let scene = scene.clone();
                thread::spawn(move || match scene.gate.poll(Duration::ZERO, Some(&scene.api_path), || scene.now) {
                    Ok(Some(ticket)) => ticket.cancel(scene.now),
                    Ok(None) => {}
                    Err(status) => assert_eq!(status, Status::RenewalTimeout),
                })
            };
            if let Ok(Some(ticket)) = scene.gate.poll(Duration::ZERO, Some(&scene.api_path), || scene.now) {
                ticket.cancel(scene.now);
            }
            other.join().unwrap();
        });
    }
}
