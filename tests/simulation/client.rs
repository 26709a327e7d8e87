//! A process with threads that send requests, as an application would: poll, renew if chosen, sign, send, review.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::engine::{self, MILLISECOND, Nanoseconds, SECOND};
use super::files::SimulatedDirectory;
use super::judge::{Cause, Outcome};
use super::platform::unix;
use super::store::{Down, generation_of};
use super::{Mode, World};
use crate::Auth;
use crate::clock::{Moment, Now};
use crate::error::Error;
use crate::planted::{Mistake, has};
use crate::review::{Advice, Response};
use crate::token::{State, Ticket, Unsealed};

const API_PATH: &str = "https://company.example/api";
pub(super) const KEY: &[u8] = b"a key that all processes have";
const UNAUTHORIZED: &[u8] = br#"{"status":"Failure","message":"Unauthorized"}"#;

/// How long a client waits for a response.
pub(super) const TIMEOUT: Nanoseconds = 30 * SECOND;

/// Longer than the client's time-out, as the header advises.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// One live process.
pub struct Client {
    pub process: usize,
    pub auth: Arc<Auth>,
    world: Rc<World>,
    /// Counts the process's handles.
    incarnation: u64,
    /// The store did not answer when it should have taken a new token. It is tried again before each request.
    unsaved: Cell<bool>,
}

/// The clocks of the process's machine.
pub fn now(world: &World, process: usize) -> Now {
    let time = world.engine.time();
    let unix = unix(time) + world.clock_offset(process);
    Now { unix, monotonic: Moment::after_boot(Duration::from_nanos(time)) }
}

/// Starts a process with the first token, and its threads when it has joined the family.
pub fn start(world: &Rc<World>, process: usize) {
    let (world, incarnation) = (world.clone(), world.incarnation(process));
    world.clone().engine.spawn(process, move || {
        engine::sleep(world.engine.random.below(20 * MILLISECOND));
        let (first, expires) = world.first_token();
        let auth = Auth::new_token(&first, Some(expires), now(&world, process)).expect("a token");
        auth.set_api_path(API_PATH).expect("a URL");
        let (window, jitter) = world.scenario.window;
        let more = if jitter { world.engine.random.below(window as u64) as i64 } else { 0 };
        auth.set_renewal_window(window + more).expect("a window");
        let unsaved = Cell::new(false);
        let client = Rc::new(Client { process, auth: Arc::new(auth), world: world.clone(), incarnation, unsaved });
        world.set_auth(process, Some(client.auth.clone()));
        while !client.join() {
            engine::sleep(SECOND);
        }
        world.set_joined(process);
        client.observe();
        for thread in 0..world.scenario.threads {
            let client = client.clone();
            world.engine.spawn(process, move || {
                while client.world.engine.time() < client.world.end() && client.is_current() {
                    let longest = client.world.scenario.think;
                    engine::sleep(client.world.engine.random.between(longest / 50, longest));
                    client.request(client.world.is_bad_endpoint(process, thread));
                }
            });
        }
    });
}

impl Client {
    fn now(&self) -> Now {
        now(&self.world, self.process)
    }

    /// Whether the application has not freed the handle.
    fn is_current(&self) -> bool {
        self.world.incarnation(self.process) == self.incarnation
    }

    fn observe(&self) {
        if self.is_current() {
            self.world.judge.observe(&self.world, self.process, &self.auth);
        }
    }

    /// Joins the family. False if the store does not answer.
    fn join(&self) -> bool {
        match self.world.scenario.mode {
            Mode::Directory => {
                let directory = SimulatedDirectory::new(&self.world.files, self.process);
                match self.auth.share(Box::new(directory), Some(KEY), self.now()) {
                    Ok(()) => true,
                    Err(Error::StoreIo | Error::SealVersion) => false,
                    Err(Error::SealInvalid) => {
                        self.world.nobody_can_read_the_file();
                        false
                    }
                    Err(error) => panic!("share: {error:?}"),
                }
            }
            Mode::Store => self.synchronize().is_ok(),
        }
    }

