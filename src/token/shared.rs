//! A token that threads share: one of them renews it, the others wait.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use std::{io, mem, process};

use arc_swap::Guard;
use once_cell::race::OnceBox;

use crate::clock::{Moment, Now};
use crate::error::{Error, Result};
use crate::request::api_path::ApiPath;
use crate::secret::Secret;
use crate::secret::residue::on_clean_stack;
use crate::sync::{Condvar, Mutex, Swap, Unavailable};
use crate::token::directory::Directory;
use crate::token::family::Family;
use crate::token::response::RenewalResponse;
use crate::token::seal::{Keys, Sealed};
use crate::token::share::{Attempt, Claim, Share};
use crate::token::state::{Pauses, Rejection, State, TicketId, TokenState, Turn, Unsealed};
use crate::token::ticket::Ticket;
use crate::token::value::Token;

/// The longest wait before the clock is read again.
const SLICE: Duration = Duration::from_secs(1);

/// Stack bytes used at most to create it.
const HANDLE_STACK: usize = 4 << 10;

/// A token that many threads use and one renews.
pub(crate) struct SharedToken {
    state: Mutex<TokenState>,
    changed: Condvar,
    /// The token of `state`, for readers, which take no lock.
    current: Swap<Token>,
    family: Family,
    share: OnceBox<Share>,
    /// The identity was dropped, but its ticket is out, and saves what arrives.
    abandoned: AtomicBool,
}

impl SharedToken {
    pub(crate) fn new(token: Token, now: Now) -> Arc<SharedToken> {
        // Without the system's random numbers: if there were none, no handle could be created.
        let process = if cfg!(test) { 0 } else { process::id() }; // the simulation must be repeatable
        let jitter = BuildHasherDefault::<DefaultHasher>::default().hash_one((now.monotonic, process));
        let family = Family::of(&token);
        on_clean_stack::<HANDLE_STACK, _>(|| {
            let state = TokenState::new(token, now, jitter);
            let current = Swap::new(state.token().clone());
            let state = Mutex::new(state);
            let (changed, share, abandoned) = (Condvar::new(), OnceBox::new(), AtomicBool::new(false));
            Arc::new(SharedToken { state, changed, current, family, share, abandoned })
        })
    }

    /// Nobody signs with it any more.
    pub(crate) fn abandon(&self) {
        self.abandoned.store(true, Relaxed);
        if let Some(share) = self.share.get() {
            share.save_at_the_end(self, Now::read());
        }
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
        let left = |until: Moment, now: Now| {
            let until = deadline.map_or(until, |deadline| deadline.min(until));
            until.saturating_duration_since(now.monotonic)
        };
        loop {
            if let Some(share) = self.share.get() {
                share.look(self, now);
            }
            let may_renew = self.share.get().is_none_or(|share| share.may_renew(now));
            let mut state = self.state.lock()?;
            let renewable = api_path.filter(|_| may_renew && state.token().is_renewable());
            match (state.poll(renewable.is_some(), now), renewable) {
                (Turn::GoAhead, _) | (Turn::Renew(_), None) => return Ok(None),
                (Turn::Renew(id), Some(api_path)) => {
                    let token = state.token().clone();
                    drop(state);
                    let Some(share) = self.share.get() else {
                        return Ok(Some(Ticket::new(self, id, api_path, token, None)));
                    };
                    match self.claim(share, id, left, &clock)? {
                        Attempt::Granted(claim) => {
                            return Ok(Some(Ticket::new(self, id, api_path, token, Some(claim))));
                        }
                        Attempt::GoAhead => return Ok(None),
                        Attempt::Changed => {}
                        Attempt::Elsewhere(_) => return Err(Error::RenewalTimeout),
                    }
                }
                (Turn::Elsewhere, _) => {
                    drop(state);
                    let Some(share) = self.share.get() else { return Ok(None) };
                    let lapses = share.renews_elsewhere(now);
                    self.state.lock()?.set_elsewhere(lapses);
                    if lapses.is_some() {
                        if left(Moment::LAST, now).is_zero() {
                            return Err(Error::RenewalTimeout);
                        }
                        share.nap();
                    }
                }
                (Turn::Wait(lapses), _) => {
                    // In slices, because the clock of condition variables stops while the machine sleeps.
                    let limit = left(lapses, now).min(SLICE);
                    if limit.is_zero() {
                        return Err(Error::RenewalTimeout);
                    }
                    self.changed.wait_for(state, limit);
                }
            }
            now = clock();
        }
    }

