//! What sharing a token needs of a directory: a token file, two locks and a record.
//!
//! `share` decides what to do with them, and the simulation in `tests/simulation` runs it with files that exist only
//! there.

use std::io;
use std::time::Duration;

use crate::secret::Secret;

mod files;
#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod place;

pub(crate) use files::open;

/// The files of one family of processes.
///
/// The token file holds one sealed token, or does not exist. The record is a short text in a file of its own.
pub(crate) trait Directory: Send + Sync {
    /// Which token file there is now; `None` if there is none. Costs one `stat`.
    fn version(&self) -> io::Result<Option<Version>>;

    fn read(&self) -> io::Result<Option<TokenFile>>;

    /// Replaces the token file at once. Only under the write lock.
    fn write(&self, text: &[u8]) -> io::Result<()>;

    /// `None` if somebody else has the lock. Makes sure that the path still names the file that it locked.
    fn try_lock(&self, which: LockName) -> io::Result<Option<Box<dyn Lock>>>;

    /// Puts a new file in the place of the renewal lock's, already locked. Only under the write lock.
    fn replace_renewal_lock(&self) -> io::Result<Box<dyn Lock>>;

    /// The record, which may be empty.
    fn record(&self) -> io::Result<Vec<u8>>;

    /// Replaces the record. Only under the write lock. Needs no room on the disk.
    fn set_record(&self, record: &[u8]) -> io::Result<()>;

    /// What changes each time the machine starts: moments of another boot mean nothing.
    fn boot(&self) -> u64;

    /// Waits for 1 to 50 ms, a random time, and returns it.
    fn nap(&self) -> Duration;
}

/// A lock of the kernel on a file, which ends with this value or with the process.
pub(crate) trait Lock: Send + Sync {
    /// Whether its path still names the file that is locked.
    fn is_current(&self) -> io::Result<bool>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockName {
    /// Held from a ticket to its end. It can be taken away from a process that was stopped.
    Renewal,
    /// Held while files are read, compared and written; never while a request is sent or the caller's code runs.
    Write,
}

/// Which file this is, and in which state. A file that was written is different in at least one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) size: u64,
    /// Nanoseconds.
    pub(crate) modified: i128,
    pub(crate) changed: i128,
}

pub(crate) struct TokenFile {
    pub(crate) version: Version,
    pub(crate) text: Secret,
    pub(crate) open: Box<dyn Open>,
}

/// A file that is open. Keep it as long as its version is compared with others: until it is closed, no other file gets
/// its inode number.
pub(crate) trait Open: Send + Sync {}
