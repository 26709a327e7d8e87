//! A family of processes in virtual time, with faults. `make simulate` runs it with more seeds.
//!
//! The state machine, the sealed tokens and the rules of `src/token/share.rs` are the real ones. Time, files, locks, the
//! user's store and the platform are simulated. It is part of the unit tests because it replaces what is below `Auth`.

mod client;
mod engine;
mod files;
mod judge;
mod platform;
mod scale;
mod store;
mod tests;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use self::client::Client;
use self::engine::{Engine, Nanoseconds, Random, SECOND};
use self::files::Files;
use self::judge::{Cause, Judge, Outcome};
use self::platform::{LIFE, Platform, unix};
use self::store::Store;
use crate::Auth;
use crate::clock::{Moment, Now};
use crate::token::directory::LockName;

pub(crate) use self::engine::{is_running, notify_all, wait};

/// How the processes share their token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Directory,
    Store,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    Kill,
    Stop,
    LostRequest,
    LostResponse,
    PlatformFails,
    PlatformHangs,
    DiskFull,
    StoreBroken,
    StoreSlow,
    FileDamaged,
    FileDeleted,
    /// A later version of the library writes a file that this one can't read.
    LaterVersion,
    BackupRestored,
    ClockJumps,
    ClocksDiffer,
    MachineSleeps,
    TokenUpdated,
    /// An application gives the current token another expiry, which may be wrong.
    ExpiryUpdated,
    /// The platform keeps the token at the next renewal, and gives it another expiry.
    TokenKept,
    TokenRevoked,
    Reboot,
    /// The application frees a handle while its ticket is out.
    HandleFreed,
    /// A process with a ticket is stopped until it has lapsed; and another one when it has opened the file of the renewal
    /// lock, but not locked it. When it goes on, the path names another file. Meanwhile the platform hangs.
    StopAtLock,
}

#[derive(Clone)]
struct Scenario {
    name: &'static str,
    mode: Mode,
    processes: usize,
    threads: usize,
    /// The longest time between two requests of a thread.
    think: Nanoseconds,
    /// Virtual seconds with faults; a quiet time follows.
    seconds: u64,
    /// Seconds between two faults, on average; 0 for none.
    every: u64,
    faults: &'static [Fault],
    /// Each process renews so many seconds before the expiry, or up to twice as many.
    window: (i64, bool),
    /// Whether one endpoint rejects every token.
    bad_endpoint: bool,
}

/// After the last fault: long enough for a stopped process and for each token to be renewed once.
const QUIET: Nanoseconds = (LIFE as u64 + 300) * SECOND;

/// What a later version of the library might write.
const LATER_VERSION: &[u8] = b"TC2.0000000000000000.later";

struct World {
    engine: Rc<Engine>,
    scenario: Scenario,
    files: Rc<Files>,
    store: Store,
    platform: Platform,
    judge: Judge,
    first: (String, i64),
    traced: bool,
    processes: RefCell<Vec<Process>>,
    faults: RefCell<std::collections::BTreeMap<Fault, u64>>,
    backup: RefCell<Option<Vec<u8>>>,
    /// When an administrator notices a loss, and sets another token.
    repair_at: Cell<Option<Nanoseconds>>,
    /// Until when the file is of a later version.
    later_until: Cell<Option<Nanoseconds>>,
    /// Processes that are to be started.
    waiting: Cell<usize>,
    /// When the faults ended.
    calm_at: Cell<Option<Nanoseconds>>,
    /// The next process that gets a ticket frees its handle.
    frees_handle: Cell<bool>,
    /// The next process that gets a ticket is stopped, and one that opens its lock.
    stops_at_lock: Cell<bool>,
    /// A fault that waits for so many steps of a process that has a ticket or a lock.
    ambush: Cell<Option<(Fault, u64)>>,
}

#[derive(Clone, Default)]
struct Process {
    auth: Option<Arc<Auth>>,
    /// It shares its token: before, no thread uses the handle.
    has_joined: bool,
    incarnation: u64,
    clock_offset: i64,
    start_at: Option<Nanoseconds>,
}

