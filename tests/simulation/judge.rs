//! What must hold in every run, and what was reached.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};

use super::engine::{self, Nanoseconds, SECOND};
use super::store::generation_of;
use super::{Mode, World};
use crate::Auth;
use crate::token::State;
use crate::token::directory::LockName;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Accepted,
    /// The caller did not want to wait.
    NoTime,
    WaitedTooLong,
    Expired,
    Rejected,
    /// The token was replaced again while the request was repeated. Only with a store of one's own: with a directory,
    /// requests wait for a renewal.
    Outpaced,
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
}

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
    /// Since when each process has a ticket.
    tickets: RefCell<HashMap<usize, Nanoseconds>>,
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

    /// No generation goes back.
    pub fn observe(&self, auth: &Auth, process: usize) {
        let generation = auth.generation();
        let before = self.generations.borrow_mut().insert(process, generation).unwrap_or(0);
        if generation > before {
            self.last_change.set(time());
        }
        if generation < before {
            self.violation(format!("generation {before} went back to {generation} in process {process}"));
        }
    }

    /// At most one process has a ticket that has not lapsed, and it knows every token that was saved.
    pub fn ticket(&self, world: &World, process: usize, auth: &Auth) {
        let time = world.engine.time();
        let mut tickets = self.tickets.borrow_mut();
        // A process that is stopped while it gets its ticket has less time left.
        let started = world.files.started().map_or(time, |started| started.min(time));
        if world.scenario.mode == Mode::Directory {
            for (&other, &since) in tickets.iter() {
                if other != process && time < since + 120 * SECOND {
                    self.violation(format!("two tickets: processes {other} and {process}"));
                }
            }
            if time < started + 120 * SECOND && world.files.holder(LockName::Renewal) != Some(process) {
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
        tickets.insert(process, started);
    }

    pub fn ticket_ended(&self, process: usize) {
        if !engine::is_dying() {
            self.tickets.borrow_mut().remove(&process);
        }
    }

    pub fn has_ticket(&self, process: usize) -> bool {
        self.tickets.borrow().contains_key(&process)
    }

    pub fn process_ended(&self, process: usize) {
        self.tickets.borrow_mut().remove(&process);
        self.generations.borrow_mut().remove(&process);
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
        self.saved.set(0);
        self.renewals.borrow_mut().clear();
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