    /// One request, and one more if the advice is to retry.
    pub fn request(&self, bad_endpoint: bool) {
        let started = self.world.engine.time();
        let mut outcome = Outcome::Outpaced;
        for _ in 0..2 {
            match self.attempt(bad_endpoint) {
                Some(ended) => {
                    outcome = ended;
                    break;
                }
                None => continue, // the advice was to retry
            }
        }
        if engine::is_dying() {
            return;
        }
        self.observe();
        if !bad_endpoint && outcome != Outcome::Freed {
            self.world.judge_request(self.process, started, outcome);
        }
    }

    /// `None`: send it once more.
    fn attempt(&self, bad_endpoint: bool) -> Option<Outcome> {
        if self.unsaved.get() {
            self.unsaved.set(self.synchronize().is_err());
        }
        let max_wait = if self.world.engine.random.per_mille(50) { Duration::ZERO } else { LONGEST_WAIT };
        let before = self.state();
        let from = self.world.engine.time();
        let in_file = self.generation_in_file();
        self.world.judge.polls(self.process, 1);
        let polled = self.auth.poll(max_wait, || self.now());
        if engine::is_dying() {
            return None;
        }
        let is_shared = self.world.judge.polls(self.process, -1);
        self.world.judge.waited(self.world.engine.time() - from);
        self.transition("poll", before, self.state());
        if polled.is_ok() {
            self.has_looked("a poll ended", in_file);
        }
        match polled {
            Ok(None) => {}
            Ok(Some(ticket)) => {
                if !self.renew(ticket) {
                    return Some(Outcome::Freed);
                }
            }
            Err(Error::RenewalTimeout) if max_wait.is_zero() => {
                self.world.judge_no_time(self.process, from, is_shared);
                return Some(Outcome::NoTime);
            }
            Err(Error::RenewalTimeout) => return Some(Outcome::WaitedTooLong),
            Err(error) => panic!("poll: {error:?}"),
        }
        let sign = || self.auth.headers("GET", "/api/v3/indicators", self.now().unix);
        let mut signed = sign();
        if signed.is_err() && self.look_again() {
            signed = sign();
        }
        let headers = match signed {
            Ok(headers) => headers,
            Err(Error::TokenExpired) => return Some(Outcome::Expired),
            Err(error) => panic!("headers: {error:?}"),
        };
        let authorization = headers.iter().next().map(|(_, value)| value.to_owned()).unwrap_or_default();
        engine::step(50 * MILLISECOND);
        let token = authorization.trim_start_matches("TC-Token ");
        let accepted = !bad_endpoint && self.world.platform.accepts(token, self.world.engine.time());
        engine::step(50 * MILLISECOND);
        if accepted {
            return Some(Outcome::Accepted);
        }
        self.world.judge.rejected.set(self.world.judge.rejected.get() + 1);
        let response = Response { status: 401, date: None, body: UNAUTHORIZED };
        let review = || {
            let (before, in_file) = (self.state(), self.generation_in_file());
            let advice = self.auth.review(&authorization, -1, &response, self.now()).expect("a review");
            self.transition("review", before, self.state());
            if advice == Advice::TokenRejected {
                self.has_looked("a token was rejected", in_file);
            }
            advice
        };
        let mut advice = review();
        if advice == Advice::TokenRejected && self.look_again() {
            advice = review(); // this thread or another one may have found a newer token
        }
        match advice {
            Advice::Retry => None,
            Advice::TokenRejected => Some(Outcome::Rejected),
            other => panic!("review: {other:?}"),
        }
    }

    fn transition(&self, operation: &'static str, from: State, to: State) {
        self.world.judge.transition(operation, from, to);
        let generation = self.auth.generation();
        self.world
            .trace(format_args!("process {}: {operation}: {from:?} -> {to:?}, generation {generation}", self.process));
    }

