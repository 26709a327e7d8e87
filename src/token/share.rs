//! How the processes of one user share a token: the rules for the files of a [`Directory`].
//!
//! The token file holds the newest token. The renewal lock belongs to the process that has the ticket. The write lock
//! is held only while files are read, compared and written.
//!
//! There are two locks because a stopped process keeps its lock. The renewal lock can be taken away when the ticket has
//! lapsed. The write lock can't, but it is never held during a request.

use std::sync::Arc;
use std::time::Duration;
use std::{io, mem};

use crate::clock::{Moment, Now};
use crate::error::{Error, Result};
use crate::secret::Secret;
use crate::sync::Mutex;
use crate::token::directory::{Directory, Lock, LockName, Open, Version};
use crate::token::record::Record;
use crate::token::response::RenewalResponse;
use crate::token::seal::{Keys, Sealed};
use crate::token::shared::SharedToken;
use crate::token::state::{TICKET_LIFE, TicketId, TokenState, Unsealed};
use crate::token::value::Token;

/// The longest wait for the write lock, which is otherwise held for a few milliseconds.
const WRITE_LOCK_WAIT: Duration = Duration::from_secs(5);

/// The wait for the write lock before a renewal, while the token is still valid.
const SHORT_WAIT: Duration = Duration::from_millis(200);

/// How long to leave a directory alone after a token could not be saved, or the locks for a renewal not be had.
const SAVE_PAUSE: Duration = Duration::from_secs(1);

/// The part of a handle in a shared directory.
pub(crate) struct Share {
    directory: Box<dyn Directory>,
    keys: Keys,
    /// Never held during work on files.
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    /// The token file that was read last.
    seen: Option<Seen>,
    unsaved: Option<Unsaved>,
    /// The directory did not work: no attempt to renew before this time.
    paused: Option<Moment>,
}

/// A version of the token file, which stays open.
struct Seen {
    version: Version,
    _open: Box<dyn Open>,
}

/// This handle's token is not in the file yet.
struct Unsaved {
    origin: Origin,
    /// When to try again.
    retry: Moment,
    /// A thread is about to save it, or at it.
    at_work: bool,
    /// Nobody else may renew before the token is saved.
    claim: Option<Claim>,
}

/// Where a token comes from that is to be saved.
enum Origin {
    /// It was saved, but the file is missing, damaged, or holds an older one.
    File,
    /// A renewal of this token, which is dead. It gives way to any other that was saved in the meantime: an application
    /// has set that one.
    Renewal(Arc<Token>),
    /// The application set this token, which replaces whatever is in the file.
    Application(Arc<Token>),
}

impl Origin {
    /// Compares the handle's token with the saved one, and adopts that if it is newer. Returns whether the handle's token
    /// must replace it.
    fn outranks(&self, saved: Sealed, state: &mut TokenState, now: Now) -> bool {
        match self {
            Origin::Application(token) => state.insist(token, saved, now),
            Origin::Renewal(of) if of.matches(saved.token.bytes()) || mistake!(RenewalReplacesUpdate) => {
                let renewed = state.token().clone();
                state.insist(&renewed, saved, now)
            }
            Origin::Renewal(_)
                if state.generation() == saved.generation && !state.token().matches(saved.token.bytes()) =>
            {
                #[cfg(test)]
                crate::planted::reach("a renewed token that gave way to one of the same generation");
                // With the next generation, so that every process goes on to the same one.
                state.adopt(Sealed { generation: saved.generation + 1, ..saved }, now);
                true
            }
            _ => state.adopt(saved, now) == Unsealed::Older,
        }
    }
}

impl Memory {
    /// The handle's token must be saved. What the application has set stays that, whatever happens to the file.
    fn remember(&mut self, origin: Origin, claim: Option<Claim>, now: Now) {
        let (before, its_claim) = self.unsaved.take().map_or((None, None), |old| (Some(old.origin), old.claim));
        let origin = match (before, origin) {
            (Some(before), Origin::File) => before,
            (_, origin) => origin,
        };
        self.unsaved = Some(Unsaved { origin, retry: now.monotonic, at_work: false, claim: claim.or(its_claim) });
    }
}

