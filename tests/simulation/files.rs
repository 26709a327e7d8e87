//! A directory that exists only in the simulation, with locks like those of `flock`.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

use super::engine::{self, MILLISECOND, Nanoseconds, SECOND};
use crate::clock::Moment;
use crate::planted::{Mistake, has};
use crate::secret::Secret;
use crate::token::directory::{Directory, Lock, LockName, Open, TokenFile, Version};
use crate::token::record::Record;

/// The files that all processes of a machine see.
#[derive(Default)]
pub struct Files {
    token: RefCell<Option<Inode>>,
    /// Which file each lock's path names.
    paths: [Cell<u64>; 2],
    /// Who has locked a file: process and the lock's number.
    locked: RefCell<HashMap<u64, (usize, u64)>>,
    record: RefCell<Vec<u8>>,
    /// How often each file is open. Its number is not used again before it is closed.
    open: RefCell<HashMap<u64, u64>>,
    numbers: Cell<u64>,
    pub boot: Cell<u64>,
    /// Until when writing fails, everything fails, or everything is slow.
    pub full_until: Cell<Nanoseconds>,
    pub broken_until: Cell<Nanoseconds>,
    pub slow_until: Cell<Nanoseconds>,
    pub seen: Seen,
}

/// What happened, for the coverage.
#[derive(Default)]
pub struct Seen {
    pub busy: Cell<u64>,
    pub broken: Cell<u64>,
    pub not_current: Cell<u64>,
    pub write_busy: Cell<u64>,
    pub odd_record: Cell<u64>,
    pub failed: Cell<u64>,
    pub write_failed: Cell<u64>,
    pub written: Cell<u64>,
}

pub fn count(counter: &Cell<u64>) {
    counter.set(counter.get() + 1);
}

#[derive(Clone)]
struct Inode {
    number: u64,
    text: Vec<u8>,
    /// In whole seconds, as on file systems with coarse times.
    modified: i128,
}

impl Files {
    pub fn new() -> Rc<Files> {
        let files = Files::default();
        files.numbers.set(100);
        files.boot.set(1);
        for path in &files.paths {
            path.set(files.new_number());
        }
        Rc::new(files)
    }

    fn new_number(&self) -> u64 {
        self.numbers.set(self.numbers.get() + 1);
        self.numbers.get()
    }

    /// The kernel closes the files of a process that has ended.
    pub fn process_ended(&self, process: usize) {
        self.locked.borrow_mut().retain(|_, holder| holder.0 != process);
    }

    /// The process that has the file locked which the path of this lock names.
    pub fn holder(&self, which: LockName) -> Option<usize> {
        let inode = self.paths[SimulatedDirectory::index(which)].get();
        self.locked.borrow().get(&inode).map(|holder| holder.0)
    }

    pub fn holds_lock(&self, process: usize) -> bool {
        self.locked.borrow().values().any(|holder| holder.0 == process)
    }

    /// Since when the holder of the renewal lock has its ticket.
    pub fn started(&self) -> Option<Nanoseconds> {
        Record::parse(&self.record.borrow())
            .started
            .and_then(|started| u64::try_from(started.since_boot().as_nanos()).ok())
    }

    pub fn text(&self) -> Option<Vec<u8>> {
        self.token.borrow().as_ref().map(|inode| inode.text.clone())
    }

    /// Somebody else changes the token file: restores a backup, damages or deletes it.
    pub fn set_text(&self, text: Option<Vec<u8>>) {
        *self.token.borrow_mut() = text.map(|text| self.inode(text));
    }

    /// As on ext4: the smallest number that is free, so two files take turns if nobody has them open.
    fn inode(&self, text: Vec<u8>) -> Inode {
        let old = self.token.borrow().as_ref().map(|inode| inode.number);
        let open = self.open.borrow();
        let number = (1..).find(|number| Some(*number) != old && !open.contains_key(number));
        Inode { number: number.unwrap_or(1), text, modified: i128::from(now() / SECOND) }
    }
}

fn now() -> Nanoseconds {
    engine::current().map_or(0, |engine| engine.time())
}

/// The directory as one handle sees it.
pub struct SimulatedDirectory {
    files: Rc<Files>,
    process: usize,
    last_read: RefCell<Option<(Version, Vec<u8>)>>,
}