    /// Waits until no other process of the family renews. The ticket is taken back unless this process may renew.
    fn claim(
        &self,
        share: &Share,
        id: TicketId,
        left: impl Fn(Moment, Now) -> Duration,
        clock: impl Fn() -> Now,
    ) -> Result<Attempt> {
        let mut now = clock();
        loop {
            let attempt = share.claim(self, id, left(Moment::LAST, now), &clock);
            match attempt {
                Attempt::Granted(_) => return Ok(attempt),
                Attempt::Elsewhere(_) if !left(Moment::LAST, now).is_zero() => share.nap(),
                _ => {
                    let lapses = if let Attempt::Elsewhere(lapses) = attempt { Some(lapses) } else { None };
                    self.change(|state| state.withdraw(id, lapses))?;
                    return Ok(attempt);
                }
            }
            now = clock();
            share.look(self, now);
            if !self.needs_renewal(id)? {
                return Ok(Attempt::Changed);
            }
        }
    }

    fn needs_renewal(&self, id: TicketId) -> Result<bool> {
        Ok(self.state.lock()?.is_out(id))
    }

    /// Joins the processes that share the token in the directory that `open` opens.
    pub(crate) fn share(
        &self,
        open: impl FnOnce(&Family) -> io::Result<Box<dyn Directory>>,
        keys: Keys,
        now: Now,
    ) -> Result<()> {
        if self.share.get().is_some() {
            return Err(Error::AlreadySet);
        }
        let directory = open(&self.family).map_err(|_| Error::StoreIo)?;
        let share = on_clean_stack::<HANDLE_STACK, _>(|| Box::new(Share::new(directory, keys)));
        share.start(self, now)?;
        self.share.set(share).map_err(|_| Error::AlreadySet)
    }

    pub(crate) fn update(&self, token: Token, now: Now) -> Result<()> {
        match self.share.get() {
            Some(share) => share.update(self, token, now),
            None => self.change(|state| state.update(token, now)),
        }
    }

    pub(super) fn complete(
        &self,
        claim: Option<Claim>,
        (id, of): (TicketId, &Token),
        response: RenewalResponse,
        now: Now,
    ) -> Result<()> {
        match self.share.get() {
            Some(share) => share.complete(self, claim, (id, of), response, now),
            None => self.change(|state| state.complete(id, of, response, now))?,
        }
    }

    pub(super) fn cancel(&self, claim: Option<Claim>, (id, of): (TicketId, &Token), now: Now) {
        match self.share.get() {
            Some(share) => share.cancel(self, claim, (id, of), now),
            None => _ = self.change(|state| state.cancel(id, of, now)),
        }
    }

    pub(super) fn newest(&self) -> Result<(Arc<Token>, u64)> {
        let state = self.state.lock()?;
        Ok((state.token().clone(), state.generation()))
    }

    pub(super) fn adopt(&self, sealed: Sealed, now: Now) -> Result<Unsealed> {
        self.change(|state| state.adopt(sealed, now))
    }

    pub(super) fn pauses(&self) -> Result<Pauses> {
        Ok(self.state.lock()?.pauses())
    }

    /// `None` if the ticket must not be handed out.
    pub(super) fn join(&self, id: TicketId, family: &Pauses, now: Now) -> Result<Option<Pauses>> {
        self.change(|state| state.join(id, family, now).then(|| state.pauses()))
    }

    /// `sent` is the token that the server rejected.
    pub(crate) fn unauthorized(&self, sent: &[u8], has_api_path: bool, now: Now) -> Result<Rejection> {
        let judge = || {
            let mut state = self.state.lock()?;
            let renewable = has_api_path && state.token().is_renewable();
            Ok(state.unauthorized(sent, renewable, now))
        };
        let Some(share) = self.share.get() else { return judge() };
        let look = || {
            if !mistake!(NoLookBeforeVerdict) {
                share.look(self, now);
            }
        };
        look();
        match judge()? {
            Rejection::Retry => Ok(Rejection::Retry),
            Rejection::Final => {
                // Another process may be about to replace this token, or has just done so.
                let Some(lapses) = share.renews_elsewhere(now) else {
                    look();
                    return judge();
                };
                let mut state = self.state.lock()?;
                state.set_elsewhere(Some(lapses));
                Ok(state.rejection_elsewhere(sent, now))
            }
        }
    }

    pub(crate) fn family(&self) -> &Family {
        &self.family
    }