impl World {
    fn new(scenario: &Scenario, seed: u64) -> Rc<World> {
        let engine = Engine::start(seed, scenario.processes);
        let platform = Platform::default();
        let first = platform.issue(engine.time());
        Rc::new(World {
            scenario: scenario.clone(),
            files: Files::new(),
            store: Store::default(),
            platform,
            judge: Judge::default(),
            first,
            traced: std::env::var_os("TRACE").is_some_and(|value| !value.is_empty()),
            processes: RefCell::new(vec![Process::default(); scenario.processes]),
            faults: RefCell::default(),
            backup: RefCell::new(None),
            repair_at: Cell::new(None),
            later_until: Cell::new(None),
            waiting: Cell::new(0),
            calm_at: Cell::new(None),
            frees_handle: Cell::new(false),
            stops_at_lock: Cell::new(false),
            ambush: Cell::new(None),
            engine,
        })
    }

    /// `TRACE=1` prints what happens.
    fn trace(&self, what: std::fmt::Arguments<'_>) {
        if self.traced {
            println!("{:12.6}  {what}", self.engine.time() as f64 / SECOND as f64);
        }
    }

    fn first_token(&self) -> (String, i64) {
        self.first.clone()
    }

    fn clock_offset(&self, process: usize) -> i64 {
        self.processes.borrow()[process].clock_offset
    }

    fn incarnation(&self, process: usize) -> u64 {
        self.processes.borrow()[process].incarnation
    }

    fn auth(&self, process: usize) -> Option<Arc<Auth>> {
        self.processes.borrow()[process].auth.clone()
    }

    fn set_auth(&self, process: usize, auth: Option<Arc<Auth>>) {
        let entry = &mut self.processes.borrow_mut()[process];
        (entry.auth, entry.has_joined) = (auth, false);
    }

    fn set_joined(&self, process: usize) {
        self.processes.borrow_mut()[process].has_joined = true;
    }

    fn has_joined(&self, process: usize) -> bool {
        self.processes.borrow()[process].has_joined
    }

    fn is_bad_endpoint(&self, process: usize, thread: usize) -> bool {
        self.scenario.bad_endpoint && thread == 0 && process.is_multiple_of(2)
    }

    /// Whether the file may hold anything.
    fn damages_files(&self) -> bool {
        [Fault::FileDamaged, Fault::StoreBroken, Fault::BackupRestored]
            .iter()
            .any(|fault| self.scenario.faults.contains(fault))
    }

    fn begin_of_quiet(&self) -> Nanoseconds {
        (1000 + self.scenario.seconds) * SECOND
    }

    fn end(&self) -> Nanoseconds {
        self.calm_at.get().unwrap_or(self.begin_of_quiet()) + QUIET
    }

    // --- the run

    fn run(self: &Rc<World>) {
        let chance = Random::new(self.engine.random.next());
        for process in 0..self.scenario.processes {
            client::start(self, process);
        }
        let interval = |chance: &Random| chance.between(1, 2 * self.scenario.every.max(1)) * SECOND;
        let mut next_fault = self.engine.time() + interval(&chance);
        let mut is_quiet = false;
        while self.judge.violations.borrow().is_empty() {
            let Some(next) = self.next_event() else { break };
            if !is_quiet && self.scenario.every > 0 && next >= next_fault {
                next_fault = next + interval(&chance);
                let fault = self.scenario.faults[chance.below(self.scenario.faults.len() as u64) as usize];
                self.plan(fault, &chance);
            }
            self.spring_the_ambush(&chance);
            // After the faults: a machine that slept may have missed the time.
            if !is_quiet && next.max(self.engine.time()) >= self.begin_of_quiet() {
                is_quiet = true;
                self.calm();
            }
            self.restart_and_repair(&chance);
            self.engine.run_one();
            self.judge_events();
        }
        if self.judge.violations.borrow().is_empty() {
            self.judge_the_end();
        }
        for process in 0..self.scenario.processes {
            self.end_process(process);
        }
        self.engine.end();
    }

    fn judge_events(&self) {
        if !self.files.events.borrow().is_empty() {
            self.files.events.take().into_iter().for_each(|event| self.judge.event(self, event));
        }
    }

