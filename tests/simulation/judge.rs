//! What must hold in every run, and what was reached.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};

use super::engine::{self, Nanoseconds, SECOND};
use super::files::Event;
use super::store::generation_of;
use super::{Fault, Mode, World};
use crate::Auth;
use crate::token::State;
use crate::token::directory::LockName;
use crate::token::state::Pauses;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Accepted,
    /// The caller did not want to wait for a renewal.
    NoTime,
    WaitedTooLong,
    Expired,
    Rejected,
    /// The token was replaced again while the request was repeated. Only with a store of one's own: with a directory,
    /// requests wait for a renewal.
    Outpaced,
    /// The application freed the handle.
    Freed,
}

/// Why requests may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A new token was lost before it was saved.
    Loss,
    /// A process was stopped while it had a ticket or a lock.
    StoppedHolder,
    /// The directory or the store did not answer.
    Store,
    /// The platform did not renew, and the pause after that.
    Platform,
    /// A clock or an expiry that is wrong: the token seems to have expired, or to be valid.
    Clock,
    /// Somebody renewed at that time.
    Renewal,
}

/// A ticket that is out.
#[derive(Clone)]
struct Out {
    number: u64,
    process: usize,
    since: Nanoseconds,
    /// The token that it renews.
    token: String,
}

/// A token that the application set.
#[derive(Clone, Copy, Default)]
struct Update {
    began: Nanoseconds,
    /// When the call returned that saved it.
    ended: Option<Nanoseconds>,
}

/// The shortest pauses after failed renewals of one token, in seconds.
const PAUSES: [u64; 5] = [5, 10, 20, 40, 50];

const TICKET_LIFE: Nanoseconds = 120 * SECOND;

fn time() -> Nanoseconds {
    engine::current().map_or(0, |engine| engine.time())
}

#[derive(Default)]
pub struct Judge {
    pub violations: RefCell<Vec<String>>,
    /// The generation last seen in each process.
    generations: RefCell<HashMap<usize, u64>>,
    /// Successful renewals of each generation.
    renewals: RefCell<HashMap<u64, u32>>,
    tickets: RefCell<Vec<Out>>,
    numbers: Cell<u64>,
    /// The tokens of the application, by their number.
    updates: RefCell<HashMap<u64, Update>>,
    /// The token last seen in each process.
    tokens: RefCell<HashMap<usize, String>>,
    /// Each token that was in the file.
    written: RefCell<HashSet<String>>,
    /// Consecutive failures to renew a generation, and until when nobody may try again.
    paused: RefCell<HashMap<u64, (usize, Nanoseconds)>>,
    /// Tokens that got another expiry, by their generation.
    extended: RefCell<HashSet<u64>>,
    /// How many polls are under way in each process.
    polls: RefCell<HashMap<usize, i32>>,
    /// When each process last had a ticket that has ended.
    ended: RefCell<HashMap<usize, Nanoseconds>>,
    /// Tickets that were completed after their handles were freed.
    pub freed: Cell<u64>,
    /// When somebody else last changed the file.
    restored_at: Cell<Nanoseconds>,
    /// The highest generation that was saved.
    saved: Cell<u64>,
    /// How often somebody else changed the file.
    pub restored: Cell<u64>,
    pub transitions: RefCell<HashMap<(&'static str, State, State), u64>>,
    pub outcomes: RefCell<BTreeMap<(Outcome, Option<Cause>), u64>>,
    /// When the last request of each process was accepted.
    pub accepted: RefCell<HashMap<usize, Nanoseconds>>,
    pub lost: Cell<bool>,
    pub losses: Cell<u64>,
    pub waited: Cell<Nanoseconds>,
    /// When a process last got another token, and when the first renewal succeeded.
    pub last_change: Cell<Nanoseconds>,
    pub first_renewal: Cell<Nanoseconds>,
    /// Responses of 401, also if the next attempt was accepted.
    pub rejected: Cell<u64>,
    /// The last time at which each cause was there.
    pub last: RefCell<BTreeMap<Cause, Nanoseconds>>,
}

impl Judge {
    pub fn violation(&self, text: String) {
        self.violations.borrow_mut().push(text);
    }

    pub fn transition(&self, operation: &'static str, from: State, to: State) {
        *self.transitions.borrow_mut().entry((operation, from, to)).or_default() += 1;
    }

    pub fn waited(&self, time: Nanoseconds) {
        self.waited.set(self.waited.get() + time);
    }

    /// No generation goes back, and no token of the application gives way to an older one.
    pub fn observe(&self, world: &World, process: usize, auth: &Auth) {
        let generation = auth.generation();
        let before = self.generations.borrow_mut().insert(process, generation).unwrap_or(0);
        if generation > before {
            self.last_change.set(time());
        }
        if generation < before {
            self.violation(format!("generation {before} went back to {generation} in process {process}"));
        }
        let Ok(token) = auth.token() else { return };
        let before = self.tokens.borrow_mut().insert(process, token.value().to_owned());
        if let Some(before) = before {
            self.replaced(world, &before, token.value(), &format!("in process {process}"));
        }
    }