    #[cfg(test)]
    pub(crate) fn is_saved(&self) -> bool {
        self.share.get().is_some_and(Share::is_saved)
    }

    #[cfg(test)]
    pub(crate) fn generation(&self) -> Result<u64> {
        Ok(self.newest()?.1)
    }

    pub(crate) fn seal(&self, keys: &Keys) -> Result<String> {
        let (token, generation) = self.newest()?;
        self.family.seal(keys, generation, &token)
    }

    pub(crate) fn unseal(&self, sealed: &[u8], keys: &Keys, now: Now) -> Result<Unsealed> {
        let outcome = self.adopt(self.family.unseal(keys, sealed)?, now)?;
        if outcome == Unsealed::Adopted
            && let Some(share) = self.share.get()
        {
            share.compare();
        }
        Ok(outcome)
    }

    pub(super) fn needs(&self, ticket: TicketId, of: &Token) -> Result<bool> {
        Ok(!self.abandoned.load(Relaxed) && self.state.lock()?.needs(ticket, of))
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
    use std::sync::{Arc, Mutex};
    use std::time::Duration;
    use std::{env, fs, io, mem, process};

    use super::SharedToken;
    use crate::clock::Now;
    use crate::request::api_path::ApiPath;
    use crate::token::directory::{self, Directory, Lock, LockName, TokenFile, Version};
    use crate::token::seal::Keys;
    use crate::token::state::Rejection;
    use crate::token::ticket::Ticket;
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

    /// A real directory. Just before its user tries the renewal lock, another process completes its ticket.
    struct Late(Box<dyn Directory>, Mutex<Option<Ticket>>);

    impl Directory for Late {
        fn version(&self) -> io::Result<Option<Version>> {
            self.0.version()
        }

        fn read(&self) -> io::Result<Option<TokenFile>> {
            self.0.read()
        }

        fn write(&self, text: &[u8]) -> io::Result<()> {
            self.0.write(text)
        }

        fn try_lock(&self, which: LockName) -> io::Result<Option<Box<dyn Lock>>> {
            if which == LockName::Renewal
                && let Some(ticket) = self.1.lock().unwrap().take()
            {
                ticket.complete(200, br#"{"success":true,"apiToken":"third"}"#, Now::read()).0.unwrap();
            }
            self.0.try_lock(which)
        }

        fn replace_renewal_lock(&self) -> io::Result<Box<dyn Lock>> {
            self.0.replace_renewal_lock()
        }

        fn record(&self) -> io::Result<Vec<u8>> {
            self.0.record()
        }

        fn set_record(&self, record: &[u8]) -> io::Result<()> {
            self.0.set_record(record)
        }

        fn boot(&self) -> u64 {
            self.0.boot()
        }

        fn nap(&self) -> Duration {
            self.0.nap()
        }
    }

    #[test]
    #[cfg_attr(not(unix), ignore = "a temporary directory may not be on a local disk")]
    #[cfg_attr(miri, ignore = "it locks files")]
    fn a_renewal_that_has_just_ended_is_not_missed() {
        let (now, path) = (Now::read(), env::temp_dir().join(format!("tc_auth-late-{}", process::id())));
        fs::create_dir(&path).unwrap();
        let keys = || Keys::parse(None).unwrap();
        let [shared, other] = [(); 2].map(|()| SharedToken::new(Token::new(b"first", None).unwrap(), now));
        other.share(|family| directory::open(&path, family.name()), keys(), now).unwrap();
        other.update(Token::new(b"second", None).unwrap(), now).unwrap();
        assert_eq!(other.unauthorized(b"second", true, now), Ok(Rejection::Retry));
        let api_path = ApiPath::parse(b"https://company.example/api").unwrap();
        let ticket = other.poll(Duration::ZERO, Some(&api_path), Now::read).unwrap();
        let late = |family: &super::Family| -> io::Result<Box<dyn Directory>> {
            Ok(Box::new(Late(directory::open(&path, family.name())?, Mutex::new(ticket))))
        };
        shared.share(late, keys(), now).unwrap();
        // It has just got this token: without another one, a request would not be repeated.
        assert_eq!(shared.unauthorized(b"second", true, now), Ok(Rejection::Retry));
        assert_eq!(shared.current().bytes(), b"third");
        fs::remove_dir_all(path).unwrap();
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
            let shared = SharedToken::new(Token::new(b"old", Some(now.unix)).unwrap(), now);
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