    /// Until the first token has expired, and without judging.
    fn run_until_expiry(self: &Rc<World>) {
        for process in 0..self.scenario.processes {
            client::start(self, process);
        }
        let end = self.engine.time() + (LIFE as u64 - 10) * SECOND;
        while self.engine.next().is_some_and(|next| next < end) {
            self.engine.run_one();
        }
        (0..self.scenario.processes).for_each(|process| self.end_process(process));
        self.engine.end();
    }

    /// The time of the next step. If all processes are dead, time passes until one starts.
    fn next_event(&self) -> Option<Nanoseconds> {
        self.engine.next().or_else(|| {
            let start = self.processes.borrow().iter().filter_map(|process| process.start_at).min()?;
            self.engine.advance(start.saturating_sub(self.engine.time()));
            Some(start)
        })
    }

    fn restart_and_repair(self: &Rc<World>, chance: &Random) {
        let time = self.engine.time();
        let processes = if self.waiting.get() > 0 { self.scenario.processes } else { 0 };
        for process in 0..processes {
            let due = self.processes.borrow()[process].start_at.is_some_and(|start| time >= start);
            if due {
                self.processes.borrow_mut()[process].start_at = None;
                self.waiting.set(self.waiting.get() - 1);
                client::start(self, process);
            }
        }
        if self.later_until.get().is_some_and(|until| time >= until) {
            self.end_later_version();
        }
        if self.repair_at.get().is_some_and(|repair| time >= repair) && self.update_some_process(chance) {
            self.repair_at.set(None);
        }
    }

    /// An administrator removes the later version and its file.
    fn end_later_version(&self) {
        self.later_until.set(None);
        if self.files.text().as_deref() != Some(LATER_VERSION) {
            self.judge.violation("a file of a later version was replaced".to_owned());
        }
        self.files.set_text(None);
        self.judge.restored();
        self.judge.happened(Cause::Store, self.engine.time());
    }

    /// An administrator sets a token in one process. False if none runs.
    fn update_some_process(self: &Rc<World>, chance: &Random) -> bool {
        let process = chance.below(self.scenario.processes as u64) as usize;
        let Some(client) = Client::of(self, process).filter(|_| !self.engine.is_stopped(process)) else { return false };
        let (token, expires) = self.platform.issue(self.engine.time());
        let world = self.clone();
        self.platform.in_flight.borrow_mut().push((process, token.clone()));
        self.engine.spawn(process, move || {
            client.update(&token, expires);
            world.platform.in_flight.borrow_mut().retain(|(_, other)| *other != token);
        });
        true
    }

    fn end_process(&self, process: usize) {
        self.engine.kill(process);
        let auth = self.auth(process);
        self.set_auth(process, None);
        self.engine.dying(|| drop(auth));
        self.files.process_ended(process);
        self.judge.process_ended(process);
        self.platform.in_flight.borrow_mut().retain(|(owner, _)| *owner != process);
        self.processes.borrow_mut()[process].incarnation += 1;
    }

    /// No more faults.
    fn calm(&self) {
        self.calm_at.set(Some(self.engine.time()));
        for until in [
            &self.files.full_until,
            &self.files.broken_until,
            &self.files.slow_until,
            &self.store.broken_until,
            &self.store.slow_until,
            &self.platform.hangs_until,
            &self.platform.fails_until,
        ] {
            until.set(until.get().min(self.engine.time()));
        }
        self.ambush.set(None);
        self.frees_handle.set(false);
        self.stops_at_lock.set(false);
        if self.later_until.get().is_some() {
            self.end_later_version();
        }
        self.platform.lose_requests.set(0);
        self.platform.lose_responses.set(0);
        for process in self.processes.borrow_mut().iter_mut() {
            process.clock_offset = 0;
        }
        self.judge.happened(Cause::Clock, self.engine.time() + 60 * SECOND);
        self.look_for_loss(0);
    }

    /// Whether no living process and no file has a token that the platform accepts.
    fn is_lost(&self) -> bool {
        !self.is_known(|_| true)
    }

    /// Only they can tell the others, when they go on.
    fn only_stopped_processes_have_it(&self) -> bool {
        !self.is_known(|process| !self.engine.is_stopped(process)) && !self.is_lost()
    }

