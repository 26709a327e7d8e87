//! A directory of a Unix system.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::{self, Path};
use std::sync::Arc;

use rustix::fd::OwnedFd;
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::retry_on_intr;
use rustix::process::geteuid;

use super::{Open, Version};
use crate::sync::Swap;

/// What the owner may do with a file. Others may do nothing.
const OWNER_ONLY: Mode = Mode::RUSR.union(Mode::WUSR);

/// A directory. It is opened once, because its path may lead elsewhere later. If it was deleted, its path is opened again.
pub(super) struct Place {
    path: CString,
    open: Swap<OwnedFd>,
}

/// The name of a file in it.
pub(super) type Name = CString;

pub(super) enum Access {
    Read,
    Write,
}

impl Place {
    /// Refuses a directory in which others may replace files, and a file system that is remote or unknown.
    pub(super) fn open(path: &Path) -> io::Result<Place> {
        // The program may change its working directory.
        let path = CString::new(path::absolute(path)?.as_os_str().as_bytes())?;
        let open = Swap::new(Arc::new(Place::directory(&path)?));
        Ok(Place { path, open })
    }

    fn directory(path: &CStr) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = retry_on_intr(|| fs::open(path, flags, Mode::empty()))?;
        let stat = fs::fstat(&directory)?;
        let mode = Mode::from_raw_mode(stat.st_mode);
        // Also not in a sticky one such as /tmp: others could take the names of files that do not exist yet.
        let is_safe = !mode.intersects(Mode::WGRP | Mode::WOTH);
        let owners = [0, geteuid().as_raw()];
        if !is_safe || !owners.contains(&stat.st_uid) || !is_local(&directory)? {
            return Err(ErrorKind::PermissionDenied.into());
        }
        Ok(directory)
    }

    pub(super) fn name(&self, name: String) -> Name {
        CString::new(name).unwrap_or_default()
    }

    /// Opens a regular file that only this user may use. Does not block if it is something else.
    pub(super) fn file(&self, name: &Name, access: Access) -> io::Result<File> {
        // To be locked, a file is opened for writing: in an overlay, it may be another one than if it is only read.
        let access = match access {
            Access::Read => OFlags::RDONLY,
            Access::Write => OFlags::RDWR,
        };
        let file = self.open_at(name, access | OFlags::NONBLOCK | OFlags::NOCTTY)?;
        let stat = fs::fstat(&file)?;
        let is_ours = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
            && stat.st_uid == geteuid().as_raw()
            && !Mode::from_raw_mode(stat.st_mode).intersects(Mode::RWXG | Mode::RWXO)
            && stat.st_nlink <= 1; // 0 if it was replaced at this moment
        if is_ours { Ok(file) } else { Err(ErrorKind::PermissionDenied.into()) }
    }

    /// Creates a file, whatever the umask.
    pub(super) fn create(&self, name: &Name) -> io::Result<File> {
        let create = || self.open_at(name, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL);
        let file = match create() {
            // What is missing is the directory.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.open.store(Arc::new(Place::directory(&self.path)?));
                create()
            }
            created => created,
        }?;
        fs::fchmod(&file, OWNER_ONLY)?;
        Ok(file)
    }

    fn open_at(&self, name: &Name, flags: OFlags) -> io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(retry_on_intr(|| fs::openat(&**self.open.load(), name.as_c_str(), flags, OWNER_ONLY))?.into())
    }

    /// Of whatever has this name.
    pub(super) fn version(&self, name: &Name) -> io::Result<Version> {
        Ok(version(&fs::statat(&**self.open.load(), name.as_c_str(), AtFlags::SYMLINK_NOFOLLOW)?))
    }

    pub(super) fn rename(&self, from: &Name, to: &Name) -> io::Result<()> {
        let directory = self.open.load();
        Ok(fs::renameat(&**directory, from.as_c_str(), &**directory, to.as_c_str())?)
    }

    pub(super) fn remove(&self, name: &Name) -> io::Result<()> {
        Ok(fs::unlinkat(&**self.open.load(), name.as_c_str(), AtFlags::empty())?)
    }

    /// Makes renaming last, also if the power fails.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(fs::fsync(&**self.open.load())?)
    }
}

impl Open for File {}

pub(super) fn kept_open(file: File) -> Box<dyn Open> {
    Box::new(file)
}

pub(super) fn version_of(file: &File) -> io::Result<Version> {
    Ok(version(&fs::fstat(file)?))
}

#[allow(clippy::unnecessary_cast, clippy::cast_lossless, reason = "the types differ between systems")]
fn version(stat: &Stat) -> Version {
    let nanoseconds = |seconds, part| i128::from(seconds) * 1_000_000_000 + part;
    Version {
        device: stat.st_dev as u64,
        inode: stat.st_ino as u64,
        size: stat.st_size as u64,
        modified: nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as i128),
        changed: nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as i128),
    }
}

/// Whether the directory is on a file system of this machine that is known to have locks and atomic renames. By their
/// numbers in the kernel: ext2 to ext4, XFS, Btrfs, tmpfs, ramfs, overlayfs, F2FS, ZFS and bcachefs.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_local(directory: &OwnedFd) -> io::Result<bool> {
    let known = [
        0xef53,
        0x5846_5342,
        0x9123_683e,
        0x0102_1994,
        0x8584_58f6,
        0x794c_7630,
        0xf2f5_2010,
        0x2fc1_2fc1,
        0xca45_1a4e,
    ];
    // As long as a pointer, and signed: only 32 bits count.
    Ok(known.contains(&(fs::fstatfs(directory)?.f_type as u32)))
}

#[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
fn is_local(directory: &OwnedFd) -> io::Result<bool> {
    let name = fs::fstatfs(directory)?.f_fstypename;
    let name: Vec<u8> = name.iter().map(|&byte| byte as u8).take_while(|&byte| byte != 0).collect();
    Ok([&b"apfs"[..], b"hfs", b"ufs", b"zfs", b"tmpfs"].contains(&&*name))
}

/// There all are unknown.
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple", target_os = "freebsd")))]
fn is_local(_: &OwnedFd) -> io::Result<bool> {
    Ok(false)
}

#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests {
    use rustix::fs::{Mode, OFlags, open};

    use super::is_local;

    #[test]
    fn a_file_system_must_be_known() {
        for (path, is_known) in [("/tmp", true), ("/proc", false), ("/sys", false)] {
            let directory = open(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
            assert_eq!(is_local(&directory).unwrap(), is_known, "{path}");
        }
    }
}