    fn state(&self) -> State {
        self.auth.token_state(self.now()).expect("a state").0
    }

    // --- renewals

    /// False if the handle was freed.
    fn renew(&self, ticket: Ticket) -> bool {
        let number = self.world.judge.ticket(&self.world, self.process, &self.auth);
        match self.world.scenario.mode {
            Mode::Directory if self.world.frees_handle.take() => {
                self.free(ticket, number);
                return false;
            }
            Mode::Directory => self.fetch(ticket),
            Mode::Store => self.renew_with_store(ticket),
        }
        self.world.judge.ticket_ended(number);
        true
    }

    /// The application frees its handle while the ticket is out, and goes on with another one. When the ticket is
    /// completed, the new token must be saved and the lock given back all the same.
    fn free(&self, ticket: Ticket, number: u64) {
        let (world, process, generation) = (self.world.clone(), self.process, self.auth.generation());
        let (handle, lock) = (Arc::downgrade(&self.auth), self.world.files.granted.get());
        world.handle_freed(process);
        start(&world, process);
        self.world.engine.spawn(process, move || {
            // The last call on the handle ends. Meanwhile the next handle tries to renew, too.
            engine::sleep(world.engine.random.between(1, 30) * SECOND);
            let (response, issued) = exchange(&world, (process, lock), generation, &ticket);
            let is_freed = handle.strong_count() == 0;
            let restored = world.judge.restored.get();
            let result = match response {
                Some((status, body)) => ticket.complete(status, body.as_bytes(), now(&world, process)).0,
                None => {
                    ticket.cancel(now(&world, process));
                    Ok(())
                }
            };
            if engine::is_dying() {
                return;
            }
            world.judge.ticket_ended(number);
            let Some(issued) = issued else { return };
            world.platform.in_flight.borrow_mut().retain(|(_, token)| *token != issued);
            match result {
                Ok(()) if world.judge.restored.get() == restored => {
                    world.judge.completed_without_handle(&world, process, generation, is_freed);
                }
                Err(Error::StoreIo) if is_freed => world.judge.lost(),
                _ => {}
            }
        });
    }

    /// The recipe of docs/sealed-token.md.
    fn renew_with_store(&self, ticket: Ticket) {
        let store = &self.world.store;
        let owner = self.lock_owner();
        let deadline = self.world.engine.time() + 60 * SECOND;
        let mut nap = 50 * MILLISECOND;
        loop {
            // Most processes find the new token here, and need no lock.
            if !has(Mistake::NoReadUnderLock) {
                let _ = self.synchronize();
            }
            if !ticket.needed() {
                return ticket.cancel(self.now());
            }
            match store.try_lock(owner) {
                Ok(true) => break,
                Ok(false) if self.world.engine.time() < deadline => {
                    engine::sleep(self.world.engine.random.between(1, nap));
                    nap = (2 * nap).min(SECOND);
                }
                _ => return ticket.cancel(self.now()),
            }
        }
        if !has(Mistake::NoReadUnderLock) && self.synchronize().is_err() {
            let _ = store.unlock(owner);
            return ticket.cancel(self.now());
        }
        if !ticket.needed() {
            let _ = store.unlock(owner);
            return ticket.cancel(self.now());
        }
        self.fetch(ticket);
        self.unsaved.set(self.synchronize().is_err());
        self.world.platform.changed_at.set(self.world.engine.time());
        let _ = store.unlock(owner);
    }