    fn is_known(&self, counts: impl Fn(usize) -> bool) -> bool {
        let known = |token: &str| self.platform.is_valid(token);
        let in_memory = (0..self.scenario.processes)
            .filter(|&process| counts(process))
            .filter_map(|process| self.auth(process))
            .any(|auth| auth.token().is_ok_and(|token| known(token.value())));
        let in_flight =
            self.platform.in_flight.borrow().iter().any(|(process, token)| counts(*process) && known(token));
        in_memory || in_flight || self.saved_token().is_some_and(|token| known(&token))
    }

    /// A damaged file is replaced by the next process that has a token. If none is left, an administrator deletes it.
    fn nobody_can_read_the_file(&self) {
        let known = |auth: Arc<Auth>| auth.generation() > 0;
        if self.saved_token().is_none()
            && !(0..self.scenario.processes).filter_map(|process| self.auth(process)).any(known)
        {
            self.files.set_text(None);
        }
    }

    /// The token in the file or the store.
    fn saved_token(&self) -> Option<String> {
        let text = match self.scenario.mode {
            Mode::Directory => self.files.text()?,
            Mode::Store => self.store.value()?.into_bytes(),
        };
        self.token_in(&text)
    }

    /// The token in a sealed text.
    fn token_in(&self, text: &[u8]) -> Option<String> {
        let now = Now { unix: unix(self.engine.time()), monotonic: Moment::now() };
        let reader = Auth::new_token(&self.first.0, Some(self.first.1), now).ok()?;
        reader.unseal(text, Some(client::KEY), now).ok()?;
        Some(reader.token().ok()?.value().to_owned())
    }

    /// Whether a process still has this renewal lock, with a ticket that does not lapse soon.
    fn holds_ticket(&self, process: usize, lock: u64) -> bool {
        let lapses_soon = self.files.started().is_none_or(|started| started + 110 * SECOND < self.engine.time());
        let is_current = self.files.granted.get() == lock && self.files.holder(LockName::Renewal) == Some(process);
        is_current && !lapses_soon
    }

    /// Whether a call that began at that time waited too long for the write lock, or the directory did not work.
    fn could_not_write(&self, began: Nanoseconds) -> bool {
        let broken_until = self.files.broken_until.get().max(self.files.slow_until.get());
        self.engine.time() >= began + 4 * SECOND || broken_until >= began
    }

    /// The application has freed its handle. The process's locks and its ticket remain.
    fn handle_freed(&self, process: usize) {
        self.set_auth(process, None);
        self.processes.borrow_mut()[process].incarnation += 1;
        self.judge.handle_ended(process);
    }

    /// A caller who did not want to wait was turned away: then somebody renewed, or was about to.
    fn judge_no_time(&self, process: usize, began: Nanoseconds, is_shared: bool) {
        if !is_shared && !self.files.was_renewing(began) && !self.judge.had_ticket(process, began) {
            let time = self.engine.time() / SECOND;
            self.judge.violation(format!("process {process} did not get the token, but nobody renews, at {time} s"));
        }
    }

    /// If there is no token left, an administrator notices it after a while.
    fn look_for_loss(&self, after: Nanoseconds) {
        if self.is_lost() {
            let may_lose = [Fault::Kill, Fault::LostResponse, Fault::TokenRevoked, Fault::Reboot];
            if !may_lose.iter().any(|fault| self.scenario.faults.contains(fault)) {
                self.judge.violation(format!("a token was lost without a cause, at {} s", self.engine.time() / SECOND));
            }
            if !self.judge.lost.replace(true) {
                self.judge.losses.set(self.judge.losses.get() + 1);
            }
            if self.repair_at.get().is_none() {
                self.repair_at.set(Some(self.engine.time() + after));
            }
        }
    }