/// The renewal lock of a ticket. While it exists, no other process gets a ticket, unless this one lapses.
pub(crate) struct Claim(Box<dyn Lock>);

/// What came of an attempt to get the family's ticket.
pub(super) enum Attempt {
    Granted(Claim),
    /// Sign with the current token: the family pauses, or the directory does not work.
    GoAhead,
    /// There is another token, or another state: start again.
    Changed,
    /// Another process renews. Its ticket lapses at that time.
    Elsewhere(Moment),
}

struct Both {
    lock: Box<dyn Lock>,
    write: Box<dyn Lock>,
}

/// What is in the token file.
enum Found {
    /// Nothing that could be unsealed.
    Nothing,
    /// A later version of the format: it must stay.
    LaterVersion,
    Sealed {
        sealed: Sealed,
        text: Secret,
    },
}

impl Share {
    pub(super) fn new(directory: Box<dyn Directory>, keys: Keys) -> Share {
        Share { directory, keys, memory: Mutex::new(Memory::default()) }
    }

    /// Reads the token file, or creates it. With an error, nothing has changed.
    pub(super) fn start(&self, shared: &SharedToken, now: Now) -> Result<()> {
        let file = self.directory.read().map_err(|_| Error::StoreIo)?;
        let Some(file) = file else {
            let _lock = self.write_lock(WRITE_LOCK_WAIT).ok_or(Error::StoreIo)?;
            return match self.directory.read().map_err(|_| Error::StoreIo)? {
                None => self.settle(shared, now).map(|_| ()),
                Some(file) => self.accept(shared, &file.text, now), // another process was faster
            };
        };
        self.accept(shared, &file.text, now)?;
        // It may be sealed with a key that is to be given up: then all other processes have the new one, too.
        if shared.seal(&self.keys).is_ok_and(|text| *text.as_bytes() != *file.text)
            && let Some(_write) = self.write_lock(WRITE_LOCK_WAIT)
        {
            let _ = self.settle(shared, now);
        }
        Ok(())
    }

    fn accept(&self, shared: &SharedToken, text: &[u8], now: Now) -> Result<()> {
        let sealed = shared.family().unseal(&self.keys, text)?;
        shared.adopt(sealed, now).map(|_| ())
    }

    // --- before a request

    /// Adopts a newer token from the file, and saves one that could not be saved.
    pub(super) fn look(&self, shared: &SharedToken, now: Now) {
        if self.unsaved(|unsaved| now.monotonic >= unsaved.retry) == Some(true) {
            self.try_save(shared, now);
        }
        let is_applications = self.unsaved(|unsaved| matches!(unsaved.origin, Origin::Application(_)));
        if is_applications == Some(true) {
            return; // whatever is in the file
        }
        let Ok(version) = self.directory.version() else { return };
        if version.is_some()
            && self.memory(|memory| memory.seen.as_ref().map(|seen| seen.version) == version) == Some(true)
        {
            return;
        }
        if let Ok(true) = self.adopt_file(shared, now)
            && is_applications.is_none()
        {
            self.memory(|memory| memory.remember(Origin::File, None, now));
            self.try_save(shared, now);
        }
    }

    /// Does not wait for the write lock.
    fn try_save(&self, shared: &SharedToken, now: Now) {
        if let Ok(Some(write)) = self.directory.try_lock(LockName::Write) {
            let _ = self.save(shared, Some(write), now);
        }
    }

    /// Reads the token file and adopts what is newer. Returns whether this handle's token should be in the file instead.
    fn adopt_file(&self, shared: &SharedToken, now: Now) -> io::Result<bool> {
        let (seen, found) = self.read(shared)?;
        let is_behind = match found {
            Found::Nothing => true,
            Found::LaterVersion => false,
            Found::Sealed { sealed, .. } => shared.adopt(sealed, now).map_err(io::Error::other)? == Unsealed::Older,
        };
        // Only now: another thread that sees this version as known must see the token, too.
        self.memory(|memory| memory.seen = seen);
        Ok(is_behind)
    }