#[allow(unsafe_code, reason = "a simulation has one thread; the trait is for handles that have many")]
mod one_thread {
    // SAFETY: a simulation runs in one thread of the operating system.
    unsafe impl Send for super::SimulatedDirectory {}
    // SAFETY: the same.
    unsafe impl Sync for super::SimulatedDirectory {}
    // SAFETY: the same.
    unsafe impl Send for super::SimulatedLock {}
    // SAFETY: the same.
    unsafe impl Sync for super::SimulatedLock {}
    // SAFETY: the same.
    unsafe impl Send for super::OpenFile {}
    // SAFETY: the same.
    unsafe impl Sync for super::OpenFile {}
}

impl SimulatedDirectory {
    pub fn new(files: &Rc<Files>, process: usize) -> SimulatedDirectory {
        SimulatedDirectory { files: files.clone(), process, last_read: RefCell::new(None) }
    }

    /// One call of the system.
    fn operation(&self, longest: Nanoseconds) -> io::Result<()> {
        let is_slow = now() < self.files.slow_until.get();
        engine::step(if is_slow { 2 * SECOND } else { longest });
        if engine::is_dying() {
            return Err(ErrorKind::Interrupted.into()); // a killed process does nothing more
        }
        if now() < self.files.broken_until.get() {
            count(&self.files.seen.failed);
            return Err(ErrorKind::Other.into());
        }
        Ok(())
    }

    fn version_of(inode: &Inode) -> Version {
        let size = inode.text.len() as u64;
        Version { device: 1, inode: inode.number, size, modified: inode.modified, changed: inode.modified }
    }

    fn open(&self, number: u64) -> OpenFile {
        let number = if has(Mistake::FileNotKeptOpen) { 0 } else { number };
        *self.files.open.borrow_mut().entry(number).or_default() += 1;
        OpenFile { files: self.files.clone(), number }
    }

    fn index(which: LockName) -> usize {
        match which {
            LockName::Renewal => 0,
            LockName::Write => 1,
        }
    }

    fn lock(&self, which: LockName, inode: u64) -> SimulatedLock {
        let id = self.files.new_number();
        self.files.locked.borrow_mut().insert(inode, (self.process, id));
        SimulatedLock { files: self.files.clone(), which, inode, id }
    }
}

impl Directory for SimulatedDirectory {
    fn version(&self) -> io::Result<Option<Version>> {
        self.operation(MILLISECOND / 100)?;
        if has(Mistake::NoStat) {
            return Ok(self.last_read.borrow().as_ref().map(|read| read.0));
        }
        Ok(self.files.token.borrow().as_ref().map(Self::version_of))
    }

    fn read(&self) -> io::Result<Option<TokenFile>> {
        self.operation(MILLISECOND)?;
        let holds = self.files.holds_lock(self.process);
        if has(Mistake::NoReadUnderLock) && holds {
            let last = self.last_read.borrow().clone();
            return Ok(last.map(|(version, text)| TokenFile {
                version,
                text: Secret::from(text),
                open: Box::new(self.open(version.inode)),
            }));
        }
        let inode = self.files.token.borrow().clone();
        Ok(inode.map(|inode| {
            let version = Self::version_of(&inode);
            *self.last_read.borrow_mut() = Some((version, inode.text.clone()));
            TokenFile { version, text: Secret::from(inode.text), open: Box::new(self.open(version.inode)) }
        }))
    }

    fn write(&self, text: &[u8]) -> io::Result<()> {
        self.operation(MILLISECOND)?; // the temporary file
        if now() < self.files.full_until.get() {
            count(&self.files.seen.write_failed);
            return Err(ErrorKind::StorageFull.into());
        }
        if has(Mistake::WriteInPlace) {
            self.files.set_text(Some(text[..text.len() / 2].to_vec()));
        }
        self.operation(20 * MILLISECOND)?; // fsync
        if has(Mistake::WriteIsLate) {
            let (files, text) = (self.files.clone(), text.to_vec());
            if let Some(engine) = engine::current() {
                engine.spawn(self.process, move || {
                    engine::sleep(5 * SECOND);
                    files.set_text(Some(text));
                });
            }
            return Ok(());
        }
        self.files.set_text(Some(text.to_vec())); // rename
        count(&self.files.seen.written);
        self.operation(20 * MILLISECOND) // fsync of the directory
    }