    fn judge_request(&self, process: usize, started: Nanoseconds, outcome: Outcome) {
        let time = self.engine.time();
        if outcome == Outcome::Accepted {
            self.judge.accepted.borrow_mut().insert(process, time);
            if self.repair_at.get().is_none() {
                self.judge.lost.set(false);
            }
        }
        if outcome != Outcome::Accepted {
            self.trace(format_args!("process {process}: {outcome:?}, request of {:.6} s", started as f64 / 1e9));
        }
        // A renewal by another process comes between two attempts, unless requests wait for it.
        let was_renewed = self.scenario.mode == Mode::Store && self.platform.changed_at.get() >= started;
        if outcome == Outcome::NoTime || outcome == Outcome::Outpaced && was_renewed {
            return self.judge.outcome(outcome, Some(Cause::Renewal));
        }
        if outcome == Outcome::Accepted {
            return self.judge.outcome(outcome, None);
        }
        self.look_for_loss(60 * SECOND);
        if self.only_stopped_processes_have_it() {
            self.judge.happened(Cause::StoppedHolder, time);
        }
        if self.judge.lost.get() {
            self.judge.happened(Cause::Loss, time);
        }
        if self.later_until.get().is_some() {
            self.judge.happened(Cause::Store, time);
        }
        if self.processes.borrow().iter().any(|process| process.clock_offset != 0) {
            self.judge.happened(Cause::Clock, time);
        }
        let token = self.auth(process).and_then(|auth| auth.token().ok());
        if token.is_some_and(|token| self.platform.expires(token.value()).is_some_and(|at| Some(at) != token.expires()))
        {
            self.judge.happened(Cause::Clock, time);
        }
        // The last request that gets no response ends later.
        let hangs_until = self.platform.hangs_until.get();
        let hangs_until = if hangs_until > 0 { hangs_until + client::TIMEOUT } else { 0 };
        self.judge.happened(Cause::Platform, self.platform.fails_until.get().max(hangs_until));
        let recent = |cause: Cause, seconds: u64| {
            self.judge.last.borrow().get(&cause).is_some_and(|&last| last + seconds * SECOND >= started)
        };
        // For how many seconds each has effects: the next poll, the pause after a failure, the lease of a lock.
        let cause = [
            (Cause::Loss, 2),
            (Cause::StoppedHolder, if self.scenario.mode == Mode::Store { 125 } else { 15 }),
            (Cause::Store, if self.scenario.mode == Mode::Store { 65 } else { 30 }),
            (Cause::Platform, 65),
            (Cause::Clock, 5),
        ];
        let cause = cause.into_iter().find(|&(cause, seconds)| recent(cause, seconds)).map(|(cause, _)| cause);
        self.judge.outcome(outcome, cause);
        if cause.is_none() {
            self.judge.violation(format!(
                "a request of process {process} failed without a cause: {outcome:?}, at {} s, begun at {} s",
                time / SECOND,
                started / SECOND
            ));
        }
    }

    /// In the end every process is accepted, and all have the same token.
    fn judge_the_end(&self) {
        // As with one process: the longest pause, and the renewals that are due by time.
        let most = (self.engine.time() / SECOND - 1000) / 45 + 10;
        if self.scenario.bad_endpoint && self.scenario.every == 0 && self.platform.renewals.get() > most {
            self.judge.violation(format!("{} renewals for one bad endpoint", self.platform.renewals.get()));
        }
        if self.scenario.every == 0 && !self.scenario.bad_endpoint {
            let (renewals, refusals) = (self.platform.renewals.get(), self.platform.refusals.get());
            if refusals > 0 {
                self.judge.violation(format!("{refusals} renewals were refused, although nothing went wrong"));
            }
            // With a directory, only requests that are under way during a renewal are rejected.
            let rejected = self.judge.rejected.get();
            if self.scenario.mode == Mode::Directory && rejected > 2 * renewals {
                self.judge.violation(format!("{rejected} requests were rejected once, with {renewals} renewals"));
            }
        }
        if self.store.went_back.get() > 0 && !self.damages_files() {
            self.judge.violation("an older token was written over a newer one".to_owned());
        }
        let saved = self.saved_token();
        for process in 0..self.scenario.processes {
            let Some(auth) = self.auth(process) else {
                self.judge.violation(format!("process {process} does not run"));
                continue;
            };
            let last = self.judge.accepted.borrow().get(&process).copied().unwrap_or(0);
            let limit = self.end() - 30 * SECOND - 3 * self.scenario.think;
            if last < limit && !self.scenario.bad_endpoint {
                self.judge.violation(format!("process {process} was last accepted at {} s", last / SECOND));
            }
            // A process that was idle sees the newest token at its next poll.
            let _ = auth.poll(Duration::ZERO, || client::now(self, process));
            let own = auth.token().map(|token| token.value().to_owned()).ok();
            if own != saved && self.scenario.mode == Mode::Directory {
                self.judge.violation(format!("process {process} has {own:?}, the file {saved:?}"));
            }
        }
    }