    /// GETs the ticket's URL and completes it.
    fn fetch(&self, ticket: Ticket) {
        let world = &self.world;
        let (generation, lock) = (self.auth.generation(), world.files.granted.get());
        let (response, issued) = exchange(world, (self.process, lock), generation, &ticket);
        let (before, at) = (self.state(), world.engine.time());
        let restored = world.judge.restored.get();
        let holds_lock = world.holds_ticket(self.process, lock);
        let no_response = response.is_none();
        let (is_useless, result) = match response {
            Some((status, body)) => (status != 200, ticket.complete(status, body.as_bytes(), self.now()).0),
            None => {
                ticket.cancel(self.now());
                (true, Err(Error::RenewalBadResponse))
            }
        };
        if engine::is_dying() {
            return;
        }
        world.platform.in_flight.borrow_mut().retain(|(_, token)| Some(token) != issued.as_ref());
        let operation = match result {
            Ok(()) => "complete",
            Err(Error::RenewalRefused) => "refuse",
            Err(Error::StoreIo) => "complete, not saved",
            Err(Error::RenewalBadResponse) if no_response => "cancel",
            // Or it keeps the token, but an application has set a later expiry.
            Err(Error::RenewalBadResponse) => "fail",
            Err(error) => panic!("complete: {error:?}"),
        };
        self.transition(operation, before, self.state());
        if is_useless && holds_lock && self.auth.generation() == generation {
            world.judge.failed(world, self.process, generation, at);
        }
        if world.scenario.mode == Mode::Directory && result == Err(Error::RenewalRefused) {
            self.has_looked("a refusal was believed", self.generation_in_file());
        }
        if result.is_ok() && issued.is_some() && self.auth.is_saved() && world.judge.restored.get() == restored {
            world.judge.saved(self.auth.generation());
        }
    }

    fn generation_in_file(&self) -> u64 {
        self.world.files.text().map_or(0, |text| generation_of(&text))
    }

    /// This handle has seen the generation that was in the file.
    fn has_looked(&self, what: &str, in_file: u64) {
        let can_look = self.auth.is_saved() && !self.world.damages_files();
        if can_look && self.auth.generation() < in_file {
            let (process, generation) = (self.process, self.auth.generation());
            self.world.judge.violation(format!(
                "{what} in process {process} with generation {generation}, while the file has {in_file}"
            ));
        }
    }

    // --- a store of the user's own

    /// Brings the store and this process to the same token: reads, adopts what is newer, and else writes, if the store
    /// still has what was read. Returns what was in the store.
    fn synchronize(&self) -> Result<Option<Unsealed>, Down> {
        loop {
            let value = self.world.store.load()?;
            let found = value.as_deref().and_then(|value| self.unseal(value));
            if matches!(found, Some(Unsealed::Same | Unsealed::Adopted)) {
                return Ok(found);
            }
            let sealed = self.auth.seal(Some(KEY)).expect("a sealed token");
            let compares = !has(Mistake::WriteWithoutComparing);
            if self.world.store.save(&sealed, value.as_deref(), compares)? {
                return Ok(found);
            }
        }
    }

    fn unseal(&self, value: &str) -> Option<Unsealed> {
        let before = self.state();
        let outcome = self.auth.unseal(value, Some(KEY), self.now()).ok()?;
        let operation = match outcome {
            Unsealed::Same => "unseal the same",
            Unsealed::Adopted => "adopt",
            Unsealed::Older => "unseal an older one",
        };
        self.transition(operation, before, self.state());
        Some(outcome)
    }

    /// Before giving up: under the lock, because another process may be renewing. False if the store does not answer.
    fn look_again(&self) -> bool {
        if self.world.scenario.mode == Mode::Directory {
            return false; // the library does
        }
        let owner = self.lock_owner();
        if !self.lock(owner) {
            return false;
        }
        let answered = self.synchronize().is_ok();
        let _ = self.world.store.unlock(owner);
        answered
    }

    /// Each thread is another client of the store.
    fn lock_owner(&self) -> usize {
        self.process * 1_000_000 + self.world.engine.random.below(1_000_000) as usize
    }

    /// Waits for the store's lock, for a minute at most.
    fn lock(&self, owner: usize) -> bool {
        let deadline = self.world.engine.time() + 60 * SECOND;
        loop {
            match self.world.store.try_lock(owner) {
                Ok(true) => return true,
                Ok(false) if self.world.engine.time() < deadline => {
                    engine::sleep(self.world.engine.random.between(1, 50) * MILLISECOND);
                }
                _ => return false,
            }
        }
    }