    fn try_lock(&self, which: LockName) -> io::Result<Option<Box<dyn Lock>>> {
        self.operation(MILLISECOND / 10)?;
        let inode = self.files.paths[Self::index(which)].get();
        let holder = self.files.locked.borrow().get(&inode).copied();
        if which == LockName::Write && has(Mistake::NoWriteLock) {
            return Ok(Some(Box::new(self.lock(LockName::Write, self.files.new_number()))));
        }
        if which == LockName::Write && has(Mistake::OneLock) {
            // The renewal lock also guards the files, also after it was taken away.
            let is_free = !self.files.locked.borrow().contains_key(&self.files.paths[0].get());
            let may_write = is_free || self.files.holds_lock(self.process);
            let lock = || -> Box<dyn Lock> { Box::new(self.lock(LockName::Write, self.files.new_number())) };
            return Ok(may_write.then(lock));
        }
        if holder.is_some() {
            count(if which == LockName::Renewal { &self.files.seen.busy } else { &self.files.seen.write_busy });
            return Ok(None);
        }
        let lock = self.lock(which, inode);
        self.operation(MILLISECOND / 10)?;
        // The path may name another file by now.
        if !lock.is_current()? { Ok(None) } else { Ok(Some(Box::new(lock))) }
    }

    fn replace_renewal_lock(&self) -> io::Result<Box<dyn Lock>> {
        self.operation(MILLISECOND)?;
        if now() < self.files.full_until.get() {
            return Err(ErrorKind::StorageFull.into());
        }
        let inode = self.files.new_number();
        let lock = self.lock(LockName::Renewal, inode);
        self.operation(MILLISECOND)?;
        self.files.paths[0].set(inode); // rename
        count(&self.files.seen.broken);
        Ok(Box::new(lock))
    }

    fn record(&self) -> io::Result<Vec<u8>> {
        self.operation(MILLISECOND / 10)?;
        let bytes = self.files.record.borrow().clone();
        let record = Record::parse(&bytes);
        if record.boot != self.boot() {
            count(&self.files.seen.odd_record);
        }
        if has(Mistake::NeverLapses) && record.started.is_some() {
            let started = Some(Moment::after_boot(Duration::from_nanos(now())));
            return Ok(Record { started, ..record }.to_bytes());
        }
        if has(Mistake::LapsesAtOnce) && record.started.is_some() {
            return Ok(Record { started: Some(Moment::after_boot(Duration::from_nanos(1))), ..record }.to_bytes());
        }
        Ok(bytes)
    }

    fn set_record(&self, record: &[u8]) -> io::Result<()> {
        self.operation(MILLISECOND)?;
        *self.files.record.borrow_mut() = record.to_vec();
        Ok(())
    }

    fn boot(&self) -> u64 {
        self.files.boot.get()
    }

    fn nap(&self) -> Duration {
        let time = engine::current().map_or(1, |engine| engine.random.between(1, 50)) * MILLISECOND;
        engine::sleep(time);
        Duration::from_nanos(time)
    }
}

struct OpenFile {
    files: Rc<Files>,
    number: u64,
}

impl Open for OpenFile {}

impl Drop for OpenFile {
    fn drop(&mut self) {
        let mut open = self.files.open.borrow_mut();
        if let Some(count) = open.get_mut(&self.number) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.number);
            }
        }
    }
}

pub struct SimulatedLock {
    files: Rc<Files>,
    which: LockName,
    inode: u64,
    id: u64,
}

impl Lock for SimulatedLock {
    fn is_current(&self) -> io::Result<bool> {
        let names = self.files.paths[SimulatedDirectory::index(self.which)].get();
        let current = names == self.inode;
        if !current {
            count(&self.files.seen.not_current);
        }
        Ok(current)
    }
}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        let mut locked = self.files.locked.borrow_mut();
        if locked.get(&self.inode).is_some_and(|holder| holder.1 == self.id) {
            locked.remove(&self.inode);
        }
    }
}