    // --- faults

    /// Kills, stops and updates mostly wait for a moment at which it hurts: somebody has a ticket or a lock.
    fn plan(self: &Rc<World>, fault: Fault, chance: &Random) {
        if matches!(fault, Fault::Kill | Fault::Stop | Fault::TokenUpdated) && chance.per_mille(700) {
            self.ambush.set(Some((fault, chance.below(40))));
        } else {
            let process = chance.below(self.scenario.processes as u64) as usize;
            self.inject(fault, process, chance);
        }
    }

    fn spring_the_ambush(self: &Rc<World>, chance: &Random) {
        if self.stops_at_lock.get() {
            self.stop_at_lock(chance);
        }
        let Some((fault, steps)) = self.ambush.get() else { return };
        let is_busy = |process: &usize| self.judge.has_ticket(*process) || self.files.holds_lock(*process);
        let Some(victim) = (0..self.scenario.processes).find(is_busy) else { return };
        if steps > 0 {
            return self.ambush.set(Some((fault, steps - 1)));
        }
        self.ambush.set(None);
        self.inject(fault, victim, chance);
    }

    fn stop_at_lock(&self, chance: &Random) {
        let Some(holder) = self.files.holder(LockName::Renewal) else { return };
        if !self.engine.is_stopped(holder) {
            if self.judge.has_ticket(holder) {
                self.stop(holder, chance.between(121, 300) * SECOND);
            }
        } else if let Some(process) = self.files.opened.get().filter(|&process| process != holder) {
            self.stops_at_lock.set(false);
            // It goes on when the holder's lock is free.
            let until = self.engine.stopped_until(holder) + chance.between(1, 20) * SECOND;
            self.stop(process, until.saturating_sub(self.engine.time()));
            // So that the token is still due then, and a third process has a ticket.
            self.platform.hangs_until.set(until + 10 * SECOND);
        }
    }

    fn inject(self: &Rc<World>, fault: Fault, process: usize, chance: &Random) {
        let time = self.engine.time();
        self.trace(format_args!("{fault:?}, process {process}"));
        let for_a_while = |longest: u64| time + chance.between(1, longest) * SECOND;
        match fault {
            Fault::Kill => self.kill(process, chance),
            Fault::Stop => self.stop(process, chance.between(1, 300) * SECOND),
            Fault::StopAtLock => self.stops_at_lock.set(true),
            Fault::HandleFreed => self.frees_handle.set(true),
            Fault::LostRequest => self.platform.lose_requests.set(1),
            Fault::LostResponse => self.platform.lose_responses.set(1),
            Fault::PlatformFails => self.platform.fails_until.set(for_a_while(200)),
            Fault::PlatformHangs => self.platform.hangs_until.set(for_a_while(200)),
            Fault::DiskFull => {
                self.files.full_until.set(for_a_while(200));
                self.judge.happened(Cause::Store, self.files.full_until.get());
            }
            Fault::StoreBroken => {
                for until in [&self.files.broken_until, &self.store.broken_until] {
                    until.set(for_a_while(200));
                    self.judge.happened(Cause::Store, until.get());
                }
            }
            Fault::StoreSlow => {
                for until in [&self.files.slow_until, &self.store.slow_until] {
                    until.set(for_a_while(100));
                    self.judge.happened(Cause::Store, until.get() + 60 * SECOND);
                }
            }
            Fault::FileDamaged | Fault::FileDeleted | Fault::LaterVersion if self.later_until.get().is_some() => {}
            Fault::FileDamaged => {
                if let Some(mut text) = self.files.text() {
                    let at = chance.below(text.len() as u64) as usize;
                    text[at] ^= 1 << chance.below(7);
                    if !text.starts_with(b"TC") || text.starts_with(b"TC1.") {
                        self.files.set_text(Some(text));
                        self.judge.restored();
                        self.judge.happened(Cause::Store, time);
                    }
                }
            }
            Fault::FileDeleted => {
                self.files.set_text(None);
                self.judge.restored();
                self.judge.happened(Cause::Store, time);
            }
            // It takes the write lock, too.
            Fault::LaterVersion if self.files.holder(LockName::Write).is_some() => {}
            Fault::LaterVersion => {
                self.files.set_text(Some(LATER_VERSION.to_vec()));
                self.later_until.set(Some(for_a_while(200)));
            }
            Fault::BackupRestored => self.restore_backup(),
            Fault::ClockJumps => {
                let jump = chance.between(0, 240) as i64 - 120;
                for process in self.processes.borrow_mut().iter_mut() {
                    process.clock_offset = jump;
                }
            }
            Fault::ClocksDiffer => {
                self.processes.borrow_mut()[process].clock_offset = chance.between(0, 120) as i64 - 60;
            }
            Fault::MachineSleeps => {
                self.engine.advance(chance.between(1, 2000) * SECOND);
                self.judge.happened(Cause::Clock, self.engine.time());
            }
            Fault::TokenUpdated => {
                for _ in 0..chance.between(1, 3) {
                    self.update_some_process(chance);
                }
            }
            Fault::ExpiryUpdated => {
                if let Some(client) = Client::of(self, process).filter(|_| !self.engine.is_stopped(process)) {
                    let change = chance.between(0, 120) as i64 - 60;
                    self.engine.spawn(process, move || client.update_expiry(change));
                }
            }
            Fault::TokenKept => self.platform.keeps.set(chance.between(1, 3)),
            Fault::TokenRevoked => {
                self.platform.revoke_all(time);
                self.look_for_loss(chance.between(1, 200) * SECOND);
            }
            Fault::Reboot => {
                self.files.boot.set(self.files.boot.get() + 1);
                self.judge.rebooted();
                for process in 0..self.scenario.processes {
                    self.kill(process, chance);
                }
            }
        }
        *self.faults.borrow_mut().entry(fault).or_default() += 1;
    }