    /// A token gives way only to one of its renewals, or to one that the application has not set earlier.
    fn replaced(&self, world: &World, before: &str, after: &str, place: &str) {
        let (Some(before), Some(after)) = (world.platform.root(before), world.platform.root(after)) else { return };
        let update = |root| self.updates.borrow().get(&root).copied().unwrap_or_default();
        let (later, earlier) = (update(before), update(after));
        // The first token has no update.
        let ended = if after == 1 { Some(0) } else { earlier.ended };
        // What somebody else did to the file may have left it behind a process, until that has polled and saved its token.
        let stop = if world.scenario.faults.contains(&Fault::Stop) { 300 * SECOND } else { 0 };
        let works = self.restored_at.get().max(world.files.full_until.get()).max(world.files.broken_until.get());
        let all_agree = if self.restored.get() == 0 { 0 } else { works + 2 * world.scenario.think + stop };
        let is_later = ended.is_some_and(|ended| later.began > ended) && later.began > all_agree;
        if before != after && before != 1 && is_later && world.scenario.mode == Mode::Directory {
            self.violation(format!(
                "the application's token {before} gave way to {after} {place}, at {} s",
                time() / SECOND
            ));
        }
    }

    pub fn update_began(&self, world: &World, token: &str) {
        if let Some(root) = world.platform.root(token) {
            self.updates.borrow_mut().insert(root, Update { began: time(), ended: None });
        }
    }

    /// It was saved, and the family's pauses have ended.
    pub fn update_ended(&self, world: &World, token: &str, auth: &Auth) {
        let Pauses { generation, failures, until, rejections, .. } = world.files.record().pauses;
        let is_new = (generation, failures, until, rejections) == (auth.generation(), 0, None, 0);
        if world.scenario.mode == Mode::Directory && !is_new && !world.damages_files() {
            self.violation(format!("the pauses did not end with the update at {} s", time() / SECOND));
        }
        let mut updates = self.updates.borrow_mut();
        if let Some(update) = world.platform.root(token).and_then(|root| updates.get_mut(&root)) {
            update.ended = Some(time());
        }
    }

    /// What happened to files in the last step.
    pub fn event(&self, world: &World, event: Event) {
        match event {
            Event::Written { before, after } => {
                let Some(after) = world.token_in(&after) else { return };
                world.trace(format_args!("saved: {after}"));
                if let Some(before) = before.and_then(|before| world.token_in(&before)) {
                    self.replaced(world, &before, &after, "in the file");
                }
                self.written.borrow_mut().insert(after);
            }
            // A new token is saved before anyone else gets a ticket.
            Event::Released { process } => {
                let Some(Ok(token)) = world.auth(process).map(|auth| auth.token()) else { return };
                if world.platform.is_renewed(token.value()) && !self.written.borrow().contains(token.value()) {
                    self.violation(format!(
                        "process {process} gave the renewal lock back before it saved its token, at {} s",
                        time() / SECOND
                    ));
                }
            }
        }
    }

    /// At most one ticket that has not lapsed, and its holder knows every token that was saved. Returns the ticket's number.
    pub fn ticket(&self, world: &World, process: usize, auth: &Auth) -> u64 {
        let time = world.engine.time();
        let token = auth.token().map(|token| token.value().to_owned()).unwrap_or_default();
        // A process that is stopped while it gets its ticket has less time left.
        let started = world.files.started().map_or(time, |started| started.min(time));
        let others: Vec<Out> =
            self.tickets.borrow().iter().filter(|out| time < out.since + TICKET_LIFE).cloned().collect();
        for other in others {
            // With a store, each process has a ticket of its own.
            let is_rival = match world.scenario.mode {
                Mode::Directory => true,
                Mode::Store => other.process == process && other.token == token,
            };
            if is_rival {
                self.violation(format!(
                    "two tickets: processes {} and {process}, at {} s",
                    other.process,
                    time / SECOND
                ));
            }
        }
        let since = if world.scenario.mode == Mode::Directory { started } else { time };
        if world.scenario.mode == Mode::Directory {
            if time < started + TICKET_LIFE && world.files.holder(LockName::Renewal) != Some(process) {
                self.violation(format!("process {process} has a ticket, but not the lock"));
            }
            let in_file = world.files.text().map_or(0, |text| generation_of(&text));
            if auth.generation() < in_file && !world.damages_files() {
                self.violation(format!("a ticket for generation {}, the file has {in_file}", auth.generation()));
            }
            if auth.generation() < self.saved.get() {
                self.violation(format!("a ticket for generation {}, after {}", auth.generation(), self.saved.get()));
            }
        }
        self.numbers.set(self.numbers.get() + 1);
        let number = self.numbers.get();
        self.tickets.borrow_mut().push(Out { number, process, since, token });
        number
    }