    /// An administrator gives one process another token.
    pub fn update(&self, token: &str, expires: i64) {
        // First the newest token, so that the generation of this one is higher.
        while self.world.scenario.mode == Mode::Store && self.synchronize().is_err() && !engine::is_dying() {
            engine::sleep(SECOND);
        }
        let before = self.state();
        self.world.judge.update_began(&self.world, token);
        let result = self.auth.update_token(token, Some(expires), self.now());
        self.transition("update", before, self.state());
        if result.is_ok() {
            self.world.judge.update_ended(&self.world, token, &self.auth);
        }
        match self.world.scenario.mode {
            Mode::Directory => assert!(matches!(result, Ok(()) | Err(Error::StoreIo)), "update: {result:?}"),
            Mode::Store => {
                while self.synchronize().is_err() && !engine::is_dying() {
                    engine::sleep(SECOND);
                }
                self.world.platform.changed_at.set(self.world.engine.time());
            }
        }
        self.observe();
    }

    /// An application changes the expiry of the token that this process has, by so many seconds.
    pub fn update_expiry(&self, change: i64) {
        let token = self.auth.token().expect("a token");
        let Some(expires) = token.expires() else { return };
        self.world.judge.extended(self.auth.generation());
        let result = self.auth.update_token(token.value(), Some(expires + change), self.now());
        if self.world.scenario.mode == Mode::Store {
            self.unsaved.set(self.synchronize().is_err());
        }
        assert!(matches!(result, Ok(()) | Err(Error::StoreIo)), "update: {result:?}");
        self.observe();
    }

    /// A client of a process that runs and shares its token.
    pub fn of(world: &Rc<World>, process: usize) -> Option<Client> {
        let auth = world.auth(process).filter(|_| world.has_joined(process))?;
        let incarnation = world.incarnation(process);
        Some(Client { process, auth, world: world.clone(), incarnation, unsaved: Cell::new(false) })
    }
}

/// GETs the ticket's URL. Returns the response, `None` if there was none, and the token that was issued.
fn exchange(
    world: &World,
    (process, lock): (usize, u64),
    generation: u64,
    ticket: &Ticket,
) -> (Option<(i32, String)>, Option<String>) {
    let platform = &world.platform;
    let token = ticket.url().rsplit_once('=').map(|(_, token)| decode(token)).unwrap_or_default();
    engine::step(100 * MILLISECOND);
    let time = world.engine.time();
    world.judge.sends(world, (process, lock), generation);
    if time < platform.hangs_until.get() {
        engine::sleep(TIMEOUT);
        return (None, None);
    }
    if time < platform.fails_until.get() {
        let body = ["<html>502</html>", r#"{"success":true"#, ""][world.engine.random.below(3) as usize];
        return (Some((502, body.to_owned())), None);
    }
    let take = |counter: &Cell<u64>| {
        counter.get() > 0 && {
            counter.set(counter.get() - 1);
            true
        }
    };
    if take(&platform.lose_requests) {
        engine::sleep(TIMEOUT);
        world.judge.happened(Cause::Platform, world.engine.time());
        return (None, None);
    }
    let (issued, body) = platform.renew(&token, time);
    if issued.is_some() {
        world.judge.renewed(generation);
    } else if body.contains(r#""success":true"#) {
        world.judge.extended(generation);
    }
    if issued.is_some() && take(&platform.lose_responses) {
        world.judge.lost();
        engine::sleep(TIMEOUT);
        return (None, None);
    }
    if let Some(issued) = &issued {
        platform.in_flight.borrow_mut().push((process, issued.clone()));
    }
    engine::step(100 * MILLISECOND);
    (Some((200, body)), issued)
}

/// Percent-decoding of ASCII.
fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}