    fn stop(&self, process: usize, duration: Nanoseconds) {
        let time = self.engine.time();
        self.engine.stop(process, duration);
        self.trace(format_args!("process {process} stops until {:.6}", (time + duration) as f64 / SECOND as f64));
        // The write lock is never taken away, because nobody holds it for longer than a few milliseconds.
        let has_write_lock = self.files.holder(LockName::Write) == Some(process);
        let blocks = if has_write_lock { duration } else { duration.min(125 * SECOND) };
        self.judge.happened(Cause::StoppedHolder, time + blocks);
    }

    fn kill(&self, process: usize, chance: &Random) {
        if self.processes.borrow()[process].start_at.is_some() {
            return;
        }
        if self.scenario.mode == Mode::Store && self.judge.has_ticket(process) {
            self.judge.happened(Cause::StoppedHolder, self.engine.time()); // its lock ends with the lease
        }
        self.end_process(process);
        if self.scenario.mode == Mode::Directory
            && !self.damages_files()
            && self.files.text().is_some()
            && self.saved_token().is_none()
        {
            self.judge.violation("half a token in the file".to_owned());
        }
        let start = self.engine.time() + chance.between(0, 20) * SECOND;
        self.processes.borrow_mut()[process].start_at = Some(start);
        self.waiting.set(self.waiting.get() + 1);
        self.look_for_loss(chance.between(1, 200) * SECOND);
    }

    /// Takes a backup, or restores the one before.
    fn restore_backup(&self) {
        let text = match self.scenario.mode {
            Mode::Directory => self.files.text(),
            Mode::Store => self.store.value().map(String::into_bytes),
        };
        let backup = self.backup.borrow_mut().take();
        match backup {
            None => return *self.backup.borrow_mut() = text,
            Some(old) => match self.scenario.mode {
                Mode::Directory => self.files.set_text(Some(old)),
                Mode::Store => self.store.restore(String::from_utf8(old).ok()),
            },
        }
        self.judge.restored();
        // With a store of one's own, whoever has a newer token writes it only when that one is due.
        let until = if self.scenario.mode == Mode::Store { LIFE as u64 * SECOND } else { 0 };
        self.judge.happened(Cause::Store, self.engine.time() + until);
    }
}