    fn read(&self, shared: &SharedToken) -> io::Result<(Option<Seen>, Found)> {
        let Some(file) = self.directory.read()? else { return Ok((None, Found::Nothing)) };
        let found = match shared.family().unseal(&self.keys, &file.text) {
            Ok(sealed) => Found::Sealed { sealed, text: file.text },
            Err(Error::SealVersion) => Found::LaterVersion,
            Err(_) => Found::Nothing,
        };
        Ok((Some(Seen { version: file.version, _open: file.open }), found))
    }

    /// Tries to get the renewal lock for a thread that was chosen to renew in this process.
    pub(super) fn claim(
        &self,
        shared: &SharedToken,
        ticket: TicketId,
        max_wait: Duration,
        clock: &dyn Fn() -> Now,
    ) -> Attempt {
        let result = self.try_claim(shared, ticket, max_wait, clock);
        let now = clock();
        let is_busy = result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::TimedOut);
        match result {
            // Somebody writes, and there is nothing to go ahead with.
            Err(_) if is_busy && shared.current().check_expiry(now.unix).is_err() => {
                Attempt::Elsewhere(now.monotonic + WRITE_LOCK_WAIT)
            }
            // Without the locks a renewal could cost others their token.
            Err(_) | Ok(Attempt::GoAhead) => {
                if !is_busy || max_wait >= SHORT_WAIT {
                    self.memory(|memory| memory.paused = Some(now.monotonic + SAVE_PAUSE));
                }
                Attempt::GoAhead
            }
            Ok(attempt) => attempt,
        }
    }

    /// False for a moment after the directory did not work: otherwise each poll would wait for it.
    pub(super) fn may_renew(&self, now: Now) -> bool {
        self.memory(|memory| memory.paused.is_none_or(|until| now.monotonic >= until)).unwrap_or(true)
    }

    /// Both locks, for a renewal. The renewal lock is not held while this waits: others would take it for a ticket.
    fn both_locks(&self, shared: &SharedToken, max_wait: Duration, now: Now) -> io::Result<Option<Both>> {
        let Some(lock) = self.directory.try_lock(LockName::Renewal)? else { return Ok(None) };
        if let Some(write) = self.directory.try_lock(LockName::Write)? {
            return Ok(Some(Both { lock, write }));
        }
        drop(lock);
        let is_valid = shared.current().check_expiry(now.unix).is_ok();
        let write = self.write_lock(max_wait.min(if is_valid { SHORT_WAIT } else { WRITE_LOCK_WAIT }));
        let write = write.ok_or(io::ErrorKind::TimedOut)?;
        Ok(self.directory.try_lock(LockName::Renewal)?.map(|lock| Both { lock, write }))
    }

    fn try_claim(
        &self,
        shared: &SharedToken,
        ticket: TicketId,
        max_wait: Duration,
        clock: &dyn Fn() -> Now,
    ) -> io::Result<Attempt> {
        match self.unsaved(|unsaved| unsaved.at_work) {
            None => {}
            Some(true) => return Ok(Attempt::Elsewhere(clock().monotonic + WRITE_LOCK_WAIT)), // another thread saves it
            Some(false) => {
                #[cfg(test)]
                crate::planted::reach("no ticket, because a token is not saved");
                return Ok(Attempt::GoAhead); // the next token could not be saved, either
            }
        }
        let Both { lock, write } = match self.both_locks(shared, max_wait, clock())? {
            Some(both) => both,
            None => {
                let lapses = self.lapses(clock)?;
                if clock().monotonic < lapses {
                    return Ok(Attempt::Elsewhere(lapses));
                }
                let Some(write) = self.directory.try_lock(LockName::Write)? else {
                    return Ok(Attempt::Elsewhere(lapses));
                };
                if clock().monotonic < self.lapses(clock)? {
                    return Ok(Attempt::Elsewhere(lapses)); // another process was faster
                }
                match self.directory.try_lock(LockName::Renewal)? {
                    Some(lock) => Both { lock, write }, // its holder has just given it back
                    None => Both { lock: self.directory.replace_renewal_lock()?, write },
                }
            }
        };
        if !mistake!(NoPathCheck) && !lock.is_current()? {
            #[cfg(test)]
            crate::planted::reach("a renewal lock that was taken away before the ticket was handed out");
            return Ok(Attempt::Changed);
        }
        // The clock again: this process may have been stopped in the meantime.
        let now = clock();
        // Whatever stat() says: the file may have been written since.
        self.settle(shared, now).map_err(io::Error::other)?;
        let record = self.record()?;
        let now = clock();
        let Some(pauses) = shared.join(ticket, &record.pauses, now).map_err(io::Error::other)? else {
            return Ok(Attempt::Changed); // another token, or the family pauses
        };
        let record = Record { boot: self.directory.boot(), started: Some(now.monotonic), pauses };
        self.directory.set_record(&record.to_bytes())?;
        drop(write);
        Ok(Attempt::Granted(Claim(lock)))
    }

    /// When the ticket lapses that another process has; `None` if no process renews.
    pub(super) fn renews_elsewhere(&self, now: Now) -> Option<Moment> {
        let record = self.record().ok()?;
        // It may have begun since `now`. One that is much later is wrong: a claim corrects it.
        let lapses = record.started.filter(|&started| started <= now.monotonic + SAVE_PAUSE)? + TICKET_LIFE;
        let is_busy = || mistake!(BelievesTheRecord) || matches!(self.directory.try_lock(LockName::Renewal), Ok(None));
        (now.monotonic < lapses && is_busy()).then_some(lapses)
    }

    /// When the ticket of the process that has the renewal lock lapses. A record without a start, of another boot or from
    /// the future gets one, so that all processes count from the same time. The clock is read after each record: for a
    /// process that was stopped in between, a ticket that was handed out meanwhile would be from the future.
    fn lapses(&self, clock: &dyn Fn() -> Now) -> io::Result<Moment> {
        let record = self.record()?;
        if let Some(started) = record.start(clock()) {
            return Ok(started + TICKET_LIFE);
        }
        if let Some(_write) = self.directory.try_lock(LockName::Write)? {
            let record = self.record()?;
            let now = clock();
            if record.start(now).is_none() {
                let record = Record { boot: self.directory.boot(), started: Some(now.monotonic), ..record };
                self.directory.set_record(&record.to_bytes())?;
            }
        }
        Ok(clock().monotonic + TICKET_LIFE)
    }

    /// The family's pauses, if they are of this boot.
    fn record(&self) -> io::Result<Record> {
        let record = Record::parse(&self.directory.record()?);
        Ok(if record.boot == self.directory.boot() { record } else { Record::default() })
    }

    pub(super) fn nap(&self) {
        self.directory.nap();
    }

    // --- changes

    /// Hands in the response to a renewal.
    pub(super) fn complete(
        &self,
        shared: &SharedToken,
        claim: Option<Claim>,
        (ticket, of): (TicketId, &Token),
        response: RenewalResponse,
        now: Now,
    ) -> Result<()> {
        self.end(shared, claim, now, |state| state.complete(ticket, of, response, now))
    }

    pub(super) fn cancel(
        &self,
        shared: &SharedToken,
        claim: Option<Claim>,
        (ticket, of): (TicketId, &Token),
        now: Now,
    ) {
        let _ = self.end(shared, claim, now, |state| {
            state.cancel(ticket, of, now);
            Ok(())
        });
    }

    /// Ends a ticket: a token that is newer than the ticket's makes its response out of date; a new one is saved before
    /// the lock is released. A ticket from before the directory was used has no lock.
    fn end(
        &self,
        shared: &SharedToken,
        mut claim: Option<Claim>,
        now: Now,
        action: impl FnOnce(&mut TokenState) -> Result<()>,
    ) -> Result<()> {
        let write = self.write_lock(WRITE_LOCK_WAIT);
        if self.is_saved() && !mistake!(NoLookBeforeRefusal) {
            let _ = self.adopt_file(shared, now);
        }
        let mut is_changed = false;
        let result = self.change(shared, |memory, state| {
            let before = state.token().clone();
            let result = action(state);
            if !Arc::ptr_eq(&before, state.token()) {
                let origin = match memory.unsaved {
                    Some(Unsaved { origin: Origin::Application(_), .. }) => Origin::Application(state.token().clone()),
                    _ => Origin::Renewal(before),
                };
                let its_claim = if mistake!(ReleasedBeforeSaving) { None } else { claim.take() };
                memory.remember(origin, its_claim, now);
                is_changed = true;
            }
            result
        })?;
        if is_changed {
            return result.and(self.save(shared, write, now));
        }
        if let Some(claim) = claim {
            self.release(shared, claim, write.is_some());
        }
        result
    }

    /// The next poll compares the handle's token with the file.
    pub(super) fn compare(&self) {
        self.memory(|memory| memory.seen = None);
    }

    /// The handle is freed. What is not saved yet would be lost.
    pub(super) fn save_at_the_end(&self, shared: &SharedToken, now: Now) {
        if !self.is_saved() {
            let write = self.write_lock(WRITE_LOCK_WAIT);
            let _ = self.save(shared, write, now);
        }
    }

    /// Changes the state and what is to be saved at the same time, so that no other thread can save anything else.
    fn change<T>(&self, shared: &SharedToken, action: impl FnOnce(&mut Memory, &mut TokenState) -> T) -> Result<T> {
        let mut memory = self.memory.lock()?;
        shared.change(|state| action(&mut memory, state))
    }

    /// Saves the handle's token under the write lock, and then releases the claim; or keeps in mind that this must still
    /// be done.
    fn save(&self, shared: &SharedToken, write: Option<Box<dyn Lock>>, now: Now) -> Result<()> {
        self.memory(|memory| {
            if let Some(unsaved) = &mut memory.unsaved {
                // Before the work, so that no other thread tries the same.
                (unsaved.retry, unsaved.at_work) = (now.monotonic + SAVE_PAUSE, true);
            }
        });
        let settled = if write.is_some() { self.settle(shared, now) } else { Err(Error::StoreIo) };
        let saved = self.change(shared, |memory, state| {
            let is_newest = settled.as_ref().is_ok_and(|settled| Arc::ptr_eq(settled, state.token()));
            if let Some(unsaved) = &mut memory.unsaved {
                unsaved.at_work = false;
            }
            memory.unsaved.take_if(|_| is_newest)
        })?;
        if let Some(unsaved) = saved {
            #[cfg(test)]
            crate::planted::reach(match unsaved.origin {
                Origin::File => "saved: the file was behind",
                Origin::Renewal(_) => "saved: a renewal",
                Origin::Application(_) => "saved: a token of the application",
            });
            // Not before: the pauses of a token that the others do not have would end those of theirs.
            if matches!(unsaved.origin, Origin::Application(_)) && !mistake!(UpdateKeepsPauses) {
                let _ = self.write_pauses(shared, |before| before.started); // another process may have a ticket
            }
            if let Some(claim) = unsaved.claim {
                self.release(shared, claim, true);
            }
        }
        settled.map(|_| ())
    }

    /// Writes the family's pauses, and gives the renewal lock back.
    fn release(&self, shared: &SharedToken, claim: Claim, may_write: bool) {
        if may_write && claim.0.is_current().unwrap_or(false) {
            let _ = self.write_pauses(shared, |_| None);
        }
        drop(claim);
    }

    fn write_pauses(&self, shared: &SharedToken, started: impl FnOnce(&Record) -> Option<Moment>) -> io::Result<()> {
        let before = self.record()?;
        let pauses = shared.pauses().map_err(io::Error::other)?;
        let record = Record { boot: self.directory.boot(), started: started(&before), pauses };
        self.directory.set_record(&record.to_bytes())
    }

    /// The application sets a token. It counts at once, and replaces whatever is in the file. Another expiry of the current
    /// token is no other token: it gives way to one that another process has saved.
    pub(super) fn update(&self, shared: &SharedToken, token: Token, now: Now) -> Result<()> {
        let is_another = !shared.current().matches(token.bytes()); // not after the wait: another one may count by then
        let write = self.write_lock(WRITE_LOCK_WAIT);
        if !is_another && self.is_saved() {
            let _ = self.adopt_file(shared, now);
        }
        let counts = self.change(shared, |memory, state| {
            if !is_another && !state.token().matches(token.bytes()) {
                return false;
            }
            state.update(token, now);
            let origin = if is_another && !mistake!(UpdateGivesWay) {
                Origin::Application(state.token().clone())
            } else {
                Origin::File
            };
            memory.remember(origin, None, now);
            true
        })?;
        if !counts {
            return Ok(());
        }
        if write.is_some() && !is_another {
            let _ = self.write_pauses(shared, |before| before.started); // another process may have a ticket
        }
        self.save(shared, write, now)
    }

    /// Under the write lock: brings the file and this handle to the same token, sealed with the first key, and returns it.
    /// A file of a later version stays as it is.
    fn settle(&self, shared: &SharedToken, now: Now) -> Result<Arc<Token>> {
        let (_, found) = self.read(shared).map_err(|_| Error::StoreIo)?;
        let saved = match found {
            Found::LaterVersion if mistake!(ReplacesLaterVersion) => None,
            Found::LaterVersion => return Err(Error::StoreIo),
            Found::Nothing => None,
            Found::Sealed { sealed, text } => Some((sealed, text)),
        };
        let (in_file, token, generation) = self.change(shared, |memory, state| {
            let origin = memory.unsaved.as_ref().map_or(&Origin::File, |unsaved| &unsaved.origin);
            // What stays in the file, if it is sealed with the first key.
            let in_file = saved.and_then(|(saved, text)| (!origin.outranks(saved, state, now)).then_some(text));
            (in_file, state.token().clone(), state.generation())
        })?;
        let text = shared.family().seal(&self.keys, generation, &token).map_err(|_| Error::StoreIo)?;
        if in_file.is_none_or(|in_file| *in_file != *text.as_bytes()) {
            self.directory.write(text.as_bytes()).map_err(|_| Error::StoreIo)?;
        }
        Ok(token)
    }

    pub(super) fn is_saved(&self) -> bool {
        self.unsaved(|_| ()).is_none()
    }

    /// `None` if all is saved.
    fn unsaved<T>(&self, question: impl FnOnce(&Unsaved) -> T) -> Option<T> {
        self.memory(|memory| memory.unsaved.as_ref().map(question)).flatten()
    }

    /// `None` in a forked child, if a thread of the parent held the lock.
    fn memory<T>(&self, action: impl FnOnce(&mut Memory) -> T) -> Option<T> {
        self.memory.lock().ok().map(|mut memory| action(&mut memory))
    }

    fn write_lock(&self, max_wait: Duration) -> Option<Box<dyn Lock>> {
        let mut waited = Duration::ZERO;
        loop {
            match self.directory.try_lock(LockName::Write) {
                Ok(Some(lock)) => return Some(lock),
                Ok(None) if waited < max_wait => waited += self.directory.nap(),
                _ => return None,
            }
        }
    }
}

/// After fork(), the child may find this lock held by a thread that does not exist in it. Then what it guards may be half
/// changed, and the child does not free it.
impl Drop for Share {
    fn drop(&mut self) {
        if self.memory.is_locked() {
            mem::forget(mem::replace(&mut self.memory, Mutex::new(Memory::default())));
        }
    }
}