    pub fn ticket_ended(&self, number: u64) {
        if !engine::is_dying() {
            let mut tickets = self.tickets.borrow_mut();
            let ended = tickets.iter().position(|out| out.number == number).map(|at| tickets.swap_remove(at));
            self.ended.borrow_mut().extend(ended.map(|out| (out.process, time())));
        }
    }

    /// Whether this process had a ticket at that time or later.
    pub fn had_ticket(&self, process: usize, since: Nanoseconds) -> bool {
        self.has_ticket(process) || self.ended.borrow().get(&process).is_some_and(|&ended| ended >= since)
    }

    pub fn has_ticket(&self, process: usize) -> bool {
        self.tickets.borrow().iter().any(|out| out.process == process)
    }

    /// The token has another expiry, which ends its pauses, in each process when it learns of it.
    pub fn extended(&self, generation: u64) {
        self.extended.borrow_mut().insert(generation);
    }

    /// A renewal is about to be sent. The family has one pause after each failure, however many processes it has.
    pub fn sends(&self, world: &World, (process, lock): (usize, u64), generation: u64) {
        let until = self.paused.borrow().get(&generation).map_or(0, |paused| paused.1);
        if time() < until && world.holds_ticket(process, lock) && !self.extended.borrow().contains(&generation) {
            self.violation(format!("process {process} renews in the family's pause, at {} s", time() / SECOND));
        }
    }

    /// The holder of the renewal lock had no success, and gave its ticket back at that time.
    pub fn failed(&self, world: &World, process: usize, generation: u64, at: Nanoseconds) {
        let record = world.files.record().pauses;
        let mut paused = self.paused.borrow_mut();
        let failures = paused.get(&generation).map_or(0, |paused| paused.0);
        if record.generation == generation && record.until.is_some() {
            let pause = PAUSES[failures.min(PAUSES.len() - 1)] * SECOND;
            paused.insert(generation, (failures + 1, at + pause));
        } else if !world.could_not_write(at) && !self.extended.borrow().contains(&generation) {
            self.violation(format!("process {process} has not told the others of a pause, at {} s", at / SECOND));
        }
    }

    /// A ticket was completed after its handle was freed.
    pub fn completed_without_handle(&self, world: &World, process: usize, generation: u64, is_freed: bool) {
        let in_file = world.files.text().map_or(0, |text| generation_of(&text));
        if in_file <= generation {
            self.violation(format!("a freed handle of process {process} has not saved generation {}", generation + 1));
        }
        if world.files.holder(LockName::Renewal) == Some(process) && !self.has_ticket(process) {
            self.violation(format!("a freed handle of process {process} still has the lock"));
        }
        self.freed.set(self.freed.get() + u64::from(is_freed));
    }

    /// A poll begins or ends. Returns whether this process has another one.
    pub fn polls(&self, process: usize, change: i32) -> bool {
        let mut polls = self.polls.borrow_mut();
        let count = polls.entry(process).or_default();
        *count += change;
        *count > 0
    }

    /// Moments of another boot mean nothing.
    pub fn rebooted(&self) {
        self.paused.borrow_mut().clear();
    }

    pub fn process_ended(&self, process: usize) {
        self.tickets.borrow_mut().retain(|out| out.process != process);
        self.polls.borrow_mut().remove(&process);
        self.handle_ended(process);
    }

    /// The process goes on with another handle.
    pub fn handle_ended(&self, process: usize) {
        self.generations.borrow_mut().remove(&process);
        self.tokens.borrow_mut().remove(&process);
        self.accepted.borrow_mut().remove(&process);
    }

    /// At most one successful renewal for each generation.
    pub fn renewed(&self, generation: u64) {
        if self.first_renewal.get() == 0 {
            self.first_renewal.set(time());
        }
        let count = {
            let mut renewals = self.renewals.borrow_mut();
            let count = renewals.entry(generation).or_default();
            *count += 1;
            *count
        };
        if count > 1 {
            self.violation(format!("generation {generation} was renewed {count} times"));
        }
    }

    pub fn saved(&self, generation: u64) {
        self.saved.set(self.saved.get().max(generation));
    }

    /// A backup was restored, so that what was saved is not any more.
    pub fn restored(&self) {
        self.restored.set(self.restored.get() + 1);
        self.restored_at.set(time());
        self.saved.set(0);
        self.renewals.borrow_mut().clear();
        self.paused.borrow_mut().clear();
    }

    pub fn lost(&self) {
        self.lost.set(true);
        self.losses.set(self.losses.get() + 1);
    }

    pub fn happened(&self, cause: Cause, until: Nanoseconds) {
        let mut last = self.last.borrow_mut();
        let entry = last.entry(cause).or_default();
        *entry = (*entry).max(until);
    }

    pub fn outcome(&self, outcome: Outcome, cause: Option<Cause>) {
        *self.outcomes.borrow_mut().entry((outcome, cause)).or_default() += 1;
    }
}
