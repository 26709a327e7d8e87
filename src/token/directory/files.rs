//! The files of a real directory.
//!
//! A family has four: the token file, two locks, which stay empty, and the record. Lock files are never deleted: another
//! process could lock the file that is gone, and a third one its successor.

use std::fs::{File, TryLockError};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{process as system, thread};

use zeroize::Zeroizing;

use super::place::{Access, Name, Place, kept_open, version_of};
use super::{Directory, Lock, LockName, TokenFile, Version};
use crate::clock::{self, Moment};
use crate::process;
use crate::secret::Secret;
use crate::token::record;
use crate::token::seal;

/// The files of a family in the directory, as one handle uses them.
struct Files {
    place: Place,
    names: Names,
    boot: u64,
    /// The process that has opened it. A forked child must not touch the files: it would act on the same locks.
    process: u64,
}

struct Names {
    token: Name,
    new_token: Name,
    renewal_lock: Name,
    new_renewal_lock: Name,
    write_lock: Name,
    record: Name,
}

/// Opens the directory, and creates the locks and the record if they are missing.
pub(crate) fn open(directory: &Path, family: &str) -> io::Result<Box<dyn Directory>> {
    let place = Place::open(directory)?;
    let name = |kind| place.name(format!("{family}.{kind}"));
    let names = Names {
        token: name("token"),
        new_token: name("token.new"),
        renewal_lock: name("renewal-lock"),
        new_renewal_lock: name("renewal-lock.new"),
        write_lock: name("write-lock"),
        record: name("record"),
    };
    let files = Arc::new(Files { place, names, boot: clock::boot(), process: process::mark() });
    files.open_or_create(&files.names.renewal_lock)?;
    files.open_or_create(&files.names.write_lock)?;
    files.reserve_record()?;
    Ok(Box::new(files))
}

impl Files {
    /// Fails in a forked child of the process that has opened the directory.
    fn check_process(&self) -> io::Result<()> {
        if process::mark() == self.process { Ok(()) } else { Err(ErrorKind::Unsupported.into()) }
    }

    fn lock_name(&self, which: LockName) -> &Name {
        match which {
            LockName::Renewal => &self.names.renewal_lock,
            LockName::Write => &self.names.write_lock,
        }
    }

    fn open_or_create(&self, name: &Name) -> io::Result<File> {
        loop {
            if let Some(file) = exists(self.place.file(name, Access::Write))? {
                return Ok(file);
            }
            match self.place.create(name) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {} // another process was faster
                created => return created,
            }
        }
    }

    /// Makes a new file under a name that is used only under the write lock. A process that was killed may have left one.
    fn create_anew(&self, name: &Name) -> io::Result<File> {
        exists(self.place.remove(name))?;
        self.place.create(name)
    }

    /// Later records are written over this one, and so need no room on the disk.
    fn reserve_record(self: &Arc<Files>) -> io::Result<()> {
        let mut file = self.open_or_create(&self.names.record)?;
        let is_short = |file: &File| Ok::<_, io::Error>(file.metadata()?.len() < record::LEN as u64);
        // Without the lock another process is at work, which writes a record itself.
        if is_short(&file)?
            && let Some(_lock) = self.try_lock(LockName::Write)?
            && is_short(&file)?
        {
            file.write_all(&[b' '; record::LEN])?;
            file.sync_all()?;
        }
        Ok(())
    }

    fn write_new(&self, text: &[u8]) -> io::Result<()> {
        let mut file = self.create_anew(&self.names.new_token)?;
        file.write_all(text)?;
        file.sync_all()
    }
}

/// `None` if there is no such file.
fn exists<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

/// The first bytes of a file, which may be shorter.
fn read_up_to(len: usize, mut file: &File) -> io::Result<Secret> {
    let mut bytes = Zeroizing::new(vec![0; len]);
    let mut filled = 0;
    loop {
        match file.read(&mut bytes[filled..]) {
            Ok(0) => return Ok(Secret::concat(&[&bytes[..filled]])),
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether this has locked the file.
fn lock(file: &File) -> io::Result<bool> {
    loop {
        return match file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Interrupted => continue,
            Err(TryLockError::Error(error)) => Err(error),
        };
    }
}

impl Directory for Arc<Files> {
    fn version(&self) -> io::Result<Option<Version>> {
        self.check_process()?;
        exists(self.place.version(&self.names.token))
    }

    fn read(&self) -> io::Result<Option<TokenFile>> {
        self.check_process()?;
        let Some(file) = exists(self.place.file(&self.names.token, Access::Read))? else { return Ok(None) };
        let version = version_of(&file)?;
        // What is too long is damaged, or of a later version; either shows in its beginning.
        let len = usize::try_from(version.size).unwrap_or(usize::MAX).min(seal::LONGEST + 1);
        Ok(Some(TokenFile { version, text: read_up_to(len, &file)?, open: kept_open(file) }))
    }

    fn write(&self, text: &[u8]) -> io::Result<()> {
        self.check_process()?;
        let written = self.write_new(text).and_then(|()| self.place.rename(&self.names.new_token, &self.names.token));
        if written.is_err() {
            let _ = self.place.remove(&self.names.new_token);
        }
        written?;
        self.place.sync()
    }

    fn try_lock(&self, which: LockName) -> io::Result<Option<Box<dyn Lock>>> {
        self.check_process()?;
        let file = self.open_or_create(self.lock_name(which))?;
        if !lock(&file)? {
            return Ok(None);
        }
        let lock = LockedFile { file, which, files: self.clone() };
        // The path may name another file by now.
        Ok(if lock.is_current()? { Some(Box::new(lock)) } else { None })
    }

    fn replace_renewal_lock(&self) -> io::Result<Box<dyn Lock>> {
        self.check_process()?;
        let file = self.create_anew(&self.names.new_renewal_lock)?;
        if !lock(&file)? {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.place.rename(&self.names.new_renewal_lock, &self.names.renewal_lock)?;
        Ok(Box::new(LockedFile { file, which: LockName::Renewal, files: self.clone() }))
    }

    fn record(&self) -> io::Result<Vec<u8>> {
        self.check_process()?;
        match exists(self.place.file(&self.names.record, Access::Read))? {
            Some(file) => Ok(read_up_to(record::LEN, &file)?.to_vec()),
            None => Ok(Vec::new()),
        }
    }

    fn set_record(&self, record: &[u8]) -> io::Result<()> {
        self.check_process()?;
        self.open_or_create(&self.names.record)?.write_all(record)
    }

    fn boot(&self) -> u64 {
        self.boot
    }

    /// Without the system's random numbers: they are no secret, and differ between handles.
    fn nap(&self) -> Duration {
        let seed = (Moment::now(), system::id(), Arc::as_ptr(self));
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(seed);
        let time = Duration::from_millis(1 + hash % 50);
        thread::sleep(time);
        time
    }
}

struct LockedFile {
    file: File,
    which: LockName,
    files: Arc<Files>,
}

impl Lock for LockedFile {
    fn is_current(&self) -> io::Result<bool> {
        let (mine, current) =
            (version_of(&self.file)?, exists(self.files.place.version(self.files.lock_name(self.which)))?);
        Ok(current.is_some_and(|current| (current.device, current.inode) == (mine.device, mine.inode)))
    }
}

/// Closing the file is not enough: a child that was forked in the meantime has it open, too, and would keep the lock for
/// as long as it lives. And the child itself must only close it, because unlocking ends the parent's lock.
impl Drop for LockedFile {
    fn drop(&mut self) {
        if self.files.check_process().is_ok() {
            let _ = self.file.unlock();
        }
    }
}
